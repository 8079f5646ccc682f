//! Passwords under check: asked here, answered by [`crate::auth`] in its own time. While one is under
//! way, the asker's further commands wait, so there is one at most for each connection (and one more that
//! a registration has given up), and there are [`CHECKS_MAX`] at most in all.

use std::{net::IpAddr, sync::Arc};

use chat_core::proto::CaseMapping;

use super::{
    Effect, Hub, Now, Refusal, Turn, account_changes::AccountRequest, login_backoff::network_of,
};
use crate::{
    auth::{Question, Verdict},
    ids::{ConnId, Ticket},
};

/// Passwords under check at once. Each takes tens of milliseconds by design.
const CHECKS_MAX: usize = 64;

/// Wrong passwords on one connection, at which it is closed.
pub(super) const FAILED_LOGINS_MAX: u8 = 3;

/// Someone who waits to hear whether a password is right.
#[derive(Debug)]
pub(super) struct PasswordCheck {
    pub(super) conn: ConnId,
    pub(super) label: Option<Arc<str>>,
    pub(super) purpose: CheckPurpose,
    /// What the password is held against.
    hash: Option<String>,
    /// Their further commands wait for it: they had registered.
    is_counted: bool,
}

impl PasswordCheck {
    pub(super) fn new(conn: ConnId, label: Option<Arc<str>>, purpose: CheckPurpose) -> Self {
        Self { conn, label, purpose, hash: None, is_counted: false }
    }
}

/// What the answer is for.
#[derive(Debug, Clone)]
pub(super) enum CheckPurpose {
    /// `OPER`
    Oper,
    /// `AUTHENTICATE`, for the account of that name.
    Sasl {
        /// As it was given.
        account: Arc<str>,
    },
    /// Something that is to be done to an account.
    AccountChange(AccountRequest),
}

impl CheckPurpose {
    /// The account whose password it is.
    fn account(&self) -> Option<&str> {
        match self {
            Self::Oper => None,
            Self::Sasl { account } => Some(account),
            Self::AccountChange(asked) => Some(&asked.account),
        }
    }

    /// Why it is not asked now.
    fn refusal(&self, text: &str) -> Refusal {
        let code = "TEMPORARILY_UNAVAILABLE";
        match self {
            Self::Oper => Refusal::fail("OPER", code, &[], text),
            Self::Sasl { .. } => Refusal::fail("AUTHENTICATE", code, &[], text),
            Self::AccountChange(asked) => asked.via.refusal(code, &asked.account, text),
        }
    }
}

impl Hub {
    /// How many of `conn`'s passwords are under check.
    pub(super) fn n_checks(&self, conn: ConnId) -> usize {
        self.checks.values().filter(|check| check.conn == conn && check.is_counted).count()
    }

    /// Whether there are as many as there may be.
    pub(super) fn has_too_many_checks(&self) -> bool {
        self.checks.len() >= CHECKS_MAX
    }

    /// Asks whether a password is right; the turn is answered when that is known.
    ///
    /// # Errors
    /// When too many others are asking.
    pub(super) fn ask(
        &mut self,
        turn: &mut Turn<'_>,
        question: Question,
        purpose: CheckPurpose,
    ) -> Result<(), Refusal> {
        if self.has_too_many_checks() {
            let text = "too many passwords are being checked; try again in a moment";
            return Err(purpose.refusal(text));
        }
        turn.is_answered = true;
        let check = PasswordCheck::new(turn.conn, turn.label.take(), purpose);
        self.ask_for(check, question, turn.effects);
        Ok(())
    }

    /// A password was wrong: whoever has guessed too often is gone.
    pub(super) fn count_failed_login(
        &mut self,
        now: Now,
        conn: ConnId,
        account: Option<&str>,
        effects: &mut Vec<Effect>,
    ) {
        let account = account.map(|account| CaseMapping::Ascii.fold(account).into());
        self.login_backoff.add(now.mono, self.network_of(conn).as_ref(), account.as_ref());
        let newcomer = self.newcomers.get_mut(&conn).map(|newcomer| &mut newcomer.n_failed_logins);
        let device = self.devices.get_mut(conn).map(|device| &mut device.n_failed_logins);
        let Some(n_failed) = newcomer.or(device) else { return };
        *n_failed = n_failed.saturating_add(1);
        if *n_failed < FAILED_LOGINS_MAX {
            return;
        }
        let reason: Arc<str> = "Too many wrong passwords".into();
        effects.push(Effect::Close { conn, reason: Arc::clone(&reason) });
        if self.devices.contains(conn) {
            self.end_device(now, conn, &reason, effects);
        } else {
            self.forget_newcomer(conn);
        }
    }

    /// The network that guesses from `conn` count for; none where many share one and nobody is to be counted.
    pub(super) fn network_of(&self, conn: ConnId) -> Option<Arc<str>> {
        let device = || self.devices.get(conn).map(|device| &*device.address);
        let address = self.newcomers.get(&conn).map(|newcomer| &*newcomer.host).or_else(device)?;
        let is_exempt = address.parse::<IpAddr>().is_ok_and(|ip| {
            self.settings.limits.exempt_addresses.iter().any(|network| network.contains(&ip))
        });
        (!is_exempt).then(|| network_of(address))
    }

    /// Why a password of `conn`'s for `account` is not looked at now: too many were wrong.
    pub(super) fn pause_after_guesses(
        &self,
        now: Now,
        conn: ConnId,
        account: &str,
    ) -> Option<String> {
        let account = CaseMapping::Ascii.fold(account).into();
        let pause = self.login_backoff.pause(now.mono, self.network_of(conn).as_ref(), &account)?;
        let seconds = pause.as_secs() + 1;
        Some(format!("too many wrong passwords: try again in {seconds} seconds"))
    }

    /// A password of `conn`'s for `account` was right.
    pub(super) fn forgive_guesses(&mut self, conn: ConnId, account: &str) {
        if let Some(network) = self.network_of(conn) {
            self.login_backoff.forgive(&network, &CaseMapping::Ascii.fold(account).into());
        }
    }

    /// The same outside of a turn. Further commands of the asker wait.
    pub(super) fn ask_for(
        &mut self,
        mut check: PasswordCheck,
        question: Question,
        effects: &mut Vec<Effect>,
    ) {
        check.hash = question.check.as_ref().map(|(hash, _)| hash.clone());
        let ticket = self.new_ticket();
        if let Some(device) = self.devices.get_mut(check.conn) {
            device.n_pending += 1;
            check.is_counted = true;
        }
        self.checks.insert(ticket, check);
        effects.push(Effect::Check { ticket, question });
    }

    /// It is known.
    pub(super) fn checked(
        &mut self,
        now: Now,
        ticket: Ticket,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) {
        let Some(check) = self.checks.remove(&ticket) else { return };
        // The account may have ended meanwhile, and be somebody else's, or have another password.
        let is_still = |hash: &String| {
            check.purpose.account().is_none_or(|account| self.hash_of(account) == *hash)
        };
        let verdict =
            if check.hash.as_ref().is_none_or(is_still) { verdict } else { Verdict::Wrong };
        let is_right = verdict != Verdict::Wrong;
        let conn = check.conn;
        let device = self.devices.get_mut(conn);
        let who = device.as_ref().map(|device| device.person);
        if let Some(device) = device.filter(|_| check.is_counted) {
            device.n_pending -= 1;
        }
        match (check.purpose.clone(), who) {
            (CheckPurpose::Oper, Some(who)) => {
                let mut turn = Turn::new(now, (conn, who), check.label, effects);
                if let Err(refusal) = self.oper_checked(&mut turn, is_right) {
                    turn.say(refusal.reply());
                }
                self.end_turn(turn);
                if !is_right {
                    self.count_failed_login(now, conn, None, effects);
                }
            }
            (CheckPurpose::Sasl { account }, _) => {
                self.sasl_checked(now, check, &account, is_right, effects);
            }
            (CheckPurpose::AccountChange(asked), Some(who)) => {
                self.account_change_checked(now, check, who, asked, verdict, effects);
            }
            (CheckPurpose::Oper | CheckPurpose::AccountChange(_), None) => {}
        }
        self.take_waiting(now, conn, effects);
        self.take_newcomers_waiting(now, conn, effects);
    }
}
