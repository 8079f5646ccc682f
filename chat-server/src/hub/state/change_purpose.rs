//! Purposes of changes that are on their way to the log.

use std::sync::Arc;

use chat_core::proto::Service;

use crate::{
    delivery::ReplyLine,
    hub::{
        refusal::Refusal,
        state::{
            account_request::AccountRequest, entrance::LinkUse, read_markers::ReadMarker,
            silence_lists::SilenceEntry,
        },
    },
    ids::RoomId,
};

/// The purpose of changes.
#[derive(Debug)]
pub(crate) enum ChangePurpose {
    /// A change of an account.
    Account(AccountRequest),
    /// An entrance into a room by a link.
    Entrance { link_use: LinkUse, shown: Arc<str> },
    /// Metadata of a room that is somebody's.
    Metadata {
        room: RoomId,
        /// The names it is under.
        keys: Vec<Arc<str>>,
        /// The reply to them when it is so.
        reply: Vec<ReplyLine>,
    },
    /// A ban from the server, or its end.
    Bans {
        /// The reply to whoever wanted it when it is so.
        reply: Vec<ReplyLine>,
    },
    /// A knock: somebody has asked to be let into a room.
    Knock {
        /// The reply to them when it is kept.
        reply: Vec<ReplyLine>,
    },
    /// A read marker that moves.
    Mark {
        mark: ReadMarker,
        /// The shown name of what was read.
        shown: Arc<str>,
    },
    /// A mask that is silenced, or no more.
    Silence { silence: SilenceEntry, is_set: bool },
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
            Self::Silence { silence, .. } => {
                Refusal::fail("SILENCE", "INTERNAL_ERROR", &[&silence.mask], why)
            }
            Self::Mark { shown, .. } => Refusal::fail("MARKREAD", "INTERNAL_ERROR", &[shown], why),
        }
    }
}
