//! The words that can stand alone on a line: checked before they are sent, and made of what people write.

use crate::error::SendError;

/// The bytes of a name: of a nick, a user, a host, an account, a room. The longest that servers have are rooms' of 200 (RFC
/// 1459 §1.3) and hosts' of 63; a longer one is none, whoever says it.
pub const NAME_BYTES_MAX: usize = 200;

/// Whether a key can be sent as one.
pub(super) fn is_key(key: &str) -> bool {
    let is_sign = |c: char| !c.is_whitespace() && c != ',' && !c.is_control();
    !key.is_empty() && !key.starts_with(':') && key.len() <= 128 && key.chars().all(is_sign)
}

/// A room's name, with the `#` that people leave out.
pub(super) fn room_name(room: &str) -> String {
    if room.starts_with('#') { room.to_owned() } else { format!("#{room}") }
}

/// An id, as one word on the wire.
pub(super) fn check_word(word: &str) -> Result<(), SendError> {
    let is_word = !word.is_empty()
        && !word.starts_with(':')
        && word.len() <= 128
        && word.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if is_word { Ok(()) } else { Err(SendError::InvalidText) }
}

/// A room or a nick, as one word on the wire.
pub(super) fn check_target(target: &str) -> Result<(), SendError> {
    let is_word = !target.is_empty()
        && !target.starts_with([':', '@'])
        && !target.contains(|c: char| c == ' ' || c == ',' || c.is_control())
        && target.len() <= NAME_BYTES_MAX;
    if is_word { Ok(()) } else { Err(SendError::InvalidTarget(target.to_owned())) }
}
