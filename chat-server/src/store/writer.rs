//! The thread that writes: everything that waits goes into one transaction, and is told of when that has been
//! committed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::{
    database::{BUSY, time_of},
    history::{self, PLACE_BITS, name_of, number, number_of, places_of},
    retention::{self, SenderSweep, Sweep, Trim},
    rows::{self, About, SenderRow},
    schema,
    search::{self, Indexed},
};
use crate::{
    ids::{ConversationId, Ticket},
    retention::Retention,
    room_log::{AppendError, Appender, Change, Conversation, ConversationMark, Record},
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

/// The time from one look at how much there is altogether to the next, and after one that found nothing to give.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The time from one look for senders of whom nothing is left to the next: it reads all there is.
const SENDERS_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Senders, and conversations, whose numbers are remembered.
const REMEMBERED_MAX: usize = 1 << 16;

/// Knowledge of the database, as long as nothing is rolled back.
#[derive(Default)]
struct Known {
    /// The number of each conversation, the place of the next record in it, and the time of the latest.
    conversations: BTreeMap<Conversation, (i64, i64, i64)>,
    senders: HashMap<SenderRow, i64>,
    /// The numbers of those that the index of words is known to be behind with.
    behind: BTreeSet<i64>,
    /// A look for senders of whom nothing is left, while there is one.
    sender_sweep: Option<SenderSweep>,
}

/// Records that may wait for the index while others are written.
const BEHIND_MAX: usize = 1 << 16;

/// Records that it takes at once while a search waits: what is to be written meanwhile waits for no more than that.
const INDEXED_FOR_SEARCH: usize = 1 << 11;

/// Records that the index takes at once when there is time: few, since somebody may come meanwhile.
const INDEXED_AT_ONCE: usize = 512;

/// Records that it takes at once when it has fallen behind: many, since each transaction makes a piece to be merged.
const INDEXED_BEHIND: usize = 1 << 13;

/// The time of quiet after which there is time for the index. Between two batches it would be in their way.
const QUIET: Duration = Duration::from_millis(20);

/// However busy it is, the index takes some that often, so that it keeps up with all but crowds.
const INDEX_EVERY: Duration = Duration::from_secs(1);

/// The time after which notes that could not be written are tried again when nothing else comes.
const RETRY: Duration = Duration::from_millis(500);

/// The distance of the index of words from what has been written.
struct Behind {
    /// Records that wait for it, about; but 0 only if there are none.
    n_records: usize,
    /// Nothing has come for a while.
    is_quiet: bool,
    /// However busy it is, it is looked at that often.
    seconds: Receiver<Instant>,
}

impl Behind {
    /// The distance at the start: how far the ends reach that the index does not have.
    fn new(database: &Connection) -> Self {
        let seconds = crossbeam_channel::tick(INDEX_EVERY);
        // One too many is found out when they are taken.
        let n_records = search::n_behind(database).unwrap_or(INDEXED_AT_ONCE).max(1);
        Self { n_records, is_quiet: false, seconds }
    }

    /// Lets it take some, if it is too far behind, a search waits or there is time; whether there was time.
    fn follow(
        &mut self,
        database: &mut Connection,
        known: &mut Known,
        (is_idle, is_wished): (bool, bool),
    ) -> bool {
        if self.n_records == 0 {
            return false;
        }
        if self.n_records > BEHIND_MAX {
            self.take(database, known, INDEXED_BEHIND);
        } else if is_wished {
            self.take(database, known, INDEXED_FOR_SEARCH);
        } else if is_idle && (self.is_quiet || self.seconds.try_recv().is_ok()) {
            self.take(database, known, INDEXED_AT_ONCE);
        } else {
            return false;
        }
        is_idle
    }

    fn take(&mut self, database: &mut Connection, known: &mut Known, n_max: usize) {
        // It may have caught up with them.
        known.behind.clear();
        self.n_records = match search::index_some(database, n_max) {
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
pub(super) struct Noted {
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
    pub(super) fn wait_for(&self, n: u64, patience: Duration) -> bool {
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
    fn tell(&self, behind: &Behind, n_wishes: &mut u64) {
        self.n_behind.store(behind.n_records, Ordering::Relaxed);
        if behind.n_records == 0 {
            self.met.add(std::mem::take(n_wishes));
        }
    }
}

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
            trimming.is_due = true;
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

/// The bound on what is kept altogether: looked at now and then, and brought down where it is passed.
struct Trimming {
    looks: Receiver<Instant>,
    /// The time from one look to the next.
    pause: Duration,
    trim: Option<Trim>,
    has_cut: bool,
    /// Something was written since the last look.
    is_due: bool,
}

impl Default for Trimming {
    fn default() -> Self {
        let looks = crossbeam_channel::tick(LOOK_EVERY);
        Self { looks, pause: LOOK_EVERY, trim: None, has_cut: false, is_due: true }
    }
}

impl Trimming {
    /// Does a part of what there is to do, however busy the writer is; whether there was anything.
    fn go_on(&mut self, database: &mut Connection, bytes_max: u64) -> bool {
        if self.trim.is_none() {
            if !self.is_due || self.looks.try_recv().is_err() {
                return false;
            }
            let is_too_much = |bytes: u64| bytes > bytes_max;
            self.is_due = retention::bytes_in_use(database).is_ok_and(is_too_much);
            if !self.is_due {
                return false;
            }
            (self.trim, self.has_cut) = (Some(Trim::to(bytes_max)), false);
        }
        let Some(trim) = &mut self.trim else { return false };
        // What cannot be deleted now is too much at the next look too.
        let goes_on = trim.go_on(database).unwrap_or(false);
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
struct Senders {
    /// Records were deleted since the last one.
    are_owed: bool,
    next: Option<Instant>,
}

impl Senders {
    /// Does a part of it; whether there was anything to do.
    fn go_on(&mut self, database: &mut Connection, known: &mut Known) -> bool {
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

#[expect(clippy::disallowed_methods, reason = "the writer's work has its times")]
fn monotonic_now() -> Instant {
    Instant::now()
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
                let outcome = append(&transaction, &mut insert, known, record)?;
                if outcome.is_ok() {
                    let mut changes = record.changes.iter();
                    changes.try_for_each(|change| keep(&transaction, known, change))?;
                }
                outcome
            }
            Job::Keep { changes, .. } => {
                changes.iter().try_for_each(|change| keep(&transaction, known, change))?;
                Ok(())
            }
            Job::Index | Job::Retain(_) => Ok(()),
            Job::Mark(note) => {
                take_note(&transaction, known, note)?;
                Ok(())
            }
        });
    }
    drop(insert);
    transaction.commit()?;
    Ok(outcomes)
}

fn append(
    database: &Connection,
    insert: &mut Statement<'_>,
    known: &mut Known,
    record: &Record,
) -> rusqlite::Result<Result<(), AppendError>> {
    let (sender, row) = match rows::row_of(record) {
        Ok(row) => row,
        Err(refused) => return Ok(Err(refused)),
    };
    // What some members of a room are told lies among what all are told.
    let conversation = match &record.conversation {
        Conversation::Ranked(room, _) => &Conversation::Room(*room),
        own => own,
    };
    let (number, place, latest) = match known.conversations.get(conversation) {
        Some(found) => *found,
        None => {
            if known.conversations.len() >= REMEMBERED_MAX {
                known.conversations.clear();
            }
            let found = find_or_begin(database, conversation, record)?;
            known.conversations.insert(conversation.clone(), found);
            found
        }
    };
    if place >= 1 << PLACE_BITS {
        let why = "there are as many messages here as there may be: ask whoever runs the server for retention";
        return Ok(Err(AppendError::Refused(why.into())));
    }
    let id = number << PLACE_BITS | place;
    if row.time < latest {
        date_back(database, number, row.time)?;
    }
    let about = match rows::about(record) {
        None => None,
        Some(about) => match act(database, number, &sender, &about, &row)? {
            Acted::On(id) => Some(id),
            Acted::Already(first) => return Ok(Err(first)),
            // It is told, and there is nothing to keep it with.
            Acted::OnNothing => return Ok(Ok(())),
        },
    };
    let sender = sender_number(database, known, sender)?;
    if let Some(nonce) = &record.nonce {
        // What is for some of a room is another target than the room.
        let nonce = match &record.conversation {
            Conversation::Ranked(_, sign) => format!("{sign}{nonce}"),
            _ => nonce.to_string(),
        };
        let add = "INSERT INTO nonces (conversation, nonce, record) VALUES (?, ?, ?)
                   ON CONFLICT DO UPDATE SET record = excluded.record
                   -- The first one may have been deleted since.
                   WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = nonces.record)";
        let is_new = database.prepare_cached(add)?.execute(params![number, nonce, id])? > 0;
        if !is_new {
            return first_with(database, number, &nonce).map(Err);
        }
    }
    let rows::Row { time, random, kind, part, text, extra } = row;
    if let Some((_, next, latest)) = known.conversations.get_mut(conversation) {
        (*next, *latest) = (place + 1, time);
    }
    insert.execute(params![id, time, random, sender, kind, part, text, extra, about])?;
    if kind < rows::REDACTED && known.behind.insert(number) {
        search::fall_behind(database, id)?;
    }
    Ok(Ok(()))
}

/// The outcome for the record that another one is about.
enum Acted {
    On(i64),
    OnNothing,
    /// An action that has been said of it by the same person.
    Already(AppendError),
}

/// Does to a record what another one says of it.
fn act(
    database: &Connection,
    number: i64,
    sender: &SenderRow,
    about: &About<'_>,
    row: &rows::Row,
) -> rusqlite::Result<Acted> {
    let (About::Edit(msgid) | About::React(msgid) | About::Redact(msgid) | About::TakeBack(msgid)) =
        about;
    let Some(target) = history::id_of(database, number, msgid)? else {
        return Ok(Acted::OnNothing);
    };
    let find = "SELECT kind, extra FROM records WHERE id = ?";
    let (kind, extra): (i64, Option<String>) = database
        .prepare_cached(find)?
        .query_row([target], |found| Ok((found.get(0)?, found.get(1)?)))?;
    if kind > rows::LAST_MESSAGE || kind == rows::REDACTED {
        return Ok(Acted::OnNothing);
    }
    match about {
        About::Redact(_) => {
            search::remove(database, target)?;
            let clear = "UPDATE records SET kind = ?, text = '', extra = ? WHERE id = ?";
            let extra = rows::redacted_extra(extra.as_deref());
            database.prepare_cached(clear)?.execute(params![rows::REDACTED, extra, target])?;
            // What was said of it goes with it.
            database.prepare_cached("DELETE FROM records WHERE about = ?")?.execute([target])?;
        }
        About::Edit(_) => {
            let (kind, extra) = rows::edited(kind, extra.as_deref());
            search::remove(database, target)?;
            let change = "UPDATE records SET kind = ?, text = ?, extra = ? WHERE id = ?";
            database.prepare_cached(change)?.execute(params![kind, row.text, extra, target])?;
            search::add(database, target)?;
            let forget = "DELETE FROM records WHERE about = ? AND kind = ?";
            database.prepare_cached(forget)?.execute([target, rows::EDIT])?;
        }
        About::React(_) | About::TakeBack(_) => {
            let is_said = "SELECT records.id, time, random, kind FROM records
                           JOIN senders ON senders.id = sender
                           WHERE about = ? AND kind IN (?, ?) AND text = ? AND person = ?";
            let parameters = params![target, rows::REACT, rows::UNREACT, row.text, sender.person];
            let said: Option<(i64, i64, i64, i64)> = database
                .prepare_cached(is_said)?
                .query_row(parameters, |found| {
                    Ok((found.get(0)?, found.get(1)?, found.get(2)?, found.get(3)?))
                })
                .optional()?;
            match said {
                Some((_, time, random, kind)) if kind == row.kind => {
                    let msgid = rows::msgid(time, random).into();
                    return Ok(Acted::Already(AppendError::Known { msgid, time: time_of(time) }));
                }
                Some((id, ..)) => {
                    database.prepare_cached("DELETE FROM records WHERE id = ?")?.execute([id])?;
                }
                None if row.kind == rows::UNREACT => return Ok(Acted::OnNothing),
                None => {}
            }
        }
    }
    Ok(Acted::On(target))
}

/// The record that has a nonce already.
fn first_with(database: &Connection, number: i64, nonce: &str) -> rusqlite::Result<AppendError> {
    let find = "SELECT time, random FROM nonces JOIN records ON records.id = record
                WHERE conversation = ? AND nonce = ?";
    let (time, random) = database
        .prepare_cached(find)?
        .query_row(params![number, nonce], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(AppendError::Known { msgid: rows::msgid(time, random).into(), time: time_of(time) })
}

fn keep(database: &Connection, known: &mut Known, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Set { path, value } => {
            let set = "INSERT INTO state (path, value) VALUES (?, ?)
                       ON CONFLICT DO UPDATE SET value = excluded.value";
            database.prepare_cached(set)?.execute([&**path, &**value])?;
        }
        Change::Remove { path } => {
            // All that begins with it and a line break lies between it and what has the next sign there.
            let remove = "DELETE FROM state WHERE path = ?1
                          OR (path > ?1 || char(10) AND path < ?1 || char(11))";
            database.prepare_cached(remove)?.execute([&**path])?;
        }
        Change::Close { conversation, is_closed } => close(database, *conversation, *is_closed)?,
        Change::Forget { person } => {
            let retire = "UPDATE conversations SET is_retired = 1 WHERE NOT is_retired AND id IN
                          (SELECT conversation FROM participants WHERE person = ?)";
            database.prepare_cached(retire)?.execute([&**person])?;
            known.conversations.retain(|conversation, _| match conversation {
                Conversation::Direct(first, second) => first != person && second != person,
                _ => true,
            });
        }
        Change::Name { conversation, name } => {
            let rename = "INSERT INTO conversations (name, number) VALUES (?, ?)
                          ON CONFLICT (number) WHERE NOT is_retired
                          DO UPDATE SET name = excluded.name";
            database.prepare_cached(rename)?.execute(params![&**name, number(*conversation)])?;
        }
    }
    Ok(())
}

fn close(
    database: &Connection,
    conversation: ConversationId,
    is_closed: bool,
) -> rusqlite::Result<()> {
    let close = "UPDATE conversations SET is_closed = ? WHERE number = ? AND NOT is_retired";
    database.prepare_cached(close)?.execute(params![is_closed, number(conversation)]).map(drop)
}

fn take_note(
    database: &Connection,
    known: &mut Known,
    note: &ConversationMark,
) -> rusqlite::Result<()> {
    match note {
        ConversationMark::Closed { conversation, is_closed } => {
            close(database, *conversation, *is_closed)?;
        }
        ConversationMark::Ended { conversation } => {
            let retire =
                "UPDATE conversations SET is_retired = 1 WHERE number = ? AND NOT is_retired";
            database.prepare_cached(retire)?.execute([number(*conversation)])?;
            known.conversations.remove(&Conversation::Room(*conversation));
        }
    }
    Ok(())
}

/// Dates what is later than `time` in a conversation as of then: a clock was wrong once. Times never fall in it.
pub(super) fn date_back(database: &Connection, number: i64, time: i64) -> rusqlite::Result<usize> {
    let (first, last) = places_of(number);
    let from = history::first_from(database, &(first..last), time.saturating_add(1))?;
    let date = "UPDATE records SET time = ? WHERE id >= ? AND id < ?";
    database.prepare_cached(date)?.execute([time, from, last])
}

/// The row of the conversation of a record, the place behind its last one, and the time of that.
fn find_or_begin(
    database: &Connection,
    conversation: &Conversation,
    record: &Record,
) -> rusqlite::Result<(i64, i64, i64)> {
    if let Some(number) = number_of(database, conversation)? {
        let (first, last) = places_of(number);
        let latest =
            "SELECT id, time FROM records WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1";
        let latest: Option<(i64, i64)> = database
            .prepare_cached(latest)?
            .query_row([first, last], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        return Ok(
            latest.map_or((number, 0, i64::MIN), |(id, time)| (number, id - first + 1, time))
        );
    }
    let begin = "INSERT INTO conversations (name, number) VALUES (?, ?)";
    let mut begin = database.prepare_cached(begin)?;
    match conversation {
        Conversation::Direct(first, second) => {
            begin.execute(params![name_of(first, second), None::<i64>])?;
            let id = database.last_insert_rowid();
            let mut insert = database.prepare_cached(
                "INSERT OR IGNORE INTO participants (person, conversation) VALUES (?, ?)",
            )?;
            for person in [first, second] {
                insert.execute(params![&**person, id])?;
            }
            Ok((id, 0, i64::MIN))
        }
        Conversation::Ranked(room, _) | Conversation::Room(room) => {
            begin.execute(params![record.room_name(), number(*room)])?;
            Ok((database.last_insert_rowid(), 0, i64::MIN))
        }
    }
}

fn sender_number(
    database: &Connection,
    known: &mut Known,
    sender: SenderRow,
) -> rusqlite::Result<i64> {
    if let Some(number) = known.senders.get(&sender) {
        if let Some(sweep) = &mut known.sender_sweep {
            sweep.mark(*number);
        }
        return Ok(*number);
    }
    let find =
        "SELECT id FROM senders WHERE source = ? AND account = ? AND marks = ? AND person = ?";
    let parameters = params![sender.source, sender.account, sender.marks, sender.person];
    let found: Option<i64> =
        database.prepare_cached(find)?.query_row(parameters, |row| row.get(0)).optional()?;
    let number = match found {
        Some(number) => number,
        None => {
            let insert = "INSERT INTO senders (source, account, marks, person) VALUES (?, ?, ?, ?)";
            database.prepare_cached(insert)?.execute(parameters)?;
            database.last_insert_rowid()
        }
    };
    if let Some(sweep) = &mut known.sender_sweep {
        sweep.mark(number);
    }
    if known.senders.len() >= REMEMBERED_MAX {
        known.senders.clear();
    }
    known.senders.insert(sender, number);
    Ok(number)
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
