//! Without a terminal: a plain filter. Each line of the input is said, what happens is printed,
//! no prompt, no colour. `listen` says nothing.

use std::{
    io::{self, BufRead},
    time::Duration,
};

use chat_core::{
    ChatClient, ConnectionState, Event, Target, Update, WaitError,
    listener::{channel, describe},
};
use crossbeam_channel::{Receiver, Sender, select};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    Failure,
    args::Session,
    exit::Exit,
    host::Hosted,
    input::{Action, parse},
    output::say,
};

/// How long leaving may take; what was read is still sent.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// Events that wait between the client and the printing.
const EVENTS_MAX: usize = 1024;

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
    /// The room that is spoken in: the first we are in.
    room: Option<String>,
    /// Lines read before we were in a room.
    early: Vec<Action>,
    /// Nobody reads what is printed.
    is_deaf: bool,
}

impl Filter {
    fn start(session: &Session) -> Result<Self, Failure> {
        let usage = |sentence| (Exit::Usage, sentence);
        let (listener, events) = channel(EVENTS_MAX);
        let signals = signals().map_err(|error| usage(error.to_string()))?;
        let client = session.builder().map_err(usage)?.listener(listener).connect();
        let client = client.map_err(|error| (Exit::from(&error), error.to_string()))?;
        Ok(Self { client, events, signals, room: None, early: Vec::new(), is_deaf: false })
    }

    fn run(mut self, input: Option<Receiver<String>>, goes_on: bool) -> Result<Exit, Failure> {
        let mut input = input.unwrap_or_else(crossbeam_channel::never);
        let exit = loop {
            select! {
                recv(self.events) -> event => match event {
                    Ok(Event::Updates(updates)) => self.show(&updates),
                    Ok(Event::Closed(reason)) => return Err((Exit::from(&reason), reason.to_string())),
                    Ok(_) | Err(_) => break Exit::Lost,
                },
                recv(input) -> line => match line.map(|line| parse(&line)) {
                    Ok(Action::Quit) => break Exit::Clean,
                    Ok(action) if self.room.is_none() => self.early.push(action),
                    Ok(action) => self.act(action),
                    Err(_) if goes_on || self.room.is_none() && !self.early.is_empty() => {
                        input = crossbeam_channel::never();
                        if !goes_on {
                            // Said once we are in a room; then we leave.
                            self.early.push(Action::Quit);
                        }
                    }
                    Err(_) => break Exit::Clean,
                },
                recv(self.signals) -> signal => break match signal {
                    Ok(SIGINT) => Exit::Interrupted,
                    _ => Exit::Terminated,
                },
            }
            if self.is_deaf || (self.room.is_some() && self.take_early()) {
                break Exit::Clean;
            }
        };
        self.leave(exit)
    }

    /// Does what was read before we were in a room; whether that was to leave.
    fn take_early(&mut self) -> bool {
        for action in std::mem::take(&mut self.early) {
            if action == Action::Quit {
                return true;
            }
            self.act(action);
        }
        false
    }

    fn show(&mut self, updates: &[Update]) {
        for update in updates {
            if let Update::Joined { room, me: true, .. } = update {
                self.room.get_or_insert_with(|| room.to_string());
            }
            if let Some(line) = describe_in(update, self.room.as_deref()) {
                self.is_deaf |= !say(&line);
            }
        }
    }

    fn act(&self, action: Action) {
        let room = self.room.as_deref().unwrap_or_default();
        let done = loop {
            let asked = match &action {
                Action::Say(text) => self.client.send(room, text).map(drop),
                Action::Act(text) => self.client.send_action(room, text).map(drop),
                Action::Message { to, text } => self.client.send(to, text).map(drop),
                Action::Join(room) => self.client.join(room),
                Action::Part { room: part, reason } => {
                    self.client.part(part.as_deref().unwrap_or(room), reason.as_deref())
                }
                Action::Nick(nick) => self.client.set_nick(nick),
                Action::Topic(Some(topic)) => self.client.set_topic(room, topic),
                Action::Reconnect => {
                    self.client.reconnect_now();
                    Ok(())
                }
                Action::Wrong(sentence) => {
                    crate::output::complain(sentence);
                    Ok(())
                }
                _ => Ok(()),
            };
            match asked {
                // Input that comes faster than it can be sent waits.
                Err(chat_core::SendError::Full { .. }) if self.client.state().is_ready() => {
                    let _ = crossbeam_channel::after(Duration::from_millis(20)).recv();
                }
                done => break done,
            }
        };
        if let Err(error) = done {
            crate::output::complain(&error.to_string());
        }
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
                    let failed = matches!(
                        update,
                        Update::Delivery { state: chat_core::Delivery::Failed(_), .. }
                    );
                    n_failed += usize::from(failed);
                    if let Some(line) = describe_in(update, room.as_deref()) {
                        say(&line);
                    }
                }
            }
            n_failed
        });
        let closed = client.close(LEAVE_WITHIN);
        let n_failed = printing.ok().and_then(|thread| thread.join().ok()).unwrap_or_default();
        match closed {
            Err(error @ (WaitError::Timeout | WaitError::ListenerPanicked(_))) => {
                Err((Exit::Lost, format!("could not leave properly: {error}")))
            }
            _ if n_failed > 0 && exit == Exit::Clean => {
                Err((Exit::NotDelivered, format!("{n_failed} messages were not delivered")))
            }
            _ => Ok(exit),
        }
    }
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
        Update::State(ConnectionState::Ready { .. }) => line,
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
