//! What a client may ask of a server, taken from a [`Line`] once and checked for its parameters.
//!
//! Says nothing about whether the asker may have it: that is the hub's to decide.

use crate::wire::Line;

/// How a message wants to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// `PRIVMSG`: said by a person.
    Privmsg,
    /// `NOTICE`: never answered automatically, and never refused aloud (RFC 2812 §3.3.2).
    Notice,
    /// `TAGMSG`: tags only, no text (message-tags specification).
    Tagmsg,
}

impl MessageKind {
    /// Its word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Privmsg => "PRIVMSG",
            Self::Notice => "NOTICE",
            Self::Tagmsg => "TAGMSG",
        }
    }
}

/// One room of a `JOIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinTarget {
    /// The room's name, unchecked.
    pub room: String,
    /// The key given for it.
    pub key: Option<String>,
}

/// A command with its parameters; the names in it are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields carry the names RFC 2812 §3 gives them")]
pub enum Command {
    /// RFC 2812 §4.1
    Away { reason: Option<String> },
    /// <https://ircv3.net/specs/extensions/capability-negotiation>
    Cap { subcommand: String, arguments: Vec<String> },
    /// RFC 2812 §3.2.7
    Invite { nick: String, room: String },
    /// RFC 2812 §3.2.1
    Join { targets: Vec<JoinTarget> },
    /// RFC 2812 §3.2.8
    Kick { room: String, nicks: Vec<String>, reason: Option<String> },
    /// `JOIN 0`: leave every room (RFC 2812 §3.2.1).
    LeaveAll,
    /// RFC 2812 §3.2.6
    List { rooms: Vec<String> },
    /// RFC 2812 §3.4.2
    Lusers,
    /// `PRIVMSG`, `NOTICE` and `TAGMSG`. `tags` are the client-only ones, in wire form.
    Message { kind: MessageKind, targets: Vec<String>, text: String, tags: String },
    /// RFC 2812 §3.1.5 and §3.2.3
    Mode { target: String, changes: Option<String>, arguments: Vec<String> },
    /// RFC 2812 §3.4.1
    Motd,
    /// RFC 2812 §3.2.5
    Names { rooms: Vec<String> },
    /// RFC 2812 §3.1.2
    Nick { nick: String },
    /// RFC 2812 §3.2.2
    Part { rooms: Vec<String>, reason: Option<String> },
    /// RFC 2812 §3.1.1
    Pass { password: String },
    /// RFC 2812 §3.7.2
    Ping { token: String },
    /// RFC 2812 §3.7.3
    Pong,
    /// RFC 2812 §3.1.7
    Quit { reason: Option<String> },
    /// <https://ircv3.net/specs/extensions/setname>
    Setname { realname: String },
    /// RFC 2812 §3.2.4
    Topic { room: String, topic: Option<String> },
    /// RFC 2812 §3.1.3
    User { user: String, realname: String },
    /// RFC 2812 §3.6.1
    Who { mask: String },
    /// RFC 2812 §3.6.2
    Whois { nick: String },
}

/// Why a line is no command; what to answer is the hub's one table of refusals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No such command.
    #[error("there is no command {0}")]
    Unknown(String),
    /// A parameter is missing.
    #[error("{0} needs more parameters")]
    NeedMoreParams(&'static str),
    /// `NICK` without a nick.
    #[error("a nick is missing")]
    NoNickGiven,
    /// A message to nobody.
    #[error("{0} needs someone to go to")]
    NoRecipient(&'static str),
    /// A message without text.
    #[error("there is no text to send")]
    NoText,
    /// `PING` without a token.
    #[error("PING needs a token")]
    NoOrigin,
    /// The line was over its limit ([`crate::wire::limits`]).
    #[error("the line is too long")]
    TooLong,
    /// The line was not UTF-8 text.
    #[error("the line is not UTF-8 text")]
    NotUtf8,
    /// A NUL or a carriage return inside the line.
    #[error("the line contains a NUL or a carriage return")]
    ForbiddenByte,
}

impl Command {
    /// The words [`Command::parse`] knows, for tables and tests.
    pub const WORDS: &[&str] = &[
        "AWAY", "CAP", "INVITE", "JOIN", "KICK", "LIST", "LUSERS", "MODE", "MOTD", "NAMES", "NICK",
        "NOTICE", "PART", "PASS", "PING", "PONG", "PRIVMSG", "QUIT", "SETNAME", "TAGMSG", "TOPIC",
        "USER", "WHO", "WHOIS",
    ];

    /// Reads the command in `line`.
    ///
    /// # Errors
    /// [`CommandError`] when the word is unknown or a parameter is missing.
    pub fn parse(line: &Line<'_>) -> Result<Self, CommandError> {
        let word = line.command.to_ascii_uppercase();
        let params = line.params;
        let owned = |index: usize| params.get(index).map(str::to_owned);
        let non_empty = |index: usize| params.get(index).filter(|param| !param.is_empty());
        let need = |index: usize, name: &'static str| {
            non_empty(index).map(str::to_owned).ok_or(CommandError::NeedMoreParams(name))
        };
        let list = |text: Option<&str>| text.map(split_list).unwrap_or_default();
        Ok(match &*word {
            "AWAY" => Self::Away { reason: non_empty(0).map(str::to_owned) },
            "CAP" => Self::Cap {
                subcommand: need(0, "CAP")?,
                arguments: params.as_slice()[1..].iter().map(|&param| param.to_owned()).collect(),
            },
            "INVITE" => Self::Invite { nick: need(0, "INVITE")?, room: need(1, "INVITE")? },
            "JOIN" if params.get(0) == Some("0") => Self::LeaveAll,
            "JOIN" => Self::Join { targets: join_targets(&need(0, "JOIN")?, params.get(1)) },
            "KICK" => Self::Kick {
                room: need(0, "KICK")?,
                nicks: split_list(&need(1, "KICK")?),
                reason: non_empty(2).map(str::to_owned),
            },
            "LIST" => Self::List { rooms: list(non_empty(0)) },
            "LUSERS" => Self::Lusers,
            "MODE" => Self::Mode {
                target: need(0, "MODE")?,
                changes: owned(1),
                arguments: params
                    .as_slice()
                    .iter()
                    .skip(2)
                    .map(|&param| param.to_owned())
                    .collect(),
            },
            "MOTD" => Self::Motd,
            "NAMES" => Self::Names { rooms: list(non_empty(0)) },
            "NICK" => {
                Self::Nick { nick: non_empty(0).ok_or(CommandError::NoNickGiven)?.to_owned() }
            }
            "NOTICE" => message(MessageKind::Notice, line)?,
            "PART" => Self::Part { rooms: split_list(&need(0, "PART")?), reason: owned(1) },
            "PASS" => Self::Pass { password: need(0, "PASS")? },
            "PING" => Self::Ping { token: owned(0).ok_or(CommandError::NoOrigin)? },
            "PONG" => Self::Pong,
            "PRIVMSG" => message(MessageKind::Privmsg, line)?,
            "QUIT" => Self::Quit { reason: owned(0) },
            "SETNAME" => Self::Setname { realname: need(0, "SETNAME")? },
            "TAGMSG" => message(MessageKind::Tagmsg, line)?,
            "TOPIC" => Self::Topic { room: need(0, "TOPIC")?, topic: owned(1) },
            "USER" => Self::User { user: need(0, "USER")?, realname: need(3, "USER")? },
            "WHO" => Self::Who { mask: non_empty(0).unwrap_or("*").to_owned() },
            // `WHOIS server nick` asks a named server; there is only this one.
            "WHOIS" => Self::Whois {
                nick: params
                    .last()
                    .filter(|nick| !nick.is_empty())
                    .ok_or(CommandError::NoNickGiven)?
                    .to_owned(),
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
    Ok(Command::Message { kind, targets, text: text.to_owned(), tags: client_only_tags(line) })
}

/// The tags that servers relay, as they stood.
fn client_only_tags(line: &Line<'_>) -> String {
    let mut tags = String::new();
    for tag in line.tags.iter().filter(|tag| tag.is_client_only()) {
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
    text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Command, CommandError> {
        Command::parse(&Line::parse(text).unwrap())
    }

    #[test]
    fn every_word_is_known_in_any_case() {
        for word in Command::WORDS {
            for word in [(*word).to_owned(), word.to_lowercase()] {
                let parsed = parse(&format!("{word} a b c d"));
                assert!(parsed.is_ok(), "{word}: {parsed:?}");
            }
        }
        assert_eq!(parse("XYZZY"), Err(CommandError::Unknown("XYZZY".into())));
    }

    #[test]
    fn missing_parameters_are_named() {
        for (text, error) in [
            ("JOIN", CommandError::NeedMoreParams("JOIN")),
            ("USER a b c", CommandError::NeedMoreParams("USER")),
            ("KICK #x", CommandError::NeedMoreParams("KICK")),
            ("NICK", CommandError::NoNickGiven),
            ("NICK :", CommandError::NoNickGiven),
            ("PRIVMSG", CommandError::NoRecipient("PRIVMSG")),
            ("PRIVMSG #x", CommandError::NoText),
            ("NOTICE #x :", CommandError::NoText),
            ("PING", CommandError::NoOrigin),
            ("CAP", CommandError::NeedMoreParams("CAP")),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn lists_and_keys_go_together() {
        let Ok(Command::Join { targets }) = parse("JOIN #a,,#b,#c x,,z") else { panic!("no JOIN") };
        let pairs: Vec<_> = targets.iter().map(|t| (&*t.room, t.key.as_deref())).collect();
        assert_eq!(pairs, [("#a", Some("x")), ("#b", Some("z")), ("#c", None)]);
        assert_eq!(parse("JOIN 0"), Ok(Command::LeaveAll));
    }

    #[test]
    fn only_client_only_tags_are_kept() {
        let Ok(Command::Message { tags, .. }) = parse("@time=x;+a=1\\s2;label=3;+b TAGMSG #x")
        else {
            panic!("no message")
        };
        assert_eq!(tags, "+a=1\\s2;+b");
    }
}
