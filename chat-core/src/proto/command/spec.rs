//! Each command: its variant, and a row for each of its words. What is known of a command stands here and
//! nowhere else; a new one begins with a variant, its arm in [`Command::spec`] and a row.
//!
//! Parameters that need more than a line of code are read in `parse`.

use std::sync::Arc;

use super::{
    CommandError, JoinTarget, ListCondition, MessageKind, MessageLine, WhoQuery,
    parse::{self, Arguments},
    rules::{CommandRules, Extension, PLAIN, Price, Stage},
};
use crate::proto::{Capability, CapabilitySet, Service};

/// A command with its parameters; the names in it are not checked yet.
// Not `non_exhaustive`, so that the compiler tells a server which commands it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields carry the names that the clauses in SPECS give them")]
pub enum Command {
    /// A question about who runs the server.
    Admin { server: Option<String> },
    /// A step of a login: a mechanism, a chunk of a response, or `*`.
    Authenticate { argument: String },
    /// A reason to be away; without it, the end of that.
    Away { reason: Option<String> },
    /// A step of the negotiation of capabilities.
    Cap { subcommand: String, arguments: Vec<String> },
    /// A question for all that happened in one conversation or `*`: behind what, and how many at most.
    Changes { target: String, since: String, limit: String },
    /// A page of what was said: `LATEST`, `BEFORE`, ..., of what and which part.
    ChatHistory { subcommand: String, params: Vec<String> },
    /// A user and a host for someone, given by an operator of the server; others learn of it as
    /// <https://ircv3.net/specs/extensions/chghost> says.
    Chghost { nick: String, user: String, host: String },
    /// Another text for a message.
    Edit { target: String, msgid: String, text: String },
    /// A question for help, by `HELP` or `HELPOP`: about one word, or all of them.
    Help { topic: Option<String> },
    /// A question about the program.
    Info { server: Option<String> },
    /// An invitation; without parameters, the invitations one has.
    Invite { invitation: Option<(String, String)> },
    /// A question about who of these is here.
    Ison { nicks: Vec<String> },
    /// A question about what the server supports.
    Isupport,
    /// An entry into rooms.
    Join { targets: Vec<JoinTarget> },
    /// A removal from one room of several people, or from as many rooms as there are people.
    Kick { rooms: Vec<String>, nicks: Vec<String>, reason: Option<String> },
    /// The end of someone's connection.
    Kill { nick: String, reason: String },
    /// A wish to be let in, told to those who operate a room.
    Knock { room: String, reason: Option<String> },
    /// A departure from every room (`JOIN 0`).
    LeaveAll,
    /// A question about the servers of the network.
    Links,
    /// A question about the rooms there are.
    List { rooms: Vec<String>, conditions: Vec<ListCondition> },
    /// A question about how many are here.
    Lusers,
    /// A read marker: of what, and up to when.
    Markread { target: Option<String>, timestamp: Option<String> },
    /// A message: `PRIVMSG`, `NOTICE` or `TAGMSG`. `tags` are the client-only ones, in wire form. The text is
    /// shared by all who read it.
    Message { kind: MessageKind, targets: Vec<String>, text: Arc<str>, tags: Box<str> },
    /// A request about metadata: whose, what to do (`GET`, `SET`, ...), and with what.
    Metadata { target: String, subcommand: String, params: Vec<String> },
    /// Modes of a room or a person, to see or to change.
    Mode { target: String, changes: Option<String>, arguments: Vec<String> },
    /// A request about those one watches: what to do (`+`, `-`, `C`, `L`, `S`), and with whom.
    Monitor { action: String, targets: Vec<String> },
    /// A question for the message of the day.
    Motd { server: Option<String> },
    /// A message of several lines; a session makes it of the lines of a `BATCH`.
    Multiline { kind: MessageKind, target: String, lines: Vec<MessageLine>, tags: String },
    /// A question about who is in these rooms.
    Names { rooms: Vec<String> },
    /// Another nick.
    Nick { nick: String },
    /// A name and its password, to become an operator of the server.
    Oper { name: String, password: String },
    /// A departure from rooms.
    Part { rooms: Vec<String>, reason: Option<String> },
    /// The server's password.
    Pass { password: String },
    /// A question for a sign of life.
    Ping { token: String },
    /// A sign of life.
    Pong,
    /// The end of the connection.
    Quit { reason: Option<String> },
    /// The deletion of a message.
    Redact { target: String, msgid: String, reason: Option<String> },
    /// A new account; `*` in the place of the account is one's nick, and in that of the address none.
    Register { account: String, email: String, password: String },
    /// A reading of the configuration.
    Rehash,
    /// Another name for a room.
    Rename { room: String, name: String, reason: Option<String> },
    /// A search: attributes in one parameter, or words.
    Search { params: Vec<String> },
    /// A message to a service by a word of its own.
    Service { service: Service, text: String },
    /// Another real name.
    Setname { realname: String },
    /// A mask of those whose direct messages one does not get (`+mask`, `-mask`); without it, those there are.
    Silence { change: Option<String> },
    /// A question for the server's clock.
    Time { server: Option<String> },
    /// The topic of a room, to see or to change.
    Topic { room: String, topic: Option<String> },
    /// The end of an invitation.
    Uninvite { nick: String, room: String },
    /// A user name and a real name, to register.
    User { user: String, realname: String },
    /// A question about where these people are.
    Userhost { nicks: Vec<String> },
    /// A code that proves an address.
    Verify { account: String, code: String },
    /// A question about the program's version.
    Version { server: Option<String> },
    /// A text for all who listen to operators of the server.
    Wallops { text: String },
    /// A gateway's word for where someone is; the host's name is not used, since it cannot be trusted.
    Webirc { password: String, address: String, options: String },
    /// A question about who is there, of a room or a mask.
    Who { mask: String, query: WhoQuery },
    /// A question about people: their nicks, and these as they were asked for.
    Whois { server: Option<String>, asked: String, nicks: Vec<String> },
    /// A question about people who have gone.
    Whowas { nicks: Vec<String>, count: Option<usize> },
}

/// A word of the protocol, and all that is known of it.
#[derive(Debug)]
pub struct CommandSpec {
    /// The word on the wire, in capital letters.
    pub word: &'static str,
    /// Makes the command of a line's parameters.
    pub(super) parse: fn(Arguments<'_>) -> Result<Command, CommandError>,
    pub(super) rules: CommandRules,
    /// One line for people: how it is written, and what it does.
    pub help: &'static str,
    /// The clause that it follows, as `docs/protocol.md` names it.
    pub clause: &'static str,
}

/// All of it is long; a line about one command is not.
const HELP: CommandRules = CommandRules {
    price: Price::Asked(|command| matches!(command, Command::Help { topic: None })),
    ..PLAIN
};

/// Every word of the protocol, in the order of the alphabet.
pub static SPECS: &[CommandSpec] = &[
    CommandSpec {
        word: "ADMIN",
        parse: |args| Ok(Command::Admin { server: args.given(0) }),
        rules: PLAIN,
        help: "ADMIN: who runs this server",
        clause: "RFC 2812 §3.4.9",
    },
    CommandSpec {
        word: "AUTHENTICATE",
        parse: |args| Ok(Command::Authenticate { argument: args.need(0)? }),
        rules: CommandRules { price: Price::Long, stage: Stage::Any, ..PLAIN },
        help: "AUTHENTICATE mechanism|response|*: log in to your account",
        clause: "sasl-3.1, sasl-3.2; RFC 4616, 5802, 7677",
    },
    CommandSpec {
        word: "AWAY",
        parse: |args| Ok(Command::Away { reason: args.given(0) }),
        rules: CommandRules { stage: Stage::Early(Capability::PreAway), ..PLAIN },
        help: "AWAY [reason]: say that you are away, or back again",
        clause: "RFC 2812 §4.1, away-notify",
    },
    CommandSpec {
        word: "BATCH",
        parse: parse::unopened_batch,
        rules: CommandRules { extension: Extension::Open, ..PLAIN },
        help: "BATCH +ref draft/multiline target: begin a message of several lines; BATCH -ref ends it",
        clause: "client-batch, multiline",
    },
    CommandSpec {
        word: "CAP",
        parse: |args| Ok(Command::Cap { subcommand: args.need(0)?, arguments: args.rest(1) }),
        rules: CommandRules { stage: Stage::Registration, ..PLAIN },
        help: "CAP LS|LIST|REQ|END: what your program understands",
        clause: "capability-negotiation 302",
    },
    CommandSpec {
        word: "CHANGES",
        parse: |args| {
            Ok(Command::Changes {
                target: args.need(0)?,
                since: args.need(1)?,
                limit: args.need(2)?,
            })
        },
        rules: CommandRules {
            price: Price::Long,
            extension: Extension::Negotiated(&[Capability::Changes]),
            ..PLAIN
        },
        help: "CHANGES target|* timestamp=|msgid=|* n: all that has happened since then",
        clause: "ours: docs/changes.md",
    },
    CommandSpec {
        word: "CHANSERV",
        parse: |args| Ok(args.to_service(Service::ChanServ)),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "CHANSERV words: say something to ChanServ, about rooms; HELP is one of them",
        clause: "ours: a message to ChanServ",
    },
    CommandSpec {
        word: "CHATHISTORY",
        parse: |args| Ok(Command::ChatHistory { subcommand: args.need(0)?, params: args.rest(1) }),
        rules: CommandRules {
            price: Price::Long,
            extension: Extension::Negotiated(&[Capability::ChatHistory]),
            ..PLAIN
        },
        help: "CHATHISTORY LATEST|BEFORE|AFTER|AROUND|BETWEEN target ref [ref] n: what was said before",
        clause: "chathistory",
    },
    CommandSpec {
        word: "CHGHOST",
        parse: |args| {
            Ok(Command::Chghost { nick: args.need(0)?, user: args.need(1)?, host: args.need(2)? })
        },
        rules: PLAIN,
        help: "CHGHOST nick user host: for operators: hide where someone is",
        clause: "ours, with chghost",
    },
    CommandSpec {
        word: "CS",
        parse: |args| Ok(args.to_service(Service::ChanServ)),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "CS words: the same as CHANSERV",
        clause: "ours: a message to ChanServ",
    },
    CommandSpec {
        word: "EDIT",
        parse: |args| {
            Ok(Command::Edit { target: args.need(0)?, msgid: args.need(1)?, text: args.need(2)? })
        },
        rules: CommandRules { extension: Extension::Negotiated(&[Capability::Edit]), ..PLAIN },
        help: "EDIT target msgid text: change what a message of yours says",
        clause: "ours: docs/edit.md",
    },
    CommandSpec {
        word: "HELP",
        parse: |args| Ok(Command::Help { topic: args.given(0) }),
        rules: HELP,
        help: "HELP [command]: this",
        clause: "Modern IRC, HELP",
    },
    CommandSpec {
        word: "HELPOP",
        parse: |args| Ok(Command::Help { topic: args.given(0) }),
        rules: HELP,
        help: "HELPOP [command]: the same as HELP",
        clause: "Modern IRC, HELP",
    },
    CommandSpec {
        word: "INFO",
        parse: |args| Ok(Command::Info { server: args.given(0) }),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "INFO: about this server",
        clause: "RFC 2812 §3.4.10",
    },
    CommandSpec {
        word: "INVITE",
        parse: parse::invite,
        rules: PLAIN,
        help: "INVITE nick #room: ask someone into a room; alone, the invitations you have",
        clause: "RFC 2812 §3.2.7",
    },
    CommandSpec {
        word: "ISON",
        parse: |args| Ok(Command::Ison { nicks: args.need_words()? }),
        rules: PLAIN,
        help: "ISON nick...: who of these is here",
        clause: "RFC 2812 §4.9",
    },
    CommandSpec {
        word: "ISUPPORT",
        parse: |_| Ok(Command::Isupport),
        rules: CommandRules { stage: Stage::Early(Capability::ExtendedIsupport), ..PLAIN },
        help: "ISUPPORT: what this server supports",
        clause: "extended-isupport",
    },
    CommandSpec {
        word: "JOIN",
        parse: parse::join,
        rules: PLAIN,
        help: "JOIN #room[,#room] [key[,key]]: enter rooms; JOIN 0 leaves all",
        clause: "RFC 2812 §3.2.1, extended-join",
    },
    CommandSpec {
        word: "KICK",
        parse: |args| {
            Ok(Command::Kick {
                rooms: args.need_list(0)?,
                nicks: args.need_list(1)?,
                reason: args.given(2),
            })
        },
        rules: PLAIN,
        help: "KICK #room nick[,nick] [reason]: remove people from a room you operate",
        clause: "RFC 2812 §3.2.8",
    },
    CommandSpec {
        word: "KILL",
        parse: |args| Ok(Command::Kill { nick: args.need(0)?, reason: args.need(1)? }),
        rules: PLAIN,
        help: "KILL nick reason: for operators: end someone's connection",
        clause: "RFC 2812 §3.7.1",
    },
    CommandSpec {
        word: "KNOCK",
        parse: |args| Ok(Command::Knock { room: args.need(0)?, reason: args.given(1) }),
        rules: PLAIN,
        help: "KNOCK #room [reason]: ask those who operate a room to be let in",
        clause: "Modern IRC, KNOCK",
    },
    CommandSpec {
        word: "LINKS",
        parse: |_| Ok(Command::Links),
        rules: PLAIN,
        help: "LINKS: the servers of this network",
        clause: "RFC 2812 §3.4.5",
    },
    CommandSpec {
        word: "LIST",
        parse: |args| Ok(parse::list(args.set(0))),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "LIST [#room,...|*mask*,!mask,>n,<n,C>min,C<min,T>min,T<min]: the rooms",
        clause: "RFC 2812 §3.2.6, ELIST",
    },
    CommandSpec {
        word: "LUSERS",
        parse: |_| Ok(Command::Lusers),
        rules: PLAIN,
        help: "LUSERS: how many are here",
        clause: "RFC 2812 §3.4.2",
    },
    CommandSpec {
        word: "MARKREAD",
        parse: |args| Ok(Command::Markread { target: args.given(0), timestamp: args.given(1) }),
        rules: CommandRules {
            extension: Extension::Negotiated(&[Capability::ReadMarker]),
            ..PLAIN
        },
        help: "MARKREAD target [timestamp=...]: up to where you have read, on all your devices",
        clause: "read-marker",
    },
    CommandSpec {
        word: "METADATA",
        parse: |args| {
            Ok(Command::Metadata {
                target: args.need(0)?,
                subcommand: args.need(1)?,
                params: args.rest(2),
            })
        },
        rules: CommandRules { price: Price::Long, extension: Extension::Open, ..PLAIN },
        help: "METADATA target GET|LIST|SET|CLEAR|SUB|UNSUB|SUBS|SYNC [...]: what is published",
        clause: "metadata",
    },
    CommandSpec {
        word: "MODE",
        parse: |args| {
            Ok(Command::Mode {
                target: args.need(0)?,
                changes: args.owned(1),
                arguments: args.rest(2),
            })
        },
        rules: PLAIN,
        help: "MODE #room|nick [changes [arguments]]: see or change modes",
        clause: "RFC 2812 §3.1.5, §3.2.3",
    },
    CommandSpec {
        word: "MONITOR",
        parse: |args| Ok(Command::Monitor { action: args.need(0)?, targets: args.set(1) }),
        rules: PLAIN,
        help: "MONITOR +|- nick[,nick] | C | L | S: be told when someone comes and goes",
        clause: "monitor, extended-monitor",
    },
    CommandSpec {
        word: "MOTD",
        parse: |args| Ok(Command::Motd { server: args.given(0) }),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "MOTD: the message of the day",
        clause: "RFC 2812 §3.4.1",
    },
    CommandSpec {
        word: "NAMES",
        parse: |args| Ok(Command::Names { rooms: args.set(0) }),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "NAMES #room[,#room]: who is in a room",
        clause: "RFC 2812 §3.2.5, multi-prefix, userhost-in-names",
    },
    CommandSpec {
        word: "NICK",
        parse: |args| Ok(Command::Nick { nick: args.given(0).ok_or(CommandError::NoNickGiven)? }),
        rules: CommandRules { stage: Stage::Registration, ..PLAIN },
        help: "NICK nick: take another nick",
        clause: "RFC 2812 §3.1.2",
    },
    CommandSpec {
        word: "NICKSERV",
        parse: |args| Ok(args.to_service(Service::NickServ)),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "NICKSERV words: say something to NickServ, about your account; HELP is one of them",
        clause: "ours: a message to NickServ",
    },
    CommandSpec {
        word: "NOTICE",
        parse: |args| parse::message(MessageKind::Notice, args),
        rules: PLAIN,
        help: "NOTICE target[,target] text: a message that is not answered by programs",
        clause: "RFC 2812 §3.3.2",
    },
    CommandSpec {
        word: "NS",
        parse: |args| Ok(args.to_service(Service::NickServ)),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "NS words: the same as NICKSERV",
        clause: "ours: a message to NickServ",
    },
    CommandSpec {
        word: "OPER",
        parse: |args| Ok(Command::Oper { name: args.need(0)?, password: args.need(1)? }),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "OPER name password: become an operator of the server",
        clause: "RFC 2812 §3.1.4",
    },
    CommandSpec {
        word: "OPERSERV",
        parse: |args| Ok(args.to_service(Service::OperServ)),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "OPERSERV words: for operators: say something to OperServ, about who may not come here",
        clause: "ours: a message to OperServ",
    },
    CommandSpec {
        word: "OS",
        parse: |args| Ok(args.to_service(Service::OperServ)),
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "OS words: the same as OPERSERV",
        clause: "ours: a message to OperServ",
    },
    CommandSpec {
        word: "PART",
        parse: |args| Ok(Command::Part { rooms: args.need_list(0)?, reason: args.owned(1) }),
        rules: PLAIN,
        help: "PART #room[,#room] [reason]: leave rooms",
        clause: "RFC 2812 §3.2.2",
    },
    CommandSpec {
        word: "PASS",
        // Also one with spaces whose program has set no colon before it.
        parse: |args| args.need(0).map(|_| Command::Pass { password: args.joined(0) }),
        rules: CommandRules { stage: Stage::Registration, ..PLAIN },
        help: "PASS password: before registration, the server's password",
        clause: "RFC 2812 §3.1.1",
    },
    CommandSpec {
        word: "PING",
        parse: |args| Ok(Command::Ping { token: args.given(0).ok_or(CommandError::NoOrigin)? }),
        rules: CommandRules { stage: Stage::Registration, ..PLAIN },
        help: "PING token: are you there?",
        clause: "RFC 2812 §3.7.2",
    },
    CommandSpec {
        word: "PONG",
        parse: |_| Ok(Command::Pong),
        rules: CommandRules { stage: Stage::Any, ..PLAIN },
        help: "PONG token: I am here",
        clause: "RFC 2812 §3.7.3",
    },
    CommandSpec {
        word: "PRIVMSG",
        parse: |args| parse::message(MessageKind::Privmsg, args),
        rules: PLAIN,
        help: "PRIVMSG target[,target] text: say something; @#room reaches its operators",
        clause: "RFC 2812 §3.3.1, echo-message",
    },
    CommandSpec {
        word: "QUIT",
        parse: |args| Ok(Command::Quit { reason: args.owned(0) }),
        rules: CommandRules { stage: Stage::Any, ..PLAIN },
        help: "QUIT [reason]: leave",
        clause: "RFC 2812 §3.1.7",
    },
    CommandSpec {
        word: "REDACT",
        parse: |args| {
            Ok(Command::Redact {
                target: args.need(0)?,
                msgid: args.need(1)?,
                reason: args.given(2),
            })
        },
        rules: CommandRules {
            extension: Extension::Negotiated(&[Capability::MessageRedaction]),
            ..PLAIN
        },
        help: "REDACT target msgid [reason]: delete a message",
        clause: "message-redaction",
    },
    CommandSpec {
        word: "REGISTER",
        parse: |args| {
            Ok(Command::Register {
                account: args.need(0)?,
                email: args.need(1)?,
                password: args.need(2)?,
            })
        },
        rules: CommandRules { price: Price::Long, stage: Stage::Any, extension: Extension::Open },
        help: "REGISTER *|account *|email password: an account for the nick you have",
        clause: "account-registration",
    },
    CommandSpec {
        word: "REHASH",
        parse: |_| Ok(Command::Rehash),
        rules: PLAIN,
        help: "REHASH: for operators: read the configuration again",
        clause: "RFC 2812 §4.2",
    },
    CommandSpec {
        word: "RENAME",
        parse: |args| {
            Ok(Command::Rename { room: args.need(0)?, name: args.need(1)?, reason: args.owned(2) })
        },
        rules: CommandRules { extension: Extension::Open, ..PLAIN },
        help: "RENAME #room #name [reason]: give a room you operate another name",
        clause: "channel-rename",
    },
    CommandSpec {
        word: "SEARCH",
        parse: |args| args.need(0).map(|_| Command::Search { params: args.rest(0) }),
        rules: CommandRules {
            price: Price::Long,
            extension: Extension::Spoken(&[Capability::Search, Capability::SojuSearch]),
            ..PLAIN
        },
        help: "SEARCH words | in=...;from=...;text=...;after=...;before=...: find what was said",
        clause: "ours: docs/search.md, and soju.im/search",
    },
    CommandSpec {
        word: "SETNAME",
        parse: |args| {
            Ok(Command::Setname { realname: args.owned(0).ok_or_else(|| args.lacking())? })
        },
        rules: CommandRules { extension: Extension::Open, ..PLAIN },
        help: "SETNAME name: change your real name",
        clause: "setname",
    },
    CommandSpec {
        word: "SILENCE",
        parse: |args| Ok(Command::Silence { change: args.given(0) }),
        rules: PLAIN,
        help: "SILENCE [+|-mask]: whose direct messages and invitations you do not get",
        clause: "UnrealIRCd, InspIRCd",
    },
    CommandSpec {
        word: "TAGMSG",
        parse: |args| parse::message(MessageKind::Tagmsg, args),
        rules: PLAIN,
        help: "TAGMSG target: tags without a text",
        clause: "message-tags",
    },
    CommandSpec {
        word: "TIME",
        parse: |args| Ok(Command::Time { server: args.given(0) }),
        rules: PLAIN,
        help: "TIME: the server's clock",
        clause: "RFC 2812 §3.4.6",
    },
    CommandSpec {
        word: "TOPIC",
        parse: |args| Ok(Command::Topic { room: args.need(0)?, topic: args.owned(1) }),
        rules: PLAIN,
        help: "TOPIC #room [topic]: see or set the topic",
        clause: "RFC 2812 §3.2.4",
    },
    CommandSpec {
        word: "UNINVITE",
        parse: |args| Ok(Command::Uninvite { nick: args.need(0)?, room: args.need(1)? }),
        rules: PLAIN,
        help: "UNINVITE nick #room: take back an invitation into a room you operate",
        clause: "InspIRCd, ergo",
    },
    CommandSpec {
        word: "USER",
        parse: |args| Ok(Command::User { user: args.need(0)?, realname: args.need(3)? }),
        rules: CommandRules { stage: Stage::Registration, ..PLAIN },
        help: "USER user 0 * name: part of registration",
        clause: "RFC 2812 §3.1.3",
    },
    CommandSpec {
        word: "USERHOST",
        parse: |args| Ok(Command::Userhost { nicks: args.need_words()? }),
        rules: PLAIN,
        help: "USERHOST nick...: where people are",
        clause: "RFC 2812 §4.8",
    },
    CommandSpec {
        word: "VERIFY",
        parse: |args| Ok(Command::Verify { account: args.need(0)?, code: args.need(1)? }),
        rules: CommandRules { stage: Stage::Any, extension: Extension::Open, ..PLAIN },
        help: "VERIFY account code: not needed here",
        clause: "account-registration",
    },
    CommandSpec {
        word: "VERSION",
        parse: |args| Ok(Command::Version { server: args.given(0) }),
        rules: PLAIN,
        help: "VERSION: what this server is, and what it supports",
        clause: "RFC 2812 §3.4.3",
    },
    CommandSpec {
        word: "WALLOPS",
        parse: |args| Ok(Command::Wallops { text: args.need(0)? }),
        rules: PLAIN,
        help: "WALLOPS text: for operators: tell all who listen (MODE +w)",
        clause: "RFC 2812 §4.7",
    },
    CommandSpec {
        word: "WEBIRC",
        parse: |args| {
            Ok(Command::Webirc {
                password: args.need(0)?,
                address: args.need(3)?,
                options: args.joined(4),
            })
        },
        rules: CommandRules { stage: Stage::Registration, ..PLAIN },
        help: "WEBIRC password gateway host address [options]: for gateways, before all else",
        clause: "webirc",
    },
    CommandSpec {
        word: "WHO",
        parse: parse::who,
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "WHO #room|mask [o] [%fields[,token]]: who is there",
        clause: "RFC 2812 §3.6.1, WHOX",
    },
    CommandSpec {
        word: "WHOIS",
        parse: parse::whois,
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "WHOIS nick: about someone",
        clause: "RFC 2812 §3.6.2",
    },
    CommandSpec {
        word: "WHOWAS",
        parse: parse::whowas,
        rules: CommandRules { price: Price::Long, ..PLAIN },
        help: "WHOWAS nick [count]: about someone who has gone",
        clause: "RFC 2812 §3.6.3",
    },
];

impl CommandSpec {
    /// The row of `word`, which is in capital letters.
    #[must_use]
    #[inline]
    pub fn by_word(word: &str) -> Option<&'static Self> {
        // Before all other words, since most lines are messages.
        if let Some(kind) = MessageKind::by_word(word) {
            return Some(spec_of_message(kind));
        }
        let at = SPECS.binary_search_by(|spec| spec.word.cmp(word)).ok()?;
        Some(&SPECS[at])
    }

    /// Whether someone with `capabilities` may use it before they have registered.
    #[must_use]
    pub fn is_for_newcomers(&self, capabilities: CapabilitySet) -> bool {
        self.rules.stage.has_come(capabilities)
    }

    /// Whether one registers with it.
    #[must_use]
    pub fn is_of_registration(&self) -> bool {
        self.rules.stage == Stage::Registration
    }

    /// Whether someone with `capabilities` knows it.
    #[must_use]
    pub fn is_known_with(&self, capabilities: CapabilitySet) -> bool {
        self.rules.extension.is_known_with(capabilities)
    }

    /// Whether its own specification says that it fails with `FAIL`, whether or not someone with `capabilities` has asked
    /// for standard replies.
    #[must_use]
    pub fn fails_in_standard_replies(&self, capabilities: CapabilitySet) -> bool {
        self.rules.extension.fails_in_standard_replies(capabilities)
    }
}

impl Command {
    /// The words of [`SPECS`], for tables and tests.
    pub const WORDS: &[&str] = &{
        let mut words = [""; SPECS.len()];
        let mut at = 0;
        while at < words.len() {
            words[at] = SPECS[at].word;
            at += 1;
        }
        words
    };

    /// Whether it asks for a long answer, or for much work.
    #[must_use]
    pub fn is_expensive(&self) -> bool {
        self.spec().rules.price.is_long(self)
    }

    /// Its row; of a command with several words, that of the first.
    #[must_use]
    pub fn spec(&self) -> &'static CommandSpec {
        match self {
            Self::Message { kind, .. } => spec_of_message(*kind),
            Self::Service { service: Service::ChanServ, .. } => const { row("CHANSERV") },
            Self::Service { service: Service::NickServ, .. } => const { row("NICKSERV") },
            Self::Service { service: Service::OperServ, .. } => const { row("OPERSERV") },
            Self::Admin { .. } => const { row("ADMIN") },
            Self::Authenticate { .. } => const { row("AUTHENTICATE") },
            Self::Away { .. } => const { row("AWAY") },
            Self::Cap { .. } => const { row("CAP") },
            Self::Changes { .. } => const { row("CHANGES") },
            Self::ChatHistory { .. } => const { row("CHATHISTORY") },
            Self::Chghost { .. } => const { row("CHGHOST") },
            Self::Edit { .. } => const { row("EDIT") },
            Self::Help { .. } => const { row("HELP") },
            Self::Info { .. } => const { row("INFO") },
            Self::Invite { .. } => const { row("INVITE") },
            Self::Ison { .. } => const { row("ISON") },
            Self::Isupport => const { row("ISUPPORT") },
            Self::Join { .. } => const { row("JOIN") },
            Self::Kick { .. } => const { row("KICK") },
            Self::Kill { .. } => const { row("KILL") },
            Self::Knock { .. } => const { row("KNOCK") },
            Self::LeaveAll => const { row("JOIN") },
            Self::Links => const { row("LINKS") },
            Self::List { .. } => const { row("LIST") },
            Self::Lusers => const { row("LUSERS") },
            Self::Markread { .. } => const { row("MARKREAD") },
            Self::Metadata { .. } => const { row("METADATA") },
            Self::Mode { .. } => const { row("MODE") },
            Self::Monitor { .. } => const { row("MONITOR") },
            Self::Motd { .. } => const { row("MOTD") },
            Self::Multiline { .. } => const { row("BATCH") },
            Self::Names { .. } => const { row("NAMES") },
            Self::Nick { .. } => const { row("NICK") },
            Self::Oper { .. } => const { row("OPER") },
            Self::Part { .. } => const { row("PART") },
            Self::Pass { .. } => const { row("PASS") },
            Self::Ping { .. } => const { row("PING") },
            Self::Pong => const { row("PONG") },
            Self::Quit { .. } => const { row("QUIT") },
            Self::Redact { .. } => const { row("REDACT") },
            Self::Register { .. } => const { row("REGISTER") },
            Self::Rehash => const { row("REHASH") },
            Self::Rename { .. } => const { row("RENAME") },
            Self::Search { .. } => const { row("SEARCH") },
            Self::Setname { .. } => const { row("SETNAME") },
            Self::Silence { .. } => const { row("SILENCE") },
            Self::Time { .. } => const { row("TIME") },
            Self::Topic { .. } => const { row("TOPIC") },
            Self::Uninvite { .. } => const { row("UNINVITE") },
            Self::User { .. } => const { row("USER") },
            Self::Userhost { .. } => const { row("USERHOST") },
            Self::Verify { .. } => const { row("VERIFY") },
            Self::Version { .. } => const { row("VERSION") },
            Self::Wallops { .. } => const { row("WALLOPS") },
            Self::Webirc { .. } => const { row("WEBIRC") },
            Self::Who { .. } => const { row("WHO") },
            Self::Whois { .. } => const { row("WHOIS") },
            Self::Whowas { .. } => const { row("WHOWAS") },
        }
    }
}

fn spec_of_message(kind: MessageKind) -> &'static CommandSpec {
    match kind {
        MessageKind::Privmsg => const { row("PRIVMSG") },
        MessageKind::Notice => const { row("NOTICE") },
        MessageKind::Tagmsg => const { row("TAGMSG") },
    }
}

/// The row of a word that the compiler looks up.
const fn row(word: &str) -> &'static CommandSpec {
    let mut at = 0;
    while at < SPECS.len() {
        if is_same(SPECS[at].word.as_bytes(), word.as_bytes()) {
            return &SPECS[at];
        }
        at += 1;
    }
    panic!("a word of a command has a row")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}
