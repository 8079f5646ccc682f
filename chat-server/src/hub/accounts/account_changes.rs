//! Account changes: asked for with `REGISTER` or in a message to NickServ, then a password is checked
//! or hashed, then it is kept, and only then it is so and told.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use chat_core::{
    password::{is_allowed, prepared},
    proto::{CaseMapping, Numeric, Service},
};

use crate::{
    auth::{Question, Secret, Verdict},
    delivery::ReplyLine,
    hub::{
        Hub,
        accounts::login::logged_in,
        refusal::Refusal,
        replies::{incidents::WrongSecret, turn::Turn},
        state::{
            account_directory,
            account_request::{AccountChange, AccountRequest, Via},
            change_purpose::ChangePurpose,
            codec,
            device::Device,
            password_check::{CheckPurpose, PasswordCheck},
            slots::Slot,
        },
    },
    ids::{ConnId, PersonId},
    room_log::Change,
};

/// Characters of a password, at least.
const PASSWORD_CHARACTERS_MIN: usize = 8;

/// Bytes of a password: what fits into a line of any kind ("300 bytes should be a safe reasonable limit",
/// account-registration).
const PASSWORD_BYTES_MAX: usize = 300;

impl Hub {
    /// Asks for what a person wants done to an account. Nothing is known of it before their next command.
    ///
    /// # Errors
    /// When it cannot be done.
    pub(crate) fn register_account(
        &mut self,
        turn: &mut Turn,
        via: Via,
        password: &str,
    ) -> Result<(), Refusal> {
        let person = self.people.person(turn.person);
        let (name, own) = (Arc::clone(person.nick.shown()), person.account.clone());
        self.reserve_account(turn.conn, own.as_deref(), &name, via, password)?;
        let question = Question { check: None, keep: Some(self.salted(password)) };
        let asked =
            AccountRequest { account: Arc::clone(&name), change: AccountChange::Register, via };
        let outcome = self.ask(turn, question, CheckPurpose::AccountChange(asked));
        if outcome.is_err() {
            self.accounts.release(&name);
        }
        outcome
    }

    /// Reserves the name of an account that is about to be registered on `conn`, whose own account is `own`: the one place
    /// that decides who may have one.
    ///
    /// # Errors
    /// When it may not be registered.
    pub(crate) fn reserve_account(
        &mut self,
        conn: ConnId,
        own: Option<&str>,
        name: &str,
        via: Via,
        password: &str,
    ) -> Result<(), Refusal> {
        let refused = |code, text: &str| Err(via.refusal(code, name, text));
        if let Some(account) = own {
            let text = format!("you are logged in to {account} already");
            return refused("ALREADY_AUTHENTICATED", &text);
        }
        if !self.settings.registration {
            return refused(
                "TEMPORARILY_UNAVAILABLE",
                "accounts cannot be registered here: ask whoever runs the server",
            );
        }
        self.check_privacy(conn)
            .map_err(|text| via.refusal("TEMPORARILY_UNAVAILABLE", name, text))?;
        check_password(name, password).map_err(|(code, text)| via.refusal(code, name, text))?;
        if self.accounts.get(name).is_some() {
            return refused("ACCOUNT_EXISTS", "this account exists already: log in to it");
        }
        if self.accounts.is_anothers(name, None) {
            return refused(
                "BAD_ACCOUNT_NAME",
                "this name looks like that of another account: take another nick",
            );
        }
        // Whoever gets such an account gets the lobby.
        let looks_after_lobby =
            self.settings.room_operators.iter().any(|own| CaseMapping::Ascii.same(own, name));
        let is_operator = self.people.device_at(conn).is_some_and(Device::is_operator);
        if looks_after_lobby && !is_operator {
            return refused(
                "BAD_ACCOUNT_NAME",
                "this account is to look after the room that everybody comes into: an operator of the server registers it",
            );
        }
        if self.accounts.find_ban(self.now().wall, "", Some(name)).is_some() {
            return refused(
                "BAD_ACCOUNT_NAME",
                "this name is banned from this server: take another nick",
            );
        }
        if self.accounts.n_registered() >= self.settings.limits.accounts_max {
            let text = "there are as many accounts as there may be: ask whoever runs the server";
            return refused("TEMPORARILY_UNAVAILABLE", text);
        }
        if !self.count_registration(conn) {
            let text =
                "too many accounts have been registered from where you are: try again in an hour";
            return refused("TEMPORARILY_UNAVAILABLE", text);
        }
        if !self.accounts.reserve(name) {
            return refused("ACCOUNT_EXISTS", "somebody else registers this account");
        }
        Ok(())
    }

    /// Asks for a change that somebody wants who has or knows an account's password.
    pub(crate) fn ask_with_password(
        &mut self,
        turn: &mut Turn,
        asked: AccountRequest,
        password: &str,
        new_password: Option<&str>,
    ) -> Result<(), Refusal> {
        let AccountRequest { account, via, .. } = &asked;
        if let Some(new) = new_password {
            check_password(account, new)
                .map_err(|(code, text)| via.refusal(code, account, text))?;
        }
        let check = Some((self.accounts.hash_of(account), password.to_owned()));
        let keep = new_password.map(|new| self.salted(new));
        self.ask(turn, Question { check, keep }, CheckPurpose::AccountChange(asked))
    }

    /// Asks for a change that needs no password.
    pub(crate) fn ask_without_password(
        &mut self,
        turn: &mut Turn,
        asked: AccountRequest,
    ) -> Result<(), Refusal> {
        let change = match &asked.change {
            AccountChange::AddCertificate(fingerprint) => {
                self.check_certificate(&asked, fingerprint)?;
                // It is nobody else's from here on.
                let other = self.accounts.of_certificate(fingerprint).map(|own| own.name.clone());
                let other =
                    other.map(|own| account_directory::set_certificate(&own, fingerprint, false));
                let own = account_directory::set_certificate(&asked.account, fingerprint, true);
                return self.keep(turn, other.into_iter().chain([own]).collect(), asked);
            }
            AccountChange::RemoveCertificate(fingerprint) => {
                account_directory::set_certificate(&asked.account, fingerprint, false)
            }
            AccountChange::SetReplaying(is_set) => {
                account_directory::set_replaying(&asked.account, *is_set)
            }
            AccountChange::SetStaying(is_set) => {
                account_directory::set_staying(&asked.account, *is_set)
            }
            AccountChange::Drop => {
                let changes = self.changes_of_drop(&asked.account);
                return self.keep(turn, changes, asked);
            }
            // The others come here with a verdict.
            AccountChange::LogIn
            | AccountChange::Recover
            | AccountChange::Register
            | AccountChange::Reset(_)
            | AccountChange::SetPassword => return Ok(()),
        };
        self.keep(turn, vec![change], asked)
    }

    /// Checks that an account may have another certificate.
    fn check_certificate(&self, asked: &AccountRequest, fingerprint: &str) -> Result<(), Refusal> {
        if self.has_slot(&Slot::certificate(&asked.account, fingerprint), &[]) {
            return Ok(());
        }
        let text = "your account has as many certificates as it may have: remove one";
        Err(asked.via.refusal("TEMPORARILY_UNAVAILABLE", &asked.account, text))
    }

    pub(crate) fn salted(&mut self, password: &str) -> (String, [[u8; 16]; 2]) {
        (password.to_owned(), [self.random.secret(), self.random.secret()])
    }

    /// Counts an account that is registered from where `conn` is; whether it may be.
    fn count_registration(&mut self, conn: ConnId) -> bool {
        let (now, guesser) = (self.now().mono, self.guesser_at(conn));
        let n_max = self.settings.limits.registrations_per_hour_max;
        self.accounts.count_registration(now, guesser, n_max)
    }

    /// The password with which something was asked for has been checked.
    pub(crate) fn account_change_checked(
        &mut self,
        check: PasswordCheck,
        who: PersonId,
        asked: AccountRequest,
        verdict: Verdict,
    ) {
        let conn = check.conn;
        let account = Arc::clone(&asked.account);
        let is_guess =
            verdict == Verdict::Wrong && !matches!(asked.change, AccountChange::Register);
        let mut turn = Turn::new((conn, who), check.label);
        if let Err(refusal) = self.take_verdict(&mut turn, asked, verdict) {
            turn.say(refusal.reply());
        }
        self.end_turn(turn);
        if is_guess {
            self.report_wrong(conn, WrongSecret::Account { name: &account, by: "NickServ" });
            self.count_failed_login(conn);
        }
    }

    fn take_verdict(
        &mut self,
        turn: &mut Turn,
        asked: AccountRequest,
        verdict: Verdict,
    ) -> Result<(), Refusal> {
        let AccountRequest { account, via, .. } = &asked;
        let secret = match (verdict, &asked.change) {
            (Verdict::Right(secret), _) => secret,
            (Verdict::Wrong, AccountChange::Register) => {
                self.accounts.release(account);
                let text = "this cannot be a password: choose another one";
                return Err(via.refusal("UNACCEPTABLE_PASSWORD", account, text));
            }
            (Verdict::Wrong, _) => {
                return Err(via.refusal("INVALID_PASSWORD", account, "the password is wrong"));
            }
        };
        let changes = match (&asked.change, secret) {
            (AccountChange::LogIn | AccountChange::Recover, _) => {
                let name =
                    self.accounts.get(account).map(|own| Arc::<str>::from(own.name.as_str()));
                let wrong = || via.refusal("INVALID_PASSWORD", account, "the password is wrong");
                let name = name.ok_or_else(wrong)?;
                self.may_log_in(turn.conn, &name)
                    .map_err(|why| via.refusal("ALREADY_AUTHENTICATED", &name, why.text()))?;
                if matches!(asked.change, AccountChange::LogIn) {
                    self.log_in_by(turn, name);
                    return Ok(());
                }
                let is_in = self.people.person(turn.person).account.as_ref();
                if !is_in.is_some_and(|own| CaseMapping::Ascii.same(own, &name)) {
                    // By itself, since the nick is another one behind it.
                    self.say_to(turn.conn, None, vec![logged_in(&self.people, turn.conn, &name)]);
                    self.enter_account(turn.conn, &name);
                }
                return self.take_back_nick(turn, &name);
            }
            (AccountChange::Register, Some(secret)) => self.registration_changes(account, &secret),
            (AccountChange::SetPassword | AccountChange::Reset(_), Some(secret)) => {
                vec![account_directory::set_password(account, &secret)]
            }
            (AccountChange::AddCertificate(fingerprint), _) => {
                self.check_certificate(&asked, fingerprint)?;
                vec![account_directory::set_certificate(account, fingerprint, true)]
            }
            (AccountChange::Drop, _) => self.changes_of_drop(account),
            _ => return Ok(()),
        };
        self.keep(turn, changes, asked)
    }

    /// The changes with which an account is registered.
    pub(crate) fn registration_changes(&mut self, account: &str, secret: &Secret) -> Vec<Change> {
        let since = self.now().wall;
        // Of the clock too: what is drawn follows from a seed, which may be the same again.
        let drawn = u64::from(u32::from_ne_bytes(self.random.secret()));
        let number = format!("{:x}{drawn:08x}", codec::milliseconds(since)).into();
        let mut changes = account_directory::register(account, number, secret, since);
        // Nor are the rooms of one that was called so before its.
        changes.extend(self.changes_without(account));
        changes
    }

    /// The changes that end an account.
    pub(crate) fn changes_of_drop(&self, account: &str) -> Vec<Change> {
        let identity = self.accounts.identity(account);
        let mut changes = account_directory::drop_account(account, identity);
        changes.extend(self.changes_without(account));
        changes
    }

    /// Gives an account a password that an operator of the server is told, who has proved that they are one.
    ///
    /// # Errors
    /// When it cannot be done now.
    pub(crate) fn reset_password(
        &mut self,
        turn: &mut Turn,
        account: Arc<str>,
    ) -> Result<(), Refusal> {
        let drawn: [u8; 16] = self.random.secret();
        let password: Arc<str> = BASE64_URL.encode(drawn).into();
        let keep = Some(self.salted(&password));
        let change = AccountChange::Reset(password);
        let asked = AccountRequest { account, change, via: Via::Operator };
        self.ask(turn, Question { check: None, keep }, CheckPurpose::AccountChange(asked))
    }

    fn log_in_by(&mut self, turn: &mut Turn, account: Arc<str>) {
        self.note_use(&account);
        self.set_account(turn.person, Some(Arc::clone(&account)));
        turn.say(ReplyLine::Numeric(
            Numeric::RPL_LOGGEDIN,
            vec![
                (*self.people.person(turn.person).source).into(),
                (*account).into(),
                format!("You are now logged in as {account}").into(),
            ],
        ));
    }

    /// Has changes remembered; what was asked for is told when they are.
    fn keep(
        &mut self,
        turn: &mut Turn,
        changes: Vec<Change>,
        asked: AccountRequest,
    ) -> Result<(), Refusal> {
        self.submit_changes(turn, changes.into(), ChangePurpose::Account(asked.clone())).map_err(
            |why| {
                if matches!(asked.change, AccountChange::Register) {
                    self.accounts.release(&asked.account);
                }
                asked.via.refusal("TEMPORARILY_UNAVAILABLE", &asked.account, why)
            },
        )
    }

    /// The reply to whoever wanted a change of an account that is kept now.
    pub(crate) fn account_change_done(
        &mut self,
        conn: ConnId,
        asked: &AccountRequest,
    ) -> Vec<ReplyLine> {
        let name = &asked.account;
        let text = match &asked.change {
            AccountChange::Register => {
                format!("{name} is registered: log in to it with your password from now on")
            }
            AccountChange::SetPassword => match self.end_other_sessions(conn, name) {
                0 => "your password is changed".to_owned(),
                1 => "your password is changed, and your other session is ended".to_owned(),
                n => format!("your password is changed, and your {n} other sessions are ended"),
            },
            AccountChange::Reset(password) => {
                let ended = match self.end_other_sessions(conn, name) {
                    0 => "it was logged in nowhere".to_owned(),
                    n => format!("its {n} sessions are ended"),
                };
                format!(
                    "the password of {name} is {password} from now on, which is told this once; {ended}"
                )
            }
            AccountChange::Drop => format!("the account {name} is no more"),
            AccountChange::AddCertificate(fingerprint) => {
                format!("the certificate {fingerprint} logs in to your account from now on")
            }
            AccountChange::RemoveCertificate(fingerprint) => {
                format!("the certificate {fingerprint} does not log in to your account any more")
            }
            AccountChange::SetReplaying(true) => {
                "you are shown what was said since you were last in a room".to_owned()
            }
            AccountChange::SetReplaying(false) => {
                "you are shown nothing of what was said before you came".to_owned()
            }
            AccountChange::SetStaying(true) => {
                "you stay here, also when none of your programs is connected".to_owned()
            }
            AccountChange::SetStaying(false) => {
                "you leave with the last of your connections".to_owned()
            }
            AccountChange::LogIn | AccountChange::Recover => return Vec::new(),
        };
        let mut lines = vec![match asked.via {
            Via::Command => {
                let line = format!(":{} REGISTER SUCCESS {name} :{text}", self.settings.name);
                ReplyLine::Raw(line.into())
            }
            Via::Service => ReplyLine::Said { by: Service::NickServ, text: text.into() },
            Via::Operator => ReplyLine::Said { by: Service::OperServ, text: text.into() },
        }];
        match &asked.change {
            AccountChange::Register => {
                self.forget_in_rooms(name);
                if let Some(who) = self.people.device_at(conn).map(|device| device.person) {
                    let mut turn = Turn::new((conn, who), None);
                    self.log_in_by(&mut turn, Arc::clone(name));
                    lines.extend(turn.into_lines());
                }
                lines.extend(self.log_in_early(conn, name));
                self.give_back_likenesses_of(name);
            }
            AccountChange::Drop => {
                self.accounts.forget_networks(name);
                self.disown_all_of(name);
                self.forget_in_rooms(name);
                self.log_out_strangers();
            }
            AccountChange::SetStaying(is_set) => {
                self.accounts.stir(Some(name));
                if !is_set {
                    self.let_go();
                }
            }
            _ => {}
        }
        lines
    }
}

/// Checks that an account is asked for by the name it is to have: that of the nick, as `*` says too.
pub(crate) fn check_account_name(account: &str, nick: &str) -> Result<(), Refusal> {
    if account == "*" || CaseMapping::Ascii.same(account, nick) {
        return Ok(());
    }
    let text = "an account has the name of your nick: take that nick first, or write *";
    Err(Refusal::fail("REGISTER", "ACCOUNT_NAME_MUST_BE_NICK", &[account], text))
}

/// Checks that a password will do for an account of that name; a code and a sentence if not.
fn check_password(name: &str, password: &str) -> Result<(), (&'static str, &'static str)> {
    let password = &*prepared(password);
    if !is_allowed(password) {
        return Err((
            "UNACCEPTABLE_PASSWORD",
            "a password has no control characters: choose another one",
        ));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err((
            "UNACCEPTABLE_PASSWORD",
            "a password has at most 300 bytes: choose another one",
        ));
    }
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Err(("WEAK_PASSWORD", "a password has at least 8 characters: choose another one"));
    }
    if password.eq_ignore_ascii_case(name) {
        return Err(("WEAK_PASSWORD", "your name is no password: choose another one"));
    }
    Ok(())
}
