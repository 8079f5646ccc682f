//! A worker thread: owns its connections, turns bytes into inputs and deliveries into bytes.
//!
//! Only sockets wait. What the hub cannot take yet is kept here, and no further line is read until it
//! could; what the peer does not take is kept in its outbox, up to a bound. One write for each
//! connection a turn, however many lines it is.

mod delivering;
mod own;
mod reading;
mod writing;

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use slab::Slab;

use self::{
    delivering::Burst,
    own::{Arrival, HANDSHAKES_PER_TURN, READ_BYTES_MIN},
};
use super::{
    conn::{Conn, Flow, Told},
    link::Link,
    mailbox::{Mailbox, Order},
    outbox::Outbox,
    timers::{Tick, Timers},
    to_hub::ToHub,
};
use crate::{
    delivery::{Page, Reply},
    fanout::Fanout,
    hub::Door,
    ids::{ConnId, WorkerId},
    session::{Output, Session},
    settings::{Privacy, Settings},
    tls::TlsConfigs,
};
pub(crate) use own::Worker;

/// The token of the waker; connections have their slot.
pub(crate) const WAKER: Token = Token(usize::MAX);

/// Newcomers that are let in in one turn: who is there comes before who comes, however many those are.
const ARRIVALS_PER_TURN: usize = 128;

impl Worker {
    #[expect(clippy::disallowed_methods, reason = "its times are counted from its beginning")]
    pub(crate) fn new(
        id: WorkerId,
        settings: Arc<Settings>,
        tls: Option<TlsConfigs>,
        poll: Poll,
        mailbox: Arc<Mailbox>,
        hub: ToHub,
    ) -> Self {
        Self {
            id,
            settings,
            tls,
            poll,
            mailbox,
            hub,
            conns: Slab::new(),
            next_generation: 0,
            fanout: Fanout::default(),
            timers: Timers::new(Instant::now()),
            arrivals: VecDeque::new(),
            queued: VecDeque::new(),
            queued_newcomers: VecDeque::new(),
            dirty: Vec::new(),
            overfull: Vec::new(),
            read_buffer: Vec::new(),
            output: Output::default(),
            stopping: None,
        }
    }

    /// The thread.
    #[expect(clippy::disallowed_methods, reason = "this loop is where a worker's clock is read")]
    pub(crate) fn run(mut self) -> io::Result<()> {
        self.make_room();
        let mut events = Events::with_capacity(1024);
        let mut orders = Vec::new();
        while !self.has_finished(Instant::now()) {
            let timeout = self.poll_timeout(Instant::now());
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let now = Instant::now();
            for event in events.iter().filter(|event| event.token() != WAKER) {
                let slot = u32::try_from(event.token().0).expect("tokens are slots");
                self.note_readiness(slot, event);
            }
            self.hub.send_unsent(&self.mailbox);
            self.mailbox.take(&mut orders);
            self.carry_out_all(now, &mut orders);
            self.drive_queued(now);
            self.let_some_in(now);
            self.run_timers(now);
            self.meet_hub(now, &mut orders);
            self.flush_dirty(now);
        }
        Ok(())
    }

    /// Makes room for as much as is read at once.
    fn make_room(&mut self) {
        self.read_buffer.resize(self.settings.limits.inbox_bytes_max.max(READ_BYTES_MIN), 0);
    }

    fn poll_timeout(&self, now: Instant) -> Option<Duration> {
        let has_newcomers = !self.arrivals.is_empty() || !self.queued_newcomers.is_empty();
        let has_work = (has_newcomers || !self.queued.is_empty()) && self.hub.takes_more();
        if has_work || self.hub.is_expected() {
            return Some(Duration::ZERO);
        }
        let until_stop = self.stopping.map(|until| until.saturating_duration_since(now));
        let until_next = [self.timers.until_next(now), until_stop].into_iter().flatten().min()?;
        // Rounded up, since poll counts in milliseconds.
        Some(until_next + Duration::from_millis(1))
    }

    fn has_finished(&self, now: Instant) -> bool {
        self.stopping.is_some_and(|until| now >= until || self.conns.is_empty())
    }

    fn note_readiness(&mut self, slot: u32, event: &mio::event::Event) {
        let Some(conn) = self.conns.get_mut(slot as usize) else { return };
        conn.has_hung_up |= event.is_read_closed() || event.is_error();
        if event.is_readable() || conn.has_hung_up {
            conn.is_readable = true;
            self.queue(slot);
        }
        if event.is_writable() {
            self.mark_dirty(slot);
        }
    }

    // Orders.

    /// All orders, in their order; deliveries to one room that follow each other together.
    fn carry_out_all(&mut self, now: Instant, orders: &mut Vec<Order>) {
        let mut orders = orders.drain(..).peekable();
        let mut burst = Burst::default();
        while let Some(order) = orders.next() {
            let Order::Deliver(first) = order else {
                self.carry_out(now, order);
                continue;
            };
            burst.begin(first);
            while let Some(Order::Deliver(next)) = orders.next_if(|order| burst.has_room_for(order))
            {
                burst.add(next);
            }
            self.deliver(now, &mut burst);
        }
    }

    fn carry_out(&mut self, now: Instant, order: Order) {
        match order {
            Order::Accept { stream, gate, place } => {
                self.arrivals.push_back(Arrival { stream, gate, place });
            }
            Order::Admit { conn, nick } => {
                self.with_session(conn, |session, output| session.admit(now, &nick, output));
                self.set_timer(conn.slot);
            }
            Order::Close { conn, reason, label } => {
                if let Some(own) = self.own_mut(conn) {
                    own.is_reported = true;
                    self.say_goodbye(now, conn.slot, &reason, label.as_deref());
                }
            }
            Order::Deliver(delivery) => {
                let mut burst = Burst::default();
                burst.begin(delivery);
                self.deliver(now, &mut burst);
            }
            Order::Hold { conn } => {
                if let Some(own) = self.own_mut(conn) {
                    own.is_held = true;
                }
            }
            Order::Negotiate { conn, nick, label, subcommand, arguments } => {
                self.with_session(conn, |session, output| {
                    session.negotiate(&nick, label.as_deref(), &subcommand, &arguments, output);
                });
            }
            Order::Offer { conn, nick, before } => {
                self.with_session(conn, |session, output| session.offer(&nick, &before, output));
            }
            Order::PassOn { conn, address } => {
                let passed = self.own_mut(conn).map(|own| own.place.pass_on(address));
                if let Some(Err(reason)) = passed {
                    self.settings.metrics.turned_away_total.fetch_add(1, Ordering::Relaxed);
                    self.close(now, conn.slot, reason);
                }
            }
            Order::Release { conn } => {
                if let Some(own) = self.own_mut(conn) {
                    own.is_held = false;
                    self.queue(conn.slot);
                }
            }
            Order::Reply { conn, reply } => self.reply(conn, &reply),
            Order::Reload { settings } => {
                for (_, conn) in &mut self.conns {
                    conn.session.renew(&settings);
                }
                self.settings = settings;
                self.make_room();
                // Times may have become shorter.
                let slots: Vec<usize> = self.conns.iter().map(|(slot, _)| slot).collect();
                for slot in slots {
                    self.set_timer(u32::try_from(slot).expect("slots are u32"));
                }
            }
            Order::Stop => self.stop(now),
            Order::Subscribe { conn, room } => {
                if self.own_mut(conn).is_some() {
                    self.fanout.subscribe(conn, room);
                }
            }
            Order::Unsubscribe { conn, room } => {
                if self.own_mut(conn).is_some() {
                    self.fanout.unsubscribe(conn, room);
                }
            }
        }
    }

    /// Lets in who has arrived, as many as one turn has time for.
    fn let_some_in(&mut self, now: Instant) {
        for _ in 0..ARRIVALS_PER_TURN {
            // Behind as many handshakes as one turn has time for they wait as sockets, and need nothing else.
            let n_handshakes = self.queued_newcomers.len();
            if n_handshakes >= HANDSHAKES_PER_TURN || !self.hub.takes_more() {
                return;
            }
            let Some(arrival) = self.arrivals.pop_front() else { return };
            self.accept(now, arrival);
        }
    }

    fn accept(&mut self, now: Instant, Arrival { stream, gate, place }: Arrival) {
        let entry = self.conns.vacant_entry();
        let slot = u32::try_from(entry.key()).expect("fewer connections than descriptors");
        let id = ConnId { worker: self.id, generation: self.next_generation, slot };
        self.next_generation = self.next_generation.wrapping_add(1);
        let tls = self.tls.as_ref().filter(|_| gate.is_tls);
        let tls = tls.map(|tls| if gate.is_web_socket { &tls.web_socket } else { &tls.irc });
        let web_socket_of = Some(&self.settings).filter(|_| gate.is_web_socket);
        let stream = TcpStream::from_std(stream);
        let Ok(mut link) = Link::new(stream, place.is_proxys(), tls, web_socket_of) else { return };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(link.socket(), Token(entry.key()), interest).is_err() {
            // Out of memory for it: dropping the stream closes it, and the place is given back.
            return;
        }
        let settings = Arc::clone(&self.settings);
        let privacy = match (gate.is_tls, place.is_proxys()) {
            // Whose a proxy passes on is not known yet.
            (false, true) => Privacy::Open,
            (is_tls, _) => Privacy::of(is_tls, place.address()),
        };
        let session = Session::new(gate.door, id, settings, privacy, now, &mut self.output);
        entry.insert(Box::new(Conn {
            generation: id.generation,
            link,
            door: gate.door,
            is_opened: false,
            session,
            outbox: Outbox::default(),
            told_outbox: Told::default(),
            told_inbox: Told::default(),
            is_readable: true,
            has_hung_up: false,
            has_ended: false,
            is_held: false,
            flow: Flow::Open,
            is_queued: false,
            is_dirty: false,
            is_reported: false,
            owes_page: false,
            timer: None,
            later_timer: None,
            place,
        }));
        let metrics = &self.settings.metrics;
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        metrics.connections_total.fetch_add(1, Ordering::Relaxed);
        self.open_established(now, slot);
        self.take_output(now, slot);
        self.set_timer(slot);
        self.queue(slot);
    }

    fn reply(&mut self, conn: ConnId, reply: &Reply) {
        let Some(own) = self.own_mut(conn) else { return };
        if own.is_closing() {
            return;
        }
        own.outbox.write_lines(|tail| own.session.write_reply(reply, tail));
        own.owes_page |= matches!(reply.page, Page::More { .. });
        self.mark_dirty(conn.slot);
    }

    /// The server ends: whoever is not on their way out yet came too late to be told by the hub.
    fn stop(&mut self, now: Instant) {
        self.stopping = Some(now + self.settings.limits.close_timeout);
        // Who has not been let in yet is told too.
        while let Some(arrival) = self.arrivals.pop_front() {
            self.accept(now, arrival);
        }
        let slots: Vec<usize> = self.conns.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.close(now, u32::try_from(slot).expect("slots are u32"), crate::STOPPING);
        }
    }

    // The way to the hub.

    /// Lets the hub take what it has been sent, if it is free, and does what comes of it for this worker.
    fn meet_hub(&mut self, now: Instant, orders: &mut Vec<Order>) {
        if self.hub.meet(self.id, &self.mailbox) {
            self.mailbox.take(orders);
            self.carry_out_all(now, orders);
        }
    }

    fn run_timers(&mut self, now: Instant) {
        let tick = self.timers.tick(now);
        let due: Vec<(Tick, u32)> = std::iter::from_fn(|| self.timers.pop_due(tick)).collect();
        for (at, slot) in due {
            // An earlier entry has taken the place of others, or another connection that of this one.
            let conn = self.conns.get_mut(slot as usize);
            let Some(conn) = conn.filter(|conn| conn.timer == Some(at)) else { continue };
            conn.timer = conn.later_timer.take();
            match conn.flow {
                Flow::Throttled(until) if until <= tick => conn.flow = Flow::Open,
                Flow::Closing(until) if until <= tick => {
                    self.remove(slot, "");
                    continue;
                }
                _ => {}
            }
            if !conn.is_opened && conn.door == Door::Text {
                // Nobody whom the hub does not know can be given a name.
                self.close(now, slot, "You said nothing in time");
                continue;
            }
            if !conn.is_closing() {
                let mut output = std::mem::take(&mut self.output);
                let conn = &mut self.conns[slot as usize];
                conn.session.handle_deadline(now, &mut output);
                self.output = output;
                self.take_output(now, slot);
                self.queue(slot);
            }
            self.set_timer(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{
        config::{Config, Limits},
        net::{
            admission::Admission,
            hub_executor::tests::{Scene, scene},
            listener_kind::ListenerKind,
        },
    };

    #[test]
    #[expect(clippy::disallowed_methods, reason = "time goes on by itself here")]
    fn who_is_there_comes_before_who_comes() {
        let Scene { hub_executor, inputs, mailbox, poll, .. } = scene();
        let settings = Settings::new(&Config::default(), 1);
        let hub = ToHub::new(inputs, Arc::new(hub_executor));
        let mut worker = Worker::new(WorkerId(0), settings, None, poll, mailbox, hub);
        worker.make_room();
        let now = Instant::now();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let admission = Admission::new(&Limits::default().unlimited(), 1, 1);
        let arrive = |door| {
            let client = std::net::TcpStream::connect(address).unwrap();
            let (stream, from) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let place = admission.admit(from.ip()).unwrap();
            (
                client,
                Order::Accept { stream, gate: ListenerKind { door, ..ListenerKind::IRC }, place },
            )
        };
        // Of these the hub does not know yet, as of all whose handshakes are not over.
        let crowd = (0..2 * HANDSHAKES_PER_TURN).map(|_| arrive(Door::Http));
        let (_crowd, mut orders): (Vec<_>, Vec<_>) = crowd.unzip();
        worker.carry_out_all(now, &mut orders);
        assert_eq!(worker.conns.len(), 0, "they wait");
        worker.let_some_in(now);
        worker.let_some_in(now);
        assert_eq!(worker.conns.len(), HANDSHAKES_PER_TURN, "others when these have had a turn");
        let people = (0..2 * ARRIVALS_PER_TURN).map(|_| arrive(Door::Irc));
        let (_people, mut orders): (Vec<_>, Vec<_>) = people.unzip();
        worker.carry_out_all(now, &mut orders);
        worker.drive_queued(now);
        worker.let_some_in(now);
        assert_eq!((worker.queued.len(), worker.queued_newcomers.len()), (0, HANDSHAKES_PER_TURN));
        worker.drive_queued(now);
        worker.let_some_in(now);
        assert_eq!((worker.queued.len(), worker.queued_newcomers.len()), (ARRIVALS_PER_TURN, 0));
        assert_eq!(worker.poll_timeout(now), Some(Duration::ZERO), "the others need no event");
        worker.carry_out_all(now, &mut vec![Order::Stop]);
        let n_all = 2 * HANDSHAKES_PER_TURN + 2 * ARRIVALS_PER_TURN;
        assert_eq!(worker.conns.len(), n_all, "who has not been let in yet is told of the end too");
        assert!(worker.conns.iter().all(|(_, conn)| conn.is_closing()));
    }
}
