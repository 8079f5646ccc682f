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

use chat_core::{ChatClient, ConnectionState, Event, Update, listener::from_fn};
use crossbeam_channel::{Receiver, Sender, select_biased};
use rustyline::{
    CompletionType, Config, Editor, ExternalPrinter, error::ReadlineError, history::MemHistory,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::{Handle, Signals},
    low_level::raise,
};

use crate::{
    args::{HostOptions, Session},
    complete::{Completion, Surroundings},
    exit::{Exit, Failure},
    host::{self, Hosted},
    input::{Action, parse, parting},
    output::wants_colour,
    perform::{perform, room_name},
    render::View,
};

type LineEditor = Editor<Completion, MemHistory>;

/// Events that wait between the client and the printer: a few, since each may be [`BATCH_BYTES_MAX`] long. What comes while
/// they wait is in the client's own queue, within its memory.
///
/// [`BATCH_BYTES_MAX`]: chat_core::listener::BATCH_BYTES_MAX
const EVENTS_MAX: usize = 16;

/// Events that are printed in one go.
const BATCH_MAX: usize = 8;

/// Lines of a paste that are sent without asking.
const PASTE_MAX: usize = 5;

/// The time that leaving may take.
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
                let room = "lobby".into();
                let (local, data, in_memory) = (false, None, false);
                let options = HostOptions { name, room, listen, local, data, in_memory };
                drop(editor);
                let (hosted, session) = host::start(&options)?;
                return run(session, Some(hosted));
            }
            Some('j') => {
                let Some(server) = question("The host's address [localhost:53000]: ")? else {
                    return Ok(Exit::Interrupted);
                };
                drop(editor);
                return run(Session { server, name, ..Session::default() }, None);
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
    let shared =
        Arc::new(Mutex::new(View { current: None, with_colour: wants_colour(), rest: None }));
    let (output, printed) = Output::new();
    let printing = print_all(Box::new(printer), printed, Arc::clone(&shared))
        .map_err(|error| (Exit::Usage, error.to_string()))?;
    let watch = SignalWatch::start().map_err(|error| (Exit::Usage, error.to_string()))?;

    let outcome = (|| {
        if let Some(hosted) = &hosted {
            output.say(hosted.invitation.clone());
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
            room.say(format!("! {error}"));
        }
    }
    let Room { client, output, .. } = room;
    if let Err(error) = client.close(LEAVE_WITHIN) {
        output.say(format!("! could not leave properly: {error}"));
    }
}

fn editor(surroundings: Surroundings) -> Result<LineEditor, Failure> {
    let config = Config::builder()
        .history_ignore_space(true)
        .auto_add_history(true)
        // The other kind waits for a key after each completion, and prints nothing meanwhile.
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history).map_err(|error| cannot_read(&error))?;
    editor.set_helper(Some(Completion(surroundings)));
    Ok(editor)
}

fn cannot_read(error: &ReadlineError) -> Failure {
    (Exit::Usage, format!("cannot read from this terminal: {error}"))
}

/// Connects, or says why not.
fn connect(session: &Session, output: &Output) -> Result<ChatClient, Failure> {
    let builder = session.builder().map_err(|sentence| (Exit::Usage, sentence))?;
    let events = output.events.clone();
    let listener = from_fn(move |_, event| {
        // Waits while a search is open; the client's own queue takes what comes meanwhile. An error
        // means that the printer has ended, and so have we.
        let _ = events.send(event);
    });
    builder.listener(listener).connect().map_err(|error| (Exit::from(&error), error.to_string()))
}

/// The ways to the printer.
#[derive(Clone)]
struct Output {
    /// Events to be printed: bounded, the client waits.
    events: Sender<Event>,
    /// Lines for our own person: few, and the thread that reads what they type never waits.
    lines: Sender<String>,
}

/// The printer's ends of an [`Output`].
struct Printed {
    events: Receiver<Event>,
    lines: Receiver<String>,
}

impl Output {
    fn new() -> (Self, Printed) {
        let (events, events_out) = crossbeam_channel::bounded(EVENTS_MAX);
        let (lines, lines_out) = crossbeam_channel::unbounded();
        (Self { events, lines }, Printed { events: events_out, lines: lines_out })
    }

    fn say(&self, lines: impl Into<String>) {
        // An error means that the printer has ended, and with it the session.
        let _ = self.lines.send(lines.into());
    }
}

impl Printed {
    /// Waits for something to print, and takes what there is of it; `None` when nobody can give
    /// anything any more.
    fn next(&self) -> Option<(Vec<String>, Vec<Event>)> {
        let (mut lines, mut events) = (Vec::new(), Vec::new());
        select_biased! {
            recv(self.lines) -> line => lines.push(line.ok()?),
            recv(self.events) -> event => match event {
                Ok(event) => events.push(event),
                // Every client has gone; the last lines may still come.
                Err(_) => lines.push(self.lines.recv().ok()?),
            },
        }
        lines.extend(self.lines.try_iter());
        events.extend(self.events.try_iter().take(BATCH_MAX));
        Some((lines, events))
    }
}

/// The printer thread: ends when nobody can give it anything any more.
fn print_all(
    mut printer: Box<dyn ExternalPrinter + Send>,
    printed: Printed,
    view: Arc<Mutex<View>>,
) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("chat-cli-print".into()).spawn(move || {
        while let Some((lines, events)) = printed.next() {
            let mut text = String::new();
            for line in lines {
                text += &line;
                text.push('\n');
            }
            let mut locked = view.lock().unwrap_or_else(PoisonError::into_inner);
            events.into_iter().for_each(|event| text += &render(&mut locked, event));
            drop(locked);
            if !text.is_empty() && printer.print(text).is_err() {
                // The editor is gone: there is no line to print above.
                return;
            }
        }
    })
}

/// The text that is printed of an event, as whole lines.
fn render(view: &mut View, event: Event) -> String {
    let mut text = String::new();
    match event {
        Event::Updates(updates) => {
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
        Event::Closed(reason) if !reason.is_clean() => {
            text = format!("! {reason}. /reconnect tries again, /quit leaves.\n");
        }
        _ => {}
    }
    text
}

/// The session: what is typed, and where it goes.
struct Room {
    session: Session,
    client: ChatClient,
    output: Output,
    view: Arc<Mutex<View>>,
    surroundings: Surroundings,
}

impl Room {
    fn chat(&mut self, editor: &mut LineEditor, watch: &SignalWatch) -> Result<Exit, Failure> {
        // The first prompt names the room, if the server puts us into one soon.
        wait_a_little(|| self.current().is_some());
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

    fn say(&self, lines: impl Into<String>) {
        self.output.say(lines);
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
        match &action {
            Action::Quit => return true,
            Action::Reconnect => self.reconnect(),
            Action::Rest => {
                let rest = self.view.lock().unwrap_or_else(PoisonError::into_inner).rest.take();
                self.say(rest.unwrap_or_else(|| "* all of it has been shown".to_owned()));
            }
            _ => match perform(&self.client, current.as_deref(), &action) {
                Ok(Some(lines)) => self.say(lines),
                Ok(None) => {}
                Err(error) => {
                    self.say(format!("! not sent: {error}"));
                    return false;
                }
            },
        }
        match action {
            // The next prompt names us as we are then; it cannot change while it stands.
            Action::Nick(nick) => wait_a_little(|| *self.client.nick() == *nick),
            Action::Join(room) => self.turn_to(Some(room_name(&room))),
            Action::Part(rest) => {
                let others = self.client.rooms();
                let (named, _) = parting(rest.as_deref(), &others);
                let left = named.or(current).unwrap_or_default();
                let next = others.iter().find(|other| !other.eq_ignore_ascii_case(&left));
                self.turn_to(next.map(ToString::to_string));
            }
            _ => {}
        }
        false
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

/// Waits until it is so, as long as a person does not mind.
fn wait_a_little(is_so: impl Fn() -> bool) {
    for _ in 0..150 {
        if is_so() {
            return;
        }
        let _ = crossbeam_channel::after(Duration::from_millis(10)).recv();
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
