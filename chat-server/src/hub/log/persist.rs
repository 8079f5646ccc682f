//! Changes that the server persists by itself.

use crate::{
    hub::{Hub, effect::Effect, state::codec},
    ids::RoomId,
    room_log::Change,
};

impl Hub {
    /// Takes note that somebody comes into a room, or speaks there: once a day that is kept.
    pub(crate) fn note_room_use(&mut self, id: RoomId) {
        let now = self.now().wall;
        if now < self.rooms[&id].used_until {
            return;
        }
        let change = self.rooms.use_on(id, codec::day_of(now));
        self.persist_unasked(change.into_iter().collect());
    }

    /// Has changes remembered that nobody waits for: what is not kept is as it was, after the next start.
    pub(crate) fn persist_unasked(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            let ticket = self.awaited.new_ticket();
            self.out.push(Effect::Persist { ticket, changes: changes.into() });
        }
    }
}
