//! Bytes of what is set in rooms, counted by whom they count for: topics, metadata, lists, links and ranks, in memory and, where
//! a room is registered, in the store. They are counted where a fact is taken, so that no message pays for it.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;

use crate::{
    hub::state::{facts::Fact, list_entry::Entry, room::Room},
    ids::RoomId,
};

/// Bytes that a fact needs beside its words, about: its place in a map or a list, and what the allocator needs for each word.
const FACT_BYTES: usize = 128;

/// A holder of what is set in rooms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// The account whose they are, by its folded name.
    Account(Arc<str>),
    /// The network they were founded from, if they are nobody's.
    Network(IpNet),
    /// The room itself: the lobby, and what was founded from a network that is not counted.
    Room(RoomId),
}

/// The bytes that each holder has, if any.
#[derive(Debug, Default)]
pub(crate) struct RoomBytes {
    held: BTreeMap<Holder, usize>,
}

impl RoomBytes {
    pub(crate) fn of(&self, holder: &Holder) -> usize {
        self.held.get(holder).copied().unwrap_or(0)
    }

    /// Counts `after` bytes of a holder in the place of `before`.
    pub(crate) fn change(&mut self, holder: Holder, before: usize, after: usize) {
        let held = self.of(&holder) + after - before;
        if held == 0 {
            self.held.remove(&holder);
        } else {
            self.held.insert(holder, held);
        }
    }

    /// Checks that it counts what is set in these rooms, and no more.
    ///
    /// # Errors
    /// A sentence about the first holder for whom it does not.
    pub(crate) fn check<'a>(&self, rooms: impl Iterator<Item = &'a Room>) -> Result<(), String> {
        let mut counted = Self::default();
        rooms.for_each(|room| counted.change(room.holder(), 0, room.bytes()));
        let holders = self.held.keys().chain(counted.held.keys());
        match holders.into_iter().find(|holder| self.of(holder) != counted.of(holder)) {
            Some(holder) => Err(format!("the bytes of {holder:?} are counted")),
            None => Ok(()),
        }
    }
}

impl Fact {
    /// The bytes that are held for it. A flag, the key and the numbers of a room have a place of their own; an account that asks
    /// to be let in is no doing of those who rule the room, and has a bound of its own.
    pub(crate) fn bytes(&self) -> usize {
        let of_words = match self {
            Self::Link(token, Some(link)) => token.len() + link.by.len(),
            Self::Listed(_, Entry { mask, by, terms, .. }) => {
                mask.len() + by.len() + terms.reason.as_ref().map_or(0, |reason| reason.len())
            }
            Self::Metadata(key, Some(value)) => key.len() + value.len(),
            Self::Operator(account, Some(_)) | Self::Voice(account, true) => account.len(),
            Self::Topic(Some(topic)) => topic.text.len() + topic.by.len(),
            Self::Asking(..)
            | Self::Flag(..)
            | Self::Flood(_)
            | Self::Key(_)
            | Self::Limit(_)
            | Self::Link(_, None)
            | Self::Metadata(_, None)
            | Self::Operator(_, None)
            | Self::Slow(_)
            | Self::Topic(None)
            | Self::Unlisted(..)
            | Self::Used(_)
            | Self::Voice(_, false) => return 0,
        };
        FACT_BYTES + of_words
    }
}

impl Room {
    /// The holder of what is set in it.
    pub(crate) fn holder(&self) -> Holder {
        match (&self.ownership, self.founded_from) {
            (Some(ownership), _) => Holder::Account(Arc::clone(&ownership.founder)),
            (None, Some(network)) if !self.is_lobby() => Holder::Network(network),
            _ => Holder::Room(self.id),
        }
    }

    /// The bytes of all that is set in it.
    pub(crate) fn bytes(&self) -> usize {
        self.facts().iter().map(Fact::bytes).sum()
    }

    /// The bytes of what is set in the place of these facts.
    pub(crate) fn bytes_at(&self, facts: &[Fact]) -> usize {
        facts.iter().filter_map(|fact| self.counterpart(fact)).map(|fact| fact.bytes()).sum()
    }

    /// The fact that is so until another one takes its place.
    fn counterpart(&self, fact: &Fact) -> Option<Fact> {
        let ownership = self.ownership.as_ref();
        match fact {
            Fact::Link(token, _) => {
                let link = self.links.get(token)?;
                Some(Fact::Link(Arc::clone(token), Some(link.clone())))
            }
            Fact::Listed(list, Entry { mask, .. }) | Fact::Unlisted(list, mask) => {
                let mut entries = self.modes.list(*list).iter();
                let entry = entries.find(|own| own.mask.eq_ignore_ascii_case(mask))?;
                Some(Fact::Listed(*list, entry.clone()))
            }
            Fact::Metadata(key, _) => {
                let value = self.metadata.get(key)?;
                Some(Fact::Metadata(Arc::clone(key), Some(Arc::clone(value))))
            }
            Fact::Operator(account, _) => {
                let since = ownership?.operators.get(account)?;
                Some(Fact::Operator(Arc::clone(account), Some(*since)))
            }
            Fact::Topic(_) => Some(Fact::Topic(self.topic.clone())),
            Fact::Voice(account, _) => {
                let has_voice = ownership?.voiced.contains(account);
                Some(Fact::Voice(Arc::clone(account), has_voice))
            }
            Fact::Asking(..)
            | Fact::Flag(..)
            | Fact::Flood(_)
            | Fact::Key(_)
            | Fact::Limit(_)
            | Fact::Slow(_)
            | Fact::Used(_) => None,
        }
    }
}
