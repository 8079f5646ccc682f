//! Expiry at a time that was said: bans and mutes. The server takes them away as an operator would.

use std::{sync::Arc, time::Duration};

use crate::{
    delivery::RecordContent,
    hub::{
        Hub,
        state::{
            list_entry::{Entry, Terms},
            modes::{List, Mode, ModeChange},
            pending_record::{Destination, RecordAction},
        },
    },
};

/// The time after which what could not be ended is tried again.
const AGAIN: Duration = Duration::from_secs(30);

impl Hub {
    /// Ends what is over.
    pub(crate) fn expire(&mut self) {
        let now = self.now();
        while let Some((id, mask)) = self.rooms.pop_expired(now.wall) {
            let Some(room) = self.rooms.get(id) else { continue };
            let is_over = |entry: &Entry| {
                entry.mask == mask && entry.terms.until.is_some_and(|until| until <= now.wall)
            };
            let lists = [List::Ban, List::Except, List::Invited];
            let list = lists.into_iter().find(|list| room.modes.list(*list).iter().any(is_over));
            let Some(list) = list else { continue };
            // Until it is kept it is still there.
            self.rooms.expire_again(now.wall + AGAIN, id, &mask);
            let what = Mode::Listed(list, mask, Terms::default());
            let changes = vec![ModeChange { is_set: false, what }];
            let (letters, arguments) = self.people.written_changes(&changes);
            let content = RecordContent::Mode {
                source: self.settings.name.as_str().into(),
                target: Arc::clone(self.rooms[&id].name.shown()),
                changes: letters.into(),
                arguments,
            };
            // If there is no place for it now, there is when it is tried again.
            self.submit_unasked(Destination::Room(id), content, RecordAction::Modes(changes));
        }
    }
}
