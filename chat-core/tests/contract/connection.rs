//! One connection after another: names, rooms, deliveries, and what is said when it fails.

use std::time::Duration;

use chat_core::{
    ChatClient, CloseReason, ConnectError, ConnectionState, Delivery, DeliveryError, SendError,
    Timeouts, Update,
    testing::{FakeServer, PATIENCE, RecordingListener},
};

use super::{builder, hasty};

#[test]
fn a_taken_nick_gets_a_number() {
    let server = FakeServer::scripted([|conn| {
        conn.expect("NICK Ann");
        conn.reply(":fake.test 433 * Ann :in use");
        conn.expect("NICK Ann1");
        conn.reply(":fake.test 433 * Ann1 :in use");
        conn.expect("NICK Ann2");
        conn.reply(":fake.test 001 Ann2 :Welcome");
        conn.reply(":fake.test 376 Ann2 :End");
        // The nick is free again: take it.
        conn.reply(":Ann2!u@host JOIN #lobby");
        conn.reply(":Ann!u@host QUIT :Quit");
        conn.expect("NICK Ann");
        conn.reply(":Ann2!u@host NICK Ann");
        conn.wait_for_close();
    }]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).connect().unwrap();
    let is_mine = |update: &Update| matches!(update, Update::Renamed { me: true, .. });
    record.wait_for("the nick we wanted", is_mine);
    assert_eq!(&*client.nick(), "Ann");
    drop(client);
}

#[test]
fn who_was_let_in_is_connected_however_short_it_was() {
    let server = FakeServer::scripted([
        |conn| {
            conn.expect("USER");
            let lines =
                ":s 001 Ann :Hi\r\n:s 422 Ann :No MOTD\r\nERROR :The server is stopping\r\n";
            conn.raw(lines.as_bytes());
        },
        |conn| {
            conn.welcome();
            conn.wait_for_close();
        },
    ]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).reconnect(hasty()).connect().unwrap();
    record.wait_for_ready(2);
    drop(client);
}

#[test]
fn after_a_loss_it_comes_back_under_its_name_into_its_rooms() {
    let server = FakeServer::scripted([
        |conn| {
            conn.welcome();
            conn.expect("JOIN #extra");
            conn.reply(":Ann!u@host JOIN #extra");
            conn.reply("PING :joined");
            conn.expect("PONG");
            conn.drop_connection();
        },
        |conn| {
            conn.expect("NICK Ann");
            conn.reply(":fake.test 001 Ann :Welcome");
            conn.reply(":fake.test 422 Ann :No MOTD");
            let mut rooms = [conn.expect("JOIN"), conn.expect("JOIN")];
            rooms.sort();
            assert_eq!(rooms, ["JOIN #extra", "JOIN #lobby"]);
            conn.reply(":Ann!u@host JOIN #extra");
            conn.wait_for_close();
        },
    ]);
    let (listener, record) = RecordingListener::new();
    let client =
        builder(&server).join("extra").listener(listener).reconnect(hasty()).connect().unwrap();
    record.wait_for("word that something may be missing", |u| matches!(u, Update::Gap { .. }));
    let is_waiting = |u: &Update| matches!(u, Update::State(ConnectionState::Waiting { .. }));
    record.wait_for("word of the loss", is_waiting);
    drop(client);
}

#[test]
fn what_was_written_to_a_lost_connection_is_not_sent_again() {
    let server = FakeServer::scripted([
        |conn| {
            conn.welcome();
            conn.expect("PRIVMSG #lobby :once");
            conn.drop_connection();
        },
        |conn| {
            conn.welcome();
            assert!(conn.expect("PRIVMSG").contains("after"), "the first message came again");
            conn.expect("PING :sent");
            conn.wait_for_close();
        },
    ]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).reconnect(hasty()).connect().unwrap();
    let once = client.send("#lobby", "once").unwrap();
    assert_eq!(record.wait_for_delivery(once), Delivery::Failed(DeliveryError::Unknown));
    record.wait_for_ready(2);
    client.send("#lobby", "after").unwrap();
    record.wait_for_message("after");
    drop(client);
}

#[test]
fn what_waits_while_offline_goes_out_when_there_is_a_connection() {
    let server = FakeServer::scripted([
        |conn| conn.drop_connection(),
        |conn| {
            conn.welcome();
            conn.expect("PRIVMSG #lobby :early");
            let ping = conn.expect("PING");
            conn.reply(&format!(":fake.test PONG fake.test {}", &ping[5..]));
            conn.wait_for_close();
        },
    ]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).reconnect(hasty()).start().unwrap();
    let id = client.send("#lobby", "early").unwrap();
    assert!(matches!(record.wait_for_delivery(id), Delivery::Acknowledged { .. }));
    drop(client);
}

#[test]
fn what_waits_too_long_expires() {
    let server = FakeServer::scripted([|conn| conn.wait_for_close()]);
    let mut timeouts = Timeouts::default();
    timeouts.queued = Duration::from_millis(20);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).timeouts(timeouts).start().unwrap();
    let id = client.send("#lobby", "too early").unwrap();
    assert_eq!(record.wait_for_delivery(id), Delivery::Failed(DeliveryError::Expired));
    drop(client);
}

#[test]
fn a_full_queue_is_an_error_and_quit_works_all_the_same() {
    let server = FakeServer::scripted([|conn| conn.wait_for_close()]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).send_queue(3).start().unwrap();
    for text in ["1", "2", "3"] {
        client.send("#lobby", text).unwrap();
    }
    assert_eq!(client.send("#lobby", "4"), Err(SendError::Full { capacity: 3 }));
    client.quit();
    assert!(record.wait_for_closed().is_clean());
    assert_eq!(client.send("#lobby", "5"), Err(SendError::Closed));
}

#[test]
fn a_refused_message_says_what_the_server_said() {
    let server = FakeServer::scripted([|conn| {
        let nick = conn.welcome();
        conn.expect("PRIVMSG nobody :hello");
        conn.reply(&format!(":fake.test 401 {nick} nobody :No such nick"));
        conn.wait_for_close();
    }]);
    let client = builder(&server).listener(RecordingListener::new().0).connect().unwrap();
    let delivery = client.send_and_wait("nobody", "hello", PATIENCE).unwrap();
    let Delivery::Failed(DeliveryError::Refused { code, text }) = delivery else {
        panic!("{delivery:?}")
    };
    assert_eq!((&*code, &*text), ("401", "No such nick"));
    drop(client);
}

#[test]
fn bad_targets_and_texts_are_refused_before_they_are_sent() {
    let server = FakeServer::start();
    let client = builder(&server).listener(RecordingListener::new().0).start().unwrap();
    for target in ["", "a b", "#a,#b", ":a", "a\r\nQUIT", "@a"] {
        let sent = client.send(target, "x");
        assert!(matches!(sent, Err(SendError::InvalidTarget(_))), "{target:?}: {sent:?}");
    }
    for text in ["", "\r\n", "a\0b"] {
        assert_eq!(client.send("#lobby", text), Err(SendError::InvalidText), "{text:?}");
    }
    let long = "x".repeat((1 << 20) + 1);
    assert!(matches!(client.send("#lobby", &long), Err(SendError::TooLong { .. })));
    drop(client);
}

#[test]
fn long_text_goes_in_pieces_that_fit_and_make_the_whole() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        let mut text = String::new();
        while text.chars().count() < 3000 {
            let line = conn.expect("PRIVMSG #lobby :");
            // As others get it, with the longest name before it, it must still be a line.
            assert!(line.len() + 2 + ":Ann!u@host ".len() <= 512, "{} bytes", line.len());
            text += line.strip_prefix("PRIVMSG #lobby :").unwrap();
        }
        assert_eq!(text, "caffè 🦀 ".repeat(375));
        conn.reply(":bob!b@host PRIVMSG #lobby :complete");
        conn.wait_for_close();
    }]);
    let (listener, record) = RecordingListener::new();
    let client =
        builder(&server).listener(listener).timeouts(Timeouts::default()).connect().unwrap();
    client.send("#lobby", &"caffè 🦀 ".repeat(375)).unwrap();
    record.wait_for_message("complete");
    drop(client);
}

#[test]
fn silence_is_noticed_and_answered_with_a_new_connection() {
    let server = FakeServer::scripted([
        |conn| {
            conn.welcome();
            conn.expect("PING :alive");
            conn.wait_for_close();
        },
        |conn| {
            conn.welcome();
            conn.wait_for_close();
        },
    ]);
    let mut timeouts = Timeouts::default();
    (timeouts.idle, timeouts.dead) = (Duration::from_millis(30), Duration::from_millis(30));
    let (listener, record) = RecordingListener::new();
    let client =
        builder(&server).listener(listener).timeouts(timeouts).reconnect(hasty()).start().unwrap();
    record.wait_for_ready(2);
    drop(client);
}

#[test]
fn connecting_says_why_it_failed() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (listener, record) = RecordingListener::new();
    let refused = ChatClient::builder(free.to_string(), "Ann").listener(listener).connect();
    let error = refused.unwrap_err();
    assert!(matches!(error, ConnectError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("nobody listens there"), "{error}");
    assert_eq!(record.closed().len(), 1);

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut timeouts = Timeouts::default();
    timeouts.register = Duration::from_millis(30);
    let late = ChatClient::builder(silent.local_addr().unwrap().to_string(), "Ann")
        .listener(RecordingListener::new().0)
        .timeouts(timeouts)
        .connect();
    assert!(matches!(late, Err(ConnectError::Timeout(_))), "{late:?}");

    let server = FakeServer::scripted([|conn| {
        conn.expect("USER");
        conn.reply(":fake.test 464 * :Password incorrect");
    }]);
    let (listener, record) = RecordingListener::new();
    let login = builder(&server).listener(listener).connect();
    assert!(matches!(login, Err(ConnectError::Login(_))), "{login:?}");
    assert!(matches!(record.wait_for_closed(), CloseReason::Fatal(_)), "no second try");

    let nowhere =
        ChatClient::builder("host.invalid", "Ann").listener(RecordingListener::new().0).connect();
    assert!(matches!(nowhere, Err(ConnectError::Resolve { .. })), "{nowhere:?}");
}

#[test]
fn a_full_backlog_times_out_and_says_so() {
    // Nobody accepts, and the kernel holds only so many: further connects get no answer.
    let listener = socket2_backlog();
    let address = listener.local_addr().unwrap();
    let mut fillers = Vec::new();
    for _ in 0..8 {
        let timeout = Duration::from_millis(50);
        fillers.extend(std::net::TcpStream::connect_timeout(&address, timeout));
    }
    // On this computer and in its network two seconds are enough, unless something else is said.
    for (connect, within) in [(Some(Duration::from_millis(100)), "0.1 s"), (None, "2 s")] {
        let mut timeouts = Timeouts::default();
        timeouts.connect = connect;
        let late = ChatClient::builder(address.to_string(), "Ann")
            .listener(RecordingListener::new().0)
            .timeouts(timeouts)
            .connect();
        let error = late.unwrap_err();
        assert!(matches!(error, ConnectError::Timeout(_)), "{error:?}");
        assert!(error.to_string().contains(&format!("no answer within {within}")), "{error}");
    }
}

/// A listening socket that holds a single connection.
fn socket2_backlog() -> std::net::TcpListener {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    socket.into()
}

#[test]
fn the_reconnect_policy_is_kept() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut policy = hasty();
    policy.attempts_max = Some(3);
    let (listener, record) = RecordingListener::new();
    let client = ChatClient::builder(free.to_string(), "Ann")
        .listener(listener)
        .reconnect(policy)
        .start()
        .unwrap();
    let reason = record.wait_for_closed();
    assert!(matches!(reason, CloseReason::GaveUp { attempts: 3, .. }), "{reason:?}");
    drop(client);
}

#[test]
fn a_server_that_makes_us_answer_and_never_reads_is_left() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        // Far more than the system holds for both of us; ends when the client has gone.
        let pings = "PING :again and again and again and again\r\n".repeat(1000);
        for _ in 0..2000 {
            conn.raw(pings.as_bytes());
        }
    }]);
    let (listener, record) = RecordingListener::new();
    let mut timeouts = Timeouts::default();
    timeouts.idle = Duration::from_millis(100);
    timeouts.dead = Duration::from_millis(100);
    let client = builder(&server).listener(listener).timeouts(timeouts).start().unwrap();
    let is_waiting =
        |update: &Update| matches!(update, Update::State(ConnectionState::Waiting { .. }));
    record.wait_for("that the server is given up", is_waiting);
    client.close(PATIENCE).unwrap();
}

#[test]
fn time_that_never_ends_is_no_time_out() {
    let server = FakeServer::start();
    let mut timeouts = Timeouts::default();
    for timeout in [
        &mut timeouts.register,
        &mut timeouts.idle,
        &mut timeouts.dead,
        &mut timeouts.queued,
        &mut timeouts.answered,
    ] {
        *timeout = Duration::MAX;
    }
    timeouts.connect = Some(Duration::MAX);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).timeouts(timeouts).connect().unwrap();
    client.send("#lobby", "one").unwrap();
    record.wait_for_message("one");
    assert!(matches!(client.close(Duration::MAX), Ok(CloseReason::Requested)));
}

#[test]
fn a_long_name_lets_us_in() {
    let server = FakeServer::start();
    let name = "Maria Antonietta ".repeat(60);
    let client = ChatClient::builder(server.address(), name.as_str())
        .listener(RecordingListener::new().0)
        .connect()
        .unwrap();
    assert_eq!(client.nick().len(), 32);
    client.close(PATIENCE).unwrap();
}
