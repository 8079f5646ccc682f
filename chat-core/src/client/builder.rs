//! The builder: everything that can be set about a client, with its default.

use std::{collections::HashMap, sync::Arc};

use super::{
    address::{parse_server, read_link},
    budget::MemoryBudget,
    chat_client::ChatClient,
    retry::ReconnectPolicy,
    settings::{Account, Bounds, DEFAULT_NAME, HistoryPolicy, Password, Settings, Timeouts},
    words::{is_key, room_name},
};
use crate::{
    error::{ConfigError, ConnectError},
    listener::{Listener, PrintListener},
    proto::{Nick, RoomName, cut, nick_from_display_name},
    text::printable,
};

/// The bytes that are sent of a long name, so that it fits on the line it is sent on.
const REALNAME_BYTES_MAX: usize = 300;

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
    bounds: Bounds,
}

impl std::fmt::Debug for ChatClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatClientBuilder").field("server", &self.server).finish_non_exhaustive()
    }
}

impl ChatClient {
    /// Says how a client is to be: the server as `HOST[:PORT]` (empty: this computer, port 53000),
    /// and the name of whoever uses it, any text.
    pub fn builder(server: impl Into<String>, name: impl Into<String>) -> ChatClientBuilder {
        ChatClientBuilder::new(server.into(), name.into())
    }
}

impl ChatClientBuilder {
    fn new(server: String, name: String) -> Self {
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
            bounds: Bounds { requests: 256, updates: 65_536, memory: MemoryBudget::default() },
        }
    }

    /// The listener that is told what happens; without it, it is printed.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// A room to be in, from the start and after every reconnect. The `#` may be left out.
    pub fn join(mut self, room: impl Into<String>) -> Self {
        self.rooms.push(room.into());
        self
    }

    /// A room to be in, from the start and after every reconnect, with its key or what stands in a link into it.
    pub fn join_with_key(mut self, room: impl Into<String>, key: impl Into<String>) -> Self {
        let room = room.into();
        self.keys.insert(room.clone(), key.into());
        self.join(room)
    }

    /// The policy for what was said before: how much of it is asked for.
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

    /// The policy for when the connection is lost.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// The times that things may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The number of requests that may wait to be sent (default 256).
    pub fn send_queue(mut self, requests: usize) -> Self {
        self.bounds.requests = requests;
        self
    }

    /// The number of updates that may wait for the listener (default 65,536).
    pub fn update_queue(mut self, updates: usize) -> Self {
        self.bounds.updates = updates;
        self
    }

    /// The memory that everything that waits may take together (default 64 MiB): [`MemoryBudget`] says what becomes of what
    /// there is no place for.
    pub fn memory(mut self, budget: MemoryBudget) -> Self {
        self.bounds.memory = budget;
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
        let server = parse_server(&self.server)?;
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
        for (field, size) in
            [("send queue", self.bounds.requests), ("update queue", self.bounds.updates)]
        {
            if size == 0 {
                return Err(ConfigError::Invalid { field, why: "must have room for one".into() });
            }
        }
        if self.bounds.memory.bytes() < MemoryBudget::BYTES_MIN {
            let why = format!("is {} bytes at least", MemoryBudget::BYTES_MIN).into();
            return Err(ConfigError::Invalid { field: "memory", why });
        }
        let name = self.name.trim();
        let realname = if name.is_empty() { DEFAULT_NAME } else { name };
        let settings = Settings {
            server,
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
            bounds: self.bounds,
        };
        Ok((settings, self.listener.unwrap_or_else(|| Box::new(PrintListener::stdout()))))
    }
}

/// The nick for any name: itself if it is one, one made from it, or `USR`.
fn nick_from_name(name: &str) -> Nick {
    Nick::new(name.trim())
        .ok()
        .or_else(|| nick_from_display_name(name))
        .unwrap_or_else(|| Nick::new(DEFAULT_NAME).expect("a valid nick"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
