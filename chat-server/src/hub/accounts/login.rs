//! Logging in and out: who a connection is, whoever proved it and how.

use std::sync::Arc;

use chat_core::proto::{CaseMapping, Numeric};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{
        Hub,
        effect::Effect,
        state::{codec, people::People},
    },
    ids::{ConnId, PersonId},
};

/// A hindrance: why somebody may not log in to an account.
#[derive(Debug)]
pub(crate) enum Hindrance {
    /// The account is banned from the server, in these words.
    Banned(String),
    /// It is another one than that of their other connections.
    Several,
}

impl Hindrance {
    /// The words about it, for people.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Banned(text) => text,
            Self::Several => {
                "you are here on several connections of one account: end the others first"
            }
        }
    }
}

impl Hub {
    pub(crate) fn log_in(&mut self, conn: ConnId, label: Option<Arc<str>>, account: &Arc<str>) {
        if let Err(why) = self.may_log_in(conn, account) {
            // "currently locked out, held, or otherwise administratively made unavailable", or "changing accounts is not
            // supported" (sasl-3.1, sasl-3.2)
            let numeric = match why {
                Hindrance::Banned(_) => Numeric::ERR_NICKLOCKED,
                Hindrance::Several => Numeric::ERR_SASLALREADY,
            };
            let line = ReplyLine::Numeric(numeric, vec![why.text().into()]);
            return self.say_to(conn, label, vec![line]);
        }
        let logged_in = logged_in(&self.people, conn, account);
        let done = ReplyLine::Numeric(Numeric::RPL_SASLSUCCESS, vec!["You are logged in".into()]);
        self.say_to(conn, label, vec![logged_in, done]);
        self.enter_account(conn, account);
    }

    /// Logs a connection in to an account, which it [may](Hub::may_log_in).
    pub(crate) fn enter_account(&mut self, conn: ConnId, account: &Arc<str>) {
        self.accounts.forgive(self.now().mono, self.guesser_at(conn), account);
        self.note_use(account);
        if let Some(newcomer) = self.people.newcomer_mut(conn) {
            newcomer.account = Some(Arc::clone(account));
        } else if let Some(device) = self.people.device_at(conn) {
            self.set_account(device.person, Some(Arc::clone(account)));
        }
    }

    /// Takes note that somebody has logged in to an account: it is used.
    pub(crate) fn note_use(&mut self, account: &str) {
        let today = codec::day_of(self.now().wall);
        if let Some(change) = self.accounts.use_on(account, today) {
            self.persist_unasked(vec![change]);
        }
    }

    /// Checks that who is at `conn` may become that account: their other connections would too.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn may_log_in(&self, conn: ConnId, account: &str) -> Result<(), Hindrance> {
        let now = self.now();
        if let Some(ban) = self.accounts.find_ban(now.wall, "", Some(account)) {
            return Err(Hindrance::Banned(ban.text()));
        }
        let may = self.people.person_at(conn).is_none_or(|person| {
            let is_same = |own: &Arc<str>| CaseMapping::Ascii.same(own, account);
            person.devices.len() < 2 || person.account.as_ref().is_none_or(is_same)
        });
        if may { Ok(()) } else { Err(Hindrance::Several) }
    }

    /// Logs out those whose account there is no more.
    pub(crate) fn log_out_strangers(&mut self) {
        let is_gone = |account: &Option<Arc<str>>| {
            account.as_ref().is_some_and(|account| self.accounts.get(account).is_none())
        };
        let mut newcomers = self.people.newcomers();
        newcomers
            .retain(|conn| self.people.newcomer(*conn).is_some_and(|own| is_gone(&own.account)));
        let people = self.people.iter().filter(|person| is_gone(&person.account));
        let people: Vec<PersonId> = people.map(|person| person.id).collect();
        let line = |source: &str| {
            let params = vec![source.into(), "You are logged out: the account is no more".into()];
            ReplyLine::Numeric(Numeric::RPL_LOGGEDOUT, params)
        };
        for conn in newcomers {
            self.say_to(conn, None, vec![line("*")]);
            if let Some(newcomer) = self.people.newcomer_mut(conn) {
                newcomer.account = None;
            }
        }
        for who in people {
            let person = self.people.person(who);
            for conn in &person.devices {
                self.say_to(*conn, None, vec![line(&person.source)]);
            }
            self.set_account(who, None);
        }
        self.let_go();
    }

    /// Ends all connections that are logged in to `account`, but for one; how many there were.
    pub(crate) fn end_other_sessions(&mut self, own: ConnId, account: &str) -> usize {
        let reason: Arc<str> = "Session ended: the password of its account was changed".into();
        let is_own = |conn: &ConnId| {
            let newcomer = self.people.newcomer(*conn);
            let of = newcomer.and_then(|newcomer| newcomer.account.as_deref());
            of.is_some_and(|of| CaseMapping::Ascii.same(of, account))
        };
        let mut newcomers = self.people.newcomers();
        newcomers.retain(is_own);
        let mut others = self.people.sessions_of(account);
        others.retain(|conn| *conn != own);
        for conn in &newcomers {
            self.out.push(Effect::Close { conn: *conn, reason: Arc::clone(&reason), label: None });
            self.forget_newcomer(*conn);
        }
        for conn in &others {
            self.out.push(Effect::Close { conn: *conn, reason: Arc::clone(&reason), label: None });
            self.end_device(*conn, &reason);
        }
        newcomers.len() + others.len()
    }

    /// Gives a person an account, or none, and tells who is to know. A nick that is another account's then is
    /// theirs no more.
    pub(crate) fn set_account(&mut self, who: PersonId, account: Option<Arc<str>>) {
        let identity = account.as_deref().map(|account| self.accounts.identity(account));
        let person = self.people.person(who);
        let (rooms, devices) = (person.rooms.clone(), person.devices.clone());
        if !devices.is_empty() {
            self.note_left(who, &rooms, &devices);
            self.note_disconnected(who, &devices);
        }
        self.set_identity(who, identity);
        self.people.note_places(who);
        let person = self.people.person_mut(who);
        let before = std::mem::replace(&mut person.account, account.clone());
        let source = Arc::clone(&person.source);
        self.accounts.stir(account.as_deref());
        let event = self.event(who, Content::Account { source, account });
        self.tell_of_change(who, None, &event);
        let is_same = |own: &Arc<str>| {
            let after = self.people.person(who).account.as_ref();
            after.is_some_and(|after| CaseMapping::Ascii.same(after, own))
        };
        if before.as_ref().is_some_and(|own| !is_same(own)) {
            self.end_privilege_of(who);
        }
        self.people.note_places(who);
        self.give_back_nick(who);
        self.follow_account(who, before.as_ref());
        if !devices.is_empty() {
            rooms.into_iter().for_each(|id| self.note_here(who, id));
            devices.into_iter().for_each(|conn| self.note_connected(who, conn));
        }
    }
}

/// The line that tells a connection that it is logged in.
pub(crate) fn logged_in(people: &People, conn: ConnId, account: &str) -> ReplyLine {
    let source = people.person_at(conn).map_or("*", |person| &person.source);
    let text = format!("You are now logged in as {account}");
    ReplyLine::Numeric(Numeric::RPL_LOGGEDIN, vec![source.into(), account.into(), text.into()])
}
