//! The index of words behind the commits: how far it is, and when it takes some more.

use std::{
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;
use rusqlite::Connection;

use super::{
    append::Known,
    search::{self, Indexed},
};

/// Records that may wait for the index while others are written.
const BEHIND_MAX: usize = 1 << 16;

/// Records that it takes at once while a search waits: what is to be written meanwhile waits for no more than that.
const INDEXED_FOR_SEARCH: usize = 1 << 11;

/// Records that the index takes at once when there is time: few, since somebody may come meanwhile.
const INDEXED_AT_ONCE: usize = 512;

/// Records that it takes at once when it has fallen behind: many, since each transaction makes a piece to be merged.
const INDEXED_BEHIND: usize = 1 << 13;

/// The time after which it takes no more at once, however few it has: it needs ten times as long for rare words as for those that
/// everybody uses. Where it has fallen behind, it goes on for a second.
const INDEX_TIME: Duration = Duration::from_millis(20);

/// The time of quiet after which there is time for the index. Between two batches it would be in their way.
pub(super) const QUIET: Duration = Duration::from_millis(20);

/// However busy it is, the index takes some that often, so that it keeps up with all but crowds.
const INDEX_EVERY: Duration = Duration::from_secs(1);

/// The distance of the index of words from what has been written.
pub(super) struct Behind {
    /// Records that wait for it, about; but 0 only if there are none.
    pub(super) n_records: usize,
    /// Nothing has come for a while.
    pub(super) is_quiet: bool,
    /// However busy it is, it is looked at that often.
    seconds: Receiver<Instant>,
}

impl Behind {
    /// The distance at the start: how far the ends reach that the index does not have.
    pub(super) fn new(database: &Connection) -> Self {
        let seconds = crossbeam_channel::tick(INDEX_EVERY);
        // One too many is found out when they are taken.
        let n_records = search::n_behind(database).unwrap_or(INDEXED_AT_ONCE).max(1);
        Self { n_records, is_quiet: false, seconds }
    }

    /// Lets it take some, if it is too far behind, a search waits or there is time; whether there was time.
    pub(super) fn follow(
        &mut self,
        database: &mut Connection,
        known: &mut Known,
        (is_idle, is_wished): (bool, bool),
    ) -> bool {
        if self.n_records == 0 {
            return false;
        }
        if self.n_records > BEHIND_MAX {
            self.take(database, known, (INDEXED_BEHIND, Duration::from_secs(1)));
        } else if is_wished {
            self.take(database, known, (INDEXED_FOR_SEARCH, INDEX_TIME));
        } else if is_idle && (self.is_quiet || self.seconds.try_recv().is_ok()) {
            self.take(database, known, (INDEXED_AT_ONCE, INDEX_TIME));
        } else {
            return false;
        }
        is_idle
    }

    fn take(
        &mut self,
        database: &mut Connection,
        known: &mut Known,
        (n_max, time): (usize, Duration),
    ) {
        // It may have caught up with them.
        known.behind.clear();
        self.n_records = match search::index_some(database, n_max, time) {
            Ok(Indexed { is_all: false, n_records }) => {
                self.n_records.saturating_sub(n_records).max(1)
            }
            // What could not be indexed now is with what is written next: searches find all but that.
            Ok(Indexed { is_all: true, .. }) | Err(_) => 0,
        };
    }
}

/// The number of notes that have been written: what is read must be later than those made before it was asked.
#[derive(Debug, Default)]
struct Noted {
    n_written: Mutex<u64>,
    more: Condvar,
}

impl Noted {
    fn add(&self, n: u64) {
        if n > 0 {
            *self.n_written.lock().unwrap_or_else(PoisonError::into_inner) += n;
            self.more.notify_all();
        }
    }

    /// Waits for a while until so many have been written; whether they have.
    fn wait_for(&self, n: u64, patience: Duration) -> bool {
        let n_written = self.n_written.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = self.more.wait_timeout_while(n_written, patience, |own| *own < n);
        let (n_written, _) = wait.unwrap_or_else(PoisonError::into_inner);
        *n_written >= n
    }
}

/// The progress of the index of words: the wishes of searches that it has met, and how far it is behind.
#[derive(Debug, Default)]
pub(super) struct IndexProgress {
    met: Noted,
    n_behind: AtomicUsize,
}

impl IndexProgress {
    /// The number of records that it does not have, about.
    pub(super) fn n_behind(&self) -> usize {
        self.n_behind.load(Ordering::Relaxed)
    }

    /// Waits for a while until it has all that was said before so many wishes; whether it has.
    pub(super) fn wait_for(&self, n_wishes: u64, patience: Duration) -> bool {
        self.met.wait_for(n_wishes, patience)
    }

    /// Tells how far it is; what was wished for is there, if it has all.
    pub(super) fn tell(&self, behind: &Behind, n_wishes: &mut u64) {
        self.n_behind.store(behind.n_records, Ordering::Relaxed);
        if behind.n_records == 0 {
            self.met.add(std::mem::take(n_wishes));
        }
    }
}
