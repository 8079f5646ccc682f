//! From a connection to `Ready`: capabilities, a login, a free nick, the rooms we want to be in.

use std::sync::Arc;

use super::{
    client_state::{ClientState, Phase},
    effect::{Effect, Effects},
    login::{Login, UNPROVED, has_scram},
    negotiation::WANTED,
    time::Now,
};
use crate::{
    client::settings::{Account, DEFAULT_NAME},
    error::ConnectError,
    proto::{Capability, CapabilitySet, CaseMapping, Nick},
    scram::MECHANISM,
    text::printable,
    update::{ConnectionState, Update},
    wire::Line,
};

/// The signs that nicks may have before them, in bytes: every server we know has five at most.
const PREFIXES_BYTES_MAX: usize = 32;

impl ClientState {
    /// There is a connection.
    pub(crate) fn connected(&mut self, now: Now, effects: &mut Effects) {
        self.phase = Phase::Registering { since: now.mono };
        self.connection.last_heard = Some(now);
        self.tell_state(ConnectionState::Registering, effects);
        self.introduce(effects);
    }

    /// The first lines (RFC 2812 §3.1; capability negotiation, "connection registration").
    pub(super) fn introduce(&mut self, effects: &mut Effects) {
        effects.line(|line| line.command("CAP").param("LS").param("302").finish());
        if let Some(password) = &self.settings.password {
            effects.line(|line| line.command("PASS").last(&password.0).finish());
        }
        self.ask_for_nick(effects);
        let user = "chat";
        let realname = &self.settings.realname;
        effects.line(|line| {
            line.command("USER").param(user).param("0").param("*").last(realname).finish()
        });
    }

    pub(super) fn ask_for_nick(&mut self, effects: &mut Effects) {
        effects.line(|line| line.command("NICK").param(&self.connection.nick).finish());
    }

    /// `CAP` from the server.
    pub(super) fn on_cap(&mut self, now: Now, line: &Line<'_>, effects: &mut Effects) {
        let params = line.params;
        let names = params.last().unwrap_or_default();
        let named =
            || names.split(' ').filter_map(|name| Capability::from_name(name.split('=').next()?));
        match params.get(1).unwrap_or_default() {
            "LS" => {
                for token in names.split(' ') {
                    let (name, value) = token.split_once('=').unwrap_or((token, ""));
                    self.connection.negotiation.offer(name);
                    if name == "sasl" && !value.is_empty() {
                        self.connection.negotiation.mechanisms = Some(value.to_owned());
                    }
                }
                // `CAP * LS * :…` has more lines to come.
                if params.get(2) != Some("*") || params.len() == 3 {
                    self.ask_for_capabilities(now, effects);
                }
            }
            "ACK" => {
                let set =
                    named().fold(self.connection.negotiation.capabilities, CapabilitySet::with);
                self.connection.negotiation.capabilities = set;
                self.log_in_or_end(now, effects);
            }
            "NAK" => self.log_in_or_end(now, effects),
            "DEL" => {
                let set =
                    named().fold(self.connection.negotiation.capabilities, CapabilitySet::without);
                self.connection.negotiation.capabilities = set;
            }
            _ => {}
        }
    }

    fn log_in_or_end(&mut self, now: Now, effects: &mut Effects) {
        if self.connection.login.is_none() && !self.begin_login(now, effects) {
            self.end_negotiation(effects);
        }
    }

    fn ask_for_capabilities(&mut self, now: Now, effects: &mut Effects) {
        let offered = std::mem::take(&mut self.connection.negotiation.offered);
        let has = |capability: &Capability| offered.contains_key(capability);
        let login = self.wishes.account.as_ref().map(|_| Capability::Sasl);
        let wanted = WANTED.iter().copied().chain(login).filter(has);
        let mut wanted: CapabilitySet = wanted.collect();
        // An echo without a label could not be told from a message; a label needs batches.
        if !wanted.contains(Capability::Batch) {
            wanted = wanted.without(Capability::LabeledResponse);
        }
        // By the name under which it was offered.
        let names: Vec<&str> = wanted.iter().map(|capability| offered[&capability]).collect();
        if names.is_empty() {
            return self.log_in_or_end(now, effects);
        }
        effects.line(|line| line.command("CAP").param("REQ").last(&names.join(" ")).finish());
    }

    pub(super) fn end_negotiation(&mut self, effects: &mut Effects) {
        if !self.connection.negotiation.has_ended && matches!(self.phase, Phase::Registering { .. })
        {
            self.connection.negotiation.has_ended = true;
            effects.line(|line| line.command("CAP").param("END").finish());
        }
    }

    /// The nick is taken, or cannot be had: asks for another one. In the place of one that nobody may have comes the name of our
    /// account, which nobody else has, and then one for anybody.
    pub(super) fn on_nick_refused(&mut self, is_taken: bool, effects: &mut Effects) {
        let wanted = Nick::new(&self.wishes.nick).ok().filter(|_| is_taken);
        let account = self.wishes.account.as_ref().map(|account| account.name.as_str());
        let is_nameless = self.is_me(DEFAULT_NAME);
        let own = account.filter(|name| !is_nameless && !self.is_me(name));
        let nameless = || Nick::new(DEFAULT_NAME).expect("a valid nick");
        let other = || own.and_then(|name| Nick::new(name).ok()).unwrap_or_else(nameless);
        let stem = wanted.unwrap_or_else(other);
        if !is_taken && !is_nameless {
            self.wishes.nick = Arc::clone(stem.shown());
            self.connection.nick = Arc::clone(stem.shown());
        } else {
            self.connection.nick_number += 1;
            self.connection.nick = Arc::clone(stem.numbered(self.connection.nick_number).shown());
        }
        self.ask_for_nick(effects);
    }

    /// `RPL_ISUPPORT` (005).
    pub(super) fn on_isupport(&mut self, line: &Line<'_>) {
        let params = line.params.as_slice();
        let tokens = params.get(1..params.len().saturating_sub(1)).unwrap_or_default();
        for token in tokens {
            let (key, value) = token.split_once('=').unwrap_or((token, ""));
            match key {
                "CASEMAPPING" => {
                    // Once: all that is known is folded again, and a server that changes its mind has us do nothing else.
                    if let Some(mapping) = CaseMapping::from_token(value)
                        && !std::mem::replace(&mut self.connection.negotiation.has_mapping, true)
                    {
                        self.roster.set_mapping(mapping);
                    }
                }
                "PREFIX" => {
                    let signs = value.split_once(')').map_or("", |(_, signs)| signs);
                    // Each name is looked at for them.
                    if signs.len() <= PREFIXES_BYTES_MAX {
                        self.connection.negotiation.prefixes = Some(signs.to_owned());
                    }
                }
                "CHATHISTORY" => {
                    self.connection.negotiation.page_max = value.parse().ok().filter(|n| *n > 0);
                }
                "SAFERATE" | "soju.im/SAFERATE" => self.connection.negotiation.is_safe_rate = true,
                _ => {}
            }
        }
    }

    /// The welcome is over: from here on we are someone. Whether we go on.
    pub(super) fn become_ready(&mut self, now: Now, effects: &mut Effects) -> bool {
        if !matches!(self.phase, Phase::Registering { .. }) {
            return !self.is_closed();
        }
        // One that does not know our password may be any other.
        if self.wishes.account.is_some() && !self.connection.is_proved {
            self.fail_login(now, UNPROVED, effects);
            return false;
        }
        self.phase = Phase::Ready { since: now.mono };
        self.sending.begin(
            now,
            self.connection.negotiation.capabilities,
            self.connection.negotiation.is_safe_rate,
        );
        self.sending.fail_what_cannot_be_sent_again(effects);
        let resumed = self.history_sync.lost_at.is_some();
        self.tell_state(
            ConnectionState::Ready { nick: Arc::clone(&self.connection.nick), resumed },
            effects,
        );
        for room in self.wishes.rooms() {
            let key = self.wishes.keys.get(room);
            effects.line(|line| {
                let line = line.command("JOIN").param(room);
                match key {
                    Some(key) => line.param(key).finish(),
                    None => line.finish(),
                }
            });
        }
        if resumed {
            // Behind the rooms, which it covers.
            let negotiation = &self.connection.negotiation;
            self.history_sync.ask_for_changes(now, negotiation, effects);
        }
        true
    }

    /// `ERROR` (RFC 2812 §3.7.4): the server closes next, and this is why.
    pub(super) fn on_error(&mut self, now: Now, text: &str, effects: &mut Effects) {
        let text = printable(text).into();
        if matches!(self.phase, Phase::Registering { .. }) {
            effects.push(Effect::Disconnect);
            return self.lose(now, Arc::new(ConnectError::Refused(text)), effects);
        }
        self.connection.last_words = Some(text);
    }

    /// `ERR_PASSWDMISMATCH`, `ERR_YOUREBANNEDCREEP` while registering.
    pub(super) fn on_login_refused(&mut self, now: Now, text: &str, effects: &mut Effects) {
        if matches!(self.phase, Phase::Registering { .. }) {
            effects.push(Effect::Disconnect);
            self.lose(now, Arc::new(ConnectError::Login(printable(text).into())), effects);
        }
    }

    /// The capabilities are agreed on: logs in, if there is an account. Whether the negotiation waits for that.
    pub(super) fn begin_login(&mut self, now: Now, effects: &mut Effects) -> bool {
        if self.wishes.account.is_none() || !matches!(self.phase, Phase::Registering { .. }) {
            return false;
        }
        let has_sasl = self.connection.negotiation.capabilities.contains(Capability::Sasl);
        let mechanisms = self.connection.negotiation.mechanisms.as_deref().unwrap_or(MECHANISM);
        if !has_sasl || !has_scram(mechanisms) {
            let text = "this server has no login that keeps your password secret (SCRAM-SHA-256)";
            if self.wishes.has_logged_in {
                // It had one before, and may have it again.
                effects.push(Effect::Disconnect);
                self.lose(now, Arc::new(ConnectError::Refused(text.into())), effects);
            } else {
                self.fail_login(now, text, effects);
            }
            return true;
        }
        self.connection.login = Some(Login::begin());
        effects.line(|line| line.command("AUTHENTICATE").param(MECHANISM).finish());
        true
    }

    /// `AUTHENTICATE` from the server: a challenge, or a part of one.
    pub(super) fn on_authenticate(&mut self, now: Now, chunk: &str, effects: &mut Effects) {
        let (Some(login), Some(account)) = (&mut self.connection.login, &self.wishes.account)
        else {
            return;
        };
        match login.take(account, chunk) {
            Ok(parts) => {
                for part in parts {
                    effects.line(|line| line.command("AUTHENTICATE").param(&part).finish());
                }
            }
            Err(text) => self.fail_login(now, &text, effects),
        }
    }

    /// The server says that we are logged in. A server that has not proved itself may be anyone.
    pub(super) fn on_login_done(&mut self, now: Now, effects: &mut Effects) {
        match self.connection.login.take() {
            Some(login) if login.is_proved() => {
                (self.connection.is_proved, self.wishes.has_logged_in) = (true, true);
                self.end_negotiation(effects);
            }
            Some(_) => self.fail_login(now, UNPROVED, effects),
            None => {}
        }
    }

    /// An account is registered: it is logged in to from here on, where that can be done.
    pub(super) fn on_registered(&mut self, name: &str, effects: &mut Effects) {
        let can_prove = self.connection.negotiation.mechanisms.as_deref().is_some_and(has_scram);
        if let Some(password) = self.connection.registering.take().filter(|_| can_prove) {
            let nonce_key = self.settings.nonce_key;
            self.wishes.account = Some(Account::new(name.to_owned(), password, nonce_key));
            self.wishes.has_logged_in = true;
        }
        let text = format!("the account {name} is registered").into();
        effects.tell(Update::Notice { code: None, text });
    }

    pub(super) fn fail_login(&mut self, now: Now, text: &str, effects: &mut Effects) {
        self.connection.login = None;
        effects.push(Effect::Disconnect);
        self.lose(now, Arc::new(ConnectError::Login(printable(text).into())), effects);
    }
}
