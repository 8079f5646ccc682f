//! Lines of metadata, for readers of both revisions of the draft.

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::{
    delivery::{Page, ReplyLine},
    hub::{
        Hub,
        state::{
            device::Reader,
            metadata::{Dialect, Keys, Metadata, Owner, Sync},
            paged_reply::Section,
            room,
        },
    },
    ids::{ConnId, PersonId, RoomId},
};

impl Hub {
    pub(crate) fn metadata_of(&self, owner: Owner) -> &Metadata {
        match owner {
            Owner::Person(id) => &self.people.person(id).particulars.metadata,
            Owner::Room(id) => &self.rooms[&id].metadata,
        }
    }

    pub(crate) fn name_of_owner(&self, owner: Owner) -> Arc<str> {
        match owner {
            Owner::Person(id) => Arc::clone(self.people.person(id).nick.shown()),
            Owner::Room(id) => Arc::clone(self.rooms[&id].name.shown()),
        }
    }

    /// The metadata `owner` has published, as those who speak `dialect` see it.
    pub(crate) fn published(
        &self,
        owner: Owner,
        dialect: Dialect,
    ) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        let is_shown = move |value: &str| dialect == Dialect::Second || !value.is_empty();
        self.metadata_of(owner).iter().filter(move |(_, value)| is_shown(value))
    }

    /// The metadata that `conn` is to be told of a room that they have entered.
    pub(crate) fn sync_on_join(&self, conn: ConnId, room: RoomId) -> Option<Section> {
        let device = self.people.device(conn);
        let (owners, keys) = ([Owner::Room(room)], device.particulars.subscriptions.clone());
        let sync = Sync::batched(Arc::clone(self.rooms[&room].name.shown()), owners, keys);
        match device.told_metadata_in()? {
            Dialect::Second if device.particulars.subscriptions.is_empty() => None,
            Dialect::Second => Some(Section::Metadata(Sync { target: None, ..sync })),
            // "the server MUST send either a `metadata` batch containing the channel's metadata [...]"
            Dialect::Third => Some(Section::Metadata(sync)),
        }
    }

    /// The lines of what `owner` has of `keys`, for those who speak `dialect`.
    pub(crate) fn metadata_lines(
        &self,
        dialect: Dialect,
        owner: Owner,
        keys: &Keys,
    ) -> Vec<ReplyLine> {
        let (server, name) = (&self.settings.name, self.name_of_owner(owner));
        let wanted = self.published(owner, dialect).filter(|(key, _)| keys.contains(*key));
        let line = |(key, value): (&Arc<str>, &Arc<str>)| match dialect {
            Dialect::Second => {
                ReplyLine::Raw(format!(":{server} METADATA {name} {key} * :{value}").into())
            }
            Dialect::Third => key_value(Numeric::RPL_KEYVALUE, &name, key, value),
        };
        wanted.map(line).collect()
    }

    pub(crate) fn list_metadata(
        &self,
        asker: Reader<'_>,
        mut sync: Sync,
        rows: &mut usize,
        lines: &mut Vec<ReplyLine>,
    ) -> Option<Section> {
        let mut page = Vec::new();
        while *rows > 0
            && let Some(owner) = sync.owners.front()
        {
            let is_done = match *owner {
                Owner::Room(id) => self.list_room_metadata(asker, id, &mut sync, rows, &mut page),
                // They may have gone since the page before.
                Owner::Person(id) if self.people.contains(id) => {
                    let told =
                        self.metadata_lines(asker.device.metadata_dialect(), *owner, &sync.keys);
                    *rows = rows.saturating_sub(1 + told.len());
                    page.extend(told);
                    true
                }
                Owner::Person(_) => true,
            };
            if is_done {
                sync.owners.pop_front();
                sync.after = None;
            }
        }
        let (is_first, is_last) = (sync.is_first, sync.owners.is_empty());
        sync.is_first = false;
        match &sync.target {
            Some(target) => lines.push(ReplyLine::Batch {
                kind: "metadata",
                params: vec![(**target).into()],
                lines: page,
                page: Page::of(is_first, is_last),
            }),
            None => lines.append(&mut page),
        }
        (!is_last).then_some(Section::Metadata(sync))
    }

    /// Goes on with a room and its members; whether that was all of them.
    pub(crate) fn list_room_metadata(
        &self,
        asker: Reader<'_>,
        room: RoomId,
        sync: &mut Sync,
        rows: &mut usize,
        page: &mut Vec<ReplyLine>,
    ) -> bool {
        // It may have ended since the page before, or they may have been sent out.
        let is_there = |room: &&room::Room| room.is_visible_to(asker.person.id);
        let Some(room) = self.rooms.get(room).filter(is_there) else { return true };
        let dialect = asker.device.metadata_dialect();
        if sync.after.is_none() {
            page.extend(self.metadata_lines(dialect, Owner::Room(room.id), &sync.keys));
        }
        if !room.has(asker.person.id) {
            return true;
        }
        let is_first_seen_here = |member: PersonId| {
            asker.person.rooms.iter().find(|id| self.rooms[id].has(member)) == Some(&room.id)
        };
        for (member, _) in self.members_after(room.id, sync.after) {
            let mut told = Vec::new();
            if !sync.is_each_once || is_first_seen_here(member.id) {
                told = self.metadata_lines(dialect, Owner::Person(member.id), &sync.keys);
            }
            // Looking costs as much as a line.
            *rows = rows.saturating_sub(1 + told.len());
            page.extend(told);
            if *rows == 0 {
                sync.after = Some(member.id);
                return false;
            }
        }
        true
    }
}

/// Lines that are one answer about `target`.
pub(crate) fn batch(target: &str, lines: Vec<ReplyLine>) -> ReplyLine {
    ReplyLine::Batch { kind: "metadata", params: vec![target.into()], lines, page: Page::Only }
}

/// One value, as an answer.
pub(crate) fn key_value(numeric: Numeric, target: &str, key: &str, value: &str) -> ReplyLine {
    ReplyLine::Numeric(numeric, vec![target.into(), key.into(), "*".into(), value.into()])
}

/// The answer that there is no such value.
pub(crate) fn key_not_set(target: &str, key: &str) -> ReplyLine {
    let params = vec![target.into(), key.into(), "key not set".into()];
    ReplyLine::Numeric(Numeric::RPL_KEYNOTSET, params)
}
