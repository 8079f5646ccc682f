//! Accounts and all that is known of them: who logs in and how often in vain, who may not come here, and up to where people
//! have read.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::proto::CaseMapping;

use crate::{
    auth::scram,
    config::Account,
    hub::state::{
        account_directory::{self, AccountDirectory, Registered},
        account_request::Registrations,
        login_backoff::LoginBackoff,
        operator_trail::{self, OperatorAction, OperatorTrail},
        read_markers::{self, ReadMarker, ReadMarkers},
        sasl_exchange::{Sasl, Stage},
        server_ban::{self, Ban, Banned, Bans},
    },
    ids::{ConnId, IdMap},
    room_log::Change,
};

/// The time in which [`crate::Limits::registrations_per_hour_max`] are counted.
const HOUR: Duration = Duration::from_secs(3600);

/// Networks whose registrations are counted; above it all are counted anew.
const COUNTED_MAX: usize = 10_000;

/// A hash of no password: who asks for an account that is not there waits as long as who does not.
const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

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
    trail: OperatorTrail,
    /// The key of what is made up: the same each time, and nobody's guess.
    secret: scram::Key,
}

/// The directory.
impl Accounts {
    pub(crate) fn new(configured: &[Account], secret: scram::Key) -> Self {
        let mut directory = AccountDirectory::default();
        directory.configure(configured);
        Self {
            directory,
            login_backoff: LoginBackoff::default(),
            registrations: Registrations::new(),
            exchanges: IdMap::default(),
            bans: Bans::new(),
            markers: ReadMarkers::default(),
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

    /// Begins to register `name`; whether nobody else has it or does so.
    pub(crate) fn reserve(&mut self, name: &str) -> bool {
        self.directory.reserve(name)
    }

    /// Gives up to register `name`.
    pub(crate) fn release(&mut self, name: &str) {
        self.directory.release(name);
    }

    /// The number of accounts that have been registered, pending ones included.
    pub(crate) fn n_registered(&self) -> usize {
        self.directory.n_registered()
    }

    /// Counts an account that is registered from a network; whether there were no more than `n_max` in an hour.
    pub(crate) fn count_registration(
        &mut self,
        now: Instant,
        network: Arc<str>,
        n_max: u32,
    ) -> bool {
        if self.registrations.len() >= COUNTED_MAX {
            self.registrations.clear();
        }
        let (n, since) = self.registrations.entry(network).or_insert((0, now));
        if now.saturating_duration_since(*since) >= HOUR {
            (*n, *since) = (0, now);
        }
        *n += 1;
        *n <= n_max
    }

    /// Takes a change of accounts, read markers, server bans or the trail of operators; `None` if it is one of something else.
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
            operator_trail::PATH => Some(self.trail.take(rest, value)),
            server_ban::PATH => Some(server_ban::take(&mut self.bans, rest, value)),
            _ => None,
        }
    }
}

/// Logins.
impl Accounts {
    pub(crate) fn secret(&self) -> &scram::Key {
        &self.secret
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
        self.exchanges.get(&conn).is_some_and(|sasl| matches!(sasl.stage, Stage::Checking))
    }

    /// Counts a wrong password.
    pub(crate) fn count_failure(
        &mut self,
        now: Instant,
        network: Option<&Arc<str>>,
        account: Option<&str>,
    ) {
        let account = account.map(|account| CaseMapping::Ascii.fold(account).into());
        self.login_backoff.add(now, network, account.as_ref());
    }

    /// The pause before the next password from `network` for `account`, if there is one.
    pub(crate) fn pause(
        &self,
        now: Instant,
        network: Option<&Arc<str>>,
        account: &str,
    ) -> Option<Duration> {
        self.login_backoff.pause(now, network, &CaseMapping::Ascii.fold(account).into())
    }

    /// A password from `network` for `account` was right.
    pub(crate) fn forgive(&mut self, network: &Arc<str>, account: &str) {
        self.login_backoff.forgive(network, &CaseMapping::Ascii.fold(account).into());
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

    /// Changes that move a marker to `time`, and make place for it.
    pub(crate) fn marker_changes(&self, mark: &ReadMarker, time: SystemTime) -> Vec<Change> {
        self.markers.changes(mark, time)
    }

    /// Renames markers `from` to `to`. Gives the changes that persist that.
    pub(crate) fn rename_markers(&mut self, from: &Arc<str>, to: &Arc<str>) -> Vec<Change> {
        self.markers.rename(from, to)
    }

    /// A guest has gone.
    pub(crate) fn forget_markers(&mut self, identity: &str) {
        self.markers.forget(identity);
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
        hash.unwrap_or_else(|| NO_PASSWORD.to_owned())
    }

    /// Checks all that must hold of accounts by themselves.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.directory.check()?;
        self.trail.check()?;
        self.login_backoff.check()
    }
}
