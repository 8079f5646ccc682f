//! What the program's threads and the client's own threads share, and how the former wait for the latter.

use std::{
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use mio::Waker;

use super::{config::Settings, roster::Roster, state::Request};
use crate::{
    error::CloseReason,
    listener::Listener,
    update::{ConnectionState, Delivery, SendId, Update},
};

/// What goes past the queue of requests, since it must work when that is full.
#[derive(Debug)]
pub(crate) enum Control {
    Quit { within: Duration },
    ReconnectNow,
}

/// What the program's threads and the client's share.
pub(crate) struct Shared {
    pub(super) requests: Sender<Request>,
    pub(super) control: Sender<Control>,
    pub(super) waker: Waker,
    /// The I/O thread has been woken and has not looked yet.
    pub(super) is_notified: AtomicBool,
    /// Shut once nothing can be queued any more: what was queued before is still settled.
    pub(super) is_closed: RwLock<bool>,
    pub(super) next_send_id: AtomicU64,
    /// Requests that are not settled.
    pub(super) n_waiting: AtomicUsize,
    pub(super) send_queue: usize,
    pub(super) quit_timeout: Duration,
    pub(super) roster: Arc<Mutex<Roster>>,
    pub(super) status: Mutex<Status>,
    pub(super) status_changed: Condvar,
    pub(super) replacement: Mutex<Option<Box<dyn Listener>>>,
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
        roster: Arc<Mutex<Roster>>,
    ) -> Self {
        let status = Status {
            state: ConnectionState::Connecting { attempt: 1 },
            was_ready: false,
            nick: Arc::clone(settings.nick.shown()),
            outcome: None,
            awaited: HashMap::new(),
        };
        Self {
            requests,
            control,
            waker,
            is_notified: AtomicBool::new(false),
            is_closed: RwLock::new(false),
            next_send_id: AtomicU64::new(1),
            n_waiting: AtomicUsize::new(0),
            send_queue: settings.send_queue,
            quit_timeout: settings.timeouts.quit,
            roster,
            status: Mutex::new(status),
            status_changed: Condvar::new(),
            replacement: Mutex::new(None),
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

    /// Notes what the program can ask for, before the listener hears of it.
    pub(crate) fn note(&self, updates: &[Update], n_settled: usize) {
        if n_settled > 0 {
            self.n_waiting.fetch_sub(n_settled, Ordering::SeqCst);
        }
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

    /// Keeps `listener` for the receiver thread; what nobody will call any more comes back.
    pub(super) fn replace_listener(
        &self,
        listener: Box<dyn Listener>,
    ) -> Option<Box<dyn Listener>> {
        let mut replacement = self.replacement.lock().unwrap_or_else(PoisonError::into_inner);
        if self.status().outcome.is_some() { Some(listener) } else { replacement.replace(listener) }
    }

    /// The receiver thread has made its last call.
    pub(super) fn settle(&self, outcome: Result<CloseReason, Arc<str>>) {
        let mut replacement = self.replacement.lock().unwrap_or_else(PoisonError::into_inner);
        self.status().outcome = Some(outcome);
        let unused = replacement.take();
        drop(replacement);
        self.status_changed.notify_all();
        drop(unused);
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
