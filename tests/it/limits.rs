//! Bounds and bad input: what happens when a stranger goes too far.

use chat_core::{
    proto::Command,
    wire::{Line, limits::BODY_BYTES_MAX},
};
use chat_server::{Server, StartError, config::RateLimit, hub::Door};
use chat_tests::{
    operators::with_root,
    script::{check, check_with},
    world::{SimLog, World},
};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::FileFailurePersistence};

/// A message that fits with its tags and command, and not with the sender's name before it, would lose
/// its end on the way; it is refused instead.
#[test]
fn a_message_too_long_to_be_relayed_is_refused() {
    // A notice too: that something is lost is told in any case.
    check(&format!(
        "a> PING x\n b> NOTICE a :{}\n b< :chat.local 417 b *\n a! * NOTICE *",
        "n".repeat(490)
    ));
    let text = "x".repeat(490);
    check(&format!(
        "a> JOIN #x
         b> JOIN #x
         a> PRIVMSG #x :{text}
         a< :chat.local 417 a *
         b! * PRIVMSG *
         a> PRIVMSG #x :{}
         a< :chat.local 417 a *",
        "y".repeat(600),
    ));
}

/// Pages come one by one, each when the last was taken, and what is asked meanwhile waits its turn.
#[test]
fn long_answers_come_in_pages_and_in_order() {
    let mut script = String::from("caps z labeled-response batch\n");
    for n in 0..600 {
        script += &format!("p{n}> JOIN #big\n");
    }
    script += "z> JOIN #big
         z< * 366 *
         z> @label=1 WHO #big
         z< @label=1 :chat.local BATCH +* labeled-response
         z< @batch=* :chat.local 352 z #big * p599 *
         z< @batch=* :chat.local 315 *
         z< :chat.local BATCH -*
         z> LIST
         z< * 322 z #big 601 :";
    check(&script);
    // Asked in one go: the answers do not mix.
    let mut world = World::new(1, Default::default(), |_| ());
    for n in 0..600 {
        let name = format!("p{n}");
        world.open(&name, Door::Irc);
        let lines = format!("NICK {name}\r\nUSER u 0 * :R\r\nJOIN #big\r\n");
        world.send_bytes(&name, lines.as_bytes());
        world.settle();
    }
    world.send_bytes("p0", b"WHO #big\r\nPING after\r\nNAMES #big\r\nPING last\r\n");
    world.settle();
    let lines = world.lines("p0");
    let position = |mask: &str| {
        let matches = |line: &String| chat_core::proto::mask_matches(mask, line);
        lines.iter().rposition(matches).unwrap_or_else(|| panic!("{mask} did not come"))
    };
    let order =
        ["* 352 *", "* 315 *", "*PONG*after", "* 353 *", "* 366 *", "*PONG*last"].map(position);
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(lines.iter().filter(|line| line.contains(" 352 ")).count(), 600);
}

/// <https://ircv3.net/specs/extensions/utf8-only>, RFC 2812 §2.3
#[test]
fn lines_that_are_none_are_answered_and_never_passed_on() {
    let mut world = World::new(1, Default::default(), |_| ());
    for name in ["a", "b"] {
        world.open(name, Door::Irc);
        let lines = format!(
            "CAP REQ :standard-replies\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN #x\r\n"
        );
        world.send_bytes(name, lines.as_bytes());
        world.settle();
    }
    let cases: [(&[u8], &str); 6] = [
        (b"PRIVMSG #x :caf\xe9\r\n", "*FAIL * INVALID_UTF8 *"),
        (b"PRIVMSG #x :a\0b\r\n", "*FAIL * INVALID_LINE *"),
        (b"PRIVMSG #x :a\rQUIT\r\n", "*FAIL * INVALID_LINE *"),
        (b"@a=b\r\n", "* 421 a *"),
        (b":source\r\n", "* 421 a *"),
        (&[b"PRIVMSG #x :".as_slice(), &[b'y'; 9000], b"\r\n"].concat(), "* 417 a *"),
    ];
    for (bytes, mask) in cases {
        let before = world.lines("a").len();
        world.send_bytes("a", bytes);
        world.settle();
        let answers = &world.lines("a")[before..];
        let is_it = |line: &String| chat_core::proto::mask_matches(mask, line);
        assert!(answers.iter().any(is_it), "{mask} did not come but {answers:?}");
    }
    assert!(
        !world.lines("b").iter().any(|line| line.contains("PRIVMSG #x") || line.contains(" QUIT"))
    );
}

#[test]
fn time_limits_are_kept() {
    check(
        "new silent
         wait 31
         silent< ERROR :You did not register within 30 s
         a> JOIN #x
         b> JOIN #x
         wait 91
         a< PING *
         a> PONG x
         wait 61
         a! ERROR *
         b< ERROR :Connection lost: no sign of life*
         a< :b!* QUIT :Connection lost: no sign of life*",
    );
}

#[test]
fn limits_on_rooms_are_kept() {
    check_with(
        "a> JOIN #1,#2,#3
         a< :a!* JOIN #2
         a< :chat.local 405 a #3 *",
        |config| config.limits.rooms_per_person_max = 2,
    );
}

/// Everything that is sent on with its sender's name before it still fits, whatever it fitted before.
#[test]
fn what_is_relayed_fits_the_wire() {
    let text = "é".repeat(248);
    let script = format!(
        "a> JOIN #x
         b> JOIN #x
         a> TOPIC #x :{text}
         b< :a!* TOPIC #x :é*
         a> MODE #x +o b
         a> PART #x :{text}
         b< :a!* PART #x :é*
         b> JOIN #x
         a> JOIN #x
         b> KICK #x a :{text}
         a< :b!* KICK #x a :é*
         a> JOIN #x
         a> AWAY :{text}
         b> PRIVMSG a :x
         b< * 301 b a é*
         a> QUIT :{text}
         b< :a!* QUIT :Quit: é*"
    );
    check(&script);
    let mut world = World::new(1, SimLog::default(), |_| ());
    for name in ["a", "b"] {
        world.open(name, Door::Irc);
        world.send_bytes(name, format!("NICK {name}\r\nUSER u 0 * :{text}\r\n").as_bytes());
    }
    for line in script.lines().filter_map(|line| line.trim().split_once("> ")) {
        world.send_bytes(line.0, format!("{}\r\n", line.1).as_bytes());
        world.settle();
    }
    for name in ["a", "b"] {
        for line in world.lines(name) {
            assert!(line.len() <= BODY_BYTES_MAX - 2, "{} bytes: {line}", line.len());
        }
    }
}

/// Lines wait for their turn where a flood is limited; that is a sign of life like any other.
#[test]
fn who_waits_for_the_flood_limit_is_not_silent() {
    check_with(
        "a> PING 0
         a> PING 1
         a> PING 2
         a> PING 3
         a> PING 4
         a> PING 5
         wait 61
         wait 61
         wait 61
         wait 61
         wait 61
         wait 61
         a< *PONG * :4
         a! ERROR *",
        |config| config.limits.flood = Some(RateLimit { burst: 2.0, per_second: 1.0 / 60.0 }),
    );
}

/// Long answers have a bucket of their own; what waits in it keeps the order.
#[test]
fn expensive_commands_come_less_often() {
    check_with(
        "a> LIST
         a< * 323 *
         a> LIST
         a> PING behind
         a! * 323 *
         a! *PONG*
         wait 61
         a< * 323 *
         a< *PONG*:behind
         a> PING cheap
         a< *PONG*:cheap",
        |config| config.limits.expensive = Some(RateLimit { burst: 1.0, per_second: 1.0 / 60.0 }),
    );
}

/// What is said in a flood at the text door is said later, and in order.
#[test]
fn a_flood_at_the_text_door_waits_too() {
    check_with(
        "text z
         z> Zoe
         z< Welcome, Zoe!*
         a> JOIN #lobby
         z> one
         z> two
         z> three
         a< :Zoe!* PRIVMSG #lobby :three
         z> four
         z> five
         a! * PRIVMSG *
         wait 61
         a< :Zoe!* PRIVMSG #lobby :four
         a! * PRIVMSG *
         wait 61
         a< :Zoe!* PRIVMSG #lobby :five",
        |config| config.limits.flood = Some(RateLimit { burst: 4.0, per_second: 1.0 / 60.0 }),
    );
}

/// Whoever reads at the text door needs to say nothing.
#[test]
fn listening_at_the_text_door_is_no_sign_of_death() {
    check(
        "text z
         z> Zoe
         z< Welcome, Zoe!*
         wait 90000
         z! ERROR*
         z! *Goodbye*
         a> JOIN #lobby
         a> PRIVMSG #lobby :still there?
         z> yes
         a< :Zoe!* PRIVMSG #lobby :yes",
    );
}

/// RFC 2812 §3.1.1 at a door that has no commands.
#[test]
fn the_text_door_asks_for_the_password() {
    check_with(
        "text z
         z< Welcome to chat! What is the password?
         z> secret
         z< What is your name?
         z> Zoe
         z< Welcome, Zoe!*
         text y
         y> wrong
         y! *name*
         y< *password is missing or wrong*
         text x
         wait 31
         x< *password is missing or wrong*
         text w
         w> {quit}
         w< * You left. Goodbye!",
        |config| config.password = Some("secret".into()),
    );
}

/// The text door leads to one room; who is removed from it would be nowhere.
#[test]
fn who_is_removed_at_the_text_door_goes() {
    check_with(
        "a> OPER root rootrootroot
         a< * 381 *
         a> JOIN #lobby
         text z
         z> Zoe
         a< :Zoe!* JOIN #lobby
         a> KICK #lobby Zoe :enough
         z< * a removed Zoe (enough)
         z< * You were removed (enough). Goodbye!
         a< :a!* KICK #lobby Zoe :enough
         a> WHOIS Zoe
         a< * 401 *",
        with_root,
    );
}

#[test]
fn who_has_no_nick_yet_is_answered_all_the_same() {
    check(
        "a> PING x
         new b
         b> NICK a
         b> USER u 0 * :B
         b< * 433 * a *
         b> USER u 0 * :again
         b< * 462 * *
         b> PING here
         b< *PONG * :here
         b> CAP LS
         b< * CAP * LS :*
         b> NICK b
         b! * 001 *
         b> CAP END
         b< * 001 b *",
    );
}

#[test]
fn names_cannot_break_lines() {
    check(
        "text z
         z> Zo\re\u{1b}[2J
         z< Welcome, *!*
         a> WHOIS Zo_e[2J
         a< * 311 a Zo_e[2J text 127.0.0.1 * Zoe[2J
         new b
         b> NICK b
         b> USER u 0 * :Real\u{7}Name
         b< * 001 b *
         a> WHOIS b
         a< * 311 a b u * * RealName",
    );
}

#[test]
fn names_that_cannot_stand_in_a_line_are_refused_at_the_start() {
    for name in ["", "two words", ":colon", "bell\u{7}"] {
        let mut config = chat_server::Config::default();
        config.listen = vec!["127.0.0.1:0".into()];
        config.network = name.into();
        let refused = Server::start(config).unwrap_err();
        assert!(matches!(refused, StartError::NetworkName(_)), "{name:?}: {refused}");
    }
}

#[test]
fn the_message_of_the_day_may_come_from_any_editor() {
    check_with(
        "new a
         a> NICK a
         a> USER u 0 * :A
         a< :chat.local 372 a :- one
         a< :chat.local 372 a :- two*
         a< :chat.local 376 a *",
        |config| config.motd = Some("one\r\ntwo\u{7}\r\n".into()),
    );
}

#[test]
fn limits_on_what_one_line_asks_for_are_kept() {
    check_with(
        "a> JOIN #x
         b> JOIN #x
         c> JOIN #x
         a> MODE #x +vvv b c a
         b< :a!* MODE #x +vv b c
         b! * MODE *
         hold log
         a> PRIVMSG #x :one
         a> PRIVMSG #x :two
         a> PRIVMSG #x :three
         c> PRIVMSG #x :four
         c< * NOTICE c :*#x*not delivered*
         a! * NOTICE *
         free log
         a< * NOTICE a :*#x*not delivered*
         b< :a!* PRIVMSG #x :one
         b< :a!* PRIVMSG #x :two
         b! * PRIVMSG *",
        |config| {
            config.limits.modes_max = 2;
            config.limits.pending_records_max = 2;
        },
    );
}

/// Who says more than is stored waits, and takes no place from others: nothing is refused.
#[test]
fn what_one_connection_says_waits_for_its_share_of_the_log() {
    check_with(
        "a> JOIN #x
         b> JOIN #x
         c> JOIN #x
         a< :c!* JOIN #x
         b< :c!* JOIN #x
         hold log
         a> PRIVMSG #x :one
         a> PRIVMSG #x :two
         a> PRIVMSG #x :three
         a> PRIVMSG #x :four
         a> WHOIS b
         a> PRIVMSG #x :five
         c> PRIVMSG #x :mine
         c> QUIT :bye
         a! *
         b! *
         free log
         b< :a!* PRIVMSG #x :one
         b< :a!* PRIVMSG #x :two
         b< :c!* PRIVMSG #x :mine
         b< :c!* QUIT :*bye
         b< :a!* PRIVMSG #x :three
         b< :a!* PRIVMSG #x :four
         b< :a!* PRIVMSG #x :five
         a< :c!* PRIVMSG #x :mine
         a< * 318 a b *
         a! * NOTICE *",
        |config| {
            config.limits.pending_records_max = 3;
            config.limits.pending_records_each_max = 2;
        },
    );
}

/// At the limit whole, above it cut on a character's boundary or refused, as docs/protocol.md says.
#[test]
fn what_has_a_length_is_cut_or_refused() {
    // One byte, then characters of two: the limit falls into the middle of one.
    let long = format!("x{}", "é".repeat(230));
    let cut = |bytes: usize| format!("x{}", "é".repeat((bytes - 1) / 2));
    let (text, name, user) = (cut(390), cut(128), "u".repeat(16));
    let (key, fits) = ("k".repeat(33), "k".repeat(32));
    let (room, mask) = (format!("#{}", "r".repeat(64)), "m".repeat(129));
    let (label, label_fits) = ("l".repeat(65), "l".repeat(64));
    check_with(
        &format!(
            "a> JOIN #x
             b> JOIN #x
             a> TOPIC #x :{long}
             b< :a!* TOPIC #x :{text}
             b> PART #x :{long}
             a< :b!* PART #x :{text}
             b> JOIN #x
             a> KICK #x b :{long}
             b< :a!* KICK #x b :{text}
             b> AWAY :{long}
             a> PRIVMSG b :there?
             a< * 301 a b {text}
             b> QUIT :{long}
             c> JOIN #x
             new d
             d> NICK d
             d> USER {user}uuuu 0 * :{long}
             a> WHOIS d
             a< * 311 a d {user} 127.0.0.1 ? {name}
             a> MODE #x +k {key}
             a< * 525 a #x *
             a> MODE #x +k {fits}
             a< :a!* MODE #x +k {fits}
             a> JOIN {room}
             a< * 476 a #rr*
             a> MODE #x +b {mask}
             a< * 696 a #x b *
             a> MODE #x +e {mask}
             a< * 696 a #x e *
             a> MODE #x +v
             a< * 696 a #x v *
             a> USERHOST a c d a c d a
             a< * 302 a :a=* c=* d=* a=* c=*
             a! * 302 *
             caps e labeled-response batch
             e> @label={label_fits} PING x
             e< @label={label_fits} :chat.local PONG *
             e> @label={label} PING x
             e< :chat.local PONG *
             e> KICK #x a,b,c,d,e
             e< * 407 e e *
             e> WHOIS a,b,c,d,e
             e< * 407 e e *
             e> WHOWAS a,b,c,d,e
             e< * 407 e e *
             e> @label=n NOTICE a,b,c,d,e :x
             e< * 407 e e *"
        ),
        |_| (),
    );
}

/// A house, a label, names that are watched: lines are as long as they may be and no longer.
#[test]
fn long_lists_come_in_several_lines() {
    let nicks: Vec<String> = (0..30).map(|n| format!("n{n:02}{}", "x".repeat(29))).collect();
    let mut world = World::new(1, SimLog::default(), |_| ());
    world.open("a", Door::Irc);
    world.send_bytes("a", b"NICK a\r\nUSER u 0 * :A\r\n");
    for some in nicks.chunks(10) {
        world.send_bytes("a", format!("MONITOR + {}\r\n", some.join(",")).as_bytes());
    }
    world.settle();
    world.forget("a");
    world.send_bytes("a", b"MONITOR L\r\n");
    world.settle();
    let listed: Vec<&str> = world
        .unexpected("a")
        .iter()
        .inspect(|line| assert!(line.len() <= 510, "{line}"))
        .filter_map(|line| line.split_once(" 732 a ")?.1.trim_start_matches(':').into())
        .flat_map(|line| line.split(','))
        .collect();
    assert_eq!(listed, nicks);
}

/// Words that commands are made of, and worse ones.
fn words() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "#x",
        "#y",
        "#X",
        "x",
        "o%tcuihsnfdlaor,1",
        ">1",
        "!*",
        "+bbb",
        "+kl",
        "-kl",
        "+CimnstIbe",
        "~m:a",
        "@#x",
        "a",
        "b",
        "c",
        "d",
        "t",
        "nobody",
        "0",
        "*",
        "+o",
        "-v+o",
        "+:",
        "+",
        "+ ",
        "-:o",
        "+nt",
        "#x,#y,a",
        "a,b,c",
        ",",
        "",
        ":",
        "+r draft/multiline #x",
        "-r",
        "LS",
        "REQ",
        "LIST",
        "END",
        "302",
        "server-time",
        "-batch",
        "#",
        "\u{7}",
        "é😀",
        "\u{202e}",
        "{quit}",
        "a!u@h",
        "@#x",
    ];
    prop_oneof![
        8 => select(KNOWN).prop_map(str::to_owned),
        1 => "\\PC{0,20}",
        1 => (0..600_usize).prop_map(|n| "é".repeat(n)),
    ]
}

/// Lines of strangers: commands with whatever behind them, and bytes that mean nothing.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    const TAGS: &[&str] = &[
        "",
        "",
        "@label=1 ",
        "@+a=b ",
        "@batch=r ",
        "@batch=r;draft/multiline-concat ",
        "@label=;+draft/x=\\: ",
        "@ ",
        ":source ",
    ];
    let command = (select(TAGS), select(Command::WORDS), vec(words(), 0..5), words());
    let structured = command.prop_map(|(tags, command, words, last)| {
        format!("{tags}{command} {} :{last}", words.join(" ")).into_bytes()
    });
    prop_oneof![9 => structured, 1 => vec(any::<u8>(), 0..700)]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    /// Nothing anyone says breaks the house: no panic, every invariant holds, and all that others read
    /// of it are whole lines that fit.
    #[test]
    fn strangers_cannot_break_the_house(said in vec((0..5_usize, lines()), 1..40), is_late: bool) {
        let log = SimLog { late: if is_late { 50 } else { 0 }, failing: 5, restarting: 0 };
        let mut world = World::new(1, log, |_| ());
        let capabilities = "draft/multiline batch echo-message labeled-response message-tags server-time";
        for name in ["a", "b", "c"] {
            world.open(name, Door::Irc);
            let lines = format!(
                "CAP REQ :{capabilities}\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN #x\r\n"
            );
            world.send_bytes(name, lines.as_bytes());
        }
        // One who has not registered, and one at the other door.
        world.open("d", Door::Irc);
        world.open("t", Door::Text);
        world.settle();
        for (who, line) in said {
            let name = ["a", "b", "c", "d", "t"][who];
            world.send_bytes(name, &[&line, b"\r\n".as_slice()].concat());
            for _ in 0..8 {
                world.step();
            }
        }
        world.settle();
        for name in ["a", "b", "c", "d"] {
            for line in world.lines(name) {
                let parsed = Line::parse(line);
                prop_assert!(parsed.is_ok(), "{name} received {line:?}: {parsed:?}");
                let tags_bytes =
                    if line.starts_with('@') { line.find(' ').unwrap_or_default() + 1 } else { 0 };
                prop_assert!(line.len() - tags_bytes <= BODY_BYTES_MAX - 2, "{name}: {line}");
            }
        }
        for line in world.lines("t") {
            prop_assert!(!line.contains(|c: char| c.is_control()), "t received {line:?}");
        }
    }
}
