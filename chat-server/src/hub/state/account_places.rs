//! Places where accounts were lately: what bars an account bars guests who come from there, so that nobody gets around it by logging
//! out.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

use ipnet::IpNet;

/// The time for which a place is known as an account's, from when it was last there.
const TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Within it, nothing new is noted of the same account at the same place.
const GRAIN: Duration = Duration::from_secs(60);

/// Accounts at places that are known at once, each time they come; the oldest make place.
const PLACES_MAX: usize = 50_000;

/// The places of accounts within the latest day.
#[derive(Debug)]
pub(crate) struct AccountPlaces {
    /// The time by the latest input.
    now: SystemTime,
    accounts: BTreeMap<IpNet, BTreeMap<Arc<str>, SystemTime>>,
    /// The notes, the oldest first; of an account at one place the latest counts.
    order: VecDeque<(SystemTime, IpNet, Arc<str>)>,
}

impl Default for AccountPlaces {
    fn default() -> Self {
        let (accounts, order) = (BTreeMap::new(), VecDeque::new());
        Self { now: SystemTime::UNIX_EPOCH, accounts, order }
    }
}

impl AccountPlaces {
    /// It is that late: what is older than a day is forgotten.
    #[inline]
    pub(crate) fn set_time(&mut self, now: SystemTime) {
        self.now = now;
        while self.order.front().is_some_and(|(at, ..)| *at + TIME <= now) {
            self.forget_oldest();
        }
    }

    /// An account is at a place, or was until now.
    pub(crate) fn note(&mut self, place: IpNet, account: Arc<str>) {
        let at = self.accounts.entry(place).or_default().entry(Arc::clone(&account));
        let since = |at: SystemTime| self.now.duration_since(at).unwrap_or(TIME);
        match at {
            std::collections::btree_map::Entry::Occupied(own) if since(*own.get()) < GRAIN => {
                return;
            }
            std::collections::btree_map::Entry::Occupied(mut own) => {
                own.insert(self.now);
            }
            std::collections::btree_map::Entry::Vacant(own) => {
                own.insert(self.now);
            }
        }
        self.order.push_back((self.now, place, account));
        if self.order.len() > PLACES_MAX {
            self.forget_oldest();
        }
    }

    /// The accounts, by their folded names, that were at a place lately.
    pub(crate) fn at(&self, place: IpNet) -> impl Iterator<Item = &str> {
        self.accounts.get(&place).into_iter().flat_map(|own| own.keys().map(|account| &**account))
    }

    fn forget_oldest(&mut self) {
        let Some((at, place, account)) = self.order.pop_front() else { return };
        let Some(own) = self.accounts.get_mut(&place) else { return };
        if own.get(&account) == Some(&at) {
            own.remove(&account);
        }
        if own.is_empty() {
            self.accounts.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_for_a_day_and_so_many_are() {
        let mut places = AccountPlaces::default();
        let place = |n: u32| IpNet::from(std::net::IpAddr::from(n.to_be_bytes()));
        let mut now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        places.set_time(now);
        places.note(place(1), "ann".into());
        now += TIME / 2;
        places.set_time(now);
        places.note(place(1), "ann".into());
        places.note(place(1), "bob".into());
        now += TIME / 2;
        places.set_time(now);
        assert_eq!(places.at(place(1)).collect::<Vec<_>>(), ["ann", "bob"]);
        now += TIME / 2;
        places.set_time(now);
        assert_eq!(places.at(place(1)).count(), 0);
        assert!(places.accounts.is_empty() && places.order.is_empty());
        for n in 0..=u32::try_from(PLACES_MAX).unwrap() {
            places.note(place(n), "ann".into());
        }
        assert_eq!(places.at(place(0)).count(), 0, "the oldest makes place");
        assert_eq!(places.at(place(1)).count(), 1);
        assert_eq!(places.order.len(), PLACES_MAX);
    }
}
