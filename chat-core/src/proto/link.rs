//! A link into a room: what a friend sends, and a program opens.

use std::{fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{NameError, RoomName};

/// The characters that stand for themselves in a part of a link (RFC 3986 §2.3).
const WRITTEN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An address, a room, and what it takes to come in:
/// `ircs://chat.example.org:6697/%23room?key=...&fingerprint=...`.
///
/// ```
/// use chat_core::proto::Link;
/// let link: Link = "irc://192.168.1.5:53000/%23den?key=abc".parse().unwrap();
/// assert_eq!(link.address, "192.168.1.5:53000");
/// assert_eq!(link.room.as_str(), "#den");
/// assert_eq!(link.key.as_deref(), Some("abc"));
/// assert_eq!(link.to_string(), "irc://192.168.1.5:53000/%23den?key=abc");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whether it is spoken over TLS.
    pub is_secure: bool,
    /// `HOST:PORT` or `HOST`, as an address is written.
    pub address: String,
    /// The room.
    pub room: RoomName,
    /// The key that opens it: the room's, or one that was made for this link.
    pub key: Option<String>,
    /// The SHA-256 fingerprint of the server's certificate, in hexadecimal, where nobody else vouches for it.
    pub fingerprint: Option<String>,
}

/// The reason why a text is no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A link that leads somewhere else, or nowhere.
    #[error("a link begins with irc:// or ircs://")]
    Scheme,
    /// There is no address, or none that could be one.
    #[error("there is no address in the link")]
    Address,
    /// There is no room.
    #[error("there is no room in the link")]
    NoRoom,
    /// A room that cannot be called so.
    #[error("the room in the link: {0}")]
    Room(NameError),
    /// A key that fits into no command, or a fingerprint that is none.
    #[error("the {0} in the link cannot be one")]
    Option(&'static str),
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "ircs" } else { "irc" };
        let room = utf8_percent_encode(self.room.as_str(), WRITTEN);
        write!(f, "{scheme}://{}/{room}", self.address)?;
        let options = [("key", &self.key), ("fingerprint", &self.fingerprint)];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        for (index, (name, value)) in given.enumerate() {
            let sign = if index == 0 { '?' } else { '&' };
            write!(f, "{sign}{name}={}", utf8_percent_encode(value, WRITTEN))?;
        }
        Ok(())
    }
}

impl FromStr for Link {
    type Err = LinkError;

    /// Reads a link; options that are not known are nothing.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        let (is_secure, rest) = match (text.strip_prefix("ircs://"), text.strip_prefix("irc://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(LinkError::Scheme),
        };
        let (address, rest) = rest.split_once('/').ok_or(LinkError::NoRoom)?;
        let is_written = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@');
        if address.is_empty() || !address.chars().all(is_written) {
            return Err(LinkError::Address);
        }
        let (room, options) = rest.split_once('?').unwrap_or((rest, ""));
        let decoded = |text: &str| {
            percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
        };
        let room = decoded(room).filter(|room| !room.is_empty()).ok_or(LinkError::NoRoom)?;
        let room = if room.starts_with('#') { room } else { format!("#{room}") };
        let room = RoomName::new(&room).map_err(LinkError::Room)?;
        let option = |name: &'static str| {
            let given =
                options.split('&').find_map(|own| own.strip_prefix(name)?.strip_prefix('='));
            given.map(|value| decoded(value).ok_or(LinkError::Option(name))).transpose()
        };
        let key = option("key")?;
        let is_key = |key: &String| {
            !key.is_empty()
                && !key.starts_with(':')
                && key.chars().all(|c| !c.is_whitespace() && c != ',' && !c.is_control())
        };
        if !key.as_ref().is_none_or(is_key) {
            return Err(LinkError::Option("key"));
        }
        let fingerprint = option("fingerprint")?.map(|own| own.to_ascii_lowercase());
        let is_fingerprint =
            |own: &String| own.len() == 64 && own.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !fingerprint.as_ref().is_none_or(is_fingerprint) {
            return Err(LinkError::Option("fingerprint"));
        }
        Ok(Self { is_secure, address: address.to_owned(), room, key, fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_read_as_they_are_written() {
        let print = "ab".repeat(32);
        for (room, key, fingerprint) in [
            ("#den", None, None),
            ("#caffè&più?", Some("a&b=c%"), None),
            ("#a#b", Some("k"), Some(print.clone())),
            ("#x/y", None, Some(print)),
        ] {
            let link = Link {
                is_secure: fingerprint.is_some(),
                address: "[2001:db8::1]:6697".into(),
                room: RoomName::new(room).unwrap(),
                key: key.map(str::to_owned),
                fingerprint,
            };
            let written = link.to_string();
            assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written}");
            assert_eq!(written.parse(), Ok(link), "{written}");
        }
        // As other programs write them.
        let link: Link = " irc://irc.example.org/lobby?x=1&key=k ".parse().unwrap();
        assert_eq!((link.room.as_str(), link.key.as_deref()), ("#lobby", Some("k")));
        let link: Link = "ircs://irc.example.org/#lobby".parse().unwrap();
        assert_eq!(link.room.as_str(), "#lobby");
    }

    #[test]
    fn what_is_no_link_is_said_why() {
        for (text, error) in [
            ("https://example.org/x", LinkError::Scheme),
            ("irc://example.org", LinkError::NoRoom),
            ("irc://example.org/", LinkError::NoRoom),
            ("irc:///x", LinkError::Address),
            ("irc://a b/x", LinkError::Address),
            ("irc://user@host/x", LinkError::Address),
            ("irc://host/x?key=", LinkError::Option("key")),
            ("irc://host/x?key=a%20b", LinkError::Option("key")),
            ("irc://host/x?key=%ff", LinkError::Option("key")),
            ("irc://host/x?fingerprint=12", LinkError::Option("fingerprint")),
        ] {
            assert_eq!(text.parse::<Link>(), Err(error), "{text}");
        }
        assert!(matches!("irc://h/a%20b".parse::<Link>(), Err(LinkError::Room(_))));
    }
}
