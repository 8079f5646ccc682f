//! What is asked of the room log about the past, and what it answers
//! (<https://ircv3.net/specs/extensions/chathistory>). Who may ask is the hub's business.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use crate::{delivery::Event, room_log::Conversation};

/// A place in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// That record; if it is not there any more, the time its id tells.
    Msgid(Arc<str>),
    /// That time, in whole milliseconds.
    Time(SystemTime),
}

/// Which records of a conversation: as many as are asked for, those at the references left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The first ones behind it.
    After(Reference),
    /// Those around it; itself too.
    Around(Reference),
    /// The last ones before it.
    Before(Reference),
    /// Those between both, counted from the first, which may be the later one.
    Between(Reference, Reference),
    /// The last ones of all, behind it if there is one.
    Latest(Option<Reference>),
}

/// Something to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A page of a conversation.
    Page {
        /// Of which; of a room without its rank.
        conversation: Conversation,
        /// The name it has now: what was said in it is shown as said under that name. `None`: as it was.
        shown: Option<Arc<str>>,
        /// Which part of it.
        selection: Selection,
        /// At most so many records.
        limit: usize,
        /// At most so many bytes of them, but one record at least.
        bytes_max: usize,
        /// The rank of the reader in the room: 0 none, 1 voice, 2 operator.
        rank: u8,
        /// When the room was founded: what was written for some before that is nobody's who has a rank now.
        ranked_after: SystemTime,
        /// Whether changes of the room are told too, and not messages alone.
        with_events: bool,
    },
    /// In which conversations something was said last between two times, the first excluded, the latest last.
    Targets {
        /// The rooms that the reader is in.
        rooms: Vec<Conversation>,
        /// The reader, as direct conversations name them.
        person: Arc<str>,
        /// The guests who are here: what others wrote can be asked for by nobody.
        guests: BTreeSet<Arc<str>>,
        /// From when, and to when; either may be the later one.
        between: (SystemTime, SystemTime),
        /// At most so many, counted from the first time.
        limit: usize,
    },
}

/// What was found.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Records, the oldest first.
    Page(Vec<Arc<Event>>),
    /// Conversations, that in which something was said longest ago first.
    Targets(Vec<Target>),
}

/// A conversation in which something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub conversation: Conversation,
    /// Between two people, the nick that the other one had last.
    pub nick: Option<Arc<str>>,
    /// When something was said last.
    pub time: SystemTime,
}
