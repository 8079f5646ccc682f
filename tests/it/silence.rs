//! Silenced is silent: whoever is banned, muted, without a voice in a moderated room, or has to wait in a slow one, is heard by
//! no other member of it, whatever command carries their words (`docs/authorisation.md`).

use std::collections::BTreeSet;

use chat_core::proto::SPECS;
use chat_server::{delivery::RecordContent, hub::Door};
use chat_tests::{
    script::{check, check_with},
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
    "TIME",
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
    check(
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
    );
}
