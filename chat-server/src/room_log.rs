//! The seam behind which records become durable.
//!
//! The hub decides a record and asks for it to be appended; only when it hears that the record's
//! place is fixed does it let anyone see it. What stands behind the seam is not the hub's business.

use std::sync::Arc;

use crossbeam_channel::Sender;

use crate::{delivery::Event, hub::Input, ids::Ticket};

/// A change of a conversation, as it is kept.
#[derive(Debug)]
pub struct Record {
    /// Which conversation it belongs to: a room's folded name, or two nicks in order.
    pub conversation: Conversation,
    /// What changed, with its time and id.
    pub event: Arc<Event>,
}

/// A sequence of records with one order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conversation {
    /// Between two people; folded nicks in alphabetical order.
    Direct(Arc<str>, Arc<str>),
    /// Among the members of a room with that sign before their nick, or a higher one; its folded name.
    Ranked(Arc<str>, char),
    /// In a room; its folded name.
    Room(Arc<str>),
}

/// Why a record is not in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The log cannot take it now; nothing of it was kept.
    #[error("the message could not be stored ({0}); try again")]
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

/// How a log tells outcomes that it did not know at once; from any thread, but not from within
/// [`RoomLog::append`].
#[derive(Debug, Clone)]
pub struct Appender {
    pub(crate) to_hub: Sender<Input>,
}

impl Appender {
    /// The record of `ticket` has its place, or has none. Waits while the hub has too much to do.
    pub fn appended(&self, ticket: Ticket, outcome: Result<(), AppendError>) {
        // A server that has ended tells nobody any more.
        let _ = self.to_hub.send(Input::Appended { ticket, outcome });
    }
}

/// Keeps records, each conversation in the order in which it was given them.
///
/// Called on the hub's thread, which waits for it: what takes long is done on a thread of its own, which
/// ends when the log is dropped.
pub trait RoomLog: Send {
    /// The server starts; `appender` is for later.
    fn start(&mut self, appender: Appender) {
        drop(appender);
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
