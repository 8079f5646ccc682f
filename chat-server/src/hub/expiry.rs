//! What ends by itself at a time that was said: bans and mutes. The server takes them away as an operator would.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    Effect, Hub, Now,
    facts::Fact,
    modes::{Change, List, Terms, What},
    records::{Doing, Place},
};
use crate::{delivery::Content, ids::RoomId};

/// What could not be ended is tried again after that time.
const AGAIN: Duration = Duration::from_secs(30);

/// When something ends in which room.
pub(super) type Expiries = BTreeSet<(SystemTime, RoomId)>;

impl Hub {
    /// What is so in a room from here on, and may end.
    pub(super) fn note_expiry(&mut self, id: RoomId, fact: &Fact) {
        if let Fact::Listed(_, entry) = fact
            && let Some(until) = entry.terms.until
        {
            self.expiries.insert((until, id));
        }
    }

    /// When the next one ends, as far as the clocks at the latest input tell.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let (until, _) = self.expiries.first()?;
        let Now { mono, wall } = self.latest?;
        Some(mono + until.duration_since(wall).unwrap_or_default())
    }

    /// Ends what is over.
    pub(super) fn expire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((until, id)) = self.expiries.first().copied()
            && until <= now.wall
        {
            self.expiries.pop_first();
            let Some(room) = self.rooms.get(&id) else { continue };
            let is_over = |until: Option<SystemTime>| until.is_some_and(|until| until <= now.wall);
            let lists = [List::Ban, List::Except, List::Invited];
            let over = lists.into_iter().find_map(|list| {
                let mut entries = room.modes.list(list).iter();
                let entry = entries.find(|entry| is_over(entry.terms.until))?;
                Some((list, Arc::clone(&entry.mask)))
            });
            let Some((list, mask)) = over else { continue };
            // Until it is kept it is still there, and it may not be the only one.
            self.expiries.insert((now.wall + AGAIN, id));
            let what = What::Listed(list, mask, Terms::default());
            let changes = vec![Change { is_set: false, what }];
            let (letters, arguments) = self.written_changes(&changes);
            let content = Content::Mode {
                source: self.house.name.as_str().into(),
                target: Arc::clone(self.rooms[&id].name.shown()),
                changes: letters.into(),
                arguments,
            };
            // If there is no place for it now, there is when it is tried again.
            self.submit_unasked(now, Place::Room(id), content, Doing::Modes(changes), effects);
        }
    }
}
