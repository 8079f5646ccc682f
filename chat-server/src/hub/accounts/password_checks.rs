//! Passwords under check: asked here, answered by [`crate::auth`] in its own time. While one is under
//! way, the asker's further commands wait, so there is one at most for each connection (and one more that
//! a registration has given up), and there are [`CHECKS_MAX`] at most in all.

use std::{net::IpAddr, sync::Arc};

use chat_core::proto::CaseMapping;

use crate::{
    auth::Question,
    hub::{
        Hub,
        effect::Effect,
        input::Now,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            login_backoff::network_of,
            password_check::{CheckPurpose, PasswordCheck},
        },
    },
    ids::ConnId,
};

/// Passwords under check at once. Each takes tens of milliseconds by design.
const CHECKS_MAX: usize = 64;

/// Wrong passwords on one connection, at which it is closed.
pub(crate) const FAILED_LOGINS_MAX: u8 = 3;

impl Hub {
    /// How many of `conn`'s passwords are under check.
    pub(crate) fn n_checks(&self, conn: ConnId) -> usize {
        self.checks.values().filter(|check| check.conn == conn && check.is_counted).count()
    }

    /// Whether there are as many as there may be.
    pub(crate) fn has_too_many_checks(&self) -> bool {
        self.checks.len() >= CHECKS_MAX
    }

    /// Asks whether a password is right; the turn is answered when that is known.
    ///
    /// # Errors
    /// When too many others are asking.
    pub(crate) fn ask(
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
    pub(crate) fn count_failed_login(
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
    pub(crate) fn network_of(&self, conn: ConnId) -> Option<Arc<str>> {
        let device = || self.devices.get(conn).map(|device| &*device.address);
        let address = self.newcomers.get(&conn).map(|newcomer| &*newcomer.host).or_else(device)?;
        let is_exempt = address.parse::<IpAddr>().is_ok_and(|ip| {
            self.settings.limits.exempt_addresses.iter().any(|network| network.contains(&ip))
        });
        (!is_exempt).then(|| network_of(address))
    }

    /// Why a password of `conn`'s for `account` is not looked at now: too many were wrong.
    pub(crate) fn pause_after_guesses(
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
    pub(crate) fn forgive_guesses(&mut self, conn: ConnId, account: &str) {
        if let Some(network) = self.network_of(conn) {
            self.login_backoff.forgive(&network, &CaseMapping::Ascii.fold(account).into());
        }
    }

    /// The same outside of a turn. Further commands of the asker wait.
    pub(crate) fn ask_for(
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
}
