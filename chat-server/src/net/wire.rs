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

/// A connection's bytes, as TCP or TLS bring them (see the module).
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    /// Most connections have nothing around their bytes, and no memory for it.
    around: Option<Box<Around>>,
}

/// The layers around the bytes of a connection.
#[derive(Debug)]
struct Around {
    /// The header of a proxy's connection.
    proxied: Option<Proxied>,
    tls: Option<ServerConnection>,
}

/// A socket, with what a proxy says before its bytes.
struct Socket<'a> {
    stream: &'a mut TcpStream,
    proxied: &'a mut Option<Proxied>,
}

#[derive(Debug, Default)]
struct Proxied {
    /// The proxy's header, while not all of it has come.
    header: Option<ProxyHeader>,
    /// The bytes that came with it and have not been read.
    rest: Vec<u8>,
    /// The address whose connection it turned out to be.
    source: Option<IpAddr>,
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(proxied) = self.proxied else { return self.stream.read(buffer) };
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
            Ok::<_, io::Error>(connection)
        };
        let tls = tls.map(begin).transpose()?;
        let is_plain = !is_proxied && tls.is_none();
        let proxied = is_proxied.then(|| {
            let header = Some(ProxyHeader::default());
            Proxied { header, ..Proxied::default() }
        });
        let around = (!is_plain).then(|| Box::new(Around { proxied, tls }));
        Ok(Self { stream, around })
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    fn tls(&self) -> Option<&ServerConnection> {
        self.around.as_ref()?.tls.as_ref()
    }

    /// The address whose connection it is, once a proxy has said so.
    pub(super) fn take_source(&mut self) -> Option<IpAddr> {
        self.around.as_mut()?.proxied.as_mut()?.source.take()
    }

    pub(super) fn is_established(&self) -> bool {
        let Some(Around { proxied, tls }) = self.around.as_deref() else { return true };
        let has_header = proxied.as_ref().is_some_and(|own| own.header.is_some());
        !has_header && tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    pub(super) fn is_plain(&self) -> bool {
        self.around.is_none()
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls().is_some()
    }

    pub(super) fn fingerprint(&self) -> Option<Arc<str>> {
        let certificates = self.tls()?.peer_certificates()?;
        certificates.first().map(|certificate| fingerprint(certificate).into())
    }

    /// Whether something was taken that the socket has not.
    pub(super) fn has_unwritten(&self) -> bool {
        self.tls().is_some_and(|tls| tls.wants_write())
    }

    /// Says that nothing more will come. A socket that is gone already shows when it is read.
    pub(super) fn finish(&mut self) {
        if let Some(Around { tls: Some(tls), .. }) = self.around.as_deref_mut() {
            tls.send_close_notify();
            let _ = write_tls(tls, &mut self.stream);
        }
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Read for Wire {
    /// A peer that breaks TLS has got an alert, as far as it takes one.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { stream, around } = self;
        let Some(Around { proxied, tls }) = around.as_deref_mut() else {
            return stream.read(buffer);
        };
        let mut socket = Socket { stream, proxied };
        let Some(tls) = tls else { return socket.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A peer that closes without saying so in TLS has closed all the same: whatever ends a
                // line here stands in the line.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            if tls.read_tls(&mut socket)? == 0 {
                return Ok(0);
            }
            let processed = tls.process_new_packets();
            // Handshakes answer, and alerts tell why.
            let written = write_tls(tls, socket.stream);
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            written?;
        }
    }
}

impl Write for Wire {
    /// Blocks when neither the socket nor TLS takes anything.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(Around { tls: Some(tls), .. }) = self.around.as_deref_mut() else {
            return self.stream.write(bytes);
        };
        write_tls(tls, &mut self.stream)?;
        match tls.writer().write(bytes)? {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            n => {
                write_tls(tls, &mut self.stream)?;
                Ok(n)
            }
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.tls().is_none() {
            return self.stream.write_vectored(slices);
        }
        // TLS copies what it is given, so that one piece after the other costs no more.
        slices.iter().find(|slice| !slice.is_empty()).map_or(Ok(0), |slice| self.write(slice))
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.around.as_deref_mut() {
            Some(Around { tls: Some(tls), .. }) => write_tls(tls, &mut self.stream),
            _ => Ok(()),
        }
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
