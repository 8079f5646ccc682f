//! Logging in to an account with SCRAM-SHA-256 (RFC 5802, RFC 7677; <https://ircv3.net/specs/extensions/sasl-3.2>): both
//! sides prove that they know the password, and nobody in between learns it.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{ClientState, Now, Outputs, Phase};
use crate::{
    client::config::Account, error::ConnectError, proto::Capability, text::printable,
    update::Update,
};

const MECHANISM: &str = "SCRAM-SHA-256";

/// Bytes of one `AUTHENTICATE`; one of that length goes on.
const CHUNK_BYTES: usize = 400;

/// Bytes of a challenge.
const CHALLENGE_BYTES_MAX: usize = 4096;

/// How often a password is hashed: fewer is not safe, more is work for nothing.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=600_000;

type Key = [u8; 32];

/// A login under way.
#[derive(Debug)]
pub(super) struct Login {
    step: Step,
    /// What has come of a challenge in several lines.
    challenge: String,
}

#[derive(Debug)]
enum Step {
    /// The mechanism has been named.
    Begun,
    /// The first message has been sent, this without what stands before it.
    First { bare: String, nonce: String },
    /// The second one has been sent; the server proves itself with this.
    Last { proof: Key },
    /// The server has proved itself.
    Proved,
}

/// Why a server is left that lets us in without having proved itself.
pub(super) const UNPROVED: &str =
    "the server lets you in without knowing your password: it may be another one than it says";

/// Whether the way to log in is among those that a server names.
fn has_scram(mechanisms: &str) -> bool {
    mechanisms.split(',').any(|own| own.eq_ignore_ascii_case(MECHANISM))
}

fn hmac(key: &[u8], text: &[u8]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key will do");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

impl Step {
    /// What is answered to a challenge, and what comes next.
    ///
    /// # Errors
    /// A sentence, if the server is not one that knows the password.
    fn answer(&self, account: &Account, challenge: &str) -> Result<(Self, String), String> {
        match self {
            Self::Begun => {
                let name = account.name.replace('=', "=3D").replace(',', "=2C");
                let nonce = account.nonce();
                let bare = format!("n={name},r={nonce}");
                let message = format!("n,,{bare}");
                Ok((Self::First { bare, nonce }, message))
            }
            Self::First { bare, nonce } => {
                let part = |name: &str| challenge.split(',').find_map(|own| own.strip_prefix(name));
                let wrong = || "the server's challenge makes no sense".to_owned();
                let whole = part("r=").filter(|whole| whole.starts_with(nonce) && *whole != nonce);
                let whole = whole.ok_or_else(wrong)?;
                let salt =
                    part("s=").and_then(|salt| BASE64.decode(salt).ok()).ok_or_else(wrong)?;
                let iterations = part("i=").and_then(|n| n.parse().ok());
                let iterations: u32 =
                    iterations.filter(|n| ITERATIONS.contains(n)).ok_or_else(wrong)?;
                let password = account.password.0.as_bytes();
                let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, &salt, iterations);
                let client_key = hmac(&salted, b"Client Key");
                let stored_key: Key = Sha256::digest(client_key).into();
                let without_proof = format!("c=biws,r={whole}");
                let auth = format!("{bare},{challenge},{without_proof}");
                let mut proof = hmac(&stored_key, auth.as_bytes());
                proof.iter_mut().zip(client_key).for_each(|(byte, other)| *byte ^= other);
                let message = format!("{without_proof},p={}", BASE64.encode(proof));
                let server_key = hmac(&salted, b"Server Key");
                Ok((Self::Last { proof: hmac(&server_key, auth.as_bytes()) }, message))
            }
            Self::Last { proof } => {
                let told = challenge.strip_prefix("v=").and_then(|told| BASE64.decode(told).ok());
                if told.as_deref() != Some(&proof[..]) {
                    let text = "the server does not know your password: it may be another one than it says";
                    return Err(text.to_owned());
                }
                Ok((Self::Proved, String::new()))
            }
            Self::Proved => Err("the server asks for more than there is".to_owned()),
        }
    }
}

impl ClientState {
    /// The capabilities are agreed on: logs in, if there is an account. Whether the negotiation waits for that.
    pub(super) fn begin_login(&mut self, now: Now, outputs: &mut Outputs) -> bool {
        if self.account.is_none() || !matches!(self.phase, Phase::Registering { .. }) {
            return false;
        }
        let has_sasl = self.negotiation.capabilities.contains(Capability::Sasl);
        let mechanisms = self.negotiation.mechanisms.as_deref().unwrap_or(MECHANISM);
        if !has_sasl || !has_scram(mechanisms) {
            let text = "this server has no login that keeps your password secret (SCRAM-SHA-256)";
            if self.has_logged_in {
                // It had one before, and may have it again.
                outputs.disconnect = true;
                self.lose(now, Arc::new(ConnectError::Refused(text.into())), outputs);
            } else {
                self.fail_login(now, text, outputs);
            }
            return true;
        }
        self.login = Some(Login { step: Step::Begun, challenge: String::new() });
        outputs.line(|line| line.command("AUTHENTICATE").param(MECHANISM).finish());
        true
    }

    /// `AUTHENTICATE` from the server: a challenge, or a part of one.
    pub(super) fn on_authenticate(&mut self, now: Now, chunk: &str, outputs: &mut Outputs) {
        let (Some(login), Some(account)) = (&mut self.login, &self.account) else { return };
        if chunk != "+" {
            login.challenge.push_str(chunk);
        }
        let is_all = chunk.len() < CHUNK_BYTES;
        if login.challenge.len() > CHALLENGE_BYTES_MAX {
            return self.fail_login(now, "the server's challenge is too long", outputs);
        }
        if !is_all {
            return;
        }
        let challenge = std::mem::take(&mut login.challenge);
        let decoded = BASE64.decode(challenge).ok().and_then(|text| String::from_utf8(text).ok());
        let answered = match decoded {
            Some(challenge) => login.step.answer(account, &challenge),
            None => Err("the server's challenge makes no sense".to_owned()),
        };
        let message = match answered {
            Ok((step, message)) => {
                login.step = step;
                message
            }
            Err(text) => return self.fail_login(now, &text, outputs),
        };
        let encoded = BASE64.encode(message);
        let mut rest = &*encoded;
        while rest.len() >= CHUNK_BYTES {
            let (chunk, more) = rest.split_at(CHUNK_BYTES);
            outputs.line(|line| line.command("AUTHENTICATE").param(chunk).finish());
            rest = more;
        }
        let rest = if rest.is_empty() { "+" } else { rest };
        outputs.line(|line| line.command("AUTHENTICATE").param(rest).finish());
    }

    /// The server says that we are logged in. A server that has not proved itself may be anyone.
    pub(super) fn on_login_done(&mut self, now: Now, outputs: &mut Outputs) {
        match self.login.take() {
            Some(Login { step: Step::Proved, .. }) => {
                (self.is_proved, self.has_logged_in) = (true, true);
                self.end_negotiation(outputs);
            }
            Some(_) => self.fail_login(now, UNPROVED, outputs),
            None => {}
        }
    }

    /// An account is registered: it is logged in to from here on, where that can be done.
    pub(super) fn on_registered(&mut self, name: &str, outputs: &mut Outputs) {
        let can_prove = self.negotiation.mechanisms.as_deref().is_some_and(has_scram);
        if let Some(password) = self.registering.take().filter(|_| can_prove) {
            let nonce_key = self.settings.nonce_key;
            self.account = Some(Account::new(name.to_owned(), password, nonce_key));
            self.has_logged_in = true;
        }
        let text = format!("the account {name} is registered").into();
        outputs.updates.push(Update::Notice { code: None, text });
    }

    /// We are logged in to that account, or to none.
    pub(super) fn on_account(&mut self, account: Option<&str>, outputs: &mut Outputs) {
        outputs.updates.push(Update::Account { account: account.map(Arc::from) });
    }

    pub(super) fn fail_login(&mut self, now: Now, text: &str, outputs: &mut Outputs) {
        self.login = None;
        outputs.disconnect = true;
        self.lose(now, Arc::new(ConnectError::Login(printable(text).into())), outputs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{config::Password, state::tests::Script};

    /// RFC 7677 §3, "user" with the password "pencil".
    #[test]
    fn the_example_of_the_rfc_holds() {
        let account = Account::new("user".into(), Password("pencil".into()), [0; 32]);
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let first = Step::First { bare: format!("n=user,r={nonce}"), nonce };
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (last, message) = first.answer(&account, challenge).unwrap();
        assert_eq!(
            message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(last.answer(&account, "v=AAAA").is_err());
        let proof = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        let (proved, message) = last.answer(&account, proof).unwrap();
        assert_eq!(message, "");
        assert!(proved.answer(&account, "more").is_err());
        for wrong in [
            "",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000",
            "r=rOprNGfwEbeRWgbNEkqOx,s=%,i=4096",
        ] {
            assert!(first.answer(&account, wrong).is_err(), "{wrong}");
        }
    }

    fn asked(offered: &str) -> Script {
        let (settings, _) = crate::ChatClient::builder("server.example", "Ann")
            .account("ann", "pencil")
            .check()
            .expect("all of it can work");
        let mut script = Script::of(settings);
        script.connected();
        script.sent();
        script.server(&format!(":s CAP * LS :{offered}"));
        script
    }

    fn failed(script: &mut Script) -> Option<String> {
        match script.outputs.finish.take()? {
            crate::CloseReason::Fatal(cause) => Some(cause.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_cannot_prove_that_they_know_the_password_is_left() {
        // No way to log in that keeps the password secret.
        for offered in ["batch", "sasl=PLAIN,EXTERNAL"] {
            let mut script = asked(offered);
            let asked = script.sent();
            if let Some(asked) = asked.first().and_then(|line| line.strip_prefix("CAP REQ :")) {
                script.server(&format!(":s CAP * ACK :{asked}"));
            }
            assert!(failed(&mut script).is_some_and(|why| why.contains("SCRAM")), "{offered}");
        }
        let begun = || {
            let mut script = asked("sasl=PLAIN,SCRAM-SHA-256");
            assert_eq!(script.sent(), ["CAP REQ :sasl"]);
            script.server(":s CAP * ACK :sasl");
            assert_eq!(script.sent(), ["AUTHENTICATE SCRAM-SHA-256"]);
            script
        };
        // Let in without a proof.
        let mut script = begun();
        script.server("AUTHENTICATE +");
        assert_eq!(script.sent().len(), 1);
        script.server(":s 903 Ann :fine");
        assert!(failed(&mut script).is_some_and(|why| why.contains("another one")));
        // Or welcomed without one.
        for lines in [vec![], vec!["AUTHENTICATE +"]] {
            let mut script = begun();
            lines.into_iter().for_each(|line| script.server(line));
            script.server(":s 001 Ann :Welcome");
            script.server(":s 422 Ann :none");
            assert!(failed(&mut script).is_some_and(|why| why.contains("another one")));
        }
        let mut deaf = asked("");
        deaf.server(":s 001 Ann :Welcome");
        deaf.server(":Ann!u@h JOIN #a");
        assert!(failed(&mut deaf).is_some());
        // Words of nobody, too many of them, and a plain no.
        for (lines, word) in [
            (vec!["AUTHENTICATE +".to_owned(), "AUTHENTICATE %%%".into()], "no sense"),
            (vec![format!("AUTHENTICATE {}", "A".repeat(400)); 11], "too long"),
            (vec![":s 904 Ann :no".to_owned()], "no"),
        ] {
            let mut script = begun();
            lines.iter().for_each(|line| script.server(line));
            assert!(failed(&mut script).is_some_and(|why| why.contains(word)), "{word}");
        }
    }

    #[test]
    fn each_login_has_a_nonce_of_its_own() {
        let account = Account::new("a,b=c".into(), Password("x".into()), [7; 32]);
        let (_, first) = Step::Begun.answer(&account, "").unwrap();
        let (_, second) = Step::Begun.answer(&account, "").unwrap();
        assert!(first.starts_with("n,,n=a=2Cb=3Dc,r="), "{first}");
        assert_ne!(first, second);
        assert!(!format!("{account:?}").contains('x'));
    }
}
