//! `TOPIC` (RFC 2812 §3.2.4): reading it is an answer, setting it is a record.

use std::sync::Arc;

use chat_core::proto::TOPIC_BYTES_MAX;

use crate::{
    delivery::RecordContent,
    hub::{
        Hub,
        people::speech::Speech,
        policy::Right,
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
        state::pending_record::{Destination, RecordAction},
    },
};

impl Hub {
    pub(crate) fn topic(
        &mut self,
        turn: &mut Turn,
        room: &str,
        topic: Option<String>,
    ) -> Result<(), Refusal> {
        let Some(topic) = topic else {
            let (room, _) = self.rooms.find_own(turn.person, room)?;
            self.show_topic(turn, room);
            return Ok(());
        };
        let (room, _) = self.rooms.find_own(turn.person, room)?;
        if !room.allows(self.people.asker(turn.conn), Right::SetTopic) {
            return Err(Refusal::NotOperator(room.name.to_string()));
        }
        let id = room.id;
        self.speak(turn, id, Speech::Words)?;
        let room = &self.rooms[&id];
        let source = Arc::clone(&self.people.person(turn.person).source);
        let words = [&*source, "TOPIC", room.name.as_str()];
        let topic: Arc<str> = relayable(&topic, &words, TOPIC_BYTES_MAX).into();
        let did = format!("TOPIC {} :{topic}", room.name);
        let content = RecordContent::Topic { source, room: Arc::clone(room.name.shown()), topic };
        self.submit(turn, Destination::Room(id), content, RecordAction::Nothing)?;
        self.note_privileged(turn, id, Right::SetTopic, &did);
        Ok(())
    }
}
