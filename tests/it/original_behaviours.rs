//! Every behaviour of the five systems this project began as, a test a row.
//!
//! | behaviour | test |
//! | --- | --- |
//! | greeting, name, welcome | `text_people_are_greeted_named_and_welcomed` |
//! | arrival and departure announced | `arrivals_and_departures_are_announced` |
//! | broadcast with the sender's name | `everyone_reads_the_senders_name` |
//! | own message shown once | `ones_own_message_is_shown_once` |
//! | quit by word | `words_leave` |
//! | quit by command | `commands_leave` |
//! | quit by closing the window | `desktop::closing_the_window_leaves` |
//! | quit by a dying connection | `a_dying_connection_is_announced_as_a_problem` |
//! | quit before naming | `leaving_before_giving_a_name_disturbs_nobody` |
//! | duplicate, empty, reserved names | `names_that_cannot_be_had_become_ones_that_can` |
//! | missing name | `who_gives_no_name_in_time_gets_one` |
//! | server stop tells everyone | `a_stop_tells_everyone` |
//! | writing after a stop | `writing_after_a_stop_fails_clearly` |
//! | second server on the same port | `a_second_server_on_a_port_says_so` |
//! | refused and timed-out connects | `connects_that_fail_say_why`, `chat-core/tests/contract/connection.rs` |
//! | address left empty | `an_empty_address_is_this_computer` |
//! | maximum number of clients | `more_clients_than_allowed_are_turned_away` |
//! | empty-room exit | `an_empty_server_ends_if_asked_to` |
//! | client without listener prints | `a_client_without_a_listener_prints` |
//! | listener replaced | `a_listener_is_replaced` |
//! | offline client retries under its name | `a_client_comes_back_under_its_name` |
//! | host closes in the right order | `a_host_stops_the_server_and_then_leaves`, `desktop::a_host_is_asked_before_the_room_ends` |
//! | UTF-8 at every chunk boundary | `text_is_whole_at_every_cut` |
//! | a line ends at a pause, never inside a character | `a_pause_ends_a_line_and_never_cuts_a_character` |
//! | messages longer than any buffer | `long_messages_arrive_complete_in_order_and_once` |

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use chat_core::{
    ChatClient, ConnectError, ConnectionState, Delivery, ReconnectPolicy, SendError, Update,
    testing::RecordingListener,
};
use chat_server::Config;
use chat_tests::{PATIENCE, TestClient, TestServer, program::Program};
use socket2::{Domain, SockRef, Socket, Type};

/// A port nobody listened on a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn text_people_are_greeted_named_and_welcomed() {
    let server = TestServer::start();
    let mut ann = TestClient::connect(server.text_address());
    ann.expect("Welcome to chat! What is your name?");
    ann.send("Ann");
    ann.expect("Welcome, Ann! You are in #lobby.*{quit}*");
    ann.expect("* here: *Ann*");
}

#[test]
fn arrivals_and_departures_are_announced() {
    let server = TestServer::start();
    let mut text = TestClient::text(&server, "Tia");
    let mut irc = TestClient::register(&server, "Ira");
    text.expect("* Ira joined");
    irc.send("QUIT :bye");
    text.expect("* Ira left (Quit: bye)");
    let mut irc = TestClient::register(&server, "Ira");
    let mut second = TestClient::text(&server, "Uma");
    text.expect("* Uma joined");
    irc.expect(":Uma!*@* JOIN #lobby");
    second.send("{quit}");
    text.expect("* Uma left (Quit)");
    irc.expect(":Uma!*@* QUIT :Quit");
}

#[test]
fn everyone_reads_the_senders_name() {
    let server = TestServer::start();
    let mut text = TestClient::text(&server, "Tia");
    let mut irc = TestClient::register(&server, "Ira");
    let (listener, record) = RecordingListener::new();
    let client = ChatClient::builder(server.address().to_string(), "Sdk")
        .listener(listener)
        .connect()
        .unwrap();
    irc.expect(":Sdk!* JOIN *");
    text.send("hello from nc");
    irc.expect(":Tia!*@* PRIVMSG #lobby :hello from nc");
    record.wait_for("Tia's message", |update| {
        matches!(update, Update::Message(m) if &*m.sender == "Tia" && &*m.text == "hello from nc")
    });
    client.send("#lobby", "hello from the kit").unwrap();
    text.expect("Sdk: hello from the kit");
    irc.expect(":Sdk!*@* PRIVMSG #lobby :hello from the kit");
    irc.send("PRIVMSG #lobby :hello from irc");
    text.expect("Ira: hello from irc");
    record.wait_for_message("hello from irc");
    irc.send("PRIVMSG Tia :only you");
    text.expect("Ira (to you): only you");
    drop(client);
}

#[test]
fn ones_own_message_is_shown_once() {
    let server = TestServer::start();
    let (listener, record) = RecordingListener::new();
    let client = ChatClient::builder(server.address().to_string(), "Sdk")
        .listener(listener)
        .connect()
        .unwrap();
    let id = client.send("#lobby", "once").unwrap();
    let Delivery::Acknowledged { msgid, .. } = record.wait_for_delivery(id) else { panic!("lost") };
    assert!(msgid.is_some(), "the echo carries the message's id");
    client.close(PATIENCE).unwrap();
    let is_it = |update: &&Update| matches!(update, Update::Message(m) if &*m.text == "once");
    assert_eq!(record.updates().iter().filter(is_it).count(), 1);

    let mut text = TestClient::text(&server, "Tia");
    text.send("mine");
    text.send("{quit}");
    let lines = text.expect_close();
    assert!(!lines.iter().any(|line| line.contains("mine")), "{lines:?}");

    let mut filter =
        Program::start("chat-cli", &["join", &server.address().to_string(), "--name", "Fil"]);
    filter.expect("* you are in #lobby as Fil");
    filter.send("just once");
    filter.end_input();
    assert_eq!(filter.exit_code(), Some(0));
    let shown = filter.rest().iter().filter(|line| line.contains("just once")).count();
    assert_eq!(shown, 1);
}

#[test]
fn words_leave() {
    let server = TestServer::start();
    let mut other = TestClient::register(&server, "Ira");
    for word in ["{quit}", "{close}"] {
        let mut text = TestClient::text(&server, "Tia");
        text.send(word);
        text.expect_close();
        other.expect(":Tia!* QUIT :Quit");
        let mut cli =
            Program::start("chat-cli", &["join", &server.address().to_string(), "--name", "Cli"]);
        cli.expect("* you are in *");
        cli.send(word);
        assert_eq!(cli.exit_code(), Some(0));
        other.expect(":Cli!* QUIT :Quit");
    }
    // Closing is leaving too, at the text door.
    let text = TestClient::text(&server, "Tia");
    text.stream().shutdown(std::net::Shutdown::Both).unwrap();
    other.expect(":Tia!* QUIT :Quit");
}

#[test]
fn commands_leave() {
    let server = TestServer::start();
    let mut other = TestClient::register(&server, "Ira");
    let mut irc = TestClient::register(&server, "Bob");
    irc.send("QUIT");
    assert!(irc.expect_close().last().unwrap().starts_with("ERROR :"));
    other.expect(":Bob!* QUIT :Quit");
    let mut cli =
        Program::start("chat-cli", &["join", &server.address().to_string(), "--name", "Cli"]);
    cli.expect("* you are in *");
    cli.send("/quit");
    assert_eq!(cli.exit_code(), Some(0));
    other.expect(":Cli!* QUIT :Quit");
}

#[test]
fn a_dying_connection_is_announced_as_a_problem() {
    let server = TestServer::start();
    let mut text = TestClient::text(&server, "Tia");
    let (listener, record) = RecordingListener::new();
    let client = ChatClient::builder(server.address().to_string(), "Sdk")
        .listener(listener)
        .connect()
        .unwrap();
    let dying = TestClient::register(&server, "Bob");
    text.expect("* Bob joined");
    SockRef::from(dying.stream()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(dying);
    text.expect("* Bob left (Connection lost: *");
    record.wait_for("word of a lost connection", |update| {
        matches!(update, Update::Left { nick, how: chat_core::Departure::Lost, .. } if &**nick == "Bob")
    });
    // An IRC client that just closes did not say that it wanted to.
    drop(TestClient::register(&server, "Cid"));
    text.expect("* Cid left (Connection lost: *");
    drop(client);
}

#[test]
fn leaving_before_giving_a_name_disturbs_nobody() {
    let server = TestServer::start();
    let mut other = TestClient::register(&server, "Ira");
    other.expect("* 366 *");
    for goodbye in ["{quit}", "{close}"] {
        let mut text = TestClient::connect(server.text_address());
        text.expect("*What is your name?");
        text.send(goodbye);
        text.expect_close();
    }
    drop(TestClient::connect(server.text_address()));
    drop(TestClient::connect(server.address()));
    let mut irc = TestClient::connect(server.address());
    irc.send("QUIT");
    irc.expect_close();
    other.expect_none("*");
}

#[test]
fn names_that_cannot_be_had_become_ones_that_can() {
    let server = TestServer::start();
    let mut people = Vec::new();
    for (name, shown) in [
        ("Ann", "Ann"),
        ("Ann", "Ann1"),
        ("ann", "ann2"),
        ("", "USR"),
        ("!!!", "USR1"),
        ("server", "USR2"),
        ("Niccolò Rossi", "Niccolo_Rossi"),
    ] {
        let mut person = TestClient::connect(server.text_address());
        person.send(name);
        person.expect(&format!("Welcome, {shown}! *"));
        people.push(person);
    }
    // The kit finds a free one by itself.
    let builder = ChatClient::builder(server.address().to_string(), "Ann");
    let client = builder.listener(RecordingListener::new().0).connect().unwrap();
    assert_eq!(&*client.nick(), "Ann1".replace('1', "3"), "Ann, Ann1 and ann2 are taken");
}

#[test]
fn who_gives_no_name_in_time_gets_one() {
    let server =
        TestServer::with(|config| config.limits.registration_timeout = Duration::from_millis(100));
    let mut silent = TestClient::connect(server.text_address());
    silent.expect("Welcome, USR! *");
}

#[test]
fn a_stop_tells_everyone() {
    ["TERM", "INT"].into_iter().for_each(stop_with);
}

fn stop_with(signal: &str) {
    let (mut program, address) = Program::start_server(&["--text-listen", "127.0.0.1:0"]);
    let text = TcpStream::connect(program.expect_address()).unwrap();
    text.set_read_timeout(Some(PATIENCE)).unwrap();
    (&text).write_all(b"Tia\n").unwrap();
    let mut irc = TestClient::connect(address);
    irc.send("NICK Ira");
    irc.send("USER u 0 * :I");
    irc.expect("* 366 *");
    let newcomer = TestClient::connect(address);
    program.expect("Tia arrived from 127.0.0.1");
    program.signal(signal);
    let lines = irc.expect_close();
    assert_eq!(lines.last().unwrap(), "ERROR :The server is stopping");
    let lines: Vec<String> = BufReader::new(text).lines().map_while(Result::ok).collect();
    assert_eq!(lines.last().unwrap(), "* The server is stopping. Goodbye!");
    // Who was there departs, as everyone does.
    program.expect("Ira departed: The server is stopping");
    program.expect("stopped");
    assert_eq!(program.exit_code(), Some(0));
    drop(newcomer);
}

#[test]
fn writing_after_a_stop_fails_clearly() {
    let mut server = TestServer::start();
    let (listener, record) = RecordingListener::new();
    let client = ChatClient::builder(server.address().to_string(), "Sdk")
        .reconnect(ReconnectPolicy::never())
        .listener(listener)
        .connect()
        .unwrap();
    server.stop();
    let reason = record.wait_for_closed();
    assert!(reason.to_string().contains("The server is stopping"), "{reason}");
    assert_eq!(client.send("#lobby", "too late"), Err(SendError::Closed));
}

#[test]
fn a_second_server_on_a_port_says_so() {
    let (_first, address) = Program::start_server(&[]);
    let address = address.to_string();
    let mut second = Program::start("chat-server", &["--listen", &address]);
    assert_eq!(second.exit_code(), Some(1));
    let errors = second.errors();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains("the port is taken"), "{errors}");
    let mut host = Program::start("chat-cli", &["host", "--listen", &address]);
    assert_eq!(host.exit_code(), Some(1));
    assert!(host.errors().contains("the port is taken"));
}

#[test]
fn connects_that_fail_say_why() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut refused = Program::start("chat-cli", &["join", &address]);
    assert_eq!(refused.exit_code(), Some(2));
    assert!(refused.errors().contains("nobody listens there"));
    let error = ChatClient::builder(address, "Ann").listener(RecordingListener::new().0).connect();
    assert!(matches!(error, Err(ConnectError::Io { .. })));
    // Nobody accepts, and the system holds one connection for them: the others get no answer.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let within = Duration::from_millis(50);
    let fillers: Vec<_> = (0..8).map(|_| TcpStream::connect_timeout(&address, within)).collect();
    let mut late = Program::start("chat-cli", &["join", &address.to_string()]);
    assert_eq!(late.exit_code(), Some(2));
    assert!(late.errors().contains("no answer within 2 s"));
    drop(fillers);
    let mut nonsense = Program::start("chat-cli", &["join", "127.0.0.1:99999"]);
    assert_eq!(nonsense.exit_code(), Some(1));
    assert!(nonsense.errors().contains("a number from 1 to 65535"));
}

#[test]
fn an_empty_address_is_this_computer() {
    // The port is asked for and not taken: it lies where the system also takes ports for other connections from.
    let help = |program, arguments: &[&str]| {
        let mut program = Program::start(program, arguments);
        assert_eq!(program.exit_code(), Some(0));
        program.rest().join("\n")
    };
    for command in ["join", "listen"] {
        let text = help("chat-cli", &[command, "--help"]);
        assert!(text.contains("[default: localhost:53000]"), "{text}");
    }
    let text = help("chat-cli", &["host", "--help"]);
    assert!(text.contains("[default: 0.0.0.0:53000]"), "{text}");
    let text = help("chat-server", &["--help"]);
    assert!(text.contains("(default 127.0.0.1:53000)"), "{text}");
    assert_eq!(Config::default().listen, ["127.0.0.1:53000"]);
    assert_eq!((chat_core::client::DEFAULT_PORT, chat_server::DEFAULT_PORT), (53000, 53000));
    let mut host = Program::start(
        "chat-cli",
        &["host", "--listen", "127.0.0.1:0", "--name", "Hos", "--room", "den"],
    );
    let told = host.expect("You host #den on this computer. *chat-cli join 127.0.0.1:*");
    let port: u16 = told.rsplit(':').next().unwrap().parse().unwrap();
    // Nobody else on the network reaches it.
    for interface in if_addrs::get_if_addrs().unwrap() {
        if !interface.is_loopback() && interface.ip().is_ipv4() {
            assert!(TcpStream::connect((interface.ip(), port)).is_err(), "{interface:?}");
        }
    }
    let address = format!(":{port}");
    let client = ChatClient::builder(&*address, "Ann")
        .listener(RecordingListener::new().0)
        .connect()
        .unwrap();
    assert_eq!(&*client.nick(), "Ann");
    let mut cli = Program::start("chat-cli", &["join", &address]);
    cli.expect("* connected as USR*");
    cli.send("/quit");
    assert_eq!(cli.exit_code(), Some(0));
    drop(client);
    host.signal("INT");
    assert_eq!(host.exit_code(), Some(130));
}

#[test]
fn more_clients_than_allowed_are_turned_away() {
    let (program, address) = Program::start_server(&["--max-clients", "2"]);
    let mut first = TestClient::connect(address);
    first.send("NICK Ann");
    first.send("USER u 0 * :A");
    first.expect("* 001 *");
    let second = TestClient::connect(address);
    let mut third = TestClient::connect(address);
    third.expect("ERROR :The server is full: try again later");
    third.expect_close();
    drop(second);
    // The place is free again once the server has noticed.
    let deadline = crossbeam_channel::after(PATIENCE);
    loop {
        let mut next = TestClient::connect(address);
        next.send("NICK Bob");
        next.send("USER u 0 * :B");
        match next.next_line() {
            Some(line) if line.contains(" 001 ") => break,
            _ => assert!(deadline.try_recv().is_err(), "the place is never free again"),
        }
    }
    drop(program);
}

#[test]
fn an_empty_server_ends_if_asked_to() {
    let (mut program, address) = Program::start_server(&["--unlimited", "--exit-when-empty"]);
    let mut people: Vec<TestClient> = ["Ann", "Bob"]
        .map(|nick| {
            let mut person = TestClient::connect(address);
            person.send(&format!("NICK {nick}"));
            person.send("USER u 0 * :X");
            person.expect("* 366 *");
            person
        })
        .into();
    people.remove(0).send("QUIT");
    program.expect("Ann departed: *");
    people[0].send("PING x");
    people[0].expect("*PONG*");
    people[0].send("QUIT");
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn a_client_without_a_listener_prints() {
    let server = TestServer::start();
    let mut printer = Program::start("examples/printer", &[&server.address().to_string()]);
    printer.expect("* connected as printer");
    let mut irc = TestClient::register(&server, "Ira");
    printer.expect("* Ira joined #lobby");
    irc.send("PRIVMSG #lobby :printed \u{1b}[31mred");
    printer.expect("Ira: printed [31mred");
}

#[test]
fn a_listener_is_replaced() {
    let server = TestServer::start();
    let (first, first_record) = RecordingListener::new();
    let (second, second_record) = RecordingListener::new();
    let client =
        ChatClient::builder(server.address().to_string(), "Sdk").listener(first).connect().unwrap();
    let mut irc = TestClient::register(&server, "Ira");
    irc.send("PRIVMSG #lobby :to the first");
    first_record.wait_for_message("to the first");
    client.replace_listener(second);
    irc.send("PRIVMSG #lobby :to the second");
    second_record.wait_for_message("to the second");
    client.close(PATIENCE).unwrap();
    let is_it =
        |update: &Update| matches!(update, Update::Message(m) if &*m.text == "to the second");
    assert!(!first_record.updates().iter().any(is_it), "the first is told nothing more");
    assert!(first_record.closed().is_empty());
}

#[test]
fn a_client_comes_back_under_its_name() {
    let port = free_port();
    let listen = |config: &mut Config| config.listen = vec![format!("127.0.0.1:{port}")];
    let mut server = TestServer::with(listen);
    let mut policy = ReconnectPolicy::default();
    policy.first_delay = Duration::from_millis(20);
    policy.delay_max = Duration::from_millis(100);
    let (listener, record) = RecordingListener::new();
    let client = ChatClient::builder(server.address().to_string(), "Ann")
        .join("den")
        .reconnect(policy)
        .listener(listener)
        .connect()
        .unwrap();
    record.wait_for(
        "the den",
        |u| matches!(u, Update::Joined { room, me: true, .. } if &**room == "#den"),
    );
    server.stop();
    record.wait_for("word of the loss", |u| {
        matches!(u, Update::State(ConnectionState::Waiting { .. }))
    });
    let server = TestServer::with(listen);
    record.wait_for_ready(2);
    let mut irc = TestClient::register(&server, "Ira");
    irc.send("JOIN #den");
    // It is ready before it is in its rooms again.
    while !irc.expect("* 353 * #den *").contains("Ann") {
        irc.send("NAMES #den");
    }
    irc.send("PRIVMSG #den :welcome back");
    record.wait_for_message("welcome back");
    assert_eq!(&*client.nick(), "Ann");
}

#[test]
fn a_host_stops_the_server_and_then_leaves() {
    let mut host =
        Program::start("chat-cli", &["host", "--name", "Ann", "--listen", "127.0.0.1:0"]);
    let line = host.expect("You host #lobby *");
    let address = line.rsplit(' ').next().unwrap().to_owned();
    host.expect("* you are in #lobby as Ann");
    let mut guest = TestClient::connect(address.parse().unwrap());
    guest.send("NICK Bob");
    guest.send("USER u 0 * :B");
    guest.expect("* 366 *");
    host.expect("* Bob joined #lobby");
    guest.send("PRIVMSG #lobby :hello host");
    host.expect("Bob: hello host");
    host.send("hello guest");
    guest.expect(":Ann!* PRIVMSG #lobby :hello guest");
    // Its input ends: it goes on hosting.
    host.end_input();
    guest.send("PRIVMSG #lobby :still there?");
    host.expect("Bob: still there?");
    host.signal("TERM");
    assert_eq!(guest.expect_close().last().unwrap(), "ERROR :The server is stopping");
    assert_eq!(host.exit_code(), Some(143));
}

/// Emoji with joiners, combining marks, right to left, and characters of every length.
const TEXT: &str = "é e\u{301} 🦀 👩\u{200d}🔬 שלום نص 日本 ‰";

#[test]
fn text_is_whole_at_every_cut() {
    // With one worker: when it answers someone else, it has read what came before.
    let server = TestServer::with(|config| config.workers = std::num::NonZeroUsize::new(1));
    let mut reader = TestClient::register(&server, "Rea");
    let (listener, record) = RecordingListener::new();
    let client = ChatClient::builder(server.address().to_string(), "Sdk")
        .listener(listener)
        .connect()
        .unwrap();
    let mut irc = TestClient::register(&server, "Ira");
    let mut text = TestClient::text(&server, "Tia");
    irc.stream().set_nodelay(true).unwrap();
    for cut in 0..=TEXT.len() {
        let line = format!("PRIVMSG #lobby :{cut} {TEXT}\r\n").into_bytes();
        let at = line.len() - 2 - TEXT.len() + cut;
        irc.raw(&line[..at]);
        // Everything before has been read when its answer is there.
        reader.send("PING cut");
        reader.expect("*PONG*");
        irc.raw(&line[at..]);
        reader.expect(&format!(":Ira!* PRIVMSG #lobby :{cut} {TEXT}"));
        record.wait_for_message(&format!("{cut} {TEXT}"));
        text.raw(format!("t{cut} {TEXT}\n").as_bytes());
        reader.expect(&format!(":Tia!* PRIVMSG #lobby :t{cut} {TEXT}"));
    }
    drop(client);
}

#[test]
fn a_pause_ends_a_line_and_never_cuts_a_character() {
    let server = TestServer::with(|config| config.limits.text_pause = Duration::from_millis(30));
    let mut reader = TestClient::register(&server, "Rea");
    let mut text = TestClient::text(&server, "Tia");
    text.raw("no newline at all 🦀".as_bytes());
    reader.expect(":Tia!* PRIVMSG #lobby :no newline at all 🦀");
    let (start, end) = "half a 🦀".as_bytes().split_at(9);
    text.raw(start);
    reader.expect(":Tia!* PRIVMSG #lobby :half a ");
    text.raw(end);
    reader.expect(":Tia!* PRIVMSG #lobby :🦀");
}

#[test]
fn long_messages_arrive_complete_in_order_and_once() {
    let server = TestServer::start();
    let (listener, record) = RecordingListener::new();
    let reader = ChatClient::builder(server.address().to_string(), "Rea")
        .listener(listener)
        .connect()
        .unwrap();
    let writer = ChatClient::builder(server.address().to_string(), "Wri")
        .listener(RecordingListener::new().0)
        .connect()
        .unwrap();
    let collect = |sender: &str| -> String {
        let updates = record.updates();
        let texts = updates.iter().filter_map(|update| match update {
            Update::Message(m) if &*m.sender == sender => Some(m.text.to_string()),
            _ => None,
        });
        texts.filter(|text| !text.starts_with("the end")).collect()
    };
    // Longer than any buffer in between, numbered so that order and number show.
    let long: String = (0..40_000).map(|n| format!("{n} 🦀é ")).collect();
    let delivery = writer.send_and_wait("#lobby", &long, PATIENCE).unwrap();
    assert!(matches!(delivery, Delivery::Acknowledged { .. }), "{delivery:?}");
    writer.send("#lobby", "the end").unwrap();
    record.wait_for_message("the end");
    assert!(collect("Wri") == long, "the text came changed");

    // The same through the text door, in one go and without a newline until its end.
    let mut text = TestClient::text(&server, "Tia");
    let long: String = (0..5_000).map(|n| format!("{n} 🦀é ")).collect();
    text.raw(format!("{long}\nthe end of it\n").as_bytes());
    record.wait_for_message("the end of it");
    assert!(collect("Tia") == long, "the text came changed");
    drop((reader, writer));
}
