//! Answers to what is asked of the database: each kind of question is given to what knows it.

use rusqlite::Connection;

use super::{database::milliseconds, history, search};
use crate::{
    history::{Answer, Query, Shows},
    room_log::Conversation,
};

/// The answer to `query`.
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
            shows,
        } => {
            let Some(number) = history::number_of(database, conversation)? else {
                return Ok(Answer::Page(Vec::new()));
            };
            let filter = history::Filter {
                number,
                // Between two people both may read all.
                rank: if matches!(conversation, Conversation::Direct(..)) { 1 } else { *rank },
                ranked_after: match conversation {
                    Conversation::Direct(..) => i64::MIN,
                    _ => milliseconds(*ranked_after),
                },
                bytes_max: *bytes_max,
                shows: *shows,
                room: shown.as_ref(),
            };
            let rows = history::page(database, &filter, selection, *limit)?;
            history::with_context(database, &filter, rows).map(Answer::Page)
        }
        Query::AuditLog { part, limit } => {
            let filters =
                history::filters(database, std::slice::from_ref(part), None, Shows::default())?;
            filters.first().map_or(Ok(Answer::Page(Vec::new())), |filter| {
                history::acts(database, filter, *limit).map(Answer::Page)
            })
        }
        Query::Search(search) => search::answer(database, search),
        Query::Find { conversation, msgid, rank, ranked_after } => {
            history::find(database, conversation, msgid, *rank, *ranked_after).map(Answer::Found)
        }
        Query::Changes { conversations, direct, after, limit, bytes_max, shows } => {
            let filters = history::filters(database, conversations, direct.as_ref(), *shows)?;
            history::changes(database, &filters, after, *limit, *bytes_max)
        }
        Query::Targets { rooms, person, guests, between, limit } => {
            let is_known = |other: &str| !other.starts_with('~') || guests.contains(other);
            history::targets(database, rooms, person, &is_known, *between, *limit)
                .map(Answer::Targets)
        }
    }
}
