//! One registered person.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::proto::{CapabilitySet, Command, CommandError, Nick};

use super::{Door, command::is_service, listing::Listing, metadata::Metadata, records::is_kept};
use crate::{
    delivery::Sender,
    ids::{ConnId, RoomId, Ticket},
};

/// A person, with the connection they speak through.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) conn: ConnId,
    pub(super) nick: Nick,
    pub(super) user: Arc<str>,
    pub(super) host: Arc<str>,
    /// Where they really are, whatever host is shown.
    pub(super) address: Arc<str>,
    pub(super) realname: Arc<str>,
    /// `nick!user@host`, kept because every event needs it.
    pub(super) source: Arc<str>,
    pub(super) door: Door,
    pub(super) capabilities: CapabilitySet,
    pub(super) away: Option<Arc<str>>,
    /// Nobody in between can read what they say.
    pub(super) is_secure: bool,
    /// The fingerprint of the certificate they showed.
    pub(super) fingerprint: Option<Arc<str>>,
    /// The account they are logged in to.
    pub(super) account: Option<Arc<str>>,
    /// Who they are in direct conversations ([`super::recall`]).
    pub(super) identity: Arc<str>,
    /// What they have asked about the past, and are to be answered before anything else.
    pub(super) recalling: Option<Ticket>,
    /// What was said before in rooms they have come into, which they are still to be told.
    pub(super) replays: BTreeMap<RoomId, Ticket>,
    pub(super) modes: UserModes,
    /// Rooms an operator has invited them to.
    pub(super) invited: BTreeSet<RoomId>,
    /// Nicks they watch: by key, as they wrote them.
    pub(super) monitored: BTreeMap<Arc<str>, Arc<str>>,
    /// What they have published about themselves
    /// (<https://ircv3.net/specs/extensions/metadata>), by its name.
    pub(super) metadata: Metadata,
    /// Names of metadata they are told of.
    pub(super) subscriptions: BTreeSet<Arc<str>>,
    /// In the order in which they were joined.
    pub(super) rooms: Vec<RoomId>,
    pub(super) signed_on: SystemTime,
    pub(super) last_spoke: Instant,
    /// Records of theirs that are on their way to the log.
    pub(super) n_pending: usize,
    /// Commands that wait for an earlier answer, oldest first. While there are any, or a listing
    /// runs, the connection is held, so that no more come than were under way.
    pub(super) waiting: VecDeque<Waiting>,
    /// The paged answer under way.
    pub(super) listing: Option<Listing>,
    pub(super) is_held: bool,
    /// Their connection is gone, and why; they leave when all they said is in the log.
    pub(super) departing: Option<Arc<str>>,
    /// The latest of their records, also when it has been appended.
    pub(super) latest_record: Option<Ticket>,
    /// Answers that wait for records before them, each with the latest of those.
    pub(super) deferred: VecDeque<(Ticket, Listing)>,
    /// Their session has been asked what they negotiate, and has not said.
    pub(super) is_negotiating: bool,
    /// Wrong passwords so far.
    pub(super) n_failed_logins: u8,
}

/// The modes of a person (RFC 2812 §3.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserModes {
    /// `B`: a program (<https://ircv3.net/specs/extensions/bot-mode>).
    pub(super) is_bot: bool,
    /// `i`: not found by those who share no room.
    pub(super) is_invisible: bool,
    /// `o`: an operator of the server.
    pub(super) is_operator: bool,
    /// `w`: reads `WALLOPS`.
    pub(super) reads_wallops: bool,
}

impl Default for UserModes {
    /// `+i`: nobody is found unless they want to be.
    fn default() -> Self {
        Self { is_bot: false, is_invisible: true, is_operator: false, reads_wallops: false }
    }
}

impl UserModes {
    /// All letters.
    pub(super) const LETTERS: &str = "Biow";

    /// The mode by that letter.
    pub(super) fn get_mut(&mut self, letter: char) -> Option<&mut bool> {
        match letter {
            'B' => Some(&mut self.is_bot),
            'i' => Some(&mut self.is_invisible),
            'o' => Some(&mut self.is_operator),
            'w' => Some(&mut self.reads_wallops),
            _ => None,
        }
    }

    /// As RPL_UMODEIS shows them.
    pub(super) fn shown(mut self) -> String {
        let set = |letter: &char| self.get_mut(*letter).is_some_and(|is_set| *is_set);
        "+".chars().chain(Self::LETTERS.chars().filter(set)).collect()
    }
}

/// A command whose turn has not come.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) label: Option<Arc<str>>,
    pub(super) command: Result<Command, CommandError>,
}

impl Waiting {
    /// Messages may follow messages into the log; all else waits until it is known what became of them.
    pub(super) fn is_message(&self) -> bool {
        match &self.command {
            // What nobody keeps must not overtake what is kept, and of a service one thing is asked at a time.
            Ok(Command::Message { kind, targets, .. }) => {
                is_kept(*kind) && !targets.iter().any(|target| is_service(target))
            }
            Ok(Command::Multiline { .. }) => true,
            _ => false,
        }
    }

    /// Whether it matters to others, also when whoever said it is gone.
    pub(super) fn is_last_word(&self) -> bool {
        self.is_message() || matches!(self.command, Ok(Command::Quit { .. }))
    }
}

impl Person {
    /// What readers of their events may be told of them.
    pub(super) fn as_sender(&self) -> Sender {
        Sender {
            account: self.account.clone(),
            is_bot: self.modes.is_bot,
            is_operator: self.modes.is_operator,
        }
    }

    /// Sets user and host and all that follows from them.
    pub(super) fn set_host(&mut self, user: Arc<str>, host: Arc<str>) {
        self.source = source(&self.nick, &user, &host);
        (self.user, self.host) = (user, host);
    }

    /// Sets the nick and all that follows from it.
    pub(super) fn set_nick(&mut self, nick: Nick) {
        self.source = source(&nick, &self.user, &self.host);
        self.nick = nick;
    }
}

/// `nick!user@host`.
pub(super) fn source(nick: &Nick, user: &str, host: &str) -> Arc<str> {
    format!("{nick}!{user}@{host}").into()
}
