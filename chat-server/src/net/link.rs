//! The layers around a connection's lines: bytes as they are, or the messages of a WebSocket; over
//! plain TCP or TLS ([`Wire`]). Outside of this file they are lines.

use std::{
    io::{self, Read, Write},
    net::IpAddr,
    sync::Arc,
};

use mio::net::TcpStream;
use rustls::ServerConfig;

use super::{outbox::Outbox, web_socket::WebSocket, wire::Wire};
use crate::settings::Settings;

/// A connection's layers (see the module).
#[derive(Debug)]
pub(super) struct Link {
    wire: Wire,
    web_socket: Option<Box<WebSocket>>,
}

impl Link {
    /// # Errors
    /// If TLS cannot begin.
    pub(super) fn new(
        stream: TcpStream,
        is_proxied: bool,
        tls: Option<&Arc<ServerConfig>>,
        web_socket_of: Option<&Arc<Settings>>,
    ) -> io::Result<Self> {
        let wire = Wire::new(stream, is_proxied, tls)?;
        let web_socket =
            web_socket_of.map(|settings| Box::new(WebSocket::new(Arc::clone(settings))));
        Ok(Self { wire, web_socket })
    }

    /// The socket, for the poll.
    pub(super) fn socket(&mut self) -> &mut TcpStream {
        self.wire.socket()
    }

    /// The address whose connection it is, once a proxy has said so.
    pub(super) fn take_source(&mut self) -> Option<IpAddr> {
        self.wire.take_source()
    }

    /// Whether bytes come as the socket has them: a read that comes up short has taken all.
    pub(super) fn is_plain(&self) -> bool {
        self.web_socket.is_none() && self.wire.is_plain()
    }

    /// Whether it is read by messages, which are not cut.
    pub(super) fn is_in_messages(&self) -> bool {
        self.web_socket.is_some()
    }

    /// Whether lines can be exchanged: handshakes are over.
    pub(super) fn is_established(&self) -> bool {
        self.wire.is_established()
            && self.web_socket.as_ref().is_none_or(|web_socket| web_socket.is_open())
    }

    /// Whether nobody between us can read it.
    pub(super) fn is_secure(&self) -> bool {
        self.wire.is_secure()
    }

    /// The fingerprint of the certificate the peer has shown.
    pub(super) fn fingerprint(&self) -> Option<Arc<str>> {
        self.wire.fingerprint()
    }

    /// Reads lines, or pieces of them, into `buffer`; 0 at the end.
    ///
    /// # Errors
    /// As the socket's, or that the peer breaks the rules of what is around the lines.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.web_socket {
            None => self.wire.read(buffer),
            Some(web_socket) => web_socket.read(&mut self.wire, buffer),
        }
    }

    /// Writes what waits, as far as the peer takes it.
    ///
    /// # Errors
    /// As the socket's.
    pub(super) fn flush(&mut self, outbox: &mut Outbox) -> io::Result<()> {
        match &mut self.web_socket {
            None => {
                outbox.flush(&mut self.wire)?;
                self.wire.flush()
            }
            Some(web_socket) => web_socket.flush(&mut self.wire, outbox),
        }
    }

    /// Whether something has been taken from the outbox and not by the socket.
    pub(super) fn has_unwritten(&self) -> bool {
        self.wire.has_unwritten()
            || self.web_socket.as_ref().is_some_and(|web_socket| web_socket.has_unwritten())
    }

    /// Says that nothing more will come.
    pub(super) fn finish(&mut self) {
        if let Some(web_socket) = &mut self.web_socket {
            web_socket.finish(&mut self.wire);
        }
        self.wire.finish();
    }
}
