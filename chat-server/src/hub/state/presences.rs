//! Presences of accounts: up to when they were shown what was said in a room, or to them, so that it is told once. Those of
//! guests are not kept: guests are nobody tomorrow. They are kept ([`crate::room_log::Change`]).

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    hub::state::codec::{self, optional_time},
    ids::ConversationId,
    room_log::Change,
};

/// The first word of the paths of presences.
pub(crate) const PATH: &str = "presence";

/// Presences of one account; above it the one of longest ago goes.
pub(crate) const PRESENCES_MAX: usize = 200;

/// The word for all direct conversations, in the place of a room's.
const DIRECT: &str = "*";

/// The presence of an account in a room, or on the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Presence {
    /// The time of the latest that they were shown, when a connection of theirs left last; none has left if there is none.
    #[serde(default, with = "optional_time", skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<SystemTime>,
    /// A connection of theirs is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_here: bool,
    /// Messages that were kept for them since none of them was here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) n_waiting: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "so it is asked")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The place that a presence is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// All direct conversations.
    Direct,
    /// A room, whatever that is called.
    Room(ConversationId),
}

/// All presences, by whose they are, as direct conversations name people.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    by: BTreeMap<Arc<str>, BTreeMap<Place, Presence>>,
    /// The time of the latest record of before the server started: who was there then was shown up to that.
    started_after: Option<SystemTime>,
}

impl Place {
    fn read(word: &str) -> Result<Self, String> {
        if word == DIRECT {
            return Ok(Self::Direct);
        }
        let number = word.parse().map_err(|_| format!("{word} is no conversation"))?;
        Ok(Self::Room(ConversationId::new(number)))
    }

    fn path(self, identity: &str) -> Arc<str> {
        match self {
            Self::Direct => format!("{PATH}\n{identity}\n{DIRECT}"),
            Self::Room(room) => format!("{PATH}\n{identity}\n{}", room.number()),
        }
        .into()
    }
}

/// The change that forgets all presences of an account.
pub(crate) fn forget(identity: &str) -> Change {
    Change::Remove { path: format!("{PATH}\n{identity}").into() }
}

impl Presences {
    /// The server before has written nothing that is later than `time`.
    pub(crate) fn begin_after(&mut self, time: SystemTime) {
        self.started_after = self.started_after.max(Some(time));
    }

    /// Takes a change: what is at `path` (the words behind [`PATH`]) is `value` from here on.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take(&mut self, path: &[&str], value: Option<&str>) -> Result<(), String> {
        match (path, value) {
            ([identity, place], Some(value)) => {
                let Presence { until, is_here, n_waiting } = codec::read(path, value)?;
                // Who was there when the server ended has been told all that there was.
                let until = if is_here { until.max(self.started_after) } else { until };
                let own = self.by.entry((*identity).into()).or_default();
                own.insert(Place::read(place)?, Presence { until, is_here: false, n_waiting });
            }
            ([identity, place], None) => {
                let place = Place::read(place)?;
                if let Some(own) = self.by.get_mut(*identity) {
                    own.remove(&place);
                }
            }
            ([identity], None) => {
                self.by.remove(*identity);
            }
            _ => return Err(format!("{path:?} is no path of a presence")),
        }
        Ok(())
    }

    pub(crate) fn get(&self, identity: &str, place: Place) -> Presence {
        let own = self.by.get(identity).and_then(|own| own.get(&place));
        own.copied().unwrap_or_default()
    }

    /// Sets a presence. Gives the changes that persist that: where there are too many, the one of longest ago goes.
    pub(crate) fn set(
        &mut self,
        identity: &Arc<str>,
        place: Place,
        presence: Presence,
    ) -> Vec<Change> {
        let own = self.by.entry(Arc::clone(identity)).or_default();
        if own.get(&place) == Some(&presence) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        if own.len() >= PRESENCES_MAX && !own.contains_key(&place) {
            let left = |(place, own): &(&Place, &Presence)| {
                (**place == Place::Direct, own.is_here, own.until, **place)
            };
            let oldest = own.iter().min_by_key(left).map(|(place, _)| *place);
            if let Some(oldest) = oldest {
                own.remove(&oldest);
                changes.push(Change::Remove { path: oldest.path(identity) });
            }
        }
        own.insert(place, presence);
        changes.push(codec::set(place.path(identity), &presence));
        changes
    }

    /// Checks that no account has more than it may.
    ///
    /// # Errors
    /// A sentence about the first that has.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.by.iter().find(|(_, own)| own.len() > PRESENCES_MAX) {
            Some((identity, own)) => Err(format!("{identity} was in {} rooms", own.len())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> Presence {
        let until = Some(UNIX_EPOCH + Duration::from_secs(seconds));
        Presence { until, ..Presence::default() }
    }

    #[test]
    fn the_presence_of_longest_ago_makes_place() {
        let mut presences = Presences::default();
        let ann: Arc<str> = "=ann".into();
        let room = |number| Place::Room(ConversationId::new(number));
        presences.set(&ann, Place::Direct, at(0));
        for number in 1..PRESENCES_MAX as u64 {
            assert_eq!(presences.set(&ann, room(number), at(number)).len(), 1);
        }
        assert!(presences.set(&ann, room(5), at(5)).is_empty(), "it is so already");
        let changes =
            presences.set(&ann, room(1000), Presence { is_here: true, ..Presence::default() });
        let gone = Change::Remove { path: "presence\n=ann\n1".into() };
        let here =
            Change::Set { path: "presence\n=ann\n1000".into(), value: "{\"is_here\":true}".into() };
        assert_eq!(changes, [gone, here]);
        presences.check().unwrap();
        assert_eq!(presences.get(&ann, room(1)), Presence::default());
        assert_eq!(presences.get(&ann, room(2)), at(2));
    }

    #[test]
    fn who_was_there_when_the_server_ended_has_been_shown_all() {
        let mut presences = Presences::default();
        let at_ten = at(10).until.unwrap();
        presences.begin_after(at_ten);
        presences.take(&["=ann", "1"], Some("{\"is_here\":true}")).unwrap();
        presences.take(&["=ann", "2"], Some("{\"until\":5000}")).unwrap();
        presences.take(&["=ann", "*"], Some("{\"until\":6000,\"is_here\":true}")).unwrap();
        let room = |number| Place::Room(ConversationId::new(number));
        assert_eq!(presences.get("=ann", room(1)), at(10));
        assert_eq!(presences.get("=ann", room(2)), at(5));
        assert_eq!(presences.get("=ann", Place::Direct), at(10));
        assert!(presences.take(&["=ann", "x"], Some("{}")).is_err());
        assert!(presences.take(&["=ann", "1"], Some("soon")).is_err());
        assert!(presences.take(&["=ann"], Some("{}")).is_err());
        presences.take(&["=ann"], None).unwrap();
        assert_eq!(presences.get("=ann", room(2)), Presence::default());
    }
}
