//! The state of one connection, and of no other: dropped whole when it ends.

use std::{collections::HashMap, sync::Arc, time::Instant};

use super::{history_sync::Page, login::Login, negotiation::Negotiation, time::Now};
use crate::{client::settings::Password, update::MessageKind, wire::limits::BODY_BYTES_MAX};

/// The bytes a server may put between the nick and the text: `!user@host` at its longest.
const USER_AND_HOST_BYTES_MAX: usize = 1 + 18 + 1 + 63;

/// A connection, from its first attempt to its end.
#[derive(Debug)]
pub(super) struct Connection {
    /// The nick we have, or have asked for.
    pub(super) nick: Arc<str>,
    /// The number of times that the wanted nick was taken.
    pub(super) nick_number: u32,
    pub(super) negotiation: Negotiation,
    /// Bytes of `nick!user@host` as the server shows us to others, once it has.
    pub(super) source_bytes: Option<usize>,
    /// Words for the server's closing, that came before it.
    pub(super) last_words: Option<Arc<str>>,
    pub(super) last_heard: Option<Now>,
    /// The moment in which the server was asked for a sign of life.
    pub(super) asked: Option<Instant>,
    pub(super) login: Option<Login>,
    /// The server knows our password.
    pub(super) is_proved: bool,
    /// The password of an account that is being registered.
    pub(super) registering: Option<Password>,
    /// The program has been told of what the server does that it should not.
    pub(super) warned: Warned,
    /// Open batches.
    pub(super) batches: HashMap<String, Batch>,
}

/// The warnings that the program has had, once for each connection.
#[derive(Debug, Default)]
pub(super) struct Warned {
    /// Of names that are none.
    pub(super) of_names: bool,
    /// Of rooms and people that there is no place for.
    pub(super) of_overfull: bool,
}

/// Lines that belong together.
#[derive(Debug)]
pub(super) struct Batch {
    /// The label of the command that it answers.
    pub(super) label: Option<String>,
    /// The page of the past that it is, if it is one.
    pub(super) page: Option<Page>,
}

impl Connection {
    /// Nothing is known of it but the nick that will be asked for.
    pub(super) fn new(nick: Arc<str>) -> Self {
        Self {
            nick,
            nick_number: 0,
            negotiation: Negotiation::default(),
            source_bytes: None,
            last_words: None,
            last_heard: None,
            asked: None,
            login: None,
            is_proved: false,
            registering: None,
            warned: Warned::default(),
            batches: HashMap::new(),
        }
    }

    /// The number of bytes of text that fit on a line as others get it.
    pub(super) fn text_bytes_max(&self) -> impl Fn(&str, MessageKind) -> usize + use<> {
        let source_bytes = self.source_bytes.unwrap_or(self.nick.len() + USER_AND_HOST_BYTES_MAX);
        move |target, kind| {
            // ":source PRIVMSG target :text\r\n"
            let around = 1 + source_bytes + 9 + target.len() + 2 + 2;
            let action = if kind == MessageKind::Action { 9 } else { 0 };
            BODY_BYTES_MAX.saturating_sub(around + action).max(16)
        }
    }

    /// The label a line answers: its own, or that of its batch.
    pub(super) fn label_of(&self, own: Option<&str>, batch: Option<&str>) -> Option<String> {
        own.map(str::to_owned).or_else(|| self.batches.get(batch?)?.label.clone())
    }

    /// The page of the past that a batch is.
    pub(super) fn page_mut(&mut self, batch: Option<&str>) -> Option<&mut Page> {
        self.batches.get_mut(batch?)?.page.as_mut()
    }
}
