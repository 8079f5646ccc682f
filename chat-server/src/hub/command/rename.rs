//! `RENAME` (<https://ircv3.net/specs/extensions/channel-rename>): a record; the room stays what it is
//! under another name.

use std::sync::Arc;

use chat_core::proto::{RoomName, TOPIC_BYTES_MAX};

use crate::{
    delivery::RecordContent,
    hub::{
        Hub,
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
        state::{
            confusables,
            pending_record::{Destination, RecordAction},
            reserved_names::Bearer,
        },
    },
};

impl Hub {
    pub(crate) fn rename(
        &mut self,
        turn: &mut Turn,
        room: &str,
        name: &str,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let cannot =
            |code: &'static str, text: &str| Refusal::fail("RENAME", code, &[room, name], text);
        let found = self.rooms.find_operated(self.people.asker(turn.conn), room)?;
        let new = RoomName::new(name).map_err(|error| {
            cannot("CANNOT_RENAME", &format!("The room cannot be renamed: {error}"))
        })?;
        let owner = self.rooms.by_key(new.key()).map(|room| room.id);
        if owner.is_some_and(|owner| owner != found.id) || self.rooms.is_reserved(&new) {
            return Err(cannot("CHANNEL_NAME_IN_USE", "There is a room of that name already"));
        }
        if self.rooms.is_being_renamed(found.id) {
            let text = "The room is just being given another name: try again in a moment";
            return Err(cannot("CANNOT_RENAME", text));
        }
        if found.is_lobby() {
            let text = "The room that everybody comes into keeps its name: it is nobody's";
            return Err(cannot("CANNOT_RENAME", text));
        }
        if new == self.settings.room {
            let text = "The room that everybody comes into is nobody's";
            return Err(cannot("CANNOT_RENAME", text));
        }
        // What was said there would be deleted, or would become this room's.
        if self.settings.keeps_history && self.rooms.has_past(&new) {
            let text = "What was said in a room of that name is kept: choose another name";
            return Err(cannot("CANNOT_RENAME", text));
        }
        let is_like_house = new != self.settings.room
            && confusables::are_alike(new.as_str(), self.settings.room.as_str())
            && found.name != new;
        if new.key() != found.name.key()
            && self.settings.reserves_room(&new, Bearer::of(self.people.asker(turn.conn)))
        {
            let text = "That name is kept for those who run the server, or holds blank signs";
            return Err(cannot("CANNOT_RENAME", text));
        }
        if is_like_house || self.rooms.looks_like_anothers(&new, Some(found.name.key())) {
            let text = "That name looks like the name of another room";
            return Err(cannot("CANNOT_RENAME", text));
        }
        if found.name.as_str() == new.as_str() {
            return Err(cannot("CANNOT_RENAME", "The room has that name"));
        }
        let source = Arc::clone(&self.people.person(turn.person).source);
        let words = [&*source, "RENAME", found.name.as_str(), new.as_str()];
        let reason =
            relayable(reason.as_deref().unwrap_or_default(), &words, TOPIC_BYTES_MAX).into();
        let content = RecordContent::Rename {
            source,
            room: Arc::clone(found.name.shown()),
            name: Arc::clone(new.shown()),
            reason,
        };
        let place = Destination::Room(found.id);
        self.submit(turn, place, content, RecordAction::Rename(new))
    }
}
