//! Passwords under check: asked here, answered by [`crate::auth`] in its own time. While one is under
//! way, the asker's further commands wait, so there is one at most for each connection (and one more that
//! a registration has given up), and there are [`CHECKS_MAX`] at most in all.

use std::sync::Arc;

use super::{Effect, Hub, Now, Refusal, Turn};
use crate::{
    auth::Question,
    ids::{ConnId, Ticket},
};

/// Passwords under check at once. Each takes tens of milliseconds by design.
const CHECKS_MAX: usize = 64;

/// Wrong passwords on one connection, at which it is closed.
pub(super) const FAILED_LOGINS_MAX: u8 = 3;

/// Someone who waits to hear whether a password is right.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) conn: ConnId,
    pub(super) label: Option<Arc<str>>,
    pub(super) purpose: Purpose,
    /// Their further commands wait for it: they had registered.
    is_counted: bool,
}

impl Check {
    pub(super) fn new(conn: ConnId, label: Option<Arc<str>>, purpose: Purpose) -> Self {
        Self { conn, label, purpose, is_counted: false }
    }
}

/// What the answer is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// `OPER`
    Oper,
    /// `AUTHENTICATE`, for the account of that name.
    Sasl {
        /// As it was given.
        account: Arc<str>,
    },
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
        purpose: Purpose,
    ) -> Result<(), Refusal> {
        if self.has_too_many_checks() {
            let text = "too many passwords are being checked; try again in a moment";
            return Err(Refusal::fail("OPER", "TRY_AGAIN", &[], text));
        }
        turn.is_answered = true;
        let check = Check::new(turn.conn, turn.label.take(), purpose);
        self.ask_for(check, question, turn.effects);
        Ok(())
    }

    /// A password was wrong: whoever has guessed too often is gone.
    pub(super) fn count_failed_login(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        let newcomer = self.newcomers.get_mut(&conn).map(|newcomer| &mut newcomer.n_failed_logins);
        let person = self.people.get_mut(&conn).map(|person| &mut person.n_failed_logins);
        let Some(n_failed) = newcomer.or(person) else { return };
        *n_failed = n_failed.saturating_add(1);
        if *n_failed < FAILED_LOGINS_MAX {
            return;
        }
        let reason: Arc<str> = "Too many wrong passwords".into();
        effects.push(Effect::Close { conn, reason: Arc::clone(&reason) });
        if self.people.contains_key(&conn) {
            self.leave_for_good(now, conn, &reason, effects);
        } else {
            self.forget_newcomer(conn);
        }
    }

    /// The same outside of a turn. Further commands of the asker wait.
    pub(super) fn ask_for(
        &mut self,
        mut check: Check,
        question: Question,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = self.new_ticket();
        if let Some(person) = self.people.get_mut(&check.conn) {
            person.n_pending += 1;
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
        is_right: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(check) = self.checks.remove(&ticket) else { return };
        let conn = check.conn;
        if let Some(person) = self.people.get_mut(&conn).filter(|_| check.is_counted) {
            person.n_pending -= 1;
        }
        match check.purpose.clone() {
            Purpose::Oper if self.people.contains_key(&conn) => {
                let mut turn = Turn::new(now, conn, check.label, effects);
                if let Err(refusal) = self.oper_checked(&mut turn, is_right) {
                    turn.say(refusal.reply());
                }
                self.end_turn(turn);
                if !is_right {
                    self.count_failed_login(now, conn, effects);
                }
            }
            Purpose::Oper => {}
            Purpose::Sasl { account } => self.sasl_checked(now, check, &account, is_right, effects),
        }
        self.take_waiting(now, conn, effects);
        self.take_newcomers_waiting(now, conn, effects);
    }
}
