//! Coming in by an invite link.

use std::sync::Arc;

use chat_core::proto::CaseMapping;

use crate::hub::{
    Hub,
    refusal::Refusal,
    replies::turn::Turn,
    state::{
        change_purpose::ChangePurpose,
        entrance::LinkUse,
        facts::Fact,
        invite_link::InviteLink,
        list_entry::{Entry, Terms},
        modes::List,
        slots::Slot,
    },
};

impl Hub {
    /// Lets somebody in by a link: a use of it is gone, and an account may come again.
    pub(crate) fn join_by_link(
        &mut self,
        turn: &mut Turn,
        link_use: LinkUse,
    ) -> Result<(), Refusal> {
        let LinkUse { room: id, token, link } = &link_use;
        let id = *id;
        self.check_n_rooms(turn.person, &self.rooms[&id].name)?;
        let mut facts: Vec<Fact> = Vec::new();
        if let Some(left) = link.left {
            let link = InviteLink { left: Some(left - 1), ..link.clone() };
            facts.push(Fact::Link(Arc::clone(token), Some(link).filter(|own| own.left != Some(0))));
        }
        let (room, person) = (&self.rooms[&id], self.people.person(turn.person));
        if let Some(account) = &person.account {
            let mask: Arc<str> = format!("~a:{}", CaseMapping::Ascii.fold(account)).into();
            let is_listed = room.modes.lists(List::Invited, &mask);
            let is_full = !self.has_slot(&Slot::list_entry(id, List::Invited, &mask), &[]);
            let (by, at) = (Arc::clone(&link.by), self.now().wall);
            let entry = Entry { mask, by, at, terms: Terms::default() };
            let listed = Fact::Listed(List::Invited, entry);
            // Where there is no place they come in this once.
            let has_place =
                !is_full && self.check_room_bytes(id, std::slice::from_ref(&listed)).is_ok();
            if room.is_registered() && !is_listed && has_place {
                facts.push(listed);
            }
        }
        let name = room.name.clone();
        if facts.is_empty() || room.ownership.is_none() {
            facts.iter().for_each(|fact| self.rooms.take(id, fact));
            return self.come_in_by_link(turn, &link_use);
        }
        let changes = room.changes(&facts);
        let refused = name.to_string();
        self.submit_changes(
            turn,
            changes.into(),
            ChangePurpose::Entrance { link_use, shown: name.shown().clone() },
        )
        .map_err(|why| Refusal::fail("JOIN", "INTERNAL_ERROR", &[&refused], why))?;
        // The next one finds it used, before it is kept.
        let is_use = |fact: &&Fact| matches!(fact, Fact::Link(..));
        facts.iter().filter(is_use).for_each(|fact| self.rooms.take(id, fact));
        Ok(())
    }

    /// The asker has used a link, and comes in unless they have been banned since they asked.
    pub(crate) fn come_in_by_link(
        &mut self,
        turn: &mut Turn,
        link_use: &LinkUse,
    ) -> Result<(), Refusal> {
        let Some(room) = self.rooms.get(link_use.room).filter(|room| !room.has(turn.person)) else {
            return Ok(());
        };
        let permit =
            room.check_used_link(link_use, &self.people.subject(turn.person), self.now().wall)?;
        self.come_in(turn, permit)
    }
}
