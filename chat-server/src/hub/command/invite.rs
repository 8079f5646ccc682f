//! `INVITE` (RFC 2812 §3.2.7; <https://modern.ircdocs.horse/#invite-message>).

use std::sync::Arc;

use chat_core::proto::{Numeric, Service};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{
        Hub, people::speech::Speech, policy::Right, refusal::Refusal, replies::turn::Turn,
        state::entrance::INVITATION_TIME,
    },
    ids::{PersonId, RoomId},
};

impl Hub {
    pub(crate) fn invite(
        &mut self,
        turn: &mut Turn,
        invitation: Option<(String, String)>,
    ) -> Result<(), Refusal> {
        let Some((nick, room)) = invitation else {
            self.show_invitations(turn);
            return Ok(());
        };
        let (room, _) = self.rooms.find_own(turn.person, &room)?;
        if !room.allows(self.people.asker(turn.conn), Right::Invite) {
            return Err(Refusal::NotOperator(room.name.to_string()));
        }
        let guest = self.people.find(&nick)?;
        self.check_reader(turn, guest.id)?;
        if room.has(guest.id) {
            let room = room.name.to_string();
            return Err(Refusal::AlreadyOnRoom { nick: guest.nick.to_string(), room });
        }
        let names = [guest.nick.to_string(), room.name.to_string()];
        let (id, guest, is_operator) =
            (room.id, guest.id, room.allows(self.people.asker(turn.conn), Right::Operate));
        // A nick that they choose is words in the room.
        let is_heard = self.speak(turn, id, Speech::Beside).is_ok();
        self.tell_of_invitation(turn, id, guest, is_heard);
        turn.numeric(Numeric::RPL_INVITING, &[&*names[0], &*names[1]]);
        if let Some(reason) = self.people.person(guest).particulars.away.clone() {
            turn.numeric(Numeric::RPL_AWAY, &[&*names[0], &reason]);
        }
        if is_operator {
            self.keep_invitation(turn.person, guest, id);
            self.note_privileged(turn, id, Right::Operate, &format!("INVITE {}", names.join(" ")));
        }
        Ok(())
    }

    /// `UNINVITE` (InspIRCd, ergo): an invitation is taken back by those whose invitations count.
    pub(crate) fn uninvite(
        &mut self,
        turn: &mut Turn,
        nick: &str,
        room: &str,
    ) -> Result<(), Refusal> {
        let (room, _) = self.rooms.find_own(turn.person, room)?;
        if !room.allows(self.people.asker(turn.conn), Right::Operate) {
            return Err(Refusal::NotOperator(room.name.to_string()));
        }
        let guest = self.people.find(nick)?;
        let (id, guest, nick) = (room.id, guest.id, guest.nick.to_string());
        let by = Service::ChanServ;
        let did = format!("UNINVITE {nick} {}", room.name);
        let person = self.people.person_mut(guest);
        if person.particulars.change(|own| own.invited.remove(&id)).is_none() {
            return Err(Refusal::Service { by, text: format!("{nick} has no invitation") });
        }
        turn.say(ReplyLine::Said { by, text: format!("{nick} is invited no more").into() });
        self.note_privileged(turn, id, Right::Operate, &did);
        Ok(())
    }

    /// Lets a person in, once, for somebody who operates the room.
    pub(crate) fn invite_person(&mut self, turn: &mut Turn, id: RoomId, guest: PersonId) {
        self.tell_of_invitation(turn, id, guest, true);
        self.keep_invitation(turn.person, guest, id);
    }

    fn tell_of_invitation(&self, turn: &mut Turn, id: RoomId, guest: PersonId, is_heard: bool) {
        let (room, guest) = (&self.rooms[&id], self.people.person(guest));
        let content = Content::Invite {
            source: Arc::clone(&self.people.person(turn.person).source),
            nick: Arc::clone(guest.nick.shown()),
            room: Arc::clone(room.name.shown()),
        };
        let event = self.event(turn.person, content);
        if !self.is_silenced_by(turn.person, guest.id) {
            self.tell_person(guest.id, None, &event);
        }
        if !is_heard {
            return;
        }
        // <https://ircv3.net/specs/extensions/invite-notify>
        let notice = Content::InviteNotice {
            source: Arc::clone(&self.people.person(turn.person).source),
            nick: Arc::clone(guest.nick.shown()),
            room: Arc::clone(room.name.shown()),
        };
        let notice = self.event(turn.person, notice);
        self.tell_room(room, Some(turn.conn), &notice);
    }

    /// Invitations to rooms that are no more make place first, then the oldest rooms'.
    fn keep_invitation(&mut self, by: PersonId, guest: PersonId, room: RoomId) {
        if self.is_silenced_by(by, guest) {
            return;
        }
        let n_max = self.settings.limits.rooms_per_person_max;
        let (rooms, now) = (&self.rooms, self.now().wall);
        let since = rooms[&room].latest.max(now);
        let Some(person) = self.people.get_mut(guest) else { return };
        person.particulars.change(|own| {
            own.invited.insert(room, since);
            if own.invited.len() > n_max {
                own.invited.retain(|invited, _| rooms.contains(*invited));
            }
            while own.invited.len() > n_max {
                own.invited.pop_first();
            }
        });
    }

    fn show_invitations(&self, turn: &mut Turn) {
        let now = self.now().wall;
        for (room, since) in &self.people.person(turn.person).particulars.invited {
            if let Some(room) = self.rooms.get(*room).filter(|_| *since + INVITATION_TIME > now) {
                turn.numeric(Numeric::RPL_INVITELIST, &[room.name.as_str()]);
            }
        }
        turn.numeric(Numeric::RPL_ENDOFINVITELIST, &["End of /INVITE list"]);
    }
}
