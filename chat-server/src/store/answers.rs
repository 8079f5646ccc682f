//! Answers to what is asked of the database: each kind of question is given to what knows it.

use std::time::SystemTime;

use rusqlite::Connection;

use super::{history, readable::Filter, search};
use crate::history::{Answer, Query, Shows, may_ask_for};

/// The answer to `query`; of a search, by an index of words that has all or not.
pub(super) fn answer(
    database: &Connection,
    query: &Query,
    has_all: bool,
) -> rusqlite::Result<Answer> {
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
            let filter = Filter::of(number, conversation, *rank, *ranked_after)
                .shown_as(shown.as_ref())
                .with(*shows)
                .up_to(*bytes_max);
            let rows = history::page(database, &filter, selection, *limit)?;
            history::with_context(database, &filter, rows).map(Answer::Page)
        }
        Query::DirectPage { conversations, selection, limit, bytes_max, shows } => {
            let mut pages = Vec::new();
            for conversation in conversations {
                for number in history::numbers_of(database, conversation)? {
                    let filter = Filter::of(number, conversation, 0, SystemTime::UNIX_EPOCH)
                        .with(*shows)
                        .up_to(*bytes_max);
                    let rows = history::page(database, &filter, selection, *limit)?;
                    pages.push(history::with_context(database, &filter, rows)?);
                }
            }
            Ok(Answer::Page(history::merged(pages, selection, *limit, *bytes_max)))
        }
        Query::AuditLog { part, limit } => {
            let filters =
                history::filters(database, std::slice::from_ref(part), None, Shows::default())?;
            filters.first().map_or(Ok(Answer::Page(Vec::new())), |filter| {
                history::acts(database, filter, *limit).map(Answer::Page)
            })
        }
        Query::Search(search) => search::answer(database, search, has_all),
        Query::Find { conversation, msgid, rank, ranked_after } => {
            history::find(database, conversation, msgid, *rank, *ranked_after).map(Answer::Found)
        }
        Query::Changes { conversations, direct, after, limit, bytes_max, shows } => {
            let filters = history::filters(database, conversations, direct.as_ref(), *shows)?;
            history::changes(database, &filters, after, *limit, *bytes_max)
        }
        Query::Targets { rooms, person, guests, between, limit } => {
            let is_known = |other: &str| may_ask_for(person, other, guests);
            history::targets(database, rooms, person, &is_known, *between, *limit)
                .map(Answer::Targets)
        }
    }
}
