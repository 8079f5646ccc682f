//! From a line's word and parameters to a [`Command`].

use std::collections::BTreeMap;

use super::{Command, CommandError, JoinTarget, ListCondition, MessageKind, WhoQuery, WhoxFields};
use crate::proto::Service;
use crate::wire::Line;

impl Command {
    /// The words [`Command::parse`] knows, for tables and tests.
    pub const WORDS: &[&str] = &[
        "ADMIN",
        "AUTHENTICATE",
        "AWAY",
        "BATCH",
        "CAP",
        "CHANGES",
        "CHANSERV",
        "CHATHISTORY",
        "CHGHOST",
        "CS",
        "EDIT",
        "HELP",
        "HELPOP",
        "INFO",
        "INVITE",
        "ISON",
        "ISUPPORT",
        "JOIN",
        "KICK",
        "KILL",
        "KNOCK",
        "LINKS",
        "LIST",
        "LUSERS",
        "MARKREAD",
        "METADATA",
        "MODE",
        "MONITOR",
        "MOTD",
        "NAMES",
        "NICK",
        "NICKSERV",
        "NOTICE",
        "NS",
        "OPER",
        "OPERSERV",
        "OS",
        "PART",
        "PASS",
        "PING",
        "PONG",
        "PRIVMSG",
        "QUIT",
        "REDACT",
        "REGISTER",
        "REHASH",
        "RENAME",
        "SEARCH",
        "SETNAME",
        "TAGMSG",
        "TIME",
        "TOPIC",
        "USER",
        "USERHOST",
        "VERIFY",
        "VERSION",
        "WALLOPS",
        "WEBIRC",
        "WHO",
        "WHOIS",
        "WHOWAS",
    ];

    /// Reads the command in `line`.
    ///
    /// # Errors
    /// [`CommandError`] when the word is unknown or a parameter is missing.
    pub fn parse(line: &Line<'_>) -> Result<Self, CommandError> {
        let word = line.word();
        // Before all other words, since most lines are messages.
        if let Some(kind) = MessageKind::by_word(&word) {
            return message(kind, line);
        }
        let params = line.params;
        let owned = |index: usize| params.get(index).map(str::to_owned);
        let non_empty = |index: usize| params.get(index).filter(|param| !param.is_empty());
        let given = |index: usize| non_empty(index).map(str::to_owned);
        let need = |index: usize, name: &'static str| {
            given(index).ok_or(CommandError::NeedMoreParams(name))
        };
        let list = |text: Option<&str>| text.map(split_list).unwrap_or_default();
        let rest = |from: usize| {
            params.as_slice().iter().skip(from).map(|&param| param.to_owned()).collect()
        };
        let service = |service| Self::Service { service, text: params.as_slice().join(" ") };
        Ok(match &*word {
            "ADMIN" => Self::Admin { server: given(0) },
            "AUTHENTICATE" => Self::Authenticate { argument: need(0, "AUTHENTICATE")? },
            "AWAY" => Self::Away { reason: given(0) },
            // One that nobody has opened: those that are open are the session's.
            "BATCH" => {
                let context = vec![need(0, "BATCH")?.trim_start_matches(['+', '-']).to_owned()];
                return Err(CommandError::Batch { code: "INVALID_REFTAG", context });
            }
            "CHANGES" => Self::Changes {
                target: need(0, "CHANGES")?,
                since: need(1, "CHANGES")?,
                limit: need(2, "CHANGES")?,
            },
            "CHANSERV" | "CS" => service(Service::ChanServ),
            "CHATHISTORY" => {
                Self::ChatHistory { subcommand: need(0, "CHATHISTORY")?, params: rest(1) }
            }
            "CHGHOST" => Self::Chghost {
                nick: need(0, "CHGHOST")?,
                user: need(1, "CHGHOST")?,
                host: need(2, "CHGHOST")?,
            },
            "CAP" => Self::Cap { subcommand: need(0, "CAP")?, arguments: rest(1) },
            "EDIT" => Self::Edit {
                target: need(0, "EDIT")?,
                msgid: need(1, "EDIT")?,
                text: need(2, "EDIT")?,
            },
            "HELP" | "HELPOP" => Self::Help { topic: given(0) },
            "INFO" => Self::Info { server: given(0) },
            "INVITE" => Self::Invite {
                invitation: match given(0) {
                    Some(nick) => Some((nick, need(1, "INVITE")?)),
                    None => None,
                },
            },
            "ISON" => Self::Ison { nicks: words(need(0, "ISON").map(|_| line)?, 0) },
            "ISUPPORT" => Self::Isupport,
            "JOIN" if params.get(0) == Some("0") => Self::LeaveAll,
            "JOIN" => Self::Join { targets: join_targets(&need(0, "JOIN")?, params.get(1)) },
            "KICK" => Self::Kick {
                rooms: split_list(&need(0, "KICK")?),
                nicks: split_list(&need(1, "KICK")?),
                reason: given(2),
            },
            "KILL" => Self::Kill { nick: need(0, "KILL")?, reason: need(1, "KILL")? },
            "KNOCK" => Self::Knock { room: need(0, "KNOCK")?, reason: given(1) },
            "LINKS" => Self::Links,
            "LIST" => {
                let (rooms, conditions) = list(non_empty(0))
                    .into_iter()
                    .partition(|item| item.starts_with('#') && !item.contains(['*', '?']));
                let conditions: Vec<String> = conditions;
                Self::List { rooms, conditions: conditions.iter().map(|c| condition(c)).collect() }
            }
            "LUSERS" => Self::Lusers,
            "MARKREAD" => Self::Markread { target: given(0), timestamp: given(1) },
            "METADATA" => Self::Metadata {
                target: need(0, "METADATA")?,
                subcommand: need(1, "METADATA")?,
                params: rest(2),
            },
            "MODE" => {
                Self::Mode { target: need(0, "MODE")?, changes: owned(1), arguments: rest(2) }
            }
            "MONITOR" => Self::Monitor { action: need(0, "MONITOR")?, targets: list(non_empty(1)) },
            "MOTD" => Self::Motd { server: given(0) },
            "NAMES" => Self::Names { rooms: list(non_empty(0)) },
            "NICK" => Self::Nick { nick: given(0).ok_or(CommandError::NoNickGiven)? },
            "NICKSERV" | "NS" => service(Service::NickServ),
            "OPERSERV" | "OS" => service(Service::OperServ),
            "OPER" => Self::Oper { name: need(0, "OPER")?, password: need(1, "OPER")? },
            "PART" => Self::Part { rooms: split_list(&need(0, "PART")?), reason: owned(1) },
            "PASS" => Self::Pass { password: need(0, "PASS")? },
            "PING" => Self::Ping { token: owned(0).ok_or(CommandError::NoOrigin)? },
            "PONG" => Self::Pong,
            "QUIT" => Self::Quit { reason: owned(0) },
            "REDACT" => Self::Redact {
                target: need(0, "REDACT")?,
                msgid: need(1, "REDACT")?,
                reason: given(2),
            },
            "REGISTER" => Self::Register {
                account: need(0, "REGISTER")?,
                email: need(1, "REGISTER")?,
                password: need(2, "REGISTER")?,
            },
            "REHASH" => Self::Rehash,
            "RENAME" => Self::Rename {
                room: need(0, "RENAME")?,
                name: need(1, "RENAME")?,
                reason: owned(2),
            },
            "SEARCH" => {
                need(0, "SEARCH")?;
                Self::Search { params: rest(0) }
            }
            "SETNAME" => {
                Self::Setname { realname: owned(0).ok_or(CommandError::NeedMoreParams("SETNAME"))? }
            }
            "TIME" => Self::Time { server: given(0) },
            "TOPIC" => Self::Topic { room: need(0, "TOPIC")?, topic: owned(1) },
            "USER" => Self::User { user: need(0, "USER")?, realname: need(3, "USER")? },
            "USERHOST" => Self::Userhost { nicks: words(need(0, "USERHOST").map(|_| line)?, 0) },
            "VERIFY" => Self::Verify { account: need(0, "VERIFY")?, code: need(1, "VERIFY")? },
            "VERSION" => Self::Version { server: given(0) },
            "WALLOPS" => Self::Wallops { text: need(0, "WALLOPS")? },
            "WEBIRC" => Self::Webirc {
                password: need(0, "WEBIRC")?,
                address: need(3, "WEBIRC")?,
                options: params.as_slice().get(4..).unwrap_or_default().join(" "),
            },
            "WHO" => Self::Who {
                mask: non_empty(0).unwrap_or("*").to_owned(),
                query: who_query(non_empty(1).unwrap_or_default()),
            },
            // `WHOIS server nick` asks a named server.
            "WHOIS" => {
                let nicks = params.last().filter(|nick| !nick.is_empty());
                let nicks = split_list(nicks.ok_or(CommandError::NoNickGiven)?);
                Self::Whois { server: given(0).filter(|_| params.len() > 1), nicks }
            }
            "WHOWAS" => Self::Whowas {
                nicks: split_list(non_empty(0).ok_or(CommandError::NoNickGiven)?),
                count: non_empty(1).and_then(|count| count.parse().ok()).filter(|count| *count > 0),
            },
            _ => return Err(CommandError::Unknown(line.command.to_owned())),
        })
    }
}

fn message(kind: MessageKind, line: &Line<'_>) -> Result<Command, CommandError> {
    let targets = line.params.get(0).filter(|targets| !targets.is_empty());
    let targets = split_list(targets.ok_or_else(|| CommandError::NoRecipient(kind.word()))?);
    let text = match kind {
        MessageKind::Tagmsg => "",
        _ => line.params.get(1).filter(|text| !text.is_empty()).ok_or(CommandError::NoText)?,
    };
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

/// Words in parameters of their own, or several in the last one (RFC 2812 §4.8, §4.9).
fn words(line: &Line<'_>, from: usize) -> Vec<String> {
    let params = line.params.as_slice().iter().skip(from);
    params.flat_map(|param| param.split(' ')).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn join_targets(rooms: &str, keys: Option<&str>) -> Vec<JoinTarget> {
    let mut keys = keys.unwrap_or_default().split(',');
    rooms
        .split(',')
        .map(|room| (room, keys.next()))
        .filter(|(room, _)| !room.is_empty())
        .map(|(room, key)| JoinTarget {
            room: room.to_owned(),
            key: key.filter(|key| !key.is_empty()).map(str::to_owned),
        })
        .collect()
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
