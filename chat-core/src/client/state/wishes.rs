//! The wishes that are asked for on every connection: they outlive each of them.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use crate::{
    client::{
        roster::ROOMS_MAX,
        settings::{Account, Settings},
    },
    proto::CaseMapping,
};

/// The program's wishes for every connection.
#[derive(Debug)]
pub(super) struct Wishes {
    /// The nick we would like to have.
    pub(super) nick: Arc<str>,
    rooms: WantedRooms,
    /// The keys of rooms, by the rooms' names.
    pub(super) keys: HashMap<Arc<str>, String>,
    /// The account to log in to.
    pub(super) account: Option<Account>,
    /// The account's password was known to some server.
    pub(super) has_logged_in: bool,
}

impl Wishes {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            nick: Arc::clone(settings.nick.shown()),
            rooms: WantedRooms::of(&settings.rooms),
            keys: settings.keys.clone(),
            account: settings.account.clone(),
            has_logged_in: false,
        }
    }

    /// The rooms to be in, in the order in which they were wanted first.
    pub(super) fn rooms(&self) -> impl Iterator<Item = &Arc<str>> {
        self.rooms.in_order.values()
    }

    /// The program wants to be in a room.
    pub(super) fn want_room(&mut self, mapping: CaseMapping, room: &Arc<str>) {
        self.rooms.want(mapping, room);
    }

    /// The server has put us into a room, and we come back to it; not to more than a server may put us into.
    pub(super) fn want_room_we_are_in(&mut self, mapping: CaseMapping, room: &Arc<str>) {
        if self.rooms.in_order.len() < ROOMS_MAX {
            self.rooms.want(mapping, room);
        }
    }

    pub(super) fn forget_room(&mut self, mapping: CaseMapping, room: &str) {
        self.rooms.forget(mapping, room);
    }
}

/// Rooms in an order, found by their names.
#[derive(Debug, Default)]
struct WantedRooms {
    /// The names, by the number of the wish.
    in_order: BTreeMap<u64, Arc<str>>,
    /// The numbers of the wishes, by folded names.
    numbers: HashMap<Arc<str>, u64>,
    mapping: CaseMapping,
    next: u64,
}

impl WantedRooms {
    fn of(rooms: &[Arc<str>]) -> Self {
        let mut wanted = Self::default();
        let mapping = wanted.mapping;
        rooms.iter().for_each(|room| wanted.want(mapping, room));
        wanted
    }

    fn want(&mut self, mapping: CaseMapping, room: &Arc<str>) {
        self.compare_by(mapping);
        if let Entry::Vacant(place) = self.numbers.entry(mapping.fold(room).into()) {
            place.insert(self.next);
            self.in_order.insert(self.next, Arc::clone(room));
            self.next += 1;
        }
    }

    fn forget(&mut self, mapping: CaseMapping, room: &str) {
        self.compare_by(mapping);
        if let Some(number) = self.numbers.remove(&*mapping.fold(room)) {
            self.in_order.remove(&number);
        }
    }

    /// Finds rooms as the server compares them. Of those that are the same to it, one is wanted.
    fn compare_by(&mut self, mapping: CaseMapping) {
        if self.mapping == mapping {
            return;
        }
        self.mapping = mapping;
        self.numbers.clear();
        let numbers = &mut self.numbers;
        self.in_order.retain(|number, room| match numbers.entry(mapping.fold(room).into()) {
            Entry::Vacant(place) => {
                place.insert(*number);
                true
            }
            Entry::Occupied(_) => false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_wanted_once_in_their_order_and_no_more_than_can_be() {
        let mut rooms = WantedRooms::of(&["#b".into(), "#A[".into(), "#a{".into()]);
        assert_eq!(rooms.in_order.values().map(|room| &**room).collect::<Vec<_>>(), ["#b", "#A["]);
        rooms.want(CaseMapping::Ascii, &"#a{".into());
        assert_eq!(rooms.in_order.len(), 3, "they are two to this server");
        rooms.forget(CaseMapping::Ascii, "#B");
        rooms.want(CaseMapping::Rfc1459, &"#c".into());
        let names: Vec<_> = rooms.in_order.values().map(|room| &**room).collect();
        assert_eq!(names, ["#A[", "#c"], "and one to that");
        for n in 0..2 * ROOMS_MAX {
            rooms.want(CaseMapping::Rfc1459, &format!("#{n}").into());
        }
        assert_eq!(rooms.in_order.len(), 2 * ROOMS_MAX + 2, "a program wants what it wants");
    }
}
