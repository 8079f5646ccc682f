//! The examples of the SDK, as a third party would copy them, against a real server.

use std::fs;

use chat_tests::{TestClient, TestServer, poll, program::Program};

fn example(name: &str, arguments: &[&str]) -> Program {
    Program::start(&format!("examples/{name}"), arguments)
}

#[test]
fn the_logger_writes_what_is_said() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "Ann");
    let path = std::env::temp_dir().join(format!("chat-tests-log-{}", std::process::id()));
    let logger = example("logger", &[&server.address().to_string(), path.to_str().unwrap()]);
    ann.expect(":logger!* JOIN #lobby");
    ann.send("PRIVMSG #lobby :for the record");
    poll(|| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let is_there = text.contains("Z Ann: for the record\n");
        is_there.then_some(()).ok_or_else(|| format!("the log holds {text:?}"))
    });
    drop(logger);
    fs::remove_file(path).unwrap();
}

#[test]
fn the_echo_bot_answers_its_name_and_nothing_else() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "Ann");
    let _bot = example("echo_bot", &[&server.address().to_string()]);
    ann.expect(":echo!* JOIN #lobby");
    ann.send("PRIVMSG #lobby :no answer to this");
    ann.send("NOTICE #lobby :echo: nor to this");
    ann.send("PRIVMSG #lobby :echo: hello there");
    assert!(ann.expect(":echo!* NOTICE #lobby *").ends_with(":Ann: hello there"));
}

#[test]
fn the_bridge_carries_both_ways() {
    let server = TestServer::start();
    let mut ann = TestClient::register(&server, "Ann");
    let mut bob = TestClient::register(&server, "Bob");
    ann.send("JOIN #north");
    bob.send("JOIN #south");
    let _bridge = example("bridge", &[&server.address().to_string(), "#north", "#south"]);
    ann.expect(":bridge!* JOIN #north");
    bob.expect(":bridge!* JOIN #south");
    ann.send("PRIVMSG #north :to the south");
    bob.expect(":bridge!* PRIVMSG #south :Ann: to the south");
    bob.send("PRIVMSG #south :to the north");
    ann.expect(":bridge!* PRIVMSG #north :Bob: to the north");
}
