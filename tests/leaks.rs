//! Threads are joined and descriptors closed. Alone in its process, so that it can count them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::{ChatClient, testing::RecordingListener};
use chat_tests::{PATIENCE, TestClient, TestServer};

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

/// The threads and descriptors there are: the system counts a thread for a moment after it has been joined, so it is
/// asked until it says what is expected, or until that moment is long over.
fn settled(expected: Option<(usize, usize)>) -> (usize, usize) {
    // The test and the one that runs it.
    let is_it = |now: (usize, usize)| expected.map_or(now.0 == 2, |own| own == now);
    for _ in 0..100_000 {
        let now = (count("task"), count("fd"));
        if is_it(now) {
            return now;
        }
        std::thread::yield_now();
    }
    (count("task"), count("fd"))
}

#[test]
fn nothing_leaks() {
    let run = || {
        let mut server = TestServer::start();
        let mut raw = TestClient::register(&server, "Raw");
        let (listener, record) = RecordingListener::new();
        let client = ChatClient::builder(server.address().to_string(), "Ann")
            .listener(listener)
            .connect()
            .unwrap();
        client.send("#lobby", "hello").unwrap();
        raw.expect("*hello*");
        client.close(PATIENCE).unwrap();
        record.wait_for_closed();
        server.stop();
    };
    // The first run makes what a process makes once.
    run();
    let before = settled(None);
    for _ in 0..5 {
        run();
    }
    assert_eq!(settled(Some(before)), before, "threads and descriptors");
}
