//! `LIST` (RFC 2812 §3.2.6).

use chat_core::proto::Numeric;

use crate::{
    delivery::ReplyLine,
    hub::{Hub, Refusal, Turn, listing::Part},
};

impl Hub {
    pub(super) fn list(&mut self, turn: &mut Turn<'_>, rooms: &[String]) -> Result<(), Refusal> {
        turn.numeric(Numeric::RPL_LISTSTART, &["Room", "People and topic"]);
        if rooms.is_empty() {
            turn.reply.push(Part::List { after: None });
        }
        for room in rooms {
            if let Ok(room) = self.find_room(room) {
                turn.say(self.list_row(room.id));
            }
        }
        let end = ReplyLine::Numeric(Numeric::RPL_LISTEND, vec!["End of the list".into()]);
        turn.say(end);
        Ok(())
    }
}
