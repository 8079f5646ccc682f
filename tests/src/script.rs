//! The language of scripts: who says what, and what comes of it.

use std::time::Duration;

use chat_core::proto::mask_matches;
use chat_server::{Config, hub::Door};

use crate::world::{SimLog, World};

/// Runs a script against a world without surprises. Each line is one of:
///
/// ```text
/// a> JOIN #x        a sends this; an unknown `a` connects and registers under that nick first
/// new z             z connects and says nothing
/// text z            the same at the text door
/// cert ab12         the next to connect shows a certificate of that fingerprint
/// caps a batch      a negotiates these as it registers
/// b< :a!* JOIN #x   b receives such a line, behind all that was received before (`*` is any text)
/// b! *JOIN*         b has not received such a line since the last one it was to receive
/// drop a            a's connection breaks
/// wait 5            so many seconds pass
/// hold log          the room log takes records and answers nothing
/// free log          and now it answers
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
pub fn check_with(script: &str, change: impl FnOnce(&mut Config)) {
    let mut world = World::new(1, SimLog::default(), change);
    for line in
        script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"))
    {
        let failed = run_line(&mut world, line).err();
        if let Some(what) = failed {
            panic!("{line:?}: {what}\n{}", world.transcript.join("\n"));
        }
    }
}

fn run_line(world: &mut World, line: &str) -> Result<(), String> {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    match first {
        "new" => world.open(rest, Door::Irc),
        "text" => world.open(rest, Door::Text),
        "drop" => world.drop_connection(rest),
        "cert" => world.fingerprint = Some(rest.into()),
        "hold" => world.hold_log(true),
        "free" => world.hold_log(false),
        "wait" => {
            let seconds = rest.parse().map_err(|_| "wait takes seconds".to_owned())?;
            world.pass(Duration::from_secs_f64(seconds));
        }
        "caps" => {
            let (name, capabilities) = rest.split_once(' ').ok_or("caps takes a name and names")?;
            world.open(name, Door::Irc);
            let lines = format!(
                "CAP REQ :{capabilities}\r\nNICK {name}\r\nUSER u 0 * :Real Name\r\nCAP END\r\n"
            );
            world.send_bytes(name, lines.as_bytes());
            world.settle();
            world.forget(name);
        }
        _ => return run_exchange(world, first, rest),
    }
    world.settle();
    Ok(())
}

fn run_exchange(world: &mut World, first: &str, rest: &str) -> Result<(), String> {
    let (name, sign) = first.split_at(first.len() - 1);
    if !world.knows(name) {
        world.open(name, Door::Irc);
        world.send_bytes(name, format!("NICK {name}\r\nUSER u 0 * :Real Name\r\n").as_bytes());
        world.settle();
        world.forget(name);
    }
    match sign {
        ">" => {
            world.send_bytes(name, format!("{rest}\r\n").as_bytes());
            world.settle();
            Ok(())
        }
        "<" if world.expect(name, rest) => Ok(()),
        "<" => Err("this did not come".to_owned()),
        "!" => match world.unexpected(name).iter().find(|line| mask_matches(rest, line)) {
            Some(line) => Err(format!("{line:?} came")),
            None => Ok(()),
        },
        _ => Err("this is no line of a script".to_owned()),
    }
}
