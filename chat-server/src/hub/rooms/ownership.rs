//! Rooms that last: one that somebody founds who is logged in is their account's. It is kept from the first thing
//! that happens in it, with all that is set there ([`super::facts`]), and stays when nobody is in it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    hub::{
        Hub,
        state::{
            codec,
            facts::{self, Fact, RoomDocument},
            masks,
            ownership::Ownership,
            pending_record::OwnerChange,
            people::People,
            person::Person,
            room::Room,
            slots::Slot,
        },
    },
    ids::RoomId,
    room_log::Change,
};
use chat_core::proto::{CaseMapping, RoomName, mask_matches};

impl Hub {
    /// A room that has just been founded is that account's, if it may have one more.
    pub(crate) fn own(&mut self, id: RoomId, account: &str) -> bool {
        let founder: Arc<str> = fold(account).into();
        let limits = &self.settings.limits;
        let room = &self.rooms[&id];
        // The one that everybody comes into is nobody's.
        if room.is_lobby()
            || room.ownership.is_some()
            || !self.has_slot(&Slot::owned_room(&founder, id), &[])
            || self.rooms.n_owned() >= limits.registered_rooms_max
        {
            return false;
        }
        let mut draw =
            || -> Arc<str> { format!("{:016x}", u64::from_ne_bytes(self.random.secret())).into() };
        let mut number = draw();
        while self.rooms.by_number(&number).is_some() {
            number = draw();
        }
        let (operators, voiced) = (BTreeMap::new(), BTreeSet::new());
        let (is_kept, is_written, successor) = (false, false, None);
        let used = codec::day_of(self.now().wall);
        let ownership =
            Ownership { number, founder, is_kept, is_written, successor, used, operators, voiced };
        self.rooms.own(id, ownership);
        true
    }

    /// A room is nobody's from here on, and ends with its last member.
    pub(crate) fn disown(&mut self, id: RoomId) {
        let Some(ownership) = self.rooms.disown(id) else { return };
        self.forget_owned(&ownership);
        self.note_closed(id);
        if self.rooms[&id].members.is_empty() {
            self.end_room(id);
        }
    }

    /// The log is to know a room as it is now, behind all that was on its way.
    fn keep_document(&mut self, id: RoomId) {
        self.persist_unasked(self.rooms.document_of(id).into_iter().collect());
    }

    /// Rooms in which nothing has happened are not those of an account that is no more.
    pub(crate) fn disown_all_of(&mut self, account: &str) {
        self.rooms.owned_by(&fold(account)).into_iter().for_each(|id| self.disown(id));
    }

    /// Takes a change: what is at `path` (the words behind [`facts::PATH`]) is `value` from here on; `now`, or since
    /// before the server started.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take_room_change(
        &mut self,
        path: &[&str],
        value: Option<&str>,
    ) -> Result<(), String> {
        let (number, words) = path.split_first().ok_or("a room has a number")?;
        let id = self.rooms.by_number(number);
        match (words, value, id) {
            ([], Some(value), id) => {
                let document: RoomDocument = codec::read(path, value)?;
                match id {
                    Some(id) => self.set_founder(id, &document.founder),
                    None if self.out.latest().is_none() => self.remember_room(number, &document)?,
                    // It has ended while this was on its way.
                    None => {
                        let path = facts::path(number, &[]);
                        self.persist_unasked(vec![Change::Remove { path }]);
                    }
                }
            }
            ([], None, Some(id)) => self.disown(id),
            (words, value, Some(id)) => {
                let fact = Fact::of(words, value)?;
                self.take_fact(id, &fact, &[]);
            }
            // It may have ended while it was on its way.
            (words, value, None) => {
                if !words.is_empty() {
                    Fact::of(words, value)?;
                }
            }
        }
        Ok(())
    }

    /// A room is somebody else's, or nobody's, from here on.
    pub(crate) fn change_owner(&mut self, id: RoomId, owner_change: &OwnerChange) {
        match owner_change {
            OwnerChange::Disowned => self.disown(id),
            OwnerChange::None => {}
            OwnerChange::Given(successor) => {
                self.set_founder(id, successor);
            }
        }
    }

    /// A room is kept, and whose it is.
    fn set_founder(&mut self, id: RoomId, founder: &str) {
        let room = self.rooms.room_mut(id);
        let Some(ownership) = &room.ownership else { return };
        let (before, after) = (Arc::clone(&ownership.founder), Arc::<str>::from(founder));
        let ranks = [&before, &after].map(|account| room.rank_of(Some(account)));
        let mut ownership = self.rooms.disown(id).expect("looked at above");
        ownership.founder = Arc::clone(&after);
        ownership.successor = None;
        (ownership.is_kept, ownership.is_written) = (true, true);
        self.rooms.own(id, ownership);
        self.note_closed(id);
        if before == after || self.out.latest().is_none() {
            return;
        }
        // A successor may have ended, too, while this was on its way.
        if self.accounts.get(founder).is_none() {
            return self.disown(id);
        }
        self.keep_document(id);
        for (account, had) in [&before, &after].into_iter().zip(ranks) {
            self.follow_rank(id, account, had, &[]);
        }
    }

    /// A room that was there before the server started.
    fn remember_room(&mut self, number: &str, document: &RoomDocument) -> Result<(), String> {
        let name = RoomName::new(&document.name)
            .map_err(|error| format!("{:?} is no name of a room: {error}", document.name))?;
        // Nothing is lost by a name that two have: the founder of the other one gives it another.
        let others = (2..).map_while(|number| RoomName::new(&format!("{name}-{number}")).ok());
        let free = std::iter::once(name.clone()).chain(others);
        let mut free = free.filter(|name| self.rooms.by_key(name.key()).is_none());
        let name = free.next().ok_or_else(|| format!("there are too many rooms called {name}"))?;
        let founded = codec::time_at(document.founded);
        let id = self.rooms.found(name, founded, self.settings.n_workers);
        self.rooms.go_on_with(id, document.conversation);
        let (operators, voiced) = (BTreeMap::new(), BTreeSet::new());
        let (number, founder) = (number.into(), document.founder.as_str().into());
        let (is_kept, is_written, successor) = (true, true, None);
        // That is kept apart, and not by what was there before there were days.
        let used = 0;
        let ownership =
            Ownership { number, founder, is_kept, is_written, successor, used, operators, voiced };
        let room = self.rooms.room_mut(id);
        // Who operates it now operated it then.
        room.began = founded;
        self.rooms.own(id, ownership);
        Ok(())
    }

    /// The changes that take an account out of all rooms: who operates one longest has it from then on; one that nobody
    /// does is nobody's.
    pub(crate) fn changes_without(&self, account: &str) -> Vec<Change> {
        let account = fold(account);
        let mut changes = Vec::new();
        for room in self.rooms.naming(&account).iter().map(|id| &self.rooms[id]) {
            let Some(ownership) = &room.ownership else { continue };
            let facts = room.facts_without(&account);
            changes.extend(facts.iter().map(|fact| fact.change(&ownership.number)));
            if ownership.next_founder() != account || !(ownership.is_kept || ownership.is_written) {
                continue;
            }
            let is_there = |successor: &Arc<str>| {
                **successor != *account && self.accounts.get(successor).is_some()
            };
            let successors =
                ownership.operators.iter().filter(|(successor, _)| is_there(successor));
            let successor =
                successors.min_by_key(|(_, since)| **since).map(|(successor, _)| successor);
            changes.push(match successor {
                None => Change::Remove { path: facts::path(&ownership.number, &[]) },
                Some(successor) => room.document(ownership, successor),
            });
        }
        changes
    }

    /// Takes an account out of the rooms that [`Hub::changes_without`] has not taken it out of: those that are nobody's, and
    /// those that have become somebody's since.
    pub(crate) fn forget_in_rooms(&mut self, account: &str) {
        let account = fold(account);
        for id in self.rooms.naming(&account) {
            let facts = self.rooms[&id].facts_without(&account);
            facts.iter().for_each(|fact| self.take_fact(id, fact, &[]));
            self.persist_unasked(self.rooms[&id].changes(&facts));
        }
    }
}

pub(crate) fn fold(account: &str) -> Cow<'_, str> {
    CaseMapping::Ascii.fold(account)
}

/// The founder of a room, as they are called, if a ban by that mask would be about them, which has no effect; and whether it would be
/// about them alone.
pub(crate) fn barred_founder(people: &People, room: &Room, mask: &str) -> Option<(String, bool)> {
    let founder = &room.ownership.as_ref()?.founder;
    let mask = mask.strip_prefix(masks::MUTE).unwrap_or(mask);
    if let Some(account) = masks::account_of(mask) {
        let is_alone = CaseMapping::Ascii.same(account, founder);
        return mask_matches(account, founder).then(|| (founder.to_string(), is_alone));
    }
    let is_meant = |person: &&Person| {
        room.is_founded_by(person) && people.subject(person.id).is_meant_by(mask)
    };
    // Nobody else has their nick.
    let nick = mask.split('!').next().unwrap_or_default();
    if let Some(person) = people.find(nick).ok().filter(is_meant) {
        return Some((person.nick.to_string(), true));
    }
    let mut members = room.members.keys().map(|who| people.person(*who));
    members.find(is_meant).map(|person| (person.nick.to_string(), false))
}
