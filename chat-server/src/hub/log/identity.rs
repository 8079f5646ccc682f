//! Who people are in direct conversations: their account, or as long as they stay a guest with a number of their own.

use std::{collections::BTreeSet, sync::Arc};

use rand_chacha::rand_core::Rng;

use crate::{
    hub::{Hub, state::codec::account_identity},
    ids::PersonId,
};

impl Hub {
    /// Who somebody is in direct conversations: their account, or a guest by a name that nobody had before. Guests
    /// who neither speak nor are spoken to need none.
    pub(crate) fn identity_of(&mut self, who: PersonId) -> Arc<str> {
        if let Some(identity) = &self.person(who).identity {
            return Arc::clone(identity);
        }
        let identity: Arc<str> = format!("~{:016x}", self.random.next_u64()).into();
        self.set_identity(who, Some(Arc::clone(&identity)));
        identity
    }

    /// `who` is that one in direct conversations from here on; guests get another name when they need it.
    pub(crate) fn set_identity(&mut self, who: PersonId, identity: Option<Arc<str>>) {
        let before = std::mem::replace(&mut self.person_mut(who).identity, identity.clone());
        if let Some(before) = before
            && let Some(people) = self.identities.get_mut(&before)
        {
            people.retain(|own| *own != who);
            if people.is_empty() {
                if before.starts_with('~') {
                    self.markers.forget(&before);
                }
                self.identities.remove(&before);
            }
        }
        if let Some(identity) = identity {
            let people = self.identities.entry(identity).or_default();
            if let Err(place) = people.binary_search(&who) {
                people.insert(place, who);
            }
        }
    }

    /// Whom `nick` stands for in direct conversations: whoever has it, or the account of that name.
    /// With how they are called, and whether they are here.
    pub(crate) fn find_identity(&mut self, nick: &str) -> Option<(Arc<str>, Arc<str>, bool)> {
        if let Ok(person) = self.find_person(nick) {
            let (who, nick) = (person.id, Arc::clone(person.nick.shown()));
            return Some((self.identity_of(who), nick, true));
        }
        let account = self.account(nick)?;
        Some((account_identity(&account.name), account.name.as_str().into(), false))
    }

    /// The guests who are here and have a name in conversations.
    pub(crate) fn guests(&self) -> BTreeSet<Arc<str>> {
        self.identities.keys().filter(|identity| identity.starts_with('~')).cloned().collect()
    }
}
