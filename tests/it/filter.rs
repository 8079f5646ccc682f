//! The terminal program without a terminal: lines in, lines out.

use chat_server::Config;
use chat_tests::{TestClient, TestServer, program::Program};

fn join(server: &TestServer, more: &[&str]) -> Program {
    let address = server.address().to_string();
    Program::start("chat-cli", &[&["join", &address, "--name", "Fil"], more].concat())
}

fn without_rooms() -> TestServer {
    TestServer::with(|config: &mut Config| config.auto_join = false)
}

#[test]
fn lines_before_the_first_room_are_said_in_it() {
    let server = without_rooms();
    let mut bob = TestClient::register(&server, "Bob");
    bob.send("JOIN #den");
    bob.expect("* 366 *");
    let mut filter = join(&server, &[]);
    filter.send("/join den");
    filter.send("hello");
    filter.end_input();
    bob.expect(":Fil!* JOIN #den");
    bob.expect(":Fil!* PRIVMSG #den :hello");
    bob.expect(":Fil!* QUIT *");
    assert_eq!(filter.exit_code(), Some(0));
}

#[test]
fn where_there_is_no_room_it_says_so_and_ends() {
    let server = without_rooms();
    let mut filter = join(&server, &[]);
    filter.send("hello");
    filter.end_input();
    assert_eq!(filter.exit_code(), Some(5));
    assert!(filter.errors().contains("in no room; say which with --room"));
}

#[test]
fn a_room_that_is_asked_for_is_spoken_in_and_one_that_is_left_is_not() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    bob.send("JOIN #den,#hall");
    bob.expect("* 366 Bob #hall *");
    let mut filter = join(&server, &[]);
    for line in [
        "/join den",
        "in the den",
        "/join lobby",
        "in the lobby",
        "/join #den",
        "again",
        "/part den so long",
        "in the lobby after all",
        "/join hall",
        "in the hall",
    ] {
        filter.send(line);
    }
    filter.end_input();
    for (room, text) in [
        ("#den", "in the den"),
        ("#lobby", "in the lobby"),
        ("#den", "again"),
        ("#lobby", "in the lobby after all"),
        ("#hall", "in the hall"),
    ] {
        if text.ends_with("all") && room == "#lobby" {
            bob.expect(":Fil!* PART #den :so long");
        }
        bob.expect(&format!(":Fil!* PRIVMSG {room} :{text}"));
    }
    assert_eq!(filter.exit_code(), Some(0));
}

#[test]
fn a_room_that_cannot_be_entered_is_said_and_nothing_is_said_elsewhere() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    bob.send("JOIN #den");
    bob.send("MODE #den +i");
    bob.expect("* MODE #den +i");
    let mut filter = join(&server, &[]);
    filter.send("/join den");
    filter.send("for the den alone");
    filter.end_input();
    assert_eq!(filter.exit_code(), Some(5));
    assert!(filter.errors().contains("#den could not be entered"));
    bob.expect_none("*for the den alone*");
}

#[test]
fn who_wants_one_connection_ends_with_it() {
    let mut server = TestServer::start();
    let mut filter = join(&server, &["--no-reconnect"]);
    filter.expect("* you are in #lobby as Fil");
    server.stop();
    assert_eq!(filter.exit_code(), Some(4));
    assert!(filter.errors().contains("The server is stopping"));
}

#[test]
fn commands_answer_as_at_a_terminal() {
    let server = TestServer::start();
    let mut bob = TestClient::register(&server, "Bob");
    let mut filter = join(&server, &["--room", "den"]);
    filter.expect("* you are in #den as Fil");
    for (command, answer) in [
        ("/rooms", "* you are in: #den, #lobby"),
        ("/topic", "* #lobby has no topic"),
        ("/names", "* 2 in #lobby: Bob, Fil"),
        ("/names #nowhere", "! you are not in #nowhere"),
        ("/help", "*/reconnect*"),
        ("/nonsense", "! there is no command /nonsense*"),
    ] {
        filter.send(command);
        filter.expect(answer);
    }
    filter.send("/away lunch");
    filter.send("/msg Bob are you there?");
    bob.expect(":Fil!* PRIVMSG Bob :are you there?");
    bob.send("PRIVMSG Fil :yes");
    bob.expect("* 301 Bob Fil *lunch");
    filter.send("/quit");
    assert_eq!(filter.exit_code(), Some(0));
}

#[test]
fn what_was_refused_shows_in_the_exit_code_however_long_ago() {
    let server = TestServer::start();
    let mut filter = join(&server, &[]);
    filter.expect("* you are in #lobby as Fil");
    filter.send("/msg nobody-is-called-so hello");
    filter.expect("! not delivered: *");
    filter.end_input();
    assert_eq!(filter.exit_code(), Some(5));
    assert!(filter.errors().contains("not delivered: 1"));
}

#[test]
fn input_waits_for_a_connection_that_comes_back() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = |config: &mut Config| config.listen = vec![format!("127.0.0.1:{port}")];
    let mut server = TestServer::with(listen);
    let mut filter = join(&server, &[]);
    filter.expect("* you are in #lobby as Fil");
    server.stop();
    filter.expect("! the server closed the connection: *");
    // More than may wait to be sent.
    for n in 0..400 {
        filter.send(&format!("line {n}"));
    }
    filter.end_input();
    let server = TestServer::with(listen);
    let mut bob = TestClient::register(&server, "Bob");
    for n in 0..400 {
        bob.expect(&format!(":Fil!* PRIVMSG #lobby :line {n}"));
    }
    assert_eq!(filter.exit_code(), Some(0));
}

#[test]
fn a_signal_is_heard_while_lines_wait() {
    let server = without_rooms();
    let mut filter = join(&server, &[]);
    filter.expect("* connected as Fil");
    filter.send("/rooms");
    for n in 0..100 {
        filter.send(&format!("line {n}"));
    }
    // What comes behind it waits for a room.
    filter.expect("* you are in no room");
    filter.signal("INT");
    assert_eq!(filter.exit_code(), Some(130));
}
