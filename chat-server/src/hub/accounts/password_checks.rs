//! Passwords under check: asked here, answered by [`crate::auth`] in its own time. While one is under
//! way, the asker's further commands wait, so there is one at most for each connection (and one more that
//! a registration has given up), and there are [`CHECKS_MAX`] at most in all.

use std::{net::IpAddr, sync::Arc};

use crate::{
    auth::Question,
    hub::{
        Hub,
        effect::Effect,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            login_backoff::network_of,
            password_check::{CheckPurpose, PasswordCheck},
        },
    },
    ids::ConnId,
};

/// Wrong passwords on one connection, at which it is closed.
pub(crate) const FAILED_LOGINS_MAX: u8 = 3;

impl Hub {
    /// Asks whether a password is right; the turn is answered when that is known.
    ///
    /// # Errors
    /// When too many others are asking.
    pub(crate) fn ask(
        &mut self,
        turn: &mut Turn,
        question: Question,
        purpose: CheckPurpose,
    ) -> Result<(), Refusal> {
        if self.awaited.has_too_many_checks() {
            let text = "too many passwords are being checked; try again in a moment";
            return Err(purpose.refusal(text));
        }
        turn.is_answered = true;
        let check = PasswordCheck::new(turn.conn, turn.label.take(), purpose);
        self.ask_for(check, question);
        Ok(())
    }

    /// A password was wrong: whoever has guessed too often is gone.
    pub(crate) fn count_failed_login(&mut self, conn: ConnId, account: Option<&str>) {
        let now = self.now();
        self.accounts.count_failure(now.mono, self.network_of(conn).as_ref(), account);
        if self.people.count_failed_login(conn).is_none_or(|n_failed| n_failed < FAILED_LOGINS_MAX)
        {
            return;
        }
        let reason: Arc<str> = "Too many wrong passwords".into();
        self.out.push(Effect::Close { conn, reason: Arc::clone(&reason) });
        if self.people.has_device(conn) {
            self.end_device(conn, &reason);
        } else {
            self.forget_newcomer(conn);
        }
    }

    /// The network that guesses from `conn` count for; none where many share one and nobody is to be counted.
    pub(crate) fn network_of(&self, conn: ConnId) -> Option<Arc<str>> {
        let device = || self.people.device_at(conn).map(|device| &*device.address);
        let address = self.people.newcomer(conn).map(|newcomer| &*newcomer.host).or_else(device)?;
        let is_exempt = address.parse::<IpAddr>().is_ok_and(|ip| {
            self.settings.limits.exempt_addresses.iter().any(|network| network.contains(&ip))
        });
        (!is_exempt).then(|| network_of(address))
    }

    /// The reason why a password of `conn`'s for `account` is not looked at now: too many were wrong.
    pub(crate) fn pause_after_guesses(&self, conn: ConnId, account: &str) -> Option<String> {
        let now = self.now();
        let pause = self.accounts.pause(now.mono, self.network_of(conn).as_ref(), account)?;
        let seconds = pause.as_secs() + 1;
        Some(format!("too many wrong passwords: try again in {seconds} seconds"))
    }

    /// A password of `conn`'s for `account` was right.
    pub(crate) fn forgive_guesses(&mut self, conn: ConnId, account: &str) {
        if let Some(network) = self.network_of(conn) {
            self.accounts.forgive(&network, account);
        }
    }

    /// Asks for a check outside of a turn. Further commands of the asker wait.
    pub(crate) fn ask_for(&mut self, mut check: PasswordCheck, question: Question) {
        check.hash = question.check.as_ref().map(|(hash, _)| hash.clone());
        let ticket = self.awaited.new_ticket();
        if let Some(device) = self.people.device_at_mut(check.conn) {
            device.n_pending += 1;
            check.is_counted = true;
        }
        self.awaited.insert_check(ticket, check);
        self.out.push(Effect::Check { ticket, question });
    }
}
