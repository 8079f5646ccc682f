//! The meaning of each command, as scripts against hub and sessions. Clauses are cited above them.

use chat_core::{
    proto::{CapabilitySet, Command, SPECS},
    wire::Line,
};
use chat_tests::script::{check, check_with};

/// RFC 2812 §3.1, §5.1
#[test]
fn registration_ends_with_a_welcome() {
    check(
        "new a
         a> NICK a
         a> USER u 0 * :Ann Smith
         a< :chat.local 001 a *
         a< :chat.local 002 a *
         a< :chat.local 003 a *
         a< :chat.local 004 a chat.local chat-* BRiow ACIMSbefiklmnostv ISbefklov
         a< :chat.local 005 a * CASEMAPPING=ascii *CHANMODES=Ibe,k,Sfl,ACMimnst * :are supported by this server
         a< :chat.local 005 a *PREFIX=(ov)@+ *
         a< :chat.local 251 a *
         a< :chat.local 422 a *",
    );
}

/// RFC 2812 §3.1.2
#[test]
fn a_nick_that_cannot_be_had_is_refused_and_another_one_registers() {
    check(
        "a> PING x
         new b
         b> NICK A
         b> USER u 0 * :Bob
         b< :chat.local 433 * A *
         b> JOIN #x
         b< :chat.local 451 * *
         b> JOIN :
         b< :chat.local 451 * *
         b> NICK 1bad
         b< :chat.local 432 * 1bad *
         b> NICK Server
         b< :chat.local 432 * Server *
         b> NICK
         b< :chat.local 431 * *
         b> NICK b
         b< :chat.local 001 b *
         b> USER u 0 * :again
         b< :chat.local 462 b *
         b> PASS x
         b< :chat.local 462 b *",
    );
}

/// RFC 2812 §3.1.1
#[test]
fn the_servers_password_is_asked_for() {
    let with_password = |config: &mut chat_server::Config| config.password = Some("secret".into());
    check_with(
        "new a
         a> NICK a
         a> PASS wrong
         a> USER u 0 * :A
         a< :chat.local 464 * *
         a< ERROR *
         new b
         b> PASS secret
         b> NICK b
         b> USER u 0 * :B
         b< :chat.local 001 b *",
        with_password,
    );
}

/// <https://ircv3.net/specs/extensions/capability-negotiation>
#[test]
fn capabilities_are_all_or_nothing_and_hold_up_registration() {
    check(
        "new a
         a> CAP LS
         a< :chat.local CAP * LS :account-notify account-tag away-notify batch cap-notify chghost *userhost-in-names
         a> CAP LS 302
         a< :chat.local CAP * LS * :*batch*
         a< :chat.local CAP * LS :*server-time*userhost-in-names
         a> NICK a
         a> USER u 0 * :A
         a! * 001 *
         a> CAP REQ :server-time no-such-thing
         a< :chat.local CAP * NAK :server-time no-such-thing
         a> CAP REQ :server-time batch
         a< :chat.local CAP * ACK :server-time batch
         a> CAP REQ :-batch
         a< :chat.local CAP * ACK :-batch
         a> CAP LIST
         a< :chat.local CAP * LIST :cap-notify server-time
         a> CAP REQ :-cap-notify
         a< :chat.local CAP * NAK :-cap-notify
         a> CAP NONSENSE
         a< :chat.local 410 * NONSENSE *
         a> CAP END
         a< :chat.local 001 a *
         a> CAP REQ :echo-message
         a< :chat.local CAP a ACK :echo-message
         a> CAP LIST
         a< :chat.local CAP a LIST :cap-notify echo-message server-time",
    );
}

/// RFC 2812 §3.2.1
#[test]
fn joining_founds_a_room_and_tells_its_members() {
    check(
        "a> JOIN #x
         a< :a!u@127.0.0.1 JOIN #x
         a< :chat.local 353 a = #x @a
         a< :chat.local 366 a #x *
         b> JOIN #X
         a< :b!u@127.0.0.1 JOIN #x
         b< :b!u@127.0.0.1 JOIN #x
         b< :chat.local 353 b = #x :@a b
         b> JOIN #x
         b! * JOIN *
         b> JOIN x,#y
         b< :b!* JOIN #y
         b< :chat.local 476 b x *
         b> JOIN
         b< :chat.local 461 b JOIN *
         b> JOIN 0
         b< :b!* PART #x
         b< :b!* PART #y
         a< :b!* PART #x",
    );
}

/// <https://ircv3.net/specs/extensions/extended-join>, away-notify, setname
#[test]
fn those_who_understand_more_are_told_more() {
    check(
        "caps a extended-join away-notify setname server-time
         a> JOIN #x
         a< @time=*Z :a!u@127.0.0.1 JOIN #x * :Real Name
         b> JOIN #x
         b< :b!u@127.0.0.1 JOIN #x
         a< @time=*Z :b!u@127.0.0.1 JOIN #x * :Real Name
         b> AWAY :lunch
         b< :chat.local 306 b *
         a< @time=*Z :b!* AWAY :lunch
         a> PRIVMSG b :there?
         a< :chat.local 301 a b lunch
         b> AWAY
         b< :chat.local 305 b *
         a< @time=*Z :b!* AWAY
         b> SETNAME :Bob B
         b! * SETNAME *
         a< @time=*Z :b!* SETNAME :Bob B",
    );
}

/// RFC 2812 §3.3.1
#[test]
fn messages_reach_the_room_and_nobody_else() {
    check(
        "a> JOIN #x
         b> JOIN #x
         c> JOIN #y
         a> PRIVMSG #x :hello  there
         b< :a!u@127.0.0.1 PRIVMSG #x :hello  there
         a! * PRIVMSG *
         c! * PRIVMSG *
         c> PRIVMSG #x :from outside
         c< :chat.local 404 c #x *
         c> PRIVMSG #none :x
         c< :chat.local 403 c #none *
         c> PRIVMSG nobody :x
         c< :chat.local 401 c nobody *
         c> PRIVMSG
         c< :chat.local 411 c *
         c> PRIVMSG #y
         c< :chat.local 412 c *
         c> PRIVMSG a,b :to two
         a< :c!* PRIVMSG a :to two
         b< :c!* PRIVMSG b :to two
         c> PRIVMSG a,A,a,b :to each once
         a< :c!* PRIVMSG a :to each once
         a! * PRIVMSG *
         b< :c!* PRIVMSG b :to each once
         c> PRIVMSG a,b,#y,nobody,#none :to five
         c< :chat.local 407 c #none *
         c> PRIVMSG c :to myself
         c< :c!* PRIVMSG c :to myself
         c> NOTICE nobody :silent
         c! * 401 *",
    );
}

/// RFC 2812 §3.2.2, §3.1.7
#[test]
fn leaving_is_told_with_its_reason_and_quitting_once() {
    check(
        "a> JOIN #x,#y
         b> JOIN #x,#y
         b> PART #x :so long
         a< :b!* PART #x :so long
         b> PART #x
         b< :chat.local 442 b #x *
         b> PART #none
         b< :chat.local 403 b #none *
         b> JOIN #x
         a< :b!* JOIN #x
         b> QUIT :gone home
         b< ERROR *
         a< :b!* QUIT :Quit: gone home
         a! * QUIT *
         c> JOIN #x
         drop c
         a< :c!* QUIT :Connection lost: it was reset",
    );
}

/// RFC 2812 §3.1.2
#[test]
fn a_new_nick_is_told_to_everyone_who_knows_its_owner_once() {
    check(
        "a> JOIN #x,#y
         b> JOIN #x,#y
         c> PING x
         b> NICK bob
         b< :b!* NICK bob
         a< :b!* NICK bob
         a! * NICK *
         c! * NICK *
         b> NICK a
         b< :chat.local 433 bob a *
         b> NICK BOB
         b< :bob!* NICK BOB
         a> PRIVMSG bob :still you?
         b< :a!* PRIVMSG BOB :still you?",
    );
}

/// RFC 2812 §3.2.4
#[test]
fn topic_change_is_echoed_to_its_setter() {
    check(
        "a> JOIN #x
         b> JOIN #x
         a> TOPIC #x
         a< :chat.local 331 a #x *
         a> TOPIC #x :news: today
         a< :a!* TOPIC #x :news: today
         b< :a!* TOPIC #x :news: today
         b> TOPIC #x
         b< :chat.local 332 b #x :news: today
         b< :chat.local 333 b #x a!u@127.0.0.1 1*
         b> TOPIC #x :mine
         b< :chat.local 482 b #x *
         c> JOIN #x
         c< :chat.local 332 c #x :news: today
         d> TOPIC #x
         d< :chat.local 442 d #x *
         a> TOPIC #x :
         b< :a!* TOPIC #x :
         a> TOPIC #x
         a< :chat.local 331 a #x *",
    );
}

#[test]
fn the_message_of_the_day_is_shown() {
    check_with(
        "new a
         a> NICK a
         a> USER u 0 * :A
         a< :chat.local 375 a *
         a< :chat.local 372 a :- one
         a< :chat.local 372 a :- two
         a< :chat.local 376 a *",
        |config| config.motd = Some("one\ntwo".into()),
    );
}

/// <https://modern.ircdocs.horse/#rplisupport-parameters>: every token, with its value.
#[test]
fn what_is_supported_is_told_whole() {
    check(
        "new a
         a> NICK a
         a> USER u 0 * :A
         a< :chat.local 005 a ACCOUNTEXTBAN=a,account AWAYLEN=390 BOT=B CASEMAPPING=ascii CHANLIMIT=#:50 CHANMODES=Ibe,k,Sfl,ACMimnst CHANNELLEN=64 CHANTYPES=# CHATHISTORY=100 ELIST=CMNTU EXCEPTS=e EXTBAN=~,aim INVEX=I :are supported by this server
         a< :chat.local 005 a KEYLEN=32 KICKLEN=390 MAXLIST=Ibe:100 MODES=6 MONITOR=100 MSGREFTYPES=msgid,timestamp NAMELEN=128 NETWORK=chat NICKLEN=32 PREFIX=(ov)@+ SAFELIST SILENCE=32 STATUSMSG=@+ :are supported by this server
         a< :chat.local 005 a TARGMAX=JOIN:,KICK:4,KILL:1,LIST:4,NAMES:4,NOTICE:4,PART:,PRIVMSG:4,TAGMSG:4,WHOIS:4,WHOWAS:4 TOPICLEN=390 USERLEN=16 UTF8ONLY WHOX soju.im/SAFERATE :are supported by this server
         a! * 005 *",
    );
}

/// <https://ircv3.net/specs/extensions/away-notify>, userhost-in-names
#[test]
fn whoever_joins_is_known_at_once() {
    check(
        "caps a away-notify userhost-in-names
         a> JOIN #x
         a< :chat.local 353 a = #x @a!u@127.0.0.1
         b> AWAY :lunch
         b> JOIN #x
         a< :b!* JOIN #x
         a< :b!* AWAY :lunch
         b! * AWAY *
         a> NAMES #x
         a< :chat.local 353 a = #x :@a!u@127.0.0.1 b!u@127.0.0.1",
    );
}

/// A line of each command that is one with any parameters, with its row's answer to `is_in`.
fn lines_of_all_commands(is_in: impl Fn(&Command) -> bool) -> Vec<(String, bool)> {
    let lines = SPECS.iter().map(|spec| format!("{} x y z w", spec.word));
    lines
        .filter_map(|line| {
            let command = Command::parse(&Line::parse(&line).unwrap()).ok()?;
            Some((line, is_in(&command)))
        })
        .collect()
}

/// RFC 2812 §5.2, `ERR_NOTREGISTERED`
#[test]
fn newcomers_may_use_the_commands_that_are_for_them() {
    let lines =
        lines_of_all_commands(|command| command.spec().is_for_newcomers(CapabilitySet::EMPTY));
    assert!(lines.iter().filter(|(_, is_for_them)| *is_for_them).count() > 5);
    // There are only so many connections from one address.
    for some in lines.chunks(20) {
        let play = |(n, (line, is_for_them)): (usize, &(String, bool))| {
            let sign = if *is_for_them { '!' } else { '<' };
            format!("new n{n}\nn{n}> {line}\nn{n}{sign} * 451 *")
        };
        check(&some.iter().enumerate().map(play).collect::<Vec<_>>().join("\n"));
    }
}

/// "The `draft/chathistory` capability MUST be negotiated.", and others in the same way
#[test]
fn commands_of_capabilities_are_unknown_to_those_without() {
    let lines = lines_of_all_commands(|command| command.spec().is_known_with(CapabilitySet::EMPTY));
    assert!(lines.iter().filter(|(_, is_known)| !is_known).count() >= 5);
    for some in lines.chunks(20) {
        let play = |(n, (line, is_known)): (usize, &(String, bool))| {
            let sign = if *is_known { '!' } else { '<' };
            format!("n{n}> {line}\nn{n}{sign} * 421 n{n} *")
        };
        check(&some.iter().enumerate().map(play).collect::<Vec<_>>().join("\n"));
    }
}
