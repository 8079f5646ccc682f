//! A server on a free port of this computer that does what a test tells it, or what is usual.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
};

use super::PATIENCE;
use crate::wire::Line;

/// Listens; each connection is either served as usual ([`FakeServer::start`]) or by a script
/// ([`FakeServer::scripted`]). Dropping it ends it.
#[derive(Debug)]
pub struct FakeServer {
    address: String,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// One connection, for a script. Everything panics with words when it does not go as told, and the
/// panic comes out where the server is dropped.
#[derive(Debug)]
pub struct FakeConn {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    transcript: Vec<String>,
}

impl FakeServer {
    /// A small but proper server, old and without capabilities: lets everyone in and into `#lobby`,
    /// answers `PING` and `JOIN`.
    #[must_use]
    pub fn start() -> Self {
        Self::run(|stream| {
            // A thread for each, so that one client's silence is not another's.
            let served = Builder::new().name("fake-conn".into()).spawn(move || serve(stream));
            drop(served.expect("a test can start a thread"));
        })
    }

    /// Serves the first connection with the first script, the second with the second, and so on;
    /// closes what comes after them.
    #[must_use]
    pub fn scripted<const N: usize>(scripts: [fn(&mut FakeConn); N]) -> Self {
        let mut scripts = scripts.into_iter();
        Self::run(move |stream| {
            if let Some(script) = scripts.next() {
                script(&mut FakeConn::new(stream));
            }
        })
    }

    fn run(mut take: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("this computer has free ports");
        let address = listener.local_addr().expect("it is bound").to_string();
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&is_stopping);
        let thread = Builder::new().name("fake-server".into()).spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                take(stream.expect("this computer accepts"));
            }
        });
        Self { address, is_stopping, thread: Some(thread.expect("a test can start a thread")) }
    }

    /// The address it listens at.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; if that is gone there is nobody to wake.
        let _ = TcpStream::connect(&self.address);
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl FakeConn {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can time out");
        let reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
        Self { stream, reader, transcript: Vec::new() }
    }

    /// The next line, without its end; `None` when the client has closed.
    pub fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                let line = line.trim_end_matches(['\r', '\n']).to_owned();
                self.transcript.push(format!("< {line}"));
                Some(line)
            }
            Err(error) => {
                panic!("waited in vain for a line ({error}) after {:#?}", self.transcript)
            }
        }
    }

    /// Reads until a line starts with `start`, and gives it.
    ///
    /// # Panics
    /// If the client closes first, or does not send it.
    #[track_caller]
    pub fn expect(&mut self, start: &str) -> String {
        loop {
            match self.next_line() {
                Some(line) if line.starts_with(start) => return line,
                Some(_) => {}
                None => panic!("closed before {start:?} came, after {:#?}", self.transcript),
            }
        }
    }

    /// Sends a line.
    pub fn reply(&mut self, line: &str) {
        self.transcript.push(format!("> {line}"));
        self.raw(format!("{line}\r\n").as_bytes());
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        // A client that has gone is noticed by what is expected of it next.
        let _ = self.stream.write_all(bytes);
    }

    /// Lets the client in without capabilities, as an old server would, and puts it into `#lobby`.
    /// Gives its nick.
    #[track_caller]
    pub fn welcome(&mut self) -> String {
        let nick = self.expect("NICK ").trim_start_matches("NICK ").to_owned();
        self.expect("USER ");
        self.reply(&format!(":fake.test 001 {nick} :Welcome"));
        self.reply(&format!(":fake.test 005 {nick} SAFERATE PREFIX=(ov)@+ :are supported"));
        self.reply(&format!(":fake.test 422 {nick} :No message of the day"));
        self.reply(&format!(":{nick}!u@host JOIN #lobby"));
        self.reply(&format!(":fake.test 353 {nick} = #lobby :{nick} other"));
        self.reply(&format!(":fake.test 366 {nick} #lobby :End"));
        nick
    }

    /// Breaks the connection as a fault would: no last words, and what is under way is lost.
    pub fn drop_connection(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Waits until the client has closed.
    pub fn wait_for_close(&mut self) {
        while self.next_line().is_some() {}
    }
}

/// Serves as is usual.
fn serve(stream: TcpStream) {
    let mut conn = FakeConn::new(stream);
    let nick = conn.welcome();
    while let Some(text) = conn.next_line() {
        let Ok(line) = Line::parse(&text) else { continue };
        let first = line.params.get(0).unwrap_or_default();
        match line.command {
            "PING" => conn.reply(&format!(":fake.test PONG fake.test :{first}")),
            "JOIN" => {
                conn.reply(&format!(":{nick}!u@host JOIN {first}"));
                conn.reply(&format!(":fake.test 353 {nick} = {first} :{nick}"));
                conn.reply(&format!(":fake.test 366 {nick} {first} :End"));
            }
            "QUIT" => {
                conn.reply("ERROR :You left");
                return;
            }
            _ => {}
        }
    }
}
