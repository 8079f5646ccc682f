//! The acceptor thread: owns the listening sockets, turns away who has no place, and hands the others
//! to their workers.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ipnet::IpNet;
use mio::{Events, Interest, Poll, Token, net::TcpListener};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::{
    admission::Admission,
    listener_kind::ListenerKind,
    mailbox::{Mailbox, Order},
};
use crate::{hub::Door, metrics::Metrics, session::irc_error};

/// Connections the kernel holds until they are accepted: a whole classroom at once, and more.
const BACKLOG: i32 = 4096;

/// The pause after an accept that failed for want of descriptors or memory.
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Connections accepted before they are handed over, if so many wait.
const ACCEPTED_AT_ONCE: usize = 32;

/// The token of the waker; listeners have their index.
pub(crate) const WAKER: Token = Token(usize::MAX);

pub(crate) struct Acceptor {
    pub(crate) poll: Poll,
    pub(crate) listeners: Vec<(TcpListener, ListenerKind)>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) is_stopping: Arc<AtomicBool>,
    /// The connections for each worker that have not been handed over.
    pub(crate) accepted: Vec<Vec<Order>>,
    /// The number of connections that have been accepted.
    pub(crate) n_accepted: usize,
}

/// Opens a listening socket. An IPv6 wildcard listens to IPv6 alone, so that both can be asked for.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(listening(socket.into()))
}

/// A socket that listens, with the options that those it accepts have from it (tcp(7)): to set them for each would be
/// four calls for each connection.
pub(crate) fn listening(listener: std::net::TcpListener) -> TcpListener {
    let socket = socket2::SockRef::from(&listener);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15));
    // A socket that refuses an option works all the same.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    TcpListener::from_std(listener)
}

impl Acceptor {
    /// The thread.
    pub(crate) fn run(mut self) -> io::Result<()> {
        for (index, (listener, _)) in self.listeners.iter_mut().enumerate() {
            self.poll.registry().register(listener, Token(index), Interest::READABLE)?;
        }
        let mut events = Events::with_capacity(64);
        let mut wants_retry = false;
        while !self.is_stopping.load(Ordering::SeqCst) {
            match self.poll.poll(&mut events, wants_retry.then_some(RETRY_AFTER)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            // All of them: a listener that failed before has told of its connections already.
            wants_retry = false;
            for index in 0..self.listeners.len() {
                wants_retry |= self.accept_all(index);
            }
        }
        Ok(())
    }

    /// Accepts until nobody waits; whether it failed and is to be tried again.
    fn accept_all(&mut self, index: usize) -> bool {
        let wants_retry = loop {
            let (listener, gate) = &self.listeners[index];
            let gate = *gate;
            match listener.accept() {
                Ok((stream, address)) => {
                    self.admit(stream.into(), address, gate);
                    // A crowd is handed over at once, but does not wait for its last.
                    if self.n_accepted.is_multiple_of(ACCEPTED_AT_ONCE) {
                        self.hand_over();
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break false,
                    // The peer gave up while it waited; or a signal came.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    // Out of descriptors or memory: others may give some back.
                    _ => break true,
                },
            }
        };
        self.hand_over();
        wants_retry
    }

    /// Gives each worker the connections that are to be its own.
    fn hand_over(&mut self) {
        for (mailbox, orders) in self.mailboxes.iter().zip(&mut self.accepted) {
            mailbox.post(orders);
        }
    }

    fn admit(&mut self, mut stream: std::net::TcpStream, address: SocketAddr, gate: ListenerKind) {
        let is_proxied =
            self.proxies.iter().any(|proxy| proxy.contains(&address.ip().to_canonical()));
        // A proxy's own address says nothing; those it passes on are counted when they are known.
        let admitted = if is_proxied {
            self.admission.admit_proxy(address.ip())
        } else {
            self.admission.admit(address.ip())
        };
        let place = match admitted {
            Ok(place) => place,
            Err(reason) => {
                let mut goodbye = Vec::new();
                self.metrics.turned_away_total.fetch_add(1, Ordering::Relaxed);
                match gate.door {
                    // It would not be understood before the handshake.
                    _ if gate.is_tls || gate.is_web_socket => return,
                    Door::Irc => irc_error(reason, &mut goodbye),
                    Door::Http => goodbye.extend_from_slice(
                        b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n",
                    ),
                    Door::Text => goodbye.extend_from_slice(format!("! {reason}\r\n").as_bytes()),
                }
                // A new socket has room for a line; one that has not is not worth waiting for.
                let _ = stream.write(&goodbye);
                return;
            }
        };
        let worker = usize::from(place.worker().0);
        self.accepted[worker].push(Order::Accept { stream, gate, place });
        self.n_accepted += 1;
    }
}
