//! Steps of a session: what it wants done, and how it goes on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::hub::Input;

/// The output of a session: what it wants done.
#[derive(Debug, Default)]
pub struct Output {
    /// Bytes for the peer.
    pub bytes: Vec<u8>,
    /// The inputs for the hub, in order.
    pub inputs: Vec<Input>,
    /// Close the connection when the bytes are written; why, as the others read it.
    pub close: Option<Arc<str>>,
}

/// The outcome of [`Session::step`](super::Session::step).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One line was taken.
    Line,
    /// No whole line is left.
    NeedsBytes,
    /// The peer has used up its share; go on then.
    Throttled(Instant),
}

/// "30 s", for sentences.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
