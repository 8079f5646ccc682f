//! The timeline of one room: what was said and what happened, in order; a burst is one change of the list.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::SystemTime};

use chat_core::{
    ChatMessage, ConnectError, ConnectionState, Delivery, MessageKind, Origin, SendId, Target,
    Update, listener::describe,
};
use gtk::{gio, glib, prelude::*};

use super::Item;
use crate::{
    error::lost,
    text::{Shown, markup, name, sentence},
};

/// Rows that are kept; the oldest go when there are more.
const ITEMS_MAX: u32 = 20_000;

/// The bytes of all rows; the oldest go when there are more.
const BYTES_MAX: usize = 32 << 20;

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
    /// The bytes of all rows.
    bytes: usize,
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
                    let Shown { text, whole } = markup(text);
                    let text = format!("{text} <small>(edited)</small>");
                    self.change(target, msgid, Shown { text, whole });
                }
                Update::Deleted { target, msgid, .. } => {
                    let text = "<i>(deleted)</i>".to_owned();
                    self.change(target, msgid, Shown { text, whole: None });
                }
                Update::Reacted { target, msgid, by, value, is_taken_back, .. } => {
                    if let Some(item) = self.find(target, msgid) {
                        item.react(&name(by), &name(value), *is_taken_back);
                        self.weigh(&item);
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
    fn change(&self, target: &Target, msgid: &str, shown: Shown) {
        if let Some(item) = self.find(target, msgid) {
            item.set_body(shown.text);
            item.set_whole(shown.whole.unwrap_or_default());
            self.weigh(&item);
        }
    }

    /// Counts a row of the list anew.
    fn weigh(&self, item: &Item) {
        if item.weight() > 0 {
            let mut inner = self.inner.borrow_mut();
            inner.bytes -= item.weight();
            item.set_weight(item.bytes());
            inner.bytes += item.weight();
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
        let mut inner = self.inner.borrow_mut();
        for item in &items {
            item.set_weight(item.bytes());
            inner.bytes += item.weight();
        }
        let too_many = self.store.n_items().saturating_sub(ITEMS_MAX);
        let mut n_gone = 0;
        while (n_gone < too_many || inner.bytes > BYTES_MAX)
            && let Some(oldest) = self.store.item(n_gone).and_downcast::<Item>()
        {
            inner.bytes -= oldest.weight();
            oldest.set_weight(0);
            inner.by_msgid.remove(&oldest.msgid());
            n_gone += 1;
        }
        drop(inner);
        if n_gone > 0 {
            self.store.splice(0, n_gone, &[] as &[glib::Object]);
        }
    }

    fn message_item(&self, message: &ChatMessage) -> Item {
        let mut inner = self.inner.borrow_mut();
        let sender = match &message.target {
            Target::User(other) if message.is_own => {
                format!("{} → {}", name(&message.sender), name(other))
            }
            Target::User(_) => format!("{} (to you)", name(&message.sender)),
            _ => name(&message.sender),
        };
        let is_first = inner.last_sender.as_deref() != Some(&sender);
        inner.last_sender = Some(sender.clone());
        let Shown { text, whole } = markup(&message.text);
        let text = match message.kind {
            MessageKind::Action => {
                format!("<i>{} {text}</i>", markup(&name(&message.sender)).text)
            }
            _ => text,
        };
        let time = clock(message.time);
        let item =
            Item::message(&sender, time, text, message.is_own, message.mentions_me, is_first);
        item.set_whole(whole.unwrap_or_default());
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
                // One that is shown no more is found no more.
                if let Some(msgid) = msgid.as_ref().filter(|_| item.weight() > 0) {
                    item.set_msgid(msgid);
                    inner.by_msgid.insert(msgid.to_string(), item);
                }
            }
            Delivery::Failed(error) => {
                item.set_has_failed(true);
                item.set_status(sentence(&format!("not delivered: {error}")));
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

    /// Rows are bounded in bytes, whatever makes them long.
    #[test]
    fn a_flood_of_long_texts_keeps_no_more_than_it_may() {
        let server = FakeServer::scripted([|conn| {
            conn.welcome();
            for n in 0..50 {
                let text = "x".repeat(14_000);
                conn.reply(&format!("@msgid=m{n} :Eve!u@h PRIVMSG #lobby :{text}"));
            }
            conn.reply(":Eve!u@h PRIVMSG #lobby :after");
            conn.wait_for_close();
        }]);
        let (listener, record) = RecordingListener::new();
        let builder = ChatClient::builder(server.address(), "Ann").listener(listener);
        let client = builder.connect().expect("the server lets everyone in");
        record.wait_for_message("after");
        drop(client);
        let timeline = Timeline::new();
        let updates = record.updates();
        let bytes = |timeline: &Timeline| {
            let items = timeline.model().iter::<Item>();
            items.map(|item| item.expect("nothing changes it").bytes()).sum::<usize>()
        };
        for _ in 0..60 {
            timeline.take(&updates);
            assert!(timeline.inner.borrow().bytes <= BYTES_MAX);
        }
        assert_eq!(bytes(&timeline), timeline.inner.borrow().bytes);
        assert!(bytes(&timeline) > BYTES_MAX / 2);
        // And each shows its beginning, and keeps the rest.
        let last = timeline
            .model()
            .iter::<Item>()
            .filter_map(Result::ok)
            .find(|item| !item.whole().is_empty());
        let last = last.expect("there are long ones");
        assert!(last.body().ends_with('…') && last.body().len() < 5000);
        assert_eq!(last.whole().len(), 14_000);
    }
}
