//! Those who stay without a connection, as they are kept: their nick, and the rooms they are in with what they may do there.

use serde::{Deserialize, Serialize};

use crate::hub::state::rank::Rank;

/// People of one account who are kept.
pub(crate) const STAYING_MAX: usize = 10;

/// A person who stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StayingPerson {
    pub(crate) nick: String,
    pub(crate) user: String,
    /// The host, as others see it.
    pub(crate) host: String,
    pub(crate) realname: String,
    /// The rooms, in the order in which they were joined.
    pub(crate) rooms: Vec<StayingMember>,
}

/// A room that somebody who stays is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StayingMember {
    pub(crate) room: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_operator: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_voice: bool,
}

impl StayingMember {
    pub(crate) fn new(room: &str, rank: Rank) -> Self {
        let Rank { is_operator, has_voice, .. } = rank;
        Self { room: room.to_owned(), is_operator, has_voice }
    }

    /// The rank that they had there, beside what their account has.
    pub(crate) fn rank(&self, by_account: Rank) -> Rank {
        Rank {
            is_operator: by_account.is_operator || self.is_operator,
            has_voice: by_account.has_voice || self.has_voice,
        }
    }
}
