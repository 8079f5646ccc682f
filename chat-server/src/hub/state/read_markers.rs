//! Read markers (<https://ircv3.net/specs/extensions/read-marker>): one time for each person and
//! conversation, which only grows, the same on all of their devices. Those of accounts are kept
//! ([`crate::room_log::Change`]), those of guests go with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{hub::state::codec::time_at, ids::ConversationId, room_log::Change};

/// The first word of the paths of markers.
pub(crate) const PATH: &str = "marker";

/// Markers of one person; above it the one of longest ago goes.
pub(crate) const MARKERS_MAX: usize = 1000;

/// All markers, by whose they are and what of.
#[derive(Debug, Default)]
pub(crate) struct ReadMarkers {
    by: BTreeMap<Arc<str>, BTreeMap<Marked, SystemTime>>,
    /// Owners of markers of what was said with a guest, by the guest, with whom they go.
    of_guests: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

/// A read marker: its owner, as direct conversations name people, and its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadMarker {
    pub(crate) identity: Arc<str>,
    pub(crate) of: Marked,
}

/// The conversation that a read marker is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Marked {
    /// One with a person, as direct conversations name them.
    Person(Arc<str>),
    /// A marker of a room, whatever that is called.
    Room(ConversationId),
}

impl Marked {
    /// The conversation, as it stands in a path.
    fn read(word: &str) -> Result<Self, String> {
        if word.starts_with(['=', '~']) {
            return Ok(Self::Person(word.into()));
        }
        let number = word.parse().map_err(|_| format!("{word} is no conversation"))?;
        Ok(Self::Room(ConversationId::new(number)))
    }
}

impl ReadMarker {
    /// Whether it outlives everyone's visit: guests are nobody tomorrow.
    pub(crate) fn is_registered(&self) -> bool {
        let has_gone = matches!(&self.of, Marked::Person(other) if other.starts_with('~'));
        !self.identity.starts_with('~') && !has_gone
    }

    /// The word of the conversation in its path.
    pub(crate) fn word(&self) -> Arc<str> {
        match &self.of {
            Marked::Person(other) => Arc::clone(other),
            Marked::Room(room) => room.number().to_string().into(),
        }
    }

    fn path(&self) -> Arc<str> {
        format!("{PATH}\n{}\n{}", self.identity, self.word()).into()
    }

    fn set_to(&self, time: SystemTime) -> Change {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Change::Set { path: self.path(), value: since.as_millis().to_string().into() }
    }
}

impl ReadMarkers {
    /// Takes a change: what is at `path` (the words behind [`PATH`]) is `value` from here on.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take(&mut self, path: &[&str], value: Option<&str>) -> Result<(), String> {
        match (path, value) {
            ([identity, of], Some(value)) => {
                let time = value.parse().map_err(|_| format!("{value} is no time"))?;
                let time = time_at(time);
                let (identity, of) = ((*identity).into(), Marked::read(of)?);
                self.set(ReadMarker { identity, of }, time);
            }
            ([identity, of], None) => {
                self.remove(identity, &Marked::read(of)?);
            }
            ([identity], None) => self.forget_owner(identity),
            _ => return Err(format!("{path:?} is no path of a marker")),
        }
        Ok(())
    }

    /// The changes that move a marker to `time`, and make place for it: the `n_over` of longest ago go, since those that are
    /// under way need place, too.
    pub(crate) fn changes(
        &self,
        mark: &ReadMarker,
        time: SystemTime,
        n_over: usize,
    ) -> Vec<Change> {
        let own = self.by.get(&mark.identity).filter(|_| n_over > 0);
        let mut own: Vec<_> = own.into_iter().flatten().collect();
        own.sort_unstable_by_key(|(_, time)| **time);
        let gone = own.into_iter().take(n_over).map(|(of, _)| {
            let oldest = ReadMarker { identity: Arc::clone(&mark.identity), of: of.clone() };
            Change::Remove { path: oldest.path() }
        });
        std::iter::once(mark.set_to(time)).chain(gone).collect()
    }

    /// The number of markers of one person.
    pub(crate) fn n_of(&self, identity: &str) -> usize {
        self.by.get(identity).map_or(0, BTreeMap::len)
    }

    /// Whether somebody has a marker of the conversation that stands so in a path.
    pub(crate) fn has(&self, identity: &str, of: &str) -> bool {
        let own = self.by.get(identity).zip(Marked::read(of).ok());
        own.is_some_and(|(own, of)| own.contains_key(&of))
    }

    /// Moves a marker to `time`, if that is later. Above the bound the one of longest ago goes, a guest's too.
    pub(crate) fn set(&mut self, mark: ReadMarker, time: SystemTime) {
        let ReadMarker { identity, of } = mark;
        let own = self.by.entry(Arc::clone(&identity)).or_default();
        if let Some(marked) = own.get_mut(&of) {
            *marked = time.max(*marked);
            return;
        }
        let is_full = own.len() >= MARKERS_MAX;
        let oldest = own.iter().min_by_key(|(_, time)| **time).filter(|_| is_full);
        let oldest = oldest.map(|(of, _)| of.clone());
        if let Marked::Person(guest) = &of
            && guest.starts_with('~')
        {
            let owners = self.of_guests.entry(Arc::clone(guest)).or_default();
            owners.insert(Arc::clone(&identity));
        }
        own.insert(of, time);
        if let Some(oldest) = oldest {
            self.remove(&identity, &oldest);
        }
    }

    fn remove(&mut self, identity: &str, of: &Marked) {
        if let Some(own) = self.by.get_mut(identity) {
            own.remove(of);
            if own.is_empty() {
                self.by.remove(identity);
            }
        }
        if let Marked::Person(guest) = of
            && let Some(owners) = self.of_guests.get_mut(guest)
        {
            owners.remove(identity);
            if owners.is_empty() {
                self.of_guests.remove(guest);
            }
        }
    }

    fn forget_owner(&mut self, identity: &str) {
        let own = self.by.get(identity).map(|own| own.keys().cloned().collect::<Vec<_>>());
        for of in own.into_iter().flatten() {
            self.remove(identity, &of);
        }
    }

    pub(crate) fn get(&self, mark: &ReadMarker) -> Option<SystemTime> {
        self.by.get(&mark.identity)?.get(&mark.of).copied()
    }

    /// A guest has gone: their markers go, and those that others have of them.
    pub(crate) fn forget(&mut self, identity: &str) {
        self.forget_owner(identity);
        for owner in self.of_guests.get(identity).cloned().unwrap_or_default() {
            self.remove(&owner, &Marked::Person(identity.into()));
        }
    }

    /// Checks that nobody has more than they may, and that those of guests are found by them.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_of_guest =
            |of: &&Marked| matches!(of, Marked::Person(other) if other.starts_with('~'));
        let n_by_owner = self.by.values().flat_map(BTreeMap::keys).filter(is_of_guest).count();
        let n_by_guest: usize = self.of_guests.values().map(BTreeSet::len).sum();
        if n_by_owner != n_by_guest {
            return Err("read markers of guests are found by them".to_owned());
        }
        if self.by.values().any(|own| own.len() > MARKERS_MAX) {
            return Err("nobody has more read markers than they may".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_makes_place() {
        let mut markers = ReadMarkers::default();
        let mark = |number: u64| ReadMarker {
            identity: "=ann".into(),
            of: Marked::Room(ConversationId::new(number)),
        };
        for number in 0..=MARKERS_MAX as u64 {
            let time = UNIX_EPOCH + Duration::from_secs(1000 + number);
            let n_over = usize::from(number == MARKERS_MAX as u64);
            for change in markers.changes(&mark(number), time, n_over) {
                let (path, value) = match &change {
                    Change::Set { path, value } => (path, Some(&**value)),
                    Change::Remove { path } => (path, None),
                    Change::Close { .. } | Change::Forget { .. } | Change::Name { .. } => {
                        unreachable!("markers set and remove")
                    }
                };
                let words: Vec<&str> = path.split('\n').skip(1).collect();
                markers.take(&words, value).unwrap();
            }
        }
        assert_eq!(markers.by["=ann"].len(), MARKERS_MAX);
        assert_eq!(markers.get(&mark(0)), None);
        assert!(markers.get(&mark(1)).is_some());
        // It only grows.
        markers.set(mark(1), UNIX_EPOCH);
        assert_eq!(markers.get(&mark(1)), Some(UNIX_EPOCH + Duration::from_secs(1001)));
        assert!(markers.take(&["=ann", "1"], Some("soon")).is_err());
        assert!(markers.take(&["=ann", "#1"], Some("1")).is_err(), "a name is no conversation");
        assert!(markers.take(&["=ann"], Some("1")).is_err());
        markers.check().unwrap();
        markers.take(&["=ann"], None).unwrap();
        assert!(markers.by.is_empty());
    }

    #[test]
    fn guests_markers_have_a_bound_and_go_with_them() {
        let mut markers = ReadMarkers::default();
        let mark = |identity: &str, of: Marked| ReadMarker { identity: identity.into(), of };
        let room = |number| Marked::Room(ConversationId::new(number));
        let guest = || Marked::Person("~guest".into());
        let at = |number: u64| UNIX_EPOCH + Duration::from_secs(number);
        for number in 0..3000 {
            markers.set(mark("~guest", room(number)), at(number));
        }
        assert_eq!(markers.by["~guest"].len(), MARKERS_MAX);
        assert_eq!(markers.get(&mark("~guest", room(2999))), Some(at(2999)));
        // What others have of them goes too, and nothing else of it.
        markers.set(mark("=ann", guest()), at(1));
        markers.set(mark("=ann", room(1)), at(2));
        markers.set(mark("=bob", guest()), at(1));
        markers.check().unwrap();
        markers.forget("~guest");
        markers.check().unwrap();
        assert!(markers.of_guests.is_empty());
        assert_eq!((markers.by.len(), markers.by["=ann"].len()), (1, 1));
    }
}
