//! Everything that can be set, with its unit and its default. What is not here cannot be set.

mod file;
mod limits;
mod retention;

use std::{net::TcpListener, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use chat_core::proto::{RoomName, ServerName};
use crossbeam_channel::Sender;
use ipnet::IpNet;

pub use file::{AccountFile, ConfigFile, StsFile, default_folder};
pub use limits::{LimitsFile, Span};
pub use retention::{RetentionFile, RoomRetention};

use crate::{
    auth::scram::Credentials,
    event::ServerEvent,
    store::{Durability, Retention},
    tls::TlsSource,
};

/// The port everything here listens on and connects to unless told otherwise.
pub const DEFAULT_PORT: u16 = 53000;

/// How a server is to run. [`Config::default`] is a whole server on this computer.
// More than 12 fields: one for each key of the file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where IRC is spoken: `address:port`, port 0 for any free one.
    pub listen: Vec<String>,
    /// Where IRC is spoken over TLS. Needs [`Config::tls`].
    pub tls_listen: Vec<String>,
    /// Where IRC is spoken over WebSockets.
    pub web_socket_listen: Vec<String>,
    /// Where IRC is spoken over WebSockets over TLS. Needs [`Config::tls`].
    pub web_socket_tls_listen: Vec<String>,
    /// The pages that may open WebSockets, as browsers name them (`https://chat.example.org`); none: any.
    pub web_socket_origins: Vec<String>,
    /// Where plain text is spoken.
    pub text_listen: Vec<String>,
    /// The server's certificate.
    pub tls: Option<TlsSource>,
    /// Where health and numbers are told over HTTP.
    pub http_listen: Vec<String>,
    /// Proxies that tell whose connection they pass on (the PROXY protocol), on every listening socket.
    pub proxies: Vec<IpNet>,
    /// Gateways that tell whose connection they pass on with `WEBIRC`.
    pub gateways: Vec<Gateway>,
    /// Listening sockets handed over by whoever started the program; IRC is spoken there.
    pub inherited: Vec<Arc<TcpListener>>,
    /// Whether clients are to come over TLS from now on (<https://ircv3.net/specs/extensions/sts>).
    pub sts: Option<Sts>,
    /// This server's name.
    pub name: ServerName,
    /// The network's name, one word (`NETWORK` in `RPL_ISUPPORT`).
    pub network: String,
    /// Where an image of the network is: a URL (<https://ircv3.net/specs/extensions/network-icon>).
    pub network_icon: Option<String>,
    /// `HOST:PORT`, where people elsewhere reach it, for links into rooms; `None`: an address of this computer. It is
    /// taken to be spoken over TLS if anything is.
    pub public_address: Option<String>,
    /// The default room.
    pub room: RoomName,
    /// Whether people who connect are put into the default room.
    pub auto_join: bool,
    /// What everyone must send with `PASS`.
    pub password: Option<String>,
    /// The text of the `MOTD`.
    pub motd: Option<String>,
    /// Who runs the server, as `ADMIN` tells it.
    pub admin: Option<Admin>,
    /// Who may become an operator of the server.
    pub opers: Vec<Oper>,
    /// The accounts one can log in to.
    pub accounts: Vec<Account>,
    /// Whether people may register accounts.
    pub registration: bool,
    /// The folder in which messages are kept; `None`: they are kept by nobody.
    pub data: Option<PathBuf>,
    /// What a message has survived when it is delivered.
    pub durability: Durability,
    /// How long messages are kept.
    pub retention: Retention,
    /// Stop when the last person leaves.
    pub exit_when_empty: bool,
    /// Worker threads; one for two cores unless set.
    pub workers: Option<NonZeroUsize>,
    /// Connections that a worker takes before the next one is used: so few are quicker where nothing is handed over
    /// from one thread to another. When all have as many, the one with the fewest takes the next.
    pub worker_connections: usize,
    /// Bounds on what strangers can make the server do.
    pub limits: Limits,
    /// Told of arrivals and departures. Never waited for: what does not fit into it is left out.
    pub events: Option<Sender<ServerEvent>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![format!("127.0.0.1:{DEFAULT_PORT}")],
            tls_listen: Vec::new(),
            web_socket_listen: Vec::new(),
            web_socket_tls_listen: Vec::new(),
            web_socket_origins: Vec::new(),
            text_listen: Vec::new(),
            tls: None,
            http_listen: Vec::new(),
            proxies: Vec::new(),
            gateways: Vec::new(),
            inherited: Vec::new(),
            sts: None,
            name: ServerName::new("chat.local").expect("a dotted word"),
            network: "chat".into(),
            network_icon: None,
            public_address: None,
            room: RoomName::new("#lobby").expect("a room's name"),
            auto_join: true,
            password: None,
            motd: None,
            admin: None,
            opers: Vec::new(),
            accounts: Vec::new(),
            registration: true,
            exit_when_empty: false,
            data: None,
            durability: Durability::default(),
            retention: Retention::default(),
            workers: None,
            worker_connections: 256,
            limits: Limits::default(),
            events: None,
        }
    }
}

/// Bounds, each with its unit. The defaults serve a classroom and a busy public server alike.
// More than 12 fields: one for each key of the table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once. Above it a newcomer is told so and closed.
    pub clients_max: usize,
    /// Connections at once from one address (an IPv6 /64 counts as one), or no limit.
    pub clients_per_address_max: Option<usize>,
    /// Networks whose connections are not counted by address, such as a school's.
    pub exempt_addresses: Vec<IpNet>,
    /// Rooms one person may be in.
    pub rooms_per_person_max: usize,
    /// Targets of one `PRIVMSG`, `NOTICE`, `TAGMSG` or nicks of one `KICK`.
    pub targets_max: usize,
    /// Entries in all lists of masks of a room (`MAXLIST`).
    pub list_entries_max: usize,
    /// Gone nicks that `WHOWAS` remembers.
    pub whowas_entries_max: usize,
    /// Nicks one person may watch (`MONITOR`).
    pub monitored_max: usize,
    /// Pieces of metadata of one person or room (`max-keys`).
    pub metadata_keys_max: usize,
    /// Names of metadata one person may subscribe to (`max-subs`).
    pub subscriptions_max: usize,
    /// Mode changes with a parameter in one `MODE`.
    pub modes_max: usize,
    /// Bytes of a message of several lines (`max-bytes`).
    pub multiline_bytes_max: usize,
    /// Its lines (`max-lines`).
    pub multiline_lines_max: usize,
    /// Commands at once, and then a second; above it the server reads on later. `None`: no limit.
    pub flood: Option<RateLimit>,
    /// The same for commands whose answers are long, such as `LIST` and `WHO`; they count as others too.
    pub expensive: Option<RateLimit>,
    /// Messages shown to those who come into a room and do not know how to ask for its history; 0: none.
    pub replay_max: usize,
    /// Accounts that people have registered; above it nobody can register another one.
    pub accounts_max: usize,
    /// Addresses and accounts that may not come here.
    pub server_bans_max: usize,
    /// Rooms that last: those that people have founded who were logged in.
    pub lasting_rooms_max: usize,
    /// How many of them one account founds.
    pub rooms_per_account_max: usize,
    /// Accounts registered in an hour from one address (an IPv6 /64 counts as one).
    pub registrations_per_hour_max: u32,
    /// Records in one page of history.
    pub history_page_max: usize,
    /// Bytes read from one connection at once; no more are until the lines in them have been taken. (Of a
    /// WebSocket a whole message is.)
    pub inbox_bytes_max: usize,
    /// Bytes waiting for one reader above which nothing more is read from them.
    pub outbox_pause_bytes: usize,
    /// Bytes waiting for one reader at which the connection is closed.
    pub outbox_bytes_max: usize,
    /// Bytes on their way from the hub to one worker at which the hub takes no further input.
    pub mailbox_bytes_max: usize,
    /// Inputs on their way from the workers to the hub; above it workers stop reading.
    pub hub_queue_max: usize,
    /// Records waiting for the room log; above it messages are refused.
    pub pending_records_max: usize,
    /// Those of one connection, so that nobody takes the place of all; above it the next commands wait.
    pub pending_records_each_max: usize,
    /// How long a record may wait for the room log before its sender is told.
    pub append_timeout: Duration,
    /// How long a newcomer may take to register, or to give a name at the text door.
    pub registration_timeout: Duration,
    /// Silence after which a client is asked for a sign of life.
    pub ping_after: Duration,
    /// Further silence after which it is gone.
    pub ping_timeout: Duration,
    /// A pause that ends a line at the text door.
    pub text_pause: Duration,
    /// How long a closing connection may take to read what it was sent.
    pub close_timeout: Duration,
}

/// Who runs a server (RFC 2812 §3.4.9).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Admin {
    /// Where it stands.
    pub place: String,
    /// Who they are.
    pub name: String,
    /// How to reach them.
    pub email: String,
}

/// Someone who may become an operator of the server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Oper {
    /// The name to give to `OPER`.
    pub name: String,
    /// The password's argon2 hash, as `chat-server hash` prints it.
    pub password: String,
    /// Masks of `nick!user@host` they may come from; none: from anywhere.
    #[serde(default)]
    pub masks: Vec<String>,
}

/// What clients are told of TLS (<https://ircv3.net/specs/extensions/sts>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sts {
    /// The port at which TLS is spoken, as others reach it.
    pub port: u16,
    /// For how long a client is not to come without TLS; zero ends it.
    pub duration: Duration,
}

/// A gateway that passes on the connections of others (<https://ircv3.net/specs/extensions/webirc>).
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gateway {
    /// What it says to prove that it is one.
    pub password: String,
    /// The networks it may come from.
    pub addresses: Vec<IpNet>,
}

/// An account one can log in to with SASL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name, as others see it; compared folded.
    pub name: String,
    /// The password's argon2 hash, as `chat-server hash` prints it.
    pub password: String,
    /// What is kept of the password for SCRAM-SHA-256, if it may be used.
    pub scram: Option<Credentials>,
    /// SHA-256 fingerprints of the TLS certificates that log in to it by themselves, in hexadecimal.
    pub fingerprints: Vec<String>,
}

/// A token bucket, in commands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Commands at once.
    pub burst: f32,
    /// Commands a second after that.
    pub per_second: f32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: 10_000,
            clients_per_address_max: Some(64),
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
            flood: Some(RateLimit { burst: 30.0, per_second: 4.0 }),
            expensive: Some(RateLimit { burst: 30.0, per_second: 2.0 }),
            replay_max: 20,
            accounts_max: 100_000,
            server_bans_max: 1000,
            lasting_rooms_max: 100_000,
            rooms_per_account_max: 50,
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
        }
    }
}

impl Limits {
    /// The same without the limits on flooding and on connections per address, for benchmarks and tests.
    #[must_use]
    pub fn unlimited(self) -> Self {
        Self { flood: None, expensive: None, clients_per_address_max: None, ..self }
    }
}
