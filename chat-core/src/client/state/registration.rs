//! From a connection to `Ready`: capabilities, a free nick, the rooms we want to be in.

use std::{collections::BTreeMap, sync::Arc};

use super::{ClientState, Now, Outputs, Phase, login::UNPROVED};
use crate::{
    client::config::DEFAULT_NAME,
    error::ConnectError,
    proto::{Capability, CapabilitySet, CaseMapping, Nick},
    text::printable,
    update::ConnectionState,
    wire::Line,
};

/// What we ask for where it is offered.
const WANTED: &[Capability] = &[
    Capability::AccountRegistration,
    Capability::AccountTag,
    Capability::AwayNotify,
    Capability::Batch,
    // All that was missed, in one answer.
    Capability::Changes,
    // So that nothing old comes unasked and is taken for new; we ask for it.
    Capability::ChatHistory,
    Capability::EchoMessage,
    Capability::Edit,
    Capability::ExtendedJoin,
    Capability::LabeledResponse,
    Capability::MessageRedaction,
    Capability::MessageTags,
    Capability::Nonce,
    Capability::ServerTime,
    Capability::Setname,
    Capability::StandardReplies,
];

/// What this server and we have agreed on.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    pub(super) capabilities: CapabilitySet,
    /// The ways to log in, if the server tells them.
    pub(super) mechanisms: Option<String>,
    /// What the server offers, by the names it uses.
    offered: BTreeMap<Capability, &'static str>,
    /// `CAP END` has been sent.
    has_ended: bool,
    /// The server says that it delays those who send fast, and does not close them.
    pub(super) is_safe_rate: bool,
    /// The signs before nicks (`PREFIX` in `RPL_ISUPPORT`).
    pub(super) prefixes: Option<String>,
}

impl Negotiation {
    /// The server offers something by that name. Of two names for one thing the newer is used.
    fn offer(&mut self, name: &str) {
        let Some(capability) = Capability::from_name(name) else { return };
        let rank = |name: &str| capability.names().iter().position(|own| *own == name);
        let known = self.offered.get(&capability).copied();
        if known.is_none_or(|known| rank(name) < rank(known)) {
            let own = capability.names().iter().find(|own| **own == name);
            self.offered.extend(own.map(|own| (capability, *own)));
        }
    }
}

impl ClientState {
    /// The first lines (RFC 2812 §3.1; capability negotiation, "connection registration").
    pub(super) fn introduce(&mut self, outputs: &mut Outputs) {
        outputs.line(|line| line.command("CAP").param("LS").param("302").finish());
        if let Some(password) = &self.settings.password {
            outputs.line(|line| line.command("PASS").last(&password.0).finish());
        }
        self.ask_for_nick(outputs);
        let user = "chat";
        let realname = &self.settings.realname;
        outputs.line(|line| {
            line.command("USER").param(user).param("0").param("*").last(realname).finish()
        });
    }

    pub(super) fn ask_for_nick(&mut self, outputs: &mut Outputs) {
        outputs.line(|line| line.command("NICK").param(&self.nick).finish());
    }

    /// `CAP` from the server.
    pub(super) fn on_cap(&mut self, now: Now, line: &Line<'_>, outputs: &mut Outputs) {
        let params = line.params;
        let names = params.last().unwrap_or_default();
        let named =
            || names.split(' ').filter_map(|name| Capability::from_name(name.split('=').next()?));
        match params.get(1).unwrap_or_default() {
            "LS" => {
                for token in names.split(' ') {
                    let (name, value) = token.split_once('=').unwrap_or((token, ""));
                    self.negotiation.offer(name);
                    if name == "sasl" && !value.is_empty() {
                        self.negotiation.mechanisms = Some(value.to_owned());
                    }
                }
                // `CAP * LS * :…` has more lines to come.
                if params.get(2) != Some("*") || params.len() == 3 {
                    self.ask_for_capabilities(now, outputs);
                }
            }
            "ACK" => {
                let set = named().fold(self.negotiation.capabilities, CapabilitySet::with);
                self.negotiation.capabilities = set;
                self.log_in_or_end(now, outputs);
            }
            "NAK" => self.log_in_or_end(now, outputs),
            "DEL" => {
                let set = named().fold(self.negotiation.capabilities, CapabilitySet::without);
                self.negotiation.capabilities = set;
            }
            _ => {}
        }
    }

    fn log_in_or_end(&mut self, now: Now, outputs: &mut Outputs) {
        if self.login.is_none() && !self.begin_login(now, outputs) {
            self.end_negotiation(outputs);
        }
    }

    fn ask_for_capabilities(&mut self, now: Now, outputs: &mut Outputs) {
        let offered = std::mem::take(&mut self.negotiation.offered);
        let has = |capability: &Capability| offered.contains_key(capability);
        let login = self.account.as_ref().map(|_| Capability::Sasl);
        let wanted = WANTED.iter().copied().chain(login).filter(has);
        let mut wanted: CapabilitySet = wanted.collect();
        // An echo without a label could not be told from a message; a label needs batches.
        if !wanted.contains(Capability::Batch) {
            wanted = wanted.without(Capability::LabeledResponse);
        }
        // By the name under which it was offered.
        let names: Vec<&str> = wanted.iter().map(|capability| offered[&capability]).collect();
        if names.is_empty() {
            return self.log_in_or_end(now, outputs);
        }
        outputs.line(|line| line.command("CAP").param("REQ").last(&names.join(" ")).finish());
    }

    pub(super) fn end_negotiation(&mut self, outputs: &mut Outputs) {
        if !self.negotiation.has_ended && matches!(self.phase, Phase::Registering { .. }) {
            self.negotiation.has_ended = true;
            outputs.line(|line| line.command("CAP").param("END").finish());
        }
    }

    /// The nick is taken, or cannot be had: ask for another one.
    pub(super) fn on_nick_refused(&mut self, is_taken: bool, outputs: &mut Outputs) {
        let wanted = Nick::new(&self.wanted_nick).ok().filter(|_| is_taken);
        let stem = wanted.unwrap_or_else(|| Nick::new(DEFAULT_NAME).expect("a valid nick"));
        if !is_taken && !self.is_me(DEFAULT_NAME) {
            self.wanted_nick = Arc::clone(stem.shown());
            self.nick = Arc::clone(stem.shown());
        } else {
            self.nick_number += 1;
            self.nick = Arc::clone(stem.numbered(self.nick_number).shown());
        }
        self.ask_for_nick(outputs);
    }

    /// `RPL_ISUPPORT` (005).
    pub(super) fn on_isupport(&mut self, line: &Line<'_>) {
        let params = line.params.as_slice();
        let tokens = params.get(1..params.len().saturating_sub(1)).unwrap_or_default();
        for token in tokens {
            let (key, value) = token.split_once('=').unwrap_or((token, ""));
            match key {
                "CASEMAPPING" => {
                    if let Some(mapping) = CaseMapping::from_token(value) {
                        self.roster().set_mapping(mapping);
                    }
                }
                "PREFIX" => {
                    let signs = value.split_once(')').map_or("", |(_, signs)| signs);
                    self.negotiation.prefixes = Some(signs.to_owned());
                }
                "CHATHISTORY" => self.history_sync.page_max = value.parse().ok().filter(|n| *n > 0),
                "SAFERATE" | "soju.im/SAFERATE" => self.negotiation.is_safe_rate = true,
                _ => {}
            }
        }
    }

    /// The welcome is over: from here on we are someone. Whether we go on.
    pub(super) fn become_ready(&mut self, now: Now, outputs: &mut Outputs) -> bool {
        if !matches!(self.phase, Phase::Registering { .. }) {
            return !self.is_closed();
        }
        // One that does not know our password may be any other.
        if self.account.is_some() && !self.is_proved {
            self.fail_login(now, UNPROVED, outputs);
            return false;
        }
        self.phase = Phase::Ready { since: now.mono };
        self.sending.begin(now, self.negotiation.capabilities, self.negotiation.is_safe_rate);
        self.fail_what_cannot_be_sent_again(outputs);
        let resumed = self.lost_at.is_some();
        self.tell_state(ConnectionState::Ready { nick: Arc::clone(&self.nick), resumed }, outputs);
        for room in &self.wanted_rooms {
            let key = self.keys.get(room);
            outputs.line(|line| {
                let line = line.command("JOIN").param(room);
                match key {
                    Some(key) => line.param(key).finish(),
                    None => line.finish(),
                }
            });
        }
        if resumed {
            // Behind the rooms, which it covers.
            self.ask_for_changes(now, outputs);
        }
        true
    }

    /// `ERROR` (RFC 2812 §3.7.4): the server closes next, and this is why.
    pub(super) fn on_error(&mut self, now: Now, text: &str, outputs: &mut Outputs) {
        let text = printable(text).into();
        if matches!(self.phase, Phase::Registering { .. }) {
            outputs.disconnect = true;
            return self.lose(now, Arc::new(ConnectError::Refused(text)), outputs);
        }
        self.last_words = Some(text);
    }

    /// `ERR_PASSWDMISMATCH`, `ERR_YOUREBANNEDCREEP` while registering.
    pub(super) fn on_login_refused(&mut self, now: Now, text: &str, outputs: &mut Outputs) {
        if matches!(self.phase, Phase::Registering { .. }) {
            outputs.disconnect = true;
            self.lose(now, Arc::new(ConnectError::Login(printable(text).into())), outputs);
        }
    }
}
