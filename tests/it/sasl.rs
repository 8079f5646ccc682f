//! Logging in: `AUTHENTICATE`, and what others learn of it.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_server::{Config, auth, config::Account, hub::Door};
use chat_tests::{
    operators::{OPER_ROOT, with_root},
    script::check_with,
    world::{SimLog, World},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Ann, whose password is `secret` and whose certificate begins with `ab12`.
fn with_account(config: &mut Config) {
    config.accounts = vec![Account {
        name: "Ann".into(),
        password: auth::hash("secret").unwrap(),
        scram: Some(auth::scram_credentials("secret").unwrap()),
        fingerprints: vec!["AB12".into()],
    }];
}

pub(crate) fn plain(authzid: &str, name: &str, password: &str) -> String {
    BASE64.encode(format!("{authzid}\0{name}\0{password}"))
}

/// <https://ircv3.net/specs/extensions/sasl-3.1>, sasl-3.2, RFC 4616
#[test]
fn plain_and_scram_log_in() {
    let (right, wrong) = (plain("", "ann", "secret"), plain("", "ann", "Secret"));
    let (other, nobody) = (plain("bob", "ann", "secret"), plain("", "bob", "secret"));
    check_with(
        &format!(
            "new a
             a> CAP LS
             a< :chat.local CAP * LS :* sasl *
             a> CAP LS 302
             a< :chat.local CAP * LS :* sasl=EXTERNAL,PLAIN,SCRAM-SHA-256*
             a> AUTHENTICATE PLAIN
             a< :chat.local 904 * *
             a> CAP REQ :sasl
             a> AUTHENTICATE NONSENSE
             a< :chat.local 908 * EXTERNAL,PLAIN,SCRAM-SHA-256 *
             a< :chat.local 904 * *
             a> AUTHENTICATE PLAIN
             a< AUTHENTICATE +
             a> AUTHENTICATE {wrong}
             a< :chat.local 904 * *
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {other}
             a< :chat.local 904 * *
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE *
             a< :chat.local 906 * *
             new b
             b> CAP REQ :sasl
             b> AUTHENTICATE PLAIN
             b> AUTHENTICATE {nobody}
             b< :chat.local 904 * *
             b> AUTHENTICATE PLAIN
             b> AUTHENTICATE !!!!
             b< :chat.local 904 * *
             a> AUTHENTICATE plain
             a< AUTHENTICATE +
             a> AUTHENTICATE {right}
             a< :chat.local 900 * \\* Ann *
             a< :chat.local 903 * *
             a> NICK a
             a> USER u 0 * :A
             a> CAP END
             a< :chat.local 001 a *
             a> WHOIS a
             a< :chat.local 330 a a Ann *
             a> WHO a %na
             a< :chat.local 354 a a Ann"
        )
        .replace("\\*", "?"),
        with_account,
    );
}

/// <https://ircv3.net/specs/extensions/sasl-3.1>, "Numerics used by this extension"; sasl-3.2, "SASL Reauthentication"
#[test]
fn authenticate_is_answered_to_the_letter() {
    let and_bob = |config: &mut Config| {
        with_account(config);
        let password = auth::hash("other").unwrap();
        let bob = Account { name: "Bob".into(), password, scram: None, fingerprints: vec![] };
        config.accounts.push(bob);
        with_root(config);
    };
    let (ann, bob) = (plain("", "ann", "secret"), plain("bob", "BOB", "other"));
    check_with(
        &format!(
            "// Without a parameter, and without the capability.
             new a
             a> AUTHENTICATE
             a< :chat.local 461 * AUTHENTICATE :*
             a> AUTHENTICATE PLAIN
             a< :chat.local 904 * :*
             a> CAP REQ :sasl
             a> AUTHENTICATE
             a< :chat.local 461 * AUTHENTICATE :*
             // Nothing is under way, and nothing is given up twice.
             a> AUTHENTICATE *
             a< :chat.local 906 * :*
             a> AUTHENTICATE Plain
             a< AUTHENTICATE +
             a> AUTHENTICATE *
             a< :chat.local 906 * :*
             // A mechanism behind a mechanism is no response.
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE PLAIN
             a< :chat.local 904 * :*
             a> AUTHENTICATE +
             a< :chat.local 908 * EXTERNAL,PLAIN,SCRAM-SHA-256 :*
             a< :chat.local 904 * :*
             a> AUTHENTICATE PLAIN
             a< AUTHENTICATE +
             a> AUTHENTICATE +
             a< :chat.local 904 * :*
             a> AUTHENTICATE plain
             a> AUTHENTICATE {ann}
             a< :chat.local 900 * ? Ann :You are now logged in as Ann
             a< :chat.local 903 * :*
             a> NICK a
             a> USER u 0 * :A
             a> CAP END
             a< :chat.local 001 a *
             // Again, and as somebody else: \"Servers SHOULD allow a client […] to reauthenticate\".
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {ann}
             a< :chat.local 900 a a!u@127.0.0.1 Ann :You are now logged in as Ann
             a< :chat.local 903 a :*
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {bob}
             a< :chat.local 900 a a!u@127.0.0.1 Bob :You are now logged in as Bob
             a< :chat.local 903 a :*
             // Not while another connection would become somebody else with it.
             new b
             b> CAP REQ :sasl
             b> AUTHENTICATE PLAIN
             b> AUTHENTICATE {bob}
             b> NICK a
             b> USER u 0 * :A
             b> CAP END
             b< :chat.local 001 a *
             b> AUTHENTICATE PLAIN
             b> AUTHENTICATE {ann}
             b< :chat.local 907 a :*
             b! * 900 *
             // Nor as an account that may not be here.
             {OPER_ROOT}root> OS BAN ~account:ANN 1h spam
             c> CAP REQ :sasl
             c> AUTHENTICATE PLAIN
             c> AUTHENTICATE {ann}
             c< :chat.local 902 c :*spam*
             c! * 900 *"
        ),
        and_bob,
    );
}

/// Whoever guesses is closed after three times, before registration and behind it.
#[test]
fn guessing_ends_after_three_times() {
    let wrong = plain("", "ann", "Secret");
    let guess = format!("AUTHENTICATE PLAIN\n a> AUTHENTICATE {wrong}\n a< * 904 *");
    for start in ["new a\n a> CAP REQ :sasl", "caps a sasl"] {
        let end = "a< ERROR :Too many wrong passwords";
        let script = format!("{start}\n a> {guess}\n a> {guess}\n a! ERROR *\n a> {guess}\n {end}");
        check_with(&script, with_account);
    }
}

/// One password of one connection is under check at a time; what is said meanwhile waits for its turn.
#[test]
fn answers_come_in_order_while_a_password_is_checked() {
    let (right, wrong) = (plain("", "ann", "secret"), plain("", "ann", "Secret"));
    let mut world = World::new(1, SimLog::default(), with_account);
    world.open("a", Door::Irc);
    let mut lines = "CAP REQ :sasl\r\n".to_owned();
    for response in [wrong, right] {
        lines += &format!("AUTHENTICATE PLAIN\r\nAUTHENTICATE {response}\r\nAWAY :x\r\n");
    }
    world.send_bytes("a", lines.as_bytes());
    world.settle();
    let words: Vec<&str> = world
        .lines("a")
        .iter()
        .filter_map(|line| line.split(' ').find(|word| word.parse::<u16>().is_ok()))
        .take(5)
        .collect();
    assert_eq!(words, ["904", "451", "900", "903", "451"], "{:#?}", world.lines("a"));
    // A sign of life comes in its turn too.
    world.forget("a");
    world.send_bytes("a", b"AUTHENTICATE PLAIN\r\nPING x\r\nAUTHENTICATE *\r\n");
    world.settle();
    let answers: Vec<&str> = world.unexpected("a").iter().map(|line| &line[..12]).collect();
    assert_eq!(answers, ["AUTHENTICATE", ":chat.local ", ":chat.local "]);
    assert!(world.expect("a", "* PONG *:x") && world.expect("a", "* 906 *"));
    // Nothing is left of it, also when they go in the middle.
    world.send_bytes("a", b"AUTHENTICATE PLAIN\r\nQUIT\r\n");
    world.settle();
    world.step();
}

/// `CAP` is answered behind what was asked before it, and all of that before the welcome.
#[test]
fn what_came_before_is_answered_before() {
    let right = plain("", "ann", "secret");
    let mut world = World::new(1, SimLog::default(), with_account);
    world.open("a", Door::Irc);
    let lines = format!(
        "CAP REQ :sasl batch\r\nPING 1\r\nCAP LIST\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE {right}\r\n\
         CAP LIST\r\nPING 2\r\nCAP LIST\r\nNICK a\r\nUSER u 0 * :A\r\nCAP END\r\nPING 3\r\n"
    );
    world.send_bytes("a", lines.as_bytes());
    world.settle();
    let answers = world.lines("a");
    let words: Vec<&str> = answers
        .iter()
        .map(
            |line| {
                if line.starts_with(':') { line.split(' ').nth(1).unwrap() } else { &line[..12] }
            },
        )
        .filter(|word| !matches!(*word, "002" | "003" | "004" | "005" | "422"))
        .filter(|word| !word.starts_with("25") && !word.starts_with("26"))
        .collect();
    let expected = "CAP PONG CAP AUTHENTICATE 906 CAP PONG CAP 001 PONG";
    assert_eq!(words.join(" "), expected, "{answers:#?}");
}

/// "If the client completes registration while the SASL authentication is still in progress" (906)
#[test]
fn registration_does_not_wait_for_a_login() {
    check_with(
        "new a
         a> CAP REQ :sasl
         a> AUTHENTICATE PLAIN
         a> NICK a
         a> USER u 0 * :A
         a> CAP END
         a< :chat.local 906 * *
         a< :chat.local 001 a *",
        with_account,
    );
}

#[test]
fn where_nobody_has_an_account_no_login_is_offered() {
    check_with(
        "new a
         a> CAP LS 302
         a! * LS :*sasl*
         a> CAP REQ :sasl
         a< :chat.local CAP * NAK :sasl",
        |config| config.registration = false,
    );
}

/// "400-byte chunks"
#[test]
fn long_responses_come_in_chunks_and_have_an_end() {
    let long = BASE64.encode(format!("\0ann\0{}", "x".repeat(400)));
    let (first, rest) = long.split_at(400);
    // One whose last chunk is exactly as long as a chunk may be.
    let exact = BASE64.encode(format!("\0ann\0{}", "x".repeat(295)));
    assert_eq!(exact.len(), 400);
    let mut script = format!(
        "new a
         a> CAP REQ :sasl
         a> AUTHENTICATE PLAIN
         a> AUTHENTICATE {first}
         a! * 904 *
         a> AUTHENTICATE {rest}
         a< * 904 *
         a> AUTHENTICATE PLAIN
         a> AUTHENTICATE {exact}
         a! * 904 *
         a> AUTHENTICATE +
         a< * 904 *
         a> AUTHENTICATE PLAIN
         a> AUTHENTICATE {}
         a< * 905 *
         a> AUTHENTICATE PLAIN\n",
        "x".repeat(401)
    );
    for _ in 0..21 {
        script += &format!("a> AUTHENTICATE {}\n", "x".repeat(400));
    }
    script += "a< * 905 *";
    check_with(&script, with_account);
}

/// RFC 4422, appendix A
#[test]
fn a_certificate_logs_in_by_itself() {
    check_with(
        "cert ab12
         new a
         a> CAP REQ :sasl
         a> AUTHENTICATE EXTERNAL
         a< AUTHENTICATE +
         a> AUTHENTICATE +
         a< * 900 * Ann *
         a< * 903 *
         cert ffff
         new b
         b> CAP REQ :sasl
         b> AUTHENTICATE EXTERNAL
         b> AUTHENTICATE +
         b< * 904 *
         new c
         c> CAP REQ :sasl
         c> AUTHENTICATE EXTERNAL
         c> AUTHENTICATE +
         c< * 904 *",
        with_account,
    );
}

/// Says a line, connecting first if need be; the last line that comes back.
pub(crate) fn say(world: &mut World, name: &str, line: &str) -> String {
    if !world.knows(name) {
        world.open(name, Door::Irc);
        let hello = format!("CAP REQ :sasl\r\nNICK {name}\r\nUSER u 0 * :R\r\nCAP END\r\n");
        world.send_bytes(name, hello.as_bytes());
    }
    world.send_bytes(name, format!("{line}\r\n").as_bytes());
    world.settle();
    world.lines(name).last().cloned().unwrap_or_default()
}

/// An account that ends while somebody logs in to it may be another one's before they are done.
#[test]
fn a_login_is_to_the_account_that_was_proved() {
    let mut world = World::new(3, SimLog::default(), |_| ());
    assert!(say(&mut world, "ann", "NS REGISTER the-first-password").contains(" 900 "));
    // All but the last step of SCRAM.
    say(&mut world, "mallory", "AUTHENTICATE SCRAM-SHA-256");
    let bare = "n=ann,r=fyko+d2lbbFgONRv9qkxdawL";
    let first = format!("AUTHENTICATE {}", BASE64.encode(format!("n,,{bare}")));
    let answer = say(&mut world, "mallory", &first);
    let first = BASE64.decode(answer.strip_prefix("AUTHENTICATE ").unwrap()).unwrap();
    let first = String::from_utf8(first).unwrap();
    let (last, proof) = scram_final("the-first-password", bare, &first);
    let answer = say(&mut world, "mallory", &format!("AUTHENTICATE {}", BASE64.encode(last)));
    assert_eq!(answer, format!("AUTHENTICATE {}", BASE64.encode(proof)));
    // And passwords that are under check, one of each address.
    world.is_checker_held = true;
    world.host = "192.0.2.1".into();
    say(&mut world, "mike", "NS IDENTIFY ann the-first-password");
    world.host = "198.51.100.1".into();
    say(&mut world, "max", "AUTHENTICATE PLAIN");
    let response = plain("", "ann", "the-first-password");
    say(&mut world, "max", &format!("AUTHENTICATE {response}"));
    let checks = world.take_checks();
    assert_eq!(checks.len(), 2);
    world.is_checker_held = false;
    say(&mut world, "ann", "NS DROP ann the-first-password");
    say(&mut world, "ann", "QUIT");
    world.host = "127.0.0.1".into();
    say(&mut world, "victim", "NICK ann");
    assert!(say(&mut world, "victim", "NS REGISTER another-password").contains(" 900 "));
    world.give_checks(checks);
    assert!(say(&mut world, "mallory", "AUTHENTICATE +").contains(" 904 "));
    for (name, answer) in [("max", " 904 "), ("mike", "the password is wrong")] {
        let last = world.lines(name).last().unwrap();
        assert!(last.contains(answer), "{name}: {last}");
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The client's last message, and the proof it then expects of the server (RFC 5802 §3).
pub(crate) fn scram_final(password: &str, bare: &str, server_first: &str) -> (String, String) {
    let part = |name: &str| {
        server_first.split(',').find_map(|part| part.strip_prefix(name)).unwrap().to_owned()
    };
    let salt = BASE64.decode(part("s=")).unwrap();
    let iterations = part("i=").parse().unwrap();
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, iterations);
    let client_key = hmac(&salted, b"Client Key");
    let without_proof = format!("c=biws,r={}", part("r="));
    let auth = format!("{bare},{server_first},{without_proof}");
    let signature = hmac(&Sha256::digest(client_key), auth.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    let server_proof = hmac(&hmac(&salted, b"Server Key"), auth.as_bytes());
    (
        format!("{without_proof},p={}", BASE64.encode(proof)),
        format!("v={}", BASE64.encode(server_proof)),
    )
}

/// RFC 5802, RFC 7677; whoever guesses at names does not learn which there are.
#[test]
fn scram_proves_both_to_each_other() {
    for (name, password, is_right) in
        [("ann", "secret", true), ("ann", "Secret", false), ("nobody", "secret", false)]
    {
        let mut world = World::new(3, SimLog::default(), with_account);
        world.open("a", Door::Irc);
        let mut say = |line: &str| {
            world.send_bytes("a", format!("{line}\r\n").as_bytes());
            world.settle();
            world.lines("a").last().cloned().unwrap_or_default()
        };
        say("CAP REQ :sasl");
        assert_eq!(say("AUTHENTICATE SCRAM-SHA-256"), "AUTHENTICATE +");
        let bare = &format!("n={name},r=fyko+d2lbbFgONRv9qkxdawL");
        let answer = say(&format!("AUTHENTICATE {}", BASE64.encode(format!("n,,{bare}"))));
        let server_first = BASE64.decode(answer.strip_prefix("AUTHENTICATE ").unwrap()).unwrap();
        let server_first = String::from_utf8(server_first).unwrap();
        let (last, proof) = scram_final(password, bare, &server_first);
        let answer = say(&format!("AUTHENTICATE {}", BASE64.encode(last)));
        if is_right {
            assert_eq!(answer, format!("AUTHENTICATE {}", BASE64.encode(proof)));
            assert!(say("AUTHENTICATE +").contains(" 903 "));
        } else {
            assert!(answer.contains(" 904 "), "{answer}");
        }
    }
}

/// <https://ircv3.net/specs/extensions/account-notify>, account-tag, extended-join, account-extban
#[test]
fn accounts_are_told() {
    check_with(
        &format!(
            "caps b account-notify account-tag extended-join
             b> JOIN #x
             c> JOIN #x
             new a
             a> CAP REQ :sasl account-notify
             a> NICK a
             a> USER u 0 * :A
             a> CAP END
             a> JOIN #x
             b< :a!* JOIN #x ? :A
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {}
             a< :chat.local 900 a a!u@127.0.0.1 Ann *
             a< :a!* ACCOUNT Ann
             b< @account=Ann :a!* ACCOUNT Ann
             c! * ACCOUNT *
             a> PRIVMSG #x :logged in
             b< @account=Ann :a!* PRIVMSG #x :logged in
             c< :a!* PRIVMSG #x :logged in
             a> PART #x
             a> JOIN #x
             b< @account=Ann :a!* JOIN #x Ann :A
             a> PART #x
             b> MODE #x +b ~account:ann
             a> JOIN #x
             a< * 474 *",
            plain("", "Ann", "secret")
        ),
        with_account,
    );
}

/// <https://ircv3.net/specs/extensions/extended-monitor>: "account-notify"; sasl-3.1, "re-authenticate"
#[test]
fn watchers_learn_of_accounts_and_one_may_log_in_again() {
    let and_bob = |config: &mut Config| {
        with_account(config);
        let password = auth::hash("other").unwrap();
        let bob = Account { name: "Bob".into(), password, scram: None, fingerprints: vec![] };
        config.accounts.push(bob);
    };
    check_with(
        &format!(
            "caps w extended-monitor account-notify
             w> MONITOR + a
             caps v account-notify
             v> MONITOR + a
             caps a sasl account-notify
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {}
             a< * 903 *
             w< :a!* ACCOUNT Ann
             v! * ACCOUNT *
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {}
             a< :chat.local 900 a a!u@127.0.0.1 Bob *
             a< * 903 *
             w< :a!* ACCOUNT Bob
             a> WHOIS a
             a< * 330 a a Bob *
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {}
             a< * 904 *
             a> WHOIS a
             a< * 330 a a Bob *",
            plain("", "ann", "secret"),
            plain("", "bob", "other"),
            plain("", "bob", "wrong"),
        ),
        and_bob,
    );
}

/// <https://ircv3.net/specs/extensions/account-extban>: in each of the lists.
#[test]
fn accounts_are_named_in_every_list() {
    check_with(
        &format!(
            "b> JOIN #x
             b> MODE #x +be *!*@* ~a:ann
             b> JOIN #y
             b> MODE #y +iI ~account:ANN
             caps a sasl
             a> JOIN #x
             a< * 474 *
             a> JOIN #y
             a< * 473 *
             a> AUTHENTICATE PLAIN
             a> AUTHENTICATE {}
             a< * 903 *
             a> JOIN #x,#y
             a< :a!* JOIN #x
             a< :a!* JOIN #y
             b> MODE #x -e+b ~a:ann ~a:Anna
             a> PRIVMSG #x :silenced
             a< * 404 a #x *
             b> MODE #x -b *!*@*
             a> PRIVMSG #x :Anna is somebody else
             b< :a!* PRIVMSG #x :Anna *",
            plain("", "ann", "secret")
        ),
        with_account,
    );
}
