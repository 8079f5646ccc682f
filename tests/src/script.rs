//! The language of scripts: who says what, and what comes of it. Each script holds against hub and
//! sessions without a socket, and, unless it is about time, against a server over real ones.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_core::proto::mask_matches;
use chat_server::{Config, hub::Door};

use crate::{
    shapes,
    sockets::Sockets,
    world::{SimLog, World},
};

/// The stage on which a script is played.
pub(crate) trait Stage {
    /// Opens a connection known as `name`.
    fn open(&mut self, name: &str, door: Door);
    /// Whether somebody by that name has ever connected.
    fn knows(&self, name: &str) -> bool;
    /// Sends bytes from `name`.
    fn send(&mut self, name: &str, bytes: &[u8]);
    /// Lets everything that is under way arrive.
    fn settle(&mut self);
    /// Breaks a connection.
    fn break_off(&mut self, name: &str);
    /// Whether `name` receives such a line behind the last one it was to receive.
    fn expect(&mut self, name: &str, mask: &str) -> bool;
    /// Lines `name` has received behind the last one it was to receive.
    fn unexpected(&mut self, name: &str) -> Vec<String>;
    /// All lines `name` has received.
    fn received(&self, name: &str) -> &[String];
    /// Takes what `name` has received so far as expected.
    fn forget(&mut self, name: &str);
    /// Lets the room log answer nothing, or go on.
    fn hold_log(&mut self, is_held: bool);
    /// Lets the room log refuse what it holds, and go on.
    fn fail_log(&mut self);
    /// Lets time pass; the next to connect shows a certificate. Only where there are no sockets.
    fn pretend(&mut self, pretence: &Pretence);
    /// All that happened.
    fn transcript(&self) -> &[String];
}

/// A pretence: what cannot be had of real sockets.
#[derive(Debug)]
pub(crate) enum Pretence {
    Time(Duration),
    Certificate(String),
    /// The address from which people connect from here on.
    Address(String),
    /// The server ends and starts anew, with what its log has kept.
    Restart,
}

/// Whether a script can be played over sockets: it is not about time, nor about certificates, nor about
/// crowds, which have tests of their own.
fn is_real(script: &str) -> bool {
    script.lines().count() < CROWD
        && !script
            .lines()
            .any(|line| PRETENCES.iter().any(|pretence| line.trim().starts_with(pretence)))
}

/// The beginnings of lines that cannot be played over sockets.
const PRETENCES: [&str; 4] = ["cert ", "from ", "restart", "wait "];

/// Lines of a script that is about a crowd.
const CROWD: usize = 300;

/// Runs a script against a server without surprises. Each line is one of:
///
/// ```text
/// a> JOIN #x        a sends this; an unknown `a` connects and registers under that nick first
/// new z             z connects and says nothing
/// text z            the same at the text door
/// cert ab12         the next to connect shows a certificate of that fingerprint
/// from 192.0.2.1    whoever connects from here on comes from there
/// caps a batch      a negotiates these as it registers
/// login a batch     the same, and logs in to the account of its name with the password "correcthorse"
/// b< :a!* JOIN #x   b receives such a line, behind all that was received before (`*` is any text)
/// b! *JOIN*         b has not received such a line since the last one it was to receive
/// drop a            a's connection breaks
/// wait 5            so many seconds pass
/// restart           the server ends, and starts anew with what its log has kept; nobody is there
/// hold log          the room log takes records and answers nothing
/// free log          and now it answers
/// fail log          or it refuses what it holds, and goes on
/// ```
///
/// # Panics
/// With the transcript, at the first line that does not hold.
#[track_caller]
pub fn check(script: &str) {
    check_with(script, |_| ());
}

/// As [`check`], with another configuration.
///
/// # Panics
/// As [`check`].
#[track_caller]
pub fn check_with(script: &str, change: impl Fn(&mut Config)) {
    play(script, "without a socket", &mut World::new(1, SimLog::default(), &change));
    if is_real(script) {
        play(script, "over sockets", &mut Sockets::start(&change));
    }
}

#[track_caller]
fn play(script: &str, place: &str, stage: &mut impl Stage) {
    for line in lines(script) {
        let failed = Line::parse(line).and_then(|line| play_line(stage, &line)).err();
        if let Some(what) = failed {
            panic!("{place}: {line:?}: {what}\n{}", stage.transcript().join("\n"));
        }
    }
    // Whatever a script is about, each numeric has the parameters that it is to have.
    let names: BTreeSet<&str> =
        lines(script).filter_map(|line| Line::parse(line).ok()?.name()).collect();
    for name in names.into_iter().filter(|name| stage.knows(name)) {
        for line in stage.received(name) {
            if let Err(what) = shapes::check(line) {
                panic!("{place}: {name}: {what}\n{}", stage.transcript().join("\n"));
            }
        }
    }
}

/// The lines of a script that are to be played.
pub(crate) fn lines(script: &str) -> impl Iterator<Item = &str> {
    script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
}

/// A line of a script: what happens, or what comes of it.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    Opens { name: &'a str, door: Door },
    Negotiates { name: &'a str, capabilities: &'a str },
    LogsIn { name: &'a str, capabilities: &'a str },
    Says { name: &'a str, text: &'a str },
    Breaks { name: &'a str },
    Holds(bool),
    Fails,
    Pretends(Pretence),
    Hears { name: &'a str, mask: &'a str },
    HearsNothingLike { name: &'a str, mask: &'a str },
}

impl<'a> Line<'a> {
    /// The name of whoever it is about.
    fn name(&self) -> Option<&'a str> {
        match self {
            Self::Opens { name, .. }
            | Self::Negotiates { name, .. }
            | Self::LogsIn { name, .. }
            | Self::Says { name, .. }
            | Self::Breaks { name }
            | Self::Hears { name, .. }
            | Self::HearsNothingLike { name, .. } => Some(name),
            Self::Fails | Self::Holds(_) | Self::Pretends(_) => None,
        }
    }

    pub(crate) fn parse(line: &'a str) -> Result<Self, String> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match first {
            "new" => Self::Opens { name: rest, door: Door::Irc },
            "text" => Self::Opens { name: rest, door: Door::Text },
            "drop" => Self::Breaks { name: rest },
            "cert" => Self::Pretends(Pretence::Certificate(rest.to_owned())),
            "from" => Self::Pretends(Pretence::Address(rest.to_owned())),
            "restart" => Self::Pretends(Pretence::Restart),
            "login" => {
                let (name, capabilities) = rest.split_once(' ').unwrap_or((rest, ""));
                Self::LogsIn { name, capabilities }
            }
            "hold" => Self::Holds(true),
            "free" => Self::Holds(false),
            "fail" => Self::Fails,
            "wait" => {
                let seconds = rest.parse().map_err(|_| "wait takes seconds".to_owned())?;
                Self::Pretends(Pretence::Time(Duration::from_secs_f64(seconds)))
            }
            "caps" => {
                let (name, capabilities) =
                    rest.split_once(' ').ok_or("caps takes a name and names")?;
                Self::Negotiates { name, capabilities }
            }
            _ => {
                let (name, sign) = first.split_at(first.len() - 1);
                match sign {
                    ">" => Self::Says { name, text: rest },
                    "<" => Self::Hears { name, mask: rest },
                    "!" => Self::HearsNothingLike { name, mask: rest },
                    _ => return Err("this is no line of a script".to_owned()),
                }
            }
        })
    }
}

fn play_line(stage: &mut impl Stage, line: &Line<'_>) -> Result<(), String> {
    match line {
        Line::Hears { name, mask } => {
            introduce(stage, name);
            if stage.expect(name, mask) { Ok(()) } else { Err("this did not come".to_owned()) }
        }
        Line::HearsNothingLike { name, mask } => {
            introduce(stage, name);
            match stage.unexpected(name).iter().find(|line| mask_matches(mask, line)) {
                Some(line) => Err(format!("{line:?} came")),
                None => Ok(()),
            }
        }
        _ => {
            act(stage, line);
            Ok(())
        }
    }
}

/// Does what a line of a script does.
pub(crate) fn act(stage: &mut impl Stage, line: &Line<'_>) {
    match line {
        Line::Opens { name, door } => stage.open(name, *door),
        Line::Breaks { name } => stage.break_off(name),
        Line::Pretends(pretence) => stage.pretend(pretence),
        Line::Holds(is_held) => stage.hold_log(*is_held),
        Line::Fails => stage.fail_log(),
        Line::Negotiates { name, capabilities } => {
            let first = format!("CAP REQ :{capabilities}\r\n");
            register(stage, name, &first, "CAP END\r\n");
        }
        Line::LogsIn { name, capabilities } => {
            let response = BASE64.encode(format!("\0{name}\0correcthorse"));
            let first = format!(
                "CAP REQ :sasl {capabilities}\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE {response}\r\n"
            );
            register(stage, name, &first, "CAP END\r\n");
        }
        Line::Says { name, text } => {
            introduce(stage, name);
            stage.send(name, format!("{text}\r\n").as_bytes());
        }
        Line::Hears { .. } | Line::HearsNothingLike { .. } => {}
    }
    stage.settle();
}

/// Connects and registers somebody who is not known.
pub(crate) fn introduce(stage: &mut impl Stage, name: &str) {
    if !stage.knows(name) {
        register(stage, name, "", "");
    }
}

fn register(stage: &mut impl Stage, name: &str, first: &str, last: &str) {
    stage.open(name, Door::Irc);
    if !first.is_empty() {
        stage.send(name, first.as_bytes());
        // A login is to be done before the nick is asked for.
        stage.settle();
    }
    let lines = format!("NICK {name}\r\nUSER u 0 * :Real Name\r\n{last}");
    stage.send(name, lines.as_bytes());
    stage.settle();
    stage.forget(name);
}
