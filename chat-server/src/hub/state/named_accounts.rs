//! The accounts that rooms name, so that what is one's is found without looking through all rooms.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    hub::state::{facts::Fact, list_entry::Entry, masks, modes::List, room::Room},
    ids::RoomId,
};

/// The rooms that name each account, by its folded name.
#[derive(Debug, Default)]
pub(crate) struct NamedAccounts {
    rooms: BTreeMap<Arc<str>, BTreeSet<RoomId>>,
}

impl NamedAccounts {
    /// The rooms that name an account.
    pub(crate) fn rooms_of(&self, account: &str) -> Vec<RoomId> {
        self.rooms.get(account).into_iter().flatten().copied().collect()
    }

    /// Notes whether a room names an account.
    pub(crate) fn set(&mut self, account: &Arc<str>, id: RoomId, is_named: bool) {
        if is_named {
            self.rooms.entry(Arc::clone(account)).or_default().insert(id);
        } else if let Some(rooms) = self.rooms.get_mut(account) {
            rooms.remove(&id);
            if rooms.is_empty() {
                self.rooms.remove(account);
            }
        }
    }

    /// Checks that it knows what the rooms name, and no more.
    ///
    /// # Errors
    /// A sentence about the first account that is not known so.
    pub(crate) fn check<'a>(&self, rooms: impl Iterator<Item = &'a Room>) -> Result<(), String> {
        let mut n_named = 0;
        for room in rooms {
            for account in room.named_accounts() {
                n_named += 1;
                if !self.rooms.get(&account).is_some_and(|rooms| rooms.contains(&room.id)) {
                    return Err(format!("{account}, which {} names, leads to it", room.name));
                }
            }
        }
        let n_known: usize = self.rooms.values().map(BTreeSet::len).sum();
        if n_known == n_named {
            Ok(())
        } else {
            Err("rooms name the accounts that lead to them".into())
        }
    }
}

/// The account that a mask is about and no other, by its folded name.
fn account_of(mask: &str) -> Option<Arc<str>> {
    masks::account_of(&mask.to_ascii_lowercase()).map(Arc::from)
}

impl Fact {
    /// The account that has something in a room by it, or has it no more, by its folded name.
    pub(crate) fn account(&self) -> Option<Arc<str>> {
        match self {
            Self::Asking(account, _) | Self::Operator(account, _) | Self::Voice(account, _) => {
                Some(Arc::clone(account))
            }
            Self::Listed(List::Except | List::Invited, Entry { mask, .. })
            | Self::Unlisted(List::Except | List::Invited, mask) => account_of(mask),
            _ => None,
        }
    }
}

impl Room {
    /// The accounts that have something in it, by their folded names.
    pub(crate) fn named_accounts(&self) -> BTreeSet<Arc<str>> {
        let mut named: BTreeSet<Arc<str>> = self.asking.keys().cloned().collect();
        for list in [List::Except, List::Invited] {
            let masks = self.modes.list(list).iter().map(|entry| &entry.mask);
            named.extend(masks.filter_map(|mask| account_of(mask)));
        }
        if let Some(ownership) = &self.ownership {
            named.insert(Arc::clone(&ownership.founder));
            named.extend(ownership.successor.clone());
            named.extend(ownership.operators.keys().cloned());
            named.extend(ownership.voiced.iter().cloned());
        }
        named
    }

    /// Whether an account has something in it.
    fn names(&self, account: &str) -> bool {
        let is_ranked = self.ownership.as_ref().is_some_and(|own| {
            *own.founder == *account
                || own.successor.as_deref() == Some(account)
                || own.operators.contains_key(account)
                || own.voiced.contains(account)
        });
        is_ranked || self.asking.contains_key(account) || !self.lists_of(account).is_empty()
    }

    /// The entries of lists that let an account in, and no other.
    fn lists_of(&self, account: &str) -> Vec<Fact> {
        let mut entries = Vec::new();
        for list in [List::Except, List::Invited] {
            let own = self.modes.list(list).iter();
            let own = own.filter(|entry| account_of(&entry.mask).as_deref() == Some(account));
            entries.extend(own.map(|entry| Fact::Unlisted(list, Arc::clone(&entry.mask))));
        }
        entries
    }

    /// The facts with which an account, by its folded name, has nothing here any more: whoever takes the name does not rule
    /// the room, nor come in by what the account was let in for. What bars the name stays, and is shaken off by nobody who
    /// registers it anew.
    pub(crate) fn facts_without(&self, account: &str) -> Vec<Fact> {
        let mut facts = self.lists_of(account);
        if let Some(ownership) = &self.ownership {
            let rank = ownership.rank_of(account);
            facts.extend(rank.is_operator.then(|| Fact::Operator(account.into(), None)));
            facts.extend(rank.has_voice.then(|| Fact::Voice(account.into(), false)));
        }
        facts.extend(self.asking.contains_key(account).then(|| Fact::Asking(account.into(), None)));
        facts
    }
}

/// Notes whether a room that is there names each of these accounts.
pub(crate) fn note(
    named: &mut NamedAccounts,
    room: &Room,
    accounts: impl IntoIterator<Item = Arc<str>>,
) {
    for account in accounts {
        named.set(&account, room.id, room.names(&account));
    }
}
