//! The flow of a crowd's messages, and whether everyone hears them: each message once, whole, in order, in its room.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    net::SocketAddr,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::{
    Process, cpu_of_this_thread,
    crowd::{Connecting, Crowd},
    dialect::{Dialect, Heard},
    payload,
};
use crate::PATIENCE;

/// Rooms and who is in them. All rooms are alike.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The number of rooms.
    pub rooms: usize,
    /// People who only listen, in each room.
    pub receivers: usize,
    /// People who speak, in each room; in IRC they hear each other.
    pub senders: usize,
    /// Messages that each of them has on their way at most: one leaves when everybody has it.
    pub window: usize,
}

impl Shape {
    fn room_size(self) -> usize {
        self.receivers + self.senders
    }

    /// Connections that it takes.
    #[must_use]
    pub fn n_members(self) -> usize {
        self.rooms * self.room_size()
    }

    /// The number of members who hear each message.
    #[must_use]
    pub fn n_hearers(self, dialect: Dialect) -> usize {
        let speakers = if dialect.speakers_hear() { self.senders - 1 } else { 0 };
        self.receivers + speakers
    }

    /// The room of a member, unless they only speak.
    fn room_of(self, who: usize, dialect: Dialect) -> Option<usize> {
        let is_receiver = who % self.room_size() < self.receivers;
        (is_receiver || dialect.speakers_hear()).then_some(who / self.room_size())
    }
}

/// A crowd in its rooms.
#[derive(Debug)]
pub struct Flow {
    crowd: Crowd,
    shape: Shape,
    senders: Vec<Sender>,
    /// For each member and each sender of their room, the number of the next message.
    expected: Vec<u32>,
}

#[derive(Debug)]
struct Sender {
    member: usize,
    room: usize,
    /// Messages sent.
    n_sent: u32,
    /// The messages that not everybody has, oldest first: how many lack it, and when it was sent.
    under_way: VecDeque<(usize, Instant)>,
}

/// The figures of a flow.
#[derive(Debug)]
pub struct FlowRun {
    /// Messages that were heard.
    pub n_deliveries: u64,
    /// From the first to the last.
    pub time: Duration,
    /// Processor time the server needed for it.
    pub server_cpu: Duration,
    /// Processor time this program needed for it.
    pub client_cpu: Duration,
    /// From sending to hearing, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Bytes read for each delivery.
    pub bytes_each: f64,
}

impl FlowRun {
    /// Processor seconds of the server for a million deliveries.
    #[must_use]
    pub fn cpu_per_million(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / self.n_deliveries as f64
    }
}

impl Flow {
    /// Brings a crowd to a server and into its rooms.
    ///
    /// # Errors
    /// If not everybody gets in.
    pub fn begin(
        server: SocketAddr,
        dialect: Dialect,
        shape: Shape,
        connecting: Connecting,
    ) -> io::Result<Self> {
        let mut crowd = Crowd::new(dialect, 0)?;
        crowd.come(server, shape.n_members(), connecting)?;
        crowd.enter(|who| shape.room_of(who, dialect))?;
        let sender = |room: usize, index: usize| Sender {
            member: room * shape.room_size() + shape.receivers + index,
            room,
            n_sent: 0,
            under_way: VecDeque::new(),
        };
        let senders = (0..shape.rooms)
            .flat_map(|room| (0..shape.senders).map(move |index| sender(room, index)))
            .collect();
        let expected = vec![0; shape.n_members() * shape.senders];
        Ok(Self { crowd, shape, senders, expected })
    }

    /// Says `n_messages` from each sender, as fast as the windows let them.
    ///
    /// # Errors
    /// If anything is heard that should not be, or not heard in time.
    pub fn windowed(&mut self, n_messages: u32, server: Process) -> io::Result<FlowRun> {
        let last = self.senders.iter().map(|sender| sender.n_sent + n_messages).collect::<Vec<_>>();
        let window = self.shape.window;
        self.measured(server, |flow| {
            let mut is_over = false;
            while !is_over {
                is_over = true;
                for (index, last) in last.iter().enumerate() {
                    let sender = &flow.senders[index];
                    let left = (last - sender.n_sent) as usize;
                    let n_under_way = sender.under_way.len();
                    // Filled up by halves, or a window would be so many writes of one message.
                    if n_under_way <= window / 2 && left > 0 {
                        flow.say(index, left.min(window - n_under_way))?;
                    }
                    is_over &= flow.senders[index].under_way.is_empty();
                }
                if !is_over {
                    flow.listen(PATIENCE)?;
                }
            }
            Ok(())
        })
    }

    /// Says one message of the first sender every `pace`, for `time`.
    ///
    /// # Errors
    /// As for [`Flow::windowed`].
    pub fn paced(
        &mut self,
        pace: Duration,
        time: Duration,
        server: Process,
    ) -> io::Result<FlowRun> {
        self.measured(server, |flow| {
            let start = Crowd::now();
            let n_messages = (time.as_secs_f64() / pace.as_secs_f64()) as u32;
            for number in 0..n_messages {
                let due = start + pace * number;
                loop {
                    let left = due.saturating_duration_since(Crowd::now());
                    if left.is_zero() {
                        break;
                    }
                    flow.listen(left)?;
                }
                flow.say(0, 1)?;
            }
            while !flow.senders[0].under_way.is_empty() {
                flow.listen(PATIENCE)?;
            }
            Ok(())
        })
    }

    fn measured(
        &mut self,
        server: Process,
        act: impl FnOnce(&mut Run<'_>) -> io::Result<()>,
    ) -> io::Result<FlowRun> {
        // To three digits, up to a minute.
        let latency = Histogram::new_with_max(60_000_000_000, 3).expect("the bounds are sound");
        let (server_before, client_before) = (server.cpu(), cpu_of_this_thread());
        let (bytes_before, start) = (self.crowd.bytes_read, Crowd::now());
        let Self { crowd, shape, senders, expected } = self;
        let mut run = Run {
            crowd,
            shape: *shape,
            senders,
            expected,
            latency,
            n_deliveries: 0,
            line: Vec::new(),
        };
        act(&mut run)?;
        let Run { latency, n_deliveries, .. } = run;
        Ok(FlowRun {
            n_deliveries,
            time: start.elapsed(),
            server_cpu: server.cpu().saturating_sub(server_before),
            client_cpu: cpu_of_this_thread().saturating_sub(client_before),
            latency,
            bytes_each: (self.crowd.bytes_read - bytes_before) as f64 / n_deliveries.max(1) as f64,
        })
    }
}

/// A flow under measurement.
struct Run<'a> {
    crowd: &'a mut Crowd,
    shape: Shape,
    senders: &'a mut [Sender],
    expected: &'a mut [u32],
    latency: Histogram<u64>,
    n_deliveries: u64,
    line: Vec<u8>,
}

impl Run<'_> {
    fn say(&mut self, index: usize, n_messages: usize) -> io::Result<()> {
        let dialect = self.crowd.dialect;
        let sender = &mut self.senders[index];
        let (now, n_hearers) = (Crowd::now(), self.shape.n_hearers(dialect));
        let mut lines = Vec::with_capacity(n_messages * 128);
        for _ in 0..n_messages {
            self.line.clear();
            payload::write(index as u32, sender.n_sent, &mut self.line);
            dialect.say(sender.room, &self.line, &mut lines);
            sender.n_sent += 1;
            sender.under_way.push_back((n_hearers, now));
        }
        self.crowd.send(sender.member, &lines)
    }

    /// Waits once for as long, and takes note of all that comes.
    fn listen(&mut self, timeout: Duration) -> io::Result<()> {
        let Self { crowd, shape, senders, expected, latency, n_deliveries, .. } = self;
        let mut wrong = None;
        // One look at the clock for all that one read brings.
        let mut read_at: Option<(usize, Instant)> = None;
        crowd.turn(Some(timeout), &mut |who, heard| {
            let Heard::Message(text) = heard else { return };
            let now = match read_at {
                Some((reader, at)) if reader == who => at,
                _ => read_at.insert((who, Crowd::now())).1,
            };
            *n_deliveries += 1;
            let Some((sender, number)) = payload::read(text) else {
                let text = String::from_utf8_lossy(text);
                wrong.get_or_insert_with(|| format!("member {who} was told {text:?}"));
                return;
            };
            let Some(own) = senders.get_mut(sender as usize) else {
                wrong.get_or_insert_with(|| format!("member {who} heard sender {sender}"));
                return;
            };
            let expected = &mut expected[who * shape.senders + sender as usize % shape.senders];
            let is_here = own.room == who / shape.room_size() && own.member != who;
            if !is_here || *expected != number {
                wrong.get_or_insert_with(|| {
                    format!("member {who} heard {number} of sender {sender}, not {expected}")
                });
                return;
            }
            *expected += 1;
            let oldest = own.n_sent - own.under_way.len() as u32;
            let (n_lacking, sent) = &mut own.under_way[(number - oldest) as usize];
            *n_lacking -= 1;
            latency.saturating_record(now.saturating_duration_since(*sent).as_nanos() as u64);
            while own.under_way.front().is_some_and(|(n_lacking, _)| *n_lacking == 0) {
                own.under_way.pop_front();
            }
        })?;
        wrong.map_or(Ok(()), |wrong| Err(io::Error::new(ErrorKind::InvalidData, wrong)))
    }
}

/// The figures of a storm.
#[derive(Debug)]
pub struct StormRun {
    /// The time until everybody was in.
    pub joined: Duration,
    /// The time until everybody knew of everybody.
    pub time: Duration,
    /// Told arrivals.
    pub n_joins: u64,
    /// Processor time the server needed for it.
    pub server_cpu: Duration,
}

/// `n_members` connect at once and enter one room; each arrival is told to all who are there, once.
///
/// # Errors
/// If not everybody gets in, or more or less is told.
pub fn storm(
    server: SocketAddr,
    dialect: Dialect,
    n_members: usize,
    connecting: Connecting,
    process: Process,
) -> io::Result<StormRun> {
    let mut crowd = Crowd::new(dialect, 0)?;
    let (start, cpu_before) = (Crowd::now(), process.cpu());
    let n_expected = (n_members * (n_members + 1) / 2) as u64;
    let (mut n_registered, mut n_joined, mut n_joins) = (0, 0, 0);
    let mut joined = Duration::ZERO;
    let enter = dialect.enter(0);
    let mut newly = Vec::new();
    while n_joined < n_members || n_joins < n_expected {
        while crowd.len() < n_members && crowd.len() - n_registered < connecting.at_once {
            crowd.connect(server)?;
        }
        crowd.turn(Some(PATIENCE), &mut |who, heard| match heard {
            Heard::Join => n_joins += 1,
            Heard::Done => newly.push(who),
            _ => {}
        })?;
        // A member that is in has one step behind it, one that is in the room two.
        for who in newly.drain(..) {
            if crowd.n_done(who) == 1 {
                n_registered += 1;
                crowd.send(who, &enter)?;
            } else {
                n_joined += 1;
            }
        }
        if n_joined == n_members && joined.is_zero() {
            joined = start.elapsed();
        }
    }
    if n_joins != n_expected {
        let text = format!("{n_joins} arrivals were told, not {n_expected}");
        return Err(io::Error::new(ErrorKind::InvalidData, text));
    }
    let server_cpu = process.cpu().saturating_sub(cpu_before);
    Ok(StormRun { joined, time: start.elapsed(), n_joins, server_cpu })
}
