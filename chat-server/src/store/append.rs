//! The rows that a job makes: records get their places, changes are kept, notes are taken, all within its transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::{
    database::time_of,
    history::{self, PLACE_BITS, name_of, number, number_of, places_of},
    retention::SenderSweep,
    rows::{self, About, SenderRow},
    search,
};
use crate::{
    ids::ConversationId,
    room_log::{AppendError, Change, Conversation, ConversationMark, Record},
};

/// Senders, and conversations, whose numbers are remembered.
const REMEMBERED_MAX: usize = 1 << 16;

/// Knowledge of the database, as long as nothing is rolled back.
#[derive(Default)]
pub(super) struct Known {
    /// The number of each conversation, the place of the next record in it, and the time of the latest.
    pub(super) conversations: BTreeMap<Conversation, (i64, i64, i64)>,
    pub(super) senders: HashMap<SenderRow, i64>,
    /// The numbers of those that the index of words is known to be behind with.
    pub(super) behind: BTreeSet<i64>,
    /// A look for senders of whom nothing is left, while there is one.
    pub(super) sender_sweep: Option<SenderSweep>,
}

pub(super) fn append(
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

pub(super) fn keep(
    database: &Connection,
    known: &mut Known,
    change: &Change,
) -> rusqlite::Result<()> {
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

pub(super) fn take_note(
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
