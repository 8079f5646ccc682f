//! One connection as its worker has it: the socket, the session, what waits for the reader.

use std::{
    io,
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    admission::Place,
    link::Link,
    outbox::Outbox,
    timers::{Tick, Timers},
};
use crate::{hub::Door, metrics::Metrics, session::Session};

// More than 12 fields: all that is known of one connection, which only its worker touches; the wire, the session and the outbox are types of
// their own in it.
#[derive(Debug)]
pub(super) struct Conn {
    /// The number of connections that its slot has had before.
    pub(super) generation: u32,
    pub(super) link: Link,
    pub(super) door: Door,
    /// The hub knows of it: the handshakes are over.
    pub(super) is_opened: bool,
    pub(super) session: Session,
    pub(super) outbox: Outbox,
    /// The bytes waiting there that the metrics know of.
    pub(super) told_outbox: Told,
    /// The bytes read and not yet taken that the metrics know of.
    pub(super) told_inbox: Told,
    /// The socket may have bytes: epoll told, and no read has come up short since.
    pub(super) is_readable: bool,
    /// The peer sends nothing more, or the connection is broken: it is read to its end.
    pub(super) has_hung_up: bool,
    /// All bytes have been read; what is left is in the session.
    pub(super) has_ended: bool,
    /// The hub wants nothing more of this connection for now.
    pub(super) is_held: bool,
    pub(super) flow: Flow,
    /// Whether it stands in the worker's list of connections to be driven.
    pub(super) is_queued: bool,
    /// Whether it stands in the worker's list of connections to be flushed.
    pub(super) is_dirty: bool,
    /// The hub has been told that it is gone, or told us.
    pub(super) is_reported: bool,
    /// The hub waits to hear that a page has been taken.
    pub(super) owes_page: bool,
    /// The deadline the timers know of.
    pub(super) timer: Option<Tick>,
    /// A later one that they know of too.
    pub(super) later_timer: Option<Tick>,
    pub(super) place: Place,
}

// With debug assertions the socket has more to it.
#[cfg(all(target_pointer_width = "64", not(debug_assertions)))]
const _: () = assert!(size_of::<Conn>() <= 320, "an allocator gives it the next larger size");

/// The flow of a connection's lines.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flow {
    Open,
    /// The peer has used up its share until then.
    Throttled(Tick),
    /// A connection on its way out: nothing is read, and it ends when the outbox is empty or the time is up.
    Closing(Tick),
}

/// Bytes of one connection in a gauge of all of them.
#[derive(Debug, Default)]
pub(super) struct Told(u32);

impl Told {
    /// There are so many now.
    pub(super) fn tell(&mut self, gauge: &AtomicU64, n_bytes: usize) {
        let n_bytes = u32::try_from(n_bytes).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut self.0, n_bytes);
        Metrics::note_waiting(gauge, before as usize, n_bytes as usize);
    }
}

impl Conn {
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.flow, Flow::Closing(_))
    }

    /// Whether lines of this peer may be taken now.
    pub(super) fn may_read(&self, now: Tick, outbox_pause_bytes: usize) -> bool {
        let is_open = match self.flow {
            Flow::Open => true,
            Flow::Throttled(until) => until <= now,
            Flow::Closing(_) => false,
        };
        is_open && !self.is_held && self.outbox.waiting_bytes() <= outbox_pause_bytes
    }

    /// The time at which something is due.
    pub(super) fn next_deadline(&self, timers: &Timers) -> Option<Tick> {
        let own = || self.session.next_deadline().map(|at| timers.tick(at));
        match self.flow {
            Flow::Open => own(),
            Flow::Throttled(until) => own().into_iter().chain([until]).min(),
            Flow::Closing(until) => Some(until),
        }
    }

    /// Whether it has taken all that was sent to it, and owes no sign of life.
    pub(super) fn has_read(&self) -> bool {
        self.outbox.is_empty() && !self.session.owes_sign_of_life()
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.link.flush(&mut self.outbox)
    }
}

/// The reason why a connection broke, as the others read it.
pub(super) fn lost(error: &io::Error) -> Arc<str> {
    let what = match error.kind() {
        io::ErrorKind::ConnectionReset => "it was reset".to_owned(),
        io::ErrorKind::BrokenPipe => "it was closed".to_owned(),
        io::ErrorKind::TimedOut => "the other end does not answer".to_owned(),
        _ => error.to_string(),
    };
    format!("Connection lost: {what}").into()
}
