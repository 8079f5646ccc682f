//! One line, taken apart without copying.

use std::borrow::Cow;

use super::Tags;

/// The most parameters a line may have ([RFC 2812 §2.3](https://www.rfc-editor.org/rfc/rfc2812#section-2.3)).
/// What follows the fourteenth is one last parameter.
pub const PARAMS_MAX: usize = 15;

/// The reason why a line has no meaning. Report it and go on with the next one: never fatal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but white space.
    #[error("the line is empty")]
    Empty,
    /// Tags or a source, and nothing behind them.
    #[error("the line has no command")]
    NoCommand,
    /// A NUL or a carriage return inside the line (RFC 2812 §2.3.1 forbids both).
    #[error("the line contains a NUL or a carriage return")]
    ForbiddenByte,
}

/// `@tags :source COMMAND param :last param`, borrowed from the text it was parsed from.
///
/// ```
/// use chat_core::wire::Line;
/// let line = Line::parse("@time=now :ann!a@host PRIVMSG #lobby :good morning")?;
/// assert_eq!(line.command, "PRIVMSG");
/// assert_eq!(line.params.get(1), Some("good morning"));
/// assert_eq!(line.tags.get("time").as_deref(), Some("now"));
/// # Ok::<(), chat_core::wire::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Message tags, possibly none.
    pub tags: Tags<'a>,
    /// The source the line comes from, without the colon.
    pub source: Option<&'a str>,
    /// A word or a three-digit number, as it was written; never empty.
    pub command: &'a str,
    /// Its parameters.
    pub params: Params<'a>,
}

/// The parameters of a line, at most [`PARAMS_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Params<'a> {
    items: [&'a str; PARAMS_MAX],
    len: usize,
}

impl<'a> Params<'a> {
    /// The parameter at `index`, counted from 0.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.as_slice().get(index).copied()
    }

    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[&'a str] {
        &self.items[..self.len]
    }

    /// The last one, if there is any.
    #[must_use]
    pub fn last(&self) -> Option<&'a str> {
        self.as_slice().last().copied()
    }

    /// The number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn push(&mut self, param: &'a str) {
        self.items[self.len] = param;
        self.len += 1;
    }
}

impl<'a> Line<'a> {
    /// The command in upper case, as nearly everybody writes it.
    #[must_use]
    pub fn word(&self) -> Cow<'a, str> {
        if self.command.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return self.command.to_ascii_uppercase().into();
        }
        self.command.into()
    }

    /// Takes `text` (one line, without its line break) apart.
    ///
    /// # Errors
    /// See [`ParseError`]; the text is then to be skipped.
    pub fn parse(text: &'a str) -> Result<Self, ParseError> {
        if memchr::memchr2(0, b'\r', text.as_bytes()).is_some() {
            return Err(ParseError::ForbiddenByte);
        }
        let mut rest = text.trim_start_matches(' ');
        if rest.is_empty() {
            return Err(ParseError::Empty);
        }
        let mut tags = Tags::default();
        if let Some(tagged) = rest.strip_prefix('@') {
            let (word, behind) = split_word(tagged);
            tags = Tags(word);
            rest = behind;
        }
        let mut source = None;
        if let Some(sourced) = rest.strip_prefix(':') {
            let (word, behind) = split_word(sourced);
            source = Some(word);
            rest = behind;
        }
        let (command, rest) = split_word(rest);
        if command.is_empty() {
            return Err(ParseError::NoCommand);
        }
        Ok(Self { tags, source, command, params: parse_params(rest) })
    }
}

fn parse_params(text: &str) -> Params<'_> {
    let mut params = Params::default();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(last) = rest.strip_prefix(':') {
            params.push(last);
            break;
        }
        if params.len == PARAMS_MAX - 1 {
            params.push(rest);
            break;
        }
        let (word, behind) = split_word(rest);
        params.push(word);
        rest = behind;
    }
    params
}

/// The first word, and what follows it without the spaces in between (one or more, RFC 1459 §2.3).
fn split_word(text: &str) -> (&str, &str) {
    match memchr::memchr(b' ', text.as_bytes()) {
        Some(space) => (&text[..space], text[space..].trim_start_matches(' ')),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_a_command_are_errors_not_panics() {
        for (text, error) in [
            ("", ParseError::Empty),
            ("   ", ParseError::Empty),
            ("@a=b", ParseError::NoCommand),
            ("@a=b   ", ParseError::NoCommand),
            (":source", ParseError::NoCommand),
            (":source  ", ParseError::NoCommand),
            ("@a :b ", ParseError::NoCommand),
            ("PING \0", ParseError::ForbiddenByte),
            ("PING a\rQUIT", ParseError::ForbiddenByte),
        ] {
            assert_eq!(Line::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_fifteenth_parameter_takes_the_rest() {
        let text =
            format!("X {} one two", (1..=14).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
        let line = Line::parse(&text).unwrap();
        assert_eq!(line.params.len(), PARAMS_MAX);
        assert_eq!(line.params.last(), Some("one two"));
    }

    #[test]
    fn of_a_tag_given_twice_the_last_counts() {
        let line = Line::parse("@a=1;b;a=2;=x;; CMD").unwrap();
        assert_eq!(line.tags.get("a").as_deref(), Some("2"));
        assert_eq!(line.tags.get("b").as_deref(), Some(""));
        assert_eq!(line.tags.get("c"), None);
    }
}
