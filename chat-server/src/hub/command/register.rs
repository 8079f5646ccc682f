//! `REGISTER` and `VERIFY` (<https://ircv3.net/specs/extensions/account-registration>): an account for the nick
//! one has. Nothing is asked to be verified, and the address is not kept, since nothing is sent to it.

use crate::hub::{
    Hub, accounts::account_changes::check_account_name, refusal::Refusal, replies::turn::Turn,
    state::account_request::Via,
};

impl Hub {
    pub(crate) fn register_command(
        &mut self,
        turn: &mut Turn,
        account: &str,
        password: &str,
    ) -> Result<(), Refusal> {
        check_account_name(account, self.people.person(turn.person).nick.shown())?;
        self.register_account(turn, Via::Command, password)
    }

    pub(crate) fn verify(&self, turn: &Turn, account: &str) -> Result<(), Refusal> {
        Err(verified(self.people.person(turn.person).account.as_deref(), account))
    }
}

/// The refusal of a code, to whose account is `own`.
pub(crate) fn verified(own: Option<&str>, account: &str) -> Refusal {
    if let Some(own) = own {
        let text = format!("you are logged in to {own} already");
        return Refusal::fail("VERIFY", "ALREADY_AUTHENTICATED", &[account], &text);
    }
    let text = "accounts need not be verified here: log in with your password";
    Refusal::fail("VERIFY", "INVALID_CODE", &[account], text)
}
