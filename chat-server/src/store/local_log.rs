//! [`LocalLog`]: the room log over the database's file, which it locks, and the threads it gives work to.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use crossbeam_channel::Sender;
use rusqlite::Connection;

use super::{
    database::{DATABASE, Durability, StoreError, fault, load_changes, open_to_read},
    history,
    indexing::IndexProgress,
    reader::{self, Asked, Reader},
    schema,
    time_limit::TimeLimit,
    writer,
};
use crate::{
    history::{Asker, Query},
    ids::{ConversationId, Ticket},
    private_files,
    retention::Retention,
    room_log::{
        AppendError, Appender, Appending, Change, ConversationMark, Querying, ReadKind, Record,
        RoomLog,
    },
};

/// The name of the file that is locked while a server has the folder.
const LOCK: &str = "chat.lock";

/// Records that may wait to be written, whatever the hub still waits for.
const WAITING_MAX: usize = 1 << 16;

/// The time a server before this one may take to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// The pause before the next look whether it has.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A room log on disk.
// More than 12 fields: what opens it, what its threads are given, and the ends of their channels.
#[derive(Debug)]
pub struct LocalLog {
    path: PathBuf,
    writing: Option<Connection>,
    /// For pages, and for searches.
    readers: Option<[Reader; 2]>,
    limit: Arc<TimeLimit>,
    to_writer: Option<Sender<writer::Job>>,
    to_reader: Option<Sender<Asked>>,
    to_searcher: Option<Sender<Asked>>,
    /// Searches that have asked for the index of words to be complete.
    n_wishes: u64,
    index: Arc<IndexProgress>,
    threads: Vec<JoinHandle<()>>,
    watcher: Option<JoinHandle<()>>,
    latest: SystemTime,
    loaded: Loaded,
    retention: Retention,
    /// Held as long as this is.
    _lock: File,
}

/// The knowledge with which a server starts, until it is taken.
#[derive(Debug)]
struct Loaded {
    changes: Vec<(Arc<str>, Arc<str>)>,
    conversations: Vec<(ConversationId, Arc<str>)>,
}

impl LocalLog {
    /// Opens the database in `folder`, making both if they are not there, and bringing it up to date.
    ///
    /// # Errors
    /// [`StoreError`], a sentence for whoever runs the server.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let unusable = |error: std::io::Error| StoreError::Unusable {
            path: folder.to_owned(),
            what: error.to_string(),
        };
        private_files::create_folder(folder).map_err(unusable)?;
        private_files::create_if_missing(&folder.join(LOCK)).map_err(unusable)?;
        let lock = File::options().write(true).open(folder.join(LOCK)).map_err(unusable)?;
        let too_late = crossbeam_channel::after(LOCK_PATIENCE);
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
                Err(TryLockError::WouldBlock) if too_late.try_recv().is_ok() => {
                    return Err(StoreError::Locked(folder.to_owned()));
                }
                Err(TryLockError::WouldBlock) => {
                    // The pause is all that is wanted of it.
                    let _ = crossbeam_channel::after(LOCK_PAUSE).recv();
                }
            }
        }
        let path = folder.join(DATABASE);
        // Its log and the index of that get the same mode.
        private_files::create_if_missing(&path).map_err(unusable)?;
        let fault = |error: rusqlite::Error| fault(&path, &error);
        let mut writing = Connection::open(&path).map_err(fault)?;
        schema::bring_up_to_date(&mut writing, &path)?;
        let synchronous = match durability {
            Durability::Strict => "FULL",
            Durability::Relaxed => "NORMAL",
        };
        writing.pragma_update(None, "synchronous", synchronous).map_err(fault)?;
        let reading = open_to_read(&path).map_err(fault)?;
        let searching = open_to_read(&path).map_err(fault)?;
        let latest = history::latest_time(&reading).map_err(fault)?;
        let loaded = Loaded {
            changes: load_changes(&reading).map_err(fault)?,
            conversations: history::conversations(&reading).map_err(fault)?,
        };
        let limit = Arc::new(TimeLimit::default());
        let readers = [reading, searching].map(|database| Reader::new(database, &limit));
        Ok(Self {
            writing: Some(writing),
            readers: Some(readers),
            limit,
            to_writer: None,
            to_reader: None,
            to_searcher: None,
            n_wishes: 0,
            index: Arc::default(),
            threads: Vec::new(),
            watcher: None,
            latest,
            loaded,
            retention: Retention::default(),
            _lock: lock,
            path,
        })
    }

    /// The paths of what it keeps in a folder, and of the folder.
    #[must_use]
    pub fn paths(folder: &Path) -> Vec<PathBuf> {
        let files = [DATABASE, "chat.db-wal", "chat.db-shm", LOCK];
        std::iter::once(folder.to_owned()).chain(files.map(|name| folder.join(name))).collect()
    }

    /// The file it is in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps messages no longer than that.
    #[must_use]
    pub fn retaining(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The connection that writes, as long as no thread has been started that has it.
    pub(super) fn writing_connection(&mut self) -> Option<&mut Connection> {
        self.writing.as_mut()
    }

    fn give(&self, job: writer::Job) -> Appending {
        if self.to_writer.as_ref().is_some_and(|to_writer| to_writer.len() >= WAITING_MAX) {
            let why = "the server's disk is too slow; try again in a moment";
            return Appending::Now(Err(AppendError::Refused(why.into())));
        }
        match self.to_writer.as_ref().map(|to_writer| to_writer.send(job)) {
            Some(Ok(())) => Appending::Later,
            _ => Appending::Now(Err(AppendError::Refused("the database is closed".into()))),
        }
    }
}

impl RoomLog for LocalLog {
    fn start(&mut self, appender: Appender) -> std::io::Result<()> {
        let mut spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
            self.threads.push(thread);
            Ok::<(), std::io::Error>(())
        };
        if let Some(writing) = self.writing.take() {
            let (to_writer, jobs) = crossbeam_channel::unbounded();
            let (appender, index) = (appender.clone(), Arc::clone(&self.index));
            let retention = std::mem::take(&mut self.retention);
            let write = move || writer::run(writing, &jobs, &appender, &index, retention);
            spawn("chat-store-write", Box::new(write))?;
            self.to_writer = Some(to_writer);
        }
        if let Some(readers) = self.readers.take() {
            let mut read = |name: &str, reader: Reader, kind| {
                let (to_reader, questions) = crossbeam_channel::unbounded();
                let (appender, index) = (appender.clone(), Arc::clone(&self.index));
                let read = move || reader::run((&reader, kind), &questions, &appender, &index);
                spawn(name, Box::new(read))?;
                Ok::<_, std::io::Error>(to_reader)
            };
            let [pages, searches] = readers;
            self.to_reader = Some(read("chat-store-read", pages, ReadKind::Page)?);
            self.to_searcher = Some(read("chat-store-find", searches, ReadKind::Search)?);
            let limit = Arc::clone(&self.limit);
            let watch = move || limit.run();
            self.watcher =
                Some(std::thread::Builder::new().name("chat-store-watch".to_owned()).spawn(watch)?);
        }
        Ok(())
    }

    fn append(&mut self, ticket: Ticket, record: &Arc<Record>) -> Appending {
        self.give(writer::Job::Append { ticket, record: Arc::clone(record) })
    }

    fn retain(&mut self, rules: &Retention) {
        match &self.to_writer {
            // A writer that has ended deletes nothing.
            Some(to_writer) => drop(to_writer.send(writer::Job::Retain(rules.clone()))),
            None => self.retention = rules.clone(),
        }
    }

    fn persist(&mut self, ticket: Ticket, changes: &Arc<[Change]>) -> Appending {
        self.give(writer::Job::Keep { ticket, changes: Arc::clone(changes) })
    }

    fn load(&mut self) -> Vec<(Arc<str>, Arc<str>)> {
        std::mem::take(&mut self.loaded.changes)
    }

    fn conversations(&mut self) -> Vec<(ConversationId, Arc<str>)> {
        std::mem::take(&mut self.loaded.conversations)
    }

    fn mark(&mut self, mark: ConversationMark) {
        if let Some(to_writer) = &self.to_writer {
            // A writer that has ended is told of by the next record.
            let _ = to_writer.send(writer::Job::Mark(mark));
        }
    }

    /// A query. What waits is bounded by the people there are: each waits for one answer at a time, and for no more
    /// replays than they may have rooms.
    fn query(&mut self, ticket: Ticket, asker: Asker, query: Query) -> Querying {
        let is_search = matches!(query, Query::Search(_));
        // What was said before it is found.
        if let (true, Some(to_writer)) = (is_search, &self.to_writer) {
            self.n_wishes += 1;
            // A writer that has ended is told of below.
            let _ = to_writer.send(writer::Job::Index);
        }
        let asked = Asked { ticket, asker, query, n_wishes: self.n_wishes };
        let to_reader = if is_search { &self.to_searcher } else { &self.to_reader };
        let is_asked = to_reader.as_ref().is_some_and(|reader| reader.send(asked).is_ok());
        if is_asked { Querying::Later } else { Querying::Now(Err("the database is closed".into())) }
    }

    fn keeps_history(&self) -> bool {
        true
    }

    fn latest_time(&self) -> SystemTime {
        self.latest
    }
}

impl Drop for LocalLog {
    /// Waits until all that was given has been written.
    fn drop(&mut self) {
        (self.to_writer, self.to_reader, self.to_searcher) = (None, None, None);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        self.limit.end();
        // As above.
        self.watcher.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}
