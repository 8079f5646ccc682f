//! Outcomes of changes on their way to the log: what becomes of them, and whose they are.

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            account_request::{AccountChange, AccountRequest},
            accounts::Accounts,
            change_purpose::ChangePurpose,
            facts,
            metadata::Owner,
        },
    },
    ids::ConnId,
    room_log::Change,
};

impl Hub {
    /// Changes are kept: so it is from here on. What whoever wanted it is told.
    pub(crate) fn done(
        &mut self,
        conn: ConnId,
        purpose: ChangePurpose,
        changes: &[Change],
    ) -> Vec<ReplyLine> {
        for change in changes {
            let taken = match change {
                // What somebody comes in by was used when they asked.
                Change::Set { path, .. } | Change::Remove { path }
                    if matches!(purpose, ChangePurpose::Entrance { .. })
                        && facts::is_link(path) =>
                {
                    Ok(())
                }
                Change::Set { path, value } => self.take_change(path, Some(value)),
                Change::Remove { path } => self.take_change(path, None),
                Change::Close { .. } | Change::Forget { .. } | Change::Name { .. } => Ok(()),
            };
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
        match purpose {
            ChangePurpose::Account(asked) => self.account_change_done(conn, &asked),
            ChangePurpose::Metadata { room, keys, reply } => {
                if self.rooms.contains(room) {
                    for key in &keys {
                        self.tell_of_metadata(Owner::Room(room), key, conn);
                    }
                }
                reply
            }
            ChangePurpose::Bans { reply } => {
                self.send_banned_away();
                reply
            }
            ChangePurpose::Entrance { link_use, .. } => {
                // They may have gone, and the room too.
                if let Some(who) = self.people.device_at(conn).map(|device| device.person) {
                    let mut turn = Turn::new((conn, who), None);
                    if let Err(refusal) = self.come_in_by_link(&mut turn, &link_use) {
                        turn.say(refusal.reply());
                    }
                    self.end_turn(turn);
                }
                Vec::new()
            }
            ChangePurpose::Knock { reply } => reply,
            ChangePurpose::Silence { silence, is_set } => {
                self.tell_of_silence(conn, &silence, is_set)
            }
            ChangePurpose::Mark { mark, shown } => {
                self.tell_of_marker(&mark, &shown, Some(conn));
                vec![self.marker_line(&mark, &shown)]
            }
        }
    }

    /// Takes the value at `path`, or that there is none; `now`, or since before the server started.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take_change(&mut self, path: &str, value: Option<&str>) -> Result<(), String> {
        let words: Vec<&str> = path.split('\n').collect();
        if let Some(taken) = self.accounts.take(&words, value) {
            return taken;
        }
        match words.split_first() {
            Some((&facts::PATH, rest)) => self.take_room_change(rest, value),
            _ => Err(format!("{words:?} is nothing that this version knows")),
        }
    }
}

/// The refusal for whoever wanted changes that could not be kept.
pub(crate) fn undone(accounts: &mut Accounts, purpose: &ChangePurpose, why: &str) -> Refusal {
    if let ChangePurpose::Account(AccountRequest {
        change: AccountChange::Register, account, ..
    }) = purpose
    {
        accounts.release(account);
    }
    purpose.refusal(why)
}
