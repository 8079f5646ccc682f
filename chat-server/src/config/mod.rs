//! Everything that can be set, with its unit and its default. What is not here cannot be set.

mod contradictions;
mod file;
mod limits;

use std::{net::TcpListener, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use chat_core::proto::{RoomName, ServerName};
use crossbeam_channel::Sender;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub(crate) use contradictions::check as check_contradictions;
pub use file::{ConfigFile, default_folder};
pub use limits::{Limits, RateLimit};

use crate::{
    auth::scram::Credentials,
    event::ServerEvent,
    notation::{is_default, room_name, server_name, span},
    retention::Retention,
    store::Durability,
    tls::{NamedCertificate, TlsSource},
};

/// The port everything here listens on and connects to unless told otherwise.
pub const DEFAULT_PORT: u16 = 53000;

/// The configuration of a server. [`Config::default`] is a whole server on this computer.
// More than 12 fields: one for each key of the file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Config {
    /// The addresses at which IRC is spoken: `address:port`, port 0 for any free one.
    pub listen: Vec<String>,
    /// The addresses at which IRC is spoken over TLS. Needs [`Config::tls`].
    pub tls_listen: Vec<String>,
    /// The addresses at which IRC is spoken over WebSockets.
    #[serde(rename = "websocket-listen")]
    pub web_socket_listen: Vec<String>,
    /// The addresses at which IRC is spoken over WebSockets over TLS. Needs [`Config::tls`].
    #[serde(rename = "websocket-tls-listen")]
    pub web_socket_tls_listen: Vec<String>,
    /// The pages that may open WebSockets, as browsers name them (`https://chat.example.org`), or `*` for any; none: those of
    /// the host that they ask for.
    #[serde(rename = "websocket-origins")]
    pub web_socket_origins: Vec<String>,
    /// The addresses at which plain text is spoken.
    pub text_listen: Vec<String>,
    /// The server's certificate.
    #[serde(skip)]
    pub tls: Option<TlsSource>,
    /// More certificates, for those who ask for one of their names.
    #[serde(rename = "sni", skip_serializing_if = "is_default")]
    pub named_certificates: Vec<NamedCertificate>,
    /// The addresses at which health and numbers are told over HTTP.
    pub http_listen: Vec<String>,
    /// Proxies that tell whose connection they pass on (the PROXY protocol), on every listening socket.
    pub proxies: Vec<IpNet>,
    /// Gateways that tell whose connection they pass on with `WEBIRC`.
    #[serde(rename = "gateway", skip_serializing_if = "is_default")]
    pub gateways: Vec<Gateway>,
    /// Listening sockets handed over by whoever started the program; IRC is spoken there.
    #[serde(skip)]
    pub inherited: Vec<Arc<TcpListener>>,
    /// The terms on which clients are to come over TLS from now on, if they are (<https://ircv3.net/specs/extensions/sts>).
    pub sts: Option<Sts>,
    /// This server's name.
    #[serde(with = "server_name")]
    pub name: ServerName,
    /// The network's name, one word (`NETWORK` in `RPL_ISUPPORT`).
    pub network: String,
    /// The description of this server, for `LINKS` and `WHOIS`; `None`: the network's name.
    pub description: Option<String>,
    /// The URL of an image of the network (<https://ircv3.net/specs/extensions/network-icon>).
    pub network_icon: Option<String>,
    /// `HOST:PORT`, where people elsewhere reach it, for links into rooms; `None`: an address of this computer. It is
    /// taken to be spoken over TLS if anything is.
    pub public_address: Option<String>,
    /// The default room.
    #[serde(with = "room_name")]
    pub room: RoomName,
    /// The accounts that look after the default room, which is nobody's: they operate it while they are in it.
    pub room_operators: Vec<String>,
    /// Whether people who connect are put into the default room.
    pub auto_join: bool,
    /// The password that everyone must send with `PASS`.
    #[serde(skip)]
    pub password: Option<String>,
    /// The text of the `MOTD`.
    #[serde(skip)]
    pub motd: Option<String>,
    /// The people who run the server, as `ADMIN` tells them.
    pub admin: Option<Admin>,
    /// The people who may become operators of the server.
    #[serde(rename = "oper", skip_serializing_if = "is_default")]
    pub opers: Vec<Oper>,
    /// The accounts one can log in to.
    #[serde(rename = "account", skip_serializing_if = "is_default")]
    pub accounts: Vec<Account>,
    /// Whether people may register accounts.
    pub registration: bool,
    /// Whether they may before they are here under a nick (`before-connect` of account-registration).
    pub registration_before_connect: bool,
    /// Whether passwords are taken in the clear from other computers also where something is spoken over TLS: a proxy
    /// before the server may be the one that ends it.
    pub plain_passwords: bool,
    /// Whether others see a cloak in the place of the address that somebody comes from.
    pub cloaks: bool,
    /// The names that look like those of who runs the server: nicks and rooms of them are for operators of the server, and for
    /// the account of that name; those of operators belong to them, unless there are none.
    pub reserved_names: Vec<String>,
    /// The folder in which messages are kept; `None`: they are kept by nobody.
    pub data: Option<PathBuf>,
    /// The durability of a message when it is delivered: what it has survived.
    pub durability: Durability,
    /// The rules for how long messages are kept.
    #[serde(skip_serializing_if = "is_default")]
    pub retention: Retention,
    /// Stop when the last person leaves.
    pub exit_when_empty: bool,
    /// Worker threads; one for two cores unless set.
    pub workers: Option<NonZeroUsize>,
    /// Connections that a worker takes before the next one is used: so few are quicker where nothing is handed over
    /// from one thread to another. When all have as many, the one with the fewest takes the next.
    #[serde(skip)]
    pub worker_connections: usize,
    /// Bounds on what strangers can make the server do.
    pub limits: Limits,
    /// Told of arrivals and departures. Never waited for: what does not fit into it is left out.
    #[serde(skip)]
    pub events: Option<Sender<ServerEvent>>,
    // What the file says in its own way, and `ConfigFile::into_config` turns into the fields above.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) self_signed: Option<PathBuf>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) motd_file: Option<PathBuf>,
    pub(crate) max_clients: usize,
    pub(crate) in_memory: bool,
    pub(crate) unlimited: bool,
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
            named_certificates: Vec::new(),
            http_listen: Vec::new(),
            proxies: Vec::new(),
            gateways: Vec::new(),
            inherited: Vec::new(),
            sts: None,
            name: ServerName::new("chat.local").expect("a dotted word"),
            network: "chat".into(),
            description: None,
            network_icon: None,
            public_address: None,
            room: RoomName::new("#lobby").expect("a room's name"),
            room_operators: Vec::new(),
            auto_join: true,
            password: None,
            motd: None,
            admin: None,
            opers: Vec::new(),
            accounts: Vec::new(),
            registration: true,
            registration_before_connect: false,
            plain_passwords: false,
            cloaks: true,
            reserved_names: ["root", "admin", "administrator", "global", "operator", "moderator"]
                .map(str::to_owned)
                .into(),
            exit_when_empty: false,
            data: None,
            durability: Durability::default(),
            retention: Retention::default(),
            workers: None,
            worker_connections: 256,
            limits: Limits::default(),
            events: None,
            certificate: None,
            key: None,
            self_signed: None,
            password_file: None,
            motd_file: None,
            max_clients: Limits::default().clients_max,
            in_memory: false,
            unlimited: false,
        }
    }
}

/// The people who run a server (RFC 2812 §3.4.9).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Admin {
    /// The place where the server stands.
    pub place: String,
    /// The name of those who run it.
    pub name: String,
    /// The address at which they are reached.
    pub email: String,
}

/// Someone who may become an operator of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
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

/// The policy for TLS that clients are told (<https://ircv3.net/specs/extensions/sts>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sts {
    /// The port at which TLS is spoken, as others reach it.
    pub port: u16,
    /// For how long a client is not to come without TLS; zero ends it.
    #[serde(with = "span")]
    pub duration: Duration,
}

/// A gateway that passes on the connections of others (<https://ircv3.net/specs/extensions/webirc>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Gateway {
    /// The password that proves that it is one.
    pub password: String,
    /// The networks it may come from.
    pub addresses: Vec<IpNet>,
}

/// An account one can log in to with SASL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// Its name, as others see it; compared folded.
    pub name: String,
    /// The password's argon2 hash, as `chat-server hash` prints it.
    #[serde(default)]
    pub password: String,
    /// The part that is kept of the password for SCRAM-SHA-256, if it may be used.
    pub scram: Option<Credentials>,
    /// SHA-256 fingerprints of the TLS certificates that log in to it by themselves, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
}
