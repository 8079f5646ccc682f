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
    conn: ConnId,
    label: Option<Arc<str>>,
    purpose: Purpose,
}

/// What the answer is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// `OPER`
    Oper,
}

impl Hub {
    /// How many of `conn`'s passwords are under check.
    pub(super) fn n_checks(&self, conn: ConnId) -> usize {
        self.checks.values().filter(|check| check.conn == conn).count()
    }

    /// Asks whether a password is right; the turn is answered when that is known.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, question: Question, purpose: Purpose) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        turn.is_answered = true;
        let check = Check { conn: turn.conn, label: turn.label.take(), purpose };
        self.checks.insert(ticket, check);
        self.person_mut(turn.conn).n_pending += 1;
        turn.effects.push(Effect::Check { ticket, question });
    }

    /// It is known.
    pub(super) fn checked(
        &mut self,
        now: Now,
        ticket: Ticket,
        is_right: bool,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Check { conn, label, purpose }) = self.checks.remove(&ticket) else { return };
        let Some(person) = self.people.get_mut(&conn) else { return };
        person.n_pending -= 1;
        let mut turn = Turn::new(now, conn, label, effects);
        let outcome = match purpose {
            Purpose::Oper => self.oper_checked(&mut turn, is_right),
        };
        if let Err(refusal) = outcome {
            turn.say(refusal.reply());
        }
        self.end_turn(turn);
        self.take_waiting(now, conn, effects);
    }
}
