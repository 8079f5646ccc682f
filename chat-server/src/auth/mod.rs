//! Password checks. They are slow by design (argon2), so threads of their own make them (`net/password_thread.rs`).

pub mod scram;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use chat_core::password::prepared;
use subtle::ConstantTimeEq;

/// The mechanisms of SASL, as `sasl` is advertised with.
pub(crate) const MECHANISMS: &str = "EXTERNAL,PLAIN,SCRAM-SHA-256";

/// Threads that check passwords, at most.
pub(crate) const CHECKERS_MAX: usize = 4;

/// The words to who comes without the server's password, or with another one.
pub(crate) const WRONG_PASSWORD: &str = "The server's password is missing or wrong";

/// A hash of no password: who asks for what is not there waits as long as who does not.
pub(crate) const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The mechanisms where others can read what is said: those that show them no password.
pub(crate) const PRIVATE_MECHANISMS: &str = "EXTERNAL,SCRAM-SHA-256";

/// The words to who gives a password where others can read it.
pub(crate) const READ_ON_THE_WAY: &str = "passwords are taken over TLS alone, since others can read them on the way here: connect over TLS, or log in with SCRAM-SHA-256";

/// A password's secret, as it is kept.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Secret {
    /// Its argon2 hash, in PHC form (`$argon2id$...`).
    pub argon2: String,
    /// For SCRAM.
    pub scram: scram::Credentials,
}

impl std::fmt::Debug for Secret {
    /// Without what it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A question about passwords that takes long to answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// A hash in PHC form and the password to hold against it.
    pub check: Option<(String, String)>,
    /// A password to be kept from here on, if what is checked is right, and a salt for each form of it.
    pub keep: Option<(String, [[u8; 16]; 2])>,
}

impl Question {
    /// The question whether `password` is that of `hash`.
    #[must_use]
    pub fn check(hash: String, password: String) -> Self {
        Self { check: Some((hash, password)), keep: None }
    }
}

impl std::fmt::Debug for Question {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question")
    }
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right; with what is to be kept of another one.
    Right(Option<Box<Secret>>),
    /// The password is wrong, or there is nothing that it could match.
    Wrong,
}

/// Answers a question. Takes tens of milliseconds.
#[must_use]
pub fn answer(question: &Question) -> Verdict {
    let is_right = |(hash, password): &(String, String)| {
        let Ok(hash) = PasswordHash::new(hash) else { return false };
        let is_of =
            |password: &str| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
        // Hashes from before passwords were prepared are of what was typed.
        is_of(&prepared(password)) || prepared(password) != *password && is_of(password)
    };
    if !question.check.as_ref().is_none_or(is_right) {
        return Verdict::Wrong;
    }
    let secret = |(password, salts): &(String, [[u8; 16]; 2])| {
        let bytes = prepared(password);
        let argon2 = Argon2::default().hash_password_with_salt(bytes.as_bytes(), &salts[0]);
        let argon2: PasswordHash = argon2.ok()?;
        let scram = scram::Credentials::new(password, salts[1]);
        Some(Box::new(Secret { argon2: argon2.to_string(), scram }))
    };
    match &question.keep {
        None => Verdict::Right(None),
        // What cannot be hashed can be nobody's password.
        Some(keep) => secret(keep).map_or(Verdict::Wrong, |secret| Verdict::Right(Some(secret))),
    }
}

/// Whether it is a hash that a password could match.
#[must_use]
pub fn is_hash(hash: &str) -> bool {
    PasswordHash::new(hash).is_ok()
}

/// The most that checking a password may cost, in KiB of memory, passes and lanes: what `hash` makes costs less.
const ARGON2_MAX: (u32, u32, u32) = (65_536, 16, 8);

/// Whether checking a password against a hash costs more than a login may.
#[must_use]
pub fn is_costly(hash: &str) -> bool {
    // No password matches what is no hash, at once.
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let is_more =
        |(name, most): (&str, u32)| hash.params.get_decimal(name).is_none_or(|own| own > most);
    let (memory, passes, lanes) = ARGON2_MAX;
    [("m", memory), ("t", passes), ("p", lanes)].into_iter().any(is_more)
}

/// Whether two texts are the same password, in a time that tells nothing but the lengths.
#[must_use]
pub fn same_secret(expected: &str, given: &str) -> bool {
    let (expected, given) = (prepared(expected), prepared(given));
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

/// The hash to keep of a password.
///
/// # Errors
/// A sentence, if the system has no randomness or the password is far too long.
pub fn hash(password: &str) -> Result<String, String> {
    let hashed = Argon2::default().hash_password(prepared(password).as_bytes());
    hashed
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| format!("cannot hash: {error}"))
}

/// The SCRAM credentials to keep of a password.
///
/// # Errors
/// A sentence, if the system has no randomness.
pub fn scram_credentials(password: &str) -> Result<scram::Credentials, String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| format!("cannot draw a salt: {error}"))?;
    Ok(scram::Credentials::new(password, salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_is_right() {
        let hash = hash("secret").unwrap();
        let question = |password: &str| Question::check(hash.clone(), password.into());
        assert_eq!(answer(&question("secret")), Verdict::Right(None));
        assert_eq!(answer(&question("Secret")), Verdict::Wrong);
        assert_eq!(answer(&Question::check("secret".into(), "secret".into())), Verdict::Wrong);
        assert!(!format!("{:?}", question("secret")).contains("secret"));
    }

    /// Passwords are prepared: what two keyboards make of one word is one, also for a hash of what was typed once.
    #[test]
    fn passwords_are_prepared() {
        let (composed, typed) = ("p\u{e4}ssw\u{f6}rd", "pa\u{308}sswo\u{308}rd");
        let question = |hash: &str, given: &str| Question::check(hash.into(), given.into());
        for kept in [composed, typed] {
            let new = hash(kept).unwrap();
            for given in [composed, typed] {
                assert_eq!(answer(&question(&new, given)), Verdict::Right(None));
                assert!(same_secret(kept, given));
            }
            let keep = Some((kept.to_owned(), [[1; 16], [2; 16]]));
            let Verdict::Right(Some(secret)) = answer(&Question { check: None, keep }) else {
                panic!("there was nothing to be wrong")
            };
            assert_eq!(answer(&question(&secret.argon2, composed)), Verdict::Right(None));
            assert_eq!(secret.scram, scram::Credentials::new(typed, [2; 16]));
        }
        let old: PasswordHash = Argon2::default().hash_password(typed.as_bytes()).unwrap();
        assert_eq!(answer(&question(&old.to_string(), typed)), Verdict::Right(None));
        assert_eq!(answer(&question(&old.to_string(), "password")), Verdict::Wrong);
    }

    #[test]
    fn what_is_kept_of_a_password_is_matched_by_it() {
        let keep = |password: &str| Some((password.to_owned(), [[1; 16], [2; 16]]));
        let Verdict::Right(Some(secret)) = answer(&Question { check: None, keep: keep("other") })
        else {
            panic!("there was nothing to be wrong")
        };
        assert_eq!(secret.scram, scram::Credentials::new("other", [2; 16]));
        let check = |password: &str| Some((secret.argon2.clone(), password.to_owned()));
        assert_eq!(answer(&Question { check: check("secret"), keep: keep("new") }), Verdict::Wrong);
        let Verdict::Right(Some(new)) =
            answer(&Question { check: check("other"), keep: keep("new") })
        else {
            panic!("the password was right")
        };
        assert_ne!(new.argon2, secret.argon2);
        let written = serde_json::to_string(&new).unwrap();
        assert_eq!(serde_json::from_str::<Secret>(&written).unwrap(), *new);
        assert!(serde_json::from_str::<Secret>(r#"{"argon2":"","scram":"1"}"#).is_err());
    }
}
