//! The words of the protocol: commands, numerics, capabilities, names.
//!
//! Lines ([`crate::wire`]) become meaning here. Each list stands in one table.

mod caps;
mod command;
mod link;
mod mask;
mod names;
mod numeric;
mod service;

pub use caps::{Capability, CapabilitySet};
pub use command::{
    Command, CommandError, CommandSpec, JoinTarget, ListCondition, MessageKind, MessageLine,
    NONCE_TAG, SPECS, WhoQuery, WhoxFields, relayed_tags,
};
pub use link::{Link, LinkError};
pub use mask::mask_matches;
pub use names::{
    CaseMapping, NameError, Nick, RoomName, ServerName, is_reserved_nick, nick_from_display_name,
};
pub use numeric::Numeric;
pub use service::Service;

/// Bytes of a nick (`NICKLEN`).
pub const NICK_BYTES_MAX: usize = 32;
/// Bytes of a room's name (`CHANNELLEN`).
pub const ROOM_NAME_BYTES_MAX: usize = 64;
/// Bytes of a room's key (`KEYLEN`).
pub const KEY_BYTES_MAX: usize = 32;
/// Bytes of a topic, an away or a kick reason (`TOPICLEN`, `AWAYLEN`, `KICKLEN`).
pub const TOPIC_BYTES_MAX: usize = 390;
/// Bytes of a user name (`USERLEN`).
pub const USER_BYTES_MAX: usize = 16;
/// Bytes of a real name (`NAMELEN`).
pub const REALNAME_BYTES_MAX: usize = 128;

/// Bytes of the name of a piece of metadata.
pub const METADATA_KEY_BYTES_MAX: usize = 32;
/// Bytes of its value (`max-value-bytes`).
pub const METADATA_VALUE_BYTES_MAX: usize = 300;

/// Cuts `text` to at most `bytes_max` bytes, on a character's boundary.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
