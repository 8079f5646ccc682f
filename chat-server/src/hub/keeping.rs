//! What the server is to know again when it starts anew: what becomes of changes on their way to the log, and whose
//! they are.

use std::sync::Arc;

use super::{
    Effect, Hub, Now, Refusal, accounts,
    deeds::{Asked, Deed},
    markers::{self, Mark},
};
use crate::{delivery::ReplyLine, ids::ConnId, room_log::Change};

/// What changes are for.
#[derive(Debug)]
pub(super) enum Meant {
    /// Something is done to an account.
    Deed(Asked),
    /// Somebody has read something.
    Mark {
        mark: Mark,
        /// How what was read is called.
        shown: Arc<str>,
    },
}

impl Meant {
    /// Why it is not so, or not yet.
    pub(super) fn refusal(&self, why: &str) -> Refusal {
        match self {
            Self::Deed(Asked { account, manner, .. }) => {
                manner.refusal("TEMPORARILY_UNAVAILABLE", account, why)
            }
            Self::Mark { shown, .. } => Refusal::fail("MARKREAD", "INTERNAL_ERROR", &[shown], why),
        }
    }
}

impl Hub {
    /// What changes were for could not be kept: what whoever wanted it is told.
    pub(super) fn undone(&mut self, meant: &Meant, why: &str) -> Refusal {
        if let Meant::Deed(Asked { deed: Deed::Register, account, .. }) = meant {
            self.accounts.release(account);
        }
        meant.refusal(why)
    }

    /// Changes are kept: so it is from here on. What whoever wanted it is told.
    pub(super) fn done(
        &mut self,
        now: Now,
        conn: ConnId,
        meant: &Meant,
        changes: &[Change],
        effects: &mut Vec<Effect>,
    ) -> Vec<ReplyLine> {
        for change in changes {
            let taken = match change {
                Change::Set { path, value } => self.take_change(path, Some(value)),
                Change::Remove { path } => self.take_change(path, None),
                Change::Forget { .. } => Ok(()),
            };
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
        match meant {
            Meant::Deed(asked) => self.deed_done(now, conn, asked, effects),
            Meant::Mark { mark, shown } => {
                self.tell_of_marker(mark, shown, Some(conn), effects);
                vec![self.marker_line(mark, shown)]
            }
        }
    }

    /// What is at `path` from here on, or that nothing is.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(super) fn take_change(&mut self, path: &str, value: Option<&str>) -> Result<(), String> {
        let words: Vec<&str> = path.split('\n').collect();
        match words.split_first() {
            Some((&accounts::PATH, rest)) => self.accounts.take(rest, value),
            Some((&markers::PATH, rest)) => self.markers.take(rest, value),
            _ => Err(format!("{words:?} is nothing that this version knows")),
        }
    }
}
