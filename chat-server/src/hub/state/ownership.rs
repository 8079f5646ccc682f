//! Ownership of rooms: one that somebody founds who is logged in is their account's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::RoomName;

use crate::{
    hub::state::{confusables::ConfusableNames, rank::Rank},
    ids::RoomId,
};

/// The ownership of a room.
#[derive(Debug)]
pub(crate) struct Ownership {
    /// The number its paths begin with, whatever it is called.
    pub(crate) number: Arc<str>,
    /// The account whose it is, by its folded name.
    pub(crate) founder: Arc<str>,
    /// Whether something has happened in it, so that it is known again when the server starts anew.
    pub(crate) is_kept: bool,
    /// The log has been asked to know it.
    pub(crate) is_written: bool,
    /// The account it is about to belong to.
    pub(crate) successor: Option<Arc<str>>,
    /// The day when somebody came in or spoke last, counted from 1970; 0, where it is not known.
    pub(crate) used: u64,
    /// Accounts that operate it wherever they come from, by their folded names, and since when.
    pub(crate) operators: BTreeMap<Arc<str>, SystemTime>,
    /// Accounts that have a voice.
    pub(crate) voiced: BTreeSet<Arc<str>>,
}

/// An index of the rooms that are somebody's: by their number, by their founder, by the day of their latest use, and by what
/// their names look like.
#[derive(Debug)]
pub(crate) struct OwnershipIndex {
    by_number: BTreeMap<Arc<str>, RoomId>,
    by_founder: BTreeMap<Arc<str>, BTreeSet<RoomId>>,
    by_use: BTreeSet<(u64, RoomId)>,
    names: ConfusableNames,
    /// The time at which to look again for those that nobody has used for long.
    pub(crate) looks_at: SystemTime,
}

impl Default for OwnershipIndex {
    fn default() -> Self {
        Self {
            by_number: BTreeMap::new(),
            by_founder: BTreeMap::new(),
            by_use: BTreeSet::new(),
            names: ConfusableNames::default(),
            looks_at: SystemTime::UNIX_EPOCH,
        }
    }
}

impl OwnershipIndex {
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(crate) fn by_number(&self, number: &str) -> Option<RoomId> {
        self.by_number.get(number).copied()
    }

    /// All of them, by their numbers.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = RoomId> {
        self.by_number.values().copied()
    }

    /// The rooms of an account, by its folded name.
    pub(crate) fn rooms_of(&self, founder: &str) -> Vec<RoomId> {
        self.by_founder.get(founder).into_iter().flatten().copied().collect()
    }

    /// Whether a name looks like that of another room than the one of the key `own`.
    pub(crate) fn looks_like_anothers(&self, name: &RoomName, own: Option<&str>) -> bool {
        self.names.is_anothers(name.as_str(), own)
    }

    pub(crate) fn add(&mut self, id: RoomId, ownership: &Ownership, name: &RoomName) {
        self.by_number.insert(Arc::clone(&ownership.number), id);
        self.by_use.insert((ownership.used, id));
        self.by_founder.entry(Arc::clone(&ownership.founder)).or_default().insert(id);
        self.names.add(name.key(), name.as_str());
    }

    pub(crate) fn remove(&mut self, id: RoomId, ownership: &Ownership, name: &RoomName) {
        self.by_number.remove(&ownership.number);
        self.by_use.remove(&(ownership.used, id));
        if let Some(own) = self.by_founder.get_mut(&ownership.founder) {
            own.remove(&id);
            if own.is_empty() {
                self.by_founder.remove(&ownership.founder);
            }
        }
        self.names.remove(name.key(), name.as_str());
    }

    /// The latest use of a room is of another day from here on.
    pub(crate) fn use_on(&mut self, id: RoomId, before: u64, day: u64) {
        self.by_use.remove(&(before, id));
        self.by_use.insert((day, id));
    }

    /// The room that nobody has used for longest, and the day when somebody did.
    pub(crate) fn longest_unused(&self) -> Option<(u64, RoomId)> {
        self.by_use.first().copied()
    }

    /// A room has another name from here on.
    pub(crate) fn rename(&mut self, from: &RoomName, to: &RoomName) {
        self.names.remove(from.key(), from.as_str());
        self.names.add(to.key(), to.as_str());
    }

    /// Checks that it holds just these rooms.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check<'a>(
        &self,
        owned: impl Iterator<Item = (RoomId, &'a RoomName, &'a Ownership)>,
    ) -> Result<(), String> {
        let ensure = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        let mut n_owned = 0;
        for (id, name, ownership) in owned {
            n_owned += 1;
            let leads = self.by_number(&ownership.number) == Some(id);
            ensure(leads, format!("the number of {name} leads to it"))?;
            let is_in_order = self.by_use.contains(&(ownership.used, id));
            ensure(is_in_order, format!("{name} is found by its latest use"))?;
            let own = self.by_founder.get(&ownership.founder);
            let is_founders = own.is_some_and(|own| own.contains(&id));
            ensure(is_founders, format!("{name} is found by whose it is"))?;
        }
        let n_by_founder: usize = self.by_founder.values().map(BTreeSet::len).sum();
        let are_all = [self.by_number.len(), n_by_founder, self.by_use.len()] == [n_owned; 3];
        ensure(are_all, "only rooms that are somebody's are found as such".into())
    }
}

impl Ownership {
    /// The founder once what is on its way is there.
    pub(crate) fn next_founder(&self) -> &str {
        self.successor.as_ref().unwrap_or(&self.founder)
    }

    /// The rank of an account, wherever it comes from.
    pub(crate) fn rank_of(&self, account: &str) -> Rank {
        Rank {
            is_operator: *self.founder == *account || self.operators.contains_key(account),
            has_voice: self.voiced.contains(account),
        }
    }
}
