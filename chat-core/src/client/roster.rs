//! The rooms that a client knows, and the people in them.
//!
//! The state owns it and changes it; whoever holds a handle reads the copy that was published last. A copy costs a
//! pointer for each hundred rooms: what changes is copied then, and of a room no more than a piece of its people.
//!
//! What a line changes costs no more where there are many rooms: those that somebody is in are known by their nick.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{budget::text_bytes, pieces::Pieces};
use crate::proto::CaseMapping;

/// Rooms that are remembered; a server that puts us into more is not believed.
pub(super) const ROOMS_MAX: usize = 4096;

/// The bytes of a room without its names, its topic and its people, and those of a person in it without the nick: a place
/// among the people, half of which are empty, and one in the index of where everybody is.
const ROOM_BYTES: usize = 512;
const MEMBER_BYTES: usize = 192;

/// The rooms we are in and the people in them, as they are published.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rooms {
    mapping: CaseMapping,
    by_key: Pieces<Arc<Room>>,
}

#[derive(Debug, Clone)]
struct Room {
    name: Arc<str>,
    topic: Option<Arc<str>>,
    /// The people in it, by folded nick.
    members: Pieces<Arc<str>>,
    /// The people, as a series of `RPL_NAMREPLY` tells it that has begun and not ended. Who comes and
    /// goes meanwhile does so in both, since the series may have been at that name already or not.
    arriving: Option<Pieces<Arc<str>>>,
}

impl Room {
    fn has(&self, key: &str) -> bool {
        let arriving = self.arriving.as_ref().and_then(|arriving| arriving.get(key));
        self.members.get(key).or(arriving).is_some()
    }
}

impl Rooms {
    pub(crate) fn topic(&self, room: &str) -> Option<Arc<str>> {
        self.room(room)?.topic.clone()
    }

    pub(crate) fn members(&self, room: &str) -> Vec<Arc<str>> {
        let everyone =
            |room: &Room| room.members.iter().map(|(_, nick)| Arc::clone(nick)).collect();
        self.room(room).map(everyone).unwrap_or_default()
    }

    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.by_key.iter().map(|(_, room)| Arc::clone(&room.name)).collect()
    }

    fn room(&self, name: &str) -> Option<&Room> {
        self.by_key.get(&self.mapping.fold(name)).map(|room| &**room)
    }
}

/// The rooms that somebody is in, by their keys. Most are in one that we are in, too.
#[derive(Debug)]
enum Whereabouts {
    One(Arc<str>),
    Some(BTreeSet<Arc<str>>),
}

/// The rooms, as the state changes them: within the bytes they may take.
#[derive(Debug)]
pub(crate) struct Roster {
    rooms: Arc<Rooms>,
    /// The rooms that each person is in or arrives in, by folded nick.
    whereabouts: HashMap<Arc<str>, Whereabouts>,
    bytes: usize,
    bytes_max: usize,
    /// Something did not fit, and nobody has been told.
    is_overfull: bool,
}

impl Roster {
    /// No rooms yet, and so many bytes for them.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            rooms: Arc::default(),
            whereabouts: HashMap::new(),
            bytes: 0,
            bytes_max,
            is_overfull: false,
        }
    }

    /// The rooms as they are now: others than before if anything changed since.
    pub(crate) fn rooms(&self) -> &Arc<Rooms> {
        &self.rooms
    }

    /// The bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn mapping(&self) -> CaseMapping {
        self.rooms.mapping
    }

    /// Whether the roster had no place for a room, a topic or a person since the last call.
    pub(crate) fn take_overfull(&mut self) -> bool {
        std::mem::take(&mut self.is_overfull)
    }

    /// The server compares names like this from here on: what is known is folded again.
    pub(crate) fn set_mapping(&mut self, mapping: CaseMapping) {
        if mapping == self.rooms.mapping {
            return;
        }
        let known = std::mem::take(&mut self.rooms);
        self.clear();
        Arc::make_mut(&mut self.rooms).mapping = mapping;
        for (_, room) in known.by_key.iter() {
            self.enter(&room.name);
            self.set_topic(&room.name, room.topic.clone());
            room.members.iter().for_each(|(_, nick)| self.add(&room.name, nick));
            if let Some(arriving) = &room.arriving {
                self.names_arrive(&room.name, arriving.iter().map(|(_, nick)| Arc::clone(nick)));
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        let mapping = self.mapping();
        self.rooms = Arc::new(Rooms { mapping, by_key: Pieces::default() });
        // Also what it has place for: a flood is over with its connection.
        self.whereabouts = HashMap::new();
        self.bytes = 0;
    }

    /// Whether it is remembered.
    pub(crate) fn enter(&mut self, name: &Arc<str>) -> bool {
        let key = self.mapping().fold(name).into_owned();
        self.leave(name);
        let fits = self.rooms.by_key.len() < ROOMS_MAX && self.take_bytes(room_bytes(name));
        if fits {
            let (name, members) = (Arc::clone(name), Pieces::default());
            let room = Room { name, topic: None, members, arriving: None };
            Arc::make_mut(&mut self.rooms).by_key.insert(key.into(), Arc::new(room));
        }
        fits
    }

    pub(crate) fn leave(&mut self, name: &str) {
        let key = self.mapping().fold(name);
        if self.rooms.by_key.get(&key).is_none() {
            return;
        }
        let removed = Arc::make_mut(&mut self.rooms).by_key.remove(&key);
        let Some((key, room)) = removed else { return };
        self.bytes -= room_bytes(&room.name) + room.topic.as_deref().map_or(0, text_bytes);
        for members in std::iter::once(&room.members).chain(&room.arriving) {
            for (nick_key, nick) in members.iter() {
                self.bytes -= member_bytes(nick_key, nick);
                self.note_gone(&key, nick_key);
            }
        }
    }

    /// Puts somebody into a room, if there is place for them.
    pub(crate) fn add(&mut self, room: &str, nick: &Arc<str>) {
        let (key, room) = self.keys(nick, room);
        if self.rooms.by_key.get(&room).is_some() {
            self.put(&room, &key, nick, Which::Both);
        }
    }

    pub(crate) fn remove(&mut self, room: &str, nick: &str) {
        let (key, room) = self.keys(nick, room);
        self.take_out(&room, &key);
    }

    /// Takes a person out of every room; the names of those they were in.
    pub(crate) fn remove_everywhere(&mut self, nick: &str) -> Vec<Arc<str>> {
        let key = self.mapping().fold(nick).into_owned();
        let mut names = Vec::new();
        for room in self.rooms_of(&key) {
            names.extend(self.rooms.by_key.get(&room).map(|room| Arc::clone(&room.name)));
            self.take_out(&room, &key);
        }
        names
    }

    pub(crate) fn rename(&mut self, old: &str, new: &Arc<str>) {
        let (old, key) = self.keys(old, new);
        for room in self.rooms_of(&old) {
            self.take_out(&room, &old);
            self.put(&room, &key, new, Which::Both);
        }
    }

    /// One `RPL_NAMREPLY`.
    pub(crate) fn names_arrive(&mut self, room: &str, nicks: impl Iterator<Item = Arc<str>>) {
        let mapping = self.mapping();
        let room: Arc<str> = mapping.fold(room).into();
        if self.rooms.by_key.get(&room).is_none() {
            return;
        }
        if let Some(own) = Arc::make_mut(&mut self.rooms).by_key.get_mut(&room) {
            Arc::make_mut(own).arriving.get_or_insert_default();
        }
        nicks.for_each(|nick| self.put(&room, &mapping.fold(&nick), &nick, Which::Arriving));
    }

    /// `RPL_ENDOFNAMES`: what arrived is everyone; `None` if we are not in that room.
    pub(crate) fn names_end(&mut self, room: &str) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        let key: Arc<str> = self.mapping().fold(room).into();
        self.rooms.by_key.get(&key)?;
        let room = Arc::make_mut(Arc::make_mut(&mut self.rooms).by_key.get_mut(&key)?);
        let arrived = room.arriving.take().unwrap_or_default();
        let before = std::mem::replace(&mut room.members, arrived.clone());
        let name = Arc::clone(&room.name);
        for (nick_key, nick) in before.iter() {
            self.bytes -= member_bytes(nick_key, nick);
            if arrived.get(nick_key).is_none() {
                self.note_gone(&key, nick_key);
            }
        }
        Some((name, arrived.iter().map(|(_, nick)| Arc::clone(nick)).collect()))
    }

    /// Sets a room's topic; one that there is no place for is none.
    pub(crate) fn set_topic(&mut self, room: &str, topic: Option<Arc<str>>) {
        let key = self.mapping().fold(room).into_owned();
        let Some(own) = self.rooms.by_key.get(&key) else { return };
        self.bytes -= own.topic.as_deref().map_or(0, text_bytes);
        let topic = topic.filter(|topic| self.take_bytes(text_bytes(topic)));
        if let Some(own) = Arc::make_mut(&mut self.rooms).by_key.get_mut(&key) {
            Arc::make_mut(own).topic = topic;
        }
    }

    /// Both names, folded.
    fn keys(&self, a: &str, b: &str) -> (Arc<str>, Arc<str>) {
        (self.mapping().fold(a).into(), self.mapping().fold(b).into())
    }

    /// The keys of the rooms that somebody is in.
    fn rooms_of(&self, key: &str) -> Vec<Arc<str>> {
        match self.whereabouts.get(key) {
            None => Vec::new(),
            Some(Whereabouts::One(room)) => vec![Arc::clone(room)],
            Some(Whereabouts::Some(rooms)) => rooms.iter().cloned().collect(),
        }
    }

    /// Takes bytes for another name, if the budget has as many; whether it had.
    fn take_bytes(&mut self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= self.bytes_max;
        if fits {
            self.bytes += bytes;
        }
        self.is_overfull |= !fits;
        fits
    }

    /// Puts somebody among the people of a room that is there.
    fn put(&mut self, room: &Arc<str>, key: &str, nick: &Arc<str>, which: Which) {
        let key: Arc<str> = if **nick == *key { Arc::clone(nick) } else { key.into() };
        let n = match (which, self.rooms.by_key.get(room)) {
            (_, None) => return,
            (Which::Arriving, Some(_)) => 1,
            (Which::Both, Some(room)) => 1 + usize::from(room.arriving.is_some()),
        };
        if !self.take_bytes(n * member_bytes(&key, nick)) {
            return;
        }
        let Some(own) = Arc::make_mut(&mut self.rooms).by_key.get_mut(room) else { return };
        let own = Arc::make_mut(own);
        let both = std::iter::once(&mut own.members).chain(&mut own.arriving);
        for members in both.skip(usize::from(which == Which::Arriving)) {
            // The key of one who was there stays, and the nick is another.
            if let Some(before) = members.insert(Arc::clone(&key), Arc::clone(nick)) {
                self.bytes -= member_bytes(&key, &before);
            }
        }
        self.note_there(room, &key);
    }

    /// Takes somebody out of a room, if they are in it.
    fn take_out(&mut self, room: &Arc<str>, key: &str) {
        if !self.rooms.by_key.get(room).is_some_and(|room| room.has(key)) {
            return;
        }
        if let Some(own) = Arc::make_mut(&mut self.rooms).by_key.get_mut(room) {
            let own = Arc::make_mut(own);
            for members in std::iter::once(&mut own.members).chain(&mut own.arriving) {
                if let Some((key, nick)) = members.remove(key) {
                    self.bytes -= member_bytes(&key, &nick);
                }
            }
        }
        self.note_gone(room, key);
    }

    fn note_there(&mut self, room: &Arc<str>, key: &Arc<str>) {
        match self.whereabouts.get_mut(key) {
            None => {
                self.whereabouts.insert(Arc::clone(key), Whereabouts::One(Arc::clone(room)));
            }
            Some(Whereabouts::Some(rooms)) => {
                rooms.insert(Arc::clone(room));
            }
            Some(place @ Whereabouts::One(_)) => {
                let Whereabouts::One(first) = place else { return };
                if first != room {
                    let both = [Arc::clone(first), Arc::clone(room)];
                    *place = Whereabouts::Some(both.into());
                }
            }
        }
    }

    fn note_gone(&mut self, room: &str, key: &str) {
        let is_gone = match self.whereabouts.get_mut(key) {
            None => false,
            Some(Whereabouts::One(own)) => **own == *room,
            Some(Whereabouts::Some(rooms)) => {
                rooms.remove(room);
                rooms.is_empty()
            }
        };
        if is_gone {
            self.whereabouts.remove(key);
        }
    }
}

/// The lists of a room that somebody is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// The one that arrives.
    Arriving,
    /// The one that arrives, if there is one, and the one that holds meanwhile.
    Both,
}

fn room_bytes(name: &str) -> usize {
    ROOM_BYTES + 2 * text_bytes(name)
}

/// The bytes of a member; a key that is the nick is no other text.
fn member_bytes(key: &str, nick: &str) -> usize {
    let key = if key == nick { 0 } else { text_bytes(key) };
    MEMBER_BYTES + key + text_bytes(nick)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Roster {
        Roster::new(16 << 20)
    }

    impl Roster {
        fn members(&self, room: &str) -> Vec<Arc<str>> {
            self.rooms.members(room)
        }

        fn topic(&self, room: &str) -> Option<Arc<str>> {
            self.rooms.topic(room)
        }
    }

    #[test]
    fn names_are_compared_as_the_server_says() {
        let mut roster = roster();
        roster.enter(&"#A[".into());
        roster.add("#a{", &"Nick[]".into());
        roster.set_mapping(CaseMapping::Ascii);
        assert_eq!(roster.members("#a["), ["Nick[]".into()]);
        assert!(roster.members("#a{").is_empty());
        roster.rename("nick[]", &"Other".into());
        assert_eq!(roster.members("#A["), ["Other".into()]);
        assert_eq!(roster.remove_everywhere("OTHER"), ["#A[".into()]);
        assert!(roster.members("#A[").is_empty());
    }

    #[test]
    fn a_series_of_names_replaces_what_was_known() {
        let mut roster = roster();
        roster.enter(&"#a".into());
        roster.add("#a", &"gone".into());
        roster.names_arrive("#A", ["ann".into(), "bob".into()].into_iter());
        roster.names_arrive("#a", ["cid".into()].into_iter());
        assert_eq!(roster.names_end("#a").unwrap().1.len(), 3);
        assert_eq!(roster.members("#a"), ["ann".into(), "bob".into(), "cid".into()]);
        assert!(roster.names_end("#b").is_none());
    }

    #[test]
    fn who_comes_and_goes_during_a_series_is_counted_right() {
        let mut roster = roster();
        roster.enter(&"#a".into());
        roster.names_arrive("#a", ["ann", "bob", "cid"].map(Arc::from).into_iter());
        // Listed already: they are known to be there, and to go.
        assert_eq!(roster.remove_everywhere("Ann"), ["#a".into()]);
        roster.rename("bob", &"rob".into());
        // Not listed, and behind where the series is.
        roster.add("#a", &"aaron".into());
        roster.names_end("#a");
        assert_eq!(roster.members("#a"), ["aaron", "cid", "rob"].map(Arc::from));
    }

    #[test]
    fn a_server_cannot_fill_the_memory_with_rooms_or_people() {
        let mut roster = roster();
        for n in 0..ROOMS_MAX {
            assert!(roster.enter(&format!("#{n}").into()));
        }
        assert!(!roster.enter(&"#more".into()));
        assert!(roster.enter(&"#0".into()), "a room that is known can be entered again");
        let people = (0..1 << 18).map(|n| Arc::from(n.to_string()));
        roster.names_arrive("#0", people);
        assert!(roster.bytes() <= roster.bytes_max && roster.take_overfull());
        roster.names_arrive("#0", std::iter::once("late".into()));
        let everyone = roster.names_end("#0").unwrap().1;
        assert!(everyone.len() > 10_000 && !everyone.contains(&"late".into()));
        // Nor by making each that is there longer.
        for nick in &everyone {
            roster.rename(nick, &format!("{nick}{}", "x".repeat(190)).into());
            assert!(roster.bytes() <= roster.bytes_max);
        }
        roster.set_topic("#1", Some("x".repeat(16 << 20).into()));
        assert_eq!(roster.topic("#1"), None);
        // The place of what goes is given back.
        for name in roster.rooms().names() {
            roster.leave(&name);
        }
        assert_eq!((roster.bytes(), roster.whereabouts.len()), (0, 0));
    }

    /// Counts are those of what is there, and where everybody is found is where they are.
    #[test]
    fn bytes_and_whereabouts_are_those_of_what_is_there() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut roster = Roster::new(40_000);
        for _ in 0..20_000 {
            let room: Arc<str> = format!("#{}", random.u8(..6)).into();
            let nick: Arc<str> = format!("{}", random.u8(..40)).into();
            let other: Arc<str> = format!("N{}", random.u8(..40)).into();
            match random.u8(..12) {
                0 => {
                    roster.enter(&room);
                }
                1 if random.u8(..4) == 0 => roster.leave(&room),
                2 => drop(roster.names_end(&room)),
                3 => roster.names_arrive(&room, [nick, other].into_iter()),
                4 => drop(roster.remove_everywhere(&nick)),
                5 => roster.rename(&nick, &other),
                6 => roster.remove(&room, &nick),
                7 => roster.set_topic(&room, Some(nick)),
                8 if random.u8(..50) == 0 => {
                    let mapping = random.choice([CaseMapping::Ascii, CaseMapping::Rfc1459]);
                    roster.set_mapping(mapping.unwrap());
                }
                _ => roster.add(&room, &nick),
            }
            let (mut bytes, mut places) = (0, BTreeSet::new());
            for (key, room) in roster.rooms.by_key.iter() {
                bytes += room_bytes(&room.name) + room.topic.as_deref().map_or(0, text_bytes);
                for people in std::iter::once(&room.members).chain(&room.arriving) {
                    for (nick_key, nick) in people.iter() {
                        bytes += member_bytes(nick_key, nick);
                        places.insert((Arc::clone(nick_key), Arc::clone(key)));
                    }
                }
            }
            assert_eq!(roster.bytes, bytes);
            assert!(bytes <= roster.bytes_max);
            let known = roster.whereabouts.keys();
            let known = known
                .flat_map(|key| roster.rooms_of(key).into_iter().map(|r| (Arc::clone(key), r)));
            assert_eq!(known.collect::<BTreeSet<_>>(), places);
        }
    }
}
