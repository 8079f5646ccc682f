//! Expiry of accounts that nobody has used for as long as the configuration says, and with them of their rooms: those that
//! somebody else operates are theirs from then on, the others end.

use std::time::Duration;

use crate::{
    hub::{Hub, state::account_directory},
    room_log::Change,
};

/// The time after which it is looked again when there are no more.
const AGAIN: Duration = Duration::from_secs(60 * 60);

/// The time after which it is when there may be more: nobody is to wait for all of them.
const SOON: Duration = Duration::from_secs(1);

/// Accounts that are looked at in one go.
const LOOKED_AT_MAX: usize = 100;

impl Hub {
    /// Ends an account that has been used for too long by nobody, one in a go.
    pub(crate) fn expire_accounts(&mut self) {
        let (now, after) = (self.now().wall, self.settings.limits.accounts_expire_after);
        if after.is_zero() || self.accounts.looks_at().is_none_or(|time| time > now) {
            return;
        }
        let today = account_directory::day_of(now);
        let oldest = today.saturating_sub(after.as_secs().div_ceil(24 * 60 * 60));
        let mut changes = Vec::new();
        let mut wait = SOON;
        for _ in 0..LOOKED_AT_MAX {
            let longest = self.accounts.longest_unused().filter(|(day, _)| *day < oldest);
            let Some((day, account)) = longest else {
                wait = AGAIN;
                break;
            };
            // Of a store from before there were days: they count from here on.
            if day == 0 || !self.people.sessions_of(&account).is_empty() {
                changes.extend(self.accounts.use_on(&account, today));
                continue;
            }
            self.end_account(&account);
            break;
        }
        self.persist_unasked(changes);
        self.accounts.look_at(now + wait);
    }

    /// Ends an account as its owner could. What was said by it stays where it was said.
    fn end_account(&mut self, account: &str) {
        let identity = self.accounts.identity(account);
        let mut changes = account_directory::drop_account(account, identity);
        changes.extend(self.changes_without(account));
        for change in &changes {
            let taken = match change {
                Change::Set { path, value } => self.take_change(path, Some(value)),
                Change::Remove { path } => self.take_change(path, None),
                Change::Close { .. } | Change::Forget { .. } | Change::Name { .. } => Ok(()),
            };
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
        self.persist_unasked(changes);
        self.disown_all_of(account);
        self.forget_in_rooms(account);
        self.log_out_strangers();
    }
}
