//! Full-text search (FTS5): an index beside the records, which follows behind the commits. Records that it has not
//! taken yet are the ends of conversations; where those begin is written with them, so that none is forgotten when the
//! program ends.

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    database::{milliseconds, monotonic_now},
    history::{self, COLUMNS, PLACE_BITS, Read},
    readable::{self, Filter},
    rows,
};
use crate::{
    history::{Answer, Match, Order, Reference, Search},
    search_words::SearchWords,
};

/// The number of matches, the latest, that are put in the order of their rank.
const RANKED_MAX: usize = 500;

/// The progress of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Indexed {
    /// Records that it has taken now.
    pub(super) n_records: usize,
    /// Whether it has all.
    pub(super) is_all: bool,
}

/// Records that it takes before it looks at the time.
const PIECE: usize = 64;

/// Puts up to `n_max` of the records that wait into the index, in one transaction, and no more when `time` is over.
pub(super) fn index_some(
    database: &mut Connection,
    n_max: usize,
    time: Duration,
) -> rusqlite::Result<Indexed> {
    let until = monotonic_now() + time;
    let transaction = database.transaction()?;
    let mut n_records = 0;
    let mut is_all = false;
    while n_records < n_max {
        // In the order of their ids: at each step back the index would write what it has taken.
        let next = "SELECT conversation, first FROM unindexed ORDER BY conversation LIMIT 1";
        let next: Option<(i64, i64)> = transaction
            .prepare_cached(next)?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((conversation, first)) = next else {
            is_all = true;
            break;
        };
        n_records += index_end(&transaction, conversation, first, PIECE.min(n_max - n_records))?;
        if monotonic_now() > until {
            break;
        }
    }
    transaction.commit()?;
    Ok(Indexed { n_records, is_all })
}

/// The number of records that the index does not have, and a few more: where records were deleted, their places count.
pub(super) fn n_behind(database: &Connection) -> rusqlite::Result<usize> {
    let ends =
        "SELECT sum((SELECT id FROM records WHERE id >= first AND id < (conversation + 1) << ?
                            ORDER BY id DESC LIMIT 1) - first + 1) FROM unindexed";
    let n_records: Option<i64> = database.query_row(ends, [PLACE_BITS], |row| row.get(0))?;
    Ok(usize::try_from(n_records.unwrap_or(0)).unwrap_or(0))
}

/// Puts a conversation's records from `first` on into the index, so many of them; how many there were.
fn index_end(
    database: &Connection,
    conversation: i64,
    first: i64,
    n_max: usize,
) -> rusqlite::Result<usize> {
    let (_, last) = history::places_of(conversation);
    let some = "SELECT count(*), max(id) FROM
                (SELECT id FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?)";
    let limit = i64::try_from(n_max).unwrap_or(i64::MAX);
    let (n_records, end): (i64, Option<i64>) = database
        .prepare_cached(some)?
        .query_row(params![first, last, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(end) = end {
        let add = "INSERT INTO words (rowid, text)
                   SELECT id, indexed(text) FROM records
                   WHERE id BETWEEN ? AND ? AND kind < ? ORDER BY id";
        database.prepare_cached(add)?.execute(params![first, end, rows::REDACTED])?;
    }
    match end.filter(|_| n_records == limit) {
        Some(end) => {
            let go_on = "UPDATE unindexed SET first = ? WHERE conversation = ?";
            database.prepare_cached(go_on)?.execute([end + 1, conversation])?;
        }
        None => {
            let forget = "DELETE FROM unindexed WHERE conversation = ?";
            database.prepare_cached(forget)?.execute([conversation])?;
        }
    }
    Ok(usize::try_from(n_records).unwrap_or(n_max))
}

/// The index does not have a record that is written now, nor what follows in its conversation.
pub(super) fn fall_behind(database: &Connection, id: i64) -> rusqlite::Result<()> {
    // What it has not had before, it still has not.
    let add = "INSERT OR IGNORE INTO unindexed (conversation, first) VALUES (?, ?)";
    database.prepare_cached(add)?.execute([id >> PLACE_BITS, id])?;
    Ok(())
}

/// Whether a record is found by its words.
fn is_indexed(database: &Connection, id: i64) -> rusqlite::Result<bool> {
    let first = "SELECT first FROM unindexed WHERE conversation = ?";
    let first: Option<i64> = database
        .prepare_cached(first)?
        .query_row([id >> PLACE_BITS], |row| row.get(0))
        .optional()?;
    Ok(first.is_none_or(|first| id < first))
}

/// A record that was there before is to be found by its words, which are new.
pub(super) fn add(database: &Connection, id: i64) -> rusqlite::Result<()> {
    if is_indexed(database, id)? {
        let add = "INSERT INTO words (rowid, text) SELECT id, text FROM texts WHERE id = ?";
        database.prepare_cached(add)?.execute([id])?;
    }
    Ok(())
}

/// A record is not to be found by its words, while it still has them.
pub(super) fn remove(database: &Connection, id: i64) -> rusqlite::Result<()> {
    if is_indexed(database, id)? {
        let remove = "INSERT INTO words (words, rowid, text)
                      SELECT 'delete', id, text FROM texts WHERE id = ?";
        database.prepare_cached(remove)?.execute([id])?;
    }
    Ok(())
}

/// Answers a search, by an index that has all or not.
pub(super) fn answer(
    database: &Connection,
    search: &Search,
    has_all: bool,
) -> rusqlite::Result<Answer> {
    let wanted = search.words.as_ref();
    if wanted.is_some_and(SearchWords::is_empty) {
        return Ok(Answer::Matches(Vec::new(), true));
    }
    let shows = crate::history::Shows::default();
    let filters = history::filters(database, &search.conversations, search.direct.as_ref(), shows)?;
    let mut found: Vec<(f64, Match)> = Vec::new();
    let time = |(_, own): &(f64, Match)| milliseconds(own.event.time);
    for filter in &filters {
        found.extend(find_in(database, filter, search, wanted)?);
        match search.order {
            Order::Rank => found.sort_by(|a, b| a.0.total_cmp(&b.0)),
            // From the beginning if one is given, else from the end.
            Order::Time if search.after.is_some() => found.sort_by_key(time),
            Order::Time => found.sort_by_key(|own| std::cmp::Reverse(time(own))),
        }
        // However many conversations there are, no more wait than are told.
        found.truncate(search.limit);
    }
    let mut bytes = 0;
    let fits = |(_, own): &(f64, Match)| {
        bytes += own.event.size();
        bytes <= search.bytes_max
    };
    let mut found: Vec<(f64, Match)> = found.into_iter().take_while(fits).collect();
    if search.order == Order::Time {
        found.sort_by_key(time);
    }
    if let Some(wanted) = wanted {
        for (_, own) in &mut found {
            own.ranges = wanted.ranges(&rows::text_of(&own.event));
        }
    }
    // Without words the table is asked, which has all.
    let is_all = has_all || wanted.is_none();
    Ok(Answer::Matches(found.into_iter().map(|(_, own)| own).collect(), is_all))
}

fn find_in(
    database: &Connection,
    filter: &Filter<'_>,
    search: &Search,
    wanted: Option<&SearchWords>,
) -> rusqlite::Result<Vec<(f64, Match)>> {
    let (first, last) = history::places_of(filter.number);
    let whole = first..last;
    let place = |time: SystemTime| {
        history::place_of(database, &whole, &Reference::Time(time)).map(|range: Range<i64>| range)
    };
    let start = search.after.map(place).transpose()?.map_or(first, |range| range.start);
    let end = search.before.map(place).transpose()?.map_or(last, |range| range.end);
    let is_forward = search.after.is_some() && search.order == Order::Time;
    let (order, limit) = match search.order {
        Order::Rank => ("DESC", RANKED_MAX),
        Order::Time => (if is_forward { "ASC" } else { "DESC" }, search.limit),
    };
    if limit == 0 {
        return Ok(Vec::new());
    }
    // The index gives words in the order of ids; without words, the table does.
    let (from, id, matches) = match wanted {
        Some(_) => {
            ("words JOIN records ON records.id = words.rowid", "words.rowid", "words MATCH ?3")
        }
        None => ("records", "records.id", "?3 = ''"),
    };
    let is_ranked = wanted.is_some() && search.order == Order::Rank;
    let weight = if is_ranked { "bm25(words)" } else { "0.0" };
    let mut select = database.prepare_cached(&readable::select(
        &format!("{COLUMNS}, {weight}"),
        &format!("{from} JOIN senders ON senders.id = records.sender"),
        &format!(
            "{matches} AND {id} >= ?4 AND {id} < ?5 AND kind <= 4
             AND (?6 = '' OR lower(account) = ?6
                  OR lower(substr(source, 1, instr(source, '!') - 1)) = ?6)"
        ),
        &format!("ORDER BY {id} {order}"),
    ))?;
    let expression = wanted.map_or("", SearchWords::expression);
    let from = search.from.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
    let parameters = params![filter.rank, filter.ranked_after, expression, start, end, from];
    let rows = select.query_map(parameters, |row| {
        Ok((history::read(row, filter.room)?, row.get::<_, f64>(11)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (Some(Read { event, .. }), weight) = row? else { continue };
        if !wanted.is_none_or(|wanted| wanted.is_in(&rows::text_of(&event))) {
            continue;
        }
        found.push((weight, Match { event, ranges: Vec::new() }));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}
