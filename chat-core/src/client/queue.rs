//! Updates on their way to the listener: bounded, and honest about what it had to drop.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use super::{
    budget::{BATCH_BYTES_MAX, BATCH_MAX, update_bytes},
    settings::Bounds,
};
use crate::{
    error::CloseReason,
    update::{Origin, Update},
};

#[derive(Debug)]
pub(crate) struct UpdateQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    updates_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    updates: VecDeque<Update>,
    /// The bytes of the updates.
    bytes: usize,
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
    pub(crate) fn new(bounds: Bounds) -> Self {
        let (updates_max, bytes_max) = (bounds.updates, bounds.memory.updates());
        Self { waiting: Mutex::default(), changed: Condvar::new(), updates_max, bytes_max }
    }

    /// The bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Puts `updates` in line, leaving them empty.
    pub(crate) fn push(&self, updates: &mut Vec<Update>) {
        if updates.is_empty() {
            return;
        }
        let bytes: usize = updates.iter().map(update_bytes).sum();
        let mut waiting = self.lock();
        if waiting.is_abandoned {
            updates.clear();
            return;
        }
        waiting.updates.extend(updates.drain(..));
        waiting.bytes += bytes;
        if waiting.updates.len() > self.updates_max || waiting.bytes > self.bytes_max {
            waiting.make_room(self.updates_max, self.bytes_max);
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
        waiting.bytes = 0;
        waiting.updates = VecDeque::new();
    }

    /// Waits for the next batch.
    pub(crate) fn take(&self) -> Taken {
        let mut waiting = self.lock();
        loop {
            if !waiting.updates.is_empty() || waiting.dropped > 0 {
                return Taken::Updates(waiting.take());
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
    /// The next batch.
    fn take(&mut self) -> Vec<Update> {
        let dropped = std::mem::take(&mut self.dropped);
        let lagged = (dropped > 0).then_some(Update::Lagged { dropped });
        if lagged.is_none() && self.updates.len() <= BATCH_MAX && self.bytes <= BATCH_BYTES_MAX {
            // As they stand: nothing is copied.
            self.bytes = 0;
            return std::mem::take(&mut self.updates).into();
        }
        let n_max = BATCH_MAX - usize::from(lagged.is_some());
        let mut bytes = 0;
        let is_in = |update: &&Update| {
            let before = bytes;
            bytes += update_bytes(update);
            // One is in, however long it is.
            before == 0 || bytes <= BATCH_BYTES_MAX
        };
        let n = self.updates.iter().take(n_max).take_while(is_in).count();
        let taken: Vec<Update> = lagged.into_iter().chain(self.updates.drain(..n)).collect();
        self.bytes -= taken.iter().skip(usize::from(dropped > 0)).map(update_bytes).sum::<usize>();
        taken
    }

    /// Drops the older half, but keeps what a program waits for: how its own messages and the
    /// connection fare, and the words of those. If that alone is too much, the oldest of it goes too, and an eighth more: or in a
    /// flood of it each update would have all that are kept looked at again.
    fn make_room(&mut self, updates_max: usize, bytes_max: usize) {
        let before = self.updates.len();
        let mut newer_bytes = 0;
        let is_newer = |update: &&Update| {
            newer_bytes += update_bytes(update);
            newer_bytes <= bytes_max / 2
        };
        let n_newer = self.updates.iter().rev().take(updates_max / 2).take_while(is_newer).count();
        let newer = self.updates.split_off(before - n_newer);
        self.updates.retain(is_ours);
        self.updates.extend(newer);
        self.bytes = self.updates.iter().map(update_bytes).sum();
        let (n_max, bytes_max) = (updates_max - updates_max / 8, bytes_max - bytes_max / 8);
        while (self.updates.len() > n_max || self.bytes > bytes_max)
            && let Some(oldest) = self.updates.pop_front()
        {
            self.bytes -= update_bytes(&oldest);
        }
        // A queue that was long once need not have place for as many for ever.
        self.updates.shrink_to(updates_max.min(2 * self.updates.len()));
        self.dropped += (before - self.updates.len()) as u64;
    }
}

/// Whether an update is one that a program waits for: how its own messages and the connection fare, and what those messages say.
fn is_ours(update: &Update) -> bool {
    match update {
        Update::Delivery { .. } | Update::State(_) => true,
        Update::Message(message) => message.origin == Origin::LocalEcho,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        client::budget::MemoryBudget,
        update::{ChatMessage, ConnectionState, Delivery, MessageKind, SendId, Target},
    };

    fn queue(updates: usize) -> UpdateQueue {
        UpdateQueue::new(Bounds { requests: 1, updates, memory: MemoryBudget::default() })
    }

    fn message(text: &str, origin: Origin) -> Update {
        Update::Message(ChatMessage {
            target: Target::Server,
            sender: "ann".into(),
            is_own: origin == Origin::LocalEcho,
            account: None,
            text: text.into(),
            kind: MessageKind::Text,
            time: std::time::SystemTime::UNIX_EPOCH,
            msgid: None,
            send_id: None,
            origin,
            mentions_me: false,
        })
    }

    fn notice(n: usize) -> Update {
        Update::Notice { code: None, text: Arc::from(n.to_string()) }
    }

    #[test]
    fn what_is_dropped_is_counted_and_told_first() {
        let queue = queue(10);
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
        let queue = queue(1000);
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
        let queue = queue(10);
        for _ in 0..100 {
            queue.push(&mut vec![Update::State(ConnectionState::Registering)]);
            assert!(queue.lock().updates.len() <= 10);
        }
    }

    /// Long ones are weighed, not counted; our own words are the last to go.
    #[test]
    fn what_waits_is_bounded_in_bytes_and_our_own_words_stay() {
        let memory = MemoryBudget::new(MemoryBudget::BYTES_MIN);
        let queue = UpdateQueue::new(Bounds { requests: 1, updates: 65_536, memory });
        queue.push(&mut vec![message("mine", Origin::LocalEcho)]);
        let long = "x".repeat(14_000);
        for _ in 0..10_000 {
            queue.push(&mut vec![message(&long, Origin::Live)]);
            assert!(queue.bytes() <= memory.updates());
        }
        let (mut n_bytes, mut n_told, mut dropped, mut is_there) = (0, 0, 0, false);
        queue.close(CloseReason::Requested);
        while let Taken::Updates(updates) = queue.take() {
            let batch_bytes: usize = updates.iter().map(update_bytes).sum();
            assert!(updates.len() == 1 || batch_bytes <= BATCH_BYTES_MAX + 1000, "{batch_bytes}");
            n_bytes += batch_bytes;
            for update in updates {
                match update {
                    Update::Lagged { dropped: n } => dropped += n,
                    Update::Message(message) => {
                        n_told += 1;
                        is_there |= &*message.text == "mine";
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!((dropped + n_told, queue.bytes()), (10_001, 0));
        assert!(is_there && n_bytes > memory.updates() / 3, "{n_bytes}");
    }
}
