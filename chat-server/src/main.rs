//! The server as a program: arguments, the configuration file, signals, what it prints.

use std::{
    fs::File,
    io::{self, Write},
    net::TcpListener,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use chat_core::proto::CaseMapping;
use chat_server::{
    Reloader, Server, ServerEvent,
    config::ConfigFile,
    event::Incident,
    hub::Hub,
    private_files,
    store::{self, Moved, Report},
};
use clap::Parser;
use crossbeam_channel::{Receiver, Sender};
use ipnet::IpNet;
use listenfd::ListenFd;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use toml::{Table, Value};

/// A message is made on one thread and dropped on another, a quarter of its cost with the system's allocator
/// (`docs/performance.md`).
#[cfg(all(unix, feature = "jemalloc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Hosts rooms to chat in. Any IRC client can join.
///
/// Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong arguments.
// More than 12 fields: one for each option of the command line.
#[derive(Debug, Clone, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
    /// A file with these settings, in TOML, by the same names; arguments override it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Flags that say what a key of the configuration file could, by the same names.
// More than 12 fields: one for each flag.
#[derive(Debug, Clone, clap::Args, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
struct Flags {
    /// Where to listen (default 127.0.0.1:53000); 0.0.0.0:53000 opens it to the network. Repeatable.
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Vec<String>,
    /// Where to listen for IRC over TLS. Repeatable.
    #[arg(long, global = true, value_name = "ADDR")]
    tls_listen: Vec<String>,
    /// The server's certificate: a file with its chain in PEM. Read again on SIGHUP.
    #[arg(long, global = true, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, global = true, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Make a certificate and keep it in this folder; its fingerprint is printed.
    #[arg(long, global = true, value_name = "FOLDER", conflicts_with = "certificate")]
    self_signed: Option<PathBuf>,
    /// Where to listen for WebSockets. Repeatable.
    #[arg(long, global = true, value_name = "ADDR")]
    websocket_listen: Vec<String>,
    /// Where to listen for WebSockets over TLS. Repeatable.
    #[arg(long, global = true, value_name = "ADDR")]
    websocket_tls_listen: Vec<String>,
    /// A page that may open WebSockets, such as https://chat.example.org (default: any). Repeatable.
    #[arg(long, global = true, value_name = "ORIGIN")]
    websocket_origins: Vec<String>,
    /// Where to tell health and numbers over HTTP (/health, /metrics). Repeatable.
    #[arg(long, global = true, value_name = "ADDR")]
    http_listen: Vec<String>,
    /// A network of proxies that tell whose connection they pass on (the PROXY protocol). Repeatable.
    #[arg(long, global = true, value_name = "NETWORK")]
    proxies: Vec<IpNet>,
    /// Where to listen for people with nc or any raw TCP program. Repeatable.
    #[arg(long, global = true, value_name = "ADDR")]
    text_listen: Vec<String>,
    /// The room people who connect are put into (default lobby).
    #[arg(long, global = true, value_name = "NAME")]
    room: Option<String>,
    /// Put nobody into a room.
    #[arg(long, global = true, conflicts_with = "room")]
    no_auto_join: bool,
    /// This server's name (default chat.local).
    #[arg(long, global = true, value_name = "SERVERNAME")]
    name: Option<String>,
    /// The network's name (default chat).
    #[arg(long, global = true, value_name = "NAME")]
    network: Option<String>,
    /// A file whose first line everyone must send as the server's password.
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A file with the message of the day.
    #[arg(long, global = true, value_name = "FILE")]
    motd_file: Option<PathBuf>,
    /// Connections at once (default 10000).
    #[arg(long, global = true, value_name = "N")]
    max_clients: Option<usize>,
    /// Stop when the last person leaves.
    #[arg(long, global = true)]
    exit_when_empty: bool,
    /// Lift the limits on flooding and on connections per address, for benchmarks and tests.
    #[arg(long, global = true)]
    unlimited: bool,
    /// Where to keep messages (default: chat-server in your folder for data).
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Keep no messages.
    #[arg(long, global = true, conflicts_with = "data")]
    in_memory: bool,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Print the settings that are in force, as the configuration file writes them.
    Config,
    /// Read a password and print what to put into the configuration file in its place.
    Hash,
    /// Look whether the database is sound, also while a server uses it.
    Check {
        /// Date messages that are later than now as of now: a clock was wrong once. No server may use the folder.
        #[arg(long)]
        mend: bool,
    },
    /// Write a copy of the database to a file, also while a server uses it. To restore it, put it in the folder as chat.db.
    Backup {
        /// The file, which is not there yet.
        file: PathBuf,
    },
    /// Print what is kept, a line of JSON for each message, also while a server uses it.
    Export {
        /// Only what was said in this room. Repeatable.
        #[arg(long = "only", value_name = "ROOM")]
        only: Vec<String>,
        /// Accounts too, with the hashes of their passwords.
        #[arg(long)]
        with_accounts: bool,
        /// A file to write it to, which is not there yet and which only you can read (default: the output).
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Read what was exported: all of it, or nothing. No server may use the folder.
    Import,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Nobody reads the error stream: nothing more can be said.
            let _ = writeln!(io::stderr(), "chat-server: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), String> {
    let (events, arrivals) = crossbeam_channel::bounded(4096);
    if let Some(command) = &arguments.command {
        return match command {
            Command::Config => show_config(arguments),
            Command::Hash => show_hash(),
            Command::Check { mend } => check(&folder(&arguments)?, *mend),
            Command::Backup { file } => back_up(&folder(&arguments)?, file),
            Command::Export { only, with_accounts, to } => {
                export(&folder(&arguments)?, only, *with_accounts, to.as_deref())
            }
            Command::Import => import(&folder(&arguments)?),
        };
    }
    let mut config = settings(arguments.clone())?.into_config()?;
    config.events = Some(events);
    config.inherited = inherited()?;
    // A server that may not is as good as the system allows.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| error.to_string())?;
    let server = Server::start(config).map_err(|error| error.to_string())?;
    let printer = Printer::start()?;
    let reporter = report(arrivals, printer.lines.clone(), server.reloader(), arguments.clone())?;
    for address in server.addresses() {
        printer.say(format!("listening on {address}"));
    }
    for address in server.tls_addresses() {
        printer.say(format!("listening on {address} for TLS"));
    }
    for address in server.web_socket_addresses() {
        printer.say(format!("listening on {address} for WebSockets"));
    }
    for address in server.web_socket_tls_addresses() {
        printer.say(format!("listening on {address} for WebSockets over TLS"));
    }
    for address in server.http_addresses() {
        printer.say(format!("listening on {address} for HTTP"));
    }
    if let Some(fingerprint) = server.fingerprint() {
        printer.say(format!("the certificate's SHA-256 fingerprint is {fingerprint}"));
    }
    if let Some(warning) = certificate_warning(&server.reloader()) {
        printer.say(warning);
    }
    server.warnings().iter().for_each(|warning| printer.say(warning.clone()));
    for address in server.text_addresses() {
        printer.say(format!("listening on {address} for plain text"));
    }
    let (stopper, reloader) = (server.stopper(), server.reloader());
    let signals_handle = signals.handle();
    let lines = printer.lines.clone();
    let signal_thread = std::thread::Builder::new().name("chat-signals".into()).spawn(move || {
        for signal in signals.forever() {
            if signal != SIGHUP {
                return stopper.stop(chat_server::STOPPING);
            }
            // The printer ends after this thread.
            reload(&reloader, &arguments, SIGNAL, |line| drop(lines.send(line)));
            if let Some(warning) = certificate_warning(&reloader) {
                let _ = lines.send(warning);
            }
        }
    });
    let signal_thread = signal_thread.map_err(|error| error.to_string())?;
    let outcome = server.join().map_err(|error| error.to_string());
    signals_handle.close();
    signal_thread.join().map_err(|_| "the signal thread panicked".to_owned())?;
    reporter.join().map_err(|_| "the reporting thread panicked".to_owned())?;
    printer.say("stopped".to_owned());
    printer.end();
    outcome
}

/// Reads all files again for `by`, a signal or an operator's nick, and says what comes of it.
fn reload(reloader: &Reloader, arguments: &Arguments, by: &str, say: impl Fn(String)) {
    let config = settings(arguments.clone()).and_then(ConfigFile::into_config);
    let (sentence, incident) = match config.and_then(|config| reloader.reload(&config)) {
        Ok(()) => ("the configuration has been read again".to_owned(), Incident::settings_read(by)),
        Err(why) => (format!("nothing has changed: {why}"), Incident::settings_refused(by, &why)),
    };
    say(if by == SIGNAL { sentence } else { format!("{sentence} (REHASH of {by})") });
    say(incident.to_string());
}

/// The name of the signal at which the files are read again.
const SIGNAL: &str = "SIGHUP";

/// A warning of a certificate that should be renewed, in words.
fn certificate_warning(reloader: &Reloader) -> Option<String> {
    let expires = reloader.certificate_expires()?;
    #[expect(clippy::disallowed_methods, reason = "certificates go by the time of the day")]
    let now = SystemTime::now();
    if expires > now + RENEWAL {
        return None;
    }
    let date = humantime::format_rfc3339_seconds(expires);
    Some(if expires > now {
        format!("the certificate expires on {date}: renew it, then send SIGHUP")
    } else {
        format!(
            "the certificate expired on {date}, and clients that check it refuse it: renew it, then send SIGHUP"
        )
    })
}

/// The time before its end at which a certificate should be renewed.
const RENEWAL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The folder that the messages are in.
fn folder(arguments: &Arguments) -> Result<PathBuf, String> {
    let config = settings(arguments.clone())?.into_config()?;
    config.data.ok_or_else(|| "this server keeps no messages (in-memory)".to_owned())
}

/// Says what is wrong with a database, if anything is.
fn check(folder: &Path, mends: bool) -> Result<(), String> {
    #[expect(clippy::disallowed_methods, reason = "the clock is what messages are later than")]
    let now = SystemTime::now();
    if mends {
        let n_mended = store::mend(folder, now).map_err(|error| error.to_string())?;
        print(&format!("{n_mended} messages that were dated later are dated as of now"));
    }
    let report = store::check(folder, &Hub::can_load, now).map_err(|error| error.to_string())?;
    let Report { n_records, n_conversations, problems, n_later } = report;
    if n_later > 0 && problems.is_empty() {
        return Err(format!(
            "{n_later} messages are dated later than now, by more than an hour: if the clock is right, stop the server and run chat-server check --mend"
        ));
    }
    if problems.is_empty() {
        print(&format!("sound: {n_records} messages in {n_conversations} conversations"));
        return Ok(());
    }
    problems.iter().for_each(|problem| print(problem));
    Err(format!("the database in {} is damaged: restore a backup", folder.display()))
}

fn back_up(folder: &Path, file: &Path) -> Result<(), String> {
    store::back_up(folder, file).map_err(|error| error.to_string())?;
    print(&format!("a copy is in {}", file.display()));
    Ok(())
}

fn export(
    folder: &Path,
    only: &[String],
    with_accounts: bool,
    to: Option<&Path>,
) -> Result<(), String> {
    let fold = |room: &String| CaseMapping::Ascii.fold(room).into_owned();
    let rooms: Vec<String> = only.iter().map(fold).collect();
    let file = match to {
        Some(path) => private_files::create_new(path)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?,
        None => {
            let output = io::stdout().as_fd().try_clone_to_owned();
            let output = File::from(output.map_err(|error| error.to_string())?);
            // Nobody reads the error stream: nothing is lost but this.
            let warn = |warning| drop(writeln!(io::stderr(), "{warning}"));
            private_files::warning_of_output(&output).into_iter().for_each(warn);
            output
        }
    };
    let mut out = io::BufWriter::new(file);
    let moved = store::export(folder, &rooms, with_accounts, &mut out);
    say_moved("exported", moved.map_err(|error| error.to_string())?);
    Ok(())
}

fn import(folder: &Path) -> Result<(), String> {
    let moved = store::import(folder, &mut io::stdin().lock(), &Hub::can_load);
    say_moved("imported", moved.map_err(|error| error.to_string())?);
    Ok(())
}

/// Beside what is exported, which is the output.
fn say_moved(what: &str, moved: Moved) {
    let Moved { n_records, n_conversations, n_settings } = moved;
    // Nobody reads the error stream: nothing is lost but this.
    let _ = writeln!(
        io::stderr(),
        "{what}: {n_records} messages in {n_conversations} conversations, {n_settings} settings"
    );
}

/// Prints what is in force, as a file could say it.
fn show_config(arguments: Arguments) -> Result<(), String> {
    let settings = settings(arguments)?;
    // What could not be used is said now.
    settings.clone().into_config()?;
    let text = toml::to_string(&settings.or(ConfigFile::defaults()));
    print(text.map_err(|error| error.to_string())?.trim_end());
    Ok(())
}

/// Reads a password and prints what to keep of it.
fn show_hash() -> Result<(), String> {
    let mut password = String::new();
    // The prompt is not part of what is printed, and need not be read.
    let _ = write!(io::stderr(), "the password: ");
    io::stdin().read_line(&mut password).map_err(|error| error.to_string())?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err("a password has at least one character".to_owned());
    }
    print(&format!("password = \"{}\"", chat_server::auth::hash(password)?));
    print(&format!("scram = \"{}\"", chat_server::auth::scram_credentials(password)?));
    Ok(())
}

/// The time the last lines may take at the end; whoever reads nothing does not keep us.
const PRINT_WITHIN: Duration = Duration::from_millis(500);

/// Prints on a thread of its own, so that an output nobody reads holds up nothing but itself.
struct Printer {
    lines: Sender<String>,
    has_ended: Receiver<()>,
}

impl Printer {
    fn start() -> Result<Self, String> {
        let (lines, said) = crossbeam_channel::unbounded::<String>();
        let (ended, has_ended) = crossbeam_channel::bounded(0);
        let print = move || {
            // Nobody waits on it but for its being dropped.
            let _ended: Sender<()> = ended;
            while let Ok(first) = said.recv() {
                print_all(std::iter::once(first).chain(said.try_iter()));
                gather();
            }
        };
        let thread = std::thread::Builder::new().name("chat-print".into()).spawn(print);
        thread.map_err(|error| error.to_string())?;
        Ok(Self { lines, has_ended })
    }

    fn say(&self, line: String) {
        // The thread ends after this.
        let _ = self.lines.send(line);
    }

    fn end(self) {
        drop(self.lines);
        // An error is what is waited for: the thread has dropped its end.
        let _ = self.has_ended.recv_timeout(PRINT_WITHIN);
    }
}

/// Does what the server asks of the program around it, and has told who comes and goes while anybody reads.
fn report(
    events: Receiver<ServerEvent>,
    lines: Sender<String>,
    reloader: Reloader,
    arguments: Arguments,
) -> Result<JoinHandle<()>, String> {
    let waiting = lines.clone();
    // The printer ends after this thread.
    let say = move |line| drop(lines.send(line));
    let handle = move |event| {
        let line = match &event {
            ServerEvent::ReloadAsked { by } => {
                return reload(&reloader, &arguments, by, &say);
            }
            ServerEvent::Incident(incident) if waiting.len() < 2 * LINES_WAITING_MAX => {
                Some(incident.to_string())
            }
            _ if waiting.len() >= LINES_WAITING_MAX => None,
            event => described(event),
        };
        line.into_iter().for_each(&say);
    };
    let run = move || {
        while let Ok(first) = events.recv() {
            std::iter::once(first).chain(events.try_iter()).for_each(&handle);
            gather();
        }
    };
    let thread = std::thread::Builder::new().name("chat-report".into()).spawn(run);
    thread.map_err(|error| error.to_string())
}

/// Waits for a moment that nobody notices, so that a crowd that comes at once is told of at once and does not
/// wake a thread for each of its people.
#[expect(clippy::disallowed_methods, reason = "a pause is what it is for")]
fn gather() {
    std::thread::sleep(Duration::from_millis(20));
}

/// Lines that may wait for an output nobody reads; who comes and goes then is not told. Of incidents twice as many may wait.
const LINES_WAITING_MAX: usize = 4096;

/// A line for an arrival or a departure.
fn described(event: &ServerEvent) -> Option<String> {
    match event {
        ServerEvent::Arrived { nick, host } => Some(format!("{nick} arrived from {host}")),
        ServerEvent::Departed { nick, reason } => {
            Some(format!("{nick} departed: {}", chat_core::text::printable(reason)))
        }
        _ => None,
    }
}

fn print(line: &str) {
    print_all(std::iter::once(line.to_owned()));
}

/// Prints lines at once; a host that closed our output does not want to know.
fn print_all(lines: impl Iterator<Item = String>) {
    let text = lines.fold(String::new(), |text, line| text + &line + "\n");
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The settings that were given, by arguments and then by the file they name.
fn settings(arguments: Arguments) -> Result<ConfigFile, String> {
    let file = arguments.config.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default();
    let mut given = Table::try_from(arguments.flags)
        .map_err(|error| format!("a flag is to say what the configuration file could: {error}"))?;
    // A flag that stands there says something, and any other nothing.
    given.retain(|_, value| match value {
        Value::Boolean(is_given) => *is_given,
        Value::Array(list) => !list.is_empty(),
        _ => true,
    });
    if given.remove("no-auto-join").is_some() {
        given.insert("auto-join".to_owned(), false.into());
    }
    // Whoever hands over sockets says where to listen, unless somebody says it here.
    if std::env::var_os("LISTEN_FDS").is_some() && !file.says("listen") {
        given.entry("listen").or_insert_with(|| Value::Array(Vec::new()));
    }
    Ok(ConfigFile::from(given).or(file))
}

/// The sockets that systemd has handed over (`sd_listen_fds`).
fn inherited() -> Result<Vec<Arc<TcpListener>>, String> {
    let mut handed = ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..handed.len() {
        let wrong = |error| format!("the socket {index} that was handed over: {error}");
        if let Some(listener) = handed.take_tcp_listener(index).map_err(wrong)? {
            listeners.push(Arc::new(listener));
        }
    }
    Ok(listeners)
}
