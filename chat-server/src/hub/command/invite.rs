//! `INVITE` (RFC 2812 §3.2.7; <https://modern.ircdocs.horse/#invite-message>).

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::{
    delivery::Content,
    hub::{Hub, Refusal, Turn, modes::Flag},
};

impl Hub {
    pub(super) fn invite(
        &mut self,
        turn: &mut Turn<'_>,
        invitation: Option<(String, String)>,
    ) -> Result<(), Refusal> {
        let Some((nick, room)) = invitation else {
            self.show_invitations(turn);
            return Ok(());
        };
        let (room, rank) = self.find_own_room(turn.person, &room)?;
        if room.modes.has(Flag::InviteOnly) && !rank.is_operator {
            return Err(Refusal::NotOperator(room.name.to_string()));
        }
        let guest = self.find_person(&nick)?;
        if room.has(guest.id) {
            let room = room.name.to_string();
            return Err(Refusal::AlreadyOnRoom { nick: guest.nick.to_string(), room });
        }
        let content = Content::Invite {
            source: Arc::clone(&self.person(turn.person).source),
            nick: Arc::clone(guest.nick.shown()),
            room: Arc::clone(room.name.shown()),
        };
        let event = self.event(turn.person, content, turn.now);
        self.tell_person(guest.id, None, &event, turn.effects);
        // <https://ircv3.net/specs/extensions/invite-notify>
        let notice = Content::InviteNotice {
            source: Arc::clone(&self.person(turn.person).source),
            nick: Arc::clone(guest.nick.shown()),
            room: Arc::clone(room.name.shown()),
        };
        let notice = self.event(turn.person, notice, turn.now);
        self.tell_room(room, Some(turn.conn), &notice, turn.effects);
        turn.numeric(Numeric::RPL_INVITING, &[guest.nick.as_str(), room.name.as_str()]);
        if let Some(reason) = &guest.away {
            turn.numeric(Numeric::RPL_AWAY, &[guest.nick.as_str(), reason]);
        }
        if rank.is_operator {
            let (guest, id) = (guest.id, room.id);
            self.keep_invitation(guest, id);
        }
        Ok(())
    }

    /// Invitations to rooms that are no more make place first, then the oldest rooms'.
    fn keep_invitation(&mut self, guest: crate::ids::PersonId, room: crate::ids::RoomId) {
        let n_max = self.house.limits.rooms_per_person_max;
        let rooms = &self.rooms;
        let Some(person) = self.people.get_mut(&guest) else { return };
        person.invited.insert(room);
        if person.invited.len() > n_max {
            person.invited.retain(|invited| rooms.contains_key(invited));
        }
        while person.invited.len() > n_max {
            person.invited.pop_first();
        }
    }

    fn show_invitations(&self, turn: &mut Turn<'_>) {
        for room in &self.person(turn.person).invited {
            if let Some(room) = self.rooms.get(room) {
                turn.numeric(Numeric::RPL_INVITELIST, &[room.name.as_str()]);
            }
        }
        turn.numeric(Numeric::RPL_ENDOFINVITELIST, &["End of the invitations"]);
    }
}
