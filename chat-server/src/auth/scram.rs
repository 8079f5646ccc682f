//! SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677): the server keeps what proves a password, not
//! the password. Pure and quick.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Iterations of new credentials; RFC 7677 §4 asks for 4096 at least.
const ITERATIONS: u32 = 10_000;

/// A key, or what is left of one by a hash.
pub type Key = [u8; 32];

/// SCRAM credentials of a password, written `iterations:salt:stored key:server key`, the last three in
/// base 64.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Key,
    server_key: Key,
}

impl std::fmt::Debug for Credentials {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

impl std::fmt::Display for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|bytes| BASE64.encode(bytes));
        write!(f, "{}:{salt}:{stored}:{server}", self.iterations)
    }
}

impl std::str::FromStr for Credentials {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "SCRAM credentials read iterations:salt:stored-key:server-key".to_owned();
        let parts: Vec<&str> = text.split(':').collect();
        let [iterations, salt, stored_key, server_key] = parts[..] else { return Err(wrong()) };
        let key = |text: &str| {
            let bytes = BASE64.decode(text).ok()?;
            Key::try_from(bytes).ok()
        };
        let read = || {
            Some(Self {
                iterations: iterations.parse().ok()?,
                salt: BASE64.decode(salt).ok()?,
                stored_key: key(stored_key)?,
                server_key: key(server_key)?,
            })
        };
        read().ok_or_else(wrong)
    }
}

impl Serialize for Credentials {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Credentials {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Credentials {
    /// Credentials of `password`, with a salt of its own.
    #[must_use]
    pub fn new(password: &str, salt: [u8; 16]) -> Self {
        let salted = salted(password, &salt, ITERATIONS);
        let client_key = hmac(&salted, b"Client Key");
        Self {
            iterations: ITERATIONS,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(client_key).into(),
            server_key: hmac(&salted, b"Server Key"),
        }
    }
}

impl Credentials {
    /// Credentials to ask somebody with who names an account that is not there: the same for the same name, like
    /// an account's, and of no password (RFC 5802 §5.1). `secret` is the server's own.
    #[must_use]
    pub fn of_nobody(name: &str, secret: &Key) -> Self {
        let key = |purpose: &str| hmac(secret, format!("{purpose}:{name}").as_bytes());
        let salt = key("salt")[..16].to_vec();
        let (stored_key, server_key) = (key("stored"), key("server"));
        Self { iterations: ITERATIONS, salt, stored_key, server_key }
    }
}

fn salted(password: &str, salt: &[u8], iterations: u32) -> Key {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
}

fn hmac(key: &[u8], text: &[u8]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key will do");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// An exchange of which the client has said the first half.
#[derive(Debug)]
pub struct Exchange {
    /// The name it gave.
    pub name: String,
    client_first_bare: String,
    server_first: String,
    nonce: String,
}

/// Reads the client's first message (RFC 5802 §7, `client-first-message`): the name it gives, and the
/// rest for [`Exchange::new`]. `None` if it is none, or asks for channel binding.
#[must_use]
pub fn client_first(message: &str) -> Option<(String, &str)> {
    let rest = message.strip_prefix("n,").or_else(|| message.strip_prefix("y,"))?;
    let (authzid, bare) = rest.split_once(',')?;
    let name = bare.strip_prefix("n=")?.split(',').next()?;
    let name = name.replace("=2C", ",").replace("=3D", "=");
    let is_same = authzid.is_empty() || authzid.strip_prefix("a=") == Some(&name);
    is_same.then_some((name, bare))
}

impl Exchange {
    /// Answers the first message, and gives the answer. `nonce` is to be drawn anew each time.
    #[must_use]
    pub fn new(
        name: String,
        bare: &str,
        credentials: &Credentials,
        nonce: &str,
    ) -> Option<(Self, String)> {
        let client_nonce = bare.split(',').find_map(|part| part.strip_prefix("r="))?;
        if client_nonce.is_empty() {
            return None;
        }
        let nonce = format!("{client_nonce}{nonce}");
        let salt = BASE64.encode(&credentials.salt);
        let server_first = format!("r={nonce},s={salt},i={}", credentials.iterations);
        let exchange = Self {
            name,
            client_first_bare: bare.to_owned(),
            server_first: server_first.clone(),
            nonce,
        };
        Some((exchange, server_first))
    }

    /// Checks the second message; the server's proof if it is right.
    #[must_use]
    pub fn finish(&self, message: &str, credentials: &Credentials) -> Option<String> {
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut parts = without_proof.split(',');
        // "n,," or "y,,", as the first message began.
        let binding = parts.next()?.strip_prefix("c=")?;
        let is_bound = BASE64
            .decode(binding)
            .is_ok_and(|header| header.starts_with(b"n,") || header.starts_with(b"y,"));
        if !is_bound || parts.next()?.strip_prefix("r=") != Some(&*self.nonce) {
            return None;
        }
        let proof = Key::try_from(BASE64.decode(proof).ok()?).ok()?;
        let auth = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let signature = hmac(&credentials.stored_key, auth.as_bytes());
        let mut client_key = proof;
        client_key.iter_mut().zip(signature).for_each(|(byte, other)| *byte ^= other);
        let stored: Key = Sha256::digest(client_key).into();
        if !bool::from(stored.ct_eq(&credentials.stored_key)) {
            return None;
        }
        let proof = hmac(&credentials.server_key, auth.as_bytes());
        Some(format!("v={}", BASE64.encode(proof)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3, "user" with the password "pencil".
    #[test]
    fn the_example_of_the_rfc_holds() {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = salted("pencil", &salt, 4096);
        let credentials = Credentials {
            iterations: 4096,
            salt,
            stored_key: Sha256::digest(hmac(&salted, b"Client Key")).into(),
            server_key: hmac(&salted, b"Server Key"),
        };
        let (name, bare) = client_first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(name, "user");
        let server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let (exchange, first) = Exchange::new(name, bare, &credentials, server_nonce).unwrap();
        assert_eq!(
            first,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let proof = exchange.finish(last, &credentials);
        assert_eq!(proof.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert_eq!(exchange.finish(&last.replace("p=dH", "p=dG"), &credentials), None);
        assert_eq!(exchange.finish("c=biws,r=other,p=dHzb", &credentials), None);
        assert_eq!(exchange.finish("", &credentials), None);
    }

    #[test]
    fn credentials_are_written_and_read() {
        let credentials = Credentials::new("secret", [7; 16]);
        assert_eq!(credentials.to_string().parse(), Ok(credentials.clone()));
        for wrong in ["", "1:2:3:4", "x:AAAA:AAAA:AAAA", "4096:AAAA"] {
            assert!(wrong.parse::<Credentials>().is_err(), "{wrong}");
        }
        assert!(!format!("{credentials:?}").contains('='));
        for wrong in ["", "n,,", "p=tls-unique,,n=a,r=b", "n,a=other,n=a,r=b"] {
            assert_eq!(client_first(wrong), None, "{wrong}");
        }
    }
}
