//! Everything that can happen to a client.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::error::{ConnectError, DeliveryError};

/// Something that happened, in the order in which it did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Update {
    /// We are logged in to an account, or no more.
    #[non_exhaustive]
    Account {
        /// Which; `None`: none.
        account: Option<Arc<str>>,
    },
    /// Someone is away, or back.
    #[non_exhaustive]
    Away {
        /// Who.
        nick: Arc<str>,
        /// Why; `None`: they are back.
        reason: Option<Arc<str>>,
    },
    /// A message was deleted.
    #[non_exhaustive]
    Deleted {
        /// Where it was said.
        target: Target,
        /// The id of the message.
        msgid: Arc<str>,
        /// Who deleted it.
        by: Arc<str>,
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// A message says something else now.
    #[non_exhaustive]
    Edited {
        /// Where it was said.
        target: Target,
        /// The id of the message.
        msgid: Arc<str>,
        /// Who wrote it.
        by: Arc<str>,
        /// What it says.
        text: Arc<str>,
    },
    /// What is known of a message that was sent with [`crate::ClientHandle::send`].
    Delivery {
        /// Which.
        id: SendId,
        /// How far it is.
        state: Delivery,
    },
    /// Messages may have been missed and cannot be fetched.
    #[non_exhaustive]
    Gap {
        /// Where.
        target: Target,
        /// Since when, if that is known.
        since: Option<SystemTime>,
    },
    /// Someone asks us into a room.
    #[non_exhaustive]
    Invited {
        /// The room.
        room: Arc<str>,
        /// Who asks.
        by: Arc<str>,
    },
    /// Someone came into a room; we did, if `me`.
    #[non_exhaustive]
    Joined {
        /// The room.
        room: Arc<str>,
        /// Who.
        nick: Arc<str>,
        /// Whether that is us.
        me: bool,
    },
    /// The listener was too slow: so many updates before this one were dropped.
    #[non_exhaustive]
    Lagged {
        /// How many.
        dropped: u64,
    },
    /// Someone is no longer in a room; we are not, if `me`.
    #[non_exhaustive]
    Left {
        /// The room.
        room: Arc<str>,
        /// Who.
        nick: Arc<str>,
        /// How they left.
        how: Departure,
        /// What was said about it.
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
    /// Something the server says: a refusal, or words for people.
    #[non_exhaustive]
    Notice {
        /// A numeric or a word for programs, if it has one.
        code: Option<Arc<str>>,
        /// A sentence.
        text: Arc<str>,
    },
    /// What was said before has been told: what follows is new.
    #[non_exhaustive]
    PastTold {
        /// Of which conversation; the server: of all.
        target: Target,
        /// Before we came, or while there was no connection.
        origin: Origin,
    },
    /// Someone reacts to a message, or takes that back.
    #[non_exhaustive]
    Reacted {
        /// Where it was said.
        target: Target,
        /// The id of the message.
        msgid: Arc<str>,
        /// Who.
        by: Arc<str>,
        /// With what: an emoji, or a short word.
        value: Arc<str>,
        /// They do so no more.
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
        /// Who changed it just now.
        by: Option<Arc<str>>,
    },
}

/// How someone left a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Departure {
    /// They were removed from it.
    Kicked {
        /// By whom.
        by: Arc<str>,
    },
    /// Their connection broke: not what they wanted.
    Lost,
    /// They left this room.
    Parted,
    /// They left the server.
    Quit,
}

/// What the connection is doing.
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
        /// Which attempt comes next.
        attempt: u32,
        /// In how long.
        retry_in: Duration,
        /// Why there is no connection.
        cause: Arc<ConnectError>,
    },
    /// It is over ([`crate::Listener::closed_connection`] follows).
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
    /// Who said it: a nick, or the server's name.
    pub sender: Arc<str>,
    /// Whether we said it, here or on another connection.
    pub is_own: bool,
    /// The account it was said under.
    pub account: Option<Arc<str>>,
    /// What was said; not yet fit for a terminal (see [`crate::text::printable`]).
    pub text: Arc<str>,
    /// How it wants to be read.
    pub kind: MessageKind,
    /// When, by the server's clock if it tells, else by ours.
    pub time: SystemTime,
    /// The server's id of it.
    pub msgid: Option<Arc<str>>,
    /// For our own, the id that `send` gave.
    pub send_id: Option<SendId>,
    /// Where it comes from.
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

/// How a message wants to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageKind {
    /// `/me`: "Ann waves".
    Action,
    /// From a program; never to be answered by one.
    Notice,
    /// Said.
    Text,
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Said before we came.
    History,
    /// As it happened.
    Live,
    /// Our own, shown before the server has it; [`Update::Delivery`] with its id follows.
    LocalEcho,
    /// Said while there was no connection, and told when it was back.
    Missed,
}

/// How far a message of ours is. Goes one way: queued, written, and then one of the last two.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The server has it, and everyone gets it.
    #[non_exhaustive]
    Acknowledged {
        /// The server's id of it (of its last part, if it went in several).
        msgid: Option<Arc<str>>,
    },
    /// It did not arrive, or nobody knows.
    Failed(DeliveryError),
    /// It waits here.
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
