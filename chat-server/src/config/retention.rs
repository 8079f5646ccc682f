//! The section `retention`: how long messages are kept.

use chat_core::proto::{CaseMapping, RoomName};
use serde::{Deserialize, Serialize};

use super::limits::Span;
use crate::store::{Retention, Rule};

/// The section `retention`; what is not said is kept for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RetentionFile {
    /// [`Rule::age`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Span>,
    /// [`Rule::bytes`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Rooms with other rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub room: Vec<RoomRetention>,
}

/// A section `retention.room`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoomRetention {
    /// The room's name.
    pub name: String,
    /// [`Rule::age`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Span>,
    /// [`Rule::bytes`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl RetentionFile {
    /// What is said here, and what `other` says of the rest.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            age: self.age.or(other.age),
            bytes: self.bytes.or(other.bytes),
            room: if self.room.is_empty() { other.room } else { self.room },
        }
    }

    /// # Errors
    /// A sentence, if a room cannot be called so.
    pub(super) fn into_retention(self) -> Result<Retention, String> {
        let rule = |age: Option<Span>, bytes| Rule { age: age.map(|Span(age)| age), bytes };
        let mut retention =
            Retention { everywhere: rule(self.age, self.bytes), ..Retention::default() };
        for RoomRetention { name, age, bytes } in self.room {
            RoomName::new(&name).map_err(|error| format!("retention: {name}: {error}"))?;
            let key = CaseMapping::Ascii.fold(&name).into_owned();
            retention.rooms.insert(key, rule(age, bytes));
        }
        Ok(retention)
    }
}
