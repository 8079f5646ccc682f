//! The privilege of operators of the server: it is the connection's that proved it, and of nobody and nothing else.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_server::{Config, hub::Door};
use chat_tests::{
    operators::with_root,
    script::{check, check_with},
    world::{SimLog, World},
};

/// Ann has registered, and is an operator of the server on her first connection.
const OPERATOR: &str = "ann> NS REGISTER correcthorse
     ann< * 900 *
     ann> OPER root rootrootroot
     ann< * 381 *
     ann< :ann!* MODE ann +o\n";

/// `name` connects as another connection of Ann's.
fn device(name: &str) -> String {
    let response = BASE64.encode("\0ann\0correcthorse");
    format!(
        "new {name}
         {name}> CAP REQ :sasl standard-replies
         {name}> AUTHENTICATE PLAIN
         {name}> AUTHENTICATE {response}
         {name}< * 900 *
         {name}> NICK ann
         {name}> USER u 0 * :Ann
         {name}> CAP END
         {name}< * 001 ann *\n"
    )
}

/// What an operator of the server may do is refused on a connection.
fn has_none(name: &str) -> String {
    format!(
        "{name}> OS BANS
         {name}< :chat.local 481 *
         {name}> WALLOPS :x
         {name}< :chat.local 481 *
         {name}> REHASH
         {name}< :chat.local 481 *
         {name}> KILL bob :x
         {name}< :chat.local 481 *
         {name}> CHGHOST bob a b.example
         {name}< :chat.local 481 *
         {name}> METADATA bob SET url :https://example.org
         {name}< *only its owner*
         {name}> MODE ann
         {name}< :chat.local 221 ann +i
         bob! *KILL*
         bob! *WALLOPS*\n"
    )
}

/// The same where the nick is theirs no more, since it is an account's.
fn has_none_under_another_nick(name: &str) -> String {
    let modes = format!("{name}> MODE ann\n         {name}< :chat.local 221 ann +i");
    let script = has_none(name);
    assert!(script.contains(&modes), "{script}");
    script.replace(&modes, "")
}

const IS_SHOWN: &str = "bob> WHOIS ann
     bob< * 313 bob ann *
     bob< * 318 *
     bob> WHO ann o
     bob< * 352 bob * ann H? :0 *
     bob< * 315 *\n";

const IS_NOT_SHOWN: &str = "bob> WHOIS ann
     bob< * 318 *
     bob! * 313 *
     bob> WHO ann o
     bob< * 315 *
     bob! * 352 *
     bob> LUSERS
     bob< * 255 *
     bob! * 252 *\n";

#[test]
fn a_second_connection_has_it_not() {
    check_with(
        &format!(
            "bob> PING x
             {OPERATOR}{}phone! * MODE ann *+o*\nphone! * 221 *\n{}{IS_SHOWN}
             ann> OS BANS
             ann< * NOTICE ann :nobody is banned*
             // It sees and deletes no more than others do, and its words are an operator's, as others see them.
             drop ann
             {IS_NOT_SHOWN}{}",
            device("phone"),
            has_none("phone"),
            has_none("phone"),
        ),
        with_root,
    );
}

/// What others say of a closed room, and those whom they do not find, are seen on that connection only.
#[test]
fn nor_does_a_second_connection_see_what_only_operators_do() {
    check_with(
        &format!(
            "bob> JOIN #den
             bob> MODE #den +i
             bob< * MODE #den +i
             bob> METADATA #den SET url :https://example.org
             bob< * 761 *
             {OPERATOR}{}
             ann> METADATA #den GET url
             ann< * 761 ann #den url *
             phone> METADATA #den GET url
             phone< :chat.local FAIL METADATA INVALID_TARGET *
             ann> WHO b*b
             ann< * 352 ann * bob *
             phone> WHO b*b
             phone< * 315 *
             phone! * 352 *
             ann> WHOIS bob
             ann< * 319 ann bob *#den*
             phone> WHOIS bob
             phone< * 318 *
             phone! * 319 *",
            device("phone"),
        ),
        with_root,
    );
}

#[test]
fn who_stays_and_comes_again_has_it_not() {
    check_with(
        &format!(
            "bob> PING x
             {OPERATOR}
             ann> NS STAY ON
             ann< * NOTICE ann :you stay here*
             drop ann
             {IS_NOT_SHOWN}
             {}{}{IS_NOT_SHOWN}",
            device("next"),
            has_none("next"),
        ),
        with_root,
    );
}

#[test]
fn it_ends_with_a_logout() {
    check_with(
        &format!(
            "bob> PING x
             {OPERATOR}{IS_SHOWN}
             ann> NS LOGOUT
             ann< * 901 *
             {}{IS_NOT_SHOWN}",
            has_none_under_another_nick("ann")
        ),
        with_root,
    );
    // Also where the account is no more, and where it is another one.
    check_with(
        &format!(
            "bob> NS REGISTER correcthorse
             bob< * 900 *
             {OPERATOR}
             ann> NS IDENTIFY bob correcthorse
             ann< * 900 *
             {}{IS_NOT_SHOWN}
             carl> NS REGISTER correcthorse
             carl< * 900 *
             carl> OPER root rootrootroot
             carl< * 381 *
             carl> NS DROP carl correcthorse
             carl< * 901 *
             carl> OS BANS
             carl< :chat.local 481 *",
            has_none_under_another_nick("ann")
        ),
        with_root,
    );
}

/// A guest who logs in is who they were, and an operator who gives it up has it no more on that connection.
#[test]
fn it_outlasts_a_login_and_can_be_given_up() {
    check_with(
        &format!(
            "bob> PING x
             ann> OPER root rootrootroot
             ann< * 381 *
             ann> NS REGISTER correcthorse
             ann< * 900 *
             ann> OS BANS
             ann< * NOTICE ann :nobody is banned*
             {}
             phone> OPER root rootrootroot
             phone< * 381 *
             phone< :ann!* MODE ann +o
             ann! * MODE *
             phone> MODE ann -oi
             phone< * MODE ann *
             phone> OS BANS
             phone< :chat.local 481 *
             ann> MODE ann
             ann< * 221 ann +o
             {}",
            device("phone"),
            IS_SHOWN,
        ),
        with_root,
    );
}

/// A connection that goes on as another one of the same person takes along what it proved.
#[test]
fn it_goes_where_its_connection_goes() {
    check_with(
        &format!(
            "ann> NS REGISTER correcthorse
             ann< * 900 *
             bob> PING x
             old> OPER root rootrootroot
             old< * 381 *
             old> NS IDENTIFY ann correcthorse
             old< * 900 *
             old> NICK ann
             old< :old!* NICK ann
             old> OS BANS
             old< * NOTICE ann :nobody is banned*
             {IS_SHOWN}{}",
            has_none("ann")
        ),
        with_root,
    );
}

/// Those whom a ban is about go; the connection that is an operator's stays.
#[test]
fn a_ban_spares_only_the_connection_that_has_it() {
    check_with(
        &format!(
            "bob> PING x
             {OPERATOR}{}
             ann> OS BAN ~a:ann
             phone< ERROR *banned from this server*
             ann< * NOTICE ann :~a:ann is banned*
             bob! *QUIT*
             ann> OS UNBAN ~a:ann
             ann< * NOTICE ann :~a:ann is banned no more",
            device("phone")
        ),
        with_root,
    );
}

fn say(world: &mut World, name: &str, line: &str) -> Vec<String> {
    let before = world.lines(name).len();
    world.send_bytes(name, format!("{line}\r\n").as_bytes());
    world.settle();
    world.lines(name)[before..].to_vec()
}

/// An entry that is taken out, or is another one, when the configuration is read again makes nobody an operator.
#[test]
fn it_ends_when_the_configuration_has_its_entry_no_more() {
    let is_told = |told: &[String], word: &str| told.iter().any(|line| line.contains(word));
    let other = chat_server::auth::hash("another password").unwrap();
    let changes: [&dyn Fn(&mut Config); 3] = [
        &|config| config.opers.clear(),
        &|config| config.opers[0].password.clone_from(&other),
        &|config| config.opers[0].masks = vec!["*!*@192.0.2.*".into()],
    ];
    for change in changes {
        let mut world = World::new(7, SimLog::default(), with_root);
        world.open("ann", Door::Irc);
        say(&mut world, "ann", "NICK ann\r\nUSER u 0 * :A\r\nOPER root rootrootroot");
        assert!(is_told(&say(&mut world, "ann", "OS BANS"), "nobody is banned"));
        // What is changed elsewhere changes nothing.
        world.reload(|config| config.network = "other".into());
        assert!(is_told(&say(&mut world, "ann", "OS BANS"), "nobody is banned"));
        let before = world.lines("ann").len();
        world.reload(change);
        world.settle();
        assert!(is_told(&world.lines("ann")[before..], ":chat.local MODE ann -o"));
        assert!(is_told(&say(&mut world, "ann", "OS BANS"), " 481 "));
    }
    // Nor does a password that is still under check.
    let mut world = World::new(7, SimLog::default(), with_root);
    world.open("ann", Door::Irc);
    say(&mut world, "ann", "NICK ann\r\nUSER u 0 * :A");
    world.is_checker_held = true;
    say(&mut world, "ann", "OPER root rootrootroot");
    world.is_checker_held = false;
    world.reload(|config| config.opers.clear());
    world.settle();
    assert!(is_told(&say(&mut world, "ann", "OS BANS"), " 481 "));
}

#[test]
fn nobody_makes_themselves_one() {
    check("ann> MODE ann +o\nann> MODE ann\nann< * 221 ann +i\nann! *+o*");
}
