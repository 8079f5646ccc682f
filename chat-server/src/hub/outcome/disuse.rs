//! Expiry of accounts and of registered rooms that nobody has used for as long as the configuration says. With an account go its
//! rooms: those that somebody else operates are theirs from then on, the others end.

use std::time::Duration;

use crate::{
    hub::{Hub, state::codec},
    room_log::Change,
};

/// The time after which it is looked again when there are no more.
const AGAIN: Duration = Duration::from_secs(60 * 60);

/// The time after which it is when there may be more: nobody is to wait for all of them.
const SOON: Duration = Duration::from_secs(1);

/// Accounts, and rooms, that are looked at in one go.
const LOOKED_AT_MAX: usize = 100;

impl Hub {
    /// Ends an account that has been used for too long by nobody, one in a go.
    pub(crate) fn expire_accounts(&mut self) {
        let (now, after) = (self.now().wall, self.settings.limits.accounts_expire_after);
        if after.is_zero() || self.accounts.looks_at().is_none_or(|time| time > now) {
            return;
        }
        let today = codec::day_of(now);
        let oldest = oldest_day(today, after);
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

    /// Ends a registered room that has been used for too long by nobody, one in a go, as its owner could. One that somebody is in
    /// is used.
    pub(crate) fn expire_rooms(&mut self) {
        let (now, after) = (self.now().wall, self.settings.limits.rooms_expire_after);
        if after.is_zero() || self.rooms.looks_at().is_none_or(|time| time > now) {
            return;
        }
        let today = codec::day_of(now);
        let oldest = oldest_day(today, after);
        let mut changes = Vec::new();
        let mut wait = SOON;
        for _ in 0..LOOKED_AT_MAX {
            let longest = self.rooms.longest_unused().filter(|(day, _)| *day < oldest);
            let Some((day, id)) = longest else {
                wait = AGAIN;
                break;
            };
            // Of a store from before there were days: they count from here on.
            if day == 0 || !self.rooms[&id].members.is_empty() {
                changes.extend(self.rooms.use_on(id, today));
                continue;
            }
            self.disown(id);
            break;
        }
        self.persist_unasked(changes);
        self.rooms.look_at(now + wait);
    }

    /// Ends an account as its owner could. What was said by it stays where it was said.
    fn end_account(&mut self, account: &str) {
        let changes = self.changes_of_drop(account);
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

/// The day before which what was used last has been unused for longer than `after`.
fn oldest_day(today: u64, after: Duration) -> u64 {
    today.saturating_sub(after.as_secs().div_ceil(codec::SECONDS_OF_DAY))
}
