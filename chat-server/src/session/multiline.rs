//! A message of several lines while its lines come (<https://ircv3.net/specs/extensions/multiline>,
//! client-batch): collected here, and one command for the hub when it is whole.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::{
    proto::{CaseMapping, Command, CommandError, MessageKind, MessageLine, relayed_tags},
    wire::Line,
};

use crate::config::Limits;

/// The time a batch may be open.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// The names of the type.
const TYPES: [&str; 2] = ["draft/multiline", "multiline"];

/// The names of the tag that joins a line to the one before.
const CONCAT_TAGS: [&str; 2] = ["draft/multiline-concat", "multiline-concat"];

/// The most references of refused batches that are remembered, so that what still comes of them is thrown away without a
/// word; what comes of older ones is refused line by line.
const REFUSED_MAX: usize = 8;

/// The most bytes of a reference.
const REFERENCE_BYTES_MAX: usize = 64;

/// The batches of one client: the one that is open, and those that were refused.
#[derive(Debug, Default)]
pub(super) struct ClientBatches {
    open: Option<Batch>,
    /// The references of batches whose lines are thrown away, as has been said.
    refused: VecDeque<Box<str>>,
}

/// A batch that has been opened.
#[derive(Debug)]
struct Batch {
    reference: String,
    since: Instant,
    label: Option<Arc<str>>,
    target: String,
    /// The client-only tags of the whole message.
    tags: String,
    kind: Option<MessageKind>,
    lines: Vec<MessageLine>,
    n_bytes: usize,
    is_spoiled: bool,
}

/// The use of a line to the batches.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing: it is a command like any other.
    No,
    /// A part of a batch, or of one that was refused.
    Part,
    /// The line that makes a command of a batch, or shows what is wrong with it: with the batch's label.
    Whole(Option<Arc<str>>, Result<Command, CommandError>),
}

fn fail(code: &'static str, context: &[&str]) -> CommandError {
    CommandError::Batch { code, context: context.iter().map(|&word| word.to_owned()).collect() }
}

impl ClientBatches {
    /// Whether nothing is to be remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_none() && self.refused.is_empty()
    }

    /// The time at which the open batch has been open for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.since + OPEN_WITHIN)
    }

    /// The error to be said if the open batch has been open for too long; what still comes of it is thrown away.
    pub(super) fn time_out(&mut self, now: Instant) -> Option<CommandError> {
        let late = self.open.take_if(|open| open.since + OPEN_WITHIN <= now)?;
        self.refuse(&late.reference);
        Some(fail("TIMEOUT", &[&late.reference]))
    }

    /// A line came that could not be read. It may have been one of the open batch, so that is none.
    pub(super) fn spoil(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_spoiled = true;
        }
    }

    /// Lines of the open batch that have been taken.
    pub(super) fn n_lines(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.lines.len())
    }

    /// Takes a line, if it belongs to a batch.
    pub(super) fn take(
        &mut self,
        line: &Line<'_>,
        now: Instant,
        label: Option<Arc<str>>,
        limits: &Limits,
    ) -> Taken {
        if line.command.eq_ignore_ascii_case("BATCH") {
            let reference = line.params.get(0).unwrap_or_default();
            return match reference.split_at_checked(1) {
                Some(("+", reference)) => self.begin(line, reference, now, label),
                Some(("-", reference)) => self.end(reference, label),
                _ => Taken::No,
            };
        }
        let Some(reference) = line.tags.get("batch") else { return Taken::No };
        if let Some(open) = self.open.as_mut().filter(|open| open.reference == *reference) {
            let Err(error) = open.add(line, limits) else { return Taken::Part };
            let label = open.label.take();
            self.open = None;
            self.refuse(&reference);
            return Taken::Whole(label, Err(error));
        }
        if self.refused.iter().any(|refused| **refused == *reference) {
            return Taken::Part;
        }
        Taken::Whole(label, Err(fail("INVALID_REFTAG", &[&reference])))
    }

    fn begin(
        &mut self,
        line: &Line<'_>,
        reference: &str,
        now: Instant,
        label: Option<Arc<str>>,
    ) -> Taken {
        self.refused.retain(|refused| **refused != *reference);
        let kind = line.params.get(1).unwrap_or_default();
        let target = line.params.get(2).unwrap_or_default();
        let is_word = !reference.is_empty()
            && reference.len() <= REFERENCE_BYTES_MAX
            && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let error = if !is_word || self.open.is_some() {
            fail("INVALID_REFTAG", &[reference])
        } else if !TYPES.contains(&kind) {
            fail("UNKNOWN_TYPE", &[reference, kind])
        } else if target.is_empty() {
            fail("MULTILINE_INVALID", &[])
        } else {
            self.open = Some(Batch {
                reference: reference.to_owned(),
                since: now,
                label,
                target: target.to_owned(),
                tags: relayed_tags(line),
                kind: None,
                lines: Vec::new(),
                n_bytes: 0,
                is_spoiled: false,
            });
            return Taken::Part;
        };
        // One that is begun twice goes on as the first.
        if self.open.as_ref().is_none_or(|open| open.reference != reference) {
            self.refuse(reference);
        }
        Taken::Whole(label, Err(error))
    }

    fn end(&mut self, reference: &str, label: Option<Arc<str>>) -> Taken {
        if let Some(whole) = self.open.take_if(|open| open.reference == reference) {
            return Taken::Whole(whole.label.clone(), whole.finish());
        }
        if let Some(at) = self.refused.iter().position(|refused| **refused == *reference) {
            self.refused.remove(at);
            return Taken::Part;
        }
        Taken::Whole(label, Err(fail("INVALID_REFTAG", &[reference])))
    }

    /// Throws away what still comes of the batch of that reference.
    fn refuse(&mut self, reference: &str) {
        if reference.len() > REFERENCE_BYTES_MAX {
            return;
        }
        if self.refused.len() == REFUSED_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back(reference.into());
    }
}

impl Batch {
    fn add(&mut self, line: &Line<'_>, limits: &Limits) -> Result<(), CommandError> {
        let target = line.params.get(0).unwrap_or_default();
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

    fn finish(self) -> Result<Command, CommandError> {
        let has_text = self.lines.iter().any(|line| !line.text.is_empty());
        let kind = self.kind.filter(|_| has_text && !self.is_spoiled);
        Ok(Command::Multiline {
            kind: kind.ok_or_else(|| fail("MULTILINE_INVALID", &[]))?,
            target: self.target,
            lines: self.lines,
            tags: self.tags,
        })
    }
}
