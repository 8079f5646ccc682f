//! The seam behind which records become durable.
//!
//! The hub decides a record and asks for it to be appended; only when it hears that the record's
//! place is fixed does it let anyone see it. What stands behind the seam is not the hub's business.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::Sender;

use crate::{
    history::{Answer, Asker, Query},
    ids::{ConversationId, Ticket},
    retention::Retention,
};

pub use crate::record::{AppendError, Change, Conversation, ConversationMark, Record, THE_SERVER};

/// The outcome of [`RoomLog::append`], as far as it is known at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appending {
    /// The outcome will come through [`Appender::appended`].
    Later,
    /// The outcome.
    Now(Result<(), AppendError>),
}

/// The outcome of [`RoomLog::query`], as far as it is known at once.
#[derive(Debug, Clone)]
pub enum Querying {
    /// The answer will come through [`Appender::queried`].
    Later,
    /// The answer, or why there is none.
    Now(Result<Answer, Arc<str>>),
}

/// An outcome that a log did not know at once.
#[derive(Debug)]
pub enum LogOutcome {
    /// The outcome of a record, or of changes.
    Appended {
        /// The ticket it was given with.
        ticket: Ticket,
        /// Nothing, if its place is fixed and it survives a crash.
        outcome: Result<(), AppendError>,
    },
    /// The answer to a query.
    Queried {
        /// The ticket it was asked under.
        ticket: Ticket,
        /// The answer, or why there is none.
        answer: Result<Answer, Arc<str>>,
    },
}

/// The time a write, or a read, may take before nothing can be stored, or read, as far as anybody can tell.
const DISK_PATIENCE: Duration = Duration::from_secs(10);

/// The kind of a read, each of which a log may do on a thread of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadKind {
    /// Pages of history, and all else that is found without words.
    Page,
    /// Searches.
    Search,
}

/// The health of a log: what it could not do when it last tried. Told by the log's threads, read at the HTTP door.
#[derive(Debug, Default)]
pub struct LogHealth {
    state: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    /// The beginning of the write that is under way.
    writing_since: Option<Instant>,
    cannot_write: Option<Arc<str>>,
    /// One of each kind.
    reads: [ReadHealth; 2],
}

#[derive(Debug, Default)]
struct ReadHealth {
    /// The beginning of the read that is under way.
    reading_since: Option<Instant>,
    cannot_read: Option<Arc<str>>,
}

impl LogHealth {
    fn state(&self) -> MutexGuard<'_, Health> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is written from now on.
    pub fn begin_to_write(&self, now: Instant) {
        self.state().writing_since = Some(now);
    }

    /// It has been written, or why not.
    pub fn has_written(&self, trouble: Option<&str>) {
        let mut state = self.state();
        (state.writing_since, state.cannot_write) = (None, trouble.map(Arc::from));
    }

    /// Something of that kind is read from now on.
    pub fn begin_to_read(&self, kind: ReadKind, now: Instant) {
        self.state().reads[kind as usize].reading_since = Some(now);
    }

    /// It has been read, or why not.
    pub fn has_read(&self, kind: ReadKind, trouble: Option<&str>) {
        let cannot_read = trouble.map(Arc::from);
        self.state().reads[kind as usize] = ReadHealth { reading_since: None, cannot_read };
    }

    /// Whether the last thing could not be written.
    #[must_use]
    pub fn cannot_write(&self) -> bool {
        self.state().cannot_write.is_some()
    }

    /// A sentence about what cannot be done, if there is anything.
    #[must_use]
    pub fn trouble(&self, now: Instant) -> Option<String> {
        let state = self.state();
        let stuck = |since: Option<Instant>| {
            since
                .filter(|since| now.saturating_duration_since(*since) > DISK_PATIENCE)
                .map(|_| "the disk does not answer")
        };
        let cannot_write = state.cannot_write.as_deref().or_else(|| stuck(state.writing_since));
        let mut reads = state.reads.iter();
        let cannot_read =
            reads.find_map(|own| own.cannot_read.as_deref().or_else(|| stuck(own.reading_since)));
        cannot_write
            .map(|why| format!("nothing can be stored: {why}"))
            .or_else(|| cannot_read.map(|why| format!("nothing that was said can be read: {why}")))
    }
}

/// Takes outcomes, in their order; whether anybody hears them.
type Tell = dyn Fn(&mut dyn Iterator<Item = LogOutcome>) -> bool + Send + Sync;

/// The way by which a log tells outcomes that it did not know at once; from any thread, but not from within
/// [`RoomLog::append`].
#[derive(Clone)]
pub struct Appender {
    tell: Arc<Tell>,
    health: Arc<LogHealth>,
}

impl std::fmt::Debug for Appender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Appender")
    }
}

impl Appender {
    /// An appender that hands outcomes to `tell`, which says whether anybody hears them.
    #[must_use]
    pub fn new(
        tell: impl Fn(&mut dyn Iterator<Item = LogOutcome>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { tell: Arc::new(tell), health: Arc::default() }
    }

    /// This one, for a log whose health is told there.
    #[must_use]
    pub fn with_health(self, health: Arc<LogHealth>) -> Self {
        Self { health, ..self }
    }

    /// The health of the log, to be told by it.
    #[must_use]
    pub fn health(&self) -> &LogHealth {
        &self.health
    }

    /// An appender that puts outcomes into a channel, and waits while that is full: for whoever has a log without a hub.
    #[must_use]
    pub fn to_channel(channel: Sender<LogOutcome>) -> Self {
        Self::new(move |outcomes| {
            for outcome in outcomes {
                if channel.send(outcome).is_err() {
                    return false;
                }
            }
            true
        })
    }

    /// Tells the answer to the query under `ticket`, or why there is none. Waits while the hub has too
    /// much to do; whether anybody hears it.
    pub fn queried(&self, ticket: Ticket, answer: Result<Answer, Arc<str>>) -> bool {
        (self.tell)(&mut std::iter::once(LogOutcome::Queried { ticket, answer }))
    }

    /// The record of `ticket` has its place, or has none. Waits while the hub has too much to do.
    pub fn appended(&self, ticket: Ticket, outcome: Result<(), AppendError>) {
        self.appended_all([(ticket, outcome)]);
    }

    /// The outcomes of several records, which are delivered together. Waits as [`Appender::appended`] does.
    pub fn appended_all(
        &self,
        outcomes: impl IntoIterator<Item = (Ticket, Result<(), AppendError>)>,
    ) {
        let outcomes = outcomes.into_iter();
        let appended = |(ticket, outcome)| LogOutcome::Appended { ticket, outcome };
        // A server that has ended tells nobody any more.
        let _ = (self.tell)(&mut outcomes.map(appended));
    }
}

/// Keeps records, each conversation in the order in which it was given them.
///
/// Called by whichever thread lets the hub work, under its lock, which others wait for: what takes long is done on a thread
/// of the log's own, which ends when the log is dropped.
pub trait RoomLog: Send {
    /// The server starts; `appender` is for later.
    ///
    /// # Errors
    /// If the system gives no thread.
    fn start(&mut self, appender: Appender) -> std::io::Result<()> {
        drop(appender);
        Ok(())
    }

    /// Takes a note. That it cannot be kept is nobody's to know: the next start does what is safe. Nobody waits for it, since
    /// what is read is asked for by numbers that are never given again.
    fn mark(&mut self, mark: ConversationMark) {
        let _ = mark;
    }

    /// Goes by other rules for how long messages are kept, from here on. An engine that keeps none for long need not.
    fn retain(&mut self, rules: &Retention) {
        let _ = rules;
    }

    /// Takes changes: all of them or none. The outcome is told as that of a record is.
    fn persist(&mut self, ticket: Ticket, changes: &Arc<[Change]>) -> Appending {
        let _ = (ticket, changes);
        Appending::Now(Ok(()))
    }

    /// The paths and their values, when the server starts.
    fn load(&mut self) -> Vec<(Arc<str>, Arc<str>)> {
        Vec::new()
    }

    /// The conversations of rooms that have not ended, and the folded names they go by, when the server starts.
    fn conversations(&mut self) -> Vec<(ConversationId, Arc<str>)> {
        Vec::new()
    }

    /// Whether it can be asked about the past.
    fn keeps_history(&self) -> bool {
        false
    }

    /// The time of the latest record in it: later ones are made later.
    fn latest_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    /// Looks something up. An engine that takes long serves the askers in turn.
    fn query(&mut self, ticket: Ticket, asker: Asker, query: Query) -> Querying {
        let _ = (ticket, asker, query);
        Querying::Now(Err("nothing is kept here".into()))
    }

    /// Takes a record; says when its place is fixed and it survives a crash.
    fn append(&mut self, ticket: Ticket, record: &Arc<Record>) -> Appending;
}

/// Keeps nothing: a record is as safe as it will ever be at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryLog;

impl RoomLog for MemoryLog {
    fn append(&mut self, _: Ticket, _: &Arc<Record>) -> Appending {
        Appending::Now(Ok(()))
    }
}
