//! Updates on their way to the listener: bounded, and honest about what it had to drop.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{error::CloseReason, listener::BATCH_MAX, update::Update};

#[derive(Debug)]
pub(crate) struct UpdateQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    updates_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    updates: VecDeque<Update>,
    dropped: u64,
    closed: Option<CloseReason>,
    /// Nobody takes updates any more.
    is_abandoned: bool,
}

/// The batch that [`UpdateQueue::take`] gives, or the end.
#[derive(Debug)]
pub(crate) enum Taken {
    Updates(Vec<Update>),
    Closed(CloseReason),
}

impl UpdateQueue {
    pub(crate) fn new(updates_max: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), updates_max }
    }

    /// Puts `updates` in line, leaving them empty.
    pub(crate) fn push(&self, updates: &mut Vec<Update>) {
        if updates.is_empty() {
            return;
        }
        let mut waiting = self.lock();
        if waiting.is_abandoned {
            updates.clear();
            return;
        }
        waiting.updates.extend(updates.drain(..));
        if waiting.updates.len() > self.updates_max {
            waiting.make_room(self.updates_max);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Nothing follows but this.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.lock().closed = Some(reason);
        self.changed.notify_one();
    }

    /// Nobody will take anything any more.
    pub(crate) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.is_abandoned = true;
        waiting.updates.clear();
    }

    /// Waits for the next batch.
    pub(crate) fn take(&self) -> Taken {
        let mut waiting = self.lock();
        loop {
            if !waiting.updates.is_empty() || waiting.dropped > 0 {
                let dropped = std::mem::take(&mut waiting.dropped);
                let lagged = (dropped > 0).then_some(Update::Lagged { dropped });
                if lagged.is_none() && waiting.updates.len() <= BATCH_MAX {
                    // As they stand: nothing is copied.
                    return Taken::Updates(std::mem::take(&mut waiting.updates).into());
                }
                let n = waiting.updates.len().min(BATCH_MAX - usize::from(lagged.is_some()));
                return Taken::Updates(
                    lagged.into_iter().chain(waiting.updates.drain(..n)).collect(),
                );
            }
            if let Some(reason) = waiting.closed.take() {
                return Taken::Closed(reason);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Drops the older half, but keeps what a program waits for: how its own messages and the
    /// connection fare. If that alone is too much, the oldest of it goes too, and an eighth more: or in a
    /// flood of it each update would have all that are kept looked at again.
    fn make_room(&mut self, updates_max: usize) {
        let before = self.updates.len();
        let n_old = before - updates_max / 2;
        let newer = self.updates.split_off(n_old);
        self.updates.retain(|update| matches!(update, Update::Delivery { .. } | Update::State(_)));
        self.updates.extend(newer);
        let excess = self.updates.len().saturating_sub(updates_max - updates_max / 8);
        self.updates.drain(..excess);
        self.dropped += (before - self.updates.len()) as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::update::{ConnectionState, Delivery, SendId};

    fn notice(n: usize) -> Update {
        Update::Notice { code: None, text: Arc::from(n.to_string()) }
    }

    #[test]
    fn what_is_dropped_is_counted_and_told_first() {
        let queue = UpdateQueue::new(10);
        queue.push(&mut vec![Update::State(ConnectionState::Registering)]);
        for n in 0..100 {
            queue.push(&mut vec![notice(n)]);
        }
        queue.close(CloseReason::Requested);
        let Taken::Updates(updates) = queue.take() else { panic!("closed too early") };
        let Update::Lagged { dropped, .. } = updates[0] else { panic!("{updates:?}") };
        assert!(matches!(updates[1], Update::State(_)), "how the connection fares is kept");
        assert!(updates.len() <= 11);
        assert_eq!(dropped as usize + updates.len() - 1, 101, "every update is told or counted");
        assert!(matches!(queue.take(), Taken::Closed(CloseReason::Requested)));
    }

    /// Or each of a flood of deliveries would have all that are kept looked at again.
    #[test]
    fn what_makes_room_makes_room_for_many() {
        let queue = UpdateQueue::new(1000);
        let mut n_drops = 0;
        for n in 1..=10_000 {
            let before = queue.lock().dropped;
            queue.push(&mut vec![Update::Delivery { id: SendId(n), state: Delivery::Queued }]);
            n_drops += usize::from(queue.lock().dropped > before);
        }
        assert!(n_drops <= 10_000 / 125, "{n_drops}");
    }

    #[test]
    fn the_bound_holds_even_for_what_is_kept() {
        let queue = UpdateQueue::new(10);
        for _ in 0..100 {
            queue.push(&mut vec![Update::State(ConnectionState::Registering)]);
            assert!(queue.lock().updates.len() <= 10);
        }
    }
}
