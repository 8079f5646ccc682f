//! Other people's servers, from Debian, each alone on an address of its own.

use std::{
    fs,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use socket2::{Domain, Socket, Type};

use crate::poll;

/// The make of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Make {
    /// <https://ngircd.barton.de>
    Ngircd,
    /// <https://www.inspircd.org>
    Inspircd,
}

impl Make {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ngircd, Self::Inspircd];

    /// The name of its program and of its package.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ngircd => "ngircd",
            Self::Inspircd => "inspircd",
        }
    }

    /// The command that somebody who has not registered is refused, of all they may ask, so that the answer can be
    /// told from others, and what stands in that answer. The number is that of the question.
    pub(crate) fn strangers_question(self, number: u32) -> (String, String) {
        match self {
            Self::Ngircd => (format!("CAP barrier-{number}"), format!("*barrier-{number} *")),
            // A `CAP` would hold up the registration.
            Self::Inspircd => ("TIME".to_owned(), "* 451 * TIME *".to_owned()),
        }
    }

    fn config(self, address: SocketAddr, folder: &Path) -> String {
        let template = match self {
            Self::Ngircd => include_str!("../data/peers/ngircd.conf"),
            Self::Inspircd => include_str!("../data/peers/inspircd.conf"),
        };
        template
            .replace("@IP@", &address.ip().to_string())
            .replace("@PORT@", &address.port().to_string())
            .replace("@FOLDER@", &folder.display().to_string())
    }
}

/// One that runs.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    pub(crate) make: Make,
    address: SocketAddr,
    folder: PathBuf,
}

/// Counts the peers of this process.
static N_STARTED: AtomicU16 = AtomicU16::new(0);

impl Peer {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    /// If its program is not installed, or does not listen in time.
    pub(crate) fn start(make: Make) -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        // An address that nobody else of this computer listens at, whichever ports they have.
        let port = 20_000 + N_STARTED.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from((Ipv4Addr::new(127, 53, high, low), port));
        let folder = std::env::temp_dir().join(format!("chat-{}-{port}-{high}-{low}", make.name()));
        fs::create_dir_all(&folder).expect("a folder can be made for the server");
        let config = folder.join("server.conf");
        fs::write(&config, make.config(address, &folder)).expect("a file can be written");
        let mut command = Command::new(PathBuf::from("/usr/sbin").join(make.name()));
        match make {
            Make::Ngircd => command.args(["--nodaemon", "--config"]).arg(config),
            Make::Inspircd => {
                command.args(["--nofork", "--nopid", "--runasroot", "--config"]).arg(config)
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("cannot start {}: {error}; `cargo xtask test` installs it", make.name())
        });
        let mut peer = Self { child, make, address, folder };
        peer.await_listening();
        peer
    }

    fn await_listening(&mut self) {
        let name = self.make.name();
        poll(|| match self.try_connect() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                let ended = self.child.try_wait().expect("a child can be waited for");
                assert!(ended.is_none(), "{name} has ended: {ended:?}");
                Err(format!("{name} does not listen at {}", self.address))
            }
            Err(error) => panic!("cannot connect to {name}: {error}"),
        });
    }

    /// Connects from where everybody comes from.
    pub(crate) fn connect(&self) -> TcpStream {
        self.try_connect().expect("the server listens")
    }

    fn try_connect(&self) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((IpAddr::from(Ipv4Addr::LOCALHOST), 0)).into())?;
        socket.connect(&self.address.into())?;
        Ok(socket.into())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself, and its folder is in the way of nobody.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
