//! A raw client: lines out, lines in, with deadlines, and a transcript when it fails.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use chat_core::proto::mask_matches;

use crate::{PATIENCE, TestServer};

/// One connection.
#[derive(Debug)]
pub struct TestClient {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    transcript: Vec<String>,
}

impl TestClient {
    /// Connects and says nothing.
    ///
    /// # Panics
    /// If it cannot.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server listens"))
    }

    /// Speaks over a socket that is connected already, and says nothing.
    ///
    /// # Panics
    /// If the socket is gone.
    #[must_use]
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can time out");
        stream.set_nodelay(true).expect("a socket can send at once");
        let reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
        Self { stream, reader, transcript: Vec::new() }
    }

    /// Connects to the IRC door and registers.
    #[must_use]
    #[track_caller]
    pub fn register(server: &TestServer, nick: &str) -> Self {
        Self::register_with(server, nick, "")
    }

    /// Connects to the IRC door and registers, with capabilities.
    #[must_use]
    #[track_caller]
    pub fn register_with(server: &TestServer, nick: &str, capabilities: &str) -> Self {
        Self::connect(server.address()).registered(nick, capabilities)
    }

    /// This one, registered at the IRC door, with capabilities.
    #[must_use]
    #[track_caller]
    pub fn registered(self, nick: &str, capabilities: &str) -> Self {
        let mut client = self;
        if !capabilities.is_empty() {
            client.send(&format!("CAP REQ :{capabilities}"));
            client.expect("* CAP * ACK *");
        }
        client.send(&format!("NICK {nick}"));
        client.send("USER u 0 * :Real Name");
        if !capabilities.is_empty() {
            client.send("CAP END");
        }
        client.expect("* 422 *");
        client
    }

    /// Connects to the text door and gives a name.
    #[must_use]
    #[track_caller]
    pub fn text(server: &TestServer, name: &str) -> Self {
        let mut client = Self::connect(server.text_address());
        client.expect("Welcome to *! What is your name?");
        client.send(name);
        client.expect("Welcome, *");
        client
    }

    /// Sends a line.
    pub fn send(&mut self, line: &str) {
        self.transcript.push(format!("> {line}"));
        self.raw(format!("{line}\r\n").as_bytes());
    }

    /// Sends bytes as they are. That a peer is gone shows when something is expected of it.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next line; `None` at the end.
    ///
    /// # Panics
    /// If nothing comes in time.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => None,
            // A reset is an end too.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Ok(_) => {
                let line = String::from_utf8(line).expect("the server sends UTF-8");
                let line = line.trim_end_matches(['\r', '\n']).to_owned();
                self.transcript.push(format!("< {line}"));
                Some(line)
            }
            Err(error) => panic!("waited in vain ({error}) after {:#?}", self.transcript),
        }
    }

    /// Fails if a line comes within `time`: for promises that something waits.
    ///
    /// # Panics
    /// If one does.
    #[track_caller]
    pub fn expect_silence(&mut self, time: std::time::Duration) {
        assert!(self.reader.buffer().is_empty(), "something has come already");
        self.stream.set_read_timeout(Some(time)).expect("a socket can time out");
        let read = self.reader.fill_buf();
        let is_silent = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(is_silent, "something came after {:#?}", self.transcript);
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a socket can time out");
    }

    /// Reads until a line matches (`*` is any text), and gives it.
    ///
    /// # Panics
    /// If none comes.
    #[track_caller]
    pub fn expect(&mut self, mask: &str) -> String {
        loop {
            match self.next_line() {
                Some(line) if mask_matches(mask, &line) => return line,
                Some(_) => {}
                None => panic!("closed before {mask:?} came, after {:#?}", self.transcript),
            }
        }
    }

    /// Reads to a barrier and fails if a line before it matches.
    #[track_caller]
    pub fn expect_none(&mut self, mask: &str) {
        self.send("PING :barrier");
        loop {
            let line = self.next_line().expect("the connection goes on");
            if mask_matches("*PONG * :barrier", &line) {
                return;
            }
            assert!(!mask_matches(mask, &line), "{line:?} came, after {:#?}", self.transcript);
        }
    }

    /// Waits until the server has closed, and gives all that came before.
    #[track_caller]
    pub fn expect_close(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next_line() {
            lines.push(line);
        }
        lines
    }

    /// Reads bytes as they are.
    ///
    /// # Panics
    /// If they do not come.
    pub fn read_exact(&mut self, bytes: &mut [u8]) {
        self.reader.read_exact(bytes).expect("the bytes come");
    }

    /// Says that nothing more will be sent.
    pub fn close_writing(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("the socket is open");
    }

    /// The socket.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}
