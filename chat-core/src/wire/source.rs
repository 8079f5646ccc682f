//! The source of a line: `nick!user@host`, or a server's name.

/// The parts of a line's source; parts that are not there are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// A person's nick, or a server's name.
    pub nick: &'a str,
    /// The user name.
    pub user: &'a str,
    /// The host name.
    pub host: &'a str,
}

impl<'a> Source<'a> {
    /// Splits at the first `!` and the `@` behind it; both are optional.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let cut = |byte, text: &'a str| match memchr::memchr(byte, text.as_bytes()) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, ""),
        };
        let (before_host, host) = cut(b'@', text);
        let (nick, user) = cut(b'!', before_host);
        Self { nick, user, host }
    }
}
