//! Founding and speech: who may found a room, and speak in one how often. Who may come in is [`crate::hub::state::entrance`], what they
//! may do beside [`crate::hub::policy`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::proto::{MessageKind, RoomName};

use crate::{
    hub::{
        Hub,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            confusables,
            entrance::{Comer, Entrance},
            masks::MUTE,
            modes::{Flag, List},
            pending_record::Destination,
            people::People,
            reserved_names::Bearer,
            room::Room,
        },
    },
    ids::{ConnId, PersonId},
};

/// People whose last word in a slow room is remembered, before it is looked who need not wait any more; and at most.
pub(crate) const SPOKE_MIN: usize = 64;

pub(crate) const SPOKE_MAX: usize = 20_000;

impl Hub {
    /// Checks that who is at `conn` may come into the room of that name; none if there is no such room.
    pub(crate) fn check_entrance(
        &self,
        conn: ConnId,
        name: &RoomName,
        key: Option<&str>,
    ) -> Result<Option<Entrance>, Refusal> {
        let Some(room) = self.rooms.by_key(name.key()) else { return Ok(None) };
        let device = self.people.device(conn);
        let comer = Comer {
            subject: self.people.subject(device.person),
            is_server_operator: device.is_operator(),
        };
        room.check_entrance(&comer, key, self.now().wall).map(Some)
    }

    /// Checks that somebody may be in one more room.
    pub(crate) fn check_n_rooms(&self, who: PersonId, name: &RoomName) -> Result<(), Refusal> {
        let n_rooms = self.people.person(who).rooms.len();
        if n_rooms >= self.settings.limits.rooms_per_person_max {
            return Err(Refusal::TooManyRooms(name.to_string()));
        }
        Ok(())
    }

    /// Checks that a room of that name may be founded.
    pub(crate) fn check_founding(&self, turn: &Turn, name: &RoomName) -> Result<(), Refusal> {
        if self.rooms.is_reserved(name) {
            return Err(Refusal::Unavailable(name.to_string()));
        }
        // Nobody else's room keeps people out of the one that they are put into.
        if *name == self.settings.room {
            return Ok(());
        }
        if self.settings.reserves_room(name, Bearer::of(self.people.asker(turn.conn))) {
            return Err(Refusal::ReservedRoom(name.to_string()));
        }
        if self.rooms.looks_like_anothers(name, None)
            || confusables::are_alike(name.as_str(), self.settings.room.as_str())
        {
            return Err(Refusal::LooksLikeAnother(name.to_string()));
        }
        Ok(())
    }

    /// In a slow room, whoever has no rank speaks only so often; whether they may now.
    pub(crate) fn check_pace(
        &mut self,
        turn: &Turn,
        kind: MessageKind,
        place: &Destination,
    ) -> Result<(), Refusal> {
        let (Destination::Room(id) | Destination::Ranked(id, _)) = place else { return Ok(()) };
        let Some(seconds) = self.rooms[id].modes.slow else { return Ok(()) };
        let identity = self.identity_of(turn.person);
        let now = self.now().mono;
        let room = self.rooms.room_mut(*id);
        let has_rank = room.members.get(&turn.person).is_some_and(|rank| rank.may_speak());
        if has_rank || kind == MessageKind::Tagmsg {
            return Ok(());
        }
        let pause = Duration::from_secs(seconds.into());
        let since = |spoke: &Instant| now.saturating_duration_since(*spoke);
        if room.spoke.len() >= room.spoke_max {
            room.spoke.retain(|_, spoke| since(spoke) < pause);
            room.spoke_max = (2 * room.spoke.len()).clamp(SPOKE_MIN, SPOKE_MAX);
            // Those who would have to wait longest are forgotten rather than all else.
            if room.spoke.len() >= room.spoke_max {
                room.spoke.clear();
            }
        }
        // Who logs in or out is the same person, and an account the same wherever it comes from.
        let visit: Arc<str> = format!("{:?}", turn.person).into();
        let spoke = [&identity, &visit].into_iter().filter_map(|who| room.spoke.get(who)).max();
        if let Some(left) = spoke.and_then(|own| pause.checked_sub(since(own)))
            && !left.is_zero()
        {
            let left = left.as_secs_f64().ceil();
            let why = format!("it is slow: speak again in {left} seconds");
            return Err(Refusal::CannotSend { room: room.name.to_string(), why });
        }
        room.spoke.insert(identity, now);
        room.spoke.insert(visit, now);
        Ok(())
    }
}

/// Checks that `conn` may say `text` in `room`.
pub(crate) fn check_speech(
    people: &People,
    who: PersonId,
    room: &Room,
    text: &str,
) -> Result<(), Refusal> {
    let refused =
        |why: &str| Err(Refusal::CannotSend { room: room.name.to_string(), why: why.to_owned() });
    let rank = room.members.get(&who);
    if rank.is_none() && room.modes.has(Flag::NoOutside) {
        return refused("you are not in it");
    }
    if !rank.is_some_and(|rank| rank.may_speak()) {
        if room.modes.has(Flag::Moderated) {
            return refused("it is moderated and you have no voice");
        }
        if !room.modes.list(List::Ban).is_empty()
            && let Some(ban) = room.modes.silences(&people.subject(who))
        {
            let what = if ban.mask.starts_with(MUTE) { "muted in it" } else { "banned from it" };
            return refused(&format!("you are {what}{}", ban.terms.shown()));
        }
    }
    let is_ctcp = text.starts_with('\u{1}') && !text.starts_with("\u{1}ACTION");
    if is_ctcp && room.modes.has(Flag::NoCtcp) {
        return refused("it takes no CTCP");
    }
    Ok(())
}
