//! What ends by itself at a time that was said: bans and mutes. The server takes them away as an operator would.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    Effect, Hub, Now,
    facts::Fact,
    modes::{Entry, List, Mode, ModeChange, Terms},
    records::{Destination, RecordAction},
};
use crate::{delivery::Content, ids::RoomId};

/// What could not be ended is tried again after that time.
const AGAIN: Duration = Duration::from_secs(30);

/// When something ends in which room.
pub(super) type Expiries = BTreeSet<(SystemTime, RoomId, Arc<str>)>;

impl Hub {
    /// What is about to be so in a room, and may end; what is there in its place ends no more.
    pub(super) fn note_expiry(&mut self, id: RoomId, fact: &Fact) {
        let (Fact::Listed(list, Entry { mask, .. }) | Fact::Unlisted(list, mask)) = fact else {
            return;
        };
        let mut before = self.rooms.get(&id).into_iter().flat_map(|room| room.modes.list(*list));
        let before = before.find(|entry| entry.mask.eq_ignore_ascii_case(mask));
        if let Some((until, mask)) = before.and_then(|own| Some((own.terms.until?, &own.mask))) {
            self.expiries.remove(&(until, id, Arc::clone(mask)));
        }
        if let Fact::Listed(_, Entry { mask, terms: Terms { until: Some(until), .. }, .. }) = fact {
            self.expiries.insert((*until, id, Arc::clone(mask)));
        }
    }

    /// When the next one ends, as far as the clocks at the latest input tell.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let (until, ..) = self.expiries.first()?;
        let Now { mono, wall } = self.latest?;
        Some(mono + until.duration_since(wall).unwrap_or_default())
    }

    /// Ends what is over.
    pub(super) fn expire(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((until, id, mask)) = self.expiries.first().cloned()
            && until <= now.wall
        {
            self.expiries.pop_first();
            let Some(room) = self.rooms.get(&id) else { continue };
            let is_over = |entry: &Entry| {
                entry.mask == mask && entry.terms.until.is_some_and(|until| until <= now.wall)
            };
            let lists = [List::Ban, List::Except, List::Invited];
            let list = lists.into_iter().find(|list| room.modes.list(*list).iter().any(is_over));
            let Some(list) = list else { continue };
            // Until it is kept it is still there.
            self.expiries.insert((now.wall + AGAIN, id, Arc::clone(&mask)));
            let what = Mode::Listed(list, mask, Terms::default());
            let changes = vec![ModeChange { is_set: false, what }];
            let (letters, arguments) = self.written_changes(&changes);
            let content = Content::Mode {
                source: self.settings.name.as_str().into(),
                target: Arc::clone(self.rooms[&id].name.shown()),
                changes: letters.into(),
                arguments,
            };
            // If there is no place for it now, there is when it is tried again.
            self.submit_unasked(
                now,
                Destination::Room(id),
                content,
                RecordAction::Modes(changes),
                effects,
            );
        }
    }
}
