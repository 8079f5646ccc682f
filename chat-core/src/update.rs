//! Everything that can happen to a client.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::error::{ConnectError, DeliveryError};

/// An update, in the order in which it happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Update {
    /// We are logged in to an account, or no more.
    #[non_exhaustive]
    Account {
        /// The account; `None`: none.
        account: Option<Arc<str>>,
    },
    /// Someone is away, or back.
    #[non_exhaustive]
    Away {
        /// The nick.
        nick: Arc<str>,
        /// The reason; `None`: they are back.
        reason: Option<Arc<str>>,
    },
    /// A message was deleted.
    #[non_exhaustive]
    Deleted {
        /// The target it was said to.
        target: Target,
        /// The id of the message.
        msgid: Arc<str>,
        /// The nick of who deleted it.
        by: Arc<str>,
        /// The reason.
        reason: Option<Arc<str>>,
    },
    /// A message says something else now.
    #[non_exhaustive]
    Edited {
        /// The target it was said to.
        target: Target,
        /// The id of the message.
        msgid: Arc<str>,
        /// The nick of who wrote it.
        by: Arc<str>,
        /// The text.
        text: Arc<str>,
    },
    /// The delivery of a message that was sent with [`crate::ClientHandle::send`].
    Delivery {
        /// The id of the sending.
        id: SendId,
        /// The state of it.
        state: Delivery,
    },
    /// Messages may have been missed and cannot be fetched: the server does not tell them, or not in time, or there is no
    /// place for what waits for them.
    #[non_exhaustive]
    Gap {
        /// The target.
        target: Target,
        /// Since when, if that is known.
        since: Option<SystemTime>,
    },
    /// Someone asks us into a room.
    #[non_exhaustive]
    Invited {
        /// The room.
        room: Arc<str>,
        /// The nick of who asks.
        by: Arc<str>,
    },
    /// Someone came into a room; we did, if `me`.
    #[non_exhaustive]
    Joined {
        /// The room.
        room: Arc<str>,
        /// The nick.
        nick: Arc<str>,
        /// Whether that is us.
        me: bool,
    },
    /// The listener was too slow: so many updates before this one were dropped.
    #[non_exhaustive]
    Lagged {
        /// The number of updates that were dropped.
        dropped: u64,
    },
    /// Someone is no longer in a room; we are not, if `me`.
    #[non_exhaustive]
    Left {
        /// The room.
        room: Arc<str>,
        /// The nick.
        nick: Arc<str>,
        /// The way they left.
        how: Departure,
        /// The words that were said about it.
        reason: Option<Arc<str>>,
        /// Whether that is us.
        me: bool,
    },
    /// Everyone in a room, as it was when we asked. Nicks in the server's order.
    #[non_exhaustive]
    Members {
        /// The room.
        room: Arc<str>,
        /// Everyone.
        nicks: Vec<Arc<str>>,
    },
    /// A message.
    Message(ChatMessage),
    /// A notice of the server: a refusal, or words for people.
    #[non_exhaustive]
    Notice {
        /// A numeric or a word for programs, if it has one.
        code: Option<Arc<str>>,
        /// A sentence.
        text: Arc<str>,
    },
    /// The past has been told: what follows is new.
    #[non_exhaustive]
    PastTold {
        /// The conversation; the server: of all.
        target: Target,
        /// Before we came, or while there was no connection.
        origin: Origin,
    },
    /// Someone reacts to a message, or takes that back.
    #[non_exhaustive]
    Reacted {
        /// The target it was said to.
        target: Target,
        /// The id of the message.
        msgid: Arc<str>,
        /// The nick.
        by: Arc<str>,
        /// The reaction: an emoji, or a short word.
        value: Arc<str>,
        /// Whether they do so no more.
        is_taken_back: bool,
    },
    /// Someone has another nick; we have, if `me`.
    #[non_exhaustive]
    Renamed {
        /// Before.
        old: Arc<str>,
        /// Now.
        new: Arc<str>,
        /// Whether that is us.
        me: bool,
    },
    /// The connection's state changed.
    State(ConnectionState),
    /// A room's topic, when we join and when it changes.
    #[non_exhaustive]
    Topic {
        /// The room.
        room: Arc<str>,
        /// The topic, possibly empty.
        topic: Arc<str>,
        /// The nick of who changed it just now.
        by: Option<Arc<str>>,
    },
}

/// The way someone left a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Departure {
    /// A removal from it.
    Kicked {
        /// The nick of who did it.
        by: Arc<str>,
    },
    /// Their connection broke: not what they wanted.
    Lost,
    /// A departure from this room.
    Parted,
    /// A departure from the server.
    Quit,
}

/// The state of the connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Looking up the host and connecting.
    #[non_exhaustive]
    Connecting {
        /// Counted from 1; from 1 again after a stable connection.
        attempt: u32,
    },
    /// The server has let us in.
    #[non_exhaustive]
    Ready {
        /// Our nick, which may not be the one asked for.
        nick: Arc<str>,
        /// Whether there was a connection before this one.
        resumed: bool,
    },
    /// Connected; telling the server who we are.
    Registering,
    /// No connection; the next attempt comes by itself.
    #[non_exhaustive]
    Waiting {
        /// The number of the attempt that comes next.
        attempt: u32,
        /// In how long.
        retry_in: Duration,
        /// The reason why there is no connection.
        cause: Arc<ConnectError>,
    },
    /// Over ([`crate::Listener::closed_connection`] follows).
    Closed,
}

impl ConnectionState {
    /// Whether messages can be sent on at once.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

/// A message to a room or to a person.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChatMessage {
    /// The conversation it belongs to: a room, or the other person (also for messages of our own).
    pub target: Target,
    /// The sender: a nick, or the server's name.
    pub sender: Arc<str>,
    /// Whether we said it, here or on another connection.
    pub is_own: bool,
    /// The account it was said under.
    pub account: Option<Arc<str>>,
    /// The text; not yet fit for a terminal (see [`crate::text::printable`]).
    pub text: Arc<str>,
    /// The kind, as it wants to be read.
    pub kind: MessageKind,
    /// The time, by the server's clock if it tells, else by ours.
    pub time: SystemTime,
    /// The server's id of it.
    pub msgid: Option<Arc<str>>,
    /// The id that `send` gave, if the message is our own.
    pub send_id: Option<SendId>,
    /// The origin.
    pub origin: Origin,
    /// Whether it names us.
    pub mentions_me: bool,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Target {
    /// A room, by its name.
    Room(Arc<str>),
    /// The server itself.
    Server,
    /// A person, by their nick.
    User(Arc<str>),
}

impl Target {
    /// Its name; empty for the server.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Room(name) | Self::User(name) => name,
            Self::Server => "",
        }
    }
}

/// The kind of a message, as it wants to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// `/me`: "Ann waves".
    Action,
    /// Words from a program; never to be answered by one.
    Notice,
    /// Said.
    Text,
}

/// The origin of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Said before we came.
    History,
    /// Told as it happened.
    Live,
    /// Our own, shown before the server has it; [`Update::Delivery`] with its id follows.
    LocalEcho,
    /// Said while there was no connection, and told when it was back.
    Missed,
}

/// The delivery of a message of ours. Goes one way: queued, written, and then one of the last two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The server has it, and everyone gets it.
    #[non_exhaustive]
    Acknowledged {
        /// The server's id of it (of its last part, if it went in several).
        msgid: Option<Arc<str>>,
    },
    /// A message that did not arrive, or nobody knows.
    Failed(DeliveryError),
    /// Waiting here.
    Queued,
    /// The system has taken all of it.
    Written,
}

impl Delivery {
    /// Whether nothing more will be heard of it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Acknowledged { .. } | Self::Failed(_))
    }
}

/// The id of a message of ours, unique in its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub(crate) u64);

impl std::fmt::Display for SendId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
