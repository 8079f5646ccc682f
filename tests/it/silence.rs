//! Silenced is silent: whoever is banned, muted, without a voice in a moderated room, or has to wait in a slow one, is heard by
//! no other member of it, whatever command carries their words (`docs/authorisation.md`).

use std::collections::BTreeSet;

use chat_core::proto::SPECS;
use chat_server::{delivery::RecordContent, hub::Door};
use chat_tests::{
    script::check_with,
    world::{SimLog, World},
};

/// The words that nobody is to read; they are a nick, too.
const WORDS: &str = "zq9words";

/// Every way to be silenced: the modes by which `bob` is.
const WAYS: [&str; 6] =
    ["+m", "+b ~m:bob!*@*", "+b ~m:*!*@127.0.0.1", "+b bob!*@*", "+b *!*@127.0.0.1", "+S 600"];

/// A way for a member to bring words into a room: the room's modes, and what they send.
type Try = (&'static str, &'static str);

/// Every word of the protocol by which a member without a rank brings words of their choice to others in the room.
const TRIES: &[(&str, &[Try])] = &[
    (
        "AWAY",
        &[("-t", "AWAY :{words}"), ("-t", "PART #m\r\nAWAY :{words}\r\nJOIN #m\r\nAWAY :{words}")],
    ),
    (
        "BATCH",
        &[(
            "-t",
            "BATCH +m draft/multiline #m\r\n@batch=m PRIVMSG #m :{words}\r\n@batch=m PRIVMSG #m :two\r\nBATCH -m",
        )],
    ),
    ("EDIT", &[("-t", "EDIT #m {msgid} :{words}")]),
    ("INVITE", &[("-t", "INVITE {words} #m")]),
    ("KNOCK", &[("+i", "PART #m\r\nKNOCK #m :{words}")]),
    (
        "METADATA",
        &[
            ("-t", "METADATA * SET status :{words}"),
            ("-t", "PART #m\r\nMETADATA * SET status :{words}\r\nJOIN #m"),
        ],
    ),
    ("NICK", &[("-t", "NICK other{words}")]),
    ("NOTICE", &[("-t", "NOTICE #m :{words}"), ("-t", "NOTICE @#m :{words}")]),
    (
        "PART",
        &[("-t", "PART #m :{words}"), ("-t", "PART #m :{words}\r\nJOIN #m\r\nPART #m :{words}")],
    ),
    ("PRIVMSG", &[("-t", "PRIVMSG #m :{words}"), ("-n", "PART #m\r\nPRIVMSG #m :{words}")]),
    ("QUIT", &[("-t", "QUIT :{words}")]),
    ("REDACT", &[("-t", "REDACT #m {msgid} :{words}")]),
    ("SETNAME", &[("-t", "SETNAME :{words}")]),
    (
        "TAGMSG",
        &[
            ("-t", "@+reply={msgid};+draft/react={words} TAGMSG #m"),
            ("-t", "@+typing={words} TAGMSG #m"),
            ("-t", "@+x={words};+typing=active TAGMSG #m"),
        ],
    ),
    ("TOPIC", &[("-t", "TOPIC #m :{words}")]),
];

/// The other words of the protocol: those by which nobody says anything in a room, and those which are for who operates it or the
/// server, who is always heard. Names that somebody has when they come in are seen (`JOIN`, `USER`).
const WORDLESS: &[&str] = &[
    "ADMIN",
    "AUTHENTICATE",
    "CAP",
    "CHANGES",
    "CHANSERV",
    "CHATHISTORY",
    "CHGHOST",
    "CS",
    "HELP",
    "HELPOP",
    "INFO",
    "ISON",
    "ISUPPORT",
    "JOIN",
    "KICK",
    "KILL",
    "LINKS",
    "LIST",
    "LUSERS",
    "MARKREAD",
    "MODE",
    "MONITOR",
    "MOTD",
    "NAMES",
    "NICKSERV",
    "NS",
    "OPER",
    "OPERSERV",
    "OS",
    "PASS",
    "PING",
    "PONG",
    "REGISTER",
    "REHASH",
    "RENAME",
    "SEARCH",
    "SILENCE",
    "TIME",
    "UNINVITE",
    "USER",
    "USERHOST",
    "VERIFY",
    "VERSION",
    "WALLOPS",
    "WEBIRC",
    "WHO",
    "WHOIS",
    "WHOWAS",
];

/// The capabilities of those who read all there is.
const CAPABILITIES: &str = "message-tags echo-message server-time account-tag account-notify away-notify invite-notify \
     extended-join extended-monitor setname batch draft/multiline draft/event-playback draft/message-redaction \
     chat.local/edit draft/metadata-2";

/// The members beside `bob`, each of another kind: who operates the room, who reads all there is, who reads plain lines.
const OTHERS: [&str; 3] = ["ann", "mia", "pat"];

fn come(world: &mut World, name: &str, capabilities: &str) {
    world.open(name, Door::Irc);
    for capability in capabilities.split_whitespace() {
        say(world, name, &format!("CAP REQ :{capability}"));
    }
    say(world, name, &format!("NICK {name}\r\nUSER u 0 * :R\r\nCAP END"));
}

fn say(world: &mut World, name: &str, lines: &str) {
    world.send_bytes(name, format!("{lines}\r\n").as_bytes());
    world.settle();
}

/// Plays one try of `bob`'s, who is silenced in that way or not at all; gives who has read the words.
fn readers(way: Option<&str>, (modes, lines): Try) -> (BTreeSet<&'static str>, Vec<String>) {
    let mut world = World::new(1, SimLog::default(), |_| ());
    for name in OTHERS {
        come(&mut world, name, if name == "pat" { "" } else { CAPABILITIES });
    }
    come(&mut world, "bob", CAPABILITIES);
    come(&mut world, WORDS, "");
    for name in ["ann", "mia"] {
        say(&mut world, name, "METADATA * SUB status");
    }
    for name in OTHERS.into_iter().chain(["bob"]) {
        say(&mut world, name, "JOIN #m");
    }
    say(&mut world, "ann", &format!("MODE #m {modes}"));
    say(&mut world, "bob", "PRIVMSG #m :before");
    if let Some(way) = way {
        say(&mut world, "ann", &format!("MODE #m {way}"));
        // Where it is slow, they have had their say.
        say(&mut world, "bob", "PRIVMSG #m :the last");
    }
    let is_before = |content: &RecordContent| matches!(content, RecordContent::Message { text, .. } if &**text == "before");
    let said = world.appended().iter().find(|record| is_before(record.event.content()));
    let msgid = said.and_then(|record| record.event.msgid.clone()).expect("it was said");
    let before = OTHERS.map(|name| world.lines(name).len());
    say(&mut world, "bob", &lines.replace("{words}", WORDS).replace("{msgid}", &msgid));
    world.check_memberships();
    let has_read = |(name, before): &(&str, usize)| {
        world.lines(name)[*before..].iter().any(|line| line.contains(WORDS))
    };
    let readers = OTHERS.into_iter().zip(before).filter(has_read).map(|(name, _)| name).collect();
    (readers, world.transcript)
}

#[test]
fn nobody_hears_who_is_silenced_whatever_carries_their_words() {
    for (word, tries) in TRIES {
        for own in *tries {
            let (heard, transcript) = readers(None, *own);
            assert!(
                !heard.is_empty(),
                "{word}: nobody reads {own:?} of who may speak, so that it shows nothing\n{}",
                transcript.join("\n")
            );
            for way in WAYS {
                let (heard, transcript) = readers(Some(way), *own);
                assert!(
                    heard.is_empty(),
                    "{heard:?} read {own:?} of who is silenced by {way}\n{}",
                    transcript.join("\n")
                );
            }
        }
    }
}

/// Plays one seed: somebody silenced tries everything, however late the log is, and comes again when they have gone, while others talk.
fn play(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::new(seed, SimLog { late: 60, failing: 3, restarting: 0 }, |_| ());
    for name in OTHERS {
        come(&mut world, name, if name == "pat" { "" } else { CAPABILITIES });
        say(&mut world, name, "JOIN #m");
    }
    come(&mut world, "bob", CAPABILITIES);
    come(&mut world, WORDS, "");
    let way = WAYS[usize::try_from(seed).expect("small") % WAYS.len()];
    say(&mut world, "bob", "JOIN #m\r\nPRIVMSG #m :before");
    say(&mut world, "ann", &format!("METADATA * SUB status\r\nMODE #m -t\r\nMODE #m {way}"));
    // Where it is slow, they have had their say.
    say(&mut world, "bob", "PRIVMSG #m :the last");
    let is_own = |content: &RecordContent| matches!(content, RecordContent::Message { source, .. } if source.starts_with("bob!"));
    let msgids: Vec<_> =
        world.appended().iter().filter(|own| is_own(own.event.content())).collect();
    let msgids: Vec<String> =
        msgids.iter().filter_map(|own| own.event.msgid.as_deref().map(str::to_owned)).collect();
    // Names are seen when somebody comes in.
    let tries = TRIES.iter().filter(|(word, _)| !["NICK", "SETNAME"].contains(word));
    let tries: Vec<Try> = tries.flat_map(|(_, tries)| tries.iter().copied()).collect();
    let (mut conn, mut n_tries) = ("bob".to_owned(), 0);
    for n in 0..150 {
        let (_, lines) = tries[random.usize(..tries.len())];
        let msgid = random.choice(&msgids).map_or("none", String::as_str);
        let lines = lines.replace("{words}", WORDS).replace("{msgid}", msgid);
        world.send_bytes(&conn, format!("{lines}\r\n").as_bytes());
        n_tries += 1;
        if random.bool() {
            let name = OTHERS[random.usize(..OTHERS.len())];
            world.send_bytes(name, format!("PRIVMSG #m :{n}\r\n").as_bytes());
        }
        for _ in 0..random.u8(..12) {
            world.step();
        }
        if random.u8(..4) == 0 {
            world.settle();
            if world.is_closed(&conn) {
                conn = format!("bob{n}");
                world.open(&conn, Door::Irc);
                say(&mut world, &conn, "NICK bob\r\nUSER u 0 * :R");
            }
            say(&mut world, &conn, "JOIN #m");
        }
    }
    world.settle();
    world.check_memberships();
    for name in OTHERS {
        let heard = world.lines(name).iter().find(|line| line.contains(WORDS));
        assert!(
            heard.is_none(),
            "with SEED={seed} {name} hears who is silenced by {way}: {heard:?}\n{}",
            world.transcript.join("\n")
        );
    }
    assert!(n_tries > 100, "seed {seed} tries too little to show anything");
}

/// `SEED=123 cargo test -p chat-tests silence` runs one seed alone.
#[test]
fn nobody_is_heard_in_the_simulation_who_is_silenced() {
    let seeds = std::env::var("SEED").map_or(0..30, |seed| {
        let seed = seed.parse().expect("SEED is a number");
        seed..seed + 1
    });
    seeds.for_each(play);
}

/// Whoever adds a command says here how it carries words into a room, or that it carries none.
#[test]
fn every_word_of_the_protocol_is_tried_or_carries_none() {
    let tried: BTreeSet<&str> = TRIES.iter().map(|(word, _)| *word).collect();
    let wordless: BTreeSet<&str> = WORDLESS.iter().copied().collect();
    assert!(tried.is_disjoint(&wordless));
    let known = &tried | &wordless;
    let words: BTreeSet<&str> = SPECS.iter().map(|spec| spec.word).collect();
    assert_eq!(words, known, "add a command to TRIES or to WORDLESS");
}

/// What happens anyway happens without the words; what can be refused is, with the reason.
#[test]
fn what_must_happen_happens_without_the_words_and_the_rest_is_refused() {
    check_with(
        "caps ann away-notify draft/message-redaction invite-notify
         caps bob draft/message-redaction setname message-tags
         ann> JOIN #m
         ann> MODE #m -t
         bob> JOIN #m
         mia> PING x
         ann> MODE #m +b ~m:bob!*@*
         bob< * MODE #m +b ~m:bob!*@*
         bob> NICK robert
         bob< :chat.local 437 bob #m :You cannot change your nick while you are in this room: you are muted in it
         bob> SETNAME :Robert
         bob< * FAIL SETNAME CANNOT_CHANGE_REALNAME :*#m: you are muted in it
         bob> TOPIC #m :mine
         bob< :chat.local 404 bob #m :* you are muted in it
         bob> AWAY :look here
         bob< * 306 *
         ann< :bob!* AWAY :Away
         bob> INVITE mia #m
         bob< * 341 bob mia #m
         mia< :bob!* INVITE mia #m
         ann! * INVITE *
         bob> PART #m :look here
         ann< :bob!* PART #m
         bob> NICK robert
         bob< * NICK robert
         bob> NICK bob
         bob> AWAY
         bob> JOIN #m
         ann< :bob!* JOIN #m
         bob> QUIT :look here
         ann< :bob!* QUIT :Quit
         ann! *look here*",
        |_| (),
    );
}

/// Who shares another room with them, in which they are heard, reads what they say there.
#[test]
fn who_shares_a_room_that_hears_them_reads_it() {
    check_with(
        "caps ann away-notify
         caps mia away-notify
         caps pat away-notify
         ann> JOIN #m
         pat> JOIN #m
         bob> JOIN #m
         mia> JOIN #m
         mia> JOIN #other
         pat> JOIN #other
         bob> JOIN #other
         ann> MODE #m +m
         bob< * MODE #m +m
         bob> AWAY :at lunch
         ann< :bob!* AWAY :Away
         mia< :bob!* AWAY :at lunch
         pat< :bob!* AWAY :at lunch
         bob> QUIT :see you
         ann< :bob!* QUIT :Quit
         mia< :bob!* QUIT :Quit: see you
         pat< :bob!* QUIT :Quit: see you
         ann! *lunch*
         mia! * QUIT :Quit",
        |_| (),
    );
}

/// What is not heard uses up no pause, and what is counts as if it had been said.
#[test]
fn a_slow_room_counts_all_that_is_heard_in_it() {
    check_with(
        "caps bob message-tags chat.local/edit
         ann> JOIN #m
         ann> MODE #m +S 30
         bob> JOIN #m
         bob> PART #m :one
         ann< :bob!* PART #m :one
         bob> JOIN #m
         bob> PRIVMSG #m :two
         bob< :chat.local 404 bob #m :* it is slow: speak again in 30 seconds
         bob> PART #m :three
         ann< :bob!* PART #m
         bob> JOIN #m
         wait 30
         bob> NICK robert
         ann< :bob!* NICK robert
         bob> PRIVMSG #m :four
         bob< * 404 *
         wait 30
         bob> PRIVMSG #m :five
         ann< * PRIVMSG #m :five
         // Who comes again from there as a guest waits as long.
         bob> QUIT :six
         ann< :robert!* QUIT :Quit
         new bert
         bert> NICK bert
         bert> USER u 0 * :B
         bert< * 001 *
         bert> JOIN #m
         bert> PRIVMSG #m :seven
         bert< :chat.local 404 bert #m :* it is slow: speak again in 30 seconds
         wait 30
         bert> PRIVMSG #m :eight
         ann< * PRIVMSG #m :eight",
        |_| (),
    );
}

/// An exception from mutes is one as that from bans is, and is none from bans.
#[test]
fn an_exception_from_mutes() {
    check_with(
        "ann> JOIN #m
         ann< * 366 *
         bob> JOIN #m
         ann> MODE #m +b ~m:*!*@*
         bob< * MODE #m +b ~m:*!*@*
         bob> PRIVMSG #m :one
         bob< * 404 *
         ann> MODE #m +e ~m:bob!*@*
         bob< * MODE #m +e ~m:bob!*@*
         bob> PRIVMSG #m :two
         ann< * PRIVMSG #m :two
         ann> MODE #m +b bob!*@*
         bob< * MODE #m +b bob!*@*
         bob> PRIVMSG #m :three
         bob< * 404 *
         ann> MODE #m -e+e ~m:bob!*@* bob!*@*
         bob< * MODE #m -e+e *
         bob> PRIVMSG #m :four
         ann< * PRIVMSG #m :four",
        |_| (),
    );
}

/// A ban of an account is none of its name alone: whoever logs out is a guest who comes from there.
#[test]
fn a_ban_of_an_account_outlives_its_logout() {
    check_with(
        "ann> JOIN #m
         ann< * 366 *
         from 192.0.2.7
         bob> NS REGISTER correcthorse
         bob< * 900 *
         bob> JOIN #m
         bob< * 366 *
         ann> CS BAN #m bob
         bob< * KICK #m bob *
         bob> NS LOGOUT
         bob< * 901 *
         bob> JOIN #m
         bob< * 474 *
         // Nor by another name, nor on another connection.
         bob> NICK robert
         bob> JOIN #m
         bob< * 474 *
         bob> QUIT
         eve> JOIN #m
         eve< * 474 *
         // Whoever is logged in to another account is somebody else, and so is who comes from elsewhere.
         mia> NS REGISTER correcthorse
         mia< * 900 *
         mia> JOIN #m
         mia< * 366 *
         from 192.0.2.8
         kim> JOIN #m
         kim< * 366 *
         // An end of it is one for guests, too.
         ann> CS UNBAN #m ~a:bob
         ann< *:~a:bob is banned no more
         eve> JOIN #m
         eve< * 366 *
         // It is the same with a mute.
         ann> MODE #m +b ~m:~a:bob
         eve< * MODE #m +b ~m:~a:bob
         eve> PRIVMSG #m :hello
         eve< * 404 * you are muted in it",
        |_| (),
    );
}

/// A day later nobody knows who came from there.
#[test]
fn a_ban_of_an_account_bars_guests_from_its_place_for_a_day() {
    check_with(
        "from 192.0.2.7
         bob> NS REGISTER correcthorse
         bob< * 900 *
         bob> QUIT
         from 192.0.2.8
         ann> JOIN #m
         ann> MODE #m +b ~a:bob
         ann< * MODE #m +b ~a:bob
         from 192.0.2.7
         eve> JOIN #m
         eve< * 474 *
         wait 86400
         kim> JOIN #m
         kim< * 366 *",
        |config| config.limits.ping_after = std::time::Duration::from_secs(1_000_000),
    );
}

/// A ban of a guest is one of their place: whatever they are called, and however often they connect.
#[test]
fn a_ban_of_a_guest_outlives_their_nick() {
    check_with(
        "ann> JOIN #m
         ann< * 366 *
         from 192.0.2.7
         bob> JOIN #m
         bob< * 366 *
         ann> CS MUTE #m bob 1h loud
         ann< * NOTICE ann :* is muted until * (loud)
         bob> NICK robert
         bob< * 437 bob #m * you are muted in it *(loud)
         bob> PART #m :shout
         ann< :bob!* PART #m
         bob> NICK robert
         bob< * NICK robert
         bob> JOIN #m
         bob> PRIVMSG #m :shout
         bob< * 404 robert #m * you are muted in it *
         ann> CS BAN #m robert 2 h gone
         ann< * NOTICE ann :* is banned until * (gone)
         bob< * KICK #m robert *gone*
         bob> NICK bobby
         bob> JOIN #m
         bob< * 474 bobby #m *
         eve> JOIN #m
         eve< * 474 eve #m *",
        |_| (),
    );
}

#[test]
fn an_invitation_ends_and_is_taken_back() {
    check_with(
        "ann> JOIN #m
         ann> MODE #m +i
         ann< * MODE #m +i
         bob> JOIN #m
         bob< * 473 *
         ann> UNINVITE bob #m
         ann< * NOTICE ann :bob has no invitation
         bob> UNINVITE bob #m
         bob< * 442 bob #m *
         ann> INVITE bob #m
         bob< * INVITE bob #m
         ann> UNINVITE bob #m
         ann< * NOTICE ann :bob is invited no more
         bob> INVITE
         bob! * 336 *
         bob> JOIN #m
         bob< * 473 *
         ann> INVITE bob #m
         bob< * INVITE bob #m
         // Who is banned has none any more.
         ann> CS BAN #m bob 2h be gone
         ann< * is banned until *
         bob> JOIN #m
         bob< * 474 *
         // Nobody is invited for ever.
         mia> PING x
         ann> MODE #m -b *!*@127.0.0.1
         ann> INVITE mia #m
         mia< * INVITE mia #m
         wait 604790
         mia> INVITE
         mia< * 336 mia #m
         wait 20
         mia> JOIN #m
         mia< * 473 *",
        |config| config.limits.ping_after = std::time::Duration::from_secs(1_000_000),
    );
}

/// A time is one, or is complained of: nobody is banned for ever by a slip.
#[test]
fn a_time_is_a_time_or_a_complaint() {
    check_with(
        "ann> JOIN #m
         ann< * 366 *
         wait 1
         ann> CS BAN #m a!*@* 2 h spam
         ann< * NOTICE ann :a!*@* is banned until 2027-01-15T10:* (spam)
         ann> CS BAN #m b!*@* 1d 12h spam
         ann< * NOTICE ann :b!*@* is banned until 2027-01-16T20:* (spam)
         ann> CS BAN #m c!*@* 90 minutes
         ann< * NOTICE ann :c!*@* is banned until 2027-01-15T09:30:*
         ann> CS BAN #m d!*@* 90
         ann< * NOTICE ann :90 is no time: *
         ann> CS BAN #m d!*@* 90 spam
         ann< * NOTICE ann :90 is no time: *
         ann> CS BAN #m d!*@* 2x spam
         ann< * NOTICE ann :2x is no time: *
         ann> CS MUTE #m d!*@* -2h
         ann< * NOTICE ann :-2h is no time: *
         ann> CS BAN #m d!*@* 0
         ann< * NOTICE ann :0 is no time: *
         ann> CS BAN #m e!*@* 2h 3 strikes
         ann< * NOTICE ann :e!*@* is banned until * (3 strikes)
         ann> CS BAN #m f!*@* spam 2h
         ann< * NOTICE ann :f!*@* is banned (spam 2h)
         ann> CS BANS #m
         ann! * NOTICE ann :d!*",
        |_| (),
    );
}

/// Nobody bars who has founded a room: it is not even written down as if it did.
#[test]
fn the_founder_cannot_be_banned() {
    check_with(
        "from 192.0.2.7
         ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> JOIN #m
         ann< * 366 *
         from 192.0.2.8
         bob> JOIN #m
         ann> MODE #m +o bob
         bob< * MODE #m +o bob
         bob> CS BAN #m ann
         bob< :chat.local 485 bob #m :ann founded this room *
         bob> CS MUTE #m ~a:Ann
         bob< :chat.local 485 bob #m *
         bob> MODE #m +b ann!*@*
         bob< :chat.local 485 bob #m *
         bob> MODE #m +b ~m:~account:ann
         bob< :chat.local 485 bob #m *
         bob> MODE #m b
         bob! * 367 *
         // A ban that is about others, too, stays, and the founder is not touched.
         bob> MODE #m +b *!*@192.0.2.7
         bob< * NOTICE bob :ann founded #m: that does not touch them
         ann< * MODE #m +b *!*@192.0.2.7
         bob> CS BAN #m ~a:a*
         bob< * NOTICE bob :ann founded #m: that does not touch them
         ann> PART #m
         ann> JOIN #m
         ann< * 366 *
         ann! * 474 *",
        |_| (),
    );
}
