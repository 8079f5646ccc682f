//! A listener on its way to the thread that calls it.

use std::sync::{Mutex, PoisonError};

/// A place for the next listener, which the receiver thread takes before its next call.
#[derive(Debug)]
pub(super) struct Replacement<L>(Mutex<Place<L>>);

#[derive(Debug)]
enum Place<L> {
    Open(Option<L>),
    /// Nobody takes one any more.
    Closed,
}

impl<L> Replacement<L> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Place::Open(None)))
    }

    /// Keeps a listener to be taken; the one that nobody will call any more comes back, to be dropped without the lock.
    pub(super) fn put(&self, listener: L) -> Option<L> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Place::Open(waiting) => waiting.replace(listener),
            Place::Closed => Some(listener),
        }
    }

    pub(super) fn take(&self) -> Option<L> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Place::Open(waiting) => waiting.take(),
            Place::Closed => None,
        }
    }

    /// Takes no more; the one that was never called comes back.
    pub(super) fn close(&self) -> Option<L> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *place, Place::Closed) {
            Place::Open(waiting) => waiting,
            Place::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_will_call_comes_back() {
        let replacement = Replacement::new();
        assert_eq!(replacement.put(1), None);
        assert_eq!(replacement.put(2), Some(1));
        assert_eq!(replacement.take(), Some(2));
        assert_eq!(replacement.put(3), None);
        assert_eq!(replacement.close(), Some(3));
        assert_eq!((replacement.put(4), replacement.take()), (Some(4), None));
    }
}
