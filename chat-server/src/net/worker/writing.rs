//! Writing: from a worker's outboxes to its sockets, and how connections end.

use std::{sync::atomic::Ordering, time::Instant};

use super::own::Worker;
use crate::{
    hub::Input,
    net::conn::{Flow, lost},
};

impl Worker {
    pub(super) fn flush_dirty(&mut self, now: Instant) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for slot in dirty.drain(..) {
            let Some(conn) = self.conns.get_mut(slot as usize) else { continue };
            conn.is_dirty = false;
            self.flush(now, slot);
        }
        // The list is kept for its memory. Those that closing has added are flushed in the next turn.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
    }

    pub(super) fn flush(&mut self, now: Instant, slot: u32) {
        let limits = &self.settings.limits;
        let conn = &mut self.conns[slot as usize];
        let was_paused = conn.outbox.waiting_bytes() > limits.outbox_pause_bytes;
        if let Err(error) = conn.flush() {
            return self.remove(slot, &lost(&error));
        }
        let waiting_bytes = conn.outbox.waiting_bytes();
        conn.told_outbox.tell(&self.settings.metrics.outbox_bytes, waiting_bytes);
        if conn.is_closing() {
            if waiting_bytes == 0 && !conn.link.has_unwritten() {
                // The peer reads our last words and then the end.
                conn.link.finish();
                self.queue(slot);
            }
            return;
        }
        if waiting_bytes > limits.outbox_bytes_max {
            // The reader is too slow. What waits is worth nothing without its end: one last line,
            // for which the kernel may have room, and nobody else notices.
            conn.outbox.keep_begun_line();
            self.settings.metrics.closed_slow_total.fetch_add(1, Ordering::Relaxed);
            let reason = "You read too slowly: too much was waiting for you";
            return self.end(now, slot, (reason, None), false);
        }
        if waiting_bytes <= limits.outbox_pause_bytes {
            if std::mem::take(&mut conn.owes_page) {
                let conn = self.id_of(slot);
                self.send(Input::PageTaken { conn });
            }
            if was_paused {
                self.queue(slot);
            }
        }
    }

    /// Says why, and ends the connection once that is written or the time is up. The others are told
    /// at once.
    pub(super) fn close(&mut self, now: Instant, slot: u32, reason: &str) {
        self.say_goodbye(now, slot, reason, None);
    }

    /// Ends the connection like [`Self::close`]; the goodbye answers the command with that label.
    pub(super) fn say_goodbye(
        &mut self,
        now: Instant,
        slot: u32,
        reason: &str,
        label: Option<&str>,
    ) {
        let has_read = self.conns[slot as usize].has_read();
        self.end(now, slot, (reason, label), has_read);
    }

    /// Ends the connection with a goodbye, which answers the command with that label.
    fn end(
        &mut self,
        now: Instant,
        slot: u32,
        (reason, label): (&str, Option<&str>),
        has_read: bool,
    ) {
        let conn = &mut self.conns[slot as usize];
        if conn.is_closing() {
            return;
        }
        conn.flow = Flow::Closing(self.timers.tick(now + self.settings.limits.close_timeout));
        conn.outbox.write_lines(|tail| conn.session.write_goodbye(reason, label, tail));
        self.report(slot, reason, has_read);
        self.mark_dirty(slot);
        self.set_timer(slot);
    }

    /// Tells the hub that a connection is gone, once, and whether it has read all that was sent to it.
    fn report(&mut self, slot: u32, reason: &str, has_read: bool) {
        let id = self.id_of(slot);
        let conn = &mut self.conns[slot as usize];
        if conn.is_opened && !std::mem::replace(&mut conn.is_reported, true) {
            self.send(Input::Closed { conn: id, reason: reason.into(), has_read });
        }
    }

    pub(super) fn remove(&mut self, slot: u32, reason: &str) {
        let has_read = self.conns[slot as usize].has_read();
        self.report(slot, reason, has_read);
        self.fanout.remove(slot);
        let mut conn = self.conns.remove(slot as usize);
        let metrics = &self.settings.metrics;
        metrics.connections.fetch_sub(1, Ordering::Relaxed);
        conn.told_inbox.tell(&metrics.inbox_bytes, 0);
        conn.told_outbox.tell(&metrics.outbox_bytes, 0);
        // It is closed by being dropped, whether or not epoll still knows it.
        let _ = self.poll.registry().deregister(conn.link.socket());
    }
}
