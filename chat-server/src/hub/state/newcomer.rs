//! Newcomers: connections that have not registered.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use chat_core::proto::CapabilitySet;

use crate::{
    delivery::Reply,
    hub::{
        input::{Door, Registration},
        state::queued_command::QueuedCommand,
    },
    settings::Privacy,
};

/// A connection that has not registered.
// More than 12 fields: all that is known of a connection before it is somebody's, which is gone then.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) host: Arc<str>,
    pub(crate) door: Door,
    pub(crate) is_secure: bool,
    /// The privacy of the connection: whether others can read on the way what is said.
    pub(crate) privacy: Privacy,
    pub(crate) fingerprint: Option<Arc<str>>,
    /// Whether they have given the server's password.
    pub(crate) has_entered: bool,
    /// The account they have logged in to.
    pub(crate) account: Option<Arc<str>>,
    pub(crate) capabilities: CapabilitySet,
    /// The words they said of being away (<https://ircv3.net/specs/extensions/pre-away>).
    pub(crate) away: Option<Arc<str>>,
    /// The nick they want, as far as they have asked for what needs one.
    pub(crate) nick: Option<String>,
    /// An account is being registered for them.
    pub(crate) is_registering: bool,
    /// All they said, if only the nick could not be had.
    pub(crate) refused: Option<Registration>,
    /// The nick they have asked for since then.
    pub(crate) other_nick: Option<String>,
    /// Since then they negotiate again, and have not come to an end.
    pub(crate) is_negotiating: bool,
    /// Wrong passwords so far.
    pub(crate) n_failed_logins: u8,
    /// The input that waits for a password to be checked. While there is any, no more commands are read.
    pub(crate) waiting: VecDeque<Delayed>,
}

/// Delayed input, whose turn has not come.
#[derive(Debug)]
pub(crate) enum Delayed {
    Answer(Reply),
    Command(QueuedCommand),
    /// All that a person is made of, while a password is checked.
    Registration(Registration),
}

impl Newcomer {
    pub(crate) fn new(
        host: Arc<str>,
        door: Door,
        is_secure: bool,
        fingerprint: Option<Arc<str>>,
    ) -> Self {
        let address = host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self {
            privacy: Privacy::of(is_secure, address),
            host,
            door,
            is_secure,
            fingerprint,
            has_entered: false,
            account: None,
            capabilities: CapabilitySet::EMPTY,
            away: None,
            nick: None,
            is_registering: false,
            refused: None,
            other_nick: None,
            is_negotiating: false,
            n_failed_logins: 0,
            waiting: VecDeque::new(),
        }
    }
}
