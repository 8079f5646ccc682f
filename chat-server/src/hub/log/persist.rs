//! Changes that the server persists by itself.

use crate::{
    hub::{Hub, effect::Effect},
    room_log::Change,
};

impl Hub {
    /// Has changes remembered that nobody waits for: what is not kept is as it was, after the next start.
    pub(crate) fn persist_unasked(&mut self, changes: Vec<Change>) {
        if !changes.is_empty() {
            let ticket = self.awaited.new_ticket();
            self.out.push(Effect::Persist { ticket, changes: changes.into() });
        }
    }
}
