//! Coming in by an invite link.

use std::sync::Arc;

use chat_core::proto::CaseMapping;

use crate::{
    hub::{
        Hub,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            change_purpose::ChangePurpose,
            facts::Fact,
            invite_link::InviteLink,
            list_entry::{Entry, Terms},
            modes::List,
        },
    },
    ids::RoomId,
};

impl Hub {
    /// Lets somebody in by a link: a use of it is gone, and an account may come again.
    pub(crate) fn join_by_link(
        &mut self,
        turn: &mut Turn,
        id: RoomId,
        token: &Arc<str>,
        link: &InviteLink,
    ) -> Result<(), Refusal> {
        let n_rooms = self.people.person(turn.person).rooms.len();
        if n_rooms >= self.settings.limits.rooms_per_person_max {
            return Err(Refusal::TooManyRooms(self.rooms[&id].name.to_string()));
        }
        let mut facts: Vec<Fact> = Vec::new();
        if let Some(left) = link.left {
            let link = InviteLink { left: Some(left - 1), ..link.clone() };
            facts.push(Fact::Link(Arc::clone(token), Some(link).filter(|own| own.left != Some(0))));
        }
        let (room, person) = (&self.rooms[&id], self.people.person(turn.person));
        if let Some(account) = &person.account {
            let mask: Arc<str> = format!("~a:{}", CaseMapping::Ascii.fold(account)).into();
            let is_listed = room.modes.lists(List::Invited, &mask);
            let is_full = room.modes.n_entries() >= self.settings.limits.list_entries_max;
            if room.is_registered() && !is_listed && !is_full {
                let (by, at) = (Arc::clone(&link.by), self.now().wall);
                let entry = Entry { mask, by, at, terms: Terms::default() };
                facts.push(Fact::Listed(List::Invited, entry));
            }
        }
        let name = room.name.clone();
        if facts.is_empty() || room.ownership.is_none() {
            let room = self.rooms.room_mut(id);
            facts.iter().for_each(|fact| room.take(fact));
            self.join_one(turn, name);
            return Ok(());
        }
        let changes = room.changes(&facts);
        let refused = name.to_string();
        self.submit_changes(
            turn,
            changes.into(),
            ChangePurpose::Entrance { room: id, shown: name.shown().clone() },
        )
        .map_err(|why| Refusal::fail("JOIN", "INTERNAL_ERROR", &[&refused], why))?;
        // The next one finds it used, before it is kept.
        let room = self.rooms.room_mut(id);
        let is_use = |fact: &&Fact| matches!(fact, Fact::Link(..));
        facts.iter().filter(is_use).for_each(|fact| room.take(fact));
        Ok(())
    }
}
