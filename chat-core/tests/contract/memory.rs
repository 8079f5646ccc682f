//! The memory that a client keeps for a server that wants it: no more than its budget, and nothing of our own words is lost.

use std::time::Duration;

use chat_core::{
    ChatClient, Delivery, Event, MemoryBudget, Origin, ReconnectPolicy, SendError, Update,
    error::ConfigError,
    listener::from_fn,
    testing::{FakeConn, FakeServer, PATIENCE, RecordingListener},
};
use crossbeam_channel::bounded;

use crate::builder;

const BUDGET: MemoryBudget = MemoryBudget::new(8 << 20);

/// Lets the client in, with all that the past is asked for by, and into 400 rooms.
fn let_in(conn: &mut FakeConn) {
    let caps = "batch message-tags server-time draft/chathistory";
    conn.expect("CAP LS");
    conn.reply(&format!(":s CAP * LS :{caps}"));
    conn.expect("CAP REQ");
    conn.reply(&format!(":s CAP * ACK :{caps}"));
    conn.reply(":s 001 Ann :Hi\r\n:s 005 Ann soju.im/SAFERATE :are supported\r\n:s 422 Ann :No");
    for room in 0..400 {
        conn.reply(&format!(":Ann!u@h JOIN #{room}"));
    }
}

/// Long messages to all rooms, 70 MB of them.
fn flood(conn: &mut FakeConn) {
    let text = "x".repeat(14_000);
    for n in 0..5000 {
        conn.raw(format!(":bob!u@h PRIVMSG #{} :{text}\r\n", n % 400).as_bytes());
    }
}

/// Nicks of 200 bytes and of 4 KB, in all rooms.
fn crowd(conn: &mut FakeConn) {
    for n in 0..20_000 {
        let nick = format!("{n:0200}");
        conn.raw(format!(":{nick}!u@h JOIN #{}\r\n", n % 400).as_bytes());
        if n % 100 == 0 {
            conn.raw(format!(":{}!u@h JOIN #1\r\n", "n".repeat(4000)).as_bytes());
        }
    }
}

/// Watches what waits until the server has said all and gone, while the listener takes nothing.
fn is_bounded(script: fn(&mut FakeConn)) {
    let server = FakeServer::scripted([script]);
    let (release, released) = bounded::<()>(0);
    let (tell, told) = crossbeam_channel::unbounded();
    let client = builder(&server)
        .memory(BUDGET)
        .reconnect(ReconnectPolicy::never())
        .listener(from_fn(move |_, event| {
            let _ = released.recv();
            if let Event::Updates(updates) = event {
                tell.send(updates).unwrap();
            }
        }))
        .start()
        .unwrap();
    let mut most = 0;
    while !matches!(client.state(), chat_core::ConnectionState::Closed) {
        let bytes = client.waiting_bytes();
        most = bytes.max(most);
        assert!(bytes <= BUDGET.bytes(), "{bytes} bytes wait");
        // Not before the listener goes on.
        let _ = client.wait_closed(Duration::from_millis(1));
    }
    assert!(most > BUDGET.bytes() / 4, "only {most} bytes show little");
    drop(release);
    client.close(PATIENCE).unwrap();
    let updates: Vec<Update> = told.try_iter().flatten().collect();
    let n_gone = updates.iter().find_map(|update| match update {
        Update::Lagged { dropped, .. } => Some(*dropped),
        _ => None,
    });
    assert!(n_gone.is_some(), "the listener is told of what it did not take");
}

#[test]
fn history_that_never_comes_and_messages_nobody_takes_are_bounded_together() {
    is_bounded(|conn| {
        let_in(conn);
        flood(conn);
    });
}

#[test]
fn people_without_end_are_bounded() {
    is_bounded(|conn| {
        let_in(conn);
        crowd(conn);
        flood(conn);
    });
}

/// Words that there is no place for stay with whoever said them; others are told to their end, also to a listener that has
/// missed all else.
#[test]
fn our_own_words_are_refused_or_kept() {
    let server = FakeServer::scripted([|conn| {
        conn.welcome();
        conn.expect("PRIVMSG #lobby :mine");
        flood(conn);
        conn.expect("PING");
        conn.reply("PONG fake.test :sent-1");
        conn.wait_for_close();
    }]);
    let (listener, record) = RecordingListener::new();
    let client = builder(&server).memory(BUDGET).listener(listener).connect().unwrap();
    let id = client.send("#lobby", "mine").unwrap();
    assert!(matches!(record.wait_for_delivery(id), Delivery::Acknowledged { .. }));
    let is_echo = |update: &Update| matches!(update, Update::Message(message) if message.origin == Origin::LocalEcho && &*message.text == "mine");
    assert!(record.updates().iter().any(is_echo));
    drop(client);

    // Nobody takes what is written.
    let server = FakeServer::scripted([|conn| {
        conn.expect("USER");
        conn.wait_for_close();
    }]);
    let client = builder(&server).memory(BUDGET).listener(RecordingListener::new().0).start();
    let client = client.unwrap();
    let (text, mut n_taken) = ("x".repeat(100_000), 0);
    let full = loop {
        match client.send("#lobby", &text) {
            Ok(_) => n_taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, SendError::MemoryFull { bytes_max: 1 << 20 });
    assert!(full.is_full() && (1..=3).contains(&n_taken), "{n_taken}");
    let longer = client.send("#lobby", &"x".repeat(300_000));
    assert_eq!(longer, Err(SendError::TooLong { bytes: 300_000, bytes_max: 1 << 18 }));
    drop(client);
    let small = ChatClient::builder("", "Ann").memory(MemoryBudget::new(1000)).start();
    assert!(matches!(small, Err(ConfigError::Invalid { field: "memory", .. })));
}
