//! `NAMES` (RFC 2812 §3.2.5; <https://modern.ircdocs.horse/#names-message>).

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::hub::{
    Hub,
    refusal::{Refusal, as_asked},
    replies::turn::Turn,
};

impl Hub {
    pub(crate) fn names(&mut self, turn: &mut Turn, rooms: &[String]) -> Result<(), Refusal> {
        for (index, name) in rooms.iter().enumerate() {
            if index >= self.settings.limits.targets_max {
                return Err(Refusal::TooManyTargets(name.clone()));
            }
            match self.rooms.find_visible(turn.person, name) {
                Ok(room) => self.show_names(turn, room.id, Arc::clone(room.name.shown())),
                // A room that is not there has no names; that is no error (RFC 2812 §3.2.5).
                Err(_) => {
                    let name = as_asked(name);
                    turn.numeric(Numeric::RPL_ENDOFNAMES, &[name, "End of /NAMES list"]);
                }
            }
        }
        if rooms.is_empty() {
            turn.numeric(Numeric::RPL_ENDOFNAMES, &["*", "End of /NAMES list"]);
        }
        Ok(())
    }
}
