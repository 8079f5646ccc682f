//! Misuse, and what the others notice of it: while strangers do their worst, one person says something in
//! a quiet room every few milliseconds and another one measures how long it takes to arrive.
//!
//! ```sh
//! cargo xtask bench misuse
//! cargo bench -p chat-tests --bench misuse -- SECONDS [ROW]    # once the server is built for release
//! ```
//!
//! Each row has a server of its own, with all doors and the default limits, but that for flooding: it would
//! spare the server most of the work. The goals: nobody else waits for 100 ms, and memory grows by no more
//! than the connections of the row may keep waiting by the limits. In the last rows a server does its worst to a client of ours,
//! whose memory grows by no more than its budget.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time and keeps a pace")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what it is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "misuse/client.rs"]
mod client;

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use chat_tests::{load::Process, program::Program};
use socket2::{Domain, Socket, Type};

/// The longest that anybody else may wait.
const LATENCY_MAX: Duration = Duration::from_millis(100);

/// The pace of those who only talk.
const PACE: Duration = Duration::from_millis(5);

const MIB: u64 = 1024 * 1024;

/// Memory a server may take for a while whatever happens: queues between its threads, and what the
/// allocator keeps.
const SLACK_BYTES: u64 = 16 * MIB;

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
        println!("in less than a second: with a tenth of the strangers");
    }
    println!(
        "{:<44} {:>10} {:>7} {:>7} {:>7} {:>15} {:>9}",
        "what strangers do", "times", "p50 ms", "p99 ms", "max ms", "memory MiB", "allowed"
    );
    let mut is_good = true;
    for misuse in ROWS.iter().filter(|misuse| misuse.name.contains(row)) {
        is_good &= run(misuse, Duration::from_secs_f64(seconds), scale);
    }
    is_good &= client::run_all(row, Duration::from_secs_f64(seconds));
    println!("{}", if is_good { "all goals are met" } else { "a goal is missed: see !" });
    // A small run shows that it works, not how well.
    if !is_good && scale == 1 {
        std::process::exit(1);
    }
}

/// A row of the table.
struct Misuse {
    name: &'static str,
    /// Connections of strangers.
    n_conns: usize,
    /// Bytes that may wait for each of them, or of what they sent.
    bytes_each: u64,
    act: fn(&Scene<'_>),
    /// The doings of other people meanwhile.
    others: Others,
    store: Store,
}

/// Doings of other people, whose waiting is measured.
#[derive(Clone, Copy, PartialEq)]
enum Others {
    /// One talks and one listens.
    Talk,
    /// One logs in from another address, with a password that is to be checked.
    LogIn,
    /// One reads the history of a quiet room.
    Read,
    /// Nothing: the limits would hold them too.
    Nothing,
}

impl Others {
    /// The longest that they may wait.
    fn latency_max(self) -> Duration {
        match self {
            Self::Talk | Self::Read | Self::Nothing => LATENCY_MAX,
            // A check takes tens of milliseconds by design, and one of somebody else's may be under way.
            Self::LogIn => 5 * LATENCY_MAX,
        }
    }
}

/// The store that a row begins with, and what is looked at of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Empty,
    /// The number of messages in `#big`.
    Filled(u64),
    /// It may have so many bytes in use, and is not to need much more on disk.
    Bounded(u64),
    /// The bytes of a day are looked at, of those who keep to the limits.
    Watched,
}

/// Bytes on disk beside those in use: the database's log, and what is deleted in the next second.
const DISK_SLACK_BYTES: u64 = 64 * MIB;

/// Bytes a day that one address may leave on disk.
const DAY_BYTES_MAX: u64 = 50_000_000_000;

/// The scene in which a row happens.
struct Scene<'a> {
    doors: &'a Doors,
    n_conns: usize,
    is_over: &'a AtomicBool,
    n_times: &'a AtomicU64,
    is_ready: &'a AtomicBool,
}

/// Bytes that TLS may keep for a handshake, and those a line or the head of a request may have.
const HANDSHAKE_BYTES: u64 = 64 * 1024;
const LINE_BYTES: u64 = 16 * 1024;
/// `outbox-bytes`, by default.
const OUTBOX_BYTES: u64 = MIB;

const ROWS: &[Misuse] = &[
    Misuse {
        name: "nothing",
        n_conns: 0,
        bytes_each: 0,
        act: |scene| scene.be_quiet(),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "slowloris at the IRC door",
        n_conns: 1000,
        bytes_each: LINE_BYTES,
        act: |scene| scene.dribble(scene.doors.irc, b"NICK "),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "slowloris at the TLS door",
        n_conns: 1000,
        bytes_each: HANDSHAKE_BYTES,
        act: |scene| scene.dribble(scene.doors.tls, &HELLO),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "slowloris at the WebSocket door",
        n_conns: 1000,
        bytes_each: LINE_BYTES,
        act: |scene| scene.dribble(scene.doors.web_socket, b"GET / HTTP/1.1\r\nX-Slow: "),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "slowloris at the HTTP door",
        n_conns: 1000,
        bytes_each: LINE_BYTES,
        act: |scene| scene.dribble(scene.doors.http, b"GET /health HTTP/1.1\r\nX-Slow: "),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "slowloris at the text door",
        n_conns: 1000,
        bytes_each: LINE_BYTES,
        act: |scene| scene.dribble(scene.doors.text, b""),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "1,000 half-open handshakes",
        n_conns: 1000,
        bytes_each: HANDSHAKE_BYTES,
        act: |scene| scene.begin_handshakes(),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "handshakes that are cut or none",
        n_conns: 1,
        bytes_each: HANDSHAKE_BYTES,
        act: |scene| scene.break_handshakes(),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "10 readers of a busy room that never read",
        n_conns: 10,
        bytes_each: OUTBOX_BYTES,
        act: |scene| scene.never_read(),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "10,000 nick changes a second in their room",
        n_conns: 10,
        bytes_each: OUTBOX_BYTES,
        act: |scene| scene.change_nicks(),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "LIST in a loop on 5,000 rooms, by 4",
        n_conns: 104,
        bytes_each: OUTBOX_BYTES / 4,
        act: |scene| scene.ask_in_a_loop(|_| "LIST".into(), " 323 "),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "WHO in a loop on 5,000 rooms, by 4",
        n_conns: 104,
        bytes_each: OUTBOX_BYTES / 4,
        act: |scene| scene.ask_in_a_loop(|n| format!("WHO #r{n}"), " 315 "),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "NAMES in a loop on 5,000 rooms, by 4",
        n_conns: 104,
        bytes_each: OUTBOX_BYTES / 4,
        act: |scene| scene.ask_in_a_loop(|n| format!("NAMES #r{n}"), " 366 "),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "NAMES of one room 61 times a line, by 63",
        n_conns: 63,
        bytes_each: OUTBOX_BYTES,
        act: |scene| scene.say_in_a_loop(|_| format!("NAMES #askers{}", ",#askers".repeat(60))),
        others: Others::Talk,
        store: Store::Empty,
    },
    Misuse {
        name: "63 of one address log in over and over",
        n_conns: 63,
        bytes_each: OUTBOX_BYTES,
        act: |scene| {
            scene.say_in_a_loop(|_| format!("NS IDENTIFY {} {}", ACCOUNT[0], ACCOUNT[1]));
        },
        others: Others::LogIn,
        store: Store::Empty,
    },
    Misuse {
        name: "63 guess at accounts and operators",
        n_conns: 63,
        bytes_each: OUTBOX_BYTES,
        act: |scene| {
            scene.say_in_a_loop(|n| match n % 2 {
                0 => format!("OPER root guess{n}"),
                _ => format!("NS IDENTIFY name{n} guess"),
            });
        },
        others: Others::LogIn,
        store: Store::Empty,
    },
    Misuse {
        name: "the longest searches of 200,000, by 12",
        n_conns: 12,
        bytes_each: OUTBOX_BYTES,
        others: Others::Read,
        store: Store::Filled(200_000),
        act: |scene| scene.search(),
    },
    Misuse {
        name: "CHANGES * * 100 in 50 rooms, by 12",
        n_conns: 12,
        bytes_each: OUTBOX_BYTES,
        others: Others::Read,
        store: Store::Empty,
        act: |scene| scene.ask_for_changes(),
    },
    Misuse {
        name: "filling a store of 20 MB, by 10",
        n_conns: 10,
        bytes_each: OUTBOX_BYTES,
        others: Others::Talk,
        store: Store::Bounded(20_000_000),
        act: |scene| scene.fill(),
    },
    Misuse {
        name: "all that one address may write, by 60",
        n_conns: 60,
        bytes_each: OUTBOX_BYTES,
        others: Others::Nothing,
        store: Store::Watched,
        act: |scene| scene.fill(),
    },
];

/// The beginning of a ClientHello of 512 bytes.
const HELLO: [u8; 9] = [22, 3, 1, 2, 0, 1, 0, 1, 252];

/// Runs one row and prints it; whether its goals are met.
fn run(misuse: &Misuse, time: Duration, scale: usize) -> bool {
    let server = Server::start(misuse);
    let (is_over, is_ready, n_times) =
        (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let n_conns = misuse.n_conns.div_ceil(scale);
    let scene = Scene {
        doors: &server.doors,
        n_conns,
        is_over: &is_over,
        n_times: &n_times,
        is_ready: &is_ready,
    };
    let mut talk = Talk::begin(server.doors.irc);
    if misuse.others == Others::LogIn {
        register_account(server.doors.irc);
    }
    let before = Process(server.program.id()).memory("VmRSS");
    let disk_before = server.bytes_on_disk();
    let (mut latencies, seconds) = thread::scope(|scope| {
        let strangers = scope.spawn(|| (misuse.act)(&scene));
        while !is_ready.load(Ordering::Acquire) && !strangers.is_finished() {
            thread::sleep(PACE);
        }
        n_times.store(0, Ordering::Relaxed);
        let start = Instant::now();
        let latencies = match misuse.others {
            Others::Talk => talk.go_on_for(time),
            Others::LogIn => log_in_for(server.doors.irc, time),
            Others::Read => talk.read_for(time),
            Others::Nothing => {
                thread::sleep(time);
                vec![Duration::ZERO]
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Release);
        (latencies, seconds)
    });
    let peak = Process(server.program.id()).memory("VmHWM");
    let on_disk = server.bytes_on_disk();
    latencies.sort_unstable();
    let of = |share: f64| {
        let at = (latencies.len() as f64 * share) as usize;
        latencies[at.min(latencies.len() - 1)].as_secs_f64() * 1e3
    };
    let allowed = before + n_conns as u64 * misuse.bytes_each + SLACK_BYTES;
    let is_fast = latencies.last().is_some_and(|longest| *longest < misuse.others.latency_max());
    let is_small = peak <= allowed;
    println!(
        "{:<44} {:>8.0}/s {:>7.2} {:>7.2} {:>6.2}{} {:>6.1} → {:>6.1} {:>8.1}{}",
        misuse.name,
        n_times.load(Ordering::Relaxed) as f64 / seconds,
        of(0.5),
        of(0.99),
        of(1.0),
        if is_fast { " " } else { "!" },
        before as f64 / MIB as f64,
        peak as f64 / MIB as f64,
        allowed as f64 / MIB as f64,
        if is_small { " " } else { "!" },
    );
    is_fast && is_small && is_on_disk_what_may_be(misuse.store, disk_before, on_disk, seconds)
}

/// Says what is on disk, where that is looked at; whether it may be so much.
fn is_on_disk_what_may_be(store: Store, before: u64, after: u64, seconds: f64) -> bool {
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    match store {
        Store::Empty | Store::Filled(_) => true,
        Store::Bounded(bytes) => {
            let allowed = bytes + DISK_SLACK_BYTES;
            let is_good = after <= allowed;
            let sign = if is_good { "" } else { "!" };
            println!("    on disk: {:.1} MiB, allowed {:.1}{sign}", mib(after), mib(allowed));
            is_good
        }
        Store::Watched => {
            let day = after.saturating_sub(before) as f64 / seconds * 86_400.0;
            let is_good = day <= DAY_BYTES_MAX as f64;
            let sign = if is_good { "" } else { "!" };
            let allowed = DAY_BYTES_MAX / 1_000_000_000;
            println!("    on disk: {:.1} GB a day, allowed {allowed}{sign}", day / 1e9);
            is_good
        }
    }
}

/// The addresses at which the server listens.
struct Doors {
    irc: SocketAddr,
    tls: SocketAddr,
    web_socket: SocketAddr,
    http: SocketAddr,
    text: SocketAddr,
}

struct Server {
    program: Program,
    doors: Doors,
    folder: PathBuf,
}

impl Server {
    fn start(misuse: &Misuse) -> Self {
        let name: String = misuse.name.chars().filter(char::is_ascii_alphanumeric).collect();
        let folder =
            std::env::temp_dir().join(format!("chat-misuse-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("chat-server.toml");
        let data = folder.join("data");
        let mut text = match misuse.store {
            // It has to keep to the limits.
            Store::Watched => String::new(),
            _ => "[limits]\nexempt-addresses = [\"127.0.0.0/8\"]\n\
                  commands-at-once = 1e9\nexpensive-at-once = 1e9\n"
                .to_owned(),
        };
        if let Store::Bounded(bytes) = misuse.store {
            text.push_str(&format!("[retention]\ntotal-bytes = {bytes}\n"));
        }
        if let Store::Filled(n_messages) = misuse.store {
            fill(&data, n_messages);
        }
        fs::write(&config, text).unwrap();
        let free = "127.0.0.1:0";
        let mut program = Program::start(
            "chat-server",
            &[
                ["--config", config.to_str().unwrap()],
                ["--data", data.to_str().unwrap()],
                ["--listen", free],
                ["--tls-listen", free],
                ["--self-signed", folder.to_str().unwrap()],
                ["--websocket-listen", free],
                ["--http-listen", free],
                ["--text-listen", free],
            ]
            .concat(),
        );
        // In the order in which the server tells them.
        let [irc, tls, web_socket, http, text] = [(); 5].map(|()| program.expect_address());
        Self { program, doors: Doors { irc, tls, web_socket, http, text }, folder }
    }

    /// The bytes of the database and its log.
    fn bytes_on_disk(&self) -> u64 {
        let files = ["chat.db", "chat.db-wal"].map(|name| self.folder.join("data").join(name));
        files.iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum()
    }
}

/// Brings so many messages into a store, and has them in the index of words.
fn fill(data: &Path, n_messages: u64) {
    let mut lines = r##"{"type":"conversation","names":["#big"]}"##.to_owned();
    for number in 0..n_messages {
        let at = 1_700_000_000_000 + number;
        let time = humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at));
        let words: Vec<String> =
            (1..8).map(|n| format!("wor{:x}", number.wrapping_mul(n * 7919) % 20_000)).collect();
        let text = words.join(" ");
        lines.push_str(&format!(
            "\n{{\"type\":\"record\",\"time\":\"{time}\",\"msgid\":\"{at:011x}{number:013x}\",\"kind\":1,\"source\":\"a!b@c\",\"text\":\"{text}\"}}"
        ));
    }
    chat_server::store::import(data, &mut lines.as_bytes(), &|_| Ok(())).unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is in the way of nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Two people in a room: one talks and one listens.
struct Talk {
    speaker: TcpStream,
    listener: BufReader<TcpStream>,
}

impl Talk {
    fn begin(irc: SocketAddr) -> Self {
        let mut speaker = register(irc, "speaker", "#quiet");
        let listener = register(irc, "listener", "#quiet");
        // What the speaker is told is of no interest; a reader that never reads is another row.
        let mut deaf = speaker.get_ref().try_clone().unwrap();
        thread::spawn(move || while deaf.read(&mut [0; 65536]).is_ok_and(|n| n > 0) {});
        Self { speaker: speaker.get_mut().try_clone().unwrap(), listener }
    }

    /// The time each page of the quiet room's history took that was asked for meanwhile.
    fn read_for(&mut self, time: Duration) -> Vec<Duration> {
        let start = Instant::now();
        let mut latencies = Vec::new();
        for n in 0.. {
            thread::sleep((PACE * n).saturating_sub(start.elapsed()));
            if start.elapsed() > time {
                break;
            }
            let asked = Instant::now();
            self.listener.get_mut().write_all(b"CHATHISTORY LATEST #quiet * 10\r\n").unwrap();
            await_line(&mut self.listener, " BATCH -");
            latencies.push(asked.elapsed());
        }
        latencies
    }

    /// The time each message took that was said meanwhile.
    fn go_on_for(&mut self, time: Duration) -> Vec<Duration> {
        let start = Instant::now();
        let n_messages = (time.as_secs_f64() / PACE.as_secs_f64()) as u32;
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..n_messages {
                    let at = PACE * n;
                    thread::sleep(at.saturating_sub(start.elapsed()));
                    let said = start.elapsed().as_nanos();
                    self.speaker
                        .write_all(format!("PRIVMSG #quiet :at {said}\r\n").as_bytes())
                        .unwrap();
                }
            });
            let mut latencies = Vec::new();
            let mut line = String::new();
            while latencies.len() < n_messages as usize {
                line.clear();
                let n = self.listener.read_line(&mut line).unwrap();
                assert!(n > 0, "the listener was closed");
                let heard = start.elapsed();
                if let Some((_, said)) = line.split_once(" PRIVMSG #quiet :at ") {
                    let said = said.trim_end().parse().unwrap();
                    latencies.push(heard.saturating_sub(Duration::from_nanos(said)));
                }
            }
            latencies
        })
    }
}

/// Connects, registers and joins.
fn register(irc: SocketAddr, nick: &str, rooms: &str) -> BufReader<TcpStream> {
    enter(TcpStream::connect(irc).unwrap(), nick, rooms)
}

/// Registers and joins on a connection.
fn enter(mut stream: TcpStream, nick: &str, rooms: &str) -> BufReader<TcpStream> {
    stream.set_nodelay(true).unwrap();
    let caps = "batch draft/chathistory chat.local/search chat.local/changes message-tags";
    let lines = format!(
        "CAP REQ :{caps}\r\nNICK {nick}\r\nUSER u 0 * :R\r\nCAP END\r\nJOIN {rooms}\r\nPING :ready\r\n"
    );
    stream.write_all(lines.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    await_line(&mut reader, " PONG ");
    reader
}

/// Reads up to a line that has `word` in it.
fn await_line(reader: &mut BufReader<TcpStream>, word: &str) {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        let n = reader.read_line(&mut line).unwrap();
        assert!(n > 0, "closed before {word:?} came");
    }
}

/// The account that everybody logs in to, and its password.
const ACCOUNT: [&str; 2] = ["owner", "correct-horse"];

fn register_account(irc: SocketAddr) {
    let mut reader = register(irc, ACCOUNT[0], "#accounts");
    reader.get_mut().write_all(format!("NS REGISTER {}\r\n", ACCOUNT[1]).as_bytes()).unwrap();
    await_line(&mut reader, " 900 ");
}

/// The time that each login took of somebody who comes from another address than the strangers.
fn log_in_for(irc: SocketAddr, time: Duration) -> Vec<Duration> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 9, 9, 9], 0)).into()).unwrap();
    socket.connect(&irc.into()).unwrap();
    let mut reader = enter(socket.into(), "elsewhere", "#accounts");
    let line = format!("NS IDENTIFY {} {}\r\n", ACCOUNT[0], ACCOUNT[1]);
    let start = Instant::now();
    let mut latencies = Vec::new();
    while start.elapsed() < time || latencies.is_empty() {
        let asked = Instant::now();
        reader.get_mut().write_all(line.as_bytes()).unwrap();
        await_line(&mut reader, " 900 ");
        latencies.push(asked.elapsed());
    }
    latencies
}

impl Scene<'_> {
    /// Each connection sends lines as fast as they are answered; who is closed comes again.
    fn say_in_a_loop(&self, line: fn(u64) -> String) {
        thread::scope(|scope| {
            for n in 0..self.n_conns {
                scope.spawn(move || {
                    let mut count = 0;
                    while self.goes_on() {
                        let stream = TcpStream::connect(self.doors.irc).unwrap();
                        let mut reader = enter(stream, &format!("stranger{n}"), "#askers");
                        self.ready();
                        let mut told = String::from("first");
                        while !told.is_empty() && self.goes_on() {
                            count += 1;
                            let line = format!("{}\r\nPING done\r\n", line(count));
                            if reader.get_mut().write_all(line.as_bytes()).is_err() {
                                break;
                            }
                            while !told.is_empty() && !told.contains(" PONG ") {
                                told.clear();
                                // Reset, when it was closed with something unread.
                                if reader.read_line(&mut told).is_err() {
                                    told.clear();
                                }
                            }
                            self.count();
                            if !told.is_empty() {
                                told = String::from("next");
                            }
                        }
                    }
                });
            }
        });
    }

    fn be_quiet(&self) {
        self.ready();
    }

    /// From here on it counts.
    fn ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
    }

    fn count(&self) {
        self.n_times.fetch_add(1, Ordering::Relaxed);
    }

    /// Each connection sends a byte ten times a second, and what it begins never ends.
    fn dribble(&self, door: SocketAddr, first: &[u8]) {
        let mut conns: Vec<TcpStream> = (0..self.n_conns).map(|_| open(door)).collect();
        self.ready();
        let start = Instant::now();
        for round in 0.. {
            for conn in &mut conns {
                let byte = first.get(round).copied().unwrap_or(b'x');
                match conn.write(&[byte]) {
                    Ok(_) => self.count(),
                    // Who is thrown out comes again.
                    Err(error) if is_closed(&error) => *conn = open(door),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("{error}"),
                }
            }
            let next = Duration::from_millis(100) * (round as u32 + 1);
            thread::sleep(next.saturating_sub(start.elapsed()));
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
        while self.goes_on() {
            thread::sleep(PACE);
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

    /// Some join a room and read nothing, while somebody says there all that a connection carries.
    fn never_read(&self) {
        let irc = self.doors.irc;
        let join = |n| register(irc, &format!("deaf{n}"), "#busy");
        let _deaf: Vec<_> = (0..self.n_conns).map(join).collect();
        let mut speaker = register(irc, "loud", "#busy");
        let line = format!("PRIVMSG #busy :{}\r\n", "x".repeat(400));
        let mut told = speaker.get_ref().try_clone().unwrap();
        thread::scope(|scope| {
            // Told of those who are thrown out.
            scope.spawn(move || while told.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {});
            self.ready();
            while self.goes_on() {
                speaker.get_mut().write_all(line.as_bytes()).unwrap();
                self.count();
            }
            speaker.get_mut().shutdown(std::net::Shutdown::Both).unwrap();
        });
    }

    /// Ten thousand a second altogether, each told to everybody in the quiet room.
    fn change_nicks(&self) {
        let irc = self.doors.irc;
        let pace = Duration::from_secs(self.n_conns as u64) / 10_000;
        thread::scope(|scope| {
            for n in 0..self.n_conns {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("n{n}a"), "#quiet");
                    let mut writer = reader.get_ref().try_clone().unwrap();
                    thread::scope(|scope| {
                        scope.spawn(move || {
                            while reader.fill_buf().is_ok_and(|told| !told.is_empty()) {
                                let n = reader.buffer().len();
                                reader.consume(n);
                            }
                        });
                        self.ready();
                        let start = Instant::now();
                        for round in 0.. {
                            let letter = if round % 2 == 0 { 'b' } else { 'a' };
                            writer.write_all(format!("NICK n{n}{letter}\r\n").as_bytes()).unwrap();
                            self.count();
                            thread::sleep((pace * round).saturating_sub(start.elapsed()));
                            if !self.goes_on() {
                                break;
                            }
                        }
                        writer.shutdown(std::net::Shutdown::Both).unwrap();
                    });
                });
            }
        });
    }

    /// Each looks for what takes longest, over and over: words that all messages have a part of, and texts of nobody.
    fn search(&self) {
        let questions = [
            "SEARCH in=#big;text=wor*\\swor1*\\swor2*\\swor3*\\swor4*\\swor5*\\swor6*\\swor7*",
            "SEARCH in=#big;from=nobody",
            "SEARCH text=wor*;order=rank;limit=100",
        ];
        self.ask_for_ever(
            "#big",
            |n| questions[n % questions.len()].to_owned(),
            &[" BATCH -", " FAIL "],
        );
    }

    /// Fifty rooms are filled with long messages, and each asks for all that has changed in all of them.
    fn ask_for_changes(&self) {
        let rooms: Vec<String> = (0..50).map(|n| format!("#c{n}")).collect();
        let mut speaker = register(self.doors.irc, "filler", &rooms.join(","));
        let text = "x".repeat(400);
        for n in 0..100 {
            for room in &rooms {
                speaker
                    .get_mut()
                    .write_all(format!("PRIVMSG {room} :{n} {text}\r\n").as_bytes())
                    .unwrap();
            }
            speaker.get_mut().write_all(b"PING :filled\r\n").unwrap();
            await_line(&mut speaker, " PONG ");
        }
        self.ask_for_ever(
            &rooms.join(","),
            |_| "CHANGES * * 100".to_owned(),
            &[" BATCH -", " FAIL "],
        );
    }

    /// Each asks over and over, as fast as they are answered.
    fn ask_for_ever(&self, rooms: &str, question: impl Fn(usize) -> String + Sync, ends: &[&str]) {
        let (irc, question) = (self.doors.irc, &question);
        thread::scope(|scope| {
            for asker in 0..self.n_conns {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("asker{asker}"), rooms);
                    self.ready();
                    for n in asker.. {
                        let line = format!("{}\r\n", question(n));
                        reader.get_mut().write_all(line.as_bytes()).unwrap();
                        let mut told = String::new();
                        while !ends.iter().any(|end| told.contains(end)) {
                            told.clear();
                            assert!(reader.read_line(&mut told).unwrap() > 0, "it was closed");
                        }
                        self.count();
                        if !self.goes_on() {
                            return;
                        }
                    }
                });
            }
        });
    }

    /// Each says all that a line carries, with tags as long as they may be, in a room of their own, as fast as it is taken.
    fn fill(&self) {
        let irc = self.doors.irc;
        thread::scope(|scope| {
            for n in 0..self.n_conns {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("filler{n}"), &format!("#fill{n}"));
                    let line = format!(
                        "@+example/long={} PRIVMSG #fill{n} :{}\r\n",
                        "t".repeat(4000),
                        "x".repeat(400)
                    );
                    self.ready();
                    while self.goes_on() {
                        let block = format!("{line}PING :taken\r\n");
                        reader.get_mut().write_all(block.as_bytes()).unwrap();
                        await_line(&mut reader, " PONG ");
                        self.count();
                    }
                });
            }
        });
    }

    /// Four people ask as fast as they are answered, where a hundred others sit in fifty rooms each.
    fn ask_in_a_loop(&self, question: fn(usize) -> String, end: &str) {
        let irc = self.doors.irc;
        let n_sitting = self.n_conns.saturating_sub(4).max(1);
        let sit = |person: usize| {
            let rooms: Vec<String> = (0..50).map(|n| format!("#r{}", person * 50 + n)).collect();
            register(irc, &format!("s{person}"), &rooms.join(","))
        };
        let _sitting: Vec<_> = (0..n_sitting).map(sit).collect();
        thread::scope(|scope| {
            for asker in 0..4 {
                scope.spawn(move || {
                    let mut reader = register(irc, &format!("asker{asker}"), "#askers");
                    self.ready();
                    for n in (0..n_sitting * 50).cycle().skip(asker * 1000) {
                        let line = format!("{}\r\n", question(n));
                        reader.get_mut().write_all(line.as_bytes()).unwrap();
                        await_line(&mut reader, end);
                        self.count();
                        if !self.goes_on() {
                            return;
                        }
                    }
                });
            }
        });
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
