//! A record as a row of the database, and back. A kind, once given a number, keeps it for ever.

use std::sync::Arc;

use chat_core::proto::{MessageKind, MessageLine};
use serde::{Deserialize, Serialize};

use super::{milliseconds, time_of};
use crate::{
    delivery::{Content, Event, Sender},
    room_log::{Conversation, Record},
};

/// What a row has beside its place and its sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time: i64,
    pub(super) random: i64,
    pub(super) kind: i64,
    pub(super) part: i64,
    pub(super) text: String,
    pub(super) extra: Option<String>,
}

/// Who a row is by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SenderRow {
    pub(super) source: String,
    pub(super) account: String,
    pub(super) marks: i64,
}

/// What few records have.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Extra {
    /// The client-only tags, in wire form.
    #[serde(skip_serializing_if = "String::is_empty")]
    tags: String,
    /// The nick it was written to, or the one who was removed; the name the room got.
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    /// Of the lines of a message, which go on with the one before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    concat: Vec<usize>,
    /// The parameters of modes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<String>,
}

const PRIVMSG: i64 = 1;
const NOTICE: i64 = 2;
const MULTILINE_PRIVMSG: i64 = 3;
const MULTILINE_NOTICE: i64 = 4;
const TOPIC: i64 = 10;
const MODE: i64 = 11;
const KICK: i64 = 12;
const RENAME: i64 = 13;

/// The kinds up to this one are messages.
pub(super) const LAST_MESSAGE: i64 = 9;

/// The room's rank that a sign before its name stands for.
pub(super) fn rank_of(sign: char) -> i64 {
    if sign == '@' { 2 } else { 1 }
}

/// The row of an event; `None` if it is not of a kind that is kept.
pub(super) fn row_of(record: &Record) -> Option<(SenderRow, Row)> {
    let event = &record.event;
    let is_direct = matches!(record.conversation, Conversation::Direct(..));
    let mut extra = Extra::default();
    let (source, kind, text) = match &event.content {
        Content::Message { source, kind, target, text, tags } => {
            extra.tags = tags.to_string();
            extra.target = if is_direct { target.to_string() } else { String::new() };
            let kind = match kind {
                MessageKind::Privmsg => PRIVMSG,
                MessageKind::Notice => NOTICE,
                MessageKind::Tagmsg => return None,
            };
            (source, kind, text.to_string())
        }
        Content::Multiline { source, kind, target, lines, tags } => {
            extra.tags = tags.to_string();
            extra.target = if is_direct { target.to_string() } else { String::new() };
            let concat = lines.iter().enumerate().filter(|(_, line)| line.is_concat);
            extra.concat = concat.map(|(index, _)| index).collect();
            let kind =
                if *kind == MessageKind::Notice { MULTILINE_NOTICE } else { MULTILINE_PRIVMSG };
            let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            (source, kind, lines.join("\n"))
        }
        Content::Topic { source, topic, .. } => (source, TOPIC, topic.to_string()),
        Content::Mode { source, changes, arguments, .. } => {
            extra.arguments = arguments.iter().map(ToString::to_string).collect();
            (source, MODE, changes.to_string())
        }
        Content::Kick { source, nick, reason, .. } => {
            extra.target = nick.to_string();
            (source, KICK, reason.to_string())
        }
        Content::Rename { source, name, reason, .. } => {
            extra.target = name.to_string();
            (source, RENAME, reason.to_string())
        }
        _ => return None,
    };
    let sender = event.sender();
    let sender_row = SenderRow {
        source: source.to_string(),
        account: sender.account.as_deref().unwrap_or_default().to_owned(),
        marks: i64::from(sender.is_bot) | i64::from(sender.is_operator) << 1,
    };
    let part = match &record.conversation {
        Conversation::Direct(_, second) => i64::from(record.by == *second),
        Conversation::Ranked(_, sign) => rank_of(*sign),
        Conversation::Room(_) => 0,
    };
    let random = event.msgid.as_deref().and_then(|msgid| msgid.get(TIME_DIGITS..));
    let random = random.and_then(|digits| i64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    let extra = (extra != Extra::default()).then(|| {
        serde_json::to_string(&extra).expect("strings and numbers can be written as JSON")
    });
    Some((sender_row, Row { time: milliseconds(event.time), random, kind, part, text, extra }))
}

/// The event in a row, in the room that is called `room` now, or between two people.
pub(super) fn event_of(sender: SenderRow, row: Row, room: Option<&Arc<str>>) -> Option<Event> {
    let extra: Extra =
        row.extra.as_deref().map(serde_json::from_str).transpose().ok()?.unwrap_or_default();
    let source: Arc<str> = sender.source.into();
    let target: Arc<str> = match (room, row.part) {
        (None, _) => extra.target.as_str().into(),
        (Some(room), 1) => format!("+{room}").into(),
        (Some(room), 2) => format!("@{room}").into(),
        (Some(room), _) => Arc::clone(room),
    };
    let tags: Arc<str> = extra.tags.into();
    let message = |kind, text: String, tags| {
        let (source, target) = (Arc::clone(&source), Arc::clone(&target));
        Content::Message { source, kind, target, text: text.into(), tags }
    };
    let multiline = |kind, text: &str, tags| {
        let lines = text.split('\n').enumerate().map(|(index, line)| MessageLine {
            text: line.to_owned(),
            is_concat: extra.concat.contains(&index),
        });
        let (source, target) = (Arc::clone(&source), Arc::clone(&target));
        Content::Multiline { source, kind, target, lines: lines.collect(), tags }
    };
    let content = match row.kind {
        PRIVMSG => message(MessageKind::Privmsg, row.text, tags),
        NOTICE => message(MessageKind::Notice, row.text, tags),
        MULTILINE_PRIVMSG => multiline(MessageKind::Privmsg, &row.text, tags),
        MULTILINE_NOTICE => multiline(MessageKind::Notice, &row.text, tags),
        TOPIC => Content::Topic { source, room: target, topic: row.text.into() },
        MODE => {
            let arguments = extra.arguments.into_iter().map(Into::into).collect();
            Content::Mode { source, target, changes: row.text.into(), arguments }
        }
        KICK => {
            let nick = extra.target.into();
            Content::Kick { source, room: target, nick, reason: row.text.into() }
        }
        RENAME => {
            let name = extra.target.into();
            Content::Rename { source, room: target, name, reason: row.text.into() }
        }
        _ => return None,
    };
    let by = Sender {
        account: (!sender.account.is_empty()).then(|| sender.account.into()),
        is_bot: sender.marks & 1 != 0,
        is_operator: sender.marks & 2 != 0,
    };
    let msgid = msgid(row.time, row.random).into();
    Some(Event::new(content, time_of(row.time), Some(msgid)).by(by))
}

/// Digits of the time in a msgid.
const TIME_DIGITS: usize = 11;

pub(super) fn msgid(time: i64, random: i64) -> String {
    format!("{time:011x}{random:013x}")
}

/// Time and the rest of a msgid; `None` if it is none of ours.
pub(super) fn parts_of(msgid: &str) -> Option<(i64, i64)> {
    let is_ours = msgid.len() == 24 && msgid.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (time, random) = is_ours.then(|| msgid.split_at(TIME_DIGITS))?;
    Some((i64::from_str_radix(time, 16).ok()?, i64::from_str_radix(random, 16).ok()?))
}

/// The nick that the other one of two people had in a message: it was written to them, or by them.
pub(super) fn nick_of_other(
    is_own: bool,
    source: String,
    extra: Option<String>,
) -> Option<Arc<str>> {
    if is_own {
        let extra: Extra = serde_json::from_str(&extra?).ok()?;
        return Some(extra.target.into());
    }
    source.split('!').next().map(Arc::from)
}
