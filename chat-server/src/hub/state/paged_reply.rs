//! Paged replies under way: where each goes on.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_core::proto::{ListCondition, WhoQuery, mask_matches};

use crate::{
    delivery::ReplyLine,
    hub::state::{metadata::Sync, room::Room},
    ids::{PersonId, RoomId},
};

/// Rows (people or rooms) that are looked at in one turn.
pub(crate) const ROWS_PER_TURN: usize = 256;

/// An answer under way: where it goes on.
#[derive(Debug)]
pub(crate) struct PagedReply {
    pub(crate) label: Option<Arc<str>>,
    /// The sections to be told, one after the other.
    pub(crate) parts: VecDeque<Section>,
    pub(crate) is_first: bool,
}

/// One list of the answer.
#[derive(Debug)]
pub(crate) enum Section {
    /// `RPL_LIST` of every room behind `after` that `filter` lets through.
    List { filter: Arc<RoomFilter>, after: Option<Arc<str>> },
    /// `RPL_NAMREPLY` of the members behind `after`.
    Names { room: RoomId, name: Arc<str>, after: Option<PersonId> },
    /// A line as it is.
    Line(ReplyLine),
    /// Metadata.
    Metadata(Sync),
    /// The rows of a `WHO`.
    Who(Who),
}

/// A filter of the rooms that a `LIST` shows (`ELIST` in RPL_ISUPPORT).
#[derive(Debug)]
pub(crate) struct RoomFilter {
    pub(crate) conditions: Vec<ListCondition>,
    pub(crate) now: SystemTime,
}

impl RoomFilter {
    /// Whether all conditions hold. Masks are alternatives to each other.
    pub(crate) fn lets_through(&self, room: &Room) -> bool {
        let before = |minutes: u64| {
            let age = Duration::from_secs(minutes.saturating_mul(60));
            self.now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let topic_at = room.topic.as_ref().map(|topic| topic.at);
        let n_members = room.members.len() as u64;
        let (mut has_mask, mut is_masked) = (false, false);
        for condition in &self.conditions {
            let holds = match condition {
                ListCondition::Mask(mask) => {
                    has_mask = true;
                    is_masked |= mask_matches(mask, room.name.as_str());
                    true
                }
                ListCondition::NotMask(mask) => !mask_matches(mask, room.name.as_str()),
                ListCondition::MoreThan(n) => n_members > *n,
                ListCondition::FewerThan(n) => n_members < *n,
                ListCondition::OlderThan(minutes) => room.founded < before(*minutes),
                ListCondition::YoungerThan(minutes) => room.founded > before(*minutes),
                ListCondition::TopicOlderThan(minutes) => {
                    topic_at.is_some_and(|at| at < before(*minutes))
                }
                ListCondition::TopicYoungerThan(minutes) => {
                    topic_at.is_some_and(|at| at > before(*minutes))
                }
            };
            if !holds {
                return false;
            }
        }
        !has_mask || is_masked
    }
}

/// A `WHO` under way.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) of: Whom,
    pub(crate) query: Arc<WhoQuery>,
    /// The last row that was made.
    pub(crate) after: Option<PersonId>,
}

/// The people a `WHO` is about.
#[derive(Debug)]
pub(crate) enum Whom {
    /// The members of a room, by its name.
    Room(RoomId, Arc<str>),
    /// Everyone a mask matches whom the asker may find.
    Mask(Arc<str>),
}
