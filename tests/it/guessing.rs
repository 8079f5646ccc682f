//! Guessing, through whichever door: each look at a secret is counted before it is made, and passwords are checked in
//! turns. Over sockets are what `accounts` and `sasl` have of it.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_server::{
    Config, auth,
    auth::{Question, Verdict},
    config::{Account, Gateway, Oper, RateLimit},
    hub::Door,
};
use chat_tests::{
    TestClient, TestServer,
    operators::oper,
    script::check_with,
    world::{SimLog, World},
};

use crate::sasl::{plain, say, scram_final};

/// What is checked, without the time that it takes.
fn quick_checker(question: &Question) -> Verdict {
    match &question.check {
        Some((hash, password)) if hash != password => Verdict::Wrong,
        _ => Verdict::Right(None),
    }
}

/// Ann, whose password is `secret`, and the operator `root`, whose password is `rootroot`, from afar `far`.
fn with_secrets(config: &mut Config) {
    let account = |name: &str| Account {
        name: name.into(),
        password: "secret".into(),
        scram: Some(auth::scram_credentials("secret").unwrap()),
        fingerprints: Vec::new(),
    };
    config.accounts = vec![account("ann"), account("mallory")];
    // As [`quick_checker`] has it.
    let quick = |own: Oper| Oper { password: "rootroot".into(), ..own };
    config.opers = vec![quick(oper("root", &[])), quick(oper("far", &["*@10.*"]))];
}

fn world(change: impl Fn(&mut Config)) -> World {
    let mut world = World::new(1, SimLog::default(), |config| {
        with_secrets(config);
        change(config);
    });
    world.checker = quick_checker;
    world
}

/// Answers to a line of each of so many new connections from one address, one after the other.
fn answers(world: &mut World, n: usize, line: impl Fn(usize) -> String) -> Vec<String> {
    let answer = |number: usize| {
        let name = format!("g{number}x{}", world.transcript.len());
        say(world, &name, &line(number))
    };
    (0..n).map(answer).collect()
}

fn count(answers: &[String], word: &str) -> usize {
    answers.iter().filter(|answer| answer.contains(word)).count()
}

/// Whether a name, the place or the password is wrong is one answer, and takes one check.
#[test]
fn which_operators_there_are_is_told_to_nobody() {
    let mut world = world(|_| ());
    let mut said = Vec::new();
    for line in ["OPER root wrong", "OPER nobody rootroot", "OPER far rootroot"] {
        world.is_checker_held = true;
        world.host = format!("192.0.2.{}", said.len()).into();
        let name = format!("a{}", said.len());
        say(&mut world, &name, "PING x");
        world.send_bytes(&name, format!("{line}\r\n").as_bytes());
        world.settle();
        let checks = world.take_checks();
        assert_eq!(checks.len(), 1, "{line}");
        world.is_checker_held = false;
        world.give_checks(checks);
        world.settle();
        let answer = world.lines(&name).last().unwrap().replace(&name, "a");
        said.push(answer);
    }
    assert!(said[0].starts_with(":chat.local 464 a :"), "{}", said[0]);
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0], said[2]);
    world.host = "10.1.2.3".into();
    assert!(say(&mut world, "b", "OPER far rootroot").contains(" MODE b +o"));
}

#[test]
fn operators_passwords_are_guessed_slowly() {
    let mut world = world(|_| ());
    let said = answers(&mut world, 100, |n| format!("OPER root guess{n}"));
    assert_eq!((count(&said, " 464 "), count(&said, "too many wrong passwords")), (5, 95));
    // Other names are of the same address.
    let said = answers(&mut world, 100, |n| format!("OPER root{n} guess"));
    assert_eq!(count(&said, " 464 "), 5);
    // Who knows it is let in from elsewhere at once.
    world.host = "192.0.2.1".into();
    assert!(say(&mut world, "root", "OPER root rootroot").contains(" MODE root +o"));
}

/// After four wrong ones a login to one's own account forgave all of an address.
#[test]
fn ones_own_login_pays_for_no_guess() {
    let mut world = world(|_| ());
    let mut n_seen = 0;
    for n in 0..40 {
        let guess = answers(&mut world, 1, |_| format!("NS IDENTIFY name{n} guess"));
        n_seen += count(&guess, "the password is wrong");
        let own = answers(&mut world, 1, |_| "NS IDENTIFY mallory secret".into());
        // Who is there already stays welcome: nothing of theirs was wrong.
        assert_eq!(count(&own, " 900 "), 1, "{own:?}");
    }
    assert_eq!(n_seen, 10);
    // Where the owner has been, whoever shares their address guesses no more often than anybody.
    let home = answers(&mut world, 1, |_| "NS IDENTIFY ann secret".into());
    assert_eq!(count(&home, " 900 "), 0, "the address has guessed too often");
    world.host = "192.0.2.1".into();
    assert!(say(&mut world, "ann2", "NS IDENTIFY ann secret").contains(" 900 "));
    let said = answers(&mut world, 60, |_| "NS IDENTIFY ann guess".into());
    assert_eq!(count(&said, "the password is wrong"), 5);
}

/// Exchanges that are begun together are counted when their proofs are looked at.
#[test]
fn sixty_exchanges_begun_together_are_not_all_looked_at() {
    let mut world = world(|_| ());
    let bare = "n=ann,r=fyko+d2lbbFgONRv9qkxdawL";
    let mut finals = Vec::new();
    for n in 0..60 {
        let name = format!("s{n}");
        say(&mut world, &name, "AUTHENTICATE SCRAM-SHA-256");
        let first = format!("AUTHENTICATE {}", BASE64.encode(format!("n,,{bare}")));
        let answer = say(&mut world, &name, &first);
        let first = BASE64.decode(answer.strip_prefix("AUTHENTICATE ").unwrap()).unwrap();
        let (last, _) = scram_final("guess", bare, &String::from_utf8(first).unwrap());
        finals.push((name, format!("AUTHENTICATE {}", BASE64.encode(last))));
    }
    let said: Vec<String> = finals.iter().map(|(name, line)| say(&mut world, name, line)).collect();
    assert_eq!((count(&said, "is the password right?"), count(&said, "too many")), (5, 55));
    // The same with passwords as they are, of another address.
    world.host = "192.0.2.1".into();
    world.is_checker_held = true;
    for n in 0..60 {
        say(&mut world, &format!("p{n}"), "AUTHENTICATE PLAIN");
        say(&mut world, &format!("p{n}"), &format!("AUTHENTICATE {}", plain("", "ann", "guess")));
    }
    world.is_checker_held = false;
    world.settle();
    let said: Vec<String> =
        (0..60).map(|n| world.lines(&format!("p{n}")).last().unwrap().clone()).collect();
    assert_eq!((count(&said, "is the password right?"), count(&said, "too many")), (5, 55));
}

/// One line is one guess, whoever it names how often.
#[test]
fn a_line_that_names_a_service_thrice_is_one_guess() {
    let mut world = world(|_| ());
    let line = "PRIVMSG NickServ,NickServ,nickserv,NICKSERV :IDENTIFY ann guess";
    for n in 0..9 {
        let name = format!("a{n}");
        say(&mut world, &name, "PING x");
        world.forget(&name);
        say(&mut world, &name, line);
        let n_answers = world.unexpected(&name).iter().filter(|own| own.contains("NOTICE")).count();
        assert_eq!(n_answers, 1);
        let is_seen = world.unexpected(&name)[0].contains("the password is wrong");
        assert_eq!(is_seen, n < 5, "{n}");
    }
}

/// What says nothing about a secret is no guess.
#[test]
fn only_a_wrong_secret_counts() {
    let mut world = world(|_| ());
    for round in 0..20 {
        for line in [
            "AUTHENTICATE EXTERNAL\r\nAUTHENTICATE +".to_owned(),
            "AUTHENTICATE PLAIN\r\nAUTHENTICATE !!!!".to_owned(),
            "AUTHENTICATE PLAIN\r\nAUTHENTICATE *".to_owned(),
            format!("AUTHENTICATE PLAIN\r\nAUTHENTICATE {}", plain("bob", "ann", "secret")),
            format!("AUTHENTICATE SCRAM-SHA-256\r\nAUTHENTICATE {}", BASE64.encode("n,,n=ann,r=a")),
        ] {
            say(&mut world, "a", &line);
        }
        // It is no second message of this exchange.
        say(&mut world, "a", &format!("AUTHENTICATE {}", BASE64.encode("c=biws,r=b,p=AAAA")));
        assert!(!world.is_closed("a"), "round {round}");
    }
    say(&mut world, "a", "AUTHENTICATE PLAIN");
    let right = format!("AUTHENTICATE {}", plain("", "ann", "secret"));
    assert!(say(&mut world, "a", &right).contains(" 903 "));
}

/// Strangers guess from ever new addresses; whoever knows the password is looked at from anywhere.
#[test]
fn an_owner_comes_in_from_a_new_address_while_strangers_guess() {
    let mut world = world(|_| ());
    for n in 0..75 {
        world.host = format!("198.51.100.{n}").into();
        say(&mut world, &format!("s{n}"), "NS IDENTIFY ann guess");
        world.host = format!("203.0.113.{n}").into();
        let said = say(&mut world, &format!("o{n}"), "NS IDENTIFY ann secret");
        assert!(said.contains(" 900 "), "{n}: {said}");
        world.pass(std::time::Duration::from_secs(1));
    }
}

fn with_password(config: &mut Config) {
    config.password = Some("open sesame".into());
}

/// RFC 2812 §3.1.1 at both doors: hundreds of guesses a second were looked at.
#[test]
fn the_servers_password_is_guessed_slowly() {
    let mut world = world(with_password);
    let come = |world: &mut World, door: Door, password: &str| {
        let name = format!("c{}", world.transcript.len());
        world.open(&name, door);
        let lines = match door {
            Door::Text => format!("{password}\r\nZoe\r\n"),
            _ => format!("PASS :{password}\r\nNICK {name}\r\nUSER u 0 * :U\r\n"),
        };
        world.send_bytes(&name, lines.as_bytes());
        world.settle();
        world.lines(&name).last().unwrap().clone()
    };
    let doors = [Door::Irc, Door::Text];
    let said: Vec<String> =
        (0..100).map(|n| come(&mut world, doors[n % 2], &format!("guess{n}"))).collect();
    let n_seen = count(&said, "missing or wrong");
    assert_eq!((n_seen, count(&said, "too many wrong passwords: try again in ")), (5, 95));
    // Not even the right one, for a moment; from elsewhere it is.
    assert!(come(&mut world, Door::Irc, "open sesame").contains("too many"));
    world.pass(std::time::Duration::from_secs(2));
    assert!(!come(&mut world, Door::Irc, "open sesame").starts_with("ERROR"));
    // And all of that pair is forgotten.
    for door in doors {
        assert!(come(&mut world, door, "guess").contains("missing or wrong"));
        assert!(!come(&mut world, door, "open sesame").contains("wrong"));
    }
    // Who shares an address with somebody who guesses at accounts comes in.
    answers(&mut world, 20, |n| format!("NS IDENTIFY name{n} guess"));
    assert!(!come(&mut world, Door::Irc, "open sesame").contains("wrong"));
}

/// The same words, and in their turn.
#[test]
fn who_gives_no_password_is_turned_away() {
    check_with(
        "new a
         a> NICK a
         a> USER u 0 * :A
         a< :chat.local 464 ? :The server's password is missing or wrong
         a< ERROR :The server's password is missing or wrong
         new b
         b> PASS :open sesame
         b> NICK taken?
         b> USER u 0 * :B
         b< * 432 *
         b> NICK b
         b< * 001 b *",
        with_password,
    );
}

/// <https://ircv3.net/specs/extensions/webirc>
#[test]
fn gateways_passwords_are_guessed_slowly() {
    let mut world = world(|config| {
        let (password, addresses) = ("hunter2".into(), vec!["127.0.0.1/32".parse().unwrap()]);
        config.gateways = vec![Gateway { password, addresses }];
    });
    let come = |world: &mut World, password: &str| {
        let name = format!("w{}", world.transcript.len());
        world.open(&name, Door::Irc);
        let line = format!("WEBIRC {password} gate host 203.0.113.1\r\nPING x\r\n");
        world.send_bytes(&name, line.as_bytes());
        world.settle();
        world.lines(&name).last().unwrap().clone()
    };
    let said: Vec<String> = (0..100).map(|n| come(&mut world, &format!("guess{n}"))).collect();
    assert_eq!((count(&said, "for gateways"), count(&said, "too many wrong")), (5, 95));
    world.pass(std::time::Duration::from_secs(2));
    assert!(come(&mut world, "hunter2").contains("PONG"));
}

/// Sixty-three connections of one address log in over and over; another one waits for one of their checks.
#[test]
fn one_address_makes_nobody_wait() {
    let mut world = world(|_| ());
    world.is_checker_held = true;
    let log_in = |world: &mut World, name: &str| {
        say(world, name, "AUTHENTICATE PLAIN");
        say(world, name, &format!("AUTHENTICATE {}", plain("", "ann", "secret")));
    };
    for n in 0..63 {
        log_in(&mut world, &format!("m{n}"));
    }
    let theirs = world.take_checks();
    assert_eq!(theirs.len(), 1, "one of an address is under check");
    world.host = "192.0.2.1".into();
    log_in(&mut world, "owner");
    let others = world.take_checks();
    assert_eq!(others.len(), 1, "it need not wait for a turn of the others");
    world.give_checks(others);
    world.is_checker_held = false;
    world.settle();
    assert!(world.lines("owner").last().unwrap().contains(" 903 "));
    let is_in = |world: &World, n: usize| {
        world.lines(&format!("m{n}")).iter().any(|line| line.contains(" 903 "))
    };
    assert!((0..63).all(|n| !is_in(&world, n)));
    world.give_checks(theirs);
    world.settle();
    assert!((0..63).all(|n| is_in(&world, n)), "and all have their turn");
}

/// Who goes while theirs waits costs nobody a check.
#[test]
fn nothing_is_checked_for_those_who_have_gone() {
    let mut world = world(|_| ());
    world.is_checker_held = true;
    for n in 0..10 {
        let name = format!("m{n}");
        world.open(&name, Door::Irc);
        let lines = format!(
            "CAP REQ :sasl\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE {}\r\n",
            plain("", "ann", "x")
        );
        world.send_bytes(&name, lines.as_bytes());
        world.settle();
        world.drop_connection(&name);
        world.settle();
    }
    let first = world.take_checks();
    world.give_checks(first);
    world.is_checker_held = false;
    world.settle();
    // Of their guesses one has been looked at.
    let said = answers(&mut world, 10, |_| "NS IDENTIFY ann guess".into());
    assert_eq!(count(&said, "the password is wrong"), 4);
}

/// Logins are counted whether they are right or not, since each costs as much.
#[test]
fn logins_are_counted_by_address() {
    let mut world = world(|config| {
        config.limits.logins = Some(RateLimit { burst: 3.0, per_second: 0.5 });
    });
    for n in 0..5 {
        let said = say(&mut world, "a", "NS IDENTIFY ann secret");
        assert_eq!(said.contains(" 900 "), n < 3, "{said}");
        assert_eq!(said.contains("too many logins from where you are: try again in "), n >= 3);
    }
    world.pass(std::time::Duration::from_secs(2));
    assert!(say(&mut world, "a", "NS IDENTIFY ann secret").contains(" 900 "));
    world.host = "192.0.2.1".into();
    assert!(say(&mut world, "b", "NS IDENTIFY ann secret").contains(" 900 "));
}

fn with_tls(config: &mut Config) {
    config.tls_listen = vec!["0.0.0.0:6697".into()];
    config.password = Some("open sesame".into());
}

/// The words of a server with TLS to what comes without it, from this computer and from another one.
fn without_tls(host: &str, change: impl Fn(&mut Config)) -> Vec<(&'static str, bool)> {
    let mut world = world(|config| {
        with_tls(config);
        change(config);
    });
    world.host = host.into();
    let is_refused = |line: &str| line.contains("passwords are taken over TLS alone");
    world.open("a", Door::Irc);
    world.send_bytes("a", b"PASS :open sesame\r\nNICK a\r\nUSER u 0 * :U\r\n");
    world.settle();
    let mut said = vec![("PASS", is_refused(world.lines("a").last().unwrap()))];
    world.open("t", Door::Text);
    world.send_bytes("t", b"open sesame\r\nZoe\r\n");
    world.settle();
    said.push(("text", world.lines("t").iter().any(|line| is_refused(line))));
    world.reload(|config| config.password = None);
    world.open("c", Door::Irc);
    world.send_bytes("c", b"CAP LS 302\r\n");
    world.settle();
    let offered = world.lines("c").join(" ");
    said.push(("offer", !offered.contains("account-registration")));
    said.push(("offer", !offered.contains("sasl=EXTERNAL,PLAIN,SCRAM-SHA-256")));
    assert!(offered.contains("SCRAM-SHA-256"));
    assert_eq!(say(&mut world, "b", "AUTHENTICATE SCRAM-SHA-256"), "AUTHENTICATE +");
    say(&mut world, "b", "AUTHENTICATE *");
    for line in ["NS REGISTER correcthorse", "AUTHENTICATE PLAIN", "OPER root rootroot"] {
        said.push((line, is_refused(&say(&mut world, "b", line))));
    }
    let line = "NS IDENTIFY ann secret";
    said.push((line, is_refused(&say(&mut world, "d", line))));
    said
}

/// Where TLS is spoken no password is asked for where others can read it, and none is looked at.
#[test]
fn passwords_come_over_tls_where_there_is_tls() {
    let all_are = |said: Vec<(&str, bool)>, is_refused: bool| {
        assert!(said.iter().all(|(_, own)| *own == is_refused), "{said:?}");
    };
    all_are(without_tls("192.0.2.1", |_| ()), true);
    all_are(without_tls("2001:db8::1", |_| ()), true);
    all_are(without_tls("127.0.0.1", |_| ()), false);
    all_are(without_tls("192.0.2.1", |config| config.tls_listen.clear()), false);
    // A proxy before it may be the one that speaks TLS.
    all_are(without_tls("192.0.2.1", |config| config.plain_passwords = true), false);
}

/// The way to the gateway counts as well as the one from there to whom it passes on.
#[test]
fn a_gateway_says_whether_it_was_spoken_to_over_tls() {
    for (options, is_refused) in [("secure", false), ("", true)] {
        let mut world = world(|config| {
            with_tls(config);
            config.password = None;
            let (password, addresses) = ("hunter2".into(), vec!["127.0.0.1/32".parse().unwrap()]);
            config.gateways = vec![Gateway { password, addresses }];
        });
        world.open("a", Door::Irc);
        let line = format!(
            "WEBIRC hunter2 gate host 203.0.113.1 :{options}\r\nNICK a\r\nUSER u 0 * :U\r\n"
        );
        world.send_bytes("a", line.as_bytes());
        world.settle();
        let said = say(&mut world, "a", "NS IDENTIFY ann secret");
        assert_eq!(said.contains("over TLS alone"), is_refused, "{options}: {said}");
    }
}

/// `NAMES #a,#a,...` took 20 KB in and gave 126 MB out.
#[test]
fn a_line_is_answered_once_for_each_target() {
    check_with(
        "a> JOIN #a
         a> PING joined
         a< * PONG *
         b> JOIN #a
         b< * 366 b #a *
         b> NAMES #a,#a,#A,#a,#a,#a,#a
         b< * 353 b ? #a *
         b< * 366 b #a *
         b! *
         b> NAMES #a,#b,#c,#d,#e,#f
         b< * 353 b ? #a *
         b< * 366 b #d *
         b< * 407 b #e *
         b! *
         b> LIST #a,#a,#b,#c,#d,#e
         b< * 407 b #e *
         b! *
         b> LIST *a*,*b*,*c*,*d*,*e*
         b< * 407 b LIST *
         b! *
         a> MODE #a +zzzzzyzy
         a< * 472 a z *
         a< * 472 a y *
         a! *",
        |_| (),
    );
}

/// Behind a gateway everybody had as many connections as there were.
#[test]
fn whom_a_gateway_passes_on_is_counted_where_they_are() {
    let server = TestServer::with(|config| {
        let (password, addresses) = ("hunter2".into(), vec!["127.0.0.1/32".parse().unwrap()]);
        config.gateways = vec![Gateway { password, addresses }];
        config.limits.clients_per_address_max = Some(2);
        config.limits.exempt_addresses = vec!["127.0.0.1/32".parse().unwrap()];
    });
    let pass_on = |address: &str| {
        let mut client = TestClient::connect(server.address());
        client.send(&format!("WEBIRC hunter2 gate host {address}"));
        client.send("PING x");
        client
    };
    let mut two = ["203.0.113.1"; 2].map(pass_on);
    for client in &mut two {
        client.expect("* PONG *");
    }
    let mut third = pass_on("203.0.113.1");
    third.expect("ERROR :There are too many connections from your address");
    pass_on("203.0.113.2").expect("* PONG *");
}
