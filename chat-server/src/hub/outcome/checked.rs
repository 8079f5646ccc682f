//! Verdicts on passwords, and what was waiting for them.

use crate::{
    auth::Verdict,
    hub::{
        Hub, effect::Effect, input::Now, replies::turn::Turn, state::password_check::CheckPurpose,
    },
    ids::Ticket,
};

impl Hub {
    /// It is known.
    pub(crate) fn checked(
        &mut self,
        now: Now,
        ticket: Ticket,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) {
        let Some(check) = self.awaited.take_check(ticket) else { return };
        // The account may have ended meanwhile, and be somebody else's, or have another password.
        let is_still = |hash: &String| {
            check.purpose.account().is_none_or(|account| self.hash_of(account) == *hash)
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
