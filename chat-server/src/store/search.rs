//! Full-text search (FTS5): an index beside the records, which follows behind the commits. Records that it has not
//! taken yet are the ends of conversations; where those begin is written with them, so that none is forgotten when the
//! program ends.

use std::{ops::Range, time::SystemTime};

use rusqlite::{Connection, OptionalExtension, params};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{
    database::milliseconds,
    history::{self, COLUMNS, Filter, PLACE_BITS, Read},
    rows,
};
use crate::history::{Answer, Match, Order, Reference, Search};

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

/// Puts up to `n_max` of the records that wait into the index, in one transaction.
pub(super) fn index_some(database: &mut Connection, n_max: usize) -> rusqlite::Result<Indexed> {
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
        n_records += index_end(&transaction, conversation, first, n_max - n_records)?;
    }
    transaction.commit()?;
    Ok(Indexed { n_records, is_all })
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
                   SELECT id, text FROM records WHERE id BETWEEN ? AND ? AND kind < ? ORDER BY id";
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
        let add = "INSERT INTO words (rowid, text) SELECT id, text FROM records WHERE id = ?";
        database.prepare_cached(add)?.execute([id])?;
    }
    Ok(())
}

/// A record is not to be found by its words, while it still has them.
pub(super) fn remove(database: &Connection, id: i64) -> rusqlite::Result<()> {
    if is_indexed(database, id)? {
        let remove = "INSERT INTO words (words, rowid, text)
                      SELECT 'delete', id, text FROM records WHERE id = ?";
        database.prepare_cached(remove)?.execute([id])?;
    }
    Ok(())
}

/// The words that are looked for: words for the index, and words one behind the other, which are looked for in the
/// texts that the index gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The expression as FTS5 reads it.
    pub(super) expression: String,
    phrases: Vec<Vec<String>>,
    unwanted: Vec<Vec<String>>,
    /// The words that are shown, and whether as a beginning.
    marked: Vec<(String, bool)>,
}

impl Wanted {
    /// Reads all words, `"..."` one behind the other, `word*` any with that beginning, `-word` none with it. `None` if there
    /// is nothing that could be looked for.
    pub(super) fn read(words: &str) -> Option<Self> {
        let mut wanted = Self::default();
        let (mut single, mut not) = (Vec::new(), Vec::new());
        let mut rest = words.trim_start();
        while !rest.is_empty() {
            let is_unwanted = rest.starts_with('-');
            rest = rest.trim_start_matches('-');
            let (word, behind) = match rest.strip_prefix('"') {
                Some(phrase) => phrase.split_once('"').unwrap_or((phrase, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            rest = behind.trim_start();
            // The index makes of them what it has made of the texts.
            let own: Vec<&str> = words_in(word).collect();
            let is_beginning = word.ends_with('*') && own.len() == 1;
            let quoted = |own: &&str| format!("\"{own}\"{}", if is_beginning { "*" } else { "" });
            if !is_unwanted {
                wanted.marked.extend(tokens(word).into_iter().map(|own| (own, is_beginning)));
            }
            match (&*own, is_unwanted) {
                ([], _) => {}
                ([own], true) => not.push(quoted(own)),
                (_, true) => wanted.unwanted.push(tokens(word)),
                ([own], false) => single.push(quoted(own)),
                (several, false) => {
                    single.extend(several.iter().map(quoted));
                    wanted.phrases.push(tokens(word));
                }
            }
        }
        wanted.expression = single.join(" AND ");
        for word in not {
            wanted.expression = format!("({}) NOT {word}", wanted.expression);
        }
        (!single.is_empty()).then_some(wanted)
    }

    /// The ranges of a text in which they are, in bytes.
    fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let is_wanted = |word: &&str| {
            let own = plain(word);
            self.marked.iter().any(|(wanted, is_beginning)| {
                if *is_beginning { own.starts_with(wanted) } else { own == *wanted }
            })
        };
        let place = |word: &str| {
            let start = word.as_ptr().addr() - text.as_ptr().addr();
            start..start + word.len()
        };
        words_in(text).filter(is_wanted).map(place).collect()
    }

    /// Whether a text that has all the words has them as they are wanted.
    fn is_in(&self, text: &str) -> bool {
        if self.phrases.is_empty() && self.unwanted.is_empty() {
            return true;
        }
        let own = tokens(text);
        let has = |phrase: &Vec<String>| own.windows(phrase.len()).any(|own| own == phrase);
        self.phrases.iter().all(has) && !self.unwanted.iter().any(has)
    }
}

/// The words of a text.
fn words_in(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |sign: char| !sign.is_alphanumeric() && !is_combining_mark(sign);
    text.split(is_between).filter(|word| word.chars().any(char::is_alphanumeric))
}

/// The words of a text, in small letters and without accents: the same for texts that read the same.
fn tokens(text: &str) -> Vec<String> {
    words_in(text).map(plain).collect()
}

fn plain(word: &str) -> String {
    word.nfd().filter(|sign| !is_combining_mark(*sign)).collect::<String>().to_lowercase()
}

/// Answers a search.
pub(super) fn answer(database: &Connection, search: &Search) -> rusqlite::Result<Answer> {
    let wanted = match &search.words {
        None => None,
        Some(words) => match Wanted::read(words) {
            Some(wanted) => Some(wanted),
            None => return Ok(Answer::Matches(Vec::new())),
        },
    };
    let shows = crate::history::Shows::default();
    let filters = history::filters(database, &search.conversations, search.direct.as_ref(), shows)?;
    let mut found: Vec<(f64, Match)> = Vec::new();
    for filter in &filters {
        found.extend(find_in(database, filter, search, wanted.as_ref())?);
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
    if let Some(wanted) = &wanted {
        for (_, own) in &mut found {
            own.ranges = wanted.ranges(&rows::text_of(&own.event));
        }
    }
    Ok(Answer::Matches(found.into_iter().map(|(_, own)| own).collect()))
}

fn find_in(
    database: &Connection,
    filter: &Filter<'_>,
    search: &Search,
    wanted: Option<&Wanted>,
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
            ("words JOIN records ON records.id = words.rowid", "words.rowid", "words MATCH ?1")
        }
        None => ("records", "records.id", "?1 = ''"),
    };
    let is_ranked = wanted.is_some() && search.order == Order::Rank;
    let weight = if is_ranked { "bm25(words)" } else { "0.0" };
    let mut select = database.prepare_cached(&format!(
        "SELECT {COLUMNS}, {weight} FROM {from} JOIN senders ON senders.id = records.sender
         WHERE {matches} AND {id} >= ?2 AND {id} < ?3 AND kind <= 4
           AND (part = 0 OR part <= ?4 AND time > ?5)
           AND (?6 = '' OR lower(account) = ?6
                OR lower(substr(source, 1, instr(source, '!') - 1)) = ?6)
         ORDER BY {id} {order}"
    ))?;
    let expression = wanted.map_or("", |wanted| &*wanted.expression);
    let from = search.from.as_deref().map(str::to_ascii_lowercase).unwrap_or_default();
    let parameters = params![expression, start, end, filter.rank, filter.ranked_after, from];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_an_expression() {
        for (words, expected) in [
            ("one", Some("\"one\"")),
            ("One  two*", Some("\"One\" AND \"two\"*")),
            ("\"one two\" three", Some("\"one\" AND \"two\" AND \"three\"")),
            ("one -two -\"three four\"", Some("(\"one\") NOT \"two\"")),
            ("AND OR NEAR(x)", Some("\"AND\" AND \"OR\" AND \"NEAR\" AND \"x\"")),
            ("\"never closed", Some("\"never\" AND \"closed\"")),
            ("caffè", Some("\"caffè\"")),
            ("-one", None),
            ("...  *", None),
            ("", None),
        ] {
            let wanted = Wanted::read(words);
            assert_eq!(wanted.map(|wanted| wanted.expression).as_deref(), expected, "{words}");
        }
        let wanted = Wanted::read("\"one two\" -\"three four\"").unwrap();
        assert!(wanted.is_in("zero ONE, two: four three"));
        assert!(!wanted.is_in("two one"));
        assert!(!wanted.is_in("one two three four"));
    }
}
