//! Ownership of rooms: one that somebody founds who is logged in is their account's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::RoomName;

use crate::{
    hub::state::{confusables::ConfusableNames, facts::Fact, rank::Rank},
    ids::RoomId,
};

/// Whose a room is.
#[derive(Debug)]
pub(crate) struct Ownership {
    /// What its paths begin with, whatever it is called.
    pub(crate) number: Arc<str>,
    /// The account whose it is, by its folded name.
    pub(crate) founder: Arc<str>,
    /// Something has happened in it, and it is known again when the server starts anew.
    pub(crate) is_kept: bool,
    /// The log has been asked to know it.
    pub(crate) is_written: bool,
    /// Whose it is about to be.
    pub(crate) successor: Option<Arc<str>>,
    /// Accounts that operate it wherever they come from, by their folded names, and since when.
    pub(crate) operators: BTreeMap<Arc<str>, SystemTime>,
    /// Accounts that have a voice.
    pub(crate) voiced: BTreeSet<Arc<str>>,
}

/// The rooms that are somebody's.
#[derive(Debug, Default)]
pub(crate) struct OwnershipIndex {
    pub(crate) by_number: BTreeMap<Arc<str>, RoomId>,
    pub(crate) by_founder: BTreeMap<Arc<str>, BTreeSet<RoomId>>,
    /// What they are called.
    pub(crate) names: ConfusableNames,
}

impl OwnershipIndex {
    /// How many rooms an account has.
    pub(crate) fn n_of(&self, founder: &str) -> usize {
        self.by_founder.get(founder).map_or(0, BTreeSet::len)
    }

    /// All of them.
    pub(crate) fn n_rooms(&self) -> usize {
        self.by_number.len()
    }

    pub(crate) fn add(&mut self, id: RoomId, ownership: &Ownership, name: &RoomName) {
        self.by_number.insert(Arc::clone(&ownership.number), id);
        self.by_founder.entry(Arc::clone(&ownership.founder)).or_default().insert(id);
        self.names.add(name.key(), name.as_str());
    }

    pub(crate) fn remove(&mut self, id: RoomId, ownership: &Ownership, name: &RoomName) {
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
    pub(crate) fn next_founder(&self) -> &str {
        self.successor.as_ref().unwrap_or(&self.founder)
    }

    /// So it is from here on, as far as it is about accounts.
    pub(crate) fn take(&mut self, fact: &Fact) {
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
    pub(crate) fn facts(&self) -> impl Iterator<Item = Fact> {
        let operator = |(account, since): (&Arc<str>, &SystemTime)| {
            Fact::Operator(Arc::clone(account), Some(*since))
        };
        let voice = |account: &Arc<str>| Fact::Voice(Arc::clone(account), true);
        self.operators.iter().map(operator).chain(self.voiced.iter().map(voice))
    }

    /// What an account may do, wherever it comes from.
    pub(crate) fn rank_of(&self, account: &str) -> Rank {
        Rank {
            is_operator: *self.founder == *account || self.operators.contains_key(account),
            has_voice: self.voiced.contains(account),
        }
    }
}
