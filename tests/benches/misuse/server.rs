//! The server of a row: started with what its store begins with, and looked at from outside.

use std::{
    fmt::Write,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_tests::{folder::TempFolder, program::Program};

use super::{Limits, Misuse, Store, others::ADDRESS};

/// An account that people log in to, and its password.
pub(super) const ACCOUNT: [&str; 2] = ["owner", "correct-horse"];

/// The addresses at which a server listens.
pub(super) struct Doors {
    pub(super) irc: SocketAddr,
    pub(super) tls: SocketAddr,
    pub(super) web_socket: SocketAddr,
    pub(super) http: SocketAddr,
    pub(super) text: SocketAddr,
}

pub(super) struct Server {
    pub(super) program: Program,
    pub(super) doors: Doors,
    /// The bytes its store had before it was started, with nothing in it.
    bytes_before: u64,
    folder: TempFolder,
}

impl Server {
    /// Starts the server of a row; with `scale` times less in its store.
    pub(super) fn start(misuse: &Misuse, scale: usize) -> Self {
        let name: String = misuse.name.chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = TempFolder::new(&format!("misuse-{name}"));
        let config = folder.path().join("chat-server.toml");
        let data = folder.path().join("data");
        let scale = scale as u64;
        fill(
            &data,
            &match misuse.store {
                Store::Empty | Store::Bounded(_) => String::new(),
                Store::Messages(n) => messages(n / scale),
                Store::Accounts(n) => accounts(n / scale),
            },
        );
        fs::write(&config, configuration(misuse)).unwrap();
        let free = "127.0.0.1:0";
        let mut program = Program::start(
            "chat-server",
            &[
                ["--config", config.to_str().unwrap()],
                ["--data", data.to_str().unwrap()],
                ["--listen", free],
                ["--tls-listen", free],
                ["--self-signed", folder.path().to_str().unwrap()],
                ["--websocket-listen", free],
                ["--http-listen", free],
                ["--text-listen", free],
            ]
            .concat(),
        );
        // In the order in which the server tells them.
        let [irc, tls, web_socket, http, text] = [(); 5].map(|()| program.expect_address());
        let doors = Doors { irc, tls, web_socket, http, text };
        Self { program, doors, bytes_before: bytes(&database(&folder)), folder }
    }

    /// The bytes of the database and its log.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        bytes(&database(&self.folder)) + bytes(&database(&self.folder).with_extension("db-wal"))
    }

    /// The bytes that are kept of all that was said: the server is stopped for it, so that none of them are in the
    /// database's log.
    pub(super) fn bytes_kept(&mut self) -> u64 {
        self.program.signal("TERM");
        self.program.wait();
        self.bytes_on_disk().saturating_sub(self.bytes_before)
    }
}

fn database(folder: &TempFolder) -> PathBuf {
    folder.path().join("data").join("chat.db")
}

fn bytes(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// The configuration of a row.
fn configuration(misuse: &Misuse) -> String {
    let exempt = |addresses: &str| format!("[limits]\nexempt-addresses = [\"{addresses}\"]\n");
    let at_once = "commands-at-once = 1e9\nexpensive-at-once = 1e9\n";
    let others = std::net::IpAddr::from(ADDRESS).to_string() + "/32";
    let mut text = match misuse.limits {
        Limits::Exempt => exempt("127.0.0.0/8") + at_once,
        Limits::OneAddress => exempt(&others) + at_once,
        // Those who talk do so faster than one may.
        Limits::Default => exempt(&others),
    };
    match misuse.store {
        Store::Empty | Store::Messages(_) => {}
        Store::Accounts(n) => {
            text.push_str(&format!("accounts = {}\nlasting-rooms = {}\n", 2 * n, 2 * n));
        }
        Store::Bounded(bytes) => {
            text.push_str(&format!("[retention]\ntotal-bytes = {bytes}\n"));
        }
    }
    text
}

/// Brings lines of an export into a store.
fn fill(data: &Path, lines: &str) {
    chat_server::store::import(data, &mut lines.trim_start().as_bytes(), &|_| Ok(())).unwrap();
}

/// Lines of `n_messages` in one room, whose words are also in others.
fn messages(n_messages: u64) -> String {
    let mut lines = r##"{"type":"conversation","names":["#big"]}"##.to_owned();
    for number in 0..n_messages {
        let at = 1_700_000_000_000 + number;
        let time = humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at));
        let words: Vec<String> =
            (1..8).map(|n| format!("wor{:x}", number.wrapping_mul(n * 7919) % 20_000)).collect();
        let text = words.join(" ");
        write!(
            lines,
            "\n{{\"type\":\"record\",\"time\":\"{time}\",\"msgid\":\"{at:011x}{number:013x}\",\"kind\":1,\"source\":\"a!b@c\",\"text\":\"{text}\"}}"
        )
        .unwrap();
    }
    lines
}

/// Lines of `n_accounts`, and of as many rooms of theirs; each of the accounts has read `#read`, which is [`ACCOUNT`]'s.
fn accounts(n_accounts: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (now, seconds) = (now.as_millis(), now.as_secs());
    let [owner, password] = ACCOUNT;
    let mut lines = String::new();
    let mut state = |path: &[&str], value: &str| {
        let path = path.join("\",\"");
        writeln!(lines, "{{\"type\":\"state\",\"path\":[\"{path}\"],\"value\":{value}}}").unwrap();
    };
    let account = |name: &str, number: &str| {
        format!("{{\"name\":\"{name}\",\"since\":{seconds},\"number\":\"{number}\"}}")
    };
    let room = |name: &str, founder: &str| {
        format!("{{\"name\":\"{name}\",\"founder\":\"{founder}\",\"founded\":{now}}}")
    };
    let hash = chat_server::auth::hash(password).unwrap();
    state(&["account", owner], &account(owner, &format!("{:016x}", 0)));
    let scram = chat_server::auth::scram_credentials(password).unwrap();
    let secret = format!("{{\"argon2\":\"{hash}\",\"scram\":\"{scram}\"}}");
    state(&["account", owner, "password"], &secret);
    state(&["room", "read"], &room("#read", owner));
    for n in 1..=n_accounts {
        let (name, number) = (format!("reader{n}"), format!("{n:016x}"));
        state(&["account", &name], &account(&name, &number));
        state(&["marker", &format!("={name}!{number}"), "#read"], &now.to_string());
        let founder = format!("reader{}", 1 + n / 50);
        state(&["room", &format!("r{n}")], &room(&format!("#room{n}"), &founder));
    }
    lines
}
