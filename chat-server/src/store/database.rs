//! The database's file: its name, how it is opened to be read, what can be wrong with it, and how times are kept in it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OpenFlags, functions::FunctionFlags};

use crate::search_words;

/// The durability of a record: what it has survived when it is told to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A power cut: one `fsync` for each transaction.
    #[default]
    Strict,
    /// The end of the process, not that of the machine.
    Relaxed,
}

/// A check that a server could start with what is at these paths; a sentence, if not.
pub type IsKnown = dyn Fn(&[(Arc<str>, Arc<str>)]) -> Result<(), String>;

/// The reason why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another server has it.
    #[error(
        "another server keeps its messages in {0}: stop it, or give this one a folder of its own (--data)"
    )]
    Locked(PathBuf),
    /// A database that a program has written that knows more.
    #[error(
        "{path} was written by a newer chat-server (version {found} of the database, this one knows {known}): \
         run that one, or give this one a folder of its own (--data)"
    )]
    Newer {
        /// The path.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The latest version this program knows.
        known: u32,
    },
    /// A file that is something else.
    #[error("{0} is a database of another program: give chat-server a folder of its own (--data)")]
    Foreign(PathBuf),
    /// A database that is damaged.
    #[error("{path} is damaged ({what}): restore a backup, or move it away to begin anew")]
    Corrupt {
        /// The path.
        path: PathBuf,
        /// SQLite's words.
        what: String,
    },
    /// The system refuses.
    #[error("cannot keep messages in {path}: {what}")]
    Unusable {
        /// The path.
        path: PathBuf,
        /// The system's words.
        what: String,
    },
}

/// The name of the database in its folder.
pub(super) const DATABASE: &str = "chat.db";

/// The time a statement waits for another program that looks at the database, such as a backup.
pub(super) const BUSY: Duration = Duration::from_secs(5);

pub(super) fn load_changes(reading: &Connection) -> rusqlite::Result<Vec<(Arc<str>, Arc<str>)>> {
    let mut all = reading.prepare("SELECT path, value FROM state ORDER BY path")?;
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reading = Connection::open_with_flags(path, flags)?;
    reading.busy_timeout(BUSY)?;
    add_functions(&reading)?;
    Ok(reading)
}

/// Adds to a connection what the schema uses: `indexed(text)`, the words of a text for the index.
pub(super) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("indexed", 1, flags, |called| {
        let text = called.get_raw(0).as_str()?;
        Ok(search_words::indexed(text).into_owned())
    })
}

/// The fault in the database at `path`, for whoever runs the server.
pub(super) fn fault(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
    let (path, what) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Corrupt { path, what },
        Some(DatabaseBusy | DatabaseLocked) => StoreError::Locked(path),
        _ => StoreError::Unusable { path, what },
    }
}

/// The time by the clock that the store's work is measured with.
#[expect(clippy::disallowed_methods, reason = "what is done at once has its time")]
pub(super) fn monotonic_now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970, as times are kept.
pub(super) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn time_of(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
}
