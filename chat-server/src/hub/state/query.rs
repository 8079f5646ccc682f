//! Queries about the past under way, and what they are for.

use std::{sync::Arc, time::SystemTime};

use crate::{
    history::ConversationScope,
    hub::{policy::Right, refusal::Refusal, state::pending_record::Destination},
    ids::{ConnId, RoomId},
    room_log::Conversation,
};

/// A question under way.
#[derive(Debug)]
pub(crate) struct PendingQuery {
    pub(crate) conn: ConnId,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) of: QueryPurpose,
    /// The subcommand, for the refusal.
    pub(crate) subcommand: Arc<str>,
    /// The target, as it was asked for; `*` if the question is about no single one.
    pub(crate) target: Arc<str>,
}

/// The purpose of a query.
#[derive(Debug)]
pub(crate) enum QueryPurpose {
    /// A conversation with another person, as they are called now.
    Person {
        nick: Arc<str>,
        is_here: bool,
    },
    Room(RoomId),
    /// The past of a room, for somebody who has come and does not know how to ask.
    Replay(RoomId),
    /// The direct messages that somebody has missed who does not know how to ask, up to when they are told them as they come.
    Missed {
        seen: SystemTime,
    },
    /// The audit log: what those who operate a room have done.
    AuditLog,
    /// The targets where something was said.
    Targets,
    /// The changes since then.
    Changes,
    /// A message that something is to be done to.
    Message(MessageAction),
    /// Messages with certain words.
    Search,
}

/// An action on a message.
#[derive(Debug)]
pub(crate) struct MessageAction {
    pub(crate) readable: Box<Readable>,
    /// The target, as it is properly written.
    pub(crate) target: Arc<str>,
    pub(crate) msgid: Arc<str>,
    pub(crate) change: MessageChange,
}

/// The change of a message.
#[derive(Debug)]
pub(crate) enum MessageChange {
    Redact(Option<String>),
    Replace(String),
}

/// A conversation that somebody may read.
#[derive(Debug)]
pub(crate) struct Readable {
    pub(crate) conversation: Conversation,
    /// The conversations with guests who were called as the other one is, if an account asks.
    pub(crate) beside: Option<Conversation>,
    /// The name a room has now.
    pub(crate) shown: Option<Arc<str>>,
    pub(crate) rank: u8,
    pub(crate) ranked_after: SystemTime,
    pub(crate) of: QueryPurpose,
    pub(crate) place: Destination,
}

pub(crate) fn parts(readable: Readable) -> Vec<ConversationScope> {
    let Readable { conversation, beside, shown, rank, ranked_after, .. } = readable;
    let scope = |conversation| {
        let shown = shown.clone();
        ConversationScope { conversation, shown, rank, ranked_after }
    };
    std::iter::once(conversation).chain(beside).map(scope).collect()
}

impl MessageChange {
    /// The rights to change one's own messages and those of others so.
    pub(crate) fn rights(&self) -> (Right, Right) {
        match self {
            Self::Redact(_) => (Right::DeleteOwn, Right::DeleteOthers),
            Self::Replace(_) => (Right::EditOwn, Right::EditOthers),
        }
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Redact(_) => "REDACT",
            Self::Replace(_) => "EDIT",
        }
    }

    pub(crate) fn refusal(&self, code: &'static str, context: &[&str], text: &str) -> Refusal {
        Refusal::fail(self.word(), code, context, text)
    }

    /// "If servers use predictable or guessable msgids [...]": what is not there and what one may not know are
    /// the same.
    pub(crate) fn unknown(&self, target: &str, msgid: &str) -> Refusal {
        self.refusal("UNKNOWN_MSGID", &[target, msgid], "there is no such message here")
    }
}
