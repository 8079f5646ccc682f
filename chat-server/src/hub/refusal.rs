//! Refusals of commands, and the one table of what is answered.

use chat_core::proto::{CommandError, Numeric, Service};

use crate::delivery::ReplyLine;

/// A refused command is no error of ours: it is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is named after its numeric in the table below")]
pub enum Refusal {
    AlreadyOnRoom {
        nick: String,
        room: String,
    },
    AlreadyRegistered,
    BadRoomName(String),
    BadKey(String),
    Banned {
        room: String,
        /// The terms: for how long, and why.
        terms: String,
    },
    /// A ban from the server, with these words.
    BannedHere(String),
    CannotSend {
        room: String,
        why: String,
    },
    Command(CommandError),
    ErroneousNick(String),
    /// A refusal that has only words: <https://ircv3.net/specs/extensions/standard-replies>.
    Fail {
        command: &'static str,
        code: &'static str,
        context: Vec<String>,
        text: String,
    },
    /// Nobody puts a room's founder out of it, or below others.
    Founder {
        room: String,
        nick: String,
    },
    HelpNotFound(String),
    InvalidKey(String),
    InvalidModeParam {
        room: String,
        mode: char,
        param: String,
        why: &'static str,
    },
    InviteOnly(String),
    LooksLikeAnother(String),
    /// A room whose name is kept for those who run the server, or holds signs that nobody sees.
    ReservedRoom(String),
    KnockInside(String),
    KnockOpen(String),
    NeedsApproval(String),
    TooManyKnocks(String),
    TooManyWait(String),
    ListFull {
        room: String,
        /// The letter of the mode that it was for.
        letter: char,
        /// The mask or the nick that was to be on it.
        name: String,
    },
    /// The list of those who are silenced is full.
    SilenceListFull(String),
    /// A nick whose owner reads what accounts write alone.
    NotLoggedIn(String),
    NickInUse(String),
    /// A nick is words, too, in each of one's rooms.
    NickNotHeard {
        room: String,
        why: String,
    },
    NickOfAccount(String),
    NoAdministrator {
        server: String,
    },
    NoPrivileges,
    NoSuchNick(String),
    NoSuchRoom(String),
    NoSuchServer(String),
    NotOnRoom(String),
    NotOperator(String),
    NotRegistered,
    NotStored {
        command: &'static str,
        target: String,
        why: String,
    },
    RoomFull(String),
    /// A reply of a service.
    Service {
        by: Service,
        text: String,
    },
    TooLongToRelay,
    TooManyRooms(String),
    TooManyTargets(String),
    Unavailable(String),
    UnknownRoomMode(String),
    UnknownUserMode,
    UserNotOnRoom {
        nick: String,
        room: String,
    },
    UsersDoNotMatch,
    WasNoSuchNick(String),
    WrongPassword,
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

impl Refusal {
    /// One that has only words, about `context`.
    pub(crate) fn fail(
        command: &'static str,
        code: &'static str,
        context: &[&str],
        text: &str,
    ) -> Self {
        let context = context.iter().map(|&word| word.to_owned()).collect();
        Self::Fail { command, code, context, text: text.to_owned() }
    }

    /// The reply to the one who asked.
    #[must_use]
    pub fn reply(&self) -> ReplyLine {
        let (numeric, context, text): (Numeric, Vec<&str>, &str) = match self {
            Self::NotStored { command, target, why } => {
                let what = match *command {
                    "NOTICE" | "PRIVMSG" => format!("your message to {target} was not delivered"),
                    command => format!("your {command} of {target} was not carried out"),
                };
                return ReplyLine::Fail {
                    command,
                    code: "MESSAGE_NOT_STORED",
                    context: vec![word(target).into()],
                    text: format!("{what}: {why}").into(),
                    is_partial: false,
                };
            }
            Self::Service { by, text } => {
                return ReplyLine::Said { by: *by, text: text.as_str().into() };
            }
            Self::Fail { command, code, context, text } => {
                return ReplyLine::Fail {
                    command,
                    code,
                    context: context.iter().map(|context| word(context).into()).collect(),
                    text: text.as_str().into(),
                    is_partial: false,
                };
            }
            Self::Command(CommandError::Batch { code, context }) => {
                return ReplyLine::Fail {
                    command: "BATCH",
                    code,
                    context: context.iter().map(|context| word(context).into()).collect(),
                    text: "your message of several lines cannot be taken and was not delivered"
                        .into(),
                    is_partial: false,
                };
            }
            Self::Command(CommandError::NotUtf8(command)) => {
                // <https://ircv3.net/specs/extensions/utf8-only>
                return ReplyLine::Fail {
                    command,
                    code: "INVALID_UTF8",
                    context: Vec::new(),
                    text: "your line was not UTF-8 text and was not delivered".into(),
                    is_partial: false,
                };
            }
            Self::Command(CommandError::ForbiddenByte) => {
                return ReplyLine::Fail {
                    command: "*",
                    code: "INVALID_LINE",
                    context: Vec::new(),
                    text: "your line contained a NUL or a carriage return and was not delivered"
                        .into(),
                    is_partial: false,
                };
            }
            Self::Command(CommandError::TooLong) => (
                Numeric::ERR_INPUTTOOLONG,
                vec![],
                "The line was too long and was not delivered: send it in parts",
            ),
            Self::AlreadyOnRoom { nick, room } => {
                (Numeric::ERR_USERONCHANNEL, vec![nick, room], "is already in the room")
            }
            Self::AlreadyRegistered => {
                (Numeric::ERR_ALREADYREGISTERED, vec![], "You have registered already")
            }
            Self::BadRoomName(room) => (
                Numeric::ERR_BADCHANMASK,
                vec![room],
                "A room's name starts with # and has no space, comma or control character",
            ),
            Self::LooksLikeAnother(room) => (
                Numeric::ERR_BADCHANMASK,
                vec![room],
                "This name looks like that of another room: join that one, or take another name",
            ),
            Self::ReservedRoom(room) => (
                Numeric::ERR_BADCHANMASK,
                vec![room],
                "This name is kept for those who run the server, or holds signs that nobody sees: take another name",
            ),
            Self::CannotSend { room, why } => {
                let text = format!("Your message cannot be sent to the room: {why}");
                let params = vec![word(room).into(), text.into()];
                return ReplyLine::Numeric(Numeric::ERR_CANNOTSENDTOCHAN, params);
            }
            Self::InvalidModeParam { room, mode, param, why } => {
                let mode = mode.to_string();
                let params =
                    vec![word(room).into(), mode.into(), word(param).into(), (*why).into()];
                return ReplyLine::Numeric(Numeric::ERR_INVALIDMODEPARAM, params);
            }
            Self::Command(CommandError::NeedMoreParams(command)) => {
                (Numeric::ERR_NEEDMOREPARAMS, vec![command], "Not enough parameters")
            }
            Self::Command(CommandError::NoNickGiven) => {
                (Numeric::ERR_NONICKNAMEGIVEN, vec![], "No nick given")
            }
            Self::Command(CommandError::NoOrigin) => {
                (Numeric::ERR_NOORIGIN, vec![], "No token given")
            }
            Self::Command(CommandError::NoRecipient(command)) => {
                let text = format!("No recipient given ({command})");
                return ReplyLine::Numeric(Numeric::ERR_NORECIPIENT, vec![text.into()]);
            }
            Self::Command(CommandError::NoText) => {
                (Numeric::ERR_NOTEXTTOSEND, vec![], "No text to send")
            }
            Self::Command(CommandError::Unknown(command)) => {
                (Numeric::ERR_UNKNOWNCOMMAND, vec![command], "Unknown command")
            }
            Self::Command(_) => {
                (Numeric::ERR_UNKNOWNERROR, vec!["*"], "The command cannot be understood")
            }
            Self::ErroneousNick(nick) => {
                (Numeric::ERR_ERRONEUSNICKNAME, vec![nick], "This nick cannot be used here")
            }
            Self::BadKey(room) => {
                (Numeric::ERR_BADCHANNELKEY, vec![room], "You cannot join: the key is wrong")
            }
            Self::BannedHere(text) => (Numeric::ERR_YOUREBANNEDCREEP, vec![], text),
            Self::Banned { room, terms } => {
                let text = format!("You cannot join: you are banned{terms}");
                let params = vec![word(room).into(), text.into()];
                return ReplyLine::Numeric(Numeric::ERR_BANNEDFROMCHAN, params);
            }
            Self::HelpNotFound(subject) => {
                let subject = if is_word(subject) { as_asked(subject) } else { "*" };
                let params = vec![subject.into(), "There is no help about this".into()];
                return ReplyLine::Numeric(Numeric::ERR_HELPNOTFOUND, params);
            }
            Self::InvalidKey(room) => {
                (Numeric::ERR_INVALIDKEY, vec![room], "A key is a word of at most 32 bytes")
            }
            Self::InviteOnly(room) => {
                (Numeric::ERR_INVITEONLYCHAN, vec![room], "You cannot join: you need an invitation")
            }
            Self::ListFull { room, letter, name } => {
                let text = format!("The room's lists are full: {name} is on none");
                let params = vec![word(room).into(), letter.to_string().into(), text.into()];
                return ReplyLine::Numeric(Numeric::ERR_BANLISTFULL, params);
            }
            Self::NotLoggedIn(nick) => (
                Numeric::ERR_NONONREG,
                vec![nick],
                "They read what accounts write: log in first (HELP NICKSERV)",
            ),
            Self::SilenceListFull(mask) => {
                (Numeric::ERR_SILELISTFULL, vec![mask], "You have silenced as many as you may")
            }
            Self::NoAdministrator { server } => (
                Numeric::ERR_NOADMININFO,
                vec![server],
                "Nothing is said about who runs this server",
            ),
            Self::NoPrivileges => {
                (Numeric::ERR_NOPRIVILEGES, vec![], "Only operators of the server may do that")
            }
            Self::WrongPassword => {
                let text = "No operator of that name has that password from here";
                (Numeric::ERR_PASSWDMISMATCH, vec![], text)
            }
            Self::NoSuchServer(name) => {
                (Numeric::ERR_NOSUCHSERVER, vec![name], "There is no such server")
            }
            Self::RoomFull(room) => {
                (Numeric::ERR_CHANNELISFULL, vec![room], "You cannot join: the room is full")
            }
            Self::WasNoSuchNick(nick) => {
                (Numeric::ERR_WASNOSUCHNICK, vec![nick], "Nobody of that nick was here lately")
            }
            Self::NickInUse(nick) => {
                (Numeric::ERR_NICKNAMEINUSE, vec![nick], "This nick is in use")
            }
            Self::NickNotHeard { room, why } => {
                let text = format!("You cannot change your nick while you are in this room: {why}");
                let params = vec![word(room).into(), text.into()];
                return ReplyLine::Numeric(Numeric::ERR_UNAVAILRESOURCE, params);
            }
            Self::NickOfAccount(nick) => (
                Numeric::ERR_NICKNAMEINUSE,
                vec![nick],
                "This nick belongs to an account, or looks like one that does: log in to it, or take another one",
            ),
            Self::NoSuchNick(nick) => (Numeric::ERR_NOSUCHNICK, vec![nick], "No such nick"),
            Self::NoSuchRoom(room) => (Numeric::ERR_NOSUCHCHANNEL, vec![room], "No such room"),
            Self::NotOnRoom(room) => {
                (Numeric::ERR_NOTONCHANNEL, vec![room], "You are not in this room")
            }
            Self::NotOperator(room) => {
                (Numeric::ERR_CHANOPRIVSNEEDED, vec![room], "You are not an operator of this room")
            }
            Self::NotRegistered => (Numeric::ERR_NOTREGISTERED, vec![], "You have not registered"),
            Self::TooLongToRelay => (
                Numeric::ERR_INPUTTOOLONG,
                vec![],
                "The message is too long to be passed on with your name before it: send it in parts",
            ),
            Self::TooManyRooms(room) => {
                (Numeric::ERR_TOOMANYCHANNELS, vec![room], "You are in as many rooms as you may be")
            }
            Self::TooManyTargets(target) => {
                (Numeric::ERR_TOOMANYTARGETS, vec![target], "Too many targets at once")
            }
            Self::KnockInside(room) => {
                (Numeric::ERR_KNOCKONCHAN, vec![room], "You are in this room already")
            }
            Self::KnockOpen(room) => {
                (Numeric::ERR_CHANOPEN, vec![room], "Everybody may come in: join it")
            }
            Self::TooManyKnocks(room) => (
                Numeric::ERR_TOOMANYKNOCK,
                vec![room],
                "Those who operate the room have been told already: wait for their answer",
            ),
            Self::TooManyWait(room) => (
                Numeric::ERR_TOOMANYKNOCK,
                vec![room],
                "As many wait to be let in as may: ask again when some have been answered",
            ),
            Self::NeedsApproval(room) => (
                Numeric::ERR_INVITEONLYCHAN,
                vec![room],
                "You cannot join yet: those who operate the room have been told that you want to",
            ),
            Self::Founder { room, nick } => {
                let text = format!("{nick} founded this room and stays its operator");
                let params = vec![word(room).into(), text.into()];
                return ReplyLine::Numeric(Numeric::ERR_UNIQOPPRIVSNEEDED, params);
            }
            Self::Unavailable(name) => (
                Numeric::ERR_UNAVAILRESOURCE,
                vec![name],
                "A room is just being given this name: try again in a moment",
            ),
            Self::UnknownRoomMode(mode) => {
                (Numeric::ERR_UNKNOWNMODE, vec![mode], "is no mode of a room here")
            }
            Self::UnknownUserMode => {
                (Numeric::ERR_UMODEUNKNOWNFLAG, vec![], "There is no such mode of a person here")
            }
            Self::UserNotOnRoom { nick, room } => {
                (Numeric::ERR_USERNOTINCHANNEL, vec![nick, room], "They are not in this room")
            }
            Self::UsersDoNotMatch => {
                (Numeric::ERR_USERSDONTMATCH, vec![], "You can see and change only your own modes")
            }
        };
        let context = context.into_iter().map(|context| word(context).into());
        ReplyLine::Numeric(numeric, context.chain([text.into()]).collect())
    }
}

/// Bytes of a parameter that is said back as it was asked, with room for what stands around it in a line.
const ASKED_BYTES_MAX: usize = 300;

/// Whether `text` can stand in the middle of a line as it is.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(':') && !text.contains(' ')
}

/// `text` as it was asked, or what of it can stand in the middle of a line.
pub(crate) fn as_asked(text: &str) -> &str {
    if is_word(text) { chat_core::proto::cut(text, ASKED_BYTES_MAX) } else { word(text) }
}

/// `text` as a parameter in the middle of a line, where strangers' text may not fit.
pub(crate) fn word(text: &str) -> &str {
    let text = text.trim_start_matches(':').split(' ').next().unwrap_or_default();
    if text.is_empty() { "*" } else { chat_core::proto::cut(text, 64) }
}
