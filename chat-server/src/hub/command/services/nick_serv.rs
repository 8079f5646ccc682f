//! Messages to NickServ: accounts for those whose programs know nothing else. It is nobody and in no room; what it
//! is told is kept by nobody, since there may be passwords in it.

use std::sync::Arc;

use chat_core::proto::{CaseMapping, Numeric, Service};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        command::services::request::Said,
        effect::Effect,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            account_directory,
            account_request::{AccountChange, AccountRequest, Via},
            device::Reader,
            person::Person,
        },
    },
    ids::PersonId,
};

/// The requests, as `HELP` tells them.
const HELP: &[&str] = &[
    "REGISTER password: an account for the nick you have",
    "IDENTIFY [account] password: log in",
    "LOGOUT: log out on this connection, and only there",
    "RECOVER nick [password]: take your nick back, and end the connections that have it",
    "PASSWORD old new: change your password, and end your other sessions; one with spaces stands in quotes",
    "SESSIONS: where you are logged in; END number: end one of these",
    "STAY ON|OFF: whether you stay here when the last of your programs has gone",
    "SET REPLAY ON|OFF: whether you are shown what was said in a room since you were last in it",
    "CERT: the certificates that log in to your account; CERT ADD, CERT ADD fingerprint password, CERT DEL fingerprint",
    "INFO [account]: about your account, or that of somebody who is here",
    "DROP account password: end your account",
];

impl Hub {
    pub(crate) fn nick_serv(&mut self, turn: &mut Turn, text: &str) -> Result<(), Refusal> {
        let said = Said::new(Service::NickServ, HELP, text);
        match &*said.command() {
            "REGISTER" => self.register_account(turn, Via::Service, said.need_text(1)?),
            "IDENTIFY" | "LOGIN" => self.identify(turn, &said),
            "LOGOUT" => self.log_out(turn),
            "RECOVER" | "REGAIN" | "GHOST" => self.recover(turn, &said),
            "PASSWORD" | "PASSWD" => {
                let account = self.own_registered(turn.person)?;
                let asked = AccountRequest {
                    account,
                    change: AccountChange::SetPassword,
                    via: Via::Service,
                };
                let (old, new) = said.need_two_passwords(1)?;
                self.ask_with_password(turn, asked, old, Some(new))
            }
            "SESSIONS" => self.sessions(turn),
            "END" => self.end_session(turn, said.need(1)?),
            word @ ("STAY" | "SET") => {
                let account = self.own_registered(turn.person)?;
                let is_on = |what: &str, value: &str| match &*value.to_ascii_uppercase() {
                    "ON" => Ok(true),
                    "OFF" => Ok(false),
                    _ => Err(no(&format!("write {what} ON or {what} OFF"))),
                };
                let change = match (word, said.need(1)?) {
                    ("STAY", value) => AccountChange::SetStaying(is_on("STAY", value)?),
                    (_, what) if what.eq_ignore_ascii_case("REPLAY") => {
                        AccountChange::SetReplaying(is_on("SET REPLAY", said.need(2)?)?)
                    }
                    _ => return Err(no("write SET REPLAY ON or SET REPLAY OFF")),
                };
                self.ask_without_password(
                    turn,
                    AccountRequest { account, change, via: Via::Service },
                )
            }
            "CERT" => self.certificates(turn, &said),
            "INFO" => self.account_info(turn, said.word(1)),
            "DROP" => {
                let (account, password) = (said.need(1)?, said.need_text(2)?);
                let own = self.own_registered(turn.person)?;
                if !CaseMapping::Ascii.same(&own, account) {
                    return Err(no(&format!(
                        "you are logged in to {own}: only that one can be dropped"
                    )));
                }
                let asked =
                    AccountRequest { account: own, change: AccountChange::Drop, via: Via::Service };
                self.ask_with_password(turn, asked, password, None)
            }
            _ => said.help(turn),
        }
    }

    /// The account `conn` is logged in to, if it can be changed.
    fn own_registered(&self, who: PersonId) -> Result<Arc<str>, Refusal> {
        let account = own_account(self.people.person(who))?;
        if self.accounts.get_registered(&account).is_none() {
            return Err(no(account_directory::CONFIGURED));
        }
        Ok(account)
    }

    fn identify(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let first = said.need(1)?;
        let nick = Arc::clone(self.people.person(turn.person).nick.shown());
        // A password of several words may be that of the nick one has: then its first word is no account.
        let is_account = self.accounts.get(first).is_some();
        let (account, password) = match said.word(2) {
            Some(_) if is_account || self.accounts.get(&nick).is_none() => {
                (first.into(), said.need_text(2)?)
            }
            _ => (nick, said.need_text(1)?),
        };
        let asked = AccountRequest { account, change: AccountChange::LogIn, via: Via::Service };
        self.ask_with_password(turn, asked, password, None)
    }

    fn log_out(&mut self, turn: &mut Turn) -> Result<(), Refusal> {
        let person = self.people.person(turn.person);
        let account = own_account(person)?;
        if person.devices.len() > 1 || self.accounts.stays(Some(&account)) {
            self.go_on_as_guest(turn);
        } else {
            self.set_account(turn.person, None);
        }
        let source = (*self.people.person(turn.person).source).into();
        let params = vec![source, "You are logged out".into()];
        turn.say(ReplyLine::Numeric(Numeric::RPL_LOGGEDOUT, params));
        Ok(())
    }

    fn recover(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let own = self.people.person(turn.person).account.clone();
        let account = match (said.word(1), &own) {
            (Some(nick), _) => nick.into(),
            (None, Some(own)) => Arc::clone(own),
            (None, None) => said.need(1)?.into(),
        };
        if said.word(2).is_some() {
            let asked =
                AccountRequest { account, change: AccountChange::Recover, via: Via::Service };
            return self.ask_with_password(turn, asked, said.need_text(2)?, None);
        }
        if !own.is_some_and(|own| CaseMapping::Ascii.same(&own, &account)) {
            return Err(no(
                "you are not logged in to the account of that nick: write RECOVER nick password",
            ));
        }
        self.take_back_nick(turn, &account)
    }

    fn sessions(&self, turn: &mut Turn) -> Result<(), Refusal> {
        let account = own_account(self.people.person(turn.person))?;
        for (index, conn) in self.people.sessions_of(&account).into_iter().enumerate() {
            let Reader { person, device } = self.people.reader(conn);
            let since = humantime::format_rfc3339_seconds(device.since);
            let how = if device.is_secure { "over TLS" } else { "without TLS" };
            let this = if conn == turn.conn { " (this one)" } else { "" };
            let text = format!(
                "{}: {} from {}, since {since}, {how}{this}",
                index + 1,
                person.nick,
                device.address
            );
            say(turn, &text);
        }
        Ok(())
    }

    fn end_session(&mut self, turn: &mut Turn, number: &str) -> Result<(), Refusal> {
        let account = own_account(self.people.person(turn.person))?;
        let sessions = self.people.sessions_of(&account);
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(conn) = index.and_then(|index| sessions.get(index)).copied() else {
            return Err(no("there is no session of that number: write SESSIONS"));
        };
        let reason: Arc<str> = "Session ended by its owner".into();
        say(turn, "the session is ended");
        self.out.push(Effect::Close { conn, reason: Arc::clone(&reason), label: None });
        self.end_device(conn, &reason);
        Ok(())
    }

    fn certificates(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let subcommand = said.word(1).unwrap_or("LIST").to_ascii_uppercase();
        if subcommand == "LIST" {
            let account = own_account(self.people.person(turn.person))?;
            let own =
                self.accounts.get(&account).map(|own| own.fingerprints.clone()).unwrap_or_default();
            if own.is_empty() {
                say(turn, "no certificate logs in to your account");
            }
            own.iter().for_each(|fingerprint| say(turn, fingerprint));
            return Ok(());
        }
        let account = self.own_registered(turn.person)?;
        let shown = self.people.device(turn.conn).particulars.fingerprint.clone();
        let fingerprint = match (&*subcommand, said.word(2)) {
            ("ADD", None) => shown.clone().ok_or_else(|| {
                no("you show no certificate: write CERT ADD, its SHA-256 fingerprint and your password")
            })?,
            ("ADD" | "DEL", _) => said.need(2)?.to_ascii_lowercase().replace(':', "").into(),
            _ => return Err(no("write CERT, CERT ADD, CERT ADD fingerprint password or CERT DEL fingerprint")),
        };
        if fingerprint.len() != 64 || !fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(no("a fingerprint is 64 hexadecimal digits"));
        }
        let owner = self.accounts.of_certificate(&fingerprint).map(|owner| owner.name.clone());
        let is_own = owner.as_ref().is_some_and(|owner| CaseMapping::Ascii.same(owner, &account));
        // Who shows it has its key: whoever has merely named it does not keep it from them.
        let is_shown = shown.is_some_and(|shown| shown.eq_ignore_ascii_case(&fingerprint));
        let is_fixed =
            owner.as_ref().is_some_and(|own| self.accounts.get_registered(own).is_none());
        let change = match (&*subcommand, owner) {
            ("ADD", Some(_)) if is_own || is_fixed || !is_shown => {
                return Err(no("this certificate logs in to an account already"));
            }
            ("ADD", _) => AccountChange::AddCertificate(fingerprint),
            _ if is_own => AccountChange::RemoveCertificate(fingerprint),
            _ => return Err(no("this certificate does not log in to your account")),
        };
        let asked = AccountRequest { account, change, via: Via::Service };
        if &*subcommand == "ADD" && !is_shown {
            if said.word(3).is_none() {
                return Err(no("you do not show this certificate: write your password behind it"));
            }
            let password = said.need_text(3)?;
            return self.ask_with_password(turn, asked, password, None);
        }
        self.ask_without_password(turn, asked)
    }

    fn account_info(&self, turn: &mut Turn, account: Option<&str>) -> Result<(), Refusal> {
        let own = match account {
            Some(account) => account.into(),
            None => own_account(self.people.person(turn.person))?,
        };
        // Which accounts there are is told of those who show it, and to operators of the server.
        let is_own = |person: &Person| {
            person.account.as_ref().is_some_and(|account| CaseMapping::Ascii.same(account, &own))
        };
        let may_know =
            self.people.device(turn.conn).is_operator() || self.people.iter().any(is_own);
        if !may_know {
            return Err(no("there is no such account, or nobody of it is here"));
        }
        let text = match (self.accounts.get_registered(&own), self.accounts.get(&own)) {
            (Some(own), _) => {
                let since = humantime::format_rfc3339_seconds(own.since);
                format!("{} was registered at {since}", own.account.name)
            }
            (None, Some(own)) => format!("{} is an account of this server", own.name),
            (None, None) => return Err(no("there is no such account, or nobody of it is here")),
        };
        say(turn, &text);
        Ok(())
    }
}

fn no(text: &str) -> Refusal {
    Refusal::Service { by: Service::NickServ, text: text.to_owned() }
}

fn say(turn: &mut Turn, text: &str) {
    turn.say(ReplyLine::Said { by: Service::NickServ, text: text.into() });
}

fn own_account(person: &Person) -> Result<Arc<str>, Refusal> {
    let account = person.account.clone();
    account.ok_or_else(|| no("you are not logged in: write IDENTIFY account password"))
}
