//! Words of the server to one connection, and the pieces that several answers are made of.

use std::sync::Arc;

use chat_core::{
    proto::{Numeric, cut},
    wire::limits::BODY_BYTES_MAX,
};

use crate::{
    delivery::{Content, Event, Page, Reply, ReplyLine},
    hub::{Hub, effect::Effect, state::read_markers::ReadMarker},
    ids::{ConnId, PersonId},
};

/// The version the server calls itself.
pub(crate) const VERSION: &str = concat!("chat-", env!("CARGO_PKG_VERSION"));

impl Hub {
    /// An event that `person` causes now and that passes by the log.
    pub(crate) fn event(&self, person: PersonId, content: Content) -> Arc<Event> {
        let now = self.now();
        Arc::new(Event::new(content, now.wall, None).by(self.people.person(person).as_sender()))
    }

    pub(crate) fn say_to(&self, conn: ConnId, label: Option<Arc<str>>, lines: Vec<ReplyLine>) {
        let nick =
            self.people.person_at(conn).map_or_else(|| "*".into(), |p| Arc::clone(p.nick.shown()));
        self.out
            .push(Effect::Reply { conn, reply: Reply { label, nick, lines, page: Page::Only } });
    }

    /// "MARKREAD <target> <timestamp>"
    pub(crate) fn marker_line(&self, mark: &ReadMarker, shown: &str) -> ReplyLine {
        let time = match self.accounts.marker(mark) {
            Some(time) => format!("timestamp={}", humantime::format_rfc3339_millis(time)),
            None => "*".to_owned(),
        };
        ReplyLine::Raw(format!(":{} MARKREAD {shown} {time}", self.settings.name).into())
    }
}

/// The words that tell someone that they are away, or back.
pub(crate) fn away_words(is_away: bool) -> (Numeric, &'static str) {
    if is_away {
        (Numeric::RPL_NOWAWAY, "You have been marked as being away")
    } else {
        (Numeric::RPL_UNAWAY, "You are no longer marked as being away")
    }
}

/// `text` as others can get it: no longer than `bytes_max`, nor than what is left of a line behind the
/// other `words` (the source and the command among them), each with a space or a sign around it.
pub(crate) fn relayable<'a>(text: &'a str, words: &[&str], bytes_max: usize) -> &'a str {
    // ":" before the source, ":" before the text, "\r\n".
    let around = words.iter().map(|word| word.len() + 1).sum::<usize>() + 4;
    cut(text, bytes_max.min(BODY_BYTES_MAX.saturating_sub(around)))
}
