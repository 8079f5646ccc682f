//! Message tags: the part of a line between `@` and the first space.
//!
//! Follows <https://ircv3.net/specs/extensions/message-tags>, rules and escaping.

use std::borrow::Cow;

/// One tag as it stands in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagPair<'a> {
    /// The key, a leading `+` (client-only tag) included.
    pub key: &'a str,
    /// The value, still escaped; empty when there is none.
    pub raw_value: &'a str,
}

impl<'a> TagPair<'a> {
    /// The value as its sender meant it.
    #[must_use]
    pub fn value(&self) -> Cow<'a, str> {
        unescape_tag_value(self.raw_value)
    }

    /// Whether servers relay this tag without understanding it.
    #[must_use]
    pub fn is_client_only(&self) -> bool {
        self.key.starts_with('+')
    }
}

/// The tags of one line; looks into the line, copies nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tags<'a>(pub(super) &'a str);

impl<'a> Tags<'a> {
    /// Tags in the order in which they stand, without empty ones.
    pub fn iter(&self) -> impl Iterator<Item = TagPair<'a>> + use<'a> {
        let mut rest = self.0;
        let mut next = move || {
            let (tag, behind) = cut_at(b';', rest)?;
            rest = behind;
            Some(tag)
        };
        std::iter::from_fn(move || {
            let tag = std::iter::from_fn(&mut next).find(|tag| !tag.is_empty())?;
            let (key, raw_value) = cut_at(b'=', tag)?;
            Some(TagPair { key, raw_value })
        })
    }

    /// The value of `key`; of a key given twice the last one counts.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Cow<'a, str>> {
        if self.0.is_empty() {
            return None;
        }
        self.iter().filter(|tag| tag.key == key).last().map(|tag| tag.value())
    }

    /// Whether there is no tag at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags as they stand in the line, without the `@`.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The text before the first such byte, which is ASCII, and the text behind it; `None` of nothing.
fn cut_at(byte: u8, text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    let Some(at) = memchr::memchr(byte, text.as_bytes()) else { return Some((text, "")) };
    Some((&text[..at], &text[at + 1..]))
}

/// Takes the escaping off a tag's value. A lone backslash at the end is dropped; a backslash
/// before any other character stands for that character.
#[must_use]
pub fn unescape_tag_value(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut value = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match characters.next() {
            Some(':') => value.push(';'),
            Some('s') => value.push(' '),
            Some('r') => value.push('\r'),
            Some('n') => value.push('\n'),
            Some(other) => value.push(other),
            None => {}
        }
    }
    Cow::Owned(value)
}

/// Writes `value` so that it can stand behind `key=`.
pub fn escape_tag_value(value: &str, out: &mut Vec<u8>) {
    let is_plain = |byte: u8| !matches!(byte, b';' | b' ' | b'\\' | b'\r' | b'\n' | 0);
    if value.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return out.extend_from_slice(value.as_bytes());
    }
    for byte in value.bytes() {
        match byte {
            b';' => out.extend_from_slice(b"\\:"),
            b' ' => out.extend_from_slice(b"\\s"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            // A value must not contain NUL; nothing stands for it.
            0 => {}
            other => out.push(other),
        }
    }
}
