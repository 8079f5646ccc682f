//! `AWAY` (RFC 2812 §4.1; <https://ircv3.net/specs/extensions/away-notify>).

use std::sync::Arc;

use chat_core::proto::{Numeric, TOPIC_BYTES_MAX, cut};

use crate::{
    delivery::Content,
    hub::{Hub, Refusal, Turn},
};

impl Hub {
    pub(super) fn away(
        &mut self,
        turn: &mut Turn<'_>,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let reason: Option<Arc<str>> = reason.map(|reason| cut(&reason, TOPIC_BYTES_MAX).into());
        let person = self.person_mut(turn.conn);
        person.away.clone_from(&reason);
        let is_away = reason.is_some();
        let content = Content::Away { source: Arc::clone(&person.source), reason };
        let event = self.event(turn.conn, content, turn.now);
        self.tell_of_change(turn.conn, &event, turn.effects);
        let (numeric, text) = away_words(is_away);
        turn.numeric(numeric, &[text]);
        Ok(())
    }
}

/// How someone is told that they are away, or back.
pub(in crate::hub) fn away_words(is_away: bool) -> (Numeric, &'static str) {
    if is_away {
        (Numeric::RPL_NOWAWAY, "You have been marked as being away")
    } else {
        (Numeric::RPL_UNAWAY, "You are no longer marked as being away")
    }
}
