//! Verdicts on passwords, and what was waiting for them.

use crate::{
    auth::Verdict,
    hub::{Hub, replies::turn::Turn, state::password_check::CheckPurpose},
    ids::{ConnId, Ticket},
};

impl Hub {
    /// Takes the verdict on a password. Gives back who asked, since what they wait with may go on.
    pub(crate) fn checked(&mut self, ticket: Ticket, verdict: Verdict) -> Option<ConnId> {
        let check = self.awaited.take_check(ticket)?;
        // The account may have ended meanwhile, and be somebody else's, or have another password.
        let is_still = |hash: &String| {
            check.purpose.account().is_none_or(|account| self.accounts.hash_of(account) == *hash)
        };
        let verdict =
            if check.hash.as_ref().is_none_or(is_still) { verdict } else { Verdict::Wrong };
        let is_right = verdict != Verdict::Wrong;
        let conn = check.conn;
        let device = self.people.device_at_mut(conn);
        let who = device.as_ref().map(|device| device.person);
        if let Some(device) = device.filter(|_| check.is_counted) {
            device.n_pending -= 1;
        }
        match (check.purpose.clone(), who) {
            (CheckPurpose::Oper(oper), Some(who)) => {
                let mut turn = Turn::new((conn, who), check.label);
                if let Err(refusal) = self.oper_checked(&mut turn, &oper, is_right) {
                    turn.say(refusal.reply());
                }
                self.end_turn(turn);
                if !is_right {
                    self.count_failed_login(conn, None);
                }
            }
            (CheckPurpose::Sasl { account }, _) => {
                self.sasl_checked(check, &account, is_right);
            }
            (CheckPurpose::AccountChange(asked), Some(who)) => {
                self.account_change_checked(check, who, asked, verdict);
            }
            (CheckPurpose::Oper(_) | CheckPurpose::AccountChange(_), None) => {}
        }
        Some(conn)
    }
}
