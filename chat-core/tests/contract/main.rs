//! The promises of `chat-core`, against a fake server on a real socket.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connection;
mod listener;
mod memory;

use std::time::Duration;

use chat_core::{
    ChatClient, ChatClientBuilder, ConnectionState, ReconnectPolicy, Update,
    testing::{FakeConn, FakeServer, PATIENCE},
};
use crossbeam_channel::Receiver;

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
