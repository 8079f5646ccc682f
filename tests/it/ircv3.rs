//! The specifications of IRCv3, one script a clause. What has a file of its own (labels, modes, queries)
//! is there.

use chat_server::hub::Door;
use chat_tests::{
    operators::with_root,
    script::{check, check_with},
    world::{SimLog, World},
};

/// <https://ircv3.net/specs/extensions/monitor>
#[test]
fn who_is_watched_is_told_of() {
    check_with(
        "b> PING x
         a> MONITOR + b,cy,1bad
         a< :chat.local 730 a b!u@127.0.0.1
         a< :chat.local 731 a cy
         cy> PING x
         a< :chat.local 730 * :cy!u@127.0.0.1
         cy> NICK cyd
         a< :chat.local 731 * :cy
         cy> NICK CY
         a< :chat.local 730 * :CY!u@127.0.0.1
         cy> NICK cy
         a! * 73? *
         a> MONITOR S
         a< :chat.local 730 a b!u@127.0.0.1,cy!u@127.0.0.1
         a> MONITOR L
         a< :chat.local 732 a b,cy
         a< :chat.local 733 a *
         a> MONITOR + d,e
         a< :chat.local 731 a d
         a< :chat.local 734 a 3 e *
         a> MONITOR - cy
         drop cy
         a! * 731 *
         drop b
         a< :chat.local 731 * :b
         a> MONITOR C
         a> MONITOR L
         a< :chat.local 733 a *
         a! * 732 *
         a> MONITOR
         a< :chat.local 461 a MONITOR *
         a> MONITOR ?
         a< :chat.local 461 a MONITOR *",
        |config| config.limits.monitored_max = 3,
    );
}

/// <https://ircv3.net/specs/extensions/extended-monitor>
#[test]
fn who_is_watched_is_told_of_in_detail_to_those_who_ask() {
    check(
        "b> JOIN #x
         caps a extended-monitor away-notify setname
         a> MONITOR + b
         caps c away-notify
         c> MONITOR + b
         caps d extended-monitor away-notify setname
         d> JOIN #x
         d> MONITOR + b
         b> AWAY :out
         a< :b!* AWAY :out
         c! * AWAY *
         d< :b!* AWAY :out
         d! * AWAY *
         b> SETNAME :Bob B
         a< :b!* SETNAME :Bob B",
    );
}

/// <https://ircv3.net/specs/extensions/invite-notify>
#[test]
fn members_learn_who_is_invited() {
    check(
        "a> JOIN #x
         caps b invite-notify
         b> JOIN #x
         c> JOIN #x
         d> PING x
         a> INVITE d #x
         d< :a!* INVITE d #x
         b< :a!* INVITE d #x
         c! * INVITE *
         a! :a!* INVITE *",
    );
}

/// <https://ircv3.net/specs/extensions/no-implicit-names>
#[test]
fn names_come_only_when_asked_for() {
    check(
        "caps a no-implicit-names
         a> JOIN #x
         a< :a!* JOIN #x
         a! * 353 *
         a! * 366 *
         a> NAMES #x
         a< :chat.local 353 a = #x @a
         a< :chat.local 366 a #x *
         caps b draft/no-implicit-names
         b> JOIN #x
         b< :b!* JOIN #x
         b! * 366 *",
    );
}

/// <https://ircv3.net/specs/extensions/bot-mode>, <https://ircv3.net/specs/extensions/oper-tag>
#[test]
fn tags_tell_bots_and_operators() {
    check_with(
        "caps a message-tags draft/oper-tag
         b> MODE b +B
         a> JOIN #x
         b> JOIN #x
         a< @bot :b!* JOIN #x
         caps c draft/oper-tag
         c> JOIN #x
         b> PRIVMSG #x :beep
         a< @msgid=*;bot :b!* PRIVMSG #x :beep
         c< :b!* PRIVMSG #x :beep
         b> OPER root rootrootroot
         b> PRIVMSG #x :beep
         a< @draft/oper;msgid=*;bot :b!* PRIVMSG #x :beep
         c< @draft/oper :b!* PRIVMSG #x :beep",
        with_root,
    );
}

/// <https://ircv3.net/specs/extensions/pre-away>
#[test]
fn one_may_come_as_away() {
    check(
        "new a
         a> AWAY :too early
         a< :chat.local 451 * *
         a> CAP REQ :draft/pre-away
         a> AWAY *
         a< :chat.local 306 * *
         a> NICK a
         a> USER u 0 * :A
         a> CAP END
         a< :chat.local 001 a *
         b> PRIVMSG a :there?
         b< :chat.local 301 b a ?
         a> AWAY
         a< :chat.local 305 a *",
    );
}

/// <https://ircv3.net/specs/extensions/extended-isupport>, <https://ircv3.net/specs/extensions/network-icon>
#[test]
fn what_is_supported_can_be_asked_early_and_again() {
    check_with(
        "new a
         a> CAP REQ :batch draft/extended-isupport
         a> ISUPPORT
         a< :chat.local BATCH +1 draft/isupport
         a< @batch=1 :chat.local 005 * *draft/ICON=https://example.org/i.png*
         a< :chat.local BATCH -1
         a> NICK a
         a> USER u 0 * :A
         a> CAP END
         a< :chat.local BATCH +2 draft/isupport
         a< :chat.local BATCH -2
         caps b batch draft/extended-isupport labeled-response
         b> @label=7 ISUPPORT
         b< @label=7 :chat.local BATCH +* draft/isupport
         b< :chat.local BATCH -*
         c> ISUPPORT
         c< :chat.local 005 c *
         c! * BATCH *",
        |config| config.network_icon = Some("https://example.org/i.png".into()),
    );
}

/// <https://ircv3.net/specs/extensions/chghost>
#[test]
fn a_new_host_is_told_to_those_who_understand_it_and_played_to_the_others() {
    check_with(
        &format!(
            "caps w chghost extended-monitor
         w> MONITOR + c
         caps v chghost
         v> MONITOR + c
         caps a chghost
         a> JOIN #x
         b> JOIN #x
         c> JOIN #x
         a> MODE #x +v c
         a> CHGHOST c hidden away.example
         a< :chat.local 481 a *
         a> OPER root rootrootroot
         a> CHGHOST c hidden away.example
         a< :c!u@127.0.0.1 CHGHOST hidden away.example
         w< :c!u@127.0.0.1 CHGHOST hidden away.example
         v! * CHGHOST *
         a! * QUIT *
         b< :c!u@127.0.0.1 QUIT :Changing hostname
         b< :c!hidden@away.example JOIN #x
         b< :chat.local MODE #x +v c
         a< :chat.local NOTICE a :c is now hidden@away.example
         c< :chat.local 396 c hidden@away.example *
         c! * QUIT *
         c> PRIVMSG #x :still me
         a< :c!hidden@away.example PRIVMSG #x :still me
         a> CHGHOST c hidden :two words
         a< :chat.local 461 a CHGHOST *
         a> CHGHOST c hidden {0}x
         a< :chat.local 461 a CHGHOST *
         a> CHGHOST c hidden {0}
         a< :c!* CHGHOST hidden {0}
         a> CHGHOST nobody hidden away.example
         a< :chat.local 401 a nobody *
         a> CHGHOST a self here.example
         a< :a!u@127.0.0.1 CHGHOST self here.example
         a> WHOIS a
         a< :chat.local 311 a a self here.example *",
            "h".repeat(63)
        ),
        with_root,
    );
}

/// <https://ircv3.net/specs/extensions/channel-rename>
#[test]
fn a_room_gets_another_name() {
    check(
        "caps a draft/channel-rename standard-replies
         a> JOIN #old
         a> TOPIC #old :kept
         b> JOIN #old
         c> JOIN #taken
         b> RENAME #old #new
         b< :chat.local 482 b #old *
         a> RENAME #old #taken
         a< :chat.local FAIL RENAME CHANNEL_NAME_IN_USE #old #taken *
         a> RENAME #old :bad name
         a< :chat.local FAIL RENAME CANNOT_RENAME #old *
         a> RENAME #old #new :spelling
         a< :a!* RENAME #old #new :spelling
         a! * JOIN *
         b< :b!* PART #old :spelling
         b< :b!* JOIN #new
         b< :chat.local 332 b #new kept
         b< :chat.local 353 b = #new :@a b
         b< :chat.local 366 b #new *
         b> PRIVMSG #new :here
         a< :b!* PRIVMSG #new :here
         b> PRIVMSG #old :gone
         b< :chat.local 403 b #old *
         a> RENAME #new #New
         a< :a!* RENAME #new #New :
         b! * PART *
         c> RENAME #nowhere #x
         c< :chat.local 403 c #nowhere *
         a> RENAME #new
         a< :chat.local 461 a RENAME *",
    );
    // It gets one name at a time, and nobody else gets that one meanwhile.
    check(
        "caps b standard-replies
         a> JOIN #one
         b> JOIN #one
         a> MODE #one +o b
         b< * MODE #one +o b
         hold log
         a> RENAME #one #two
         b> RENAME #one #three
         b< :chat.local FAIL RENAME CANNOT_RENAME #one #three :The room is just *
         b> JOIN #two
         b< :chat.local 437 b #two *
         free log
         a< :a!* JOIN #two
         b> RENAME #two #three
         a< :a!* JOIN #three",
    );
}

/// <https://ircv3.net/specs/extensions/multiline>
#[test]
fn several_lines_are_one_message() {
    check(
        "caps a batch draft/multiline message-tags echo-message labeled-response standard-replies
         caps b batch draft/multiline message-tags
         caps c message-tags
         text t
         t> Tia
         a> JOIN #lobby
         b> JOIN #lobby
         c> JOIN #lobby
         a> @label=7;+draft/x=y BATCH +1-a draft/multiline #lobby
         a> @batch=1-a PRIVMSG #lobby :first
         a> @batch=1-a PRIVMSG #lobby :
         a> @batch=1-a privmsg #Lobby :how is\u{20}
         a> @batch=1-a;draft/multiline-concat PRIVMSG #lobby :everyone?
         b! * BATCH *
         a> BATCH -1-a
         a< @label=7;msgid=*;+draft/x=y :a!* BATCH +* draft/multiline #lobby
         a< @batch=* :a!* PRIVMSG #lobby :first
         a< :a!* BATCH -*
         b< @msgid=*;+draft/x=y :a!* BATCH +* draft/multiline #lobby
         b< @batch=* :a!* PRIVMSG #lobby :first
         b< @batch=* :a!* PRIVMSG #lobby :
         b< @batch=* :a!* PRIVMSG #lobby :how is
         b< @batch=*;draft/multiline-concat :a!* PRIVMSG #lobby :everyone?
         b< :a!* BATCH -*
         c< @msgid=*;+draft/x=y :a!* PRIVMSG #lobby :first
         c< :a!* PRIVMSG #lobby :how is
         c< :a!* PRIVMSG #lobby :everyone?
         c! * PRIVMSG *
         t< a: first
         t< a: how is
         t< a: everyone?
         a> PRIVMSG #lobby :after
         b< * PRIVMSG #lobby :after",
    );
}

/// The errors of multiline and of <https://ircv3.net/specs/extensions/client-batch>.
#[test]
fn lines_that_make_no_message_are_refused_as_one() {
    check_with(
        "caps a batch draft/multiline standard-replies labeled-response
         b> JOIN #x
         a> JOIN #x
         a> BATCH +1 draft/multiline #x
         a> @batch=1 PRIVMSG #y :elsewhere
         a< * FAIL BATCH MULTILINE_INVALID_TARGET #x #y *
         a> @batch=1 PRIVMSG #x :more
         a> BATCH -1
         a> @label=3 BATCH +2 draft/multiline #x
         a> @batch=2 PRIVMSG #x :one
         a> @batch=2 NOTICE #x :two
         a< @label=3 * FAIL BATCH MULTILINE_INVALID *
         a> BATCH -2
         a> BATCH +3 draft/multiline #x
         a> @batch=3 PRIVMSG #x :
         a> BATCH -3
         a< * FAIL BATCH MULTILINE_INVALID *
         a> BATCH +4 draft/multiline #x
         a> @batch=4 PRIVMSG #x :hello
         a> @batch=4;draft/multiline-concat PRIVMSG #x :
         a< * FAIL BATCH MULTILINE_INVALID *
         a> BATCH -4
         a> BATCH +5 draft/multiline #x
         a> @batch=5 PRIVMSG #x :1
         a> @batch=5 PRIVMSG #x :2
         a> @batch=5 PRIVMSG #x :3
         a> @batch=5 PRIVMSG #x :4
         a< * FAIL BATCH MULTILINE_MAX_LINES 3 *
         a> BATCH -5
         a> BATCH +6 draft/multiline #x
         a> @batch=6 PRIVMSG #x :12345678
         a> @batch=6 PRIVMSG #x :12
         a< * FAIL BATCH MULTILINE_MAX_BYTES 10 *
         a> BATCH -6
         a> BATCH +7 nonsense #x
         a< * FAIL BATCH UNKNOWN_TYPE 7 nonsense *
         a> @batch=7 PRIVMSG #x :thrown away
         a> BATCH -7
         a> BATCH +? draft/multiline #x
         a< * FAIL BATCH INVALID_REFTAG ? *
         a> BATCH -?
         a> BATCH -nothing
         a< * FAIL BATCH INVALID_REFTAG nothing *
         a> BATCH +8 draft/multiline #x
         a> @batch=8 PRIVMSG #x :late
         wait 31
         a< * FAIL BATCH TIMEOUT 8 *
         a> BATCH +9 draft/multiline #none
         a> @batch=9 PRIVMSG #none :x
         a> BATCH -9
         a< * 403 a #none *
         b! * PRIVMSG *
         a> PRIVMSG #x :fine
         b< :a!* PRIVMSG #x :fine
         b> BATCH +1 draft/multiline #x
         b< * FAIL BATCH INVALID_REFTAG 1 *",
        |config| {
            config.limits.multiline_bytes_max = 10;
            config.limits.multiline_lines_max = 3;
        },
    );
    let (longest, longer) = ("r".repeat(64), "r".repeat(65));
    check(&format!(
        "caps a draft/multiline batch
         a> JOIN #x
         b> JOIN #x
         a> BATCH +{longer} draft/multiline #x
         a< * FAIL BATCH INVALID_REFTAG rrr*
         a> BATCH -{longer}
         a> BATCH +{longest} draft/multiline #x
         a> @batch={longest} PRIVMSG #x :one line
         a> BATCH -{longest}
         b< :a!* PRIVMSG #x :one line"
    ));
}

/// A line that cannot be read may have been one of the message's: nothing is delivered with a hole.
#[test]
fn a_message_with_a_line_that_is_none_is_none() {
    check(&format!(
        "caps a batch draft/multiline
         b> JOIN #x
         a> JOIN #x
         a> BATCH +1 draft/multiline #x
         a> @batch=1 PRIVMSG #x :one
         a> @batch=1 PRIVMSG #x :{}
         a< :chat.local 417 a *
         a> @batch=1 PRIVMSG #x :three
         a> BATCH -1
         a< :chat.local FAIL BATCH MULTILINE_INVALID *
         a> BATCH +2 draft/multiline #x
         a> @batch=2 PRIVMSG #x :{}
         a> BATCH -2
         a< :chat.local FAIL BATCH MULTILINE_INVALID *
         b! * PRIVMSG *",
        "x".repeat(600),
        "y".repeat(495),
    ));
    // What one line may not say, none of several may.
    check(
        "caps a batch draft/multiline
         b> JOIN #x
         b> MODE #x +C
         a> JOIN #x
         a> BATCH +1 draft/multiline #x
         a> @batch=1 PRIVMSG #x :one
         a> @batch=1 PRIVMSG #x :\u{1}VERSION\u{1}
         a> BATCH -1
         a< :chat.local 404 a #x *CTCP*
         b! * PRIVMSG *",
    );
}

/// What comes of a message that was refused is thrown away without another word, also when it comes late; a line of a
/// message that nobody began is refused. Nothing of either is delivered by itself.
#[test]
fn lines_of_what_was_refused_are_never_delivered_singly() {
    check(
        "caps a batch draft/multiline
         b> JOIN #x
         a> JOIN #x
         a> BATCH +1 draft/multiline #x
         a> @batch=1 PRIVMSG #x :A1
         a> BATCH +2 draft/multiline #x
         a< :chat.local FAIL BATCH INVALID_REFTAG 2 *
         a> @batch=2 PRIVMSG #x :B1
         a> BATCH -2
         a> @batch=2 PRIVMSG #x :B2
         a< :chat.local FAIL BATCH INVALID_REFTAG 2 *
         a> BATCH +1 draft/multiline #x
         a< :chat.local FAIL BATCH INVALID_REFTAG 1 *
         a> BATCH -1
         b< :a!* PRIVMSG #x :A1
         a> BATCH +3 draft/multiline #x
         a> @batch=3 PRIVMSG #x :C1
         wait 31
         a< :chat.local FAIL BATCH TIMEOUT 3 *
         a> @batch=3 PRIVMSG #x :C2
         a> @batch=3 NOTICE #x :C3
         a> BATCH -3
         a> BATCH +4 nonsense #x
         a< :chat.local FAIL BATCH UNKNOWN_TYPE 4 nonsense *
         wait 31
         a> @batch=4 PRIVMSG #x :D1
         a! *FAIL*
         a> BATCH +4 draft/multiline #x
         a> @batch=4 PRIVMSG #x :E1
         a> BATCH -4
         b< :a!* PRIVMSG #x :E1
         a> @batch=never PRIVMSG #x :F1
         a< :chat.local FAIL BATCH INVALID_REFTAG never *
         b! * PRIVMSG *",
    );
    // Those of eight are known; what comes of an older one is refused, and not delivered either.
    let mut script = "caps a batch draft/multiline\nb> JOIN #x\na> JOIN #x\n".to_owned();
    for n in 0..9 {
        script += &format!("a> BATCH +{n} nonsense #x\na< * FAIL BATCH UNKNOWN_TYPE {n} *\n");
    }
    script += "a> @batch=8 PRIVMSG #x :8\na! *FAIL*\na> @batch=0 PRIVMSG #x :0\n\
               a< * FAIL BATCH INVALID_REFTAG 0 *\nb! * PRIVMSG *";
    check(&script);
}

/// "Any tags that would have been added to the batch [...] MUST be included on the first message line to be sent": the
/// first that is shown, which is not a blank one.
#[test]
fn the_first_line_that_is_shown_has_the_tags() {
    check(
        "caps a batch draft/multiline
         caps b message-tags server-time account-tag
         a> JOIN #x
         b> JOIN #x
         a> @+draft/reply=m BATCH +1 draft/multiline #x
         a> @batch=1 PRIVMSG #x :
         a> @batch=1 PRIVMSG #x :one
         a> @batch=1 PRIVMSG #x :two
         a> BATCH -1
         b< @time=*;msgid=*;+draft/reply=m :a!* PRIVMSG #x :one
         b! *msgid=*
         b< @time=* :a!* PRIVMSG #x :two",
    );
}

/// Where a specification says `FAIL`, that is what is answered, whatever was asked for; else it is for those who asked for
/// standard replies, and the others are told the words.
#[test]
fn fail_is_said_where_a_specification_says_so() {
    check(
        "a> SETNAME :\u{3}
         a< :chat.local FAIL SETNAME INVALID_REALNAME *
         a> METADATA nobody GET x
         a< :chat.local FAIL METADATA INVALID_TARGET nobody *
         a> RENAME #none #other
         a< :chat.local 403 a #none *
         a> REGISTER other * correcthorse
         a< :chat.local FAIL REGISTER ACCOUNT_NAME_MUST_BE_NICK other *
         a> VERIFY a 123
         a< :chat.local FAIL VERIFY INVALID_CODE a *
         a> BATCH -none
         a< :chat.local FAIL BATCH INVALID_REFTAG none *
         a> SEARCH after=never
         a< :chat.local NOTICE a *
         caps b draft/chathistory draft/read-marker draft/message-redaction batch
         b> CHATHISTORY LATEST #none * 5
         b< :chat.local FAIL CHATHISTORY INVALID_TARGET LATEST #none *
         b> MARKREAD #none
         b< :chat.local FAIL MARKREAD INVALID_PARAMS #none *
         b> REDACT #none m
         b< :chat.local FAIL REDACT INVALID_TARGET #none *
         caps d chat.local/search batch
         d> SEARCH after=never
         d< :chat.local FAIL SEARCH *
         new c
         c> REGISTER * * correcthorse
         c< :chat.local FAIL REGISTER COMPLETE_CONNECTION_REQUIRED *",
    );
}

/// <https://ircv3.net/specs/extensions/utf8-only>: with the command, if it can be made out; also before registration, where
/// silence would be a wait for ever.
#[test]
fn what_is_not_utf8_is_refused_with_its_command() {
    let mut world = World::new(1, SimLog::default(), |_| ());
    world.open("a", Door::Irc);
    world.send_bytes("a", b"NICK a\r\nUSER u s e :caf\xe9\r\n");
    world.settle();
    assert!(world.expect("a", ":chat.local FAIL USER INVALID_UTF8 :*"));
    world.send_bytes("a", b"USER u s e :cafe\r\n");
    world.settle();
    assert!(world.expect("a", "* 001 a *"));
    for (line, command) in [
        (&b"PRIVMSG #x :caf\xe9\r\n"[..], "PRIVMSG"),
        (b"@+x=caf\xe9 privmsg #x :cafe\r\n", "PRIVMSG"),
        (b":caf\xe9 TOPIC #x :cafe\r\n", "TOPIC"),
        (b"CAF\xe9 #x\r\n", "*"),
        (b"\xff\xfe\r\n", "*"),
    ] {
        world.send_bytes("a", line);
        world.settle();
        assert!(world.expect("a", &format!(":chat.local FAIL {command} INVALID_UTF8 :*")));
    }
}

/// "If an ACK reply originating from the server is spread across multiple lines": it is cut between capabilities, and what
/// is on is what was acknowledged. A refusal names what a line has room for.
#[test]
fn long_requests_are_answered_in_whole_words() {
    let wanted = "account-notify account-tag away-notify batch cap-notify chghost draft/chathistory draft/event-playback \
                   draft/message-redaction draft/read-marker echo-message extended-join extended-monitor \
                  invite-notify labeled-response message-tags multi-prefix server-time setname standard-replies -away-notify \
                   away-notify userhost-in-names -account-tag account-tag -server-time server-time -multi-prefix \
                  multi-prefix -setname setname draft/multiline";
    let is_whole = |line: &&str| wanted.split(' ').any(|word| word == *line);
    assert!(wanted.len() > 400 && wanted.len() < 498);
    let mut world = World::new(1, SimLog::default(), |_| ());
    world.open("a", Door::Irc);
    let names_in = |world: &World, mask: &str| -> Vec<String> {
        let answers = world.unexpected("a");
        let answers = answers.iter().filter(|line| line.contains(mask));
        answers.map(|line| line.rsplit_once(" :").unwrap().1.trim().to_owned()).collect()
    };
    world.send_bytes("a", format!("CAP REQ :{wanted}\r\n").as_bytes());
    world.settle();
    let acknowledged = names_in(&world, " ACK ");
    assert_eq!(acknowledged.len(), 2, "{:?}", world.unexpected("a"));
    assert_eq!(acknowledged.join(" "), wanted);
    assert!(acknowledged.iter().all(|names| names.split(' ').all(|word| is_whole(&word))));
    world.send_bytes("a", b"CAP LIST\r\n");
    world.settle();
    let listed = names_in(&world, " LIST ").join(" ");
    for name in wanted.split(' ').filter(|name| !name.starts_with('-')) {
        assert!(listed.split(' ').any(|own| own == name), "{name} is not on: {listed}");
    }
    world.forget("a");
    let wanted = format!("{} nonsense", wanted.replace(" draft/multiline", ""));
    world.send_bytes("a", format!("CAP REQ :{wanted}\r\n").as_bytes());
    world.settle();
    let refused = names_in(&world, " NAK ");
    assert_eq!(refused.len(), 1);
    assert!(wanted.starts_with(&refused[0]) && refused[0].len() >= 100);
    assert!(refused[0].split(' ').all(|word| is_whole(&word)), "{refused:?}");
    let nonsense = "x".repeat(490);
    world.forget("a");
    world.send_bytes("a", format!("CAP REQ :{nonsense}\r\n").as_bytes());
    world.settle();
    assert!(
        names_in(&world, " NAK ").iter().all(|own| nonsense.starts_with(own) && own.len() == 400)
    );
}

/// The last answer to a labelled command has its label, also if it is the last of all.
/// <https://ircv3.net/specs/extensions/labeled-response>
#[test]
fn the_goodbye_has_the_label_of_the_quit() {
    check(
        "caps a labeled-response batch
         a> @label=bye QUIT :so long
         a< @label=bye ERROR *",
    );
    check(
        "caps b labeled-response
         b> @label=bye QUIT
         b< ERROR *
         wait 1
         new c
         c> CAP REQ :labeled-response batch
         c> @label=bye QUIT
         c< @label=bye ERROR *",
    );
}

/// <https://ircv3.net/specs/extensions/chathistory>: a batch names its target as it was asked for.
#[test]
fn a_page_of_history_names_its_target_as_it_was_asked_for() {
    check(
        "caps a batch draft/chathistory
         b> PING x
         a> JOIN #Room
         a> CHATHISTORY LATEST #rOOM * 5
         a< :chat.local BATCH +* chathistory #rOOM
         a> PRIVMSG b :hello
         a> CHATHISTORY LATEST B * 5
         a< :chat.local BATCH +* chathistory B",
    );
}

/// What a client has not asked for is not in its answers either; with a label that is one.
#[test]
fn answers_hold_only_what_was_negotiated() {
    check(
        "caps a labeled-response batch
         a> JOIN #old
         a> @label=1 RENAME #old #new
         a< @label=1 :chat.local ACK
         a< :a!* PART #old
         a< :a!* JOIN #new
         a! * RENAME *
         caps b labeled-response
         b> @label=2 PING x
         b< :chat.local PONG *
         b! *BATCH*
         caps c no-implicit-names
         c> JOIN #new
         a> RENAME #new #newer
         c< :c!* JOIN #newer
         c! * 353 *",
    );
}

/// <https://ircv3.net/specs/extensions/capability-negotiation>: each answer by the version that was asked for.
#[test]
fn a_list_of_capabilities_is_by_the_version_asked_for() {
    check(
        "new a
         a> CAP LS 302
         a< :chat.local CAP * LS :*draft/multiline=max-bytes*
         a> CAP LS
         a< :chat.local CAP * LS :account-notify*userhost-in-names
         a! *=*
         a> CAP REQ batch echo-message
         a< :chat.local CAP * ACK :batch echo-message
         a> CAP REQ :-batch
         a< :chat.local CAP * ACK :-batch",
    );
}

/// What comes behind a `CAP REQ`, in the same breath, goes by what was asked for.
#[test]
fn commands_behind_a_request_go_by_it() {
    let mut world = World::new(1, SimLog::default(), |_| ());
    world.open("a", Door::Irc);
    world.send_bytes("a", b"NICK a\r\nUSER u 0 * :A\r\n");
    world.settle();
    world.send_bytes(
        "a",
        b"CAP REQ :no-implicit-names echo-message\r\nJOIN #x\r\nPRIVMSG #x :one\r\nCAP REQ :-echo-message\r\nPRIVMSG #x :two\r\nPING end\r\n",
    );
    world.settle();
    assert!(world.expect("a", "* CAP a ACK :no-implicit-names echo-message"));
    let rest: Vec<&str> =
        world.unexpected("a").iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(rest, ["JOIN", "PRIVMSG", "CAP", "PONG"], "{:#?}", world.unexpected("a"));
}
