//! Reactions (<https://ircv3.net/specs/client-tags/react>): a `TAGMSG` that says something of another message.

use chat_core::proto::NONCE_TAG;

/// A reaction, or another word about a message in the tags of one. Values are as they stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaction<'a> {
    /// The other message's id.
    pub about: &'a str,
    /// The word that is said of it, such as an emoji.
    pub value: &'a str,
    /// Whether it is said no more.
    pub is_taken_back: bool,
}

/// Bytes of a reaction that is kept, as it stands on the wire.
pub const REACTION_BYTES_MAX: usize = 64;

impl<'a> Reaction<'a> {
    /// The reaction in the client-only tags of a message, in wire form. "The `+draft/react` and `+draft/unreact`
    /// tags MUST NOT both be attached to a single message": then it is none.
    #[must_use]
    pub fn of(tags: &'a str) -> Option<Self> {
        let value = |names: [&str; 2]| {
            let mut all = tags.split(';').filter_map(|tag| tag.split_once('='));
            all.find(|(name, value)| names.contains(name) && !value.is_empty())
                .map(|(_, value)| value)
        };
        let about = value(["+reply", "+draft/reply"])?;
        let said = value(["+draft/react", "+react"]);
        let taken_back = value(["+draft/unreact", "+unreact"]);
        match (said, taken_back) {
            (Some(value), None) => Some(Self { about, value, is_taken_back: false }),
            (None, Some(value)) => Some(Self { about, value, is_taken_back: true }),
            _ => None,
        }
    }

    /// The message that the tags of another one answer.
    #[must_use]
    pub fn replied_to(tags: &'a str) -> Option<&'a str> {
        let mut all = tags.split(';').filter_map(|tag| tag.split_once('='));
        all.find(|(name, _)| ["+reply", "+draft/reply"].contains(name)).map(|(_, value)| value)
    }
}

/// The client-only tags that mean something when their message is read later: what it answers, what it says of that, where
/// it belongs, and the id that its sender knows it by.
const KEPT_TAGS: [&str; 9] = [
    "+reply",
    "+draft/reply",
    "+react",
    "+draft/react",
    "+unreact",
    "+draft/unreact",
    "+channel-context",
    "+draft/channel-context",
    NONCE_TAG,
];

/// Bytes of the value of one of them.
const KEPT_TAG_BYTES_MAX: usize = 128;

/// The tags of a message that are kept with it, each once; all others are for those who are there.
#[must_use]
pub fn kept_tags(tags: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for tag in tags.split(';') {
        let Some((name, value)) = tag.split_once('=') else { continue };
        let is_known = kept.iter().any(|own| own.split('=').next() == Some(name));
        if KEPT_TAGS.contains(&name) && value.len() <= KEPT_TAG_BYTES_MAX && !is_known {
            kept.push(tag);
        }
    }
    kept.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reaction_says_one_thing_of_one_message() {
        let reaction = |about, value, is_taken_back| Some(Reaction { about, value, is_taken_back });
        assert_eq!(Reaction::of("+reply=1;+draft/react=:)"), reaction("1", ":)", false));
        assert_eq!(Reaction::of("+draft/react=👋;+x;+draft/reply=1"), reaction("1", "👋", false));
        assert_eq!(Reaction::of("+reply=1;+draft/unreact=a"), reaction("1", "a", true));
        for none in [
            "",
            "+draft/react=a",
            "+reply=1",
            "+reply=;+draft/react=a",
            "+reply=1;+draft/react",
            "+reply=1;+draft/react=a;+draft/unreact=a",
        ] {
            assert_eq!(Reaction::of(none), None, "{none}");
        }
        assert_eq!(Reaction::replied_to("+x=y;+reply=7"), Some("7"));
    }

    #[test]
    fn tags_that_mean_nothing_later_are_not_kept() {
        let long = "x".repeat(4000);
        for (tags, kept) in [
            ("+reply=1;+typing=active;+draft/react=a", "+reply=1;+draft/react=a"),
            (
                "+chat.local/nonce=n;+x=y;+draft/channel-context=#x",
                "+chat.local/nonce=n;+draft/channel-context=#x",
            ),
            ("+reply=1;+reply=2;+reply", "+reply=1"),
            (&format!("+x={long};+reply={long}"), ""),
            ("", ""),
        ] {
            assert_eq!(kept_tags(tags), kept, "{tags}");
        }
    }
}
