//! At a terminal: a line is typed while messages appear above it.
//!
//! The main thread reads lines. The client's thread hands events to a printer thread, which gives a
//! whole batch to rustyline's external printer at once: that may wait while a search is open, and
//! must not make the client wait. All output of ours goes the same way, so nothing disturbs the line.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use chat_core::{
    ChatClient, ClientHandle, ConnectionState, Event, SendError, Update, listener::from_fn,
    text::printable,
};
use crossbeam_channel::{Receiver, Sender};
use rustyline::{Config, Editor, ExternalPrinter, error::ReadlineError, history::MemHistory};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::{Handle, Signals},
    low_level::raise,
};

use crate::{
    Failure,
    args::{HostOptions, JoinOptions, Session},
    complete::{Completion, Surroundings},
    exit::Exit,
    host::{self, Hosted},
    input::{Action, COMMANDS, parse},
    output::wants_colour,
    render::View,
};

type LineEditor = Editor<Completion, MemHistory>;

/// Events that wait between the client and the printer.
const EVENTS_MAX: usize = 1024;

/// Events that are printed in one go.
const BATCH_MAX: usize = 256;

/// Lines of a paste that are sent without asking.
const PASTE_MAX: usize = 5;

/// How long leaving may take.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// Asks for a name, then whether to host or to join.
pub(crate) fn ask() -> Result<Exit, Failure> {
    let mut editor = editor(Surroundings::default())?;
    let mut question = |prompt: &str| match editor.readline(prompt) {
        Ok(line) => Ok(Some(line.trim().to_owned())),
        Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
        Err(error) => Err(cannot_read(&error)),
    };
    let Some(name) = question("Your name [USR]: ")? else { return Ok(Exit::Interrupted) };
    let name = if name.is_empty() { "USR".to_owned() } else { name };
    loop {
        let Some(answer) = question("Host a room or join one? [h/j]: ")? else {
            return Ok(Exit::Interrupted);
        };
        match answer.to_ascii_lowercase().chars().next() {
            Some('h') => {
                let listen = format!("0.0.0.0:{}", chat_server::DEFAULT_PORT);
                let options = HostOptions { name, room: "lobby".into(), listen, local: false };
                drop(editor);
                return host::run(&options, true);
            }
            Some('j') => {
                let Some(server) = question("The host's address [localhost:53000]: ")? else {
                    return Ok(Exit::Interrupted);
                };
                let options = JoinOptions { server, name, room: Vec::new(), password_file: None };
                drop(editor);
                return run(options.session(), None);
            }
            _ => {}
        }
    }
}

/// A session at the terminal, in one's own server or in someone else's.
pub(crate) fn run(session: Session, hosted: Option<Hosted>) -> Result<Exit, Failure> {
    let surroundings = Surroundings::default();
    let mut editor = editor(surroundings.clone())?;
    let printer = editor.create_external_printer().map_err(|error| cannot_read(&error))?;
    let shared = Arc::new(Mutex::new(View { current: None, with_colour: wants_colour() }));
    let (output, lines) = crossbeam_channel::bounded(EVENTS_MAX);
    let printing = print_all(Box::new(printer), lines, Arc::clone(&shared))
        .map_err(|error| (Exit::Usage, error.to_string()))?;
    let watch = SignalWatch::start().map_err(|error| (Exit::Usage, error.to_string()))?;

    let outcome = (|| {
        if let Some(hosted) = &hosted {
            let _ = output.send(Printed::Line(hosted.invitation.clone()));
        }
        let client = connect(&session, &output)?;
        surroundings.set(&client, None);
        let mut room = Room { session, client, output: output.clone(), view: shared, surroundings };
        let exit = room.chat(&mut editor, &watch);
        leave(room, hosted);
        exit
    })();
    // The printer hangs in the editor as long as that lives; without it, it ends.
    drop(output);
    drop(editor);
    // A printer that panicked has shown it.
    let _ = printing.join();
    watch.end();
    outcome
}

/// Stops the server, so that everyone is told by their host, and then leaves.
fn leave(room: Room, hosted: Option<Hosted>) {
    if let Some(hosted) = hosted {
        room.client.replace_listener(from_fn(|_, _| ()));
        hosted.server.stop();
        if let Err(error) = hosted.server.join() {
            let _ = room.output.send(Printed::Line(format!("! {error}")));
        }
    }
    if let Err(error) = room.client.close(LEAVE_WITHIN) {
        let _ = room.output.send(Printed::Line(format!("! could not leave properly: {error}")));
    }
}

fn editor(surroundings: Surroundings) -> Result<LineEditor, Failure> {
    let config = Config::builder().history_ignore_space(true).auto_add_history(true).build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history).map_err(|error| cannot_read(&error))?;
    editor.set_helper(Some(Completion(surroundings)));
    Ok(editor)
}

fn cannot_read(error: &ReadlineError) -> Failure {
    (Exit::Usage, format!("cannot read from this terminal: {error}"))
}

/// Connects, or says why not.
fn connect(session: &Session, output: &Sender<Printed>) -> Result<ChatClient, Failure> {
    let builder = session.builder().map_err(|sentence| (Exit::Usage, sentence))?;
    let output = output.clone();
    let listener = from_fn(move |_, event| {
        // Waits while a search is open; the client's own queue takes what comes meanwhile. An error
        // means that the printer has ended, and so have we.
        let _ = output.send(Printed::Event(event));
    });
    builder.listener(listener).connect().map_err(|error| (Exit::from(&error), error.to_string()))
}

/// Something to be printed.
enum Printed {
    Event(Event),
    Line(String),
}

/// The printer thread: ends when nobody can give it anything any more.
fn print_all(
    mut printer: Box<dyn ExternalPrinter + Send>,
    printed: Receiver<Printed>,
    view: Arc<Mutex<View>>,
) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("chat-cli-print".into()).spawn(move || {
        while let Ok(first) = printed.recv() {
            let batch = std::iter::once(first).chain(printed.try_iter().take(BATCH_MAX));
            let mut text = String::new();
            let mut locked = view.lock().unwrap_or_else(PoisonError::into_inner);
            batch.for_each(|printed| text += &render(&mut locked, printed));
            drop(locked);
            if !text.is_empty() && printer.print(text).is_err() {
                // The editor is gone: there is no line to print above.
                return;
            }
        }
    })
}

/// What is printed, as whole lines.
fn render(view: &mut View, printed: Printed) -> String {
    let mut text = String::new();
    match printed {
        Printed::Line(line) => text = line + "\n",
        Printed::Event(Event::Updates(updates)) => {
            for update in updates {
                if let Update::Joined { room, me: true, .. } = &update {
                    view.current.get_or_insert_with(|| room.to_string());
                }
                if let Some(line) = view.line(&update) {
                    text += &line;
                    text.push('\n');
                }
            }
        }
        Printed::Event(Event::Closed(reason)) if !reason.is_clean() => {
            let reason = printable(&reason.to_string()).into_owned();
            text = format!("! {reason}. /reconnect tries again, /quit leaves.\n");
        }
        Printed::Event(_) => {}
    }
    text
}

/// The session: what is typed, and where it goes.
struct Room {
    session: Session,
    client: ChatClient,
    output: Sender<Printed>,
    view: Arc<Mutex<View>>,
    surroundings: Surroundings,
}

impl Room {
    fn chat(&mut self, editor: &mut LineEditor, watch: &SignalWatch) -> Result<Exit, Failure> {
        // The first prompt names the room, if the server puts us into one soon.
        for _ in 0..50 {
            if self.current().is_some() {
                break;
            }
            let _ = crossbeam_channel::after(Duration::from_millis(10)).recv();
        }
        loop {
            let current = self.current();
            self.surroundings.set(&self.client, current.as_deref());
            match editor.readline(&self.prompt(current.as_deref())) {
                Ok(line) if line.trim().contains('\n') => self.paste(editor, &line)?,
                Ok(line) => {
                    if self.act(parse(&line)) {
                        return Ok(Exit::Clean);
                    }
                }
                Err(ReadlineError::Eof) => return Ok(Exit::Clean),
                Err(ReadlineError::Interrupted) => {
                    return Ok(if watch.is_terminated() {
                        Exit::Terminated
                    } else {
                        Exit::Interrupted
                    });
                }
                Err(error) => return Err(cannot_read(&error)),
            }
        }
    }

    fn prompt(&self, current: Option<&str>) -> String {
        let nick = self.client.nick();
        match (self.client.state(), current) {
            (ConnectionState::Ready { .. }, Some(current)) => format!("[{current}] {nick}> "),
            (ConnectionState::Ready { .. }, None) => format!("{nick}> "),
            _ => format!("[not connected] {nick}> "),
        }
    }

    fn current(&self) -> Option<String> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).current.clone()
    }

    fn turn_to(&self, target: Option<String>) {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).current = target;
    }

    fn say(&self, line: impl Into<String>) {
        // The printer ends after this.
        let _ = self.output.send(Printed::Line(line.into()));
    }

    /// Several lines at once: a few are sent, many are asked about.
    fn paste(&mut self, editor: &mut LineEditor, text: &str) -> Result<(), Failure> {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        if lines.len() > PASTE_MAX {
            let question = format!("Send these {} lines? [y/N]: ", lines.len());
            match editor.readline(&question) {
                Ok(answer) if answer.trim().eq_ignore_ascii_case("y") => {}
                Ok(_) | Err(ReadlineError::Interrupted | ReadlineError::Eof) => {
                    self.say("* not sent");
                    return Ok(());
                }
                Err(error) => return Err(cannot_read(&error)),
            }
        }
        self.act(Action::Say(lines.join("\n")));
        Ok(())
    }

    /// Does what a line asks for; whether that is to leave.
    fn act(&mut self, action: Action) -> bool {
        let current = self.current();
        let room = current.as_deref().unwrap_or_default();
        let asked = match action {
            Action::Quit => return true,
            Action::Nothing => Ok(()),
            Action::Say(_) | Action::Act(_) if current.is_none() => {
                self.say("! you are in no room: /join one first");
                Ok(())
            }
            Action::Say(text) => self.send(|client| client.send(room, &text).map(drop)),
            Action::Act(text) => self.send(|client| client.send_action(room, &text).map(drop)),
            Action::Message { to, text } => self.send(|client| client.send(&to, &text).map(drop)),
            Action::Away(reason) => {
                let line =
                    reason.map_or_else(|| "AWAY".to_owned(), |reason| format!("AWAY :{reason}"));
                self.client.send_raw(&line)
            }
            Action::Join(room) => self.join(&room),
            Action::Part { room: named, reason } => {
                let room = named.unwrap_or_else(|| room.to_owned());
                self.part(&room, reason.as_deref())
            }
            Action::Nick(nick) => self.client.set_nick(&nick),
            Action::Names(named) => {
                let room = named.unwrap_or_else(|| room.to_owned());
                let nicks = self.client.members(&room);
                self.say(match nicks.len() {
                    0 => format!("! you are not in {}", printable(&room)),
                    n => format!("* {n} in {room}: {}", nicks.join(", ")),
                });
                Ok(())
            }
            Action::Topic(Some(topic)) => self.client.set_topic(room, &topic),
            Action::Topic(None) => {
                let topic = self.client.topic(room).filter(|topic| !topic.is_empty());
                self.say(match topic {
                    Some(topic) => format!("* topic of {room}: {}", printable(&topic)),
                    None => format!("* {room} has no topic"),
                });
                Ok(())
            }
            Action::Rooms => {
                self.say(format!("* you are in: {}", self.client.rooms().join(", ")));
                Ok(())
            }
            Action::Reconnect => {
                self.reconnect();
                Ok(())
            }
            Action::Help => {
                let lines = COMMANDS.iter().map(|(command, what, does)| {
                    format!("  {:<20} {does}", format!("{command} {what}"))
                });
                self.say(lines.collect::<Vec<_>>().join("\n"));
                Ok(())
            }
            Action::Wrong(sentence) => {
                self.say(format!("! {sentence}"));
                Ok(())
            }
        };
        if let Err(error) = asked {
            self.say(format!("! not sent: {error}"));
        }
        false
    }

    /// Sends, and says so if it has to wait for a connection.
    fn send(&self, send: impl Fn(&ClientHandle) -> Result<(), SendError>) -> Result<(), SendError> {
        send(&self.client)?;
        if !self.client.state().is_ready() {
            self.say(
                "! there is no connection now: it will be sent when there is one, for a minute",
            );
        }
        Ok(())
    }

    fn join(&self, room: &str) -> Result<(), SendError> {
        let room = if room.starts_with('#') { room.to_owned() } else { format!("#{room}") };
        self.client.join(&room)?;
        self.turn_to(Some(room));
        Ok(())
    }

    fn part(&self, room: &str, reason: Option<&str>) -> Result<(), SendError> {
        self.client.part(room, reason)?;
        let others = self.client.rooms();
        let next = others.iter().find(|other| !other.eq_ignore_ascii_case(room));
        self.turn_to(next.map(ToString::to_string));
        Ok(())
    }

    /// Connects again: at once if the client still tries, with a new client if it has given up.
    fn reconnect(&mut self) {
        if !matches!(self.client.state(), ConnectionState::Closed) {
            self.client.reconnect_now();
            return;
        }
        match connect(&self.session, &self.output) {
            Ok(client) => self.client = client,
            Err((_, sentence)) => self.say(format!("! {sentence}")),
        }
    }
}

/// Turns a signal that would end us in the middle of a line, with the terminal left as it is then,
/// into one that rustyline knows how to be interrupted by.
struct SignalWatch {
    seen: Arc<AtomicI32>,
    handle: Handle,
    thread: JoinHandle<()>,
}

impl SignalWatch {
    fn start() -> std::io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGHUP])?;
        let (seen, handle) = (Arc::new(AtomicI32::new(0)), signals.handle());
        let note = Arc::clone(&seen);
        let thread = Builder::new().name("chat-cli-signals".into()).spawn(move || {
            for signal in signals.forever() {
                note.store(signal, Ordering::SeqCst);
                // Outside of a line there is no handler: then the program ends here, and may.
                let _ = raise(SIGINT);
            }
        })?;
        Ok(Self { seen, handle, thread })
    }

    fn is_terminated(&self) -> bool {
        self.seen.load(Ordering::SeqCst) != 0
    }

    fn end(self) {
        self.handle.close();
        // It does nothing that could panic.
        let _ = self.thread.join();
    }
}
