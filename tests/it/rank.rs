//! Rank in rooms: it comes from founding one, or from an account, and never from being the first who is there.

use chat_core::{ChatClient, proto::RoomName, testing::RecordingListener};
use chat_server::{Config, Server, config::Account, hub::Door};
use chat_tests::{
    TestClient, TestServer,
    folder::TempFolder,
    operators::{OPER_ROOT, with_root},
    script::{check, check_with},
    world::{SimLog, World},
};

/// Everybody is put into `#lobby`, which Ann's account looks after; `root` may become an operator of the server.
fn with_lobby(config: &mut Config) {
    config.auto_join = true;
    config.room_operators = vec!["Ann".into()];
    with_root(config);
}

/// The same, where Ann's account is one of the configuration.
fn with_keeper(config: &mut Config) {
    with_lobby(config);
    let (name, password) = ("ann".into(), chat_server::auth::hash("correcthorse").unwrap());
    config.accounts = vec![Account { name, password, scram: None, fingerprints: Vec::new() }];
}

const CAPABILITIES: &str = "batch message-tags echo-message draft/chathistory \
     draft/message-redaction standard-replies";

fn say(world: &mut World, name: &str, line: &str) -> Vec<String> {
    let before = world.lines(name).len();
    world.send_bytes(name, format!("{line}\r\n").as_bytes());
    world.settle();
    world.lines(name)[before..].to_vec()
}

/// `name` comes; what they are told.
fn come(world: &mut World, name: &str) -> Vec<String> {
    world.open(name, Door::Irc);
    say(world, name, &format!("CAP REQ :{CAPABILITIES}"));
    say(world, name, &format!("NICK {name}\r\nUSER u 0 * :R\r\nCAP END"))
}

fn has(lines: &[String], word: &str) -> bool {
    lines.iter().any(|line| line.contains(word))
}

fn msgid_of(lines: &[String]) -> String {
    let id = lines.iter().find_map(|line| line.split("msgid=").nth(1)?.split([';', ' ']).next());
    id.expect("an echo has an id").to_owned()
}

/// What nobody without rank may do in a room where `msgid` is a message of somebody else's.
fn rules_nothing(world: &mut World, name: &str, room: &str, msgid: &str) {
    assert!(has(&say(world, name, &format!("MODE {room} +m")), " 482 "));
    assert!(has(&say(world, name, &format!("TOPIC {room} :mine")), " 482 "));
    assert!(has(&say(world, name, &format!("RENAME {room} #away")), " 482 "));
    let told = say(world, name, &format!("REDACT {room} {msgid}"));
    assert!(has(&told, "FAIL REDACT REDACT_FORBIDDEN"), "{told:#?}");
    assert!(has(&say(world, name, &format!("CS REGISTER {room}")), "you do not operate"));
    assert!(has(&say(world, name, &format!("CHATHISTORY LATEST {room} * 9")), "words of before"));
}

#[test]
fn the_first_to_come_rules_nothing_in_the_room_everybody_is_put_into() {
    let mut world = World::new(7, SimLog::default(), with_lobby);
    let told = come(&mut world, "eve");
    assert!(has(&told, "353 eve = #lobby eve") && !has(&told, "@eve"), "{told:#?}");
    let msgid = msgid_of(&say(&mut world, "eve", "PRIVMSG #lobby :words of before"));
    // When it is empty for a moment, and when the server starts anew.
    say(&mut world, "eve", "QUIT");
    come(&mut world, "mallory");
    rules_nothing(&mut world, "mallory", "#lobby", &msgid);
    say(&mut world, "mallory", "PART #lobby\r\nJOIN #lobby");
    rules_nothing(&mut world, "mallory", "#lobby", &msgid);
    world.restart(8);
    come(&mut world, "carl");
    rules_nothing(&mut world, "carl", "#lobby", &msgid);
    // Nor does an account.
    say(&mut world, "carl", "NS REGISTER correcthorse");
    say(&mut world, "carl", "PART #lobby\r\nJOIN #lobby");
    rules_nothing(&mut world, "carl", "#lobby", &msgid);
}

#[test]
fn accounts_of_the_configuration_look_after_it() {
    check_with(
        "bob> PING x
         login ann
         bob< :ann!* JOIN #lobby
         bob> NAMES #lobby
         bob< * 353 bob = #lobby *@ann*
         ann> MODE #lobby +mi
         bob< * MODE #lobby +mi
         ann> PART #lobby
         bob< :ann!* PART #lobby
         bob> PRIVMSG #lobby :hello
         bob< :chat.local 404 bob #lobby *
         bob> MODE #lobby -m
         bob< :chat.local 482 bob #lobby *
         ann> JOIN #lobby
         ann< * 353 ann = #lobby *bob @ann
         ann> MODE #lobby -mi
         bob< :ann!* MODE #lobby -mi
         ann> RENAME #lobby #away
         ann< * FAIL RENAME * :The room that everybody comes into keeps its name*
         ann> CS REGISTER #lobby
         ann< * NOTICE ann :#lobby cannot be yours: *
         ann> NS LOGOUT
         bob< :chat.local MODE #lobby -o *",
        with_keeper,
    );
}

/// The right is the connection's that gave the password, and needs no sign before the nick.
#[test]
fn operators_of_the_server_look_after_it_as_long_as_they_are_in_it() {
    check_with(
        &format!(
            "bob> PING x
             login ann
             ann> MODE #lobby +mk secret
             bob< * MODE #lobby +mk secret
             ann> MODE #lobby +b *!*@*
             bob< * MODE #lobby +b *
             ann> QUIT
             bob< :ann!* QUIT *
             root> PING x
             {OPER_ROOT}
             // From outside they rule nothing in it, and no bar keeps them out.
             root> MODE #lobby -m
             root< :chat.local 442 root *
             root> JOIN #lobby
             root< * 353 root = #lobby :bob root
             root> MODE #lobby -mkb * *!*@*
             bob< :root!* MODE #lobby -mkb *
             root> TOPIC #lobby :be kind
             bob< :root!* TOPIC #lobby :be kind
             root> RENAME #lobby #away
             root< * FAIL RENAME * :The room that everybody comes into keeps its name*
             root> KICK #lobby bob
             bob< :root!* KICK #lobby bob *
             root> MODE root -o
             root< * MODE root -o
             root> MODE #lobby +m
             root< :chat.local 482 root #lobby *
             // In other rooms they rule the server, not the room.
             bob> JOIN #den
             bob< * 366 *
             root> JOIN #den
             root< * 366 root #den *
             {OPER_ROOT}
             root> MODE #den +m
             root< :chat.local 482 root #den *"
        ),
        with_keeper,
    );
}

/// A name that the configuration gives the lobby to is not to be had by being quick, nor when its account has ended.
#[test]
fn strangers_register_no_account_that_looks_after_it() {
    check_with(
        &format!(
            "caps ann standard-replies draft/account-registration
             ann> NS REGISTER correcthorse
             ann< * NOTICE ann :this account is to look after the room that everybody comes into: *
             ann> REGISTER * * correcthorse
             ann< * FAIL REGISTER BAD_ACCOUNT_NAME ann :this account is to look after *
             ann> OPER root rootrootroot
             ann< * 381 *
             ann> NS REGISTER correcthorse
             ann< :chat.local MODE #lobby +o ann
             ann> NS DROP ann correcthorse
             ann< :chat.local MODE #lobby -o ann
             ann> QUIT
             ann< ERROR *
             new eve
             eve> NICK ANN
             eve> USER u 0 * :E
             eve< * 001 *
             eve> NS REGISTER correcthorse
             eve< * NOTICE ANN :this account is to look after *
             {OPER_ROOT}
             // Who operates the server registers other names as anybody.
             root> NS REGISTER correcthorse
             root< * 900 *"
        ),
        with_lobby,
    );
}

/// What they do where they have no rank but that of the server stands in their trail, and what everybody may do does not.
#[test]
fn what_operators_of_the_server_do_in_it_stands_in_their_trail() {
    check_with(
        &format!(
            "bob> PING x
             {OPER_ROOT}
             root> MODE #lobby +mk secret
             bob< :root!* MODE #lobby +mk secret
             root> TOPIC #lobby :be kind
             bob< :root!* TOPIC #lobby :be kind
             root> CS MUTE #lobby eve!*@* 1h spam
             bob< :root!* MODE #lobby +b ~m:eve!*@*
             root> KICK #lobby bob :enough
             bob< :root!* KICK #lobby bob *
             root> INVITE bob #lobby
             bob< :root!* INVITE bob #lobby
             root> MODE #lobby +m
             root> CS BANS #lobby
             root> JOIN #den
             root> MODE #den +m
             root< :root!* MODE #den +m
             bob> JOIN #open
             bob> MODE #open -t
             bob< :bob!* MODE #open -t
             root> JOIN #open
             root> TOPIC #open :hello
             root< :root!* TOPIC #open *
             root> PING x
             root< *PONG*x
             root> OS LOG
             root< * NOTICE root :*: OPER root
             root< * NOTICE root :*: MODE #lobby +mk ?
             root< * NOTICE root :*: TOPIC #lobby :be kind
             root< * NOTICE root :*: ChanServ MUTE #lobby eve!*@* 1h spam
             root< * NOTICE root :*: KICK #lobby bob :enough
             root< * NOTICE root :*: INVITE bob #lobby
             root! * NOTICE *"
        ),
        with_lobby,
    );
}

/// A name with a past is nobody's to rule; operators of the server can give it to somebody.
#[test]
fn operators_of_the_server_give_away_what_is_nobodys() {
    check_with(
        &format!(
            "ann> JOIN #pub
             ann> PRIVMSG #pub :words of before
             ann> PART #pub
             ann< * PART #pub*
             bob> NS REGISTER correcthorse
             bob< * 900 *
             carl> NS REGISTER correcthorse
             carl< * 900 *
             bob> JOIN #pub
             bob< * 353 bob = #pub bob
             bob> CS GIVE #pub bob
             bob< * NOTICE bob :#pub is nobody's*
             {OPER_ROOT}
             root> CS GIVE #pub nobody
             root< * NOTICE root :there is no such account
             root> CS GIVE #pub carl
             root< * NOTICE root :carl is not in #pub
             root> CS GIVE #lobby bob
             root< * NOTICE root :#lobby is nobody's*
             dora> JOIN #den
             dora< * 353 dora = #den @dora
             carl> JOIN #den
             carl< * 366 carl #den *
             root> CS GIVE #den carl
             root< * NOTICE root :#den has an operator, who can register it
             root> CS GIVE #pub bob
             bob< :chat.local MODE #pub +o bob
             root< * NOTICE root :#pub is bob's now
             root> OS LOG 1
             root< * NOTICE root :*: ChanServ GIVE #pub bob
             bob> MODE #pub +m
             bob< :bob!* MODE #pub +m
             restart
             login bob
             bob> JOIN #pub
             bob< * 353 bob = #pub @bob
             bob> CS INFO #pub
             bob< * NOTICE bob :#pub is bob's, and lasts; *"
        ),
        with_lobby,
    );
}

/// What reloading makes of it.
#[test]
fn other_accounts_may_look_after_it_later_and_it_may_be_another_room() {
    let mut world = World::new(7, SimLog::default(), |config| {
        with_lobby(config);
        config.room_operators.clear();
    });
    for name in ["ann", "bob"] {
        come(&mut world, name);
        say(&mut world, name, "NS REGISTER correcthorse\r\nJOIN #hall");
    }
    let told_at = |world: &World, before: usize| world.lines("bob")[before..].to_vec();
    let before = world.lines("bob").len();
    world.reload(|config| config.room_operators = vec!["Ann".into()]);
    world.settle();
    assert!(has(&told_at(&world, before), "MODE #lobby +o ann"));
    let before = world.lines("bob").len();
    world.reload(|config| config.room_operators = vec!["bob".into()]);
    world.settle();
    let told = told_at(&world, before);
    assert!(has(&told, "MODE #lobby -o ann") && has(&told, "MODE #lobby +o bob"), "{told:#?}");
    let before = world.lines("bob").len();
    world.reload(|config| config.room = RoomName::new("#hall").unwrap());
    world.settle();
    let told = told_at(&world, before);
    assert!(has(&told, "MODE #lobby -o bob") && has(&told, "MODE #hall +o bob"), "{told:#?}");
    assert!(has(&say(&mut world, "ann", "RENAME #hall #away"), "CANNOT_RENAME"));
}

#[test]
fn who_finds_an_open_room_empty_rules_nothing_in_it() {
    let mut world = World::new(7, SimLog::default(), |_| ());
    for name in ["ann", "bob", "carl"] {
        come(&mut world, name);
    }
    say(&mut world, "ann", "JOIN #pub");
    let msgid = msgid_of(&say(&mut world, "ann", "PRIVMSG #pub :words of before"));
    say(&mut world, "ann", "PART #pub");
    assert!(has(&say(&mut world, "bob", "JOIN #pub"), "353 bob = #pub bob"));
    rules_nothing(&mut world, "bob", "#pub", &msgid);
    // Not who founded it, either: they are a guest, and nobody knows that it is them.
    say(&mut world, "bob", "PART #pub");
    say(&mut world, "ann", "JOIN #pub");
    say(&mut world, "ann", "PART #pub");
    // An account that comes first owns neither the room nor its past.
    say(&mut world, "carl", "NS REGISTER correcthorse");
    assert!(has(&say(&mut world, "carl", "JOIN #pub"), "353 carl = #pub carl"));
    rules_nothing(&mut world, "carl", "#pub", &msgid);
    assert!(has(&say(&mut world, "carl", "CS INFO #pub"), "#pub is nobody's"));
    world.restart(8);
    come(&mut world, "dora");
    say(&mut world, "dora", "JOIN #pub");
    rules_nothing(&mut world, "dora", "#pub", &msgid);
    // Where nothing is kept one founds as before.
    assert!(has(&say(&mut world, "dora", "JOIN #new"), "353 dora = #new @dora"));
}

#[test]
fn nobody_is_promoted_when_the_last_operator_leaves() {
    check(
        "ann> JOIN #x
         bob> JOIN #x
         ann< :bob!* JOIN #x
         ann> PART #x
         bob< :ann!* PART #x
         bob> MODE #x +m
         bob< :chat.local 482 bob #x *
         ann> JOIN #x
         ann< * 353 ann = #x :ann bob",
    );
}

/// What was said in a room that one could not enter freely is nobody's when it ends, and who takes its name founds it.
#[test]
fn a_name_is_founded_anew_where_nothing_is_kept_of_it() {
    check(
        "ann> JOIN #closed
         ann> MODE #closed +i
         ann< * MODE #closed +i
         ann> PRIVMSG #closed :a secret
         ann> PART #closed
         bob> JOIN #closed
         bob< * 353 bob = #closed @bob
         // A name that a room had before it got another one is free.
         bob> PRIVMSG #closed :here
         bob> RENAME #closed #other
         bob< * JOIN #other
         ann> JOIN #closed
         ann< * 353 ann = #closed @ann
         // A room in which nothing was said or done has no past.
         carl> JOIN #quiet
         carl> PART #quiet
         dora> JOIN #quiet
         dora< * 353 dora = #quiet @dora",
    );
}

#[test]
fn a_room_is_not_renamed_onto_what_others_have_said() {
    let mut world = World::new(7, SimLog::default(), with_lobby);
    for name in ["ann", "eve"] {
        come(&mut world, name);
    }
    say(&mut world, "ann", "JOIN #pub\r\nPRIVMSG #pub :words of before\r\nPART #pub");
    say(&mut world, "eve", "JOIN #mine");
    for restarts in [false, true] {
        if restarts {
            world.restart(8);
            come(&mut world, "eve");
            say(&mut world, "eve", "JOIN #mine");
        }
        let told = say(&mut world, "eve", "RENAME #mine #PUB");
        assert!(has(&told, "FAIL RENAME CANNOT_RENAME #mine #PUB"), "{told:#?}");
        let told = say(&mut world, "eve", "JOIN #pub\r\nCHATHISTORY LATEST #pub * 5");
        assert!(has(&told, "words of before"), "{told:#?}");
        say(&mut world, "eve", "PART #pub");
    }
    // Nor does it become the room that everybody is put into, though nobody is there.
    say(&mut world, "eve", "PART #lobby");
    let told = say(&mut world, "eve", "RENAME #mine #lobby");
    assert!(has(&told, "FAIL RENAME CANNOT_RENAME #mine #lobby"), "{told:#?}");
}

/// Where nothing is kept, nothing is there to be ruled: who comes first founds the room again. The lobby stays nobody's.
#[test]
fn a_server_that_keeps_nothing_knows_no_pasts() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "ann");
    ann.send("JOIN #x");
    ann.expect("* 353 ann = #x @ann");
    ann.send("PRIVMSG #x :hello");
    ann.send("PART #x");
    ann.expect("* PART #x*");
    let mut bob = TestClient::register(&server, "bob");
    bob.send("JOIN #x");
    bob.expect("* 353 bob = #x @bob");
    ann.send("MODE #lobby +m");
    ann.expect("* 482 *");
}

/// Who hosts a server by the way looks after its room, by an account that only their program can log in to.
#[test]
fn whoever_hosts_looks_after_the_room() {
    let folder = TempFolder::new("rank-host");
    let mut account = None;
    let server = TestServer::with(|config| {
        config.data = Some(folder.path().to_owned());
        account = Some(Server::host_account(config).unwrap());
    });
    let account = account.unwrap();
    // Others are first.
    let mut eve = TestClient::register(&server, "eve");
    let address = server.address().to_string();
    let builder = ChatClient::builder(&address, "Zoe").account(&account.name, &account.password);
    let (listener, _) = RecordingListener::new();
    let client = builder.listener(listener).connect().unwrap();
    eve.expect("* JOIN #lobby*");
    eve.send("NAMES #lobby");
    eve.expect("* 353 eve = #lobby *@Zoe*");
    client.send_raw("MODE #lobby +m").unwrap();
    eve.expect(":Zoe!* MODE #lobby +m");
    eve.send("MODE #lobby -m");
    eve.expect("* 482 *");
    // Nobody else gets its nick or its password.
    eve.send("NICK host");
    eve.expect("* 433 *");
    let mut config = Config::default();
    assert_ne!(Server::host_account(&mut config).unwrap().password, account.password);
    assert!(!format!("{account:?}").contains(&account.password));
}
