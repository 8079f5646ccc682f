//! One row of the timeline. Everything a row needs is prepared here, so that showing it is cheap.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use gtk::{glib, prelude::*, subclass::prelude::*};

use crate::text::{Shown, plain, sentence};

/// The kind of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The address to give to others.
    Invitation,
    /// Something said.
    Message,
    /// Something that happened.
    #[default]
    Notice,
}

mod imp {
    use super::*;

    // More than 12 fields: one for each property that a row of the list binds to.
    #[derive(Debug, Default, glib::Properties)]
    #[properties(wrapper_type = super::Item)]
    pub struct Item {
        pub(super) kind: Cell<Kind>,
        pub(super) is_own: Cell<bool>,
        pub(super) is_mention: Cell<bool>,
        /// The first of a run of messages by one sender.
        pub(super) is_first: Cell<bool>,
        pub(super) sender: OnceCell<String>,
        pub(super) time: OnceCell<String>,
        /// Markup for messages, plain text otherwise. That of a message changes when it is edited or deleted.
        #[property(get, set)]
        pub(super) body: RefCell<String>,
        /// All of the text, where the body is its beginning; else empty. Changes with it.
        #[property(get, set)]
        pub(super) whole: RefCell<String>,
        /// The bytes it is counted with where it is shown; 0: nowhere.
        pub(super) weight: Cell<usize>,
        /// Said before we came.
        pub(super) is_past: Cell<bool>,
        /// The text of others' reactions to it; changes.
        #[property(get, set)]
        pub(super) reactions: RefCell<String>,
        /// The people who react, by what they react with.
        pub(super) reacting: RefCell<BTreeMap<String, BTreeSet<String>>>,
        /// The server's id of a message; empty: it has none yet.
        pub(super) msgid: RefCell<String>,
        /// The conversation it belongs to.
        pub(super) conversation: RefCell<String>,
        /// The status of our own message, as far as it is known; changes.
        #[property(get, set)]
        pub(super) status: RefCell<String>,
        #[property(get, set)]
        pub(super) has_failed: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Item {
        const NAME: &'static str = "ChatItem";
        type Type = super::Item;
    }

    #[glib::derived_properties]
    impl ObjectImpl for Item {}
}

glib::wrapper! {
    pub struct Item(ObjectSubclass<imp::Item>);
}

impl Item {
    fn of_kind(kind: Kind, body: String) -> Self {
        let item: Self = glib::Object::new();
        item.imp().kind.set(kind);
        item.set_body(body);
        item
    }

    /// Something that happened.
    pub(crate) fn notice(text: &str) -> Self {
        let Shown { text, whole } = plain(text);
        let item = Self::of_kind(Kind::Notice, text);
        item.set_whole(whole.unwrap_or_default());
        item
    }

    /// The bytes of all its texts, with what there is of an item beside them.
    pub(crate) fn bytes(&self) -> usize {
        const ITEM: usize = 1024;
        // A nick in a set, and what the set is made of.
        const NICK: usize = 64;
        let imp = self.imp();
        let texts =
            [&imp.body, &imp.whole, &imp.reactions, &imp.msgid, &imp.conversation, &imp.status];
        let texts: usize = texts.iter().map(|text| text.borrow().len()).sum();
        let reacting = imp.reacting.borrow();
        let people = reacting.values().flatten().map(|nick| nick.len() + NICK);
        ITEM + texts + self.sender().len() + people.sum::<usize>()
    }

    /// The bytes it is counted with where it is shown.
    pub(crate) fn weight(&self) -> usize {
        self.imp().weight.get()
    }

    pub(crate) fn set_weight(&self, bytes: usize) {
        self.imp().weight.set(bytes);
    }

    /// The address to give to others.
    pub(crate) fn invitation(address: &str) -> Self {
        Self::of_kind(Kind::Invitation, address.to_owned())
    }

    /// Something said; `markup` is fit to be shown. What of it is not is told with [`Item::set_whole`].
    pub(crate) fn message(
        sender: &str,
        time: String,
        markup: String,
        is_own: bool,
        is_mention: bool,
        is_first: bool,
    ) -> Self {
        let item = Self::of_kind(Kind::Message, markup);
        let imp = item.imp();
        imp.is_own.set(is_own);
        imp.is_mention.set(is_mention);
        imp.is_first.set(is_first);
        set_once(&imp.sender, sender.to_owned());
        set_once(&imp.time, time);
        item
    }

    pub(crate) fn kind(&self) -> Kind {
        self.imp().kind.get()
    }

    pub(crate) fn is_own(&self) -> bool {
        self.imp().is_own.get()
    }

    pub(crate) fn is_mention(&self) -> bool {
        self.imp().is_mention.get()
    }

    pub(crate) fn is_first(&self) -> bool {
        self.imp().is_first.get()
    }

    pub(crate) fn sender(&self) -> &str {
        self.imp().sender.get().map_or("", String::as_str)
    }

    pub(crate) fn time(&self) -> &str {
        self.imp().time.get().map_or("", String::as_str)
    }

    /// Whether it was said before we came.
    pub(crate) fn is_past(&self) -> bool {
        self.imp().is_past.get()
    }

    pub(crate) fn set_past(&self) {
        self.imp().is_past.set(true);
    }

    /// The server's id of it, if it has told one.
    pub(crate) fn msgid(&self) -> String {
        self.imp().msgid.borrow().clone()
    }

    /// Whether it was said there.
    pub(crate) fn is_of(&self, conversation: &str) -> bool {
        self.imp().conversation.borrow().eq_ignore_ascii_case(conversation)
    }

    pub(crate) fn set_conversation(&self, conversation: &str) {
        self.imp().conversation.replace(conversation.to_owned());
    }

    pub(crate) fn set_msgid(&self, msgid: &str) {
        self.imp().msgid.replace(msgid.to_owned());
    }

    /// Somebody reacts with `value`, or does so no more.
    pub(crate) fn react(&self, by: &str, value: &str, is_taken_back: bool) {
        let mut reacting = self.imp().reacting.borrow_mut();
        if reacting.len() >= REACTIONS_MAX && !reacting.contains_key(value) {
            return;
        }
        let people = reacting.entry(value.to_owned()).or_default();
        if is_taken_back {
            people.remove(by);
        } else if people.len() < REACTING_MAX {
            people.insert(by.to_owned());
        }
        reacting.retain(|_, people| !people.is_empty());
        let shown = reacting.iter().map(|(value, people)| format!("{value} {}", people.len()));
        let shown = shown.collect::<Vec<_>>().join("   ");
        drop(reacting);
        self.set_reactions(sentence(&shown));
    }
}

/// People who are counted for one reaction, and different reactions to one message.
const REACTING_MAX: usize = 1000;
const REACTIONS_MAX: usize = 20;

fn set_once(cell: &OnceCell<String>, text: String) {
    cell.set(text).expect("an item is filled once, when it is made");
}
