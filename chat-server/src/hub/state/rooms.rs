//! All rooms, and what is found by them: their names, those that are reserved, whose they are, and what ends by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, Index},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::{CaseMapping, RoomName};

use crate::{
    hub::{
        policy::Right,
        refusal::Refusal,
        state::{
            facts::Fact,
            list_entry::{Entry, Terms},
            ownership::{Ownership, OwnershipIndex},
            person::Asker,
            rank::Rank,
            room::Room,
        },
    },
    ids::{IdMap, PersonId, RoomId},
};

/// All rooms.
#[derive(Debug)]
pub(crate) struct Rooms {
    by_id: IdMap<RoomId, Room>,
    by_name: BTreeMap<Arc<str>, RoomId>,
    next_id: u64,
    /// Rooms that are somebody's.
    owned: OwnershipIndex,
    /// Names that rooms are about to get.
    reserved_names: BTreeMap<Arc<str>, RoomId>,
    /// Entries of lists that end by themselves: when, and in which room.
    expiries: BTreeSet<(SystemTime, RoomId, Arc<str>)>,
    /// No record of a new room or of a direct conversation is earlier than this.
    latest_record: SystemTime,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            by_id: IdMap::default(),
            by_name: BTreeMap::new(),
            next_id: 0,
            owned: OwnershipIndex::default(),
            reserved_names: BTreeMap::new(),
            expiries: BTreeSet::new(),
            latest_record: SystemTime::UNIX_EPOCH,
        }
    }
}

impl Index<&RoomId> for Rooms {
    type Output = Room;

    /// The room, which the caller knows to be there.
    fn index(&self, id: &RoomId) -> &Room {
        &self.by_id[id]
    }
}

/// Finding rooms.
impl Rooms {
    pub(crate) fn get(&self, id: RoomId) -> Option<&Room> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.by_id.get_mut(&id)
    }

    /// A room that a member is in, or that the caller has found.
    pub(crate) fn room_mut(&mut self, id: RoomId) -> &mut Room {
        self.by_id.get_mut(&id).expect("members are in rooms that exist, and callers find them")
    }

    pub(crate) fn contains(&self, id: RoomId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The room whose name has that key.
    pub(crate) fn by_key(&self, key: &str) -> Option<&Room> {
        self.by_name.get(key).map(|id| &self.by_id[id])
    }

    /// All rooms by the keys of their names, behind the key `after`.
    pub(crate) fn after(&self, after: Option<&str>) -> impl Iterator<Item = (&Arc<str>, &Room)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.by_name.range::<str, _>((start, Bound::Unbounded));
        range.map(|(key, id)| (key, &self.by_id[id]))
    }

    /// The room by that name.
    pub(crate) fn find(&self, name: &str) -> Result<&Room, Refusal> {
        let room = self.by_key(&CaseMapping::Ascii.fold(name));
        room.ok_or_else(|| Refusal::NoSuchRoom(name.to_owned()))
    }

    /// The room by that name, if `person` may know that it is there.
    pub(crate) fn find_visible(&self, person: PersonId, name: &str) -> Result<&Room, Refusal> {
        let room = self.find(name)?;
        if !room.is_visible_to(person) {
            return Err(Refusal::NoSuchRoom(name.to_owned()));
        }
        Ok(room)
    }

    /// The room by that name, if `person` is in it, and what they may do there.
    pub(crate) fn find_own(&self, person: PersonId, name: &str) -> Result<(&Room, Rank), Refusal> {
        let room = self.find_visible(person, name)?;
        let rank = room.members.get(&person).ok_or_else(|| Refusal::NotOnRoom(name.to_owned()))?;
        Ok((room, *rank))
    }

    /// The room by that name, if the asker is in it and operates it.
    pub(crate) fn find_operated(&self, asker: Asker<'_>, name: &str) -> Result<&Room, Refusal> {
        let (room, _) = self.find_own(asker.person.id, name)?;
        if !room.allows(asker, Right::Operate) {
            return Err(Refusal::NotOperator(name.to_owned()));
        }
        Ok(room)
    }
}

/// Rooms that come, get names, and end.
impl Rooms {
    /// Founds a room under a name that no room has.
    pub(crate) fn found(&mut self, name: RoomName, wall: SystemTime, n_workers: u16) -> RoomId {
        let id = RoomId(self.next_id);
        self.next_id += 1;
        self.by_name.insert(Arc::clone(name.key()), id);
        let mut room = Room::new(id, name, wall, n_workers);
        room.begin_after(self.latest_record);
        self.by_id.insert(id, room);
        id
    }

    /// Takes away a room that has ended.
    pub(crate) fn remove(&mut self, id: RoomId) -> Option<Room> {
        let room = self.by_id.remove(&id)?;
        if let Some(ownership) = &room.ownership {
            self.owned.remove(id, ownership, &room.name);
        }
        self.expiries.retain(|(_, own, _)| *own != id);
        self.latest_record = self.latest_record.max(room.latest);
        self.by_name.remove(room.name.key());
        Some(room)
    }

    /// Gives a room another name.
    pub(crate) fn rename(&mut self, id: RoomId, name: RoomName) {
        let room = self.by_id.get_mut(&id).expect("the caller found it");
        self.by_name.remove(room.name.key());
        self.by_name.insert(Arc::clone(name.key()), id);
        if room.ownership.is_some() {
            self.owned.rename(&room.name, &name);
        }
        room.name = name;
    }

    /// Reserves a name that a room is about to get.
    pub(crate) fn reserve_name(&mut self, name: &RoomName, id: RoomId) {
        self.reserved_names.insert(Arc::clone(name.key()), id);
    }

    /// The room has the name, or will not get it.
    pub(crate) fn release_name(&mut self, name: &RoomName) {
        self.reserved_names.remove(name.key());
    }

    pub(crate) fn is_reserved(&self, name: &RoomName) -> bool {
        self.reserved_names.contains_key(name.key())
    }

    /// Whether a room is about to get another name.
    pub(crate) fn is_being_renamed(&self, id: RoomId) -> bool {
        self.reserved_names.values().any(|own| *own == id)
    }

    /// Times of records from here on are later than `time`.
    pub(crate) fn begin_after(&mut self, time: SystemTime) {
        self.latest_record = self.latest_record.max(time);
    }

    /// The time of the next record of a direct conversation: times never fall, though the clock may.
    pub(crate) fn next_direct_time(&mut self, wall: SystemTime) -> SystemTime {
        self.begin_after(wall);
        self.latest_record
    }
}

/// Rooms that are somebody's.
impl Rooms {
    /// Makes a room that is nobody's somebody's.
    pub(crate) fn own(&mut self, id: RoomId, ownership: Ownership) {
        let room = self.by_id.get_mut(&id).expect("the caller found it");
        self.owned.add(id, &ownership, &room.name);
        room.ownership = Some(ownership);
    }

    /// Makes a room nobody's, and gives what it was.
    pub(crate) fn disown(&mut self, id: RoomId) -> Option<Ownership> {
        let room = self.by_id.get_mut(&id).expect("the caller found it");
        let ownership = room.ownership.take()?;
        self.owned.remove(id, &ownership, &room.name);
        Some(ownership)
    }

    /// The room of that number, whatever it is called.
    pub(crate) fn by_number(&self, number: &str) -> Option<RoomId> {
        self.owned.by_number(number)
    }

    /// The rooms that are somebody's, by their numbers.
    pub(crate) fn owned(&self) -> impl Iterator<Item = &Room> {
        self.owned.rooms().map(|id| &self.by_id[&id])
    }

    /// The rooms of an account, by its folded name.
    pub(crate) fn owned_by(&self, founder: &str) -> Vec<RoomId> {
        self.owned.rooms_of(founder)
    }

    pub(crate) fn n_owned(&self) -> usize {
        self.owned.len()
    }

    /// Whether a name looks like that of a room that is somebody's, other than the one of the key `own`.
    pub(crate) fn looks_like_anothers(&self, name: &RoomName, own: Option<&str>) -> bool {
        self.owned.looks_like_anothers(name, own)
    }

    /// Notes that something on its way to the log makes a room one that the server loads again.
    pub(crate) fn note_written(&mut self, id: RoomId) {
        if let Some(ownership) = self.by_id.get_mut(&id).and_then(|room| room.ownership.as_mut()) {
            ownership.is_written = true;
        }
    }

    /// Says whose a room is about to be, or that it will not be theirs.
    pub(crate) fn set_successor(&mut self, id: RoomId, successor: Option<Arc<str>>) {
        if let Some(ownership) = self.by_id.get_mut(&id).and_then(|room| room.ownership.as_mut()) {
            ownership.successor = successor;
        }
    }
}

/// Entries of lists that end by themselves.
impl Rooms {
    /// Notes a fact that is about to be so and may end; what is there in its place ends no more.
    pub(crate) fn note_expiry(&mut self, id: RoomId, fact: &Fact) {
        let (Fact::Listed(list, Entry { mask, .. }) | Fact::Unlisted(list, mask)) = fact else {
            return;
        };
        let mut before = self.by_id.get(&id).into_iter().flat_map(|room| room.modes.list(*list));
        let before = before.find(|entry| entry.mask.eq_ignore_ascii_case(mask));
        if let Some((until, mask)) = before.and_then(|own| Some((own.terms.until?, &own.mask))) {
            self.expiries.remove(&(until, id, Arc::clone(mask)));
        }
        if let Fact::Listed(_, Entry { mask, terms: Terms { until: Some(until), .. }, .. }) = fact {
            self.expiries.insert((*until, id, Arc::clone(mask)));
        }
    }

    /// The time at which the next entry ends.
    pub(crate) fn next_expiry(&self) -> Option<SystemTime> {
        self.expiries.first().map(|(until, ..)| *until)
    }

    /// An entry whose time is over, by its mask; it is still in its list.
    pub(crate) fn pop_expired(&mut self, now: SystemTime) -> Option<(RoomId, Arc<str>)> {
        self.expiries.first().filter(|(until, ..)| *until <= now)?;
        self.expiries.pop_first().map(|(_, id, mask)| (id, mask))
    }

    /// An entry that could not be ended is looked at again at that time.
    pub(crate) fn expire_again(&mut self, at: SystemTime, id: RoomId, mask: &Arc<str>) {
        self.expiries.insert((at, id, Arc::clone(mask)));
    }
}

impl Rooms {
    /// The server has ended: there are no rooms.
    pub(crate) fn clear(&mut self) {
        *self =
            Self { next_id: self.next_id, latest_record: self.latest_record, ..Self::default() };
    }

    /// Checks all that must hold of rooms by themselves.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ensure = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        ensure(self.by_id.len() == self.by_name.len(), "each room has one name".into())?;
        for (key, id) in &self.by_name {
            let room = self.by_id.get(id).ok_or_else(|| format!("{key} is a room"))?;
            ensure(room.name.key() == key, format!("{key} leads to its room"))?;
            let is_there = !room.members.is_empty() || room.is_registered();
            ensure(is_there, format!("{key} has members"))?;
            ensure(
                room.is_noted_closed == (room.is_closed() && !room.is_registered()),
                format!("the log knows whether {key} is closed"),
            )?;
        }
        for (_, id, mask) in &self.expiries {
            ensure(self.contains(*id), format!("{mask} ends in a room that is there"))?;
        }
        let owned = self.by_id.values();
        let owned = owned.filter_map(|room| Some((room.id, &room.name, room.ownership.as_ref()?)));
        self.owned.check(owned)
    }
}
