//! Limits hold for those who ask at once: what is under way to the log counts, and what the log refuses gives its place back.

use std::str::FromStr;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_core::proto::Link;
use chat_server::{Config, auth::Verdict, config::Account, hub::Door};
use chat_tests::{
    TestClient, TestServer,
    folder::TempFolder,
    operators::with_root,
    script::{check, check_with},
    world::{SimLog, World},
};

/// A room of Ann's that Bob's and Carl's accounts operate, too, and two accounts outside.
const THREE_OPERATORS: &str = "ann> NS REGISTER correcthorse
     ann< * 900 *
     bob> NS REGISTER correcthorse
     bob< * 900 *
     carl> NS REGISTER correcthorse
     carl< * 900 *
     dora> NS REGISTER correcthorse
     dora< * 900 *
     emma> NS REGISTER correcthorse
     emma< * 900 *
     ann> JOIN #own
     bob> JOIN #own
     carl> JOIN #own
     ann> MODE #own +oo bob carl
     ann< * MODE #own +oo bob carl
     bob< * MODE #own +oo bob carl
     carl< * MODE #own +oo bob carl";

/// Another connection of Ann's account, known as `name`.
fn another_of_ann(name: &str) -> String {
    format!(
        "new {name}
         {name}> CAP REQ sasl
         {name}> AUTHENTICATE PLAIN
         {name}> AUTHENTICATE AGFubgBjb3JyZWN0aG9yc2U=
         {name}< * 903 *
         {name}> NICK ann
         {name}> USER u 0 * :A
         {name}> CAP END
         {name}< * 001 *"
    )
}

#[test]
fn masks_that_are_under_way_count() {
    let is_asked = "hold log
         ann> MODE #own +bb one two
         bob> MODE #own +e three
         carl> MODE #own +I four
         carl< :chat.local 478 carl #own ? *four!*@* *
         carl> CS BAN #own four!*@*
         carl< :chat.local 478 carl #own ? *four!*@* *
         carl> CS MUTE #own four!*@*
         carl< :chat.local 478 carl #own ? *~m:four!*@* *
         carl> CS APPROVE #own dora
         carl< :chat.local 478 carl #own ? *~a:dora *
         // The same one needs no other place.
         carl> MODE #own +b ONE
         carl! * 478 *";
    let limit = |config: &mut Config| config.limits.list_entries_max = 3;
    check_with(
        &format!(
            "{THREE_OPERATORS}
             {is_asked}
             free log
             carl< :carl!* MODE #own +b ONE!*@*
             carl> MODE #own +b four
             carl< :chat.local 478 carl #own ? *four!*@* *
             carl> MODE #own -b two
             carl< :carl!* MODE #own -b two!*@*
             carl> MODE #own +bb four five
             carl< :chat.local 478 carl #own ? *five!*@* *
             ann< :carl!* MODE #own +b four!*@*"
        ),
        limit,
    );
    check_with(
        &format!(
            "{THREE_OPERATORS}
             {is_asked}
             fail log
             ann< * NOTICE ann :*#own*the disk is full*
             carl> MODE #own +bIe six seven eight
             carl< :carl!* MODE #own +bIe six!*@* seven!*@* eight!*@*
             ann> MODE #own +b one
             ann< :chat.local 478 ann #own ? *one!*@* *"
        ),
        limit,
    );
    // In a room that is nobody's as well.
    check_with(
        "ann> JOIN #x
         bob> JOIN #x
         ann> MODE #x +o bob
         bob< * MODE #x +o bob
         hold log
         ann> MODE #x +bb one two
         bob> MODE #x +bb three four
         bob< :chat.local 478 bob #x ? *four!*@* *
         free log
         bob< :ann!* MODE #x +bb one!*@* two!*@*
         bob< :bob!* MODE #x +b three!*@*",
        limit,
    );
}

/// What the log never answers gives its place back when it is forgotten, and not when its sender is told that it takes long.
#[test]
fn what_the_log_never_answers_gives_its_place_back() {
    let pass = "wait 80\nann> PING x\nbob> PING x\n".repeat(2);
    check_with(
        &format!(
            "ann> JOIN #x
             bob> JOIN #x
             ann> MODE #x +o bob
             bob< * MODE #x +o bob
             hold log
             ann> MODE #x +b one
             wait 20
             ann< * NOTICE ann :*#x*takes too long*
             bob> MODE #x +b two
             bob< :chat.local 478 bob #x ? *two!*@* *
             {pass}
             bob> MODE #x +b two
             bob! * 478 *"
        ),
        |config| config.limits.list_entries_max = 1,
    );
}

#[test]
fn uses_of_links_that_are_under_way_count_as_the_masks_that_they_set() {
    let mut world = World::new(7, SimLog::default(), |config| config.limits.list_entries_max = 2);
    world.checker = keep;
    for name in ["ann", "bob", "carl", "dora"] {
        come(&mut world, name);
        say(&mut world, name, "NS REGISTER correcthorse");
    }
    say(&mut world, "ann", "JOIN #own\r\nMODE #own +i");
    let told = say(&mut world, "ann", "CS LINK #own");
    let words: Vec<&str> = told.iter().flat_map(|line| line.split(' ')).collect();
    let link = words.iter().find_map(|word| Link::from_str(word.trim_start_matches(':')).ok());
    let key = link.and_then(|link| link.key).unwrap();
    world.hold_log(true);
    for name in ["bob", "carl", "dora"] {
        say(&mut world, name, &format!("JOIN #own {key}"));
    }
    world.hold_log(false);
    world.settle();
    let told = say(&mut world, "ann", "MODE #own I");
    let listed = |name: &str| has(&told, &format!("346 ann #own ~a:{name} "));
    assert!(listed("bob") && listed("carl") && !listed("dora"), "{told:#?}");
    assert!(has(&say(&mut world, "ann", "NAMES #own"), "dora"), "the link let all of them in");
}

#[test]
fn ranks_that_are_under_way_count() {
    check_with(
        &format!(
            "{THREE_OPERATORS}
             hold log
             ann> CS VOICE #own dora
             bob> MODE #own +v carl
             bob< :chat.local 478 bob #own ? *carl *
             bob> CS VOICE #own carl
             bob< :chat.local 478 bob #own ? *carl *
             bob> CS OP #own emma
             bob< * NOTICE bob :there are as many as there may be: remove one first
             fail log
             ann< * NOTICE ann :*the disk is full*
             bob> MODE #own +v carl
             bob< :bob!* MODE #own +v carl
             ann> CS VOICE #own dora
             ann< * NOTICE ann :there are as many as there may be: remove one first
             // Who gives a room away operates it from then on, and needs place for that, too.
             ann> CS GIVE #own bob
             ann< * NOTICE ann :as many accounts have a rank in #own as may, and you would be one more: *
             ann> MODE #own -v carl
             ann< :ann!* MODE #own -v carl
             ann> CS GIVE #own bob
             ann< * NOTICE ann :#own is bob's now"
        ),
        |config| config.limits.list_entries_max = 3,
    );
}

#[test]
fn links_that_are_under_way_count() {
    let links = "ann> CS LINK #own\n".repeat(99);
    check(&format!(
        "{THREE_OPERATORS}
         {links}
         hold log
         ann> CS LINK #own
         bob> CS LINK #own
         bob< * NOTICE bob :there are as many links as there may be: *
         fail log
         ann< * NOTICE ann :*the disk is full*
         bob> CS LINK #own
         bob< * NOTICE bob :irc*
         carl> CS LINK #own
         carl< * NOTICE carl :there are as many links as there may be: *"
    ));
}

#[test]
fn certificates_that_are_under_way_count() {
    let add = |name: &str, number: u32| format!("{name}> NS CERT ADD {number:064x} correcthorse\n");
    let first: String = (0..9).map(|number| add("ann", number)).collect();
    let (tenth, eleventh, twelfth) = (add("ann", 10), add("second", 11), add("third", 10));
    let refused = "NOTICE ann :your account has as many certificates as it may have*";
    let shown = "f00d".repeat(16);
    check(&format!(
        "ann> NS REGISTER correcthorse
         ann< * 900 *
         {}
         {}
         cert {shown}
         {}
         {first}
         ann< * NOTICE ann :the certificate *8 logs in*
         hold log
         {tenth}
         {eleventh}
         second< * {refused}
         // That of the connection, and the one that is under way already.
         fourth> NS CERT ADD
         fourth< * {refused}
         {twelfth}
         third! * {refused}
         fail log
         ann< * NOTICE ann :*the disk is full*
         {eleventh}
         second< * NOTICE ann :the certificate *b logs in*
         fourth> NS CERT ADD
         fourth< * {refused}",
        another_of_ann("second"),
        another_of_ann("third"),
        another_of_ann("fourth"),
    ));
}

#[test]
fn bans_from_the_server_that_are_under_way_count() {
    let oper = |name: &str| format!("{name}> OPER root rootrootroot\n{name}< * 381 *\n");
    let script = format!(
        "{}{}{}
         one> OS BAN 192.0.2.9 1m
         one< * is banned until *
         wait 61
         hold log
         one> OS BAN 192.0.2.1
         two> OS BAN 192.0.2.2
         three> OS BAN 192.0.2.3
         three< * NOTICE three :there are as many bans as there may be: end one first
         // One that is over has no place to be renewed in.
         three> OS BAN 192.0.2.9
         three< * NOTICE three :there are as many bans as there may be: end one first
         fail log
         one< * NOTICE one :*the disk is full*
         three> OS BAN 192.0.2.3
         three< * NOTICE three :192.0.2.3/32 is banned
         one> OS BAN 192.0.2.1
         one< * NOTICE one :192.0.2.1/32 is banned
         two> OS BAN 192.0.2.2
         two< * NOTICE two :there are as many bans as there may be: end one first",
        oper("one"),
        oper("two"),
        oper("three"),
    );
    check_with(&script, |config| {
        with_root(config);
        config.limits.server_bans_max = 2;
    });
}

#[test]
fn metadata_of_a_room_that_is_under_way_counts() {
    check_with(
        &format!(
            "{THREE_OPERATORS}
             hold log
             ann> METADATA #own SET one :1
             bob> METADATA #own SET two :2
             carl> METADATA #own SET three :3
             carl< * FAIL METADATA *:there are 2 already: remove one first
             fail log
             ann< *the disk is full*
             carl> METADATA #own SET three :3
             carl< * 761 carl #own three * 3
             bob> METADATA #own SET two :2
             bob< * 761 bob #own two * 2
             ann> METADATA #own SET one :1
             ann< * FAIL METADATA *:there are 2 already: remove one first"
        ),
        |config| config.limits.metadata_keys_max = 2,
    );
}

#[test]
fn rooms_that_are_being_given_count() {
    check_with(
        &format!(
            "{THREE_OPERATORS}
             bob> JOIN #first
             bob> TOPIC #first :a word
             carl> JOIN #other
             bob> JOIN #other
             carl< :bob!* JOIN #other
             hold log
             ann> CS GIVE #own bob
             carl> CS GIVE #other bob
             carl< * NOTICE carl :bob has as many rooms as one may have
             bob> JOIN #third
             bob< * 366 bob #third *
             bob> CS INFO #third
             bob< * NOTICE bob :#third is nobody's*
             bob> CS REGISTER #third
             bob< * NOTICE bob :#third cannot be yours: *
             fail log
             ann< * NOTICE ann :*the disk is full*
             carl> CS GIVE #other bob
             carl< * NOTICE carl :#other is bob's now
             ann> CS GIVE #own bob
             ann< * NOTICE ann :bob has as many rooms as one may have"
        ),
        |config| config.limits.rooms_per_account_max = 2,
    );
}

#[test]
fn accounts_that_are_being_registered_count() {
    check_with(
        "hold log
         ann> NS REGISTER correcthorse
         bob> NS REGISTER correcthorse
         bob< * NOTICE bob :there are as many accounts as there may be: *
         fail log
         ann< * NOTICE ann :*the disk is full*
         bob> NS REGISTER correcthorse
         bob< * 900 *
         ann> NS REGISTER correcthorse
         ann< * NOTICE ann :there are as many accounts as there may be: *",
        |config| config.limits.accounts_max = 1,
    );
}

const CAPABILITIES: &str = "batch standard-replies draft/read-marker sasl";

fn say(world: &mut World, name: &str, line: &str) -> Vec<String> {
    let before = world.lines(name).len();
    world.send_bytes(name, format!("{line}\r\n").as_bytes());
    world.settle();
    world.lines(name)[before..].to_vec()
}

fn come(world: &mut World, name: &str) {
    world.open(name, Door::Irc);
    say(world, name, &format!("CAP REQ :{CAPABILITIES}"));
    say(world, name, &format!("NICK {name}\r\nUSER u 0 * :R\r\nCAP END"));
}

fn log_in(world: &mut World, name: &str, account: &str) {
    world.open(name, Door::Irc);
    let response = BASE64.encode(format!("\0{account}\0correcthorse"));
    say(world, name, &format!("CAP REQ :{CAPABILITIES}\r\nAUTHENTICATE PLAIN"));
    say(world, name, &format!("AUTHENTICATE {response}"));
    say(world, name, &format!("NICK {account}\r\nUSER u 0 * :R\r\nCAP END"));
}

fn has(lines: &[String], word: &str) -> bool {
    lines.iter().any(|line| line.contains(word))
}

/// Every password is right, at once; those that are to be kept are hashed.
fn keep(question: &chat_server::auth::Question) -> Verdict {
    match question.keep {
        None => Verdict::Right(None),
        Some(_) => chat_server::auth::answer(question),
    }
}

#[test]
fn those_whose_asking_to_be_let_in_is_under_way_count() {
    let mut world = World::new(7, SimLog::default(), |config| {
        let account = |name| Account {
            name,
            password: "$argon2id$none".into(),
            scram: None,
            fingerprints: Vec::new(),
        };
        config.accounts = (0..101).map(|number| account(format!("g{number}"))).collect();
    });
    world.checker = keep;
    come(&mut world, "ann");
    say(&mut world, "ann", "NS REGISTER correcthorse\r\nJOIN #own\r\nMODE #own +i");
    // After a while others may be told of.
    let pass = |world: &mut World| {
        for _ in 0..4 {
            world.pass(std::time::Duration::from_secs(80));
            say(world, "ann", "PING x");
        }
    };
    for number in 0..99 {
        let name = format!("g{number}");
        log_in(&mut world, &name, &name);
        let told = say(&mut world, &name, "KNOCK #own");
        assert!(has(&told, " 711 "), "{told:#?}");
        say(&mut world, &name, "QUIT");
        if number % 50 == 49 {
            pass(&mut world);
        }
    }
    pass(&mut world);
    for name in ["g99", "g100"] {
        log_in(&mut world, name, name);
    }
    world.hold_log(true);
    let told = say(&mut world, "g99", "KNOCK #own");
    assert!(told.is_empty(), "{told:#?}");
    let told = say(&mut world, "g100", "KNOCK #own");
    assert!(has(&told, "712 g100 #own :As many wait to be let in as may"), "{told:#?}");
    world.fail_log();
    world.settle();
    assert!(has(world.lines("g99"), "FAIL KNOCK INTERNAL_ERROR"));
    let told = say(&mut world, "g100", "KNOCK #own");
    assert!(has(&told, " 711 "), "{told:#?}");
    pass(&mut world);
    log_in(&mut world, "g99 again", "g99");
    let told = say(&mut world, "g99 again", "KNOCK #own");
    assert!(has(&told, "712 g99 #own :As many wait"), "{told:#?}");
    let told = say(&mut world, "ann", "CS WAITING #own");
    assert_eq!(told.iter().filter(|line| line.contains(" has asked at ")).count(), 100);
}

/// What is kept keeps to the bound, and not only what is known of it.
#[test]
fn read_markers_that_are_under_way_make_place_each() {
    let mut world = World::new(7, SimLog::default(), |config| {
        config.limits.rooms_per_person_max = 2000;
    });
    world.checker = keep;
    come(&mut world, "ann");
    say(&mut world, "ann", "NS REGISTER correcthorse");
    for name in ["second", "third"] {
        log_in(&mut world, name, "ann");
    }
    let mark = |room: &str| format!("MARKREAD {room} timestamp=2026-01-05T00:00:00.000Z");
    for number in 0..1003 {
        say(&mut world, "ann", &format!("JOIN #r{number}"));
    }
    for number in 0..1000 {
        say(&mut world, "ann", &mark(&format!("#r{number}")));
    }
    let n_kept = |world: &World| {
        let is_marker = |path: &&String| path.starts_with("marker\n");
        world.kept_paths().iter().filter(is_marker).count()
    };
    assert_eq!(n_kept(&world), 1000);
    world.hold_log(true);
    for (number, name) in ["ann", "second", "third"].into_iter().enumerate() {
        say(&mut world, name, &mark(&format!("#r{}", 1000 + number)));
    }
    world.hold_log(false);
    world.settle();
    assert_eq!(n_kept(&world), 1000);
}

fn log_in_over_sockets(server: &TestServer, name: &str) -> TestClient {
    let mut client = TestClient::connect(server.address());
    let response = BASE64.encode(format!("\0{name}\0correcthorse"));
    client.send("CAP REQ :sasl batch");
    client.send("AUTHENTICATE PLAIN");
    client.send(&format!("AUTHENTICATE {response}"));
    client.expect("* 900 *");
    client.send(&format!("NICK {name}"));
    client.send("USER u 0 * :A");
    client.send("CAP END");
    client.expect("* 001 *");
    client
}

/// Eight connections of one account, on two threads, at once: masks, links and certificates.
#[test]
fn eight_connections_at_once_pass_no_limit() {
    let folder = TempFolder::new("racing");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let mut ann = TestClient::register(&server, "ann");
    ann.send("NS REGISTER correcthorse");
    ann.expect("* 900 *");
    ann.send("JOIN #own");
    ann.expect("* 366 *");
    let mut eight: Vec<TestClient> = (0..8).map(|_| log_in_over_sockets(&server, "ann")).collect();
    let mut all_ask = |lines: &dyn Fn(usize) -> Vec<String>| {
        let sent: Vec<Vec<String>> = (0..8).map(lines).collect();
        for (client, lines) in eight.iter_mut().zip(&sent) {
            client
                .raw(lines.iter().map(|line| format!("{line}\r\n")).collect::<String>().as_bytes());
        }
        for client in &mut eight {
            client.send("PING done");
            client.expect("*PONG*done");
        }
    };
    all_ask(&|client| (0..20).map(|n| format!("MODE #own +b m{client}x{n}")).collect());
    all_ask(&|_| (0..18).map(|_| "CS LINK #own".to_owned()).collect());
    all_ask(&|client| {
        let add = |n: usize| format!("NS CERT ADD {:064x} correcthorse", 8 * n + client);
        (0..2).map(add).collect()
    });
    let mut count = |asks: &str, word: &str| {
        ann.send("PING before");
        ann.expect("*PONG*before");
        ann.send(asks);
        ann.send("PING behind");
        let mut n = 0;
        while let Some(line) = ann.next_line().filter(|line| !line.contains("PONG")) {
            n += usize::from(line.contains(word));
        }
        n
    };
    assert_eq!(count("MODE #own b", " 367 ann #own m"), 100, "masks");
    assert_eq!(count("CS LINKS #own", " by ann at "), 100, "links");
    assert_eq!(count("NS CERT", "NOTICE ann :000000"), 10, "certificates");
}
