//! Ours against other people's servers and against the floor, in one run: what each needs for the same work.
//!
//! ```sh
//! cargo xtask bench
//! cargo bench -p chat-tests --bench load -- fanout --only chat,redis-server --runs 5
//! ```
//!
//! Each workload runs on every peer before the next one, each time on a server that has just been started,
//! in a network namespace of its own where that is allowed. What counts is processor time of the server, and its ratio
//! to the others of the same run; time on the wall says more of what else the machine does.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time and keeps a pace")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what it is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use chat_tests::load::{
    Crowd, Floor, Flow, FlowRun, Mode, Peer, Shape, Subject,
    chart::{self, Bar, figure},
    come_over_tls, storm,
};
use clap::Parser;

/// Measures our server, other people's and the floor, and prints ratios.
#[derive(Parser)]
struct Arguments {
    /// Workloads whose name has one of these in it; all, without any
    workloads: Vec<String>,
    /// Servers to measure, as they stand in the tables: chat,floor,redis-server; all, unless it is said
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<String>>,
    /// Runs of each
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// A hundredth of the work once, to see that it works
    #[arg(long)]
    small: bool,
    /// Stay in the network of this computer
    #[arg(long)]
    no_namespace: bool,
    /// The flag that `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// The work that is measured.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// Four speak to so many, as fast as 256 messages under way of each let them.
    Fanout(usize),
    /// Four speak to so many, as in `Fanout`, while so many others are connected.
    Crowded(usize),
    /// One speaks to so many, a message at a time.
    Single(usize),
    /// Rooms of one who speaks and ten who listen, 16 messages under way in each.
    Rooms(usize),
    /// One speaks to so many, 200 times a second.
    Paced(usize),
    /// A hundred rooms of one who speaks and one who listens, 256 messages under way in each: so many
    /// messages are stored.
    Stored,
    /// Connections that say nothing.
    Idle(usize),
    /// People who come at once into one room.
    Storm(usize),
    /// A server is started.
    Start,
}

/// Of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contestant {
    Floor,
    Peer(Peer),
}

impl Contestant {
    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Peer(peer) => peer.name(),
        }
    }
}

const OURS: Contestant = Contestant::Peer(Peer::Ours(Mode::Memory));
const DURABLE: Contestant = Contestant::Peer(Peer::Ours(Mode::Durable));

/// A row of the tables, and who takes part in it beside ours.
struct Workload {
    name: &'static str,
    work: Work,
    against: &'static [Side],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Floor,
    Peers,
    IrcPeers,
    Durable,
    Tls,
}

use Side::{Durable, Floor as TheFloor, IrcPeers, Peers, Tls};

const WORKLOADS: &[Workload] = &[
    Workload { name: "fanout-10", work: Work::Fanout(10), against: &[TheFloor, Peers] },
    Workload { name: "fanout-100", work: Work::Fanout(100), against: &[TheFloor, Peers, Durable] },
    Workload { name: "fanout-1000", work: Work::Fanout(1000), against: &[TheFloor, Peers] },
    // Both ends of the floor are in one process, which may have 20,000 descriptors.
    Workload { name: "fanout-9900", work: Work::Fanout(9_900), against: &[TheFloor] },
    Workload { name: "crowded-1000", work: Work::Crowded(1000), against: &[] },
    Workload { name: "crowded-19000", work: Work::Crowded(18_900), against: &[] },
    Workload { name: "rooms-100x10", work: Work::Rooms(100), against: &[TheFloor, Peers] },
    Workload { name: "single-100", work: Work::Single(100), against: &[TheFloor, Peers] },
    Workload { name: "paced-100", work: Work::Paced(100), against: &[TheFloor, Peers, Durable] },
    Workload { name: "paced-1000", work: Work::Paced(1000), against: &[TheFloor, Peers] },
    Workload { name: "stored", work: Work::Stored, against: &[Durable] },
    Workload { name: "idle-10000", work: Work::Idle(10_000), against: &[Peers, Tls] },
    Workload { name: "storm-1000", work: Work::Storm(1000), against: &[IrcPeers] },
    Workload { name: "storm-2000", work: Work::Storm(2000), against: &[IrcPeers] },
    Workload { name: "storm-5000", work: Work::Storm(5000), against: &[] },
    Workload { name: "start", work: Work::Start, against: &[Peers, Durable] },
];

/// The figures that a run shows, by the name of the column.
type Figures = Vec<(&'static str, f64)>;

const CPU: &str = "CPU s/M";
const RATE: &str = "k/s";
const MEMORY: &str = "KiB each";
const CPU_EACH: &str = "CPU µs each";
const CPU_ALL: &str = "CPU s";

/// The column that decides.
fn deciding(work: Work) -> &'static [&'static str] {
    match work {
        Work::Fanout(_) | Work::Crowded(_) | Work::Rooms(_) | Work::Single(_) => &[CPU],
        Work::Paced(_) => &[CPU, "p50 µs", "p99 µs"],
        Work::Stored => &[CPU, RATE],
        Work::Idle(_) => &[MEMORY, CPU_EACH, RATE],
        Work::Storm(_) => &[CPU_ALL, "s"],
        Work::Start => &["ms", "MiB"],
    }
}

fn main() {
    let arguments = Arguments::parse();
    enter_namespace(&arguments);
    let limit = rlimit::increase_nofile_limit(20_000).unwrap_or(0);
    if limit < 20_000 {
        println!("only {limit} descriptors are allowed: the largest crowds will not fit");
    }
    let peers: Vec<Peer> = Peer::OTHERS
        .into_iter()
        .filter(|peer| {
            let is_installed = peer.program().is_some();
            if !is_installed {
                println!("{} is not installed: `cargo xtask bench --install`", peer.name());
            }
            is_installed
        })
        .collect();
    let chosen: Vec<&Workload> = WORKLOADS
        .iter()
        .filter(|workload| {
            let words = &arguments.workloads;
            words.is_empty() || words.iter().any(|word| is_meant(workload.name, word))
        })
        .collect();
    let mut table = Table::default();
    let n_runs = if arguments.small { 1 } else { arguments.runs };
    for run in 1..=n_runs {
        for workload in &chosen {
            for contestant in contestants(workload, &peers) {
                let only = arguments.only.as_ref();
                if only.is_some_and(|names| !names.iter().any(|name| name == contestant.name())) {
                    continue;
                }
                eprintln!("run {run} of {n_runs}: {}, {}", workload.name, contestant.name());
                match measure(workload.work, contestant, arguments.small) {
                    Ok(figures) => table.add(workload.name, contestant.name(), figures),
                    Err(error) => {
                        table.failures.push(format!(
                            "{}, {}: {error}",
                            workload.name,
                            contestant.name()
                        ));
                        eprintln!("   failed: {error}");
                    }
                }
            }
        }
    }
    for workload in &chosen {
        table.print(workload);
    }
    table.print_ratios(&chosen);
    let folder = charts_folder();
    for workload in &chosen {
        table.draw(workload, &folder);
    }
    println!("\ncharts: {}", folder.display());
    for failure in &table.failures {
        println!("failed: {failure}");
    }
    // What others cannot do is theirs; a peer that does nothing at all is a fault of the benchmark.
    let is_idle = |peer: &Peer| !table.runs.keys().any(|(_, name)| *name == peer.name());
    let has_failed = table.failures.iter().any(|failure| failure.contains(", chat"));
    if has_failed
        || arguments.workloads.is_empty() && arguments.only.is_none() && peers.iter().any(is_idle)
    {
        std::process::exit(1);
    }
}

/// Starts again in a network of our own, where nobody else's connections are, if that is allowed.
fn enter_namespace(arguments: &Arguments) {
    const INSIDE: &str = "CHAT_LOAD_NAMESPACE";
    if arguments.no_namespace {
        return;
    }
    if std::env::var_os(INSIDE).is_some() {
        let is_up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(is_up.is_ok_and(|status| status.success()), "`ip` of iproute2 sets the network up");
        // As the field's figures were taken; the kernel's default does as well.
        let _ = fs::write("/proc/sys/net/ipv4/tcp_congestion_control", "reno");
        return;
    }
    // Whoever is not root becomes it in there; ngIRCd then finds no other user to be, and is left out.
    for flags in [&["--net"][..], &["--net", "--map-root-user"]] {
        let can = Command::new("unshare").args(flags).args(["ip", "link"]).output();
        if can.is_ok_and(|output| output.status.success()) {
            let mut again = Command::new("unshare");
            again.args(flags).arg(std::env::current_exe().unwrap());
            let error = again.args(std::env::args_os().skip(1)).env(INSIDE, "1").exec();
            eprintln!("unshare: {error}");
        }
    }
    println!("no network namespace of our own: everything runs in this computer's network");
}

fn contestants(workload: &Workload, peers: &[Peer]) -> Vec<Contestant> {
    let mut all = vec![OURS];
    for side in workload.against {
        match side {
            TheFloor => all.push(Contestant::Floor),
            Durable => all.push(DURABLE),
            Tls => all.push(Contestant::Peer(Peer::Ours(Mode::Tls))),
            Peers => all.extend(peers.iter().copied().map(Contestant::Peer)),
            IrcPeers => {
                let irc = peers.iter().copied().filter(|peer| peer.dialect().speakers_hear());
                all.extend(irc.map(Contestant::Peer));
            }
        }
    }
    all
}

/// Deliveries of a windowed run, so that it takes about a second.
const DELIVERIES: usize = 4_000_000;
/// The time a paced run takes.
const PACED: Duration = Duration::from_secs(5);
const PACE: Duration = Duration::from_millis(5);
/// The time a crowd that says nothing is watched.
const IDLE: Duration = Duration::from_secs(2);

/// The time a crowd has been quiet when its memory is looked at: allocators keep what its arrival needed for seconds.
const SETTLING: Duration = Duration::from_secs(12);

fn measure(work: Work, contestant: Contestant, is_small: bool) -> io::Result<Figures> {
    let scale = if is_small { 100 } else { 1 };
    let smaller = |n: usize| if is_small { (n / 10).clamp(2, 200) } else { n };
    let Contestant::Peer(peer) = contestant else { return floor(work, scale, smaller) };
    let subject = Subject::start(peer)?;
    let start_rss = subject.process().memory("VmRSS");
    match work {
        Work::Fanout(receivers) => {
            let shape = Shape { rooms: 1, receivers: smaller(receivers), senders: 4, window: 256 };
            flow(&subject, shape, DELIVERIES / scale)
        }
        Work::Crowded(n_others) => {
            let mut others = Crowd::new(peer.dialect(), 1_000_000)?;
            others.come(subject.address, smaller(n_others), peer.connecting())?;
            let shape = Shape { rooms: 1, receivers: 10, senders: 4, window: 256 };
            let figures = flow(&subject, shape, DELIVERIES / scale)?;
            drop(others);
            Ok(figures)
        }
        Work::Rooms(rooms) => {
            let shape = Shape { rooms: smaller(rooms), receivers: 10, senders: 1, window: 16 };
            flow(&subject, shape, DELIVERIES / 2 / scale)
        }
        Work::Stored => {
            let shape = Shape { rooms: smaller(100), receivers: 1, senders: 1, window: 256 };
            flow(&subject, shape, DELIVERIES / 4 / scale)
        }
        Work::Single(receivers) => {
            let shape = Shape { rooms: 1, receivers: smaller(receivers), senders: 1, window: 1 };
            flow(&subject, shape, DELIVERIES / 10 / scale)
        }
        Work::Paced(receivers) => {
            let shape = Shape { rooms: 1, receivers: smaller(receivers), senders: 1, window: 1 };
            let mut flow = Flow::begin(subject.address, peer.dialect(), shape, peer.connecting())?;
            flow.paced(PACE, PACED / 10 / scale as u32, subject.process())?;
            let run = flow.paced(PACE, PACED / scale as u32, subject.process())?;
            Ok(told(&subject, &run))
        }
        Work::Idle(n_members) => idle(&subject, smaller(n_members), is_small),
        Work::Storm(n_members) => {
            let n_members = smaller(n_members);
            let dialect = peer.dialect();
            let process = subject.process();
            let run = storm(subject.address, dialect, n_members, peer.connecting(), process)?;
            Ok(vec![
                (CPU_ALL, run.server_cpu.as_secs_f64()),
                ("s", run.time.as_secs_f64()),
                ("s to join", run.joined.as_secs_f64()),
                (CPU, run.server_cpu.as_secs_f64() * 1e6 / run.n_joins as f64),
                ("peak MiB", process.memory("VmHWM") as f64 / 1048576.0),
            ])
        }
        Work::Start => Ok(vec![
            ("ms", subject.start_time.as_secs_f64() * 1e3),
            ("MiB", start_rss as f64 / 1048576.0),
            ("binary MiB", fs::metadata(peer.program().unwrap())?.len() as f64 / 1048576.0),
        ]),
    }
}

fn floor(work: Work, scale: usize, smaller: impl Fn(usize) -> usize) -> io::Result<Figures> {
    let (receivers, batch, pace) = match work {
        Work::Fanout(receivers) => (receivers, 64, None),
        Work::Rooms(rooms) => (rooms * 10, 8, None),
        Work::Single(receivers) => (receivers, 1, None),
        Work::Paced(receivers) => (receivers, 1, Some(PACE)),
        _ => return Err(io::Error::other("there is no floor to this")),
    };
    let receivers = smaller(receivers);
    let rounds = match (pace, batch) {
        (Some(pace), _) => (PACED.as_secs_f64() / pace.as_secs_f64()) as usize,
        (None, 1) => DELIVERIES / 10 / receivers,
        (None, _) => DELIVERIES / receivers / batch,
    };
    let run = Floor { receivers, batch, rounds: (rounds / scale).max(2), pace }.run()?;
    Ok(vec![
        (CPU, run.cpu_per_million()),
        (RATE, run.n_deliveries as f64 / run.time.as_secs_f64() / 1e3),
    ])
}

/// Whether a word on the command line stands for a workload: by its whole name, or by a part if that is nobody's name.
fn is_meant(name: &str, word: &str) -> bool {
    name == word || name.contains(word) && WORKLOADS.iter().all(|other| other.name != word)
}

/// A windowed flow of about so many deliveries, a tenth of it before it counts.
fn flow(subject: &Subject, shape: Shape, n_deliveries: usize) -> io::Result<Figures> {
    let dialect = subject.peer.dialect();
    let mut flow = Flow::begin(subject.address, dialect, shape, subject.peer.connecting())?;
    let n_senders = shape.rooms * shape.senders;
    let n_messages = (n_deliveries / shape.n_hearers(dialect) / n_senders).max(8) as u32;
    flow.windowed(n_messages / 8, subject.process())?;
    let run = flow.windowed(n_messages, subject.process())?;
    Ok(told(subject, &run))
}

fn told(subject: &Subject, run: &FlowRun) -> Figures {
    let micros = |share| run.latency.value_at_quantile(share) as f64 / 1e3;
    vec![
        (CPU, run.cpu_per_million()),
        (RATE, run.n_deliveries as f64 / run.time.as_secs_f64() / 1e3),
        ("p50 µs", micros(0.5)),
        ("p99 µs", micros(0.99)),
        ("client s/M", run.client_cpu.as_secs_f64() * 1e6 / run.n_deliveries as f64),
        ("B each", run.bytes_each),
        ("peak MiB", subject.process().memory("VmHWM") as f64 / 1048576.0),
    ]
}

fn idle(subject: &Subject, n_members: usize, is_small: bool) -> io::Result<Figures> {
    let process = subject.process();
    let (rss_before, cpu_before) = (process.memory("VmRSS"), process.cpu());
    let start = Instant::now();
    let mut crowd = Crowd::new(subject.peer.dialect(), 0)?;
    let over_tls = match subject.peer {
        Peer::Ours(Mode::Tls) => come_over_tls(subject, n_members)?,
        peer => {
            crowd.come(subject.address, n_members, peer.connecting())?;
            Vec::new()
        }
    };
    let (time, cpu) = (start.elapsed(), process.cpu() - cpu_before);
    let (settling, idle) = if is_small { (SETTLING / 60, IDLE / 10) } else { (SETTLING, IDLE) };
    std::thread::sleep(settling);
    let rss = process.memory("VmRSS").saturating_sub(rss_before);
    let cpu_before = process.cpu();
    std::thread::sleep(idle);
    let idle_cpu = process.cpu() - cpu_before;
    drop(over_tls);
    Ok(vec![
        (MEMORY, rss as f64 / 1024.0 / n_members as f64),
        (CPU_EACH, cpu.as_secs_f64() * 1e6 / n_members as f64),
        (RATE, n_members as f64 / time.as_secs_f64() / 1e3),
        ("idle CPU %", idle_cpu.as_secs_f64() / idle.as_secs_f64() * 100.0),
    ])
}

/// All runs: by workload, contestant and column.
#[derive(Default)]
struct Table {
    runs: BTreeMap<(&'static str, &'static str), Vec<Figures>>,
    /// In the order in which they first ran.
    names: BTreeMap<&'static str, Vec<&'static str>>,
    failures: Vec<String>,
}

impl Table {
    fn add(&mut self, workload: &'static str, name: &'static str, figures: Figures) {
        let shown: Vec<String> =
            figures.iter().map(|(column, value)| format!("{column} {}", figure(*value))).collect();
        eprintln!("   {}", shown.join(", "));
        let names = self.names.entry(workload).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
        self.runs.entry((workload, name)).or_default().push(figures);
    }

    /// The values of one column, smallest first.
    fn values(&self, workload: &str, name: &str, column: &str) -> Vec<f64> {
        let runs = self.runs.iter().filter(|((own, of), _)| *own == workload && *of == name);
        let figures = runs.flat_map(|(_, runs)| runs).flatten();
        let mut values: Vec<f64> =
            figures.filter(|(own, _)| *own == column).map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn names(&self, workload: &str) -> &[&'static str] {
        self.names.get(workload).map_or(&[], Vec::as_slice)
    }

    fn print(&self, workload: &Workload) {
        let names = self.names(workload.name);
        let Some(first) = names.first().and_then(|name| self.runs.get(&(workload.name, *name)))
        else {
            return;
        };
        let columns: Vec<&str> = first[0].iter().map(|(column, _)| *column).collect();
        println!("\n### {}\n\n| | n | {} |", workload.name, columns.join(" | "));
        println!("| --- | ---: |{}", " ---: |".repeat(columns.len()));
        for name in names {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| spread(&self.values(workload.name, name, column)))
                .collect();
            let n = self.runs[&(workload.name, *name)].len();
            println!("| {name} | {n} | {} |", cells.join(" | "));
        }
    }

    /// Ours to each of the others: less is better but for rates.
    fn print_ratios(&self, workloads: &[&Workload]) {
        let mut others: Vec<&str> = Vec::new();
        for name in workloads.iter().flat_map(|workload| self.names(workload.name)) {
            if *name != OURS.name() && !others.contains(name) {
                others.push(name);
            }
        }
        println!(
            "\n### Ours to the others: medians, and the least and most that single runs give\n"
        );
        println!("| workload | what | ours | {} |", others.join(" | "));
        println!("| --- | --- | ---: |{}", " ---: |".repeat(others.len()));
        for workload in workloads {
            for column in deciding(workload.work) {
                let ours = self.values(workload.name, OURS.name(), column);
                if ours.is_empty() {
                    continue;
                }
                let cells: Vec<String> = others
                    .iter()
                    .map(|other| ratio(&ours, &self.values(workload.name, other, column)))
                    .collect();
                println!(
                    "| {} | {column} | {} | {} |",
                    workload.name,
                    spread(&ours),
                    cells.join(" | ")
                );
            }
        }
    }

    fn draw(&self, workload: &Workload, folder: &std::path::Path) {
        let column = deciding(workload.work)[0];
        let bars: Vec<Bar> = self
            .names(workload.name)
            .iter()
            .filter_map(|name| {
                let values = self.values(workload.name, name, column);
                let spread = (*values.first()?, *values.last()?);
                Some(Bar { name: (*name).to_owned(), value: median(&values), spread })
            })
            .collect();
        let picture = chart::svg(workload.name, &format!("{column}; less is better"), &bars);
        fs::write(folder.join(format!("{}.svg", workload.name)), picture).unwrap();
    }
}

/// `median (least–most)`
fn spread(values: &[f64]) -> String {
    match values {
        [] => "–".to_owned(),
        [only] => figure(*only),
        [least, .., most] => {
            format!("{} ({}–{})", figure(median(values)), figure(*least), figure(*most))
        }
    }
}

fn ratio(ours: &[f64], theirs: &[f64]) -> String {
    match (ours, theirs) {
        ([least, .., most], [their_least, .., their_most]) => format!(
            "{} ({}–{})",
            figure(median(ours) / median(theirs)),
            figure(least / their_most),
            figure(most / their_least)
        ),
        ([], _) | (_, []) => "–".to_owned(),
        _ => figure(median(ours) / median(theirs)),
    }
}

fn median(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn charts_folder() -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench"));
    fs::create_dir_all(&folder).unwrap();
    folder
}
