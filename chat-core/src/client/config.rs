//! The builder: everything that can be set about a client, with its default.

use std::{
    collections::HashMap,
    net::ToSocketAddrs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{ChatClient, ReconnectPolicy};
use crate::{
    error::{ConfigError, ConnectError},
    listener::{Listener, PrintListener},
    proto::{Link, LinkError, Nick, RoomName, cut, nick_from_display_name},
    text::printable,
};

/// The port a server listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 53000;

/// The name of those who give none.
pub const DEFAULT_NAME: &str = "USR";

/// What is sent of a long name, so that it fits on the line it is sent on.
const REALNAME_BYTES_MAX: usize = 300;

/// What a client asks for of what was said before ([`crate::update::Origin::History`]), where the server keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryPolicy {
    /// Of rooms it joins, so many of the latest messages; after a lost connection, all that was missed, in all
    /// conversations.
    Latest {
        /// So many; 0: only what was missed.
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

/// How long things may take.
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
    /// How long a message may wait to be written before it is given up.
    pub queued: Duration,
    /// How long the server may take to acknowledge a message that is written.
    pub answered: Duration,
    /// How long leaving may take: what is waiting is still sent.
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

/// What a client was told before it started.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) nick: Nick,
    pub(crate) realname: String,
    pub(crate) rooms: Vec<Arc<str>>,
    pub(crate) keys: HashMap<Arc<str>, String>,
    pub(crate) history: HistoryPolicy,
    pub(crate) password: Option<Password>,
    pub(crate) account: Option<Account>,
    /// What nonces of logins follow from: nobody's guess.
    pub(crate) nonce_key: [u8; 32],
    pub(crate) reconnect: ReconnectPolicy,
    pub(crate) timeouts: Timeouts,
    pub(crate) send_queue: usize,
    pub(crate) update_queue: usize,
}

/// Whom a client logs in as.
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
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.nonce_key).expect("any key will do");
        mac.update(&number.to_be_bytes());
        BASE64.encode(&mac.finalize().into_bytes()[..18])
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

/// Says how a client is to be; made by [`ChatClient::builder`].
#[must_use = "a builder does nothing until it is started"]
pub struct ChatClientBuilder {
    server: String,
    name: String,
    listener: Option<Box<dyn Listener>>,
    rooms: Vec<String>,
    keys: HashMap<String, String>,
    history: HistoryPolicy,
    password: Option<String>,
    account: Option<(String, String)>,
    reconnect: ReconnectPolicy,
    timeouts: Timeouts,
    send_queue: usize,
    update_queue: usize,
}

impl std::fmt::Debug for ChatClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatClientBuilder").field("server", &self.server).finish_non_exhaustive()
    }
}

impl ChatClientBuilder {
    pub(super) fn new(server: String, name: String) -> Self {
        Self {
            server,
            name,
            listener: None,
            rooms: Vec::new(),
            keys: HashMap::new(),
            history: HistoryPolicy::default(),
            password: None,
            account: None,
            reconnect: ReconnectPolicy::default(),
            timeouts: Timeouts::default(),
            send_queue: 256,
            update_queue: 65_536,
        }
    }

    /// Who is told what happens; without it, it is printed.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// A room to be in, from the start and after every reconnect. The `#` may be left out.
    pub fn join(mut self, room: impl Into<String>) -> Self {
        self.rooms.push(room.into());
        self
    }

    /// The same with the room's key, or with what stands in a link into it.
    pub fn join_with_key(mut self, room: impl Into<String>, key: impl Into<String>) -> Self {
        let room = room.into();
        self.keys.insert(room.clone(), key.into());
        self.join(room)
    }

    /// What is asked for of what was said before.
    pub fn history(mut self, policy: HistoryPolicy) -> Self {
        self.history = policy;
        self
    }

    /// The account to log in to, with its password. It is proved with SCRAM-SHA-256, which shows the password to nobody; a
    /// server that cannot do that, or does not know the password either, is left
    /// ([`ConnectError::Login`]).
    pub fn account(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.account = Some((name.into(), password.into()));
        self
    }

    /// The server's password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// What to do when the connection is lost.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// How long things may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How many requests may wait to be sent (default 256).
    pub fn send_queue(mut self, requests: usize) -> Self {
        self.send_queue = requests;
        self
    }

    /// How many updates may wait for the listener (default 65,536).
    pub fn update_queue(mut self, updates: usize) -> Self {
        self.update_queue = updates;
        self
    }

    /// Starts the client's threads and returns at once; what becomes of the connection is told to
    /// the listener.
    ///
    /// # Errors
    /// [`ConfigError`] if something was set that cannot work.
    pub fn start(self) -> Result<ChatClient, ConfigError> {
        let (settings, listener) = self.check()?;
        ChatClient::start(settings, listener)
    }

    /// Starts the client and waits until the server has let us in. If the first attempt fails there
    /// is no other; from then on the reconnect policy holds.
    ///
    /// # Errors
    /// [`ConnectError`]; the listener has then had its last call.
    pub fn connect(self) -> Result<ChatClient, ConnectError> {
        let (settings, listener) = self.check()?;
        ChatClient::connect(settings, listener)
    }

    pub(super) fn check(mut self) -> Result<(Settings, Box<dyn Listener>), ConfigError> {
        if let Some(link) = read_link(&self.server)? {
            let room = link.room.to_string();
            if let Some(key) = link.key {
                self.keys.insert(room.clone(), key);
            }
            self.server = link.address;
            self.rooms.insert(0, room);
        }
        let (host, port) = parse_server(&self.server)?;
        let nick = nick_from_name(&self.name);
        let mut rooms: Vec<Arc<str>> = Vec::new();
        let mut keys = HashMap::new();
        for room in &self.rooms {
            let key = self.keys.get(room).cloned();
            let room = room_name(room);
            if key.as_deref().is_some_and(|key| !is_key(key)) {
                let why = format!("of {room} is one word without commas").into();
                return Err(ConfigError::Invalid { field: "key", why });
            }
            if let Some(key) = key {
                keys.insert(room.as_str().into(), key);
            }
            if let Err(error) = RoomName::new(&room) {
                let why = format!("{room} cannot be joined: {error}").into();
                return Err(ConfigError::Invalid { field: "room", why });
            }
            if !rooms.iter().any(|own| **own == *room) {
                rooms.push(room.into());
            }
        }
        let has_line_break = |text: &str| text.contains(['\0', '\r', '\n']);
        if self.password.as_deref().is_some_and(|text| has_line_break(text) || text.is_empty()) {
            let why = "must be one line".into();
            return Err(ConfigError::Invalid { field: "password", why });
        }
        if let Some((name, password)) = &self.account {
            let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
            if !is_name || password.is_empty() || has_line_break(name) || has_line_break(password) {
                let why = "is one word and a password of one line".into();
                return Err(ConfigError::Invalid { field: "account", why });
            }
        }
        let mut nonce_key = [0; 32];
        getrandom::fill(&mut nonce_key)
            .map_err(|error| ConfigError::System(Arc::new(error.into())))?;
        for (field, size) in [("send queue", self.send_queue), ("update queue", self.update_queue)]
        {
            if size == 0 {
                return Err(ConfigError::Invalid { field, why: "must have room for one".into() });
            }
        }
        let name = self.name.trim();
        let realname = if name.is_empty() { DEFAULT_NAME } else { name };
        let settings = Settings {
            host,
            port,
            nick,
            realname: cut(&printable(realname), REALNAME_BYTES_MAX).to_owned(),
            rooms,
            keys,
            history: self.history,
            password: self.password.map(Password),
            account: self
                .account
                .map(|(name, password)| Account::new(name, Password(password), nonce_key)),
            nonce_key,
            reconnect: self.reconnect,
            timeouts: self.timeouts,
            send_queue: self.send_queue,
            update_queue: self.update_queue,
        };
        Ok((settings, self.listener.unwrap_or_else(|| Box::new(PrintListener::stdout()))))
    }
}

/// A link into a room, if that is where the server is to be found.
fn read_link(server: &str) -> Result<Option<Link>, ConfigError> {
    let invalid = |why: String| ConfigError::Invalid { field: "address", why: why.into() };
    match server.parse::<Link>() {
        Ok(link) if link.is_secure => {
            Err(invalid("is spoken over TLS, which this program does not do yet".into()))
        }
        Ok(link) => Ok(Some(link)),
        // An address.
        Err(LinkError::Scheme) => Ok(None),
        Err(LinkError::NoRoom) if server.trim().starts_with("irc://") => Ok(None),
        Err(error) => Err(invalid(error.to_string())),
    }
}

/// Whether a key can be sent as one.
pub(crate) fn is_key(key: &str) -> bool {
    let is_sign = |c: char| !c.is_whitespace() && c != ',' && !c.is_control();
    !key.is_empty() && !key.starts_with(':') && key.len() <= 128 && key.chars().all(is_sign)
}

/// The nick for any name: itself if it is one, one made from it, or `USR`.
fn nick_from_name(name: &str) -> Nick {
    Nick::new(name.trim())
        .ok()
        .or_else(|| nick_from_display_name(name))
        .unwrap_or_else(|| Nick::new(DEFAULT_NAME).expect("a valid nick"))
}

/// A room's name, with the `#` that people leave out.
pub(crate) fn room_name(room: &str) -> String {
    if room.starts_with('#') { room.to_owned() } else { format!("#{room}") }
}

/// `HOST`, `HOST:PORT`, `[V6]:PORT`, a bare IPv6 address, or nothing for this computer.
fn parse_server(server: &str) -> Result<(String, u16), ConfigError> {
    let invalid = |why: String| ConfigError::Invalid { field: "address", why: why.into() };
    let server = server.trim();
    let server = server.strip_prefix("irc://").unwrap_or(server).trim_end_matches('/');
    let (host, port) = if let Some(v6) = server.strip_prefix('[') {
        let (host, rest) =
            v6.split_once(']').ok_or_else(|| invalid(format!("{server} lacks a ]")))?;
        (host, rest.strip_prefix(':').or_else(|| (!rest.is_empty()).then_some(rest)))
    } else if server.matches(':').count() > 1 {
        (server, None)
    } else {
        match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        }
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            invalid(format!("has no port {port}: it is a number from 1 to 65535"))
        })?,
        None => DEFAULT_PORT,
    };
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err(invalid(format!("{host:?} is no host name")));
    }
    let host = if host.is_empty() { "localhost" } else { host };
    Ok((host.to_owned(), port))
}

/// The addresses of `host`, from the system. Blocks for as long as the system takes.
pub(crate) fn resolve(host: &str, port: u16) -> std::io::Result<Vec<std::net::SocketAddr>> {
    let mut addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    // Servers here listen on IPv4 unless told otherwise.
    addresses.sort_by_key(std::net::SocketAddr::is_ipv6);
    addresses.dedup();
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("", "localhost", 53000),
            ("  ", "localhost", 53000),
            (":6667", "localhost", 6667),
            ("example.org", "example.org", 53000),
            ("example.org:", "example.org", 53000),
            ("example.org:6667", "example.org", 6667),
            ("irc://example.org:6667/", "example.org", 6667),
            ("192.168.1.5:1", "192.168.1.5", 1),
            ("::1", "::1", 53000),
            ("[::1]", "::1", 53000),
            ("[::1]:7000", "::1", 7000),
        ] {
            assert_eq!(parse_server(text).unwrap(), (host.to_owned(), port), "{text:?}");
        }
        for text in ["host:0", "host:65536", "host:abc", "[::1", "a b", "a/b", "[::1]x"] {
            assert!(parse_server(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_name_gives_a_nick() {
        for (name, nick) in [
            ("Ann", "Ann"),
            ("", "USR"),
            ("!!", "USR"),
            ("Niccolò Rossi", "Niccolo_Rossi"),
            ("[x]", "[x]"),
        ] {
            assert_eq!(nick_from_name(name).as_str(), nick);
        }
    }
}
