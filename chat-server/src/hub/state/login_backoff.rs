//! The back-off of guesses: each look at a secret of anybody's is counted before it is made, and given back when it was
//! right, so that guessing becomes slow however many guesses are begun at once.
//!
//! A guess is counted three times: for the pair of who guesses and what is guessed, for who guesses at whatever, and for
//! what is guessed by whomever. The last keeps nobody from anything by itself, or strangers could keep the owner out: it
//! leaves each network one guess in a while in the place of several, so a first try is always looked at.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;

use crate::{
    config::RateLimit,
    hub::state::{
        guess_tally::{Counted, FORGOTTEN_AFTER, REMEMBERED_MAX, Tally},
        guesser::{Guesser, LoginSubject, key_of},
    },
};

/// Wrong guesses of one network at one secret that cost nothing.
const FREE_OF_PAIR: u32 = 5;

/// Wrong guesses of one network at whatever that cost nothing.
const FREE_OF_NETWORK: u32 = 10;

/// Wrong guesses at one secret by everybody, above which each network has one that costs nothing.
const FREE_OF_SUBJECT: u32 = 10;

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// The longest pause where others are met by it who have done nothing: all who share an address that is exempt, or a
/// secret that everybody is to know.
const PAUSE_OF_MANY_MAX: Duration = Duration::from_secs(30);

/// Networks from which somebody has logged in to an account, remembered for each account: strangers' guesses do
/// not slow them down.
const FAMILIAR_MAX: usize = 4;

/// More than all that is lost in counting with fractions.
const ROUNDING: Duration = Duration::from_millis(1);

/// A guess that is counted, and to be looked at.
#[derive(Debug)]
pub(crate) struct Guess {
    guesser: Guesser,
    subject: LoginSubject,
    at: Instant,
    /// The entries it was counted under, each with the guess before.
    counted: Vec<(Counted, Option<Instant>)>,
}

/// The back-off of guesses (see the module).
#[derive(Debug, Default)]
pub(crate) struct LoginBackoff {
    networks: Tally,
    pairs: Tally,
    subjects: Tally,
    /// The familiar networks by account, the latest first.
    familiar: BTreeMap<Arc<str>, VecDeque<IpNet>>,
    /// The time from which a network may ask for as many passwords to be checked at once as it may at most.
    rested_from: BTreeMap<IpNet, Instant>,
}

impl LoginBackoff {
    /// The pause before the next guess of `guesser` at `subject`, if there is one.
    pub(crate) fn pause(
        &self,
        now: Instant,
        guesser: Guesser,
        subject: &LoginSubject,
    ) -> Option<Duration> {
        let is_familiar = self.is_familiar(guesser, subject);
        let n_by_all = self.subjects.n(now, &Counted::Subject(subject.clone()));
        let free = match (guesser.is_exempt, n_by_all >= FREE_OF_SUBJECT && !is_familiar) {
            (true, _) => FREE_OF_SUBJECT,
            (false, true) => 1,
            (false, false) => FREE_OF_PAIR,
        };
        let is_of_many = guesser.is_exempt || subject.is_shared();
        let max = if is_of_many { PAUSE_OF_MANY_MAX } else { PAUSE_MAX };
        let of_pair = guesser.networks().filter_map(|(network, times)| {
            let pair = Counted::Pair(network, subject.clone());
            self.pairs.pause(now, &pair, free * times, max)
        });
        let of_network = guesser.networks().filter_map(|(network, times)| {
            let network = Counted::Network(network);
            self.networks.pause(now, &network, FREE_OF_NETWORK * times, PAUSE_MAX)
        });
        let of_network = of_network.filter(|_| !is_of_many && !is_familiar);
        of_pair.chain(of_network).max()
    }

    /// Counts a guess that is to be looked at now.
    ///
    /// # Errors
    /// The pause before it may be.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        guesser: Guesser,
        subject: LoginSubject,
    ) -> Result<Guess, Duration> {
        if let Some(pause) = self.pause(now, guesser, &subject) {
            return Err(pause);
        }
        let mut keys = vec![Counted::Subject(subject.clone())];
        for (network, _) in guesser.networks() {
            keys.push(Counted::Pair(network, subject.clone()));
            if !guesser.is_exempt && !subject.is_shared() {
                keys.push(Counted::Network(network));
            }
        }
        let count = |key: Counted| {
            let before = self.tally(&key).add(now, &key);
            (key, before)
        };
        let counted = keys.into_iter().map(count).collect();
        Ok(Guess { guesser, subject, at: now, counted })
    }

    fn tally(&mut self, key: &Counted) -> &mut Tally {
        match key {
            Counted::Network(_) => &mut self.networks,
            Counted::Pair(..) => &mut self.pairs,
            Counted::Subject(_) => &mut self.subjects,
        }
    }

    /// Takes back a guess that nobody has looked at.
    pub(crate) fn give_back(&mut self, guess: &Guess) {
        for (key, before) in &guess.counted {
            self.tally(key).give_back(key, 1, guess.at, *before);
        }
    }

    /// A guess was right: it was none, and nor were those before it of the same pair.
    pub(crate) fn was_right(&mut self, now: Instant, guess: &Guess) {
        self.give_back(guess);
        self.forgive(now, guess.guesser, &guess.subject);
    }

    /// Forgets the wrong guesses of a pair, and no others: who is at `guesser` has proved that they know `subject`.
    pub(crate) fn forgive(&mut self, now: Instant, guesser: Guesser, subject: &LoginSubject) {
        let near = Counted::Pair(guesser.origin.near, subject.clone());
        let n = self.pairs.n(now, &near);
        let mut keys = vec![Counted::Subject(subject.clone())];
        for (network, _) in guesser.networks() {
            keys.push(Counted::Pair(network, subject.clone()));
            if !guesser.is_exempt && !subject.is_shared() {
                keys.push(Counted::Network(network));
            }
        }
        for key in keys.iter().filter(|_| n > 0) {
            self.tally(key).give_back(key, n, now, None);
        }
        if let LoginSubject::Account(account) = subject {
            if self.familiar.len() >= REMEMBERED_MAX && !self.familiar.contains_key(account) {
                self.familiar.pop_first();
            }
            let familiar = self.familiar.entry(Arc::clone(account)).or_default();
            familiar.retain(|own| *own != guesser.origin.near);
            familiar.push_front(guesser.origin.near);
            familiar.truncate(FAMILIAR_MAX);
        }
    }

    /// Forgets the networks that the owner of an account has logged in from.
    pub(crate) fn forget_networks(&mut self, account: &str) {
        self.familiar.remove(&key_of(account));
    }

    fn is_familiar(&self, guesser: Guesser, subject: &LoginSubject) -> bool {
        let LoginSubject::Account(account) = subject else { return false };
        self.familiar.get(account).is_some_and(|own| own.contains(&guesser.origin.near))
    }

    /// Counts a password that is to be checked or hashed, whether it is right or not.
    ///
    /// # Errors
    /// The pause before it may be.
    pub(crate) fn count_check(
        &mut self,
        now: Instant,
        guesser: Guesser,
        limit: Option<RateLimit>,
    ) -> Result<(), Duration> {
        let Some(limit) = limit.filter(|_| !guesser.is_exempt) else { return Ok(()) };
        let mut later = Vec::new();
        for (network, times) in guesser.networks() {
            let rate = limit.per_second * times as f32;
            let [one, full] = [1.0, limit.burst * times as f32].map(|n_checks| {
                Duration::try_from_secs_f32(n_checks / rate).unwrap_or(FORGOTTEN_AFTER)
            });
            let from = self.rested_from.get(&network).map_or(now, |from| now.max(*from));
            let over = (from + one).saturating_duration_since(now).saturating_sub(full);
            if over > ROUNDING {
                return Err(over);
            }
            later.push((network, from + one));
        }
        if self.rested_from.len() + later.len() > REMEMBERED_MAX {
            self.rested_from.retain(|_, from| *from > now);
        }
        if self.rested_from.len() + later.len() > REMEMBERED_MAX {
            // Nobody is kept out for it: all are counted anew.
            self.rested_from.clear();
        }
        self.rested_from.extend(later);
        Ok(())
    }

    /// Checks that all that is remembered is found by its time, and has its bound.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        [&self.networks, &self.pairs, &self.subjects].into_iter().try_for_each(Tally::check)?;
        let is_bounded =
            self.familiar.len() <= REMEMBERED_MAX && self.rested_from.len() <= REMEMBERED_MAX;
        if is_bounded {
            Ok(())
        } else {
            Err("no more logins are remembered than may be".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a point to count from")]

    use super::*;
    use crate::{hub::state::guesser::WIDE, origin::Origin};

    const SECOND: Duration = Duration::from_secs(1);

    fn at(host: &str) -> Guesser {
        Guesser { origin: Origin::of_host(host), is_exempt: false }
    }

    fn account(name: &str) -> LoginSubject {
        LoginSubject::account(name)
    }

    /// The number of wrong guesses of many made at once that are looked at.
    fn n_seen(
        backoff: &mut LoginBackoff,
        now: Instant,
        guesses: impl IntoIterator<Item = (String, LoginSubject)>,
    ) -> usize {
        let looked_at =
            |(host, subject): (String, LoginSubject)| backoff.take(now, at(&host), subject).is_ok();
        guesses.into_iter().map(looked_at).filter(|own| *own).count()
    }

    #[test]
    fn each_wrong_password_makes_the_next_one_wait_longer() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let here = at("192.0.2.1");
        for _ in 0..FREE_OF_PAIR {
            assert!(backoff.take(start, here, account("ann")).is_ok());
        }
        assert_eq!(backoff.pause(start, here, &account("Ann")), Some(SECOND));
        assert_eq!(backoff.take(start, here, account("ann")).unwrap_err(), SECOND);
        let mut now = start + SECOND;
        assert!(backoff.take(now, here, account("ann")).is_ok());
        assert_eq!(backoff.pause(now, here, &account("ann")), Some(2 * SECOND));
        while let Some(pause) = backoff.pause(now, here, &account("ann"))
            && pause < PAUSE_MAX
        {
            now += pause;
            assert!(backoff.take(now, here, account("ann")).is_ok());
        }
        assert_eq!(backoff.pause(now, here, &account("ann")), Some(PAUSE_MAX));
        // From elsewhere each network has one look, and its owner has several where they have been.
        let (home, far) = (at("192.0.2.9"), at("198.51.100.1"));
        backoff.forgive(now, home, &account("ann"));
        for (whose, n_free) in [(far, 1), (home, FREE_OF_PAIR)] {
            for _ in 0..n_free {
                assert!(backoff.take(now, whose, account("ann")).is_ok());
            }
            assert_eq!(backoff.pause(now, whose, &account("ann")), Some(SECOND));
        }
        let later = now + FORGOTTEN_AFTER + SECOND;
        assert_eq!(backoff.pause(later, here, &account("ann")), None);
    }

    /// However many come from new addresses, who comes from another one is looked at.
    #[test]
    fn the_owner_is_looked_at_from_a_new_address_while_strangers_guess() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let strangers = (0..200).map(|n| (format!("198.51.100.{n}"), account("ann")));
        assert!(n_seen(&mut backoff, start, strangers) >= 200);
        for n in 0..74 {
            let (now, new) = (start + n * SECOND, at(&format!("203.0.113.{n}")));
            let guess = backoff.take(now, new, account("ann")).unwrap();
            backoff.was_right(now, &guess);
            let stranger = at(&format!("198.51.100.{n}"));
            assert_eq!(backoff.take(now, stranger, account("ann")).is_ok(), n > 0, "one each");
            backoff.check().unwrap();
        }
    }

    #[test]
    fn one_success_forgets_only_its_own_pair() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let here = at("192.0.2.1");
        // Names of others, one after the other, with a login to one's own account between them.
        let mut n_seen = 0;
        for n in 0..40 {
            n_seen += usize::from(backoff.take(start, here, account(&format!("a{n}"))).is_ok());
            if let Ok(own) = backoff.take(start, here, account("own")) {
                backoff.was_right(start, &own);
            }
        }
        assert_eq!(n_seen, FREE_OF_NETWORK as usize);
        // Who logs in there as ever is not met by it, and who mistyped has not done so when they are in.
        assert_eq!(backoff.pause(start, here, &account("own")), None);
        let home = at("192.0.2.2");
        for _ in 0..3 {
            for _ in 0..FREE_OF_PAIR - 1 {
                assert!(backoff.take(start, home, account("bob")).is_ok());
            }
            let right = backoff.take(start, home, account("bob")).unwrap();
            backoff.was_right(start, &right);
        }
        // A pair that guessed is slow, also where the account's owner has logged in.
        for _ in 0..FREE_OF_PAIR {
            assert!(backoff.take(start, home, account("bob")).is_ok());
        }
        assert!(backoff.take(start, home, account("bob")).is_err());
        backoff.check().unwrap();
    }

    #[test]
    fn what_is_given_back_was_never_there() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let here = at("192.0.2.1");
        for _ in 0..FREE_OF_PAIR {
            assert!(backoff.take(start, here, account("ann")).is_ok());
        }
        let now = start + SECOND;
        let guess = backoff.take(now, here, account("ann")).unwrap();
        assert_eq!(backoff.pause(now, here, &account("ann")), Some(2 * SECOND));
        backoff.give_back(&guess);
        assert_eq!(backoff.pause(now, here, &account("ann")), None);
        backoff.check().unwrap();
    }

    /// A /48 guesses as four of its parts do, however many it has; a /24 is many people's.
    #[test]
    fn a_wide_network_guesses_as_few_do() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let six = |n: usize| format!("2001:db8:1:{n:x}::1");
        let guesses = (0..1000).map(|n| (six(n), LoginSubject::operator("root")));
        // Before all have guessed too often each of them has several, and then all have one.
        let n_of_one_name = n_seen(&mut backoff, start, guesses);
        assert!(n_of_one_name <= 20, "{n_of_one_name}");
        let guesses = (0..1000).map(|n| (six(n), account(&format!("a{n}"))));
        let n_of_many = n_seen(&mut backoff, start, guesses) + n_of_one_name;
        assert_eq!(n_of_many, (FREE_OF_NETWORK * WIDE) as usize);
        let elsewhere = at("2001:db8:2::1");
        assert!(backoff.take(start, elsewhere, LoginSubject::operator("root")).is_ok());
    }

    /// Where many share an address, or everybody shares the secret, nobody is kept out for long.
    #[test]
    fn what_many_share_is_slowed_for_a_moment() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let school = Guesser { is_exempt: true, ..at("192.0.2.1") };
        let mut now = start;
        for _ in 0..100 {
            if let Err(pause) = backoff.take(now, school, account("ann")) {
                now += pause;
            }
        }
        assert_eq!(backoff.pause(now, school, &account("bob")), None);
        assert!(backoff.pause(now, school, &account("ann")).unwrap() <= PAUSE_OF_MANY_MAX);
        let here = at("198.51.100.1");
        for n in 0..100 {
            let _ = backoff.take(start, here, account(&format!("a{n}")));
        }
        for _ in 0..FREE_OF_PAIR {
            assert!(backoff.take(start, here, LoginSubject::Server).is_ok());
        }
        assert_eq!(backoff.take(start, here, LoginSubject::Server).unwrap_err(), SECOND);
    }

    #[test]
    fn checks_are_counted_also_when_they_are_right() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let limit = Some(RateLimit { burst: 3.0, per_second: 0.5 });
        let here = at("192.0.2.1");
        for _ in 0..3 {
            assert_eq!(backoff.count_check(start, here, limit), Ok(()));
        }
        assert_eq!(backoff.count_check(start, here, limit), Err(2 * SECOND));
        assert_eq!(backoff.count_check(start, at("192.0.2.2"), limit), Ok(()));
        assert_eq!(backoff.count_check(start + 2 * SECOND, here, limit), Ok(()));
        assert_eq!(backoff.count_check(start, here, None), Ok(()));
        let school = Guesser { is_exempt: true, ..here };
        assert_eq!(backoff.count_check(start, school, limit), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut backoff, start) = (LoginBackoff::default(), Instant::now());
        let limit = Some(RateLimit { burst: 3.0, per_second: 0.01 });
        for n in 0..=u32::try_from(REMEMBERED_MAX).unwrap() {
            let (name, host) =
                (format!("a{n}"), format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255));
            let now = start + n * SECOND / 100;
            assert!(backoff.take(now, at(&host), account(&name)).is_ok());
            backoff.forgive(now, at("192.0.2.1"), &account(&name));
            assert!(backoff.count_check(now, at(&host), limit).is_ok());
        }
        backoff.check().unwrap();
        for tally in [&backoff.networks, &backoff.pairs, &backoff.subjects] {
            assert_eq!(tally.len(), REMEMBERED_MAX);
        }
        assert_eq!(backoff.familiar.len(), REMEMBERED_MAX);
        assert_eq!(backoff.subjects.n(start, &Counted::Subject(account("a0"))), 0);
    }

    #[test]
    fn names_that_cannot_be_nicks_are_one() {
        let long = |letter: &str| account(&letter.repeat(5000));
        assert_eq!(long("x"), long("y"));
        assert_eq!(account("a b"), long("x"));
        assert_eq!(account("ANN"), account("ann"));
        assert_ne!(account("ann"), LoginSubject::operator("ann"));
    }
}
