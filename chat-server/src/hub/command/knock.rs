//! `KNOCK` (<https://modern.ircdocs.horse/#knock-message>): asks those who operate a room to be let in. Where newcomers are
//! let in one by one, joining asks by itself.

use chat_core::proto::Numeric;

use crate::{
    delivery::ReplyLine,
    hub::{Hub, refusal::Refusal, replies::turn::Turn, state::modes::Flag},
};

impl Hub {
    pub(crate) fn knock(
        &mut self,
        turn: &mut Turn,
        room: &str,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let room = self.rooms.find_visible(turn.person, room)?;
        let name = room.name.to_string();
        if room.has(turn.person) {
            return Err(Refusal::KnockInside(name));
        }
        let is_barred = room.modes.has(Flag::InviteOnly)
            || room.modes.has(Flag::Approval)
            || room.modes.key.is_some();
        if !is_barred {
            return Err(Refusal::KnockOpen(name));
        }
        if let Some(ban) = room.modes.bans(&self.people.subject(turn.person), |_| true) {
            return Err(Refusal::Banned { room: name, terms: ban.terms.shown() });
        }
        let id = room.id;
        let reply = vec![ReplyLine::Numeric(
            Numeric::RPL_KNOCKDLVR,
            vec![name.into(), "Those who operate the room have been told".into()],
        )];
        self.ask_to_come_in(turn, id, reason, reply)
    }
}
