//! Pending work on its way to the log, in the order in which it left. A log that answers at once, or in order, finds it
//! at the front: nothing is searched and nothing allocated for a message.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::ids::Ticket;

/// The number of time-outs that must pass before what was lost without a word is forgotten.
const FORGET_AFTER: u32 = 10;

/// Places whose memory is kept when nothing is under way.
const PLACES_KEPT: usize = 1024;

/// A queue of pending work (see the module).
#[derive(Debug)]
pub(crate) struct PendingQueue<T> {
    /// The work its senders wait for.
    awaited: VecDeque<Queued<T>>,
    n_awaited: usize,
    /// The overdue work, of which its senders have been told, and since when it is pending.
    overdue: BTreeMap<Ticket, (Instant, T)>,
}

#[derive(Debug)]
struct Queued<T> {
    ticket: Ticket,
    since: Instant,
    /// Nothing, if it arrived before others that left earlier.
    what: Option<T>,
}

/// Work that has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrived<T> {
    pub(crate) what: T,
    /// Its sender has been told that it takes too long.
    pub(crate) is_overdue: bool,
}

impl<T> PendingQueue<T> {
    pub(crate) fn new() -> Self {
        Self { awaited: VecDeque::new(), n_awaited: 0, overdue: BTreeMap::new() }
    }

    /// The number of those that are pending.
    pub(crate) fn len(&self) -> usize {
        self.n_awaited + self.overdue.len()
    }

    /// Tickets grow, and the clock does not go back.
    pub(crate) fn insert(&mut self, ticket: Ticket, since: Instant, what: T) {
        debug_assert!(self.awaited.back().is_none_or(|last| last.ticket < ticket));
        self.awaited.push_back(Queued { ticket, since, what: Some(what) });
        self.n_awaited += 1;
    }

    /// Whether its sender waits for it, and has not been told that it takes too long.
    pub(crate) fn is_awaited(&self, ticket: Ticket) -> bool {
        self.place(ticket).is_some_and(|place| self.awaited[place].what.is_some())
    }

    /// The work senders wait for.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = &T> {
        self.awaited.iter().filter_map(|whowas| whowas.what.as_ref())
    }

    /// All that is pending, also what is overdue.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.awaited().chain(self.overdue.values().map(|(_, what)| what))
    }

    /// Takes what has arrived; `None` if it has been forgotten, or nobody waited for it.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Arrived<T>> {
        if let Some(place) = self.place(ticket) {
            let what = self.awaited[place].what.take()?;
            self.n_awaited -= 1;
            self.drop_gaps();
            return Some(Arrived { what, is_overdue: false });
        }
        self.overdue.remove(&ticket).map(|(_, what)| Arrived { what, is_overdue: true })
    }

    /// Takes the work that has been pending for longest, if that is too long.
    pub(crate) fn pop_slow(
        &mut self,
        now: Instant,
        timeout: Duration,
    ) -> Option<(Ticket, Instant, T)> {
        let first = self.awaited.front().filter(|first| first.since + timeout <= now)?;
        let (ticket, since) = (first.ticket, first.since);
        let what = self.take(ticket)?.what;
        Some((ticket, since, what))
    }

    /// Keeps what may still arrive, though its sender has been told that it takes too long.
    pub(crate) fn keep_overdue(&mut self, ticket: Ticket, since: Instant, what: T) {
        self.overdue.insert(ticket, (since, what));
    }

    /// Whether it has neither arrived nor been forgotten.
    pub(crate) fn has(&self, ticket: Ticket) -> bool {
        self.is_awaited(ticket) || self.overdue.contains_key(&ticket)
    }

    /// Takes what has been lost without a word.
    pub(crate) fn pop_lost(&mut self, now: Instant, timeout: Duration) -> Option<(Ticket, T)> {
        let first = self.overdue.first_entry()?;
        let is_lost = first.get().0 + timeout * (1 + FORGET_AFTER) <= now;
        is_lost.then(|| (*first.key(), first.remove().1))
    }

    /// The time at which something is slow or lost next.
    pub(crate) fn next_deadline(&self, timeout: Duration) -> Option<Instant> {
        let slow = self.awaited.front().map(|first| first.since + timeout);
        let lost = self.overdue.first_key_value();
        let lost = lost.map(|(_, (since, _))| *since + timeout * (1 + FORGET_AFTER));
        slow.into_iter().chain(lost).min()
    }

    /// Checks that it is as it should be; a sentence if not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ensure = |is_so: bool, what: &str| if is_so { Ok(()) } else { Err(what.to_owned()) };
        let in_order = self.awaited.iter().is_sorted_by_key(|own| (own.ticket, own.since));
        ensure(in_order, "what is under way is in order")?;
        ensure(self.awaited().count() == self.n_awaited, "what is under way is counted")?;
        let first = self.awaited.front();
        ensure(first.is_none_or(|first| first.what.is_some()), "the first one is under way")
    }

    fn place(&self, ticket: Ticket) -> Option<usize> {
        if self.awaited.front()?.ticket == ticket {
            return Some(0);
        }
        self.awaited.binary_search_by_key(&ticket, |whowas| whowas.ticket).ok()
    }

    /// Drops gaps, so that the first one is always under way.
    fn drop_gaps(&mut self) {
        while self.awaited.front().is_some_and(|first| first.what.is_none()) {
            self.awaited.pop_front();
        }
        if self.awaited.is_empty() && self.awaited.capacity() > PLACES_KEPT {
            self.awaited.shrink_to(PLACES_KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    #[expect(clippy::disallowed_methods, reason = "time goes on by itself here")]
    fn start() -> Instant {
        Instant::now()
    }

    fn three(start: Instant) -> PendingQueue<char> {
        let mut pending = PendingQueue::new();
        for (n, letter) in ['a', 'b', 'c'].into_iter().enumerate() {
            // Other tickets are for something else.
            pending.insert(Ticket(2 * n as u64), start + Duration::from_secs(n as u64), letter);
        }
        pending
    }

    #[test]
    fn what_arrives_in_another_order_is_found_and_counted() {
        let start = start();
        let mut pending = three(start);
        assert_eq!(pending.take(Ticket(1)), None, "nobody waits for it");
        let b = Arrived { what: 'b', is_overdue: false };
        assert_eq!(pending.take(Ticket(2)), Some(b));
        assert_eq!(pending.take(Ticket(2)), None, "it has arrived");
        assert!(pending.is_awaited(Ticket(0)) && !pending.is_awaited(Ticket(2)));
        assert_eq!(pending.len(), 2);
        assert_eq!(pending.next_deadline(TIMEOUT), Some(start + TIMEOUT));
        assert_eq!(pending.take(Ticket(0)).map(|own| own.what), Some('a'));
        let next = start + Duration::from_secs(2) + TIMEOUT;
        assert_eq!(pending.next_deadline(TIMEOUT), Some(next), "the gap is none");
        assert_eq!(pending.take(Ticket(4)).map(|own| own.what), Some('c'));
        assert_eq!((pending.len(), pending.next_deadline(TIMEOUT)), (0, None));
    }

    #[test]
    fn what_is_slow_may_still_arrive_until_it_is_forgotten() {
        let start = start();
        let mut pending = three(start);
        assert_eq!(pending.pop_slow(start + TIMEOUT - Duration::from_millis(1), TIMEOUT), None);
        let mut now = start + TIMEOUT + Duration::from_secs(1);
        while let Some((ticket, since, letter)) = pending.pop_slow(now, TIMEOUT) {
            pending.keep_overdue(ticket, since, letter);
        }
        assert_eq!(pending.len(), 3);
        assert!(!pending.is_awaited(Ticket(0)) && pending.is_awaited(Ticket(4)));
        assert_eq!(pending.take(Ticket(2)), Some(Arrived { what: 'b', is_overdue: true }));
        assert_eq!(pending.pop_lost(now, TIMEOUT), None);
        assert_eq!(pending.next_deadline(TIMEOUT), Some(start + Duration::from_secs(2) + TIMEOUT));
        now = start + 11 * TIMEOUT;
        assert!(pending.has(Ticket(0)) && !pending.has(Ticket(2)));
        assert_eq!(pending.pop_lost(now, TIMEOUT), Some((Ticket(0), 'a')));
        assert!(!pending.has(Ticket(0)));
        assert_eq!(pending.pop_lost(now, TIMEOUT), None);
        assert_eq!(pending.take(Ticket(0)), None, "it is forgotten");
    }

    #[test]
    fn the_memory_of_a_crowd_is_not_kept() {
        let start = start();
        let mut pending = PendingQueue::new();
        for n in 0..10 * PLACES_KEPT as u64 {
            pending.insert(Ticket(n), start, n);
        }
        for n in 0..10 * PLACES_KEPT as u64 {
            assert!(pending.take(Ticket(n)).is_some());
        }
        assert!(pending.awaited.capacity() <= 2 * PLACES_KEPT);
    }
}
