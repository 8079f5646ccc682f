//! The client: what it needs for a message that comes and for one that goes, what it does when nothing
//! happens, and a thousand of them in one process.
//!
//! ```sh
//! cargo bench -p chat-tests --bench client -- [MESSAGES CLIENTS]    # once the server is built for release
//! ```

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::print_stdout, reason = "a table is what it is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use chat_core::{ChatClient, ClientHandle, CloseReason, Delivery, Listener, MemoryBudget, Update};
use chat_tests::{
    PATIENCE,
    load::{Mode, Peer, Process, Subject},
};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |index: usize, default: u64| {
        words.get(index).map_or(default, |word| word.parse().expect("a number"))
    };
    let (n_messages, n_clients) = (number(0, 2_000_000), number(1, 1000));
    receive(n_messages);
    send(n_messages / 4);
    idle();
    many(n_clients as usize);
}

/// Counts what it is told.
#[derive(Debug, Default)]
struct Counts {
    n_messages: AtomicU64,
    n_dropped: AtomicU64,
    n_acknowledged: AtomicU64,
}

#[derive(Debug)]
struct Counting(Arc<Counts>);

impl Listener for Counting {
    fn update_messages(&mut self, _: &ClientHandle, updates: Vec<Update>) {
        let (mut n_messages, mut n_acknowledged) = (0, 0);
        for update in &updates {
            match update {
                Update::Message(_) => n_messages += 1,
                Update::Lagged { dropped, .. } => {
                    self.0.n_dropped.fetch_add(*dropped, Ordering::Relaxed);
                }
                Update::Delivery { state: Delivery::Acknowledged { .. }, .. } => {
                    n_acknowledged += 1
                }
                _ => {}
            }
        }
        self.0.n_messages.fetch_add(n_messages, Ordering::Release);
        self.0.n_acknowledged.fetch_add(n_acknowledged, Ordering::Release);
    }

    fn closed_connection(&mut self, _: &ClientHandle, _: CloseReason) {}
}

/// Processor time of this process's threads by that beginning of their names, and how often they waited.
fn threads(name: &str) -> (Duration, u64, usize) {
    let (mut cpu, mut n_waits, mut n_threads) = (Duration::ZERO, 0, 0);
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        let read = |file: &str| fs::read_to_string(path.join(file)).unwrap_or_default();
        if !read("comm").starts_with(name) {
            continue;
        }
        let nanos = read("schedstat").split(' ').next().and_then(|nanos| nanos.parse().ok());
        cpu += Duration::from_nanos(nanos.unwrap_or(0));
        let status = read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        n_waits += line.and_then(|n| n.trim().parse::<u64>().ok()).unwrap_or(0);
        n_threads += 1;
    }
    (cpu, n_waits, n_threads)
}

fn await_count(count: &AtomicU64, expected: u64) {
    let start = Instant::now();
    while count.load(Ordering::Acquire) < expected {
        assert!(start.elapsed() < PATIENCE * 4, "{} of {expected}", count.load(Ordering::Acquire));
        thread::sleep(Duration::from_millis(1));
    }
}

/// Lets a client in, and into a room.
fn let_in(stream: &TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while !line.starts_with("USER") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the client has gone");
        if line.starts_with("CAP LS") {
            writer.write_all(b":s CAP * LS :\r\n").unwrap();
        }
    }
    writer.write_all(b":s 001 ann :Hi\r\n:s 376 ann :.\r\n:ann!a@h JOIN #lobby\r\n").unwrap();
    writer.write_all(b":s 353 ann = #lobby :ann bob\r\n:s 366 ann #lobby :.\r\n").unwrap();
}

fn receive(n_messages: u64) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counts = Arc::new(Counts::default());
    let server = thread::Builder::new().name("load".into());
    let server = server.spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let_in(&stream);
        let line = format!(":bob!b@h PRIVMSG #lobby :{}\r\n", "x".repeat(100));
        let lines = line.repeat(400);
        let mut left = n_messages;
        while left > 0 {
            let n = left.min(400);
            stream.write_all(&lines.as_bytes()[..line.len() * n as usize]).unwrap();
            left -= n;
        }
        // Until the client has gone.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let client = ChatClient::builder(address.to_string(), "ann")
        .update_queue(n_messages as usize + 1000)
        .memory(MemoryBudget::new(8 << 30))
        .listener(Counting(Arc::clone(&counts)))
        .connect()
        .unwrap();
    let start = Instant::now();
    await_count(&counts.n_messages, n_messages);
    let (time, (cpu, ..)) = (start.elapsed(), threads("chat-core"));
    println!(
        "received: {:.2} million messages a second of processor time, {:.2} by the clock, {} dropped",
        n_messages as f64 / cpu.as_secs_f64() / 1e6,
        n_messages as f64 / time.as_secs_f64() / 1e6,
        counts.n_dropped.load(Ordering::Relaxed),
    );
    client.close(PATIENCE).unwrap();
    server.unwrap().join().unwrap();
}

/// A client that has said something in a room of our own server.
fn at_home() -> (Subject, Arc<Counts>, ChatClient) {
    let subject = Subject::start(Peer::Ours(Mode::Memory)).unwrap();
    let counts = Arc::new(Counts::default());
    let client = ChatClient::builder(subject.address.to_string(), "ann")
        .join("#lobby")
        .listener(Counting(Arc::clone(&counts)))
        .connect()
        .unwrap();
    client.send("#lobby", "first").unwrap();
    await_count(&counts.n_acknowledged, 1);
    (subject, counts, client)
}

fn send(n_messages: u64) {
    let (_subject, counts, client) = at_home();
    let before = threads("chat-core").0;
    let start = Instant::now();
    let text = "x".repeat(100);
    for _ in 0..n_messages {
        // The queue is bounded; whoever is told that it is full tries again.
        while client.send("#lobby", &text).is_err() {
            thread::sleep(Duration::from_micros(100));
        }
    }
    await_count(&counts.n_acknowledged, n_messages + 1);
    let (time, cpu) = (start.elapsed(), threads("chat-core").0 - before);
    println!(
        "sent and acknowledged: {:.0} thousand a second of processor time, {:.0} by the clock",
        n_messages as f64 / cpu.as_secs_f64() / 1e3,
        n_messages as f64 / time.as_secs_f64() / 1e3,
    );
    client.close(PATIENCE).unwrap();
}

fn idle() {
    let (_subject, _, client) = at_home();
    thread::sleep(Duration::from_millis(500));
    let before = threads("chat-core").1;
    thread::sleep(Duration::from_secs(3));
    println!("idle: woken {} times in 3 s", threads("chat-core").1 - before);
    client.close(PATIENCE).unwrap();
}

fn many(n_clients: usize) {
    let _ = rlimit::increase_nofile_limit(20_000);
    let subject = Subject::start(Peer::Ours(Mode::Memory)).unwrap();
    let own = Process(std::process::id());
    let (memory, start) = (own.memory("VmRSS"), Instant::now());
    let counts = Arc::new(Counts::default());
    let clients: Vec<ChatClient> = (0..n_clients)
        .map(|number| {
            ChatClient::builder(subject.address.to_string(), format!("c{number}"))
                .join("#lobby")
                .listener(Counting(Arc::clone(&counts)))
                .connect()
                .unwrap()
        })
        .collect();
    while clients.iter().any(|client| client.members("#lobby").len() < n_clients) {
        assert!(start.elapsed() < PATIENCE * 4, "not everybody knows of everybody");
        thread::sleep(Duration::from_millis(10));
    }
    let joined = start.elapsed();
    let start = Instant::now();
    clients[0].send("#lobby", "hello").unwrap();
    await_count(&counts.n_messages, n_clients as u64);
    println!(
        "{n_clients} clients: {} threads, all in a room after {:.1} s, {:.0} KiB each, a message to all in {:.0} ms",
        threads("chat-core").2,
        joined.as_secs_f64(),
        (own.memory("VmRSS") - memory) as f64 / 1024.0 / n_clients as f64,
        start.elapsed().as_secs_f64() * 1e3,
    );
    for client in clients {
        client.close(PATIENCE).unwrap();
    }
}
