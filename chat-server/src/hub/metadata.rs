//! What people and rooms have published about themselves, and who is told of it
//! (<https://ircv3.net/specs/extensions/metadata>). It is kept in memory and goes with its owner.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chat_core::proto::{Capability, METADATA_KEY_BYTES_MAX, Numeric};

use super::{Effect, Hub, Now, listing::Part, person::Person};
use crate::{
    delivery::{Content, Event, ReplyLine},
    ids::{ConnId, RoomId},
};

/// Values by their names.
pub(super) type Metadata = BTreeMap<Arc<str>, Arc<str>>;

/// Names of metadata.
pub(super) type Keys = BTreeSet<Arc<str>>;

/// Whose metadata it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner {
    Person(ConnId),
    Room(RoomId),
}

/// The metadata of a room and of its members, told page by page.
#[derive(Debug)]
pub(super) struct Sync {
    pub(super) room: RoomId,
    /// What is told of.
    pub(super) keys: Arc<Keys>,
    /// The member told last; at first the room itself is told of.
    pub(super) after: Option<ConnId>,
    /// The answer to `SYNC`: each page is a batch.
    pub(super) is_batched: bool,
    /// Members who are in an earlier room of the reader's too have been told of there.
    pub(super) is_each_once: bool,
}

/// "Key names are restricted to the ranges `a-z`, `0-9`, and `_./-`."
pub(super) fn is_key(key: &str) -> bool {
    let is_allowed =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-');
    (1..=METADATA_KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(is_allowed)
}

/// Lines that are one answer about `target`.
pub(super) fn batch(target: &str, lines: Vec<ReplyLine>) -> ReplyLine {
    ReplyLine::Batch { kind: "metadata", params: vec![target.into()], lines }
}

/// One value, as an answer.
pub(super) fn key_value(numeric: Numeric, target: &str, key: &str, value: &str) -> ReplyLine {
    ReplyLine::Numeric(numeric, vec![target.into(), key.into(), "*".into(), value.into()])
}

impl Hub {
    pub(super) fn metadata_of(&self, owner: Owner) -> &Metadata {
        match owner {
            Owner::Person(conn) => &self.person(conn).metadata,
            Owner::Room(id) => &self.rooms[&id].metadata,
        }
    }

    pub(super) fn metadata_mut(&mut self, owner: Owner) -> &mut Metadata {
        match owner {
            Owner::Person(conn) => &mut self.person_mut(conn).metadata,
            Owner::Room(id) => &mut self.rooms.get_mut(&id).expect("the caller found it").metadata,
        }
    }

    pub(super) fn name_of_owner(&self, owner: Owner) -> Arc<str> {
        match owner {
            Owner::Person(conn) => Arc::clone(self.person(conn).nick.shown()),
            Owner::Room(id) => Arc::clone(self.rooms[&id].name.shown()),
        }
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
            Owner::Person(conn) => {
                let subscribers = self.subscribers.get(key).into_iter().flatten().copied();
                subscribers
                    .filter(|reader| *reader == conn || self.follows(*reader, conn))
                    .collect()
            }
        };
        let readers = readers.into_iter().filter(|reader| *reader != by);
        self.tell_some(readers, &self.metadata_event(now, owner, key), effects);
    }

    /// Tells the members of a room what someone who has just come has published, but those who see them
    /// elsewhere.
    pub(super) fn introduce(
        &self,
        now: Now,
        conn: ConnId,
        room: RoomId,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(conn);
        let meets_first = |reader: &ConnId| {
            let rooms = &self.person(*reader).rooms;
            *reader != conn && !person.rooms.iter().any(|id| *id != room && rooms.contains(id))
        };
        for key in person.metadata.keys() {
            let readers = self.subscribers_in(room, key).into_iter().filter(meets_first);
            let event = self.metadata_event(now, Owner::Person(conn), key);
            self.tell_some(readers, &event, effects);
        }
    }

    /// Tells those who watch the nick that `conn` has taken what its owner has published; those who share
    /// a room know.
    pub(super) fn introduce_to_watchers(&self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        let person = self.person(conn);
        let is_new_to = |reader: &ConnId| {
            let reader = self.person(*reader);
            reader.conn != conn
                && reader.monitored.contains_key(person.nick.key())
                && !person.rooms.iter().any(|room| reader.rooms.contains(room))
        };
        for key in person.metadata.keys() {
            let subscribers = self.subscribers.get(key).into_iter().flatten().copied();
            let event = self.metadata_event(now, Owner::Person(conn), key);
            self.tell_some(subscribers.filter(is_new_to), &event, effects);
        }
    }

    fn metadata_event(&self, now: Now, owner: Owner, key: &Arc<str>) -> Arc<Event> {
        let content = Content::Metadata {
            server: self.house.name.as_str().into(),
            target: self.name_of_owner(owner),
            key: Arc::clone(key),
            value: self.metadata_of(owner).get(key).cloned(),
        };
        Arc::new(Event::new(content, now.wall, None))
    }

    /// The members of a room who subscribed to `key`: by way of the shorter list.
    fn subscribers_in(&self, room: RoomId, key: &str) -> Vec<ConnId> {
        let Some(subscribers) = self.subscribers.get(key) else { return Vec::new() };
        let members = &self.rooms[&room].members;
        if subscribers.len() < members.len() {
            subscribers.iter().filter(|conn| members.contains_key(conn)).copied().collect()
        } else {
            members.keys().filter(|conn| subscribers.contains(conn)).copied().collect()
        }
    }

    /// Whether `reader` is told of changes of `conn`: they share a room, or `reader` watches them.
    fn follows(&self, reader: ConnId, conn: ConnId) -> bool {
        let (reader, person) = (self.person(reader), self.person(conn));
        reader.monitored.contains_key(person.nick.key())
            || person.rooms.iter().any(|room| reader.rooms.contains(room))
    }

    /// `conn` is told of `key` no more.
    pub(super) fn unsubscribe(&mut self, conn: ConnId, key: &str) {
        self.person_mut(conn).subscriptions.remove(key);
        if let Some(subscribers) = self.subscribers.get_mut(key) {
            subscribers.remove(&conn);
            if subscribers.is_empty() {
                self.subscribers.remove(key);
            }
        }
    }

    /// `conn` is told of no metadata any more.
    pub(super) fn unsubscribe_all(&mut self, conn: ConnId) {
        for key in self.person(conn).subscriptions.clone() {
            self.unsubscribe(conn, &key);
        }
    }

    /// What `conn` is to be told of a room that they have entered.
    pub(super) fn sync_on_join(&self, conn: ConnId, room: RoomId) -> Option<Part> {
        let person = self.person(conn);
        let wants =
            person.capabilities.contains(Capability::Metadata) && !person.subscriptions.is_empty();
        let keys = Arc::new(person.subscriptions.clone());
        let (is_batched, is_each_once) = (false, false);
        wants.then(|| Part::Metadata(Sync { room, keys, after: None, is_batched, is_each_once }))
    }

    /// `METADATA` lines of what `owner` has of `keys`.
    pub(super) fn metadata_lines(&self, owner: Owner, keys: &Keys) -> Vec<ReplyLine> {
        let (server, name) = (&self.house.name, self.name_of_owner(owner));
        let wanted = self.metadata_of(owner).iter().filter(|(key, _)| keys.contains(*key));
        wanted
            .map(|(key, value)| format!(":{server} METADATA {name} {key} * :{value}"))
            .map(|line| ReplyLine::Raw(line.into()))
            .collect()
    }

    pub(super) fn list_metadata(
        &self,
        asker: &Person,
        sync: Sync,
        rows: &mut usize,
        lines: &mut Vec<ReplyLine>,
    ) -> Option<Part> {
        // It may have ended since the page before, or they may have been sent out.
        let room = self.rooms.get(&sync.room).filter(|room| room.is_visible_to(asker.conn))?;
        let mut page = Vec::new();
        if sync.after.is_none() {
            page = self.metadata_lines(Owner::Room(room.id), &sync.keys);
        }
        let n_rows = *rows;
        let is_first_seen_here = |member: ConnId| {
            asker.rooms.iter().find(|id| self.rooms[id].has(member)) == Some(&room.id)
        };
        let mut rest = None;
        let is_member = room.has(asker.conn);
        for (member, _) in self.members_after(room.id, sync.after).take_while(|_| is_member) {
            if !sync.is_each_once || is_first_seen_here(member.conn) {
                page.append(&mut self.metadata_lines(Owner::Person(member.conn), &sync.keys));
            }
            // Looking costs as much as a line.
            *rows -= 1;
            if *rows == 0 || page.len() >= n_rows {
                rest = Some(member.conn);
                break;
            }
        }
        *rows = rows.saturating_sub(page.len());
        if sync.is_batched {
            lines.push(batch(room.name.as_str(), page));
        } else {
            lines.append(&mut page);
        }
        rest.map(|conn| Part::Metadata(Sync { after: Some(conn), ..sync }))
    }
}
