//! An IRC client's session: framing, registration, capabilities, signs of life, its share of the hub.
//!
//! States: *collecting* (`NICK`, `USER`, `CAP END` and `PASS` are awaited) → *forwarding* (all is said
//! once; every command goes to the hub, in order) → registered, when the hub admits it.

use std::{sync::Arc, time::Instant};

use chat_core::{
    proto::{Capability, CapabilitySet, Command, CommandError, CommandSpec},
    wire::{Framed, Framer, Line, LineWriter, ParseError, limits},
};

use super::{
    first_word::{FirstWord, NO_WEB_SERVER},
    multiline::{ClientBatches, Taken},
    negotiation::Negotiation,
    step::{Output, Step, seconds},
    throttle::Throttle,
};
use crate::{
    delivery::{Batches, Page, Reply, ReplyLine, finish, knows_labels},
    hub::{Input, Registration},
    ids::ConnId,
    settings::{Privacy, Settings},
};

/// The most bytes of a label (labeled-response, "label tag").
const LABEL_BYTES_MAX: usize = 64;

/// The most texts of `PASS` that are looked at: of more, the first ones and the last.
const PASSWORDS_MAX: usize = 2;

/// A session of IRC (see the module).
#[derive(Debug)]
pub struct IrcSession {
    conn: ConnId,
    pub(super) settings: Arc<Settings>,
    framer: Framer,
    throttle: Throttle,
    expensive: Throttle,
    /// A command whose answer is long, and whose turn has not come.
    waiting: Option<Box<Read>>,
    /// Messages of several lines that are coming, if there are any.
    multiline: Option<Box<ClientBatches>>,
    negotiation: Negotiation,
    phase: Phase,
    /// The time the peer gave its last sign of life, or was asked for one that it has not given.
    heard_or_asked: Instant,
    is_asked: bool,
    batches: Batches,
}

#[derive(Debug)]
enum Phase {
    /// Apart, since those who have registered need it no more.
    Collecting(Box<Collected>),
    Forwarding {
        since: Instant,
    },
    Registered,
}

/// A newcomer's words so far.
#[derive(Debug)]
struct Collected {
    nick: Option<String>,
    user: Option<(String, String)>,
    /// The texts of `PASS`: the server's password, and an account's.
    passwords: Vec<String>,
    first_word: FirstWord,
    /// The hub has been given something that it may have to answer.
    has_asked: bool,
    since: Instant,
}

impl IrcSession {
    pub(super) fn new(
        conn: ConnId,
        settings: Arc<Settings>,
        privacy: Privacy,
        now: Instant,
    ) -> Self {
        Self {
            conn,
            framer: Framer::new(limits::CLIENT_LINE_BYTES_MAX),
            throttle: Throttle::new(now),
            expensive: Throttle::new(now),
            waiting: None,
            multiline: None,
            settings,
            negotiation: Negotiation::new(privacy),
            phase: Phase::Collecting(Box::new(Collected {
                nick: None,
                user: None,
                passwords: Vec::new(),
                first_word: FirstWord::default(),
                has_asked: false,
                since: now,
            })),
            heard_or_asked: now,
            is_asked: false,
            batches: Batches::default(),
        }
    }

    pub(super) fn inbox_bytes(&self) -> usize {
        self.framer.buffered_bytes()
    }

    pub(super) fn push(&mut self, now: Instant, bytes: &[u8]) {
        if let Phase::Collecting(collected) = &mut self.phase {
            collected.first_word.push(bytes);
        }
        self.framer.push(bytes);
        self.note_life(now);
    }

    pub(super) fn capabilities(&self) -> CapabilitySet {
        self.negotiation.capabilities
    }

    pub(super) fn step(&mut self, now: Instant, out: &mut Output) -> Step {
        if let Some(waiting) = self.waiting.take() {
            let (label, command) = *waiting;
            return self.take_expensive(now, label, command, out);
        }
        // Looked at before a token is taken, so that waiting for bytes costs none.
        if self.framer.has_line()
            && let Err(until) = self.throttle.take(self.settings.limits.flood, now)
        {
            return Step::Throttled(until);
        }
        // Those who have registered, whose every message comes by here, are not asked.
        if let Phase::Collecting(collected) = &self.phase
            && collected.first_word.is_http()
            && self.framer.has_line()
        {
            out.close = Some(NO_WEB_SERVER.into());
            self.framer = Framer::new(limits::CLIENT_LINE_BYTES_MAX);
            return Step::Line;
        }
        let Some(framed) = self.framer.pull() else { return Step::NeedsBytes };
        // Also a line that has waited for its turn here is a sign of life.
        (self.heard_or_asked, self.is_asked) = (now, false);
        let n_lines =
            |own: &Option<Box<ClientBatches>>| own.as_ref().map_or(0, |own| own.n_lines());
        let n_before = n_lines(&self.multiline);
        let read =
            read(framed, now, self.negotiation.capabilities, &mut self.multiline, &self.settings);
        // Of the lines of one message every fourth is paid for; all else that comes meanwhile is.
        let n_now = n_lines(&self.multiline);
        if n_now > n_before && n_now % 4 != 1 {
            self.throttle.give_back(self.settings.limits.flood);
        }
        let Some((label, command)) = read else { return Step::Line };
        if command.as_ref().is_ok_and(Command::is_expensive) {
            return self.take_expensive(now, label, command, out);
        }
        self.take(label, command, out);
        Step::Line
    }

    /// Takes a command whose answer is long, now or when there have been fewer of them.
    fn take_expensive(
        &mut self,
        now: Instant,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        out: &mut Output,
    ) -> Step {
        self.note_life(now);
        if let Err(until) = self.expensive.take(self.settings.limits.expensive, now) {
            self.waiting = Some(Box::new((label, command)));
            return Step::Throttled(until);
        }
        self.take(label, command, out);
        Step::Line
    }

    fn take(
        &mut self,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        out: &mut Output,
    ) {
        let Phase::Collecting(collected) = &mut self.phase else {
            out.inputs.push(Input::Command { conn: self.conn, label, command });
            return;
        };
        match command {
            Ok(Command::Cap { subcommand, arguments }) => {
                self.negotiate("*", label.as_deref(), &subcommand, &arguments, out);
            }
            Ok(Command::Nick { nick }) => collected.nick = Some(nick),
            Ok(Command::Pass { password }) => {
                collected.passwords.truncate(PASSWORDS_MAX - 1);
                collected.passwords.push(password);
            }
            Ok(Command::User { user, realname }) => collected.user = Some((user, realname)),
            Ok(Command::Pong) => {}
            other => {
                collected.has_asked = true;
                // An account has the name of one's nick, and is for those who may come in.
                if matches!(other, Ok(Command::Register { .. })) {
                    let first =
                        collected.passwords.drain(..).map(|password| Command::Pass { password });
                    let nick = collected.nick.clone().map(|nick| Command::Nick { nick });
                    for command in first.chain(nick).map(Ok) {
                        out.inputs.push(Input::Command { conn: self.conn, label: None, command });
                    }
                }
                out.inputs.push(Input::Command { conn: self.conn, label, command: other });
            }
        }
        self.register_when_complete(out);
    }

    /// Once all is said, and capabilities are settled, asks the hub to make this a person.
    fn register_when_complete(&mut self, out: &mut Output) {
        let Phase::Collecting(collected) = &mut self.phase else { return };
        if self.negotiation.is_open || collected.nick.is_none() || collected.user.is_none() {
            return;
        }
        let Collected { nick, user, passwords, since, .. } = &mut **collected;
        for password in passwords.drain(..) {
            // The hub looks at them: it counts what is guessed on all connections.
            let command = Ok(Command::Pass { password });
            out.inputs.push(Input::Command { conn: self.conn, label: None, command });
        }
        let nick = nick.take().unwrap_or_default();
        let (user, realname) = user.take().unwrap_or_default();
        let registration = Registration { nick, user, realname, take_any_nick: false };
        self.phase = Phase::Forwarding { since: *since };
        out.inputs.push(Input::Register { conn: self.conn, registration });
    }

    pub(super) fn negotiate(
        &mut self,
        nick: &str,
        label: Option<&str>,
        subcommand: &str,
        arguments: &[String],
        out: &mut Output,
    ) {
        let before = self.negotiation.capabilities;
        let is_registered = matches!(self.phase, Phase::Registered);
        let server = self.settings.name.as_str();
        let lines =
            self.negotiation.handle(&self.settings, nick, subcommand, arguments, is_registered);
        let reply = Reply {
            label: label.map(Arc::from),
            nick: nick.into(),
            lines: lines.into_iter().map(ReplyLine::Raw).collect(),
            page: Page::Only,
        };
        if matches!(&self.phase, Phase::Collecting(collected) if collected.has_asked) {
            out.inputs.push(Input::Answer { conn: self.conn, reply });
        } else {
            reply.write_irc(server, before, &mut self.batches, &mut out.bytes);
        }
        // The hub waits for it, if it has asked.
        let is_asked = !matches!(self.phase, Phase::Collecting(_));
        let capabilities = self.negotiation.capabilities;
        if is_asked || capabilities != before {
            out.inputs.push(Input::Capabilities { conn: self.conn, capabilities });
        }
    }

    pub(super) fn offer(&mut self, nick: &str, before: &Settings, out: &mut Output) {
        let capabilities = self.negotiation.capabilities;
        for line in self.negotiation.offer(before, &self.settings, nick) {
            finish(LineWriter::new(&mut out.bytes).raw(&line));
        }
        if self.negotiation.capabilities != capabilities {
            let capabilities = self.negotiation.capabilities;
            out.inputs.push(Input::Capabilities { conn: self.conn, capabilities });
        }
    }

    pub(super) fn admit(&mut self, now: Instant) {
        self.phase = Phase::Registered;
        self.note_life(now);
    }

    pub(super) fn owes_sign_of_life(&self) -> bool {
        self.is_asked && matches!(self.phase, Phase::Registered)
    }

    fn note_life(&mut self, now: Instant) {
        self.heard_or_asked = now;
        self.is_asked = false;
    }

    pub(super) fn next_deadline(&self) -> Instant {
        let limits = &self.settings.limits;
        let own = match &self.phase {
            Phase::Collecting(collected) => collected.since + limits.registration_timeout,
            Phase::Forwarding { since } => *since + limits.registration_timeout,
            Phase::Registered if self.is_asked => self.heard_or_asked + limits.ping_timeout,
            Phase::Registered => self.heard_or_asked + limits.ping_after,
        };
        let batch = self.multiline.as_ref().and_then(|own| own.deadline());
        batch.map_or(own, |batch| own.min(batch))
    }

    pub(super) fn handle_deadline(&mut self, now: Instant, out: &mut Output) {
        if let Some(error) = self.multiline.as_mut().and_then(|own| own.time_out(now)) {
            let command = Err(error);
            out.inputs.push(Input::Command { conn: self.conn, label: None, command });
        }
        if now < self.next_deadline() {
            return;
        }
        let limits = &self.settings.limits;
        match &self.phase {
            Phase::Collecting(_) | Phase::Forwarding { .. } => {
                let within = seconds(limits.registration_timeout);
                out.close = Some(format!("You did not register within {within}").into());
            }
            Phase::Registered if self.is_asked => {
                let silence = seconds(limits.ping_after + limits.ping_timeout);
                out.close = Some(format!("Connection lost: no sign of life for {silence}").into());
            }
            Phase::Registered => {
                (self.heard_or_asked, self.is_asked) = (now, true);
                let line = LineWriter::new(&mut out.bytes).command("PING");
                finish(line.last(self.settings.name.as_str()));
            }
        }
    }

    pub(super) fn write_goodbye(&self, reason: &str, label: Option<&str>, out: &mut Vec<u8>) {
        let label = label.filter(|_| knows_labels(self.negotiation.capabilities));
        let start = LineWriter::new(out);
        let start = label.into_iter().fold(start, |start, label| start.tag("label", label));
        finish(start.command("ERROR").last(reason));
    }

    pub(super) fn write_reply(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        let capabilities = self.negotiation.capabilities;
        reply.write_irc(self.settings.name.as_str(), capabilities, &mut self.batches, out);
    }
}

/// A command, or what is wrong with it, and its label.
type Read = (Option<Arc<str>>, Result<Command, CommandError>);

/// The command in a line; `None` if there is none in it: it is empty, or a part of a batch.
fn read(
    framed: Framed<'_>,
    now: Instant,
    capabilities: CapabilitySet,
    multiline: &mut Option<Box<ClientBatches>>,
    settings: &Settings,
) -> Option<Read> {
    let line = match parse(framed) {
        Ok(line) => line?,
        Err(error) => {
            if let Some(own) = multiline {
                own.spoil();
            }
            return Some((None, Err(error)));
        }
    };
    let label = line.tags.get("label").filter(|label| {
        capabilities.contains(Capability::LabeledResponse)
            && !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
    });
    let label = label.map(Arc::from);
    if multiline.is_some() || capabilities.contains(Capability::Multiline) {
        let own = multiline.get_or_insert_default();
        let taken = own.take(&line, now, label.clone(), &settings.limits);
        if own.is_empty() {
            *multiline = None;
        }
        match taken {
            Taken::No => {}
            Taken::Part => return None,
            Taken::Whole(label, outcome) => return Some((label, outcome)),
        }
    }
    Some((label, Command::parse(&line)))
}

/// The line in some bytes; `None` if it is empty.
fn parse(framed: Framed<'_>) -> Result<Option<Line<'_>>, CommandError> {
    let bytes = match framed {
        Framed::Line(bytes) if limits::client_line_fits(bytes) => bytes,
        Framed::Line(_) | Framed::TooLong { .. } => return Err(CommandError::TooLong),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| CommandError::NotUtf8(word_of(bytes)))?;
    match Line::parse(text) {
        Ok(line) => Ok(Some(line)),
        Err(ParseError::Empty) => Ok(None),
        Err(ParseError::NoCommand) => Err(CommandError::Unknown("*".into())),
        Err(ParseError::ForbiddenByte) => Err(CommandError::ForbiddenByte),
    }
}

/// The command's word in a line that is not UTF-8 text; `*` if there is none.
fn word_of(bytes: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(bytes);
    let line = Line::parse(&text).ok();
    let spec = line.and_then(|line| CommandSpec::by_word(&line.word()));
    spec.map_or("*", |spec| spec.word)
}

/// `ERROR` (RFC 2812 §3.7.4), the last line a client gets.
pub(crate) fn write_error(reason: &str, out: &mut Vec<u8>) {
    finish(LineWriter::new(out).command("ERROR").last(reason));
}
