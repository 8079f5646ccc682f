//! The way of requests into a client: counted, bounded, and shut at the end.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use crossbeam_channel::Sender;

use super::{budget::request_bytes, settings::Bounds, state::Request};
use crate::error::SendError;

/// The gate that every request goes through.
#[derive(Debug)]
pub(super) struct Gate {
    /// The queue itself, not bounded: requests are counted until they are settled.
    requests: Sender<Request>,
    /// Requests that are not settled.
    n_waiting: AtomicUsize,
    /// The bytes of those requests.
    bytes: AtomicUsize,
    bounds: Bounds,
    /// The gate is shut: what was queued before is still settled.
    is_closed: RwLock<bool>,
}

impl Gate {
    pub(super) fn new(requests: Sender<Request>, bounds: Bounds) -> Self {
        let (n_waiting, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { requests, n_waiting, bytes, bounds, is_closed: RwLock::new(false) }
    }

    /// The bytes of requests that are not settled.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The longest text there is place for when nothing else waits, in bytes.
    pub(super) fn text_bytes_max(&self) -> usize {
        self.bounds.memory.own_words() / 4
    }

    /// Puts a request in line.
    pub(super) fn pass(&self, request: Request) -> Result<(), SendError> {
        let (capacity, bytes_max) = (self.bounds.requests, self.bounds.memory.own_words());
        let request_bytes = request_bytes(&request);
        if request_bytes > bytes_max {
            return Err(SendError::TooLong { bytes: request_bytes, bytes_max });
        }
        let more = |n: usize| (n < capacity).then_some(n + 1);
        let heavier = |bytes: usize| Some(bytes + request_bytes).filter(|all| *all <= bytes_max);
        // Held until it is queued, so that nothing slips in behind the last look at the queue.
        let is_closed = self.is_closed.read().unwrap_or_else(PoisonError::into_inner);
        if *is_closed {
            return Err(SendError::Closed);
        }
        self.n_waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .map_err(|_| SendError::Full { capacity })?;
        let is_light = self.bytes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, heavier);
        if is_light.is_err() {
            self.n_waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(SendError::MemoryFull { bytes_max });
        }
        self.requests.send(request).map_err(|_| SendError::Closed)?;
        drop(is_closed);
        Ok(())
    }

    /// Requests wait no longer: so many, of so many bytes.
    pub(super) fn settle(&self, n: usize, bytes: usize) {
        if n > 0 {
            self.n_waiting.fetch_sub(n, Ordering::SeqCst);
            self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        }
    }

    /// From here on nothing can be queued.
    pub(super) fn shut(&self) {
        *self.is_closed.write().unwrap_or_else(PoisonError::into_inner) = true;
    }
}
