//! Time, as the state is given it: it reads no clock.

use std::time::{Duration, Instant, SystemTime};

/// The clocks, read by the driver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) mono: Instant,
    pub(crate) wall: SystemTime,
}

/// The time that [`Duration::MAX`] comes to when it is counted from now.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// `duration` after `since`, however long it is.
pub(crate) fn later(since: Instant, duration: Duration) -> Instant {
    since + duration.min(FOREVER)
}
