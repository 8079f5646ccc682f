//! Cloaks: where people come from is seen by operators of the server alone, and bans work all the same.

use std::{collections::BTreeSet, fs};

use chat_server::{Config, config::Gateway, hub::Door};
use chat_tests::{
    TestClient,
    folder::TempFolder,
    operators::oper,
    program::Program,
    script::check_with,
    world::{SimLog, World},
};

/// As a server is whose configuration says nothing of it, with a gateway, so that people come from where a test wants.
fn with_cloaks(config: &mut Config) {
    config.cloaks = Config::default().cloaks;
    let (password, addresses) = ("gate".into(), vec!["127.0.0.1/32".parse().unwrap()]);
    config.gateways = vec![Gateway { password, addresses }];
    config.opers = vec![oper("root", &["*@192.0.2.*"])];
}

/// Somebody who comes from there.
fn from(nick: &str, address: &str) -> String {
    format!(
        "new {nick}\n{nick}> WEBIRC gate web {address} {address}\n{nick}> NICK {nick}\n\
         {nick}> USER u 0 * :Real Name\n{nick}< * 001 *\n"
    )
}

#[test]
fn nobody_is_shown_where_others_are() {
    check_with(
        &format!(
            "{}
             caps bob userhost-in-names draft/chathistory batch
             bob> JOIN #den
             bob< * 366 *
             bob> MONITOR + ann
             ann> JOIN #den
             bob< :ann!u@*.cloak JOIN #den
             ann> PRIVMSG #den :hello
             bob< :ann!u@*.cloak PRIVMSG #den :hello
             bob> WHO #den
             bob< * 352 bob #den u *.cloak chat.local ann *
             bob> WHO ann %ih
             bob< * 354 bob *.cloak *.cloak
             bob> WHOIS ann
             bob< * 311 bob ann u *.cloak *
             bob< * 318 *
             bob> USERHOST ann
             bob< * 302 bob ann=+u@*.cloak
             bob> NAMES #den
             bob< * 353 *ann!u@*.cloak*
             bob> CHATHISTORY LATEST #den * 10
             bob< *:ann!u@*.cloak PRIVMSG #den :hello
             bob> TOPIC #den :here
             ann> TOPIC #den
             ann< * 333 ann #den bob!u@*.cloak *
             bob> MODE #den +b *!*@198.51.100.7
             bob> MODE #den +b
             bob< * 367 bob #den *!*@198.51.100.7 bob!u@*.cloak *
             ann> NICK anna
             bob< :ann!u@*.cloak NICK anna
             ann> QUIT :bye
             bob< :anna!u@*.cloak QUIT *
             bob> WHOWAS anna
             bob< * 314 bob anna u *.cloak *
             bob< * 369 *
             bob! *203.0.113*",
            from("ann", "203.0.113.9")
        ),
        with_cloaks,
    );
}

/// All that one connection was sent, in one text.
fn all_of(world: &World, name: &str) -> String {
    world.lines(name).join("\n")
}

/// The address that a visitor comes from is nowhere in what others read.
#[test]
fn an_address_stands_in_no_line_of_anybody_else() {
    let mut world = World::new(3, SimLog::default(), with_cloaks);
    come(&mut world, "bob", "198.51.100.1");
    say(&mut world, "bob", "JOIN #den\r\nMONITOR + ann");
    come(&mut world, "ann", "203.0.113.9");
    for line in [
        "JOIN #den",
        "PRIVMSG #den :hi",
        "AWAY :x",
        "SETNAME :y",
        "NICK anna",
        "PART #den",
        "JOIN #den",
        "QUIT",
    ] {
        say(&mut world, "ann", line);
    }
    say(&mut world, "bob", "WHOWAS anna\r\nCS LOG #den\r\nMODE #den b");
    let all = all_of(&world, "bob");
    assert!(all.contains(".cloak") && !all.contains("203.0.113"), "{all}");
    // Who comes is told what others see.
    assert!(all.contains(" 396 bob ") && all.contains(" 001 bob "), "{all}");
}

fn come(world: &mut World, name: &str, address: &str) {
    world.open(name, Door::Irc);
    say(
        world,
        name,
        &format!("WEBIRC gate web {address} {address}\r\nNICK {name}\r\nUSER u 0 * :R"),
    );
    assert!(world.lines(name).iter().any(|line| line.contains(" 001 ")), "{:?}", world.lines(name));
}

fn say(world: &mut World, name: &str, lines: &str) {
    world.send_bytes(name, format!("{lines}\r\n").as_bytes());
    world.settle();
}

/// The host that everybody sees of somebody.
fn host_of(world: &mut World, asker: &str, name: &str) -> String {
    say(world, asker, &format!("WHOIS {name}"));
    let row = format!(" 311 {asker} {name} ");
    let line = world.lines(asker).iter().rev().find(|line| line.contains(&row)).unwrap();
    line.split(' ').nth(5).unwrap().to_owned()
}

#[test]
fn a_cloak_is_the_same_tomorrow_and_wider_ones_are_masks() {
    let mut world = World::new(4, SimLog::default(), with_cloaks);
    for (name, address) in [
        ("bob", "198.51.100.1"),
        ("ann", "203.0.113.9"),
        ("near", "203.0.113.10"),
        ("wide", "203.0.114.9"),
    ] {
        come(&mut world, name, address);
    }
    let [ann, near, wide] = ["ann", "near", "wide"].map(|name| host_of(&mut world, "bob", name));
    let behind = |host: &str, n: usize| host.splitn(n + 1, '.').nth(n).unwrap().to_owned();
    assert!(ann != near && behind(&ann, 1) == behind(&near, 1), "{ann} {near}");
    assert!(
        behind(&ann, 1) != behind(&wide, 1) && behind(&ann, 2) == behind(&wide, 2),
        "{ann} {wide}"
    );
    // All of the /24 are banned by a mask, and all others come in.
    say(&mut world, "bob", &format!("JOIN #den\r\nMODE #den +b *!*@*.{}", behind(&ann, 1)));
    for name in ["ann", "near", "wide"] {
        say(&mut world, name, "JOIN #den");
    }
    let is_in = |world: &World, name: &str| all_of(world, name).contains(" 366 ");
    assert!(!is_in(&world, "ann") && !is_in(&world, "near") && is_in(&world, "wide"));
    world.restart(77);
    for (name, address) in [("bob", "198.51.100.1"), ("ann", "203.0.113.9")] {
        come(&mut world, name, address);
    }
    assert_eq!(host_of(&mut world, "bob", "ann"), ann);
}

/// Who is banned by their nick does not come in under another one, nor as who has logged out; others do, and the answer says
/// whom it is about.
#[test]
fn a_ban_by_nick_is_about_where_a_guest_is_or_about_the_account() {
    let comes_back = from("other", "203.0.113.9");
    let elsewhere = from("cyd", "203.0.113.10");
    check_with(
        &format!(
            "bob> JOIN #den
             {}
             ann> JOIN #den
             bob< * JOIN #den
             bob> MODE #den +b ann!*@203.0.113.9
             bob> CS REGISTER #den
             bob> NS REGISTER correcthorse
             bob< * 900 *
             bob> CS BAN #den ann 2h rude
             bob< * MODE #den +b *!*@*.cloak
             bob< * KICK #den ann :rude
             bob< * NOTICE bob :*!*@*.cloak is banned until * (rude)
             bob< * NOTICE bob :ann is a guest: that is everybody who comes from where they do
             ann> NICK anna
             ann> JOIN #den
             ann< * 474 *
             {comes_back}
             other> JOIN #den
             other< * 474 *
             {elsewhere}
             cyd> JOIN #den
             cyd< * 366 *
             cyd> NS REGISTER correcthorse
             cyd< * 900 *
             bob> CS BAN #den cyd
             bob< * NOTICE bob :~a:cyd is banned
             bob< * NOTICE bob :that is the account cyd, wherever it comes from, and for a day guests who come from where it was; as a guest they would come from *!*@*.cloak
             // Who sees no addresses finds none out by trying.
             bob> CS BAN #den ~i:203.0.113.0/24
             bob< * NOTICE bob :Addresses are not shown here: *
             bob> MODE #den +b ~i:203.0.113.0/24
             bob< * 696 bob #den b ~i:203.0.113.0/24 :Addresses are not shown here: *",
            from("ann", "203.0.113.9")
        ),
        with_cloaks,
    );
}

/// A host that was given to somebody is no way around a ban of where they are.
#[test]
fn another_host_hides_nobody_from_a_ban() {
    check_with(
        &format!(
            "{}{}
             bob> JOIN #den
             bob< * 366 *
             root> OPER root rootrootroot
             root< * 381 *
             ann> JOIN #den
             bob< * JOIN #den
             root> CHGHOST ann u nice.example
             root< * NOTICE *
             bob> CS BAN #den ann
             bob> NS REGISTER correcthorse
             bob< * 900 *
             bob> PART #den
             bob> JOIN #own
             ann> JOIN #own
             bob< * JOIN #own
             bob> CS BAN #own ann
             bob< * MODE #own +b *!*@*.cloak
             bob< * KICK #own ann *
             ann> JOIN #own
             ann< * 474 *",
            from("ann", "203.0.113.9"),
            from("root", "192.0.2.1")
        ),
        with_cloaks,
    );
}

#[test]
fn operators_of_the_server_see_addresses() {
    check_with(
        &format!(
            "{}{}
             far> OPER root rootrootroot
             far< * 464 *
             // Where they may become one from is looked at by address.
             {}
             root> OPER root rootrootroot
             root< * 381 *
             root> WHOIS ann
             root< * 311 root ann u *.cloak *
             root< * 378 root ann :is connecting from u@203.0.113.9 203.0.113.9
             root> WHO ann %ih
             root< * 354 root 203.0.113.9 *.cloak
             root> WHO 203.0.113.*
             root< * 352 root * u *.cloak chat.local ann *
             root> OS BAN 203.0.113.0/24 1h spam
             ann< ERROR *banned from this server*
             // One sees one's own.
             far> WHOIS far
             far< * 378 far far :is connecting from u@203.0.114.9 203.0.114.9
             far> WHOIS root
             far< * 318 *
             far! * 378 *
             // And who may not know finds nobody by it.
             far> WHO 192.0.2.*
             far< * 315 *
             far! * 352 *",
            from("ann", "203.0.113.9"),
            from("far", "203.0.114.9"),
            from("root", "192.0.2.1")
        ),
        with_cloaks,
    );
}

#[test]
fn a_classroom_shows_addresses() {
    check_with(
        "bob> WHOIS bob
         bob< * 311 bob bob u 127.0.0.1 *",
        |config| config.cloaks = false,
    );
}

/// By default, what is kept of what people say and do holds no address of theirs.
#[test]
fn the_store_keeps_cloaks() {
    let folder = TempFolder::new("cloaks");
    let data = folder.path().join("data");
    let (mut program, address) =
        Program::start_server(&["--data", data.to_str().unwrap(), "--unlimited"]);
    let mut ann = TestClient::connect(address);
    for line in ["NICK ann", "USER u 0 * :A", "NS REGISTER correcthorse"] {
        ann.send(line);
    }
    ann.expect("* 900 *");
    for line in [
        "JOIN #own",
        "TOPIC #own :kept",
        "PRIVMSG #own :kept words",
        "MODE #own +b bad!*@*",
        "CS LINK #own",
    ] {
        ann.send(line);
    }
    ann.expect("* 366 *");
    ann.expect(":ann!u@*.cloak MODE #own +b *");
    ann.send("PING end");
    ann.expect("*PONG*end");
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    let files: BTreeSet<_> = fs::read_dir(&data).unwrap().map(|own| own.unwrap().path()).collect();
    let (mut has_words, mut n_files) = (false, 0);
    for file in files.iter().filter(|file| file.is_file()) {
        let bytes = fs::read(file).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|own| own == text.as_bytes());
        assert!(!has("127.0.0.1"), "{} holds an address", file.display());
        has_words |= has("kept words") && has(".cloak");
        n_files += 1;
    }
    assert!(has_words, "{n_files} files hold what was said");
}
