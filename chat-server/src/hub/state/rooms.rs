//! All rooms, and what is found by them: their names, those that are reserved, whose they are, and what ends by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, Index},
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_core::proto::{CaseMapping, RoomName};
use ipnet::IpNet;

use crate::{
    hub::{
        policy::Right,
        refusal::Refusal,
        state::{
            codec,
            facts::Fact,
            list_entry::{Entry, Terms},
            lobby::Lobby,
            named_accounts::{self, NamedAccounts},
            ownership::{Ownership, OwnershipIndex},
            pasts::Pasts,
            person::Asker,
            rank::Rank,
            read_markers::Marked,
            room::{Room, believable},
            room_bytes::{Holder, RoomBytes},
        },
    },
    ids::{ConversationId, IdMap, PersonId, RoomId},
    room_log::Change,
};

/// Open rooms that have ended whose past is remembered for those who take their names; those that end when there are so many
/// take theirs along.
pub(crate) const PASTS_MAX: usize = 100_000;

/// Bits of a conversation's number below those of the time at which it was begun: what comes faster is counted on.
const CONVERSATIONS_PER_MILLISECOND_BITS: u32 = 20;

/// All rooms.
// More than 12 fields: each index over rooms changes with them, and with nothing else.
#[derive(Debug)]
pub(crate) struct Rooms {
    lobby: Lobby,
    by_id: IdMap<RoomId, Room>,
    by_name: BTreeMap<Arc<str>, RoomId>,
    by_conversation: IdMap<ConversationId, RoomId>,
    next_id: u64,
    /// The number of the next conversation, unless the clock is further.
    next_conversation: u64,
    /// Rooms that are somebody's.
    owned: OwnershipIndex,
    pasts: Pasts,
    /// Accounts that have something in rooms.
    named: NamedAccounts,
    /// The bytes of what is set in rooms, by whom they count for.
    bytes: RoomBytes,
    /// Names that rooms are about to get.
    reserved_names: BTreeMap<Arc<str>, RoomId>,
    /// Entries of lists that end by themselves: when, and in which room.
    expiries: BTreeSet<(SystemTime, RoomId, Arc<str>)>,
    /// No record of a new room or of a direct conversation is earlier than this.
    latest_record: SystemTime,
    /// The time of the latest record of a direct conversation that was told.
    direct_seen: SystemTime,
}

impl Rooms {
    /// No rooms yet; the lobby will be that one.
    pub(crate) fn new(lobby: Lobby) -> Self {
        Self {
            lobby,
            by_id: IdMap::default(),
            by_name: BTreeMap::new(),
            by_conversation: IdMap::default(),
            next_id: 0,
            next_conversation: 0,
            owned: OwnershipIndex::default(),
            pasts: Pasts::default(),
            named: NamedAccounts::default(),
            bytes: RoomBytes::default(),
            reserved_names: BTreeMap::new(),
            expiries: BTreeSet::new(),
            latest_record: SystemTime::UNIX_EPOCH,
            direct_seen: SystemTime::UNIX_EPOCH,
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

    /// The room whose conversation that is.
    pub(crate) fn by_conversation(&self, conversation: ConversationId) -> Option<&Room> {
        self.by_conversation.get(&conversation).map(|id| &self.by_id[id])
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
    /// Founds a room under a name that no room has. It goes on with the past of that name, if there is one.
    pub(crate) fn found(&mut self, name: RoomName, wall: SystemTime, n_workers: u16) -> RoomId {
        let id = RoomId(self.next_id);
        self.next_id += 1;
        self.by_name.insert(Arc::clone(name.key()), id);
        let past = self.pasts.take(name.key());
        let conversation = past.unwrap_or_else(|| self.new_conversation(wall));
        self.by_conversation.insert(conversation, id);
        let mut room = Room::new(id, name, conversation, wall, n_workers);
        room.has_past = past.is_some();
        room.keepers = self.lobby.keepers_of(&room.name);
        room.begin_after(believable(self.latest_record, wall));
        self.by_id.insert(id, room);
        id
    }

    /// Takes away a room that has ended.
    pub(crate) fn remove(&mut self, id: RoomId) -> Option<Room> {
        let room = self.by_id.remove(&id)?;
        self.bytes.change(room.holder(), room.bytes(), 0);
        room.named_accounts().iter().for_each(|account| self.named.set(account, id, false));
        if let Some(ownership) = &room.ownership {
            self.owned.remove(id, ownership, &room.name);
        }
        self.expiries.retain(|(_, own, _)| *own != id);
        self.latest_record = self.latest_record.max(room.latest);
        self.by_name.remove(room.name.key());
        self.by_conversation.remove(&room.conversation);
        Some(room)
    }

    /// A conversation that there has not been before: counted on from all that are known, and from the clock, so that the
    /// number of one that is no more is not given again after a restart either.
    fn new_conversation(&mut self, wall: SystemTime) -> ConversationId {
        let by_clock = codec::milliseconds(wall) << CONVERSATIONS_PER_MILLISECOND_BITS;
        let number = self.next_conversation.max(by_clock);
        self.next_conversation = number + 1;
        ConversationId::new(number)
    }

    /// Conversations from here on have other numbers than that one.
    fn count_from(&mut self, conversation: ConversationId) {
        self.next_conversation = self.next_conversation.max(conversation.number() + 1);
    }

    /// The change by which the log knows the conversation of a room that a marker is of, if nothing has been said in it.
    pub(crate) fn keep_conversation(&mut self, of: &Marked) -> Option<Change> {
        let Marked::Room(conversation) = of else { return None };
        let room = self.by_conversation.get(conversation).and_then(|id| self.by_id.get_mut(id))?;
        let is_known = std::mem::replace(&mut room.has_past, true);
        let name = Arc::clone(room.name.key());
        (!is_known).then_some(Change::Name { conversation: *conversation, name })
    }

    /// Remembers that something was said under a name, for whoever takes it; whether there is place for it.
    pub(crate) fn keep_past(&mut self, name: &Arc<str>, conversation: ConversationId) -> bool {
        // The lobby's is always kept: nobody makes it end by what they say elsewhere.
        let has_place = self.pasts.len() < PASTS_MAX || *name == *self.lobby.key();
        if has_place {
            self.load_past(Arc::clone(name), conversation);
        }
        has_place
    }

    /// Remembers what was said under a name before the server started.
    pub(crate) fn load_past(&mut self, name: Arc<str>, conversation: ConversationId) {
        self.count_from(conversation);
        self.pasts.insert(name, conversation);
    }

    /// A room that was there before the server started goes on with its own conversation, whatever that is called; unless
    /// another one has it.
    pub(crate) fn go_on_with(&mut self, id: RoomId, conversation: ConversationId) {
        self.count_from(conversation);
        if self.by_conversation.contains_key(&conversation) {
            return;
        }
        let room = self.by_id.get_mut(&id).expect("the caller found it");
        self.by_conversation.remove(&room.conversation);
        self.by_conversation.insert(conversation, id);
        (room.conversation, room.has_past) = (conversation, true);
        self.pasts.remove(conversation);
    }

    /// Gives a room another name. Gives the past of that name, which is nobody's any more.
    pub(crate) fn rename(&mut self, id: RoomId, name: RoomName) -> Option<ConversationId> {
        let past = self.pasts.take(name.key());
        let room = self.by_id.get_mut(&id).expect("the caller found it");
        self.by_name.remove(room.name.key());
        self.by_name.insert(Arc::clone(name.key()), id);
        if room.ownership.is_some() {
            self.owned.rename(&room.name, &name);
        }
        room.name = name;
        past
    }

    /// Whether something was said under that name in a room that is not there any more.
    pub(crate) fn has_past(&self, name: &RoomName) -> bool {
        self.pasts.has(name.key())
    }

    /// The lobby is that one from here on.
    pub(crate) fn set_lobby(&mut self, lobby: Lobby) {
        for room in self.by_id.values_mut() {
            let n_bytes = room.bytes();
            self.bytes.change(room.holder(), n_bytes, 0);
            room.keepers = lobby.keepers_of(&room.name);
            self.bytes.change(room.holder(), 0, n_bytes);
        }
        self.lobby = lobby;
    }

    /// The lobby, if somebody is in it.
    pub(crate) fn lobby(&self) -> Option<&Room> {
        self.by_key(self.lobby.key())
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
        self.direct_seen = self.latest_record;
    }

    /// A record of a direct conversation, of that time, has been told.
    pub(crate) fn has_told(&mut self, time: SystemTime) {
        self.direct_seen = believable(self.direct_seen, time).max(time);
    }

    /// The time of the latest record of a direct conversation that was told; those from here on are later.
    pub(crate) fn end_of_direct(&mut self) -> SystemTime {
        self.latest_record = self.latest_record.max(self.direct_seen + Duration::from_millis(1));
        self.direct_seen
    }

    /// The time of the next record of a direct conversation: times never fall, though the clock may.
    pub(crate) fn next_direct_time(&mut self, wall: SystemTime) -> SystemTime {
        self.latest_record = believable(self.latest_record, wall).max(wall);
        self.latest_record
    }
}

/// Rooms that are somebody's.
impl Rooms {
    /// The change by which the log knows a room as it is now, if it is to know it.
    pub(crate) fn document_of(&self, id: RoomId) -> Option<Change> {
        let room = &self.by_id[&id];
        let ownership = room.ownership.as_ref().filter(|own| own.is_written || own.is_kept)?;
        Some(room.document(ownership, ownership.next_founder()))
    }

    /// Makes a room that is nobody's somebody's.
    pub(crate) fn own(&mut self, id: RoomId, ownership: Ownership) {
        let room = self.by_id.get_mut(&id).expect("the caller found it");
        self.owned.add(id, &ownership, &room.name);
        self.bytes.change(room.holder(), room.bytes(), 0);
        room.ownership = Some(ownership);
        self.bytes.change(room.holder(), 0, room.bytes());
        named_accounts::note(&mut self.named, room, room.named_accounts());
    }

    /// Makes a room nobody's, and gives what it was.
    pub(crate) fn disown(&mut self, id: RoomId) -> Option<Ownership> {
        let room = self.by_id.get_mut(&id).expect("the caller found it");
        let before = room.named_accounts();
        self.bytes.change(room.holder(), room.bytes(), 0);
        let ownership = room.ownership.take();
        self.bytes.change(room.holder(), 0, room.bytes());
        let ownership = ownership?;
        named_accounts::note(&mut self.named, room, before);
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

    /// The rooms in which an account, by its folded name, has something.
    pub(crate) fn naming(&self, account: &str) -> Vec<RoomId> {
        self.named.rooms_of(account)
    }

    /// Has a room take a fact.
    pub(crate) fn take(&mut self, id: RoomId, fact: &Fact) {
        let Some(room) = self.by_id.get_mut(&id) else { return };
        let before = room.bytes_at(std::slice::from_ref(fact));
        if let (Fact::Used(day), Some(ownership)) = (fact, &room.ownership) {
            self.owned.use_on(id, ownership.used, *day);
        }
        room.take(fact);
        let after = room.bytes_at(std::slice::from_ref(fact));
        self.bytes.change(room.holder(), before, after);
        named_accounts::note(&mut self.named, room, fact.account());
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
        let Some(room) = self.by_id.get_mut(&id) else { return };
        if let Some(ownership) = &mut room.ownership {
            let before = std::mem::replace(&mut ownership.successor, successor.clone());
            named_accounts::note(&mut self.named, room, before.into_iter().chain(successor));
        }
    }
}

/// The use of rooms that are somebody's.
impl Rooms {
    /// Takes note that a room is used on that day; the change that keeps it, if that is new and the log knows the room.
    pub(crate) fn use_on(&mut self, id: RoomId, day: u64) -> Option<Change> {
        let room = self.room_mut(id);
        room.used_until = codec::beginning_of(day + 1);
        let ownership = room.ownership.as_ref().filter(|own| own.used < day)?;
        let fact = Fact::Used(day);
        let is_known = ownership.is_kept || ownership.is_written;
        let change = is_known.then(|| fact.change(&ownership.number));
        self.take(id, &fact);
        change
    }

    /// The room that nobody has used for longest, and the day when somebody did.
    pub(crate) fn longest_unused(&self) -> Option<(u64, RoomId)> {
        self.owned.longest_unused()
    }

    /// The time at which to look for rooms that nobody has used for long, if there are any that are somebody's.
    pub(crate) fn looks_at(&self) -> Option<SystemTime> {
        (self.owned.len() > 0).then_some(self.owned.looks_at)
    }

    pub(crate) fn look_at(&mut self, time: SystemTime) {
        self.owned.looks_at = time;
    }
}

/// Bytes of what is set in rooms.
impl Rooms {
    /// Says from where a room has been founded, before anything is set there.
    pub(crate) fn set_founded_from(&mut self, id: RoomId, network: Option<IpNet>) {
        self.room_mut(id).founded_from = network;
    }

    pub(crate) fn bytes_of(&self, holder: &Holder) -> usize {
        self.bytes.of(holder)
    }

    /// The bytes by which there is more set in a room once it has taken these facts.
    pub(crate) fn growth(&self, id: RoomId, facts: &[Fact]) -> usize {
        let after: usize = facts.iter().map(Fact::bytes).sum();
        after.saturating_sub(self.by_id[&id].bytes_at(facts))
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
        *self = Self {
            next_id: self.next_id,
            next_conversation: self.next_conversation,
            latest_record: self.latest_record,
            direct_seen: self.direct_seen,
            ..Self::new(self.lobby.clone())
        };
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
        for room in self.by_id.values() {
            let leads = self.by_conversation.get(&room.conversation) == Some(&room.id);
            ensure(leads, format!("the conversation of {} leads to it", room.name))?;
        }
        ensure(self.by_conversation.len() == self.by_id.len(), "each has one".into())?;
        self.named.check(self.by_id.values())?;
        self.bytes.check(self.by_id.values())?;
        self.pasts.check()?;
        for (key, own) in self.pasts.iter() {
            let is_over = !self.by_conversation.contains_key(&own);
            ensure(is_over, format!("what was said in {key} is no room's"))?;
            let is_free = !self.by_name.contains_key(key);
            ensure(is_free, format!("{key} is the name of a room or has a past, not both"))?;
        }
        for (_, id, mask) in &self.expiries {
            ensure(self.contains(*id), format!("{mask} ends in a room that is there"))?;
        }
        let owned = self.by_id.values();
        let owned = owned.filter_map(|room| Some((room.id, &room.name, room.ownership.as_ref()?)));
        self.owned.check(owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RoomName {
        RoomName::new(text).expect("it is a room's name")
    }

    #[test]
    fn the_use_of_a_room_is_kept_once_a_day() {
        let mut rooms = Rooms::new(Lobby::new(&RoomName::new("#lobby").unwrap(), &[]));
        let ids = ["#old", "#new"].map(|room| rooms.found(name(room), SystemTime::UNIX_EPOCH, 1));
        for (number, id) in ["1", "2"].into_iter().zip(ids) {
            rooms.own(
                id,
                Ownership {
                    number: number.into(),
                    founder: "ann".into(),
                    is_kept: number == "1",
                    is_written: false,
                    successor: None,
                    used: 0,
                    operators: BTreeMap::new(),
                    voiced: BTreeSet::new(),
                },
            );
        }
        // Of a store from before there were days: they are looked at first, and count from then on.
        assert_eq!(rooms.longest_unused(), Some((0, ids[0])));
        let change = Fact::Used(9).change("1");
        assert_eq!(rooms.use_on(ids[0], 9), Some(change));
        assert_eq!(rooms.use_on(ids[0], 9), None, "once a day");
        assert_eq!(rooms.use_on(ids[0], 8), None, "a clock that was set back is not believed");
        assert_eq!(rooms.longest_unused(), Some((0, ids[1])));
        assert_eq!(rooms.use_on(ids[1], 10), None, "the log does not know this one yet");
        assert_eq!(rooms.longest_unused(), Some((9, ids[0])));
        // It is known with the first thing that happens there, and the day with it.
        let changes = rooms[&ids[1]].changes(&[]);
        assert_eq!(changes[1..], [Fact::Used(10).change("2")]);
        rooms.disown(ids[0]);
        assert_eq!(rooms.longest_unused(), Some((10, ids[1])));
        rooms
            .owned
            .check(rooms.owned().map(|room| {
                (room.id, &room.name, room.ownership.as_ref().expect("it is somebody's"))
            }))
            .unwrap();
    }

    #[test]
    fn a_name_is_gone_on_with_by_whoever_takes_it_and_only_so_many_are() {
        let mut rooms = Rooms::new(Lobby::new(&RoomName::new("#lobby").unwrap(), &[]));
        let found = |rooms: &mut Rooms, room: &str| {
            let id = rooms.found(name(room), SystemTime::UNIX_EPOCH, 1);
            (id, rooms[&id].conversation.number())
        };
        for number in 0..PASTS_MAX as u64 {
            let key = format!("#{number}").as_str().into();
            assert!(rooms.keep_past(&key, ConversationId::new(number)));
        }
        assert!(!rooms.keep_past(&"#more".into(), ConversationId::new(1)));
        let (id, own) = found(&mut rooms, "#7");
        assert_eq!(own, 7, "it goes on with what was said there");
        assert!(
            rooms.keep_past(&"#more".into(), ConversationId::new(1 << 41)),
            "one is gone on with"
        );
        // Under another name it is the same one; what had that name is over.
        assert_eq!(rooms.rename(id, name("#8")).map(ConversationId::number), Some(8));
        assert_eq!(rooms[&id].conversation.number(), 7);
        let (second, own) = found(&mut rooms, "#7");
        assert!(
            own > 1 << 41,
            "nothing was left under the name, and all numbers before are other ones: {own}"
        );
        // A room that was there before goes on with its own, whatever that was called, unless another one has it.
        rooms.go_on_with(id, ConversationId::new(9));
        rooms.go_on_with(second, ConversationId::new(9));
        let numbers = [id, second].map(|id| rooms[&id].conversation.number());
        assert_eq!(numbers, [9, own]);
        assert!(found(&mut rooms, "#9").1 > own);
        // Also with the clock set back, and with it set on.
        rooms.go_on_with(second, ConversationId::new(1 << 60));
        assert!(found(&mut rooms, "#other").1 > 1 << 60);
        assert_eq!(rooms.new_conversation(SystemTime::UNIX_EPOCH).number(), (1 << 60) + 2);
    }
}
