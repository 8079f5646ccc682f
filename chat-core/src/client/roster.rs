//! What a client knows of rooms and the people in them.

use std::{collections::BTreeMap, sync::Arc};

use crate::proto::CaseMapping;

/// Rooms we are in, by folded name. Written by the client's state, read by whoever holds a handle.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    mapping: CaseMapping,
    rooms: BTreeMap<String, Room>,
}

#[derive(Debug)]
struct Room {
    name: Arc<str>,
    topic: Option<Arc<str>>,
    /// By folded nick.
    members: BTreeMap<String, Arc<str>>,
    /// Members of a `RPL_NAMREPLY` series that has not ended.
    arriving: Vec<Arc<str>>,
}

impl Roster {
    /// The server compares names like this from here on: what is known is folded again.
    pub(crate) fn set_mapping(&mut self, mapping: CaseMapping) {
        self.mapping = mapping;
        let rooms = std::mem::take(&mut self.rooms);
        for (_, mut room) in rooms {
            let members = std::mem::take(&mut room.members);
            room.members = members.into_values().map(|nick| (mapping.fold(&nick), nick)).collect();
            self.rooms.insert(mapping.fold(&room.name), room);
        }
    }

    pub(crate) fn mapping(&self) -> CaseMapping {
        self.mapping
    }

    pub(crate) fn clear(&mut self) {
        self.rooms.clear();
    }

    pub(crate) fn enter(&mut self, name: &Arc<str>) {
        let room = Room {
            name: Arc::clone(name),
            topic: None,
            members: BTreeMap::new(),
            arriving: Vec::new(),
        };
        self.rooms.insert(self.mapping.fold(name), room);
    }

    pub(crate) fn leave(&mut self, name: &str) {
        self.rooms.remove(&self.mapping.fold(name));
    }

    pub(crate) fn add(&mut self, room: &str, nick: &Arc<str>) {
        let key = self.mapping.fold(nick);
        if let Some(room) = self.room_mut(room) {
            room.members.insert(key, Arc::clone(nick));
        }
    }

    /// Whether they were there.
    pub(crate) fn remove(&mut self, room: &str, nick: &str) -> bool {
        let key = self.mapping.fold(nick);
        self.room_mut(room).is_some_and(|room| room.members.remove(&key).is_some())
    }

    /// Takes a person out of every room; the names of those they were in.
    pub(crate) fn remove_everywhere(&mut self, nick: &str) -> Vec<Arc<str>> {
        let key = self.mapping.fold(nick);
        let rooms = self.rooms.values_mut();
        rooms.filter_map(|room| room.members.remove(&key).map(|_| Arc::clone(&room.name))).collect()
    }

    pub(crate) fn rename(&mut self, old: &str, new: &Arc<str>) {
        let (old, key) = (self.mapping.fold(old), self.mapping.fold(new));
        for room in self.rooms.values_mut() {
            if room.members.remove(&old).is_some() {
                room.members.insert(key.clone(), Arc::clone(new));
            }
        }
    }

    /// One `RPL_NAMREPLY`.
    pub(crate) fn names_arrive(&mut self, room: &str, nicks: impl Iterator<Item = Arc<str>>) {
        if let Some(room) = self.room_mut(room) {
            room.arriving.extend(nicks);
        }
    }

    /// `RPL_ENDOFNAMES`: what arrived is everyone; `None` if we are not in that room.
    pub(crate) fn names_end(&mut self, room: &str) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        let mapping = self.mapping;
        let room = self.room_mut(room)?;
        let nicks = std::mem::take(&mut room.arriving);
        room.members = nicks.iter().map(|nick| (mapping.fold(nick), Arc::clone(nick))).collect();
        Some((Arc::clone(&room.name), nicks))
    }

    pub(crate) fn set_topic(&mut self, room: &str, topic: Option<Arc<str>>) {
        if let Some(room) = self.room_mut(room) {
            room.topic = topic;
        }
    }

    pub(crate) fn topic(&self, room: &str) -> Option<Arc<str>> {
        self.rooms.get(&self.mapping.fold(room))?.topic.clone()
    }

    pub(crate) fn members(&self, room: &str) -> Vec<Arc<str>> {
        let room = self.rooms.get(&self.mapping.fold(room));
        room.map(|room| room.members.values().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn rooms(&self) -> Vec<Arc<str>> {
        self.rooms.values().map(|room| Arc::clone(&room.name)).collect()
    }

    fn room_mut(&mut self, name: &str) -> Option<&mut Room> {
        self.rooms.get_mut(&self.mapping.fold(name))
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
}
