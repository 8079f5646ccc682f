//! Metadata that people and rooms have published about themselves, and who is told of it. It is kept in memory and
//! goes with its owner; that of registered rooms is kept with them.
//!
//! Two revisions of the draft are spoken, each by those who asked for it: the published one
//! (<https://ircv3.net/specs/extensions/metadata>, `draft/metadata-2`) and its successor
//! (<https://github.com/ircv3/ircv3-specifications/pull/613>, `draft/metadata-3`). What is published is
//! one; [`Dialect`] is all that differs.

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::{
    delivery::{Content, Event},
    hub::{
        Hub,
        people::speech::Speech,
        replies::metadata::{batch, key_not_set, key_value},
        state::{
            device::{Device, Reader},
            metadata::{Dialect, Owner},
            people::People,
        },
    },
    ids::{ConnId, PersonId, RoomId},
};

impl Hub {
    /// Tells who is to know that `key` of `owner` is now what it is; `by` changed it and is not told.
    pub(crate) fn tell_of_metadata(&self, owner: Owner, key: &Arc<str>, by: ConnId) {
        let readers = match owner {
            Owner::Room(id) => self.subscribers_in(id, key),
            Owner::Person(id) => {
                let deaf = self.deaf_rooms(id, Some(by));
                let subscribers = self.people.subscribers(key).into_iter().flatten().copied();
                let is_told = |reader: &ConnId| {
                    self.people.follows(*reader, id)
                        && !meets_in_only(&self.people, *reader, id, &deaf)
                };
                subscribers.filter(is_told).collect()
            }
        };
        let readers = readers.into_iter().filter(|reader| *reader != by);
        self.tell_readers(readers, owner, key);
    }

    /// Tells the members of a room what someone who has just come has published, but those who see them
    /// elsewhere, and unless they are not heard in it.
    pub(crate) fn introduce(&self, who: PersonId, room: RoomId) {
        let person = self.people.person(who);
        if person.particulars.metadata.is_empty()
            || self.find_silence(who, None, room, Speech::Beside).is_some()
        {
            return;
        }
        let meets_first = |reader: &ConnId| {
            let reader = self.people.reader(*reader).person;
            reader.id != who
                && !person.rooms.iter().any(|id| *id != room && reader.rooms.contains(id))
        };
        for key in person.particulars.metadata.keys() {
            let readers = self.subscribers_in(room, key).into_iter().filter(meets_first);
            self.tell_readers(readers, Owner::Person(who), key);
        }
    }

    /// Tells those who watch the nick that `who` has taken what its owner has published.
    pub(crate) fn introduce_to_watchers(&self, who: PersonId) {
        let (person, owner) = (self.people.person(who), Owner::Person(who));
        let watchers = self.people.watchers(person.nick.key());
        let watchers =
            || watchers.into_iter().flatten().map(|watcher| self.people.reader(*watcher));
        // "When server sends `730 RPL_MONONLINE` to a metadata-aware client [...]"
        let is_aware =
            |reader: &Reader<'_>| reader.device.told_metadata_in() == Some(Dialect::Third);
        for reader in watchers().filter(is_aware) {
            let Device { conn, particulars, .. } = reader.device;
            let lines = self.metadata_lines(Dialect::Third, owner, &particulars.subscriptions);
            self.say_to(*conn, None, vec![batch(person.nick.as_str(), lines)]);
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
            self.tell_readers(readers.map(|reader| reader.conn), owner, key);
        }
    }

    /// Tells `readers`, each in the revision they know, what `key` of `owner` is.
    fn tell_readers(&self, readers: impl Iterator<Item = ConnId>, owner: Owner, key: &Arc<str>) {
        let now = self.now();
        let (target, value) = (self.name_of_owner(owner), self.metadata_of(owner).get(key));
        let mut second = Vec::new();
        for reader in readers.map(|reader| self.people.device(reader)) {
            match reader.told_metadata_in() {
                Some(Dialect::Second) => second.push(reader.conn),
                Some(Dialect::Third) => {
                    let line = match value.filter(|value| !value.is_empty()) {
                        Some(value) => key_value(Numeric::RPL_KEYVALUE, &target, key, value),
                        None => key_not_set(&target, key),
                    };
                    self.say_to(reader.conn, None, vec![line]);
                }
                None => {}
            }
        }
        if !second.is_empty() {
            let (server, value) = (self.settings.name.as_str().into(), value.cloned());
            let content = Content::Metadata { server, target, key: Arc::clone(key), value };
            let event = Arc::new(Event::new(content, now.wall, None));
            self.tell_some(second.into_iter(), &event);
        }
    }

    /// The members of a room who subscribed to `key`: by way of the shorter list.
    fn subscribers_in(&self, room: RoomId, key: &str) -> Vec<ConnId> {
        let Some(subscribers) = self.people.subscribers(key) else { return Vec::new() };
        let members = &self.rooms[&room].members;
        if subscribers.len() < members.len() {
            let is_inside =
                |conn: &&ConnId| members.contains_key(&self.people.device(**conn).person);
            subscribers.iter().filter(is_inside).copied().collect()
        } else {
            let devices = self.people.devices_of(members.keys().copied());
            devices.filter(|conn| subscribers.contains(conn)).collect()
        }
    }
}

/// Whether who reads at a connection shares some of these rooms with somebody, and no other one.
fn meets_in_only(people: &People, reader: ConnId, who: PersonId, rooms: &[RoomId]) -> bool {
    let reader = people.reader(reader).person;
    let mut shared =
        people.person(who).rooms.iter().filter(|id| reader.rooms.contains(id)).peekable();
    reader.id != who && shared.peek().is_some() && shared.all(|id| rooms.contains(id))
}
