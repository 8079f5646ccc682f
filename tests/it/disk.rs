//! A disk that is full, broken or slow, under a real server: whoever writes is told in words, nobody sees what is
//! not kept, and when it is mended all goes on.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use chat_tests::{TestClient, folder::TempFolder, program::Program};

const CAPS: &str =
    "echo-message standard-replies draft/chathistory soju.im/search batch message-tags";

/// A server on a disk whose faults are files in `folder`.
fn server_on_a_bad_disk(folder: &Path) -> (Program, SocketAddr) {
    let shim = folder.join("disk.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/data/disk.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&shim)
        .args([source, "-ldl"])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
    let data = folder.join("data");
    let mut command = Command::new(chat_tests::program::path("chat-server"));
    command
        .args(["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
        .args(["--unlimited", "--data", data.to_str().unwrap()])
        .env("LD_PRELOAD", &shim)
        .env("CHAT_DISK", folder);
    let mut program = Program::run("chat-server", &mut command);
    let address = program.expect_address();
    (program, address)
}

/// The answer to `GET /health`.
fn health(address: SocketAddr) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A server is not well while nothing can be stored, and well again by itself.
#[test]
fn health_is_not_ok_while_nothing_can_be_stored() {
    let folder = TempFolder::new("health");
    let (mut program, address) = server_on_a_bad_disk(folder.path());
    let http = program.expect_address();
    let mut ann = connect(address, "Ann");
    assert!(health(http).starts_with("HTTP/1.1 200 OK"), "{}", health(http));
    for (fault, words) in [("full", "the server's disk is full"), ("broken", "database says")] {
        fs::write(folder.path().join(fault), "").unwrap();
        ann.send("PRIVMSG #lobby :lost");
        ann.expect("* FAIL PRIVMSG MESSAGE_NOT_STORED #lobby *");
        let answer = health(http);
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable"), "{answer}");
        assert!(answer.contains("nothing can be stored") && answer.contains(words), "{answer}");
        fs::remove_file(folder.path().join(fault)).unwrap();
        // Nobody says anything.
        becomes(http, "200 OK", "ok");
    }
}

/// Waits until `GET /health` is answered so, with those words in its sentence.
fn becomes(http: SocketAddr, status: &str, words: &str) {
    chat_tests::poll(|| {
        let answer = health(http);
        let is_so = answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words);
        if is_so { Ok(()) } else { Err(answer) }
    });
}

/// Nor is it while nothing can be read, of pages or of searches, whatever the other of the two can; and it is well again
/// though nobody asks.
#[test]
fn health_is_not_ok_while_nothing_can_be_read() {
    let folder = TempFolder::new("unreadable");
    let (mut program, address) = server_on_a_bad_disk(folder.path());
    let http = program.expect_address();
    let mut ann = connect(address, "Ann");
    let other = |own: &str| if own == "SEARCH" { "CHATHISTORY" } else { "SEARCH" };
    let ask = |ann: &mut TestClient, word: &str| match word {
        "SEARCH" => ann.send("SEARCH text=said"),
        _ => ann.send("CHATHISTORY LATEST #lobby * 10"),
    };
    for word in ["CHATHISTORY", "SEARCH"] {
        // What is new is not in the readers' memory.
        ann.send(&format!("PRIVMSG #lobby :said before {word}"));
        ann.expect(&format!("* PRIVMSG #lobby :said before {word}"));
        fs::write(folder.path().join("unreadable"), "").unwrap();
        ask(&mut ann, word);
        ann.expect(&format!("* FAIL {word} *_ERROR *"));
        becomes(http, "503 Service Unavailable", "nothing that was said can be read: ");
        // What is written is written.
        ann.send(&format!("PRIVMSG #lobby :said without {word}"));
        ann.expect(&format!("* PRIVMSG #lobby :said without {word}"));
        fs::remove_file(folder.path().join("unreadable")).unwrap();
        becomes(http, "200 OK", "ok");
        for word in [word, other(word)] {
            ask(&mut ann, word);
            ann.expect("* BATCH +*");
            ann.expect("* BATCH -*");
        }
    }
}

/// A disk that says nothing at all, neither that it has failed nor that it is done.
#[test]
fn health_is_not_ok_while_the_disk_does_not_answer() {
    let folder = TempFolder::new("unanswered");
    let (mut program, address) = server_on_a_bad_disk(folder.path());
    let http = program.expect_address();
    let mut ann = connect(address, "Ann");
    ann.send("PRIVMSG #lobby :said before");
    ann.expect("* PRIVMSG #lobby :said before");
    fs::write(folder.path().join("unread"), "").unwrap();
    ann.send("CHATHISTORY LATEST #lobby * 10");
    let silence = "the disk does not answer";
    becomes(
        http,
        "503 Service Unavailable",
        &format!("nothing that was said can be read: {silence}"),
    );
    ann.send("PRIVMSG #lobby :written meanwhile");
    fs::remove_file(folder.path().join("unread")).unwrap();
    becomes(http, "200 OK", "ok");
    fs::write(folder.path().join("unsynced"), "").unwrap();
    ann.send("PRIVMSG #lobby :said at last");
    becomes(http, "503 Service Unavailable", &format!("nothing can be stored: {silence}"));
    fs::remove_file(folder.path().join("unsynced")).unwrap();
    ann.expect("* PRIVMSG #lobby :said at last");
    becomes(http, "200 OK", "ok");
}

fn connect(address: SocketAddr, nick: &str) -> TestClient {
    let mut client = TestClient::connect(address);
    client.send(&format!("CAP REQ :{CAPS}"));
    client.send(&format!("NICK {nick}"));
    client.send("USER u 0 * :U");
    client.send("CAP END");
    client.expect("* 366 *");
    client
}

#[test]
fn what_a_bad_disk_refuses_is_said_and_the_rest_goes_on() {
    let folder = TempFolder::new("disk");
    let (mut program, address) = server_on_a_bad_disk(folder.path());
    let mut ann = connect(address, "Ann");
    let mut bob = connect(address, "Bob");
    ann.send("PRIVMSG #lobby :before");
    ann.expect("* PRIVMSG #lobby :before");
    let mut is_first = true;
    for (fault, words) in [("full", "*disk is full*"), ("broken", "*database says*")] {
        fs::write(folder.path().join(fault), "").unwrap();
        ann.send(&format!("PRIVMSG #lobby :lost to {fault}"));
        let refusal = ann.expect("* FAIL PRIVMSG MESSAGE_NOT_STORED #lobby *");
        assert!(chat_core::proto::mask_matches(words, &refusal), "{refusal}");
        // So are those who wait for what cannot come.
        bob.expect(&format!("* NOTICE #lobby :What is written here cannot be stored now{words}"));
        // Once a minute at most: the second outage is no news.
        if std::mem::take(&mut is_first) {
            program.expect("incident: storage-failed why=*");
        }
        // What passes by the log goes on.
        ann.send("PING still");
        ann.expect("*PONG*still");
        ann.send("AWAY :until it is mended");
        ann.expect("* 306 *");
        fs::remove_file(folder.path().join(fault)).unwrap();
        ann.send(&format!("PRIVMSG #lobby :mended after {fault}"));
        ann.expect(&format!("* PRIVMSG #lobby :mended after {fault}"));
        bob.expect("* NOTICE #lobby :What is written here is stored again");
    }
    // A closed room that ends while nothing can be written is nobody's all the same.
    ann.send("JOIN #shut");
    ann.send("MODE #shut +i");
    ann.expect("* MODE #shut +i");
    ann.send("PRIVMSG #shut :among us");
    ann.expect("* PRIVMSG #shut :among us");
    fs::write(folder.path().join("full"), "").unwrap();
    ann.send("PART #shut");
    ann.expect("* PART #shut*");
    bob.send("JOIN #shut");
    bob.send("CHATHISTORY LATEST #shut * 5");
    bob.expect("* 366 Bob #shut *");
    fs::remove_file(folder.path().join("full")).unwrap();
    bob.expect("* BATCH +* chathistory #shut");
    let next = bob.next_line().unwrap();
    assert!(next.contains(" BATCH -"), "he is told {next}");
    // Slow: the echo comes when it is kept, and signs of life do not wait for it.
    fs::write(folder.path().join("slow"), "").unwrap();
    bob.send("PRIVMSG #lobby :slowly");
    ann.send("PING :quick");
    ann.expect("*PONG*quick");
    bob.expect("* PRIVMSG #lobby :slowly");
    fs::remove_file(folder.path().join("slow")).unwrap();
    // Nobody saw what was refused, and nobody finds it; all else is there, also after a restart.
    let seen = bob_has_seen(&mut bob);
    assert!(!seen.iter().any(|line| line.contains("lost to")), "{seen:?}");
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    let (_program, address) = server_on_a_bad_disk(folder.path());
    let mut eve = connect(address, "Eve");
    eve.send("CHATHISTORY LATEST #lobby * 10");
    for text in ["before", "mended after full", "mended after broken", "slowly"] {
        eve.expect_next_message(text);
    }
    eve.expect("* BATCH -*");
}

/// Everything that has come to Bob so far.
fn bob_has_seen(bob: &mut TestClient) -> Vec<String> {
    bob.send("PING :all of it");
    let mut seen = Vec::new();
    while let Some(line) = bob.next_line() {
        if line.contains("all of it") {
            return seen;
        }
        seen.push(line);
    }
    panic!("the server is gone after {seen:?}")
}

trait Messages {
    /// The next message is this one.
    fn expect_next_message(&mut self, text: &str);
}

impl Messages for TestClient {
    fn expect_next_message(&mut self, text: &str) {
        let line = self.expect("* PRIVMSG #lobby :*");
        assert!(line.ends_with(&format!(" :{text}")), "{line}, where {text:?} was to come");
    }
}
