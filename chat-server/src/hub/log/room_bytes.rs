//! The bound on what is set in the rooms of one account, or in those that were founded from one network and are nobody's: what
//! is on its way to the log counts too.

use crate::delivery::RecordContent;
use crate::{
    hub::{
        Hub,
        refusal::Refusal,
        state::{
            facts::{self, Fact},
            pending_record::{Destination, OwnerChange, PendingWork, RecordAction, not_stored},
            room_bytes::Holder,
        },
    },
    ids::RoomId,
    room_log::Change,
};
use chat_core::proto::Service;

impl Hub {
    /// Checks that what a record says may be set in a room: messages set nothing.
    pub(super) fn check_bytes_of_record(
        &self,
        place: &Destination,
        content: &RecordContent,
        action: &RecordAction,
    ) -> Result<(), Refusal> {
        let (Destination::Room(id) | Destination::Ranked(id, _)) = place else { return Ok(()) };
        match action {
            RecordAction::Notice { facts, owner_change: OwnerChange::None, .. } => {
                let by = Service::ChanServ;
                self.check_room_bytes(*id, facts).map_err(|text| Refusal::Service { by, text })
            }
            // It moves with the room.
            RecordAction::Notice { .. } => Ok(()),
            action => {
                let facts = self.facts_of(place, content, action, self.now().wall);
                self.check_room_bytes(*id, &facts).map_err(|why| not_stored(content, why))
            }
        }
    }

    /// Checks that these facts may be set in a room.
    ///
    /// # Errors
    /// A sentence, if its holder has too much.
    pub(crate) fn check_room_bytes(&self, id: RoomId, facts: &[Fact]) -> Result<(), String> {
        match self.rooms.growth(id, facts) {
            0 => Ok(()),
            growth => self.check_bytes_of(&self.rooms[&id].holder(), growth),
        }
    }

    /// Checks that so many bytes more may be set in the rooms of a holder.
    ///
    /// # Errors
    /// A sentence, if it has too much.
    pub(crate) fn check_bytes_of(&self, holder: &Holder, growth: usize) -> Result<(), String> {
        let n_max = self.settings.limits.room_bytes_per_account_max;
        let held = self.rooms.bytes_of(holder) + self.bytes_on_their_way_to(holder);
        if held.saturating_add(growth) <= n_max {
            return Ok(());
        }
        let whose = match holder {
            Holder::Account(account) => {
                let name = self.accounts.get(account).map(|own| own.name.clone());
                let name = name.unwrap_or_else(|| account.to_string());
                format!("the rooms of {name} hold")
            }
            Holder::Network(_) => {
                "the rooms that are nobody's and were founded from where this one was hold".into()
            }
            Holder::Room(id) => format!("{} holds", self.rooms[id].name),
        };
        let else_what = match holder {
            Holder::Account(_) => ", or end one of them",
            Holder::Network(_) => ", or log in: rooms of an account have place of their own",
            Holder::Room(_) => "",
        };
        Err(format!(
            "{whose} as much as they may ({n_max} bytes): take away links, masks, metadata or a topic first{else_what}"
        ))
    }

    /// The bytes of what is about to be set in the rooms of a holder, and of rooms that are about to be theirs.
    fn bytes_on_their_way_to(&self, holder: &Holder) -> usize {
        let growth = |id: RoomId, facts: &[Fact]| {
            let is_theirs = self.rooms.get(id).is_some_and(|room| room.holder() == *holder);
            if is_theirs { self.rooms.growth(id, facts) } else { 0 }
        };
        let of_change = |change: &Change| {
            let Change::Set { path, value } = change else { return 0 };
            let found = facts::number_in(path).and_then(|(number, words)| {
                let id = self.rooms.by_number(number)?;
                let words: Vec<&str> = words.split('\n').collect();
                Some((id, Fact::of(&words, Some(value)).ok()?))
            });
            found.map_or(0, |(id, fact)| growth(id, &[fact]))
        };
        let set: usize = self
            .awaited
            .works()
            .map(|work| match work {
                PendingWork::Record(recorded) => match (&recorded.place, &recorded.more) {
                    (Destination::Room(id) | Destination::Ranked(id, _), Some(more)) => {
                        growth(*id, &more.facts)
                    }
                    _ => 0,
                },
                PendingWork::Changes { changes, .. } => changes.iter().map(of_change).sum(),
            })
            .sum();
        let Holder::Account(account) = holder else { return set };
        let given = self.rooms.naming(account).into_iter().filter(|id| {
            let ownership = self.rooms[id].ownership.as_ref();
            ownership.is_some_and(|own| own.successor.as_ref() == Some(account))
        });
        set + given.map(|id| self.rooms[&id].bytes()).sum::<usize>()
    }
}
