//! The wrong guesses of one kind, counted and found by their time, so that there is a bound on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use ipnet::IpNet;

use crate::hub::state::guesser::LoginSubject;

/// The time after which they are forgotten.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Entries remembered of each kind; above it the one that was longest ago is forgotten.
pub(super) const REMEMBERED_MAX: usize = 10_000;

/// An entry that guesses are counted under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    Network(IpNet),
    Pair(IpNet, LoginSubject),
    Subject(LoginSubject),
}

#[derive(Debug)]
struct Failures {
    n: u32,
    latest: Instant,
}

/// The wrong guesses of one kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    by: BTreeMap<Counted, Failures>,
    by_time: BTreeSet<(Instant, Counted)>,
}

impl Tally {
    pub(super) fn n(&self, now: Instant, key: &Counted) -> u32 {
        let is_fresh =
            |own: &&Failures| now.saturating_duration_since(own.latest) <= FORGOTTEN_AFTER;
        self.by.get(key).filter(is_fresh).map_or(0, |own| own.n)
    }

    /// The pause before the next one, of which so many cost nothing: it doubles with each above them.
    pub(super) fn pause(
        &self,
        now: Instant,
        key: &Counted,
        free: u32,
        max: Duration,
    ) -> Option<Duration> {
        let doublings = self.n(now, key).checked_sub(free)?.min(16);
        let pause = Duration::from_secs(1 << doublings).min(max);
        let left = (self.by.get(key)?.latest + pause).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Counts one more; when the one before it was.
    pub(super) fn add(&mut self, now: Instant, key: &Counted) -> Option<Instant> {
        let n = self.n(now, key);
        let before = self.by.insert(key.clone(), Failures { n: n.saturating_add(1), latest: now });
        let before = before.map(|before| before.latest);
        if let Some(before) = before {
            self.by_time.remove(&(before, key.clone()));
        }
        self.by_time.insert((now, key.clone()));
        if self.by.len() > REMEMBERED_MAX
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.by.remove(&oldest);
        }
        before.filter(|_| n > 0)
    }

    /// Takes back `n`, of which the latest was `at`, and the one before that `before`.
    pub(super) fn give_back(
        &mut self,
        key: &Counted,
        n: u32,
        at: Instant,
        before: Option<Instant>,
    ) {
        let Some(mut own) = self.by.remove(key) else { return };
        self.by_time.remove(&(own.latest, key.clone()));
        own.n = own.n.saturating_sub(n);
        // Another one may have come since then.
        if own.latest == at
            && let Some(before) = before
        {
            own.latest = before;
        }
        if own.n > 0 {
            self.by_time.insert((own.latest, key.clone()));
            self.by.insert(key.clone(), own);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by.len()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let is_timed =
            |(key, own): (&Counted, &Failures)| self.by_time.contains(&(own.latest, key.clone()));
        if self.by.len() != self.by_time.len() || !self.by.iter().all(is_timed) {
            return Err("wrong guesses are found by their time".to_owned());
        }
        if self.by.len() > REMEMBERED_MAX {
            return Err("no more wrong guesses are remembered than may be".to_owned());
        }
        Ok(())
    }
}
