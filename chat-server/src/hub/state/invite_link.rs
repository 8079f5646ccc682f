//! Invite links into rooms.

use std::{sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::hub::state::codec::milliseconds;

/// Links into one room.
pub(crate) const LINKS_MAX: usize = 100;

/// The terms of an invite link: who may come in by it, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InviteLink {
    /// The nick of who has made it.
    pub(crate) by: Arc<str>,
    /// The time it was made, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The time until which it holds, in milliseconds since 1970.
    pub(crate) until: u64,
    /// The number of those who may still come; `None`: as many as want to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left: Option<u32>,
}

impl InviteLink {
    /// Whether somebody may still come in by it.
    pub(crate) fn holds(&self, now: SystemTime) -> bool {
        milliseconds(now) < self.until && self.left != Some(0)
    }
}
