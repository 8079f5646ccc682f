//! Scripts over real sockets, against a whole server on free ports, or somebody else's.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat_core::{proto::mask_matches, wire::Line};
use chat_server::{
    Config, Server, ServerHandle,
    history::{Asker, Query},
    hub::Door,
    ids::Ticket,
    room_log::{
        AppendError, Appender, Appending, Change, ConversationMark, Querying, Record, RoomLog,
    },
    store::{Durability, LocalLog},
};
use socket2::SockRef;

use crate::{
    PATIENCE,
    folder::TempFolder,
    model_log::Entry,
    peer::Peer,
    script::{Pretence, Stage},
};

/// A server and those who have connected to it.
pub(crate) struct Sockets {
    host: Host,
    people: BTreeMap<String, Person>,
    /// In the order in which they connected.
    names: Vec<String>,
    n_barriers: u32,
    transcript: Vec<String>,
}

enum Host {
    Ours { server: Option<ServerHandle>, log: ListenerKind },
    Peer(Peer),
}

#[derive(Default)]
struct Person {
    /// `None` once it is over.
    stream: Option<TcpStream>,
    is_text: bool,
    is_registered: bool,
    sent: Vec<String>,
    received: Vec<u8>,
    lines: Vec<String>,
    n_expected: usize,
    /// The answer to a question that is none of the script's: all before it has come when it comes.
    awaited: Option<String>,
}

/// The time that what is expected may take.
const EXPECT_WITHIN: Duration = Duration::from_secs(10);

/// The time that what is under way may take while the log is held: then a barrier would wait for the log, and
/// all behind it for the barrier.
const HELD_PATIENCE: Duration = Duration::from_millis(100);

/// The time a peer may take to let somebody in: InspIRCd looks once a second who has registered.
const ADMIT_WITHIN: Duration = Duration::from_secs(3);

/// A log on disk that can be told to wait.
#[derive(Clone)]
struct ListenerKind(Arc<Mutex<Held>>);

struct Held {
    is_held: bool,
    waiting: Vec<Entry>,
    appender: Option<Appender>,
    log: LocalLog,
    _folder: TempFolder,
}

impl ListenerKind {
    fn new() -> Self {
        let folder = TempFolder::new("script");
        let log = LocalLog::open(folder.path(), Durability::Relaxed).expect("a folder of its own");
        Self(Arc::new(Mutex::new(Held {
            is_held: false,
            waiting: Vec::new(),
            appender: None,
            log,
            _folder: folder,
        })))
    }
}

impl RoomLog for ListenerKind {
    fn start(&mut self, appender: Appender) -> std::io::Result<()> {
        let mut held = self.hold();
        held.appender = Some(appender.clone());
        held.log.start(appender)
    }

    fn append(&mut self, ticket: Ticket, record: &Arc<Record>) -> Appending {
        let mut held = self.hold();
        if !held.is_held {
            return held.log.append(ticket, record);
        }
        held.waiting.push(Entry::Record(ticket, Arc::clone(record)));
        Appending::Later
    }

    fn persist(&mut self, ticket: Ticket, changes: &Arc<[Change]>) -> Appending {
        let mut held = self.hold();
        if !held.is_held {
            return held.log.persist(ticket, changes);
        }
        held.waiting.push(Entry::Changes(ticket, Arc::clone(changes)));
        Appending::Later
    }

    fn mark(&mut self, mark: ConversationMark) {
        let mut held = self.hold();
        if held.is_held {
            held.waiting.push(Entry::Mark(mark));
        } else {
            held.log.mark(mark);
        }
    }

    fn keeps_history(&self) -> bool {
        true
    }

    fn query(&mut self, ticket: Ticket, asker: Asker, query: Query) -> Querying {
        self.hold().log.query(ticket, asker, query)
    }
}

impl Sockets {
    pub(crate) fn start(change: impl Fn(&mut Config)) -> Self {
        let mut config = Config::default();
        config.listen = vec!["127.0.0.1:0".into()];
        config.text_listen = vec!["127.0.0.1:0".into()];
        config.auto_join = false;
        config.workers = NonZeroUsize::new(2);
        // Two who talk are on two threads.
        config.worker_connections = 1;
        config.limits = config.limits.unlimited();
        // Who is `root` in a test about something else is nobody's likeness.
        config.reserved_names.clear();
        // Nor is a test about something else about what is shown in the place of an address.
        config.cloaks = false;
        change(&mut config);
        let log = ListenerKind::new();
        let server = Server::start_with(config, Box::new(log.clone()), 1);
        let server = Some(server.expect("this computer has free ports"));
        Self::with(Host::Ours { server, log })
    }

    /// Somebody else's server.
    pub(crate) fn at(peer: Peer) -> Self {
        Self::with(Host::Peer(peer))
    }

    fn with(host: Host) -> Self {
        Self {
            host,
            people: BTreeMap::new(),
            names: Vec::new(),
            n_barriers: 0,
            transcript: Vec::new(),
        }
    }

    /// Asks everyone for a sign of life and waits for it: what was under way to them has come then.
    fn barrier(&mut self, first: Option<&str>) {
        self.n_barriers += 1;
        let is_held = match &self.host {
            Host::Ours { log, .. } => log.hold().is_held,
            Host::Peer(_) => false,
        };
        let mut names = self.names.clone();
        names.sort_by_key(|name| Some(&**name) != first);
        for name in names {
            let Some(person) = self.people.get_mut(&name) else { continue };
            let Some(stream) = person.stream.as_mut().filter(|_| !person.is_text) else { continue };
            if is_held {
                stream.set_read_timeout(Some(HELD_PATIENCE)).expect("a socket can time out");
                while person.read(&name, &mut self.transcript) {}
                continue;
            }
            let (question, answer) = match &self.host {
                Host::Peer(peer) if !person.is_registered => {
                    peer.make.strangers_question(self.n_barriers)
                }
                _ => {
                    let barrier = format!("barrier-{}", self.n_barriers);
                    (format!("PING {barrier}"), format!("*PONG *:{barrier}"))
                }
            };
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket can time out");
            // A server that has closed shows when it is read.
            let _ = stream.write_all(format!("{question}\r\n").as_bytes());
            person.awaited = Some(answer);
            while person.awaited.is_some() && person.read(&name, &mut self.transcript) {}
        }
    }
}

impl Person {
    /// Waits until the server lets in whoever has said all that is asked.
    fn await_admission(&mut self, name: &str, transcript: &mut Vec<String>) {
        let has_sent = |start: &str| self.sent.iter().any(|line| line.starts_with(start));
        let negotiates = has_sent("CAP LS") || has_sent("CAP REQ");
        let is_done = has_sent("CAP END") || !negotiates;
        if self.is_registered || !is_done || !has_sent("NICK") || !has_sent("USER") {
            return;
        }
        if let Some(stream) = &self.stream {
            stream.set_read_timeout(Some(ADMIT_WITHIN)).expect("a socket can time out");
        }
        while !self.is_registered && self.read(name, transcript) {}
    }

    /// Reads one more line; false if none comes for a while.
    fn read(&mut self, name: &str, transcript: &mut Vec<String>) -> bool {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let line = String::from_utf8(line).expect("the server sends UTF-8");
                let line = line.trim_end_matches(['\r', '\n']).to_owned();
                if self.awaited.as_ref().is_some_and(|answer| mask_matches(answer, &line)) {
                    self.awaited = None;
                    return true;
                }
                self.is_registered |= Line::parse(&line).is_ok_and(|line| line.command == "001");
                transcript.push(format!("{name}< {line}"));
                self.lines.push(line);
                return true;
            }
            let Some(stream) = &mut self.stream else { return false };
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer) {
                Ok(n) if n > 0 => self.received.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Ok(_) | Err(_) => self.stream = None,
            }
        }
    }
}

impl ListenerKind {
    fn hold(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage for Sockets {
    fn open(&mut self, name: &str, door: Door) {
        let is_text = door == Door::Text;
        let stream = match &self.host {
            Host::Ours { server, .. } => {
                let server = server.as_ref().expect("it runs while the script does");
                let addresses = if is_text { server.text_addresses() } else { server.addresses() };
                TcpStream::connect(addresses[0]).expect("the server listens")
            }
            Host::Peer(peer) => peer.connect(),
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can time out");
        stream.set_nodelay(true).expect("a socket can send at once");
        let person = Person { stream: Some(stream), is_text, ..Person::default() };
        self.people.insert(name.to_owned(), person);
        self.names.retain(|own| own != name);
        self.names.push(name.to_owned());
    }

    fn knows(&self, name: &str) -> bool {
        self.people.contains_key(name)
    }

    fn send(&mut self, name: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.transcript.push(format!("{name}> {}", text.trim_end()));
        if let Some(stream) = self.people.get_mut(name).and_then(|person| person.stream.as_mut()) {
            // A server that has closed shows when it is read.
            let _ = stream.write_all(bytes);
        }
        if matches!(self.host, Host::Peer(_))
            && let Some(person) = self.people.get_mut(name)
        {
            person.sent.extend(text.lines().map(str::to_owned));
            person.await_admission(name, &mut self.transcript);
        }
        self.barrier(Some(name));
    }

    fn settle(&mut self) {
        self.barrier(None);
    }

    fn break_off(&mut self, name: &str) {
        if let Some(stream) = self.people.get_mut(name).and_then(|person| person.stream.take()) {
            // A reset, as of a connection that breaks.
            let is_set = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            is_set.expect("a socket can be broken");
        }
    }

    fn expect(&mut self, name: &str, mask: &str) -> bool {
        let Some(person) = self.people.get_mut(name) else { return false };
        loop {
            let waiting = person.lines.iter().enumerate().skip(person.n_expected);
            let found =
                waiting.map(|(at, line)| (at, mask_matches(mask, line))).find(|(_, is)| *is);
            if let Some((at, _)) = found {
                person.n_expected = at + 1;
                return true;
            }
            if let Some(stream) = &person.stream {
                stream.set_read_timeout(Some(EXPECT_WITHIN)).expect("a socket can time out");
            }
            if !person.read(name, &mut self.transcript) {
                return false;
            }
        }
    }

    fn unexpected(&mut self, name: &str) -> Vec<String> {
        self.people[name].lines[self.people[name].n_expected..].to_vec()
    }

    fn received(&self, name: &str) -> &[String] {
        &self.people[name].lines
    }

    fn forget(&mut self, name: &str) {
        if let Some(person) = self.people.get_mut(name) {
            person.n_expected = person.lines.len();
        }
    }

    fn hold_log(&mut self, is_held: bool) {
        let Host::Ours { log, .. } = &self.host else {
            unreachable!("such scripts are not played with others' servers");
        };
        let mut held = log.hold();
        held.is_held = is_held;
        if is_held {
            return;
        }
        for entry in std::mem::take(&mut held.waiting) {
            match entry {
                Entry::Mark(mark) => held.log.mark(mark),
                Entry::Record(ticket, record) => {
                    let appending = held.log.append(ticket, &record);
                    assert_eq!(appending, Appending::Later, "it is open");
                }
                Entry::Changes(ticket, changes) => {
                    let appending = held.log.persist(ticket, &changes);
                    assert_eq!(appending, Appending::Later, "it is open");
                }
            }
        }
    }

    fn fail_log(&mut self) {
        let Host::Ours { log, .. } = &self.host else {
            unreachable!("such scripts are not played with others' servers");
        };
        let mut held = log.hold();
        held.is_held = false;
        let appender = held.appender.clone().expect("it was started");
        for entry in std::mem::take(&mut held.waiting) {
            match entry {
                Entry::Mark(mark) => held.log.mark(mark),
                Entry::Record(ticket, _) | Entry::Changes(ticket, _) => {
                    appender.appended(ticket, Err(AppendError::Refused("the disk is full".into())));
                }
            }
        }
    }

    fn pretend(&mut self, _: &Pretence) {
        unreachable!("such scripts are not played here");
    }

    fn transcript(&self) -> &[String] {
        &self.transcript
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.people.clear();
        if let Host::Ours { server, .. } = &mut self.host
            && let Some(server) = server.take()
        {
            server.stop();
            let ended = server.join();
            assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}
