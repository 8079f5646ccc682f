//! What a connection's bytes are wrapped in: nothing, TLS, a WebSocket, or one in the other. Outside of
//! this file bytes are lines.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    sync::Arc,
};

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

use super::outbox::Outbox;
use crate::tls::fingerprint;

/// Bytes that may wait inside of TLS, beside the outbox: one record and its surroundings.
const TLS_BUFFER_BYTES: usize = 32 << 10;

/// A socket and what is around its bytes.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

impl Link {
    /// # Errors
    /// If TLS cannot begin.
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let begin = |config: &Arc<ServerConfig>| {
            let mut connection =
                ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
            connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
            Ok::<_, io::Error>(Box::new(connection))
        };
        let tls = tls.map(begin).transpose()?;
        Ok(Self { stream, tls })
    }

    /// The socket, for the poll.
    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether lines can be exchanged: handshakes are over.
    pub(super) fn is_established(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    /// Whether nobody between us can read it.
    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// The fingerprint of the certificate the peer has shown.
    pub(super) fn fingerprint(&self) -> Option<Arc<str>> {
        let certificates = self.tls.as_ref()?.peer_certificates()?;
        certificates.first().map(|certificate| fingerprint(certificate).into())
    }

    /// Reads into `buffer`; 0 at the end.
    ///
    /// # Errors
    /// As the socket's; a peer that breaks TLS has got an alert, as far as it takes one.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A peer that closes without saying so in TLS has closed all the same: whatever ends a
                // line here stands in the line.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            let processed = tls.process_new_packets();
            // Handshakes answer, and alerts tell why.
            let written = write_tls(tls, &mut self.stream);
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            written?;
        }
    }

    /// Writes what waits, as far as the peer takes it.
    ///
    /// # Errors
    /// As the socket's.
    pub(super) fn flush(&mut self, outbox: &mut Outbox) -> io::Result<()> {
        match &mut self.tls {
            None => outbox.flush(&self.stream),
            Some(tls) => loop {
                write_tls(tls, &mut self.stream)?;
                if tls.wants_write() || outbox.is_empty() {
                    return Ok(());
                }
                let before = outbox.waiting_bytes();
                outbox.flush(Filling(tls))?;
                if outbox.waiting_bytes() == before {
                    return Ok(());
                }
            },
        }
    }

    /// Whether something has been taken from the outbox and not by the socket.
    pub(super) fn has_unwritten(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Says that nothing more will come. A socket that is gone already shows when it is read.
    pub(super) fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = write_tls(tls, &mut self.stream);
        }
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

/// Writes records until there are none or the socket takes no more.
fn write_tls(tls: &mut ServerConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The plain side of TLS, which blocks when its buffer is full.
struct Filling<'a>(&'a mut ServerConnection);

impl Write for Filling<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.writer().write(bytes)? {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
