//! The threads that read: one for pages of history and one for searches, each a question at a time, the askers in turn, and
//! none for longer than a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::{Connection, ErrorCode};

use super::{
    answers,
    indexing::IndexProgress,
    time_limit::{Limited, TimeLimit},
    turns::Turns,
};
use crate::{
    history::{Asker, Query},
    ids::Ticket,
    room_log::{Appender, ReadKind},
};

/// The time a question may take, by the clock.
const QUESTION_TIME: Duration = Duration::from_secs(1);

/// The time a search waits for the index of words to have what was said before it, if it can have that soon.
const INDEX_PATIENCE: Duration = Duration::from_millis(500);

/// Records that the index takes within that time.
const INDEX_PATIENCE_RECORDS: usize = 10_000;

/// The time after which a question that could not be answered is asked again when nobody asks anything else.
const RETRY: Duration = Duration::from_millis(500);

/// The words that are told to whoever asks for too much.
const TOO_LONG: &str = "it takes too long: ask for rarer words, one room, or a shorter time";

/// A question, and what is to be written before it is answered.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) asker: Asker,
    pub(super) query: Query,
    /// Wishes that the index were complete, with this one.
    pub(super) n_wishes: u64,
}

/// A connection to the database that gives up what takes too long.
#[derive(Debug)]
pub(super) struct Reader {
    database: Connection,
    limited: Limited,
}

impl Reader {
    pub(super) fn new(database: Connection, limit: &Arc<TimeLimit>) -> Self {
        let limited = limit.watch(&database);
        Self { database, limited }
    }

    /// Asks one question; a sentence for whoever asked, if it has no answer.
    fn ask<T>(
        &self,
        time: Duration,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Arc<str>> {
        let answer = self.limited.within(time, || question(&self.database));
        answer.map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => TOO_LONG.into(),
            _ => error.to_string().into(),
        })
    }
}

/// Ends when nobody asks any more, or nobody hears the answer.
pub(super) fn run(
    (reader, kind): (&Reader, ReadKind),
    questions: &Receiver<Asked>,
    appender: &Appender,
    index: &IndexProgress,
) {
    let mut turns = Turns::default();
    // The question that the disk did not answer, and why: as long as it does not, nothing is known to be readable.
    let mut unanswered: Option<(Query, Arc<str>)> = None;
    let read = |query: Query, has_all, unanswered: &mut Option<_>| {
        let health = appender.health();
        health.begin_to_read(kind, now());
        let answer =
            reader.ask(QUESTION_TIME, |database| answers::answer(database, &query, has_all));
        match &answer {
            Ok(_) => *unanswered = None,
            // That says nothing of the disk.
            Err(why) if **why == *TOO_LONG => {}
            Err(why) => *unanswered = Some((query, Arc::clone(why))),
        }
        health.has_read(kind, unanswered.as_ref().map(|(_, why)| &**why));
        answer
    };
    loop {
        if turns.is_empty() {
            let asked = match &unanswered {
                Some(_) => questions.recv_timeout(RETRY),
                None => questions.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match asked {
                Ok(asked) => turns.push(asked.asker.clone(), asked),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some((query, _)) = unanswered.clone() {
                        // Its asker has been told; whether it has an answer is all that is wanted.
                        drop(read(query, true, &mut unanswered));
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        for asked in questions.try_iter() {
            turns.push(asked.asker.clone(), asked);
        }
        let Some(Asked { ticket, query, n_wishes, .. }) = turns.pop() else { continue };
        let has_all = !matches!(query, Query::Search(_)) || {
            let is_near = index.n_behind() <= INDEX_PATIENCE_RECORDS;
            index.wait_for(n_wishes, if is_near { INDEX_PATIENCE } else { Duration::ZERO })
        };
        let answer = read(query, has_all, &mut unanswered);
        if !appender.queried(ticket, answer) {
            return;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a question that the disk does not answer is told of"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// A short time; the promise is that it ends, not when.
    const SHORT: Duration = Duration::from_millis(50);

    /// Asks in a database of its own, whose time is watched.
    fn with_reader(database: Connection, ask: impl FnOnce(&Reader)) {
        let limit = Arc::new(TimeLimit::default());
        let reader = Reader::new(database, &limit);
        std::thread::scope(|scope| {
            scope.spawn(|| limit.run());
            ask(&reader);
            limit.end();
        });
    }

    #[test]
    fn a_question_without_an_end_is_given_up_and_the_next_one_answered() {
        with_reader(Connection::open_in_memory().unwrap(), |reader| {
            let count_to = |n: i64| {
                let count = "WITH RECURSIVE numbers(n) AS
                                 (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
                             SELECT count(*) FROM numbers";
                let count = |database: &Connection| {
                    database.query_row(count, [n], |row| row.get::<_, i64>(0))
                };
                reader.ask(SHORT, count)
            };
            for _ in 0..3 {
                assert_eq!(count_to(i64::MAX), Err(TOO_LONG.into()));
                assert_eq!(count_to(10), Ok(10));
            }
            // One of many statements, each of them short.
            let many = reader.ask(SHORT, |database| -> rusqlite::Result<()> {
                loop {
                    database.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))?;
                }
            });
            assert_eq!(many, Err(TOO_LONG.into()));
        });
    }

    /// The index of words counts no steps of the database while it looks for a hundred beginnings.
    #[test]
    fn the_index_of_words_is_interrupted_within_a_step() {
        let database = Connection::open_in_memory().unwrap();
        let fill = "CREATE VIRTUAL TABLE words USING fts5(text, content = '', detail = none);
                    WITH RECURSIVE numbers(n) AS
                        (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
                    INSERT INTO words (rowid, text) SELECT n, printf('a%x a%x a%x', n, n * 7, n * 31)
                    FROM numbers;";
        database.execute_batch(fill).unwrap();
        let expression = vec!["a*"; 118].join(" AND ");
        with_reader(database, |reader| {
            let count = "SELECT count(*) FROM words WHERE words MATCH ?";
            let search = |database: &Connection| {
                database.query_row(count, [&expression], |row| row.get::<_, i64>(0))
            };
            assert_eq!(reader.ask(SHORT, search), Err(TOO_LONG.into()));
            assert_eq!(
                reader.ask(SHORT, |own| own.query_row("SELECT 1", [], |row| row.get(0))),
                Ok(1)
            );
        });
    }
}
