//! Threads are joined and descriptors closed. Alone in its process, so that it can count them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use chat_core::{ChatClient, testing::RecordingListener};
use chat_tests::{PATIENCE, TestClient, TestServer};

fn count(what: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
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
    let before = (count("task"), count("fd"));
    for _ in 0..5 {
        run();
    }
    assert_eq!((count("task"), count("fd")), before, "threads and descriptors");
}
