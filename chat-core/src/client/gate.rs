//! The way of requests into a client: counted, bounded, and shut at the end.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use crossbeam_channel::Sender;

use super::state::Request;
use crate::error::SendError;

/// The gate that every request goes through.
#[derive(Debug)]
pub(super) struct Gate {
    /// The queue itself, not bounded: requests are counted until they are settled.
    requests: Sender<Request>,
    /// Requests that are not settled.
    n_waiting: AtomicUsize,
    n_waiting_max: usize,
    /// The gate is shut: what was queued before is still settled.
    is_closed: RwLock<bool>,
}

impl Gate {
    pub(super) fn new(requests: Sender<Request>, n_waiting_max: usize) -> Self {
        let is_closed = RwLock::new(false);
        Self { requests, n_waiting: AtomicUsize::new(0), n_waiting_max, is_closed }
    }

    /// Puts a request in line.
    pub(super) fn pass(&self, request: Request) -> Result<(), SendError> {
        let capacity = self.n_waiting_max;
        let more = |n: usize| (n < capacity).then_some(n + 1);
        // Held until it is queued, so that nothing slips in behind the last look at the queue.
        let is_closed = self.is_closed.read().unwrap_or_else(PoisonError::into_inner);
        if *is_closed {
            return Err(SendError::Closed);
        }
        self.n_waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .map_err(|_| SendError::Full { capacity })?;
        self.requests.send(request).map_err(|_| SendError::Closed)?;
        drop(is_closed);
        Ok(())
    }

    /// So many requests wait no longer.
    pub(super) fn settle(&self, n: usize) {
        if n > 0 {
            self.n_waiting.fetch_sub(n, Ordering::SeqCst);
        }
    }

    /// From here on nothing can be queued.
    pub(super) fn shut(&self) {
        *self.is_closed.write().unwrap_or_else(PoisonError::into_inner) = true;
    }
}
