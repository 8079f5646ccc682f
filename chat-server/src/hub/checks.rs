//! Passwords under check: asked here, answered by [`crate::auth`] in its own time. While one is under
//! way, the asker's further commands wait, so there is one at most for each connection.

use std::sync::Arc;

use super::{Effect, Hub, Now, Turn};
use crate::{
    auth::Question,
    ids::{ConnId, Ticket},
};

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

    /// Asks whether a password is right; the turn is answered when that is known.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, question: Question, purpose: Purpose) {
        turn.is_answered = true;
        let check = Check::new(turn.conn, turn.label.take(), purpose);
        self.ask_for(check, question, turn.effects);
    }

    /// The same outside of a turn. Further commands of a registered asker wait.
    pub(super) fn ask_for(
        &mut self,
        mut check: Check,
        question: Question,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
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
            }
            Purpose::Oper => {}
            Purpose::Sasl { account } => self.sasl_checked(now, check, &account, is_right, effects),
        }
        self.take_waiting(now, conn, effects);
    }
}
