//! A listener that remembers everything and can be waited on.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::PATIENCE;
use crate::{
    client::ClientHandle,
    error::CloseReason,
    listener::Listener,
    update::{ConnectionState, Delivery, SendId, Update},
};

/// Give this to a client, and keep the [`Record`].
#[derive(Debug)]
pub struct RecordingListener(Record);

/// The record of what a [`RecordingListener`] has heard. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Record(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Heard {
    updates: Vec<Update>,
    closed: Vec<CloseReason>,
    threads: Vec<String>,
}

impl RecordingListener {
    /// A listener and its record.
    #[must_use]
    pub fn new() -> (Self, Record) {
        let record = Record::default();
        (Self(record.clone()), record)
    }
}

impl Listener for RecordingListener {
    fn update_messages(&mut self, _: &ClientHandle, updates: Vec<Update>) {
        let mut heard = self.0.heard();
        heard.note_thread();
        assert!(heard.closed.is_empty(), "updates after closed_connection: {updates:?}");
        assert!(!updates.is_empty(), "an empty batch");
        heard.updates.extend(updates);
        drop(heard);
        self.0.0.changed.notify_all();
    }

    fn closed_connection(&mut self, _: &ClientHandle, reason: CloseReason) {
        let mut heard = self.0.heard();
        heard.note_thread();
        heard.closed.push(reason);
        drop(heard);
        self.0.0.changed.notify_all();
    }
}

impl Heard {
    fn note_thread(&mut self) {
        self.threads.push(std::thread::current().name().unwrap_or("?").to_owned());
    }
}

impl Record {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All updates so far.
    #[must_use]
    pub fn updates(&self) -> Vec<Update> {
        self.heard().updates.clone()
    }

    /// The reasons why the client closed: each call of `closed_connection`, of which there is to be one.
    #[must_use]
    pub fn closed(&self) -> Vec<CloseReason> {
        self.heard().closed.clone()
    }

    /// The names of the threads on which each call came.
    #[must_use]
    pub fn threads(&self) -> Vec<String> {
        self.heard().threads.clone()
    }

    /// Waits for an update that `is_it` knows, among those so far too.
    ///
    /// # Panics
    /// If it does not come within [`PATIENCE`]; the panic shows all that came instead.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut is_it: impl FnMut(&Update) -> bool) -> Update {
        self.wait(what, |heard| heard.updates.iter().find(|update| is_it(update)).cloned())
    }

    /// Waits for a message with this text.
    ///
    /// # Panics
    /// As [`Record::wait_for`].
    #[track_caller]
    pub fn wait_for_message(&self, text: &str) -> Update {
        let is_it = |update: &Update| matches!(update, Update::Message(m) if &*m.text == text);
        self.wait_for(&format!("the message {text:?}"), is_it)
    }

    /// Waits for the last word on a message of ours.
    ///
    /// # Panics
    /// As [`Record::wait_for`].
    #[track_caller]
    pub fn wait_for_delivery(&self, wanted: SendId) -> Delivery {
        let is_it = |update: &Update| match update {
            Update::Delivery { id, state } => *id == wanted && state.is_final(),
            _ => false,
        };
        match self.wait_for(&format!("what becomes of message {wanted}"), is_it) {
            Update::Delivery { state, .. } => state,
            _ => unreachable!("nothing else was waited for"),
        }
    }

    /// Waits until the client was ready for the `n`-th time.
    ///
    /// # Panics
    /// As [`Record::wait_for`].
    #[track_caller]
    pub fn wait_for_ready(&self, n: usize) {
        let is_ready =
            |update: &&Update| matches!(update, Update::State(ConnectionState::Ready { .. }));
        self.wait(&format!("Ready number {n}"), |heard| {
            (heard.updates.iter().filter(is_ready).count() >= n).then_some(())
        });
    }

    /// Waits for `closed_connection`.
    ///
    /// # Panics
    /// As [`Record::wait_for`].
    #[track_caller]
    pub fn wait_for_closed(&self) -> CloseReason {
        self.wait("closed_connection", |heard| heard.closed.first().cloned())
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, mut found: impl FnMut(&Heard) -> Option<T>) -> T {
        #[expect(clippy::disallowed_methods, reason = "a test waits here, but not forever")]
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.heard();
        loop {
            if let Some(found) = found(&heard) {
                return found;
            }
            #[expect(clippy::disallowed_methods, reason = "as above")]
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}; heard {heard:#?}");
            let waited = self.0.changed.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
