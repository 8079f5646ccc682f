//! [`ChatClient`] owns a connection and its threads.

use std::{
    ops::Deref,
    sync::Arc,
    thread::{Builder, JoinHandle},
    time::Duration,
};

use mio::{Poll, Waker};

use super::{
    driver::{Driver, WAKER},
    handle::ClientHandle,
    receiver::Receiver,
    settings::Settings,
    shared::{Control, Shared},
    state::ClientState,
};
use crate::{
    error::{CloseReason, ConfigError, ConnectError, WaitError},
    listener::Listener,
    update::ConnectionState,
};

/// The time that dropping a client may take.
const DROP_WAIT: Duration = Duration::from_millis(200);

/// A connection that keeps itself alive, and the threads it needs: one for input and output, and one,
/// `chat-core-rx`, that calls the [`Listener`] (see there for the contract).
///
/// Dropping it leaves the server, within 200 ms; [`ChatClient::close`] is the orderly way.
///
/// ```
/// use chat_core::{ChatClient, testing::{FakeServer, RecordingListener}};
/// let server = FakeServer::start();
/// let (listener, record) = RecordingListener::new();
/// let client = ChatClient::builder(server.address(), "Niccolò Rossi").listener(listener).connect()?;
/// assert_eq!(&*client.nick(), "Niccolo_Rossi");
/// client.send("#lobby", "good morning")?;
/// record.wait_for_message("good morning");
/// client.close(std::time::Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a client closes it"]
#[derive(Debug)]
pub struct ChatClient {
    handle: ClientHandle,
    threads: Vec<JoinHandle<()>>,
}

impl ChatClient {
    pub(crate) fn start(
        settings: Settings,
        listener: Box<dyn Listener>,
    ) -> Result<Self, ConfigError> {
        let system = |error| ConfigError::System(Arc::new(error));
        let settings = Arc::new(settings);
        let poll = Poll::new().map_err(system)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(system)?;
        let (requests, requested) = crossbeam_channel::unbounded();
        let (control, controlled) = crossbeam_channel::unbounded();
        let state = ClientState::new(Arc::clone(&settings), fastrand::u64(..));
        let rooms = Arc::clone(state.rooms());
        let shared = Arc::new(Shared::new(&settings, requests, control, waker, rooms));
        let driver = Driver::new(poll, settings, Arc::clone(&shared), state, requested, controlled);
        let handle = ClientHandle::new(shared);
        let receiver = Receiver { handle: handle.clone(), listener };
        let mut client = Self { handle, threads: Vec::new() };
        let io = Builder::new().name("chat-core-io".into()).spawn(move || driver.run());
        client.threads.push(io.map_err(system)?);
        let rx = Builder::new().name("chat-core-rx".into()).spawn(move || receiver.run());
        client.threads.push(rx.map_err(system)?);
        Ok(client)
    }

    pub(crate) fn connect(
        settings: Settings,
        listener: Box<dyn Listener>,
    ) -> Result<Self, ConnectError> {
        let client = Self::start(settings, listener)?;
        let decided = client.shared().wait_for(None, |status| match &status.state {
            // Also if that is over already: then it connects again, as it would a moment later.
            _ if status.was_ready => Some(Ok(())),
            ConnectionState::Waiting { cause, .. } => Some(Err(Some((**cause).clone()))),
            ConnectionState::Closed => Some(Err(None)),
            _ => None,
        });
        let failed = match decided {
            Some(Ok(())) | None => return Ok(client),
            Some(Err(cause)) => cause,
        };
        client.quit();
        let closed = client.wait_closed(client.shared().quit_timeout);
        Err(match (failed, closed) {
            (Some(cause), _) => cause,
            (None, Ok(CloseReason::Lost(cause) | CloseReason::Fatal(cause))) => (*cause).clone(),
            (None, Ok(reason)) => ConnectError::Lost(reason.to_string().into()),
            (None, Err(error)) => ConnectError::Lost(error.to_string().into()),
        })
    }

    /// A handle, to be cloned and kept by whoever needs it.
    #[must_use]
    pub fn handle(&self) -> ClientHandle {
        self.handle.clone()
    }

    /// Leaves the server and waits until the listener has had its last call and the threads have
    /// ended. What waits to be sent is sent first, as far as `timeout` allows.
    ///
    /// # Errors
    /// [`WaitError::WouldDeadlock`] inside the listener (the client closes all the same),
    /// [`WaitError::ListenerPanicked`], and [`WaitError::Timeout`] if a listener does not return.
    pub fn close(mut self, timeout: Duration) -> Result<CloseReason, WaitError> {
        self.handle.control(Control::Quit { within: timeout });
        // The server's answer to the last line takes a moment more.
        let closed = self.wait_closed(timeout.saturating_add(Duration::from_secs(1)));
        if !matches!(closed, Err(WaitError::Timeout | WaitError::WouldDeadlock)) {
            self.join();
        }
        closed
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // A listener's panic was caught and told; another one is shown by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Deref for ChatClient {
    type Target = ClientHandle;

    fn deref(&self) -> &ClientHandle {
        &self.handle
    }
}

impl Drop for ChatClient {
    fn drop(&mut self) {
        if self.threads.is_empty() {
            return;
        }
        self.handle.control(Control::Quit { within: DROP_WAIT / 2 });
        let closed = self.handle.wait_closed(DROP_WAIT);
        if !matches!(closed, Err(WaitError::Timeout | WaitError::WouldDeadlock)) {
            self.join();
        }
    }
}
