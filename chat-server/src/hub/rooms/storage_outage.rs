//! Storage outages: whoever is in a room is told that what is written there reaches nobody, and when it does
//! again: they would wait for words that cannot come.

use std::{sync::Arc, time::Duration};

use crate::{
    delivery::ReplyLine,
    hub::{Hub, state::pending_record::Destination},
    ids::{ConnId, RoomId},
};

/// The time between two notices of it in a room.
const EVERY: Duration = Duration::from_secs(60);

impl Hub {
    /// Tells the others in a room, now and then, that words of somebody's could not be kept.
    pub(crate) fn tell_of_trouble(
        &mut self,
        place: &Destination,
        why: &str,
        sender: Option<ConnId>,
    ) {
        let now = self.now();
        let (Destination::Room(id) | Destination::Ranked(id, _)) = place else { return };
        let Some(room) = self.rooms.get_mut(*id) else { return };
        let is_told = |at| now.mono.saturating_duration_since(at) < EVERY;
        if room.troubled_at.is_some_and(is_told) {
            return;
        }
        room.troubled_at = Some(now.mono);
        let text = format!("What is written here cannot be stored now, and reaches nobody: {why}");
        self.say_in(*id, &text, sender);
    }

    /// Tells the room that something has been kept, if it was told that nothing is.
    pub(crate) fn tell_of_mending(&mut self, place: &Destination) {
        let (Destination::Room(id) | Destination::Ranked(id, _)) = place else { return };
        let Some(room) = self.rooms.get_mut(*id) else { return };
        if room.troubled_at.take().is_some() {
            self.say_in(*id, "What is written here is stored again", None);
        }
    }

    /// Words of the server's to everyone in a room.
    fn say_in(&self, id: RoomId, text: &str, except: Option<ConnId>) {
        let room = &self.rooms[&id];
        let devices = self.people.devices_of(room.members.keys().copied());
        for conn in devices.filter(|conn| Some(*conn) != except) {
            let (target, text) = (Arc::clone(room.name.shown()), text.into());
            self.say_to(conn, None, vec![ReplyLine::Notice { target, text }]);
        }
    }
}
