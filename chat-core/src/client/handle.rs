//! [`ClientHandle`]: how everyone but its owner uses a client.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    replacement::Replacement,
    settings::Password,
    shared::{Control, Shared},
    state::{Message, Request},
    words::{check_target, check_word, is_key, room_name},
};
use crate::{
    error::{CloseReason, SendError, WaitError},
    listener::Listener,
    update::{ConnectionState, Delivery, MessageKind, SendId},
    wire::limits::{BODY_BYTES_MAX, client_line_fits},
};

/// The most text one `send` takes, in bytes; less in a client of a small [`MemoryBudget`](crate::MemoryBudget). It goes in as many
/// lines as it needs.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// A way to use a client from anywhere; it does not keep the client alive. Cheap to clone.
#[derive(Clone)]
pub struct ClientHandle {
    shared: Arc<Shared>,
    replacement: Arc<Replacement<Box<dyn Listener>>>,
}

impl std::fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientHandle").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl ClientHandle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, replacement: Arc::new(Replacement::new()) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn replacement(&self) -> &Replacement<Box<dyn Listener>> {
        &self.replacement
    }

    /// Says `text` to a room (`#name`) or a person (a nick). Never blocks: what becomes of it is told
    /// by [`Update::Delivery`](crate::Update::Delivery). Long text goes in as many lines as it needs, cut between characters;
    /// line breaks separate messages on the wire.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent then.
    pub fn send(&self, target: &str, text: &str) -> Result<SendId, SendError> {
        self.send_as(MessageKind::Text, target, text)
    }

    /// As [`ClientHandle::send`], read as something you do: "Ann waves".
    ///
    /// # Errors
    /// As [`ClientHandle::send`].
    pub fn send_action(&self, target: &str, text: &str) -> Result<SendId, SendError> {
        self.send_as(MessageKind::Action, target, text)
    }

    /// As [`ClientHandle::send`], for programs: a notice is never answered by another program.
    ///
    /// # Errors
    /// As [`ClientHandle::send`].
    pub fn send_notice(&self, target: &str, text: &str) -> Result<SendId, SendError> {
        self.send_as(MessageKind::Notice, target, text)
    }

    /// Sends and waits until the server has it, or it failed.
    ///
    /// # Errors
    /// [`WaitError`]. After [`WaitError::Timeout`] the message may still arrive.
    pub fn send_and_wait(
        &self,
        target: &str,
        text: &str,
        timeout: Duration,
    ) -> Result<Delivery, WaitError> {
        if self.on_receiver_thread() {
            return Err(WaitError::WouldDeadlock);
        }
        let message = self.message(MessageKind::Text, target, text)?;
        let id = message.id;
        self.shared.status().awaited.insert(id, None);
        let queued = self.queue(Request::Send(message));
        let waited = queued.map_err(WaitError::from).and_then(|()| {
            let waited = self.shared.wait_for(Some(timeout), |status| {
                let awaited = status.awaited.get_mut(&id)?.take();
                awaited.map(Ok).or_else(|| match &status.outcome {
                    Some(Err(panic)) => Some(Err(WaitError::ListenerPanicked(Arc::clone(panic)))),
                    _ => None,
                })
            });
            waited.unwrap_or(Err(WaitError::Timeout))
        });
        self.shared.status().awaited.remove(&id);
        waited
    }

    /// Joins a room, now and after every reconnect. The `#` may be left out.
    ///
    /// # Errors
    /// [`SendError`]; what the server says to it comes as an update.
    pub fn join(&self, room: &str) -> Result<(), SendError> {
        let room = room_name(room);
        check_target(&room)?;
        self.queue(Request::Join { room: room.into(), key: None })
    }

    /// Joins a room, now and after every reconnect, with its key, or with what stands in a link into it.
    ///
    /// # Errors
    /// [`SendError`]; a key that is none is [`SendError::InvalidText`].
    pub fn join_with_key(&self, room: &str, key: &str) -> Result<(), SendError> {
        let room = room_name(room);
        check_target(&room)?;
        if !is_key(key) {
            return Err(SendError::InvalidText);
        }
        self.queue(Request::Join { room: room.into(), key: Some(key.to_owned()) })
    }

    /// Registers an account for the nick we have, where the server knows `draft/account-registration`, and logs in to it,
    /// now and after every reconnect: [`Update::Account`](crate::Update::Account) says so, a notice why not. The server
    /// reads the password, and so does everyone in between who can read the connection.
    ///
    /// # Errors
    /// [`SendError`]; a password that is not one line is [`SendError::InvalidText`].
    pub fn register_account(&self, password: &str) -> Result<(), SendError> {
        if password.is_empty() || password.contains(['\0', '\r', '\n']) {
            return Err(SendError::InvalidText);
        }
        self.queue(Request::Register { password: Password(password.to_owned()) })
    }

    /// Says something else in the place of a message of ours, where the server knows `chat.local/edit`; it is so when
    /// [`Update::Edited`](crate::Update::Edited) says so.
    ///
    /// # Errors
    /// [`SendError`]; what the server says to it comes as an update.
    pub fn edit(&self, target: &str, msgid: &str, text: &str) -> Result<(), SendError> {
        check_target(target)?;
        check_word(msgid)?;
        if text.trim().is_empty() || text.contains(['\0', '\r', '\n']) {
            return Err(SendError::InvalidText);
        }
        let text = text.to_owned();
        self.queue(Request::Edit { target: target.into(), msgid: msgid.into(), text })
    }

    /// Deletes a message, where the server knows `draft/message-redaction`: one of ours, or in a room we operate. It is
    /// so when [`Update::Deleted`](crate::Update::Deleted) says so.
    ///
    /// # Errors
    /// As [`ClientHandle::edit`].
    pub fn delete(&self, target: &str, msgid: &str, reason: Option<&str>) -> Result<(), SendError> {
        check_target(target)?;
        check_word(msgid)?;
        if reason.is_some_and(|reason| reason.contains(['\0', '\r', '\n'])) {
            return Err(SendError::InvalidText);
        }
        let reason = reason.map(str::to_owned);
        self.queue(Request::Delete { target: target.into(), msgid: msgid.into(), reason })
    }

    /// Reacts to a message with an emoji or a short word, or takes that back; others see it as
    /// [`Update::Reacted`](crate::Update::Reacted), and so do we.
    ///
    /// # Errors
    /// As [`ClientHandle::edit`].
    pub fn react(
        &self,
        target: &str,
        msgid: &str,
        value: &str,
        is_taken_back: bool,
    ) -> Result<(), SendError> {
        check_target(target)?;
        check_word(msgid)?;
        if value.is_empty() || value.len() > 64 || value.contains(['\0', '\r', '\n']) {
            return Err(SendError::InvalidText);
        }
        let (target, msgid, value) = (target.into(), msgid.into(), value.to_owned());
        self.queue(Request::React { target, msgid, value, is_taken_back })
    }

    /// Leaves a room.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn part(&self, room: &str, reason: Option<&str>) -> Result<(), SendError> {
        let room = room_name(room);
        check_target(&room)?;
        self.queue(Request::Part { room: room.into(), reason: reason.map(str::to_owned) })
    }

    /// Asks for another nick; it is ours when [`Update::Renamed`](crate::Update::Renamed) says so.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn set_nick(&self, nick: &str) -> Result<(), SendError> {
        check_target(nick)?;
        self.queue(Request::Nick { nick: nick.to_owned() })
    }

    /// Sets a room's topic; empty clears it.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn set_topic(&self, room: &str, topic: &str) -> Result<(), SendError> {
        check_target(room)?;
        self.queue(Request::Topic { room: room.into(), topic: topic.to_owned() })
    }

    /// Sends one line of the protocol as it is, if there is a connection.
    ///
    /// # Errors
    /// [`SendError::InvalidText`] if it is none, [`SendError::TooLong`] if a server would not read it.
    pub fn send_raw(&self, line: &str) -> Result<(), SendError> {
        if line.trim().is_empty() || line.contains(['\0', '\r', '\n']) {
            return Err(SendError::InvalidText);
        }
        if !client_line_fits(line.as_bytes()) {
            return Err(SendError::TooLong { bytes: line.len(), bytes_max: BODY_BYTES_MAX - 2 });
        }
        self.queue(Request::Raw { line: line.to_owned() })
    }

    /// Tries to connect now instead of when the policy would; replaces a connection that is there.
    pub fn reconnect_now(&self) {
        self.control(Control::ReconnectNow);
    }

    /// Leaves the server for good. Returns at once; see [`crate::ChatClient::close`] and
    /// [`ClientHandle::wait_closed`].
    pub fn quit(&self) {
        self.control(Control::Quit { within: self.shared.quit_timeout });
    }

    /// Gives the client another listener, from its next call on. The one before is dropped without
    /// a further call; so is this one if the client has closed.
    pub fn replace_listener(&self, listener: impl Listener) {
        // Both it and one that was never called are dropped without the lock.
        let unused = self.replacement.put(Box::new(listener));
        drop(unused);
    }

    /// The state of the connection.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.shared.status().state.clone()
    }

    /// Our nick: the one we have, or the one we ask for.
    #[must_use]
    pub fn nick(&self) -> Arc<str> {
        Arc::clone(&self.shared.status().nick)
    }

    /// The rooms we are in, by name.
    #[must_use]
    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.shared.rooms().names()
    }

    /// Everyone in a room, by nick; empty if we are not in it.
    #[must_use]
    pub fn members(&self, room: &str) -> Vec<Arc<str>> {
        self.shared.rooms().members(room)
    }

    /// A room's topic, if we are in it and it has one.
    #[must_use]
    pub fn topic(&self, room: &str) -> Option<Arc<str>> {
        self.shared.rooms().topic(room)
    }

    /// The bytes of all that waits in this client, by its own count: within its
    /// [`MemoryBudget`](crate::MemoryBudget), but for the updates that the listener has in its hands.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.shared.waiting_bytes()
    }

    /// Waits until the listener has had its last call.
    ///
    /// # Errors
    /// [`WaitError::WouldDeadlock`] inside the listener, [`WaitError::Timeout`],
    /// [`WaitError::ListenerPanicked`].
    pub fn wait_closed(&self, timeout: Duration) -> Result<CloseReason, WaitError> {
        if self.on_receiver_thread() {
            return Err(WaitError::WouldDeadlock);
        }
        let outcome = self.shared.wait_for(Some(timeout), |status| status.outcome.clone());
        match outcome {
            None => Err(WaitError::Timeout),
            Some(Ok(reason)) => Ok(reason),
            Some(Err(panic)) => Err(WaitError::ListenerPanicked(panic)),
        }
    }

    /// Whether this is the thread that calls the listener.
    #[must_use]
    pub fn on_receiver_thread(&self) -> bool {
        self.shared.receiver_thread.get() == Some(&std::thread::current().id())
    }

    fn send_as(&self, kind: MessageKind, target: &str, text: &str) -> Result<SendId, SendError> {
        let message = self.message(kind, target, text)?;
        let id = message.id;
        self.queue(Request::Send(message))?;
        Ok(id)
    }

    fn message(&self, kind: MessageKind, target: &str, text: &str) -> Result<Message, SendError> {
        check_target(target)?;
        let bytes_max = TEXT_BYTES_MAX.min(self.shared.gate.text_bytes_max());
        if text.len() > bytes_max {
            return Err(SendError::TooLong { bytes: text.len(), bytes_max });
        }
        if text.trim_matches(['\n', '\r']).is_empty() || text.contains('\0') {
            return Err(SendError::InvalidText);
        }
        let id = SendId(self.shared.next_send_id.fetch_add(1, Ordering::Relaxed));
        Ok(Message { id, target: target.into(), text: text.into(), kind })
    }

    fn queue(&self, request: Request) -> Result<(), SendError> {
        self.shared.gate.pass(request)?;
        self.shared.wake();
        Ok(())
    }

    pub(super) fn control(&self, control: Control) {
        // An error means that the client has closed already.
        let _ = self.shared.control.send(control);
        self.shared.wake();
    }
}
