//! An IRC server, as a library first and as a program second.
//!
//! ```text
//!  socket ─▶ wire ─▶ session ─▶ hub ─▶ delivery ─▶ outbox ─▶ socket
//!           (worker thread ...)   (executor)   (worker thread ...)
//!                                 └─▶ room log ─▶ Appended ─▶ hub
//! ```
//!
//! [`Server::start`] gives a [`ServerHandle`]; several servers can live in one process. The library
//! installs no signal handler and no logger, keeps no global state, and joins every thread it starts.
//!
//! ```
//! use chat_server::{Config, Server};
//! let mut config = Config::default();
//! config.listen = vec!["127.0.0.1:0".into()];
//! let server = Server::start(config)?;
//! println!("listening on {}", server.addresses()[0]);
//! server.stop();
//! server.join()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`hub`] and [`session`] are pure and can be driven without a socket; [`room_log`] is the seam
//! behind which messages become durable.

pub mod auth;
pub mod config;
pub mod delivery;
pub mod event;
pub mod fanout;
pub mod history;
pub mod hub;
pub mod ids;
pub mod metrics;
mod net;
mod notation;
mod origin;
pub mod private_files;
mod public_address;
pub mod reaction;
pub mod record;
pub mod retention;
pub mod room_log;
pub mod search_words;
mod server;
pub mod session;
pub mod settings;
pub mod store;
mod tls;

pub use config::{Config, DEFAULT_PORT, Limits};
pub use event::ServerEvent;
pub use tls::{NamedCertificate, TlsSource};

pub use server::{
    HostAccount, Reloader, STOPPING, Server, ServerHandle, StartError, StopError, Stopper,
};
