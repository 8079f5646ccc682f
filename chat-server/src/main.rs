//! The server as a program: arguments, the configuration file, signals, what it prints.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use chat_core::proto::{RoomName, ServerName};
use chat_server::{Config, Server, ServerEvent, config::ConfigFile};
use clap::Parser;
use crossbeam_channel::Receiver;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
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
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| error.to_string())?;
    let server = Server::start(config).map_err(|error| error.to_string())?;
    for address in server.addresses() {
        say(&format!("listening on {address}"));
    }
    for address in server.text_addresses() {
        say(&format!("listening on {address} for plain text"));
    }
    let stopper = server.stopper();
    let signals_handle = signals.handle();
    let signal_thread = std::thread::Builder::new().name("chat-signals".into()).spawn(move || {
        if signals.forever().next().is_some() {
            stopper.stop(chat_server::STOPPING);
        }
    });
    let signal_thread = signal_thread.map_err(|error| error.to_string())?;
    // Ends when the server does, since the hub holds the other end.
    report(&arrivals);
    let outcome = server.join().map_err(|error| error.to_string());
    signals_handle.close();
    signal_thread.join().map_err(|_| "the signal thread panicked".to_owned())?;
    say("stopped");
    outcome
}

fn report(events: &Receiver<ServerEvent>) {
    for event in events {
        match event {
            ServerEvent::Arrived { nick, host } => say(&format!("{nick} arrived from {host}")),
            ServerEvent::Departed { nick, reason } => {
                say(&format!("{nick} departed: {}", chat_core::text::printable(&reason)));
            }
            _ => {}
        }
    }
}

/// Prints a line; a host that closed our output does not want to know.
fn say(line: &str) {
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
    let given = |list: Vec<String>| Some(list).filter(|list| !list.is_empty());
    if let Some(listen) = given(arguments.listen).or(file.listen) {
        config.listen = listen;
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
    config.exit_when_empty = arguments.exit_when_empty || file.exit_when_empty.unwrap_or(false);
    if arguments.unlimited || file.unlimited.unwrap_or(false) {
        config.limits = config.limits.unlimited();
    }
    Ok(config)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}
