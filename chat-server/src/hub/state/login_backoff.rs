//! Wrong passwords, counted by address and by account, so that guessing becomes slow: after a few of them the
//! next is looked at only when a time has passed that doubles with each.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// Wrong passwords from one address, or for one account, that cost nothing.
const FREE_OF_ADDRESS: u32 = 5;

const FREE_OF_ACCOUNT: u32 = 10;

/// The longest pause.
const PAUSE_OF_ADDRESS_MAX: Duration = Duration::from_secs(300);

/// Strangers can make it come for anyone's account, so it is short.
const PAUSE_OF_ACCOUNT_MAX: Duration = Duration::from_secs(30);

/// The time after which they are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Addresses and accounts remembered; above it the one that was longest ago is forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// Addresses from which somebody has logged in to an account, remembered for each account: strangers' guesses do
/// not slow them down.
const FAMILIAR_MAX: usize = 4;

/// The subject of wrong passwords: a network or an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LoginSubject {
    Account(Arc<str>),
    Address(Arc<str>),
}

#[derive(Debug)]
struct Failures {
    n: u32,
    latest: Instant,
}

/// The back-off of logins (see the module).
#[derive(Debug, Default)]
pub(crate) struct LoginBackoff {
    by: BTreeMap<LoginSubject, Failures>,
    by_time: BTreeSet<(Instant, LoginSubject)>,
    /// The familiar networks by account, the latest first.
    familiar: BTreeMap<Arc<str>, VecDeque<Arc<str>>>,
}

/// The network that counts for an address: of IPv6, that of one subscriber.
pub(crate) fn network_of(address: &str) -> Arc<str> {
    match address.trim_start_matches('0').parse().or_else(|_| address.parse()) {
        Ok(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64").into()
        }
        _ => address.into(),
    }
}

impl LoginBackoff {
    /// The pause before the next password from `network` for `account`, if there is one.
    pub(crate) fn pause(
        &self,
        now: Instant,
        network: Option<&Arc<str>>,
        account: &Arc<str>,
    ) -> Option<Duration> {
        let of_address = network.and_then(|network| {
            self.pause_of(
                now,
                &LoginSubject::Address(Arc::clone(network)),
                FREE_OF_ADDRESS,
                PAUSE_OF_ADDRESS_MAX,
            )
        });
        let is_familiar = network.is_some_and(|network| {
            self.familiar.get(account).is_some_and(|familiar| familiar.contains(network))
        });
        let of_account = || {
            let whose = LoginSubject::Account(Arc::clone(account));
            self.pause_of(now, &whose, FREE_OF_ACCOUNT, PAUSE_OF_ACCOUNT_MAX)
        };
        of_address.max(if is_familiar { None } else { of_account() })
    }

    fn pause_of(
        &self,
        now: Instant,
        whose: &LoginSubject,
        free: u32,
        max: Duration,
    ) -> Option<Duration> {
        let guess = self.by.get(whose)?;
        let doublings = guess.n.checked_sub(free)?.min(16);
        let pause = Duration::from_secs(1 << doublings).min(max);
        let left = (guess.latest + pause).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// A password from `network` for `account` was wrong.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        network: Option<&Arc<str>>,
        account: Option<&Arc<str>>,
    ) {
        let address = network.map(|network| LoginSubject::Address(Arc::clone(network)));
        let account = account.map(|account| LoginSubject::Account(Arc::clone(account)));
        for whose in address.into_iter().chain(account) {
            let guess = self.by.entry(whose.clone()).or_insert(Failures { n: 0, latest: now });
            self.by_time.remove(&(guess.latest, whose.clone()));
            if now.saturating_duration_since(guess.latest) > FORGOTTEN_AFTER {
                guess.n = 0;
            }
            (guess.n, guess.latest) = (guess.n.saturating_add(1), now);
            self.by_time.insert((now, whose));
            if self.by.len() > REMEMBERED_MAX
                && let Some((_, oldest)) = self.by_time.pop_first()
            {
                self.by.remove(&oldest);
            }
        }
    }

    /// A password from `network` for `account` was right.
    pub(crate) fn forgive(&mut self, network: &Arc<str>, account: &Arc<str>) {
        let whose = LoginSubject::Address(Arc::clone(network));
        if let Some(guess) = self.by.remove(&whose) {
            self.by_time.remove(&(guess.latest, whose));
        }
        if self.familiar.len() >= REMEMBERED_MAX && !self.familiar.contains_key(account) {
            self.familiar.pop_first();
        }
        let familiar = self.familiar.entry(Arc::clone(account)).or_default();
        familiar.retain(|own| own != network);
        familiar.push_front(Arc::clone(network));
        familiar.truncate(FAMILIAR_MAX);
    }

    /// Checks that all that is remembered is found by its time, and has its bound.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_timed = |(subject, failures): (&LoginSubject, &Failures)| {
            self.by_time.contains(&(failures.latest, subject.clone()))
        };
        let are_timed = self.by.len() == self.by_time.len() && self.by.iter().all(is_timed);
        let is_bounded = self.by.len() <= REMEMBERED_MAX && self.familiar.len() <= REMEMBERED_MAX;
        match (are_timed, is_bounded) {
            (false, _) => Err("wrong passwords are found by their time".to_owned()),
            (_, false) => Err("no more wrong passwords are remembered than may be".to_owned()),
            (true, true) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a point to count from")]

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_wrong_password_makes_the_next_one_wait_longer() {
        let (mut login_backoff, start) = (LoginBackoff::default(), Instant::now());
        let (here, ann): (Arc<str>, Arc<str>) = ("192.0.2.1".into(), "ann".into());
        for _ in 0..FREE_OF_ADDRESS {
            assert_eq!(login_backoff.pause(start, Some(&here), &ann), None);
            login_backoff.add(start, Some(&here), Some(&ann));
        }
        assert_eq!(login_backoff.pause(start, Some(&here), &ann), Some(SECOND));
        login_backoff.add(start, Some(&here), Some(&ann));
        assert_eq!(login_backoff.pause(start, Some(&here), &ann), Some(2 * SECOND));
        assert_eq!(login_backoff.pause(start + 2 * SECOND, Some(&here), &ann), None);
        for _ in 0..20 {
            login_backoff.add(start, Some(&here), Some(&ann));
        }
        assert_eq!(login_backoff.pause(start, Some(&here), &ann), Some(PAUSE_OF_ADDRESS_MAX));
        // From elsewhere the account waits too, but not for long, and not where its owner has been.
        let (home, far): (Arc<str>, Arc<str>) = ("192.0.2.9".into(), "198.51.100.1".into());
        login_backoff.forgive(&home, &ann);
        assert_eq!(login_backoff.pause(start, Some(&far), &ann), Some(PAUSE_OF_ACCOUNT_MAX));
        assert_eq!(login_backoff.pause(start, Some(&home), &ann), None);
        assert_eq!(login_backoff.pause(start, Some(&far), &"bob".into()), None);
        let later = start + FORGOTTEN_AFTER + SECOND;
        login_backoff.add(later, Some(&here), None);
        assert_eq!(login_backoff.pause(later, Some(&here), &ann), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut login_backoff, start) = (LoginBackoff::default(), Instant::now());
        for number in 0..=REMEMBERED_MAX {
            let account: Arc<str> = format!("account{number}").into();
            login_backoff.add(
                start + SECOND * u32::try_from(number).unwrap(),
                None,
                Some(&account),
            );
            login_backoff.forgive(&"192.0.2.1".into(), &account);
        }
        assert_eq!(login_backoff.by.len(), REMEMBERED_MAX);
        assert_eq!(login_backoff.by_time.len(), REMEMBERED_MAX);
        assert_eq!(login_backoff.familiar.len(), REMEMBERED_MAX);
        assert!(!login_backoff.by.contains_key(&LoginSubject::Account("account0".into())));
    }

    #[test]
    fn a_subscriber_is_one_network() {
        assert_eq!(network_of("192.0.2.1"), "192.0.2.1".into());
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::2:3"));
        assert_ne!(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
        // As hosts are written that would begin with a colon.
        assert_eq!(network_of("0::1"), network_of("::2"));
    }
}
