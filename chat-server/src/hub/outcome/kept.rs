//! What the server is to know again when it starts anew: what becomes of changes on their way to the log, and whose
//! they are.

use std::sync::Arc;

use chat_core::proto::Service;

use super::{
    Effect, Hub, Now, Refusal, Turn,
    account_changes::{AccountChange, AccountRequest},
    accounts, facts,
    metadata::Owner,
    read_markers::{self, ReadMarker},
    server_bans,
};
use crate::{
    delivery::ReplyLine,
    ids::{ConnId, RoomId},
    room_log::Change,
};

/// What changes are for.
#[derive(Debug)]
pub(super) enum ChangePurpose {
    /// Something is done to an account.
    Account(AccountRequest),
    /// Somebody comes into a room by a link.
    Entrance { room: RoomId, shown: Arc<str> },
    /// Somebody sets what a room that is somebody's publishes.
    Metadata {
        room: RoomId,
        /// Under which names.
        keys: Vec<Arc<str>>,
        /// What they are told when it is so.
        reply: Vec<ReplyLine>,
    },
    /// Somebody may not come here, or may again.
    Bans {
        /// What whoever wanted it is told when it is so.
        reply: Vec<ReplyLine>,
    },
    /// Somebody has asked to be let into a room.
    Knock {
        /// What they are told when it is kept.
        reply: Vec<ReplyLine>,
    },
    /// Somebody has read something.
    Mark {
        mark: ReadMarker,
        /// How what was read is called.
        shown: Arc<str>,
    },
}

impl ChangePurpose {
    /// Why it is not so, or not yet.
    pub(super) fn refusal(&self, why: &str) -> Refusal {
        match self {
            Self::Account(AccountRequest { account, via, .. }) => {
                via.refusal("TEMPORARILY_UNAVAILABLE", account, why)
            }
            Self::Bans { .. } => Refusal::Service { by: Service::OperServ, text: why.to_owned() },
            Self::Entrance { shown, .. } => Refusal::fail("JOIN", "INTERNAL_ERROR", &[shown], why),
            Self::Knock { .. } => Refusal::fail("KNOCK", "INTERNAL_ERROR", &[], why),
            Self::Metadata { .. } => Refusal::fail("METADATA", "INTERNAL_ERROR", &[], why),
            Self::Mark { shown, .. } => Refusal::fail("MARKREAD", "INTERNAL_ERROR", &[shown], why),
        }
    }
}

impl Hub {
    /// What changes were for could not be kept: what whoever wanted it is told.
    pub(super) fn undone(&mut self, purpose: &ChangePurpose, why: &str) -> Refusal {
        if let ChangePurpose::Account(AccountRequest {
            change: AccountChange::Register,
            account,
            ..
        }) = purpose
        {
            self.accounts.release(account);
        }
        purpose.refusal(why)
    }

    /// Changes are kept: so it is from here on. What whoever wanted it is told.
    pub(super) fn done(
        &mut self,
        now: Now,
        conn: ConnId,
        purpose: ChangePurpose,
        changes: &[Change],
        effects: &mut Vec<Effect>,
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
                Change::Set { path, value } => {
                    self.take_change(Some(now), path, Some(value), effects)
                }
                Change::Remove { path } => self.take_change(Some(now), path, None, effects),
                Change::Close { .. } | Change::Forget { .. } | Change::Rename { .. } => Ok(()),
            };
            debug_assert!(taken.is_ok(), "{taken:?}");
        }
        match purpose {
            ChangePurpose::Account(asked) => self.account_change_done(now, conn, &asked, effects),
            ChangePurpose::Metadata { room, keys, reply } => {
                if self.rooms.contains_key(&room) {
                    for key in &keys {
                        self.tell_of_metadata(now, Owner::Room(room), key, conn, effects);
                    }
                }
                reply
            }
            ChangePurpose::Bans { reply } => {
                self.send_banned_away(now, effects);
                reply
            }
            ChangePurpose::Entrance { room, .. } => {
                // They may have gone, and the room too.
                let who = self.devices.get(conn).map(|device| device.person);
                let name = self.rooms.get(&room).map(|room| room.name.clone());
                if let (Some(who), Some(name)) = (who, name) {
                    let mut turn = Turn::new(now, (conn, who), None, effects);
                    self.join_one(&mut turn, name);
                    self.end_turn(turn);
                }
                Vec::new()
            }
            ChangePurpose::Knock { reply } => reply,
            ChangePurpose::Mark { mark, shown } => {
                self.tell_of_marker(&mark, &shown, Some(conn), effects);
                vec![self.marker_line(&mark, &shown)]
            }
        }
    }

    /// What is at `path` from here on, or that nothing is; `now`, or since before the server started.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(super) fn take_change(
        &mut self,
        now: Option<Now>,
        path: &str,
        value: Option<&str>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        let words: Vec<&str> = path.split('\n').collect();
        match words.split_first() {
            Some((&accounts::PATH, rest)) => self.accounts.take(rest, value),
            Some((&read_markers::PATH, rest)) => self.markers.take(rest, value),
            Some((&server_bans::PATH, rest)) => server_bans::take(&mut self.bans, rest, value),
            Some((&facts::PATH, rest)) => self.take_room_change(now, rest, value, effects),
            _ => Err(format!("{words:?} is nothing that this version knows")),
        }
    }
}
