//! Every clause of the listener's contract, and the listeners there are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chat_core::{
    ChatClient, ClientHandle, CloseReason, ConnectionState, Delivery, DeliveryError, Event, Fanout,
    Listener, Origin, PrintListener, Update, WaitError,
    listener::{BATCH_MAX, ChannelListener, channel, from_fn},
    testing::{FakeServer, PATIENCE, RecordingListener},
};
use crossbeam_channel::{bounded, unbounded};

use super::{builder, chatter, hasty, is_ready, received};

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
