//! Queries about the past, and the room log's answers to them
//! (<https://ircv3.net/specs/extensions/chathistory>). Who may ask is the hub's business.

use std::{collections::BTreeSet, ops::Range, sync::Arc, time::SystemTime};

use crate::{delivery::Event, record::Conversation, search_words::SearchWords};

/// A place in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A record; if it is not there any more, the time its id tells.
    Msgid(Arc<str>),
    /// A time, in whole milliseconds.
    Time(SystemTime),
}

/// A selection of a conversation's records: as many as are asked for, those at the references left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The first ones behind it.
    After(Reference),
    /// The ones around it; itself too.
    Around(Reference),
    /// The last ones before it.
    Before(Reference),
    /// The ones between both, counted from the first, which may be the later one.
    Between(Reference, Reference),
    /// The last ones of all, behind it if there is one.
    Latest(Option<Reference>),
}

/// The side of the network that asks, such as an address: those of one take their turn together with the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asker(pub Arc<str>);

/// A query about the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A page of a conversation.
    Page {
        /// The conversation; of a room without its rank.
        conversation: Conversation,
        /// The name it has now: what was said in it is shown as said under that name. `None`: as it was.
        shown: Option<Arc<str>>,
        /// The part of it that is asked for.
        selection: Selection,
        /// At most so many records.
        limit: usize,
        /// At most so many bytes of them, but one record at least.
        bytes_max: usize,
        /// The rank of the reader in the room: 0 none, 1 voice, 2 operator.
        rank: u8,
        /// The time the room was founded: what was written for some before that is nobody's who has a rank now.
        ranked_after: SystemTime,
        /// The kinds that are told beside messages.
        shows: Shows,
    },
    /// A page of several direct conversations, as if they were one.
    DirectPage {
        /// The conversations.
        conversations: Vec<Conversation>,
        /// The part of them that is asked for.
        selection: Selection,
        /// At most so many records.
        limit: usize,
        /// At most so many bytes of them, but one record at least.
        bytes_max: usize,
        /// The kinds that are told beside messages.
        shows: Shows,
    },
    /// One message, before something is done to it.
    Find {
        /// The conversation it is in.
        conversation: Conversation,
        /// Its id.
        msgid: Arc<str>,
        /// The asker's rank, as for a page.
        rank: u8,
        /// The time the room was founded, as for a page.
        ranked_after: SystemTime,
    },
    /// The audit log of a room: its latest records that are no messages, the latest last.
    AuditLog {
        /// The room.
        part: ConversationScope,
        /// At most so many.
        limit: usize,
    },
    /// Messages with certain words.
    Search(Search),
    /// All that has changed in several conversations since then, in the order of time.
    Changes {
        /// The conversations.
        conversations: Vec<ConversationScope>,
        /// The person in whose direct conversations too, as they name them; a guest's only with guests who are among these.
        direct: Option<(Arc<str>, BTreeSet<Arc<str>>)>,
        /// Behind what; of several conversations, a time.
        after: Reference,
        /// About so many: those of one time stay together.
        limit: usize,
        /// About so many bytes of them.
        bytes_max: usize,
        /// The kinds that are told beside messages, as for a page.
        shows: Shows,
    },
    /// The conversations in which something was said last between two times, the first excluded, the latest last.
    Targets {
        /// The rooms that the reader is in.
        rooms: Vec<Conversation>,
        /// The reader, as direct conversations name them.
        person: Arc<str>,
        /// The guests who are here: what others wrote can be asked for by accounts alone.
        guests: BTreeSet<Arc<str>>,
        /// The bounds in time; either may be the later one.
        between: (SystemTime, SystemTime),
        /// At most so many, counted from the first time.
        limit: usize,
    },
}

/// Whether somebody may ask for what was said with `other`: an account may also when that was a guest who has gone.
#[must_use]
pub fn may_ask_for(person: &str, other: &str, guests: &BTreeSet<Arc<str>>) -> bool {
    person.starts_with('=') || !other.starts_with('~') || guests.contains(other)
}

/// A search; of the bounds, both are within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The conversations.
    pub conversations: Vec<ConversationScope>,
    /// The direct conversations that are searched too, as for changes.
    pub direct: Option<(Arc<str>, BTreeSet<Arc<str>>)>,
    /// The words that it has.
    pub words: Option<SearchWords>,
    /// The nick or the account of the author.
    pub from: Option<String>,
    /// The time from which on is searched; then the oldest are found first.
    pub after: Option<SystemTime>,
    /// The time until which is searched.
    pub before: Option<SystemTime>,
    /// At most so many.
    pub limit: usize,
    /// About so many bytes of them.
    pub bytes_max: usize,
    /// The order, and which of them are found.
    pub order: Order,
}

/// The order in which messages are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The best matches, among the latest of each conversation.
    Rank,
    /// The ones nearest to where the search begins, the oldest first.
    #[default]
    Time,
}

/// A message that was found.
#[derive(Debug, Clone)]
pub struct Match {
    /// The message.
    pub event: Arc<Event>,
    /// The ranges of its text that match, in bytes.
    pub ranges: Vec<Range<usize>>,
}

/// A conversation, for somebody who may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationScope {
    /// The conversation.
    pub conversation: Conversation,
    /// The name that a room has now.
    pub shown: Option<Arc<str>>,
    /// The reader's rank in it.
    pub rank: u8,
    /// The time it was founded.
    pub ranked_after: SystemTime,
}

/// The kinds that are told beside messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shows {
    /// Changes of the room.
    pub events: bool,
    /// Messages that are deleted now, as such.
    pub redacted: bool,
    /// The context of each message: reactions, edits, what it answers.
    pub context: bool,
    /// Reactions, edits and deletions in their own places.
    pub changes: bool,
}

/// A record, and what is about it.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// The record.
    pub event: Arc<Event>,
    /// The events about it, in the order in which they were said.
    pub context: Vec<Arc<Event>>,
}

/// A message that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The person who wrote it, as direct conversations name people.
    pub by: Arc<str>,
    /// The sign of those of the room it is for, if it is not for all.
    pub sign: Option<char>,
    /// The time at which they wrote it.
    pub time: SystemTime,
}

/// An answer to a query.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Records, the oldest first.
    Page(Vec<HistoryEntry>),
    /// Records, the oldest first, and whether there is nothing behind them.
    Changes(Vec<Arc<Event>>, bool),
    /// Messages, as their order was asked for, and whether the index of words has all that was said.
    Matches(Vec<Match>, bool),
    /// The message, if there is one that has not been deleted.
    Found(Option<Found>),
    /// Conversations, that in which something was said longest ago first.
    Targets(Vec<Target>),
}

/// A conversation in which something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The conversation.
    pub conversation: Conversation,
    /// Between two people, the nick that the other one had last.
    pub nick: Option<Arc<str>>,
    /// The time of the latest record in it.
    pub time: SystemTime,
}
