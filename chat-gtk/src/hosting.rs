//! A server inside this program, for the room this window hosts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use chat_server::{Config, Server, ServerHandle, StartError};

/// A running server and the addresses that lead to it.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) server: ServerHandle,
    /// For this window.
    pub(crate) own_address: SocketAddr,
    /// For everyone else.
    pub(crate) shared_address: SocketAddr,
}

/// Starts a server on the local network. Blocks for as long as the system takes.
pub(crate) fn start(port: u16) -> Result<Hosted, StartError> {
    let mut config = Config::default();
    config.listen = vec![format!("0.0.0.0:{port}")];
    let server = Server::start(config)?;
    let port = server.addresses()[0].port();
    let own_address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let shared_address = SocketAddr::new(network_address(), port);
    Ok(Hosted { server, own_address, shared_address })
}

/// The address this computer has in its network.
fn network_address() -> IpAddr {
    // Connecting a datagram socket sends nothing; it only asks the system which way it would go.
    let own = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    own.map_or(Ipv4Addr::LOCALHOST.into(), |own| own.ip())
}

/// Tells everyone and ends the server. Blocks until its threads are gone.
pub(crate) fn stop(hosted: Hosted) -> Result<(), String> {
    hosted.server.stop();
    hosted.server.join().map_err(|error| error.to_string())
}
