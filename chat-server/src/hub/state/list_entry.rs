//! Entries of the lists of masks of a room.

use std::{sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::hub::state::codec;

/// An entry of a list.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) mask: Arc<str>,
    pub(crate) by: Arc<str>,
    pub(crate) at: SystemTime,
    pub(crate) terms: Terms,
}

/// The terms of a list entry: for how long it holds, and why it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// The time until which it holds; `None`: until somebody takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "codec::optional_time")]
    pub(crate) until: Option<SystemTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Arc<str>>,
}

impl Terms {
    /// ` until 2026-11-21T10:00:00Z (reason)`, as far as there is any of it.
    pub(crate) fn shown(&self) -> String {
        let until =
            self.until.map(|until| format!(" until {}", humantime::format_rfc3339_seconds(until)));
        let reason = self.reason.as_ref().map(|reason| format!(" ({reason})"));
        until.into_iter().chain(reason).collect()
    }
}
