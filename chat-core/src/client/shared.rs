//! The state that the program's threads and the client's own threads share, and how the former wait for the latter.

use std::{
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use mio::Waker;

use super::{gate::Gate, queue::UpdateQueue, roster::Rooms, settings::Settings, state::Request};
use crate::{
    error::CloseReason,
    update::{ConnectionState, Delivery, SendId, Update},
};

/// A request that goes past the queue, since it must work when that is full.
#[derive(Debug)]
pub(crate) enum Control {
    Quit { within: Duration },
    ReconnectNow,
}

/// The state that the program's threads and the client's share.
pub(crate) struct Shared {
    pub(super) gate: Gate,
    pub(super) control: Sender<Control>,
    pub(super) waker: Waker,
    /// The I/O thread has been woken and has not looked yet.
    pub(super) is_notified: AtomicBool,
    pub(super) next_send_id: AtomicU64,
    pub(super) quit_timeout: Duration,
    /// The rooms and the people in them, as they were published last.
    rooms: Mutex<Arc<Rooms>>,
    /// The bytes that wait in the state.
    state_bytes: AtomicUsize,
    /// Updates on their way to the listener.
    pub(super) updates: UpdateQueue,
    pub(super) status: Mutex<Status>,
    pub(super) status_changed: Condvar,
    pub(super) receiver_thread: OnceLock<ThreadId>,
}

#[derive(Debug)]
pub(super) struct Status {
    pub(super) state: ConnectionState,
    /// The server has let us in, now or before.
    pub(super) was_ready: bool,
    pub(super) nick: Arc<str>,
    /// The listener has had its last call.
    pub(super) outcome: Option<Result<CloseReason, Arc<str>>>,
    /// Messages someone waits for.
    pub(super) awaited: HashMap<SendId, Option<Delivery>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(
        settings: &Settings,
        requests: Sender<Request>,
        control: Sender<Control>,
        waker: Waker,
        rooms: Arc<Rooms>,
    ) -> Self {
        let status = Status {
            state: ConnectionState::Connecting { attempt: 1 },
            was_ready: false,
            nick: Arc::clone(settings.nick.shown()),
            outcome: None,
            awaited: HashMap::new(),
        };
        Self {
            gate: Gate::new(requests, settings.bounds),
            control,
            waker,
            is_notified: AtomicBool::new(false),
            next_send_id: AtomicU64::new(1),
            quit_timeout: settings.timeouts.quit,
            rooms: Mutex::new(rooms),
            state_bytes: AtomicUsize::new(0),
            updates: UpdateQueue::new(settings.bounds),
            status: Mutex::new(status),
            status_changed: Condvar::new(),
            receiver_thread: OnceLock::new(),
        }
    }

    /// Makes the I/O thread look at what there is.
    pub(crate) fn wake(&self) {
        if !self.is_notified.swap(true, Ordering::SeqCst) {
            // Failing to write to an eventfd means that it is full: the thread is awake.
            let _ = self.waker.wake();
        }
    }

    /// Publishes the rooms and the people in them, if they are others than before, and the bytes that wait in the state.
    pub(super) fn publish(&self, rooms: &Arc<Rooms>, state_bytes: usize) {
        self.state_bytes.store(state_bytes, Ordering::Relaxed);
        let mut published = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&published, rooms) {
            let before = std::mem::replace(&mut *published, Arc::clone(rooms));
            drop(published);
            // What nobody else reads is given back without the lock.
            drop(before);
        }
    }

    pub(super) fn rooms(&self) -> Arc<Rooms> {
        Arc::clone(&self.rooms.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bytes that wait in the client, by its own count.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.state_bytes.load(Ordering::Relaxed) + self.gate.bytes() + self.updates.bytes()
    }

    /// Notes what the program can ask for, before the listener hears of it.
    pub(crate) fn note(&self, updates: &[Update]) {
        let is_noted = |update: &Update| {
            matches!(
                update,
                Update::State(_) | Update::Delivery { .. } | Update::Renamed { me: true, .. }
            )
        };
        if !updates.iter().any(is_noted) {
            return;
        }
        let mut status = self.status();
        for update in updates {
            match update {
                Update::State(state) => {
                    if let ConnectionState::Ready { nick, .. } = state {
                        status.nick = Arc::clone(nick);
                    }
                    status.was_ready |= state.is_ready();
                    status.state = state.clone();
                }
                Update::Renamed { new, me: true, .. } => status.nick = Arc::clone(new),
                Update::Delivery { id, state } if state.is_final() => {
                    if let Some(awaited) = status.awaited.get_mut(id) {
                        *awaited = Some(state.clone());
                    }
                }
                _ => {}
            }
        }
        drop(status);
        self.status_changed.notify_all();
    }

    /// The receiver thread has made its last call.
    pub(super) fn settle(&self, outcome: Result<CloseReason, Arc<str>>) {
        self.status().outcome = Some(outcome);
        self.status_changed.notify_all();
    }

    pub(super) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `found` finds something.
    pub(super) fn wait_for<T>(
        &self,
        timeout: Option<Duration>,
        mut found: impl FnMut(&mut Status) -> Option<T>,
    ) -> Option<T> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the program's thread waits here, for so long"
        )]
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut status = self.status();
        loop {
            if let Some(found) = found(&mut status) {
                return Some(found);
            }
            status = match deadline {
                None => self.status_changed.wait(status).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    #[expect(clippy::disallowed_methods, reason = "as above")]
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let waited = self.status_changed.wait_timeout(status, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
