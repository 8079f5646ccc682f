//! Misuse, and what the others notice of it: while strangers do their worst, one person says something in
//! a quiet room every few milliseconds and another one measures how long it takes to arrive.
//!
//! ```sh
//! cargo xtask bench misuse
//! cargo bench -p chat-tests --bench misuse -- SECONDS [ROW]    # once the server is built for release
//! ```
//!
//! Each row has a server of its own, with all doors and the default limits; those for flooding are off where they
//! would spare the server most of the work. The goals: nobody else waits for 100 ms, and memory grows by no more
//! than the connections of the row may keep waiting by the limits. The machine may be shared, its disk too: what a thread
//! waits that stores and echoes lines in the place of a server (the floor) is no fault of the server's. In the last rows a server does its worst to a client of ours,
//! whose memory grows by no more than its budget.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time and keeps a pace")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what it is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod client;
mod doors;
mod logins;
mod others;
mod rooms;
mod server;
mod store;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use chat_tests::load::Process;

use others::{Floor, Talk};
use server::{Doors, Server};

/// The longest that anybody else may wait, beyond what the floor waits.
const LATENCY_MAX: Duration = Duration::from_millis(100);

/// The pace of those who only talk.
const PACE: Duration = Duration::from_millis(5);

const MIB: u64 = 1024 * 1024;

/// Memory a server may take for a while whatever happens: queues between its threads, and what the
/// allocator keeps.
const SLACK_BYTES: u64 = 16 * MIB;

/// `outbox-bytes`, by default.
const OUTBOX_BYTES: u64 = MIB;

/// The multiple of a goal from which on it is missed by far: also a small run fails then.
const FAR: u64 = 4;

fn main() {
    // `cargo bench` adds words of its own.
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [client::CLIENT, address] = &*words.iter().map(String::as_str).collect::<Vec<_>>() {
        return client::be_client(address);
    }
    let seconds = words.first().map_or(Ok(5.0), |seconds| seconds.parse());
    let Ok(seconds) = seconds else {
        eprintln!("{:?} is no number of seconds: try `-- 5`", words[0]);
        std::process::exit(2);
    };
    let row = words.get(1).map_or("", String::as_str);
    let scale = if seconds < 1.0 { 10 } else { 1 };
    if scale > 1 {
        println!("in less than a second: with a tenth of the strangers, and of what is stored");
    }
    println!(
        "{:<44} {:>10} {:>7} {:>7} {:>7} {:>7} {:>15} {:>9}",
        "what strangers do",
        "times",
        "p50 ms",
        "p99 ms",
        "max ms",
        "floor",
        "memory MiB",
        "allowed"
    );
    let mut verdict = Verdict::Met;
    let rows = [doors::ROWS, rooms::ROWS, logins::ROWS, store::ROWS];
    for misuse in rows.into_iter().flatten().filter(|misuse| misuse.name.contains(row)) {
        verdict = verdict.max(run(misuse, Duration::from_secs_f64(seconds), scale));
    }
    verdict = verdict.max(client::run_all(row, Duration::from_secs_f64(seconds)));
    println!(
        "{}",
        match verdict {
            Verdict::Met => "all goals are met",
            Verdict::Missed => "a goal is missed: see !",
            Verdict::MissedByFar => "a goal is missed by far: see !!",
        }
    );
    // A small run shows that it works, and what is wrong by far.
    let allowed = if scale == 1 { Verdict::Met } else { Verdict::Missed };
    if verdict > allowed {
        std::process::exit(1);
    }
}

/// The outcome of a comparison with a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Met,
    Missed,
    MissedByFar,
}

impl Verdict {
    fn of(figure: u64, allowed: u64) -> Self {
        if figure <= allowed {
            Self::Met
        } else if figure <= FAR * allowed {
            Self::Missed
        } else {
            Self::MissedByFar
        }
    }

    /// The sign behind a figure.
    fn sign(self) -> &'static str {
        match self {
            Self::Met => "",
            Self::Missed => "!",
            Self::MissedByFar => "!!",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy)]
struct Misuse {
    name: &'static str,
    /// Connections of strangers.
    n_conns: usize,
    /// Bytes that may wait for each of them, or of what they sent.
    bytes_each: u64,
    /// Bytes that the work takes that they ask for.
    bytes_besides: u64,
    act: fn(&Scene<'_>),
    /// The doings of other people meanwhile.
    others: Others,
    limits: Limits,
    store: Store,
    watched: Watched,
}

impl Misuse {
    /// A quiet hour, which the rows differ from.
    const NONE: Self = Self {
        name: "nothing",
        n_conns: 0,
        bytes_each: OUTBOX_BYTES,
        bytes_besides: 0,
        act: |scene| scene.ready(),
        others: Others::Talk,
        limits: Limits::Exempt,
        store: Store::Empty,
        watched: Watched::Nothing,
    };
}

/// Doings of other people, whose waiting is measured.
#[derive(Clone, Copy, PartialEq)]
enum Others {
    /// One talks and one listens.
    Talk,
    /// One logs in, with a password that is to be checked.
    LogIn,
    /// One reads the history of a quiet room.
    Read,
}

impl Others {
    /// The longest that they may wait.
    fn latency_max(self) -> Duration {
        match self {
            Self::Talk | Self::Read => LATENCY_MAX,
            // A check takes tens of milliseconds by design, and one of somebody else's may be under way.
            Self::LogIn => 5 * LATENCY_MAX,
        }
    }
}

/// The limits that hold for strangers.
#[derive(Clone, Copy, PartialEq)]
enum Limits {
    /// The bounds of a crowd from everywhere, each of whom could be an address of their own, whose commands are not slowed.
    Exempt,
    /// The bounds of one address, whose commands are not slowed.
    OneAddress,
    /// The defaults.
    Default,
}

impl Limits {
    /// The pace of those who talk, who keep to them too.
    fn pace(self) -> Duration {
        match self {
            Self::Exempt | Self::OneAddress => PACE,
            Self::Default => Duration::from_millis(300),
        }
    }
}

/// The store that a row begins with.
#[derive(Clone, Copy)]
enum Store {
    Empty,
    /// The number of messages in `#big`, each of which is in the index of words.
    Messages(u64),
    /// The number of accounts and of registered rooms; all accounts have read `#read`, which is [`server::ACCOUNT`]'s.
    Accounts(u64),
    /// It may have so many bytes in use.
    Bounded(u64),
}

/// A figure that is looked at besides waiting and memory.
#[derive(Clone, Copy)]
enum Watched {
    Nothing,
    /// Bytes that a command is answered with, and how many it may be.
    Answers(u64),
    /// Bytes on disk, and how many there may be.
    Disk(u64),
    /// Bytes on disk that a day leaves, and how many they may be.
    Day(u64),
}

/// The scene in which a row happens.
struct Scene<'a> {
    doors: &'a Doors,
    n_conns: usize,
    is_over: &'a AtomicBool,
    n_times: &'a AtomicU64,
    n_bytes: &'a AtomicU64,
    is_ready: &'a AtomicBool,
}

impl Scene<'_> {
    /// From here on it counts.
    fn ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
    }

    /// Counts one more time; how often it has been.
    fn count(&self) -> u64 {
        self.n_times.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The door of those who talk.
    fn irc(&self) -> SocketAddr {
        self.doors.irc
    }
}

/// Keeps a pace: goes on when `at` has passed since `start`.
fn pause_until(start: Instant, at: Duration) {
    thread::sleep(at.saturating_sub(start.elapsed()));
}

/// Runs one row and prints it; whether its goals are met.
fn run(misuse: &Misuse, time: Duration, scale: usize) -> Verdict {
    let mut server = Server::start(misuse, scale);
    let (is_over, is_ready) = (AtomicBool::new(false), AtomicBool::new(false));
    let (n_times, n_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let n_conns = misuse.n_conns.div_ceil(scale);
    let scene = Scene {
        doors: &server.doors,
        n_conns,
        is_over: &is_over,
        n_times: &n_times,
        n_bytes: &n_bytes,
        is_ready: &is_ready,
    };
    let mut talk = Talk::begin(server.doors.irc);
    if misuse.others == Others::LogIn {
        others::register_account(server.doors.irc);
    }
    let floor = Floor::begin();
    let before = Process(server.program.id()).memory("VmRSS");
    let (mut latencies, rate) = thread::scope(|scope| {
        let strangers = scope.spawn(|| (misuse.act)(&scene));
        let begin = Instant::now();
        for n in 0.. {
            if is_ready.load(Ordering::Acquire) || strangers.is_finished() {
                break;
            }
            pause_until(begin, PACE * n);
        }
        let n_before = n_times.load(Ordering::Relaxed);
        floor.watch();
        let start = Instant::now();
        let latencies = match misuse.others {
            Others::Talk => talk.go_on_for(time, misuse.limits.pace()),
            Others::LogIn => others::log_in_for(server.doors.irc, time),
            Others::Read => talk.read_for(time),
        };
        let n = n_times.load(Ordering::Relaxed) - n_before;
        let rate = n as f64 / start.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Release);
        (latencies, rate)
    });
    let floor = floor.end();
    let peak = Process(server.program.id()).memory("VmHWM");
    latencies.sort_unstable();
    let of = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    let allowed = before + n_conns as u64 * misuse.bytes_each + misuse.bytes_besides + SLACK_BYTES;
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
    let fast = Verdict::of(nanos(of(1.0)), nanos(misuse.others.latency_max() + floor));
    let small = Verdict::of(peak, allowed);
    println!(
        "{:<44} {rate:>8.0}/s {:>7.2} {:>7.2} {:>6.2}{:<2} {:>6.2} {:>6.1} → {:>6.1} {:>8.1}{}",
        misuse.name,
        milliseconds(of(0.5)),
        milliseconds(of(0.99)),
        milliseconds(of(1.0)),
        fast.sign(),
        milliseconds(floor),
        mib(before),
        mib(peak),
        mib(allowed),
        small.sign(),
    );
    let n_all = n_times.load(Ordering::Relaxed).max(1);
    let watched = match misuse.watched {
        Watched::Nothing => Verdict::Met,
        Watched::Answers(allowed) => {
            let each = n_bytes.load(Ordering::Relaxed) / n_all;
            judge("bytes of an answer", each, allowed, 1)
        }
        Watched::Disk(allowed) => judge("MB on disk", server.bytes_on_disk(), allowed, 1_000_000),
        Watched::Day(allowed) => {
            let each = server.bytes_kept() as f64 / n_all as f64;
            println!("    {each:.0} bytes on disk for each");
            let day = (each * rate * 86_400.0) as u64;
            judge("MB on disk a day", day, allowed / scale as u64, 1_000_000)
        }
    };
    fast.max(small).max(watched)
}

/// Prints a figure of a row that is watched besides the others, in a unit; whether it is what it may be.
fn judge(what: &str, figure: u64, allowed: u64, unit: u64) -> Verdict {
    let verdict = Verdict::of(figure, allowed);
    println!("    {what}: {}{}, allowed {}", figure / unit, verdict.sign(), allowed / unit);
    verdict
}
