//! The door of secrets: each look at one is counted here before it is made, by whomever and in whatever words it was
//! asked for. Passwords whose hash is slow are asked for here and answered by [`crate::auth`] in its own time, networks in
//! turn. While one is under way, the asker's further commands wait, so there is one at most for each connection (and
//! one more that a registration has given up).

use std::{sync::Arc, time::Duration};

use crate::{
    auth::{Question, READ_ON_THE_WAY},
    hub::{
        Hub,
        effect::Effect,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            guesser::{Guesser, LoginSubject},
            login_backoff::Guess,
            password_check::{CheckPurpose, PasswordCheck},
        },
    },
    ids::{ConnId, Ticket},
    origin::Origin,
};

/// Wrong passwords on one connection, at which it is closed.
pub(crate) const FAILED_LOGINS_MAX: u8 = 3;

impl Hub {
    /// Asks whether a password is right; the turn is answered when that is known.
    ///
    /// # Errors
    /// When it is not looked at now: too many were wrong, or too many others are asking.
    pub(crate) fn ask(
        &mut self,
        turn: &mut Turn,
        question: Question,
        purpose: CheckPurpose,
    ) -> Result<(), Refusal> {
        self.may_ask(turn.conn, &question, &purpose).map_err(|text| purpose.refusal(&text))?;
        turn.is_answered = true;
        self.ask_for(turn.conn, turn.label.take(), purpose, question);
        Ok(())
    }

    /// Checks that a password is to be looked at, as soon as its turn comes.
    ///
    /// # Errors
    /// A sentence that says when to try again.
    pub(crate) fn may_ask(
        &mut self,
        conn: ConnId,
        question: &Question,
        purpose: &CheckPurpose,
    ) -> Result<(), String> {
        self.check_privacy(conn).map_err(str::to_owned)?;
        let (now, guesser) = (self.now().mono, self.guesser_at(conn));
        if question.check.is_some()
            && let Some(pause) = self.accounts.pause(now, guesser, &purpose.subject())
        {
            return Err(paused(pause));
        }
        if self.awaited.has_too_many_checks(guesser.origin) {
            return Err("too many passwords are being checked; try again in a moment".to_owned());
        }
        self.accounts.count_check(now, guesser, self.settings.limits.logins).map_err(|pause| {
            let seconds = pause.as_secs() + 1;
            format!("too many logins from where you are: try again in {seconds} seconds")
        })
    }

    /// Checks that nobody else can read a password that comes on `conn`, or it could not come otherwise.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub(crate) fn check_privacy(&self, conn: ConnId) -> Result<(), &'static str> {
        let device = || self.people.device_at(conn).map(|device| device.privacy);
        let newcomer = self.people.newcomer(conn).map(|newcomer| newcomer.privacy);
        let privacy = newcomer.or_else(device).unwrap_or_default();
        if self.settings.takes_passwords(privacy) { Ok(()) } else { Err(READ_ON_THE_WAY) }
    }

    /// Asks for a check that [may be made](Hub::may_ask). Further commands of the asker wait.
    pub(crate) fn ask_for(
        &mut self,
        conn: ConnId,
        label: Option<Arc<str>>,
        purpose: CheckPurpose,
        question: Question,
    ) {
        let mut check = PasswordCheck::new(conn, label, purpose, self.guesser_at(conn));
        check.hash = question.check.as_ref().map(|(hash, _)| hash.clone());
        let ticket = self.awaited.new_ticket();
        if let Some(device) = self.people.device_at_mut(check.conn) {
            device.n_pending += 1;
            check.is_counted = true;
        }
        self.awaited.insert_check(ticket, check, question);
    }

    /// Has the passwords checked whose turn it is. Gives the first that is not looked at, and why: as many as may be
    /// were wrong since it was asked for.
    pub(crate) fn hand_over_checks(&mut self) -> Option<(Ticket, String)> {
        let now = self.now().mono;
        while let Some((ticket, question)) = self.awaited.next_check() {
            let Some(check) = self.awaited.check_mut(ticket) else { continue };
            let is_there = self.people.newcomer(check.conn).is_some()
                || self.people.device_at(check.conn).is_some();
            let is_theirs =
                matches!(check.purpose, CheckPurpose::Sasl { .. } | CheckPurpose::Pass { .. });
            if !is_there && is_theirs {
                // Nobody waits for it.
                self.awaited.take_check(ticket);
                continue;
            }
            if question.check.is_some() {
                let subject = check.purpose.subject();
                match self.accounts.take_guess(now, check.guesser, subject) {
                    Ok(guess) => check.guess = Some(guess),
                    Err(pause) => return Some((ticket, paused(pause))),
                }
            }
            self.out.push(Effect::Check { ticket, question });
        }
        None
    }

    /// Counts a guess of `conn`'s that is looked at now, in no time.
    ///
    /// # Errors
    /// A sentence that says when to try again.
    pub(crate) fn take_guess(
        &mut self,
        conn: ConnId,
        subject: LoginSubject,
    ) -> Result<Guess, String> {
        let (now, guesser) = (self.now().mono, self.guesser_at(conn));
        self.accounts.take_guess(now, guesser, subject).map_err(paused)
    }

    /// A guess was right: it is counted no more.
    pub(crate) fn guess_was_right(&mut self, guess: &Guess) {
        let now = self.now().mono;
        self.accounts.guess_was_right(now, guess);
    }

    /// A secret was wrong: whoever has guessed too often is gone.
    pub(crate) fn count_failed_login(&mut self, conn: ConnId) {
        if self.people.count_failed_login(conn).is_none_or(|n_failed| n_failed < FAILED_LOGINS_MAX)
        {
            return;
        }
        let reason: Arc<str> = "Too many wrong passwords".into();
        self.out.push(Effect::Close { conn, reason: Arc::clone(&reason), label: None });
        if self.people.has_device(conn) {
            self.end_device(conn, &reason);
        } else {
            self.forget_newcomer(conn);
        }
    }

    /// The place that guesses from `conn` are made from.
    pub(crate) fn guesser_at(&self, conn: ConnId) -> Guesser {
        let device = || self.people.device_at(conn).map(|device| &*device.address);
        let address = self.people.newcomer(conn).map(|newcomer| &*newcomer.host).or_else(device);
        let address = address.unwrap_or_default();
        let is_exempt = self.settings.limits.is_exempt(address);
        Guesser { origin: Origin::of_host(address), is_exempt }
    }

    /// The reason why a guess of `conn`'s would not be looked at now: too many were wrong.
    pub(crate) fn pause_after_guesses(
        &self,
        conn: ConnId,
        subject: &LoginSubject,
    ) -> Option<String> {
        self.accounts.pause(self.now().mono, self.guesser_at(conn), subject).map(paused)
    }
}

fn paused(pause: Duration) -> String {
    let seconds = pause.as_secs() + 1;
    format!("too many wrong passwords: try again in {seconds} seconds")
}
