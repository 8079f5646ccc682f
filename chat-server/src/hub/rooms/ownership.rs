//! Rooms that last: one that somebody founds who is logged in is their account's. It is kept from the first thing
//! that happens in it, with all that is set there ([`super::facts`]), and stays when nobody is in it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::{CaseMapping, RoomName};
use rand_chacha::rand_core::Rng;

use super::{
    Effect, Hub, Now,
    confusables::ConfusableNames,
    facts::{self, Fact, RoomDocument},
    masks,
    modes::{self, List, Mode},
    person::Person,
    records::OwnerChange,
    room::{Rank, Room},
};
use crate::{
    delivery::{Content, Event},
    ids::{PersonId, RoomId},
    room_log::{Change, ConversationMark},
};

/// Whose a room is.
#[derive(Debug)]
pub(super) struct Ownership {
    /// What its paths begin with, whatever it is called.
    pub(super) number: Arc<str>,
    /// The account whose it is, by its folded name.
    pub(super) founder: Arc<str>,
    /// Something has happened in it, and it is known again when the server starts anew.
    pub(super) is_kept: bool,
    /// The log has been asked to know it.
    is_written: bool,
    /// Whose it is about to be.
    pub(super) successor: Option<Arc<str>>,
    /// Accounts that operate it wherever they come from, by their folded names, and since when.
    pub(super) operators: BTreeMap<Arc<str>, SystemTime>,
    /// Accounts that have a voice.
    pub(super) voiced: BTreeSet<Arc<str>>,
}

/// The rooms that are somebody's.
#[derive(Debug, Default)]
pub(super) struct OwnershipIndex {
    by_number: BTreeMap<Arc<str>, RoomId>,
    by_founder: BTreeMap<Arc<str>, BTreeSet<RoomId>>,
    /// What they are called.
    pub(super) names: ConfusableNames,
}

impl OwnershipIndex {
    /// How many rooms an account has.
    pub(super) fn n_of(&self, founder: &str) -> usize {
        self.by_founder.get(founder).map_or(0, BTreeSet::len)
    }

    /// All of them.
    pub(super) fn n_rooms(&self) -> usize {
        self.by_number.len()
    }

    fn add(&mut self, id: RoomId, ownership: &Ownership, name: &RoomName) {
        self.by_number.insert(Arc::clone(&ownership.number), id);
        self.by_founder.entry(Arc::clone(&ownership.founder)).or_default().insert(id);
        self.names.add(name.key(), name.as_str());
    }

    fn remove(&mut self, id: RoomId, ownership: &Ownership, name: &RoomName) {
        self.by_number.remove(&ownership.number);
        if let Some(own) = self.by_founder.get_mut(&ownership.founder) {
            own.remove(&id);
            if own.is_empty() {
                self.by_founder.remove(&ownership.founder);
            }
        }
        self.names.remove(name.key(), name.as_str());
    }
}

impl Ownership {
    /// Whose it is once what is on its way is there.
    pub(super) fn next_founder(&self) -> &str {
        self.successor.as_ref().unwrap_or(&self.founder)
    }

    /// So it is from here on, as far as it is about accounts.
    pub(super) fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Operator(account, Some(since)) => {
                self.operators.insert(Arc::clone(account), *since);
            }
            Fact::Operator(account, None) => {
                self.operators.remove(account);
            }
            Fact::Voice(account, true) => {
                self.voiced.insert(Arc::clone(account));
            }
            Fact::Voice(account, false) => {
                self.voiced.remove(account);
            }
            _ => {}
        }
    }

    /// What accounts may do.
    pub(super) fn facts(&self) -> impl Iterator<Item = Fact> {
        let operator = |(account, since): (&Arc<str>, &SystemTime)| {
            Fact::Operator(Arc::clone(account), Some(*since))
        };
        let voice = |account: &Arc<str>| Fact::Voice(Arc::clone(account), true);
        self.operators.iter().map(operator).chain(self.voiced.iter().map(voice))
    }

    /// What an account may do, wherever it comes from.
    fn rank_of(&self, account: &str) -> Rank {
        Rank {
            is_operator: *self.founder == *account || self.operators.contains_key(account),
            has_voice: self.voiced.contains(account),
        }
    }
}

impl Room {
    /// What an account may do here, wherever it comes from.
    pub(super) fn rank_of(&self, account: Option<&Arc<str>>) -> Rank {
        let ownership = self.ownership.as_ref().zip(account);
        ownership.map_or_else(Rank::default, |(own, account)| own.rank_of(&fold(account)))
    }

    /// Whether it is that person's.
    pub(super) fn is_founded_by(&self, person: &Person) -> bool {
        let ownership = self.ownership.as_ref().zip(person.account.as_ref());
        ownership.is_some_and(|(own, account)| *own.founder == *fold(account))
    }

    /// Whether it stays when nobody is in it.
    pub(super) fn is_registered(&self) -> bool {
        self.ownership.as_ref().is_some_and(|ownership| ownership.is_kept)
    }

    /// What makes the server know it again, as that account's.
    pub(super) fn document(&self, ownership: &Ownership, founder: &str) -> Change {
        let document = RoomDocument {
            name: self.name.to_string(),
            founder: founder.to_owned(),
            founded: facts::milliseconds(self.founded),
        };
        facts::set(facts::path(&ownership.number, &[]), &document)
    }

    /// What lets the server know `facts` again: nothing, unless it is somebody's. The first of it makes it last.
    pub(super) fn changes(&self, facts: &[Fact]) -> Vec<Change> {
        let Some(ownership) = &self.ownership else { return Vec::new() };
        let first =
            (!ownership.is_kept).then(|| self.document(ownership, ownership.next_founder()));
        first.into_iter().chain(facts.iter().map(|fact| fact.change(&ownership.number))).collect()
    }
}

fn fold(account: &str) -> Cow<'_, str> {
    CaseMapping::Ascii.fold(account)
}

impl Hub {
    /// A room that has just been founded is that account's, if it may have one more.
    pub(super) fn own(&mut self, id: RoomId, account: &str) -> bool {
        let founder: Arc<str> = fold(account).into();
        let limits = &self.settings.limits;
        let room = &self.rooms[&id];
        // The one that everybody comes into is nobody's.
        if room.name == self.settings.room
            || room.ownership.is_some()
            || self.lasting.n_of(&founder) >= limits.rooms_per_account_max
            || self.lasting.n_rooms() >= limits.lasting_rooms_max
        {
            return false;
        }
        let number = format!("{:016x}", self.random.next_u64()).into();
        let (operators, voiced) = (BTreeMap::new(), BTreeSet::new());
        let (is_kept, is_written, successor) = (false, false, None);
        let ownership =
            Ownership { number, founder, is_kept, is_written, successor, operators, voiced };
        let room = self.rooms.get_mut(&id).expect("looked up above");
        self.lasting.add(id, &ownership, &room.name);
        room.ownership = Some(ownership);
        true
    }

    /// A room is nobody's from here on, and ends with its last member.
    pub(super) fn disown(&mut self, id: RoomId, effects: &mut Vec<Effect>) {
        let room = self.rooms.get_mut(&id).expect("the caller found it");
        let Some(ownership) = room.ownership.take() else { return };
        self.lasting.remove(id, &ownership, &room.name);
        self.forget_owned(&ownership, effects);
        self.note_closed(id, effects);
        if self.rooms[&id].members.is_empty() {
            self.end_room(id, effects);
        }
    }

    /// The log is to know nothing of a room any more, whatever is on its way to it.
    fn forget_owned(&mut self, ownership: &Ownership, effects: &mut Vec<Effect>) {
        if ownership.is_written || ownership.is_kept {
            let path = facts::path(&ownership.number, &[]);
            self.persist_unasked(vec![Change::Remove { path }], effects);
        }
    }

    /// What is on its way to the log makes a room last.
    pub(super) fn note_written(&mut self, id: RoomId) {
        if let Some(ownership) = self.rooms.get_mut(&id).and_then(|room| room.ownership.as_mut()) {
            ownership.is_written = true;
        }
    }

    /// The log is to know a room as it is now, behind all that was on its way.
    pub(super) fn keep_document(&mut self, id: RoomId, effects: &mut Vec<Effect>) {
        let room = &self.rooms[&id];
        if let Some(ownership) =
            room.ownership.as_ref().filter(|ownership| ownership.is_written || ownership.is_kept)
        {
            let document = room.document(ownership, ownership.next_founder());
            self.persist_unasked(vec![document], effects);
        }
    }

    /// Rooms in which nothing has happened are not those of an account that is no more.
    pub(super) fn disown_all_of(&mut self, account: &str, effects: &mut Vec<Effect>) {
        let rooms = self.lasting.by_founder.get(&*fold(account)).cloned().unwrap_or_default();
        rooms.into_iter().for_each(|id| self.disown(id, effects));
    }

    /// A room is called so from here on.
    pub(super) fn call_room(&mut self, id: RoomId, name: RoomName) {
        let room = self.rooms.get_mut(&id).expect("the caller found it");
        self.rooms_by_name.remove(room.name.key());
        self.rooms_by_name.insert(Arc::clone(name.key()), id);
        if room.ownership.is_some() {
            self.lasting.names.remove(room.name.key(), room.name.as_str());
            self.lasting.names.add(name.key(), name.as_str());
        }
        room.name = name;
    }

    /// Nobody is in a room, and nothing keeps it.
    pub(super) fn end_room(&mut self, id: RoomId, effects: &mut Vec<Effect>) {
        let Some(room) = self.rooms.remove(&id) else { return };
        if let Some(ownership) = &room.ownership {
            self.lasting.remove(id, ownership, &room.name);
            self.forget_owned(ownership, effects);
        }
        self.expiries.retain(|(_, own, _)| *own != id);
        if room.is_closed() {
            effects
                .push(Effect::Mark(ConversationMark::Ended { room: Arc::clone(room.name.key()) }));
        }
        self.latest_record = self.latest_record.max(room.latest);
        self.rooms_by_name.remove(room.name.key());
    }

    /// Tells the log whether what was said in a room is nobody's if the server ends now.
    pub(super) fn note_closed(&mut self, id: RoomId, effects: &mut Vec<Effect>) {
        let room = self.rooms.get_mut(&id).expect("the caller found it");
        let is_closed = room.is_closed() && !room.is_registered();
        if std::mem::replace(&mut room.is_noted_closed, is_closed) != is_closed {
            let room = Arc::clone(room.name.key());
            effects.push(Effect::Mark(ConversationMark::Closed { room, is_closed }));
        }
    }

    /// Takes a change: what is at `path` (the words behind [`facts::PATH`]) is `value` from here on; `now`, or since
    /// before the server started.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(super) fn take_room_change(
        &mut self,
        now: Option<Now>,
        path: &[&str],
        value: Option<&str>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let (number, words) = path.split_first().ok_or("a room has a number")?;
        let id = self.lasting.by_number.get(*number).copied();
        match (words, value, id) {
            ([], Some(value), id) => {
                let document: RoomDocument = facts::read(path, value)?;
                match id {
                    Some(id) => self.set_founder(now, id, &document.founder, effects),
                    None if now.is_none() => self.remember_room(number, &document)?,
                    // It has ended while this was on its way.
                    None => {
                        let path = facts::path(number, &[]);
                        self.persist_unasked(vec![Change::Remove { path }], effects);
                    }
                }
            }
            ([], None, Some(id)) => self.disown(id, effects),
            (words, value, Some(id)) => {
                let fact = Fact::of(words, value)?;
                self.take_fact(now, id, &fact, &[], effects);
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
    pub(super) fn change_owner(
        &mut self,
        now: Now,
        id: RoomId,
        owner_change: &OwnerChange,
        effects: &mut Vec<Effect>,
    ) {
        match owner_change {
            OwnerChange::Disowned => self.disown(id, effects),
            OwnerChange::None => {}
            OwnerChange::Given(successor) => {
                self.set_founder(Some(now), id, successor, effects);
            }
        }
    }

    /// Something is so in a room from here on; who is in it with that account has that rank, but for those who are told
    /// of it in another way.
    pub(super) fn take_fact(
        &mut self,
        now: Option<Now>,
        id: RoomId,
        fact: &Fact,
        told: &[PersonId],
        effects: &mut Vec<Effect>,
    ) {
        self.note_expiry(id, fact);
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let (Fact::Operator(account, _) | Fact::Voice(account, _)) = fact else {
            return room.take(fact);
        };
        let before = room.rank_of(Some(account));
        room.take(fact);
        if let Some(now) = now {
            self.follow_rank(now, id, account, before, told, effects);
        }
    }

    /// Gives those who are in a room with an account what it may do there, and takes what it may no more.
    fn follow_rank(
        &mut self,
        now: Now,
        id: RoomId,
        account: &str,
        had: Rank,
        told: &[PersonId],
        effects: &mut Vec<Effect>,
    ) {
        let Some(room) = self.rooms.get(&id) else { return };
        let has = room.rank_of(Some(&account.into()));
        let is_it = |who: &PersonId| {
            let own = self.person(*who).account.as_ref();
            own.is_some_and(|own| CaseMapping::Ascii.same(own, account)) && !told.contains(who)
        };
        let members: Vec<PersonId> = room.members.keys().copied().filter(is_it).collect();
        for who in members {
            self.change_rank(now, id, who, had, has, effects);
        }
    }

    /// A room is kept, and whose it is.
    fn set_founder(
        &mut self,
        now: Option<Now>,
        id: RoomId,
        founder: &str,
        effects: &mut Vec<Effect>,
    ) {
        let room = self.rooms.get_mut(&id).expect("those by number are there");
        let Some(ownership) = &room.ownership else { return };
        let (before, after) = (Arc::clone(&ownership.founder), Arc::<str>::from(founder));
        let ranks = [&before, &after].map(|account| room.rank_of(Some(account)));
        let mut ownership = room.ownership.take().expect("looked at above");
        self.lasting.remove(id, &ownership, &room.name);
        ownership.founder = Arc::clone(&after);
        ownership.successor = None;
        (ownership.is_kept, ownership.is_written) = (true, true);
        self.lasting.add(id, &ownership, &room.name);
        room.ownership = Some(ownership);
        self.note_closed(id, effects);
        let Some(now) = now.filter(|_| before != after) else { return };
        // An heir may have ended, too, while this was on its way.
        if self.account(founder).is_none() {
            return self.disown(id, effects);
        }
        self.keep_document(id, effects);
        for (account, had) in [&before, &after].into_iter().zip(ranks) {
            self.follow_rank(now, id, account, had, &[], effects);
        }
    }

    /// A room that was there before the server started.
    fn remember_room(&mut self, number: &str, document: &RoomDocument) -> Result<(), String> {
        let name = RoomName::new(&document.name)
            .map_err(|error| format!("{:?} is no name of a room: {error}", document.name))?;
        // Nothing is lost by a name that two have: the founder of the other one gives it another.
        let others = (2..).map_while(|number| RoomName::new(&format!("{name}-{number}")).ok());
        let free = std::iter::once(name.clone()).chain(others);
        let mut free = free.filter(|name| !self.rooms_by_name.contains_key(name.key()));
        let name = free.next().ok_or_else(|| format!("there are too many rooms called {name}"))?;
        let founded = facts::time_at(document.founded);
        let id = self.found(name, founded);
        let (operators, voiced) = (BTreeMap::new(), BTreeSet::new());
        let (number, founder) = (number.into(), document.founder.as_str().into());
        let (is_kept, is_written, successor) = (true, true, None);
        let ownership =
            Ownership { number, founder, is_kept, is_written, successor, operators, voiced };
        let room = self.rooms.get_mut(&id).expect("founded above");
        // Who operates it now operated it then.
        room.began = founded;
        self.lasting.add(id, &ownership, &room.name);
        room.ownership = Some(ownership);
        Ok(())
    }

    /// Gives a person what an account may do in the rooms they are in, and takes what they had by another one.
    pub(super) fn follow_account(
        &mut self,
        now: Now,
        who: PersonId,
        before: Option<&Arc<str>>,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(who);
        let account = person.account.clone();
        for id in person.rooms.clone() {
            let room = &self.rooms[&id];
            let (had, has) = (room.rank_of(before), room.rank_of(account.as_ref()));
            self.change_rank(now, id, who, had, has, effects);
        }
    }

    /// What somebody had in a room by an account is what they have by it from here on.
    fn change_rank(
        &mut self,
        now: Now,
        id: RoomId,
        who: PersonId,
        had: Rank,
        has: Rank,
        effects: &mut Vec<Effect>,
    ) {
        let room = self.rooms.get_mut(&id).expect("members are in rooms that exist");
        let Some(rank) = room.members.get_mut(&who) else { return };
        let is_set = |had: bool, has: bool, is: bool| has || is && !had;
        let new = Rank {
            is_operator: is_set(had.is_operator, has.is_operator, rank.is_operator),
            has_voice: is_set(had.has_voice, has.has_voice, rank.has_voice),
        };
        let old = std::mem::replace(rank, new);
        let changes = [
            (Mode::Operator(who), old.is_operator, new.is_operator),
            (Mode::Voice(who), old.has_voice, new.has_voice),
        ];
        let changes = changes.into_iter().filter(|(_, before, after)| before != after);
        let changes: Vec<modes::ModeChange> =
            changes.map(|(what, _, is_set)| modes::ModeChange { is_set, what }).collect();
        self.tell_of_modes(now, id, &changes, effects);
    }

    /// Tells a room of modes that have changed by themselves.
    fn tell_of_modes(
        &self,
        now: Now,
        id: RoomId,
        changes: &[modes::ModeChange],
        effects: &mut Vec<Effect>,
    ) {
        let (letters, arguments) = self.written_changes(changes);
        if letters.is_empty() {
            return;
        }
        let room = &self.rooms[&id];
        let (source, target) = (self.settings.name.as_str().into(), Arc::clone(room.name.shown()));
        let content = Content::Mode { source, target, changes: letters.into(), arguments };
        let event = Arc::new(Event::new(content, now.wall, None));
        self.tell_room(room, None, &event, effects);
    }

    /// What takes an account out of all rooms: who operates one longest has it from then on; one that nobody does is
    /// nobody's.
    pub(super) fn changes_without(&self, account: &str) -> Vec<Change> {
        let account = fold(account);
        let mut changes = Vec::new();
        for id in self.lasting.by_number.values() {
            let room = &self.rooms[id];
            let Some(ownership) = &room.ownership else { continue };
            let rank = ownership.rank_of(&account);
            if rank.is_operator {
                changes.push(Fact::Operator((&*account).into(), None).change(&ownership.number));
            }
            if rank.has_voice {
                changes.push(Fact::Voice((&*account).into(), false).change(&ownership.number));
            }
            // Nor does whoever takes the name come in by what it was let in for.
            for list in [List::Except, List::Invited] {
                let entries = room.modes.list(list).iter();
                let is_own = |mask: &str| masks::account_of(mask).is_some_and(|own| own == account);
                let own = entries.filter(|entry| is_own(&entry.mask.to_ascii_lowercase()));
                let lists = own.map(|entry| Fact::Unlisted(list, Arc::clone(&entry.mask)));
                changes.extend(lists.map(|fact| fact.change(&ownership.number)));
            }
            if room.asking.contains_key(&*account) {
                changes.push(Fact::Asking((&*account).into(), None).change(&ownership.number));
            }
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
}
