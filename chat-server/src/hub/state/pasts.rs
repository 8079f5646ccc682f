//! The pasts of rooms that have ended and that anyone could enter: what was said under a name, for whoever takes it.

use std::{collections::BTreeMap, sync::Arc};

use crate::ids::{ConversationId, IdMap};

/// All pasts, found by the folded names that they are gone on with under, and by themselves.
#[derive(Debug, Default)]
pub(crate) struct Pasts {
    by_name: BTreeMap<Arc<str>, ConversationId>,
    names: IdMap<ConversationId, Arc<str>>,
}

impl Pasts {
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Keeps a past under a name; one that was there in its place is nobody's.
    pub(crate) fn insert(&mut self, name: Arc<str>, conversation: ConversationId) {
        self.remove(conversation);
        if let Some(before) = self.by_name.insert(Arc::clone(&name), conversation) {
            self.names.remove(&before);
        }
        self.names.insert(conversation, name);
    }

    /// Whether there is a past under a name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Takes the past of a name, for a room that has the name from here on.
    pub(crate) fn take(&mut self, name: &str) -> Option<ConversationId> {
        let conversation = self.by_name.remove(name)?;
        self.names.remove(&conversation);
        Some(conversation)
    }

    /// Removes a past that is a room's, whatever it is called.
    pub(crate) fn remove(&mut self, conversation: ConversationId) {
        if let Some(name) = self.names.remove(&conversation) {
            self.by_name.remove(&name);
        }
    }

    /// All of them, by their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, ConversationId)> {
        self.by_name.iter().map(|(name, own)| (name, *own))
    }

    /// Checks that each has one name.
    ///
    /// # Errors
    /// A sentence about the first one that has not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_named =
            |(name, own): &(&Arc<str>, ConversationId)| self.names.get(own) == Some(*name);
        match self.iter().find(|past| !is_named(past)) {
            Some((name, _)) => Err(format!("what was said in {name} knows its name")),
            None if self.names.len() != self.by_name.len() => {
                Err("each past has a name".to_owned())
            }
            None => Ok(()),
        }
    }
}
