//! People who were here: what `WHOWAS` answers from. Bounded; the oldest are forgotten.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use crate::hub::state::person::Person;

/// Someone who had a nick and has it no more.
#[derive(Debug)]
pub(crate) struct WhowasEntry {
    key: Arc<str>,
    pub(crate) nick: Arc<str>,
    pub(crate) user: Arc<str>,
    pub(crate) host: Arc<str>,
    pub(crate) realname: Arc<str>,
    pub(crate) at: SystemTime,
}

/// The latest of them, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Whowas(VecDeque<WhowasEntry>);

impl Whowas {
    /// Remembers that `person` gives up their nick.
    pub(crate) fn remember(&mut self, person: &Person, at: SystemTime, n_max: usize) {
        while self.0.len() >= n_max.max(1) {
            self.0.pop_front();
        }
        self.0.push_back(WhowasEntry {
            key: Arc::clone(person.nick.key()),
            nick: Arc::clone(person.nick.shown()),
            user: person.user().into(),
            host: person.host().into(),
            realname: (&*person.realname).into(),
            at,
        });
    }

    /// The people who had the nick of that key, the latest first.
    pub(crate) fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a WhowasEntry> + 'a {
        self.0.iter().rev().filter(move |departure| *departure.key == *key)
    }
}
