//! Masks: whom an entry of a list is about (<https://modern.ircdocs.horse/#ban-channel-mode>).

use std::{net::IpAddr, sync::Arc};

use chat_core::proto::mask_matches;
use ipnet::IpNet;

use crate::hub::state::person::Person;

/// A ban that only silences (a mute extban).
pub(crate) const MUTE: &str = "~m:";

/// A mask of accounts (<https://ircv3.net/specs/extensions/account-extban>).
const ACCOUNT: &str = "~a:";

/// The prefix of account masks, written out.
const ACCOUNT_LONG: &str = "~account:";

/// A mask of addresses, whatever host is shown: `~i:192.0.2.0/24`.
const ADDRESS: &str = "~i:";

/// The subject of a mask: somebody whom it may be about.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) person: &'a Person,
    /// The addresses they really have.
    pub(crate) addresses: Vec<IpAddr>,
    /// The cloaks of these, but for the one that is shown.
    pub(crate) cloaks: Vec<&'a str>,
    /// Accounts that were lately where they come from, if they are a guest.
    pub(crate) former: Vec<&'a str>,
}

impl Subject<'_> {
    /// Whether a mask is about them. One that only silences is not.
    pub(crate) fn is_meant_by(&self, mask: &str) -> bool {
        if let Some(account) = account_of(mask) {
            let own = self.person.account.as_deref();
            return own.is_some_and(|own| mask_matches(account, own));
        }
        if let Some(addresses) = mask.strip_prefix(ADDRESS) {
            let net = network(addresses);
            return net.is_some_and(|net| self.addresses.iter().any(|own| net.contains(own)));
        }
        !mask.starts_with(MUTE)
            && (mask_matches(mask, &self.person.source) || self.is_meant_by_host(mask))
    }
}

impl Subject<'_> {
    /// Whether a mask that bars people is about them: of a guest also one of an account that was lately where they come from, since
    /// everybody is a guest who logs out. One of all accounts is about those who are logged in.
    pub(crate) fn is_barred_by(&self, mask: &str) -> bool {
        let was_there = |account: &str| {
            account != "*" && self.former.iter().any(|own| mask_matches(account, own))
        };
        self.is_meant_by(mask) || account_of(mask).is_some_and(was_there)
    }

    /// Whether a mask is about where they are, whatever host is shown: about a cloak of theirs, or in full about an address.
    fn is_meant_by_host(&self, mask: &str) -> bool {
        let from = |host: &str| {
            let Person { nick, .. } = self.person;
            mask_matches(mask, &format!("{nick}!{}@{host}", self.person.user()))
        };
        let Some((others, host)) = mask.rsplit_once('@') else { return false };
        self.cloaks.iter().any(|own| from(own))
            || host.parse().is_ok_and(|host: IpAddr| {
                let Person { nick, .. } = self.person;
                self.addresses.contains(&host)
                    && mask_matches(others, &format!("{nick}!{}", self.person.user()))
            })
    }
}

/// Whether a mask is about addresses.
pub(crate) fn is_about_addresses(mask: &str) -> bool {
    mask.strip_prefix(MUTE).unwrap_or(mask).starts_with(ADDRESS)
}

/// The account that a mask is about, if it is about one.
pub(crate) fn account_of(mask: &str) -> Option<&str> {
    mask.strip_prefix(ACCOUNT).or_else(|| mask.strip_prefix(ACCOUNT_LONG))
}

/// `text` as addresses: `192.0.2.7`, `2001:db8::/32`.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let one = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(one).map(|net| net.trunc())
}

/// `text` as a whole mask `nick!user@host`: what is missing is anything
/// (<https://modern.ircdocs.horse/#ban-channel-mode>). `None` if it cannot be one.
pub(crate) fn mask(text: &str) -> Option<Arc<str>> {
    let is_word = !text.is_empty()
        && text.len() <= MASK_BYTES_MAX
        && !text.starts_with(':')
        && text.chars().all(|c| c != ' ' && c != ',' && !c.is_control());
    if !is_word {
        return None;
    }
    if let Some(rest) = text.strip_prefix(MUTE) {
        return mask(rest).map(|rest| format!("{MUTE}{rest}").into());
    }
    if let Some(addresses) = text.strip_prefix(ADDRESS) {
        return network(addresses).map(|net| format!("{ADDRESS}{net}").into());
    }
    for prefix in [ACCOUNT, ACCOUNT_LONG] {
        if let Some(account) = text.strip_prefix(prefix) {
            return (!account.is_empty()).then(|| text.into());
        }
    }
    let or_any = |part: &str| if part.is_empty() { "*".to_owned() } else { part.to_owned() };
    Some(match (text.split_once('!'), text.split_once('@')) {
        (Some((nick, rest)), Some(_)) => {
            let (user, host) = rest.split_once('@').unwrap_or((rest, ""));
            format!("{}!{}@{}", or_any(nick), or_any(user), or_any(host)).into()
        }
        (Some((nick, user)), None) => format!("{}!{}@*", or_any(nick), or_any(user)).into(),
        (None, Some((user, host))) => format!("*!{}@{}", or_any(user), or_any(host)).into(),
        (None, None) => format!("{text}!*@*").into(),
    })
}

/// The refusal of a mask of addresses where nobody but operators of the server is to know them.
pub(crate) const NO_ADDRESSES: &str =
    "Addresses are not shown here: ban a nick, or a part of a host, such as *!*@*.part.cloak";

/// Bytes of a mask.
const MASK_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_made_whole() {
        for (text, whole) in [
            ("ann", Some("ann!*@*")),
            ("*@host", Some("*!*@host")),
            ("ann!u", Some("ann!u@*")),
            ("ann!u@h", Some("ann!u@h")),
            ("!@h", Some("*!*@h")),
            ("~a:acct", Some("~a:acct")),
            ("~m:ann", Some("~m:ann!*@*")),
            ("~i:192.0.2.7", Some("~i:192.0.2.7/32")),
            ("~i:192.0.2.7/24", Some("~i:192.0.2.0/24")),
            ("~m:~i:2001:db8::/32", Some("~m:~i:2001:db8::/32")),
            ("~i:example.org", None),
            ("~a:", None),
            ("", None),
            (":x", None),
        ] {
            assert_eq!(mask(text).as_deref(), whole, "{text}");
        }
        assert_eq!(mask(&"x".repeat(MASK_BYTES_MAX + 1)), None);
    }
}
