//! Pages of history. A conversation is a range of ids in the order of its records, whose times never fall: a
//! time or a msgid is found in it by halving.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::SystemTime,
};

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::{
    database::{milliseconds, time_of},
    rows::{self, LAST_MESSAGE, Row, SenderRow},
};
use crate::{
    delivery::Event,
    history::{
        Answer, ConversationScope, Found, HistoryEntry, Reference, Selection, Shows, Target,
    },
    ids::ConversationId,
    room_log::Conversation,
};

/// Bits of an id that are a record's place in its conversation: the fewer, the smaller is the index of words.
pub(super) const PLACE_BITS: u32 = 28;

/// The first and the last id that a record of the conversation with that number may have.
pub(super) fn places_of(number: i64) -> (i64, i64) {
    (number << PLACE_BITS, ((number + 1) << PLACE_BITS) - 1)
}

/// The name of a conversation between two people in the database.
pub(super) fn name_of(first: &str, second: &str) -> String {
    format!("{first}\n{second}")
}

/// The number of a room's conversation, as the database writes it.
pub(super) fn number(conversation: ConversationId) -> i64 {
    i64::try_from(conversation.number()).expect("it has 63 bits")
}

/// The row of a conversation that has not ended. Nobody reads what a room's name leads to.
pub(super) fn number_of(
    database: &Connection,
    conversation: &Conversation,
) -> rusqlite::Result<Option<i64>> {
    match conversation {
        Conversation::Direct(first, second) => {
            let find = "SELECT id FROM conversations WHERE name = ? AND NOT is_retired";
            let mut find = database.prepare_cached(find)?;
            find.query_row([name_of(first, second)], |row| row.get(0)).optional()
        }
        Conversation::Ranked(room, _) | Conversation::Room(room) => {
            let find = "SELECT id FROM conversations WHERE number = ? AND NOT is_retired";
            database.prepare_cached(find)?.query_row([number(*room)], |row| row.get(0)).optional()
        }
    }
}

/// The conversations of rooms that have not ended, and their names.
pub(super) fn conversations(
    database: &Connection,
) -> rusqlite::Result<Vec<(ConversationId, Arc<str>)>> {
    let all = "SELECT number, name FROM conversations
               WHERE number IS NOT NULL AND NOT is_retired ORDER BY id";
    let mut all = database.prepare(all)?;
    let rows = all.query_map([], |row| {
        let number: i64 = row.get(0)?;
        Ok((ConversationId::new(number.unsigned_abs()), row.get(1)?))
    })?;
    rows.collect()
}

/// The time of the latest record of all.
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

/// A filter of what the reader may see of a conversation.
pub(super) struct Filter<'a> {
    pub(super) number: i64,
    pub(super) rank: u8,
    pub(super) ranked_after: i64,
    pub(super) bytes_max: usize,
    pub(super) shows: Shows,
    pub(super) room: Option<&'a Arc<str>>,
}

/// A record that was read, with its id.
pub(super) struct Read {
    id: i64,
    pub(super) event: Arc<Event>,
}

pub(super) fn page(
    database: &Connection,
    filter: &Filter<'_>,
    selection: &Selection,
    limit: usize,
) -> rusqlite::Result<Vec<Read>> {
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

/// Selects up to `limit` of the records in `range`, the oldest first: its last ones, or its first ones.
fn select(
    database: &Connection,
    filter: &Filter<'_>,
    range: Range<i64>,
    limit: usize,
    is_from_end: bool,
) -> rusqlite::Result<Vec<Read>> {
    let order = if is_from_end { "DESC" } else { "ASC" };
    let mut select = database.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM records JOIN senders ON senders.id = records.sender
         WHERE records.id >= ? AND records.id < ? AND {SHOWN} AND (part = 0 OR part <= ? AND time > ?)
         ORDER BY records.id {order} LIMIT ?"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let Filter { shows: Shows { events, redacted, changes, .. }, rank, ranked_after, .. } = filter;
    let parameters =
        params![range.start, range.end, redacted, events, changes, rank, ranked_after, limit];
    let found = select.query_map(parameters, |row| read(row, filter.room))?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    for read in found {
        // What a later version has written and this one cannot read is left out.
        let Some(read) = read? else { continue };
        bytes += read.event.size();
        if bytes > filter.bytes_max && !rows.is_empty() {
            break;
        }
        rows.push(read);
    }
    if is_from_end {
        rows.reverse();
    }
    Ok(rows)
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str =
    "time, random, kind, part, records.text, extra, source, account, marks, person, records.id";

/// The kinds that are shown: of messages those that are not deleted or all, changes of the room, what is about
/// messages.
const SHOWN: &str = "(kind <= 9 AND (kind != 5 OR ?) OR kind BETWEEN 10 AND 19 AND ?
                      OR kind BETWEEN 20 AND 29 AND ?)";

pub(super) fn read(row: &SqlRow<'_>, room: Option<&Arc<str>>) -> rusqlite::Result<Option<Read>> {
    let id = row.get(10)?;
    let event = rows::event_of(sender(row)?, record(row)?, room);
    Ok(event.map(|event| Read { id, event: Arc::new(event) }))
}

/// Records of one page, each with what is about it.
pub(super) fn with_context(
    database: &Connection,
    filter: &Filter<'_>,
    rows: Vec<Read>,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    let mut about: BTreeMap<i64, Vec<Arc<Event>>> = BTreeMap::new();
    if let (true, Some(first), Some(last)) = (filter.shows.context, rows.first(), rows.last()) {
        let mut find = database.prepare_cached(&format!(
            "SELECT {COLUMNS}, about FROM records JOIN senders ON senders.id = records.sender
             WHERE about BETWEEN ? AND ? AND kind IN (?, ?, ?) ORDER BY about, records.id LIMIT ?"
        ))?;
        let parameters =
            params![first.id, last.id, rows::REDACT, rows::EDIT, rows::REACT, CONTEXT_MAX];
        let found = find
            .query_map(parameters, |row| Ok((row.get::<_, i64>(11)?, read(row, filter.room)?)))?;
        let mut bytes = 0;
        for row in found {
            let (id, Some(read)) = row? else { continue };
            bytes += read.event.size();
            if bytes > filter.bytes_max {
                break;
            }
            about.entry(id).or_default().push(read.event);
        }
        // What is answered, unless it is told anyway.
        for row in &rows {
            let Some(msgid) = rows::replied_to(&row.event) else { continue };
            let Some(id) = id_of(database, filter.number, msgid)? else { continue };
            if rows.iter().any(|own| own.id == id) {
                continue;
            }
            let answered = Filter { shows: Shows::default(), ..*filter };
            for read in select(database, &answered, id..id + 1, 1, false)? {
                bytes += read.event.size();
                if bytes <= filter.bytes_max {
                    about.entry(row.id).or_default().push(read.event);
                }
            }
        }
    }
    let told =
        |Read { id, event }| HistoryEntry { event, context: about.remove(&id).unwrap_or_default() };
    Ok(rows.into_iter().map(told).collect())
}

/// Records about those of one page.
const CONTEXT_MAX: i64 = 1000;

/// The id of the record with that msgid in a conversation.
pub(super) fn id_of(
    database: &Connection,
    number: i64,
    msgid: &str,
) -> rusqlite::Result<Option<i64>> {
    let (first, last) = places_of(number);
    let found = place_of(database, &(first..last), &Reference::Msgid(msgid.into()))?;
    Ok((found.end > found.start).then_some(found.start))
}

pub(super) fn find(
    database: &Connection,
    conversation: &Conversation,
    msgid: &str,
    rank: u8,
    ranked_after: SystemTime,
) -> rusqlite::Result<Option<Found>> {
    let Some(number) = number_of(database, conversation)? else { return Ok(None) };
    let Some(id) = id_of(database, number, msgid)? else { return Ok(None) };
    let is_direct = matches!(conversation, Conversation::Direct(..));
    let select = "SELECT person, part, time FROM records JOIN senders ON senders.id = sender
                  WHERE records.id = ? AND kind <= ? AND kind != ?
                    AND (? OR part = 0 OR part <= ? AND time > ?)";
    let ranked_after = milliseconds(ranked_after);
    let parameters = params![id, LAST_MESSAGE, rows::REDACTED, is_direct, rank, ranked_after];
    database
        .prepare_cached(select)?
        .query_row(parameters, |row| {
            let (by, part): (Arc<str>, i64) = (row.get(0)?, row.get(1)?);
            let sign = match part {
                _ if is_direct => None,
                1 => Some('+'),
                2 => Some('@'),
                _ => None,
            };
            Ok(Found { by, sign, time: time_of(row.get(2)?) })
        })
        .optional()
}

/// All that somebody may read.
pub(super) fn filters<'a>(
    database: &Connection,
    conversations: &'a [ConversationScope],
    direct: Option<&(Arc<str>, BTreeSet<Arc<str>>)>,
    shows: Shows,
) -> rusqlite::Result<Vec<Filter<'a>>> {
    let mut filters = Vec::new();
    let filter = |number, part: Option<&'a ConversationScope>| Filter {
        number,
        // Between two people both may read all.
        rank: part.map_or(1, |part| part.rank),
        ranked_after: part.map_or(i64::MIN, |part| milliseconds(part.ranked_after)),
        bytes_max: usize::MAX,
        shows,
        room: part.and_then(|part| part.shown.as_ref()),
    };
    for part in conversations {
        let number = number_of(database, &part.conversation)?;
        let part = Some(part).filter(|part| part.shown.is_some());
        filters.extend(number.map(|number| filter(number, part)));
    }
    if let Some((person, guests)) = direct {
        let is_known = |other: &str| !other.starts_with('~') || guests.contains(other);
        for (number, _) in direct_conversations(database, person, &is_known)? {
            filters.push(filter(number, None));
        }
    }
    Ok(filters)
}

/// The latest records of a room that are no messages, the latest last.
pub(super) fn acts(
    database: &Connection,
    filter: &Filter<'_>,
    limit: usize,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    let (first, last) = places_of(filter.number);
    let mut select = database.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM records INDEXED BY records_acts
         JOIN senders ON senders.id = records.sender
         WHERE records.id BETWEEN ? AND ? AND kind BETWEEN 10 AND 20
           AND (part = 0 OR part <= ? AND time > ?)
         ORDER BY records.id DESC LIMIT ?"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters = params![first, last, filter.rank, filter.ranked_after, limit];
    let rows = select.query_map(parameters, |row| read(row, filter.room))?;
    let mut told = Vec::new();
    for row in rows {
        told.extend(row?.map(|Read { event, .. }| HistoryEntry { event, context: Vec::new() }));
    }
    told.reverse();
    Ok(told)
}

pub(super) fn changes(
    database: &Connection,
    filters: &[Filter<'_>],
    after: &Reference,
    limit: usize,
    bytes_max: usize,
) -> rusqlite::Result<Answer> {
    let read = |selection: &Selection, limit: usize| -> rusqlite::Result<Vec<(i64, Arc<Event>)>> {
        let mut all = Vec::new();
        for filter in filters {
            let rows = page(database, filter, selection, limit)?;
            all.extend(rows.into_iter().map(|read| (milliseconds(read.event.time), read.event)));
        }
        all.sort_by_key(|(time, _)| *time);
        Ok(all)
    };
    let first = read(&Selection::After(after.clone()), limit)?;
    let mut bytes = 0;
    let fits = |(_, event): &&(i64, Arc<Event>)| {
        bytes += event.size();
        bytes <= bytes_max
    };
    let limit = limit.min(first.iter().take_while(fits).count().max(1));
    let last = limit.min(first.len()).checked_sub(1).map(|index| first[index].0);
    // Those of one time stay together, so that the next question begins behind them.
    let (found, rest) = match last {
        Some(last) => {
            let until = Reference::Time(time_of(last + 1));
            let found = read(&Selection::Between(after.clone(), until), usize::MAX)?;
            (found, Selection::After(Reference::Time(time_of(last))))
        }
        None => (Vec::new(), Selection::After(after.clone())),
    };
    let is_all = read(&rest, 1)?.is_empty();
    Ok(Answer::Changes(found.into_iter().map(|(_, event)| event).collect(), is_all))
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
    Ok(SenderRow {
        source: row.get(6)?,
        account: row.get(7)?,
        marks: row.get(8)?,
        person: row.get(9)?,
    })
}

/// The ids of the records at a reference: one, none where there is no such record, or all of that time.
pub(super) fn place_of(
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
pub(super) fn first_from(
    database: &Connection,
    whole: &Range<i64>,
    time: i64,
) -> rusqlite::Result<i64> {
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

/// The conversations between somebody and others.
fn direct_conversations(
    database: &Connection,
    person: &str,
    is_known: &dyn Fn(&str) -> bool,
) -> rusqlite::Result<Vec<(i64, Conversation)>> {
    let mut own = database.prepare_cached(
        "SELECT id, name FROM participants JOIN conversations ON conversations.id = conversation
         WHERE person = ? AND NOT is_retired",
    )?;
    let own = own.query_map([person], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut found = Vec::new();
    for row in own {
        let (number, name) = row?;
        if let Some((first, second)) = name.split_once('\n')
            && is_known(if first == person { second } else { first })
        {
            found.push((number, Conversation::Direct(first.into(), second.into())));
        }
    }
    Ok(found)
}

pub(super) fn targets(
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
    found.extend(direct_conversations(database, person, is_known)?);
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
