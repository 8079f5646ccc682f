//! Many connections to one server in one epoll loop.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::dialect::{Dialect, Heard};
use crate::PATIENCE;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Connections to one server, and where each of them is.
#[derive(Debug)]
pub struct Crowd {
    pub(super) dialect: Dialect,
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    /// The number in the first one's name.
    first_name: usize,
    buffer: Vec<u8>,
    pub(super) bytes_read: u64,
}

#[derive(Debug)]
struct Member {
    stream: TcpStream,
    /// The beginning of something that is not whole.
    rest: Vec<u8>,
    /// Bytes that the socket has not taken.
    unsent: Vec<u8>,
    /// Steps that are done: coming in, entering a room.
    n_done: usize,
}

/// The way a crowd comes.
#[derive(Debug, Clone, Copy)]
pub struct Connecting {
    /// Connections that may be on their way in at once: some servers listen with a short queue.
    pub at_once: usize,
}

impl Crowd {
    /// Nobody yet; names are numbered from `first_name`, since no two at one server have the same.
    ///
    /// # Errors
    /// If the system has no epoll for it.
    pub fn new(dialect: Dialect, first_name: usize) -> io::Result<Self> {
        Ok(Self {
            dialect,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            members: Vec::new(),
            first_name,
            buffer: vec![0; READ_BYTES],
            bytes_read: 0,
        })
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody has come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Lets `n_members` more connect and register, and waits until all are in.
    ///
    /// # Errors
    /// If one cannot connect, is refused, or they are not all in in time.
    pub fn come(
        &mut self,
        server: SocketAddr,
        n_members: usize,
        connecting: Connecting,
    ) -> io::Result<()> {
        let first = self.len();
        let mut n_in = first;
        while n_in < first + n_members {
            while self.len() < first + n_members && self.len() - n_in < connecting.at_once {
                self.connect(server)?;
            }
            self.turn(Some(PATIENCE), &mut |_, heard| {
                n_in += usize::from(*heard == Heard::Done);
            })?;
        }
        Ok(())
    }

    /// Starts one more connection; it says hello when it can.
    pub(super) fn connect(&mut self, server: SocketAddr) -> io::Result<()> {
        let mut stream = TcpStream::connect(server)?;
        // Or what is said would wait for the acknowledgement of what was said before.
        stream.set_nodelay(true)?;
        let who = self.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(who), interest)?;
        let unsent = self.dialect.hello(self.first_name + who);
        self.members.push(Member { stream, rest: Vec::new(), unsent, n_done: 0 });
        Ok(())
    }

    /// Lets each of `members` enter the room that `room_of` says, and waits until all are there and nothing
    /// more comes.
    ///
    /// # Errors
    /// If one is refused, or they are not all in in time.
    pub fn enter(&mut self, room_of: impl Fn(usize) -> Option<usize>) -> io::Result<()> {
        let at_once = 64;
        let mut coming = (0..self.len()).filter_map(|who| Some((who, room_of(who)?))).peekable();
        let mut n_open = 0;
        while n_open > 0 || coming.peek().is_some() {
            while n_open < at_once
                && let Some((who, room)) = coming.next()
            {
                let line = self.dialect.enter(room);
                self.send(who, &line)?;
                n_open += 1;
            }
            self.turn(Some(PATIENCE), &mut |_, heard| {
                n_open -= usize::from(*heard == Heard::Done);
            })?;
        }
        // Those who came first are still told of the last ones.
        while self.turn(Some(Duration::from_millis(100)), &mut |_, _| {})? {}
        Ok(())
    }

    /// Sends bytes of member `who`, now or when there is room.
    pub(super) fn send(&mut self, who: usize, bytes: &[u8]) -> io::Result<()> {
        let member = &mut self.members[who];
        member.unsent.extend_from_slice(bytes);
        member.flush()
    }

    /// Waits once, hears all there is, and tells `hear` of it; whether anything came in time.
    ///
    /// # Errors
    /// If a connection breaks or is refused, or nothing came for [`PATIENCE`].
    pub(super) fn turn(
        &mut self,
        timeout: Option<Duration>,
        hear: &mut impl FnMut(usize, &Heard<'_>),
    ) -> io::Result<bool> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            polled => polled?,
        }
        if self.events.is_empty() {
            if timeout.is_none_or(|timeout| timeout >= PATIENCE) {
                return Err(io::Error::new(ErrorKind::TimedOut, "nothing came for a long time"));
            }
            return Ok(false);
        }
        for event in &self.events {
            let who = event.token().0;
            let member = &mut self.members[who];
            if event.is_writable() {
                member.flush()?;
            }
            if event.is_readable() || event.is_read_closed() {
                let read = member.read(self.dialect, &mut self.buffer, &mut |heard| {
                    hear(who, heard);
                });
                self.bytes_read += read.map_err(|error| {
                    io::Error::new(error.kind(), format!("member {who}: {error}"))
                })?;
            }
        }
        Ok(true)
    }

    /// The steps that member `who` has done.
    pub(super) fn n_done(&self, who: usize) -> usize {
        self.members[who].n_done
    }

    /// Now, as near as a loop looks.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    pub(super) fn now() -> Instant {
        Instant::now()
    }
}

impl Member {
    fn flush(&mut self) -> io::Result<()> {
        let mut n_written = 0;
        while n_written < self.unsent.len() {
            match self.stream.write(&self.unsent[n_written..]) {
                Ok(n) => n_written += n,
                // Also before it is connected.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.unsent.drain(..n_written);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
        Ok(())
    }

    /// Reads until there is nothing more, as edges of readiness are told once. How many bytes it was.
    fn read(
        &mut self,
        dialect: Dialect,
        buffer: &mut [u8],
        hear: &mut impl FnMut(&Heard<'_>),
    ) -> io::Result<u64> {
        let mut bytes_read = 0;
        loop {
            let n_before = self.rest.len();
            buffer[..n_before].copy_from_slice(&self.rest);
            let n = match self.stream.read(&mut buffer[n_before..]) {
                Ok(0) => {
                    return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server closed"));
                }
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(bytes_read),
                Err(error) => return Err(error),
            };
            bytes_read += n as u64;
            let bytes = &buffer[..n_before + n];
            let mut at = 0;
            while let Some((heard, n_bytes)) = dialect.hear(&bytes[at..]) {
                at += n_bytes;
                match &heard {
                    Heard::Done => {
                        self.n_done += 1;
                        hear(&heard);
                    }
                    Heard::Ping(answer) => {
                        self.unsent.extend_from_slice(answer);
                        self.flush()?;
                    }
                    Heard::Refused(text) => {
                        let text = String::from_utf8_lossy(text);
                        let text = format!("the server refuses: {text}");
                        return Err(io::Error::new(ErrorKind::PermissionDenied, text));
                    }
                    Heard::Other => {}
                    heard => hear(heard),
                }
            }
            self.rest.clear();
            self.rest.extend_from_slice(&bytes[at..]);
            // A short read has emptied the socket; what comes later is told again (epoll(7), question 9).
            if n < buffer.len() - n_before {
                return Ok(bytes_read);
            }
        }
    }
}
