//! Ranks of members.

/// The rank of a member: what they may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rank {
    pub(crate) is_operator: bool,
    pub(crate) has_voice: bool,
}

impl Rank {
    /// Whether they are reached by a message to `prefix` and a room (`STATUSMSG` in RPL_ISUPPORT).
    pub(crate) fn is_at_least(self, prefix: char) -> bool {
        self.is_operator || prefix == '+' && self.has_voice
    }

    /// The letters of its modes.
    pub(crate) fn letters(self) -> &'static str {
        match (self.is_operator, self.has_voice) {
            (true, true) => "ov",
            (true, false) => "o",
            (false, true) => "v",
            (false, false) => "",
        }
    }

    /// Whether they speak in a moderated room.
    pub(crate) fn may_speak(self) -> bool {
        self.is_operator || self.has_voice
    }

    /// The sign before a nick; all of them if the reader understands `multi-prefix`.
    pub(crate) fn prefix(self, all: bool) -> &'static str {
        match (self.is_operator, self.has_voice) {
            (true, true) if all => "@+",
            (true, _) => "@",
            (false, true) => "+",
            (false, false) => "",
        }
    }
}
