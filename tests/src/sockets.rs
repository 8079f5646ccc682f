//! Scripts over real sockets, against a whole server on free ports.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat_core::proto::mask_matches;
use chat_server::{
    Config, Server, ServerHandle,
    hub::Door,
    ids::Ticket,
    room_log::{Appender, Appending, Record, RoomLog},
};
use socket2::SockRef;

use crate::{
    PATIENCE,
    script::{Pretence, Stage},
};

/// A server and those who have connected to it.
pub(crate) struct Sockets {
    server: Option<ServerHandle>,
    log: Gate,
    people: BTreeMap<String, Person>,
    /// In the order in which they connected.
    names: Vec<String>,
    n_barriers: u32,
    transcript: Vec<String>,
}

struct Person {
    /// `None` once it is over.
    stream: Option<TcpStream>,
    is_text: bool,
    received: Vec<u8>,
    lines: Vec<String>,
    n_expected: usize,
    /// The latest barrier that has come back.
    barrier: u32,
}

/// How long what is expected may take.
const EXPECT_WITHIN: Duration = Duration::from_secs(10);

/// How long what is under way may take while the log is held: then a barrier would wait for the log, and
/// all behind it for the barrier.
const HELD_PATIENCE: Duration = Duration::from_millis(100);

/// A log in memory that can be told to wait.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    is_held: bool,
    waiting: Vec<Ticket>,
    appender: Option<Appender>,
}

impl RoomLog for Gate {
    fn start(&mut self, appender: Appender) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).appender = Some(appender);
    }

    fn append(&mut self, ticket: Ticket, _: &Arc<Record>) -> Appending {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.is_held {
            return Appending::Now(Ok(()));
        }
        held.waiting.push(ticket);
        Appending::Later
    }
}

impl Sockets {
    pub(crate) fn start(change: impl Fn(&mut Config)) -> Self {
        let mut config = Config::default();
        config.listen = vec!["127.0.0.1:0".into()];
        config.text_listen = vec!["127.0.0.1:0".into()];
        config.auto_join = false;
        config.workers = NonZeroUsize::new(2);
        config.limits = config.limits.unlimited();
        change(&mut config);
        let log = Gate::default();
        let server = Server::start_with(config, Box::new(log.clone()), 1);
        Self {
            server: Some(server.expect("this computer has free ports")),
            log,
            people: BTreeMap::new(),
            names: Vec::new(),
            n_barriers: 0,
            transcript: Vec::new(),
        }
    }

    /// Asks everyone for a sign of life and waits for it: what was under way to them has come then.
    fn barrier(&mut self, first: Option<&str>) {
        self.n_barriers += 1;
        let is_held = self.log.0.lock().unwrap_or_else(PoisonError::into_inner).is_held;
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
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket can time out");
            // A server that has closed shows when it is read.
            let _ = stream.write_all(format!("PING barrier-{}\r\n", self.n_barriers).as_bytes());
            while person.barrier < self.n_barriers && person.read(&name, &mut self.transcript) {}
        }
    }
}

impl Person {
    /// Reads one more line; false if none comes for a while.
    fn read(&mut self, name: &str, transcript: &mut Vec<String>) -> bool {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let line = String::from_utf8(line).expect("the server sends UTF-8");
                let line = line.trim_end_matches(['\r', '\n']).to_owned();
                match line.split_once(":barrier-").and_then(|(_, number)| number.parse().ok()) {
                    Some(barrier) => self.barrier = barrier,
                    None => {
                        transcript.push(format!("{name}< {line}"));
                        self.lines.push(line);
                    }
                }
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

impl Stage for Sockets {
    fn open(&mut self, name: &str, door: Door) {
        let server = self.server.as_ref().expect("it runs while the script does");
        let is_text = door == Door::Text;
        let addresses = if is_text { server.text_addresses() } else { server.addresses() };
        let stream = TcpStream::connect(addresses[0]).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can time out");
        stream.set_nodelay(true).expect("a socket can send at once");
        let person = Person {
            stream: Some(stream),
            is_text,
            received: Vec::new(),
            lines: Vec::new(),
            n_expected: 0,
            barrier: 0,
        };
        self.people.insert(name.to_owned(), person);
        self.names.retain(|own| own != name);
        self.names.push(name.to_owned());
    }

    fn knows(&self, name: &str) -> bool {
        self.people.contains_key(name)
    }

    fn send(&mut self, name: &str, bytes: &[u8]) {
        self.transcript.push(format!("{name}> {}", String::from_utf8_lossy(bytes).trim_end()));
        if let Some(stream) = self.people.get_mut(name).and_then(|person| person.stream.as_mut()) {
            // A server that has closed shows when it is read.
            let _ = stream.write_all(bytes);
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

    fn forget(&mut self, name: &str) {
        if let Some(person) = self.people.get_mut(name) {
            person.n_expected = person.lines.len();
        }
    }

    fn hold_log(&mut self, is_held: bool) {
        let mut held = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.is_held = is_held;
        if is_held {
            return;
        }
        let (waiting, appender) = (std::mem::take(&mut held.waiting), held.appender.clone());
        drop(held);
        for ticket in waiting {
            appender.as_ref().expect("it was started").appended(ticket, Ok(()));
        }
    }

    fn pretend(&mut self, _: Pretence) {
        unreachable!("such scripts are not played here");
    }

    fn transcript(&self) -> &[String] {
        &self.transcript
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.people.clear();
        if let Some(server) = self.server.take() {
            server.stop();
            let ended = server.join();
            assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}
