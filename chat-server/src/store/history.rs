//! Pages of history. A conversation is a range of ids in the order of its records, whose times never fall: a
//! time or a msgid is found in it by halving.

use std::{
    collections::BTreeSet,
    ops::{ControlFlow, Range},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::CaseMapping;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::{
    database::{milliseconds, time_of},
    readable::{self, Filter},
    rows::{self, LAST_MESSAGE, Row, SenderRow},
};
use crate::{
    delivery::Event,
    history::{
        Answer, ConversationScope, Found, HistoryEntry, Reference, Selection, Shows, Target,
        may_ask_for,
    },
    ids::ConversationId,
    record::CALLED,
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

/// The rows of a conversation that have not ended: of one with guests who were called so, those with each of them.
pub(super) fn numbers_of(
    database: &Connection,
    conversation: &Conversation,
) -> rusqlite::Result<Vec<i64>> {
    let called = match conversation {
        Conversation::Direct(person, other) => {
            other.strip_prefix(CALLED).map(|nick| (person, nick))
        }
        _ => None,
    };
    let Some((person, nick)) = called else {
        return number_of(database, conversation).map(|number| number.into_iter().collect());
    };
    let mut numbers = Vec::new();
    let is_guest = |other: &str| other.starts_with('~');
    for (number, own) in direct_conversations(database, person, &is_guest)? {
        let latest = latest_message(database, number, &own, person)?;
        let of = latest.and_then(|(_, nick)| nick);
        if of.is_some_and(|own| CaseMapping::Ascii.same(&own, nick)) {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

/// Pages of the same selection of several conversations, as if these were one.
pub(super) fn merged(
    mut pages: Vec<Vec<HistoryEntry>>,
    selection: &Selection,
    limit: usize,
    bytes_max: usize,
) -> Vec<HistoryEntry> {
    if pages.len() < 2 {
        return pages.pop().unwrap_or_default();
    }
    let mut all: Vec<HistoryEntry> = pages.into_iter().flatten().collect();
    all.sort_by_key(|own| milliseconds(own.event.time));
    let time = |reference: &Reference| match reference {
        Reference::Time(time) => milliseconds(*time),
        Reference::Msgid(msgid) => rows::parts_of(msgid).map_or(i64::MIN, |(time, _)| time),
    };
    let is_from_end = match selection {
        Selection::Before(_) | Selection::Latest(_) => true,
        Selection::Between(from, to) => time(from) > time(to),
        Selection::After(_) => false,
        Selection::Around(reference) => {
            let n_before =
                all.partition_point(|own| milliseconds(own.event.time) < time(reference));
            let n_from = all.len() - n_before;
            let n_left_out = n_before.saturating_sub((limit / 2).max(limit.saturating_sub(n_from)));
            all.drain(..n_left_out);
            false
        }
    };
    if is_from_end {
        all.reverse();
    }
    all.truncate(limit);
    let mut bytes = 0;
    let fits = |own: &&HistoryEntry| {
        bytes += own.event.size();
        bytes <= bytes_max
    };
    let n_fit = all.iter().take_while(fits).count().max(1);
    all.truncate(n_fit);
    if is_from_end {
        all.reverse();
    }
    all
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
    let (mut rows, mut bytes) = (Vec::new(), 0);
    if limit == 0 {
        return Ok(rows);
    }
    walk(database, filter, range, is_from_end, |read| {
        bytes += read.event.size();
        if bytes > filter.bytes_max && !rows.is_empty() {
            return ControlFlow::Break(());
        }
        rows.push(read);
        if rows.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if is_from_end {
        rows.reverse();
    }
    Ok(rows)
}

/// Hands out the records in `range` that may be read, from its beginning or from its end, for as long as they are taken.
fn walk(
    database: &Connection,
    filter: &Filter<'_>,
    range: Range<i64>,
    is_from_end: bool,
    mut take: impl FnMut(Read) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let order = if is_from_end { "DESC" } else { "ASC" };
    let mut select = database.prepare_cached(&readable::select(
        COLUMNS,
        WITH_SENDERS,
        SHOWN,
        &format!("ORDER BY records.id {order}"),
    ))?;
    let Filter { shows: Shows { events, redacted, changes, .. }, rank, ranked_after, .. } = filter;
    let parameters = params![rank, ranked_after, range.start, range.end, redacted, events, changes];
    for read in select.query_map(parameters, |row| read(row, filter.room))? {
        // What a later version has written and this one cannot read is left out.
        if let Some(read) = read?
            && take(read).is_break()
        {
            break;
        }
    }
    Ok(())
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str =
    "time, random, kind, part, records.text, extra, source, account, marks, person, records.id";

/// The table that records are read from, with their senders.
pub(super) const WITH_SENDERS: &str = "records JOIN senders ON senders.id = records.sender";

/// The kinds that are shown of a range: of messages those that are not deleted or all, changes of the room, what is about
/// messages.
const SHOWN: &str = "records.id >= ?3 AND records.id < ?4
                     AND (kind <= 9 AND (kind != 5 OR ?5) OR kind BETWEEN 10 AND 19 AND ?6
                          OR kind BETWEEN 20 AND 29 AND ?7)";

pub(super) fn read(row: &SqlRow<'_>, room: Option<&Arc<str>>) -> rusqlite::Result<Option<Read>> {
    let id = row.get(10)?;
    let event = rows::event_of(sender(row)?, record(row)?, room);
    Ok(event.map(|event| Read { id, event: Arc::new(event) }))
}

/// Records of one page, each with what is about it. What is about one of them takes the place of nothing that is about
/// another one.
pub(super) fn with_context(
    database: &Connection,
    filter: &Filter<'_>,
    rows: Vec<Read>,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    let mut context: Vec<Vec<Read>> = rows.iter().map(|_| Vec::new()).collect();
    if let (true, Some(first), Some(last)) = (filter.shows.context, rows.first(), rows.last()) {
        let share = filter.bytes_max / rows.len();
        // Most pages have nothing of it.
        let any = "SELECT 1 FROM records WHERE about BETWEEN ? AND ? LIMIT 1";
        let mut any = database.prepare_cached(any)?;
        let has_any = any.exists([first.id, last.id])?;
        for (row, context) in rows.iter().zip(&mut context) {
            let mut bytes = 0;
            let mut add = |read: Read, context: &mut Vec<Read>| {
                bytes += read.event.size();
                if bytes <= share || context.is_empty() {
                    context.push(read);
                }
            };
            // Who has edited it is told, however many react.
            for kinds in [CHANGED, REACTED].into_iter().filter(|_| has_any) {
                for read in about(database, filter, row.id, kinds)? {
                    add(read, context);
                }
            }
            context.sort_by_key(|read| read.id);
            // What is answered, unless it is told anyway.
            let Some(msgid) = rows::replied_to(&row.event) else { continue };
            let Some(id) = id_of(database, filter.number, msgid)? else { continue };
            if rows.iter().any(|own| own.id == id) {
                continue;
            }
            let answered = Filter { shows: Shows::default(), ..*filter };
            for read in select(database, &answered, id..id + 1, 1, false)? {
                add(read, context);
            }
        }
    }
    let told = |(Read { event, .. }, context): (Read, Vec<Read>)| {
        let context = context.into_iter().map(|read| read.event).collect();
        HistoryEntry { event, context }
    };
    Ok(rows.into_iter().zip(context).map(told).collect())
}

/// The kinds of what is about a message: those who changed it, and reactions.
const CHANGED: (i64, i64) = (rows::REDACT, rows::EDIT);
const REACTED: (i64, i64) = (rows::REACT, rows::REACT);

/// Records of either about one message that are told with it.
const CONTEXT_MAX: i64 = 100;

/// The latest records about a message, of some kinds; the oldest first.
fn about(
    database: &Connection,
    filter: &Filter<'_>,
    id: i64,
    (first, last): (i64, i64),
) -> rusqlite::Result<Vec<Read>> {
    let mut find = database.prepare_cached(&readable::select(
        COLUMNS,
        WITH_SENDERS,
        "about = ?3 AND kind BETWEEN ?4 AND ?5",
        "ORDER BY records.id DESC LIMIT ?6",
    ))?;
    let parameters = params![filter.rank, filter.ranked_after, id, first, last, CONTEXT_MAX];
    let found = find.query_map(parameters, |row| read(row, filter.room))?;
    let mut rows = Vec::new();
    for read in found {
        rows.extend(read?);
    }
    rows.reverse();
    Ok(rows)
}

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
    let filter = Filter::of(number, conversation, rank, ranked_after);
    let find = readable::select(
        "person, part, time",
        WITH_SENDERS,
        "records.id = ?3 AND kind <= ?4 AND kind != ?5",
        "",
    );
    let parameters = params![filter.rank, filter.ranked_after, id, LAST_MESSAGE, rows::REDACTED];
    database
        .prepare_cached(&find)?
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
    for ConversationScope { conversation, shown, rank, ranked_after } in conversations {
        let numbers = numbers_of(database, conversation)?;
        filters.extend(numbers.into_iter().map(|number| {
            Filter::of(number, conversation, *rank, *ranked_after)
                .shown_as(shown.as_ref())
                .with(shows)
        }));
    }
    if let Some((person, guests)) = direct {
        let is_known = |other: &str| may_ask_for(person, other, guests);
        for (number, conversation) in direct_conversations(database, person, &is_known)? {
            let own = Filter::of(number, &conversation, 0, SystemTime::UNIX_EPOCH);
            filters.push(own.with(shows));
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
    let mut select = database.prepare_cached(&readable::select(
        COLUMNS,
        "records INDEXED BY records_acts JOIN senders ON senders.id = records.sender",
        "records.id BETWEEN ?3 AND ?4 AND kind BETWEEN 10 AND 20",
        "ORDER BY records.id DESC LIMIT ?5",
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters = params![filter.rank, filter.ranked_after, first, last, limit];
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
    let mut told = Told { limit, bytes_max, events: Vec::new(), end: None, has_more: false };
    for filter in filters {
        let (first, last) = places_of(filter.number);
        let start = place_of(database, &(first..last), after)?.end;
        let (mut n_own, mut bytes, mut latest) = (0, 0, i64::MIN);
        walk(database, filter, start..last, false, |Read { event, .. }| {
            let time = milliseconds(event.time);
            let is_full = (n_own >= limit || bytes > bytes_max) && time > latest;
            if is_full || told.end.is_some_and(|end| time >= end) {
                told.has_more = true;
                return ControlFlow::Break(());
            }
            (n_own, bytes, latest) = (n_own + 1, bytes + event.size(), time);
            told.events.push((time, event));
            ControlFlow::Continue(())
        })?;
        told.cut();
    }
    let events = told.events.into_iter().map(|(_, event)| event).collect();
    Ok(Answer::Changes(events, !told.has_more))
}

/// Changes of several conversations that are told together: never much more than may be told at once, however many there are.
struct Told {
    limit: usize,
    bytes_max: usize,
    events: Vec<(i64, Arc<Event>)>,
    /// The time from which on nothing is told; `None`: there is room.
    end: Option<i64>,
    has_more: bool,
}

impl Told {
    /// Puts them in the order of time, and leaves out what is too much.
    fn cut(&mut self) {
        self.events.sort_by_key(|(time, _)| *time);
        let mut bytes = 0;
        let fits = |(_, event): &&(i64, Arc<Event>)| {
            bytes += event.size();
            bytes <= self.bytes_max
        };
        let n_fit = self.events.iter().take_while(fits).count().max(1);
        let n_told = self.limit.min(n_fit);
        if n_told > self.events.len() {
            return;
        }
        // Those of one time stay together, so that the next question begins behind them.
        let last = n_told.checked_sub(1).map_or(i64::MIN, |index| self.events[index].0);
        let n_left = self.events.partition_point(|(time, _)| *time <= last);
        // What comes between those that are told and the first that is not may fit in its place.
        let first_left_out = self.events.get(n_left).map(|(time, _)| *time);
        self.events.truncate(n_left);
        self.has_more |= first_left_out.is_some();
        let end = if n_told == self.limit { Some(last.saturating_add(1)) } else { first_left_out };
        self.end = end.or(self.end);
    }
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

/// Guests whose conversations with an account can be asked for: the latest.
const GUESTS_MAX: usize = 1000;

/// The conversations between somebody and others, in the order in which they were begun.
fn direct_conversations(
    database: &Connection,
    person: &str,
    is_known: &dyn Fn(&str) -> bool,
) -> rusqlite::Result<Vec<(i64, Conversation)>> {
    let mut own = database.prepare_cached(
        "SELECT id, name FROM participants JOIN conversations ON conversations.id = conversation
         WHERE person = ? AND NOT is_retired ORDER BY conversation DESC",
    )?;
    let own = own.query_map([person], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let (mut found, mut n_guests) = (Vec::new(), 0);
    for row in own {
        let (number, name) = row?;
        let Some((first, second)) = name.split_once('\n') else { continue };
        let other = if first == person { second } else { first };
        if !is_known(other) {
            continue;
        }
        n_guests += usize::from(other.starts_with('~'));
        if n_guests <= GUESTS_MAX || !other.starts_with('~') {
            found.push((number, Conversation::Direct(first.into(), second.into())));
        }
    }
    found.reverse();
    Ok(found)
}

/// The time of the latest message of a conversation that all in it may read, and between two people the nick that the other
/// one than `person` had.
fn latest_message(
    database: &Connection,
    number: i64,
    conversation: &Conversation,
    person: &str,
) -> rusqlite::Result<Option<(i64, Option<Arc<str>>)>> {
    let mut latest = database.prepare_cached(&readable::select(
        "time, part, source, extra",
        WITH_SENDERS,
        "records.id BETWEEN ?3 AND ?4 AND kind <= ?5",
        "ORDER BY records.id DESC LIMIT 1",
    ))?;
    let (first, last) = places_of(number);
    // Of a room, what all its members may read.
    let own = Filter::of(number, conversation, 0, SystemTime::UNIX_EPOCH);
    let row = latest
        .query_row(params![own.rank, own.ranked_after, first, last, LAST_MESSAGE], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    Ok(row.map(|(time, part, source, extra)| {
        let nick = match conversation {
            Conversation::Direct(first, _) => {
                let is_own = (&**first == person) == (part == 0);
                rows::nick_of_other(is_own, source, extra)
            }
            _ => None,
        };
        (time, nick)
    }))
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
    let mut targets = Vec::new();
    for (number, conversation) in found {
        let latest = latest_message(database, number, &conversation, person)?;
        let Some((time, nick)) = latest else { continue };
        let is_within =
            if is_backwards { time < from && time > to } else { time > from && time < to };
        if is_within {
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
