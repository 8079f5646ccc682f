//! A socket, with TLS around its bytes or without.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{IpAddr, Shutdown},
    sync::Arc,
};

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

use super::proxy::ProxyHeader;
use crate::tls::fingerprint;

/// Bytes that may wait inside of TLS, beside the outbox: two records.
const TLS_BUFFER_BYTES: usize = 32 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Socket,
    tls: Option<Box<ServerConnection>>,
}

/// A socket, with what a proxy says before its bytes.
#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    /// Of a proxy's connection: few are.
    proxied: Option<Box<Proxied>>,
}

#[derive(Debug, Default)]
struct Proxied {
    /// The proxy's header, while not all of it has come.
    header: Option<ProxyHeader>,
    /// What came with it and has not been read.
    rest: Vec<u8>,
    /// Whose connection it turned out to be.
    source: Option<IpAddr>,
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(proxied) = &mut self.proxied else { return self.stream.read(buffer) };
        while let Some(header) = &mut proxied.header {
            let mut bytes = [0; 512];
            let n = self.stream.read(&mut bytes)?;
            if n == 0 {
                return Ok(0);
            }
            if let Some(told) = header.push(&bytes[..n])? {
                proxied.header = None;
                proxied.source = told.source;
                proxied.rest = told.rest;
            }
        }
        if proxied.rest.is_empty() {
            return self.stream.read(buffer);
        }
        let n = proxied.rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&proxied.rest[..n]);
        proxied.rest.drain(..n);
        Ok(n)
    }
}

impl Wire {
    /// # Errors
    /// If TLS cannot begin.
    pub(super) fn new(
        stream: TcpStream,
        is_proxied: bool,
        tls: Option<&Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        let begin = |config: &Arc<ServerConfig>| {
            let mut connection =
                ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
            connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
            Ok::<_, io::Error>(Box::new(connection))
        };
        let tls = tls.map(begin).transpose()?;
        let proxied = is_proxied.then(|| {
            Box::new(Proxied { header: Some(ProxyHeader::default()), ..Proxied::default() })
        });
        let stream = Socket { stream, proxied };
        Ok(Self { stream, tls })
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.stream.stream
    }

    /// Whose connection it is, once a proxy has said so.
    pub(super) fn take_source(&mut self) -> Option<IpAddr> {
        self.stream.proxied.as_mut()?.source.take()
    }

    pub(super) fn is_established(&self) -> bool {
        let has_header = self.stream.proxied.as_ref().is_some_and(|own| own.header.is_some());
        !has_header && self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    pub(super) fn is_plain(&self) -> bool {
        self.tls.is_none() && self.stream.proxied.is_none()
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn fingerprint(&self) -> Option<Arc<str>> {
        let certificates = self.tls.as_ref()?.peer_certificates()?;
        certificates.first().map(|certificate| fingerprint(certificate).into())
    }

    /// Whether something was taken that the socket has not.
    pub(super) fn has_unwritten(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Says that nothing more will come. A socket that is gone already shows when it is read.
    pub(super) fn finish(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = write_tls(tls, &mut self.stream.stream);
        }
        let _ = self.stream.stream.shutdown(Shutdown::Write);
    }
}

impl Read for Wire {
    /// A peer that breaks TLS has got an alert, as far as it takes one.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
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
            let written = write_tls(tls, &mut self.stream.stream);
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            written?;
        }
    }
}

impl Write for Wire {
    /// Blocks when neither the socket nor TLS takes anything.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.stream.write(bytes) };
        write_tls(tls, &mut self.stream.stream)?;
        match tls.writer().write(bytes)? {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            n => {
                write_tls(tls, &mut self.stream.stream)?;
                Ok(n)
            }
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.tls.is_none() {
            return self.stream.stream.write_vectored(slices);
        }
        // TLS copies what it is given, so that one piece after the other costs no more.
        slices.iter().find(|slice| !slice.is_empty()).map_or(Ok(0), |slice| self.write(slice))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tls.as_mut().map_or(Ok(()), |tls| write_tls(tls, &mut self.stream.stream))
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
