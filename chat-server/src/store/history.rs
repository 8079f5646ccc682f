//! Pages of history. A conversation is a range of ids in the order of its records, whose times never fall: a
//! time or a msgid is found in it by halving.

use std::{ops::Range, sync::Arc, time::SystemTime};

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::{
    milliseconds,
    rows::{self, LAST_MESSAGE, Row, SenderRow},
    time_of,
};
use crate::{
    delivery::Event,
    history::{Answer, Query, Reference, Selection, Target},
    room_log::Conversation,
};

/// Bits of an id that are a record's place in its conversation.
pub(super) const PLACE_BITS: u32 = 36;

/// The first and the last id that a record of the conversation with that number may have.
pub(super) fn places_of(number: i64) -> (i64, i64) {
    (number << PLACE_BITS, ((number + 1) << PLACE_BITS) - 1)
}

/// The name of a conversation in the database: rooms' names begin with `#` and have no line break.
pub(super) fn name_of(conversation: &Conversation) -> String {
    match conversation {
        Conversation::Direct(first, second) => format!("{first}\n{second}"),
        Conversation::Ranked(room, _) | Conversation::Room(room) => room.to_string(),
    }
}

/// The number of the conversation that goes by its name now.
pub(super) fn number_of(
    database: &Connection,
    conversation: &Conversation,
) -> rusqlite::Result<Option<i64>> {
    let find = "SELECT id FROM conversations WHERE name = ? AND NOT is_retired";
    database.prepare_cached(find)?.query_row([name_of(conversation)], |row| row.get(0)).optional()
}

/// When the latest record of all was made.
pub(super) fn latest_time(database: &Connection) -> rusqlite::Result<SystemTime> {
    // One look at the end of each conversation.
    let latest = "SELECT max((SELECT time FROM records
                              WHERE records.id < (conversations.id + 1) << ?1
                                AND records.id >= conversations.id << ?1
                              ORDER BY records.id DESC LIMIT 1))
                  FROM conversations";
    let latest: Option<i64> = database.query_row(latest, [PLACE_BITS], |row| row.get(0))?;
    Ok(time_of(latest.unwrap_or_default()))
}

pub(super) fn answer(database: &Connection, query: &Query) -> rusqlite::Result<Answer> {
    match query {
        Query::Page {
            conversation,
            shown,
            selection,
            limit,
            bytes_max,
            rank,
            ranked_after,
            with_events,
        } => {
            let Some(number) = number_of(database, conversation)? else {
                return Ok(Answer::Page(Vec::new()));
            };
            let filter = Filter {
                number,
                // Between two people both may read all.
                rank: if matches!(conversation, Conversation::Direct(..)) { 1 } else { *rank },
                ranked_after: match conversation {
                    Conversation::Direct(..) => i64::MIN,
                    _ => milliseconds(*ranked_after),
                },
                bytes_max: *bytes_max,
                last_kind: if *with_events { i64::MAX } else { LAST_MESSAGE },
                room: shown.as_ref(),
            };
            page(database, &filter, selection, *limit).map(Answer::Page)
        }
        Query::Targets { rooms, person, guests, between, limit } => {
            let is_known = |other: &str| !other.starts_with('~') || guests.contains(other);
            targets(database, rooms, person, &is_known, *between, *limit).map(Answer::Targets)
        }
    }
}

/// What of a conversation the reader may see.
struct Filter<'a> {
    number: i64,
    rank: u8,
    ranked_after: i64,
    bytes_max: usize,
    last_kind: i64,
    room: Option<&'a Arc<str>>,
}

fn page(
    database: &Connection,
    filter: &Filter<'_>,
    selection: &Selection,
    limit: usize,
) -> rusqlite::Result<Vec<Arc<Event>>> {
    let (first, last) = places_of(filter.number);
    let whole = first..last;
    let place = |reference: &Reference| place_of(database, &whole, reference);
    let (range, is_from_end) = match selection {
        Selection::After(reference) => (place(reference)?.end..last, false),
        Selection::Before(reference) => (first..place(reference)?.start, true),
        Selection::Latest(None) => (first..last, true),
        Selection::Latest(Some(reference)) => (place(reference)?.end..last, true),
        Selection::Between(from, to) => {
            let (from, to) = (place(from)?, place(to)?);
            let is_backwards = from.start > to.start;
            if is_backwards { (to.end..from.start, true) } else { (from.end..to.start, false) }
        }
        Selection::Around(reference) => {
            let place = place(reference)?;
            // Half before it, and the rest from it on; what one side lacks the other one has.
            let before = select(database, filter, first..place.start, limit, true)?;
            let from = select(database, filter, place.start..last, limit, false)?;
            let n_before = before.len().min((limit / 2).max(limit.saturating_sub(from.len())));
            let n_from = from.len().min(limit - n_before);
            let before = before.into_iter().rev().take(n_before).rev();
            return Ok(before.chain(from.into_iter().take(n_from)).collect());
        }
    };
    select(database, filter, range, limit, is_from_end)
}

/// Up to `limit` of the records in `range`, the oldest first: its last ones, or its first ones.
fn select(
    database: &Connection,
    filter: &Filter<'_>,
    range: Range<i64>,
    limit: usize,
    is_from_end: bool,
) -> rusqlite::Result<Vec<Arc<Event>>> {
    let order = if is_from_end { "DESC" } else { "ASC" };
    let mut select = database.prepare_cached(&format!(
        "SELECT time, random, kind, part, text, extra, source, account, marks
         FROM records JOIN senders ON senders.id = records.sender
         WHERE records.id >= ? AND records.id < ? AND kind <= ?
           AND (part = 0 OR part <= ? AND time > ?)
         ORDER BY records.id {order} LIMIT ?"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let Filter { last_kind, rank, ranked_after, .. } = filter;
    let parameters = params![range.start, range.end, last_kind, rank, ranked_after, limit];
    let found = select
        .query_map(parameters, |row| Ok(rows::event_of(sender(row)?, record(row)?, filter.room)))?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    for event in found {
        // What a later version has written and this one cannot read is left out.
        let Some(event) = event? else { continue };
        bytes += event.size();
        if bytes > filter.bytes_max && !events.is_empty() {
            break;
        }
        events.push(Arc::new(event));
    }
    if is_from_end {
        events.reverse();
    }
    Ok(events)
}

fn record(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        time: row.get(0)?,
        random: row.get(1)?,
        kind: row.get(2)?,
        part: row.get(3)?,
        text: row.get(4)?,
        extra: row.get(5)?,
    })
}

fn sender(row: &SqlRow<'_>) -> rusqlite::Result<SenderRow> {
    Ok(SenderRow { source: row.get(6)?, account: row.get(7)?, marks: row.get(8)? })
}

/// The ids of the records at a reference: one, none where there is no such record, or all of that time.
fn place_of(
    database: &Connection,
    whole: &Range<i64>,
    reference: &Reference,
) -> rusqlite::Result<Range<i64>> {
    let (time, random) = match reference {
        Reference::Time(time) => (milliseconds(*time), None),
        Reference::Msgid(msgid) => match rows::parts_of(msgid) {
            Some((time, random)) => (time, Some(random)),
            // It is nobody's, as if it were said before everything.
            None => return Ok(whole.start..whole.start),
        },
    };
    let start = first_from(database, whole, time)?;
    let end = first_from(database, whole, time + 1)?;
    let Some(random) = random else { return Ok(start..end) };
    let find = "SELECT id FROM records WHERE id >= ? AND id < ? AND random = ?";
    let found: Option<i64> = database
        .prepare_cached(find)?
        .query_row([start, end, random], |row| row.get(0))
        .optional()?;
    Ok(found.map_or(start..start, |id| id..id + 1))
}

/// The first id in `whole` whose record is of that time or later; its end if there is none.
fn first_from(database: &Connection, whole: &Range<i64>, time: i64) -> rusqlite::Result<i64> {
    let mut next = database.prepare_cached(
        "SELECT id, time FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT 1",
    )?;
    let mut last = database.prepare_cached(
        "SELECT id FROM records WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1",
    )?;
    let end: Option<i64> = last.query_row([whole.start, whole.end], |row| row.get(0)).optional()?;
    let Some(end) = end else { return Ok(whole.end) };
    // Everything before `low` is earlier, and everything from `high` on is not.
    let (mut low, mut high) = (whole.start, end + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> =
            next.query_row([middle, high], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((id, own)) if own < time => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(if high > end { whole.end } else { high })
}

fn targets(
    database: &Connection,
    rooms: &[Conversation],
    person: &str,
    is_known: &dyn Fn(&str) -> bool,
    (from, to): (SystemTime, SystemTime),
    limit: usize,
) -> rusqlite::Result<Vec<Target>> {
    let (from, to) = (milliseconds(from), milliseconds(to));
    let is_backwards = from > to;
    let mut found: Vec<(i64, Conversation)> = Vec::new();
    for room in rooms {
        let number = number_of(database, room)?;
        found.extend(number.map(|number| (number, room.clone())));
    }
    let mut own = database.prepare_cached(
        "SELECT id, name FROM participants JOIN conversations ON conversations.id = conversation
         WHERE person = ? AND NOT is_retired",
    )?;
    let own = own.query_map([person], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    for row in own {
        let (number, name) = row?;
        if let Some((first, second)) = name.split_once('\n')
            && is_known(if first == person { second } else { first })
        {
            found.push((number, Conversation::Direct(first.into(), second.into())));
        }
    }
    let mut latest = database.prepare_cached(
        "SELECT time, part, source, extra FROM records JOIN senders ON senders.id = sender
         WHERE records.id BETWEEN ? AND ? AND kind <= ? AND (part = 0 OR ?) ORDER BY records.id DESC LIMIT 1",
    )?;
    let mut targets = Vec::new();
    for (number, conversation) in found {
        let (first, last) = places_of(number);
        // Of a room, what all its members may read.
        let is_direct = matches!(conversation, Conversation::Direct(..));
        let row = latest
            .query_row(params![first, last, LAST_MESSAGE, is_direct], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((time, part, source, extra)) = row else { continue };
        let is_within =
            if is_backwards { time < from && time > to } else { time > from && time < to };
        if is_within {
            let nick = match &conversation {
                Conversation::Direct(first, _) => {
                    let is_own = (&**first == person) == (part == 0);
                    rows::nick_of_other(is_own, source, extra)
                }
                _ => None,
            };
            targets.push(Target { conversation, nick, time: time_of(time) });
        }
    }
    targets.sort_by(|a, b| (a.time, &a.conversation).cmp(&(b.time, &b.conversation)));
    // Counted from the first of both times.
    if is_backwards {
        let n_left_out = targets.len().saturating_sub(limit);
        targets.drain(..n_left_out);
    } else {
        targets.truncate(limit);
    }
    Ok(targets)
}
