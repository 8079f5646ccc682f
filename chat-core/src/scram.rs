//! SCRAM-SHA-256 (RFC 5802, RFC 7677), as far as both sides need the same of it: the messages, and what proves a password.
//!
//! Pure. When a side believes the other, and what it keeps, is its own matter.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{password::prepared, proto::CaseMapping};

/// The mechanism's name, as SASL knows it.
pub const MECHANISM: &str = "SCRAM-SHA-256";

/// The fewest iterations that are safe (RFC 7677 §4).
pub const ITERATIONS_MIN: u32 = 4096;

/// A key, or what is left of one by a hash.
pub type Key = [u8; 32];

/// The keys that follow from a password (RFC 5802 §3).
pub struct Keys {
    /// The client's key: only who knows the password has it.
    pub client: Key,
    /// The key that proofs are checked with; the client's does not follow from it.
    pub stored: Key,
    /// The key that the server proves itself with.
    pub server: Key,
}

impl std::fmt::Debug for Keys {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// The keys of `password`, as it is [compared](crate::password::prepared) (RFC 5802 §2.2). Slow: so many iterations of a
    /// hash.
    #[must_use]
    pub fn of(password: &str, salt: &[u8], iterations: u32) -> Self {
        let password = prepared(password);
        let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations);
        let client = hmac(&salted, b"Client Key");
        Self { client, stored: stored_key(&client), server: hmac(&salted, b"Server Key") }
    }
}

/// The HMAC of `text`.
///
/// # Panics
/// Never: any key will do.
#[must_use]
pub fn hmac(key: &[u8], text: &[u8]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key will do");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The key that is kept of a client's one.
#[must_use]
pub fn stored_key(client: &Key) -> Key {
    Sha256::digest(client).into()
}

/// The proof that a client's key makes of an exchange; of the proof, the key again.
#[must_use]
pub fn masked(key: &Key, stored: &Key, exchange: &str) -> Key {
    let mut masked = hmac(stored, exchange.as_bytes());
    masked.iter_mut().zip(key).for_each(|(byte, own)| *byte ^= own);
    masked
}

/// The words of both sides as they are proved (`AuthMessage`).
#[must_use]
pub fn exchange(client_first_bare: &str, server_first: &str, without_proof: &str) -> String {
    format!("{client_first_bare},{server_first},{without_proof}")
}

/// The client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFirst {
    /// The name it gives.
    pub name: String,
    /// Its nonce, drawn anew each time.
    pub nonce: String,
    /// The message without what stands before it, as it is proved later.
    pub bare: String,
}

impl ClientFirst {
    /// The message of someone with that name.
    #[must_use]
    pub fn new(name: &str, nonce: String) -> Self {
        let word = name.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={word},r={nonce}");
        Self { name: name.to_owned(), nonce, bare }
    }

    /// Reads the message. `None` if it is none, asks for channel binding, or to act for somebody else.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        let rest = message.strip_prefix("n,").or_else(|| message.strip_prefix("y,"))?;
        let (authzid, bare) = rest.split_once(',')?;
        let name = bare.strip_prefix("n=")?.split(',').next()?;
        let read = |word: &str| word.replace("=2C", ",").replace("=3D", "=");
        let name = read(name);
        let is_same = authzid.is_empty()
            || authzid
                .strip_prefix("a=")
                .is_some_and(|other| CaseMapping::Ascii.same(&read(other), &name));
        let nonce = part(bare, "r=").filter(|nonce| !nonce.is_empty() && is_same)?.to_owned();
        Some(Self { name, nonce, bare: bare.to_owned() })
    }
}

impl std::fmt::Display for ClientFirst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "n,,{}", self.bare)
    }
}

/// The server's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFirst {
    /// The client's nonce and the server's behind it.
    pub nonce: String,
    /// The password's salt.
    pub salt: Vec<u8>,
    /// The number of times that the password is hashed.
    pub iterations: u32,
}

impl ServerFirst {
    /// Reads the message. `None` if it is none, or the nonce is not the client's with more behind it.
    #[must_use]
    pub fn parse(message: &str, client_nonce: &str) -> Option<Self> {
        let nonce = part(message, "r=")?;
        nonce.strip_prefix(client_nonce).filter(|more| !more.is_empty())?;
        let salt = BASE64.decode(part(message, "s=")?).ok()?;
        let iterations = part(message, "i=")?.parse().ok()?;
        Some(Self { nonce: nonce.to_owned(), salt, iterations })
    }
}

impl std::fmt::Display for ServerFirst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let salt = BASE64.encode(&self.salt);
        write!(f, "r={},s={salt},i={}", self.nonce, self.iterations)
    }
}

/// The client's last message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFinal {
    /// The message without its proof, as it is proved.
    pub without_proof: String,
    /// The proof that the client knows the password.
    pub proof: Key,
}

impl ClientFinal {
    /// The message without its proof; `nonce` is both sides'.
    #[must_use]
    pub fn without_proof(nonce: &str) -> String {
        // "n,," in base 64: nothing is bound to the channel.
        format!("c=biws,r={nonce}")
    }

    /// Reads the message. `None` if it is none, is bound to a channel, or its nonce is not both sides'.
    #[must_use]
    pub fn parse(message: &str, nonce: &str) -> Option<Self> {
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut parts = without_proof.split(',');
        // "n,," or "y,,", as the first message began.
        let binding = BASE64.decode(parts.next()?.strip_prefix("c=")?).ok()?;
        if !binding.starts_with(b"n,") && !binding.starts_with(b"y,") {
            return None;
        }
        parts.next()?.strip_prefix("r=").filter(|own| *own == nonce)?;
        let proof = Key::try_from(BASE64.decode(proof).ok()?).ok()?;
        Some(Self { without_proof: without_proof.to_owned(), proof })
    }
}

impl std::fmt::Display for ClientFinal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},p={}", self.without_proof, BASE64.encode(self.proof))
    }
}

/// The server's last message: it knows the password, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFinal {
    /// The proof of that.
    pub proof: Key,
}

impl ServerFinal {
    /// The message of a server with that key.
    #[must_use]
    pub fn new(server: &Key, exchange: &str) -> Self {
        Self { proof: hmac(server, exchange.as_bytes()) }
    }

    /// Reads the message. `None` if it is none.
    #[must_use]
    pub fn parse(message: &str) -> Option<Self> {
        let proof = BASE64.decode(message.strip_prefix("v=")?).ok()?;
        Some(Self { proof: proof.try_into().ok()? })
    }
}

impl std::fmt::Display for ServerFinal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v={}", BASE64.encode(self.proof))
    }
}

/// The part of a message that begins so.
fn part<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|own| own.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3, "user" with the password "pencil".
    #[test]
    fn the_example_of_the_rfc_holds_on_both_sides() {
        let first = ClientFirst::new("user", "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(first.to_string(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let text = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let challenge = ServerFirst::parse(text, &first.nonce).unwrap();
        let keys = Keys::of("pencil", &challenge.salt, challenge.iterations);
        let without_proof = ClientFinal::without_proof(&challenge.nonce);
        let exchange = exchange(&first.bare, text, &without_proof);
        let proof = masked(&keys.client, &keys.stored, &exchange);
        let last = ClientFinal { without_proof, proof };
        assert_eq!(
            last.to_string(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(masked(&proof, &keys.stored, &exchange), keys.client);
        assert_eq!(
            ServerFinal::new(&keys.server, &exchange).to_string(),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
        assert_eq!(format!("{keys:?}"), "Keys");
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let first = ClientFirst::new("a,b=c", "123".to_owned());
        assert_eq!(ClientFirst::parse(&first.to_string()), Some(first));
        let nonce = "123456".to_owned();
        let challenge = ServerFirst { nonce, salt: vec![1, 2, 3], iterations: 5000 };
        assert_eq!(ServerFirst::parse(&challenge.to_string(), "123"), Some(challenge.clone()));
        let without_proof = ClientFinal::without_proof(&challenge.nonce);
        let last = ClientFinal { without_proof, proof: [7; 32] };
        assert_eq!(ClientFinal::parse(&last.to_string(), "123456"), Some(last.clone()));
        assert_eq!(ClientFinal::parse(&last.to_string(), "123"), None);
        let answer = ServerFinal::new(&[8; 32], "all of it");
        assert_eq!(ServerFinal::parse(&answer.to_string()), Some(answer));
    }

    #[test]
    fn what_makes_no_sense_is_not_read() {
        for wrong in
            ["", "n,,", "n,,n=a", "n,,n=a,r=", "p=tls-unique,,n=a,r=b", "n,a=other,n=a,r=b"]
        {
            assert_eq!(ClientFirst::parse(wrong), None, "{wrong}");
        }
        for wrong in ["", "r=1,s=AAAA,i=4096", "r=12,s=%,i=4096", "r=12,s=AAAA,i=x", "r=22,s=AAAA"]
        {
            assert_eq!(ServerFirst::parse(wrong, "1"), None, "{wrong}");
        }
        for wrong in ["", "c=biws,r=12", "c=biws,r=12,p=AAAA", "c=cD0=,r=12,p=AAAA", "v=", "v=AAAA"]
        {
            assert_eq!(ClientFinal::parse(wrong, "12"), None, "{wrong}");
            assert_eq!(ServerFinal::parse(wrong), None, "{wrong}");
        }
    }
}
