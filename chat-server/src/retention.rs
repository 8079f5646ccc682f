//! The settings for how long messages are kept, and the section `retention` that says them.

use std::{collections::BTreeMap, time::Duration};

use chat_core::proto::{CaseMapping, RoomName};
use serde::{Deserialize, Serialize};

use crate::notation::Span;

/// The rules for how long messages are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Section", into = "Section")]
pub struct Retention {
    /// The bytes that the database's file may have in use altogether; then those conversations of which there is most give
    /// their oldest.
    pub total: u64,
    /// The rule where nothing else is said.
    pub everywhere: Rule,
    /// In rooms, by their folded names.
    pub rooms: BTreeMap<String, Rule>,
}

/// The bytes of all that is kept, unless said otherwise.
pub const TOTAL_BYTES: u64 = 10_000_000_000;

/// The least that may be said: less has room for nothing.
const TOTAL_BYTES_MIN: u64 = 1_000_000;

impl Default for Retention {
    fn default() -> Self {
        Self { total: TOTAL_BYTES, everywhere: Rule::default(), rooms: BTreeMap::new() }
    }
}

/// The rule for how long the messages of one conversation are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rule {
    /// The age up to which they are kept; `None`: for ever.
    pub age: Option<Duration>,
    /// As long as there are not so many bytes of text behind them; any number.
    pub bytes: Option<u64>,
}

/// The section as it is written: a rule, and rooms with rules of their own.
// The rule's keys stand in both, since what serde flattens loses the line of an error.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Section {
    age: Option<Span>,
    bytes: Option<u64>,
    total_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    room: Vec<RoomSection>,
}

/// A section `retention.room`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RoomSection {
    name: String,
    age: Option<Span>,
    bytes: Option<u64>,
}

impl TryFrom<Section> for Retention {
    type Error = String;

    /// # Errors
    /// A sentence, if a room cannot be called so, or there is room for nothing.
    fn try_from(section: Section) -> Result<Self, String> {
        let total = section.total_bytes.unwrap_or(TOTAL_BYTES);
        if total < TOTAL_BYTES_MIN {
            return Err(format!("retention: total-bytes is {TOTAL_BYTES_MIN} at least"));
        }
        let rule = |age: Option<Span>, bytes| Rule { age: age.map(|Span(age)| age), bytes };
        let rooms = section.room.into_iter().map(|RoomSection { name, age, bytes }| {
            RoomName::new(&name).map_err(|error| format!("retention: {name}: {error}"))?;
            Ok((CaseMapping::Ascii.fold(&name).into_owned(), rule(age, bytes)))
        });
        let rooms = rooms.collect::<Result<_, String>>()?;
        Ok(Self { total, everywhere: rule(section.age, section.bytes), rooms })
    }
}

impl From<Retention> for Section {
    fn from(Retention { total, everywhere, rooms }: Retention) -> Self {
        let room = |(name, Rule { age, bytes })| RoomSection { name, age: age.map(Span), bytes };
        Self {
            age: everywhere.age.map(Span),
            bytes: everywhere.bytes,
            total_bytes: Some(total),
            room: rooms.into_iter().map(room).collect(),
        }
    }
}
