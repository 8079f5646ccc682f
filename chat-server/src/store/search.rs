//! Full-text search (FTS5): an index beside the records, which follows behind the commits. Records that it has not
//! taken yet are listed in the same transaction as they are written, so that none is forgotten when the program ends.

use std::{ops::Range, time::SystemTime};

use rusqlite::{Connection, params};

use super::{
    history::{self, COLUMNS, Filter, Read},
    milliseconds, rows,
};
use crate::{
    delivery::Event,
    history::{Answer, Match, Order, Reference, Search},
};

/// Records that the index takes in one transaction.
pub(super) const CHUNK: u32 = 512;

/// What stands around a match while it is found; in a text that has them nothing is marked.
const MARKS: [char; 2] = ['\u{fdd0}', '\u{fdd1}'];

/// Of those that match, the latest that are put in the order of their rank.
const RANKED_MAX: i64 = 1000;

/// Puts some of the records that wait into the index; whether there are more.
pub(super) fn index_some(database: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = database.transaction()?;
    let waiting: Vec<i64> = transaction
        .prepare_cached("SELECT id FROM unindexed LIMIT ?")?
        .query_map([CHUNK], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in &waiting {
        let add = "INSERT INTO words (rowid, text) SELECT id, text FROM records WHERE id = ?";
        transaction.prepare_cached(add)?.execute([id])?;
        transaction.prepare_cached("DELETE FROM unindexed WHERE id = ?")?.execute([id])?;
    }
    transaction.commit()?;
    Ok(waiting.len() == CHUNK as usize)
}

/// A record is to be found by its words from here on.
pub(super) fn add(database: &Connection, id: i64) -> rusqlite::Result<()> {
    database.prepare_cached("INSERT OR IGNORE INTO unindexed (id) VALUES (?)")?.execute([id])?;
    Ok(())
}

/// A record is not to be found by its words, while it still has them.
pub(super) fn remove(database: &Connection, id: i64) -> rusqlite::Result<()> {
    let waited = database.prepare_cached("DELETE FROM unindexed WHERE id = ?")?.execute([id])? > 0;
    if !waited {
        let remove = "INSERT INTO words (words, rowid, text)
                      SELECT 'delete', id, text FROM records WHERE id = ?";
        database.prepare_cached(remove)?.execute([id])?;
    }
    Ok(())
}

/// Words as FTS5 reads them: all of them, `"..."` one behind the other, `word*` any with that beginning, `-word` none with it.
/// `None` if there is nothing that could be looked for.
pub(super) fn expression(words: &str) -> Option<String> {
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    let mut rest = words.trim_start();
    while !rest.is_empty() {
        let is_unwanted = rest.starts_with('-');
        rest = rest.trim_start_matches('-');
        let (word, behind) = match rest.strip_prefix('"') {
            Some(phrase) => phrase.split_once('"').unwrap_or((phrase, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        rest = behind.trim_start();
        if !word.chars().any(char::is_alphanumeric) {
            continue;
        }
        let sign = if word.ends_with('*') { "*" } else { "" };
        let quoted = format!("\"{}\"{sign}", word.trim_end_matches('*').replace('"', " "));
        if is_unwanted { unwanted.push(quoted) } else { wanted.push(quoted) }
    }
    let mut expression = wanted.join(" AND ");
    for word in unwanted {
        expression = format!("({expression}) NOT {word}");
    }
    (!wanted.is_empty()).then_some(expression)
}

/// Answers a search.
pub(super) fn answer(database: &Connection, search: &Search) -> rusqlite::Result<Answer> {
    let expression = match &search.words {
        None => None,
        Some(words) => match expression(words) {
            Some(expression) => Some(expression),
            None => return Ok(Answer::Matches(Vec::new())),
        },
    };
    let shows = crate::history::Shows::default();
    let filters = history::filters(database, &search.conversations, search.direct.as_ref(), shows)?;
    let mut found: Vec<(f64, Match)> = Vec::new();
    for filter in &filters {
        found.extend(find_in(database, filter, search, expression.as_deref())?);
    }
    let time = |(_, own): &(f64, Match)| milliseconds(own.event.time);
    match search.order {
        Order::Rank => found.sort_by(|a, b| a.0.total_cmp(&b.0)),
        // From the beginning if one is given, else from the end.
        Order::Time if search.after.is_some() => found.sort_by_key(time),
        Order::Time => found.sort_by_key(|own| std::cmp::Reverse(time(own))),
    }
    let mut bytes = 0;
    let fits = |(_, own): &(f64, Match)| {
        bytes += own.event.size();
        bytes <= search.bytes_max
    };
    let mut found: Vec<(f64, Match)> =
        found.into_iter().take(search.limit).take_while(fits).collect();
    if search.order == Order::Time {
        found.sort_by_key(time);
    }
    Ok(Answer::Matches(found.into_iter().map(|(_, own)| own).collect()))
}

fn find_in(
    database: &Connection,
    filter: &Filter<'_>,
    search: &Search,
    expression: Option<&str>,
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
        Order::Time => (
            if is_forward { "ASC" } else { "DESC" },
            i64::try_from(search.limit).unwrap_or(i64::MAX),
        ),
    };
    // The index gives words in the order of ids; without words, the table does.
    let (from, shown, rank) = match expression {
        Some(_) => (
            "words JOIN records ON records.id = words.rowid",
            "highlight(words, 0, ?1, ?2)",
            "bm25(words)",
        ),
        None => ("records", "?1 || ?2", "0.0"),
    };
    let rank = if search.order == Order::Rank { rank } else { "0.0" };
    let (id, matches) = match expression {
        Some(_) => ("words.rowid", "words MATCH ?3"),
        None => ("records.id", "?3 = ''"),
    };
    let mut select = database.prepare_cached(&format!(
        "SELECT {COLUMNS}, {shown}, {rank} AS weight FROM {from}
         JOIN senders ON senders.id = records.sender
         WHERE {matches} AND {id} >= ?4 AND {id} < ?5 AND kind <= 4
           AND (part = 0 OR part <= ?6 AND time > ?7)
           AND (?8 = '' OR lower(account) = ?8
                OR lower(substr(source, 1, instr(source, '!') - 1)) = ?8)
         ORDER BY {id} {order} LIMIT ?9"
    ))?;
    let from = search.from.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
    let parameters = params![
        MARKS[0].to_string(),
        MARKS[1].to_string(),
        expression.unwrap_or_default(),
        start,
        end,
        filter.rank,
        filter.ranked_after,
        from,
        limit
    ];
    let rows = select.query_map(parameters, |row| {
        let read = history::read(row, filter.room)?;
        Ok((read, row.get::<_, String>(11)?, row.get::<_, f64>(12)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (Some(Read { event, .. }), marked, weight) = row? else { continue };
        let ranges = if expression.is_some() { ranges(&marked, &event) } else { Vec::new() };
        found.push((weight, Match { event, ranges }));
    }
    Ok(found)
}

/// Where in its text an event matches, in bytes.
fn ranges(marked: &str, event: &Event) -> Vec<Range<usize>> {
    if rows::text_of(event).contains(MARKS) {
        return Vec::new();
    }
    let (mut ranges, mut at, mut start) = (Vec::new(), 0, 0);
    for character in marked.chars() {
        if character == MARKS[0] {
            start = at;
        } else if character == MARKS[1] {
            ranges.push(start..at);
        } else {
            at += character.len_utf8();
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_an_expression() {
        for (words, expected) in [
            ("one", Some("\"one\"")),
            ("one  two*", Some("\"one\" AND \"two\"*")),
            ("\"one two\" three", Some("\"one two\" AND \"three\"")),
            ("one -two -\"three four\"", Some("((\"one\") NOT \"two\") NOT \"three four\"")),
            ("AND OR NEAR(x)", Some("\"AND\" AND \"OR\" AND \"NEAR(x)\"")),
            ("\"never closed", Some("\"never closed\"")),
            ("a\"b", Some("\"a b\"")),
            ("caffè", Some("\"caffè\"")),
            ("-one", None),
            ("...  *", None),
            ("", None),
        ] {
            assert_eq!(expression(words).as_deref(), expected, "{words}");
        }
    }
}
