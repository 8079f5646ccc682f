//! Everything that can enter the hub.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::proto::{CapabilitySet, Command, CommandError};

use crate::{
    auth::Verdict,
    delivery::Reply,
    history::Answer,
    ids::{ConnId, Ticket},
    room_log::AppendError,
    settings::Settings,
};

/// The clocks, read once for each input by whoever calls the hub.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The clock for deadlines.
    pub mono: Instant,
    /// The clock for people.
    pub wall: SystemTime,
}

/// A door that someone came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// HTTP: health and numbers. The hub never hears of it.
    Http,
    /// IRC.
    Irc,
    /// Plain text.
    Text,
}

/// The words of a newcomer about themselves; complete, not yet checked against anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The nick asked for.
    pub nick: String,
    /// The user name asked for.
    pub user: String,
    /// The name for people.
    pub realname: String,
    /// Put a number behind a nick that is taken, and `USR` in the place of one that cannot be had.
    pub take_any_nick: bool,
}

/// An input: what the hub is told.
#[derive(Debug)]
pub enum Input {
    /// A newcomer's session has an answer of its own, to be given behind those of the hub.
    Answer {
        /// The connection.
        conn: ConnId,
        /// The answer.
        reply: Reply,
    },
    /// A record is in the room log, or changes are, or cannot be.
    Appended {
        /// The ticket.
        ticket: Ticket,
        /// The outcome.
        outcome: Result<(), AppendError>,
    },
    /// A client changed what it understands.
    Capabilities {
        /// The connection.
        conn: ConnId,
        /// All it understands now.
        capabilities: CapabilitySet,
    },
    /// A query about the past has its answer.
    Queried {
        /// The ticket of the query it answers.
        ticket: Ticket,
        /// The answer, or why there is none.
        answer: Result<Answer, Arc<str>>,
    },
    /// A password has been checked.
    Checked {
        /// The ticket.
        ticket: Ticket,
        /// The verdict.
        verdict: Verdict,
    },
    /// A connection is gone. Never dropped, never overtaken by what it sent before.
    Closed {
        /// The connection.
        conn: ConnId,
        /// The reason, as the others read it.
        reason: Arc<str>,
        /// It took all that was sent to it, and gave a sign of life when it was asked for one.
        has_read: bool,
    },
    /// Someone asks for something.
    Command {
        /// The connection.
        conn: ConnId,
        /// The label on it.
        label: Option<Arc<str>>,
        /// The command; a line that was no command is answered in its turn too.
        command: Result<Command, CommandError>,
    },
    /// [`Hub::next_deadline`](super::Hub::next_deadline) has come.
    Deadline,
    /// There is a new connection.
    Opened {
        /// The connection.
        conn: ConnId,
        /// The address it comes from.
        host: Arc<str>,
        /// The door it came through.
        door: Door,
        /// Nobody in between can read what it says.
        is_secure: bool,
        /// The SHA-256 fingerprint of the certificate it showed, in hexadecimal.
        fingerprint: Option<Arc<str>>,
    },
    /// The reader of a paged answer has taken the page.
    PageTaken {
        /// The connection.
        conn: ConnId,
    },
    /// The configuration is another from here on.
    Reload {
        /// The settings from here on.
        settings: Arc<Settings>,
    },
    /// A newcomer has said all that is needed.
    Register {
        /// The connection.
        conn: ConnId,
        /// The registration.
        registration: Registration,
    },
    /// The server is to stop.
    Stop {
        /// The reason, as everyone reads it.
        reason: Arc<str>,
    },
}
