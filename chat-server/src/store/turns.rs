//! The turns of those who ask: what waits, by the side of the network that it comes from, so that who asks much waits for
//! themselves and not before the others.

use std::collections::{BTreeMap, VecDeque};

use crate::history::Asker;

/// Questions that wait. One is taken of each asker in turn, the oldest of theirs.
#[derive(Debug)]
pub(super) struct Turns<T> {
    waiting: BTreeMap<Asker, VecDeque<T>>,
    /// Those who have something waiting, whose turn it is first.
    order: VecDeque<Asker>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn push(&mut self, asker: Asker, question: T) {
        let own = self.waiting.entry(asker.clone()).or_default();
        if own.is_empty() {
            self.order.push_back(asker);
        }
        own.push_back(question);
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let asker = self.order.pop_front()?;
        let own = self.waiting.get_mut(&asker)?;
        let question = own.pop_front();
        if own.is_empty() {
            self.waiting.remove(&asker);
        } else {
            self.order.push_back(asker);
        }
        question
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_once_waits_for_one_question_of_each_other() {
        let mut turns = Turns::default();
        let asker = |name: &str| Asker(name.into());
        for number in 0..100 {
            turns.push(asker("many"), number);
        }
        turns.push(asker("one"), 1000);
        turns.push(asker("other"), 2000);
        turns.push(asker("other"), 2001);
        let first: Vec<i32> = std::iter::from_fn(|| turns.pop()).take(6).collect();
        assert_eq!(first, [0, 1000, 2000, 1, 2001, 2]);
        // Who comes again waits for their turn again.
        turns.push(asker("one"), 1001);
        assert_eq!([turns.pop(), turns.pop(), turns.pop()], [Some(3), Some(1001), Some(4)]);
        assert_eq!(std::iter::from_fn(|| turns.pop()).count(), 95);
        assert!(turns.is_empty() && turns.waiting.is_empty());
    }
}
