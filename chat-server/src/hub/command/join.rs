//! `JOIN` (RFC 2812 §3.2.1; <https://ircv3.net/specs/extensions/extended-join>).

use std::sync::Arc;

use chat_core::proto::{Capability, JoinTarget, RoomName};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{
        Hub, Refusal, Turn, confusables,
        facts::InviteLink,
        modes::{Flag, List},
        paged_reply::Section,
        read_markers::ReadMarker,
    },
    ids::RoomId,
};

/// How somebody may come into a room.
enum Entrance {
    Free,
    /// By a link, which is used.
    ByLink(RoomId, Arc<str>, InviteLink),
}

impl Hub {
    pub(super) fn join(
        &mut self,
        turn: &mut Turn<'_>,
        targets: &[JoinTarget],
    ) -> Result<(), Refusal> {
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

    /// Whether the asker may enter a room that is there (RFC 2812 §3.2.1; <https://modern.ircdocs.horse/#join-message>).
    fn check_entrance(
        &self,
        turn: &Turn<'_>,
        name: &RoomName,
        key: Option<&str>,
    ) -> Result<Entrance, Refusal> {
        let Some(room) = self.rooms_by_name.get(name.key()).map(|id| &self.rooms[id]) else {
            return Ok(Entrance::Free);
        };
        let person = self.person(turn.person);
        // An operator's invitation opens every bar, and nobody is barred from what is theirs.
        if room.has(turn.person)
            || person.particulars.invited.contains(&room.id)
            || room.is_founded_by(person)
        {
            return Ok(Entrance::Free);
        }
        let name = room.name.to_string();
        let modes = &room.modes;
        let subject = self.subject(turn.person);
        if let Some(ban) = modes.bans(&subject) {
            return Err(Refusal::Banned { room: name, terms: ban.terms.shown() });
        }
        // Who operates it lets others in.
        if room.rank_of(person.account.as_ref()).is_operator {
            return Ok(Entrance::Free);
        }
        let bar = if modes.has(Flag::InviteOnly) && !modes.names(List::Invited, &subject) {
            Refusal::InviteOnly(name)
        } else if modes.has(Flag::Approval) && !modes.names(List::Invited, &subject) {
            Refusal::NeedsApproval(name)
        } else if modes.key.as_deref().is_some_and(|own| key != Some(own)) {
            Refusal::BadKey(name)
        } else if modes.limit.is_some_and(|limit| room.members.len() >= limit as usize) {
            Refusal::RoomFull(name)
        } else {
            return Ok(Entrance::Free);
        };
        // A link opens each of them, and is used where one is in the way.
        let link = Self::find_link(room, turn.now.wall, key);
        let (token, link) = link.ok_or(bar)?;
        Ok(Entrance::ByLink(room.id, Arc::clone(token), link.clone()))
    }

    /// Asks to be let into a room where newcomers are let in one by one.
    fn join_later(&mut self, turn: &mut Turn<'_>, name: &RoomName) {
        let id = self.rooms_by_name[name.key()];
        let reply = vec![Refusal::NeedsApproval(self.rooms[&id].name.to_string()).reply()];
        if let Err(refusal) = self.ask_to_come_in(turn, id, None, reply) {
            turn.say(refusal.reply());
        }
    }

    /// Whether a room of that name may be founded.
    fn check_founding(&self, name: &RoomName) -> Result<(), Refusal> {
        if self.reserved_names.contains_key(name.key()) {
            return Err(Refusal::Unavailable(name.to_string()));
        }
        // Nobody else's room keeps people out of the one that they are put into.
        if *name == self.settings.room {
            return Ok(());
        }
        if self.lasting.names.is_anothers(name.as_str(), None)
            || confusables::are_alike(name.as_str(), self.settings.room.as_str())
        {
            return Err(Refusal::LooksLikeAnother(name.to_string()));
        }
        Ok(())
    }

    /// Puts the asker into a room and shows it to them: topic and names, as RFC 2812 has them.
    /// Being in it already is no error.
    pub(in crate::hub) fn join_one(&mut self, turn: &mut Turn<'_>, name: RoomName) {
        let person = self.person(turn.person);
        let existing = self.rooms_by_name.get(name.key()).map(|id| &self.rooms[id]);
        if existing.is_some_and(|room| room.has(turn.person)) {
            return;
        }
        if existing.is_none()
            && let Err(refusal) = self.check_founding(&name)
        {
            return turn.say(refusal.reply());
        }
        if person.rooms.len() >= self.settings.limits.rooms_per_person_max {
            return turn.say(Refusal::TooManyRooms(name.to_string()).reply());
        }
        let id = self.enter(turn, name);
        self.show_room(turn, id);
    }

    /// Shows a room to somebody who is in it from now on, on the connection of their turn.
    pub(in crate::hub) fn show_room(&mut self, turn: &mut Turn<'_>, id: RoomId) {
        let room = &self.rooms[&id];
        if room.topic.is_some() {
            self.show_topic(turn, room);
        }
        let (key, name) = (Arc::clone(room.name.key()), Arc::clone(room.name.shown()));
        // "before the `RPL_ENDOFNAMES` reply for that channel" (read-marker)
        if self.device(turn.conn).capabilities.contains(Capability::ReadMarker) {
            let identity = self.identity_of(turn.person);
            turn.say(self.marker_line(&ReadMarker { identity, of: key }, &name));
        }
        if !self.device(turn.conn).capabilities.contains(Capability::NoImplicitNames) {
            self.show_names(turn, id, name);
        }
        turn.reply.extend(self.sync_on_join(turn.conn, id));
        self.ask_for_replay(turn.conn, id, turn.effects);
    }
}
