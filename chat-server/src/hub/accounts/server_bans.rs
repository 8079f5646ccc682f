//! Who may not come to this server at all: addresses and accounts, for how long, and why. They are kept
//! ([`crate::room_log::Change`]).

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::SystemTime};

use chat_core::proto::CaseMapping;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Effect, Hub, Now, facts, masks, modes::Terms};
use crate::{
    ids::{ConnId, PersonId},
    room_log::Change,
};

/// The first word of the paths of bans.
pub(super) const PATH: &str = "ban";

/// Whom a ban is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Banned {
    /// An account, by its folded name.
    Account(Arc<str>),
    Addresses(IpNet),
}

/// A ban.
#[derive(Debug, Clone)]
pub(super) struct Ban {
    /// The nick of who has made it.
    pub(super) by: Arc<str>,
    pub(super) at: SystemTime,
    pub(super) terms: Terms,
}

/// All of them; those whose time is over hold no more, and make place for others.
pub(super) type Bans = BTreeMap<Banned, Ban>;

#[derive(Serialize, Deserialize)]
struct BanDocument {
    by: Arc<str>,
    at: u64,
    #[serde(flatten)]
    terms: Terms,
}

impl Banned {
    /// `192.0.2.0/24`, an address, or the name of an account behind `~a:`.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.strip_prefix("~a:") {
            Some("") => None,
            Some(account) => Some(Self::Account(CaseMapping::Ascii.fold(account).into())),
            None => masks::network(text).map(Self::Addresses),
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Account(account) => format!("~a:{account}"),
            Self::Addresses(net) => net.to_string(),
        }
    }

    fn path(&self) -> Arc<str> {
        format!("{PATH}\n{}", self.shown()).into()
    }

    /// What lifts a ban.
    pub(super) fn lift(&self) -> Change {
        Change::Remove { path: self.path() }
    }

    /// What bans them.
    pub(super) fn ban(&self, ban: &Ban) -> Change {
        let document = BanDocument {
            by: Arc::clone(&ban.by),
            at: facts::milliseconds(ban.at),
            terms: ban.terms.clone(),
        };
        facts::set(self.path(), &document)
    }
}

/// Takes a change: what is at `path` (the words behind [`PATH`]) is `value` from here on.
///
/// # Errors
/// A sentence, if it is nothing that this version writes.
pub(super) fn take(bans: &mut Bans, path: &[&str], value: Option<&str>) -> Result<(), String> {
    let [banned] = path else { return Err(format!("{path:?} is no path of a ban")) };
    let banned = Banned::read(banned).ok_or_else(|| format!("{banned} cannot be banned"))?;
    match value {
        None => bans.remove(&banned),
        Some(value) => {
            let BanDocument { by, at, terms } = facts::read(path, value)?;
            bans.insert(banned, Ban { by, at: facts::time_at(at), terms })
        }
    };
    Ok(())
}

impl Ban {
    /// Whether its time is not over.
    pub(super) fn holds(&self, now: SystemTime) -> bool {
        self.terms.until.is_none_or(|until| now < until)
    }

    /// What those whom it is about read.
    pub(super) fn text(&self) -> String {
        format!("You are banned from this server{}", self.terms.shown())
    }
}

impl Hub {
    /// The ban that is about somebody with that address and account.
    pub(super) fn find_ban(
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

    /// Those whom a ban is about go. Operators of the server stay.
    pub(super) fn send_banned_away(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let mut away: Vec<(PersonId, ConnId, Arc<str>)> = Vec::new();
        for device in self.devices.iter() {
            let person = self.person(device.person);
            let ban = self.find_ban(now.wall, &device.address, person.account.as_deref());
            if let Some(ban) = ban.filter(|_| !person.modes.is_operator) {
                away.push((person.id, device.conn, ban.text().into()));
            }
        }
        let is_alone =
            |person: &super::person::Person| person.devices.is_empty() && !person.modes.is_operator;
        let alone = self.people.iter().filter(|person| is_alone(person)).filter_map(|person| {
            let ban = self.find_ban(now.wall, "", person.account.as_deref())?;
            Some((person.id, ban.text().into()))
        });
        let alone: Vec<(PersonId, Arc<str>)> = alone.collect();
        for (who, reason) in alone {
            self.send_away(now, who, &reason, effects);
        }
        for (who, conn, reason) in away {
            let is_there = self.devices.get(conn).is_some_and(|device| device.person == who);
            if is_there {
                self.send_away(now, who, &reason, effects);
            }
        }
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
