//! The memory that may wait in a client: one budget in bytes, what each part may have of it, and the weight of what waits.

use std::mem::size_of;

use super::state::{Message, Request};
use crate::update::{ChatMessage, ConnectionState, Delivery, Departure, Target, Update};

/// The most updates in one call of [`Listener::update_messages`](crate::Listener::update_messages).
pub const BATCH_MAX: usize = 512;

/// The most bytes of updates in one call, unless it has only one: 128 KiB.
pub const BATCH_BYTES_MAX: usize = 128 << 10;

/// The bytes that everything that waits in a client may take together ([`ChatClientBuilder::memory`]). A server that fills
/// a part of it loses that part alone:
///
/// | part | of it | when it is full |
/// | --- | --- | --- |
/// | updates that the listener has not taken | 3/8 | the oldest are dropped, and [`Update::Lagged`] says how many; what becomes of our own words, and of the connection, goes last |
/// | what is said while the past is on its way, and the past that comes | 1/4 | the question that has been open longest is given up: [`Update::Gap`], then what waited behind it |
/// | rooms, topics and the people in rooms | 1/4 | who comes then is no member for [`ClientHandle::members`], a room more is none of ours; a notice says so, once for each connection |
/// | our own words, until the server has them | 1/8 | [`SendError::MemoryFull`]: they stay with whoever said them |
///
/// Weights are those of the memory that a thing takes, a little rounded up. Beside them stands what has bounds of its own: a
/// line of the server and what it makes (64 KiB are read at once), 1 MiB of lines that the server does not read, the ids of 4,096 messages, 4,096
/// rooms to come back to, 64 open batches, and the batch of updates that the listener has in its hands
/// ([`BATCH_BYTES_MAX`]).
///
/// [`BATCH_BYTES_MAX`]: crate::listener::BATCH_BYTES_MAX
/// [`ChatClientBuilder::memory`]: crate::ChatClientBuilder::memory
/// [`ClientHandle::members`]: crate::ClientHandle::members
/// [`SendError::MemoryFull`]: crate::SendError::MemoryFull
/// [`Update::Gap`]: crate::Update::Gap
/// [`Update::Lagged`]: crate::Update::Lagged
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    bytes: usize,
}

impl MemoryBudget {
    /// The smallest budget there is, in bytes: 8 MiB.
    pub const BYTES_MIN: usize = 8 << 20;

    /// A budget of so many bytes, [`MemoryBudget::BYTES_MIN`] or more.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self { bytes }
    }

    /// The bytes of all of it.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bytes
    }

    pub(crate) const fn updates(self) -> usize {
        self.bytes / 8 * 3
    }

    pub(crate) const fn history(self) -> usize {
        self.bytes / 4
    }

    pub(crate) const fn roster(self) -> usize {
        self.bytes / 4
    }

    pub(crate) const fn own_words(self) -> usize {
        self.bytes / 8
    }
}

impl Default for MemoryBudget {
    /// 64 MiB.
    fn default() -> Self {
        Self::new(64 << 20)
    }
}

/// The bytes of a text on the heap, with its counters and what the allocator adds.
pub(crate) fn text_bytes(text: &str) -> usize {
    (text.len() + 24).next_multiple_of(16)
}

fn target_bytes(target: &Target) -> usize {
    text_bytes(target.name())
}

/// The bytes of an update that waits, with its place in a queue that is half empty.
pub(crate) fn update_bytes(update: &Update) -> usize {
    let some = |text: &Option<std::sync::Arc<str>>| text.as_deref().map_or(0, text_bytes);
    let texts = match update {
        Update::Account { account } => some(account),
        Update::Away { nick, reason } => text_bytes(nick) + some(reason),
        Update::Deleted { target, msgid, by, reason } => {
            target_bytes(target) + text_bytes(msgid) + text_bytes(by) + some(reason)
        }
        Update::Edited { target, msgid, by, text } => {
            target_bytes(target) + text_bytes(msgid) + text_bytes(by) + text_bytes(text)
        }
        Update::Delivery { state, .. } => delivery_bytes(state),
        Update::Gap { target, .. } | Update::PastTold { target, .. } => target_bytes(target),
        Update::Invited { room, by } => text_bytes(room) + text_bytes(by),
        Update::Joined { room, nick, .. } => text_bytes(room) + text_bytes(nick),
        Update::Lagged { .. } => 0,
        Update::Left { room, nick, how, reason, .. } => {
            let by = match how {
                Departure::Kicked { by } => text_bytes(by),
                Departure::Lost | Departure::Parted | Departure::Quit => 0,
            };
            text_bytes(room) + text_bytes(nick) + by + some(reason)
        }
        Update::Members { room, nicks } => {
            let of_each = |nick: &std::sync::Arc<str>| size_of_val(nick) + text_bytes(nick);
            text_bytes(room) + nicks.iter().map(of_each).sum::<usize>()
        }
        Update::Message(message) => message_bytes(message),
        Update::Notice { code, text } => some(code) + text_bytes(text),
        Update::Reacted { target, msgid, by, value, .. } => {
            target_bytes(target) + text_bytes(msgid) + text_bytes(by) + text_bytes(value)
        }
        Update::Renamed { old, new, .. } => text_bytes(old) + text_bytes(new),
        Update::State(state) => match state {
            ConnectionState::Ready { nick, .. } => text_bytes(nick),
            ConnectionState::Waiting { cause, .. } => text_bytes(&cause.to_string()),
            ConnectionState::Connecting { .. }
            | ConnectionState::Registering
            | ConnectionState::Closed => 0,
        },
        Update::Topic { room, topic, by } => text_bytes(room) + text_bytes(topic) + some(by),
    };
    2 * size_of::<Update>() + texts
}

fn delivery_bytes(state: &Delivery) -> usize {
    match state {
        Delivery::Acknowledged { msgid } => msgid.as_deref().map_or(0, text_bytes),
        Delivery::Failed(crate::DeliveryError::Refused { code, text }) => {
            text_bytes(code) + text_bytes(text)
        }
        Delivery::Failed(_) | Delivery::Queued | Delivery::Written => 0,
    }
}

fn message_bytes(message: &ChatMessage) -> usize {
    let some = |text: &Option<std::sync::Arc<str>>| text.as_deref().map_or(0, text_bytes);
    // Names are mostly shared by many messages, but not those that a server makes up.
    target_bytes(&message.target)
        + text_bytes(&message.sender)
        + some(&message.account)
        + text_bytes(&message.text)
        + some(&message.msgid)
}

/// The bytes of a request beside its texts, generously.
const REQUEST_BYTES: usize = 512;

/// The bytes of something to say until it is settled: it is kept as it was said, and in the lines it went in.
pub(crate) fn message_request_bytes(message: &Message) -> usize {
    REQUEST_BYTES + message.target.len() + 3 * message.text.len()
}

/// The bytes of a request until it is settled.
pub(crate) fn request_bytes(request: &Request) -> usize {
    let some = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    REQUEST_BYTES
        + match request {
            Request::Delete { target, msgid, reason } => target.len() + msgid.len() + some(reason),
            Request::Edit { target, msgid, text } => target.len() + msgid.len() + text.len(),
            Request::Join { room, key } => room.len() + some(key),
            Request::Nick { nick } => nick.len(),
            Request::Part { room, reason } => room.len() + some(reason),
            Request::Raw { line } => line.len(),
            Request::React { target, msgid, value, .. } => target.len() + msgid.len() + value.len(),
            Request::Register { password } => password.0.len(),
            Request::Send(message) => return message_request_bytes(message),
            Request::Topic { room, topic } => room.len() + topic.len(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_budget() {
        for bytes in [MemoryBudget::BYTES_MIN, MemoryBudget::default().bytes(), usize::MAX] {
            let budget = MemoryBudget::new(bytes);
            let parts = [budget.updates(), budget.history(), budget.roster(), budget.own_words()];
            let sum: u128 = parts.iter().map(|part| *part as u128).sum();
            assert!(sum <= bytes as u128 && sum + 16 > bytes as u128, "{sum} of {bytes}");
        }
    }

    #[test]
    fn what_is_longer_weighs_more() {
        let notice = |n| Update::Notice { code: None, text: "x".repeat(n).into() };
        let difference = update_bytes(&notice(10_000)) - update_bytes(&notice(0));
        assert!((10_000..10_032).contains(&difference), "{difference}");
        let nicks = vec!["nick".into(); 1000];
        assert!(update_bytes(&Update::Members { room: "#a".into(), nicks }) > 48_000);
    }
}
