//! Rooms.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::proto::RoomName;

use crate::{
    hub::{
        Hub,
        input::Now,
        refusal::Refusal,
        state::{
            facts::Fact,
            list_entry::{Entry, Terms},
            rank::Rank,
            room::Room,
        },
    },
    ids::{PersonId, RoomId},
};

/// When something ends in which room.
pub(crate) type Expiries = BTreeSet<(SystemTime, RoomId, Arc<str>)>;

impl Hub {
    /// What is about to be so in a room, and may end; what is there in its place ends no more.
    pub(crate) fn note_expiry(&mut self, id: RoomId, fact: &Fact) {
        let (Fact::Listed(list, Entry { mask, .. }) | Fact::Unlisted(list, mask)) = fact else {
            return;
        };
        let mut before = self.rooms.get(&id).into_iter().flat_map(|room| room.modes.list(*list));
        let before = before.find(|entry| entry.mask.eq_ignore_ascii_case(mask));
        if let Some((until, mask)) = before.and_then(|own| Some((own.terms.until?, &own.mask))) {
            self.expiries.remove(&(until, id, Arc::clone(mask)));
        }
        if let Fact::Listed(_, Entry { mask, terms: Terms { until: Some(until), .. }, .. }) = fact {
            self.expiries.insert((*until, id, Arc::clone(mask)));
        }
    }

    /// When the next one ends, as far as the clocks at the latest input tell.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        let (until, ..) = self.expiries.first()?;
        let Now { mono, wall } = self.latest?;
        Some(mono + until.duration_since(wall).unwrap_or_default())
    }

    /// The room by that name.
    pub(crate) fn find_room(&self, name: &str) -> Result<&Room, Refusal> {
        let key = chat_core::proto::CaseMapping::Ascii.fold(name);
        let id =
            self.rooms_by_name.get(&*key).ok_or_else(|| Refusal::NoSuchRoom(name.to_owned()))?;
        Ok(&self.rooms[id])
    }

    /// The room by that name, if `person` may know that it is there.
    pub(crate) fn find_visible_room(&self, person: PersonId, name: &str) -> Result<&Room, Refusal> {
        let room = self.find_room(name)?;
        if !room.is_visible_to(person) {
            return Err(Refusal::NoSuchRoom(name.to_owned()));
        }
        Ok(room)
    }

    /// The room by that name, if `person` is in it, and what they may do there.
    pub(crate) fn find_own_room(
        &self,
        person: PersonId,
        name: &str,
    ) -> Result<(&Room, Rank), Refusal> {
        let room = self.find_visible_room(person, name)?;
        let rank = room.members.get(&person).ok_or_else(|| Refusal::NotOnRoom(name.to_owned()))?;
        Ok((room, *rank))
    }

    /// The same, if they may change it.
    pub(crate) fn find_operated_room(
        &self,
        person: PersonId,
        name: &str,
    ) -> Result<&Room, Refusal> {
        let (room, rank) = self.find_own_room(person, name)?;
        if !rank.is_operator {
            return Err(Refusal::NotOperator(name.to_owned()));
        }
        Ok(room)
    }

    /// What is on its way to the log makes a room last.
    pub(crate) fn note_written(&mut self, id: RoomId) {
        if let Some(ownership) = self.rooms.get_mut(&id).and_then(|room| room.ownership.as_mut()) {
            ownership.is_written = true;
        }
    }

    /// A room is called so from here on.
    pub(crate) fn call_room(&mut self, id: RoomId, name: RoomName) {
        let room = self.rooms.get_mut(&id).expect("the caller found it");
        self.rooms_by_name.remove(room.name.key());
        self.rooms_by_name.insert(Arc::clone(name.key()), id);
        if room.ownership.is_some() {
            self.lasting.names.remove(room.name.key(), room.name.as_str());
            self.lasting.names.add(name.key(), name.as_str());
        }
        room.name = name;
    }
}
