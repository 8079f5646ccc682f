//! When each connection is to be looked at next. Entries are hints: the connection knows its own
//! deadline, so a stale entry costs one look and cancelling costs nothing.

use std::{cmp::Reverse, collections::BinaryHeap, time::Instant};

use crate::ids::ConnId;

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, ConnId)>>,
}

impl Timers {
    pub(super) fn add(&mut self, at: Instant, conn: ConnId) {
        self.heap.push(Reverse((at, conn)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next connection whose time has come, and the time its entry was for.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, ConnId)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
