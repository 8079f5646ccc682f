//! The lobby: the room that everybody is put into. Nobody founded it, so nobody is its operator by coming first.

use std::{collections::BTreeSet, sync::Arc};

use chat_core::proto::{CaseMapping, RoomName};

/// The accounts that look after the lobby, by their folded names.
pub(crate) type Keepers = Arc<BTreeSet<Arc<str>>>;

/// The lobby, as the configuration has it.
#[derive(Debug, Clone)]
pub(crate) struct Lobby {
    /// The key of its name.
    key: Arc<str>,
    keepers: Keepers,
}

impl Lobby {
    /// The room of that name, which these accounts look after.
    pub(crate) fn new(name: &RoomName, accounts: &[String]) -> Self {
        let fold = |account: &String| CaseMapping::Ascii.fold(account).into();
        Self { key: Arc::clone(name.key()), keepers: Arc::new(accounts.iter().map(fold).collect()) }
    }

    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The accounts that look after the room of that name, if it is this one.
    pub(crate) fn keepers_of(&self, name: &RoomName) -> Option<Keepers> {
        (*name.key() == self.key).then(|| Arc::clone(&self.keepers))
    }
}
