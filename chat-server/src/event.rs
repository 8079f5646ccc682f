//! Events that the program around a server hears.

use std::{fmt, sync::Arc};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// An event that a host wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// An operator asks for the configuration to be read again.
    ReloadAsked {
        /// Their nick.
        by: Arc<str>,
    },
    /// An incident that whoever runs the server should know of.
    Incident(Incident),
    /// A person has registered.
    Arrived {
        /// Their nick.
        nick: Arc<str>,
        /// The address they come from.
        host: Arc<str>,
    },
    /// A person is gone.
    Departed {
        /// Their nick.
        nick: Arc<str>,
        /// The reason, as the others read it.
        reason: Arc<str>,
    },
}

/// An incident: a wrong secret, what an operator of the server did, other settings, trouble with the disk. Its text is a line
/// of the log, in a form that stays as it is (`docs/log.md`): programs such as fail2ban read it.
///
/// ```
/// use chat_server::event::Incident;
/// let line = Incident::settings_refused("SIGHUP", "line 1: no such key").to_string();
/// assert_eq!(line, "incident: settings-refused by=SIGHUP why=line%201:%20no%20such%20key");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    kind: &'static str,
    fields: Box<[(&'static str, Box<str>)]>,
}

/// The signs that are encoded in a value: it is one word, whoever has chosen it.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// Bytes of a value; what is longer is cut, so that a line has an end.
const VALUE_BYTES_MAX: usize = 300;

impl Incident {
    fn new<const N: usize>(kind: &'static str, fields: [(&'static str, &str); N]) -> Self {
        let cut = |value: &str| chat_core::proto::cut(value, VALUE_BYTES_MAX).into();
        Self { kind, fields: fields.into_iter().map(|(name, value)| (name, cut(value))).collect() }
    }

    /// A login to an account that failed; `by` is the mechanism of SASL, or `NickServ`.
    pub(crate) fn login_failed(address: &str, account: &str, by: &str) -> Self {
        Self::new("login-failed", [("address", address), ("account", account), ("by", by)])
    }

    /// An `OPER` that failed.
    pub(crate) fn oper_failed(address: &str, name: &str, nick: &str) -> Self {
        Self::new("oper-failed", [("address", address), ("name", name), ("nick", nick)])
    }

    /// A `WEBIRC` of somebody who is no gateway.
    pub(crate) fn gateway_failed(address: &str) -> Self {
        Self::new("gateway-failed", [("address", address)])
    }

    /// A password of the server's that is wrong, at whichever door.
    pub(crate) fn password_failed(address: &str) -> Self {
        Self::new("password-failed", [("address", address)])
    }

    /// An action of somebody who operates the server.
    pub(crate) fn operator_acted(address: &str, nick: &str, account: &str, did: &str) -> Self {
        let fields = [("address", address), ("nick", nick), ("account", account), ("did", did)];
        Self::new("operator", fields)
    }

    /// Nothing can be stored from here on.
    pub(crate) fn storage_failed(why: &str) -> Self {
        Self::new("storage-failed", [("why", why)])
    }

    /// The end of an outage: what is written is stored again.
    pub(crate) fn storage_works() -> Self {
        Self::new("storage-works", [])
    }

    /// The configuration has been read again; `by` is a signal, or the nick of an operator.
    #[must_use]
    pub fn settings_read(by: &str) -> Self {
        Self::new("settings-read", [("by", by)])
    }

    /// A configuration that was to be read again, and holds what cannot be.
    #[must_use]
    pub fn settings_refused(by: &str, why: &str) -> Self {
        Self::new("settings-refused", [("by", by), ("why", why)])
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "incident: {}", self.kind)?;
        for (name, value) in &self.fields {
            let value = if value.is_empty() { "-" } else { value };
            write!(f, " {name}={}", utf8_percent_encode(value, ENCODED))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a stranger chooses stays within its value.
    #[test]
    fn a_line_cannot_be_forged() {
        let name = "x\nincident: login-failed address=192.0.2.1\r\u{2028}\u{202e}\u{1b}[2J\" %41";
        let line = Incident::login_failed("192.0.2.7", name, "PLAIN").to_string();
        assert_eq!(
            line,
            "incident: login-failed address=192.0.2.7 account=x%0Aincident:%20login-failed%20address=192.0.2.1%0D\
             %E2%80%A8%E2%80%AE%1B[2J%22%20%2541 by=PLAIN"
        );
        let long = Incident::oper_failed("192.0.2.7", &"é ".repeat(5000), "ann").to_string();
        assert!(long.len() < 1200 && long.ends_with(" nick=ann"), "{long}");
        assert_eq!(Incident::storage_failed("").to_string(), "incident: storage-failed why=-");
    }
}
