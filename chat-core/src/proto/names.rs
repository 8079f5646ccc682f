//! Checked names: what a server of ours lets people and rooms be called.
//!
//! Names compare by their folded key; they are shown as they were written.

use std::{
    borrow::Cow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{NICK_BYTES_MAX, ROOM_NAME_BYTES_MAX, cut};
use crate::text::is_printable;

/// The letters a network takes for the same (`CASEMAPPING` in
/// [RPL_ISUPPORT](https://modern.ircdocs.horse/#casemapping-parameter)). Other bytes stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaseMapping {
    /// `A`–`Z` only. What our server says.
    Ascii,
    /// `A`–`Z`, and `{}|^` are lower case of `[]\~`. What a server means that says nothing.
    #[default]
    Rfc1459,
    /// `{}|` are lower case of `[]\`, without `^~`.
    Rfc1459Strict,
}

impl CaseMapping {
    /// The mapping that `token`, the value of `CASEMAPPING`, names.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        match token {
            "ascii" => Some(Self::Ascii),
            "rfc1459" => Some(Self::Rfc1459),
            "rfc1459-strict" | "strict-rfc1459" => Some(Self::Rfc1459Strict),
            _ => None,
        }
    }

    /// `name` with every letter folded: equal keys are equal names.
    #[must_use]
    pub fn fold(self, name: &str) -> Cow<'_, str> {
        #[cfg(test)]
        crate::work::count();
        // Most names are folded already, and only ASCII is ever another character afterwards.
        if name.bytes().all(|byte| self.fold_byte(byte) == byte) {
            return name.into();
        }
        name.chars()
            .map(|character| match u8::try_from(character) {
                Ok(byte) if byte.is_ascii() => char::from(self.fold_byte(byte)),
                _ => character,
            })
            .collect()
    }

    /// The places of `name` in `text`, in bytes, however it is written there.
    pub fn find(self, text: &str, name: &str) -> impl Iterator<Item = usize> {
        let (text, name) = (text.as_bytes(), name.as_bytes());
        let first = self.fold_byte(name.first().copied().unwrap_or_default());
        // It is looked for in everything that is said, and is seldom there.
        let starts = memchr::memchr2_iter(first, self.unfold_byte(first), text);
        let is_same = move |(a, b): (&u8, &u8)| self.fold_byte(*a) == self.fold_byte(*b);
        starts.filter(move |at| {
            let rest = &text[*at..];
            rest.len() >= name.len() && rest.iter().zip(name).all(is_same)
        })
    }

    /// Whether `a` and `b` are the same name.
    #[must_use]
    pub fn same(self, a: &str, b: &str) -> bool {
        #[cfg(test)]
        crate::work::count();
        a.len() == b.len()
            && a.bytes().zip(b.bytes()).all(|(a, b)| self.fold_byte(a) == self.fold_byte(b))
    }

    /// The other byte that folds to this one, which is folded, or itself.
    fn unfold_byte(self, byte: u8) -> u8 {
        match (self, byte) {
            (_, b'a'..=b'z') => byte.to_ascii_uppercase(),
            (Self::Rfc1459 | Self::Rfc1459Strict, b'{') => b'[',
            (Self::Rfc1459 | Self::Rfc1459Strict, b'}') => b']',
            (Self::Rfc1459 | Self::Rfc1459Strict, b'|') => b'\\',
            (Self::Rfc1459, b'^') => b'~',
            _ => byte,
        }
    }

    fn fold_byte(self, byte: u8) -> u8 {
        match (self, byte) {
            (_, b'A'..=b'Z') => byte.to_ascii_lowercase(),
            (Self::Rfc1459 | Self::Rfc1459Strict, b'[') => b'{',
            (Self::Rfc1459 | Self::Rfc1459Strict, b']') => b'}',
            (Self::Rfc1459 | Self::Rfc1459Strict, b'\\') => b'|',
            (Self::Rfc1459, b'~') => b'^',
            _ => byte,
        }
    }
}

/// The reason why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    #[error("the name is empty")]
    Empty,
    /// Over its limit.
    #[error("the name is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// A character that may not stand in it.
    #[error("the name contains a character that is not allowed")]
    ForbiddenCharacter,
    /// A first character that may not stand there.
    #[error("the name starts with a character that may not stand first")]
    ForbiddenStart,
    /// Kept for the server itself.
    #[error("the name is reserved")]
    Reserved,
}

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            shown: Arc<str>,
            key: Arc<str>,
        }

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// [`NameError`] says which rule it breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                $check(text)?;
                let shown: Arc<str> = text.into();
                let has_upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
                let key = if has_upper { CaseMapping::Ascii.fold(text).into() } else { Arc::clone(&shown) };
                Ok(Self { shown, key })
            }

            /// The name as its owner wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.shown
            }

            /// The name as its owner wrote it, shared.
            #[must_use]
            pub fn shown(&self) -> &Arc<str> {
                &self.shown
            }

            /// Folded: equal keys are equal names.
            #[must_use]
            pub fn key(&self) -> &Arc<str> {
                &self.key
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key.hash(state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.key.cmp(&other.key)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.shown)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&*self.shown, f)
            }
        }
    };
}

checked_name! {
    /// A person's handle: ASCII letters, digits and ``[]\`_^{|}-``, not starting with a digit or `-`
    /// (RFC 2812 §2.3.1), at most [`NICK_BYTES_MAX`] bytes. Reserved ones are not refused here,
    /// since a client may meet them; a server asks [`is_reserved_nick`].
    Nick, check_nick
}

checked_name! {
    /// A room's name: `#` and then anything but spaces, commas and control characters
    /// (RFC 2812 §1.3), Unicode's among them, and nothing invisible ([`is_printable`]), at most [`ROOM_NAME_BYTES_MAX`] bytes.
    RoomName, check_room_name
}

checked_name! {
    /// A server's name: dotted words of letters, digits and hyphens (RFC 1123 §2.1), with at least one dot.
    ServerName, check_server_name
}

fn check_nick(text: &str) -> Result<(), NameError> {
    let Some(first) = text.bytes().next() else { return Err(NameError::Empty) };
    if text.len() > NICK_BYTES_MAX {
        return Err(NameError::TooLong { bytes_max: NICK_BYTES_MAX });
    }
    if !text.bytes().all(is_nick_byte) {
        return Err(NameError::ForbiddenCharacter);
    }
    if first.is_ascii_digit() || first == b'-' {
        return Err(NameError::ForbiddenStart);
    }
    Ok(())
}

fn is_nick_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"[]\\`_^{|}-".contains(&byte)
}

fn check_room_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if !text.starts_with('#') {
        return Err(NameError::ForbiddenStart);
    }
    if text.len() > ROOM_NAME_BYTES_MAX {
        return Err(NameError::TooLong { bytes_max: ROOM_NAME_BYTES_MAX });
    }
    if !is_printable(text) || text.chars().any(|c| c == ',' || c.is_whitespace()) {
        return Err(NameError::ForbiddenCharacter);
    }
    Ok(())
}

fn check_server_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > 253 {
        return Err(NameError::TooLong { bytes_max: 253 });
    }
    if !text.contains('.') {
        return Err(NameError::ForbiddenCharacter);
    }
    for label in text.split('.') {
        let is_word = !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_word {
            return Err(NameError::ForbiddenCharacter);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(NameError::ForbiddenStart);
        }
    }
    Ok(())
}

/// Names that only the server itself may speak under.
const RESERVED_NICKS: &[&str] = &["chanserv", "nickserv", "operserv", "server", "system"];

/// Whether `nick` is kept for the server itself.
#[must_use]
pub fn is_reserved_nick(nick: &Nick) -> bool {
    RESERVED_NICKS.contains(&&**nick.key())
}

/// The nick for a person who calls themselves `display_name`, any text: letters of other scripts
/// are written in ASCII, spaces become `_`, the rest falls away. `None` if nothing is left.
///
/// ```
/// use chat_core::proto::nick_from_display_name;
/// assert_eq!(nick_from_display_name("Niccolò Rossi").unwrap().as_str(), "Niccolo_Rossi");
/// assert_eq!(nick_from_display_name("Мария").unwrap().as_str(), "Mariia");
/// assert_eq!(nick_from_display_name("!!!"), None);
/// ```
#[must_use]
pub fn nick_from_display_name(display_name: &str) -> Option<Nick> {
    let ascii = deunicode::deunicode(display_name.trim());
    let mut nick: String = ascii
        .chars()
        .map(|character| if character.is_whitespace() { '_' } else { character })
        .filter(|character| character.is_ascii() && is_nick_byte(*character as u8))
        .collect();
    if nick.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        nick.insert(0, '_');
    }
    let has_letter = nick.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if !has_letter { None } else { Nick::new(cut(&nick, NICK_BYTES_MAX)).ok() }
}

impl Nick {
    /// The nick to try when this one is taken: with `number` behind it, shortened to fit.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let number = number.to_string();
        let stem = cut(self.as_str(), NICK_BYTES_MAX - number.len());
        Self::new(&format!("{stem}{number}")).expect("a nick with digits behind it is a nick")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_wherever_folding_finds_it() {
        let mappings = [CaseMapping::Ascii, CaseMapping::Rfc1459, CaseMapping::Rfc1459Strict];
        let mut random = fastrand::Rng::with_seed(5);
        let mut n_found = 0;
        for mapping in mappings {
            for byte in 0..=127 {
                let other = mapping.unfold_byte(mapping.fold_byte(byte));
                assert_eq!(mapping.fold_byte(other), mapping.fold_byte(byte), "{mapping:?} {byte}");
            }
            for _ in 0..2000 {
                let signs: Vec<char> = "aAbB{[~^|\\é ".chars().collect();
                let mut word = |n: usize| -> String {
                    (0..n).map(|_| signs[random.usize(..signs.len())]).collect()
                };
                let (text, name) = (word(12), word(2));
                let (folded, key) = (mapping.fold(&text), mapping.fold(&name));
                let expected: Vec<usize> = (0..text.len())
                    .filter(|at| folded.as_bytes()[*at..].starts_with(key.as_bytes()))
                    .collect();
                let found: Vec<usize> = mapping.find(&text, &name).collect();
                assert_eq!(found, expected, "{mapping:?} {name:?} in {text:?}");
                n_found += found.len();
            }
        }
        assert!(n_found > 100);
    }

    #[test]
    fn nicks_follow_the_grammar() {
        for good in ["a", "Ann", "[x]", "_1", "`^{|}", &"n".repeat(32)] {
            assert!(Nick::new(good).is_ok(), "{good}");
        }
        for (bad, error) in [
            ("", NameError::Empty),
            ("1a", NameError::ForbiddenStart),
            ("-a", NameError::ForbiddenStart),
            ("a b", NameError::ForbiddenCharacter),
            ("#a", NameError::ForbiddenCharacter),
            ("é", NameError::ForbiddenCharacter),
            ("a!b", NameError::ForbiddenCharacter),
        ] {
            assert_eq!(Nick::new(bad), Err(error), "{bad}");
        }
        assert_eq!(Nick::new(&"n".repeat(33)), Err(NameError::TooLong { bytes_max: 32 }));
    }

    #[test]
    fn a_taken_nick_gets_a_number_and_still_fits() {
        assert_eq!(Nick::new("USR").unwrap().numbered(1).as_str(), "USR1");
        let long = Nick::new(&"n".repeat(32)).unwrap().numbered(12);
        assert_eq!(long.as_str(), format!("{}12", "n".repeat(30)));
    }

    #[test]
    fn rooms_follow_the_grammar() {
        for good in ["#a", "##", "#caffè", "#日本"] {
            assert!(RoomName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "&a", "#a b", "#a,b", "#a\u{7}", "#a\u{3000}", "#a\u{202e}b"] {
            assert!(RoomName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_compare_by_their_folded_key() {
        assert_eq!(Nick::new("ANN").unwrap(), Nick::new("ann").unwrap());
        assert_ne!(Nick::new("a[").unwrap(), Nick::new("a{").unwrap());
        assert_eq!(CaseMapping::Rfc1459.fold("A[]\\~É"), "a{}|^É");
        assert_eq!(CaseMapping::Rfc1459Strict.fold("A[]\\~"), "a{}|~");
        assert!(CaseMapping::Rfc1459.same("N[]", "n{}"));
        assert!(!CaseMapping::Ascii.same("N[]", "n{}"));
    }

    #[test]
    fn any_display_name_gives_a_valid_nick_or_none() {
        for name in ["  Niccolò  Rossi ", "42", "-x", "🦀", "名前", "a\u{0}b", &"é".repeat(100)]
        {
            if let Some(nick) = nick_from_display_name(name) {
                assert!(Nick::new(nick.as_str()).is_ok(), "{name:?} became {nick:?}");
            }
        }
        assert_eq!(nick_from_display_name("42").unwrap().as_str(), "_42");
        assert_eq!(nick_from_display_name("   "), None);
    }
}
