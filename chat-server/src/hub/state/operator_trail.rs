//! The trail of what operators of the server did, the latest [`ENTRIES_MAX`] of it. It is kept ([`crate::room_log::Change`]), and
//! whoever adds more pushes the oldest out: what is told to the program around the server as well is not bounded by it.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{hub::state::codec, room_log::Change};

/// The first word of the paths of the trail.
pub(crate) const PATH: &str = "trail";

/// Actions that are kept; of more, the oldest goes.
pub(crate) const ENTRIES_MAX: usize = 1000;

/// An action of somebody who operates the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OperatorAction {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    /// Their nick at that time.
    pub(crate) by: Arc<str>,
    pub(crate) account: Option<Arc<str>>,
    /// The address they came from.
    pub(crate) address: Arc<str>,
    /// The action, in the words of its command.
    pub(crate) did: Arc<str>,
}

/// The trail (see the module), by numbers that grow.
#[derive(Debug, Default)]
pub(crate) struct OperatorTrail(BTreeMap<u64, OperatorAction>);

impl OperatorTrail {
    /// Adds an action. Gives the changes that persist that.
    pub(crate) fn add(&mut self, action: OperatorAction) -> Vec<Change> {
        let number = self.0.last_key_value().map_or(0, |(latest, _)| latest + 1);
        let mut changes = vec![codec::set(path_of(number), &action)];
        self.0.insert(number, action);
        while self.0.len() > ENTRIES_MAX
            && let Some((oldest, _)) = self.0.pop_first()
        {
            changes.push(Change::Remove { path: path_of(oldest) });
        }
        changes
    }

    /// The latest `n` actions, the latest last.
    pub(crate) fn latest(&self, n: usize) -> impl Iterator<Item = &OperatorAction> {
        self.0.values().skip(self.0.len().saturating_sub(n))
    }

    /// Takes a change: what is at `path` (the words behind [`PATH`]) is `value` from here on.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take(&mut self, path: &[&str], value: Option<&str>) -> Result<(), String> {
        let number = match path {
            [number] => number.parse().ok(),
            _ => None,
        };
        let number: u64 = number.ok_or_else(|| format!("{path:?} is no path of the trail"))?;
        match value {
            Some(value) => self.0.insert(number, codec::read(path, value)?),
            None => self.0.remove(&number),
        };
        Ok(())
    }

    /// Checks that no more is kept than may be.
    ///
    /// # Errors
    /// A sentence, if there is more.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.0.len() <= ENTRIES_MAX {
            return Ok(());
        }
        Err(format!("the trail of operators has {} actions", self.0.len()))
    }
}

/// Twenty digits, so that paths are in the order of the numbers.
fn path_of(number: u64) -> Arc<str> {
    format!("{PATH}\n{number:020}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_what_is_left_is_loaded_again() {
        let action = |number: usize| OperatorAction {
            at: number as u64,
            by: "root".into(),
            account: None,
            address: "192.0.2.1".into(),
            did: format!("KILL {number}").into(),
        };
        let (mut trail, mut kept) = (OperatorTrail::default(), BTreeMap::new());
        for number in 0..ENTRIES_MAX + 10 {
            for change in trail.add(action(number)) {
                match change {
                    Change::Set { path, value } => drop(kept.insert(path, value)),
                    Change::Remove { path } => assert!(kept.remove(&path).is_some()),
                    other => panic!("{other:?}"),
                }
            }
            trail.check().unwrap();
        }
        let mut again = OperatorTrail::default();
        for (path, value) in &kept {
            let words: Vec<&str> = path.split('\n').skip(1).collect();
            again.take(&words, Some(value)).unwrap();
        }
        let latest: Vec<_> = again.latest(2).cloned().collect();
        assert_eq!(latest, [action(ENTRIES_MAX + 8), action(ENTRIES_MAX + 9)]);
        assert_eq!(again.latest(usize::MAX).next(), Some(&action(10)));
        again.add(action(1));
        assert_eq!(again.latest(1).next(), Some(&action(1)));
        assert!(again.take(&["x"], None).is_err() && again.take(&[], None).is_err());
        assert!(again.take(&["1"], Some("{")).is_err());
    }
}
