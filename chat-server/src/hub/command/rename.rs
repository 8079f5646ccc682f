//! `RENAME` (<https://ircv3.net/specs/extensions/channel-rename>): a record; the room stays what it is
//! under another name.

use std::sync::Arc;

use chat_core::proto::{Capability, Command, RoomName, TOPIC_BYTES_MAX};

use super::relayable;
use crate::{
    delivery::{Content, Event},
    hub::{
        Effect, Hub, Now, Reader, Refusal, Turn, confusables,
        records::{Destination, RecordAction},
    },
    ids::{ConnId, RoomId},
    room_log::Change,
};

impl Hub {
    pub(super) fn rename(
        &mut self,
        turn: &mut Turn<'_>,
        room: &str,
        name: &str,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let cannot =
            |code: &'static str, text: &str| Refusal::fail("RENAME", code, &[room, name], text);
        let found = self.find_operated_room(turn.person, room)?;
        let new = RoomName::new(name).map_err(|error| {
            cannot("CANNOT_RENAME", &format!("The room cannot be renamed: {error}"))
        })?;
        let owner = self.rooms_by_name.get(new.key());
        if owner.is_some_and(|owner| *owner != found.id)
            || self.reserved_names.contains_key(new.key())
        {
            return Err(cannot("CHANNEL_NAME_IN_USE", "There is a room of that name already"));
        }
        if self.reserved_names.values().any(|id| *id == found.id) {
            let text = "The room is just being given another name: try again in a moment";
            return Err(cannot("CANNOT_RENAME", text));
        }
        if new == self.settings.room && found.ownership.is_some() {
            let text = "The room that everybody comes into is nobody's";
            return Err(cannot("CANNOT_RENAME", text));
        }
        let is_like_house = new != self.settings.room
            && confusables::are_alike(new.as_str(), self.settings.room.as_str())
            && found.name != new;
        if is_like_house || self.lasting.names.is_anothers(new.as_str(), Some(found.name.key())) {
            let text = "That name looks like the name of another room";
            return Err(cannot("CANNOT_RENAME", text));
        }
        if found.name.as_str() == new.as_str() {
            return Err(cannot("CANNOT_RENAME", "The room has that name"));
        }
        let source = Arc::clone(&self.person(turn.person).source);
        let words = [&*source, "RENAME", found.name.as_str(), new.as_str()];
        let reason =
            relayable(reason.as_deref().unwrap_or_default(), &words, TOPIC_BYTES_MAX).into();
        let content = Content::Rename {
            source,
            room: Arc::clone(found.name.shown()),
            name: Arc::clone(new.shown()),
            reason,
        };
        let place = Destination::Room(found.id);
        self.submit(turn, place, content, RecordAction::Rename(new))
    }

    /// Does what the record says, and tells those who do not understand it in other words ("Fallback").
    pub(in crate::hub) fn rename_room(
        &mut self,
        now: Now,
        id: RoomId,
        new: &RoomName,
        event: &Arc<Event>,
        effects: &mut Vec<Effect>,
    ) {
        let Content::Rename { reason, .. } = &event.content else { return };
        let room = &self.rooms[&id];
        let old = room.name.clone();
        let knows =
            |conn: &ConnId| self.device(*conn).capabilities.contains(Capability::ChannelRename);
        let devices = self.devices_of(room.members.keys().copied());
        let others: Vec<ConnId> = devices.filter(|conn| !knows(conn)).collect();
        self.call_room(id, new.clone());
        // "This fallback SHOULD NOT be used if the rename only changes the case."
        if old == *new {
            return;
        }
        let (from, to) = (Arc::clone(old.key()), Arc::clone(new.key()));
        // Behind all that was on its way under the name so far.
        let mut changes = vec![Change::Rename { from: Arc::clone(&from), to: Arc::clone(&to) }];
        changes.extend(self.markers.rename(&from, &to));
        self.keep_document(id, effects);
        self.persist_unasked(changes, effects);
        for conn in others {
            let Reader { person, device } = self.reader(conn);
            let who = person.id;
            let names_themselves = device.capabilities.contains(Capability::NoImplicitNames);
            let part = Content::Part {
                source: Arc::clone(&person.source),
                room: Arc::clone(old.shown()),
                reason: Some(Arc::clone(reason)).filter(|reason| !reason.is_empty()),
            };
            let join = Content::Join {
                source: Arc::clone(&person.source),
                room: Arc::clone(new.shown()),
                realname: (&*person.realname).into(),
            };
            for content in [part, join] {
                let event = self.event(who, content, now);
                self.tell(conn, &event, effects);
            }
            if self.rooms[&id].topic.is_some() {
                let topic = Command::Topic { room: new.to_string(), topic: None };
                self.command(now, conn, None, Ok(topic), effects);
            }
            // "MUST NOT send an implicit `NAMES` reply after sending a `JOIN` message" (no-implicit-names)
            if names_themselves {
                continue;
            }
            let names = Command::Names { rooms: vec![new.to_string()] };
            self.command(now, conn, None, Ok(names), effects);
        }
    }
}
