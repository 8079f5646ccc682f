//! Everybody who is here and their connections, found without a search: what a message costs is not to grow
//! with the crowd.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    ops::Bound,
};

use chat_core::proto::Nick;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use slab::Slab;
use smallvec::SmallVec;

use crate::{
    hub::state::{confusables, device::Device, person::Person},
    ids::{ConnId, PersonId},
};

/// Connections that have registered. Boxed, as the free places of a table are as large as the others.
#[derive(Debug, Default)]
pub(crate) struct DeviceDirectory(HashTable<Box<Device>>);

fn hash(conn: ConnId) -> u64 {
    // Nobody outside can choose these numbers.
    FxBuildHasher.hash_one(conn)
}

impl DeviceDirectory {
    pub(crate) fn get(&self, conn: ConnId) -> Option<&Device> {
        self.0.find(hash(conn), |device| device.conn == conn).map(|device| &**device)
    }

    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Device> {
        self.0.find_mut(hash(conn), |device| device.conn == conn).map(|device| &mut **device)
    }

    pub(crate) fn contains(&self, conn: ConnId) -> bool {
        self.get(conn).is_some()
    }

    pub(crate) fn insert(&mut self, device: Device) {
        self.0.insert_unique(hash(device.conn), Box::new(device), |device| hash(device.conn));
    }

    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<Device> {
        let entry = self.0.find_entry(hash(conn), |device| device.conn == conn).ok()?;
        Some(*entry.remove().0)
    }

    /// All of them, by their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Device> {
        let mut devices: Vec<&Device> = self.0.iter().map(|device| &**device).collect();
        devices.sort_unstable_by_key(|device| device.conn);
        devices.into_iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// People who have registered. A [`PersonId`] tells the place; a place is used again, an id is not.
#[derive(Debug, Default)]
pub(crate) struct PersonDirectory {
    places: Slab<Box<Person>>,
    /// In the order in which they came, since people are listed.
    order: BTreeSet<PersonId>,
    /// The owners of nicks, found by its key, which stands with its owner.
    by_nick: HashTable<PersonId>,
    /// The owners of nicks by the hashes of what those look like, in two ways at most.
    by_look: HashTable<(u64, PersonId)>,
    /// Strangers choose the nicks: they are not to know which ones meet.
    hasher: RandomState,
    n_ever: u64,
}

impl PersonDirectory {
    /// Makes somebody who comes after all the others.
    pub(crate) fn insert(&mut self, make: impl FnOnce(PersonId) -> Person) -> PersonId {
        let entry = self.places.vacant_entry();
        let id = PersonId::new(self.n_ever, entry.key());
        self.n_ever += 1;
        entry.insert(Box::new(make(id)));
        self.order.insert(id);
        self.note_nick(id);
        id
    }

    /// Puts `id` where their nick leads to.
    fn note_nick(&mut self, id: PersonId) {
        let Self { places, by_nick, hasher, .. } = self;
        let hash_of = |id: &PersonId| hasher.hash_one(&**places[id.place()].nick.key());
        by_nick.insert_unique(hash_of(&id), id, hash_of);
        for hash in self.look_hashes(self.places[id.place()].nick.as_str()) {
            self.by_look.insert_unique(hash, (hash, id), |(hash, _)| *hash);
        }
    }

    fn forget_nick(&mut self, id: PersonId) {
        let hash = self.hasher.hash_one(&**self.places[id.place()].nick.key());
        if let Ok(entry) = self.by_nick.find_entry(hash, |own| *own == id) {
            entry.remove();
        }
        for hash in self.look_hashes(self.places[id.place()].nick.as_str()) {
            if let Ok(entry) = self.by_look.find_entry(hash, |own| *own == (hash, id)) {
                entry.remove();
            }
        }
    }

    /// The hashes of what `name` looks like, each of them once.
    fn look_hashes(&self, name: &str) -> SmallVec<[u64; 2]> {
        let looks = confusables::looks(name);
        let mut hashes: SmallVec<[u64; 2]> =
            looks.iter().map(|look| self.hasher.hash_one(look)).collect();
        hashes.dedup();
        hashes
    }

    /// The people whose nicks look like `name`, in the order in which they came.
    pub(crate) fn looking_like(&self, name: &str) -> BTreeSet<PersonId> {
        let with = |hash: u64| self.by_look.iter_hash(hash).filter(move |own| own.0 == hash);
        let hashes = self.look_hashes(name).into_iter();
        let found = hashes.flat_map(with).map(|(_, id)| *id);
        found
            .filter(|id| confusables::are_alike(self.places[id.place()].nick.as_str(), name))
            .collect()
    }

    /// Checks that everybody is found by what their nick looks like, and nobody who is gone.
    pub(crate) fn check_looks(&self) -> Result<(), String> {
        let n_looks: usize = self.iter().map(|own| self.look_hashes(own.nick.as_str()).len()).sum();
        if n_looks != self.by_look.len() {
            return Err("each look of a nick is its owner's".into());
        }
        let is_found = |own: &&Person| self.looking_like(own.nick.as_str()).contains(&own.id);
        match self.iter().find(|own| !is_found(own)) {
            Some(lost) => Err(format!("{} is found by what it looks like", lost.nick)),
            None => Ok(()),
        }
    }

    /// Nobody else has that nick.
    pub(crate) fn rename(&mut self, id: PersonId, nick: Nick) {
        self.forget_nick(id);
        self.places[id.place()].set_nick(nick);
        self.note_nick(id);
    }

    /// The owner of the nick with that key.
    pub(crate) fn by_nick(&self, key: &str) -> Option<PersonId> {
        let has_it = |id: &PersonId| **self.places[id.place()].nick.key() == *key;
        self.by_nick.find(self.hasher.hash_one(key), has_it).copied()
    }

    pub(crate) fn get(&self, id: PersonId) -> Option<&Person> {
        self.places.get(id.place()).map(|person| &**person).filter(|person| person.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: PersonId) -> Option<&mut Person> {
        self.places.get_mut(id.place()).map(|person| &mut **person).filter(|person| person.id == id)
    }

    pub(crate) fn contains(&self, id: PersonId) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn remove(&mut self, id: PersonId) -> Option<Person> {
        if !self.order.remove(&id) {
            return None;
        }
        self.forget_nick(id);
        Some(*self.places.remove(id.place()))
    }

    /// In the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.after(None)
    }

    /// The people who came after `last`.
    pub(crate) fn after(&self, last: Option<PersonId>) -> impl Iterator<Item = &Person> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.order.range((start, Bound::Unbounded)).filter_map(|id| self.get(*id))
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn clear(&mut self) {
        self.places = Slab::new();
        self.order.clear();
        self.by_nick.clear();
        self.by_look.clear();
    }
}
