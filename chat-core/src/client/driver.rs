//! The I/O thread: the only file of the client with sockets and clocks.
//!
//! Feeds the state with what the socket, the program and time bring, and carries out what it wants.
//! Everything is non-blocking; looking up a host's name is left to a thread of its own, because
//! the system offers no other way.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, atomic::Ordering},
    thread::Builder,
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, Sender};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    config::{Settings, resolve},
    queue::UpdateQueue,
    shared::{Control, Shared},
    state::{ClientState, Now, Outputs, Request, later},
};
use crate::{
    error::{CloseReason, ConnectError},
    update::{ConnectionState, SendId, Update},
    wire::{Framed, Framer, limits::SERVER_LINE_BYTES_MAX},
};

pub(crate) const WAKER: Token = Token(0);
const SOCKET: Token = Token(1);

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// Bytes that wait to be written before further messages are turned into lines.
const UNWRITTEN_BYTES_MAX: usize = 16 << 10;

/// Requests of the program that are taken at once: as many lines of theirs may wait beyond the bounds.
const REQUESTS_AT_ONCE: usize = 64;

/// Bytes that wait to be written before nothing is read or asked for any more: a server that makes us
/// answer and does not read the answers gets no more of them.
const UNREAD_BYTES_MAX: usize = 1 << 20;

/// Poll counts in milliseconds, and not far.
const POLL_MAX: Duration = Duration::from_secs(3600);

/// A connect to this computer or a private network either works at once or not at all.
const NEAR_CONNECT: Duration = Duration::from_secs(2);
const FAR_CONNECT: Duration = Duration::from_secs(15);

pub(crate) struct Driver {
    poll: Poll,
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    state: ClientState,
    requests: Receiver<Request>,
    control: Receiver<Control>,
    updates: Arc<UpdateQueue>,
    connection: Connection,
    framer: Framer,
    /// Bytes the system has not taken.
    unwritten: VecDeque<u8>,
    /// Counts of bytes ever written at which a message is written.
    marks: VecDeque<(u64, SendId)>,
    bytes_queued: u64,
    resolved: (Sender<Resolved>, Receiver<Resolved>),
    /// Which look-up is awaited; answers to earlier ones come too late.
    n_lookups: u64,
    read_buffer: Box<[u8]>,
}

struct Resolved {
    lookup: u64,
    addresses: io::Result<Vec<SocketAddr>>,
}

enum Connection {
    None,
    Resolving,
    Connecting {
        stream: TcpStream,
        address: SocketAddr,
        until: Instant,
        others: VecDeque<SocketAddr>,
    },
    Open {
        stream: TcpStream,
        is_readable: bool,
    },
}

impl Driver {
    pub(crate) fn new(
        poll: Poll,
        settings: Arc<Settings>,
        shared: Arc<Shared>,
        state: ClientState,
        requests: Receiver<Request>,
        control: Receiver<Control>,
        updates: Arc<UpdateQueue>,
    ) -> Self {
        Self {
            poll,
            settings,
            shared,
            state,
            requests,
            control,
            updates,
            connection: Connection::None,
            framer: Framer::new(SERVER_LINE_BYTES_MAX),
            unwritten: VecDeque::new(),
            marks: VecDeque::new(),
            bytes_queued: 0,
            resolved: crossbeam_channel::unbounded(),
            n_lookups: 0,
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
        }
    }

    /// The thread. Whatever happens in it, the listener has its last call.
    pub(crate) fn run(mut self) {
        let ran = catch_unwind(AssertUnwindSafe(|| self.run_until_closed()));
        if ran.is_err() {
            // The panic hook has shown it.
            *self.shared.is_closed.write().unwrap_or_else(PoisonError::into_inner) = true;
            let cause = ConnectError::Lost("this program has a fault".into());
            let closed = [Update::State(ConnectionState::Closed)];
            self.shared.note(&closed, 0);
            self.updates.push(&mut closed.into());
            self.updates.close(CloseReason::Lost(Arc::new(cause)));
        }
    }

    fn run_until_closed(&mut self) {
        let mut events = Events::with_capacity(16);
        let mut outputs = Outputs::default();
        self.state.start(&mut outputs);
        self.carry_out(read_clocks(), &mut outputs);
        while !self.state.is_closed() {
            let timeout = self.timeout(read_clocks().mono);
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                // Without epoll there is nothing left to do but to say so.
                let now = read_clocks();
                self.lost(now, &error, &mut outputs);
                self.state.quit(now, Duration::ZERO, &mut outputs);
                self.carry_out(now, &mut outputs);
                return;
            }
            let now = read_clocks();
            self.shared.is_notified.store(false, Ordering::SeqCst);
            for event in events.iter().filter(|event| event.token() == SOCKET) {
                self.on_socket(now, event, &mut outputs);
            }
            self.take_control(now, &mut outputs);
            self.take_requests(now, &mut outputs);
            self.take_resolved(now, &mut outputs);
            self.read(now, &mut outputs);
            self.check_connecting(now, &mut outputs);
            if self.next_deadline().is_some_and(|deadline| deadline <= now.mono) {
                self.state.handle_deadline(now, &mut outputs);
                self.carry_out(now, &mut outputs);
            }
            self.pump(now, &mut outputs);
        }
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        if matches!(self.connection, Connection::Open { is_readable: true, .. })
            && !self.is_overfull()
        {
            return Some(Duration::ZERO);
        }
        let connecting = match &self.connection {
            Connection::Connecting { until, .. } => Some(*until),
            _ => None,
        };
        let next = [self.next_deadline(), connecting].into_iter().flatten().min()?;
        // Rounded up, since poll counts in milliseconds.
        Some((next.saturating_duration_since(now) + Duration::from_millis(1)).min(POLL_MAX))
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.state.next_deadline(self.unwritten.len() < UNWRITTEN_BYTES_MAX)
    }

    /// The server takes nothing of what it is sent.
    fn is_overfull(&self) -> bool {
        self.unwritten.len() > UNREAD_BYTES_MAX
    }

    // The program.

    fn take_control(&mut self, now: Now, outputs: &mut Outputs) {
        while let Ok(control) = self.control.try_recv() {
            match control {
                Control::Quit { within } => {
                    // What was asked before is done before.
                    self.take_requests(now, outputs);
                    self.state.quit(now, within, outputs);
                }
                Control::ReconnectNow => self.state.reconnect_now(outputs),
            }
            self.carry_out(now, outputs);
        }
    }

    fn take_requests(&mut self, now: Now, outputs: &mut Outputs) {
        while !self.is_overfull() && !self.requests.is_empty() {
            // What comes of some is carried out together, or each would wake the listener's thread.
            for request in self.requests.try_iter().take(REQUESTS_AT_ONCE) {
                self.state.request(now, request, outputs);
            }
            self.carry_out(now, outputs);
        }
    }

    /// Turns waiting messages into lines as fast as the system takes them.
    fn pump(&mut self, now: Now, outputs: &mut Outputs) {
        while self.unwritten.len() < UNWRITTEN_BYTES_MAX && self.state.has_unwritten() {
            let before = self.bytes_queued;
            self.state.pump(now, UNWRITTEN_BYTES_MAX, outputs);
            self.carry_out(now, outputs);
            if self.bytes_queued == before {
                return;
            }
        }
    }

    // Connecting.

    fn look_up(&mut self, now: Now, outputs: &mut Outputs) {
        self.n_lookups += 1;
        self.connection = Connection::Resolving;
        let (host, port) = (self.settings.host.clone(), self.settings.port);
        let (tell, shared, lookup) =
            (self.resolved.0.clone(), Arc::clone(&self.shared), self.n_lookups);
        let thread = Builder::new().name("chat-core-dns".into()).spawn(move || {
            let addresses = resolve(&host, port);
            // The driver holds the other end until it has ended.
            let _ = tell.send(Resolved { lookup, addresses });
            shared.wake();
        });
        if let Err(error) = thread {
            self.not_found(now, error, outputs);
        }
    }

    fn take_resolved(&mut self, now: Now, outputs: &mut Outputs) {
        while let Ok(Resolved { lookup, addresses }) = self.resolved.1.try_recv() {
            if lookup != self.n_lookups || !matches!(self.connection, Connection::Resolving) {
                continue;
            }
            match addresses {
                Ok(addresses) if addresses.is_empty() => {
                    self.not_found(now, io::ErrorKind::NotFound.into(), outputs);
                }
                Ok(addresses) => self.connect_next(now, addresses.into(), None, outputs),
                Err(error) => self.not_found(now, error, outputs),
            }
        }
    }

    fn not_found(&mut self, now: Now, error: io::Error, outputs: &mut Outputs) {
        let host = self.settings.host.as_str().into();
        self.failed(now, ConnectError::Resolve { host, source: Arc::new(error) }, outputs);
    }

    /// Tries the next address; `last` is why the one before failed.
    fn connect_next(
        &mut self,
        now: Now,
        mut others: VecDeque<SocketAddr>,
        last: Option<ConnectError>,
        outputs: &mut Outputs,
    ) {
        let Some(address) = others.pop_front() else {
            let nothing = ConnectError::Lost("there is no address to connect to".into());
            return self.failed(now, last.unwrap_or(nothing), outputs);
        };
        let until = later(now.mono, self.connect_timeout(address));
        let begun = TcpStream::connect(address).and_then(|mut stream| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, SOCKET, interest)?;
            Ok(stream)
        });
        match begun {
            Ok(stream) => {
                self.connection = Connection::Connecting { stream, address, until, others };
            }
            Err(error) => {
                let error = ConnectError::Io { address, source: Arc::new(error) };
                self.connect_next(now, others, Some(error), outputs);
            }
        }
    }

    fn connect_timeout(&self, address: SocketAddr) -> Duration {
        let is_near = match address.ip().to_canonical() {
            std::net::IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            std::net::IpAddr::V6(ip) => {
                ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        };
        let default = if is_near { NEAR_CONNECT } else { FAR_CONNECT };
        self.settings.timeouts.connect.unwrap_or(default)
    }

    fn check_connecting(&mut self, now: Now, outputs: &mut Outputs) {
        let Connection::Connecting { until, .. } = &self.connection else { return };
        if now.mono < *until {
            return;
        }
        if let Connection::Connecting { address, others, .. } =
            std::mem::replace(&mut self.connection, Connection::Resolving)
        {
            let error = ConnectError::Timeout(self.connect_timeout(address));
            self.connect_next(now, others, Some(error), outputs);
        }
    }

    fn on_socket(&mut self, now: Now, event: &mio::event::Event, outputs: &mut Outputs) {
        match &mut self.connection {
            Connection::Connecting { stream, .. } => {
                let outcome = match stream.take_error() {
                    Ok(None) => match stream.peer_addr() {
                        Ok(_) => Ok(()),
                        // Not yet.
                        Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                        Err(error) => Err(error),
                    },
                    Ok(Some(error)) | Err(error) => Err(error),
                };
                self.finish_connecting(now, outcome, outputs);
            }
            Connection::Open { is_readable, .. } => {
                *is_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                if event.is_writable() {
                    self.flush(now, outputs);
                    self.carry_out(now, outputs);
                }
            }
            Connection::None | Connection::Resolving => {}
        }
    }

    fn finish_connecting(&mut self, now: Now, outcome: io::Result<()>, outputs: &mut Outputs) {
        let Connection::Connecting { stream, address, others, .. } =
            std::mem::replace(&mut self.connection, Connection::Resolving)
        else {
            return;
        };
        match outcome {
            Ok(()) => {
                // A socket that refuses the option works all the same.
                let _ = stream.set_nodelay(true);
                self.framer = Framer::new(SERVER_LINE_BYTES_MAX);
                self.unwritten.clear();
                self.marks.clear();
                self.connection = Connection::Open { stream, is_readable: true };
                self.state.connected(now, outputs);
                self.carry_out(now, outputs);
            }
            Err(error) => {
                let error = ConnectError::Io { address, source: Arc::new(error) };
                self.connect_next(now, others, Some(error), outputs);
            }
        }
    }

    fn failed(&mut self, now: Now, error: ConnectError, outputs: &mut Outputs) {
        self.connection = Connection::None;
        self.state.disconnected(now, error, outputs);
        self.carry_out(now, outputs);
    }

    // Reading and writing.

    /// Reads once, so that the program and the clock are looked at between two reads.
    fn read(&mut self, now: Now, outputs: &mut Outputs) {
        let Connection::Open { stream, is_readable } = &mut self.connection else { return };
        if !*is_readable || self.unwritten.len() > UNREAD_BYTES_MAX {
            return;
        }
        match stream.read(&mut self.read_buffer) {
            Ok(0) => {
                let cause = ConnectError::Lost("the server closed it".into());
                self.failed(now, cause, outputs);
            }
            Ok(n) => {
                self.framer.push(&self.read_buffer[..n]);
                self.take_lines(now, outputs);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => *is_readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.lost(now, &error, outputs),
        }
    }

    fn take_lines(&mut self, now: Now, outputs: &mut Outputs) {
        while let Some(framed) = self.framer.pull() {
            match framed {
                Framed::Line(bytes) => {
                    // Nearly all lines are text, and need no copy to become it.
                    match std::str::from_utf8(bytes) {
                        Ok(text) => self.state.line(now, text, outputs),
                        Err(_) => {
                            self.state.line(now, &String::from_utf8_lossy(bytes), outputs);
                        }
                    }
                }
                Framed::TooLong { bytes } => outputs.updates.push(Update::Notice {
                    code: None,
                    text: format!(
                        "a line of {bytes} bytes from the server was too long to be read"
                    )
                    .into(),
                }),
            }
            if outputs.disconnect || outputs.finish.is_some() {
                break;
            }
        }
        self.carry_out(now, outputs);
    }

    fn lost(&mut self, now: Now, error: &io::Error, outputs: &mut Outputs) {
        let what = match error.kind() {
            io::ErrorKind::ConnectionReset => "it was reset".to_owned(),
            io::ErrorKind::BrokenPipe => "it was closed".to_owned(),
            _ => error.to_string(),
        };
        self.failed(now, ConnectError::Lost(what.into()), outputs);
    }

    fn flush(&mut self, now: Now, outputs: &mut Outputs) {
        let Connection::Open { stream, .. } = &mut self.connection else { return };
        while !self.unwritten.is_empty() {
            match stream.write(self.unwritten.as_slices().0) {
                Ok(n) => {
                    self.unwritten.drain(..n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.lost(now, &error, outputs),
            }
        }
        let n_written = self.bytes_queued - self.unwritten.len() as u64;
        while let Some((at, id)) = self.marks.front().copied()
            && at <= n_written
        {
            self.marks.pop_front();
            self.state.written(id, outputs);
        }
    }

    // What the state wants.

    fn carry_out(&mut self, now: Now, outputs: &mut Outputs) {
        loop {
            if std::mem::take(&mut outputs.disconnect) {
                // A socket that is gone cannot be told that we are.
                if let Connection::Open { stream, .. } = &mut self.connection {
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                }
                self.connection = Connection::None;
            }
            if !outputs.bytes.is_empty() {
                let marks = outputs.marks.drain(..);
                self.marks.extend(marks.map(|(at, id)| (self.bytes_queued + at as u64, id)));
                self.bytes_queued += outputs.bytes.len() as u64;
                self.unwritten.extend(outputs.bytes.drain(..));
                self.flush(now, outputs);
            }
            let is_connecting = std::mem::take(&mut outputs.connect);
            if is_connecting {
                self.look_up(now, outputs);
            }
            if outputs.bytes.is_empty() && !outputs.disconnect && !outputs.connect {
                break;
            }
        }
        self.shared.note(&outputs.updates, std::mem::take(&mut outputs.n_settled));
        let finish = outputs.finish.take();
        if finish.is_some() {
            // From here on nothing can be queued, so what is told next is the last of it.
            *self.shared.is_closed.write().unwrap_or_else(PoisonError::into_inner) = true;
            while let Ok(request) = self.requests.try_recv() {
                self.state.request(now, request, outputs);
            }
            self.shared.note(&outputs.updates, std::mem::take(&mut outputs.n_settled));
        }
        self.updates.push(&mut outputs.updates);
        if let Some(reason) = finish {
            self.updates.close(reason);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the client's clocks are read")]
fn read_clocks() -> Now {
    Now { mono: Instant::now(), wall: SystemTime::now() }
}
