//! The real programs, as their users start them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread::{Builder, JoinHandle},
};

use chat_core::proto::mask_matches;
use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::{PATIENCE, folder::TempFolder, poll};

/// The path at which the program `name` was built.
///
/// # Panics
/// If it was not: `cargo xtask test` builds all programs before the tests.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    let built = test.parent().and_then(|deps| deps.parent()).expect("tests stand in target/*/deps");
    let path = built.join(name);
    assert!(path.exists(), "{} is not built; run `cargo xtask test`", path.display());
    path
}

/// A program that runs, with its output line by line.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
    transcript: Vec<String>,
    _folder: TempFolder,
}

impl Program {
    /// Starts one of ours.
    #[must_use]
    #[track_caller]
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::run(name, Command::new(path(name)).args(arguments))
    }

    /// Starts the server on a free port of this computer, and says where it listens.
    ///
    /// # Panics
    /// If it does not listen in time.
    #[must_use]
    #[track_caller]
    pub fn start_server(arguments: &[&str]) -> (Self, SocketAddr) {
        let mut program =
            Self::start("chat-server", &[&["--listen", "127.0.0.1:0"], arguments].concat());
        let address = program.expect_address();
        (program, address)
    }

    /// The address in the next line that tells where a server listens.
    ///
    /// # Panics
    /// If there is none in time.
    #[track_caller]
    pub fn expect_address(&mut self) -> SocketAddr {
        let line = self.expect("listening on *");
        let address = line.split(' ').nth(2).and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("no address in {line:?}"))
    }

    /// Starts any program.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    #[track_caller]
    pub fn run(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What it keeps is its own, unless a test wants it to go on with another one's.
        let folder = TempFolder::new("program");
        if !command.get_envs().any(|(name, _)| name == "XDG_DATA_HOME") {
            command.env("XDG_DATA_HOME", folder.path());
        }
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let (tell, lines) = crossbeam_channel::unbounded();
        let output = BufReader::new(child.stdout.take().expect("it was asked for"));
        let reading = Builder::new().name(format!("{name}-output")).spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        drop(reading.expect("a test can start a thread"));
        let mut stderr = child.stderr.take().expect("it was asked for");
        let errors = Builder::new().name(format!("{name}-errors")).spawn(move || {
            let mut text = Vec::new();
            // What was read before an error is what there is.
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let stdin = child.stdin.take();
        let errors = Some(errors.expect("a test can start a thread"));
        let (name, transcript) = (name.to_owned(), Vec::new());
        Self { name, child, stdin, lines, errors, transcript, _folder: folder }
    }

    /// Types a line.
    ///
    /// # Panics
    /// If its input is closed.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        self.transcript.push(format!("> {line}"));
        let stdin = self.stdin.as_mut().expect("the input is open");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the program reads");
        stdin.flush().expect("the program reads");
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line of its output that matches.
    ///
    /// # Panics
    /// If none comes; with all that came, and what it complained of.
    #[track_caller]
    pub fn expect(&mut self, mask: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.transcript.push(format!("< {line}"));
                    if mask_matches(mask, &line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "{}: waited in vain for {mask:?} after {:#?}",
                        self.name, self.transcript
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let errors = self.errors();
                    panic!(
                        "{}: ended before {mask:?} came, after {:#?}; it says {errors:?}",
                        self.name, self.transcript
                    )
                }
            }
        }
    }

    /// The transcript: what was typed (behind `> `), and the lines of its output that were looked at (behind `< `).
    #[must_use]
    pub fn transcript(&self) -> &[String] {
        &self.transcript
    }

    /// Whether such a line comes before it ends.
    pub fn says(&mut self, mask: &str) -> bool {
        self.lines.iter().any(|line| mask_matches(mask, &line))
    }

    /// The rest of its output, once it has ended.
    pub fn rest(&mut self) -> Vec<String> {
        self.lines.iter().collect()
    }

    /// The errors it complained of, once it has ended.
    pub fn errors(&mut self) -> String {
        self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// If it does not in time.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        poll(|| {
            let status = self.child.try_wait().expect("a child can be waited for");
            status
                .ok_or_else(|| format!("{} does not end, after {:#?}", self.name, self.transcript))
        })
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// If the system does not tell.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked for").is_some()
    }

    /// Waits until it ends, and gives its exit code.
    #[track_caller]
    pub fn exit_code(&mut self) -> Option<i32> {
        self.wait().code()
    }

    /// Sends it a signal, such as `TERM`.
    ///
    /// # Panics
    /// If it has ended.
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        let status =
            Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "{} is gone", self.name);
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
