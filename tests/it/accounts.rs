//! Accounts that people register: with `REGISTER`, and in messages to NickServ.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_server::{Config, auth::scram_credentials, config::Account, hub::Door};
use chat_tests::{
    TestClient, TestServer,
    folder::TempFolder,
    operators::{OPER_ROOT, with_root},
    script::{check, check_with},
    world::{SimLog, World},
};

use crate::sasl::scram_final;

fn plain(name: &str, password: &str) -> String {
    BASE64.encode(format!("\0{name}\0{password}"))
}

/// <https://ircv3.net/specs/extensions/account-registration>
#[test]
fn an_account_is_registered_for_the_nick_one_has() {
    check(&format!(
        r"
        caps ann draft/account-registration
        caps bob extended-join account-notify
        ann> JOIN #x
        ann< * 366 ann #x *
        bob> JOIN #x
        bob< * 366 bob #x *
        ann> REGISTER * * tausendschön
        ann< :chat.local REGISTER SUCCESS ann :ann is registered*
        ann< * 900 ann ann!u@127.0.0.1 ann :You are now logged in as ann
        bob< :ann!u@127.0.0.1 ACCOUNT ann
        ann> REGISTER * * tausendschön
        ann< :chat.local FAIL REGISTER ALREADY_AUTHENTICATED ann :*
        ann> VERIFY ann 1
        ann< :chat.local FAIL VERIFY ALREADY_AUTHENTICATED ann :*
        ann> WHOIS ann
        ann< * 330 ann ann ann :*
        bob> VERIFY bob 1
        bob< * FAIL VERIFY INVALID_CODE * :accounts need not be verified here*
        bob> REGISTER BOB bob@example.org correcthorse
        bob< * REGISTER SUCCESS bob :*
        bob< * 900 *
        drop ann
        new c
        c> CAP REQ :sasl
        c> AUTHENTICATE PLAIN
        c> AUTHENTICATE {wrong}
        c< * 904 *
        c> AUTHENTICATE PLAIN
        c> AUTHENTICATE {right}
        c< * 900 * * ann *
        c> NICK ann
        c> USER u 0 * :c
        c> CAP END
        c< * 001 ann *
        ",
        wrong = plain("ann", "tausend"),
        right = plain("Ann", "tausendschön"),
    ));
}

/// Where it is allowed, an account is there before its owner is (account-registration, `before-connect`).
#[test]
fn an_account_is_registered_before_connecting_where_that_is_allowed() {
    let allowed = |config: &mut Config| config.registration_before_connect = true;
    check_with(
        r"
        new n
        n> CAP LS 302
        n< * CAP * LS *draft/account-registration=before-connect*
        n> CAP REQ :draft/account-registration
        n> REGISTER * * correcthorse
        n< :chat.local FAIL REGISTER NEED_NICK ? :an account has the name of your nick*
        n> REGISTER * *
        n< :chat.local 461 * REGISTER :*
        n> NICK tester
        n> REGISTER other * correcthorse
        n< :chat.local FAIL REGISTER ACCOUNT_NAME_MUST_BE_NICK other :*
        n> REGISTER * * short
        n< :chat.local FAIL REGISTER WEAK_PASSWORD tester :*
        n> VERIFY tester 1
        n< :chat.local FAIL VERIFY INVALID_CODE tester :*
        n> NICK 1bad
        n> REGISTER * * correcthorse
        n< :chat.local FAIL REGISTER BAD_ACCOUNT_NAME 1bad :*
        n> NICK Server
        n> REGISTER * * correcthorse
        n< :chat.local FAIL REGISTER BAD_ACCOUNT_NAME Server :*
        // A nick that somebody has is theirs.
        guest> PING x
        n> NICK Guest
        n> REGISTER * * correcthorse
        n< :chat.local FAIL REGISTER BAD_ACCOUNT_NAME Guest :this nick is in use*
        n> NICK tester
        n> REGISTER TESTER tester@example.org correcthorse
        n< :chat.local REGISTER SUCCESS tester :*
        n< :chat.local 900 * ? tester :You are now logged in as tester
        n> REGISTER * * correcthorse
        n< :chat.local FAIL REGISTER ALREADY_AUTHENTICATED tester :*
        n> VERIFY tester 1
        n< :chat.local FAIL VERIFY ALREADY_AUTHENTICATED tester :*
        n> USER u 0 * :T
        n> CAP END
        n< :chat.local 001 tester *
        n> WHOIS tester
        n< :chat.local 330 tester tester tester *
        // It exists, also for who has not connected.
        new m
        m> NICK TESTER
        m> REGISTER * * correcthorse
        m< :chat.local FAIL REGISTER ACCOUNT_EXISTS TESTER :*
        m> USER u 0 * :M
        m< :chat.local 433 * TESTER *
        m> REGISTER * * correcthorse
        m< :chat.local FAIL REGISTER ACCOUNT_EXISTS TESTER :*
        m> NICK other
        m< :chat.local 001 other *
        // With a label.
        new k
        k> CAP REQ :batch labeled-response
        k> NICK kay
        k> @label=1 REGISTER * * correcthorse
        k< @label=1 :chat.local BATCH +* labeled-response
        k< @batch=* REGISTER SUCCESS kay :*
        k< @batch=* 900 * ? kay :*
        k> USER u 0 * :K
        k> CAP END
        k< * 001 kay *
        ",
        allowed,
    );
    // Who was called so as a guest meanwhile, is so no more.
    check_with(
        "hold log
         new n
         n> CAP REQ :draft/account-registration
         n> NICK ann
         n> REGISTER * * correcthorse
         guest> NICK ann
         guest< * NICK ann
         free log
         n< * REGISTER SUCCESS ann :*
         guest< * NICK USR*",
        allowed,
    );
}

/// What is said behind it waits for it, in order, and so does who one is.
#[test]
fn who_registers_an_account_first_comes_in_with_it() {
    let lines = "CAP REQ :draft/account-registration\r\nNICK ann\r\nREGISTER * * correcthorse\r\n\
                 USER u 0 * :A\r\nCAP END\r\nJOIN #x\r\nPING end\r\n";
    let words = |world: &World| -> Vec<String> {
        let word = |line: &String| line.split(' ').nth(1).unwrap().to_owned();
        let told = ["REGISTER", "FAIL", "900", "001", "JOIN", "PONG"];
        world.lines("n").iter().map(word).filter(|word| told.contains(&&**word)).collect()
    };
    let mut world = World::new(1, SimLog::default(), |config| {
        config.registration_before_connect = true;
        config.auto_join = false;
    });
    world.open("n", Door::Irc);
    world.send_bytes("n", lines.as_bytes());
    world.settle();
    assert_eq!(
        words(&world),
        ["REGISTER", "900", "001", "JOIN", "PONG"],
        "{:#?}",
        world.lines("n")
    );
    // Whoever goes meanwhile leaves the name to others.
    world.is_checker_held = true;
    world.open("gone", Door::Irc);
    world.send_bytes("gone", lines.replace("ann", "bob").as_bytes());
    world.settle();
    world.drop_connection("gone");
    world.settle();
    let checks = world.take_checks();
    world.is_checker_held = false;
    world.give_checks(checks);
    world.settle();
    world.open("m", Door::Irc);
    world.send_bytes("m", lines.replace("ann", "bob").as_bytes());
    world.settle();
    assert!(world.expect("m", "* REGISTER SUCCESS bob *"), "{:#?}", world.lines("m"));
    // What takes too long is said to, and holds up nobody longer.
    check_with(
        "hold log
         new n
         n> CAP REQ :draft/account-registration
         n> NICK ann
         n> REGISTER * * correcthorse
         n> USER u 0 * :A
         n> CAP END
         n! * 001 *
         wait 16
         n< :chat.local FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :*
         n< :chat.local 001 ann *
         free log
         n< :chat.local REGISTER SUCCESS ann :*
         n< :chat.local 900 ann ann!u@127.0.0.1 ann :*",
        |config| config.registration_before_connect = true,
    );
}

/// It is no way around what else keeps people out: "requirements that clients send a server password with PASS".
#[test]
fn registering_first_is_no_way_around_the_servers_doors() {
    let allowed = |config: &mut Config| config.registration_before_connect = true;
    let with_password = |config: &mut Config| {
        allowed(config);
        config.password = Some("secret".into());
    };
    check_with(
        "new n
         n> NICK ann
         n> REGISTER * * correcthorse
         n< :chat.local FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :this server has a password*
         n> PASS secret
         n> REGISTER * * correcthorse
         n< :chat.local REGISTER SUCCESS ann :*
         n< :chat.local 900 *
         n> USER u 0 * :A
         n< :chat.local 001 ann *
         new m
         m> NICK bob
         m> PASS wrong
         m> REGISTER * * correcthorse
         m< :chat.local 464 * :*
         m< ERROR *
         m! * REGISTER SUCCESS *",
        with_password,
    );
    check_with(
        &format!(
            "from 192.0.2.1
         new n
         n> CAP REQ :draft/account-registration
         n> NICK ann
         from 198.51.100.1
         new m
         m> CAP REQ :draft/account-registration
         m> NICK bob
         from 127.0.0.1
         {OPER_ROOT}         root> OS BAN 192.0.2.0/24 1h spam
         root> OS BAN ~a:BOB 1h spam
         n> REGISTER * * correcthorse
         n< :chat.local FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :*spam*
         m> REGISTER * * correcthorse
         m< :chat.local FAIL REGISTER BAD_ACCOUNT_NAME bob :this name is banned from*
         m> NICK keeper
         m> REGISTER * * correcthorse
         m< :chat.local FAIL REGISTER BAD_ACCOUNT_NAME keeper :this account is to look after*
         // Nor is it one of NickServ's.
         c> NICK bob
         c> NS REGISTER correcthorse
         c< * NOTICE bob :this name is banned from*"
        ),
        |config| {
            allowed(config);
            with_root(config);
            config.room_operators = vec!["Keeper".into()];
        },
    );
    // It is counted with what is registered later.
    check_with(
        "new n
         n> NICK ann
         n> REGISTER * * correcthorse
         n< * REGISTER SUCCESS ann *
         new m
         m> NICK bob
         m> REGISTER * * correcthorse
         m< :chat.local FAIL REGISTER TEMPORARILY_UNAVAILABLE bob :too many accounts*
         m> USER u 0 * :B
         m< * 001 bob *
         m> NS REGISTER correcthorse
         m< * NOTICE bob :too many accounts*",
        |config| {
            allowed(config);
            config.limits.registrations_per_hour_max = 1;
        },
    );
    // Passwords are not taken where others can read them.
    let mut world = World::new(1, SimLog::default(), |config| {
        allowed(config);
        config.tls_listen = vec!["0.0.0.0:6697".into()];
    });
    world.host = "192.0.2.1".into();
    world.open("n", Door::Irc);
    world.send_bytes("n", b"CAP LS 302\r\nNICK ann\r\nREGISTER * * correcthorse\r\n");
    world.settle();
    assert!(world.lines("n").iter().all(|line| !line.contains("account-registration")));
    assert!(world.expect("n", "* FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :passwords are*"));
}

/// One rule for the names of accounts, wherever one can be given: letters of ASCII are the same in capitals.
#[test]
fn the_name_of_an_account_is_the_same_in_capitals_everywhere() {
    let (secret, scram) =
        (chat_server::auth::hash("secret").unwrap(), scram_credentials("secret").unwrap());
    for (name, other) in [("Ann", "ANN"), ("ann", "Ann"), ("ANN", "ann")] {
        let login = BASE64.encode(format!("{other}\0{name}\0secret"));
        let script = format!(
            "// SASL, by both names; the account tag and WHOX have the account's own spelling.
             caps w account-tag message-tags extended-join
             w> JOIN #r
             new a
             a> CAP REQ :sasl
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {login}
             a< * 900 * ? Ann *
             a> NICK {name}
             a> USER u 0 * :A
             a> CAP END
             a< * 001 {name} *
             a> JOIN #r
             w< @account=Ann* JOIN #r Ann :A
             w> WHO {other} %na
             w< * 354 w {name} Ann
             // Bans, exceptions and invitations.
             w> MODE #r +b ~a:{other}
             w> MODE #r +b ~account:{name}
             a> PRIVMSG #r :banned
             a< * 404 {name} #r *
             a> PART #r
             a> JOIN #r
             a< * 474 {name} #r *
             w> MODE #r +e ~a:{other}
             a> JOIN #r
             a< :{name}!* JOIN #r
             a> PART #r
             w> MODE #r -e ~a:{name}
             w< * MODE #r -e ~a:*
             w> MODE #r -bb ~a:{name} ~account:{other}
             w< * MODE #r -bb *
             w> MODE #r +iI ~account:{name}
             a> JOIN #r
             a< :{name}!* JOIN #r
             // Services.
             w> NS INFO {other}
             w< * NOTICE w :*Ann*
             w> NS REGISTER correcthorse
             w< * 900 *
             w> CS REGISTER #r
             w> CS OP #r {other}
             w< * MODE #r +o {name}
             w> CS ACCESS #r
             w< * NOTICE w :*Ann*
             w> CS DEOP #r {name}
             w< * MODE #r -o {name}
             w> CS GIVE #r {other}
             w< * NOTICE w :*Ann*
             a> CS END #r
             a< * NOTICE {name} :*
             // The nick is the account's, the room in the configuration too.
             b> NICK {other}
             b< * 433 b {other} *
             a> JOIN #lobby
             a< * 353 {name} = #lobby *@{name}*
             b> NS IDENTIFY {other} secret
             b< * 900 b b!* Ann *
             b> NS LOGOUT
             // What is about nobody's account yet: REGISTER and its own name, and DROP.
             zoe> REGISTER {zoe} * correcthorse
             zoe< * REGISTER SUCCESS zoe *
             zoe> NS DROP {zoe} correcthorse
             zoe< * NOTICE zoe :the account zoe is no more
             // Bans from the server.
             {OPER_ROOT}root> OS BAN ~account:{other} 1h spam
             a< ERROR *
             root> OS UNBAN ~a:{name}
             root> OS BANS
             root! * ~a:ann*",
            zoe = if name == "ann" { "zoe" } else { "ZOE" },
        );
        let change = |config: &mut Config| {
            let own = (secret.clone(), scram.clone());
            config.accounts = vec![Account {
                name: "Ann".into(),
                password: own.0,
                scram: Some(own.1),
                fingerprints: vec!["ab12".into()],
            }];
            config.room_operators = vec![other.into()];
            with_root(config);
        };
        check_with(&script, change);
        // SCRAM, and EXTERNAL for somebody named.
        let mut world = World::new(1, SimLog::default(), change);
        world.open("a", Door::Irc);
        let mut say = |line: &str| {
            world.send_bytes("a", format!("{line}\r\n").as_bytes());
            world.settle();
            world.lines("a").last().cloned().unwrap_or_default()
        };
        say("CAP REQ :sasl");
        say("AUTHENTICATE SCRAM-SHA-256");
        let bare = format!("n={name},r=fyko+d2lbbFgONRv9qkxdawL");
        let first = BASE64.encode(format!("n,a={other},{bare}"));
        let answer = say(&format!("AUTHENTICATE {first}"));
        let answer = BASE64.decode(answer.strip_prefix("AUTHENTICATE ").unwrap()).unwrap();
        let (last, _) = scram_final("secret", &bare, &String::from_utf8(answer).unwrap());
        say(&format!("AUTHENTICATE {}", BASE64.encode(last)));
        assert!(say("AUTHENTICATE +").contains(" 903 "));
        let external = BASE64.encode(other);
        check_with(
            &format!(
                "cert ab12
                 new a
                 a> CAP REQ :sasl
                 a> AUTHENTICATE EXTERNAL
                 a> AUTHENTICATE {external}
                 a< * 900 * ? Ann *"
            ),
            change,
        );
    }
}

/// <https://ircv3.net/specs/extensions/account-registration>, "Responses"
#[test]
fn what_cannot_be_registered_is_said_why() {
    let long = "x".repeat(301);
    check(&format!(
        r"
        new early
        early> REGISTER * * correcthorse
        early< * FAIL REGISTER COMPLETE_CONNECTION_REQUIRED :connect first: *
        early> CAP REQ :draft/account-registration
        early< * CAP * ACK *
        early> NICK early
        early> USER u 0 * :e
        early> CAP END
        early< * 001 *
        caps ann draft/account-registration
        ann> REGISTER other * correcthorse
        ann< :chat.local FAIL REGISTER ACCOUNT_NAME_MUST_BE_NICK other :*
        ann> REGISTER * * short
        ann< :chat.local FAIL REGISTER WEAK_PASSWORD ann :a password has at least 8 characters*
        ann> REGISTER * * {long}
        ann< :chat.local FAIL REGISTER UNACCEPTABLE_PASSWORD ann :*
        ann> REGISTER * *
        ann< * 461 ann REGISTER *
        ann> VERIFY ann
        ann< * 461 ann VERIFY *
        ann> NICK passwords
        ann> REGISTER * * PASSWORDS
        ann< :chat.local FAIL REGISTER WEAK_PASSWORD passwords :your name is no password*
        ann> VERIFY passwords 123
        ann< :chat.local FAIL VERIFY INVALID_CODE passwords :*
        "
    ));
    // In the session of one who has a nick that is taken.
    check(
        r"
        connect
        a> PING 1
        new b
        b> CAP REQ :draft/account-registration
        b> NICK a
        b> USER u 0 * :b
        b> CAP END
        b< * 433 * a *
        b> REGISTER * * correcthorse
        b< :chat.local FAIL REGISTER COMPLETE_CONNECTION_REQUIRED :*
        b> VERIFY a 1
        b< :chat.local FAIL VERIFY COMPLETE_CONNECTION_REQUIRED :*
        "
        .replace("connect\n", "\n")
        .as_str(),
    );
}

#[test]
fn where_nobody_may_register_it_is_not_offered() {
    check_with(
        r"
        new z
        z> CAP LS 302
        z! *account-registration*
        a> NS REGISTER correcthorse
        a< :NickServ!services@chat.local NOTICE a :accounts cannot be registered here*
        ",
        |config| config.registration = false,
    );
}

/// A nick is its account's, and so is what looks like it.
#[test]
fn a_registered_nick_is_its_accounts() {
    check(&format!(
        r"
        alice> NS REGISTER correcthorse
        alice< :NickServ!services@chat.local NOTICE alice :alice is registered*
        alice< * 900 *
        bob> NICK a1ice
        bob< * 433 bob a1ice :This nick belongs to an account*
        bob> NICK AIICE
        bob< * NICK AIICE
        bob> NICK AIice
        bob< * 433 AIICE AIice *
        bob> NICK alicia
        bob< * NICK alicia
        // Its owner may be called what looks like it.
        alice> NICK a1ice
        alice< * NICK a1ice
        alice> NICK alice
        drop alice
        new z
        z> NICK Alice
        z> USER u 0 * :z
        z< * 433 * Alice :This nick belongs to an account*
        z> NICK zoe
        z< * 001 zoe *
        z> NS IDENTIFY alice wronghorse
        z< :NickServ!* NOTICE zoe :the password is wrong
        z> NS IDENTIFY alice correcthorse
        z< * 900 zoe zoe!u@127.0.0.1 alice *
        z> NICK alice
        z< * NICK alice
        // Whoever logs out has it no more.
        z> NS LOGOUT
        z< * NICK USR1
        z< * 901 USR1 USR1!u@127.0.0.1 :You are logged out
        text guest
        guest> alice
        guest< Welcome, alice1! *
        new y
        y> CAP REQ :sasl
        y> AUTHENTICATE PLAIN
        y> AUTHENTICATE {right}
        y< * 900 *
        y> NICK alice
        y> USER u 0 * :y
        y> CAP END
        y< * 001 alice *
        ",
        right = plain("alice", "correcthorse"),
    ));
}

#[test]
fn the_nick_of_an_account_of_the_configuration_is_its_too() {
    check_with(
        r"
        bob> NICK Ann
        bob< * 433 bob Ann :This nick belongs to an account*
        bob> NS INFO ann
        bob< * NOTICE bob :there is no such account, or nobody of it is here
        bob> NS IDENTIFY ann secret
        bob< * 900 bob * Ann *
        bob> NS INFO ann
        bob< * NOTICE bob :Ann is an account of this server
        bob> NS PASSWORD secret correcthorse
        bob< * NOTICE bob :this account is in the server's configuration*
        bob> NS DROP ann secret
        bob< * NOTICE bob :this account is in the server's configuration*
        ",
        with_ann,
    );
}

fn with_ann(config: &mut Config) {
    config.accounts = vec![Account {
        name: "Ann".into(),
        password: chat_server::auth::hash("secret").unwrap(),
        scram: None,
        fingerprints: Vec::new(),
    }];
}

#[test]
fn nickserv_answers_in_words() {
    let fingerprint = "ab".repeat(32);
    check(
        &format!(
            r"
        caps ann echo-message
        ann> PRIVMSG NickServ :help
        ann< :ann!u@127.0.0.1 PRIVMSG NickServ :help
        ann< :NickServ!services@chat.local NOTICE ann :REGISTER password*
        ann< * NOTICE ann :DROP account password*
        ann> NOTICE nickserv :help
        ann< :ann!* NOTICE NickServ :help
        ann! *NOTICE ann :*
        ann> NICKSERV nonsense
        ann< * NOTICE ann :this is not understood: write HELP
        ann> NS
        ann< * NOTICE ann :REGISTER password*
        ann> NS register
        ann< * NOTICE ann :write REGISTER password: an account for the nick you have
        ann> NS sessions
        ann< * NOTICE ann :you are not logged in: *
        ann> NS REGISTER correcthorse
        ann< * NOTICE ann :ann is registered: *
        ann> NS INFO
        ann< * NOTICE ann :ann was registered at 20*
        ann> NS INFO nobody
        ann< * NOTICE ann :there is no such account, or nobody of it is here
        ann> NS PASSWORD wronghorse batterystaple
        ann< * NOTICE ann :the password is wrong
        ann> NS PASSWORD correcthorse short
        ann< * NOTICE ann :a password has at least 8 characters*
        ann> NS PASSWORD correcthorse batterystaple
        ann< * NOTICE ann :your password is changed
        ann> NS CERT
        ann< * NOTICE ann :no certificate logs in to your account
        ann> NS CERT ADD
        ann< * NOTICE ann :you show no certificate*
        ann> NS CERT ADD 12
        ann< * NOTICE ann :a fingerprint is 64 hexadecimal digits
        ann> NS CERT ADD {fingerprint}
        ann< * NOTICE ann :you do not show this certificate: write your password behind it
        ann> NS CERT ADD {fingerprint} wronghorse
        ann< * NOTICE ann :the password is wrong
        ann> NS CERT ADD {fingerprint} batterystaple
        ann< * NOTICE ann :the certificate {fingerprint} logs in to your account from now on
        ann> NS CERT ADD {fingerprint} batterystaple
        ann< * NOTICE ann :this certificate logs in to an account already
        ann> NS CERT
        ann< * NOTICE ann :{fingerprint}
        ann> NS CERT DEL {fingerprint}
        ann< * NOTICE ann :the certificate {fingerprint} does not log in to your account any more
        ann> NS CERT DEL {fingerprint}
        ann< * NOTICE ann :this certificate does not log in to your account
        ann> NS CERT FRY
        ann< * NOTICE ann :write CERT, *
        bob> NS IDENTIFY ann correcthorse
        bob< * NOTICE bob :the password is wrong
        bob> NS IDENTIFY ann batterystaple
        bob< * 900 *
        bob> NS SESSIONS
        bob< * NOTICE bob :1: ann from 127.0.0.1, since 20*, without TLS
        bob< * NOTICE bob :2: bob from 127.0.0.1, since 20*, without TLS (this one)
        bob> NS END 3
        bob< * NOTICE bob :there is no session of that number*
        bob> NS END 1
        bob< * NOTICE bob :the session is ended
        ann< ERROR *
        bob> NS DROP ann wronghorse
        bob< * NOTICE bob :the password is wrong
        bob> NS DROP other batterystaple
        bob< * NOTICE bob :you are logged in to ann: only that one can be dropped
        bob> NS DROP ann batterystaple
        bob< * 901 *
        bob< * NOTICE bob :the account ann is no more
        bob> NICK ann
        bob< * NICK ann
        bob> WHOIS NickServ
        bob< * 311 ann NickServ services chat.local \* :Accounts*
        bob< * 318 ann NickServ *
        bob> TAGMSG NickServ
        bob! * 401 *
        "
        )
        .replace("\\*", "*"),
    );
}

/// The lines of a script with which Ann, on a connection that shows the certificate, registers an account and adds it to that.
pub(crate) fn with_certificate(fingerprint: &str) -> String {
    format!(
        "cert {fingerprint}
         new ann
         ann> NICK ann
         ann> USER u 0 * :a
         ann< * 001 *
         ann> NS REGISTER correcthorse
         ann< * 900 *
         ann> NS CERT ADD
         ann< * NOTICE ann :the certificate {fingerprint} logs in to your account from now on\n"
    )
}

/// The lines with which `name` logs in by the certificate, as far as the answer.
pub(crate) fn by_certificate(name: &str, fingerprint: &str) -> String {
    format!(
        "cert {fingerprint}
         new {name}
         {name}> CAP REQ :sasl
         {name}> AUTHENTICATE EXTERNAL
         {name}> AUTHENTICATE +\n"
    )
}

/// A certificate logs in to the account that its owner has added it to.
#[test]
fn a_certificate_that_was_added_logs_in() {
    let fingerprint = "ab".repeat(32);
    let [c, d] = ["c", "d"].map(|name| by_certificate(name, &fingerprint));
    check(&format!(
        r"
        {}
        bob> NS REGISTER correcthorse
        bob< * 900 *
        bob> NS CERT ADD {fingerprint}
        bob< * NOTICE bob :this certificate logs in to an account already
        {c}
        c< * 900 * * ann *
        ann> NS CERT DEL {fingerprint}
        ann< * NOTICE ann :*does not log in*
        {d}
        d< * 904 *
        ",
        with_certificate(&fingerprint)
    ));
    let add = |number: u32| {
        format!(
            "ann> NS CERT ADD {number:064x} correcthorse\nann< * NOTICE ann :the certificate *{number:x} logs in*\n"
        )
    };
    let all: String = (0..10).map(add).collect();
    check(&format!(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         {all}
         ann> NS CERT ADD {:064x} correcthorse
         ann< * NOTICE ann :your account has as many certificates as it may have*",
        10
    ));
}

/// Nothing is told before it is kept, and a name is nobody else's meanwhile.
#[test]
fn an_account_is_kept_before_it_is_told() {
    check(
        r"
        hold log
        ann> NS REGISTER correcthorse
        ann! *NOTICE*
        ann> WHOIS ann
        ann! * 318 *
        bob> WHOIS ann
        bob! * 330 *
        bob< * 318 *
        free log
        ann< * NOTICE ann :ann is registered*
        ann< * 330 ann ann ann *
        ",
    );
    // It is held by time alone.
    check(
        r"
        hold log
        caps ann draft/account-registration
        ann> REGISTER * * correcthorse
        wait 16
        ann< * FAIL REGISTER TEMPORARILY_UNAVAILABLE ann :storing it takes too long*
        ann> PING x
        ann< * PONG *
        ann> REGISTER * * correcthorse
        ann< * FAIL REGISTER ACCOUNT_EXISTS ann :somebody else*
        free log
        ann< * 900 *
        ann> REGISTER * * correcthorse
        ann< * FAIL REGISTER ALREADY_AUTHENTICATED *
        ",
    );
}

/// What the log never answers is forgotten, and the name is free.
#[test]
fn a_name_that_was_never_kept_is_free_again() {
    check(
        r"
        caps ann draft/account-registration
        hold log
        ann> REGISTER * * correcthorse
        wait 16
        ann< * FAIL REGISTER TEMPORARILY_UNAVAILABLE *
        ann> REGISTER * * correcthorse
        ann< * FAIL REGISTER ACCOUNT_EXISTS ann :somebody else*
        wait 160
        ann> PING x
        ann< * PONG *
        ann> REGISTER * * correcthorse
        wait 16
        ann< * FAIL REGISTER TEMPORARILY_UNAVAILABLE *
        ",
    );
}

/// Guessing becomes slow, by address and by account.
#[test]
fn guesses_wait_longer_and_longer() {
    let guess = |nick: &str| {
        format!(
            "{nick}> NS IDENTIFY ann wronghorse
             {nick}< * NOTICE {nick} :the password is wrong
             {nick}> NS IDENTIFY ann wronghorse
             {nick}< * NOTICE {nick} :the password is wrong\n"
        )
    };
    check(&format!(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         {}{}
         c> NS IDENTIFY ann wronghorse
         c< * NOTICE c :the password is wrong
         d> NS IDENTIFY ann correcthorse
         d< * NOTICE d :too many wrong passwords: try again in 2 seconds
         new e
         e> CAP REQ :sasl
         e> AUTHENTICATE PLAIN
         e> AUTHENTICATE {}
         e< * 904 * :too many wrong passwords: try again in 2 seconds
         e> AUTHENTICATE SCRAM-SHA-256
         e> AUTHENTICATE {}
         e< * 904 * :too many wrong passwords: *
         ann> NS PASSWORD correcthorse batterystaple
         ann< * NOTICE ann :too many wrong passwords: *
         wait 3
         d> NS IDENTIFY ann correcthorse
         d< * 900 *
         // And all is forgiven.
         ann> NS PASSWORD wronghorse batterystaple
         ann< * NOTICE ann :the password is wrong
         ann> NS PASSWORD correcthorse batterystaple
         ann< * NOTICE ann :your password is changed*",
        guess("a"),
        guess("b"),
        plain("ann", "correcthorse"),
        BASE64.encode("n,,n=ann,r=abc"),
    ));
    // Where many share an address only the account is counted.
    check_with(
        &format!(
            "ann> NS REGISTER correcthorse
             ann< * 900 *
             {}{}{}
             d> NS IDENTIFY ann correcthorse
             d< * 900 *
             wait 0",
            guess("a"),
            guess("b"),
            guess("c"),
        ),
        |config| config.limits.exempt_addresses = vec!["127.0.0.0/8".parse().unwrap()],
    );
}

#[test]
fn there_are_only_so_many_accounts() {
    let script = |nick: &str, why: &str| {
        format!(
            "ann> NS REGISTER correcthorse
             ann< * 900 *
             bob> NS REGISTER correcthorse
             bob< * 900 *
             {nick}> NS REGISTER correcthorse
             {nick}< * NOTICE {nick} :{why}*
            "
        )
    };
    check_with(&script("c", "there are as many accounts as there may be"), |config| {
        config.limits.accounts_max = 2;
    });
    let many = script("d", "too many accounts have been registered from where you are")
        + "wait 3600
           d> NS REGISTER correcthorse
           d< * 900 *";
    check_with(&many, |config| config.limits.registrations_per_hour_max = 2);
}

/// A password that is checked or kept costs tens of milliseconds: one at a time of each connection.
#[test]
fn one_thing_is_asked_of_nickserv_at_a_time() {
    let burst = "ann> NS REGISTER correcthorse\n".repeat(20);
    let told = "ann< * NOTICE ann :you are logged in to ann already\n".repeat(19);
    check(&format!("hold log\n{burst}ann! *NOTICE*\nfree log\nann< * 900 *\n{told}"));
}

/// What was registered is known when the server starts anew, and what was dropped is not.
#[test]
fn accounts_last() {
    let folder = TempFolder::new("accounts");
    let start = || TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let first = start();
    let mut ann = TestClient::register(&first, "ann");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("NS PASSWORD correcthorse batterystaple");
    ann.expect("* NOTICE ann :your password is changed");
    let mut bob = TestClient::register(&first, "bob");
    bob.send("NS REGISTER correcthorse");
    bob.expect("* 900 *");
    bob.send("PRIVMSG ann :between us");
    ann.expect("* PRIVMSG ann :between us");
    let mut gone = TestClient::register(&first, "gone");
    gone.send("NS REGISTER correcthorse");
    gone.expect("* 900 *");
    gone.send("NS DROP gone correcthorse");
    gone.expect("* NOTICE gone :the account gone is no more");
    drop((ann, bob, gone, first));

    let second = start();
    let mut ann = TestClient::register_with(&second, "someone", "draft/chathistory");
    ann.send("NICK ann");
    ann.expect("* 433 someone ann *");
    ann.send("NS IDENTIFY ann correcthorse");
    ann.expect("* NOTICE someone :the password is wrong");
    ann.send("NS IDENTIFY ann batterystaple");
    ann.expect("* 900 *");
    ann.send("NICK ann");
    ann.expect("* NICK ann");
    ann.send("CHATHISTORY LATEST bob * 10");
    ann.expect("* PRIVMSG ann :between us");
    let mut bob = TestClient::register_with(&second, "gone", "draft/chathistory");
    bob.send("NS IDENTIFY bob correcthorse");
    bob.expect("* 900 *");
    bob.send("NS DROP bob correcthorse");
    bob.expect("* NOTICE gone :the account bob is no more");
    // Whoever registers the name anew is somebody else.
    bob.send("NICK bob");
    bob.expect("* NICK bob");
    bob.send("NS REGISTER anotherhorse");
    bob.expect("* 900 *");
    bob.send("CHATHISTORY LATEST ann * 10");
    bob.expect_none("*between us*");
}

/// What one device asks for while another one ends the account is not the next owner's, also after a restart.
#[test]
fn nothing_is_left_of_an_account_that_has_ended() {
    let mut world = World::new(5, SimLog::default(), |_| ());
    let say = |world: &mut World, name: &str, line: &str| {
        if !world.knows(name) {
            world.open(name, Door::Irc);
        }
        world.send_bytes(name, format!("{line}\r\n").as_bytes());
        world.settle();
    };
    let hello = |nick: &str| format!("NICK {nick}\r\nUSER u 0 * :R");
    say(&mut world, "home", &hello("ann"));
    say(&mut world, "home", "NS REGISTER the-first-password");
    let fingerprint = "ab".repeat(32);
    world.fingerprint = Some(fingerprint.as_str().into());
    say(&mut world, "phone", &hello("other"));
    say(&mut world, "phone", "NS IDENTIFY ann the-first-password");
    world.hold_log(true);
    say(&mut world, "home", "NS DROP ann the-first-password");
    say(&mut world, "phone", "NS CERT ADD");
    world.hold_log(false);
    world.settle();
    say(&mut world, "home", "QUIT");
    say(&mut world, "new", &hello("ann"));
    say(&mut world, "new", "NS REGISTER another-password");
    assert!(world.lines("new").last().unwrap().contains(" 900 "));
    for _ in 0..2 {
        let name = format!("thief{}", world.transcript.len());
        world.fingerprint = Some(fingerprint.as_str().into());
        say(&mut world, &name, "CAP REQ :sasl\r\nAUTHENTICATE EXTERNAL\r\nAUTHENTICATE +");
        let last = world.lines(&name).last().unwrap();
        assert!(last.contains(" 904 "), "{last}");
        world.restart(6);
    }
}

/// What `name` receives for a line.
fn say(world: &mut World, name: &str, line: &str) -> Vec<String> {
    if !world.knows(name) {
        world.open(name, Door::Irc);
        let caps = "draft/message-redaction chat.local/edit echo-message message-tags batch \
                    draft/chathistory chat.local/changes chat.local/search draft/read-marker";
        say(world, name, &format!("CAP REQ :{caps}\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END"));
    }
    let before = world.lines(name).len();
    world.send_bytes(name, format!("{line}\r\n").as_bytes());
    world.settle();
    world.lines(name)[before..].to_vec()
}

fn has(lines: &[String], word: &str) -> bool {
    lines.iter().any(|line| line.contains(word))
}

/// Whoever registers the name of an account that is no more is somebody else: what the first one said is not theirs to change,
/// nor what it said of others', nor what was said with it, whether the server was started anew meanwhile or not.
#[test]
fn an_account_registered_anew_is_not_the_one_before_it() {
    for restarts in [false, true] {
        let mut world = World::new(9, SimLog::default(), |_| ());
        say(&mut world, "ann", "NS REGISTER correcthorse");
        say(&mut world, "ann", "JOIN #open");
        say(&mut world, "carl", "NS REGISTER correcthorse\r\nJOIN #open");
        let id = |lines: &[String]| {
            let id =
                lines.iter().find_map(|line| line.split("msgid=").nth(1)?.split([';', ' ']).next());
            id.unwrap_or_else(|| panic!("{lines:?}")).to_owned()
        };
        let anns = id(&say(&mut world, "ann", "PRIVMSG #open :said by ann"));
        let own = id(&say(&mut world, "carl", "PRIVMSG #open :said by the first"));
        say(&mut world, "carl", &format!("@+reply={anns};+draft/react=yes TAGMSG #open"));
        say(&mut world, "carl", "PRIVMSG ann :between the first two");
        say(&mut world, "carl", "MARKREAD ann timestamp=2026-01-01T00:00:00.000Z");
        let gone = say(&mut world, "carl", "NS DROP carl correcthorse");
        assert!(has(&gone, "is no more"), "{gone:?}");
        say(&mut world, "carl", "QUIT");
        if restarts {
            world.restart(10);
        }
        let again =
            say(&mut world, "another", "NICK carl\r\nNS REGISTER batterystaple\r\nJOIN #open");
        assert!(has(&again, " 900 "), "{again:?}");
        if restarts {
            say(&mut world, "ann2", "NS IDENTIFY ann correcthorse\r\nNICK ann");
        }
        for (line, code) in [
            (format!("EDIT #open {own} :rewritten"), "EDIT_FORBIDDEN"),
            (format!("REDACT #open {own}"), "REDACT_FORBIDDEN"),
        ] {
            let answer = say(&mut world, "another", &line);
            assert!(has(&answer, code), "{line}: {answer:?}");
        }
        // A reaction is their own, and taken back beside that of the first.
        say(&mut world, "another", &format!("@+reply={anns};+draft/unreact=yes TAGMSG #open"));
        for line in [
            "CHATHISTORY LATEST ann * 10",
            "CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00Z timestamp=2100-01-01T00:00:00Z 10",
            "SEARCH text=between",
            "CHANGES * timestamp=2000-01-01T00:00:00Z 100",
        ] {
            let answer = say(&mut world, "another", line);
            let tells = has(&answer, "between the first two") || has(&answer, "TARGETS ann ");
            assert!(!tells, "{line}: {answer:?}");
        }
        let marker = say(&mut world, "another", "MARKREAD ann");
        assert!(!has(&marker, "timestamp="), "{marker:?}");
        let all = say(&mut world, "another", "CHANGES #open timestamp=2000-01-01T00:00:00Z 100");
        assert!(has(&all, "said by the first") && has(&all, "react=yes"), "{all:?}");
    }
}

/// What an account was let in for ends with it, in rooms that are nobody's as well; what bars its name stays, or it would be
/// shaken off by registering anew.
#[test]
fn the_name_of_an_account_that_is_no_more_opens_no_room_and_shakes_off_no_ban() {
    let registered = "bob> NS REGISTER correcthorse\nbob< * 900 *";
    check(&format!(
        "gus> JOIN #den,#other
         {registered}
         gus> MODE #den +iI ~a:Bob
         gus< * MODE *
         gus> MODE #den +I ~account:bob
         gus< * MODE *
         gus> MODE #other +b ~a:bob
         gus< * MODE *
         bob> JOIN #den
         bob< * 366 *
         bob> PART #den
         bob< * PART *
         bob> NS DROP bob correcthorse
         bob< * 901 *
         {registered}
         bob> JOIN #den
         bob< * 473 *
         bob> JOIN #other
         bob< * 474 *
         gus> MODE #den I
         gus! * 346 *
         gus> MODE #den +I ~a:bob
         gus< * MODE *
         bob> JOIN #den
         bob< * 366 *"
    ));
}

/// What strangers leave behind has an end. Whoever comes back, or is there, uses it.
#[test]
fn what_nobody_has_used_for_long_ends() {
    let days = |n: u32| n * 24 * 60 * 60;
    check_with(
        &format!(
            "gone> NS REGISTER correcthorse
             gone< * 900 *
             gone> JOIN #gone
             gone< * 366 *
             gone> TOPIC #gone :still here
             gone< * TOPIC *
             gone> PART #gone
             drop gone
             back> NS REGISTER correcthorse
             back< * 900 *
             drop back
             stays> NS REGISTER correcthorse
             stays< * 900 *
             wait {most}
             login back
             drop back
             restart
             login stays
             z> NICK gone
             z< * 433 * gone *
             z> LIST
             z< * 322 z #gone *
             wait {some}
             y> NICK gone
             y< :y!* NICK gone
             y> NICK back
             y< * 433 * back *
             y> NICK stays
             y< * 433 * stays *
             y> LIST
             y! * 322 *
             y< * 323 *
             wait {all}
             x> NICK back
             x< :x!* NICK back
             x> NICK stays
             x< * 433 * stays *
             restart
             w> NICK gone
             w< :w!* NICK gone
             w> NICK stays
             w< * 433 * stays *
             w> LIST
             w! * 322 *
             w< * 323 *",
            most = days(700),
            some = days(40),
            all = days(731),
        ),
        |config| config.limits.ping_after = std::time::Duration::from_secs(1 << 30),
    );
    check_with(
        &format!(
            "gone> NS REGISTER correcthorse
             gone< * 900 *
             drop gone
             wait {}
             z> NICK gone
             z< * 433 * gone *",
            days(10_000)
        ),
        |config| config.limits.accounts_expire_after = std::time::Duration::ZERO,
    );
}
