//! `PART` (RFC 2812 §3.2.2) and `JOIN 0`, which leaves every room.

use std::sync::Arc;

use chat_core::proto::TOPIC_BYTES_MAX;

use crate::{
    delivery::{Content, ReplyLine},
    hub::{
        Hub,
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
    },
    ids::RoomId,
};

impl Hub {
    pub(crate) fn part(
        &mut self,
        turn: &mut Turn,
        rooms: &[String],
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        for room in rooms {
            match self.rooms.find_own(turn.person, room).map(|(room, _)| room.id) {
                Ok(id) => self.part_one(turn, id, reason.as_deref()),
                Err(refusal) => turn.say(refusal.reply()),
            }
        }
        Ok(())
    }

    pub(crate) fn leave_all(&mut self, turn: &mut Turn) -> Result<(), Refusal> {
        for room in self.people.person(turn.person).rooms.clone() {
            self.part_one(turn, room, None);
        }
        Ok(())
    }

    fn part_one(&mut self, turn: &mut Turn, id: RoomId, reason: Option<&str>) {
        let reason = self.heard(turn, id, reason);
        let room = &self.rooms[&id];
        let source = Arc::clone(&self.people.person(turn.person).source);
        let words = [&*source, "PART", room.name.as_str()];
        let reason = reason.map(|text| relayable(text, &words, TOPIC_BYTES_MAX).into());
        let content = Content::Part { source, room: Arc::clone(room.name.shown()), reason };
        let event = self.event(turn.person, content);
        self.tell_room(room, Some(turn.conn), &event);
        turn.say(ReplyLine::Event(event));
        self.remove_member(turn.person, id);
    }
}
