//! Founding: who may found a room. Who may come in is [`crate::hub::state::entrance`], what they may do beside
//! [`crate::hub::policy`], and who is heard in it [`super::speech`].

use chat_core::proto::RoomName;

use crate::{
    hub::{
        Hub,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            confusables,
            entrance::{Comer, Entrance},
            reserved_names::Bearer,
        },
    },
    ids::{ConnId, PersonId},
};

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
}
