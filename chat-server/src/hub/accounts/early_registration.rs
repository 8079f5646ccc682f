//! Accounts that are registered before a connection is somebody's (`before-connect` of
//! <https://ircv3.net/specs/extensions/account-registration>): with the checks and counts of any other time, and for nobody
//! who would not be let in.

use std::sync::Arc;

use chat_core::proto::Nick;

use crate::{
    auth::{Question, Verdict},
    delivery::ReplyLine,
    hub::{
        Hub,
        accounts::account_changes::check_account_name,
        accounts::login::logged_in,
        refusal::Refusal,
        state::{
            account_request::{AccountChange, AccountRequest, Via},
            change_purpose::ChangePurpose,
            password_check::{CheckPurpose, PasswordCheck},
            reserved_names::Bearer,
        },
    },
    ids::ConnId,
};

impl Hub {
    /// `REGISTER` of a newcomer. What they say behind it waits until it is known what becomes of it.
    pub(crate) fn register_early(
        &mut self,
        conn: ConnId,
        label: Option<Arc<str>>,
        account: &str,
        password: &str,
    ) {
        if let Err(refusal) = self.ask_early(conn, label.clone(), account, password) {
            self.say_to(conn, label, vec![refusal.reply()]);
        }
    }

    fn ask_early(
        &mut self,
        conn: ConnId,
        label: Option<Arc<str>>,
        account: &str,
        password: &str,
    ) -> Result<(), Refusal> {
        let Some(newcomer) = self.people.newcomer(conn) else { return Ok(()) };
        if !self.settings.registration_before_connect {
            return Err(complete_connection("REGISTER"));
        }
        // The latest that they have asked for, also behind one that could not be had.
        let refused = newcomer.refused.as_ref().map(|own| own.nick.as_str());
        let wanted = newcomer.other_nick.as_deref().or(refused).or(newcomer.nick.as_deref());
        let Some(wanted) = wanted else {
            let text = "an account has the name of your nick: send NICK first";
            return Err(Refusal::fail("REGISTER", "NEED_NICK", &["*"], text));
        };
        check_account_name(account, wanted)?;
        let refused = |code, text: &str| Err(Refusal::fail("REGISTER", code, &[wanted], text));
        if self.settings.password.is_some() && !newcomer.has_entered {
            let text = "this server has a password: send it with PASS first";
            return refused("TEMPORARILY_UNAVAILABLE", text);
        }
        let own = newcomer.account.clone();
        let now = self.now().wall;
        if let Some(ban) = self.accounts.find_ban(now, &newcomer.host, own.as_deref()) {
            return refused("TEMPORARILY_UNAVAILABLE", &ban.text());
        }
        let nick = Nick::new(wanted).ok();
        let bearer = Bearer { account: None, is_operator: false };
        let Some(nick) = nick.filter(|nick| !self.settings.reserves_nick(nick, bearer)) else {
            return refused("BAD_ACCOUNT_NAME", "this nick cannot be used here: take another one");
        };
        // Who has connected has their nick to themselves; here it may be somebody's.
        if self.people.by_nick(nick.key()).is_some() && self.accounts.get(wanted).is_none() {
            return refused("BAD_ACCOUNT_NAME", "this nick is in use: take another one");
        }
        let name = Arc::clone(nick.shown());
        self.reserve_account(conn, own.as_deref(), &name, Via::Command, password)?;
        let question = Question { check: None, keep: Some(self.salted(password)) };
        let (change, via) = (AccountChange::Register, Via::Command);
        let asked = AccountRequest { account: Arc::clone(&name), change, via };
        let purpose = CheckPurpose::AccountChange(asked);
        if let Err(why) = self.may_ask(conn, &question, &purpose) {
            self.accounts.release(&name);
            return Err(purpose.refusal(&why));
        }
        if let Some(newcomer) = self.people.newcomer_mut(conn) {
            newcomer.is_registering = true;
        }
        self.ask_for(conn, label, purpose, question);
        Ok(())
    }

    /// The password of a newcomer's account has been hashed. They may have gone.
    pub(crate) fn early_registration_checked(
        &mut self,
        check: PasswordCheck,
        asked: AccountRequest,
        verdict: Verdict,
    ) {
        if !matches!(asked.change, AccountChange::Register) {
            return;
        }
        let PasswordCheck { conn, label, .. } = check;
        let account = Arc::clone(&asked.account);
        if self.people.newcomer(conn).is_none() {
            return self.accounts.release(&account);
        }
        let submitted = match verdict {
            Verdict::Right(Some(secret)) => {
                let changes = self.registration_changes(&account, &secret).into();
                let purpose = ChangePurpose::Account(asked);
                self.submit_early(conn, label.clone(), changes, purpose)
                    .map_err(|why| Via::Command.refusal("TEMPORARILY_UNAVAILABLE", &account, why))
            }
            _ => {
                let text = "this cannot be a password: choose another one";
                Err(Via::Command.refusal("UNACCEPTABLE_PASSWORD", &account, text))
            }
        };
        if let Err(refusal) = submitted {
            self.accounts.release(&account);
            self.say_to(conn, label, vec![refusal.reply()]);
            self.people.end_early_registration(conn);
        }
    }

    /// A newcomer's account is theirs from here on; what they are told of it.
    pub(crate) fn log_in_early(&mut self, conn: ConnId, account: &Arc<str>) -> Option<ReplyLine> {
        let newcomer = self.people.newcomer_mut(conn)?;
        newcomer.account = Some(Arc::clone(account));
        self.note_use(account);
        Some(logged_in(&self.people, conn, account))
    }
}

/// The refusal of what can be had only by those who have connected.
pub(crate) fn complete_connection(word: &'static str) -> Refusal {
    let text = "connect first: an account is registered for the nick you have then";
    Refusal::fail(word, "COMPLETE_CONNECTION_REQUIRED", &[], text)
}
