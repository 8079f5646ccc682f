//! The accounts there are: those of the configuration, and those that people have registered. What is known of
//! the latter is what the changes that were kept say ([`crate::room_log::Change`]), one after the other: the same
//! code reads them when they are made and when the server starts anew.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use chat_core::proto::{CaseMapping, Nick};
use serde::{Deserialize, Serialize};

use crate::{
    auth::{self, Secret},
    config::Account,
    hub::state::{
        codec, confusables::ConfusableNames, presences, read_markers, silence_lists,
        staying::StayingPerson,
    },
    room_log::Change,
};

/// The first word of the paths of accounts.
pub(crate) const PATH: &str = "account";

/// The sign between the name and the number of an identity.
const NUMBER_SIGN: char = '!';

/// The account's name is in the configuration, where it can be changed.
pub(crate) const CONFIGURED: &str =
    "this account is in the server's configuration: ask whoever runs the server";

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct AccountDirectory {
    /// The registered accounts, by their folded names.
    registered: BTreeMap<Arc<str>, Registered>,
    configured: BTreeMap<Arc<str>, Account>,
    /// The accounts by what their names look like.
    names: ConfusableNames,
    /// Names on their way to be registered.
    pending: BTreeSet<Arc<str>>,
    /// The registered accounts by the day of their latest use; 0, where it is not known.
    by_use: BTreeSet<(u64, Arc<str>)>,
    /// The registered account each certificate logs in to.
    certificates: HashMap<Box<str>, Arc<str>>,
}

/// An account that somebody has registered.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) account: Account,
    /// The number that no other account has had or gets, also not one of the same name; empty where it was registered
    /// before accounts had numbers.
    number: Box<str>,
    pub(crate) since: SystemTime,
    /// The day of the latest login, counted from 1970; 0, where it is not known.
    pub(crate) used: u64,
    /// Its owner stays when the last of their connections has gone.
    pub(crate) stays: bool,
    /// It is shown what was said before in rooms that it comes into.
    pub(crate) replays: bool,
    /// Those of it who stay, as they are kept.
    staying: Vec<StayingPerson>,
}

/// The document at the path of an account.
#[derive(Serialize, Deserialize)]
struct AccountDocument {
    name: String,
    /// Seconds since 1970.
    since: u64,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    number: Box<str>,
}

/// A field of an account that a change is about, and the words that follow its name in the path.
#[derive(Debug, Clone, Copy)]
enum AccountField<'a> {
    Whole,
    Password,
    Certificate(&'a str),
    Replays,
    Staying,
    Stays,
    Used,
}

impl AccountField<'_> {
    fn path_of(self, key: &str) -> Arc<str> {
        match self {
            Self::Whole => format!("{PATH}\n{key}"),
            Self::Password => format!("{PATH}\n{key}\npassword"),
            Self::Replays => format!("{PATH}\n{key}\nreplays"),
            Self::Staying => format!("{PATH}\n{key}\nstaying"),
            Self::Stays => format!("{PATH}\n{key}\nstays"),
            Self::Used => format!("{PATH}\n{key}\nused"),
            Self::Certificate(fingerprint) => format!("{PATH}\n{key}\ncertificate\n{fingerprint}"),
        }
        .into()
    }

    fn set(self, key: &str, value: &impl Serialize) -> Change {
        let value = serde_json::to_string(value).expect("words and numbers can be written as JSON");
        Change::Set { path: self.path_of(key), value: value.into() }
    }

    fn remove(self, key: &str) -> Change {
        Change::Remove { path: self.path_of(key) }
    }
}

/// Certificates of one account.
pub(crate) const CERTIFICATES_MAX: usize = 10;

/// The change that makes an account of that name, with a number that none has had before.
pub(crate) fn register(
    name: &str,
    number: Box<str>,
    secret: &Secret,
    since: SystemTime,
) -> Vec<Change> {
    let key = fold(name);
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let document = AccountDocument { name: name.to_owned(), since, number };
    // What was on its way when an earlier account of that name ended is not this one's.
    let clean = AccountField::Whole.remove(&key);
    let password = AccountField::Password.set(&key, secret);
    let used = AccountField::Used.set(&key, &(since / codec::SECONDS_OF_DAY));
    vec![clean, AccountField::Whole.set(&key, &document), password, used]
}

/// The change that gives an account another password.
pub(crate) fn set_password(name: &str, secret: &Secret) -> Change {
    AccountField::Password.set(&fold(name), secret)
}

/// The change that lets a certificate log in to an account, or no more.
pub(crate) fn set_certificate(name: &str, fingerprint: &str, is_set: bool) -> Change {
    let fingerprint = fingerprint.to_ascii_lowercase();
    let part = AccountField::Certificate(&fingerprint);
    if is_set { part.set(&fold(name), &true) } else { part.remove(&fold(name)) }
}

/// The change that lets its owner stay without a connection, or no more.
pub(crate) fn set_staying(name: &str, is_set: bool) -> Change {
    if is_set {
        AccountField::Stays.set(&fold(name), &true)
    } else {
        AccountField::Stays.remove(&fold(name))
    }
}

/// The change that lets it be shown what was said before in rooms, or no more.
pub(crate) fn set_replaying(name: &str, is_set: bool) -> Change {
    let field = AccountField::Replays;
    if is_set { field.remove(&fold(name)) } else { field.set(&fold(name), &false) }
}

/// The changes that end an account, and all that was said with it in direct conversations.
pub(crate) fn drop_account(name: &str, identity: Arc<str>) -> Vec<Change> {
    let markers = format!("{}\n{identity}", read_markers::PATH).into();
    vec![
        AccountField::Whole.remove(&fold(name)),
        Change::Remove { path: markers },
        presences::forget(&identity),
        silence_lists::forget(&identity),
        Change::Forget { person: identity },
    ]
}

pub(crate) fn fold(name: &str) -> Cow<'_, str> {
    CaseMapping::Ascii.fold(name)
}

impl AccountDirectory {
    /// The accounts of the configuration are these from here on.
    pub(crate) fn configure(&mut self, accounts: &[Account]) {
        for (key, account) in std::mem::take(&mut self.configured) {
            if !self.registered.contains_key(&key) {
                self.names.remove(&key, &account.name);
            }
        }
        for account in accounts {
            let key: Arc<str> = fold(&account.name).into();
            self.names.add(&key, &account.name);
            self.configured.insert(key, account.clone());
        }
    }

    /// Takes a change: what is at `path` (the words behind [`PATH`]) is `value` from here on, or nothing is.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub(crate) fn take(&mut self, path: &[&str], value: Option<&str>) -> Result<(), String> {
        let read =
            |error: serde_json::Error| format!("the account {path:?} cannot be read: {error}");
        match (path, value) {
            ([key], Some(value)) => {
                let AccountDocument { name, since, number } =
                    serde_json::from_str(value).map_err(read)?;
                if Nick::new(&name).is_err() || fold(&name) != *key {
                    return Err(format!(
                        "the account {path:?} cannot be read: {name:?} is no name of it"
                    ));
                }
                let since = codec::second_at(since).ok_or_else(|| {
                    format!("the account {path:?} cannot be read: there is no second {since}")
                })?;
                let key: Arc<str> = (*key).into();
                self.pending.remove(&key);
                self.names.add(&key, &name);
                let account = Account {
                    name,
                    password: String::new(),
                    scram: None,
                    fingerprints: Vec::new(),
                };
                let registered = Registered {
                    account,
                    number,
                    since,
                    used: 0,
                    stays: false,
                    replays: true,
                    staying: Vec::new(),
                };
                self.by_use.insert((0, Arc::clone(&key)));
                if let Some(before) = self.registered.insert(Arc::clone(&key), registered)
                    && before.used > 0
                {
                    self.by_use.remove(&(before.used, key));
                }
            }
            ([key], None) => {
                let gone = self.registered.remove(*key);
                if let Some(gone) = &gone {
                    self.by_use.remove(&(gone.used, (*key).into()));
                    for fingerprint in &gone.account.fingerprints {
                        self.certificates.remove(&**fingerprint);
                    }
                }
                if let Some(gone) = gone.filter(|_| !self.configured.contains_key(*key)) {
                    self.names.remove(key, &gone.account.name);
                }
            }
            ([key, part @ ..], value) => {
                // The account may have ended while it was on its way.
                let Some(own) = self.registered.get_mut(*key) else { return Ok(()) };
                match (part, value) {
                    (["password"], Some(value)) => {
                        let Secret { argon2, scram } = serde_json::from_str(value).map_err(read)?;
                        if auth::is_costly(&argon2) {
                            return Err(format!(
                                "the account {path:?} cannot be read: checking its password costs more than a login may"
                            ));
                        }
                        own.account.password = argon2;
                        own.account.scram = Some(scram);
                    }
                    (["replays"], value) => own.replays = value.is_none(),
                    (["staying"], value) => {
                        let people = value.map(serde_json::from_str).transpose().map_err(read)?;
                        own.staying = people.unwrap_or_default();
                    }
                    (["stays"], value) => own.stays = value.is_some(),
                    (["used"], Some(value)) => {
                        let day = serde_json::from_str(value).map_err(read)?;
                        let before = std::mem::replace(&mut own.used, day);
                        self.by_use.remove(&(before, (*key).into()));
                        self.by_use.insert((day, (*key).into()));
                    }
                    (["certificate", fingerprint], value) => {
                        let fingerprints = &mut own.account.fingerprints;
                        fingerprints.retain(|own| own != fingerprint);
                        fingerprints.extend(value.map(|_| (*fingerprint).to_owned()));
                        match value {
                            Some(_) => {
                                self.certificates.insert((*fingerprint).into(), (*key).into())
                            }
                            None => self.certificates.remove(*fingerprint),
                        };
                    }
                    _ => return Err(format!("{path:?} is no path of an account")),
                }
            }
            ([], _) => return Err("an account has a name".to_owned()),
        }
        Ok(())
    }

    /// Those who stay, by their accounts as these are written.
    pub(crate) fn staying(&self) -> Vec<(Arc<str>, Vec<StayingPerson>)> {
        let own = self.registered.iter().filter(|(key, own)| {
            own.stays && !own.staying.is_empty() && !self.configured.contains_key(*key)
        });
        own.map(|(_, own)| (own.account.name.as_str().into(), own.staying.clone())).collect()
    }

    /// Sets those of an account who stay; the change that keeps them, if they are others.
    pub(crate) fn set_staying(&mut self, name: &str, people: Vec<StayingPerson>) -> Option<Change> {
        let key = fold(name);
        let own = self.registered.get_mut(&*key).filter(|own| own.staying != people)?;
        own.staying = people;
        Some(if own.staying.is_empty() {
            AccountField::Staying.remove(&key)
        } else {
            AccountField::Staying.set(&key, &own.staying)
        })
    }

    /// Whether those of an account who stay are kept.
    pub(crate) fn keeps_staying(&self, name: &str) -> bool {
        let own = self.registered.get(&*fold(name));
        own.is_some_and(|own| own.stays || !own.staying.is_empty())
    }

    /// Takes note that a registered account is used on that day; the change that keeps it, if that is new.
    pub(crate) fn use_on(&mut self, name: &str, day: u64) -> Option<Change> {
        let key: Arc<str> = fold(name).into();
        let own = self.registered.get_mut(&key).filter(|own| own.used < day)?;
        let before = std::mem::replace(&mut own.used, day);
        self.by_use.remove(&(before, Arc::clone(&key)));
        self.by_use.insert((day, Arc::clone(&key)));
        Some(AccountField::Used.set(&key, &day))
    }

    /// The registered account that nobody has used for longest, by its folded name, and the day when somebody did.
    pub(crate) fn longest_unused(&self) -> Option<(u64, Arc<str>)> {
        self.by_use.first().cloned()
    }

    /// The account of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Account> {
        let key = fold(name);
        let registered = || self.registered.get(&*key).map(|own| &own.account);
        self.configured.get(&*key).or_else(registered)
    }

    /// The account, if somebody has registered it.
    pub(crate) fn get_registered(&self, name: &str) -> Option<&Registered> {
        let key = fold(name);
        self.registered.get(&*key).filter(|_| !self.configured.contains_key(&*key))
    }

    /// The identity of the account of that name, as direct conversations name people: its name and its number, so that
    /// whoever registers the name of an account that is no more is somebody else. One of the configuration alone is its
    /// name: whoever writes the configuration says who that is.
    pub(crate) fn identity(&self, name: &str) -> Arc<str> {
        let key = fold(name);
        match self.registered.get(&*key).map(|own| &*own.number) {
            None | Some("") => format!("={key}").into(),
            // No name has that sign, and each has only signs behind it in the alphabet.
            Some(number) => format!("={key}{NUMBER_SIGN}{number}").into(),
        }
    }

    /// The account of that identity, if it is still there.
    pub(crate) fn by_identity(&self, identity: &str) -> Option<&Account> {
        let own = identity.strip_prefix('=')?;
        let name = own.split_once(NUMBER_SIGN).map_or(own, |(name, _)| name);
        self.get(name).filter(|_| *self.identity(name) == *identity)
    }

    /// The account that a certificate logs in to.
    pub(crate) fn of_certificate(&self, fingerprint: &str) -> Option<&Account> {
        let has = |account: &&Account| {
            account.fingerprints.iter().any(|own| own.eq_ignore_ascii_case(fingerprint))
        };
        let registered = || self.certificates.get(&*fingerprint.to_ascii_lowercase());
        let registered = || self.registered.get(registered()?).map(|own| &own.account);
        self.configured.values().find(has).or_else(registered)
    }

    /// Whether a name that looks like `nick` is that of somebody else than `account`.
    pub(crate) fn is_anothers(&self, nick: &str, account: Option<&str>) -> bool {
        self.names.is_anothers(nick, account.map(fold).as_deref())
    }

    /// Begins to register `name`; whether nobody else has it or does so.
    pub(crate) fn reserve(&mut self, name: &str) -> bool {
        self.get(name).is_none() && self.pending.insert(fold(name).into())
    }

    /// Releases the name of an account that could not be registered.
    pub(crate) fn release(&mut self, name: &str) {
        self.pending.remove(&*fold(name));
    }

    /// Checks that certificates lead to accounts that know them, and that nobody registers a name that is taken.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (fingerprint, key) in &self.certificates {
            let own = self.registered.get(key);
            let has = |own: &String| **own == **fingerprint;
            if !own.is_some_and(|own| own.account.fingerprints.iter().any(has)) {
                return Err(format!("the certificate {fingerprint} is known to its account {key}"));
            }
        }
        let is_found = |(key, own): (&Arc<str>, &Registered)| {
            self.by_use.contains(&(own.used, Arc::clone(key)))
        };
        if self.by_use.len() != self.registered.len() || !self.registered.iter().all(is_found) {
            return Err("accounts are found by their latest use".to_owned());
        }
        match self.pending.iter().find(|key| self.registered.contains_key(*key)) {
            Some(key) => Err(format!("{key} is registered, and not being registered")),
            None => Ok(()),
        }
    }

    /// The registered accounts, by their folded names.
    pub(crate) fn registered(&self) -> impl Iterator<Item = &Registered> {
        self.registered.values()
    }

    /// The number of accounts that have been registered, pending ones included.
    pub(crate) fn n_registered(&self) -> usize {
        self.registered.len() + self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> AccountDirectory {
        let mut accounts = AccountDirectory::default();
        let account = |name: &&str| Account {
            name: (*name).to_owned(),
            password: String::new(),
            scram: None,
            fingerprints: Vec::new(),
        };
        accounts.configure(&names.iter().map(account).collect::<Vec<_>>());
        accounts
    }

    #[test]
    fn names_that_look_alike_are_their_owners() {
        let accounts = with(&["Alice", "bob", "modern"]);
        for nick in ["alice", "ALICE", "AIice", "a1ice", "b0b", "BoB", "rnodern", "A|ice"] {
            assert!(accounts.is_anothers(nick, None), "{nick}");
        }
        for nick in ["alicia", "bobby", "ann", "modem2"] {
            assert!(!accounts.is_anothers(nick, None), "{nick}");
        }
        assert!(!accounts.is_anothers("a1ice", Some("ALICE")));
        assert!(accounts.is_anothers("a1ice", Some("bob")));
    }

    #[test]
    fn what_is_gone_is_nobodys() {
        let mut accounts = with(&["Alice"]);
        accounts.take(&["bob"], Some(r#"{"name":"Bob","since":0}"#)).unwrap();
        assert!(accounts.is_anothers("b0b", None));
        accounts.configure(&[]);
        assert!(!accounts.is_anothers("a1ice", None));
        accounts.take(&["bob"], None).unwrap();
        assert!(!accounts.is_anothers("b0b", None));
        assert!(accounts.names.is_empty());
        assert!(accounts.take(&["bob"], Some("{")).is_err());
        // What comes late for an account that has ended is nothing.
        accounts.take(&["bob", "stays"], Some("true")).unwrap();
        accounts.take(&["bob"], Some(r#"{"name":"Bob","since":0}"#)).unwrap();
        assert!(!accounts.get_registered("bob").unwrap().stays);
        assert_eq!(&*accounts.identity("Bob"), "=bob");
        assert!(accounts.take(&["bob", "shoe"], None).is_err());
        assert!(accounts.take(&[], None).is_err());
    }

    #[test]
    fn an_identity_is_that_of_one_account_and_of_no_other_of_its_name() {
        let mut accounts = with(&["Alice"]);
        let register = |accounts: &mut AccountDirectory, number: &str| {
            let document = format!(r#"{{"name":"Bob","since":0,"number":"{number}"}}"#);
            accounts.take(&["bob"], Some(&document)).unwrap();
            accounts.identity("BOB")
        };
        let first = register(&mut accounts, "1");
        assert_eq!(accounts.by_identity(&first).map(|own| &*own.name), Some("Bob"));
        accounts.take(&["bob"], None).unwrap();
        assert!(accounts.by_identity(&first).is_none());
        let second = register(&mut accounts, "2");
        assert_ne!(first, second);
        assert!(accounts.by_identity(&first).is_none() && accounts.by_identity("=bob").is_none());
        assert!(accounts.by_identity(&second).is_some() && accounts.by_identity("bob").is_none());
        // One of the configuration is its name.
        assert_eq!(&*accounts.identity("ALICE"), "=alice");
        assert!(accounts.by_identity("=alice").is_some() && accounts.by_identity("=ann").is_none());
    }
}
