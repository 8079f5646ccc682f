//! `RENAME` (<https://ircv3.net/specs/extensions/channel-rename>): a record; the room stays what it is
//! under another name.

use std::sync::Arc;

use chat_core::proto::{Capability, Command, RoomName, TOPIC_BYTES_MAX};

use super::relayable;
use crate::{
    delivery::{Content, Event},
    hub::{
        Effect, Hub, Now, Reader, Refusal, Turn,
        records::{Doing, Place},
    },
    ids::{ConnId, RoomId},
    room_log::Note,
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
        if self.rooms_by_name.get(new.key()).is_some_and(|owner| *owner != found.id) {
            return Err(cannot("CHANNEL_NAME_IN_USE", "There is a room of that name already"));
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
        let place = Place::Room(found.id);
        self.submit(turn, place, content, Doing::Rename(new))
    }

    /// Does what the record says, and tells those who do not understand it in other words ("Fallback").
    /// Whether the name is still free is looked at again.
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
        self.rooms_by_name.remove(old.key());
        self.rooms_by_name.insert(Arc::clone(new.key()), id);
        self.rooms.get_mut(&id).expect("the caller found it").name = new.clone();
        // "This fallback SHOULD NOT be used if the rename only changes the case."
        if old == *new {
            return;
        }
        let (from, to) = (Arc::clone(old.key()), Arc::clone(new.key()));
        let changes = self.markers.rename(&from, &to);
        effects.push(Effect::Note(Note::Renamed { from, to }));
        if !changes.is_empty() {
            // Nobody waits for it: what is not kept of it is where it was, after the next start.
            let ticket = self.new_ticket();
            effects.push(Effect::Keep { ticket, changes: changes.into() });
        }
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
                realname: Arc::clone(&person.realname),
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
