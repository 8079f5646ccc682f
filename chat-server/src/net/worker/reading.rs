//! Reading: from a worker's sockets to its sessions, and what they want done.

use std::{io, sync::atomic::Ordering, time::Instant};

use super::own::{HANDSHAKES_PER_TURN, LINES_PER_TURN, Worker};
use crate::{
    hub::{Door, Input},
    ids::{ConnId, host_text},
    net::conn::{Flow, lost},
    session::{Output, Session, Step},
};

impl Worker {
    pub(super) fn drive_queued(&mut self, now: Instant) {
        let n_queued = self.queued.len();
        let n_newcomers = self.queued_newcomers.len().min(HANDSHAKES_PER_TURN);
        for nth in 0..n_queued + n_newcomers {
            if !self.hub.takes_more() {
                return;
            }
            let is_there = nth < n_queued;
            let queue = if is_there { &mut self.queued } else { &mut self.queued_newcomers };
            let Some(slot) = queue.pop_front() else { return };
            self.drive(now, slot);
        }
    }

    /// Lets one connection have its turn.
    fn drive(&mut self, now: Instant, slot: u32) {
        let Some(conn) = self.conns.get_mut(slot as usize) else { return };
        conn.is_queued = false;
        self.take_lines(now, slot);
        if let Some(conn) = self.conns.get_mut(slot as usize) {
            let waiting_bytes = conn.session.inbox_bytes();
            conn.told_inbox.tell(&self.settings.metrics.inbox_bytes, waiting_bytes);
        }
    }

    /// Takes lines of one connection until there are none, its share is used up, or it must wait.
    fn take_lines(&mut self, now: Instant, slot: u32) {
        let pause_bytes = self.settings.limits.outbox_pause_bytes;
        let mut lines_left = LINES_PER_TURN;
        let mut may_read = true;
        let tick = self.timers.tick(now);
        loop {
            let Some(conn) = self.conns.get_mut(slot as usize) else { return };
            if conn.is_closing() {
                return self.discard(slot);
            }
            if !conn.may_read(tick, pause_bytes) {
                // Released, throttled no more, or flushed: whatever ends the wait queues it again.
                return;
            }
            if lines_left == 0 || !self.hub.takes_more() {
                return self.queue(slot);
            }
            conn.flow = Flow::Open;
            match conn.session.step(now, &mut self.output) {
                Step::Line => {
                    lines_left -= 1;
                    self.take_output(now, slot);
                }
                Step::Throttled(until) => {
                    conn.flow = Flow::Throttled(self.timers.tick(until));
                    return self.set_timer(slot);
                }
                Step::NeedsBytes if conn.has_ended => {
                    let farewell = conn.session.farewell();
                    return self.remove(slot, &farewell);
                }
                Step::NeedsBytes if conn.is_readable && may_read => {
                    may_read = false;
                    self.read(now, slot);
                }
                Step::NeedsBytes => {
                    if conn.is_readable {
                        self.queue(slot);
                    }
                    return self.set_timer(slot);
                }
            }
        }
    }

    /// Tells the hub of a connection once its handshakes are over. Whose a proxy passes on is counted as
    /// soon as it has said so.
    pub(super) fn open_established(&mut self, now: Instant, slot: u32) {
        let id = self.id_of(slot);
        let conn = &mut self.conns[slot as usize];
        if let Some(source) = conn.link.take_source()
            && let Err(reason) = conn.place.pass_on(source)
        {
            self.settings.metrics.turned_away_total.fetch_add(1, Ordering::Relaxed);
            return self.close(now, slot, reason);
        }
        if conn.is_opened || conn.door == Door::Http || !conn.link.is_established() {
            return;
        }
        conn.is_opened = true;
        let opened = Input::Opened {
            conn: id,
            host: host_text(conn.place.address()),
            door: conn.door,
            is_secure: conn.link.is_secure(),
            fingerprint: conn.link.fingerprint(),
        };
        self.send(opened);
    }

    /// Reads once. Epoll tells only of changes, so a socket counts as readable until it is not.
    pub(super) fn read(&mut self, now: Instant, slot: u32) {
        let conn = &mut self.conns[slot as usize];
        loop {
            let is_whole = conn.link.is_in_messages();
            let n_max = if is_whole {
                self.read_buffer.len()
            } else {
                self.settings.limits.inbox_bytes_max
            };
            match conn.link.read(&mut self.read_buffer[..n_max]) {
                Ok(0) => {
                    conn.is_readable = false;
                    conn.has_ended = true;
                    conn.session.end_input();
                }
                Ok(n) => {
                    // Epoll tells of whatever comes from here on (epoll(7)), but has told of the end.
                    if n < n_max && conn.link.is_plain() && !conn.has_hung_up {
                        conn.is_readable = false;
                    }
                    conn.session.push(now, &self.read_buffer[..n]);
                    self.open_established(now, slot);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    conn.is_readable = false;
                    self.open_established(now, slot);
                }
                Err(error) => self.remove(slot, &lost(&error)),
            }
            return;
        }
    }

    /// Reads what a peer still sends that has been told goodbye, so that its system does not throw
    /// our last words away; when it has closed too, the connection is over.
    pub(super) fn discard(&mut self, slot: u32) {
        let conn = &mut self.conns[slot as usize];
        match conn.link.read(&mut self.read_buffer) {
            // Once a turn, like everyone.
            Ok(n) if n > 0 => self.queue(slot),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.queue(slot),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => self.remove(slot, ""),
        }
    }

    /// Does what a session wants done.
    pub(super) fn take_output(&mut self, now: Instant, slot: u32) {
        if !self.output.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.output.bytes);
            self.conns[slot as usize].outbox.push(&bytes);
            self.mark_dirty(slot);
        }
        self.send_inputs();
        if let Some(reason) = self.output.close.take() {
            self.close(now, slot, &reason);
        }
    }

    pub(super) fn with_session(
        &mut self,
        conn: ConnId,
        act: impl FnOnce(&mut Session, &mut Output),
    ) {
        let mut output = std::mem::take(&mut self.output);
        if let Some(own) = self.own_mut(conn) {
            act(&mut own.session, &mut output);
            own.outbox.push(&output.bytes);
            output.bytes.clear();
            self.mark_dirty(conn.slot);
        }
        self.output = output;
        self.send_inputs();
    }

    /// Gives the hub what a session has for it; the list is kept for its memory.
    fn send_inputs(&mut self) {
        let mut inputs = std::mem::take(&mut self.output.inputs);
        for input in inputs.drain(..) {
            self.send(input);
        }
        self.output.inputs = inputs;
    }
}
