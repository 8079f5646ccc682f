//! Whether passwords are right. Slow by design (argon2), so it happens on threads of its own.

pub mod scram;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use crossbeam_channel::{Receiver, Sender};
use subtle::ConstantTimeEq;

use crate::{hub::Input, ids::Ticket};

/// A password and what to hold it against.
#[derive(Clone, PartialEq, Eq)]
pub enum Question {
    /// Against a hash in PHC form (`$argon2id$...`).
    Argon2 {
        /// The hash.
        hash: String,
        /// What was given.
        password: String,
    },
}

impl std::fmt::Debug for Question {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question")
    }
}

/// Whether the password is right. Takes tens of milliseconds; a hash that is none matches nothing.
#[must_use]
pub fn is_right(question: &Question) -> bool {
    let Question::Argon2 { hash, password } = question;
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Whether it is a hash that a password could match.
#[must_use]
pub fn is_hash(hash: &str) -> bool {
    PasswordHash::new(hash).is_ok()
}

/// Whether both are the same, in a time that tells nothing but the lengths.
#[must_use]
pub fn same_secret(expected: &str, given: &str) -> bool {
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

/// The hash to keep of a password.
///
/// # Errors
/// A sentence, if the system has no randomness or the password is far too long.
pub fn hash(password: &str) -> Result<String, String> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| format!("cannot hash: {error}"))
}

/// What to keep of a password for SCRAM.
///
/// # Errors
/// A sentence, if the system has no randomness.
pub fn scram_credentials(password: &str) -> Result<scram::Credentials, String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| format!("cannot draw a salt: {error}"))?;
    Ok(scram::Credentials::new(password, salt))
}

/// The thread that checks passwords; ends when nobody asks any more.
pub(crate) fn run(questions: &Receiver<(Ticket, Question)>, to_hub: &Sender<Input>) {
    for (ticket, question) in questions {
        let is_right = is_right(&question);
        if to_hub.send(Input::Checked { ticket, is_right }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_right() {
        let hash = hash("secret").unwrap();
        let question =
            |password: &str| Question::Argon2 { hash: hash.clone(), password: password.into() };
        assert!(is_right(&question("secret")));
        assert!(!is_right(&question("Secret")));
        assert!(!is_right(&Question::Argon2 { hash: "secret".into(), password: "secret".into() }));
        assert!(!format!("{:?}", question("secret")).contains("secret"));
    }
}
