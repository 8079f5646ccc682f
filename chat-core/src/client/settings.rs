//! The settings of a client, told before it started. Knows no network.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

use super::{address::Address, budget::MemoryBudget, retry::ReconnectPolicy};
use crate::{proto::Nick, scram::hmac};

/// The name of those who give none.
pub const DEFAULT_NAME: &str = "USR";

/// A client's policy for what was said before ([`crate::update::Origin::History`]), where the server keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryPolicy {
    /// Of rooms it joins, so many of the latest messages; after a lost connection, all that was missed, in all
    /// conversations.
    Latest {
        /// The number of messages; 0: only what was missed.
        limit: u16,
    },
    /// Nothing: what was missed is an [`Update::Gap`](crate::Update::Gap).
    Off,
}

impl Default for HistoryPolicy {
    fn default() -> Self {
        Self::Latest { limit: 50 }
    }
}

/// The times that things may take.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Timeouts {
    /// To connect, for each address of the host. `None`: 2 s on this computer and in private
    /// networks, 15 s elsewhere.
    pub connect: Option<Duration>,
    /// From the connection to the server's welcome.
    pub register: Duration,
    /// Silence after which the server is asked for a sign of life.
    pub idle: Duration,
    /// Further silence after which the connection counts as lost.
    pub dead: Duration,
    /// The time a message may wait to be written before it is given up.
    pub queued: Duration,
    /// The time the server may take to acknowledge a message that is written.
    pub answered: Duration,
    /// The time that leaving may take: what is waiting is still sent.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: None,
            register: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            dead: Duration::from_secs(60),
            queued: Duration::from_secs(60),
            answered: Duration::from_secs(120),
            quit: Duration::from_secs(2),
        }
    }
}

/// The settings of a client, told before it started.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server: Address,
    pub(crate) nick: Nick,
    pub(crate) realname: String,
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) keys: HashMap<Arc<str>, String>,
    pub(crate) history: HistoryPolicy,
    pub(crate) password: Option<Password>,
    pub(crate) account: Option<Account>,
    /// The key that nonces of logins follow from: nobody's guess.
    pub(crate) nonce_key: [u8; 32],
    pub(crate) reconnect: ReconnectPolicy,
    pub(crate) timeouts: Timeouts,
    pub(crate) bounds: Bounds,
}

/// The bounds on what may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Requests that are not settled.
    pub(crate) requests: usize,
    /// Updates for the listener.
    pub(crate) updates: usize,
    /// The bytes of all of it.
    pub(crate) memory: MemoryBudget,
}

/// The account a client logs in to.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) password: Password,
    nonce_key: [u8; 32],
    n_logins: Arc<AtomicU64>,
}

impl Account {
    pub(crate) fn new(name: String, password: Password, nonce_key: [u8; 32]) -> Self {
        Self { name, password, nonce_key, n_logins: Arc::default() }
    }

    /// Another one each time, and nobody's guess.
    pub(crate) fn nonce(&self) -> String {
        let number = self.n_logins.fetch_add(1, Ordering::Relaxed);
        BASE64.encode(&hmac(&self.nonce_key, &number.to_be_bytes())[..18])
    }
}

/// A password that does not show when it is printed for debugging.
#[derive(Clone)]
pub(crate) struct Password(pub(crate) String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}
