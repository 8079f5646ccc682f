//! Every clause of the listener's contract, and of delivery, against a fake server on a real socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chat_core::{
    ChatClient, ChatClientBuilder, ClientHandle, CloseReason, ConnectError, ConnectionState,
    Delivery, DeliveryError, Event, Fanout, Listener, Origin, PrintListener, ReconnectPolicy,
    SendError, Timeouts, Update, WaitError,
    listener::{BATCH_MAX, ChannelListener, channel, from_fn},
    testing::{FakeConn, FakeServer, PATIENCE, RecordingListener},
};
use crossbeam_channel::{Receiver, bounded, unbounded};

fn builder(server: &FakeServer) -> ChatClientBuilder {
    ChatClient::builder(server.address(), "Ann")
}

/// Reconnects at once, so that tests need not wait.
fn hasty() -> ReconnectPolicy {
    let mut policy = ReconnectPolicy::default();
    policy.first_delay = Duration::from_millis(5);
    policy
}

fn is_ready(update: &Update) -> bool {
    matches!(update, Update::State(ConnectionState::Ready { .. }))
}

/// Sends `n` messages of another person.
fn chatter(conn: &mut FakeConn, n: usize) {
    for i in 0..n {
        conn.reply(&format!(":bob!b@host PRIVMSG #lobby :{i}"));
    }
}

/// Waits for a value from within a listener.
fn received<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(PATIENCE).expect("the listener tells in time")
}

#[test]
fn clause_1_one_named_thread_for_the_whole_life() {
    let server = FakeServer::scripted([
        |conn| {
            conn.welcome();
            conn.drop_connection();
        },
        |conn| {
            conn.welcome();
            conn.wait_for_close();
        },
    ]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).reconnect(hasty()).start().unwrap();
    record.wait_for_ready(2);
    client.close(PATIENCE).unwrap();
    let threads = record.threads();
    assert!(threads.len() >= 2 && threads.iter().all(|name| name == "chat-core-rx"), "{threads:?}");
}

#[test]
fn clause_1_calls_are_never_concurrent_or_re_entrant() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        chatter(conn, 50);
        conn.expect("PRIVMSG #lobby :last");
        conn.wait_for_close();
    }]);
    let inside = Arc::new(AtomicUsize::new(0));
    let (tell, told) = unbounded();
    let client = builder(&server)
        .listener(from_fn(move |client, event| {
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "a call within a call");
            if let Event::Updates(updates) = event {
                for update in updates {
                    match update {
                        Update::Message(m) if m.is_own => tell.send(m.text).unwrap(),
                        Update::Message(m) if &*m.text == "49" => {
                            // Comes back in a later call.
                            client.send("#lobby", "last").unwrap();
                        }
                        _ => {}
                    }
                }
            }
            inside.fetch_sub(1, Ordering::SeqCst);
        }))
        .start()
        .unwrap();
    assert_eq!(&*received(&told), "last");
    drop(client);
}

#[test]
fn clause_2_order_is_the_servers_and_ready_comes_first() {
    let server = FakeServer::scripted([
        |conn| {
            conn.welcome();
            chatter(conn, 500);
            conn.drop_connection();
        },
        |conn| {
            conn.welcome();
            conn.reply(":bob!b@host PRIVMSG #lobby :second connection");
            conn.wait_for_close();
        },
    ]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).reconnect(hasty()).start().unwrap();
    record.wait_for_message("second connection");
    client.close(PATIENCE).unwrap();
    let mut readies = 0;
    let mut texts = Vec::new();
    for update in record.updates() {
        match update {
            Update::Message(message) => {
                assert!(readies > 0, "a message before Ready");
                texts.push((readies, message.text.to_string()));
            }
            update if is_ready(&update) => readies += 1,
            _ => {}
        }
    }
    let (first, second) = texts.split_at(texts.iter().position(|(n, _)| *n == 2).unwrap());
    assert!(first.iter().enumerate().all(|(i, (n, text))| *n == 1 && *text == i.to_string()));
    assert_eq!(second, [(2, "second connection".to_owned())]);
}

#[test]
fn clause_3_batches_are_what_was_waiting_and_bounded() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        chatter(conn, 3000);
        conn.wait_for_close();
    }]);
    let (release, released) = bounded::<()>(0);
    let (tell, told) = unbounded();
    let client = builder(&server)
        .listener(from_fn(move |_, event| {
            if let Event::Updates(updates) = event {
                let is_first = updates.iter().any(|u| matches!(u, Update::State(_)));
                let n = updates.iter().filter(|u| matches!(u, Update::Message(_))).count();
                tell.send((updates.len(), n)).unwrap();
                if is_first && n == 0 {
                    // While this call lasts everything piles up.
                    let _ = released.recv();
                }
            }
        }))
        .start()
        .unwrap();
    received(&told);
    drop(release);
    let (mut messages, mut largest) = (0, 0);
    while messages < 3000 {
        let (batch, n) = received(&told);
        assert!(batch <= BATCH_MAX);
        largest = largest.max(batch);
        messages += n;
    }
    assert_eq!(messages, 3000);
    assert!(largest > 1, "what waits comes together");
    drop(client);
}

#[test]
fn clause_4_a_blocked_listener_stops_neither_pong_nor_reconnect() {
    let server = FakeServer::scripted([
        |conn| {
            conn.welcome();
            conn.reply("PING :one");
            conn.expect("PONG :one");
            conn.drop_connection();
        },
        |conn| {
            conn.welcome();
            conn.reply("PING :two");
            conn.expect("PONG :two");
            conn.wait_for_close();
        },
    ]);
    let (release, released) = bounded::<()>(0);
    let (tell, told) = unbounded();
    let client = builder(&server)
        .reconnect(hasty())
        .listener(from_fn(move |_, event| {
            // Blocked from the first call on.
            let _ = released.recv();
            if let Event::Updates(updates) = event {
                updates.iter().filter(|u| is_ready(u)).for_each(|_| tell.send(()).unwrap());
            }
        }))
        .start()
        .unwrap();
    // The scripts go through while the listener hangs.
    let handle = client.handle();
    let deadline = Duration::from_millis(5);
    while !matches!(handle.state(), ConnectionState::Ready { resumed: true, .. }) {
        crossbeam_channel::after(deadline).recv().unwrap();
    }
    drop(release);
    received(&told);
    received(&told);
    drop(client);
}

#[test]
fn clause_4_too_slow_a_listener_is_told_how_much_it_missed() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        chatter(conn, 1000);
        conn.reply("PING :done");
        conn.expect("PONG :done");
        conn.reply(":bob!b@host PRIVMSG #lobby :go");
        conn.wait_for_close();
    }]);
    let (release, released) = bounded::<()>(0);
    let (tell, told) = unbounded();
    let client = builder(&server)
        .update_queue(50)
        .listener(from_fn(move |_, event| {
            let _ = released.recv();
            if let Event::Updates(updates) = event {
                tell.send(updates).unwrap();
            }
        }))
        .start()
        .unwrap();
    while !client.state().is_ready() || client.members("#lobby").is_empty() {
        crossbeam_channel::after(Duration::from_millis(5)).recv().unwrap();
    }
    // Long enough for the rest to have come: the answer to the ping says so.
    crossbeam_channel::after(Duration::from_millis(200)).recv().unwrap();
    drop(release);
    let (mut seen, mut dropped) = (0, 0);
    loop {
        let updates = received(&told);
        let mut is_over = false;
        for update in updates {
            match update {
                Update::Lagged { dropped: n, .. } => dropped += n,
                Update::Message(m) => {
                    seen += 1;
                    is_over |= &*m.text == "go";
                }
                _ => {}
            }
        }
        if is_over {
            break;
        }
    }
    assert!(dropped > 0 && seen < 1001, "{seen} seen, {dropped} dropped");
    drop(client);
}

#[test]
fn clause_5_waiting_inside_the_listener_would_deadlock() {
    let server = FakeServer::start();
    let (tell, told) = unbounded();
    let client = builder(&server)
        .listener(from_fn(move |client, event| {
            if let Event::Updates(updates) = event
                && updates.iter().any(is_ready)
            {
                assert!(client.on_receiver_thread());
                tell.send(client.wait_closed(PATIENCE).map(|_| ())).unwrap();
                tell.send(client.send_and_wait("#lobby", "x", PATIENCE).map(|_| ())).unwrap();
                client.send("#lobby", "allowed").unwrap();
                client.join("#other").unwrap();
                let _ = (
                    client.state(),
                    client.nick(),
                    client.members("#lobby"),
                    client.topic("#lobby"),
                );
            }
        }))
        .start()
        .unwrap();
    assert!(matches!(received(&told), Err(WaitError::WouldDeadlock)));
    assert!(matches!(received(&told), Err(WaitError::WouldDeadlock)));
    assert!(!client.on_receiver_thread());
    drop(client);
}

#[test]
fn clause_6_the_client_may_be_dropped_or_closed_inside_a_call() {
    let server = FakeServer::start();
    for close in [false, true] {
        let (give, given) = bounded::<ChatClient>(1);
        let (tell, told) = unbounded();
        let client = builder(&server)
            .listener(from_fn(move |_, event| match event {
                Event::Updates(updates) if updates.iter().any(is_ready) => {
                    let client = given.recv().unwrap();
                    if close {
                        let closed = client.close(PATIENCE);
                        assert!(matches!(closed, Err(WaitError::WouldDeadlock)), "{closed:?}");
                    }
                }
                Event::Closed(reason) => tell.send(reason).unwrap(),
                _ => {}
            }))
            .start()
            .unwrap();
        give.send(client).unwrap();
        assert!(received(&told).is_clean());
    }
}

#[test]
fn clause_7_a_panic_is_caught_and_told() {
    struct Panics(Arc<AtomicUsize>);
    impl Listener for Panics {
        fn update_messages(&mut self, _: &ClientHandle, _: Vec<Update>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("on purpose");
        }
        fn closed_connection(&mut self, _: &ClientHandle, _: CloseReason) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let server = FakeServer::start();
    let calls = Arc::new(AtomicUsize::new(0));
    let client = builder(&server).listener(Panics(Arc::clone(&calls))).start().unwrap();
    let waited = client.wait_closed(PATIENCE);
    assert!(matches!(&waited, Err(WaitError::ListenerPanicked(text)) if &**text == "on purpose"));
    let closed = client.close(PATIENCE);
    assert!(matches!(closed, Err(WaitError::ListenerPanicked(_))), "{closed:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1, "it is not called again");
}

#[test]
fn clause_8_no_lock_is_held_during_a_call() {
    let server = FakeServer::start();
    let (tell, told) = bounded(0);
    let (answer, answered) = bounded(0);
    let client = builder(&server)
        .listener(from_fn(move |_, event| {
            if let Event::Updates(updates) = event
                && updates.iter().any(is_ready)
            {
                tell.send(()).unwrap();
                answered.recv().unwrap();
            }
        }))
        .start()
        .unwrap();
    received(&told);
    // The listener is in its call, and everything on the handle works elsewhere.
    let _ = (client.state(), client.nick(), client.rooms(), client.members("#lobby"));
    client.send("#lobby", "from outside").unwrap();
    client.replace_listener(PrintListener::new(std::io::sink()));
    answer.send(()).unwrap();
    drop(client);
}

#[test]
fn clause_9_closed_connection_comes_once_and_last_and_every_message_is_settled() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        conn.expect("PRIVMSG #lobby :never answered");
        conn.expect("QUIT");
        conn.reply("ERROR :You left");
        conn.drop_connection();
    }]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).start().unwrap();
    record.wait_for_ready(1);
    let id = client.send("#lobby", "never answered").unwrap();
    let reason = client.close(Duration::from_millis(300)).unwrap();
    assert!(reason.is_clean());
    assert_eq!(record.closed().len(), 1);
    assert_eq!(record.wait_for_delivery(id), Delivery::Failed(DeliveryError::Unknown));
}

#[test]
fn clause_10_the_message_comes_before_what_becomes_of_it() {
    let server = FakeServer::start();
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).listener(listener).connect().unwrap();
    let id = client.send("#lobby", "hello").unwrap();
    assert!(matches!(record.wait_for_delivery(id), Delivery::Acknowledged { .. }));
    let story: Vec<String> = record
        .updates()
        .iter()
        .filter_map(|update| match update {
            Update::Message(m) if m.send_id == Some(id) && m.origin == Origin::LocalEcho => {
                Some("message".into())
            }
            Update::Delivery { id: of, state } if *of == id => Some(format!("{state:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(story, ["message", "Queued", "Written", "Acknowledged { msgid: None }"]);
    drop(client);
}

#[test]
fn a_fanout_tells_every_listener_the_same() {
    let server = FakeServer::start();
    let (first, first_record) = RecordingListener::new();
    let (second, second_record) = RecordingListener::new();
    let (third, events) = channel(1024);
    let fanout = Fanout::new().with(first).with(second).with(third);
    let client = builder(&server).listener(fanout).connect().unwrap();
    client.send("#lobby", "to all").unwrap();
    first_record.wait_for_message("to all");
    second_record.wait_for_message("to all");
    client.close(PATIENCE).unwrap();
    assert_eq!(first_record.updates().len(), second_record.updates().len());
    assert_eq!(second_record.closed().len(), 1);
    let events: Vec<Event> = events.iter().collect();
    assert!(matches!(events.last(), Some(Event::Closed(_))));
}

#[test]
fn a_crossbeam_sender_is_a_listener() {
    let server = FakeServer::start();
    let (sender, events) = unbounded();
    let client = builder(&server).listener(ChannelListener::from(sender)).connect().unwrap();
    client.close(PATIENCE).unwrap();
    assert!(events.iter().count() >= 2);
}

#[test]
fn a_listener_can_be_replaced() {
    let server = FakeServer::start();
    let (first, first_record) = RecordingListener::new();
    let (second, second_record) = RecordingListener::new();
    let client = builder(&server).listener(first).connect().unwrap();
    client.send("#lobby", "one").unwrap();
    first_record.wait_for_message("one");
    client.replace_listener(second);
    client.send("#lobby", "two").unwrap();
    second_record.wait_for_message("two");
    client.close(PATIENCE).unwrap();
    assert!(first_record.closed().is_empty(), "it was let go");
    assert_eq!(second_record.closed().len(), 1);
}

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
    let mut timeouts = Timeouts::default();
    timeouts.connect = Some(Duration::from_millis(100));
    let late = ChatClient::builder(address.to_string(), "Ann")
        .listener(RecordingListener::new().0)
        .timeouts(timeouts)
        .connect();
    let error = late.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout(_)), "{error:?}");
    assert!(error.to_string().contains("no answer within 0.1 s"), "{error}");
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
fn without_a_listener_it_prints() {
    let (mut printed, out) = std::io::pipe().unwrap();
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        conn.reply(":bob!b@host JOIN #lobby");
        conn.reply(":bob!b@host PRIVMSG #lobby :hello\u{1b}[2J there");
        conn.reply(":bob!b@host PRIVMSG #lobby :\u{1}ACTION waves\u{1}");
        conn.reply(":bob!b@host QUIT :Connection lost: it was reset");
        conn.wait_for_close();
    }]);
    let client = builder(&server).listener(PrintListener::new(out)).start().unwrap();
    let mut text = String::new();
    let mut reader = std::io::BufReader::new(&mut printed);
    while !text.contains("bob lost") {
        std::io::BufRead::read_line(&mut reader, &mut text).unwrap();
    }
    for line in [
        "* connected as Ann",
        "* bob joined #lobby",
        "bob: hello[2J there",
        "* bob waves",
        "! bob lost the connection (it was reset)",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line:?} is not in {text:?}");
    }
    drop(client);
}
