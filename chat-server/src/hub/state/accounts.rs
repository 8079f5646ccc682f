//! Accounts and all that is known of them: who logs in and how often in vain, who may not come here, and up to where people
//! have read.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::proto::CaseMapping;

use crate::{
    auth::{NO_PASSWORD, scram},
    config::{Account, RateLimit},
    hub::state::{
        account_directory::{self, AccountDirectory, Registered},
        account_request::Registrations,
        guesser::{Guesser, LoginSubject},
        login_backoff::{Guess, LoginBackoff},
        operator_trail::{self, OperatorAction, OperatorTrail},
        presences::{self, Place, Presence, Presences},
        read_markers::{self, ReadMarker, ReadMarkers},
        sasl_exchange::{Sasl, Stage},
        server_ban::{self, Ban, Banned, Bans},
        server_secret::{self, ServerSecret},
        silence_lists::{self, SilenceEntry, SilenceLists},
        staying::StayingPerson,
    },
    ids::{ConnId, IdMap},
    room_log::Change,
};

/// The time in which [`crate::Limits::registrations_per_hour_max`] are counted.
const HOUR: Duration = Duration::from_secs(3600);

/// Networks whose registrations are counted; above it all are counted anew.
const COUNTED_MAX: usize = 10_000;

/// The accounts there are, and logins to them.
#[derive(Debug)]
pub(crate) struct Accounts {
    directory: AccountDirectory,
    login_backoff: LoginBackoff,
    registrations: Registrations,
    /// Logins under way.
    exchanges: IdMap<ConnId, Sasl>,
    bans: Bans,
    markers: ReadMarkers,
    presences: Presences,
    silences: SilenceLists,
    /// Accounts, by their folded names, of whose people who stay something has changed.
    stirred: BTreeSet<Arc<str>>,
    /// The time at which to look again for accounts that nobody has used for long.
    looks_at: SystemTime,
    trail: OperatorTrail,
    /// The source of what is made up: the same each time, and nobody's guess.
    secret: ServerSecret,
}

/// The directory.
impl Accounts {
    pub(crate) fn new(configured: &[Account], secret: ServerSecret) -> Self {
        let mut directory = AccountDirectory::default();
        directory.configure(configured);
        Self {
            directory,
            login_backoff: LoginBackoff::default(),
            registrations: Registrations::new(),
            exchanges: IdMap::default(),
            bans: Bans::new(),
            markers: ReadMarkers::default(),
            presences: Presences::default(),
            silences: SilenceLists::default(),
            stirred: BTreeSet::new(),
            looks_at: SystemTime::UNIX_EPOCH,
            trail: OperatorTrail::default(),
            secret,
        }
    }

    /// The accounts of the configuration are these from here on.
    pub(crate) fn configure(&mut self, accounts: &[Account]) {
        self.directory.configure(accounts);
    }

    /// The account of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Account> {
        self.directory.get(name)
    }

    /// The account of that name, if somebody has registered it.
    pub(crate) fn get_registered(&self, name: &str) -> Option<&Registered> {
        self.directory.get_registered(name)
    }

    /// The identity of the account of that name, as direct conversations name people.
    pub(crate) fn identity(&self, name: &str) -> Arc<str> {
        self.directory.identity(name)
    }

    /// The account of that identity, if it is still there.
    pub(crate) fn by_identity(&self, identity: &str) -> Option<&Account> {
        self.directory.by_identity(identity)
    }

    /// Whether an account was registered at that time. One that was not, and has no number, is not the one before it whose name
    /// it has.
    pub(crate) fn was_there(&self, account: Option<&str>, time: SystemTime) -> bool {
        let registered = account.and_then(|account| self.get_registered(account));
        registered.is_none_or(|own| own.since <= time)
    }

    /// An account has ended: where its owner has logged in from is nowhere near the next one of its name.
    pub(crate) fn forget_networks(&mut self, account: &str) {
        self.login_backoff.forget_networks(account);
    }

    /// Whether the owner of an account stays when the last of their connections has gone.
    pub(crate) fn stays(&self, account: Option<&str>) -> bool {
        account.and_then(|account| self.get_registered(account)).is_some_and(|own| own.stays)
    }

    /// The account that a certificate logs in to.
    pub(crate) fn of_certificate(&self, fingerprint: &str) -> Option<&Account> {
        self.directory.of_certificate(fingerprint)
    }

    /// Whether a name that looks like `nick` is that of somebody else than `account`.
    pub(crate) fn is_anothers(&self, nick: &str, account: Option<&str>) -> bool {
        self.directory.is_anothers(nick, account)
    }

    /// Takes note that a registered account is used on that day; the change that keeps it, if that is new.
    pub(crate) fn use_on(&mut self, name: &str, day: u64) -> Option<Change> {
        self.directory.use_on(name, day)
    }

    /// The registered account that nobody has used for longest, by its folded name, and the day when somebody did.
    pub(crate) fn longest_unused(&self) -> Option<(u64, Arc<str>)> {
        self.directory.longest_unused()
    }

    /// The time at which to look for accounts that nobody has used for long, if there are any accounts.
    pub(crate) fn looks_at(&self) -> Option<SystemTime> {
        (self.directory.n_registered() > 0).then_some(self.looks_at)
    }

    pub(crate) fn look_at(&mut self, time: SystemTime) {
        self.looks_at = time;
    }

    /// Begins to register `name`; whether nobody else has it or does so.
    pub(crate) fn reserve(&mut self, name: &str) -> bool {
        self.directory.reserve(name)
    }

    /// Gives up to register `name`.
    pub(crate) fn release(&mut self, name: &str) {
        self.directory.release(name);
    }

    /// The accounts that people have registered, by their folded names.
    pub(crate) fn registered(&self) -> impl Iterator<Item = &Registered> {
        self.directory.registered()
    }

    /// The number of accounts that have been registered, pending ones included.
    pub(crate) fn n_registered(&self) -> usize {
        self.directory.n_registered()
    }

    /// Counts an account that is registered from somewhere; whether there were no more than `n_max` in an hour, and in
    /// a wide network of one subscriber so many times as much.
    pub(crate) fn count_registration(
        &mut self,
        now: Instant,
        guesser: Guesser,
        n_max: u32,
    ) -> bool {
        if self.registrations.len() >= COUNTED_MAX {
            self.registrations.retain(|_, (_, since)| now.saturating_duration_since(*since) < HOUR);
        }
        if self.registrations.len() >= COUNTED_MAX {
            self.registrations.clear();
        }
        let mut may = true;
        for (network, times) in guesser.networks().filter(|_| !guesser.is_exempt) {
            let (n, since) = self.registrations.entry(network).or_insert((0, now));
            if now.saturating_duration_since(*since) >= HOUR {
                (*n, *since) = (0, now);
            }
            *n = n.saturating_add(1);
            may &= *n <= n_max.saturating_mul(times);
        }
        may
    }

    /// Takes a change of accounts, read markers, presences, silences, server bans, the trail of operators or the server's secret; `None` if it is one of something else.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take(
        &mut self,
        path: &[&str],
        value: Option<&str>,
    ) -> Option<Result<(), String>> {
        let (first, rest) = path.split_first()?;
        match *first {
            account_directory::PATH => Some(self.directory.take(rest, value)),
            read_markers::PATH => Some(self.markers.take(rest, value)),
            presences::PATH => Some(self.presences.take(rest, value)),
            silence_lists::PATH => Some(self.silences.take(rest, value)),
            operator_trail::PATH => Some(self.trail.take(rest, value)),
            server_secret::PATH => Some(self.secret.take(rest, value)),
            server_ban::PATH => Some(server_ban::take(&mut self.bans, rest, value)),
            _ => None,
        }
    }
}

/// Logins.
impl Accounts {
    /// The server's secret.
    pub(crate) fn secret(&self) -> &scram::Key {
        self.secret.key()
    }

    /// The changes that keep the server's secret, unless it is kept.
    pub(crate) fn keep_secret(&mut self) -> Vec<Change> {
        self.secret.keep().into_iter().collect()
    }

    pub(crate) fn set_exchange(&mut self, conn: ConnId, exchange: Sasl) {
        self.exchanges.insert(conn, exchange);
    }

    /// Ends an exchange, if there is one.
    pub(crate) fn take_exchange(&mut self, conn: ConnId) -> Option<Sasl> {
        self.exchanges.remove(&conn)
    }

    /// The connections on which an exchange is under way.
    pub(crate) fn exchanges(&self) -> impl Iterator<Item = ConnId> {
        self.exchanges.keys().copied()
    }

    /// Whether a password given in an exchange is under check.
    pub(crate) fn is_checking(&self, conn: ConnId) -> bool {
        let stage = self.exchanges.get(&conn).map(|sasl| &sasl.stage);
        matches!(stage, Some(Stage::Checking | Stage::CheckingPass))
    }

    /// Whether a password given with `PASS` is under check.
    pub(crate) fn is_checking_pass(&self, conn: ConnId) -> bool {
        self.exchanges.get(&conn).is_some_and(|sasl| matches!(sasl.stage, Stage::CheckingPass))
    }

    /// The pause before the next guess of `guesser` at `subject`, if there is one.
    pub(crate) fn pause(
        &self,
        now: Instant,
        guesser: Guesser,
        subject: &LoginSubject,
    ) -> Option<Duration> {
        self.login_backoff.pause(now, guesser, subject)
    }

    /// Counts a guess that is to be looked at now.
    ///
    /// # Errors
    /// The pause before it may be.
    pub(crate) fn take_guess(
        &mut self,
        now: Instant,
        guesser: Guesser,
        subject: LoginSubject,
    ) -> Result<Guess, Duration> {
        self.login_backoff.take(now, guesser, subject)
    }

    /// A guess was right: it was none.
    pub(crate) fn guess_was_right(&mut self, now: Instant, guess: &Guess) {
        self.login_backoff.was_right(now, guess);
    }

    /// Takes note that who is at `guesser` has logged in to `account`.
    pub(crate) fn forgive(&mut self, now: Instant, guesser: Guesser, account: &str) {
        self.login_backoff.forgive(now, guesser, &LoginSubject::account(account));
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
        self.login_backoff.count_check(now, guesser, limit)
    }
}

/// Server bans.
impl Accounts {
    /// The ban that is about somebody with that address and account.
    pub(crate) fn find_ban(
        &self,
        now: SystemTime,
        address: &str,
        account: Option<&str>,
    ) -> Option<&Ban> {
        let address: Option<IpAddr> = address.parse().ok();
        let account = account.map(|own| CaseMapping::Ascii.fold(own));
        let is_meant = |(banned, ban): &(&Banned, &Ban)| {
            ban.holds(now)
                && match banned {
                    Banned::Account(own) => account.as_deref() == Some(&**own),
                    Banned::Addresses(net) => address.is_some_and(|own| net.contains(&own)),
                }
        };
        self.bans.iter().find(is_meant).map(|(_, ban)| ban)
    }

    /// All bans, also those whose time is over.
    pub(crate) fn bans(&self) -> &Bans {
        &self.bans
    }
}

/// The trail of operators of the server.
impl Accounts {
    /// Notes an action. Gives the changes that persist that.
    pub(crate) fn note_operator_action(&mut self, action: OperatorAction) -> Vec<Change> {
        self.trail.add(action)
    }

    /// The latest `n` actions, the latest last.
    pub(crate) fn operator_actions(&self, n: usize) -> impl Iterator<Item = &OperatorAction> {
        self.trail.latest(n)
    }
}

/// Read markers.
impl Accounts {
    pub(crate) fn marker(&self, mark: &ReadMarker) -> Option<SystemTime> {
        self.markers.get(mark)
    }

    /// Moves a marker to `time`, if that is later.
    pub(crate) fn set_marker(&mut self, mark: ReadMarker, time: SystemTime) {
        self.markers.set(mark, time);
    }

    /// Changes that move a marker to `time`, and make place for it where there are `n_over` too many.
    pub(crate) fn marker_changes(
        &self,
        mark: &ReadMarker,
        time: SystemTime,
        n_over: usize,
    ) -> Vec<Change> {
        self.markers.changes(mark, time, n_over)
    }

    /// The number of markers of somebody, by their identity.
    pub(crate) fn n_markers(&self, identity: &str) -> usize {
        self.markers.n_of(identity)
    }

    /// Whether somebody has a marker of the conversation that stands so in a path.
    pub(crate) fn has_marker(&self, identity: &str, of: &str) -> bool {
        self.markers.has(identity, of)
    }

    /// A guest has gone, with all that is known of them.
    pub(crate) fn forget_guest(&mut self, identity: &str) {
        self.markers.forget(identity);
        self.silences.forget(identity);
    }
}

/// Silences.
impl Accounts {
    pub(crate) fn silences(&self) -> &SilenceLists {
        &self.silences
    }

    /// A guest silences a mask, or no more.
    pub(crate) fn set_silence(&mut self, silence: &SilenceEntry, is_set: bool) {
        self.silences.set(silence, is_set);
    }
}

/// Those who stay without a connection.
impl Accounts {
    /// Takes note that something has changed of somebody of an account, who may stay.
    pub(crate) fn stir(&mut self, account: Option<&str>) {
        if let Some(account) = account.filter(|account| self.directory.keeps_staying(account)) {
            self.stirred.insert(account_directory::fold(account).into());
        }
    }

    /// Takes one of the accounts of whose people something has changed.
    pub(crate) fn take_stirred(&mut self) -> Option<Arc<str>> {
        self.stirred.pop_first()
    }

    /// Those who stay, by their accounts.
    pub(crate) fn staying(&self) -> Vec<(Arc<str>, Vec<StayingPerson>)> {
        self.directory.staying()
    }

    /// Sets those of an account who stay; the change that keeps them, if they are others.
    pub(crate) fn set_staying(&mut self, name: &str, people: Vec<StayingPerson>) -> Option<Change> {
        self.directory.set_staying(name, people)
    }
}

/// Presences.
impl Accounts {
    /// The server before has written nothing that is later than `time`.
    pub(crate) fn begin_after(&mut self, time: SystemTime) {
        self.presences.begin_after(time);
    }

    pub(crate) fn presence(&self, identity: &str, place: Place) -> Presence {
        self.presences.get(identity, place)
    }

    /// Sets a presence. Gives the changes that persist that.
    pub(crate) fn set_presence(
        &mut self,
        identity: &Arc<str>,
        place: Place,
        presence: Presence,
    ) -> Vec<Change> {
        self.presences.set(identity, place, presence)
    }

    /// Whether an account is shown what was said before in rooms that it comes into.
    pub(crate) fn replays(&self, account: &str) -> bool {
        self.get_registered(account).is_none_or(|own| own.replays)
    }
}

impl Accounts {
    /// The server has ended: nobody logs in any more.
    pub(crate) fn clear(&mut self) {
        self.exchanges.clear();
    }

    /// The hash to hold a password for `account` against, whether there is such an account or not.
    pub(crate) fn hash_of(&self, account: &str) -> String {
        let hash = self.get(account).map(|account| account.password.clone());
        // Who may log in by other means alone has no hash, and that is not told either.
        hash.filter(|hash| !hash.is_empty()).unwrap_or_else(|| NO_PASSWORD.to_owned())
    }

    /// Checks all that must hold of accounts by themselves.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.directory.check()?;
        self.markers.check()?;
        self.presences.check()?;
        self.silences.check()?;
        self.trail.check()?;
        self.login_backoff.check()
    }
}
