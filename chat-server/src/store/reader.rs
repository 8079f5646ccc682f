//! The thread that reads: one question at a time, and none for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::Receiver;
use rusqlite::{Connection, ErrorCode};

use super::{answers, writer::Noted};
use crate::{history::Query, ids::Ticket, room_log::Appender};

/// The time what was noted may take to be written before what is asked is answered.
const NOTE_PATIENCE: Duration = Duration::from_secs(5);

/// Steps of the database between two looks at whether a question takes too long, and looks: about a second.
const STEPS_PER_LOOK: i32 = 10_000;
const LOOKS_MAX: u32 = 4_000;

/// The words that are told then.
const TOO_LONG: &str = "it takes too long: ask for rarer words, one room, or a shorter time";

/// A question, and how many notes were made before it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) query: Query,
    pub(super) n_notes: u64,
}

/// A connection to the database that gives up what takes too long.
#[derive(Debug)]
pub(super) struct Reader {
    database: Connection,
    /// The number of looks at whether the question takes too long.
    n_looks: Arc<AtomicU32>,
}

impl Reader {
    pub(super) fn new(mut database: Connection) -> rusqlite::Result<Self> {
        let n_looks = Arc::new(AtomicU32::new(0));
        let so_far = Arc::clone(&n_looks);
        let is_over = move || so_far.fetch_add(1, Ordering::Relaxed) > LOOKS_MAX;
        database.progress_handler(STEPS_PER_LOOK, Some(is_over))?;
        Ok(Self { database, n_looks })
    }

    /// Asks one question; a sentence for whoever asked, if it has no answer.
    fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Arc<str>> {
        self.n_looks.store(0, Ordering::Relaxed);
        question(&self.database).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => TOO_LONG.into(),
            _ => error.to_string().into(),
        })
    }
}

/// Ends when nobody asks any more, or nobody hears the answer.
pub(super) fn run(
    reader: &Reader,
    questions: &Receiver<Asked>,
    appender: &Appender,
    noted: &Noted,
) {
    for Asked { ticket, query, n_notes } in questions {
        // Who may read what is as the hub knows it.
        let answer = if noted.wait_for(n_notes, NOTE_PATIENCE) {
            reader.ask(|database| answers::answer(database, &query))
        } else {
            Err("the server's disk does not answer".into())
        };
        if !appender.queried(ticket, answer) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_question_without_an_end_is_given_up_and_the_next_one_answered() {
        let reader = Reader::new(Connection::open_in_memory().unwrap()).unwrap();
        let count_to = |n: i64| {
            let count = "WITH RECURSIVE numbers(n) AS
                             (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
                         SELECT count(*) FROM numbers";
            reader.ask(|database| database.query_row(count, [n], |row| row.get::<_, i64>(0)))
        };
        let n_steps = i64::from(STEPS_PER_LOOK) * i64::from(LOOKS_MAX);
        let long = n_steps / 24;
        // Each more than half of what one question may take, which takes some 16 steps for a number.
        assert_eq!(count_to(long), Ok(long));
        assert_eq!(count_to(long), Ok(long));
        assert_eq!(count_to(2 * long), Err(TOO_LONG.into()));
        assert_eq!(count_to(i64::MAX), Err(TOO_LONG.into()));
        assert_eq!(count_to(10), Ok(10));
    }
}
