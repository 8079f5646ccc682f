//! `INVITE` (RFC 2812 §3.2.7; <https://ircv3.net/specs/extensions/invite-notify> comes with more capabilities).

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::{
    delivery::{Content, Event},
    hub::{Hub, Refusal, Turn},
};

impl Hub {
    pub(super) fn invite(
        &mut self,
        turn: &mut Turn<'_>,
        nick: &str,
        room: &str,
    ) -> Result<(), Refusal> {
        let (room, _) = self.find_own_room(turn.conn, room)?;
        let guest = self.find_person(nick)?;
        if room.has(guest.conn) {
            let room = room.name.to_string();
            return Err(Refusal::AlreadyOnRoom { nick: guest.nick.to_string(), room });
        }
        let content = Content::Invite {
            source: Arc::clone(&self.person(turn.conn).source),
            nick: Arc::clone(guest.nick.shown()),
            room: Arc::clone(room.name.shown()),
        };
        let event = Arc::new(Event::new(content, turn.now.wall, None));
        self.tell(guest.conn, &event, turn.effects);
        turn.numeric(Numeric::RPL_INVITING, &[guest.nick.as_str(), room.name.as_str()]);
        if let Some(reason) = &guest.away {
            turn.numeric(Numeric::RPL_AWAY, &[guest.nick.as_str(), reason]);
        }
        Ok(())
    }
}
