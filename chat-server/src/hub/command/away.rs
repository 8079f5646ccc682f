//! `AWAY` (RFC 2812 §4.1; <https://ircv3.net/specs/extensions/away-notify>).

use std::sync::Arc;

use chat_core::proto::{Numeric, TOPIC_BYTES_MAX, cut};

use crate::{
    delivery::Content,
    hub::{Effect, Hub, Now, Refusal, Turn},
    ids::{ConnId, PersonId},
};

/// Why those are away who stay without a connection.
const NOT_HERE: &str = "Not connected: what you write can be read later";

impl Hub {
    pub(super) fn away(
        &mut self,
        turn: &mut Turn<'_>,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        let reason: Option<Arc<str>> = reason.map(|reason| cut(&reason, TOPIC_BYTES_MAX).into());
        let (numeric, text) = away_words(reason.is_some());
        self.device_mut(turn.conn).particulars.change(|own| own.away = reason);
        self.note_away(turn.now, turn.person, Some(turn.conn), turn.effects);
        turn.numeric(numeric, &[text]);
        Ok(())
    }

    /// Something was said of being away from a connection, or one has gone: somebody is away who is away from all
    /// of theirs, for the reason given last among them. The others are told, and so is `conn` that it is so.
    pub(in crate::hub) fn note_away(
        &mut self,
        now: Now,
        who: PersonId,
        conn: Option<ConnId>,
        effects: &mut Vec<Effect>,
    ) {
        let devices = &self.person(who).devices;
        let reasons: Option<Vec<&Arc<str>>> =
            devices.iter().map(|conn| self.device(*conn).particulars.away.as_ref()).collect();
        let own = conn.and_then(|conn| self.device(conn).particulars.away.as_ref());
        let reason = reasons.and_then(|reasons| own.or_else(|| reasons.last().copied()).cloned());
        let reason = if devices.is_empty() { Some(NOT_HERE.into()) } else { reason };
        let person = self.person_mut(who);
        // Said again by the only connection there is, it is told again.
        if person.particulars.away == reason && (conn.is_none() || person.devices.len() > 1) {
            return;
        }
        person.particulars.change(|own| own.away.clone_from(&reason));
        let content = Content::Away { source: Arc::clone(&person.source), reason };
        let event = self.event(who, content, now);
        self.tell_of_change(who, conn, &event, effects);
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
