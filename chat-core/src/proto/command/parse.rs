//! From a line's word and parameters to a [`Command`]: what its row in `spec` reads them with.

use std::collections::{BTreeMap, HashSet};

use super::{
    Command, CommandError, CommandSpec, JoinTarget, ListCondition, MessageKind, WhoQuery,
    WhoxFields,
};
use crate::proto::{CaseMapping, Service};
use crate::wire::Line;

/// The parameters of a line whose word is known.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a> {
    word: &'static str,
    line: &'a Line<'a>,
}

impl Command {
    /// Reads the command in `line`.
    ///
    /// # Errors
    /// [`CommandError`] when the word is unknown or a parameter is missing.
    pub fn parse(line: &Line<'_>) -> Result<Self, CommandError> {
        match CommandSpec::by_word(&line.word()) {
            Some(spec) => (spec.parse)(Arguments { word: spec.word, line }),
            None => Err(CommandError::Unknown(line.command.to_owned())),
        }
    }
}

impl<'a> Arguments<'a> {
    /// The parameter at `index`; an empty one is none.
    fn filled(self, index: usize) -> Option<&'a str> {
        self.line.params.get(index).filter(|param| !param.is_empty())
    }

    /// The parameter at `index`; an empty one is none.
    pub(super) fn given(self, index: usize) -> Option<String> {
        self.filled(index).map(str::to_owned)
    }

    /// The parameter at `index`, also an empty one.
    pub(super) fn owned(self, index: usize) -> Option<String> {
        self.line.params.get(index).map(str::to_owned)
    }

    /// The parameter at `index`, which has to be there.
    pub(super) fn need(self, index: usize) -> Result<String, CommandError> {
        self.given(index).ok_or_else(|| self.lacking())
    }

    /// The error when a parameter is missing.
    pub(super) fn lacking(self) -> CommandError {
        CommandError::NeedMoreParams(self.word)
    }

    /// The items of the parameter at `index`, between its commas, each once.
    pub(super) fn set(self, index: usize) -> Vec<String> {
        self.filled(index).map(split_set).unwrap_or_default()
    }

    /// The items of the parameter at `index`, which has to be there.
    pub(super) fn need_list(self, index: usize) -> Result<Vec<String>, CommandError> {
        self.filled(index).map(split_list).ok_or_else(|| self.lacking())
    }

    /// Words in parameters of their own, or several in the last one (RFC 2812 §4.8, §4.9); at least one.
    pub(super) fn need_words(self) -> Result<Vec<String>, CommandError> {
        self.filled(0).ok_or_else(|| self.lacking())?;
        let words = self.line.params.as_slice().iter().flat_map(|param| param.split(' '));
        Ok(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    /// The parameters from `index` on.
    pub(super) fn rest(self, from: usize) -> Vec<String> {
        self.line.params.as_slice().iter().skip(from).map(|&param| param.to_owned()).collect()
    }

    /// The parameters from `index` on, in one text.
    pub(super) fn joined(self, from: usize) -> String {
        self.line.params.as_slice().get(from..).unwrap_or_default().join(" ")
    }

    /// The command that says all of it to a service.
    pub(super) fn to_service(self, service: Service) -> Command {
        Command::Service { service, text: self.joined(0) }
    }
}

/// The three kinds of messages.
// In their rows, without a call between: most lines are messages.
#[inline]
pub(super) fn message(kind: MessageKind, args: Arguments<'_>) -> Result<Command, CommandError> {
    let targets = args.filled(0).ok_or_else(|| CommandError::NoRecipient(kind.word()))?;
    let targets = split_set(targets);
    let text = match kind {
        MessageKind::Tagmsg => "",
        _ => args.filled(1).ok_or(CommandError::NoText)?,
    };
    let line = args.line;
    let tags = if line.tags.is_empty() { Box::default() } else { relayed_tags(line).into() };
    Ok(Command::Message { kind, targets, text: text.into(), tags })
}

/// The client-only tag that makes a message one that may be sent again (`docs/idempotent-send.md`).
pub const NONCE_TAG: &str = "+chat.local/nonce";

/// The client-only tags of a line, in wire form, as they stood: what servers relay. Of those that come
/// twice, the last ("only be used a maximum of once per message").
/// <https://ircv3.net/specs/extensions/message-tags>
#[must_use]
pub fn relayed_tags(line: &Line<'_>) -> String {
    let mut tags = String::new();
    let own = || line.tags.iter().filter(|tag| tag.is_client_only()).enumerate();
    let last: BTreeMap<&str, usize> = own().map(|(at, tag)| (tag.key, at)).collect();
    for (_, tag) in own().filter(|(at, tag)| last[tag.key] == *at) {
        if !tags.is_empty() {
            tags.push(';');
        }
        tags.push_str(tag.key);
        if !tag.raw_value.is_empty() {
            tags.push('=');
            tags.push_str(tag.raw_value);
        }
    }
    tags
}

fn split_list(text: &str) -> Vec<String> {
    // Most lists have one item.
    if memchr::memchr(b',', text.as_bytes()).is_none() {
        return if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    }
    text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// The items of a list whose order says nothing, each once: whoever names one a hundred times is answered, or heard, once.
fn split_set(text: &str) -> Vec<String> {
    let mut items = split_list(text);
    if items.len() > 1 {
        let mut seen = HashSet::new();
        items.retain(|item| seen.insert(CaseMapping::Ascii.fold(item).into_owned()));
    }
    items
}

/// `BATCH` of one that nobody has opened: those that are open are the session's.
pub(super) fn unopened_batch(args: Arguments<'_>) -> Result<Command, CommandError> {
    let context = vec![args.need(0)?.trim_start_matches(['+', '-']).to_owned()];
    Err(CommandError::Batch { code: "INVALID_REFTAG", context })
}

/// `INVITE nick #room`, or alone.
pub(super) fn invite(args: Arguments<'_>) -> Result<Command, CommandError> {
    let invitation = match args.given(0) {
        Some(nick) => Some((nick, args.need(1)?)),
        None => None,
    };
    Ok(Command::Invite { invitation })
}

/// `JOIN #room,#room key,key`, or `JOIN 0`.
pub(super) fn join(args: Arguments<'_>) -> Result<Command, CommandError> {
    let rooms = args.filled(0).ok_or_else(|| args.lacking())?;
    if rooms == "0" {
        return Ok(Command::LeaveAll);
    }
    let mut keys = args.filled(1).unwrap_or_default().split(',');
    let targets = rooms
        .split(',')
        .map(|room| (room, keys.next()))
        .filter(|(room, _)| !room.is_empty())
        .map(|(room, key)| JoinTarget {
            room: room.to_owned(),
            key: key.filter(|key| !key.is_empty()).map(str::to_owned),
        })
        .collect();
    Ok(Command::Join { targets })
}

/// `LIST #room,condition`.
pub(super) fn list(items: Vec<String>) -> Command {
    let (rooms, conditions): (Vec<String>, Vec<String>) =
        items.into_iter().partition(|item| item.starts_with('#') && !item.contains(['*', '?']));
    Command::List { rooms, conditions: conditions.iter().map(|item| condition(item)).collect() }
}

/// `WHO mask query`.
pub(super) fn who(args: Arguments<'_>) -> Result<Command, CommandError> {
    let mask = args.filled(0).unwrap_or("*").to_owned();
    Ok(Command::Who { mask, query: who_query(args.filled(1).unwrap_or_default()) })
}

/// `WHOIS nick,nick`, or `WHOIS server nick`, which asks a named server.
pub(super) fn whois(args: Arguments<'_>) -> Result<Command, CommandError> {
    let params = &args.line.params;
    let nicks = params.last().filter(|nick| !nick.is_empty()).ok_or(CommandError::NoNickGiven)?;
    let server = args.given(0).filter(|_| params.len() > 1);
    Ok(Command::Whois { server, asked: (*nicks).to_owned(), nicks: split_set(nicks) })
}

/// `WHOWAS nick,nick count`.
pub(super) fn whowas(args: Arguments<'_>) -> Result<Command, CommandError> {
    let nicks = split_set(args.filled(0).ok_or(CommandError::NoNickGiven)?);
    let count = args.filled(1).and_then(|count| count.parse().ok()).filter(|count| *count > 0);
    Ok(Command::Whowas { nicks, count })
}

/// One item of a `LIST` that is no room's name.
fn condition(item: &str) -> ListCondition {
    let number = |prefix: &str| item.strip_prefix(prefix).and_then(|n| n.parse::<u64>().ok());
    type Numbered = (&'static str, fn(u64) -> ListCondition);
    let numbered: [Numbered; 6] = [
        (">", ListCondition::MoreThan),
        ("<", ListCondition::FewerThan),
        ("C>", ListCondition::OlderThan),
        ("C<", ListCondition::YoungerThan),
        ("T>", ListCondition::TopicOlderThan),
        ("T<", ListCondition::TopicYoungerThan),
    ];
    let found = numbered.iter().find_map(|(prefix, make)| number(prefix).map(make));
    found.unwrap_or_else(|| match item.strip_prefix('!') {
        Some(mask) => ListCondition::NotMask(mask.to_owned()),
        None => ListCondition::Mask(item.to_owned()),
    })
}

/// `o`, `%fields` or `o%fields,token`.
fn who_query(text: &str) -> WhoQuery {
    let (flags, fields) = text.split_once('%').map_or((text, None), |(f, rest)| (f, Some(rest)));
    let fields = fields.map(|fields| {
        let (letters, token) = fields.split_once(',').unwrap_or((fields, ""));
        let is_token = (1..=3).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_digit());
        WhoxFields { letters: letters.to_owned(), token: is_token.then(|| token.to_owned()) }
    });
    WhoQuery { only_operators: flags.contains('o'), fields }
}
