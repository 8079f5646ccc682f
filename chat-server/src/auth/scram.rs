//! SCRAM-SHA-256, the server's side of it (`chat_core::scram`): the server keeps what proves a password, not
//! the password. Pure and quick.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
pub use chat_core::scram::Key;
use chat_core::scram::{
    ClientFinal, ClientFirst, Keys, ServerFinal, ServerFirst, exchange, hmac, masked, stored_key,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use subtle::ConstantTimeEq;

/// Iterations of new credentials; RFC 7677 §4 asks for 4096 at least.
const ITERATIONS: u32 = 10_000;

/// The part that is kept of a password, written `iterations:salt:stored key:server key`, the last three in
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
        Self::of(password, salt.to_vec(), ITERATIONS)
    }

    fn of(password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        let Keys { stored, server, .. } = Keys::of(password, &salt, iterations);
        Self { iterations, salt, stored_key: stored, server_key: server }
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

/// An exchange of which the client has said the first half.
#[derive(Debug)]
pub struct Exchange {
    client: ClientFirst,
    server: ServerFirst,
}

impl Exchange {
    /// Answers the first message, and gives the answer. `nonce` is to be drawn anew each time.
    #[must_use]
    pub fn new(client: ClientFirst, credentials: &Credentials, nonce: &str) -> (Self, String) {
        let nonce = format!("{}{nonce}", client.nonce);
        let (salt, iterations) = (credentials.salt.clone(), credentials.iterations);
        let server = ServerFirst { nonce, salt, iterations };
        let answer = server.to_string();
        (Self { client, server }, answer)
    }

    /// The name that the client gave.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.client.name
    }

    /// Reads the second message; `None` if it is none of this exchange, and so proves nothing.
    #[must_use]
    pub fn read(&self, message: &str) -> Option<ClientFinal> {
        ClientFinal::parse(message, &self.server.nonce)
    }

    /// Checks the second message; the server's proof if it is right.
    #[must_use]
    pub fn finish(&self, last: &ClientFinal, credentials: &Credentials) -> Option<String> {
        let exchange = exchange(&self.client.bare, &self.server.to_string(), &last.without_proof);
        let client_key = masked(&last.proof, &credentials.stored_key, &exchange);
        if !bool::from(stored_key(&client_key).ct_eq(&credentials.stored_key)) {
            return None;
        }
        Some(ServerFinal::new(&credentials.server_key, &exchange).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3, "user" with the password "pencil".
    #[test]
    fn the_example_of_the_rfc_holds() {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let credentials = Credentials::of("pencil", salt, 4096);
        let client = ClientFirst::parse("n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(client.name, "user");
        let server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let (exchange, first) = Exchange::new(client, &credentials, server_nonce);
        assert_eq!(
            first,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let finish = |message: &str| exchange.finish(&exchange.read(message)?, &credentials);
        let proof = finish(last);
        assert_eq!(proof.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert_eq!(finish(&last.replace("p=dH", "p=dG")), None);
        assert_eq!(finish("c=biws,r=other,p=dHzb"), None);
        assert_eq!(finish(""), None);
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
            assert_eq!(ClientFirst::parse(wrong), None, "{wrong}");
        }
    }
}
