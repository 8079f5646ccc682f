//! Reserved names: nobody is called like the server's services, nor like those who run the server, for the eye.

use chat_core::proto::{Nick, RoomName, Service, is_reserved_nick};
use unicode_security::confusable_detection::skeleton;

use crate::{hub::state::person::Asker, settings::Settings};

/// Letters of a name from which on one letter more, less or another one makes no other name for the eye.
const LONG: usize = 7;

/// Names of services that other networks have.
const SERVICES: &[&str] = &["HostServ", "MemoServ", "BotServ", "HelpServ", "Services"];

/// Blank signs, which Unicode counts among the visible.
const BLANK: &[char] = &['\u{2800}', '\u{3164}', '\u{ffa0}', '\u{115f}', '\u{1160}', '\u{1d159}'];

/// The bearer of a name: what decides which reserved ones they may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearer<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) is_operator: bool,
}

impl<'a> Bearer<'a> {
    /// Somebody who is here, on that connection.
    pub(crate) fn of(asker: Asker<'a>) -> Self {
        let account = asker.person.account.as_deref();
        Self { account, is_operator: asker.is_server_operator }
    }
}

impl Settings {
    /// Whether that nick is not for `bearer`: it looks like a service's, or like one that is kept for who runs the server.
    pub(crate) fn reserves_nick(&self, nick: &Nick, bearer: Bearer<'_>) -> bool {
        is_reserved_nick(nick) || self.reserves(nick.as_str(), bearer)
    }

    /// Whether a room of that name is not for `bearer` to found.
    pub(crate) fn reserves_room(&self, room: &RoomName, bearer: Bearer<'_>) -> bool {
        let name = room.as_str();
        name.contains(BLANK)
            || name.chars().any(is_invisible)
            || self.reserves(name.trim_start_matches('#'), bearer)
    }

    fn reserves(&self, name: &str, bearer: Bearer<'_>) -> bool {
        let look = look(name);
        let services = Service::ALL.into_iter().map(Service::nick);
        if services.chain(SERVICES.iter().copied()).any(|own| is_like(&look, own)) {
            return true;
        }
        // Who runs the server may be called so, and so may whoever has the account of that name.
        let is_own = |own: &str| {
            bearer.account.is_some_and(|account| self::look(account) == self::look(own))
        };
        let opers = self.opers.iter().map(|oper| oper.name.as_str());
        let opers = opers.filter(|_| !self.reserved_names.is_empty());
        let mut reserved = self.reserved_names.iter().map(String::as_str).chain(opers);
        !bearer.is_operator && reserved.any(|own| is_like(&look, own) && !is_own(own))
    }
}

/// Whether a sign shows nothing, or changes the one before it so little that it need not be in a name. Those that
/// join or choose between two looks of a sign may be.
fn is_invisible(sign: char) -> bool {
    matches!(sign,
        '\u{ad}' | '\u{34f}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The look of a name: its letters, and those that look alike as one; signs and the digits at its end make no other
/// name.
fn look(name: &str) -> String {
    let name = name.trim_end_matches(|sign: char| !sign.is_alphabetic());
    let letters = skeleton(name).collect::<String>().to_lowercase();
    let letters = letters.chars().filter(|sign| sign.is_alphanumeric());
    letters.map(|sign| if matches!(sign, 'i' | '1' | '|' | '!') { 'l' } else { sign }).collect()
}

fn is_like(shown: &str, own: &str) -> bool {
    let own = look(own);
    let n_max = usize::from(own.chars().count() >= LONG);
    shown == own || n_max > 0 && strsim::levenshtein(shown, &own) <= n_max
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Oper};

    const GUEST: Bearer<'static> = Bearer { account: None, is_operator: false };

    fn settings() -> std::sync::Arc<Settings> {
        let mut config = Config::default();
        let (name, password) = ("Hilda".into(), String::new());
        config.opers = vec![Oper { name, password, masks: Vec::new() }];
        Settings::new(&config, 1)
    }

    #[test]
    fn services_and_those_who_run_the_server_have_no_likeness() {
        let settings = settings();
        for name in [
            "NickServ",
            "nickserv",
            "N1ckServ",
            "NickServ_",
            "ChanSerw",
            "Chan5erv",
            "OperServ2",
            "Oper-Serv",
            "HostServ",
            "MemoServ",
            "NlckServ",
            "NickServe",
            "root",
            "r00t",
            "root_",
            "Root1",
            "admin",
            "adm1n",
            "Admin2",
            "_admin_",
            "Administrator",
            "Global",
            "G1obal",
            "Hilda",
            "hi1da",
            "Hilda_",
            "server",
            "system",
        ] {
            let nick = Nick::new(name).unwrap();
            assert!(settings.reserves_nick(&nick, GUEST), "{name}");
        }
        for name in [
            "ann",
            "Nick",
            "Chandler",
            "Oskar",
            "boot",
            "room",
            "roots",
            "admire",
            "Hilde",
            "Glob",
            "serve",
            "USR1",
            "rooter",
            "Operator_Bob",
            "hostess",
        ] {
            let nick = Nick::new(name).unwrap();
            assert!(!settings.reserves_nick(&nick, GUEST), "{name}");
        }
        let may = |name: &str, bearer| !settings.reserves_nick(&Nick::new(name).unwrap(), bearer);
        let operator = Bearer { account: None, is_operator: true };
        assert!(may("root", operator) && may("Hilda", operator) && !may("N1ckServ", operator));
        let hilda = Bearer { account: Some("hilda"), is_operator: false };
        assert!(may("Hilda", hilda) && !may("root", hilda) && !may("NickServ", hilda));
    }

    #[test]
    fn rooms_have_no_likeness_either_and_show_all_their_signs() {
        let settings = settings();
        for name in [
            "#NickServ",
            "#N1ckServ",
            "#root",
            "#r\u{43e}\u{43e}t",
            "#Global",
            "#den\u{2800}",
            "#\u{3164}",
            "#d\u{ad}en",
            "#den\u{34f}",
            "#\u{2800}",
            "#den\u{e0041}",
        ] {
            let room = RoomName::new(name).unwrap();
            assert!(settings.reserves_room(&room, GUEST), "{name:?}");
        }
        for name in
            ["#den", "#\u{65e5}\u{672c}", "#\u{2764}\u{fe0f}", "#roots", "#rust", "#caff\u{e8}"]
        {
            assert!(!settings.reserves_room(&RoomName::new(name).unwrap(), GUEST), "{name:?}");
        }
    }

    #[test]
    fn who_reserves_none_has_services_alone() {
        let config = Config { reserved_names: Vec::new(), ..Config::default() };
        let settings = Settings::new(&config, 1);
        assert!(!settings.reserves_nick(&Nick::new("root").unwrap(), GUEST));
        assert!(settings.reserves_nick(&Nick::new("N1ckServ").unwrap(), GUEST));
    }
}
