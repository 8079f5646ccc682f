//! The deletions between jobs: what is too much altogether, and senders of whom nothing is left.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use rusqlite::Connection;

use super::{
    append::Known,
    database::monotonic_now,
    retention::{self, SenderSweep, Trim},
};

/// The time from one look at how much there is altogether to the next, and after one that found nothing to give.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Records that are written at most between two looks, however quickly they come, unless there was nothing to give.
const RECORDS_BETWEEN_LOOKS: usize = 1 << 10;

/// The time from one look for senders of whom nothing is left to the next: it reads all there is.
const SENDERS_EVERY: Duration = Duration::from_secs(24 * 3600);

/// The bound on what is kept altogether: looked at now and then, and brought down where it is passed.
pub(super) struct Trimming {
    looks: Receiver<Instant>,
    /// The time from one look to the next.
    pub(super) pause: Duration,
    trim: Option<Trim>,
    has_cut: bool,
    /// Something was written since the last look.
    pub(super) is_due: bool,
    /// Records that were written since it looked or did a part.
    n_written: usize,
}

impl Default for Trimming {
    fn default() -> Self {
        let looks = crossbeam_channel::tick(LOOK_EVERY);
        Self { looks, pause: LOOK_EVERY, trim: None, has_cut: false, is_due: true, n_written: 0 }
    }
}

impl Trimming {
    /// Counts records that have been written.
    pub(super) fn wrote(&mut self, n_records: usize) {
        self.is_due = true;
        self.n_written += n_records;
    }

    /// Does a part of what there is to do, however busy the writer is; whether there was anything.
    pub(super) fn go_on(&mut self, database: &mut Connection, bytes_max: u64) -> bool {
        if self.trim.is_none() {
            let is_much = self.n_written >= RECORDS_BETWEEN_LOOKS && self.pause == LOOK_EVERY;
            if !self.is_due || !is_much && self.looks.try_recv().is_err() {
                return false;
            }
            self.n_written = 0;
            let is_too_much = |bytes: u64| bytes > bytes_max;
            self.is_due = retention::bytes_in_use(database).is_ok_and(is_too_much);
            if !self.is_due {
                return false;
            }
            (self.trim, self.has_cut) = (Some(Trim::to(bytes_max)), false);
        }
        let Some(trim) = &mut self.trim else { return false };
        // What cannot be deleted now is too much at the next look too.
        let n_written = std::mem::take(&mut self.n_written);
        let goes_on = trim.go_on(database, n_written).unwrap_or(false);
        self.has_cut |= goes_on && trim.is_cutting();
        if !goes_on {
            self.trim = None;
            self.pause = if self.has_cut { LOOK_EVERY } else { LOOK_AGAIN };
            self.looks = crossbeam_channel::tick(self.pause);
        }
        goes_on
    }
}

/// The looks for senders of whom nothing is left.
#[derive(Default)]
pub(super) struct Senders {
    /// Records were deleted since the last one.
    pub(super) are_owed: bool,
    next: Option<Instant>,
}

impl Senders {
    /// Does a part of it; whether there was anything to do.
    pub(super) fn go_on(&mut self, database: &mut Connection, known: &mut Known) -> bool {
        if known.sender_sweep.is_none() {
            let now = monotonic_now();
            if !self.are_owed || self.next.is_some_and(|next| now < next) {
                return false;
            }
            (self.are_owed, self.next) = (false, Some(now + SENDERS_EVERY));
            // Where that fails, it is done the next day.
            known.sender_sweep = SenderSweep::begin(database).ok();
        }
        let Some(mut sweep) = known.sender_sweep.take() else { return false };
        if sweep.go_on(database).unwrap_or(false) {
            known.sender_sweep = Some(sweep);
        }
        // Some of those may be no more.
        known.senders.clear();
        true
    }
}
