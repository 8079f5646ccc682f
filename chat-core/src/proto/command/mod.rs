//! What a client may ask of a server, taken from a [`Line`] once and checked for its parameters.
//!
//! Says nothing about whether the asker may have it: that is the hub's to decide.

mod parse;

use std::sync::Arc;

pub use parse::{NONCE_TAG, relayed_tags};

use super::Service;

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

    /// The one with that word, in capital letters.
    #[must_use]
    pub fn by_word(word: &str) -> Option<Self> {
        [Self::Privmsg, Self::Notice, Self::Tagmsg].into_iter().find(|kind| kind.word() == word)
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

/// One line of a message of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLine {
    /// What it says; may be empty.
    pub text: String,
    /// Whether it goes on with the line before, without a line break.
    pub is_concat: bool,
}

/// A command with its parameters; the names in it are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields carry the names RFC 2812 §3 gives them")]
pub enum Command {
    /// RFC 2812 §3.4.9
    Admin { server: Option<String> },
    /// <https://ircv3.net/specs/extensions/sasl-3.1>: a mechanism, a chunk of a response, or `*`.
    Authenticate { argument: String },
    /// RFC 2812 §4.1
    Away { reason: Option<String> },
    /// A user and a host for someone, given by an operator of the server; others learn of it as
    /// <https://ircv3.net/specs/extensions/chghost> says.
    Chghost { nick: String, user: String, host: String },
    /// <https://ircv3.net/specs/extensions/chathistory>: `LATEST`, `BEFORE`, ..., of what and which part.
    ChatHistory { subcommand: String, params: Vec<String> },
    /// `docs/changes.md`: of one conversation or `*`, behind what, and how many at most.
    Changes { target: String, since: String, limit: String },
    /// <https://ircv3.net/specs/extensions/capability-negotiation>
    Cap { subcommand: String, arguments: Vec<String> },
    /// `docs/edit.md`
    Edit { target: String, msgid: String, text: String },
    /// `HELP` and `HELPOP` (<https://modern.ircdocs.horse/#help-message>).
    Help { topic: Option<String> },
    /// RFC 2812 §3.4.10
    Info { server: Option<String> },
    /// RFC 2812 §3.2.7; without parameters, the invitations one has.
    Invite { invitation: Option<(String, String)> },
    /// <https://ircv3.net/specs/extensions/extended-isupport>
    Isupport,
    /// RFC 2812 §4.9
    Ison { nicks: Vec<String> },
    /// RFC 2812 §3.2.1
    Join { targets: Vec<JoinTarget> },
    /// RFC 2812 §3.2.8: one room and several people, or as many rooms as people.
    Kick { rooms: Vec<String>, nicks: Vec<String>, reason: Option<String> },
    /// RFC 2812 §3.7.1
    Kill { nick: String, reason: String },
    /// `JOIN 0`: leave every room (RFC 2812 §3.2.1).
    LeaveAll,
    /// <https://modern.ircdocs.horse/#knock-message>: asks those who operate a room to be let in.
    Knock { room: String, reason: Option<String> },
    /// RFC 2812 §3.4.5
    Links,
    /// RFC 2812 §3.2.6
    List { rooms: Vec<String>, conditions: Vec<ListCondition> },
    /// RFC 2812 §3.4.2
    Lusers,
    /// <https://ircv3.net/specs/extensions/read-marker>: of what, and up to when.
    Markread { target: Option<String>, timestamp: Option<String> },
    /// `PRIVMSG`, `NOTICE` and `TAGMSG`. `tags` are the client-only ones, in wire form. The text is shared by all who
    /// read it.
    Message { kind: MessageKind, targets: Vec<String>, text: Arc<str>, tags: Box<str> },
    /// A message of several lines (<https://ircv3.net/specs/extensions/multiline>); a session makes it of
    /// the lines of a batch.
    Multiline { kind: MessageKind, target: String, lines: Vec<MessageLine>, tags: String },
    /// <https://ircv3.net/specs/extensions/metadata>: whose, what to do (`GET`, `SET`, ...), and with what.
    Metadata { target: String, subcommand: String, params: Vec<String> },
    /// RFC 2812 §3.1.5 and §3.2.3
    Mode { target: String, changes: Option<String>, arguments: Vec<String> },
    /// <https://ircv3.net/specs/extensions/monitor>: what to do (`+`, `-`, `C`, `L`, `S`), and with whom.
    Monitor { action: String, targets: Vec<String> },
    /// RFC 2812 §3.4.1
    Motd { server: Option<String> },
    /// RFC 2812 §3.2.5
    Names { rooms: Vec<String> },
    /// RFC 2812 §3.1.2
    Nick { nick: String },
    /// RFC 2812 §3.1.4
    Oper { name: String, password: String },
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
    /// <https://ircv3.net/specs/extensions/message-redaction>
    Redact { target: String, msgid: String, reason: Option<String> },
    /// <https://ircv3.net/specs/extensions/account-registration>; `*` in the place of the account is one's
    /// nick, and in that of the address none.
    Register { account: String, email: String, password: String },
    /// RFC 2812 §4.2
    Rehash,
    /// <https://ircv3.net/specs/extensions/channel-rename>
    Rename { room: String, name: String, reason: Option<String> },
    /// `docs/search.md`: attributes in one parameter, or words.
    Search { params: Vec<String> },
    /// `CHANSERV` and `CS`, `NICKSERV` and `NS`, `OPERSERV` and `OS`: a message to one of them by a word of its own.
    Service { service: Service, text: String },
    /// <https://ircv3.net/specs/extensions/setname>
    Setname { realname: String },
    /// RFC 2812 §3.4.6
    Time { server: Option<String> },
    /// RFC 2812 §3.2.4
    Topic { room: String, topic: Option<String> },
    /// RFC 2812 §3.1.3
    User { user: String, realname: String },
    /// RFC 2812 §4.8
    Userhost { nicks: Vec<String> },
    /// <https://ircv3.net/specs/extensions/account-registration>
    Verify { account: String, code: String },
    /// RFC 2812 §3.4.3
    Version { server: Option<String> },
    /// RFC 2812 §4.7
    Wallops { text: String },
    /// <https://ircv3.net/specs/extensions/webirc>: the host's name is not used, since it cannot be trusted.
    Webirc { password: String, address: String, options: String },
    /// RFC 2812 §3.6.1, and <https://ircv3.net/specs/extensions/whox>
    Who { mask: String, query: WhoQuery },
    /// RFC 2812 §3.6.2
    Whois { server: Option<String>, nicks: Vec<String> },
    /// RFC 2812 §3.6.3
    Whowas { nicks: Vec<String>, count: Option<usize> },
}

/// Which rooms a `LIST` is about (`ELIST` in RPL_ISUPPORT, <https://modern.ircdocs.horse/#elist-parameter>).
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is one sentence")]
pub enum ListCondition {
    /// The name matches.
    Mask(String),
    /// The name does not match.
    NotMask(String),
    /// More people are in it.
    MoreThan(u64),
    /// Fewer people are in it.
    FewerThan(u64),
    /// It was founded longer ago, in minutes.
    OlderThan(u64),
    /// It was founded later, in minutes before now.
    YoungerThan(u64),
    /// Its topic was set longer ago, in minutes.
    TopicOlderThan(u64),
    /// Its topic was set later, in minutes before now.
    TopicYoungerThan(u64),
}

/// What a `WHO` asks beside its mask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhoQuery {
    /// Only operators of the server.
    pub only_operators: bool,
    /// The fields asked for (WHOX), or the rows of RFC 2812.
    pub fields: Option<WhoxFields>,
}

/// The fields of a WHOX query (<https://ircv3.net/specs/extensions/whox>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoxFields {
    /// One letter each, in any order.
    pub letters: String,
    /// The token to give back in the field `t`: at most three digits.
    pub token: Option<String>,
}

/// Why a line is no command; what to answer is the hub's one table of refusals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A batch of a client is not as it has to be (<https://ircv3.net/specs/extensions/client-batch>).
    #[error("the batch cannot be taken: {code}")]
    Batch {
        /// A word for programs.
        code: &'static str,
        /// What it is about.
        context: Vec<String>,
    },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Line;

    fn parse(text: &str) -> Result<Command, CommandError> {
        Command::parse(&Line::parse(text).unwrap())
    }

    #[test]
    fn every_word_is_known_in_any_case() {
        for word in Command::WORDS {
            for word in [(*word).to_owned(), word.to_lowercase()] {
                let parsed = parse(&format!("{word} a b c d"));
                let is_known = !matches!(parsed, Err(CommandError::Unknown(_)));
                assert!(is_known, "{word}: {parsed:?}");
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
            ("OPER name", CommandError::NeedMoreParams("OPER")),
            ("KILL nick", CommandError::NeedMoreParams("KILL")),
            ("ISON", CommandError::NeedMoreParams("ISON")),
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

    /// <https://modern.ircdocs.horse/#elist-parameter>
    #[test]
    fn lists_have_conditions() {
        let Ok(Command::List { rooms, conditions }) = parse("LIST #a,*b*,!*c,>3,<9,C<60,T>5,C>x")
        else {
            panic!("no LIST")
        };
        assert_eq!(rooms, ["#a"]);
        let expected = [
            ListCondition::Mask("*b*".into()),
            ListCondition::NotMask("*c".into()),
            ListCondition::MoreThan(3),
            ListCondition::FewerThan(9),
            ListCondition::YoungerThan(60),
            ListCondition::TopicOlderThan(5),
            ListCondition::Mask("C>x".into()),
        ];
        assert_eq!(conditions, expected);
    }

    /// <https://ircv3.net/specs/extensions/whox>
    #[test]
    fn who_asks_for_fields() {
        let query = |text| match parse(text) {
            Ok(Command::Who { query, .. }) => query,
            other => panic!("{other:?}"),
        };
        assert_eq!(query("WHO #x"), WhoQuery::default());
        assert!(query("WHO #x o").only_operators);
        let fields = |letters: &str, token: Option<&str>| {
            Some(WhoxFields { letters: letters.into(), token: token.map(str::to_owned) })
        };
        assert_eq!(query("WHO #x %tna,42").fields, fields("tna", Some("42")));
        assert_eq!(query("WHO #x o%n").fields, fields("n", None));
        assert_eq!(query("WHO #x %t,1234").fields, fields("t", None));
    }

    #[test]
    fn only_client_only_tags_are_kept() {
        let Ok(Command::Message { tags, .. }) = parse("@time=x;+a=1\\s2;label=3;+b TAGMSG #x")
        else {
            panic!("no message")
        };
        assert_eq!(&*tags, "+a=1\\s2;+b");
    }
}
