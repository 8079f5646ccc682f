//! Records of conversations and changes of what the server knows: the words that the hub, the room log and those who look
//! something up in it share.

use std::{ops::Deref, sync::Arc, time::SystemTime};

use chat_core::proto::CaseMapping;

use crate::{
    delivery::{Content, Event, RecordContent, Sender},
    ids::ConversationId,
};

/// A change of a conversation, as it is kept.
#[derive(Debug, Clone)]
pub struct Record {
    /// The conversation it belongs to.
    pub conversation: Conversation,
    /// The person who caused it, as direct conversations name people.
    pub by: Arc<str>,
    /// The event, with its time and id.
    pub event: RecordEvent,
    /// The nonce it is known by if it is sent again: it is kept once in its conversation.
    pub nonce: Option<Arc<str>>,
    /// The changes that are persisted with it: they are kept together, or nothing is.
    pub changes: Vec<Change>,
}

impl Record {
    /// The folded name that its room had, by which people and exports know the conversation: nothing is read by it.
    #[must_use]
    pub fn room_name(&self) -> String {
        // Behind the sign of those whom it is for.
        let target = self.event.content().target();
        let name = target.find('#').map_or(&**target, |start| &target[start..]);
        CaseMapping::Ascii.fold(name).into_owned()
    }
}

/// The event of a record: one whose content is a record's, with an id.
#[derive(Debug, Clone)]
pub struct RecordEvent(Arc<Event>);

impl RecordEvent {
    /// An event with that content, at `time`, caused by `sender`.
    #[must_use]
    pub fn new(content: RecordContent, time: SystemTime, msgid: Arc<str>, sender: Sender) -> Self {
        Self(Arc::new(Event::new(content.into(), time, Some(msgid)).by(sender)))
    }

    /// Its content.
    #[must_use]
    pub fn content(&self) -> &RecordContent {
        match &self.0.content {
            Content::Record(content) => content,
            other => unreachable!("it was made of a record's content, not of {other:?}"),
        }
    }
}

impl Deref for RecordEvent {
    type Target = Arc<Event>;

    fn deref(&self) -> &Arc<Event> {
        &self.0
    }
}

/// The server as a person: the cause of what it does by itself, where direct conversations name people. What it says to
/// those who operate a room is no message: nobody deletes or edits it.
pub const THE_SERVER: &str = "!";

/// A sequence of records with one order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conversation {
    /// Between two people, in alphabetical order: `=` and an account's folded name and number, or `~` and a number
    /// that a guest has as long as they stay. In questions alone, `?` and a folded nick: all guests who were called so.
    Direct(Arc<str>, Arc<str>),
    /// A conversation among the members of a room with that sign before their nick, or a higher one.
    Ranked(ConversationId, char),
    /// In a room.
    Room(ConversationId),
}

/// The sign before the folded nick of guests who were called so, in the place of a person.
pub const CALLED: char = '?';

impl Conversation {
    /// All that was said between an account and guests who were called so: for questions.
    #[must_use]
    pub fn with_guests(account: Arc<str>, nick: &str) -> Self {
        Self::Direct(account, format!("{CALLED}{}", CaseMapping::Ascii.fold(nick)).into())
    }
}

/// A mark in a conversation that is no record of it, in its place among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationMark {
    /// A room that not everyone may come into, or everyone again.
    Closed {
        /// The room's conversation.
        conversation: ConversationId,
        /// Whether it is closed from here on.
        is_closed: bool,
    },
    /// A room has ended whose past is nobody's: whoever takes its name begins another conversation.
    Ended {
        /// The room's conversation.
        conversation: ConversationId,
    },
}

/// Something the server is to know again when it starts anew: what is at a path from here on. A path is words
/// divided by line breaks, what it is of first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A path is set to this, in JSON.
    Set {
        /// The path.
        path: Arc<str>,
        /// The value, in JSON.
        value: Arc<str>,
    },
    /// Nothing, nor at any path that begins with it and goes on.
    Remove {
        /// The path.
        path: Arc<str>,
    },
    /// A room is closed or opened, as [`ConversationMark::Closed`], with what makes it so.
    Close {
        /// The room's conversation.
        conversation: ConversationId,
        /// Whether it is closed from here on.
        is_closed: bool,
    },
    /// All that was said with a person in direct conversations is nobody's any more.
    Forget {
        /// The person, as [`Conversation::Direct`] names them.
        person: Arc<str>,
    },
    /// The conversation of a room goes by that name from here on, whether there is a record of it yet or not.
    Name {
        /// The room's conversation.
        conversation: ConversationId,
        /// Its folded name from here on.
        name: Arc<str>,
    },
}

/// The reason why a record is not in the log.
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
