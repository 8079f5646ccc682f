//! `JOIN` (RFC 2812 §3.2.1; <https://ircv3.net/specs/extensions/extended-join>).

use chat_core::proto::{JoinTarget, RoomName};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{Hub, refusal::Refusal, replies::turn::Turn, state::paged_reply::Section},
};

impl Hub {
    pub(crate) fn join(&mut self, turn: &mut Turn, targets: &[JoinTarget]) -> Result<(), Refusal> {
        for JoinTarget { room, key } in targets {
            match RoomName::new(room) {
                Ok(name) => self.join_one(turn, name, key.as_deref()),
                Err(_) => turn.say(Refusal::BadRoomName(room.clone()).reply()),
            }
        }
        // From here on they get what is said in all of these rooms; so they learn first that they are
        // in them, and then, perhaps in pages, who else is.
        let is_join = |part: &Section| {
            matches!(part, Section::Line(ReplyLine::Event(event))
                if matches!(event.content, Content::Join { .. }))
        };
        turn.reply.sort_by_key(|part| !is_join(part));
        Ok(())
    }
}
