//! Upkeep, for whoever runs a server: is the database sound, and a copy of it while the server goes on.

use std::{
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use rusqlite::Connection;

use super::{
    append,
    database::{
        DATABASE, Durability, IsKnown, StoreError, fault, load_changes, milliseconds, open_to_read,
    },
    history::{PLACE_BITS, first_from, places_of},
    local_log::LocalLog,
    schema,
};
use crate::private_files;

/// The findings in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Messages and changes of rooms.
    pub n_records: i64,
    /// Rooms, and pairs of people.
    pub n_conversations: i64,
    /// The faults, a sentence each.
    pub problems: Vec<String>,
    /// Records that are dated later than now by more than a clock may be ahead: one was wrong once.
    pub n_later: i64,
}

/// The time by which a record may be later than the clock that it is looked at by.
const AHEAD_MAX: Duration = Duration::from_secs(3600);

/// Dates what is later than now as of now, in a folder that no server has; how many records.
///
/// # Errors
/// [`StoreError`]; what is there is as it was.
pub fn mend(folder: &Path, now: SystemTime) -> Result<usize, StoreError> {
    let mut log = LocalLog::open(folder, Durability::Strict)?;
    let path = log.path().to_owned();
    let fault = |error: rusqlite::Error| fault(&path, &error);
    let database = log.writing_connection().expect("it has not been started");
    let mut date_back = || -> rusqlite::Result<usize> {
        let transaction = database.transaction()?;
        let numbers: Vec<i64> = transaction
            .prepare("SELECT id FROM conversations")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let (now, most) = (milliseconds(now), milliseconds(now + AHEAD_MAX));
        let mut n_mended = 0;
        for number in numbers {
            let (first, last) = places_of(number);
            if first_from(&transaction, &(first..last), most + 1)? < last {
                n_mended += append::date_back(&transaction, number, now)?;
            }
        }
        transaction.commit()?;
        Ok(n_mended)
    };
    date_back().map_err(fault)
}

/// Looks through the whole database of a folder, also while a server writes to it; `is_known` says whether a server could
/// start with what it is to know again.
///
/// # Errors
/// [`StoreError`] if there is none that could be looked through.
pub fn check(folder: &Path, is_known: &IsKnown, now: SystemTime) -> Result<Report, StoreError> {
    let path = folder.join(DATABASE);
    let fault = |error: rusqlite::Error| fault(&path, &error);
    let database = open_to_read(&path).map_err(fault)?;
    schema::check_version(&database, &path)?;
    look_through(&database, is_known, now).map_err(fault)
}

fn look_through(
    database: &Connection,
    is_known: &IsKnown,
    now: SystemTime,
) -> rusqlite::Result<Report> {
    let mut problems: Vec<String> = Vec::new();
    let mut integrity = database.prepare("PRAGMA integrity_check")?;
    let found: Vec<String> =
        integrity.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    problems.extend(found.into_iter().filter(|line| line != "ok"));
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0));
    let strangers = format!(
        "SELECT count(*) FROM records LEFT JOIN conversations ON conversations.id = records.id >> {PLACE_BITS}
         WHERE conversations.id IS NULL"
    );
    let earlier = format!(
        "SELECT count(*) FROM (
             SELECT time < lag(time) OVER by_id
                    AND id >> {PLACE_BITS} = lag(id) OVER by_id >> {PLACE_BITS} AS is_earlier
             FROM records WINDOW by_id AS (ORDER BY id)
         ) WHERE is_earlier"
    );
    // Each is to be nothing.
    for (sql, what) in [
        ("SELECT count(*) FROM pragma_foreign_key_check", "rows that lead to nothing"),
        (&*strangers, "records of no conversation"),
        (&*earlier, "records that are earlier than the one before them"),
        (
            "SELECT count(*) FROM conversations WHERE (name LIKE '#%') != (number IS NOT NULL)",
            "conversations without the number that they are asked for by",
        ),
        (
            "SELECT count(*) FROM (SELECT 1 FROM conversations WHERE NOT is_retired
             GROUP BY name HAVING count(*) > 1)",
            "names that several conversations have",
        ),
        (
            "SELECT count(*) FROM records AS own LEFT JOIN records ON records.id = own.about
             WHERE own.about IS NOT NULL AND records.id IS NULL",
            "records about one that is not there",
        ),
    ] {
        let n = count(sql)?;
        if n > 0 {
            problems.push(format!("there are {n} {what}"));
        }
    }
    problems.extend(is_known(&load_changes(database)?).err());
    Ok(Report {
        n_records: count("SELECT count(*) FROM records")?,
        n_conversations: count("SELECT count(*) FROM conversations WHERE NOT is_retired")?,
        problems,
        n_later: database.query_row(
            "SELECT count(*) FROM records WHERE time > ?",
            [milliseconds(now + AHEAD_MAX)],
            |row| row.get(0),
        )?,
    })
}

/// Writes a copy of the database of a folder, as it is at one moment, also while a server writes to it; it is its owner's
/// alone.
///
/// # Errors
/// [`StoreError`] if there is none, or the copy cannot be written; a file that is there already is left alone.
pub fn back_up(folder: &Path, copy: &Path) -> Result<(), StoreError> {
    let path = folder.join(DATABASE);
    let database = open_to_read(&path).map_err(|error| fault(&path, &error))?;
    schema::check_version(&database, &path)?;
    let unusable = |what: String| StoreError::Unusable { path: copy.to_owned(), what };
    private_files::create_new(copy).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => unusable("there is a file of that name already".to_owned()),
        _ => unusable(error.to_string()),
    })?;
    // Into a file that is empty.
    let name = copy.to_string_lossy();
    database.execute("VACUUM INTO ?", [&*name]).map_err(|error| {
        // What is not a copy is not left behind; that it cannot be removed is the smaller trouble.
        drop(std::fs::remove_file(copy));
        unusable(error.to_string())
    })?;
    Ok(())
}
