//! Identities in direct conversations: people's account, or as long as they stay a guest with a number of their own.

use std::sync::Arc;

use crate::{
    hub::{Hub, state::codec},
    ids::PersonId,
};

impl Hub {
    /// The identity of somebody in direct conversations: their account, or a guest by a name that nobody had before.
    /// Guests who neither speak nor are spoken to need none.
    pub(crate) fn identity_of(&mut self, who: PersonId) -> Arc<str> {
        if let Some(identity) = &self.people.person(who).identity {
            return Arc::clone(identity);
        }
        // Of the clock too, since what was said with an account is kept: what is drawn follows from a seed.
        let drawn = u128::from_ne_bytes(self.random.secret());
        let since = codec::milliseconds(self.now().wall);
        let identity: Arc<str> = format!("~{since:x}{drawn:032x}").into();
        self.set_identity(who, Some(Arc::clone(&identity)));
        identity
    }

    /// `who` is that one in direct conversations from here on; guests get another name when they need it.
    pub(crate) fn set_identity(&mut self, who: PersonId, identity: Option<Arc<str>>) {
        self.accounts.stir(self.people.person(who).account.as_deref());
        if let Some(gone) = self.people.set_identity(who, identity) {
            self.accounts.forget_guest(&gone);
        }
    }

    /// The identity `nick` stands for in direct conversations: whoever has it, or the account of that name.
    /// With how they are called, and whether they are here.
    pub(crate) fn find_identity(&mut self, nick: &str) -> Option<(Arc<str>, Arc<str>, bool)> {
        if let Ok(person) = self.people.find(nick) {
            let (who, nick) = (person.id, Arc::clone(person.nick.shown()));
            return Some((self.identity_of(who), nick, true));
        }
        let account = self.accounts.get(nick)?;
        Some((self.accounts.identity(&account.name), account.name.as_str().into(), false))
    }
}
