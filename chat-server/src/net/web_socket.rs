//! Lines in the messages of a WebSocket (<https://ircv3.net/specs/extensions/websocket>): one line a
//! message, without its line break.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use http::{HeaderValue, Request, StatusCode, header, uri::Authority};
use tungstenite::{
    Error, Message,
    handshake::server::{create_response, write_response},
    protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext, frame::coding::CloseCode},
};

use super::{outbox::Outbox, wire::Wire};
use crate::settings::Settings;

/// The subprotocols. Without one, messages are text, as all lines here are.
const TEXT: &str = "text.ircv3.net";
const BINARY: &str = "binary.ircv3.net";

/// Bytes of the request that opens a WebSocket.
const REQUEST_BYTES_MAX: usize = 8 << 10;

/// Bytes of one message from a client; more than any line may have, so that one that is too long is
/// answered like any other.
const MESSAGE_BYTES_MAX: usize = 15 << 10;

/// Bytes that may wait inside, beside the outbox.
const WRITE_BUFFER_BYTES: usize = 32 << 10;

/// Headers of a request.
const HEADERS_MAX: usize = 64;

/// A WebSocket (see the module).
#[derive(Debug)]
pub(super) struct WebSocket {
    settings: Arc<Settings>,
    state: State,
    has_unwritten: bool,
}

#[derive(Debug)]
enum State {
    /// The request so far.
    Opening(Vec<u8>),
    Open(Box<WebSocketContext>, Kind),
}

/// The kind of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

/// A socket that is read a few times: what makes no message takes its turn like everything else.
struct Share<'w> {
    wire: &'w mut Wire,
    n_reads_left: u8,
}

/// Reads that a message of any length needs.
const READS_PER_TURN: u8 = 5;

impl Read for Share<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.n_reads_left.checked_sub(1) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let n = self.wire.read(buffer)?;
        self.n_reads_left = left;
        Ok(n)
    }
}

impl Write for Share<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wire.flush()
    }
}

fn empty_line(buffer: &mut [u8]) -> usize {
    buffer[0] = b'\n';
    1
}

/// A line without its line break; spaces at its end belong to it.
fn without_break(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    &line[..end.map_or(0, |end| end + 1)]
}

impl WebSocket {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, state: State::Opening(Vec::new()), has_unwritten: false }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(..))
    }

    pub(super) fn has_unwritten(&self) -> bool {
        self.has_unwritten
    }

    /// Reads one line into `buffer`, with a line break; 0 at the end.
    pub(super) fn read(&mut self, wire: &mut Wire, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_open() && !self.open(wire, buffer)? {
            return Ok(0);
        }
        let State::Open(context, _) = &mut self.state else { return Ok(0) };
        let mut share = Share { wire, n_reads_left: READS_PER_TURN };
        let message = match context.read(&mut share) {
            Ok(message) => message,
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(0),
            // There is more, and nothing yet that makes a message: a line without anything, so that it is
            // paid for.
            Err(Error::Io(error))
                if error.kind() == io::ErrorKind::WouldBlock && share.n_reads_left == 0 =>
            {
                return Ok(empty_line(buffer));
            }
            Err(Error::Io(error)) => return Err(error),
            Err(error) => {
                let code = match error {
                    Error::Capacity(_) => CloseCode::Size,
                    Error::Utf8(_) => CloseCode::Invalid,
                    _ => CloseCode::Protocol,
                };
                let reason = error.to_string().into();
                // It is over; whether it still hears why is not ours to say.
                let _ = context.close(share.wire, Some(CloseFrame { code, reason }));
                let _ = context.flush(share.wire);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        };
        let line = match &message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            // Answers to pings and to the end are made inside.
            _ => return Ok(empty_line(buffer)),
        };
        // "clients MUST NOT include trailing `\r` or `\n` characters in the message", and some do.
        let line = without_break(line);
        let n = line.len();
        buffer[..n].copy_from_slice(line);
        // A message is a line, never two: a break inside is a byte that no line may have.
        buffer[..n].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'\r');
        buffer[n] = b'\n';
        Ok(n + 1)
    }

    /// Reads the request and answers it; false if it cannot be had, or the peer has gone.
    fn open(&mut self, wire: &mut Wire, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            let n = wire.read(buffer)?;
            let State::Opening(request) = &mut self.state else { return Ok(true) };
            if n == 0 {
                return Ok(false);
            }
            request.extend_from_slice(&buffer[..n]);
            let answered = match read_request(request) {
                Ok(None) if request.len() < REQUEST_BYTES_MAX => continue,
                Ok(None) => Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
                Ok(Some((read, n_read))) => self.accept(&read, wire).map(|kind| (kind, n_read)),
                Err(status) => Err(status),
            };
            match answered {
                Ok((kind, n_read)) => {
                    let State::Opening(request) = &mut self.state else { return Ok(true) };
                    let rest = request.split_off(n_read);
                    let context =
                        WebSocketContext::from_partially_read(rest, Role::Server, Some(config()));
                    self.state = State::Open(Box::new(context), kind);
                    return Ok(true);
                }
                Err(status) => {
                    let answer = format!(
                        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                    );
                    // A new socket has room for it; one that has not is not worth waiting for.
                    let _ = wire.write_all(answer.as_bytes());
                    return Ok(false);
                }
            }
        }
    }

    /// Accepts a request, or says with which status it is refused.
    fn accept(&self, request: &Request<()>, wire: &mut Wire) -> Result<Kind, StatusCode> {
        // A program that is no browser names no origin; a browser always does, and one.
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        if !origins.all(|origin| may_open(&self.settings.web_socket_origins, origin, request)) {
            return Err(StatusCode::FORBIDDEN);
        }
        let mut response = create_response(request).map_err(|_| StatusCode::BAD_REQUEST)?;
        let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let offered: Vec<&str> = offered
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        // "respecting the client's order of preference"
        let chosen =
            offered.iter().find_map(|wanted| [TEXT, BINARY].into_iter().find(|own| own == wanted));
        if let Some(chosen) = chosen {
            let value = HeaderValue::from_static(chosen);
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value);
        }
        let mut bytes = Vec::new();
        write_response(&mut bytes, &response).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        wire.write_all(&bytes).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(if chosen == Some(BINARY) { Kind::Binary } else { Kind::Text })
    }

    /// Writes the lines that wait, one a message.
    pub(super) fn flush(&mut self, wire: &mut Wire, outbox: &mut Outbox) -> io::Result<()> {
        let State::Open(context, kind) = &mut self.state else { return Ok(()) };
        loop {
            while let Some(line) = outbox.first_line() {
                let text = without_break(line);
                let message = match kind {
                    Kind::Text => match std::str::from_utf8(text) {
                        Ok(text) => Message::text(text),
                        // All lines of ours are text.
                        Err(_) => Message::binary(text.to_vec()),
                    },
                    Kind::Binary => Message::binary(text.to_vec()),
                };
                let n_bytes = line.len();
                match context.write(wire, message) {
                    Ok(()) => outbox.take(n_bytes),
                    Err(Error::WriteBufferFull(_)) => break,
                    // It was taken; what was before it could not all be sent.
                    Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                        outbox.take(n_bytes);
                        self.has_unwritten = true;
                        return Ok(());
                    }
                    Err(error) => return Err(broken(error)),
                }
            }
            match context.flush(wire) {
                Ok(()) => self.has_unwritten = false,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.has_unwritten = true;
                    return Ok(());
                }
                // The peer has closed, and knows that we do too.
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(()),
                Err(error) => return Err(broken(error)),
            }
            if outbox.first_line().is_none() {
                return Ok(());
            }
        }
    }

    pub(super) fn finish(&mut self, wire: &mut Wire) {
        if let State::Open(context, _) = &mut self.state {
            let reason = CloseFrame { code: CloseCode::Normal, reason: "".into() };
            // A peer that is gone already shows when it is read.
            let _ = context.close(wire, Some(reason));
            let _ = context.flush(wire);
        }
    }
}

/// Whether a page of that origin may open a WebSocket: one of those that are allowed, or where none are set, one of the
/// host that it asks for.
fn may_open(allowed: &[String], origin: &HeaderValue, request: &Request<()>) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    if !allowed.is_empty() {
        return allowed.iter().any(|own| own == "*" || own.eq_ignore_ascii_case(origin));
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    let page = origin.split_once("://").and_then(|(_, host)| host.parse::<Authority>().ok());
    host.zip(page).is_some_and(|(host, page)| host.host().eq_ignore_ascii_case(page.host()))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(WRITE_BUFFER_BYTES / 2)
        .max_write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::BrokenPipe.into(),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

/// The request at the start of `bytes` and how many of them it takes; `None` while it is not whole.
fn read_request(bytes: &[u8]) -> Result<Option<(Request<()>, usize)>, StatusCode> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let n_read = match parsed.parse(bytes).map_err(|_| StatusCode::BAD_REQUEST)? {
        httparse::Status::Complete(n_read) => n_read,
        httparse::Status::Partial => return Ok(None),
    };
    let mut request = Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default())
        .version(if parsed.version == Some(1) {
            http::Version::HTTP_11
        } else {
            http::Version::HTTP_10
        });
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    let request = request.body(()).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(Some((request, n_read)))
}
