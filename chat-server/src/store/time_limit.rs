//! The time that a question may take, by the clock: a thread interrupts the database when it is over.
//!
//! A count of the database's steps does not do: the index of words works for seconds within one step.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::{Connection, InterruptHandle};

/// The pause between two interruptions of a question that goes on: one that comes between two of its statements is lost.
const AGAIN: Duration = Duration::from_millis(5);

/// The questions that are under way, one for each connection that is watched.
#[derive(Default)]
pub(super) struct TimeLimit {
    state: Mutex<State>,
    begun: Condvar,
}

#[derive(Default)]
struct State {
    connections: Vec<Watched>,
    /// The moment when the thread looks next; `None`: when it is told that a question has begun.
    wakes_at: Option<Instant>,
    has_ended: bool,
}

struct Watched {
    interrupt: InterruptHandle,
    /// The end of its question's time, if it has one.
    until: Option<Instant>,
}

impl std::fmt::Debug for TimeLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TimeLimit")
    }
}

/// A connection whose questions have an end.
#[derive(Debug)]
pub(super) struct Limited {
    limit: Arc<TimeLimit>,
    index: usize,
}

#[expect(clippy::disallowed_methods, reason = "time is what it is for")]
fn now() -> Instant {
    Instant::now()
}

impl TimeLimit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the questions of a connection from here on.
    pub(super) fn watch(self: &Arc<Self>, database: &Connection) -> Limited {
        let mut state = self.state();
        let index = state.connections.len();
        state.connections.push(Watched { interrupt: database.get_interrupt_handle(), until: None });
        Limited { limit: Arc::clone(self), index }
    }

    /// Interrupts what takes too long, until [`TimeLimit::end`].
    pub(super) fn run(&self) {
        let mut state = self.state();
        while !state.has_ended {
            let now = now();
            let mut next: Option<Instant> = None;
            for own in &state.connections {
                let Some(until) = own.until else { continue };
                if until <= now {
                    own.interrupt.interrupt();
                }
                let look = until.max(now + AGAIN);
                next = Some(next.map_or(look, |next| next.min(look)));
            }
            state.wakes_at = next;
            state = match next {
                Some(next) => {
                    let pause = next.saturating_duration_since(now);
                    let wait = self.begun.wait_timeout(state, pause);
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.begun.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Nobody asks any more.
    pub(super) fn end(&self) {
        self.state().has_ended = true;
        self.begun.notify_all();
    }
}

impl Limited {
    /// Asks a question, which is interrupted when it has taken `time`.
    pub(super) fn within<T>(&self, time: Duration, question: impl FnOnce() -> T) -> T {
        let until = now() + time;
        let mut state = self.limit.state();
        state.connections[self.index].until = Some(until);
        // Most questions are over long before the thread looks for the one before them: it is not woken for each.
        let is_too_late = state.wakes_at.is_none_or(|wakes_at| wakes_at > until);
        drop(state);
        if is_too_late {
            self.limit.begun.notify_all();
        }
        let answer = question();
        self.limit.state().connections[self.index].until = None;
        answer
    }
}
