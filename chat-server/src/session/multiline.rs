//! A message of several lines while its lines come (<https://ircv3.net/specs/extensions/multiline>,
//! client-batch): collected here, and one command for the hub when it is whole.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::{
    proto::{CaseMapping, Command, CommandError, MessageKind, MessageLine},
    wire::Line,
};

use crate::config::Limits;

/// The time a batch may be open.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// The names of the type.
const TYPES: [&str; 2] = ["draft/multiline", "multiline"];

/// The names of the tag that joins a line to the one before.
const CONCAT_TAGS: [&str; 2] = ["draft/multiline-concat", "multiline-concat"];

/// A batch that has been opened.
#[derive(Debug)]
pub(super) struct Batch {
    reference: String,
    since: Instant,
    label: Option<Arc<str>>,
    target: String,
    /// The client-only tags of the whole message.
    tags: String,
    kind: Option<MessageKind>,
    lines: Vec<MessageLine>,
    n_bytes: usize,
    /// Whether what is wrong has been said; what is left of it is thrown away.
    is_refused: bool,
    is_spoiled: bool,
}

/// The use of a line to a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing: it is a command like any other.
    No,
    /// A part of it.
    Part,
    /// The part that makes it one that cannot be: with its label, what is wrong. The rest will come.
    Refused(Option<Arc<str>>, CommandError),
    /// The end of it: with its label, the command, or what is wrong with the whole.
    Whole(Option<Arc<str>>, Result<Command, CommandError>),
    /// The end of one that was refused.
    Over,
}

fn fail(code: &'static str, context: &[&str]) -> CommandError {
    CommandError::Batch { code, context: context.iter().map(|&word| word.to_owned()).collect() }
}

/// Whether a line opens a batch.
pub(super) fn opens(line: &Line<'_>) -> bool {
    let reference = line.params.get(0).unwrap_or_default();
    line.command.eq_ignore_ascii_case("BATCH") && reference.starts_with('+')
}

impl Batch {
    /// Opens a batch by its first line.
    ///
    /// # Errors
    /// What is wrong; then there is a batch all the same, if its lines will come: they are thrown away.
    pub(super) fn open(
        line: &Line<'_>,
        now: Instant,
        label: Option<Arc<str>>,
        tags: String,
    ) -> (Self, Result<(), CommandError>) {
        let reference = line.params.get(0).unwrap_or_default().trim_start_matches('+').to_owned();
        let kind = line.params.get(1).unwrap_or_default();
        let target = line.params.get(2).unwrap_or_default().to_owned();
        let is_word = !reference.is_empty()
            && reference.len() <= 64
            && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let outcome = if !is_word {
            Err(fail("INVALID_REFTAG", &[&reference]))
        } else if !TYPES.contains(&kind) {
            Err(fail("UNKNOWN_TYPE", &[&reference, kind]))
        } else if target.is_empty() {
            Err(fail("MULTILINE_INVALID", &[]))
        } else {
            Ok(())
        };
        let batch = Self {
            reference,
            since: now,
            label,
            target,
            tags,
            kind: None,
            lines: Vec::new(),
            n_bytes: 0,
            is_refused: outcome.is_err(),
            is_spoiled: false,
        };
        (batch, outcome)
    }

    /// The time at which it has been open for too long.
    pub(super) fn deadline(&self) -> Instant {
        self.since + OPEN_WITHIN
    }

    /// The error that is said when it has.
    pub(super) fn time_out(&self) -> CommandError {
        fail("TIMEOUT", &[&self.reference])
    }

    /// Whether anything of it is still wanted.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// A line came that could not be read. It may have been one of these, so the whole is none.
    pub(super) fn spoil(&mut self) {
        self.is_spoiled = true;
    }

    /// Lines that have been taken.
    pub(super) fn n_lines(&self) -> usize {
        self.lines.len()
    }

    /// Takes a line, if it belongs here.
    pub(super) fn take(&mut self, line: &Line<'_>, limits: &Limits) -> Taken {
        let first = line.params.get(0).unwrap_or_default();
        if line.command.eq_ignore_ascii_case("BATCH") {
            if first.strip_prefix('-') != Some(&*self.reference) {
                return Taken::No;
            }
            if self.is_refused {
                return Taken::Over;
            }
            return Taken::Whole(self.label.take(), self.finish());
        }
        if line.tags.get("batch").as_deref() != Some(&*self.reference) {
            return Taken::No;
        }
        if self.is_refused {
            return Taken::Part;
        }
        match self.add(line, first, limits) {
            Ok(()) => Taken::Part,
            Err(error) => {
                self.is_refused = true;
                Taken::Refused(self.label.take(), error)
            }
        }
    }

    fn add(&mut self, line: &Line<'_>, target: &str, limits: &Limits) -> Result<(), CommandError> {
        let kind = match &*line.command.to_ascii_uppercase() {
            "PRIVMSG" => MessageKind::Privmsg,
            "NOTICE" => MessageKind::Notice,
            _ => return Err(fail("MULTILINE_INVALID", &[])),
        };
        if *self.kind.get_or_insert(kind) != kind {
            return Err(fail("MULTILINE_INVALID", &[]));
        }
        if !CaseMapping::Ascii.same(target, &self.target) {
            return Err(fail("MULTILINE_INVALID_TARGET", &[&self.target, target]));
        }
        let text = line.params.get(1).unwrap_or_default().to_owned();
        let is_concat = line.tags.iter().any(|tag| CONCAT_TAGS.contains(&tag.key));
        if is_concat && (text.is_empty() || self.lines.is_empty()) {
            return Err(fail("MULTILINE_INVALID", &[]));
        }
        // "Each line feed used to join line messages contributes one byte."
        let joint = usize::from(!is_concat && !self.lines.is_empty());
        self.n_bytes += joint + text.len();
        if self.n_bytes > limits.multiline_bytes_max {
            let max = limits.multiline_bytes_max.to_string();
            return Err(fail("MULTILINE_MAX_BYTES", &[&max]));
        }
        if self.lines.len() == limits.multiline_lines_max {
            let max = limits.multiline_lines_max.to_string();
            return Err(fail("MULTILINE_MAX_LINES", &[&max]));
        }
        self.lines.push(MessageLine { text, is_concat });
        Ok(())
    }

    fn finish(&mut self) -> Result<Command, CommandError> {
        let has_text = self.lines.iter().any(|line| !line.text.is_empty());
        let kind = self.kind.filter(|_| has_text && !self.is_spoiled);
        Ok(Command::Multiline {
            kind: kind.ok_or_else(|| fail("MULTILINE_INVALID", &[]))?,
            target: std::mem::take(&mut self.target),
            lines: std::mem::take(&mut self.lines),
            tags: std::mem::take(&mut self.tags),
        })
    }
}
