//! The rooms that a client knows, and the people in them.
//!
//! The state owns it and changes it; whoever holds a handle reads the copy that was published last. A copy costs a
//! pointer: what changes is copied then, and of a room no more than a piece of its people.

use std::{collections::BTreeMap, sync::Arc};

use super::members::Members;
use crate::proto::CaseMapping;

/// Rooms that are remembered; a server that puts us into more is not believed.
const ROOMS_MAX: usize = 4096;

/// People who are remembered in one room.
const MEMBERS_MAX: usize = 1 << 18;

/// The rooms we are in, by folded name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    mapping: CaseMapping,
    rooms: BTreeMap<Arc<str>, Arc<Room>>,
}

#[derive(Debug, Clone)]
struct Room {
    name: Arc<str>,
    topic: Option<Arc<str>>,
    /// The people in it, by folded nick.
    members: Members,
    /// The people, as a series of `RPL_NAMREPLY` tells it that has begun and not ended. Who comes and
    /// goes meanwhile does so in both, since the series may have been at that name already or not.
    arriving: Option<Members>,
}

impl Room {
    fn add(&mut self, key: &str, nick: &Arc<str>) {
        for members in std::iter::once(&mut self.members).chain(&mut self.arriving) {
            if members.len() < MEMBERS_MAX {
                members.insert(key, nick);
            }
        }
    }

    fn has(&self, key: &str) -> bool {
        let arriving = self.arriving.as_ref().and_then(|arriving| arriving.get(key));
        self.members.get(key).or(arriving).is_some()
    }

    fn remove(&mut self, key: &str) {
        for members in std::iter::once(&mut self.members).chain(&mut self.arriving) {
            members.remove(key);
        }
    }
}

impl Roster {
    /// The server compares names like this from here on: what is known is folded again.
    pub(crate) fn set_mapping(&mut self, mapping: CaseMapping) {
        self.mapping = mapping;
        let rooms = std::mem::take(&mut self.rooms);
        for (_, mut shared) in rooms {
            let room = Arc::make_mut(&mut shared);
            for members in std::iter::once(&mut room.members).chain(&mut room.arriving) {
                let known = std::mem::take(members);
                known.nicks().for_each(|nick| members.insert(&mapping.fold(nick), nick));
            }
            self.rooms.insert(mapping.fold(&room.name).into(), shared);
        }
    }

    pub(crate) fn mapping(&self) -> CaseMapping {
        self.mapping
    }

    pub(crate) fn clear(&mut self) {
        self.rooms.clear();
    }

    /// Whether it is remembered.
    pub(crate) fn enter(&mut self, name: &Arc<str>) -> bool {
        let name = Arc::clone(name);
        let key: Arc<str> = self.mapping.fold(&name).into();
        let room = Room { name, topic: None, members: Members::default(), arriving: None };
        let is_remembered = self.rooms.len() < ROOMS_MAX || self.rooms.contains_key(&key);
        if is_remembered {
            self.rooms.insert(key, Arc::new(room));
        }
        is_remembered
    }

    pub(crate) fn leave(&mut self, name: &str) {
        self.rooms.remove(&*self.mapping.fold(name));
    }

    pub(crate) fn add(&mut self, room: &str, nick: &Arc<str>) {
        let key = self.mapping.fold(nick);
        if let Some(room) = self.room_mut(room) {
            room.add(&key, nick);
        }
    }

    pub(crate) fn remove(&mut self, room: &str, nick: &str) {
        let key = self.mapping.fold(nick);
        if let Some(room) = self.room_mut(room) {
            room.remove(&key);
        }
    }

    /// Takes a person out of every room; the names of those they were in.
    pub(crate) fn remove_everywhere(&mut self, nick: &str) -> Vec<Arc<str>> {
        let key = self.mapping.fold(nick);
        let mut names = Vec::new();
        for room in self.rooms.values_mut().filter(|room| room.has(&key)) {
            Arc::make_mut(room).remove(&key);
            names.push(Arc::clone(&room.name));
        }
        names
    }

    pub(crate) fn rename(&mut self, old: &str, new: &Arc<str>) {
        let (old, key) = (self.mapping.fold(old), self.mapping.fold(new));
        for room in self.rooms.values_mut().filter(|room| room.has(&old)) {
            let room = Arc::make_mut(room);
            room.remove(&old);
            room.add(&key, new);
        }
    }

    /// One `RPL_NAMREPLY`.
    pub(crate) fn names_arrive(&mut self, room: &str, nicks: impl Iterator<Item = Arc<str>>) {
        let mapping = self.mapping;
        if let Some(room) = self.room_mut(room) {
            let arriving = room.arriving.get_or_insert_default();
            let n_more = MEMBERS_MAX.saturating_sub(arriving.len());
            nicks.take(n_more).for_each(|nick| arriving.insert(&mapping.fold(&nick), &nick));
        }
    }

    /// `RPL_ENDOFNAMES`: what arrived is everyone; `None` if we are not in that room.
    pub(crate) fn names_end(&mut self, room: &str) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        let room = self.room_mut(room)?;
        room.members = room.arriving.take().unwrap_or_default();
        Some((Arc::clone(&room.name), room.members.nicks().cloned().collect()))
    }

    pub(crate) fn set_topic(&mut self, room: &str, topic: Option<Arc<str>>) {
        if let Some(room) = self.room_mut(room) {
            room.topic = topic;
        }
    }

    pub(crate) fn topic(&self, room: &str) -> Option<Arc<str>> {
        self.rooms.get(&*self.mapping.fold(room))?.topic.clone()
    }

    pub(crate) fn members(&self, room: &str) -> Vec<Arc<str>> {
        let room = self.rooms.get(&*self.mapping.fold(room));
        room.map(|room| room.members.nicks().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn rooms(&self) -> Vec<Arc<str>> {
        self.rooms.values().map(|room| Arc::clone(&room.name)).collect()
    }

    fn room_mut(&mut self, name: &str) -> Option<&mut Room> {
        self.rooms.get_mut(&*self.mapping.fold(name)).map(Arc::make_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_the_server_says() {
        let mut roster = Roster::default();
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
        let mut roster = Roster::default();
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
        let mut roster = Roster::default();
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
        let mut roster = Roster::default();
        for n in 0..ROOMS_MAX {
            assert!(roster.enter(&format!("#{n}").into()));
        }
        assert!(!roster.enter(&"#more".into()));
        assert!(roster.enter(&"#0".into()), "a room that is known can be entered again");
        let people = (0..=MEMBERS_MAX).map(|n| Arc::from(n.to_string()));
        roster.names_arrive("#0", people);
        roster.names_arrive("#0", std::iter::once("late".into()));
        assert_eq!(roster.names_end("#0").unwrap().1.len(), MEMBERS_MAX);
        roster.add("#0", &"more".into());
        assert_eq!(roster.members("#0").len(), MEMBERS_MAX);
    }
}
