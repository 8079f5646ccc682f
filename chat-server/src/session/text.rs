//! The text door: anyone with `nc` or any raw TCP program can chat.
//!
//! A person is greeted and asked for the server's password, if it has one, and a name, and then every line is a message to the default room.
//! A line ends at a newline or, for programs that send none, at a short pause. `{quit}`, `{close}`
//! or closing the connection leaves. To everyone else they are ordinary members of the room.

use std::{sync::Arc, time::Instant};

use chat_core::{
    proto::{Command, MessageKind, RoomName},
    text::split,
};

use super::{
    first_word::{FirstWord, NO_WEB_SERVER},
    step::{Output, Step},
    throttle::Throttle,
};
use crate::{
    auth::{READ_ON_THE_WAY, WRONG_PASSWORD},
    delivery::Reply,
    hub::{Input, Registration},
    ids::ConnId,
    settings::{Privacy, Settings},
};

/// Bytes of one message; longer lines become several, so that they fit with the name before them.
const MESSAGE_BYTES_MAX: usize = 360;

/// Bytes of a line without an end that are taken as a line all the same.
const UNFINISHED_BYTES_MAX: usize = 8 << 10;

const NAME_QUESTION: &str = "What is your name?";

/// A session of the text door (see the module).
#[derive(Debug)]
pub struct TextSession {
    conn: ConnId,
    pub(super) settings: Arc<Settings>,
    throttle: Throttle,
    /// The room they are in, or will be.
    room: RoomName,
    buffer: Vec<u8>,
    first_word: FirstWord,
    phase: Phase,
    last_heard: Instant,
    /// Nothing more will come: what is left in the buffer is a line.
    has_ended: bool,
    /// The pause after an unfinished line has come.
    has_paused: bool,
}

#[derive(Debug)]
enum Phase {
    /// The server's password is awaited.
    Entering {
        since: Instant,
    },
    /// A name is awaited; once the password has been found right, if there is one.
    Naming {
        since: Instant,
        is_asked: bool,
    },
    Chatting,
}

impl TextSession {
    pub(super) fn new(
        conn: ConnId,
        settings: Arc<Settings>,
        privacy: Privacy,
        now: Instant,
        out: &mut Output,
    ) -> Self {
        let (phase, question) = match settings.password {
            Some(_) => (Phase::Entering { since: now }, "What is the password?"),
            None => (Phase::Naming { since: now, is_asked: true }, NAME_QUESTION),
        };
        let greeting = format!("Welcome to {}! {question}\r\n", settings.network);
        if settings.password.is_some() && !settings.takes_passwords(privacy) {
            out.close = Some(READ_ON_THE_WAY.into());
        } else {
            out.bytes.extend_from_slice(greeting.as_bytes());
        }
        Self {
            conn,
            throttle: Throttle::new(now),
            room: settings.room.clone(),
            settings,
            buffer: Vec::new(),
            first_word: FirstWord::default(),
            phase,
            last_heard: now,
            has_ended: false,
            has_paused: false,
        }
    }

    /// Goes by other settings. Whoever is in a room stays in it, also when others are put into another one now.
    pub(super) fn renew(&mut self, settings: Arc<Settings>) {
        if !matches!(self.phase, Phase::Chatting) {
            self.room = settings.room.clone();
        }
        self.settings = settings;
    }

    pub(super) fn inbox_bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn push(&mut self, now: Instant, bytes: &[u8]) {
        self.first_word.push(bytes);
        self.buffer.extend_from_slice(bytes);
        self.last_heard = now;
        self.has_paused = false;
    }

    pub(super) fn step(&mut self, now: Instant, out: &mut Output) -> Step {
        let Some(line_bytes) = self.line_bytes() else { return Step::NeedsBytes };
        if let Err(until) = self.throttle.take(self.settings.limits.flood, now) {
            return Step::Throttled(until);
        }
        if !matches!(self.phase, Phase::Chatting) && self.first_word.is_http() {
            out.close = Some(NO_WEB_SERVER.into());
            self.buffer = Vec::new();
            return Step::Line;
        }
        let rest = self.buffer.split_off(line_bytes);
        let line = std::mem::replace(&mut self.buffer, rest);
        match std::str::from_utf8(&line) {
            Ok(line) if !line.contains('\0') => self.take(line.trim_end_matches(['\r', '\n']), out),
            _ => out.bytes.extend_from_slice(b"! that was not UTF-8 text, so it was not sent\r\n"),
        }
        Step::Line
    }

    /// The number of bytes the next line takes, its end included.
    fn line_bytes(&self) -> Option<usize> {
        if let Some(end) =
            self.buffer.iter().take(UNFINISHED_BYTES_MAX).position(|byte| *byte == b'\n')
        {
            return Some(end + 1);
        }
        let bytes = self.buffer.len().min(UNFINISHED_BYTES_MAX);
        let is_due = self.has_ended || self.has_paused || self.buffer.len() >= UNFINISHED_BYTES_MAX;
        if !is_due || bytes == 0 {
            return None;
        }
        // Not in the middle of a character, unless no more will come.
        let whole = match std::str::from_utf8(&self.buffer[..bytes]) {
            Err(error) if error.error_len().is_none() && !self.has_ended => error.valid_up_to(),
            _ => bytes,
        };
        (whole > 0).then_some(whole)
    }

    fn take(&mut self, line: &str, out: &mut Output) {
        let conn = self.conn;
        let leaves = matches!(line.trim(), "{quit}" | "{close}");
        match self.phase {
            Phase::Entering { .. } | Phase::Naming { .. } if leaves => {
                out.close = Some("You left".into());
            }
            Phase::Entering { since } => {
                self.phase = Phase::Naming { since, is_asked: false };
                let command = Ok(Command::Pass { password: line.to_owned() });
                out.inputs.push(Input::Command { conn, label: None, command });
            }
            Phase::Naming { .. } => self.register(line.trim(), out),
            Phase::Chatting if leaves => {
                let command = Ok(Command::Quit { reason: None });
                out.inputs.push(Input::Command { conn, label: None, command });
            }
            Phase::Chatting => {
                for piece in split(line, MESSAGE_BYTES_MAX).filter(|piece| !piece.trim().is_empty())
                {
                    let command = Ok(Command::Message {
                        kind: MessageKind::Privmsg,
                        targets: vec![self.room.to_string()],
                        text: piece.into(),
                        tags: Box::default(),
                    });
                    out.inputs.push(Input::Command { conn, label: None, command });
                }
            }
        }
    }

    fn register(&mut self, name: &str, out: &mut Output) {
        self.phase = Phase::Chatting;
        let registration = Registration {
            nick: name.to_owned(),
            user: "text".into(),
            realname: name.to_owned(),
            take_any_nick: true,
        };
        out.inputs.push(Input::Register { conn: self.conn, registration });
    }

    /// The hub's answer to the password is that there is nothing to say.
    pub(super) fn write_reply(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        reply.write_text(out);
        if let Phase::Naming { is_asked, .. } = &mut self.phase
            && !std::mem::replace(is_asked, true)
        {
            out.extend_from_slice(format!("{NAME_QUESTION}\r\n").as_bytes());
        }
    }

    pub(super) fn end_input(&mut self) {
        self.has_ended = true;
    }

    pub(super) fn admit(&mut self, nick: &str, out: &mut Output) {
        let welcome =
            format!("Welcome, {nick}! You are in {}. Write {{quit}} to leave.\r\n", self.room);
        out.bytes.extend_from_slice(welcome.as_bytes());
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let limits = &self.settings.limits;
        let pause = self.last_heard + limits.text_pause;
        match self.phase {
            _ if !self.buffer.is_empty() && !self.has_paused => Some(pause),
            Phase::Entering { since } | Phase::Naming { since, .. } => {
                Some(since + limits.registration_timeout)
            }
            // A silent person is no problem: the kernel's keepalive finds those who are gone.
            Phase::Chatting => None,
        }
    }

    pub(super) fn handle_deadline(&mut self, now: Instant, out: &mut Output) {
        let limits = &self.settings.limits;
        self.has_paused |= now >= self.last_heard + limits.text_pause;
        match self.phase {
            Phase::Naming { since, .. } if now >= since + limits.registration_timeout => {
                self.register("", out);
            }
            Phase::Entering { since } if now >= since + limits.registration_timeout => {
                out.close = Some(WRONG_PASSWORD.into());
            }
            _ => {}
        }
    }
}
