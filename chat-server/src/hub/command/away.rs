//! `AWAY` (RFC 2812 §4.1; <https://ircv3.net/specs/extensions/away-notify>).

use std::sync::Arc;

use chat_core::proto::{TOPIC_BYTES_MAX, cut};

use crate::hub::{
    Hub,
    refusal::Refusal,
    replies::{say::away_words, turn::Turn},
};

impl Hub {
    pub(crate) fn away(&mut self, turn: &mut Turn, reason: Option<String>) -> Result<(), Refusal> {
        let reason: Option<Arc<str>> = reason.map(|reason| cut(&reason, TOPIC_BYTES_MAX).into());
        let is_away = reason.is_some();
        let (numeric, text) = away_words(is_away);
        self.people.device_mut(turn.conn).particulars.change(|own| own.away = reason);
        let deaf = self.deaf_rooms(turn.person, Some(turn.conn));
        self.note_away(turn.person, Some(turn.conn));
        if is_away {
            self.note_speech_beside(turn, &deaf);
        }
        turn.numeric(numeric, &[text]);
        Ok(())
    }
}
