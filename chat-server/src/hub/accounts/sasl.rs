//! `AUTHENTICATE` (<https://ircv3.net/specs/extensions/sasl-3.1>, sasl-3.2): who someone is, before
//! registration or at any time after it.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use chat_core::{
    proto::{Capability, CaseMapping, Numeric},
    scram::ClientFirst,
};

use crate::{
    auth::{
        MECHANISMS, PRIVATE_MECHANISMS, Question, READ_ON_THE_WAY,
        scram::{Credentials, Exchange},
    },
    delivery::ReplyLine,
    hub::{
        Hub,
        replies::incidents::WrongSecret,
        state::{
            guesser::LoginSubject,
            password_check::{CheckPurpose, PasswordCheck},
            sasl_exchange::{Sasl, Stage},
        },
    },
    ids::ConnId,
};

/// Bytes of one chunk of a response; a shorter one is the last ("The AUTHENTICATE command").
const CHUNK_BYTES: usize = 400;

/// Bytes of a response in all its chunks.
const RESPONSE_BYTES_MAX: usize = 8 << 10;

/// The next step of an exchange.
enum Next {
    /// A challenge for the client.
    Challenge(Stage, String),
    /// A password is to be checked.
    Check(String, Arc<str>),
    LoggedIn(Arc<str>),
    /// A password that is not looked at now, and why.
    Paused(String),
    /// A failure that says nothing about any secret.
    Failed,
    /// A proof that was wrong, for the account of that name.
    Wrong(Arc<str>),
}

impl Hub {
    pub(crate) fn authenticate(&mut self, conn: ConnId, label: Option<Arc<str>>, argument: &str) {
        if !self.people.capabilities_of(conn).contains(Capability::Sasl) {
            return self.sasl_end(conn, label, Numeric::ERR_SASLFAIL);
        }
        let pending = self.accounts.take_exchange(conn);
        if argument == "*" {
            return self.sasl_end(conn, label, Numeric::ERR_SASLABORTED);
        }
        let Some(mut sasl) = pending else {
            return self.begin(conn, label, argument);
        };
        if argument.len() > CHUNK_BYTES || sasl.response.len() + argument.len() > RESPONSE_BYTES_MAX
        {
            return self.sasl_end(conn, label, Numeric::ERR_SASLTOOLONG);
        }
        if argument != "+" {
            sasl.response.push_str(argument);
        }
        if argument.len() == CHUNK_BYTES {
            self.accounts.set_exchange(conn, sasl);
            // With a label it is answered all the same.
            if label.is_some() {
                self.say_to(conn, label, Vec::new());
            }
            return;
        }
        let decoded = BASE64.decode(&sasl.response).ok();
        let response = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        let next = match response {
            Some(response) => self.next_stage(conn, sasl.stage, &response),
            None => Next::Failed,
        };
        match next {
            Next::Challenge(stage, challenge) => {
                self.accounts.set_exchange(conn, Sasl { stage, response: String::new() });
                self.challenge(conn, label, &challenge);
            }
            Next::Check(password, account) => {
                let question = Question::check(self.accounts.hash_of(&account), password);
                let purpose = CheckPurpose::Sasl { account };
                if let Err(why) = self.may_ask(conn, &question, &purpose) {
                    return self.sasl_paused(conn, label, &why);
                }
                self.accounts
                    .set_exchange(conn, Sasl { stage: Stage::Checking, response: String::new() });
                self.ask_for(conn, label, purpose, question);
            }
            Next::LoggedIn(account) => self.log_in(conn, label, &account),
            Next::Paused(why) => self.sasl_paused(conn, label, &why),
            Next::Failed => self.sasl_end(conn, label, Numeric::ERR_SASLFAIL),
            Next::Wrong(name) => {
                let by = "SCRAM-SHA-256";
                self.report_wrong(conn, WrongSecret::Account { name: &name, by });
                self.sasl_end(conn, label, Numeric::ERR_SASLFAIL);
                self.count_failed_login(conn);
            }
        }
    }

    fn begin(&mut self, conn: ConnId, label: Option<Arc<str>>, mechanism: &str) {
        let stage = match &*mechanism.to_ascii_uppercase() {
            "EXTERNAL" => Stage::External,
            // Before it is said: it would be read by then.
            "PLAIN" if self.check_privacy(conn).is_err() => {
                return self.no_mechanism(conn, label, READ_ON_THE_WAY);
            }
            "PLAIN" => Stage::Plain,
            "SCRAM-SHA-256" => Stage::ScramFirst,
            _ => {
                return self.no_mechanism(conn, label, "There is no such mechanism");
            }
        };
        self.accounts.set_exchange(conn, Sasl { stage, response: String::new() });
        self.challenge(conn, label, "");
    }

    fn no_mechanism(&self, conn: ConnId, label: Option<Arc<str>>, why: &str) {
        let mechanisms =
            if self.check_privacy(conn).is_ok() { MECHANISMS } else { PRIVATE_MECHANISMS };
        let mechanisms = vec![mechanisms.into(), "are the mechanisms".into()];
        let line = ReplyLine::Numeric(Numeric::RPL_SASLMECHS, mechanisms);
        let failed = ReplyLine::Numeric(Numeric::ERR_SASLFAIL, vec![why.into()]);
        self.say_to(conn, label, vec![line, failed]);
    }

    fn next_stage(&mut self, conn: ConnId, stage: Stage, response: &str) -> Next {
        let same = |a: &str, b: &str| CaseMapping::Ascii.same(a, b);
        match stage {
            // RFC 4422, appendix A: the certificate says it all.
            Stage::External => {
                let fingerprint = self.people.fingerprint_of(conn);
                match fingerprint.and_then(|own| self.accounts.of_certificate(&own)) {
                    Some(account) if response.is_empty() || same(response, &account.name) => {
                        Next::LoggedIn(account.name.as_str().into())
                    }
                    _ => Next::Failed,
                }
            }
            // RFC 4616 §2: whom to be, who one is, and the password.
            Stage::Plain => match response.split('\0').collect::<Vec<_>>()[..] {
                [authzid, name, password] if authzid.is_empty() || same(authzid, name) => {
                    Next::Check(password.to_owned(), name.into())
                }
                _ => Next::Failed,
            },
            Stage::ScramFirst => {
                let nonce: [u8; 18] = self.random.secret();
                let begin = || {
                    let first = ClientFirst::parse(response)?;
                    let account =
                        self.accounts.get(&first.name).and_then(|account| account.scram.clone());
                    // Whether there is such an account is not told.
                    let credentials = account.unwrap_or_else(|| {
                        Credentials::of_nobody(
                            &CaseMapping::Ascii.fold(&first.name),
                            self.accounts.secret(),
                        )
                    });
                    Some(Exchange::new(first, &credentials, &BASE64.encode(nonce)))
                };
                match begin() {
                    Some((exchange, challenge)) => {
                        let subject = LoginSubject::account(exchange.name());
                        match self.pause_after_guesses(conn, &subject) {
                            Some(why) => Next::Paused(why),
                            None => Next::Challenge(Stage::ScramFinal(exchange), challenge),
                        }
                    }
                    None => Next::Failed,
                }
            }
            Stage::ScramFinal(exchange) => self.scram_final(conn, &exchange, response),
            // The account may have ended since then, and be somebody else's: the last step may come at any time.
            Stage::ScramEnd(name, credentials) => match self.accounts.get(&name) {
                Some(account) if account.scram.as_ref() == Some(&credentials) => {
                    Next::LoggedIn(name)
                }
                _ => Next::Failed,
            },
            Stage::Checking | Stage::CheckingPass => Next::Failed,
        }
    }

    /// The client's proof. However many exchanges have been begun, each proof is counted before it is looked at.
    fn scram_final(&mut self, conn: ConnId, exchange: &Exchange, response: &str) -> Next {
        let Some(proof) = exchange.read(response) else { return Next::Failed };
        let guess = match self.take_guess(conn, LoginSubject::account(exchange.name())) {
            Ok(guess) => guess,
            Err(why) => return Next::Paused(why),
        };
        let account = self.accounts.get(exchange.name());
        let own = account.and_then(|account| {
            Some((Arc::<str>::from(account.name.as_str()), account.scram.clone()?))
        });
        // It takes as long where there is nothing that it could prove.
        let credentials = own.as_ref().map_or_else(
            || Credentials::of_nobody(exchange.name(), self.accounts.secret()),
            |(_, credentials)| credentials.clone(),
        );
        match (exchange.finish(&proof, &credentials), own) {
            (Some(proof), Some((name, _))) => {
                self.guess_was_right(&guess);
                Next::Challenge(Stage::ScramEnd(name, credentials), proof)
            }
            _ => Next::Wrong(exchange.name().into()),
        }
    }

    /// A password has been checked.
    pub(crate) fn sasl_checked(
        &mut self,
        check: PasswordCheck,
        account: &Arc<str>,
        is_right: bool,
    ) {
        let PasswordCheck { conn, label, .. } = check;
        // It may have been aborted meanwhile, or begun anew.
        if !self.accounts.is_checking(conn) {
            return;
        }
        self.accounts.take_exchange(conn);
        let name = self.accounts.get(account).map(|account| Arc::from(account.name.as_str()));
        match name.filter(|_| is_right) {
            Some(name) => self.log_in(conn, label, &name),
            None => {
                self.report_wrong(conn, WrongSecret::Account { name: account, by: "PLAIN" });
                self.sasl_end(conn, label, Numeric::ERR_SASLFAIL);
                self.count_failed_login(conn);
            }
        }
    }

    /// Registration goes on without it.
    pub(crate) fn abort_sasl(&mut self, conn: ConnId) {
        if self.accounts.take_exchange(conn).is_some() {
            self.sasl_end(conn, None, Numeric::ERR_SASLABORTED);
        }
    }

    /// A password is not looked at now.
    pub(crate) fn sasl_paused(&mut self, conn: ConnId, label: Option<Arc<str>>, why: &str) {
        if self.accounts.is_checking(conn) {
            self.accounts.take_exchange(conn);
        }
        let line = ReplyLine::Numeric(Numeric::ERR_SASLFAIL, vec![why.into()]);
        self.say_to(conn, label, vec![line]);
    }

    fn sasl_end(&mut self, conn: ConnId, label: Option<Arc<str>>, numeric: Numeric) {
        let text = match numeric {
            Numeric::ERR_SASLABORTED => "The login was given up",
            Numeric::ERR_SASLTOOLONG => "The response is too long",
            _ => "The login failed: is the password right?",
        };
        self.say_to(conn, label, vec![ReplyLine::Numeric(numeric, vec![text.into()])]);
    }

    /// A challenge in base 64, in chunks.
    fn challenge(&self, conn: ConnId, label: Option<Arc<str>>, challenge: &str) {
        let encoded = BASE64.encode(challenge);
        let mut chunks: Vec<&str> = Vec::new();
        let mut rest = &*encoded;
        while rest.len() >= CHUNK_BYTES {
            let (chunk, more) = rest.split_at(CHUNK_BYTES);
            chunks.push(chunk);
            rest = more;
        }
        chunks.push(if rest.is_empty() { "+" } else { rest });
        let lines = chunks.iter().map(|chunk| format!("AUTHENTICATE {chunk}").into());
        self.say_to(conn, label, lines.map(ReplyLine::Raw).collect());
    }
}
