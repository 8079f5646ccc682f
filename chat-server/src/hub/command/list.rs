//! `LIST` (RFC 2812 §3.2.6; <https://modern.ircdocs.horse/#list-message>), in pages and with conditions.

use std::sync::Arc;

use chat_core::proto::{ListCondition, Numeric};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        refusal::Refusal,
        replies::rows::list_row,
        replies::turn::Turn,
        state::paged_reply::{RoomFilter, Section},
    },
};

impl Hub {
    pub(crate) fn list(
        &mut self,
        turn: &mut Turn,
        rooms: &[String],
        conditions: Vec<ListCondition>,
    ) -> Result<(), Refusal> {
        let n_max = self.settings.limits.targets_max;
        if let Some(room) = rooms.get(n_max) {
            return Err(Refusal::TooManyTargets(room.clone()));
        }
        if conditions.len() > n_max {
            return Err(Refusal::TooManyTargets("LIST".to_owned()));
        }
        turn.numeric(Numeric::RPL_LISTSTART, &["Channel", "Users  Name"]);
        for room in rooms {
            if let Ok(room) = self.rooms.find_visible(turn.person, room) {
                turn.say(list_row(room));
            }
        }
        if rooms.is_empty() || !conditions.is_empty() {
            let filter = Arc::new(RoomFilter { conditions, now: self.now().wall });
            turn.reply.push(Section::List { filter, after: None });
        }
        let end = ReplyLine::Numeric(Numeric::RPL_LISTEND, vec!["End of /LIST".into()]);
        turn.say(end);
        Ok(())
    }
}
