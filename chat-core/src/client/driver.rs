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
    sync::{Arc, atomic::Ordering},
    thread::Builder,
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::{Receiver, Sender};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    address::resolve,
    settings::Settings,
    shared::{Control, Shared},
    state::{ClientState, Effect, Effects, Now, Request, later},
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
    connection: Connection,
    framer: Framer,
    outgoing: Outgoing,
    lookups: Lookups,
    read_buffer: Box<[u8]>,
}

/// Lines on their way to the system.
#[derive(Debug, Default)]
struct Outgoing {
    /// Bytes the system has not taken.
    unwritten: VecDeque<u8>,
    /// Counts of bytes ever queued at which a message is written.
    marks: VecDeque<(u64, SendId)>,
    n_queued: u64,
}

impl Outgoing {
    fn push(&mut self, bytes: Vec<u8>) {
        self.n_queued += bytes.len() as u64;
        self.unwritten.extend(bytes);
    }

    /// All that was pushed until now is a message.
    fn mark(&mut self, id: SendId) {
        self.marks.push_back((self.n_queued, id));
    }

    /// The next message that the system has taken all of.
    fn next_written(&mut self) -> Option<SendId> {
        let n_written = self.n_queued - self.unwritten.len() as u64;
        let (at, id) = *self.marks.front()?;
        if at > n_written {
            return None;
        }
        self.marks.pop_front();
        Some(id)
    }
}

/// Names of hosts that are looked up on threads of their own.
struct Lookups {
    done: (Sender<Resolved>, Receiver<Resolved>),
    /// The number of the one that is awaited; answers to earlier ones come too late.
    awaited: u64,
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
    ) -> Self {
        Self {
            poll,
            settings,
            shared,
            state,
            requests,
            control,
            connection: Connection::None,
            framer: Framer::new(SERVER_LINE_BYTES_MAX),
            outgoing: Outgoing::default(),
            lookups: Lookups { done: crossbeam_channel::unbounded(), awaited: 0 },
            read_buffer: vec![0; READ_BYTES].into_boxed_slice(),
        }
    }

    /// The thread. Whatever happens in it, the listener has its last call.
    pub(crate) fn run(mut self) {
        let ran = catch_unwind(AssertUnwindSafe(|| self.run_until_closed()));
        if ran.is_err() {
            // The panic hook has shown it.
            self.shared.gate.shut();
            let cause = ConnectError::Lost("this program has a fault".into());
            let closed = [Update::State(ConnectionState::Closed)];
            self.shared.note(&closed);
            self.shared.updates.push(&mut closed.into());
            self.shared.updates.close(CloseReason::Lost(Arc::new(cause)));
        }
    }

    fn run_until_closed(&mut self) {
        let mut events = Events::with_capacity(16);
        let mut effects = Effects::default();
        self.state.start(&mut effects);
        self.carry_out(read_clocks(), &mut effects);
        while !self.state.is_closed() {
            let timeout = self.timeout(read_clocks().mono);
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                // Without epoll there is nothing left to do but to say so.
                let now = read_clocks();
                self.lost(now, &error, &mut effects);
                self.state.quit(now, Duration::ZERO, &mut effects);
                self.carry_out(now, &mut effects);
                return;
            }
            let now = read_clocks();
            self.shared.is_notified.store(false, Ordering::SeqCst);
            for event in events.iter().filter(|event| event.token() == SOCKET) {
                self.on_socket(now, event, &mut effects);
            }
            self.take_control(now, &mut effects);
            self.take_requests(now, &mut effects);
            self.take_resolved(now, &mut effects);
            self.read(now, &mut effects);
            self.check_connecting(now, &mut effects);
            if self.next_deadline().is_some_and(|deadline| deadline <= now.mono) {
                self.state.handle_deadline(now, &mut effects);
                self.carry_out(now, &mut effects);
            }
            self.pump(now, &mut effects);
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
        self.state.next_deadline(self.outgoing.unwritten.len() < UNWRITTEN_BYTES_MAX)
    }

    /// The server takes nothing of what it is sent.
    fn is_overfull(&self) -> bool {
        self.outgoing.unwritten.len() > UNREAD_BYTES_MAX
    }

    // The program.

    fn take_control(&mut self, now: Now, effects: &mut Effects) {
        while let Ok(control) = self.control.try_recv() {
            match control {
                Control::Quit { within } => {
                    // What was asked before is done before.
                    self.take_requests(now, effects);
                    self.state.quit(now, within, effects);
                }
                Control::ReconnectNow => self.state.reconnect_now(effects),
            }
            self.carry_out(now, effects);
        }
    }

    fn take_requests(&mut self, now: Now, effects: &mut Effects) {
        while !self.is_overfull() && !self.requests.is_empty() {
            // What comes of some is carried out together, or each would wake the listener's thread.
            for request in self.requests.try_iter().take(REQUESTS_AT_ONCE) {
                self.state.request(now, request, effects);
            }
            self.carry_out(now, effects);
        }
    }

    /// Turns waiting messages into lines as fast as the system takes them.
    fn pump(&mut self, now: Now, effects: &mut Effects) {
        while self.outgoing.unwritten.len() < UNWRITTEN_BYTES_MAX && self.state.has_unwritten() {
            let before = self.outgoing.n_queued;
            self.state.pump(now, UNWRITTEN_BYTES_MAX, effects);
            self.carry_out(now, effects);
            if self.outgoing.n_queued == before {
                return;
            }
        }
    }

    // Connecting.

    fn look_up(&mut self, now: Now, effects: &mut Effects) {
        self.lookups.awaited += 1;
        self.connection = Connection::Resolving;
        let address = self.settings.server.clone();
        let (tell, shared, lookup) =
            (self.lookups.done.0.clone(), Arc::clone(&self.shared), self.lookups.awaited);
        let thread = Builder::new().name("chat-core-dns".into()).spawn(move || {
            let addresses = resolve(&address);
            // The driver holds the other end until it has ended.
            let _ = tell.send(Resolved { lookup, addresses });
            shared.wake();
        });
        if let Err(error) = thread {
            let error = self.not_found(error);
            self.fail(now, error, effects);
        }
    }

    fn take_resolved(&mut self, now: Now, effects: &mut Effects) {
        while let Ok(Resolved { lookup, addresses }) = self.lookups.done.1.try_recv() {
            if lookup != self.lookups.awaited || !matches!(self.connection, Connection::Resolving) {
                continue;
            }
            match addresses {
                Ok(addresses) if addresses.is_empty() => {
                    let error = self.not_found(io::ErrorKind::NotFound.into());
                    self.failed(now, error, effects);
                }
                Ok(addresses) => self.connect_next(now, addresses.into(), None, effects),
                Err(error) => {
                    let error = self.not_found(error);
                    self.failed(now, error, effects);
                }
            }
        }
    }

    fn not_found(&self, error: io::Error) -> ConnectError {
        let host = self.settings.server.host.as_str().into();
        ConnectError::Resolve { host, source: Arc::new(error) }
    }

    /// Tries the next address; `last` is why the one before failed.
    fn connect_next(
        &mut self,
        now: Now,
        mut others: VecDeque<SocketAddr>,
        last: Option<ConnectError>,
        effects: &mut Effects,
    ) {
        let Some(address) = others.pop_front() else {
            let nothing = ConnectError::Lost("there is no address to connect to".into());
            return self.failed(now, last.unwrap_or(nothing), effects);
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
                self.connect_next(now, others, Some(error), effects);
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

    fn check_connecting(&mut self, now: Now, effects: &mut Effects) {
        let Connection::Connecting { until, .. } = &self.connection else { return };
        if now.mono < *until {
            return;
        }
        if let Connection::Connecting { address, others, .. } =
            std::mem::replace(&mut self.connection, Connection::Resolving)
        {
            let error = ConnectError::Timeout(self.connect_timeout(address));
            self.connect_next(now, others, Some(error), effects);
        }
    }

    fn on_socket(&mut self, now: Now, event: &mio::event::Event, effects: &mut Effects) {
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
                self.finish_connecting(now, outcome, effects);
            }
            Connection::Open { is_readable, .. } => {
                *is_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                if event.is_writable() {
                    self.flush(now, effects);
                    self.carry_out(now, effects);
                }
            }
            Connection::None | Connection::Resolving => {}
        }
    }

    fn finish_connecting(&mut self, now: Now, outcome: io::Result<()>, effects: &mut Effects) {
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
                self.outgoing = Outgoing::default();
                self.connection = Connection::Open { stream, is_readable: true };
                self.state.connected(now, effects);
                self.carry_out(now, effects);
            }
            Err(error) => {
                let error = ConnectError::Io { address, source: Arc::new(error) };
                self.connect_next(now, others, Some(error), effects);
            }
        }
    }

    fn failed(&mut self, now: Now, error: ConnectError, effects: &mut Effects) {
        self.fail(now, error, effects);
        self.carry_out(now, effects);
    }

    /// Tells the state that the connection is gone; what comes of it is carried out by the caller.
    fn fail(&mut self, now: Now, error: ConnectError, effects: &mut Effects) {
        self.connection = Connection::None;
        self.state.disconnected(now, error, effects);
    }

    // Reading and writing.

    /// Reads once, so that the program and the clock are looked at between two reads.
    fn read(&mut self, now: Now, effects: &mut Effects) {
        let Connection::Open { stream, is_readable } = &mut self.connection else { return };
        if !*is_readable || self.outgoing.unwritten.len() > UNREAD_BYTES_MAX {
            return;
        }
        match stream.read(&mut self.read_buffer) {
            Ok(0) => {
                let cause = ConnectError::Lost("the server closed it".into());
                self.failed(now, cause, effects);
            }
            Ok(n) => {
                self.framer.push(&self.read_buffer[..n]);
                self.take_lines(now, effects);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => *is_readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.lost(now, &error, effects),
        }
    }

    fn take_lines(&mut self, now: Now, effects: &mut Effects) {
        while let Some(framed) = self.framer.pull() {
            match framed {
                Framed::Line(bytes) => {
                    // Nearly all lines are text, and need no copy to become it.
                    match std::str::from_utf8(bytes) {
                        Ok(text) => self.state.line(now, text, effects),
                        Err(_) => {
                            self.state.line(now, &String::from_utf8_lossy(bytes), effects);
                        }
                    }
                }
                Framed::TooLong { bytes } => effects.tell(Update::Notice {
                    code: None,
                    text: format!(
                        "a line of {bytes} bytes from the server was too long to be read"
                    )
                    .into(),
                }),
            }
            // What follows is of a connection that is no more.
            if !self.state.is_connected() {
                break;
            }
        }
        self.carry_out(now, effects);
    }

    fn lost(&mut self, now: Now, error: &io::Error, effects: &mut Effects) {
        self.failed(now, why_lost(error), effects);
    }

    fn flush(&mut self, now: Now, effects: &mut Effects) {
        let Connection::Open { stream, .. } = &mut self.connection else { return };
        let unwritten = &mut self.outgoing.unwritten;
        while !unwritten.is_empty() {
            match stream.write(unwritten.as_slices().0) {
                Ok(n) => {
                    unwritten.drain(..n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.fail(now, why_lost(&error), effects),
            }
        }
        while let Some(id) = self.outgoing.next_written() {
            self.state.written(id, effects);
        }
    }

    // What the state wants.

    /// Does what the state wants, one after the other, until nothing is left of it.
    fn carry_out(&mut self, now: Now, effects: &mut Effects) {
        let mut updates = Vec::with_capacity(effects.len());
        let (mut n_settled, mut settled_bytes, mut closed) = (0, 0, None);
        while !effects.is_empty() {
            let mut has_written = false;
            while let Some(effect) = effects.next() {
                match effect {
                    Effect::Close(reason) => {
                        // From here on nothing can be queued, so what is told next is the last of it.
                        self.shared.gate.shut();
                        while let Ok(request) = self.requests.try_recv() {
                            self.state.request(now, request, effects);
                        }
                        closed = Some(reason);
                    }
                    Effect::Connect => self.look_up(now, effects),
                    Effect::Disconnect => {
                        // A socket that is gone cannot be told that we are.
                        if let Connection::Open { stream, .. } = &mut self.connection {
                            let _ = stream.shutdown(std::net::Shutdown::Both);
                        }
                        self.connection = Connection::None;
                    }
                    Effect::Mark(id) => self.outgoing.mark(id),
                    Effect::Settle { bytes } => {
                        n_settled += 1;
                        settled_bytes += bytes;
                    }
                    Effect::Tell(update) => updates.push(update),
                    Effect::Write(bytes) => {
                        self.outgoing.push(bytes);
                        has_written = true;
                    }
                }
            }
            if has_written {
                self.flush(now, effects);
            }
        }
        self.shared.publish(self.state.rooms(), self.state.waiting_bytes());
        self.shared.gate.settle(n_settled, settled_bytes);
        self.shared.note(&updates);
        self.shared.updates.push(&mut updates);
        if let Some(reason) = closed {
            self.shared.updates.close(reason);
        }
    }
}

fn why_lost(error: &io::Error) -> ConnectError {
    let what = match error.kind() {
        io::ErrorKind::ConnectionReset => "it was reset".to_owned(),
        io::ErrorKind::BrokenPipe => "it was closed".to_owned(),
        _ => error.to_string(),
    };
    ConnectError::Lost(what.into())
}

#[expect(clippy::disallowed_methods, reason = "this is where the client's clocks are read")]
fn read_clocks() -> Now {
    Now { mono: Instant::now(), wall: SystemTime::now() }
}
