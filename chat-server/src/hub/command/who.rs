//! `WHO` (RFC 2812 §3.6.1; <https://modern.ircdocs.horse/#who-message>): of a room, or of one person.

use chat_core::proto::Numeric;

use crate::{
    delivery::ReplyLine,
    hub::{Hub, Refusal, Turn, listing::Part, room::Rank},
};

impl Hub {
    pub(super) fn who(&mut self, turn: &mut Turn<'_>, mask: &str) -> Result<(), Refusal> {
        if let Ok(room) = self.find_room(mask) {
            let (room, mask) = (room.id, room.name.shown().clone());
            turn.reply.push(Part::Who { room, mask, after: None });
        } else if let Ok(person) = self.find_person(mask) {
            let row = self.who_row(self.person(turn.conn), person, "*", Rank::default());
            turn.say(row);
        }
        let mask = if mask.starts_with(':') || mask.contains(' ') { "*" } else { mask };
        let params = vec![mask.into(), "End of WHO".into()];
        turn.say(ReplyLine::Numeric(Numeric::RPL_ENDOFWHO, params));
        Ok(())
    }
}
