//! The servers that are measured: ours, and other people's from Debian, each with nothing in its configuration
//! that would slow it down.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::{Connecting, Dialect, Process};
use crate::{PATIENCE, folder::TempFolder, program::Program};

/// The way our server is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is kept.
    Memory,
    /// All is on disk before anybody sees it.
    Durable,
    /// Nothing is kept, and TLS is spoken.
    Tls,
}

/// A server to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Ours.
    Ours(Mode),
    /// <https://www.inspircd.org>
    Inspircd,
    /// <https://mosquitto.org>
    Mosquitto,
    /// <https://nats.io>
    Nats,
    /// <https://ngircd.barton.de>
    Ngircd,
    /// <https://redis.io>
    Redis,
}

impl Peer {
    /// Other people's.
    pub const OTHERS: [Self; 5] =
        [Self::Inspircd, Self::Ngircd, Self::Redis, Self::Nats, Self::Mosquitto];

    /// As it stands in tables, and the name of its program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours(Mode::Memory) => "chat",
            Self::Ours(Mode::Durable) => "chat-durable",
            Self::Ours(Mode::Tls) => "chat-tls",
            Self::Inspircd => "inspircd",
            Self::Mosquitto => "mosquitto",
            Self::Nats => "nats-server",
            Self::Ngircd => "ngircd",
            Self::Redis => "redis-server",
        }
    }

    /// The dialect it speaks.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Ours(_) | Self::Inspircd | Self::Ngircd => Dialect::Irc(""),
            Self::Mosquitto => Dialect::Mqtt,
            Self::Nats => Dialect::Nats,
            Self::Redis => Dialect::Redis,
        }
    }

    /// The number of members that may come at once: ngIRCd and mosquitto listen with a short queue.
    #[must_use]
    pub fn connecting(self) -> Connecting {
        let at_once = match self {
            Self::Ngircd => 8,
            Self::Mosquitto => 64,
            _ => 1000,
        };
        Connecting { at_once }
    }

    /// The path of its program, if it is installed.
    #[must_use]
    pub fn program(self) -> Option<PathBuf> {
        let folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];
        let found = folders.map(|folder| PathBuf::from(folder).join(self.name()));
        match self {
            Self::Ours(_) => Some(crate::program::path("chat-server")),
            _ => found.into_iter().find(|path| path.exists()),
        }
    }

    fn config(self, address: SocketAddr, folder: &str) -> String {
        let template = match self {
            Self::Ours(_) => "unlimited = true\nauto-join = false\nmax-clients = 100000\n",
            Self::Inspircd => include_str!("../../data/peers/load/inspircd.conf"),
            Self::Mosquitto => include_str!("../../data/peers/load/mosquitto.conf"),
            Self::Nats => include_str!("../../data/peers/load/nats-server.conf"),
            Self::Ngircd => include_str!("../../data/peers/load/ngircd.conf"),
            Self::Redis => include_str!("../../data/peers/load/redis-server.conf"),
        };
        template
            .replace("@IP@", &address.ip().to_string())
            .replace("@PORT@", &address.port().to_string())
            .replace("@FOLDER@", folder)
    }
}

/// One that runs.
#[derive(Debug)]
pub struct Subject {
    /// The kind of server it is.
    pub peer: Peer,
    /// The address at which it listens.
    pub address: SocketAddr,
    /// From being started to listening.
    pub start_time: Duration,
    program: Program,
    folder: TempFolder,
}

impl Subject {
    /// Starts one and waits until it listens.
    ///
    /// # Errors
    /// If it is not installed, or does not listen in time; with what it complains of.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    pub fn start(peer: Peer) -> io::Result<Self> {
        let folder = TempFolder::new("load");
        let path = folder.path().to_str().expect("temporary folders have plain names");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        drop(listener);
        let config = folder.path().join("server.conf");
        fs::write(&config, peer.config(address, path))?;
        let not_installed = || io::Error::new(ErrorKind::NotFound, "it is not installed");
        let mut command = Command::new(peer.program().ok_or_else(not_installed)?);
        match peer {
            Peer::Ours(mode) => {
                command.arg("--config").arg(&config);
                if mode == Mode::Tls {
                    // The other door is anywhere.
                    command.args(["--listen", "127.0.0.1:0", "--tls-listen"]);
                } else {
                    command.arg("--listen");
                }
                command.arg(address.to_string());
                match mode {
                    Mode::Memory => command.arg("--in-memory"),
                    Mode::Durable => command.arg("--data").arg(folder.path().join("data")),
                    Mode::Tls => command.arg("--in-memory").arg("--self-signed").arg(path),
                }
            }
            Peer::Inspircd => {
                command.args(["--nofork", "--nopid", "--runasroot", "--config"]).arg(&config)
            }
            Peer::Mosquitto | Peer::Nats => command.arg("-c").arg(&config),
            Peer::Ngircd => command.args(["--nodaemon", "--config"]).arg(&config),
            Peer::Redis => command.arg(&config),
        };
        let start = Instant::now();
        let mut program = Program::run(peer.name(), &mut command);
        let pauses = crossbeam_channel::tick(Duration::from_millis(1));
        let deadline = crossbeam_channel::after(PATIENCE);
        while deadline.is_empty() {
            match TcpStream::connect(address) {
                Ok(_) => {
                    let start_time = start.elapsed();
                    return Ok(Self { peer, address, start_time, program, folder });
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
            if program.has_ended() {
                let (said, complained) = (program.rest().join("; "), program.errors());
                let text = format!("it has ended; it said {said:?} and {complained:?}");
                return Err(io::Error::other(text));
            }
            // The clock goes on as long as its receiver is there.
            let _ = pauses.recv();
        }
        Err(io::Error::new(ErrorKind::TimedOut, "it does not listen"))
    }

    /// The folder in which it keeps its files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// As the kernel knows it.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.program.id())
    }
}
