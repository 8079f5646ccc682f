//! Metadata that people and rooms publish (<https://ircv3.net/specs/extensions/metadata>): types, names, and which revision somebody speaks.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use chat_core::proto::METADATA_KEY_BYTES_MAX;

use crate::ids::{PersonId, RoomId};

/// Values by their names.
pub(crate) type Metadata = BTreeMap<Arc<str>, Arc<str>>;

/// Names of metadata.
pub(crate) type Keys = BTreeSet<Arc<str>>;

/// The owner of metadata.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    Person(PersonId),
    Room(RoomId),
}

/// The revision of the draft in which someone is told of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `draft/metadata-2`: changes are `METADATA` lines.
    Second,
    /// `draft/metadata-3`: changes are numerics, what there is comes in batches, and an empty value is none.
    Third,
}

/// The metadata of several owners, told page by page; of a room with that of its members.
#[derive(Debug)]
pub(crate) struct Sync {
    /// The parameter of the batch around it, if there is to be one.
    pub(crate) target: Option<Arc<str>>,
    /// The owners still to be told of.
    pub(crate) owners: VecDeque<Owner>,
    /// The names that are told of.
    pub(crate) keys: Arc<Keys>,
    /// The member of the first room who was told of last; at first the room itself is.
    pub(crate) after: Option<PersonId>,
    /// Members who are in an earlier room of the reader's too have been told of there.
    pub(crate) is_each_once: bool,
    /// No page has been made.
    pub(crate) is_first: bool,
}

impl Sync {
    /// All of `keys` that `owners` have, in a batch about `target`.
    pub(crate) fn batched(
        target: Arc<str>,
        owners: impl Into<VecDeque<Owner>>,
        keys: Keys,
    ) -> Self {
        let (owners, keys) = (owners.into(), Arc::new(keys));
        let target = Some(target);
        Self { target, owners, keys, after: None, is_each_once: false, is_first: true }
    }
}

/// "Key names are restricted to the ranges `a-z`, `0-9`, and `_./-`."
pub(crate) fn is_key(key: &str) -> bool {
    let is_allowed =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-');
    (1..=METADATA_KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(is_allowed)
}
