//! Purposes of changes that are on their way to the log.

use std::sync::Arc;

use chat_core::proto::Service;

use crate::{
    delivery::ReplyLine,
    hub::{
        refusal::Refusal,
        state::{account_request::AccountRequest, read_markers::ReadMarker},
    },
    ids::RoomId,
};

/// The purpose of changes.
#[derive(Debug)]
pub(crate) enum ChangePurpose {
    /// Something is done to an account.
    Account(AccountRequest),
    /// Somebody comes into a room by a link.
    Entrance { room: RoomId, shown: Arc<str> },
    /// Somebody sets what a room that is somebody's publishes.
    Metadata {
        room: RoomId,
        /// Under which names.
        keys: Vec<Arc<str>>,
        /// The reply to them when it is so.
        reply: Vec<ReplyLine>,
    },
    /// Somebody may not come here, or may again.
    Bans {
        /// The reply to whoever wanted it when it is so.
        reply: Vec<ReplyLine>,
    },
    /// Somebody has asked to be let into a room.
    Knock {
        /// The reply to them when it is kept.
        reply: Vec<ReplyLine>,
    },
    /// Somebody has read something.
    Mark {
        mark: ReadMarker,
        /// The shown name of what was read.
        shown: Arc<str>,
    },
}

impl ChangePurpose {
    /// The refusal that says why it is not so, or not yet.
    pub(crate) fn refusal(&self, why: &str) -> Refusal {
        match self {
            Self::Account(AccountRequest { account, via, .. }) => {
                via.refusal("TEMPORARILY_UNAVAILABLE", account, why)
            }
            Self::Bans { .. } => Refusal::Service { by: Service::OperServ, text: why.to_owned() },
            Self::Entrance { shown, .. } => Refusal::fail("JOIN", "INTERNAL_ERROR", &[shown], why),
            Self::Knock { .. } => Refusal::fail("KNOCK", "INTERNAL_ERROR", &[], why),
            Self::Metadata { .. } => Refusal::fail("METADATA", "INTERNAL_ERROR", &[], why),
            Self::Mark { shown, .. } => Refusal::fail("MARKREAD", "INTERNAL_ERROR", &[shown], why),
        }
    }
}
