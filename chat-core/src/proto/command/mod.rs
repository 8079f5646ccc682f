//! Commands: what a client may ask of a server, taken from a [`Line`] once and checked for its parameters.
//!
//! Says nothing about whether the asker may have it: that is the hub's to decide.

mod parse;
mod rules;
mod spec;

pub use parse::{NONCE_TAG, relayed_tags};
pub use spec::{Command, CommandSpec, SPECS};

/// The kind of a message: how it wants to be read.
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
    /// The text; may be empty.
    pub text: String,
    /// Whether it goes on with the line before, without a line break.
    pub is_concat: bool,
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
    /// The room was founded longer ago, in minutes.
    OlderThan(u64),
    /// The room was founded later, in minutes before now.
    YoungerThan(u64),
    /// Its topic was set longer ago, in minutes.
    TopicOlderThan(u64),
    /// Its topic was set later, in minutes before now.
    TopicYoungerThan(u64),
}

/// The query of a `WHO`: what it asks beside its mask.
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

/// The reason for which a line is no command; what to answer is the hub's one table of refusals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A batch of a client is not as it has to be (<https://ircv3.net/specs/extensions/client-batch>).
    #[error("the batch cannot be taken: {code}")]
    Batch {
        /// A word for programs.
        code: &'static str,
        /// The words it is about.
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
    /// The line was not UTF-8 text: of this command, or `*`.
    #[error("the line is not UTF-8 text")]
    NotUtf8(&'static str),
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
    fn each_row_leads_to_its_command_and_back() {
        assert!(SPECS.is_sorted_by(|one, next| one.word < next.word));
        assert!(SPECS.iter().map(|spec| spec.word).eq(Command::WORDS.iter().copied()));
        for spec in SPECS {
            assert!(std::ptr::eq(CommandSpec::by_word(spec.word).unwrap(), spec));
            assert!(spec.help.starts_with(spec.word) && spec.help.len() < 100, "{}", spec.help);
            assert!(!spec.clause.is_empty());
            let Ok(command) = parse(&format!("{} a b c d", spec.word)) else {
                // Those that are open are the session's.
                assert_eq!(spec.word, "BATCH");
                continue;
            };
            // A command with several words has the same rules by each of them.
            let (own, others) = (&spec.rules, &command.spec().rules);
            let prices = [own, others].map(|rules| std::mem::discriminant(&rules.price));
            assert_eq!(prices[0], prices[1], "{}", spec.word);
            assert_eq!((&own.stage, &own.extension), (&others.stage, &others.extension));
        }
    }

    /// A wrong row would be found by nobody who looks at answers alone.
    #[test]
    fn long_answers_are_expensive() {
        for (text, is_expensive) in [
            ("HELP", true),
            ("HELPOP :", true),
            ("HELP JOIN", false),
            ("LIST", true),
            ("NS HELP", true),
            ("OPER name password", true),
            ("PRIVMSG #x :hello", false),
            ("TOPIC #x", false),
        ] {
            assert_eq!(parse(text).unwrap().is_expensive(), is_expensive, "{text}");
        }
    }

    #[test]
    fn who_is_named_twice_is_meant_once() {
        let Ok(Command::Message { targets, .. }) = parse("PRIVMSG NickServ,#a,nickserv,#A,b :x")
        else {
            panic!("no message")
        };
        assert_eq!(targets, ["NickServ", "#a", "b"]);
        let rooms = |text| match parse(text) {
            Ok(Command::Names { rooms } | Command::Part { rooms, .. }) => rooms,
            other => panic!("{other:?}"),
        };
        assert_eq!(rooms("NAMES #a,#a,#B,#b"), ["#a", "#B"]);
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
