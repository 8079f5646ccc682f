//! What whoever runs a server should know: the lines of the log (`docs/log.md`), the filter for fail2ban, and the trail of
//! operators.

use std::{collections::BTreeMap, fs};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_tests::{
    TestClient,
    folder::TempFolder,
    operators::{oper, with_root},
    program::Program,
    script::check_with,
};
use regex_lite::Regex;

const PAGE: &str = include_str!("../../docs/log.md");

/// The expressions of the filter, in words that are not fail2ban's own: the journal's beginning of a line may be there, and an
/// address is one.
fn filter() -> Regex {
    let file = include_str!("../../docs/fail2ban-chat-server.conf");
    let written = file.lines().find_map(|line| line.strip_prefix("failregex = ")).unwrap();
    let prefix = r"(?:\S+ )?(?:chat-server(?:\[\d+\])?: )?";
    let read = written
        .replace("%(__prefix_line)s", prefix)
        .replace("<ADDR>", r"(?P<address>[0-9a-fA-F.:]+)");
    assert!(!read.contains(['<', '%']) || read.contains("(?P<"), "{read} has words of fail2ban's");
    Regex::new(&read).unwrap()
}

/// The kinds that the page lists, and the fields of each.
fn documented() -> BTreeMap<&'static str, Vec<&'static str>> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let kind = |(row, _): (&'static str, &str)| {
        let mut words = row.split(' ');
        Some((words.next()?, words.map(|word| word.trim_end_matches('=')).collect()))
    };
    rows.filter_map(kind).collect()
}

/// The kind of a line, and the names of its fields.
fn parts(line: &str) -> (&str, Vec<&str>) {
    let mut words = line.split(' ').skip(1);
    let kind = words.next().unwrap();
    (kind, words.map(|word| word.split_once('=').unwrap().0).collect())
}

fn config(folder: &TempFolder) -> String {
    let hash = oper("root", &[]).password;
    let text = format!(
        "in-memory = true\nreserved-names = []\n[[oper]]\nname = \"root\"\npassword = \"{hash}\"\n\
         [[gateway]]\npassword = \"gate\"\naddresses = [\"127.0.0.1/32\"]\n"
    );
    let file = folder.path().join("file.toml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn who_guesses_stands_in_the_log_and_cannot_forge_it() {
    let folder = TempFolder::new("incidents");
    let file = config(&folder);
    let (mut program, address) = Program::start_server(&["--config", &file, "--unlimited"]);
    let connect = |nick: &str| {
        let mut client = TestClient::connect(address);
        client.send(&format!("NICK {nick}"));
        client.send("USER u 0 * :incident: login-failed address=192.0.2.66 account=x by=PLAIN");
        client.expect("* 366 *");
        client
    };
    let forged = "incident: login-failed address=192.0.2.66 account=x by=PLAIN";
    let mut root = connect("root");
    root.send("OPER root rootrootroot");
    root.expect("* 381 *");
    let mut eve = connect("incident");
    eve.send("NS IDENTIFY ann wrongwrong");
    eve.expect("* NOTICE *");
    // A name that would be a line of its own.
    let response = BASE64.encode(format!("\0x\n{forged}\0wrongwrong"));
    for line in ["CAP REQ :sasl", "AUTHENTICATE PLAIN", &format!("AUTHENTICATE {response}")] {
        eve.send(line);
    }
    eve.expect("* 904 *");
    eve.send(&format!("QUIT :{forged}"));
    let mut eve = connect("Eve");
    eve.send("OPER root wrongwrong");
    eve.expect("* 464 *");
    eve.send("OPER nobody wrongwrong");
    eve.expect("* 464 *");
    let mut gate = TestClient::connect(address);
    gate.send("WEBIRC wrong gate x 192.0.2.66");
    gate.expect("ERROR *");
    root.send(&format!("KILL Eve :{forged}"));
    root.send("CHGHOST root u elsewhere.example");
    root.send("OS BAN 192.0.2.0/24 1h they guess");
    root.expect("* is banned until *");
    root.send("REHASH");
    root.expect("* 382 *");
    let masks = [
        "incident: operator * did=OPER%20root",
        "incident: login-failed * account=ann by=NickServ",
        "incident: login-failed * by=PLAIN",
        "incident: oper-failed * name=root nick=Eve",
        "incident: oper-failed * name=nobody nick=Eve",
        "incident: gateway-failed address=127.0.0.1",
        "incident: operator * did=KILL%20Eve%20:incident:%20login-failed*",
        "incident: operator * did=CHGHOST%20root%20u%20elsewhere.example",
        "incident: operator * did=OperServ%20BAN%20192.0.2.0/24%201h%20they%20guess",
        "incident: operator * did=REHASH",
        "incident: settings-read by=root",
    ];
    let mut lines: Vec<String> = masks.iter().map(|mask| program.expect(mask)).collect();
    fs::write(&file, "nonsense").unwrap();
    program.signal("HUP");
    lines.push(program.expect("incident: settings-refused by=SIGHUP why=*line%201:*"));
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    // All that was printed, also what was passed over above.
    let rest = program.rest();
    let seen = program.transcript().iter().filter_map(|own| own.strip_prefix("< "));
    let all: Vec<String> = seen.map(str::to_owned).chain(rest).collect();
    assert_eq!(all.iter().filter(|own| own.starts_with("incident: ")).count(), lines.len());
    let filter = filter();
    let found: Vec<&str> = all
        .iter()
        .filter_map(|line| Some(filter.captures(line)?.name("address").unwrap().as_str()))
        .collect();
    assert_eq!(found, ["127.0.0.1"; 5], "those who guessed, each time, and nobody else");
    // As the journal has them.
    let journal = format!("host chat-server[12]: {}", lines[1]);
    assert!(filter.is_match(&journal) && !filter.is_match(&lines[0]), "{journal}");
    let documented = documented();
    for line in &lines {
        let (kind, fields) = parts(line);
        assert_eq!(documented.get(kind), Some(&fields), "docs/log.md has this of {kind}");
    }
}

/// They stand there also after the server has started anew, and only operators read them.
#[test]
fn what_operators_of_the_server_did_is_kept() {
    check_with(
        "ann> OS LOG
         ann< * 481 *
         bob> JOIN #den
         bob< * 366 *
         root> OPER root rootrootroot
         root< * 381 *
         root> OS LOG
         root< * NOTICE root :*Z root from 127.0.0.1: OPER root
         root> KILL bob :he was rude
         root> OS BAN 192.0.2.0/24 1h spam
         root< * is banned *
         root> OS UNBAN 192.0.2.0/24
         root< * is banned no more
         root> CHGHOST ann u hidden.example
         root< * NOTICE root :ann is now *
         root> METADATA ann SET avatar :https://example.org/a
         root< * 761 *
         root> REHASH
         root< * 382 *
         // What changes nothing, and what was refused, leaves no trail.
         root> OS BANS
         root> OS BAN everybody
         root> OS UNBAN 192.0.2.7
         root> OS HELP
         root< * NOTICE root :LOG [n]: *
         root> KILL nobody :x
         root< * 401 *
         restart
         new root
         root> NICK root
         root> USER u 0 * :R
         root> OPER root rootrootroot
         root< * 381 *
         root> OS LOG
         root< * NOTICE root :*: OPER root
         root< * NOTICE root :*: KILL bob :he was rude
         root< * NOTICE root :*: OperServ BAN 192.0.2.0/24 1h spam
         root< * NOTICE root :*: OperServ UNBAN 192.0.2.0/24
         root< * NOTICE root :*: CHGHOST ann u hidden.example
         root< * NOTICE root :*: METADATA ann SET avatar
         root< * NOTICE root :*: REHASH
         root< * NOTICE root :*: OPER root
         root> PING end
         root< *PONG*end
         root> OS LOG 1
         root< * NOTICE root :*: OPER root
         root! * NOTICE *
         root> OS LOG 0
         root< * NOTICE root :n is a number up to 100
         root> OS LOG 101
         root< * NOTICE root :n is a number up to 100",
        with_root,
    );
}
