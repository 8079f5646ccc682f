//! `KICK` (RFC 2812 §3.2.8): a record, done when it is in the log.

use std::sync::Arc;

use chat_core::proto::{CommandError, TOPIC_BYTES_MAX};

use crate::{
    delivery::RecordContent,
    hub::{
        Hub,
        policy::Right,
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
        state::pending_record::{Destination, RecordAction},
    },
    ids::{PersonId, RoomId},
};

impl Hub {
    pub(crate) fn kick(
        &mut self,
        turn: &mut Turn,
        rooms: &[String],
        nicks: &[String],
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        // "Either one room and several people, or as many rooms as people."
        if rooms.len() != 1 && rooms.len() != nicks.len() {
            return Err(CommandError::NeedMoreParams("KICK").into());
        }
        for (index, nick) in nicks.iter().enumerate() {
            let room = if rooms.len() == 1 { &rooms[0] } else { &rooms[index] };
            if index >= self.settings.limits.targets_max {
                return Err(Refusal::TooManyTargets(nick.clone()));
            }
            if let Err(refusal) = self.kick_one(turn, room, nick, reason.as_deref()) {
                turn.say(refusal.reply());
            }
        }
        Ok(())
    }

    fn kick_one(
        &mut self,
        turn: &mut Turn,
        room: &str,
        nick: &str,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let room = self.rooms.find_operated(self.people.asker(turn.conn), room)?;
        let kicked = self.people.find(nick)?;
        if !room.has(kicked.id) {
            let room = room.name.to_string();
            return Err(Refusal::UserNotOnRoom { nick: kicked.nick.to_string(), room });
        }
        if room.is_founded_by(kicked) && kicked.id != turn.person {
            let (nick, room) = (kicked.nick.to_string(), room.name.to_string());
            return Err(Refusal::Founder { room, nick });
        }
        let reason =
            reason.unwrap_or_else(|| self.people.person(turn.person).nick.as_str()).to_owned();
        let (id, who) = (room.id, kicked.id);
        let did = format!("KICK {} {} :{reason}", room.name, kicked.nick);
        self.submit_kick(turn, id, who, &reason)?;
        self.note_privileged(turn, id, Right::Operate, &did);
        Ok(())
    }

    /// Takes a member out of a room.
    pub(crate) fn submit_kick(
        &mut self,
        turn: &mut Turn,
        id: RoomId,
        who: PersonId,
        reason: &str,
    ) -> Result<(), Refusal> {
        let (asker, kicked, room) =
            (self.people.person(turn.person), self.people.person(who), &self.rooms[&id]);
        let words = [&*asker.source, "KICK", room.name.as_str(), kicked.nick.as_str()];
        let content = RecordContent::Kick {
            source: Arc::clone(&asker.source),
            room: Arc::clone(room.name.shown()),
            nick: Arc::clone(kicked.nick.shown()),
            reason: relayable(reason, &words, TOPIC_BYTES_MAX).into(),
        };
        self.submit(turn, Destination::Room(id), content, RecordAction::Kick(who))
    }
}
