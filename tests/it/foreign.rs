//! A client library of other people's, from their package registry, that reads our history.

use std::process::Command;

use chat_tests::{TestClient, TestServer, folder::TempFolder, program::Program};
use serde_json::{Value, json};

#[test]
fn a_foreign_library_reads_the_history_page_by_page() {
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign");
    let is_there = std::path::Path::new(library).join("node_modules/irc-framework").exists();
    assert!(is_there, "irc-framework is missing: `cargo xtask test` installs it");
    let folder = TempFolder::new("foreign");
    let server = TestServer::with(|config| config.data = Some(folder.path().to_owned()));
    let mut ann = TestClient::register_with(&server, "Ann", "message-tags echo-message");
    ann.send("JOIN #den");
    ann.send("TOPIC #den :what it is about");
    let mut ids = Vec::new();
    for number in 1..=4 {
        ann.send(&format!("PRIVMSG #den :number {number}"));
        let line = ann.expect(&format!("* PRIVMSG #den :number {number}"));
        let id = line.split("msgid=").nth(1).and_then(|rest| rest.split([';', ' ']).next());
        ids.push(id.unwrap().to_owned());
    }
    let port = server.address().port().to_string();
    let mut command = Command::new("node");
    command.current_dir(library).args(["history.js", &port, "#den"]);
    let mut foreign = Program::run("node", &mut command);
    ann.expect("*:Foreign!* PRIVMSG #den :that is all of it");
    ann.send("PRIVMSG #den :number 5");
    let mut lines: Vec<Value> = Vec::new();
    while lines.last().is_none_or(|line| line["message"] != "number 5") {
        lines.push(serde_json::from_str(&foreign.expect("*")).unwrap());
    }
    let told =
        |kind: &str| -> Vec<&Value> { lines.iter().filter(|line| line["kind"] == kind).collect() };
    // Pages from the latest back: 3 and 4, 1 and 2, and the topic.
    let texts: Vec<&str> =
        told("history").iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(texts, ["number 3", "number 4", "number 1", "number 2"], "{lines:#?}");
    let pages: Vec<&Value> = told("page").iter().map(|page| &page["commands"]).collect();
    let said = || json!(["PRIVMSG", "PRIVMSG"]);
    assert_eq!(pages, [&said(), &said(), &json!(["TOPIC"])]);
    for line in told("history") {
        let number = line["message"].as_str().unwrap().strip_prefix("number ").unwrap();
        let number: usize = number.parse().unwrap();
        assert_eq!(line["msgid"], ids[number - 1].as_str());
        assert_eq!(line["nick"], "Ann");
        assert!(line["time"].as_u64().is_some_and(|time| time > 1_600_000_000_000), "{line}");
    }
    assert_eq!(told("live").len(), 1);
}
