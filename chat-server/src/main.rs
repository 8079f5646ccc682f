//! The server as a program: arguments, the configuration file, signals, what it prints.

use std::{
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use chat_core::proto::{RoomName, ServerName};
use chat_server::{Config, Server, ServerEvent, TlsSource, config::ConfigFile};
use clap::Parser;
use crossbeam_channel::{Receiver, Sender, never, select};
use ipnet::IpNet;
use listenfd::ListenFd;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// Hosts rooms to chat in. Any IRC client can join.
///
/// Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong arguments.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen (default 127.0.0.1:53000); 0.0.0.0:53000 opens it to the network. Repeatable.
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Where to listen for IRC over TLS. Repeatable.
    #[arg(long, value_name = "ADDR")]
    tls_listen: Vec<String>,
    /// The server's certificate: a file with its chain in PEM. Read again on SIGHUP.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Make a certificate and keep it in this folder; its fingerprint is printed.
    #[arg(long, value_name = "FOLDER", conflicts_with = "certificate")]
    self_signed: Option<PathBuf>,
    /// Where to listen for WebSockets. Repeatable.
    #[arg(long, value_name = "ADDR")]
    websocket_listen: Vec<String>,
    /// Where to listen for WebSockets over TLS. Repeatable.
    #[arg(long, value_name = "ADDR")]
    websocket_tls_listen: Vec<String>,
    /// A page that may open WebSockets, such as https://chat.example.org (default: any). Repeatable.
    #[arg(long, value_name = "ORIGIN")]
    websocket_origins: Vec<String>,
    /// Where to tell health and numbers over HTTP (/health, /metrics). Repeatable.
    #[arg(long, value_name = "ADDR")]
    http_listen: Vec<String>,
    /// A network of proxies that tell whose connection they pass on (the PROXY protocol). Repeatable.
    #[arg(long, value_name = "NETWORK")]
    proxies: Vec<IpNet>,
    /// Where to listen for people with nc or any raw TCP program. Repeatable.
    #[arg(long, value_name = "ADDR")]
    text_listen: Vec<String>,
    /// The room people who connect are put into (default lobby).
    #[arg(long, value_name = "NAME")]
    room: Option<String>,
    /// Put nobody into a room.
    #[arg(long, conflicts_with = "room")]
    no_auto_join: bool,
    /// This server's name (default chat.local).
    #[arg(long, value_name = "SERVERNAME")]
    name: Option<String>,
    /// The network's name (default chat).
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// A file whose first line everyone must send as the server's password.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A file with the message of the day.
    #[arg(long, value_name = "FILE")]
    motd_file: Option<PathBuf>,
    /// Connections at once (default 10000).
    #[arg(long, value_name = "N")]
    max_clients: Option<usize>,
    /// Stop when the last person leaves.
    #[arg(long)]
    exit_when_empty: bool,
    /// Lift the limits on flooding and on connections per address, for benchmarks and tests.
    #[arg(long)]
    unlimited: bool,
    /// Keep messages in memory only. (They are, for now, whether asked or not.)
    #[arg(long)]
    in_memory: bool,
    /// A file with these settings, in TOML, by the same names; arguments override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    let mut config = configure(arguments)?;
    config.events = Some(events);
    // A server that may not is as good as the system allows.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| error.to_string())?;
    let server = Server::start(config).map_err(|error| error.to_string())?;
    let printer = Printer::start(arrivals)?;
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
            let line = match reloader.reload_certificate() {
                Ok(()) => "read again what is in the files".to_owned(),
                Err(sentence) => format!("nothing has changed: {sentence}"),
            };
            // The printer ends after this thread.
            let _ = lines.send(line);
        }
    });
    let signal_thread = signal_thread.map_err(|error| error.to_string())?;
    let outcome = server.join().map_err(|error| error.to_string());
    signals_handle.close();
    signal_thread.join().map_err(|_| "the signal thread panicked".to_owned())?;
    printer.say("stopped".to_owned());
    printer.end();
    outcome
}

/// How long the last lines may take at the end; whoever reads nothing does not keep us.
const PRINT_WITHIN: Duration = Duration::from_millis(500);

/// Prints on a thread of its own, so that an output nobody reads holds up nothing but itself.
struct Printer {
    lines: Sender<String>,
    has_ended: Receiver<()>,
}

impl Printer {
    /// Prints what is said and who comes and goes.
    fn start(events: Receiver<ServerEvent>) -> Result<Self, String> {
        let (lines, said) = crossbeam_channel::unbounded();
        let (ended, has_ended) = crossbeam_channel::bounded(0);
        let print = move || {
            // Nobody waits on it but for its being dropped.
            let _ended: Sender<()> = ended;
            print_all(&said, events);
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

/// Until nothing more can be said: what is said comes before who came and went since.
fn print_all(said: &Receiver<String>, mut events: Receiver<ServerEvent>) {
    loop {
        select! {
            recv(said) -> line => match line {
                Ok(line) => {
                    // What happened before it is told before it.
                    events.try_iter().filter_map(|event| described(&event)).for_each(|l| print(&l));
                    print(&line);
                }
                Err(_) => return,
            },
            recv(events) -> event => match event {
                Ok(event) => described(&event).iter().for_each(|line| print(line)),
                // The server has ended.
                Err(_) => events = never(),
            },
        }
    }
}

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

/// Prints a line; a host that closed our output does not want to know.
fn print(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn configure(arguments: Arguments) -> Result<Config, String> {
    let file = match &arguments.config {
        Some(path) => {
            let text = read(path)?;
            toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => ConfigFile::default(),
    };
    let mut config = Config::default();

    let listens_elsewhere = arguments.listen.is_empty();
    if let Some(listen) = given(arguments.listen).or(file.listen) {
        config.listen = listen;
    }
    if let Some(listen) = given(arguments.tls_listen).or(file.tls_listen) {
        config.tls_listen = listen;
    }
    if let Some(listen) = given(arguments.websocket_listen).or(file.websocket_listen) {
        config.web_socket_listen = listen;
    }
    if let Some(listen) = given(arguments.websocket_tls_listen).or(file.websocket_tls_listen) {
        config.web_socket_tls_listen = listen;
    }
    if let Some(origins) = given(arguments.websocket_origins).or(file.websocket_origins) {
        config.web_socket_origins = origins;
    }
    if let Some(listen) = given(arguments.http_listen).or(file.http_listen) {
        config.http_listen = listen;
    }
    config.proxies = given(arguments.proxies).or(file.proxies).unwrap_or_default();
    config.inherited = inherited()?;
    if !config.inherited.is_empty() && listens_elsewhere {
        // Whoever hands over sockets says where to listen.
        config.listen.clear();
    }
    if let Some(listen) = given(arguments.text_listen).or(file.text_listen) {
        config.text_listen = listen;
    }
    if let Some(room) = arguments.room.or(file.room) {
        let room = if room.starts_with('#') { room } else { format!("#{room}") };
        config.room = RoomName::new(&room).map_err(|error| format!("the room {room}: {error}"))?;
    }
    config.auto_join = !arguments.no_auto_join && file.auto_join.unwrap_or(true);
    if let Some(name) = arguments.name.or(file.name) {
        let why =
            |error| format!("the server's name {name}: {error}; write one like chat.example.org");
        config.name = ServerName::new(&name).map_err(why)?;
    }
    if let Some(network) = arguments.network.or(file.network) {
        config.network = network;
    }
    if let Some(path) = arguments.password_file.or(file.password_file) {
        let text = read(&path)?;
        let password = text.lines().next().unwrap_or_default();
        if password.is_empty() {
            return Err(format!("{}: the first line is to be the password", path.display()));
        }
        config.password = Some(password.to_owned());
    }
    if let Some(path) = arguments.motd_file.or(file.motd_file) {
        config.motd = Some(read(&path)?);
    }
    if let Some(clients_max) = arguments.max_clients.or(file.max_clients) {
        config.limits.clients_max = clients_max;
    }
    config.tls = match (arguments.certificate.or(file.certificate), arguments.key.or(file.key)) {
        (Some(certificate), Some(key)) => Some(TlsSource::Files { certificate, key }),
        (None, None) => arguments.self_signed.or(file.self_signed).map(|folder| {
            let names = vec![config.name.to_string(), "localhost".to_owned()];
            TlsSource::SelfSigned { folder, names }
        }),
        _ => return Err("a certificate needs its key, and a key its certificate".to_owned()),
    };
    config.exit_when_empty = arguments.exit_when_empty || file.exit_when_empty.unwrap_or(false);
    if arguments.unlimited || file.unlimited.unwrap_or(false) {
        config.limits = config.limits.unlimited();
    }
    Ok(config)
}

/// A list that was given.
fn given<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
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

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}
