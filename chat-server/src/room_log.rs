//! The seam behind which records become durable.
//!
//! The hub decides a record and asks for it to be appended; only when it hears that the record's
//! place is fixed does it let anyone see it. What stands behind the seam is not the hub's business.

use std::{sync::Arc, time::SystemTime};

use crossbeam_channel::Sender;

use crate::{
    delivery::Event,
    history::{Answer, Query},
    hub::Input,
    hub_sender::HubSender,
    ids::Ticket,
};

/// A change of a conversation, as it is kept.
#[derive(Debug, Clone)]
pub struct Record {
    /// Which conversation it belongs to.
    pub conversation: Conversation,
    /// Who caused it, as direct conversations name people.
    pub by: Arc<str>,
    /// What changed, with its time and id.
    pub event: Arc<Event>,
    /// What it is known by if it is sent again: it is kept once in its conversation.
    pub nonce: Option<Arc<str>>,
    /// What the server is to know again with it: they are kept together, or nothing is.
    pub changes: Vec<Change>,
}

/// Who causes what the server does by itself, where people are named as direct conversations name them. What it says to
/// those who operate a room is no message: nobody deletes or edits it.
pub const THE_SERVER: &str = "!";

/// A sequence of records with one order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conversation {
    /// Between two people, in alphabetical order: `=` and an account's folded name, or `~` and a number
    /// that a guest has as long as they stay.
    Direct(Arc<str>, Arc<str>),
    /// Among the members of a room with that sign before their nick, or a higher one; its folded name.
    Ranked(Arc<str>, char),
    /// In a room; its folded name.
    Room(Arc<str>),
}

/// Something about a conversation that is no record of it, in its place among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationMark {
    /// Not everyone may come into the room, or everyone may again.
    Closed {
        /// Its folded name.
        room: Arc<str>,
        /// Whether it is closed from here on.
        is_closed: bool,
    },
    /// A room that was closed has ended: whoever takes its name begins another conversation.
    Ended {
        /// Its folded name.
        room: Arc<str>,
    },
}

/// Something the server is to know again when it starts anew: what is at a path from here on. A path is words
/// divided by line breaks, what it is of first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// This, in JSON.
    Set {
        /// Where.
        path: Arc<str>,
        /// What.
        value: Arc<str>,
    },
    /// Nothing, nor at any path that begins with it and goes on.
    Remove {
        /// Where.
        path: Arc<str>,
    },
    /// As [`ConversationMark::Closed`], with what makes it so.
    Close {
        /// The room's folded name.
        room: Arc<str>,
        /// Whether it is closed from here on.
        is_closed: bool,
    },
    /// All that was said with a person in direct conversations is nobody's any more.
    Forget {
        /// Who, as [`Conversation::Direct`] names them.
        person: Arc<str>,
    },
    /// A room goes on under another name; whatever had that name has ended.
    Rename {
        /// Its folded name so far.
        from: Arc<str>,
        /// Its folded name from here on.
        to: Arc<str>,
    },
}

/// Why a record is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A record with the same nonce is there already: that one, not this one.
    #[error("it has been stored before")]
    Known {
        /// Its id.
        msgid: Arc<str>,
        /// Its time.
        time: SystemTime,
    },
    /// The log cannot take it now; nothing of it was kept.
    #[error("it could not be stored ({0}); try again")]
    Refused(Arc<str>),
}

/// What [`RoomLog::append`] knows at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appending {
    /// The outcome will come through [`Appender::appended`].
    Later,
    /// The outcome.
    Now(Result<(), AppendError>),
}

/// What [`RoomLog::query`] knows at once.
#[derive(Debug, Clone)]
pub enum Querying {
    /// The answer will come through [`Appender::queried`].
    Later,
    /// The answer, or why there is none.
    Now(Result<Answer, Arc<str>>),
}

/// How a log tells outcomes that it did not know at once; from any thread, but not from within
/// [`RoomLog::append`].
#[derive(Debug, Clone)]
pub struct Appender {
    to_hub: HubSender,
}

impl Appender {
    /// Tells them to whoever reads these inputs.
    #[must_use]
    pub fn new(to_hub: Sender<Input>) -> Self {
        Self::of(HubSender::new(to_hub, None))
    }

    pub(crate) fn of(to_hub: HubSender) -> Self {
        Self { to_hub }
    }

    /// What was asked under `ticket` has been looked up, or why it could not be. Waits while the hub has too
    /// much to do; whether anybody hears it.
    pub fn queried(&self, ticket: Ticket, answer: Result<Answer, Arc<str>>) -> bool {
        self.to_hub.send(Input::Queried { ticket, answer }).is_ok()
    }

    /// The record of `ticket` has its place, or has none. Waits while the hub has too much to do.
    pub fn appended(&self, ticket: Ticket, outcome: Result<(), AppendError>) {
        self.appended_all([(ticket, outcome)]);
    }

    /// The same of several, which are delivered together. Waits as [`Appender::appended`] does.
    pub fn appended_all(
        &self,
        outcomes: impl IntoIterator<Item = (Ticket, Result<(), AppendError>)>,
    ) {
        let inputs = outcomes.into_iter();
        let inputs = inputs.map(|(ticket, outcome)| Input::Appended { ticket, outcome });
        // A server that has ended tells nobody any more.
        let _ = self.to_hub.send_all(inputs);
    }
}

/// Keeps records, each conversation in the order in which it was given them.
///
/// Called on the hub's thread, which waits for it: what takes long is done on a thread of its own, which
/// ends when the log is dropped.
pub trait RoomLog: Send {
    /// The server starts; `appender` is for later.
    ///
    /// # Errors
    /// If the system gives no thread.
    fn start(&mut self, appender: Appender) -> std::io::Result<()> {
        drop(appender);
        Ok(())
    }

    /// Takes a note. That it cannot be kept is nobody's to know: the next start does what is safe.
    fn mark(&mut self, mark: ConversationMark) {
        drop(mark);
    }

    /// Takes changes: all of them or none. The outcome is told as that of a record is.
    fn persist(&mut self, ticket: Ticket, changes: &Arc<[Change]>) -> Appending {
        let _ = (ticket, changes);
        Appending::Now(Ok(()))
    }

    /// What is at which path, when the server starts.
    fn load(&mut self) -> Vec<(Arc<str>, Arc<str>)> {
        Vec::new()
    }

    /// Whether it can be asked about the past.
    fn keeps_history(&self) -> bool {
        false
    }

    /// When the latest record in it was made: later ones are made later.
    fn latest_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    /// Looks something up.
    fn query(&mut self, ticket: Ticket, query: Query) -> Querying {
        let _ = (ticket, query);
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
