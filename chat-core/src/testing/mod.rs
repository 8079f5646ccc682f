//! Testing of this crate, and of your programs too: a fake server on a real socket, and a
//! listener that remembers (feature `testing`).

mod fake_server;
mod recording;

pub use fake_server::{FakeConn, FakeServer};
pub use recording::{Record, RecordingListener};

use std::time::Duration;

/// The time anything here waits before it gives up and says what it waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);
