//! Upkeep, for whoever runs a server: is the database sound, and a copy of it while the server goes on.

use std::path::Path;

use rusqlite::Connection;

use super::{
    database::{DATABASE, IsKnown, StoreError, fault, load_changes, open_to_read},
    history::PLACE_BITS,
    schema,
};

/// The findings in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Messages and changes of rooms.
    pub n_records: i64,
    /// Rooms, and pairs of people.
    pub n_conversations: i64,
    /// The faults, a sentence each.
    pub problems: Vec<String>,
}

/// Looks through the whole database of a folder, also while a server writes to it; `is_known` says whether a server could
/// start with what it is to know again.
///
/// # Errors
/// [`StoreError`] if there is none that could be looked through.
pub fn check(folder: &Path, is_known: &IsKnown) -> Result<Report, StoreError> {
    let path = folder.join(DATABASE);
    let fault = |error: rusqlite::Error| fault(&path, &error);
    let database = open_to_read(&path).map_err(fault)?;
    schema::check_version(&database, &path)?;
    look_through(&database, is_known).map_err(fault)
}

fn look_through(database: &Connection, is_known: &IsKnown) -> rusqlite::Result<Report> {
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
    })
}

/// Writes a copy of the database of a folder, as it is at one moment, also while a server writes to it.
///
/// # Errors
/// [`StoreError`] if there is none, or the copy cannot be written; a file that is there already is left alone.
pub fn back_up(folder: &Path, copy: &Path) -> Result<(), StoreError> {
    let path = folder.join(DATABASE);
    let database = open_to_read(&path).map_err(|error| fault(&path, &error))?;
    schema::check_version(&database, &path)?;
    if copy.exists() {
        let what = "there is a file of that name already".to_owned();
        return Err(StoreError::Unusable { path: copy.to_owned(), what });
    }
    let name = copy.to_string_lossy();
    database
        .execute("VACUUM INTO ?", [&*name])
        .map_err(|error| StoreError::Unusable { path: copy.to_owned(), what: error.to_string() })?;
    Ok(())
}
