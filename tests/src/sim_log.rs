//! The log of the simulation: a list in memory that takes its time, and does a piece of its work when it is told to.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use chat_server::{
    history::{Answer, Asker, Query},
    ids::{ConversationId, Ticket},
    room_log::{
        AppendError, Appender, Appending, Change, ConversationMark, Querying, Record, RoomLog,
    },
};

use crate::model_log::{Entry, ModelLog};

/// The simulated log. As a [`RoomLog`] it works when [`SimulatedLog::work`] is called.
#[derive(Default)]
pub struct SimulatedLog {
    /// Everything is answered later, and nothing at once.
    pub is_late: bool,
    /// The reason for which nothing can be stored, as long as nothing can.
    pub fault: Option<&'static str>,
    /// The records it holds, in their order.
    appended: Vec<Arc<Record>>,
    appender: Option<Appender>,
    has_broken_down: bool,
    model: ModelLog,
    queries: VecDeque<(Ticket, Query)>,
    /// The entries it has taken and not answered.
    unanswered: VecDeque<Entry>,
}

/// The result of one entry.
pub(crate) struct Written {
    /// The outcome, but of marks, which have none.
    pub(crate) outcome: Option<(Ticket, Result<(), AppendError>)>,
    /// The record, if it is one that was stored.
    pub(crate) record: Option<Arc<Record>>,
}

impl SimulatedLog {
    /// The records it holds, in their order.
    #[must_use]
    pub fn appended(&self) -> &[Arc<Record>] {
        &self.appended
    }

    /// Does all that waits, and tells what came of it.
    ///
    /// # Panics
    /// If it has not been started.
    pub fn work(&mut self) {
        let appender = self.appender.clone().expect("it was started");
        loop {
            if let Some(written) = self.write_one(self.outcome()) {
                if let Some((ticket, outcome)) = written.outcome {
                    appender.appended(ticket, outcome);
                }
            } else if let Some((ticket, answer)) = self.look_up_one() {
                appender.queried(ticket, Ok(answer));
            } else {
                return;
            }
        }
    }

    /// The server ends in order: all that was given is written and answered.
    pub fn end(&mut self) {
        self.work();
        self.crash(0);
    }

    /// Breaks it down: it does nothing any more, and what it has taken is answered by nobody.
    pub fn break_down(&mut self) {
        self.has_broken_down = true;
        self.unanswered.clear();
        self.queries.clear();
    }

    /// The server is gone in the middle: of what was given, the first `n_written` are written, and nobody is told.
    pub(crate) fn crash(&mut self, n_written: usize) {
        for _ in 0..n_written {
            self.write_one(Ok(()));
        }
        self.unanswered.clear();
        self.queries.clear();
        self.appender = None;
        self.has_broken_down = false;
        self.model.restart();
    }

    /// Nothing waits to be written.
    pub(crate) fn is_idle(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// The number of entries that wait to be written.
    pub(crate) fn n_unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Something waits to be written.
    pub(crate) fn give(&mut self, entry: Entry) {
        self.unanswered.push_back(entry);
    }

    /// All that waits to be written, which is lost.
    pub(crate) fn take_unanswered(&mut self) -> VecDeque<Entry> {
        std::mem::take(&mut self.unanswered)
    }

    /// Writes the first that waits, if the disk says so.
    pub(crate) fn write_one(&mut self, outcome: Result<(), AppendError>) -> Option<Written> {
        Some(match self.unanswered.pop_front()? {
            Entry::Mark(mark) => {
                self.model.mark(&mark);
                Written { outcome: None, record: None }
            }
            Entry::Changes(ticket, changes) => {
                if outcome.is_ok() {
                    self.model.keep(&changes);
                }
                Written { outcome: Some((ticket, outcome)), record: None }
            }
            Entry::Record(ticket, record) => {
                let outcome = self.store(&record, outcome);
                let stored = outcome.is_ok().then_some(record);
                Written { outcome: Some((ticket, outcome)), record: stored }
            }
        })
    }

    /// Stores a record, if the disk says so.
    pub(crate) fn store(
        &mut self,
        record: &Arc<Record>,
        outcome: Result<(), AppendError>,
    ) -> Result<(), AppendError> {
        outcome.and_then(|()| self.model.append(record))?;
        self.appended.push(Arc::clone(record));
        Ok(())
    }

    /// Something waits to be looked up.
    pub(crate) fn ask(&mut self, ticket: Ticket, query: Query) {
        self.queries.push_back((ticket, query));
    }

    /// Something can be looked up, whatever waits to be written: who may read what is decided before it is asked.
    pub(crate) fn may_look_up(&self) -> bool {
        !self.queries.is_empty()
    }

    /// Looks up the first that waits for it.
    pub(crate) fn look_up_one(&mut self) -> Option<(Ticket, Answer)> {
        let (ticket, query) = if self.may_look_up() { self.queries.pop_front() } else { None }?;
        Some((ticket, self.model.answer(&query)))
    }

    /// Takes a note at once.
    pub(crate) fn note(&mut self, mark: &ConversationMark) {
        self.model.mark(mark);
    }

    /// The values by their paths.
    #[must_use]
    pub fn kept(&self) -> Vec<(Arc<str>, Arc<str>)> {
        self.model.load()
    }

    /// The conversations of rooms that have not ended, and their names.
    #[must_use]
    pub fn named(&self) -> Vec<(ConversationId, Arc<str>)> {
        self.model.conversations()
    }

    /// The outcome that the disk has for the next entry.
    fn outcome(&self) -> Result<(), AppendError> {
        self.fault.map_or(Ok(()), |fault| Err(AppendError::Refused(fault.into())))
    }

    fn append_entry(&mut self, entry: Entry) -> Appending {
        if self.has_broken_down {
            return Appending::Now(Err(AppendError::Refused("the log is closed".into())));
        }
        let is_late = self.is_late || !self.is_idle();
        self.give(entry);
        if is_late {
            return Appending::Later;
        }
        let written = self.write_one(self.outcome());
        let outcome = written.and_then(|written| written.outcome);
        outcome.map_or(Appending::Later, |(_, outcome)| Appending::Now(outcome))
    }
}

impl RoomLog for SimulatedLog {
    fn start(&mut self, appender: Appender) -> std::io::Result<()> {
        self.appender = Some(appender);
        Ok(())
    }

    fn mark(&mut self, mark: ConversationMark) {
        self.give(Entry::Mark(mark));
    }

    fn persist(&mut self, ticket: Ticket, changes: &Arc<[Change]>) -> Appending {
        self.append_entry(Entry::Changes(ticket, Arc::clone(changes)))
    }

    fn load(&mut self) -> Vec<(Arc<str>, Arc<str>)> {
        self.kept()
    }

    fn conversations(&mut self) -> Vec<(ConversationId, Arc<str>)> {
        self.named()
    }

    fn keeps_history(&self) -> bool {
        true
    }

    fn latest_time(&self) -> SystemTime {
        self.appended.iter().map(|record| record.event.time).max().unwrap_or(UNIX_EPOCH)
    }

    fn query(&mut self, ticket: Ticket, _: Asker, query: Query) -> Querying {
        self.ask(ticket, query);
        Querying::Later
    }

    fn append(&mut self, ticket: Ticket, record: &Arc<Record>) -> Appending {
        self.append_entry(Entry::Record(ticket, Arc::clone(record)))
    }
}
