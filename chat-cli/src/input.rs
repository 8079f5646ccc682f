//! The actions that typed lines ask for. Pure.

/// The action that a line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Act(String),
    Away(Option<String>),
    Help,
    Join(String),
    Message {
        to: String,
        text: String,
    },
    Names(Option<String>),
    Nick(String),
    Nothing,
    /// A room and a reason, or one of them, as they follow the command.
    Part(Option<String>),
    Quit,
    Reconnect,
    /// The rest of what was too long to be shown.
    Rest,
    Rooms,
    Say(String),
    Topic(Option<String>),
    Wrong(String),
}

/// Each command, what follows it, and what it does.
pub(crate) const COMMANDS: &[(&str, &str, &str)] = &[
    ("/away", "[REASON]", "be away, or back"),
    ("/help", "", "show this"),
    ("/join", "ROOM", "join a room, or turn to one you are in"),
    ("/me", "TEXT", "say what you do"),
    ("/msg", "NICK TEXT", "say something to one person"),
    ("/names", "[ROOM]", "show who is here"),
    ("/nick", "NICK", "take another nick"),
    ("/part", "[ROOM]", "leave a room"),
    ("/quit", "", "leave; {quit} and {close} do too"),
    ("/reconnect", "", "connect again now"),
    ("/rest", "", "show the rest of what was too long to be shown"),
    ("/rooms", "", "show the rooms you are in"),
    ("/topic", "[TEXT]", "show or set the room's topic"),
];

/// Reads a line. A line that starts with `//` says the rest of it with one `/`.
pub(crate) fn parse(line: &str) -> Action {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return Action::Nothing;
    }
    if matches!(trimmed, "{quit}" | "{close}") {
        return Action::Quit;
    }
    if let Some(text) = trimmed.strip_prefix("//") {
        return Action::Say(format!("/{text}"));
    }
    if !trimmed.starts_with('/') {
        return Action::Say(line.trim_end_matches(['\n', '\r']).to_owned());
    }
    let (command, rest) = split_word(trimmed);
    let word = Some(rest).filter(|rest| !rest.is_empty()).map(str::to_owned);
    let needs = |what: &str| Action::Wrong(format!("{command} needs {what}"));
    match (&*command.to_ascii_lowercase(), word) {
        ("/away", reason) => Action::Away(reason),
        ("/help" | "/?", _) => Action::Help,
        ("/join", Some(room)) => Action::Join(split_word(&room).0.to_owned()),
        ("/join", None) => needs("the name of a room"),
        ("/me", Some(text)) => Action::Act(text),
        ("/me", None) => needs("what you do"),
        ("/msg", Some(rest)) => match split_word(&rest) {
            (_, "") => needs("a nick and a text"),
            (to, text) => Action::Message { to: to.to_owned(), text: text.to_owned() },
        },
        ("/msg", None) => needs("a nick and a text"),
        ("/names", room) => Action::Names(room),
        ("/nick", Some(nick)) => Action::Nick(split_word(&nick).0.to_owned()),
        ("/nick", None) => needs("a nick"),
        ("/part" | "/leave", rest) => Action::Part(rest),
        ("/quit" | "/exit", _) => Action::Quit,
        ("/reconnect", _) => Action::Reconnect,
        ("/rest", _) => Action::Rest,
        ("/rooms", _) => Action::Rooms,
        ("/topic", text) => Action::Topic(text),
        (unknown, _) => Action::Wrong(format!(
            "there is no command {unknown}; /help lists them, and // at the start says it as text"
        )),
    }
}

/// The room a `/part` leaves, and what it says: its first word is a room if it is one of ours, with or
/// without its `#`.
pub(crate) fn parting<'a>(
    rest: Option<&'a str>,
    rooms: &[std::sync::Arc<str>],
) -> (Option<String>, Option<&'a str>) {
    let (word, reason) = rest.map(split_word).unwrap_or_default();
    let named = if word.starts_with('#') { word.to_owned() } else { format!("#{word}") };
    let is_room = word.starts_with('#') || rooms.iter().any(|r| r.eq_ignore_ascii_case(&named));
    let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
    if is_room && !word.is_empty() { (Some(named), some(reason)) } else { (None, rest) }
}

fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_what_people_expect() {
        let say = |text: &str| Action::Say(text.into());
        for (line, action) in [
            ("hello", say("hello")),
            ("  indented", say("  indented")),
            ("//join is a command", say("/join is a command")),
            ("", Action::Nothing),
            ("   ", Action::Nothing),
            ("{quit}", Action::Quit),
            (" {close} ", Action::Quit),
            ("say {quit}", say("say {quit}")),
            ("/quit", Action::Quit),
            ("/QUIT", Action::Quit),
            ("/me waves  at all", Action::Act("waves  at all".into())),
            ("/msg bob hi  there", Action::Message { to: "bob".into(), text: "hi  there".into() }),
            ("/join #a extra", Action::Join("#a".into())),
            ("/part", Action::Part(None)),
            ("/part #a so long", Action::Part(Some("#a so long".into()))),
            ("/topic", Action::Topic(None)),
            ("/topic a b", Action::Topic(Some("a b".into()))),
            ("/away", Action::Away(None)),
        ] {
            assert_eq!(parse(line), action, "{line:?}");
        }
        for line in ["/join", "/msg", "/msg bob", "/nick", "/me", "/nonsense"] {
            assert!(matches!(parse(line), Action::Wrong(_)), "{line:?}");
        }
    }

    #[test]
    fn a_room_may_be_left_without_its_sign() {
        let rooms = ["#den".into(), "#lobby".into()];
        for (rest, room, reason) in [
            (None, None, None),
            (Some("den"), Some("#den"), None),
            (Some("Den so long"), Some("#Den"), Some("so long")),
            (Some("#other so long"), Some("#other"), Some("so long")),
            (Some("so long"), None, Some("so long")),
        ] {
            assert_eq!(parting(rest, &rooms), (room.map(str::to_owned), reason), "{rest:?}");
        }
    }

    #[test]
    fn every_listed_command_is_known() {
        for (command, _, _) in COMMANDS {
            let unknown = format!("there is no command {command}");
            let action = parse(&format!("{command} a b"));
            assert!(
                !matches!(&action, Action::Wrong(text) if text.starts_with(&unknown)),
                "{command}"
            );
        }
    }
}
