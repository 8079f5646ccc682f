//! Read markers (<https://ircv3.net/specs/extensions/read-marker>): one time for each person and
//! conversation, which only grows, the same on all of their devices. Those of accounts are kept
//! ([`crate::room_log::Change`]), those of guests go with them.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{ids::ConversationId, room_log::Change};

/// The first word of the paths of markers.
pub(crate) const PATH: &str = "marker";

/// Markers of one person; above it the one of longest ago goes.
const MARKERS_MAX: usize = 1000;

/// All markers, by whose they are and what of.
#[derive(Debug, Default)]
pub(crate) struct ReadMarkers {
    by: BTreeMap<Arc<str>, BTreeMap<Marked, SystemTime>>,
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
    /// That of a room, whatever it is called.
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

    fn path(&self) -> Arc<str> {
        match &self.of {
            Marked::Person(other) => format!("{PATH}\n{}\n{other}", self.identity),
            Marked::Room(room) => format!("{PATH}\n{}\n{}", self.identity, room.number()),
        }
        .into()
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
                let time = UNIX_EPOCH + Duration::from_millis(time);
                let (identity, of) = ((*identity).into(), Marked::read(of)?);
                self.set(ReadMarker { identity, of }, time);
            }
            ([identity, of], None) => {
                if let Some(own) = self.by.get_mut(*identity) {
                    own.remove(&Marked::read(of)?);
                }
            }
            ([identity], None) => {
                self.by.remove(*identity);
            }
            _ => return Err(format!("{path:?} is no path of a marker")),
        }
        Ok(())
    }

    /// The changes that move a marker to `time`, and make place for it.
    pub(crate) fn changes(&self, mark: &ReadMarker, time: SystemTime) -> Vec<Change> {
        let mut changes = vec![mark.set_to(time)];
        if let Some(own) = self.by.get(&mark.identity)
            && own.len() >= MARKERS_MAX
            && !own.contains_key(&mark.of)
            && let Some((of, _)) = own.iter().min_by_key(|(_, time)| **time)
        {
            let oldest = ReadMarker { identity: Arc::clone(&mark.identity), of: of.clone() };
            changes.push(Change::Remove { path: oldest.path() });
        }
        changes
    }

    /// Moves a marker to `time`, if that is later.
    pub(crate) fn set(&mut self, mark: ReadMarker, time: SystemTime) {
        let own = self.by.entry(mark.identity).or_default();
        let marked = own.entry(mark.of).or_insert(time);
        *marked = time.max(*marked);
    }

    pub(crate) fn get(&self, mark: &ReadMarker) -> Option<SystemTime> {
        self.by.get(&mark.identity)?.get(&mark.of).copied()
    }

    /// A guest has gone.
    pub(crate) fn forget(&mut self, identity: &str) {
        self.by.remove(identity);
    }
}

#[cfg(test)]
mod tests {
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
            for change in markers.changes(&mark(number), time) {
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
        markers.take(&["=ann"], None).unwrap();
        assert!(markers.by.is_empty());
    }
}
