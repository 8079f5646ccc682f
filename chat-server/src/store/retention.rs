//! Retention of messages, by their age and by how much there is of a conversation. What is too old or too much
//! is deleted in small transactions while there is nothing else to write; what nobody can ask for any more goes with it.

use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    database::milliseconds,
    history::{first_from, places_of},
    search,
};
use crate::retention::{Retention, Rule};

/// The time from one look for what is too old to the next.
pub(super) const EVERY: Duration = Duration::from_secs(3600);

/// Records that are deleted in one transaction.
const CHUNK: u32 = 500;

/// A look through all conversations, and where it goes on.
#[derive(Debug)]
pub(super) struct Sweep {
    now: SystemTime,
    next: i64,
}

impl Sweep {
    pub(super) fn at(now: SystemTime) -> Self {
        Self { now, next: 0 }
    }

    /// Does a part of it in one transaction; whether there is more to do.
    pub(super) fn go_on(
        &mut self,
        database: &mut Connection,
        retention: &Retention,
    ) -> rusqlite::Result<bool> {
        let find =
            "SELECT id, name, is_retired FROM conversations WHERE id >= ? ORDER BY id LIMIT 1";
        let found: Option<(i64, String, bool)> = database
            .prepare_cached(find)?
            .query_row([self.next], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((number, name, is_retired)) = found else {
            // What was deleted is given back to the system.
            database.execute_batch("PRAGMA incremental_vacuum")?;
            return Ok(false);
        };
        let transaction = database.transaction()?;
        let rule = *retention.rooms.get(&name).unwrap_or(&retention.everywhere);
        let cut = if is_retired { i64::MAX } else { cut(&transaction, number, rule, self.now)? };
        let is_done = delete_before(&transaction, number, cut)?;
        if is_done && is_retired {
            for forget in [
                "DELETE FROM nonces WHERE conversation = ?",
                "DELETE FROM participants WHERE conversation = ?",
                "DELETE FROM unindexed WHERE conversation = ?",
                "DELETE FROM conversations WHERE id = ?",
            ] {
                transaction.prepare_cached(forget)?.execute([number])?;
            }
        }
        transaction.commit()?;
        self.next = if is_done { number + 1 } else { number };
        Ok(true)
    }
}

/// The id before which everything of a conversation is to go.
fn cut(database: &Connection, number: i64, rule: Rule, now: SystemTime) -> rusqlite::Result<i64> {
    let (first, last) = places_of(number);
    let by_age = match rule.age.and_then(|age| now.checked_sub(age)) {
        Some(oldest) => match first_from(database, &(first..last), milliseconds(oldest))? {
            // All of it is older.
            end if end == last => i64::MAX,
            id => id,
        },
        None => first,
    };
    let too_much = "SELECT id FROM (
                        SELECT id, sum(octet_length(text)) OVER (ORDER BY id DESC) AS total
                        FROM records WHERE id >= ? AND id < ?
                    ) WHERE total > ? ORDER BY id DESC LIMIT 1";
    let by_bytes = match rule.bytes {
        Some(bytes) => {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let found: Option<i64> = database
                .prepare_cached(too_much)?
                .query_row([first, last, bytes], |row| row.get(0))
                .optional()?;
            found.map_or(first, |id| id + 1)
        }
        None => first,
    };
    Ok(by_age.max(by_bytes))
}

/// Deletes some of a conversation's records before `cut`, and what is about them; whether that was all.
fn delete_before(database: &Connection, number: i64, cut: i64) -> rusqlite::Result<bool> {
    let (first, last) = places_of(number);
    let cut = cut.min(last);
    let old: Vec<(i64, i64)> = database
        .prepare_cached(
            "SELECT id, kind FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        )?
        .query_map(params![first, cut, CHUNK], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, kind) in &old {
        if *kind < super::rows::REDACTED {
            search::remove(database, *id)?;
        }
        database
            .prepare_cached("DELETE FROM records WHERE id = ?1 OR about = ?1")?
            .execute([id])?;
    }
    let is_all = old.len() < CHUNK as usize;
    if is_all && cut > first {
        let forget = "DELETE FROM nonces WHERE conversation = ? AND record < ?";
        database.prepare_cached(forget)?.execute([number, cut])?;
    }
    Ok(is_all)
}
