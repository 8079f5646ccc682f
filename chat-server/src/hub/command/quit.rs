//! `QUIT` (RFC 2812 §3.1.7): a departure its owner wanted, said so to everyone else.

use std::sync::Arc;

use chat_core::proto::TOPIC_BYTES_MAX;

use crate::hub::{
    Hub,
    effect::Effect,
    refusal::Refusal,
    replies::{say::relayable, turn::Turn},
    rooms::leave::WORDLESS,
};

impl Hub {
    pub(crate) fn quit(&mut self, turn: &mut Turn, reason: Option<String>) -> Result<(), Refusal> {
        let conn = turn.conn;
        // Who shares only rooms with them in which they are not heard is told that they have gone, and no more.
        let deaf = self.deaf_rooms(turn.person, Some(conn));
        if reason.as_ref().is_some_and(|reason| !reason.is_empty()) {
            self.note_speech_beside(turn, &deaf);
        }
        // "Quit" before it tells a wanted departure from one the server noticed.
        let reason: Arc<str> = match reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => {
                let words = [&*self.people.person(turn.person).source, "QUIT", "Quit:"];
                format!("Quit: {}", relayable(&reason, &words, TOPIC_BYTES_MAX)).into()
            }
            None => WORDLESS.into(),
        };
        turn.is_answered = true;
        let label = turn.label.take();
        self.out.push(Effect::Close { conn, reason: "You left".into(), label });
        self.end_device_saying(conn, &reason, &deaf);
        Ok(())
    }
}
