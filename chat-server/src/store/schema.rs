//! The schema of the database, version by version. A version is never changed once it has been released; the
//! next one is another entry in [`MIGRATIONS`], and has a test from every version before it.

use std::path::Path;

use rusqlite::Connection;

use super::database::{BUSY, StoreError, add_functions, fault};

/// `chat`, in the database's header: whose it is.
const APPLICATION_ID: i32 = 0x6368_6174;

/// The migrations that make each version of the one before it; the first makes version 1 of nothing.
const MIGRATIONS: &[&str] = &[
    // Records of one conversation lie together and in order, since their id is the conversation's number and
    // their place in it: a page of history is one range, and needs no index beside it.
    "CREATE TABLE conversations (
         id INTEGER PRIMARY KEY,
         -- Of a room, its folded name; of two people, both, divided by a line break.
         name TEXT NOT NULL,
         -- Nobody who comes later than its end may read it.
         is_closed INTEGER NOT NULL DEFAULT 0,
         -- It has ended: whoever takes the name begins another one.
         is_retired INTEGER NOT NULL DEFAULT 0
     ) STRICT;
     CREATE UNIQUE INDEX conversation_names ON conversations (name) WHERE NOT is_retired;

     -- Who has which conversations with other people.
     CREATE TABLE participants (
         person TEXT NOT NULL,
         conversation INTEGER NOT NULL REFERENCES conversations,
         PRIMARY KEY (person, conversation)
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE senders (
         id INTEGER PRIMARY KEY,
         -- nick!user@host
         source TEXT NOT NULL,
         -- Empty: none.
         account TEXT NOT NULL,
         -- 1: a bot, 2: an operator of the server.
         marks INTEGER NOT NULL,
         UNIQUE (source, account, marks)
     ) STRICT;

     CREATE TABLE records (
         -- conversation << 36 | place
         id INTEGER PRIMARY KEY,
         -- Milliseconds since 1970; never falling in a conversation.
         time INTEGER NOT NULL,
         -- The part of the msgid that is not the time.
         random INTEGER NOT NULL,
         sender INTEGER NOT NULL REFERENCES senders,
         kind INTEGER NOT NULL,
         -- In a room, for members with that rank: 0 all, 1 voice, 2 operators. Between two people, which of
         -- them wrote it: 0 the first in the conversation's name, 1 the second.
         part INTEGER NOT NULL,
         text TEXT NOT NULL,
         -- What few records have, as JSON.
         extra TEXT
     ) STRICT;",
    // What records are known by that may be sent again (docs/idempotent-send.md).
    "CREATE TABLE nonces (
         conversation INTEGER NOT NULL REFERENCES conversations,
         nonce TEXT NOT NULL,
         record INTEGER NOT NULL,
         PRIMARY KEY (conversation, nonce)
     ) STRICT, WITHOUT ROWID;",
    // What the server knows again when it starts anew (room_log::Change).
    "CREATE TABLE state (
         -- Words divided by line breaks, what it is of first.
         path TEXT PRIMARY KEY,
         -- JSON.
         value TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;",
    // Who may change what they have said, and what is said about what.
    "CREATE TABLE people (
         id INTEGER PRIMARY KEY,
         source TEXT NOT NULL,
         account TEXT NOT NULL,
         marks INTEGER NOT NULL,
         -- Who it is, as direct conversations name people; empty where nobody wrote it down.
         person TEXT NOT NULL,
         UNIQUE (source, account, marks, person)
     ) STRICT;
     INSERT INTO people SELECT id, source, account, marks,
         CASE account WHEN '' THEN '' ELSE '=' || lower(account) END FROM senders;
     DROP TABLE senders;
     ALTER TABLE people RENAME TO senders;
     -- The id of the record that this one is about.
     ALTER TABLE records ADD COLUMN about INTEGER;
     CREATE INDEX records_about ON records (about) WHERE about IS NOT NULL;",
    // Full-text search: an index of the texts that stand in the records. Their ids get smaller for it: the
    // conversation << 28 | place. Where in a text a word is stands in the text itself.
    "UPDATE records SET id = (id >> 36 << 28) | (id & ((1 << 36) - 1)),
                        about = (about >> 36 << 28) | (about & ((1 << 36) - 1));
     UPDATE nonces SET record = (record >> 36 << 28) | (record & ((1 << 36) - 1));
     CREATE VIRTUAL TABLE words USING fts5(
         text,
         content = 'records',
         content_rowid = 'id',
         columnsize = 0,
         detail = none,
         tokenize = 'unicode61 remove_diacritics 2'
     );
     -- Records that are not in it yet.
     CREATE TABLE unindexed (id INTEGER PRIMARY KEY) STRICT;
     INSERT INTO unindexed SELECT id FROM records WHERE kind <= 4;",
    // What those who operate a room have done is found among a million messages.
    "CREATE INDEX records_acts ON records (id) WHERE kind BETWEEN 10 AND 20;",
    // What the index of words does not have yet is the end of a conversation, and not record by record.
    "INSERT INTO words (rowid, text)
         SELECT records.id, text FROM unindexed JOIN records ON records.id = unindexed.id
         ORDER BY records.id;
     DROP TABLE unindexed;
     -- Conversations whose records from that one on are not in the index.
     CREATE TABLE unindexed (conversation INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT;",
    // What is said in a room is asked for by a number of its own, and its name decides nothing: a room of that name may be
    // another one. Rooms that are somebody's, and read markers, know that number, also where nothing has been said yet.
    "INSERT INTO conversations (name)
         SELECT DISTINCT of FROM (
             SELECT substr(rest, instr(rest, char(10)) + 1) AS of
             FROM (SELECT substr(path, 8) AS rest FROM state
                   WHERE path > 'marker' || char(10) AND path < 'marker' || char(11))
             UNION ALL
             SELECT lower(value ->> 'name') FROM state
             WHERE path > 'room' || char(10) AND path < 'room' || char(11)
               AND instr(substr(path, 6), char(10)) = 0
         ) WHERE of LIKE '#%' AND of NOT IN (SELECT name FROM conversations WHERE NOT is_retired);
     ALTER TABLE conversations ADD COLUMN number INTEGER;
     UPDATE conversations SET number = id WHERE name LIKE '#%';
     DROP INDEX conversation_names;
     -- Of a room, the name is for people and exports alone.
     CREATE INDEX conversation_names ON conversations (name) WHERE NOT is_retired;
     CREATE UNIQUE INDEX conversation_numbers ON conversations (number) WHERE NOT is_retired;
     UPDATE state SET path = renamed.path
         FROM (SELECT state.path AS before,
                      substr(state.path, 1, length(state.path) - length(name)) || number AS path
               FROM state JOIN conversations ON NOT is_retired AND number IS NOT NULL
                   AND name = substr(substr(state.path, 8),
                                     instr(substr(state.path, 8), char(10)) + 1)
               WHERE state.path > 'marker' || char(10) AND state.path < 'marker' || char(11)
         ) AS renamed
         WHERE state.path = renamed.before;
     UPDATE state SET value = json_set(value, '$.conversation',
             (SELECT number FROM conversations WHERE name = lower(value ->> 'name') AND NOT is_retired))
         WHERE path > 'room' || char(10) AND path < 'room' || char(11)
           AND instr(substr(path, 6), char(10)) = 0;",
    // The index has pairs of signs where a language puts no spaces between its words. It is made anew, behind the commits.
    "DROP TABLE words;
     CREATE VIEW texts AS SELECT id, indexed(text) AS text FROM records;
     CREATE VIRTUAL TABLE words USING fts5(
         text,
         content = 'texts',
         content_rowid = 'id',
         columnsize = 0,
         detail = none,
         tokenize = 'unicode61 remove_diacritics 2'
     );
     INSERT OR REPLACE INTO unindexed (conversation, first) SELECT id, id << 28 FROM conversations;",
];

/// The version of the database that this program writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// Checks that a database that is only read is one of this version.
pub(super) fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version_of(connection, path)?;
    if found == VERSION {
        return Ok(());
    }
    let what = format!(
        "it is of version {found}, and this program reads version {VERSION}: start the server once, which brings it up to date"
    );
    Err(StoreError::Unusable { path: path.to_owned(), what })
}

/// The version of a database of ours; 0 of one that is empty.
fn version_of(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let fault = |error: rusqlite::Error| fault(path, &error);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (owner, found) =
        (number("application_id").map_err(fault)?, number("user_version").map_err(fault)?);
    let n_tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(fault)?;
    if n_tables > 0 && owner != i64::from(APPLICATION_ID) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    Ok(found)
}

/// Makes what is not there, in one transaction a version.
pub(super) fn bring_up_to_date(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let fault = |error: rusqlite::Error| fault(path, &error);
    connection.busy_timeout(BUSY).map_err(fault)?;
    add_functions(connection).map_err(fault)?;
    let found = version_of(connection, path)?;
    // Before there is a table: what is deleted is given back page by page, when the writer has time.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(fault)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
    // A migration may put another table in the place of one; and for each sender or conversation that goes, the database would
    // look through all records. What leads to nothing is found by `check`.
    connection.pragma_update(None, "foreign_keys", false).map_err(fault)?;
    for (version, migration) in (1..=VERSION).zip(MIGRATIONS) {
        if version > found {
            let transaction = connection.transaction().map_err(fault)?;
            transaction.execute_batch(migration).map_err(fault)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fault)?;
            transaction.pragma_update(None, "user_version", version).map_err(fault)?;
            transaction.commit().map_err(fault)?;
        }
    }
    // What is deleted is overwritten, in the index of words too.
    connection.pragma_update(None, "secure_delete", true).map_err(fault)?;
    let is_set = "SELECT count(*) FROM words_config WHERE k = 'secure-delete' AND v = 1";
    let is_set: i64 = connection.query_row(is_set, [], |row| row.get(0)).map_err(fault)?;
    if is_set == 0 {
        let set = "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)";
        connection.execute(set, []).map_err(fault)?;
    }
    // All rooms have ended with the server before; those that not everyone could enter are nobody's now.
    let retire = "UPDATE conversations SET is_retired = 1 WHERE is_closed AND NOT is_retired";
    connection.execute(retire, []).map_err(fault)?;
    // And all guests have gone: nobody can ask for what was said between two of them. The names are in alphabetical order.
    let retire = "UPDATE conversations SET is_retired = 1 WHERE name LIKE '~%' AND NOT is_retired";
    connection.execute(retire, []).map_err(fault)?;
    Ok(())
}
