//! Without a terminal: a plain filter. Each line of the input is said, what happens is printed,
//! no prompt, no colour. `listen` says nothing.

use std::{
    io::{self, BufRead},
    time::{Duration, Instant},
};

use chat_core::{
    ChatClient, Delivery, Event, HistoryPolicy, Target, Update, WaitError,
    listener::{channel, describe},
};
use crossbeam_channel::{Receiver, Sender, after, never, select};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    args::Session,
    exit::{Exit, Failure},
    host::Hosted,
    input::{Action, parse, parting},
    output::{complain, say},
    perform::{needs_room, perform, room_name},
};

/// The time that leaving may take; what was read is still sent.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// The time that leaving may take when somebody is in a hurry.
const INTERRUPTED_WITHIN: Duration = Duration::from_secs(2);

/// The time a server may take to put us into a room, once something is to be said there.
const ROOM_WITHIN: Duration = Duration::from_secs(10);

/// The time a line waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// Events that wait between the client and the printing: a few, since each may be [`BATCH_BYTES_MAX`] long. What comes while
/// they wait is in the client's own queue, within its memory.
///
/// [`BATCH_BYTES_MAX`]: chat_core::listener::BATCH_BYTES_MAX
const EVENTS_MAX: usize = 16;

/// Says each line of the input, prints what happens.
pub(crate) fn run(session: Session, hosted: Option<Hosted>) -> Result<Exit, Failure> {
    let (lines, input) = crossbeam_channel::bounded(16);
    read_input(lines);
    if let Some(hosted) = &hosted {
        say(&hosted.invitation);
    }
    let goes_on = hosted.is_some();
    let exit = Filter::start(&session)?.run(Some(input), goes_on);
    if let Some(hosted) = hosted {
        hosted.server.stop();
        hosted.server.join().map_err(|error| (Exit::Lost, error.to_string()))?;
    }
    exit
}

/// Prints what happens, until it is interrupted or the connection is lost for good.
pub(crate) fn listen(session: Session) -> Result<Exit, Failure> {
    Filter::start(&session)?.run(None, true)
}

/// Reads the standard input on a thread of its own, which nothing waits for: a read cannot be ended.
fn read_input(lines: Sender<String>) {
    let read = move || {
        for line in io::stdin().lock().split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line);
            if lines.send(line.trim_end_matches('\r').to_owned()).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("chat-cli-input".into()).spawn(read);
    // Without a thread the input counts as ended: the channel is closed.
    drop(thread);
}

struct Filter {
    client: ChatClient,
    events: Receiver<Event>,
    signals: Receiver<i32>,
    /// The room that is spoken in: the first we are in, then the one last asked for.
    room: Option<String>,
    /// The room that was asked for and has not been entered: what is said next is said there.
    turning: Option<String>,
    /// Read, and waiting for a room or for the queue; until it is done nothing more is read.
    held: Option<Action>,
    /// The moment at which a server that puts us into no room has had time enough to.
    room_wait: Option<Receiver<Instant>>,
    /// Lines that did not arrive.
    n_failed: usize,
    /// Nobody reads what is printed.
    is_deaf: bool,
}

impl Filter {
    fn start(session: &Session) -> Result<Self, Failure> {
        let usage = |sentence| (Exit::Usage, sentence);
        let (listener, events) = channel(EVENTS_MAX);
        let signals = signals().map_err(|error| usage(error.to_string()))?;
        // Only what is new; and what was missed when a connection was lost.
        let builder = session.builder().map_err(usage)?.history(HistoryPolicy::Latest { limit: 0 });
        let client = builder.listener(listener).connect();
        let client = client.map_err(|error| (Exit::from(&error), error.to_string()))?;
        Ok(Self {
            client,
            events,
            signals,
            room: None,
            turning: None,
            held: None,
            room_wait: None,
            n_failed: 0,
            is_deaf: false,
        })
    }

    fn run(mut self, input: Option<Receiver<String>>, goes_on: bool) -> Result<Exit, Failure> {
        let mut input = input.unwrap_or_else(never);
        let mut has_ended = false;
        let exit = loop {
            let is_held = self.held.is_some();
            let next_line = if is_held { &never() } else { &input };
            let room_wait = self.room_wait.clone().unwrap_or_else(never);
            let retry = if is_held { after(RETRY_AFTER) } else { never() };
            select! {
                recv(self.events) -> event => match event {
                    Ok(Event::Updates(updates)) => self.show(&updates),
                    Ok(Event::Closed(reason)) => return Err((Exit::from(&reason), reason.to_string())),
                    Ok(_) | Err(_) => break Exit::Lost,
                },
                recv(next_line) -> line => match line.map(|line| parse(&line)) {
                    Ok(Action::Quit) => break Exit::Clean,
                    Ok(action) => self.held = Some(action),
                    Err(_) => {
                        input = never();
                        has_ended = true;
                    }
                },
                recv(retry) -> _ => {}
                recv(room_wait) -> _ => {
                    complain(&match &self.turning {
                        Some(room) => format!("{room} could not be entered"),
                        None => "we are in no room; say which with --room".to_owned(),
                    });
                    self.n_failed += 1;
                    break Exit::Clean;
                }
                recv(self.signals) -> signal => break match signal {
                    Ok(SIGINT) => Exit::Interrupted,
                    _ => Exit::Terminated,
                },
            }
            if let Some(action) = self.held.take() {
                self.held = self.act(action);
            }
            if self.is_deaf || (has_ended && self.held.is_none() && !goes_on) {
                break Exit::Clean;
            }
        };
        self.leave(exit)
    }

    fn show(&mut self, updates: &[Update]) {
        for update in updates {
            match update {
                Update::Joined { room, me: true, .. } => self.enter(room),
                Update::Left { room, me: true, .. } => self.turn_away(room),
                _ => {}
            }
            self.n_failed += usize::from(is_failure(update));
            if let Some(line) = describe_in(update, self.room.as_deref()) {
                self.is_deaf |= !say(&line);
            }
        }
    }

    /// We are in `room` no more, or will not be: something else is spoken in, if there is anything.
    fn turn_away(&mut self, left: &str) {
        if self.room.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(left)) {
            let rooms = self.client.rooms();
            let other = rooms.iter().find(|room| !room.eq_ignore_ascii_case(left));
            self.room = other.map(ToString::to_string);
        }
    }

    /// We are in `room`: it is spoken in if it was asked for, or if there was none.
    fn enter(&mut self, room: &str) {
        let is_asked = |turning: &String| turning.eq_ignore_ascii_case(room);
        if self.turning.take_if(|turning| is_asked(turning)).is_some() || self.room.is_none() {
            self.room = Some(room.to_owned());
        }
        if self.turning.is_none() {
            self.room_wait = None;
        }
    }

    /// Turns to a room: at once if we are in it, or when we are.
    fn turn_to(&mut self, room: String) {
        if self.client.rooms().iter().any(|own| own.eq_ignore_ascii_case(&room)) {
            self.turning = None;
            self.room = Some(room);
        } else {
            self.turning = Some(room);
        }
    }

    /// Speaks elsewhere when `action` was to go there.
    fn turn(&mut self, action: &Action) {
        match action {
            Action::Join(room) => self.turn_to(room_name(room)),
            Action::Part(rest) => {
                let (named, _) = parting(rest.as_deref(), &self.client.rooms());
                if let Some(left) = named.or_else(|| self.room.clone()) {
                    self.turn_away(&left);
                }
            }
            _ => {}
        }
    }

    /// Does what a line asks for; gives it back if it has to wait.
    fn act(&mut self, action: Action) -> Option<Action> {
        if needs_room(&action) && (self.room.is_none() || self.turning.is_some()) {
            self.room_wait.get_or_insert_with(|| after(ROOM_WITHIN));
            return Some(action);
        }
        if action == Action::Reconnect {
            self.client.reconnect_now();
        }
        match perform(&self.client, self.room.as_deref(), &action) {
            // Input that comes faster than it can be sent waits.
            Err(error) if error.is_full() => return Some(action),
            // That it waits for a connection is said already, and once.
            Ok(Some(lines)) if !matches!(action, Action::Say(_) | Action::Act(_)) => {
                self.is_deaf |= !say(&lines);
            }
            Ok(_) => self.turn(&action),
            Err(error) => {
                self.n_failed += 1;
                complain(&error.to_string());
            }
        }
        None
    }

    /// Leaves, and prints what comes until then.
    fn leave(mut self, exit: Exit) -> Result<Exit, Failure> {
        let events = self.events.clone();
        let printer = std::thread::Builder::new().name("chat-cli-last".into());
        let (client, room) = (self.client, self.room.take());
        let printing = printer.spawn(move || {
            let mut n_failed = 0;
            for event in events {
                let Event::Updates(updates) = event else { return n_failed };
                for update in &updates {
                    n_failed += usize::from(is_failure(update));
                    if let Some(line) = describe_in(update, room.as_deref()) {
                        say(&line);
                    }
                }
            }
            n_failed
        });
        let closed =
            client.close(if exit == Exit::Clean { LEAVE_WITHIN } else { INTERRUPTED_WITHIN });
        let last_failed = printing.ok().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let n_failed = self.n_failed + last_failed;
        match closed {
            Err(error @ (WaitError::Timeout | WaitError::ListenerPanicked(_))) => {
                Err((Exit::Lost, format!("could not leave properly: {error}")))
            }
            _ if n_failed > 0 && exit == Exit::Clean => {
                Err((Exit::NotDelivered, format!("lines that were not delivered: {n_failed}")))
            }
            _ => Ok(exit),
        }
    }
}

fn is_failure(update: &Update) -> bool {
    matches!(update, Update::Delivery { state: Delivery::Failed(_), .. })
}

/// An update as a line, with the room's name before what was not said in `room`.
fn describe_in(update: &Update, room: Option<&str>) -> Option<String> {
    let line = describe(update)?;
    Some(match update {
        Update::Message(message) => match &message.target {
            Target::Room(name) if Some(&**name) != room => format!("[{name}] {line}"),
            Target::User(name) if message.is_own => format!("(to {name}) {line}"),
            Target::User(_) => format!("(to you) {line}"),
            _ => line,
        },
        _ => line,
    })
}

/// Signals as values.
fn signals() -> io::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (tell, told) = crossbeam_channel::bounded(4);
    std::thread::Builder::new().name("chat-cli-signals".into()).spawn(move || {
        for signal in signals.forever() {
            if tell.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(told)
}
