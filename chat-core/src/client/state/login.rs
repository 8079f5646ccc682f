//! A login with SCRAM-SHA-256 (RFC 5802, RFC 7677; <https://ircv3.net/specs/extensions/sasl-3.2>): both
//! sides prove that they know the password, and nobody in between learns it.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use crate::{
    client::settings::Account,
    scram::{
        ClientFinal, ClientFirst, ITERATIONS_MIN, Keys, MECHANISM, ServerFinal, ServerFirst,
        exchange, masked,
    },
};

/// Bytes of one `AUTHENTICATE`; one of that length goes on.
const CHUNK_BYTES: usize = 400;

/// Bytes of a challenge.
const CHALLENGE_BYTES_MAX: usize = 4096;

/// The number of times a password is hashed: fewer is not safe, more is work for nothing.
const ITERATIONS: std::ops::RangeInclusive<u32> = ITERATIONS_MIN..=600_000;

/// A login under way.
#[derive(Debug)]
pub(super) struct Login {
    step: Step,
    /// The part that has come of a challenge in several lines.
    challenge: String,
}

#[derive(Debug)]
enum Step {
    /// The mechanism has been named.
    Begun,
    /// The first message has been sent.
    First(ClientFirst),
    /// The second one has been sent; the server proves itself with this.
    Last(ServerFinal),
    /// The server has proved itself.
    Proved,
}

/// The reason for leaving a server that lets us in without having proved itself.
pub(super) const UNPROVED: &str =
    "the server lets you in without knowing your password: it may be another one than it says";

/// Whether the way to log in is among those that a server names.
pub(super) fn has_scram(mechanisms: &str) -> bool {
    mechanisms.split(',').any(|own| own.eq_ignore_ascii_case(MECHANISM))
}

impl Step {
    /// The answer to a challenge, and the step that comes next.
    ///
    /// # Errors
    /// A sentence, if the server is not one that knows the password.
    fn answer(&self, account: &Account, challenge: &str) -> Result<(Self, String), String> {
        match self {
            Self::Begun => {
                let first = ClientFirst::new(&account.name, account.nonce());
                let message = first.to_string();
                Ok((Self::First(first), message))
            }
            Self::First(first) => {
                let asked = ServerFirst::parse(challenge, &first.nonce);
                let asked = asked.filter(|asked| ITERATIONS.contains(&asked.iterations));
                let asked = asked.ok_or("the server's challenge makes no sense")?;
                let keys = Keys::of(&account.password.0, &asked.salt, asked.iterations);
                let without_proof = ClientFinal::without_proof(&asked.nonce);
                let exchange = exchange(&first.bare, challenge, &without_proof);
                let proof = masked(&keys.client, &keys.stored, &exchange);
                let message = ClientFinal { without_proof, proof }.to_string();
                Ok((Self::Last(ServerFinal::new(&keys.server, &exchange)), message))
            }
            Self::Last(expected) => {
                if ServerFinal::parse(challenge).as_ref() != Some(expected) {
                    let text = "the server does not know your password: it may be another one than it says";
                    return Err(text.to_owned());
                }
                Ok((Self::Proved, String::new()))
            }
            Self::Proved => Err("the server asks for more than there is".to_owned()),
        }
    }
}

impl Login {
    /// The mechanism has been named.
    pub(super) fn begin() -> Self {
        Self { step: Step::Begun, challenge: String::new() }
    }

    /// Whether the server has proved that it knows the password.
    pub(super) fn is_proved(&self) -> bool {
        matches!(self.step, Step::Proved)
    }

    /// A challenge, or a part of one; what is answered to it, once it is whole, in as many parts as it needs.
    ///
    /// # Errors
    /// A sentence, if the server is not one that knows the password.
    pub(super) fn take(&mut self, account: &Account, chunk: &str) -> Result<Vec<String>, String> {
        if chunk != "+" {
            self.challenge.push_str(chunk);
        }
        if self.challenge.len() > CHALLENGE_BYTES_MAX {
            return Err("the server's challenge is too long".to_owned());
        }
        if chunk.len() >= CHUNK_BYTES {
            return Ok(Vec::new());
        }
        let challenge = std::mem::take(&mut self.challenge);
        let decoded = BASE64.decode(challenge).ok().and_then(|text| String::from_utf8(text).ok());
        let challenge = decoded.ok_or("the server's challenge makes no sense")?;
        let (step, message) = self.step.answer(account, &challenge)?;
        self.step = step;
        let encoded = BASE64.encode(message);
        let mut parts = Vec::new();
        let mut rest = &*encoded;
        while rest.len() >= CHUNK_BYTES {
            let (part, more) = rest.split_at(CHUNK_BYTES);
            parts.push(part.to_owned());
            rest = more;
        }
        parts.push(if rest.is_empty() { "+" } else { rest }.to_owned());
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::settings::Password;

    /// RFC 7677 §3, "user" with the password "pencil".
    #[test]
    fn the_example_of_the_rfc_holds() {
        let account = Account::new("user".into(), Password("pencil".into()), [0; 32]);
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let first = Step::First(ClientFirst::new("user", nonce));
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
