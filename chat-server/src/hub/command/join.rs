//! `JOIN` (RFC 2812 §3.2.1; <https://ircv3.net/specs/extensions/extended-join>).

use chat_core::proto::{JoinTarget, RoomName};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{
        Hub, refusal::Refusal, replies::turn::Turn, rooms::entrance::Entrance,
        state::paged_reply::Section,
    },
};

impl Hub {
    pub(crate) fn join(&mut self, turn: &mut Turn, targets: &[JoinTarget]) -> Result<(), Refusal> {
        for JoinTarget { room, key } in targets {
            match RoomName::new(room) {
                Ok(name) => match self.check_entrance(turn, &name, key.as_deref()) {
                    Ok(Entrance::Free) => self.join_one(turn, name),
                    Ok(Entrance::ByLink(id, token, link)) => {
                        if let Err(refusal) = self.join_by_link(turn, id, &token, &link) {
                            turn.say(refusal.reply());
                        }
                    }
                    Err(Refusal::NeedsApproval(_)) => self.join_later(turn, &name),
                    Err(refusal) => turn.say(refusal.reply()),
                },
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

    /// Asks to be let into a room where newcomers are let in one by one.
    fn join_later(&mut self, turn: &mut Turn, name: &RoomName) {
        let Some(room) = self.rooms.by_key(name.key()) else { return };
        let id = room.id;
        let reply = vec![Refusal::NeedsApproval(room.name.to_string()).reply()];
        if let Err(refusal) = self.ask_to_come_in(turn, id, None, reply) {
            turn.say(refusal.reply());
        }
    }
}
