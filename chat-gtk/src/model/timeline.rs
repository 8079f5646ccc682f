//! The timeline of one room: what was said and what happened, in order; a burst is one change of the list.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::SystemTime};

use chat_core::{
    ChatMessage, ConnectError, ConnectionState, Delivery, MessageKind, Origin, SendId, Target,
    Update, listener::describe, text::printable,
};
use gtk::{gio, glib, prelude::*};

use super::Item;
use crate::{error::lost, text::markup};

/// Rows that are kept; the oldest go when there are more.
const ITEMS_MAX: u32 = 20_000;

/// The model of the list, and what finds our own messages in it.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    store: gio::ListStore,
    inner: Rc<RefCell<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Our own messages whose fate is not known.
    pending: HashMap<SendId, Item>,
    /// Messages by the server's id of them.
    by_msgid: HashMap<String, Item>,
    /// The last one to speak, if nothing came in between.
    last_sender: Option<String>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self { store: gio::ListStore::new::<Item>(), inner: Rc::default() }
    }

    pub(crate) fn model(&self) -> &gio::ListStore {
        &self.store
    }

    /// The address to give to others, as the first line.
    pub(crate) fn invite(&self, address: &str) {
        self.store.append(&Item::invitation(address));
    }

    /// A line of our own program.
    pub(crate) fn note(&self, text: &str) {
        self.add(vec![Item::notice(text)]);
        self.inner.borrow_mut().last_sender = None;
    }

    /// Takes what happened.
    pub(crate) fn take(&self, updates: &[Update]) {
        let mut items = Vec::new();
        for update in updates {
            match update {
                Update::Message(message) => items.push(self.message_item(message)),
                Update::Delivery { id, state } => self.deliver(*id, state),
                Update::Edited { target, msgid, text, .. } => {
                    self.change(
                        target,
                        msgid,
                        &format!("{} <small>(edited)</small>", markup(text)),
                    );
                }
                Update::Deleted { target, msgid, .. } => {
                    self.change(target, msgid, "<i>(deleted)</i>");
                }
                Update::Reacted { target, msgid, by, value, is_taken_back, .. } => {
                    if let Some(item) = self.find(target, msgid) {
                        item.react(&printable(by), &printable(value), *is_taken_back);
                    }
                }
                other => {
                    if let Some(text) = notice_text(other) {
                        self.inner.borrow_mut().last_sender = None;
                        items.push(Item::notice(&text));
                    }
                }
            }
        }
        self.add(items);
    }

    /// A message reads otherwise now, if it is shown here.
    fn change(&self, target: &Target, msgid: &str, markup: &str) {
        if let Some(item) = self.find(target, msgid) {
            item.set_body(markup);
        }
    }

    /// The message of that id, if it was said there.
    fn find(&self, target: &Target, msgid: &str) -> Option<Item> {
        let found = self.inner.borrow().by_msgid.get(msgid).cloned();
        found.filter(|item| item.is_of(target.name()))
    }

    fn add(&self, items: Vec<Item>) {
        if items.is_empty() {
            return;
        }
        self.store.splice(self.store.n_items(), 0, &items);
        let excess = self.store.n_items().saturating_sub(ITEMS_MAX);
        if excess > 0 {
            let mut inner = self.inner.borrow_mut();
            for item in (0..excess).filter_map(|at| self.store.item(at).and_downcast::<Item>()) {
                inner.by_msgid.remove(&item.msgid());
            }
            drop(inner);
            self.store.splice(0, excess, &[] as &[glib::Object]);
        }
    }

    fn message_item(&self, message: &ChatMessage) -> Item {
        let mut inner = self.inner.borrow_mut();
        let sender = match &message.target {
            Target::User(other) if message.is_own => format!("{} → {other}", message.sender),
            Target::User(_) => format!("{} (to you)", message.sender),
            _ => message.sender.to_string(),
        };
        let is_first = inner.last_sender.as_deref() != Some(&sender);
        inner.last_sender = Some(sender.clone());
        let markup = match message.kind {
            MessageKind::Action => {
                format!("<i>{} {}</i>", markup(&message.sender), markup(&message.text))
            }
            _ => markup(&message.text),
        };
        let time = clock(message.time);
        let item =
            Item::message(&sender, time, markup, message.is_own, message.mentions_me, is_first);
        item.set_conversation(message.target.name());
        if message.origin == Origin::History {
            item.set_past();
        }
        if let Some(msgid) = &message.msgid {
            item.set_msgid(msgid);
            inner.by_msgid.insert(msgid.to_string(), item.clone());
        }
        if let (Origin::LocalEcho, Some(id)) = (message.origin, message.send_id) {
            item.set_status("sending…");
            inner.pending.insert(id, item.clone());
        }
        item
    }

    fn deliver(&self, id: SendId, state: &Delivery) {
        let mut inner = self.inner.borrow_mut();
        let Some(item) = inner.pending.get(&id).cloned() else { return };
        match state {
            Delivery::Acknowledged { msgid, .. } => {
                item.set_status("");
                if let Some(msgid) = msgid {
                    item.set_msgid(msgid);
                    inner.by_msgid.insert(msgid.to_string(), item);
                }
            }
            Delivery::Failed(error) => {
                item.set_has_failed(true);
                item.set_status(format!("not delivered: {error}"));
            }
            _ => return,
        }
        inner.pending.remove(&id);
    }
}

/// The part of an update that a person wants to read. Of the connection's state, what stays true; the rest is
/// the banner's.
fn notice_text(update: &Update) -> Option<String> {
    match update {
        Update::State(ConnectionState::Ready { resumed: true, .. }) => {
            Some("connected again".to_owned())
        }
        Update::State(ConnectionState::Waiting { cause, .. })
            if matches!(**cause, ConnectError::Closed(_)) =>
        {
            Some(lost(cause))
        }
        Update::PastTold { origin: Origin::History, .. } => {
            Some("That was said before you came".to_owned())
        }
        Update::PastTold { .. } => Some("That was said while you were away".to_owned()),
        Update::State(_) | Update::Members { .. } => None,
        other => describe(other).map(|text| text.trim_start_matches(['*', '!', ' ']).to_owned()),
    }
}

/// Hours and minutes here, and the day if it is not today.
fn clock(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(timestamp) => {
            let time = timestamp.to_zoned(jiff::tz::TimeZone::system());
            let is_today = time.date() == jiff::Zoned::now().date();
            time.strftime(if is_today { "%H:%M" } else { "%b %-d %H:%M" }).to_string()
        }
        // A server's clock beyond the year 9999.
        Err(_) => "--:--".to_owned(),
    }
}

/// A stranger's name, fit for a label.
pub(crate) fn name(text: &str) -> String {
    printable(text).into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chat_core::{
        ChatClient, ReconnectPolicy,
        testing::{FakeServer, RecordingListener},
    };

    use super::*;

    /// The rows of one call with two strangers' words and, between two connections, a stop.
    #[test]
    fn what_happened_stands_where_it_happened_and_names_are_no_markup() {
        let server = FakeServer::scripted([
            |conn| {
                conn.welcome();
                conn.reply(":<b>Eve!u@h PRIVMSG #lobby :\u{1}ACTION waves <i>\u{1}");
                conn.reply("ERROR :The server is stopping");
            },
            |conn| {
                conn.welcome();
                conn.reply(":Eve!u@h PRIVMSG #lobby :after");
                conn.wait_for_close();
            },
        ]);
        let (listener, record) = RecordingListener::new();
        let mut retry = ReconnectPolicy::default();
        retry.first_delay = Duration::from_millis(1);
        let client = ChatClient::builder(server.address(), "Ann")
            .listener(listener)
            .reconnect(retry)
            .connect()
            .expect("the server lets everyone in");
        record.wait_for_message("after");
        drop(client);

        let timeline = Timeline::new();
        timeline.take(&record.updates());
        let items = timeline.model().iter::<Item>().map(|item| item.expect("nothing changes it"));
        let bodies: Vec<String> = items.map(|item| item.body()).collect();
        let position = |wanted: &str| {
            let found = bodies.iter().position(|body| body == wanted);
            found.unwrap_or_else(|| panic!("{wanted:?} is not in {bodies:?}"))
        };
        let order = [
            "<i>&lt;b&gt;Eve waves &lt;i&gt;</i>",
            "The room was closed by its host.",
            "connected again",
            "after",
        ];
        assert!(order.map(position).is_sorted(), "{bodies:?}");
    }
}
