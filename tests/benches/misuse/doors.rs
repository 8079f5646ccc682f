//! Rows at the doors: those who dribble, hold handshakes open, or break them.

use std::{
    io::{ErrorKind, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use super::{Misuse, PACE, Scene, pause_until};

/// Bytes that TLS may keep for a handshake, and those a line or the head of a request may have.
const HANDSHAKE_BYTES: u64 = 64 * 1024;
const LINE_BYTES: u64 = 16 * 1024;

/// The beginning of a ClientHello of 512 bytes.
const HELLO: [u8; 9] = [22, 3, 1, 2, 0, 1, 0, 1, 252];

const LINES: Misuse = Misuse { n_conns: 1000, bytes_each: LINE_BYTES, ..Misuse::NONE };
const HANDSHAKES: Misuse = Misuse { bytes_each: HANDSHAKE_BYTES, ..LINES };

pub(super) const ROWS: &[Misuse] = &[
    Misuse { bytes_each: 0, ..Misuse::NONE },
    Misuse {
        name: "slowloris at the IRC door",
        act: |scene| scene.dribble(scene.doors.irc, b"NICK "),
        ..LINES
    },
    Misuse {
        name: "slowloris at the TLS door",
        act: |scene| scene.dribble(scene.doors.tls, &HELLO),
        ..HANDSHAKES
    },
    Misuse {
        name: "slowloris at the WebSocket door",
        act: |scene| scene.dribble(scene.doors.web_socket, b"GET / HTTP/1.1\r\nX-Slow: "),
        ..LINES
    },
    Misuse {
        name: "slowloris at the HTTP door",
        act: |scene| scene.dribble(scene.doors.http, b"GET /health HTTP/1.1\r\nX-Slow: "),
        ..LINES
    },
    Misuse {
        name: "slowloris at the text door",
        act: |scene| scene.dribble(scene.doors.text, b""),
        ..LINES
    },
    Misuse {
        name: "1,000 half-open handshakes",
        act: |scene| scene.begin_handshakes(),
        ..HANDSHAKES
    },
    Misuse {
        name: "handshakes that are cut or none",
        n_conns: 1,
        act: |scene| scene.break_handshakes(),
        ..HANDSHAKES
    },
];

impl Scene<'_> {
    /// Each connection sends a byte ten times a second, and what it begins never ends.
    fn dribble(&self, door: SocketAddr, first: &[u8]) {
        let mut conns: Vec<TcpStream> = (0..self.n_conns).map(|_| open(door)).collect();
        self.ready();
        let start = Instant::now();
        for round in 0.. {
            for conn in &mut conns {
                let byte = first.get(round).copied().unwrap_or(b'x');
                match conn.write(&[byte]) {
                    Ok(_) => {
                        self.count();
                    }
                    // Who is thrown out comes again.
                    Err(error) if is_closed(&error) => *conn = open(door),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("{error}"),
                }
            }
            pause_until(start, Duration::from_millis(100) * (round as u32 + 1));
            if !self.goes_on() {
                return;
            }
        }
    }

    fn begin_handshakes(&self) {
        let mut conns: Vec<TcpStream> = (0..self.n_conns).map(|_| open(self.doors.tls)).collect();
        for conn in &mut conns {
            conn.write_all(&HELLO).unwrap();
            self.count();
        }
        self.ready();
        let start = Instant::now();
        for n in 0.. {
            pause_until(start, PACE * n);
            if !self.goes_on() {
                return;
            }
        }
    }

    fn break_handshakes(&self) {
        self.ready();
        let beginnings = [&b"NICK a\r\n"[..], &HELLO, &[0; 100], &[22, 3, 0, 0, 1, 1], b""];
        for beginning in beginnings.iter().cycle() {
            // Refused or reset: the next one, then.
            if let Ok(mut conn) = TcpStream::connect(self.doors.tls) {
                let _ = conn.write_all(beginning);
                self.count();
            }
            if !self.goes_on() {
                return;
            }
        }
    }
}

fn open(door: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(door).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}

fn is_closed(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}
