//! Being away: somebody is who is away from all of their connections.

use std::sync::Arc;

use crate::{
    delivery::Content,
    hub::Hub,
    ids::{ConnId, PersonId},
};

/// The reason of those who are away and stay without a connection.
pub(crate) const NOT_HERE: &str = "Not connected: what you write can be read later";

/// The reason that those read who do not hear the one that was given.
pub(crate) const WORDLESS: &str = "Away";

impl Hub {
    /// Something was said of being away from a connection, or one has gone: somebody is away who is away from all
    /// of theirs, for the reason given last among them. The others are told, and so is `conn` that it is so.
    pub(crate) fn note_away(&mut self, who: PersonId, conn: Option<ConnId>) {
        let devices = &self.people.person(who).devices;
        let reasons: Option<Vec<&Arc<str>>> = devices
            .iter()
            .map(|conn| self.people.device(*conn).particulars.away.as_ref())
            .collect();
        let own = conn.and_then(|conn| self.people.device(conn).particulars.away.as_ref());
        let reason = reasons.and_then(|reasons| own.or_else(|| reasons.last().copied()).cloned());
        let reason = if devices.is_empty() { Some(NOT_HERE.into()) } else { reason };
        let person = self.people.person_mut(who);
        // Said again by the only connection there is, it is told again.
        if person.particulars.away == reason && (conn.is_none() || person.devices.len() > 1) {
            return;
        }
        person.particulars.change(|own| own.away.clone_from(&reason));
        let is_said = reason.is_some() && !person.devices.is_empty();
        let away = |reason| Content::Away { source: Arc::clone(&person.source), reason };
        let (event, wordless) = (away(reason), away(Some(WORDLESS.into())));
        let (event, wordless) = (self.event(who, event), self.event(who, wordless));
        let deaf = if is_said { self.deaf_rooms(who, conn) } else { Vec::new() };
        self.tell_of_change_apart(who, conn, &event, &deaf, &wordless);
    }
}
