//! What people and rooms have published about themselves, and who is told of it. It is kept in memory and
//! goes with its owner; that of rooms that last is kept with them.
//!
//! Two revisions of the draft are spoken, each by those who asked for it: the published one
//! (<https://ircv3.net/specs/extensions/metadata>, `draft/metadata-2`) and its successor
//! (<https://github.com/ircv3/ircv3-specifications/pull/613>, `draft/metadata-3`). What is published is
//! one; [`Dialect`] is all that differs.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use chat_core::proto::{Capability, METADATA_KEY_BYTES_MAX, Numeric};

use super::{Device, Effect, Hub, Now, Reader, Turn, paged_reply::Section};
use crate::{
    delivery::{Content, Event, Page, ReplyLine},
    ids::{ConnId, PersonId, RoomId},
};

/// Values by their names.
pub(super) type Metadata = BTreeMap<Arc<str>, Arc<str>>;

/// Names of metadata.
pub(super) type Keys = BTreeSet<Arc<str>>;

/// Whose metadata it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner {
    Person(PersonId),
    Room(RoomId),
}

/// The revision of the draft in which someone is told of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `draft/metadata-2`: changes are `METADATA` lines.
    Second,
    /// `draft/metadata-3`: changes are numerics, what there is comes in batches, and an empty value is none.
    Third,
}

/// The metadata of several owners, told page by page; of a room with that of its members.
#[derive(Debug)]
pub(super) struct Sync {
    /// The parameter of the batch around it, if there is to be one.
    pub(super) target: Option<Arc<str>>,
    /// Those still to be told of.
    pub(super) owners: VecDeque<Owner>,
    /// What is told of.
    pub(super) keys: Arc<Keys>,
    /// The member of the first room who was told of last; at first the room itself is.
    pub(super) after: Option<PersonId>,
    /// Members who are in an earlier room of the reader's too have been told of there.
    pub(super) is_each_once: bool,
    /// No page has been made.
    pub(super) is_first: bool,
}

impl Sync {
    /// All of `keys` that `owners` have, in a batch about `target`.
    pub(super) fn batched(
        target: Arc<str>,
        owners: impl Into<VecDeque<Owner>>,
        keys: Keys,
    ) -> Self {
        let (owners, keys) = (owners.into(), Arc::new(keys));
        let target = Some(target);
        Self { target, owners, keys, after: None, is_each_once: false, is_first: true }
    }
}

impl Device {
    /// In which revision it is told of metadata unasked, if at all.
    pub(super) fn told_metadata_in(&self) -> Option<Dialect> {
        let has = |capability| self.capabilities.contains(capability);
        // "A metadata-aware client is a client who has negotiated both [...]"
        let is_third = has(Capability::Metadata3) && has(Capability::Batch);
        let is_second = has(Capability::Metadata2).then_some(Dialect::Second);
        if is_third { Some(Dialect::Third) } else { is_second }
    }

    /// In which revision its commands about metadata are answered.
    pub(super) fn metadata_dialect(&self) -> Dialect {
        self.told_metadata_in().unwrap_or(Dialect::Third)
    }
}

/// "Key names are restricted to the ranges `a-z`, `0-9`, and `_./-`."
pub(super) fn is_key(key: &str) -> bool {
    let is_allowed =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-');
    (1..=METADATA_KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(is_allowed)
}

/// Lines that are one answer about `target`.
pub(super) fn batch(target: &str, lines: Vec<ReplyLine>) -> ReplyLine {
    ReplyLine::Batch { kind: "metadata", params: vec![target.into()], lines, page: Page::Only }
}

/// One value, as an answer.
pub(super) fn key_value(numeric: Numeric, target: &str, key: &str, value: &str) -> ReplyLine {
    ReplyLine::Numeric(numeric, vec![target.into(), key.into(), "*".into(), value.into()])
}

/// That there is no such value, as an answer.
pub(super) fn key_not_set(target: &str, key: &str) -> ReplyLine {
    let params = vec![target.into(), key.into(), "key not set".into()];
    ReplyLine::Numeric(Numeric::RPL_KEYNOTSET, params)
}

impl Hub {
    pub(super) fn metadata_of(&self, owner: Owner) -> &Metadata {
        match owner {
            Owner::Person(id) => &self.person(id).particulars.metadata,
            Owner::Room(id) => &self.rooms[&id].metadata,
        }
    }

    pub(super) fn change_metadata(&mut self, owner: Owner, change: impl FnOnce(&mut Metadata)) {
        match owner {
            Owner::Person(id) => {
                self.person_mut(id).particulars.change(|own| change(&mut own.metadata));
            }
            Owner::Room(id) => {
                change(&mut self.rooms.get_mut(&id).expect("the caller found it").metadata);
            }
        }
    }

    pub(super) fn name_of_owner(&self, owner: Owner) -> Arc<str> {
        match owner {
            Owner::Person(id) => Arc::clone(self.person(id).nick.shown()),
            Owner::Room(id) => Arc::clone(self.rooms[&id].name.shown()),
        }
    }

    /// What `owner` has published, as those who speak `dialect` see it.
    pub(super) fn published(
        &self,
        owner: Owner,
        dialect: Dialect,
    ) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        let is_shown = move |value: &str| dialect == Dialect::Second || !value.is_empty();
        self.metadata_of(owner).iter().filter(move |(_, value)| is_shown(value))
    }

    /// Tells who is to know that `key` of `owner` is now what it is; `by` changed it and is not told.
    pub(super) fn tell_of_metadata(
        &self,
        now: Now,
        owner: Owner,
        key: &Arc<str>,
        by: ConnId,
        effects: &mut Vec<Effect>,
    ) {
        let readers = match owner {
            Owner::Room(id) => self.subscribers_in(id, key),
            Owner::Person(id) => {
                let subscribers = self.subscribers.get(key).into_iter().flatten().copied();
                subscribers.filter(|reader| self.follows(*reader, id)).collect()
            }
        };
        let readers = readers.into_iter().filter(|reader| *reader != by);
        self.tell_readers(now, readers, owner, key, effects);
    }

    /// Tells the members of a room what someone who has just come has published, but those who see them
    /// elsewhere.
    pub(super) fn introduce(
        &self,
        now: Now,
        who: PersonId,
        room: RoomId,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(who);
        let meets_first = |reader: &ConnId| {
            let reader = self.reader(*reader).person;
            reader.id != who
                && !person.rooms.iter().any(|id| *id != room && reader.rooms.contains(id))
        };
        for key in person.particulars.metadata.keys() {
            let readers = self.subscribers_in(room, key).into_iter().filter(meets_first);
            self.tell_readers(now, readers, Owner::Person(who), key, effects);
        }
    }

    /// Tells those who watch the nick that `who` has taken what its owner has published.
    pub(super) fn introduce_to_watchers(&self, now: Now, who: PersonId, effects: &mut Vec<Effect>) {
        let (person, owner) = (self.person(who), Owner::Person(who));
        let watchers = self.watchers.get(person.nick.key());
        let watchers = || watchers.into_iter().flatten().map(|watcher| self.reader(*watcher));
        // "When server sends `730 RPL_MONONLINE` to a metadata-aware client [...]"
        let is_aware =
            |reader: &Reader<'_>| reader.device.told_metadata_in() == Some(Dialect::Third);
        for reader in watchers().filter(is_aware) {
            let Device { conn, particulars, .. } = reader.device;
            let lines = self.metadata_lines(Dialect::Third, owner, &particulars.subscriptions);
            self.say_to(*conn, None, vec![batch(person.nick.as_str(), lines)], effects);
        }
        // Those who share a room know.
        let is_new_to = |reader: &Reader<'_>| {
            reader.device.told_metadata_in() == Some(Dialect::Second)
                && reader.person.id != who
                && !person.rooms.iter().any(|room| reader.person.rooms.contains(room))
        };
        for key in person.particulars.metadata.keys() {
            let readers = watchers().filter(is_new_to).map(|reader| reader.device);
            let readers = readers.filter(|reader| reader.particulars.subscriptions.contains(key));
            self.tell_readers(now, readers.map(|reader| reader.conn), owner, key, effects);
        }
    }

    /// Tells `readers`, each in the revision they know, what `key` of `owner` is.
    fn tell_readers(
        &self,
        now: Now,
        readers: impl Iterator<Item = ConnId>,
        owner: Owner,
        key: &Arc<str>,
        effects: &mut Vec<Effect>,
    ) {
        let (target, value) = (self.name_of_owner(owner), self.metadata_of(owner).get(key));
        let mut second = Vec::new();
        for reader in readers.map(|reader| self.device(reader)) {
            match reader.told_metadata_in() {
                Some(Dialect::Second) => second.push(reader.conn),
                Some(Dialect::Third) => {
                    let line = match value.filter(|value| !value.is_empty()) {
                        Some(value) => key_value(Numeric::RPL_KEYVALUE, &target, key, value),
                        None => key_not_set(&target, key),
                    };
                    self.say_to(reader.conn, None, vec![line], effects);
                }
                None => {}
            }
        }
        if !second.is_empty() {
            let (server, value) = (self.settings.name.as_str().into(), value.cloned());
            let content = Content::Metadata { server, target, key: Arc::clone(key), value };
            let event = Arc::new(Event::new(content, now.wall, None));
            self.tell_some(second.into_iter(), &event, effects);
        }
    }

    /// The members of a room who subscribed to `key`: by way of the shorter list.
    fn subscribers_in(&self, room: RoomId, key: &str) -> Vec<ConnId> {
        let Some(subscribers) = self.subscribers.get(key) else { return Vec::new() };
        let members = &self.rooms[&room].members;
        if subscribers.len() < members.len() {
            let is_inside = |conn: &&ConnId| members.contains_key(&self.device(**conn).person);
            subscribers.iter().filter(is_inside).copied().collect()
        } else {
            let devices = self.devices_of(members.keys().copied());
            devices.filter(|conn| subscribers.contains(conn)).collect()
        }
    }

    /// Whether `reader` is told of changes of `who`: it is theirs, they share a room, or it watches them.
    fn follows(&self, reader: ConnId, who: PersonId) -> bool {
        let (reader, person) = (self.reader(reader), self.person(who));
        reader.person.id == who
            || reader.device.particulars.monitored.contains_key(person.nick.key())
            || person.rooms.iter().any(|room| reader.person.rooms.contains(room))
    }

    /// `conn` is told of `key` no more.
    pub(super) fn unsubscribe(&mut self, conn: ConnId, key: &str) {
        let particulars = &mut self.device_mut(conn).particulars;
        particulars.change(|own| own.subscriptions.remove(key));
        if let Some(subscribers) = self.subscribers.get_mut(key) {
            subscribers.remove(&conn);
            if subscribers.is_empty() {
                self.subscribers.remove(key);
            }
        }
    }

    /// `conn` is told of no metadata any more.
    pub(super) fn unsubscribe_all(&mut self, conn: ConnId) {
        for key in self.device(conn).particulars.subscriptions.clone() {
            self.unsubscribe(conn, &key);
        }
    }

    /// What `conn` is to be told of a room that they have entered.
    pub(super) fn sync_on_join(&self, conn: ConnId, room: RoomId) -> Option<Section> {
        let device = self.device(conn);
        let (owners, keys) = ([Owner::Room(room)], device.particulars.subscriptions.clone());
        let sync = Sync::batched(Arc::clone(self.rooms[&room].name.shown()), owners, keys);
        match device.told_metadata_in()? {
            Dialect::Second if device.particulars.subscriptions.is_empty() => None,
            Dialect::Second => Some(Section::Metadata(Sync { target: None, ..sync })),
            // "the server MUST send either a `metadata` batch containing the channel's metadata [...]"
            Dialect::Third => Some(Section::Metadata(sync)),
        }
    }

    /// What `turn`'s asker is to be told of people whom they watch and who are here.
    pub(super) fn sync_watched(&self, turn: &mut Turn<'_>, people: &[PersonId], is_new: bool) {
        let device = self.device(turn.conn);
        let keys = &device.particulars.subscriptions;
        let owners = || people.iter().map(|person| Owner::Person(*person));
        match device.told_metadata_in() {
            Some(Dialect::Third) => turn.reply.extend(owners().map(|owner| {
                let name = self.name_of_owner(owner);
                Section::Metadata(Sync::batched(name, [owner], keys.clone()))
            })),
            Some(Dialect::Second) if is_new => {
                let owners: VecDeque<Owner> = owners().collect();
                let sync = Sync::batched(Arc::default(), owners, keys.clone());
                turn.reply.push(Section::Metadata(Sync { target: None, ..sync }));
            }
            _ => {}
        }
    }

    /// What `owner` has of `keys`, for those who speak `dialect`.
    pub(super) fn metadata_lines(
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

    pub(super) fn list_metadata(
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
    fn list_room_metadata(
        &self,
        asker: Reader<'_>,
        room: RoomId,
        sync: &mut Sync,
        rows: &mut usize,
        page: &mut Vec<ReplyLine>,
    ) -> bool {
        // It may have ended since the page before, or they may have been sent out.
        let is_there = |room: &&crate::hub::room::Room| room.is_visible_to(asker.person.id);
        let Some(room) = self.rooms.get(&room).filter(is_there) else { return true };
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
