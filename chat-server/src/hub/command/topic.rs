//! `TOPIC` (RFC 2812 §3.2.4): reading it is an answer, setting it is a record.

use std::{sync::Arc, time::UNIX_EPOCH};

use chat_core::proto::{Numeric, TOPIC_BYTES_MAX};

use super::relayable;
use crate::{
    delivery::Content,
    hub::{
        Hub, Refusal, Turn,
        modes::Flag,
        records::{Destination, RecordAction},
        room::Room,
    },
};

impl Hub {
    pub(super) fn topic(
        &mut self,
        turn: &mut Turn<'_>,
        room: &str,
        topic: Option<String>,
    ) -> Result<(), Refusal> {
        let Some(topic) = topic else {
            let (room, _) = self.find_own_room(turn.person, room)?;
            self.show_topic(turn, room);
            return Ok(());
        };
        let (room, rank) = self.find_own_room(turn.person, room)?;
        if room.modes.has(Flag::OperatorTopic) && !rank.is_operator {
            return Err(Refusal::NotOperator(room.name.to_string()));
        }
        let source = Arc::clone(&self.person(turn.person).source);
        let words = [&*source, "TOPIC", room.name.as_str()];
        let topic = relayable(&topic, &words, TOPIC_BYTES_MAX).into();
        let content = Content::Topic { source, room: Arc::clone(room.name.shown()), topic };
        let place = Destination::Room(room.id);
        self.submit(turn, place, content, RecordAction::Nothing)
    }

    pub(in crate::hub) fn show_topic(&self, turn: &mut Turn<'_>, room: &Room) {
        let Some(topic) = &room.topic else {
            return turn.numeric(Numeric::RPL_NOTOPIC, &[room.name.as_str(), "No topic is set"]);
        };
        let at = topic.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        turn.numeric(Numeric::RPL_TOPIC, &[room.name.as_str(), &topic.text]);
        turn.numeric(Numeric::RPL_TOPICWHOTIME, &[room.name.as_str(), &topic.by, &at]);
    }
}
