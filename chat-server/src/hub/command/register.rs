//! `REGISTER` and `VERIFY` (<https://ircv3.net/specs/extensions/account-registration>): an account for the nick
//! one has. Nothing is asked to be verified, and the address is not kept, since nothing is sent to it.

use crate::hub::{Hub, refusal::Refusal, replies::turn::Turn, state::account_request::Via};

impl Hub {
    pub(crate) fn register_command(
        &mut self,
        turn: &mut Turn,
        account: &str,
        password: &str,
    ) -> Result<(), Refusal> {
        let nick = self.people.person(turn.person).nick.shown();
        if account != "*" && !chat_core::proto::CaseMapping::Ascii.same(account, nick) {
            let text = "an account has the name of your nick: take that nick first, or write *";
            return Err(Refusal::fail("REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", &[account], text));
        }
        self.register_account(turn, Via::Command, password)
    }

    pub(crate) fn verify(&self, turn: &Turn, account: &str) -> Result<(), Refusal> {
        if let Some(own) = &self.people.person(turn.person).account {
            let text = format!("you are logged in to {own} already");
            return Err(Refusal::fail("VERIFY", "ALREADY_AUTHENTICATED", &[account], &text));
        }
        let text = "accounts need not be verified here: log in with your password";
        Err(Refusal::fail("VERIFY", "INVALID_CODE", &[account], text))
    }
}
