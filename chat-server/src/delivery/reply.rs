//! The answer to one command, for the one who gave it; with a label, one answer or one batch.

use std::sync::Arc;

use chat_core::{
    proto::{Capability, CapabilitySet, CommandSpec, Numeric, Service},
    wire::LineWriter,
};

use super::{Audience, Content, Event, finish, readable};

/// The extent of a [`Reply`]: all there is to say, or a page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The whole answer.
    Only,
    /// More follows, once the reader has taken this.
    More {
        /// Nothing came before it.
        is_first: bool,
    },
    /// The end of an answer that came in pages.
    Last,
}

impl Page {
    /// The page that begins the answer if `is_first`, and ends it if `is_last`.
    #[must_use]
    pub fn of(is_first: bool, is_last: bool) -> Self {
        match (is_first, is_last) {
            (true, true) => Self::Only,
            (false, true) => Self::Last,
            (is_first, false) => Self::More { is_first },
        }
    }
}

/// The answer to one command, for the one who gave it.
#[derive(Debug)]
pub struct Reply {
    /// The label of the command, if it had one
    /// (<https://ircv3.net/specs/extensions/labeled-response>).
    pub label: Option<Arc<str>>,
    /// The nick it is addressed to; `*` before registration.
    pub nick: Arc<str>,
    /// Its lines, in order; none with a label is an `ACK`.
    pub lines: Vec<ReplyLine>,
    /// The extent: whether more follows.
    pub page: Page,
}

/// One line of a [`Reply`].
#[derive(Debug, Clone)]
pub enum ReplyLine {
    /// Lines that belong together (<https://ircv3.net/specs/extensions/batch>); to those who do not know
    /// batches, the lines alone.
    Batch {
        /// Its type.
        kind: &'static str,
        /// The parameters that follow the type.
        params: Vec<Box<str>>,
        /// The lines.
        lines: Vec<Self>,
        /// The extent: the whole batch, or a page of the one batch that may come in pages at a time.
        page: Page,
    },
    /// An event with a tag of this answer's, for those who know tags.
    Tagged {
        /// The event.
        event: Arc<Event>,
        /// The tag.
        tag: &'static str,
        /// Its value.
        value: Box<str>,
    },
    /// An event that is part of the answer, such as one's own `JOIN`.
    Event(Arc<Event>),
    /// A refusal in words (<https://ircv3.net/specs/extensions/standard-replies>); a `NOTICE` to
    /// clients that did not ask for those, unless a specification says that it is a `FAIL`.
    Fail {
        /// The command that failed, or `*`.
        command: &'static str,
        /// A word for programs.
        code: &'static str,
        /// The parameters it was about.
        context: Vec<Box<str>>,
        /// A sentence for people.
        text: Box<str>,
        /// The rest of the command was carried out: a `WARN`.
        is_partial: bool,
    },
    /// A word of the server's own to one of its readers, about a room.
    Notice {
        /// The room.
        target: Arc<str>,
        /// A sentence for people.
        text: Box<str>,
    },
    /// A word of a service, such as NickServ.
    Said {
        /// The service.
        by: Service,
        /// A sentence for people.
        text: Box<str>,
    },
    /// A numeric; the addressee's nick is put before the parameters.
    Numeric(Numeric, Vec<Box<str>>),
    /// A line that many are told alike.
    Shared(Arc<Self>),
    /// The answer to a `PING`.
    Pong {
        /// The token that was asked with.
        token: Box<str>,
    },
    /// A line as it is, but for tags, of a session's own making.
    Raw(Box<str>),
}

impl Reply {
    /// Writes the reply for an IRC client.
    pub fn write_irc(
        &self,
        server: &str,
        capabilities: CapabilitySet,
        batches: &mut Batches,
        out: &mut Vec<u8>,
    ) {
        // What the one who asked would not understand, the others are told all the same.
        let is_understood = |line: &&ReplyLine| match line {
            ReplyLine::Event(event) | ReplyLine::Tagged { event, .. } => {
                event.is_understood(capabilities)
            }
            _ => true,
        };
        let lines: Vec<&ReplyLine> = self.lines.iter().filter(is_understood).collect();
        let label = self.label.as_deref().filter(|_| knows_labels(capabilities));
        let Some(label) = label else {
            lines
                .iter()
                .for_each(|line| self.write_line(line, server, capabilities, &[], batches, out));
            return;
        };
        match (&*lines, self.page) {
            ([], Page::Only) => {
                finish(LineWriter::new(out).tag("label", label).source(server).command("ACK"));
            }
            ([line], Page::Only) => {
                let tags = [("label", label)];
                self.write_line(line, server, capabilities, &tags, batches, out);
            }
            (lines, page) => {
                if matches!(page, Page::Only | Page::More { is_first: true }) {
                    batches.answer = batches.next();
                    let open =
                        LineWriter::new(out).tag("label", label).source(server).command("BATCH");
                    finish(open.param(&format!("+{}", batches.answer)).param("labeled-response"));
                }
                let batch = batches.answer.to_string();
                for line in lines {
                    let tags = [("batch", &*batch)];
                    self.write_line(line, server, capabilities, &tags, batches, out);
                }
                if matches!(page, Page::Only | Page::Last) {
                    let close = LineWriter::new(out).source(server).command("BATCH");
                    finish(close.param(&format!("-{batch}")));
                }
            }
        }
    }

    fn write_line(
        &self,
        line: &ReplyLine,
        server: &str,
        capabilities: CapabilitySet,
        tags: &[(&str, &str)],
        batches: &mut Batches,
        out: &mut Vec<u8>,
    ) {
        if let ReplyLine::Shared(line) = line {
            return self.write_line(line, server, capabilities, tags, batches, out);
        }
        if let ReplyLine::Tagged { event, tag, value } = line {
            if event.is_understood(capabilities) {
                let mut tags = tags.to_vec();
                if capabilities.contains(Capability::MessageTags) {
                    tags.push((tag, value));
                }
                event.write_line(Audience::irc(capabilities), &tags, out);
            }
            return;
        }
        if let ReplyLine::Event(event) = line {
            // Also inside a batch: what they would not understand is not for them.
            if event.is_understood(capabilities) {
                event.write_line(Audience::irc(capabilities), tags, out);
            }
            return;
        }
        if let ReplyLine::Batch { lines, .. } = line
            && !capabilities.contains(Capability::Batch)
        {
            for line in lines {
                self.write_line(line, server, capabilities, tags, batches, out);
            }
            return;
        }
        if let ReplyLine::Batch { kind, params, lines, page } = line {
            let batch = match page {
                Page::Only => batches.next(),
                Page::More { is_first: true } => {
                    batches.paged = batches.next();
                    batches.paged
                }
                Page::More { is_first: false } | Page::Last => batches.paged,
            };
            let batch = batch.to_string();
            if matches!(page, Page::Only | Page::More { is_first: true }) {
                let open = tags
                    .iter()
                    .fold(LineWriter::new(out), |open, (key, value)| open.tag(key, value));
                let open = open.source(server).command("BATCH").param(&format!("+{batch}"));
                finish(params.iter().fold(open.param(kind), |open, param| open.param(param)));
            }
            for line in lines {
                self.write_line(line, server, capabilities, &[("batch", &batch)], batches, out);
            }
            if matches!(page, Page::More { .. }) {
                return;
            }
            // Its end belongs to the batch around it as its beginning does; a label only begins.
            let around = tags.iter().filter(|(key, _)| *key == "batch");
            let close =
                around.fold(LineWriter::new(out), |close, (key, value)| close.tag(key, value));
            return finish(close.source(server).command("BATCH").param(&format!("-{batch}")));
        }
        let mut writer = LineWriter::new(out);
        for (key, value) in tags {
            writer = writer.tag(key, value);
        }
        if let ReplyLine::Raw(line) = line {
            return finish(writer.raw(line));
        }
        if let ReplyLine::Said { by, text } = line {
            let source = format!("{}!services@{server}", by.nick());
            return finish(writer.source(&source).command("NOTICE").param(&self.nick).last(text));
        }
        let writer = writer.source(server);
        finish(match line {
            ReplyLine::Batch { .. }
            | ReplyLine::Event(_)
            | ReplyLine::Raw(_)
            | ReplyLine::Said { .. }
            | ReplyLine::Shared(_)
            | ReplyLine::Tagged { .. } => return,
            ReplyLine::Fail { command, code, context, text, is_partial } => {
                if capabilities.contains(Capability::StandardReplies)
                    || is_specified(command, code, capabilities)
                {
                    let kind = if *is_partial { "WARN" } else { "FAIL" };
                    let mut writer = writer.command(kind).param(command).param(code);
                    for word in context {
                        writer = writer.param(word);
                    }
                    writer.last(text)
                } else {
                    writer.command("NOTICE").param(&self.nick).last(text)
                }
            }
            ReplyLine::Numeric(numeric, params) => {
                writer.command(&numeric.to_string()).param(&self.nick).params(params)
            }
            ReplyLine::Notice { target, text } => writer.command("NOTICE").param(target).last(text),
            ReplyLine::Pong { token } => writer.command("PONG").param(server).last(token),
        });
    }

    /// Writes the reply for a person at the text door: what a person wants to know of it.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        for line in &self.lines {
            let text = match line {
                // Who has just been welcomed need not be told that they joined.
                ReplyLine::Event(event) if matches!(event.content, Content::Join { .. }) => {
                    continue;
                }
                ReplyLine::Event(event) => {
                    out.extend_from_slice(event.encode(Audience::TEXT));
                    continue;
                }
                ReplyLine::Fail { text, .. } => format!("! {text}"),
                ReplyLine::Notice { text, .. } | ReplyLine::Said { text, .. } => {
                    format!("* {text}")
                }
                ReplyLine::Numeric(Numeric::RPL_NAMREPLY, params) => {
                    format!("* here: {}", params.last().map_or("", |names| names.trim()))
                }
                ReplyLine::Numeric(Numeric::RPL_TOPIC, params) => {
                    format!(
                        "* topic: {}",
                        params.last().map(|topic| readable(topic)).unwrap_or_default()
                    )
                }
                ReplyLine::Numeric(numeric, params) if numeric.is_error() => {
                    format!("! {}", params.last().map_or("", |text| text))
                }
                ReplyLine::Batch { .. }
                | ReplyLine::Numeric(..)
                | ReplyLine::Pong { .. }
                | ReplyLine::Raw(_)
                // What is told to many alike is for programs.
                | ReplyLine::Shared(_)
                | ReplyLine::Tagged { .. } => continue,
            };
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Roughly how many bytes this is.
    #[must_use]
    pub fn size(&self) -> usize {
        64 + self.lines.iter().map(ReplyLine::size).sum::<usize>()
    }
}

impl ReplyLine {
    /// Roughly how many bytes it is.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Event(event) | Self::Tagged { event, .. } => event.size(),
            Self::Fail { text, .. } | Self::Notice { text, .. } | Self::Said { text, .. } => {
                text.len() + 100
            }
            Self::Numeric(_, params) => {
                60 + params.iter().map(|param| param.len() + 1).sum::<usize>()
            }
            Self::Pong { token } => token.len() + 60,
            Self::Raw(line) => line.len() + 60,
            Self::Shared(line) => line.size(),
            Self::Batch { lines, .. } => 100 + lines.iter().map(Self::size).sum::<usize>(),
        }
    }
}

/// Whether answers have labels: these need batches (labeled-response, "Dependencies").
pub(crate) fn knows_labels(capabilities: CapabilitySet) -> bool {
    capabilities.contains(Capability::LabeledResponse) && capabilities.contains(Capability::Batch)
}

/// Whether a specification says that this is a `FAIL`, whether or not standard replies were asked for.
fn is_specified(command: &str, code: &str, capabilities: CapabilitySet) -> bool {
    match code {
        // <https://ircv3.net/specs/extensions/utf8-only>
        "INVALID_UTF8" => true,
        "INVALID_NONCE" => capabilities.contains(Capability::Nonce),
        _ => CommandSpec::by_word(command)
            .is_some_and(|spec| spec.fails_in_standard_replies(capabilities)),
    }
}

/// The numbers of one connection's batches.
#[derive(Debug, Default)]
pub struct Batches {
    last: u32,
    /// The one of the labelled answer that comes in pages.
    answer: u32,
    /// The one inside an answer that comes in pages itself.
    paged: u32,
}

impl Batches {
    fn next(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }
}
