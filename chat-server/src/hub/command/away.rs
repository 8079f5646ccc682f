//! `AWAY` (RFC 2812 §4.1; <https://ircv3.net/specs/extensions/away-notify>).

use std::sync::Arc;

use chat_core::proto::{Numeric, TOPIC_BYTES_MAX, cut};

use crate::{
    delivery::{Content, Event},
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
        let event = Arc::new(Event::new(content, turn.now.wall, None));
        self.tell_peers(turn.conn, &event, turn.effects);
        if is_away {
            turn.numeric(Numeric::RPL_NOWAWAY, &["You have been marked as being away"]);
        } else {
            turn.numeric(Numeric::RPL_UNAWAY, &["You are no longer marked as being away"]);
        }
        Ok(())
    }
}
