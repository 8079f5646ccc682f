//! Verdicts on passwords, and what was waiting for them.

use crate::{
    auth::Verdict,
    hub::{Hub, replies::turn::Turn, state::password_check::CheckPurpose},
    ids::{ConnId, Ticket},
};

impl Hub {
    /// Takes the verdict on a password. Gives back who asked, since what they wait with may go on.
    pub(crate) fn checked(&mut self, ticket: Ticket, verdict: Verdict) -> Option<ConnId> {
        let mut check = self.awaited.take_check(ticket)?;
        // The account may have ended meanwhile, and be somebody else's, or have another password.
        let is_still = |hash: &String| {
            check.purpose.account().is_none_or(|account| self.accounts.hash_of(account) == *hash)
        };
        let verdict =
            if check.hash.as_ref().is_none_or(is_still) { verdict } else { Verdict::Wrong };
        let is_right = verdict != Verdict::Wrong;
        if let Some(guess) = check.guess.take_if(|_| is_right) {
            self.guess_was_right(&guess);
        }
        let conn = check.conn;
        let device = self.people.device_at_mut(conn);
        let who = device.map(|device| device.end_check(check.is_counted));
        match (check.purpose.clone(), who) {
            (CheckPurpose::Oper { name, oper }, Some(who)) => {
                let mut turn = Turn::new((conn, who), check.label);
                if let Err(refusal) = self.oper_checked(&mut turn, &name, oper.filter(|_| is_right))
                {
                    turn.say(refusal.reply());
                }
                self.end_turn(turn);
                if !is_right {
                    self.count_failed_login(conn);
                }
            }
            (CheckPurpose::Sasl { account }, _) => {
                self.sasl_checked(check, &account, is_right);
            }
            (CheckPurpose::Pass { account }, _) => self.pass_checked(conn, &account, is_right),
            (CheckPurpose::AccountChange(asked), Some(who)) => {
                self.account_change_checked(check, who, asked, verdict);
            }
            (CheckPurpose::AccountChange(asked), None) => {
                self.early_registration_checked(check, asked, verdict);
            }
            (CheckPurpose::Oper { .. }, None) => {}
        }
        Some(conn)
    }

    /// A password is not looked at, when its turn has come: too many were wrong meanwhile. Gives back who asked.
    pub(crate) fn not_looked_at(&mut self, ticket: Ticket, why: &str) -> Option<ConnId> {
        let check = self.awaited.take_check(ticket)?;
        let conn = check.conn;
        let device = self.people.device_at_mut(conn);
        let who = device.map(|device| device.end_check(check.is_counted));
        match (who, &check.purpose) {
            (_, CheckPurpose::Sasl { .. }) => self.sasl_paused(conn, check.label, why),
            (_, CheckPurpose::Pass { .. }) => self.turn_away(conn, why),
            (Some(who), purpose) => {
                let refusal = purpose.refusal(why);
                let mut turn = Turn::new((conn, who), check.label);
                turn.say(refusal.reply());
                self.end_turn(turn);
            }
            (None, _) => {}
        }
        Some(conn)
    }
}
