//! Presences: up to when an account has been shown what is said in a room, noted as its connections come and go, so that
//! whoever comes again is told what came since, once.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    hub::{
        Hub,
        state::presences::{Place, Presence},
    },
    ids::{ConnId, PersonId, RoomId},
    room_log::Change,
};

impl Hub {
    /// Takes note that a person is shown what is said in a room from here on.
    pub(crate) fn note_here(&mut self, who: PersonId, id: RoomId) {
        let Some(identity) = self.lasting_identity(who) else { return };
        let place = Place::Room(self.rooms[&id].conversation);
        let presence = Presence { is_here: true, ..self.accounts.presence(&identity, place) };
        let changes = self.accounts.set_presence(&identity, place, presence);
        self.persist_unasked(changes);
    }

    /// Takes note that a person is shown in rooms no more what is said there, on some of their connections.
    pub(crate) fn note_left(&mut self, who: PersonId, rooms: &[RoomId], gone: &[ConnId]) {
        let changes = self.presences_without(who, rooms, gone);
        self.persist_unasked(changes);
    }

    /// Takes note that a connection of somebody is told from here on what is said to them, and asks for what was said while none
    /// was: who knows how to ask does so themselves.
    pub(crate) fn note_connected(&mut self, who: PersonId, conn: ConnId) {
        let Some(identity) = self.lasting_identity(who) else { return };
        let before = self.accounts.presence(&identity, Place::Direct);
        self.ask_for_missed(conn, &identity, before.until);
        let presence = Presence { is_here: true, n_waiting: 0, ..before };
        let changes = self.accounts.set_presence(&identity, Place::Direct, presence);
        self.persist_unasked(changes);
    }

    /// Takes note that some connections of somebody are told nothing any more.
    pub(crate) fn note_disconnected(&mut self, who: PersonId, gone: &[ConnId]) {
        let Some(identity) = self.lasting_identity(who) else { return };
        let devices = gone.iter().filter_map(|conn| self.people.device_at(*conn));
        let read_until = devices.filter_map(|device| device.backlog.read_until).min();
        let mut seen = self.rooms.end_of_direct();
        // What is on its way may be of the same moment: better twice than never.
        if self.awaited.n_pending() > 0 {
            seen -= Duration::from_millis(1);
        }
        let until = Some(read_until.map_or(seen, |read| read.min(seen)));
        let people = self.people.identified(&identity).iter().copied();
        let is_here = self.people.devices_of(people).any(|conn| !gone.contains(&conn));
        let presence = Presence { until, is_here, n_waiting: 0 };
        let changes = self.accounts.set_presence(&identity, Place::Direct, presence);
        self.persist_unasked(changes);
    }

    /// Counts a message that is kept for an account of which nobody is here.
    ///
    /// # Errors
    /// The number of those that wait, if it is as many as may.
    pub(crate) fn count_waiting(&mut self, identity: &Arc<str>) -> Result<(), usize> {
        let before = self.accounts.presence(identity, Place::Direct);
        if before.n_waiting >= self.settings.limits.waiting_messages_max {
            return Err(before.n_waiting);
        }
        // Who has not been here since there is this is shown it from the first one on.
        let until = before.until.or_else(|| Some(self.rooms.end_of_direct()));
        let presence = Presence { until, n_waiting: before.n_waiting + 1, ..before };
        let changes = self.accounts.set_presence(identity, Place::Direct, presence);
        self.persist_unasked(changes);
        Ok(())
    }

    /// Takes note for all people that they are shown nothing any more: the server ends.
    pub(crate) fn note_all_left(&mut self) {
        let people: Vec<_> = self
            .people
            .iter()
            .map(|person| (person.id, person.rooms.clone(), person.devices.clone()))
            .collect();
        let mut changes = Vec::new();
        for (who, rooms, devices) in people.iter().filter(|(.., devices)| !devices.is_empty()) {
            changes.extend(self.presences_without(*who, rooms, devices));
            self.note_disconnected(*who, devices);
        }
        self.persist_unasked(changes);
    }

    fn presences_without(
        &mut self,
        who: PersonId,
        rooms: &[RoomId],
        gone: &[ConnId],
    ) -> Vec<Change> {
        let Some(identity) = self.lasting_identity(who) else { return Vec::new() };
        // What has been sent to a connection that gave no sign of life has not been read, as far as is known.
        let devices = gone.iter().filter_map(|conn| self.people.device_at(*conn));
        let read_until = devices.filter_map(|device| device.backlog.read_until).min();
        let until = |shown: SystemTime| read_until.map_or(shown, |read| read.min(shown));
        let is_connected = |own: &PersonId, id: RoomId| {
            let person = self.people.person(*own);
            person.rooms.contains(&id) && person.devices.iter().any(|conn| !gone.contains(conn))
        };
        let mut presences = Vec::new();
        for id in rooms {
            let room = &self.rooms[id];
            let is_here =
                self.people.identified(&identity).iter().any(|own| is_connected(own, *id));
            let until = Some(until(room.seen));
            let presence = Presence { until, is_here, ..Presence::default() };
            presences.push((Place::Room(room.conversation), presence));
        }
        let set = |(place, presence)| self.accounts.set_presence(&identity, place, presence);
        presences.into_iter().flat_map(set).collect()
    }

    /// The time up to which a connection has read that gave no sign of life, or did not take what was sent to it.
    pub(crate) fn read_until(&self, has_read: bool) -> Option<SystemTime> {
        let limits = &self.settings.limits;
        let silence: Duration = limits.ping_after + limits.ping_timeout;
        let then = || self.now().wall.checked_sub(silence).unwrap_or(SystemTime::UNIX_EPOCH);
        (!has_read).then(then)
    }

    /// The identity of somebody whose presences are kept: an account's, where messages are.
    fn lasting_identity(&self, who: PersonId) -> Option<Arc<str>> {
        let account = self.people.person(who).account.as_deref()?;
        self.settings.keeps_history.then(|| self.accounts.identity(account))
    }
}
