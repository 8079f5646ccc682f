//! The bounds on what strangers can make the server do: the section `limits` of the configuration file.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::notation::span;

/// Bounds, each with its unit. The defaults serve a classroom and a busy public server alike.
// More than 12 fields: one for each key of the section `limits`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once. Above it a newcomer is told so and closed.
    #[serde(skip)]
    pub clients_max: usize,
    /// Connections at once from one address (an IPv6 /64 counts as one), or no limit.
    #[serde(rename = "per-address")]
    pub clients_per_address_max: Option<usize>,
    /// Connections at once from one wide network, an IPv4 /24 or an IPv6 /48, or no limit.
    #[serde(rename = "per-network")]
    pub clients_per_network_max: Option<usize>,
    /// Networks whose connections are not counted by address, such as a school's.
    pub exempt_addresses: Vec<IpNet>,
    /// Rooms one person may be in.
    #[serde(rename = "rooms-per-person")]
    pub rooms_per_person_max: usize,
    /// Targets of one `PRIVMSG`, `NOTICE`, `TAGMSG` or nicks of one `KICK`.
    #[serde(rename = "targets")]
    pub targets_max: usize,
    /// Entries in all lists of masks of a room (`MAXLIST`).
    #[serde(rename = "list-entries")]
    pub list_entries_max: usize,
    /// Gone nicks that `WHOWAS` remembers.
    #[serde(rename = "whowas-entries")]
    pub whowas_entries_max: usize,
    /// Nicks one person may watch (`MONITOR`).
    #[serde(rename = "monitored")]
    pub monitored_max: usize,
    /// Pieces of metadata of one person or room (`max-keys`).
    #[serde(rename = "metadata-keys")]
    pub metadata_keys_max: usize,
    /// Names of metadata one person may subscribe to (`max-subs`).
    #[serde(rename = "subscriptions")]
    pub subscriptions_max: usize,
    /// Mode changes with a parameter in one `MODE`.
    #[serde(rename = "modes")]
    pub modes_max: usize,
    /// Bytes of a message of several lines (`max-bytes`).
    #[serde(rename = "multiline-bytes")]
    pub multiline_bytes_max: usize,
    /// Its lines (`max-lines`).
    #[serde(rename = "multiline-lines")]
    pub multiline_lines_max: usize,
    /// Commands at once, and then a second; above it the server reads on later. `None`: no limit.
    #[serde(skip)]
    pub flood: Option<RateLimit>,
    /// The flood limit of commands whose answers are long, such as `LIST` and `WHO`; they count as others too.
    #[serde(skip)]
    pub expensive: Option<RateLimit>,
    /// Passwords checked for one address (an IPv6 /64 counts as one) at once, and then a second, whether they are right or
    /// not; above it they are refused for a moment. `None`: no limit.
    #[serde(skip)]
    pub logins: Option<RateLimit>,
    /// Messages shown to those who come into a room and do not know how to ask for its history; 0: none.
    #[serde(rename = "replay")]
    pub replay_max: usize,
    /// Direct messages that are kept for an account of which nobody is here; above it senders are told that theirs is not. As
    /// many, or `replay` if that is more, are shown to it when it comes, where its program does not know how to ask.
    #[serde(rename = "waiting-messages")]
    pub waiting_messages_max: usize,
    /// Accounts that people have registered; above it nobody can register another one.
    #[serde(rename = "accounts")]
    pub accounts_max: usize,
    /// The time for which nobody has logged in to an account at which it ends, and its rooms with it; zero: never.
    #[serde(with = "span")]
    pub accounts_expire_after: Duration,
    /// The time for which nobody has come into a registered room or spoken there at which it ends; zero: never.
    #[serde(with = "span")]
    pub rooms_expire_after: Duration,
    /// Addresses and accounts that may not come here.
    #[serde(rename = "server-bans")]
    pub server_bans_max: usize,
    /// Rooms that last: those that people have founded who were logged in.
    #[serde(rename = "lasting-rooms")]
    pub registered_rooms_max: usize,
    /// Lasting rooms that one account founds.
    #[serde(rename = "rooms-per-account")]
    pub rooms_per_account_max: usize,
    /// Bytes of what is set in the rooms of one account: topics, metadata, lists, links, ranks; also in all rooms that are nobody's
    /// and were founded from one address (an IPv6 /48 counts as one), and in the lobby.
    #[serde(rename = "room-bytes-per-account")]
    pub room_bytes_per_account_max: usize,
    /// Accounts registered in an hour from one address (an IPv6 /64 counts as one).
    #[serde(rename = "registrations-per-hour")]
    pub registrations_per_hour_max: u32,
    /// Records in one page of history.
    #[serde(rename = "history-page")]
    pub history_page_max: usize,
    /// Bytes read from one connection at once; no more are until the lines in them have been taken. (Of a
    /// WebSocket a whole message is.)
    #[serde(rename = "inbox-bytes")]
    pub inbox_bytes_max: usize,
    /// Bytes waiting for one reader above which nothing more is read from them.
    pub outbox_pause_bytes: usize,
    /// Bytes waiting for one reader at which the connection is closed.
    #[serde(rename = "outbox-bytes")]
    pub outbox_bytes_max: usize,
    /// Bytes on their way from the hub to one worker at which the hub takes no further input.
    #[serde(rename = "mailbox-bytes")]
    pub mailbox_bytes_max: usize,
    /// Inputs on their way from the workers to the hub; above it workers stop reading.
    #[serde(rename = "hub-queue")]
    pub hub_queue_max: usize,
    /// Records waiting for the room log; above it messages are refused.
    #[serde(rename = "pending-records")]
    pub pending_records_max: usize,
    /// Records of one connection that wait, so that nobody takes the place of all; above it the next commands wait.
    #[serde(rename = "pending-records-each")]
    pub pending_records_each_max: usize,
    /// The time a record may wait for the room log before its sender is told.
    #[serde(with = "span")]
    pub append_timeout: Duration,
    /// The time a newcomer may take to register, or to give a name at the text door.
    #[serde(with = "span")]
    pub registration_timeout: Duration,
    /// Silence after which a client is asked for a sign of life.
    #[serde(with = "span")]
    pub ping_after: Duration,
    /// Further silence after which it is gone.
    #[serde(with = "span")]
    pub ping_timeout: Duration,
    /// A pause that ends a line at the text door.
    #[serde(with = "span")]
    pub text_pause: Duration,
    /// The time a closing connection may take to read what it was sent.
    #[serde(with = "span")]
    pub close_timeout: Duration,
    // What makes up `flood` and `expensive`, by the keys of the file.
    pub(crate) commands_at_once: f32,
    pub(crate) commands_per_second: f32,
    pub(crate) expensive_at_once: f32,
    pub(crate) expensive_per_second: f32,
    pub(crate) logins_at_once: f32,
    pub(crate) logins_per_second: f32,
}

/// A token bucket, in commands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Commands at once.
    pub burst: f32,
    /// Commands a second after that.
    pub per_second: f32,
}

/// The default of [`Limits::flood`].
const FLOOD: RateLimit = RateLimit { burst: 30.0, per_second: 4.0 };

/// The default of [`Limits::expensive`].
const EXPENSIVE: RateLimit = RateLimit { burst: 30.0, per_second: 2.0 };

/// The default of [`Limits::logins`]: all connections of an address log in anew when the server has been started again.
const LOGINS: RateLimit = RateLimit { burst: 64.0, per_second: 1.0 };

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: 10_000,
            clients_per_address_max: Some(64),
            clients_per_network_max: Some(256),
            exempt_addresses: Vec::new(),
            rooms_per_person_max: 50,
            targets_max: 4,
            list_entries_max: 100,
            whowas_entries_max: 1000,
            monitored_max: 100,
            metadata_keys_max: 20,
            subscriptions_max: 50,
            modes_max: 6,
            multiline_bytes_max: 16 << 10,
            multiline_lines_max: 100,
            flood: Some(FLOOD),
            expensive: Some(EXPENSIVE),
            logins: Some(LOGINS),
            replay_max: 20,
            waiting_messages_max: 100,
            accounts_max: 100_000,
            accounts_expire_after: Duration::from_secs(2 * 31_557_600),
            rooms_expire_after: Duration::from_secs(2 * 31_557_600),
            server_bans_max: 1000,
            registered_rooms_max: 100_000,
            rooms_per_account_max: 50,
            room_bytes_per_account_max: 1 << 20,
            registrations_per_hour_max: 50,
            history_page_max: 100,
            inbox_bytes_max: 16 << 10,
            outbox_pause_bytes: 64 << 10,
            outbox_bytes_max: 1 << 20,
            mailbox_bytes_max: 1 << 20,
            hub_queue_max: 4096,
            pending_records_max: 65_536,
            pending_records_each_max: 1024,
            append_timeout: Duration::from_secs(15),
            registration_timeout: Duration::from_secs(30),
            ping_after: Duration::from_secs(90),
            ping_timeout: Duration::from_secs(60),
            text_pause: Duration::from_millis(200),
            close_timeout: Duration::from_secs(1),
            commands_at_once: FLOOD.burst,
            commands_per_second: FLOOD.per_second,
            expensive_at_once: EXPENSIVE.burst,
            expensive_per_second: EXPENSIVE.per_second,
            logins_at_once: LOGINS.burst,
            logins_per_second: LOGINS.per_second,
        }
    }
}

impl Limits {
    /// These limits without those on flooding and on connections per address, for benchmarks and tests.
    #[must_use]
    pub fn unlimited(self) -> Self {
        Self {
            flood: None,
            expensive: None,
            logins: None,
            clients_per_address_max: None,
            clients_per_network_max: None,
            ..self
        }
    }

    /// Whether a host as [`crate::ids::host_text`] writes it is of a network that is not counted by address.
    pub(crate) fn is_exempt(&self, host: &str) -> bool {
        let is_of = |address: IpAddr| {
            self.exempt_addresses.iter().any(|network| network.contains(&address))
        };
        host.parse().is_ok_and(is_of)
    }

    /// These limits, with the rates that the keys of the file make up.
    ///
    /// # Errors
    /// A sentence about the first number with which nobody could be served.
    pub(super) fn checked(self) -> Result<Self, String> {
        self.check()?;
        let bucket = |burst, per_second| Some(RateLimit { burst, per_second });
        Ok(Self {
            flood: bucket(self.commands_at_once, self.commands_per_second),
            expensive: bucket(self.expensive_at_once, self.expensive_per_second),
            logins: bucket(self.logins_at_once, self.logins_per_second),
            ..self
        })
    }

    fn check(&self) -> Result<(), String> {
        let rates = [
            ("commands-at-once", self.commands_at_once, 1.0),
            ("commands-per-second", self.commands_per_second, 0.001),
            ("expensive-at-once", self.expensive_at_once, 1.0),
            ("expensive-per-second", self.expensive_per_second, 0.001),
            ("logins-at-once", self.logins_at_once, 1.0),
            ("logins-per-second", self.logins_per_second, 0.001),
        ];
        for (key, rate, least) in rates {
            if !rate.is_finite() || rate < least {
                return Err(format!("limits: {key} is a number of at least {least}"));
            }
        }
        let counts = [
            ("per-address", self.clients_per_address_max.unwrap_or(usize::MAX), 1),
            ("per-network", self.clients_per_network_max.unwrap_or(usize::MAX), 1),
            ("rooms-per-person", self.rooms_per_person_max, 1),
            ("targets", self.targets_max, 1),
            ("modes", self.modes_max, 1),
            ("history-page", self.history_page_max, 1),
            ("inbox-bytes", self.inbox_bytes_max, 512),
            ("outbox-pause-bytes", self.outbox_pause_bytes, 1),
            ("outbox-bytes", self.outbox_bytes_max, 1 << 16),
            ("mailbox-bytes", self.mailbox_bytes_max, 1),
            ("hub-queue", self.hub_queue_max, 1),
            ("pending-records", self.pending_records_max, 1),
            ("pending-records-each", self.pending_records_each_max, 1),
        ];
        for (key, count, least) in counts {
            if count < least {
                return Err(format!("limits: {key} is a number of at least {least}"));
            }
        }
        let times = [
            ("append-timeout", self.append_timeout),
            ("registration-timeout", self.registration_timeout),
            ("ping-after", self.ping_after),
            ("ping-timeout", self.ping_timeout),
        ];
        for (key, time) in times {
            if time < Duration::from_millis(1) {
                return Err(format!("limits: {key} is a time such as 30s"));
            }
        }
        Ok(())
    }
}
