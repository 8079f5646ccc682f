//! One registered person, on however many connections.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::proto::Nick;
use smallvec::SmallVec;

use crate::{
    delivery::Sender,
    hub::state::{
        metadata::Metadata,
        sparse::{Nothing, Sparse},
    },
    ids::{ConnId, PersonId, RoomId},
};

/// A person, as the others see them.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: PersonId,
    pub(crate) nick: Nick,
    pub(crate) realname: Box<str>,
    /// `nick!user@host`, kept because every event needs it. User and host stand nowhere else.
    pub(crate) source: Arc<str>,
    /// The connections they are here with, in the order in which they came.
    pub(crate) devices: SmallVec<[ConnId; 1]>,
    /// The account they are logged in to.
    pub(crate) account: Option<Arc<str>>,
    /// The identity they have in direct conversations, if they have needed it.
    pub(crate) identity: Option<Arc<str>>,
    pub(crate) modes: UserModes,
    pub(crate) particulars: Sparse<Particulars>,
    /// In the order in which they were joined.
    pub(crate) rooms: Vec<RoomId>,
    /// Seconds since 1970.
    pub(crate) signed_on: u64,
    pub(crate) last_spoke: Instant,
}

/// A person who asks for something in a room, on a connection of theirs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) person: &'a Person,
    /// Whether that connection is an operator's of the server.
    pub(crate) is_server_operator: bool,
}

/// Particulars that few people have.
#[derive(Debug, Default)]
pub(crate) struct Particulars {
    /// The reason why they are away wherever they are.
    pub(crate) away: Option<Arc<str>>,
    /// Rooms an operator has invited them to, and behind which record.
    pub(crate) invited: BTreeMap<RoomId, SystemTime>,
    /// The metadata they have published about themselves
    /// (<https://ircv3.net/specs/extensions/metadata>), by its name.
    pub(crate) metadata: Metadata,
}

impl Nothing for Particulars {
    const NOTHING: &'static Self =
        &Self { away: None, invited: BTreeMap::new(), metadata: Metadata::new() };

    fn is_nothing(&self) -> bool {
        self.away.is_none() && self.invited.is_empty() && self.metadata.is_empty()
    }
}

/// The modes of a person (RFC 2812 §3.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserModes {
    /// `B`: a program (<https://ircv3.net/specs/extensions/bot-mode>).
    pub(crate) is_bot: bool,
    /// `R`: nobody writes to them who is not logged in.
    pub(crate) is_for_accounts: bool,
    /// `i`: not found by those who share no room.
    pub(crate) is_invisible: bool,
    /// `o`: one of their connections is an operator's of the server. Others see it, and it gives no right:
    /// [`crate::hub::state::device::Device::is_operator`] does.
    pub(crate) shows_operator: bool,
    /// `w`: reads `WALLOPS`.
    pub(crate) reads_wallops: bool,
}

impl Default for UserModes {
    /// `+i`: nobody is found unless they want to be.
    fn default() -> Self {
        Self {
            is_bot: false,
            is_for_accounts: false,
            is_invisible: true,
            shows_operator: false,
            reads_wallops: false,
        }
    }
}

impl UserModes {
    /// All letters.
    pub(crate) const LETTERS: &str = "BRiow";

    /// The mode by that letter, if a person sets it themselves.
    pub(crate) fn get_mut(&mut self, letter: char) -> Option<&mut bool> {
        match letter {
            'B' => Some(&mut self.is_bot),
            'R' => Some(&mut self.is_for_accounts),
            'i' => Some(&mut self.is_invisible),
            'w' => Some(&mut self.reads_wallops),
            _ => None,
        }
    }

    /// The modes as RPL_UMODEIS shows them on a connection, which is an operator's of the server or not.
    pub(crate) fn shown(mut self, is_operator: bool) -> String {
        let set = |letter: &char| match letter {
            'o' => is_operator,
            letter => self.get_mut(*letter).is_some_and(|is_set| *is_set),
        };
        "+".chars().chain(Self::LETTERS.chars().filter(set)).collect()
    }
}

impl Person {
    /// The sender that readers of their events may be told of.
    pub(crate) fn as_sender(&self) -> Sender {
        Sender {
            account: self.account.clone(),
            is_bot: self.modes.is_bot,
            is_operator: self.modes.shows_operator,
        }
    }

    /// The user name, as it was told, or chosen for them.
    pub(crate) fn user(&self) -> &str {
        self.user_and_host().0
    }

    /// The host, as others see it.
    pub(crate) fn host(&self) -> &str {
        self.user_and_host().1
    }

    fn user_and_host(&self) -> (&str, &str) {
        // Neither a nick nor a user has one of the signs behind which these stand.
        let parts = self.source.split_once('!').and_then(|(_, rest)| rest.split_once('@'));
        parts.expect("a source has three parts")
    }

    pub(crate) fn set_host(&mut self, user: &str, host: &str) {
        self.source = source(&self.nick, user, host);
    }

    /// Sets the nick and all that follows from it.
    pub(crate) fn set_nick(&mut self, nick: Nick) {
        let (user, host) = self.user_and_host();
        self.source = source(&nick, user, host);
        self.nick = nick;
    }
}

/// `nick!user@host`.
pub(crate) fn source(nick: &Nick, user: &str, host: &str) -> Arc<str> {
    format!("{nick}!{user}@{host}").into()
}
