//! Listeners: a chat program is a [`Listener`].

use std::{
    io::{self, Write},
    sync::Arc,
};

use crossbeam_channel::{Receiver, Sender, TrySendError};

use crate::{
    client::ClientHandle,
    error::CloseReason,
    text::printable,
    update::{ConnectionState, Delivery, Departure, MessageKind, Origin, Update},
};

/// Implement this to receive what happens on a connection.
///
/// # The contract
///
/// 1. Both methods run on one thread, named `chat-core-rx`, for the client's whole life, across
///    reconnections. Never concurrently, never re-entrantly: what a call sends comes back in a later call.
/// 2. Updates come in the order in which the server sent them; all of one connection before the next;
///    `State(Ready)` before its first message. What is said in a room while its past is on its way comes behind
///    that: first [`Origin::History`] or [`Origin::Missed`], then `PastTold`, then what is new, each message once.
/// 3. A batch is what was waiting when the thread looked, at most [`BATCH_MAX`] updates and
///    [`BATCH_BYTES_MAX`] bytes. Batches are not delayed to grow, and where one ends means nothing.
/// 4. A listener may block: reading, answering the server's pings and reconnecting go on. Beyond the
///    builder's `update_queue`, and what its `memory` has for them, the oldest updates are dropped, and `Lagged` says how many.
/// 5. Inside a call everything on the handle is allowed. Calls that would wait for this very thread
///    (`send_and_wait`, `wait_closed`, [`crate::ChatClient::close`]) return
///    [`crate::WaitError::WouldDeadlock`].
/// 6. The [`crate::ChatClient`] may be dropped inside a call.
/// 7. A panic is caught. The listener is not called again, not even `closed_connection`; the client
///    closes, and `close` and `wait_closed` tell of it. (With `panic = "abort"` the process ends.)
/// 8. No lock of this crate is held during a call.
/// 9. `closed_connection` comes exactly once, last, when nothing will reconnect any more. Before it,
///    every message sent has had its last [`Update::Delivery`].
/// 10. A `Delivery` may come before `send` has returned to its caller. There is no need to remember
///     ids: the message itself comes first, as [`Origin::LocalEcho`] with the same `send_id`.
pub trait Listener: Send + 'static {
    /// One or more updates, oldest first.
    fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>);

    /// The last call this listener gets.
    fn closed_connection(&mut self, client: &ClientHandle, reason: CloseReason);
}

pub use crate::client::{BATCH_BYTES_MAX, BATCH_MAX};

impl<L: Listener + ?Sized> Listener for Box<L> {
    fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>) {
        (**self).update_messages(client, updates);
    }

    fn closed_connection(&mut self, client: &ClientHandle, reason: CloseReason) {
        (**self).closed_connection(client, reason);
    }
}

/// Both calls of a [`Listener`] as one value, for closures and channels.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The last one.
    Closed(CloseReason),
    /// The updates.
    Updates(Vec<Update>),
}

/// A listener made of a closure; see [`from_fn`].
#[derive(Debug)]
pub struct FnListener<F>(F);

/// Makes a listener of a closure.
///
/// ```
/// use chat_core::{ChatClient, Event, listener, testing::FakeServer};
/// let server = FakeServer::start();
/// let (tell, told) = crossbeam_channel::unbounded();
/// let client = ChatClient::builder(server.address(), "Ann")
///     .listener(listener::from_fn(move |_, event| {
///         if let Event::Closed(reason) = event {
///             let _ = tell.send(reason);
///         }
///     }))
///     .connect()?;
/// drop(client);
/// assert!(told.recv()?.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from_fn<F>(f: F) -> FnListener<F>
where
    F: FnMut(&ClientHandle, Event) + Send + 'static,
{
    FnListener(f)
}

impl<F> Listener for FnListener<F>
where
    F: FnMut(&ClientHandle, Event) + Send + 'static,
{
    fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>) {
        (self.0)(client, Event::Updates(updates));
    }

    fn closed_connection(&mut self, client: &ClientHandle, reason: CloseReason) {
        (self.0)(client, Event::Closed(reason));
    }
}

/// A listener that passes everything on to a channel.
///
/// When the channel is full the listener waits, and the client's own queue takes what comes
/// meanwhile. When nobody receives any more, it lets everything go.
#[derive(Debug)]
pub struct ChannelListener(Sender<Event>);

/// A listener and the channel it feeds, which holds at most `capacity` events, each of [`BATCH_BYTES_MAX`] bytes or one
/// update.
///
/// ```
/// use chat_core::{ChatClient, Event, Update, listener, testing::FakeServer};
/// let server = FakeServer::start();
/// let (listener, events) = listener::channel(64);
/// let client = ChatClient::builder(server.address(), "Ann").listener(listener).start()?;
/// let Event::Updates(updates) = events.recv()? else { panic!("it has just begun") };
/// assert!(matches!(updates[0], Update::State(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn channel(capacity: usize) -> (ChannelListener, Receiver<Event>) {
    let (sender, receiver) = crossbeam_channel::bounded(capacity);
    (ChannelListener(sender), receiver)
}

impl From<Sender<Event>> for ChannelListener {
    fn from(sender: Sender<Event>) -> Self {
        Self(sender)
    }
}

impl ChannelListener {
    fn pass_on(&self, event: Event) {
        if let Err(TrySendError::Full(event)) = self.0.try_send(event) {
            // An error means that nobody receives any more.
            let _ = self.0.send(event);
        }
    }
}

impl Listener for ChannelListener {
    fn update_messages(&mut self, _: &ClientHandle, updates: Vec<Update>) {
        self.pass_on(Event::Updates(updates));
    }

    fn closed_connection(&mut self, _: &ClientHandle, reason: CloseReason) {
        self.pass_on(Event::Closed(reason));
    }
}

/// Several listeners as one: each gets everything, in the order in which they were added.
#[derive(Default)]
pub struct Fanout(Vec<Box<dyn Listener>>);

impl Fanout {
    /// Without listeners yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This fanout with one more listener.
    #[must_use]
    pub fn with(mut self, listener: impl Listener) -> Self {
        self.0.push(Box::new(listener));
        self
    }
}

impl std::fmt::Debug for Fanout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fanout").field(&self.0.len()).finish()
    }
}

impl Listener for Fanout {
    fn update_messages(&mut self, client: &ClientHandle, updates: Vec<Update>) {
        let Some((last, others)) = self.0.split_last_mut() else { return };
        for listener in others {
            listener.update_messages(client, updates.clone());
        }
        last.update_messages(client, updates);
    }

    fn closed_connection(&mut self, client: &ClientHandle, reason: CloseReason) {
        for listener in &mut self.0 {
            listener.closed_connection(client, reason.clone());
        }
    }
}

/// Prints what happens, one line each: what a client does that was given no listener.
#[derive(Debug)]
pub struct PrintListener<W> {
    /// `None` once writing has failed, as when a pipe is closed.
    out: Option<W>,
}

impl PrintListener<io::Stdout> {
    /// To the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write + Send + 'static> PrintListener<W> {
    /// To `out`.
    pub fn new(out: W) -> Self {
        Self { out: Some(out) }
    }

    fn print(&mut self, line: &str) {
        if let Some(out) = &mut self.out
            && writeln!(out, "{line}").and_then(|()| out.flush()).is_err()
        {
            self.out = None;
        }
    }
}

impl<W: Write + Send + 'static> Listener for PrintListener<W> {
    fn update_messages(&mut self, _: &ClientHandle, updates: Vec<Update>) {
        for line in updates.iter().filter_map(describe) {
            self.print(&line);
        }
    }

    fn closed_connection(&mut self, _: &ClientHandle, reason: CloseReason) {
        self.print(&printable(&format!("* {reason}")));
    }
}

/// An update as one line of plain text, safe for a terminal; `None` for what people need not read.
#[must_use]
pub fn describe(update: &Update) -> Option<String> {
    let with_reason =
        |reason: &Option<Arc<str>>| match reason.as_deref().filter(|text| !text.is_empty()) {
            Some(reason) => format!(" ({reason})"),
            None => String::new(),
        };
    let line = match update {
        Update::Account { account: Some(account), .. } => format!("* logged in as {account}"),
        Update::Account { account: None, .. } => "* logged out".to_owned(),
        Update::Away { .. } => return None,
        Update::Gap { target, .. } => {
            format!("! you may have missed messages in {}", target.name())
        }
        Update::Deleted { target, by, reason, .. } => {
            format!("* {by} deleted a message in {}{}", target.name(), with_reason(reason))
        }
        Update::Edited { by, text, .. } => format!("* {by} changed a message to: {text}"),
        Update::PastTold { .. } | Update::Reacted { is_taken_back: true, .. } => return None,
        Update::Reacted { by, value, .. } => format!("* {by} reacts: {value}"),
        Update::Delivery { state: Delivery::Failed(error), .. } => {
            format!("! not delivered: {error}")
        }
        Update::Delivery { .. } => return None,
        Update::Invited { room, by, .. } => format!("* {by} invites you to {room}"),
        Update::Joined { room, nick, me: false, .. } => format!("* {nick} joined {room}"),
        Update::Joined { room, nick, .. } => format!("* you are in {room} as {nick}"),
        Update::Lagged { dropped, .. } => format!("! {dropped} updates were skipped"),
        Update::Left { room, nick, how, reason, .. } => match how {
            Departure::Kicked { by } => {
                format!("* {by} removed {nick} from {room}{}", with_reason(reason))
            }
            Departure::Lost => format!("! {nick} lost the connection{}", with_reason(reason)),
            Departure::Parted => format!("* {nick} left {room}{}", with_reason(reason)),
            Departure::Quit => format!("* {nick} left{}", with_reason(reason)),
        },
        Update::Members { room, nicks, .. } => format!("* in {room}: {}", nicks.join(" ")),
        // Text of our own that is on its way is printed like everyone's.
        Update::Message(message) if message.origin == Origin::History => return None,
        Update::Message(message) => {
            let (sender, text) = (&message.sender, &message.text);
            match message.kind {
                MessageKind::Text => format!("{sender}: {text}"),
                MessageKind::Notice => format!("{sender} (notice): {text}"),
                MessageKind::Action => format!("* {sender} {text}"),
            }
        }
        Update::Notice { text, .. } => format!("* {text}"),
        Update::Renamed { old, new, .. } => format!("* {old} is now {new}"),
        Update::State(ConnectionState::Ready { nick, .. }) => format!("* connected as {nick}"),
        Update::State(ConnectionState::Waiting { retry_in, cause, .. }) => {
            format!("! {cause}; trying again in {:.0} s", retry_in.as_secs_f32().ceil())
        }
        Update::State(_) => return None,
        Update::Topic { room, topic, by: Some(by), .. } => {
            format!("* {by} set the topic of {room}: {topic}")
        }
        Update::Topic { room, topic, .. } => format!("* topic of {room}: {topic}"),
    };
    Some(printable(&line).into_owned())
}
