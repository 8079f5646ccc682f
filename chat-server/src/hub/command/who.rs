//! `WHO` (RFC 2812 §3.6.1; <https://modern.ircdocs.horse/#who-message>): of a room, of one person, or
//! of all who match a mask.

use std::sync::Arc;

use chat_core::proto::{Numeric, WhoQuery};

use crate::hub::{
    Hub,
    refusal::{Refusal, as_asked},
    replies::turn::Turn,
    state::{
        paged_reply::{Section, Who, Whom},
        rank::Rank,
    },
};

impl Hub {
    pub(crate) fn who(
        &mut self,
        turn: &mut Turn,
        mask: &str,
        query: WhoQuery,
    ) -> Result<(), Refusal> {
        // "0" is everyone, as an old server has it (RFC 2812 §3.6.1).
        let (asked, mask) = (mask, if mask == "0" { "*" } else { mask });
        if mask.starts_with('#') {
            if let Ok(room) = self.rooms.find_visible(turn.person, mask) {
                let of = Whom::Room(room.id, Arc::clone(room.name.shown()));
                turn.reply.push(Section::Who(Who { of, query: Arc::new(query), after: None }));
            }
        } else if let Ok(person) = self.people.find(mask) {
            // Whoever knows a nick may ask for it.
            if !query.only_operators || person.modes.shows_operator {
                let asker = self.people.reader(turn.conn);
                turn.say(self.who_row(asker, person, "*", Rank::default(), &query));
            }
        } else {
            let of = Whom::Mask(mask.into());
            turn.reply.push(Section::Who(Who { of, query: Arc::new(query), after: None }));
        }
        // "MUST be the same <mask> parameter sent by the client"
        let asked = as_asked(asked);
        turn.numeric(Numeric::RPL_ENDOFWHO, &[asked, "End of WHO list"]);
        Ok(())
    }
}
