//! Entrance: one check decides every way into a room. Who may not come in is told why, and is without it.

use chat_core::proto::Link;
use chat_server::{Config, config::Account, hub::Door};
use chat_tests::{
    script::{check, check_with},
    world::{SimLog, World},
};

fn with_lobby(config: &mut Config) {
    config.auto_join = true;
    config.room_operators = vec!["Ann".into()];
    let (name, password) = ("ann".into(), chat_server::auth::hash("correcthorse").unwrap());
    config.accounts = vec![Account { name, password, scram: None, fingerprints: Vec::new() }];
}

/// Each bar of the room that everybody is put into, what somebody is told who finds it shut, and another thing that they say.
const BARS: [(&str, &str); 5] =
    [("+b bob*!*@*", "474"), ("+i", "473"), ("+k secret", "475"), ("+l 1", "471"), ("+A", "473")];

/// `ann` operates the room that everybody is put into.
const OPERATOR: &str = "login ann\n";

#[test]
fn who_connects_passes_the_bars_of_the_room_they_are_put_into() {
    for (modes, told) in BARS {
        check_with(
            &format!(
                "{OPERATOR}
                 ann> PRIVMSG #lobby :what was said before
                 ann> MODE #lobby {modes}
                 ann< * MODE #lobby {modes}
                 new bob
                 bob> NICK bob
                 bob> USER u 0 * :Bob
                 bob< :chat.local 001 bob *
                 bob< :chat.local {told} bob #lobby *
                 bob> PING here
                 bob< * PONG *here
                 bob! * JOIN *
                 bob! *said before*
                 bob> NAMES #lobby
                 bob< * 366 *
                 bob! * 353 * *bob*
                 ann! * JOIN *
                 bob> PRIVMSG #lobby :hello
                 bob< :chat.local 404 bob #lobby *
                 bob> JOIN #lobby
                 bob< :chat.local * bob #lobby *
                 bob! * JOIN *"
            ),
            with_lobby,
        );
    }
}

/// Where newcomers are let in one by one, being put into the room asks as joining it does.
#[test]
fn who_is_put_into_a_room_that_asks_has_asked() {
    check_with(
        &format!(
            "{OPERATOR}
             ann> MODE #lobby +A
             ann< * MODE #lobby +A
             bob> PING x
             ann< :chat.local 710 ann #lobby bob!* *
             ann> CS APPROVE #lobby bob
             bob< :ann!* INVITE bob #lobby
             bob> JOIN #lobby
             bob< :bob!* JOIN #lobby"
        ),
        with_lobby,
    );
}

#[test]
fn the_text_door_leads_nobody_past_them() {
    for (modes, _) in BARS {
        check_with(
            &format!(
                "{OPERATOR}
                 ann> MODE #lobby {modes}
                 ann< * MODE #lobby {modes}
                 text bob
                 bob> bob
                 bob< ! You cannot join: *
                 bob< * You cannot be in #lobby. Goodbye!
                 bob! *Welcome, bob*
                 ann! *bob*"
            ),
            with_lobby,
        );
    }
}

/// Another connection of somebody who is here is put into the room as well, and finds the same bars.
#[test]
fn nor_does_a_second_connection() {
    check_with(
        &format!(
            "{OPERATOR}
             bob> NS REGISTER correcthorse
             bob< * 900 *
             bob> PART #lobby
             ann< :bob!* PART #lobby
             ann> MODE #lobby +i
             ann< * MODE #lobby +i
             new phone
             phone> CAP REQ :sasl
             phone> AUTHENTICATE PLAIN
             phone> AUTHENTICATE AGJvYgBjb3JyZWN0aG9yc2U=
             phone< * 900 *
             phone> NICK bob
             phone> USER u 0 * :Bob
             phone> CAP END
             phone< :chat.local 001 bob *
             phone< :chat.local 473 bob #lobby *
             phone! * JOIN *
             bob! * JOIN *
             ann! * JOIN *"
        ),
        with_lobby,
    );
}

/// An invitation opens what was shut when it was made, and no ban that came later.
#[test]
fn a_ban_ends_the_invitations_before_it() {
    check(
        "ann> JOIN #den
         ann< * 366 *
         bob> PING x
         ann> MODE #den +ib bob!*@*
         ann< * MODE #den +ib *
         ann> INVITE bob #den
         ann< * 341 *
         ann> MODE #den -b+b bob!*@* bob!u@*
         ann< * MODE #den -b+b *
         bob> JOIN #den
         bob< :chat.local 474 bob #den *
         ann> INVITE bob #den
         ann< * 341 *
         bob> JOIN #den
         bob< :bob!* JOIN #den",
    );
}

fn say(world: &mut World, name: &str, line: &str) -> Vec<String> {
    let before = world.lines(name).len();
    world.send_bytes(name, format!("{line}\r\n").as_bytes());
    world.settle();
    world.lines(name)[before..].to_vec()
}

/// While a use of a link is on its way into the log, a ban may land before it.
#[test]
fn a_ban_that_lands_while_a_link_is_being_used_holds() {
    for is_banned in [true, false] {
        let mut world = World::new(7, SimLog::default(), |_| ());
        for name in ["ann", "bob"] {
            world.open(name, Door::Irc);
            say(&mut world, name, &format!("NICK {name}\r\nUSER u 0 * :R"));
        }
        say(&mut world, "ann", "NS REGISTER correcthorse");
        say(&mut world, "ann", "JOIN #den\r\nMODE #den +i");
        let told = say(&mut world, "ann", "CS LINK #den 1h 5");
        let rest = told.iter().find_map(|line| line.split_once(" NOTICE ann :irc"));
        let (_, rest) = rest.unwrap_or_else(|| panic!("{told:#?}"));
        let link = format!("irc{}", rest.split(' ').next().unwrap()).parse::<Link>().unwrap();
        world.hold_log(true);
        let mask = if is_banned { "bob!*@*" } else { "carl!*@*" };
        say(&mut world, "ann", &format!("MODE #den +b {mask}"));
        let before = world.lines("bob").len();
        say(&mut world, "bob", &format!("JOIN #den {}", link.key.unwrap()));
        world.hold_log(false);
        world.settle();
        let told = &world.lines("bob")[before..];
        let has = |word: &str| told.iter().any(|line| line.contains(word));
        assert_eq!((has(" 474 "), has(" JOIN ")), (is_banned, !is_banned), "{told:#?}");
    }
}
