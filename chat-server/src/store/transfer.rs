//! Export and import: all that is kept, a line of JSON for each record and each setting, in an order in which it can be
//! read again.

use std::{
    io::{BufRead, Write},
    path::Path,
    time::SystemTime,
};

use chat_core::{
    proto::{CaseMapping, RoomName},
    text::is_printable,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    database::{
        DATABASE, Durability, IsKnown, StoreError, fault, load_changes, milliseconds, open_to_read,
        time_of,
    },
    history,
    local_log::LocalLog,
    rows, schema, search,
};

/// A line of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    /// A room or two people; its records follow.
    Conversation {
        /// The folded name of a room; both names of two people.
        names: Vec<String>,
        /// Nobody who comes later than its end may read it.
        #[serde(default)]
        closed: bool,
    },
    /// A record of the conversation before it.
    Record {
        #[serde(with = "humantime_serde_lite")]
        time: SystemTime,
        msgid: String,
        kind: i64,
        #[serde(default)]
        part: i64,
        source: String,
        #[serde(default)]
        account: String,
        #[serde(default)]
        marks: i64,
        #[serde(default)]
        person: String,
        text: String,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        extra: Value,
        /// The msgid of the record that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
    },
    /// The state of the server: accounts and the like.
    State { path: Vec<String>, value: Value },
}

/// Times as RFC 3339 has them.
mod humantime_serde_lite {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_rfc3339_millis(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The reason why something could not be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A line is no line of an export, or does not fit to what is there. Nothing was imported.
    #[error("line {number}: {what}; nothing was imported")]
    Line {
        /// The line's number, from 1.
        number: usize,
        /// The fault in it.
        what: String,
    },
    /// A server could not start with the settings among them.
    #[error("{0}; nothing was imported")]
    Setting(String),
    /// The other side of the pipe.
    #[error("the lines cannot be read or written: {0}")]
    Pipe(#[from] std::io::Error),
}

/// The counts of what was exported or imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Messages and changes of rooms.
    pub n_records: u64,
    /// Rooms, and pairs of people.
    pub n_conversations: u64,
    /// Accounts and the like.
    pub n_settings: u64,
}

/// Writes what is kept in a folder, also while a server writes to it: all, or what was said in `rooms` (by their folded
/// names) alone. Settings, in which hashes of passwords are, are written if `with_settings`.
///
/// # Errors
/// [`TransferError`]
pub fn export(
    folder: &Path,
    rooms: &[String],
    with_settings: bool,
    out: &mut dyn Write,
) -> Result<Moved, TransferError> {
    let path = folder.join(DATABASE);
    let wrong = |error: rusqlite::Error| TransferError::Store(fault(&path, &error));
    let mut database = open_to_read(&path).map_err(wrong)?;
    schema::check_version(&database, &path)?;
    // One moment of it.
    let moment = database.transaction().map_err(wrong)?;
    let mut moved = Moved::default();
    if with_settings {
        let mut all =
            moment.prepare("SELECT path, value FROM state ORDER BY path").map_err(wrong)?;
        let mut found = all.query([]).map_err(wrong)?;
        while let Some(row) = found.next().map_err(wrong)? {
            let (own, value): (String, String) =
                (row.get(0).map_err(wrong)?, row.get(1).map_err(wrong)?);
            let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
            let path: Vec<String> = own.split('\n').map(str::to_owned).collect();
            let Some((path, value)) = by_names(&moment, path, value).map_err(wrong)? else {
                continue;
            };
            write(out, &Line::State { path, value })?;
            moved.n_settings += 1;
        }
    }
    let mut all = moment
        .prepare("SELECT id, name, is_closed FROM conversations WHERE NOT is_retired ORDER BY id")
        .map_err(wrong)?;
    let conversations: Vec<(i64, String, bool)> = all
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect)
        .map_err(wrong)?;
    for (number, name, closed) in conversations {
        if !rooms.is_empty() && !rooms.contains(&name) {
            continue;
        }
        let names = name.split('\n').map(str::to_owned).collect();
        write(out, &Line::Conversation { names, closed })?;
        moved.n_conversations += 1;
        moved.n_records += export_records(&moment, number, out, &wrong)?;
    }
    out.flush()?;
    Ok(moved)
}

/// A setting as it is exported: what is of a conversation of a room stands under the room's name, since another store gives
/// conversations other numbers. `None`: it is of one that has ended.
fn by_names(
    database: &Connection,
    mut path: Vec<String>,
    mut value: Value,
) -> rusqlite::Result<Option<(Vec<String>, Value)>> {
    match &mut path[..] {
        [first, _, of] if first == "marker" => {
            if let Ok(number) = of.parse::<i64>() {
                let find = "SELECT name FROM conversations WHERE number = ? AND NOT is_retired";
                let mut find = database.prepare_cached(find)?;
                let Some(name) = find.query_row([number], |row| row.get(0)).optional()? else {
                    return Ok(None);
                };
                *of = name;
            }
        }
        _ => without_number(&path, &mut value),
    }
    Ok(Some((path, value)))
}

/// Takes the number of its conversation out of the document of a room, which goes on with what goes by its name.
fn without_number(path: &[String], value: &mut Value) {
    if let Some((document, _)) = room_document(path, value) {
        document.remove("conversation");
    }
}

/// The document of a room, if a setting is one, and the folded name in it.
fn room_document<'a>(
    path: &[String],
    value: &'a mut Value,
) -> Option<(&'a mut Map<String, Value>, String)> {
    let ([first, _], Value::Object(document)) = (path, value) else { return None };
    let name = CaseMapping::Ascii.fold(document.get("name")?.as_str()?).into_owned();
    (first == "room").then_some((document, name))
}

fn export_records(
    database: &Connection,
    number: i64,
    out: &mut dyn Write,
    wrong: &dyn Fn(rusqlite::Error) -> TransferError,
) -> Result<u64, TransferError> {
    let (first, last) = history::places_of(number);
    let mut all = database
        .prepare_cached(
            "SELECT own.time, own.random, own.kind, own.part, own.text, own.extra, source, account, marks,
                    person, other.time, other.random
             FROM records AS own JOIN senders ON senders.id = own.sender
             LEFT JOIN records AS other ON other.id = own.about
             WHERE own.id >= ? AND own.id < ? ORDER BY own.id",
        )
        .map_err(wrong)?;
    let mut found = all.query([first, last]).map_err(wrong)?;
    let mut n_records = 0;
    while let Some(row) = found.next().map_err(wrong)? {
        let line = || -> rusqlite::Result<Line> {
            let extra: Option<String> = row.get(5)?;
            let about: Option<i64> = row.get(10)?;
            Ok(Line::Record {
                time: time_of(row.get(0)?),
                msgid: rows::msgid(row.get(0)?, row.get(1)?),
                kind: row.get(2)?,
                part: row.get(3)?,
                text: row.get(4)?,
                extra: extra
                    .and_then(|extra| serde_json::from_str(&extra).ok())
                    .unwrap_or_default(),
                source: row.get(6)?,
                account: row.get(7)?,
                marks: row.get(8)?,
                person: row.get(9)?,
                about: match about {
                    Some(time) => Some(rows::msgid(time, row.get(11)?)),
                    None => None,
                },
            })
        };
        write(out, &line().map_err(wrong)?)?;
        n_records += 1;
    }
    Ok(n_records)
}

fn write(out: &mut dyn Write, line: &Line) -> Result<(), TransferError> {
    let text = serde_json::to_string(line).expect("words and numbers can be written as JSON");
    writeln!(out, "{text}")?;
    Ok(())
}

/// Reads what was exported into a folder that no server has: all of it, or nothing. A conversation that is there already is
/// gone on with, if what comes is later; a setting that is there already is another one from then on. `is_known` says whether
/// a server could start with all that is there then.
///
/// # Errors
/// [`TransferError`]; what is there is as it was.
pub fn import(
    folder: &Path,
    lines: &mut dyn BufRead,
    is_known: &IsKnown,
) -> Result<Moved, TransferError> {
    let mut log = LocalLog::open(folder, Durability::Strict)?;
    let path = log.path().to_owned();
    let wrong = |error: rusqlite::Error| TransferError::Store(fault(&path, &error));
    let database = log.writing_connection().expect("it has not been started");
    let transaction = database.transaction().map_err(wrong)?;
    let mut moved = Moved::default();
    let mut place = None;
    for (index, line) in lines.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let number = index + 1;
        let refused = |what: String| TransferError::Line { number, what };
        let line: Line = serde_json::from_str(&line)
            .map_err(|error| refused(format!("this is no line of an export ({error})")))?;
        let outcome = take(&transaction, &line, &mut place, &mut moved).map_err(wrong)?;
        outcome.map_err(|what| refused(what.to_owned()))?;
    }
    is_known(&load_changes(&transaction).map_err(wrong)?).map_err(TransferError::Setting)?;
    transaction.commit().map_err(wrong)?;
    Ok(moved)
}

/// Milliseconds by which what is brought in may be later than the clock.
const IMPORTED_AHEAD_MAX: i64 = 3_600_000;

/// The place the next record of an import goes to.
struct Place {
    number: i64,
    /// Between two people.
    is_direct: bool,
    now: i64,
    next: i64,
    latest: i64,
}

/// Takes a line; why it cannot be taken.
fn take(
    database: &Connection,
    line: &Line,
    place: &mut Option<Place>,
    moved: &mut Moved,
) -> rusqlite::Result<Result<(), &'static str>> {
    match line {
        Line::State { path, value } => {
            let (mut path, mut value) = (path.clone(), value.clone());
            without_number(&path, &mut value);
            if let Some((document, name)) = room_document(&path, &mut value) {
                let (_, number) = find_or_begin(database, &[name])?;
                document.insert("conversation".to_owned(), number.into());
            }
            if let [first, _, of] = &mut path[..]
                && first == "marker"
                && of.starts_with('#')
            {
                *of = find_or_begin(database, std::slice::from_ref(of))?.1.to_string();
            }
            let set = "INSERT INTO state (path, value) VALUES (?, ?)
                       ON CONFLICT DO UPDATE SET value = excluded.value";
            database.prepare_cached(set)?.execute([path.join("\n"), value.to_string()])?;
            moved.n_settings += 1;
        }
        Line::Conversation { names, .. } if !is_conversation(names) => {
            return Ok(Err("this names neither a room nor two people"));
        }
        Line::Conversation { names, closed } => {
            *place = Some(begin(database, names, *closed)?);
            moved.n_conversations += 1;
        }
        Line::Record {
            time,
            msgid,
            kind,
            part,
            source,
            account,
            marks,
            person,
            text,
            extra,
            about,
        } => {
            let Some(place) = place else {
                return Ok(Err("a record comes behind its conversation"));
            };
            let at = milliseconds(*time);
            let Some((_, random)) = rows::parts_of(msgid).filter(|(own, _)| *own == at) else {
                return Ok(Err("the msgid is not one of that time"));
            };
            if at > place.now + IMPORTED_AHEAD_MAX {
                return Ok(Err(
                    "the record is later than now; where it comes from, chat-server check --mend dates it",
                ));
            }
            let Some(extra) = rows::imported_extra(extra) else {
                return Ok(Err("what it has beside its text is none"));
            };
            let fault = rows::fault_of(
                (*kind, *part, *marks),
                (source, account, person),
                text,
                (place.is_direct, about.is_some()),
            );
            if let Some(fault) = fault {
                return Ok(Err(fault));
            }
            if at < place.latest {
                return Ok(Err("the record is earlier than what is there already"));
            }
            let about = match about {
                Some(msgid) => match history::id_of(database, place.number, msgid)? {
                    Some(id) => Some(id),
                    None => return Ok(Err("the record is about one that is not there")),
                },
                None => None,
            };
            let sender = "INSERT OR IGNORE INTO senders (source, account, marks, person) VALUES (?, ?, ?, ?)";
            database.prepare_cached(sender)?.execute(params![source, account, marks, person])?;
            let add =
                "INSERT INTO records (id, time, random, sender, kind, part, text, extra, about)
                       SELECT ?, ?, ?, id, ?, ?, ?, ?, ? FROM senders
                       WHERE source = ? AND account = ? AND marks = ? AND person = ?";
            database.prepare_cached(add)?.execute(params![
                place.next, at, random, kind, part, text, extra, about, source, account, marks,
                person
            ])?;
            if *kind < rows::REDACTED {
                search::fall_behind(database, place.next)?;
            }
            place.next += 1;
            place.latest = at;
            moved.n_records += 1;
        }
    }
    Ok(Ok(()))
}

/// Whether these are names that a conversation can have: a room's, or those of two people.
fn is_conversation(names: &[String]) -> bool {
    let is_person = |name: &String| name.starts_with(['=', '~']) && is_printable(name);
    match names {
        [room] => RoomName::new(room).is_ok_and(|name| **name.key() == *room),
        [first, second] => is_person(first) && is_person(second) && first <= second,
        _ => false,
    }
}

/// The row of the conversation that goes by these names, which is begun if it is not there, and of a room its number.
fn find_or_begin(database: &Connection, names: &[String]) -> rusqlite::Result<(i64, i64)> {
    let name = names.join("\n");
    let find = "SELECT id, ifnull(number, 0) FROM conversations WHERE name = ? AND NOT is_retired
                ORDER BY id DESC LIMIT 1";
    let found: Option<(i64, i64)> = database
        .prepare_cached(find)?
        .query_row([&name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(found) = found {
        return Ok(found);
    }
    let add = "INSERT INTO conversations (name, number)
               VALUES (?, iif(?, random() & 0x7fffffffffffffff, NULL))
               RETURNING id, ifnull(number, 0)";
    let (id, number) = database
        .prepare_cached(add)?
        .query_row(params![name, names.len() == 1], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for person in names.iter().filter(|_| names.len() == 2) {
        let add = "INSERT OR IGNORE INTO participants (person, conversation) VALUES (?, ?)";
        database.prepare_cached(add)?.execute(params![person, id])?;
    }
    Ok((id, number))
}

/// The end of a conversation, which is begun if it is not there.
fn begin(database: &Connection, names: &[String], closed: bool) -> rusqlite::Result<Place> {
    let (number, _) = find_or_begin(database, names)?;
    let (first, last) = history::places_of(number);
    let latest = "SELECT id, time FROM records WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1";
    let latest: Option<(i64, i64)> = database
        .prepare_cached(latest)?
        .query_row([first, last], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if latest.is_none() {
        let close = "UPDATE conversations SET is_closed = ? WHERE id = ?";
        database.prepare_cached(close)?.execute(params![closed, number])?;
    }
    let (next, latest) = latest.map_or((first, i64::MIN), |(id, time)| (id + 1, time));
    #[expect(clippy::disallowed_methods, reason = "the clock is what a record is later than")]
    let now = milliseconds(SystemTime::now());
    Ok(Place { number, is_direct: names.len() == 2, now, next, latest })
}
