//! A real terminal for the terminal program: a pty, and what its screen shows.

use std::{
    io::{Read, Write},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::Builder,
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

use crate::{PATIENCE, folder::TempFolder, poll, program::path};

/// Columns of the screen.
pub const COLUMNS: u16 = 100;
/// Rows of the screen.
pub const ROWS: u16 = 30;

/// A program in a terminal.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    /// A folder of its own for what it keeps.
    folder: Option<TempFolder>,
}

struct Screen {
    parser: vt100::Parser,
    /// All bytes ever shown.
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Terminal {
    /// Starts one of our programs.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(path(name));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        let folder = TempFolder::new("terminal");
        command.env("XDG_DATA_HOME", folder.path());
        let mut terminal = Self::run(command);
        terminal.folder = Some(folder);
        terminal
    }

    /// Starts any program.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn run(command: CommandBuilder) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).expect("this system has terminals");
        let child = pty.slave.spawn_command(command).expect("the program starts");
        let mut reader = pty.master.try_clone_reader().expect("a terminal can be read");
        let writer = pty.master.take_writer().expect("a terminal can be written to");
        let parser = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 5000);
        let screen = Arc::new((
            Mutex::new(Screen { parser, bytes: Vec::new(), has_ended: false }),
            Condvar::new(),
        ));
        let shown = Arc::clone(&screen);
        let reading = Builder::new().name("terminal".into()).spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let n = reader.read(&mut buffer).unwrap_or(0);
                let mut screen = shown.0.lock().unwrap_or_else(PoisonError::into_inner);
                screen.parser.process(&buffer[..n]);
                screen.bytes.extend_from_slice(&buffer[..n]);
                screen.has_ended = n == 0;
                shown.1.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        drop(reading.expect("a test can start a thread"));
        Self { child, master: pty.master, writer, screen, folder: None }
    }

    /// Types `keys`, escape sequences included.
    ///
    /// # Panics
    /// If the terminal is gone.
    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self.writer.flush().expect("the terminal takes keys");
    }

    /// Changes the window's size.
    ///
    /// # Panics
    /// If the terminal is gone.
    pub fn resize(&self, rows: u16, cols: u16) {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("a terminal can be resized");
        let mut screen = self.screen.0.lock().unwrap_or_else(PoisonError::into_inner);
        screen.parser.screen_mut().set_size(cells(rows), cells(cols));
    }

    /// The text that the screen shows.
    #[must_use]
    pub fn text(&self) -> String {
        let screen = self.screen.0.lock().unwrap_or_else(PoisonError::into_inner);
        screen.parser.screen().contents()
    }

    /// Everything that was ever shown, escape sequences included.
    #[must_use]
    pub fn all_bytes(&self) -> Vec<u8> {
        self.screen.0.lock().unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }

    /// Waits until the screen looks as `is_it` says.
    ///
    /// # Panics
    /// If it does not in time; with the screen.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&str) -> bool) {
        self.wait(what, |screen| is_it(&screen.parser.screen().contents()));
    }

    /// Waits until `text` was shown at some time.
    #[track_caller]
    pub fn wait_for_bytes(&self, text: &str) {
        let is_there = |screen: &Screen| {
            screen.bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        self.wait(text, is_there);
    }

    #[track_caller]
    fn wait(&self, what: &str, is_it: impl Fn(&Screen) -> bool) {
        let (screen, changed) = &*self.screen;
        let screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed
            .wait_timeout_while(screen, PATIENCE, |screen| !is_it(screen) && !screen.has_ended);
        let (screen, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let text = screen.parser.screen().contents();
        assert!(is_it(&screen), "waited in vain for {what}; the screen shows:\n{text}");
    }

    /// Waits until the program ends.
    ///
    /// # Panics
    /// If it does not in time.
    #[track_caller]
    pub fn wait_for_exit(&mut self) -> ExitStatus {
        poll(|| {
            let status = self.child.try_wait().expect("a child can be waited for");
            status.ok_or_else(|| format!("it does not end; the screen shows:\n{}", self.text()))
        })
    }

    /// The program's process id.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cells(n: u16) -> std::num::NonZeroU16 {
    n.try_into().expect("a screen has cells")
}
