//! The test kit. A test in ten lines:
//!
//! ```
//! use chat_tests::{TestClient, TestServer};
//! let server = TestServer::start();
//! let mut ann = TestClient::register(&server, "Ann");
//! let mut bob = TestClient::register(&server, "Bob");
//! ann.expect("* JOIN #lobby*"); // her own
//! ann.expect(":Bob!*@* JOIN #lobby");
//! bob.send("PRIVMSG #lobby :hello");
//! ann.expect(":Bob!*@* PRIVMSG #lobby :hello");
//! ```
//!
//! Without sockets, [`world::World`] runs hub and sessions in one thread from a seed, and
//! [`script::check`] runs a script against it, and over sockets. With programs, [`program::Program`] runs the real ones.

mod client;
pub mod differential;
pub mod folder;
pub mod fuzz;
pub mod load;
pub mod model_log;
pub mod operators;
mod peer;
pub mod program;
pub mod script;
mod server;
pub mod shapes;
pub mod sim_log;
mod sockets;
pub mod structure;
pub mod terminal;
mod tls;
pub mod world;

pub use client::TestClient;
pub use server::TestServer;
pub use tls::over_tls;

use std::time::Duration;

use chat_server::ids::ConversationId;

/// The conversation of a room in tests of the log: a number made of the first eight bytes of its name.
#[must_use]
pub fn conversation(room: &str) -> ConversationId {
    ConversationId::new(room.bytes().take(8).fold(0, |number, byte| number << 8 | u64::from(byte)))
}

/// Looks again and again until `look` gives something: for what tells nobody when it changes, such as a file or another
/// program. What can be waited for is waited for.
///
/// # Panics
/// If nothing comes in time; with what `look` found in its place.
#[track_caller]
pub fn poll<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let pauses = crossbeam_channel::tick(Duration::from_millis(10));
    let deadline = crossbeam_channel::after(2 * PATIENCE);
    loop {
        match look() {
            Ok(found) => return found,
            Err(found) => assert!(deadline.is_empty(), "waited in vain: {found}"),
        }
        // The clock goes on as long as its receiver is there.
        let _ = pauses.recv();
    }
}

/// The time any test waits for anything before it fails and says for what.
pub const PATIENCE: Duration = Duration::from_secs(30);
