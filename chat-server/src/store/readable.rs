//! The one filter of what may be read: every query whose records are told to somebody is made here
//! (`tidy::every_record_that_is_told_passes_the_one_filter`).

use std::{sync::Arc, time::SystemTime};

use super::database::milliseconds;
use crate::{history::Shows, room_log::Conversation};

/// The condition that a record may be read: it is for all, or for those with a rank that the reader has, from when on it is
/// theirs. Its two parameters are the first of each query.
const READABLE: &str = "(records.part = 0 OR records.part <= ?1 AND records.time > ?2)";

/// A query of those records of `from` that may be read, and of which `condition` holds; its own parameters are `?3` and on.
pub(super) fn select(columns: &str, from: &str, condition: &str, rest: &str) -> String {
    format!("SELECT {columns} FROM {from} WHERE {READABLE} AND ({condition}) {rest}")
}

/// A reader of a conversation, and what they want of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter<'a> {
    pub(super) number: i64,
    /// The first parameter of a query.
    pub(super) rank: u8,
    /// The second parameter of a query.
    pub(super) ranked_after: i64,
    pub(super) bytes_max: usize,
    pub(super) shows: Shows,
    pub(super) room: Option<&'a Arc<str>>,
}

impl<'a> Filter<'a> {
    /// The filter for a reader of that rank, of the conversation with that number.
    pub(super) fn of(
        number: i64,
        conversation: &Conversation,
        rank: u8,
        ranked_after: SystemTime,
    ) -> Self {
        let (rank, ranked_after) = match conversation {
            // Between two people both may read all.
            Conversation::Direct(..) => (1, i64::MIN),
            Conversation::Ranked(..) | Conversation::Room(_) => (rank, milliseconds(ranked_after)),
        };
        let (bytes_max, shows) = (usize::MAX, Shows::default());
        Self { number, rank, ranked_after, bytes_max, shows, room: None }
    }

    /// This one, of a room that is called so now.
    pub(super) fn shown_as(self, room: Option<&'a Arc<str>>) -> Self {
        Self { room, ..self }
    }

    /// This one, with that beside messages.
    pub(super) fn with(self, shows: Shows) -> Self {
        Self { shows, ..self }
    }

    /// This one, up to about so many bytes.
    pub(super) fn up_to(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }
}
