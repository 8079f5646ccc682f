//! Misuse of our clients by a server: what a program has in memory while its server does its worst. Waiting is not measured:
//! nobody else waits for a client.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;

use chat_core::{ChatClient, MemoryBudget, listener::from_fn};
use chat_tests::{PATIENCE, load::Process, program};

use super::{MIB, SLACK_BYTES, Verdict, others::await_line};

/// The first word of this program's arguments when it is a client itself.
pub(super) const CLIENT: &str = "client-that-takes-nothing";

/// Memory beyond the budget: the batch in the listener's hands and those on their way to it, what is read at once and
/// what comes of it, and what the allocator keeps.
const CLIENT_SLACK_BYTES: u64 = 2 * SLACK_BYTES;

/// A row of the table.
struct Row {
    name: &'static str,
    subject: Subject,
    act: fn(&mut Flood),
}

/// The program that suffers it.
#[derive(Clone, Copy)]
enum Subject {
    /// The SDK, with a listener that takes nothing.
    Sdk,
    /// `chat-cli listen`, whose output nobody reads.
    Cli,
}

const ROWS: &[Row] = &[
    Row { name: "client: history that never comes", subject: Subject::Sdk, act: Flood::no_history },
    Row {
        name: "client: pages of history that never end",
        subject: Subject::Sdk,
        act: Flood::pages,
    },
    Row { name: "client: names", subject: Subject::Sdk, act: Flood::names },
    Row { name: "client: rooms with long topics", subject: Subject::Sdk, act: Flood::topics },
    Row { name: "client: output that nobody reads", subject: Subject::Cli, act: Flood::no_history },
    Row {
        name: "client: names, output that nobody reads",
        subject: Subject::Cli,
        act: Flood::names,
    },
];

/// Runs the rows whose names have `word` in them; whether their goals are met.
pub(super) fn run_all(word: &str, time: Duration) -> Verdict {
    let mut verdict = Verdict::Met;
    for row in ROWS.iter().filter(|row| row.name.contains(word)) {
        verdict = verdict.max(run(row, time));
    }
    verdict
}

/// Is the client, until it is ended.
pub(super) fn be_client(address: &str) {
    let client = ChatClient::builder(address, "ann").listener(from_fn(|_, _| {
        thread::park();
    }));
    let _client = client.start().unwrap();
    loop {
        thread::park();
    }
}

fn run(row: &Row, time: Duration) -> Verdict {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = row.subject.start(&listener.local_addr().unwrap().to_string());
    let mut flood = Flood::begin(listener.accept().unwrap().0);
    let process = Process(client.id());
    let before = process.memory("VmRSS");
    let start = Instant::now();
    while start.elapsed() < time {
        (row.act)(&mut flood);
    }
    flood.answered();
    let seconds = start.elapsed().as_secs_f64();
    let peak = process.memory("VmHWM");
    client.kill().unwrap();
    client.wait().unwrap();
    let allowed = before + MemoryBudget::default().bytes() as u64 + CLIENT_SLACK_BYTES;
    let small = Verdict::of(peak, allowed);
    println!(
        "{:<44} {:>8.0}/s {:>7} {:>7} {:>8} {:>7} {:>6.1} → {:>6.1} {:>8.1}{}",
        row.name,
        flood.n_lines as f64 / seconds,
        "",
        "",
        "",
        "",
        before as f64 / MIB as f64,
        peak as f64 / MIB as f64,
        allowed as f64 / MIB as f64,
        small.sign(),
    );
    small
}

impl Subject {
    fn start(self, address: &str) -> Child {
        let mut command = match self {
            Self::Sdk => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args([CLIENT, address]);
                command
            }
            Self::Cli => {
                let mut command = Command::new(program::path("chat-cli"));
                command.args(["listen", address, "--name", "ann"]);
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
    }
}

/// The server's end of the connection, and what it has made up so far.
struct Flood {
    stream: TcpStream,
    /// The client has looked at all that was sent.
    answered: Receiver<()>,
    n_lines: u64,
    text: String,
}

impl Flood {
    /// Lets the client in, with all that it asks the past by.
    fn begin(stream: TcpStream) -> Self {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (answer, answered) = crossbeam_channel::bounded(1);
        let mut flood = Self { stream, answered, n_lines: 0, text: "x".repeat(14_000) };
        let caps = "batch message-tags server-time draft/chathistory chat.local/changes";
        await_line(&mut reader, "USER ");
        flood.lines(&format!(":s CAP * LS :{caps}\r\n"));
        await_line(&mut reader, "CAP REQ ");
        flood.lines(&format!(
            ":s CAP * ACK :{caps}\r\n:s 001 ann :Hi\r\n:s 005 ann soju.im/SAFERATE :are supported\r\n\
             :s 422 ann :No\r\nPING :ready\r\n"
        ));
        await_line(&mut reader, "PONG ");
        flood.n_lines = 0;
        // Of what it says from now on one line is of interest, but all of it must be read.
        thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if line.starts_with("PONG ") && line.ends_with("all") {
                    answer.send(()).unwrap();
                }
            }
        });
        flood
    }

    /// Sends lines.
    fn lines(&mut self, lines: &str) {
        self.n_lines += lines.matches('\n').count() as u64;
        self.stream.write_all(lines.as_bytes()).expect("the client is there");
    }

    /// Waits until the client has looked at all that was sent.
    fn answered(&mut self) {
        self.lines("PING :all\r\n");
        self.answered.recv_timeout(PATIENCE).expect("the client answers");
    }

    /// 400 rooms whose past is asked for and never told, and long messages to each of them.
    fn no_history(&mut self) {
        for room in 0..400 {
            if self.n_lines < 400 {
                self.lines(&format!(":ann!u@h JOIN #{room}\r\n"));
            }
            self.lines(&format!(":bob!u@h PRIVMSG #{room} :{}\r\n", self.text));
        }
    }

    /// A page of the past of each of 64 rooms, which goes on and on.
    fn pages(&mut self) {
        for room in 0..64 {
            if self.n_lines < 3 * 64 {
                let begin =
                    format!(":ann!u@h JOIN #{room}\r\n:s BATCH +{room} chathistory #{room}\r\n");
                self.lines(&begin);
            }
            self.lines(&format!("@batch={room} :bob!u@h PRIVMSG #{room} :{}\r\n", self.text));
        }
    }

    /// Rooms with names that are alike, and people in them with nicks as long as may be, and longer.
    fn names(&mut self) {
        let n = self.n_lines;
        let room = format!("#{}{:04}", "r".repeat(190), n % 4000);
        let nicks: Vec<String> = (n..n + 70).map(|n| format!("{n:0200}")).collect();
        self.lines(&format!(
            ":ann!u@h JOIN {room}\r\n:s 353 ann = {room} :{}\r\n:s 366 ann {room} :End\r\n\
             :{}!u@h JOIN {room}\r\n:{n:0200}!u@h NICK {:0200}\r\n",
            nicks.join(" "),
            "n".repeat(4000),
            n + 1_000_000,
        ));
    }

    fn topics(&mut self) {
        let room = format!("#{}", self.n_lines);
        self.lines(&format!(":ann!u@h JOIN {room}\r\n:s 332 ann {room} :{}\r\n", self.text));
    }
}
