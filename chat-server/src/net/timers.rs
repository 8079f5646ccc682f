//! Timers: the time each connection is to be looked at next. Entries are hints: the connection knows its own
//! deadline, so a stale entry costs one look and cancelling costs nothing.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    num::NonZeroU64,
    time::{Duration, Instant},
};

/// A point in time in eight bytes, as there are several in each connection: nanoseconds, counted by its [`Timers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(NonZeroU64);

#[derive(Debug)]
pub(super) struct Timers {
    /// The time ticks are counted from.
    origin: Instant,
    /// The ticks, and which slot is to be looked at then.
    heap: BinaryHeap<Reverse<(Tick, u32)>>,
}

impl Timers {
    /// Timers for times that are not before `origin`.
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, heap: BinaryHeap::new() }
    }

    pub(super) fn tick(&self, at: Instant) -> Tick {
        let since = u64::try_from(at.saturating_duration_since(self.origin).as_nanos());
        Tick(NonZeroU64::MIN.saturating_add(since.unwrap_or(u64::MAX)))
    }

    pub(super) fn add(&mut self, at: Tick, slot: u32) {
        self.heap.push(Reverse((at, slot)));
    }

    pub(super) fn next(&self) -> Option<Tick> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The time until the next one.
    pub(super) fn until_next(&self, now: Instant) -> Option<Duration> {
        let next = self.next()?;
        let now = self.tick(now);
        Some(Duration::from_nanos(next.0.get().saturating_sub(now.0.get())))
    }

    /// The next slot whose time has come, and the time its entry was for.
    pub(super) fn pop_due(&mut self, now: Tick) -> Option<(Tick, u32)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_in_its_time_and_not_before() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let after = |n| start + Duration::from_millis(n);
        let mut timers = Timers::new(start);
        assert_eq!(timers.until_next(start), None);
        for (slot, n) in [(0, 300), (1, 100), (2, 200)] {
            timers.add(timers.tick(after(n)), slot);
        }
        assert_eq!(timers.until_next(after(40)), Some(Duration::from_millis(60)));
        assert_eq!(timers.pop_due(timers.tick(after(99))), None);
        let now = timers.tick(after(200));
        let due: Vec<_> = std::iter::from_fn(|| timers.pop_due(now)).collect();
        assert_eq!(due, [(timers.tick(after(100)), 1), (timers.tick(after(200)), 2)]);
        assert_eq!(timers.until_next(after(500)), Some(Duration::ZERO));
    }
}
