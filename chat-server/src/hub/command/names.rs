//! `NAMES` (RFC 2812 §3.2.5; <https://modern.ircdocs.horse/#names-message>).

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::{
    delivery::ReplyLine,
    hub::{Hub, Refusal, Turn, paged_reply::Section, refusal::word},
    ids::RoomId,
};

impl Hub {
    pub(super) fn names(&mut self, turn: &mut Turn<'_>, rooms: &[String]) -> Result<(), Refusal> {
        for name in rooms {
            match self.find_visible_room(turn.person, name) {
                Ok(room) => self.show_names(turn, room.id, Arc::clone(room.name.shown())),
                // A room that is not there has no names; that is no error (RFC 2812 §3.2.5).
                Err(_) => turn.numeric(Numeric::RPL_ENDOFNAMES, &[word(name), "End of the names"]),
            }
        }
        if rooms.is_empty() {
            turn.numeric(Numeric::RPL_ENDOFNAMES, &["*", "End of the names"]);
        }
        Ok(())
    }

    pub(in crate::hub) fn show_names(&self, turn: &mut Turn<'_>, room: RoomId, name: Arc<str>) {
        turn.reply.push(Section::Names { room, name: Arc::clone(&name), after: None });
        let params = vec![(*name).into(), "End of the names".into()];
        turn.say(ReplyLine::Numeric(Numeric::RPL_ENDOFNAMES, params));
    }
}
