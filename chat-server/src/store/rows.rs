//! A record as a row of the database, and back. A kind, once given a number, keeps it for ever.

use std::sync::Arc;

use chat_core::{
    proto::{MessageKind, MessageLine, Nick},
    text::is_printable,
};
use serde::{Deserialize, Serialize};

use super::database::{milliseconds, time_of};
use crate::{
    delivery::{Content, Event, RecordContent, Sender},
    reaction::{Reaction, kept_tags},
    room_log::{AppendError, Conversation, Record, THE_SERVER},
};

/// The row of a record, beside its place and its sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) time: i64,
    pub(super) random: i64,
    pub(super) kind: i64,
    pub(super) part: i64,
    pub(super) text: Arc<str>,
    pub(super) extra: Option<String>,
}

/// The relation of a row to another one: what it says of it, or does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About<'a> {
    Edit(&'a str),
    React(&'a str),
    Redact(&'a str),
    TakeBack(&'a str),
}

/// The sender of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SenderRow {
    pub(super) source: Arc<str>,
    /// Empty: none.
    pub(super) account: Arc<str>,
    pub(super) marks: i64,
    /// The person, as direct conversations name them.
    pub(super) person: Arc<str>,
}

/// Extras that few records have.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Extra {
    /// The client-only tags, in wire form.
    #[serde(skip_serializing_if = "String::is_empty")]
    tags: String,
    /// The nick it was written to, or the one who was removed; the name the room got.
    #[serde(skip_serializing_if = "String::is_empty")]
    target: String,
    /// The lines of a message that go on with the one before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    concat: Vec<usize>,
    /// The parameters of modes; the reason for a deletion.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<String>,
    /// The id of the message that is deleted or edited.
    #[serde(skip_serializing_if = "String::is_empty")]
    about: String,
}

const PRIVMSG: i64 = 1;
const NOTICE: i64 = 2;
const MULTILINE_PRIVMSG: i64 = 3;
const MULTILINE_NOTICE: i64 = 4;
/// A message that has been deleted.
pub(super) const REDACTED: i64 = 5;
const TOPIC: i64 = 10;
const MODE: i64 = 11;
const KICK: i64 = 12;
const RENAME: i64 = 13;
/// A word of a service to those who operate a room.
const NOTED: i64 = 14;

/// The kinds up to this one are messages.
pub(super) const LAST_MESSAGE: i64 = 9;

/// The kinds from here on are about another record.
pub(super) const REDACT: i64 = 20;
pub(super) const EDIT: i64 = 21;
pub(super) const REACT: i64 = 22;
pub(super) const UNREACT: i64 = 23;

/// Bytes of a text, or of what is beside it, that an import takes.
const IMPORTED_BYTES_MAX: usize = 1 << 20;

/// The reason why a record is none that a server has written, if it is not.
pub(super) fn fault_of(
    (kind, part, marks): (i64, i64, i64),
    (source, account, person): (&str, &str, &str),
    text: &str,
    (is_direct, is_about): (bool, bool),
) -> Option<&'static str> {
    let is_message = (PRIVMSG..=REDACTED).contains(&kind);
    let is_act = (TOPIC..=NOTED).contains(&kind);
    let is_about_one = (REDACT..=UNREACT).contains(&kind);
    let has_lines = [MULTILINE_PRIVMSG, MULTILINE_NOTICE].contains(&kind);
    let is_person = match person.split_at_checked(1) {
        None | Some(("!", "")) => true,
        Some(("=" | "~", name)) => !name.is_empty() && is_printable(name) && !name.contains(' '),
        Some(_) => false,
    };
    let is_source = !source.is_empty()
        && source.len() <= 1024
        && is_printable(source)
        && !source.contains(' ')
        && !source.starts_with(':');
    match () {
        () if !(is_message || is_act || is_about_one) => Some("there is no such kind"),
        () if is_act && is_direct => Some("between two people there is no such kind"),
        () if !(0..=if is_direct { 1 } else { 2 }).contains(&part) => {
            Some("there is no such part of a conversation")
        }
        () if !(0..=3).contains(&marks) => Some("there are no such marks"),
        () if is_about_one != is_about => {
            Some("a record of this kind is about another one, or is not")
        }
        () if !is_source => Some("the source is nobody's"),
        () if !account.is_empty() && Nick::new(account).is_err() => {
            Some("the account's name is none")
        }
        () if !is_person => Some("the person is none"),
        () if text.len() > IMPORTED_BYTES_MAX => Some("it is longer than a message can be"),
        () if text.contains(['\r', '\0']) || !has_lines && text.contains('\n') => {
            Some("its text is no line")
        }
        () => None,
    }
}

/// The extras of a record that is imported, in the form in which they are kept: without tags that mean nothing later.
/// `None`, if no server has written it.
pub(super) fn imported_extra(extra: &serde_json::Value) -> Option<Option<String>> {
    if extra.is_null() {
        return Some(None);
    }
    let extra: Extra = serde_json::from_value(extra.clone()).ok()?;
    let is_line = |text: &str| !text.contains(['\r', '\n', '\0']);
    let words = [&extra.target, &extra.about, &extra.tags].into_iter().chain(&extra.arguments);
    if !words.map(String::as_str).all(is_line) || extra.tags.contains(' ') {
        return None;
    }
    let tags = kept_tags(&extra.tags);
    let extra = written(&Extra { tags, ..extra });
    let is_short = |own: &String| own.len() <= IMPORTED_BYTES_MAX;
    extra.as_ref().is_none_or(is_short).then_some(extra)
}

/// The text of a deleted message.
const DELETED: &str = "(deleted)";

/// The extras that are left of a message when it is deleted: whom it was written to.
pub(super) fn redacted_extra(extra: Option<&str>) -> Option<String> {
    let extra: Extra = serde_json::from_str(extra?).ok()?;
    written(&Extra { target: extra.target, ..Extra::default() })
}

/// The extras that are left of the lines of a message when it is edited, and its kind then.
pub(super) fn edited(kind: i64, extra: Option<&str>) -> (i64, Option<String>) {
    let kind = match kind {
        MULTILINE_PRIVMSG => PRIVMSG,
        MULTILINE_NOTICE => NOTICE,
        kind => kind,
    };
    let extra: Extra = extra.and_then(|extra| serde_json::from_str(extra).ok()).unwrap_or_default();
    (kind, written(&Extra { concat: Vec::new(), ..extra }))
}

fn written(extra: &Extra) -> Option<String> {
    (*extra != Extra::default())
        .then(|| serde_json::to_string(extra).expect("strings and numbers can be written as JSON"))
}

/// The record that a tag of a row's message answers.
pub(super) fn replied_to(event: &Event) -> Option<&str> {
    match &event.content {
        Content::Record(
            RecordContent::Message { tags, .. } | RecordContent::Multiline { tags, .. },
        ) => Reaction::replied_to(tags),
        _ => None,
    }
}

/// The text of a message, as it stands in its row.
pub(super) fn text_of(event: &Event) -> String {
    match &event.content {
        Content::Record(RecordContent::Message { text, .. }) => text.to_string(),
        Content::Record(RecordContent::Multiline { lines, .. }) => {
            let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            lines.join("\n")
        }
        _ => String::new(),
    }
}

/// The relation of a record to the one it is about.
pub(super) fn about(record: &Record) -> Option<About<'_>> {
    match record.event.content() {
        RecordContent::Redact { redacted, .. } => Some(About::Redact(redacted)),
        RecordContent::Edit { edited, .. } => Some(About::Edit(edited)),
        RecordContent::Message { kind: MessageKind::Tagmsg, tags, .. } => {
            let reaction = Reaction::of(tags)?;
            let about = reaction.about;
            Some(if reaction.is_taken_back { About::TakeBack(about) } else { About::React(about) })
        }
        RecordContent::Kick { .. }
        | RecordContent::Message { .. }
        | RecordContent::Mode { .. }
        | RecordContent::Multiline { .. }
        | RecordContent::Rename { .. }
        | RecordContent::Topic { .. } => None,
    }
}

/// The room's rank that a sign before its name stands for.
pub(super) fn rank_of(sign: char) -> i64 {
    if sign == '@' { 2 } else { 1 }
}

/// The row of a record.
///
/// # Errors
/// [`AppendError::Refused`], if it is a message without text that says nothing of another one: nothing of it could be kept.
pub(super) fn row_of(record: &Record) -> Result<(SenderRow, Row), AppendError> {
    let event = &record.event;
    let is_direct = matches!(record.conversation, Conversation::Direct(..));
    let mut extra = Extra::default();
    let (source, kind, text) = match event.content() {
        RecordContent::Message { source, kind, target, text, tags } => {
            extra.tags = kept_tags(tags);
            extra.target = if is_direct { target.to_string() } else { String::new() };
            match kind {
                MessageKind::Privmsg => (source, PRIVMSG, Arc::clone(text)),
                MessageKind::Notice if *record.by == *THE_SERVER => {
                    (source, NOTED, Arc::clone(text))
                }
                MessageKind::Notice => (source, NOTICE, Arc::clone(text)),
                MessageKind::Tagmsg => {
                    let reaction = Reaction::of(tags).ok_or_else(|| {
                        AppendError::Refused("it says nothing that is kept".into())
                    })?;
                    let Reaction { value, is_taken_back, .. } = reaction;
                    (source, if is_taken_back { UNREACT } else { REACT }, value.into())
                }
            }
        }
        RecordContent::Redact { source, target, redacted, reason } => {
            extra.target = if is_direct { target.to_string() } else { String::new() };
            extra.about = redacted.to_string();
            extra.arguments = reason.iter().map(ToString::to_string).collect();
            (source, REDACT, Arc::default())
        }
        RecordContent::Edit { source, target, edited, text } => {
            extra.target = if is_direct { target.to_string() } else { String::new() };
            extra.about = edited.to_string();
            (source, EDIT, Arc::clone(text))
        }
        RecordContent::Multiline { source, kind, target, lines, tags } => {
            extra.tags = kept_tags(tags);
            extra.target = if is_direct { target.to_string() } else { String::new() };
            let concat = lines.iter().enumerate().filter(|(_, line)| line.is_concat);
            extra.concat = concat.map(|(index, _)| index).collect();
            let kind =
                if *kind == MessageKind::Notice { MULTILINE_NOTICE } else { MULTILINE_PRIVMSG };
            let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            (source, kind, lines.join("\n").into())
        }
        RecordContent::Topic { source, topic, .. } => (source, TOPIC, Arc::clone(topic)),
        RecordContent::Mode { source, changes, arguments, .. } => {
            extra.arguments = arguments.iter().map(ToString::to_string).collect();
            (source, MODE, Arc::clone(changes))
        }
        RecordContent::Kick { source, nick, reason, .. } => {
            extra.target = nick.to_string();
            (source, KICK, Arc::clone(reason))
        }
        RecordContent::Rename { source, name, reason, .. } => {
            extra.target = name.to_string();
            (source, RENAME, Arc::clone(reason))
        }
    };
    let sender = event.sender();
    let sender_row = SenderRow {
        source: Arc::clone(source),
        account: sender.account.clone().unwrap_or_default(),
        marks: i64::from(sender.is_bot) | i64::from(sender.is_operator) << 1,
        person: Arc::clone(&record.by),
    };
    let part = match &record.conversation {
        Conversation::Direct(_, second) => i64::from(record.by == *second),
        Conversation::Ranked(_, sign) => rank_of(*sign),
        Conversation::Room(_) => 0,
    };
    let random = event.msgid.as_deref().and_then(|msgid| msgid.get(TIME_DIGITS..));
    let random = random.and_then(|digits| i64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    let extra = written(&extra);
    Ok((sender_row, Row { time: milliseconds(event.time), random, kind, part, text, extra }))
}

/// The event in a row, in the room that is called `room` now, or between two people.
pub(super) fn event_of(sender: SenderRow, row: Row, room: Option<&Arc<str>>) -> Option<Event> {
    let extra: Extra =
        row.extra.as_deref().map(serde_json::from_str).transpose().ok()?.unwrap_or_default();
    let source = sender.source;
    let target: Arc<str> = match (room, row.part) {
        (None, _) => extra.target.as_str().into(),
        (Some(room), 1) => format!("+{room}").into(),
        (Some(room), 2) => format!("@{room}").into(),
        (Some(room), _) => Arc::clone(room),
    };
    let tags: Box<str> = extra.tags.into();
    let message = |kind, text: Arc<str>, tags| {
        let (source, target) = (Arc::clone(&source), Arc::clone(&target));
        Content::Record(RecordContent::Message { source, kind, target, text, tags })
    };
    let multiline = |kind, text: &str, tags| {
        let lines = text.split('\n').enumerate().map(|(index, line)| MessageLine {
            text: line.to_owned(),
            is_concat: extra.concat.contains(&index),
        });
        let (source, target) = (Arc::clone(&source), Arc::clone(&target));
        Content::Record(RecordContent::Multiline {
            source,
            kind,
            target,
            lines: lines.collect(),
            tags,
        })
    };
    let content = match row.kind {
        PRIVMSG => message(MessageKind::Privmsg, row.text, tags),
        NOTICE => message(MessageKind::Notice, row.text, tags),
        NOTED => message(MessageKind::Notice, row.text, tags),
        MULTILINE_PRIVMSG => multiline(MessageKind::Privmsg, &row.text, tags),
        MULTILINE_NOTICE => multiline(MessageKind::Notice, &row.text, tags),
        REDACTED => message(MessageKind::Privmsg, DELETED.into(), "".into()),
        REACT | UNREACT => message(MessageKind::Tagmsg, Arc::default(), tags),
        REDACT => {
            let reason = extra.arguments.into_iter().next().map(Into::into);
            Content::Record(RecordContent::Redact {
                source,
                target,
                redacted: extra.about.into(),
                reason,
            })
        }
        EDIT => {
            let (edited, text) = (extra.about.into(), row.text);
            Content::Record(RecordContent::Edit { source, target, edited, text })
        }
        TOPIC => Content::Record(RecordContent::Topic { source, room: target, topic: row.text }),
        MODE => {
            let arguments = extra.arguments.into_iter().map(Into::into).collect();
            Content::Record(RecordContent::Mode { source, target, changes: row.text, arguments })
        }
        KICK => {
            let nick = extra.target.into();
            Content::Record(RecordContent::Kick { source, room: target, nick, reason: row.text })
        }
        RENAME => {
            let name = extra.target.into();
            Content::Record(RecordContent::Rename { source, room: target, name, reason: row.text })
        }
        _ => return None,
    };
    let by = Sender {
        account: Some(sender.account).filter(|account| !account.is_empty()),
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
