//! One connection's protocol state: from bytes to [`Input`](crate::hub::Input)s for the hub, from the hub's answers to
//! bytes. Pure: time is an argument, and it never sees a socket.

mod first_word;
mod http;
mod irc;
mod multiline;
mod negotiation;
mod step;
mod text;
mod throttle;

use std::{sync::Arc, time::Instant};

use chat_core::proto::{Capability, CapabilitySet};

pub use http::HttpSession;
pub use irc::IrcSession;
pub(crate) use irc::write_error as irc_error;
pub use step::{Output, Step};
pub use text::TextSession;

use crate::{
    delivery::{Audience, Reply},
    hub::Door,
    ids::ConnId,
    settings::{Privacy, Settings},
};

/// The session behind either door.
#[derive(Debug)]
pub enum Session {
    /// HTTP.
    Http(HttpSession),
    /// IRC.
    Irc(IrcSession),
    /// Plain text.
    Text(TextSession),
}

impl Session {
    /// A session for a new connection, and what it says first.
    #[must_use]
    pub fn new(
        door: Door,
        conn: ConnId,
        settings: Arc<Settings>,
        privacy: Privacy,
        now: Instant,
        out: &mut Output,
    ) -> Self {
        match door {
            Door::Http => Self::Http(HttpSession::new(settings, now)),
            Door::Irc => Self::Irc(IrcSession::new(conn, settings, privacy, now)),
            Door::Text => Self::Text(TextSession::new(conn, settings, privacy, now, out)),
        }
    }

    /// The configuration is another from here on.
    pub fn renew(&mut self, settings: &Arc<Settings>) {
        let settings = Arc::clone(settings);
        match self {
            Self::Http(session) => session.settings = settings,
            Self::Irc(session) => session.settings = settings,
            Self::Text(session) => session.renew(settings),
        }
    }

    /// Takes bytes as they came.
    pub fn push(&mut self, now: Instant, bytes: &[u8]) {
        match self {
            Self::Http(session) => session.push(bytes),
            Self::Irc(session) => session.push(now, bytes),
            Self::Text(session) => session.push(now, bytes),
        }
    }

    /// Takes one line of what was pushed.
    pub fn step(&mut self, now: Instant, out: &mut Output) -> Step {
        match self {
            Self::Http(session) => session.step(out),
            Self::Irc(session) => session.step(now, out),
            Self::Text(session) => session.step(now, out),
        }
    }

    /// Bytes that were pushed and have not been taken.
    #[must_use]
    pub fn inbox_bytes(&self) -> usize {
        match self {
            Self::Http(session) => session.inbox_bytes(),
            Self::Irc(session) => session.inbox_bytes(),
            Self::Text(session) => session.inbox_bytes(),
        }
    }

    /// The peer will send nothing more: what it began is all there is.
    pub fn end_input(&mut self) {
        if let Self::Text(session) = self {
            session.end_input();
        }
    }

    /// The reason why a peer that has sent all it will is gone, as the others read it. Closing is how people
    /// leave the text door; an IRC client says `QUIT` first.
    #[must_use]
    pub fn farewell(&self) -> Arc<str> {
        match self {
            Self::Irc(_) => "Connection lost: it was closed without a goodbye".into(),
            Self::Http(_) | Self::Text(_) => "Quit".into(),
        }
    }

    /// Whether the peer was asked for a sign of life and has given none.
    #[must_use]
    pub fn owes_sign_of_life(&self) -> bool {
        matches!(self, Self::Irc(session) if session.owes_sign_of_life())
    }

    /// The time [`Session::handle_deadline`] is to be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        match self {
            Self::Http(session) => Some(session.next_deadline()),
            Self::Irc(session) => Some(session.next_deadline()),
            Self::Text(session) => session.next_deadline(),
        }
    }

    /// Does what its time has come for; [`Session::step`] may find a line afterwards.
    pub fn handle_deadline(&mut self, now: Instant, out: &mut Output) {
        match self {
            Self::Http(session) => session.handle_deadline(now, out),
            Self::Irc(session) => session.handle_deadline(now, out),
            Self::Text(session) => session.handle_deadline(now, out),
        }
    }

    /// The hub has made this connection a person by the name of `nick`.
    pub fn admit(&mut self, now: Instant, nick: &Arc<str>, out: &mut Output) {
        match self {
            Self::Http(_) => {}
            Self::Irc(session) => session.admit(now),
            Self::Text(session) => session.admit(nick, out),
        }
    }

    /// The hub passes a `CAP` of a registered client back in its turn.
    pub fn negotiate(
        &mut self,
        nick: &str,
        label: Option<&str>,
        subcommand: &str,
        arguments: &[String],
        out: &mut Output,
    ) {
        match self {
            Self::Irc(session) => session.negotiate(nick, label, subcommand, arguments, out),
            Self::Http(_) | Self::Text(_) => {}
        }
    }

    /// Tells the peer what is offered now and was not `before`, and what no longer is.
    pub fn offer(&mut self, nick: &str, before: &Settings, out: &mut Output) {
        match self {
            Self::Irc(session) => session.offer(nick, before, out),
            Self::Http(_) | Self::Text(_) => {}
        }
    }

    /// The capabilities of the peer.
    #[must_use]
    pub fn capabilities(&self) -> CapabilitySet {
        match self {
            Self::Irc(session) => session.capabilities(),
            Self::Http(_) | Self::Text(_) => CapabilitySet::EMPTY,
        }
    }

    /// The audience the peer reads events as.
    #[must_use]
    pub fn audience(&self) -> Audience {
        match self {
            Self::Irc(session) => Audience::irc(session.capabilities()),
            Self::Http(_) | Self::Text(_) => Audience::TEXT,
        }
    }

    /// Whether an event that needs `required` is for this peer.
    #[must_use]
    pub fn understands(&self, required: Option<Capability>) -> bool {
        required.is_none_or(|required| self.capabilities().contains(required))
    }

    /// Writes an answer of the hub.
    pub fn write_reply(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        match self {
            Self::Irc(session) => session.write_reply(reply, out),
            Self::Http(_) => {}
            Self::Text(session) => session.write_reply(reply, out),
        }
    }

    /// Writes the last words; they answer the command with that label, if there is one.
    pub fn write_goodbye(&self, reason: &str, label: Option<&str>, out: &mut Vec<u8>) {
        match self {
            Self::Http(_) => {}
            Self::Irc(session) => session.write_goodbye(reason, label, out),
            Self::Text(_) => out.extend_from_slice(format!("* {reason}. Goodbye!\r\n").as_bytes()),
        }
    }
}
