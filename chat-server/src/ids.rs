//! The ids that cross a thread: small, `Copy`, and never a name.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use rustc_hash::FxBuildHasher;

/// A worker thread, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

/// A map by numbers that the server makes up itself: nobody can choose them so that they collide, so it need not be
/// hashed with a secret, which is a tenth of what a message costs.
pub type IdMap<Id, Value> = HashMap<Id, Value, FxBuildHasher>;

/// One connection for as long as the server runs: a slot is used again, a generation is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    /// The worker that owns the socket.
    pub worker: WorkerId,
    /// The number of connections the slot has had before.
    pub generation: u32,
    /// Its place in the worker's table.
    pub slot: u32,
}

/// A person while they are here, on however many connections; never used again, and growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonId(u64);

impl PersonId {
    /// Bits that tell the place: 16 million people at once, and a million million until the server starts again.
    const PLACE_BITS: u32 = 24;

    /// The id of somebody before whom so many have come, who has that place in the hub's table.
    pub(crate) fn new(n_before: u64, place: usize) -> Self {
        debug_assert!(place < 1 << Self::PLACE_BITS, "there are fewer connections than that");
        Self((n_before << Self::PLACE_BITS) | place as u64)
    }

    pub(crate) fn place(self) -> usize {
        (self.0 & ((1 << Self::PLACE_BITS) - 1)) as usize
    }
}

/// A room while it exists; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(pub u64);

/// The conversation of a room: what is said in it, whatever the room is called. Counted when the room is founded, kept, and
/// never that of anything else.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct ConversationId(u64);

impl ConversationId {
    /// The conversation of that number, of which the store keeps 63 bits.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number & u64::MAX >> 1)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A record on its way through the room log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// An address as it can stand in `nick!user@host`: never starting with a colon.
pub(crate) fn host_text(address: IpAddr) -> Arc<str> {
    let text = address.to_canonical().to_string();
    if text.starts_with(':') { format!("0{text}").into() } else { text.into() }
}
