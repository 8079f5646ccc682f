//! The thread that writes: everything that waits goes into one transaction, and is told of when that has been
//! committed.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use rusqlite::Connection;

use super::{
    append::{self, Known},
    database::{BUSY, monotonic_now},
    indexing::{Behind, IndexProgress, QUIET},
    retention::{self, Sweep},
    schema,
    trimming::{Senders, Trimming},
};
use crate::{
    ids::Ticket,
    retention::Retention,
    room_log::{AppendError, Appender, Change, ConversationMark, Record},
};

/// A job to be written, in the order in which it was given.
#[derive(Debug)]
pub(super) enum Job {
    /// A record.
    Append { ticket: Ticket, record: Arc<Record> },
    /// The changes of what the server loads when it starts.
    Keep { ticket: Ticket, changes: Arc<[Change]> },
    /// A search waits for the index of words to have all that was written before.
    Index,
    /// A mark of a conversation.
    Mark(ConversationMark),
    /// The retention of messages from here on.
    Retain(Retention),
}

/// Jobs in one transaction: many enough for `fsync` to cost little, and few enough to keep it short.
const JOBS_PER_COMMIT: usize = 4096;

/// The time after which notes that could not be written are tried again when nothing else comes.
const RETRY: Duration = Duration::from_millis(500);

/// Ends when nobody has anything to write any more.
pub(super) fn run(
    mut database: Connection,
    jobs: &Receiver<Job>,
    appender: &Appender,
    index: &IndexProgress,
    mut rules: Retention,
) {
    let mut known = Known::default();
    // A note that is not written would leave a room open that is closed: until it is, nothing else is.
    let mut owed: Vec<Job> = Vec::new();
    let mut behind = Behind::new(&database);
    let mut n_wishes = 0;
    index.tell(&behind, &mut n_wishes);
    let mut sweep = Some(Sweep::at(now()));
    let sweeps = crossbeam_channel::tick(retention::EVERY);
    // What was deleted stands in the database's log until that is emptied.
    let mut owes_emptying = false;
    let mut trimming = Trimming::default();
    let mut senders = Senders::default();
    loop {
        let first = jobs.try_recv();
        let is_idle = matches!(first, Err(TryRecvError::Empty)) && owed.is_empty();
        let has_time = behind.follow(&mut database, &mut known, (is_idle, n_wishes > 0));
        index.tell(&behind, &mut n_wishes);
        if has_time {
            continue;
        }
        if sweeps.try_recv().is_ok() {
            sweep = Some(Sweep::at(now()));
        }
        if let Some(own) = sweep.as_mut().filter(|_| is_idle) {
            // The number of a conversation that is deleted may be given again.
            known.behind.clear();
            known.conversations.clear();
            // What cannot be deleted now is there the next time.
            if !own.go_on(&mut database, &rules).unwrap_or(false) {
                senders.are_owed |= own.has_deleted;
                sweep = None;
                owes_emptying = true;
            }
            continue;
        }
        // Conversations keep their numbers meanwhile.
        if sweep.is_none() && trimming.go_on(&mut database, rules.total) {
            senders.are_owed = true;
            if is_idle {
                continue;
            }
        }
        if is_idle && senders.go_on(&mut database, &mut known) {
            continue;
        }
        if is_idle && owes_emptying {
            owes_emptying = !empty_log(&database);
        }
        let patience = match () {
            () if !owed.is_empty() || owes_emptying || appender.health().cannot_write() => RETRY,
            () if behind.n_records > 0 => QUIET,
            () if trimming.is_due => trimming.pause,
            () => retention::EVERY,
        };
        let first = match first {
            Err(TryRecvError::Empty) => jobs.recv_timeout(patience),
            first => first.map_err(|_| RecvTimeoutError::Disconnected),
        };
        let mut batch = std::mem::take(&mut owed);
        match first {
            Ok(job) => {
                behind.is_quiet = false;
                batch.push(job);
            }
            Err(RecvTimeoutError::Timeout) if batch.is_empty() => {
                behind.is_quiet = true;
                if appender.health().cannot_write() {
                    let tried = try_to_write(&database);
                    appender.health().has_written(tried.err().as_ref().map(words).as_deref());
                }
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            // What is not in the index yet is listed, and the next start goes on with it.
            Err(RecvTimeoutError::Disconnected) if batch.is_empty() => break,
            // Once more; what is not written then, the next start does not know.
            Err(RecvTimeoutError::Disconnected) => {
                drop(write(&mut database, &mut known, &batch));
                break;
            }
        }
        batch.extend(jobs.try_iter().take(JOBS_PER_COMMIT - 1));
        appender.health().begin_to_write(monotonic_now());
        let written = write(&mut database, &mut known, &batch);
        appender.health().has_written(written.as_ref().err().map(words).as_deref());
        if written.is_ok() {
            behind.n_records += batch.len();
            trimming.wrote(batch.len());
        }
        let is_wish = |job: &&Job| matches!(job, Job::Index);
        n_wishes += batch.iter().filter(is_wish).count() as u64;
        let is_written = written.is_ok();
        let outcomes = written.unwrap_or_else(|error| {
            // Numbers that were given out in it may be given out again.
            senders.are_owed |= known.sender_sweep.is_some();
            known = Known::default();
            let refused = Err(AppendError::Refused(words(&error).into()));
            vec![refused; batch.len()]
        });
        let told = batch.into_iter().zip(outcomes).filter_map(|(job, outcome)| match job {
            Job::Append { ticket, .. } | Job::Keep { ticket, .. } => Some((ticket, outcome)),
            Job::Index => None,
            note @ Job::Mark(_) => {
                if !is_written {
                    owed.push(note);
                }
                None
            }
            Job::Retain(others) => {
                // Whoever has changed them waits for it.
                if others != rules {
                    (rules, sweep) = (others, Some(Sweep::at(now())));
                }
                None
            }
        });
        appender.appended_all(told);
    }
    // What is left in the log of the database is put into it, so that the next start is quick.
    if let Err(error) = database.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)") {
        // It is done at the next start then.
        drop(error);
    }
}

/// Writes something that changes nothing.
fn try_to_write(database: &Connection) -> rusqlite::Result<()> {
    database.pragma_update(None, "user_version", schema::VERSION)
}

/// Puts the database's log into it and empties it, if nobody reads just now; whether it was done.
fn empty_log(database: &Connection) -> bool {
    let at_once = database.busy_timeout(Duration::ZERO);
    let is_busy = at_once.and_then(|()| {
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
    });
    let patient = database.busy_timeout(BUSY);
    matches!((is_busy, patient), (Ok(0), Ok(())))
}

#[expect(clippy::disallowed_methods, reason = "how old something is goes by the time of the day")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// All of `batch`, or nothing; what became of each.
fn write(
    database: &mut Connection,
    known: &mut Known,
    batch: &[Job],
) -> rusqlite::Result<Vec<Result<(), AppendError>>> {
    let transaction = database.transaction()?;
    // Looked up once, and not for each of some thousand records.
    let mut insert = transaction.prepare_cached(
        "INSERT INTO records (id, time, random, sender, kind, part, text, extra, about)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        outcomes.push(match job {
            Job::Append { record, .. } => {
                let outcome = append::append(&transaction, &mut insert, known, record)?;
                if outcome.is_ok() {
                    let mut changes = record.changes.iter();
                    changes.try_for_each(|change| append::keep(&transaction, known, change))?;
                }
                outcome
            }
            Job::Keep { changes, .. } => {
                changes.iter().try_for_each(|change| append::keep(&transaction, known, change))?;
                Ok(())
            }
            Job::Index | Job::Retain(_) => Ok(()),
            Job::Mark(note) => {
                append::take_note(&transaction, known, note)?;
                Ok(())
            }
        });
    }
    drop(insert);
    transaction.commit()?;
    Ok(outcomes)
}

/// The reason why nothing could be written, for the one whose message it was.
fn words(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, ReadOnly};
    match error.sqlite_error_code() {
        Some(DiskFull) => "the server's disk is full".to_owned(),
        Some(DatabaseCorrupt) => "the server's database is damaged".to_owned(),
        Some(ReadOnly) => "the server's database cannot be written to".to_owned(),
        _ => format!("the server's database says: {error}"),
    }
}
