//! One error type for each thing that can fail, sorted by who is at fault.
//!
//! All are `Clone` and keep their source; texts start in lower case and say what to do next where
//! there is something to do.

use std::{borrow::Cow, io, net::SocketAddr, sync::Arc, time::Duration};

/// The builder was given something that cannot work. Nothing was started.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting makes no sense.
    #[error("the {field} {why}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The fault in it.
        why: Cow<'static, str>,
    },
    /// The system gave no thread or no descriptor.
    #[error("the client cannot be started: {0}")]
    System(#[source] Arc<io::Error>),
}

/// The reason why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server said so (`ERROR`), such as when it stops.
    #[error("the server closed the connection: {0}")]
    Closed(Arc<str>),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system.
    #[error("cannot connect to {address}: {}", in_words(source))]
    Io {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        source: Arc<io::Error>,
    },
    /// The connection was there, and then it was not.
    #[error("the connection was lost: {0}")]
    Lost(Arc<str>),
    /// The server wants a password, or another one.
    #[error("the server refuses the login: {0}")]
    Login(Arc<str>),
    /// The server did not let us in.
    #[error("the server refuses us: {0}")]
    Refused(Arc<str>),
    /// The host's name leads nowhere.
    #[error("cannot find the host {host}: {source}; check how its name is written")]
    Resolve {
        /// The name.
        host: Arc<str>,
        /// The system's words.
        source: Arc<io::Error>,
    },
    /// Nothing came back in time.
    #[error("no answer within {} s; check the address, and that the server can be reached", .0.as_secs_f32())]
    Timeout(Duration),
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nobody listens there; is the server running, and is the port right?".into()
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to that network from here".into()
        }
        _ => error.to_string(),
    }
}

impl ConnectError {
    /// Whether trying again can help without someone changing something.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Login(_) | Self::Config(_))
    }
}

/// The reason why something could not even be queued. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The client has closed for good.
    #[error("the connection is closed")]
    Closed,
    /// Too much waits to be sent.
    #[error("{capacity} messages are waiting to be sent already; try again in a moment")]
    Full {
        /// The number that may wait.
        capacity: usize,
    },
    /// Too much waits to be sent, counted in bytes.
    #[error(
        "messages that need {bytes_max} bytes are waiting to be sent already; try again in a moment"
    )]
    MemoryFull {
        /// The bytes that what waits may take ([`crate::MemoryBudget`]).
        bytes_max: usize,
    },
    /// There is no such target.
    #[error("{0:?} is neither a room (#name) nor a nick")]
    InvalidTarget(String),
    /// Nothing that can be sent: empty, or with a NUL in it.
    #[error("there is no text to send")]
    InvalidText,
    /// Too long even in parts.
    #[error("the text has {bytes} bytes; at most {bytes_max} can be sent at once")]
    TooLong {
        /// The length of it, in bytes.
        bytes: usize,
        /// The length it may have, in bytes.
        bytes_max: usize,
    },
}

impl SendError {
    /// Whether there is place again when some of what waits has been sent: then the same words may be said once more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::MemoryFull { .. })
    }
}

/// The reason why a message did not arrive, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// A message that waited too long and was never written; it was not sent.
    #[error("it could not be sent in time")]
    Expired,
    /// The server said no.
    #[error("the server refused it: {text}")]
    Refused {
        /// A numeric, or a word for programs.
        code: Arc<str>,
        /// The server's words.
        text: Arc<str>,
    },
    /// The server said nothing about it, though it was there: it may have arrived.
    #[error("the server did not acknowledge it; it may have arrived")]
    Unanswered,
    /// The connection was lost after it was written and before it was acknowledged: it may have arrived.
    #[error("the connection was lost before it was acknowledged; it may have arrived")]
    Unknown,
}

/// The reason why waiting gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The listener panicked with this; the client has closed.
    #[error("the listener panicked: {0}")]
    ListenerPanicked(Arc<str>),
    /// A message that could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The time is up.
    #[error("it took too long")]
    Timeout,
    /// Called inside the listener, on the thread it would wait for.
    #[error("waiting inside the listener would wait forever")]
    WouldDeadlock,
}

/// The reason why a client closed, for good.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// Trying again cannot help.
    #[error("{0}")]
    Fatal(#[source] Arc<ConnectError>),
    /// The reconnect policy's attempts are used up.
    #[error("gave up after {attempts} attempts: {last}")]
    #[non_exhaustive]
    GaveUp {
        /// The number of attempts in a row.
        attempts: u32,
        /// The reason why the last one failed.
        #[source]
        last: Arc<ConnectError>,
    },
    /// The listener panicked with this.
    #[error("the listener panicked: {0}")]
    ListenerPanicked(Arc<str>),
    /// The connection was lost, and the policy is not to reconnect.
    #[error("{0}")]
    Lost(#[source] Arc<ConnectError>),
    /// Asked for by `quit`, `close` or dropping the client.
    #[error("closed as asked")]
    Requested,
}

impl CloseReason {
    /// Whether it ended as someone here wanted.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Requested)
    }
}
