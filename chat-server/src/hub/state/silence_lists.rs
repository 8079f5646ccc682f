//! Silences: masks of those whose direct messages and invitations somebody does not get. Of accounts they are kept, and hold
//! on all of their devices; of guests they go with them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{hub::state::codec, room_log::Change};

/// The first word of the paths of silences.
pub(crate) const PATH: &str = "silence";

/// Masks of one person.
pub(crate) const SILENCES_MAX: usize = 32;

/// A mask of somebody, by their identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SilenceEntry {
    pub(crate) identity: Arc<str>,
    pub(crate) mask: Arc<str>,
}

impl SilenceEntry {
    /// The word by which a mask is told from others: in any case it is the same one.
    pub(crate) fn key(&self) -> Arc<str> {
        self.mask.to_ascii_lowercase().into()
    }

    /// Whether it outlives everyone's visit: guests are nobody tomorrow.
    pub(crate) fn is_registered(&self) -> bool {
        !self.identity.starts_with('~')
    }

    /// The change that keeps it, or no more.
    pub(crate) fn change(&self, is_set: bool) -> Change {
        let path = format!("{PATH}\n{}\n{}", self.identity, self.key()).into();
        if is_set {
            let value = serde_json::to_string(&self.mask).expect("words can be written as JSON");
            Change::Set { path, value: value.into() }
        } else {
            Change::Remove { path }
        }
    }
}

/// The change that ends those of somebody.
pub(crate) fn forget(identity: &str) -> Change {
    Change::Remove { path: format!("{PATH}\n{identity}").into() }
}

/// All lists of masks.
#[derive(Debug, Default)]
pub(crate) struct SilenceLists {
    /// The masks of each identity, by their keys.
    by: HashMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>>,
}

impl SilenceLists {
    /// Takes a change: what is at `path` (the words behind [`PATH`]) is `value` from here on, or nothing is.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take(&mut self, path: &[&str], value: Option<&str>) -> Result<(), String> {
        match (path, value) {
            ([identity, key], Some(value)) => {
                let silence =
                    SilenceEntry { identity: (*identity).into(), mask: codec::read(path, value)? };
                if *silence.key() != **key {
                    return Err(format!("{value} is not the mask {key}"));
                }
                self.set(&silence, true);
            }
            ([identity, key], None) => {
                self.set(
                    &SilenceEntry { identity: (*identity).into(), mask: (*key).into() },
                    false,
                );
            }
            ([identity], None) => self.forget(identity),
            _ => return Err(format!("{path:?} is no path of a silence")),
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, silence: &SilenceEntry, is_set: bool) {
        if is_set {
            let own = self.by.entry(Arc::clone(&silence.identity)).or_default();
            own.insert(silence.key(), Arc::clone(&silence.mask));
        } else if let Some(own) = self.by.get_mut(&silence.identity) {
            own.remove(&silence.key());
            if own.is_empty() {
                self.by.remove(&silence.identity);
            }
        }
    }

    /// The masks of somebody.
    pub(crate) fn of(&self, identity: &str) -> impl Iterator<Item = &Arc<str>> {
        self.by.get(identity).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn n_of(&self, identity: &str) -> usize {
        self.by.get(identity).map_or(0, BTreeMap::len)
    }

    /// Whether somebody has a mask of that key.
    pub(crate) fn has(&self, identity: &str, key: &str) -> bool {
        self.by.get(identity).is_some_and(|own| own.contains_key(key))
    }

    /// Somebody is no more.
    pub(crate) fn forget(&mut self, identity: &str) {
        self.by.remove(identity);
    }

    /// Checks that nobody has more than they may.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.by.values().any(|own| own.is_empty() || own.len() > SILENCES_MAX) {
            return Err("nobody has silenced more than they may".to_owned());
        }
        Ok(())
    }
}
