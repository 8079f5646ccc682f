//! The state of a worker, and the lists in which its connections wait.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use mio::Poll;
use slab::Slab;

use crate::{
    fanout::Fanout,
    hub::Input,
    ids::{ConnId, WorkerId},
    net::{
        admission::Place, conn::Conn, listener_kind::ListenerKind, mailbox::Mailbox,
        timers::Timers, to_hub::ToHub,
    },
    session::Output,
    settings::Settings,
    tls::TlsConfigs,
};

/// Lines that one connection may have taken in one turn, so that a flood does not starve its neighbours.
pub(super) const LINES_PER_TURN: usize = 64;

/// Bytes that the longest message over a WebSocket needs: those are read whole.
pub(super) const READ_BYTES_MIN: usize = 16 << 10;

/// Bytes that are written at once, whatever else the turn brings: the outboxes of a crowd stay small
/// when everyone talks.
pub(super) const FLUSH_BYTES: usize = 32 << 10;

/// Connections whose handshakes go on in one turn: fewer, since each takes far longer.
pub(super) const HANDSHAKES_PER_TURN: usize = 32;

/// A worker: its connections, and what it does for them.
// More than 12 fields: each is about all of its connections, and every step of a turn needs several of them.
pub(crate) struct Worker {
    pub(super) id: WorkerId,
    pub(super) settings: Arc<Settings>,
    /// The configuration TLS begins with, where there is any.
    pub(super) tls: Option<TlsConfigs>,
    pub(super) poll: Poll,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) hub: ToHub,
    /// In boxes, so that a table that grows copies none of them.
    pub(super) conns: Slab<Box<Conn>>,
    pub(super) next_generation: u32,
    pub(super) fanout: Fanout,
    pub(super) timers: Timers,
    /// Sockets that have not been let in.
    pub(super) arrivals: VecDeque<Arrival>,
    /// Slots that have something to read or to take.
    pub(super) queued: VecDeque<u32>,
    /// The slots of those whose handshakes are not over.
    pub(super) queued_newcomers: VecDeque<u32>,
    /// Slots that have something to write.
    pub(super) dirty: Vec<u32>,
    /// Slots that have so much to write that it is not put off to the end of the turn.
    pub(super) overfull: Vec<u32>,
    pub(super) read_buffer: Vec<u8>,
    pub(super) output: Output,
    /// The server stops: end when all is flushed, or then.
    pub(super) stopping: Option<Instant>,
}

/// A socket that has been accepted, as [`super::super::mailbox::Order::Accept`] has it.
pub(super) struct Arrival {
    pub(super) stream: std::net::TcpStream,
    pub(super) gate: ListenerKind,
    pub(super) place: Place,
}

impl Worker {
    pub(super) fn send(&mut self, input: Input) {
        self.hub.send(input, &self.mailbox);
    }

    /// Sees to it that the connection is looked at when its next deadline comes.
    pub(super) fn set_timer(&mut self, slot: u32) {
        let Some(conn) = self.conns.get_mut(slot as usize) else { return };
        let Some(deadline) = conn.next_deadline(&self.timers) else { return };
        // A later deadline is found when the earlier entry comes up.
        if conn.timer.is_none_or(|timer| deadline < timer) {
            // The one it was stays in the heap: it need not be put there again.
            conn.later_timer = conn.timer.or(conn.later_timer);
            conn.timer = Some(deadline);
            self.timers.add(deadline, slot);
        }
    }

    pub(super) fn queue(&mut self, slot: u32) {
        if let Some(conn) = self.conns.get_mut(slot as usize)
            && !std::mem::replace(&mut conn.is_queued, true)
        {
            let queue = if conn.is_opened { &mut self.queued } else { &mut self.queued_newcomers };
            queue.push_back(slot);
        }
    }

    pub(super) fn mark_dirty(&mut self, slot: u32) {
        if let Some(conn) = self.conns.get_mut(slot as usize)
            && !std::mem::replace(&mut conn.is_dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    /// The connection that is in that slot now.
    pub(super) fn id_of(&self, slot: u32) -> ConnId {
        let generation = self.conns[slot as usize].generation;
        ConnId { worker: self.id, generation, slot }
    }

    /// The slot of a connection of ours that is still there.
    pub(super) fn own_slot(&mut self, conn: Option<ConnId>) -> Option<u32> {
        let conn = conn.filter(|conn| conn.worker == self.id)?;
        self.own_mut(conn).map(|_| conn.slot)
    }

    /// The connection, if the slot still belongs to it.
    pub(super) fn own_mut(&mut self, conn: ConnId) -> Option<&mut Conn> {
        let is_ours = conn.worker == self.id;
        let own = self.conns.get_mut(conn.slot as usize).map(|own| &mut **own);
        own.filter(|own| is_ours && own.generation == conn.generation)
    }
}
