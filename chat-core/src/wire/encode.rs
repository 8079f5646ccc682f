//! Writes lines. What it writes is one line, whatever it was given: a line break, a NUL, or a
//! space where none may stand is an error, so text of strangers cannot become a second command.

use super::{limits::BODY_BYTES_MAX, tags::escape_tag_value};

/// The reason why a line could not be written; nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A carriage return, a line feed or a NUL.
    #[error("a line cannot contain a line break or a NUL")]
    ForbiddenByte,
    /// Only the last parameter may be empty, start with a colon or contain a space.
    #[error("only the last parameter may be empty, start with a colon or contain a space")]
    MiddleParam,
    /// The command, the source or a tag's key is no single word.
    #[error("the command, source or tag key is not a single word")]
    NotAWord,
}

/// Writes one line into a buffer, in the order in which its parts stand.
///
/// ```
/// use chat_core::wire::LineWriter;
/// let mut out = Vec::new();
/// LineWriter::new(&mut out).tag("label", "7").command("PRIVMSG").param("#lobby").last("hi all").finish()?;
/// assert_eq!(out, b"@label=7 PRIVMSG #lobby :hi all\r\n");
/// # Ok::<(), chat_core::wire::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct LineWriter<'a> {
    out: &'a mut Vec<u8>,
    line_start: usize,
    /// The end of the tags.
    body_start: usize,
    has_tags: bool,
    tags_closed: bool,
    /// The last parameter has been written.
    is_complete: bool,
    error: Option<EncodeError>,
}

impl<'a> LineWriter<'a> {
    /// Starts a line at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let line_start = out.len();
        Self {
            out,
            line_start,
            body_start: line_start,
            has_tags: false,
            tags_closed: false,
            is_complete: false,
            error: None,
        }
    }

    /// A tag; its value is escaped here. An empty value is left out.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.open_tag();
        self.word(key, |byte| matches!(byte, b';' | b'='));
        if !value.is_empty() {
            self.out.push(b'=');
            escape_tag_value(value, self.out);
        }
        self
    }

    /// Tags that already stand in wire form (`a=b;c`), such as ones relayed; empty adds nothing.
    #[must_use]
    pub fn raw_tags(mut self, raw: &str) -> Self {
        if !raw.is_empty() {
            self.open_tag();
            self.word(raw, |_| false);
        }
        self
    }

    /// The source, without its colon.
    #[must_use]
    pub fn source(mut self, source: &str) -> Self {
        self.close_tags();
        self.out.push(b':');
        self.word(source, |_| false);
        self.out.push(b' ');
        self
    }

    /// The command: a word or a numeric.
    #[must_use]
    pub fn command(mut self, command: &str) -> Self {
        self.close_tags();
        self.word(command, |_| false);
        self
    }

    /// A parameter that is a word.
    #[must_use]
    pub fn param(mut self, param: &str) -> Self {
        let is_word =
            !param.is_empty() && !param.starts_with(':') && !has(param, |byte| byte == b' ');
        if self.is_complete || !is_word {
            self.fail(EncodeError::MiddleParam);
        }
        self.out.push(b' ');
        self.text(param);
        self
    }

    /// The last parameter, which may be any text; always written with a colon.
    #[must_use]
    pub fn last(mut self, param: &str) -> Self {
        if self.is_complete {
            self.fail(EncodeError::MiddleParam);
        }
        self.is_complete = true;
        self.out.extend_from_slice(b" :");
        self.text(param);
        self
    }

    /// Any parameters: the last one gets a colon where it needs one.
    #[must_use]
    pub fn params<S: AsRef<str>>(mut self, params: &[S]) -> Self {
        let Some((last, middle)) = params.split_last() else { return self };
        for param in middle {
            self = self.param(param.as_ref());
        }
        let last = last.as_ref();
        if last.is_empty() || last.starts_with(':') || last.contains(' ') {
            self.last(last)
        } else {
            self.param(last)
        }
    }

    /// The rest of the line, or all of it, as it already stands.
    #[must_use]
    pub fn raw(mut self, line: &str) -> Self {
        self.close_tags();
        self.text(line);
        self
    }

    /// Cuts what stands behind the tags to the bytes it may have with its end
    /// ([`BODY_BYTES_MAX`]), on a character's boundary. For lines that show what someone else wrote.
    #[must_use]
    pub fn cut_to_fit(self) -> Self {
        let start = if self.has_tags { self.body_start } else { self.line_start };
        let end = start + BODY_BYTES_MAX - 2;
        if self.out.len() > end {
            // A byte that goes on with a character is no boundary (RFC 3629 §3).
            let boundary = (start..=end).rev().find(|at| self.out[*at] & 0xC0 != 0x80);
            self.out.truncate(boundary.unwrap_or(start));
        }
        self
    }

    /// Ends the line.
    ///
    /// # Errors
    /// [`EncodeError`] for the first part that could not be written; the buffer is then as it was.
    pub fn finish(self) -> Result<(), EncodeError> {
        match self.error {
            Some(error) => {
                self.out.truncate(self.line_start);
                Err(error)
            }
            None => {
                self.out.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }

    fn open_tag(&mut self) {
        self.out.push(if self.has_tags { b';' } else { b'@' });
        self.has_tags = true;
    }

    fn close_tags(&mut self) {
        if self.has_tags && !self.tags_closed {
            self.out.push(b' ');
            self.body_start = self.out.len();
            self.tags_closed = true;
        }
    }

    fn word(&mut self, word: &str, forbidden: impl Fn(u8) -> bool) {
        if word.is_empty()
            || word.starts_with([':', '@'])
            || has(word, |byte| byte == b' ' || forbidden(byte))
        {
            self.fail(EncodeError::NotAWord);
        }
        self.text(word);
    }

    fn text(&mut self, text: &str) {
        if has(text, |byte| matches!(byte, 0 | b'\r' | b'\n')) {
            self.fail(EncodeError::ForbiddenByte);
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }
}

/// Whether there is such a byte. Looks at all of them, whatever it finds: so a compiler takes many at once, and what is
/// forbidden is hardly ever there.
fn has(text: &str, is_meant: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(false, |found, byte| found | is_meant(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Line;

    #[test]
    fn text_cannot_become_a_second_command() {
        let mut out = b"before".to_vec();
        for text in ["a\r\nQUIT", "a\nQUIT", "a\rQUIT", "a\0b"] {
            let written =
                LineWriter::new(&mut out).command("PRIVMSG").param("#x").last(text).finish();
            assert_eq!(written, Err(EncodeError::ForbiddenByte), "{text:?}");
        }
        let written = LineWriter::new(&mut out).command("PRIVMSG").param("#x QUIT").finish();
        assert_eq!(written, Err(EncodeError::MiddleParam));
        let written = LineWriter::new(&mut out).source("a b").command("QUIT").finish();
        assert_eq!(written, Err(EncodeError::NotAWord));
        assert_eq!(out, b"before");
    }

    #[test]
    fn a_line_is_cut_between_characters_and_its_tags_are_not_counted() {
        let mut out = Vec::new();
        let long = "é".repeat(300);
        LineWriter::new(&mut out)
            .tag("+x", &long)
            .command("PRIVMSG")
            .last(&long)
            .cut_to_fit()
            .finish()
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        let body = text.split_once(' ').unwrap().1;
        assert_eq!(body.len(), BODY_BYTES_MAX - 1, "what stands before the text is odd");
        assert!(body.ends_with("é\r\n"));
    }

    #[test]
    fn tag_values_come_back_as_they_went() {
        let value = "a;b c\\d\r\né🦀";
        let mut out = Vec::new();
        LineWriter::new(&mut out).tag("+x", value).command("TAGMSG").param("#x").finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        let line = Line::parse(text.trim_end()).unwrap();
        assert_eq!(line.tags.get("+x").as_deref(), Some(value));
    }
}
