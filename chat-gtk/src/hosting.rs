//! A server inside this program, for the room this window hosts.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use chat_server::{Config, HostAccount, Server, ServerHandle, StartError};

/// A running server and the addresses that lead to it.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) server: ServerHandle,
    /// For this window.
    pub(crate) own_address: SocketAddr,
    /// For everyone else.
    pub(crate) shared_address: SocketAddr,
    /// The account of the person at this window, who looks after the room.
    pub(crate) account: HostAccount,
}

/// Starts a server on the local network. Blocks for as long as the system takes.
pub(crate) fn start(port: u16) -> Result<Hosted, StartError> {
    let mut config = Config::default();
    config.listen = vec![format!("0.0.0.0:{port}")];
    let account = Server::host_account(&mut config)?;
    let server = Server::start_hosted(config)?;
    for warning in server.warnings() {
        // Nobody reads the error stream: nothing is lost but this.
        drop(writeln!(io::stderr(), "chat-gtk: {warning}"));
    }
    Ok(Hosted {
        own_address: server.own_address(),
        shared_address: server.shared_address(),
        account,
        server,
    })
}

/// Tells everyone and ends the server. Blocks until its threads are gone.
pub(crate) fn stop(hosted: Hosted) -> Result<(), String> {
    hosted.server.stop();
    hosted.server.join().map_err(|error| error.to_string())
}
