//! Slots that are asked for: whether there is one, beside what is there and what is under way to the log.

use std::collections::BTreeSet;

use crate::{
    hub::{
        Hub,
        refusal::Refusal,
        state::{
            modes::{Mode, ModeChange},
            room::Room,
            slots::{Limit, Slot},
        },
    },
    ids::PersonId,
};

impl Hub {
    /// Whether there is that slot, beside others that are asked for together with it.
    pub(crate) fn has_slot(&self, slot: &Slot, beside: &[Slot]) -> bool {
        self.n_over(slot, beside) == 0
    }

    /// The number of those that would be too many, if that slot were taken, too.
    pub(crate) fn n_over(&self, slot: &Slot, beside: &[Slot]) -> usize {
        if self.is_taken(slot) {
            return 0;
        }
        let is_one_more = |own: &&Slot| own.limit == slot.limit && !self.is_taken(own);
        let under_way = self.awaited.slots_under_way().chain(beside).filter(is_one_more);
        let others: BTreeSet<&Slot> = under_way.filter(|own| *own != slot).collect();
        let n = self.n_taken(&slot.limit) + others.len() + 1;
        n.saturating_sub(slot.limit.n_max(&self.settings.limits))
    }

    /// Checks that there is place for what a change of modes adds to a room, beside others of the same command.
    pub(crate) fn check_mode_slot(
        &self,
        room: &Room,
        change: &ModeChange,
        beside: &[ModeChange],
    ) -> Result<(), Refusal> {
        let slot_of = |change: &ModeChange| change.slot(room, &self.people);
        let Some(slot) = slot_of(change) else { return Ok(()) };
        let beside: Vec<Slot> = beside.iter().filter_map(slot_of).collect();
        if self.has_slot(&slot, &beside) {
            return Ok(());
        }
        let nick = |who: &PersonId| self.people.person(*who).nick.to_string();
        let (letter, name) = match &change.what {
            Mode::Listed(list, mask, _) => (list.letter(), mask.to_string()),
            Mode::Operator(who) => ('o', nick(who)),
            Mode::Voice(who) => ('v', nick(who)),
            // Those have no bound.
            Mode::Flag(_) | Mode::Flood(_) | Mode::Key(_) | Mode::Limit(_) | Mode::Slow(_) => {
                return Ok(());
            }
        };
        Err(Refusal::ListFull { room: room.name.to_string(), letter, name })
    }

    /// The number of slots that are taken by what is there.
    fn n_taken(&self, limit: &Limit) -> usize {
        let now = self.now().wall;
        self.rooms.n_slots(limit, now) + self.accounts.n_slots(limit, now)
    }

    fn is_taken(&self, slot: &Slot) -> bool {
        let now = self.now().wall;
        self.rooms.has_slot(slot, now) || self.accounts.has_slot(slot, now)
    }
}
