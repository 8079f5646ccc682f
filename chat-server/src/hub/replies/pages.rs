//! Long answers in pages: `NAMES`, `WHO` and `LIST` of a giant take a bounded time of the hub a
//! turn, and no page is made before the reader has taken the one before.

use std::{
    collections::VecDeque,
    ops::Bound,
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_core::{
    proto::{Capability, ListCondition, Numeric, mask_matches},
    wire::limits::BODY_BYTES_MAX,
};

use super::{
    Effect, Hub, Reader,
    metadata::Sync,
    modes::Flag,
    person::Person,
    room::{Rank, Room},
    who::Who,
};
use crate::{
    delivery::{Page, Reply, ReplyLine},
    ids::{ConnId, PersonId, RoomId},
};

/// Rows (people or rooms) that are looked at in one turn.
pub(super) const ROWS_PER_TURN: usize = 256;

/// An answer under way: where it goes on.
#[derive(Debug)]
pub(super) struct PagedReply {
    pub(super) label: Option<Arc<str>>,
    /// What is told, one after the other.
    pub(super) parts: VecDeque<Section>,
    pub(super) is_first: bool,
}

/// One list of the answer.
#[derive(Debug)]
pub(super) enum Section {
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

/// Which rooms a `LIST` shows (`ELIST` in RPL_ISUPPORT).
#[derive(Debug)]
pub(super) struct RoomFilter {
    pub(super) conditions: Vec<ListCondition>,
    pub(super) now: SystemTime,
}

impl RoomFilter {
    /// Whether all conditions hold. Masks are alternatives to each other.
    fn lets_through(&self, room: &Room) -> bool {
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

impl Hub {
    /// Makes the next page of `conn`'s listing.
    pub(super) fn next_page(&mut self, effects: &mut Vec<Effect>, conn: ConnId) {
        let Some(mut paged_reply) =
            self.devices.get_mut(conn).and_then(|device| device.paged_reply.take())
        else {
            return;
        };
        let asker = self.reader(conn);
        let mut lines = Vec::with_capacity(paged_reply.parts.len());
        let mut rows = ROWS_PER_TURN;
        while rows > 0 {
            let Some(part) = paged_reply.parts.pop_front() else { break };
            let rest = match part {
                Section::Line(line) => {
                    // A row is a line of about that many bytes.
                    rows = rows.saturating_sub(1 + line.size() / 512);
                    lines.push(line);
                    None
                }
                Section::List { filter, after } => {
                    self.list_rooms(asker, filter, after, &mut rows, &mut lines)
                }
                Section::Names { room, name, after } => {
                    self.list_names(asker, room, name, after, &mut rows, &mut lines)
                }
                Section::Metadata(sync) => self.list_metadata(asker, sync, &mut rows, &mut lines),
                Section::Who(who) => self.list_who(asker, who, &mut rows, &mut lines),
            };
            if let Some(rest) = rest {
                paged_reply.parts.push_front(rest);
            }
        }
        let is_last = paged_reply.parts.is_empty();
        let page = Page::of(paged_reply.is_first, is_last);
        paged_reply.is_first = false;
        let reply = Reply {
            label: paged_reply.label.clone(),
            nick: Arc::clone(asker.person.nick.shown()),
            lines,
            page,
        };
        effects.push(Effect::Reply { conn, reply });
        if !is_last {
            self.device_mut(conn).paged_reply = Some(paged_reply);
        }
    }

    fn list_rooms(
        &self,
        asker: Reader<'_>,
        filter: Arc<RoomFilter>,
        after: Option<Arc<str>>,
        rows: &mut usize,
        lines: &mut Vec<ReplyLine>,
    ) -> Option<Section> {
        let start = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        for (key, id) in self.rooms_by_name.range::<str, _>((start, Bound::Unbounded)) {
            let room = &self.rooms[id];
            if room.is_visible_to(asker.person.id) && filter.lets_through(room) {
                lines.push(self.list_row(*id));
            }
            // Looking costs as much as showing.
            *rows -= 1;
            if *rows == 0 {
                return Some(Section::List { filter, after: Some(Arc::clone(key)) });
            }
        }
        None
    }

    /// One room's `RPL_LIST`.
    pub(super) fn list_row(&self, id: RoomId) -> ReplyLine {
        let room = &self.rooms[&id];
        let topic = room.topic.as_ref().map_or("", |topic| &*topic.text);
        let n_members = room.members.len().to_string();
        let params = vec![room.name.as_str().into(), n_members.into(), topic.into()];
        ReplyLine::Numeric(Numeric::RPL_LIST, params)
    }

    pub(super) fn members_after(
        &self,
        room: RoomId,
        after: Option<PersonId>,
    ) -> impl Iterator<Item = (&Person, Rank)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let members =
            self.rooms.get(&room).map(|room| room.members.range((start, Bound::Unbounded)));
        members.into_iter().flatten().map(|(id, rank)| (self.person(*id), *rank))
    }

    fn list_names(
        &self,
        asker: Reader<'_>,
        room: RoomId,
        name: Arc<str>,
        after: Option<PersonId>,
        rows: &mut usize,
        lines: &mut Vec<ReplyLine>,
    ) -> Option<Section> {
        let all = asker.device.capabilities.contains(Capability::MultiPrefix);
        let with_host = asker.device.capabilities.contains(Capability::UserhostInNames);
        let is_secret = self.rooms.get(&room).is_some_and(|room| room.modes.has(Flag::Secret));
        let is_inside = self.rooms.get(&room).is_some_and(|room| room.has(asker.person.id));
        // ":server 353 nick = room :" and the line break stand around them.
        let around =
            self.settings.name.as_str().len() + asker.person.nick.as_str().len() + name.len() + 15;
        let names_bytes_max = BODY_BYTES_MAX.saturating_sub(around);
        let kind = if is_secret { "@" } else { "=" };
        let mut names = String::new();
        let mut flush = |names: &mut String| {
            if !names.is_empty() {
                let params =
                    vec![kind.into(), (*name).into(), std::mem::take(names).into_boxed_str()];
                lines.push(ReplyLine::Numeric(Numeric::RPL_NAMREPLY, params));
            }
        };
        let mut rest = None;
        for (member, rank) in self.members_after(room, after) {
            // Outsiders are not shown the invisible (<https://modern.ircdocs.horse/#names-message>).
            if is_inside || self.may_find(asker, member) {
                let shown = if with_host { &*member.source } else { member.nick.as_str() };
                if names.len() + shown.len() + 3 > names_bytes_max {
                    flush(&mut names);
                }
                if !names.is_empty() {
                    names.push(' ');
                }
                names.push_str(rank.prefix(all));
                names.push_str(shown);
            }
            *rows -= 1;
            if *rows == 0 {
                rest = Some(member.id);
                break;
            }
        }
        flush(&mut names);
        rest.map(|after| Section::Names { room, name, after: Some(after) })
    }
}
