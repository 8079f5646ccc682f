//! People.

use std::sync::Arc;

use crate::{
    hub::{
        Hub,
        refusal::Refusal,
        state::{
            device::{Device, Reader},
            masks::Subject,
            person::Person,
        },
    },
    ids::{ConnId, PersonId},
};

impl Hub {
    /// Somebody whom a mask may be about.
    pub(crate) fn subject(&self, who: PersonId) -> Subject<'_> {
        let person = self.person(who);
        let address = |conn: &ConnId| self.device(*conn).address.parse().ok();
        Subject { person, addresses: person.devices.iter().filter_map(address).collect() }
    }

    /// `conn` is told of `key` no more.
    pub(crate) fn unsubscribe(&mut self, conn: ConnId, key: &str) {
        let particulars = &mut self.device_mut(conn).particulars;
        particulars.change(|own| own.subscriptions.remove(key));
        if let Some(subscribers) = self.subscribers.get_mut(key) {
            subscribers.remove(&conn);
            if subscribers.is_empty() {
                self.subscribers.remove(key);
            }
        }
    }

    /// `conn` is told of no metadata any more.
    pub(crate) fn unsubscribe_all(&mut self, conn: ConnId) {
        for key in self.device(conn).particulars.subscriptions.clone() {
            self.unsubscribe(conn, &key);
        }
    }

    // What the commands are made of.

    pub(crate) fn person(&self, id: PersonId) -> &Person {
        self.people.get(id).expect("members of rooms and askers of turns are people")
    }

    pub(crate) fn person_mut(&mut self, id: PersonId) -> &mut Person {
        self.people.get_mut(id).expect("members of rooms and askers of turns are people")
    }

    pub(crate) fn device(&self, conn: ConnId) -> &Device {
        self.devices.get(conn).expect("people's connections and those of turns are there")
    }

    pub(crate) fn device_mut(&mut self, conn: ConnId) -> &mut Device {
        self.devices.get_mut(conn).expect("people's connections and those of turns are there")
    }

    /// Whoever is at that connection.
    pub(crate) fn reader(&self, conn: ConnId) -> Reader<'_> {
        let device = self.device(conn);
        Reader { person: self.person(device.person), device }
    }

    /// Whoever is at that connection, if they have registered.
    pub(crate) fn person_at(&self, conn: ConnId) -> Option<&Person> {
        self.devices.get(conn).map(|device| self.person(device.person))
    }

    /// The connections of some people.
    pub(crate) fn devices_of(
        &self,
        people: impl Iterator<Item = PersonId>,
    ) -> impl Iterator<Item = ConnId> {
        people.flat_map(|person| self.person(person).devices.iter().copied())
    }

    /// The person by that nick.
    pub(crate) fn find_person(&self, nick: &str) -> Result<&Person, Refusal> {
        let key = chat_core::proto::CaseMapping::Ascii.fold(nick);
        let who = self.people.by_nick(&key).ok_or_else(|| Refusal::NoSuchNick(nick.to_owned()))?;
        Ok(self.person(who))
    }

    /// `watcher` watches the nick of that key no more.
    pub(crate) fn unwatch(&mut self, watcher: ConnId, key: &Arc<str>) {
        if let Some(watchers) = self.watchers.get_mut(key) {
            watchers.remove(&watcher);
            if watchers.is_empty() {
                self.watchers.remove(key);
            }
        }
    }

    /// `watcher` watches nobody.
    pub(crate) fn monitor_nobody(&mut self, watcher: ConnId) {
        let particulars = &mut self.device_mut(watcher).particulars;
        for key in particulars.change(|own| std::mem::take(&mut own.monitored)).keys() {
            self.unwatch(watcher, key);
        }
    }
}
