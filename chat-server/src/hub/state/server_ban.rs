//! Server bans: addresses and accounts that may not come here, for how long, and why. They are persisted ([`crate::room_log::Change`]).

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use chat_core::proto::CaseMapping;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{
    hub::state::{codec, list_entry::Terms, masks},
    room_log::Change,
};

/// The first word of the paths of bans.
pub(crate) const PATH: &str = "ban";

/// The subject of a server ban.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Banned {
    /// An account, by its folded name.
    Account(Arc<str>),
    Addresses(IpNet),
}

/// A ban.
#[derive(Debug, Clone)]
pub(crate) struct Ban {
    /// The nick of who has made it.
    pub(crate) by: Arc<str>,
    pub(crate) at: SystemTime,
    pub(crate) terms: Terms,
}

/// All of them; those whose time is over hold no more, and make place for others.
pub(crate) type Bans = BTreeMap<Banned, Ban>;

#[derive(Serialize, Deserialize)]
pub(crate) struct BanDocument {
    pub(crate) by: Arc<str>,
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) terms: Terms,
}

impl Banned {
    /// `192.0.2.0/24`, an address, or the name of an account behind `~a:`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        match masks::account_of(text) {
            Some("") => None,
            Some(account) => Some(Self::account(account)),
            None => masks::network(text).map(Self::Addresses),
        }
    }

    /// The account of that name.
    pub(crate) fn account(name: &str) -> Self {
        Self::Account(CaseMapping::Ascii.fold(name).into())
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Account(account) => format!("~a:{account}"),
            Self::Addresses(net) => net.to_string(),
        }
    }

    pub(crate) fn path(&self) -> Arc<str> {
        format!("{PATH}\n{}", self.shown()).into()
    }

    /// The change that lifts a ban.
    pub(crate) fn lift(&self) -> Change {
        Change::Remove { path: self.path() }
    }

    /// The change that bans them.
    pub(crate) fn ban(&self, ban: &Ban) -> Change {
        let document = BanDocument {
            by: Arc::clone(&ban.by),
            at: codec::milliseconds(ban.at),
            terms: ban.terms.clone(),
        };
        codec::set(self.path(), &document)
    }
}

/// Takes a change: what is at `path` (the words behind [`PATH`]) is `value` from here on.
///
/// # Errors
/// A sentence, if it is nothing that this version writes.
pub(crate) fn take(bans: &mut Bans, path: &[&str], value: Option<&str>) -> Result<(), String> {
    let [banned] = path else { return Err(format!("{path:?} is no path of a ban")) };
    let banned = Banned::read(banned).ok_or_else(|| format!("{banned} cannot be banned"))?;
    match value {
        None => bans.remove(&banned),
        Some(value) => {
            let BanDocument { by, at, terms } = codec::read(path, value)?;
            bans.insert(banned, Ban { by, at: codec::time_at(at), terms })
        }
    };
    Ok(())
}

impl Ban {
    /// Whether its time is not over.
    pub(crate) fn holds(&self, now: SystemTime) -> bool {
        self.terms.until.is_none_or(|until| now < until)
    }

    /// The text that those whom it is about read.
    pub(crate) fn text(&self) -> String {
        format!("You are banned from this server{}", self.terms.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_banned_is_read_as_it_is_shown() {
        for (text, shown) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.7/24", Some("192.0.2.0/24")),
            ("2001:db8::1/32", Some("2001:db8::/32")),
            ("~a:Ann", Some("~a:ann")),
            ("~account:ANN", Some("~a:ann")),
            ("~a:", None),
            ("ann", None),
            ("*!*@*", None),
        ] {
            let banned = Banned::read(text);
            assert_eq!(banned.as_ref().map(Banned::shown).as_deref(), shown, "{text}");
            let again = banned.as_ref().and_then(|own| Banned::read(&own.shown()));
            assert_eq!(again, banned);
        }
    }
}
