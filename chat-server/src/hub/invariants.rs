//! What must hold after every step. The simulation asks; a breach is our bug.

use crate::{
    hub::Hub,
    ids::{ConnId, RoomId},
    room_log::Change,
};

impl Hub {
    /// Which connections follow each room, by its folded name; for comparing with the workers' copies.
    pub fn membership(&self) -> impl Iterator<Item = (&str, RoomId, Vec<ConnId>)> {
        self.rooms_by_name.iter().map(|(key, id)| {
            let mut devices: Vec<ConnId> =
                self.devices_of(self.rooms[id].members.keys().copied()).collect();
            devices.sort_unstable();
            (&**key, *id, devices)
        })
    }

    /// What is so in the rooms that last: for comparing with what a server would know that started now.
    #[must_use]
    pub fn lasting_rooms(&self) -> Vec<Change> {
        let lasting =
            self.rooms_by_name.values().map(|id| &self.rooms[id]).filter(|r| r.is_registered());
        let mut changes: Vec<Change> = Vec::new();
        for room in lasting {
            let ownership = room.ownership.as_ref().expect("those that last are somebody's");
            changes.push(room.document(ownership, &ownership.founder));
            changes.extend(room.changes(&room.facts()));
        }
        changes.sort_unstable();
        changes
    }

    /// Checks every invariant of the state.
    ///
    /// # Errors
    /// A sentence about the first one that does not hold.
    pub fn check_invariants(&self) -> Result<(), String> {
        let ensure = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        for person in self.people.iter() {
            let id = &person.id;
            let nick = &person.nick;
            ensure(
                self.people.by_nick(nick.key()) == Some(*id),
                format!("{nick} leads to its person"),
            )?;
            ensure(
                person.rooms.len() <= self.settings.limits.rooms_per_person_max,
                format!("{nick} is in no more rooms than allowed"),
            )?;
            for room in &person.rooms {
                let has = self.rooms.get(room).is_some_and(|room| room.has(*id));
                ensure(has, format!("{nick}'s rooms have them as a member"))?;
            }
            let is_own = |conn: &ConnId| self.devices.get(*conn).is_some_and(|d| d.person == *id);
            ensure(person.devices.iter().all(is_own), format!("{nick}'s connections are theirs"))?;
            let is_here = !person.devices.is_empty() || self.stays(person);
            ensure(is_here, format!("{nick} has a connection, or stays without one"))?;
        }
        let n_devices: usize = self.people.iter().map(|person| person.devices.len()).sum();
        ensure(self.devices.len() == n_devices, "each connection is somebody's".into())?;
        for device in self.devices.iter() {
            let conn = &device.conn;
            let nick = &self.person(device.person).nick;
            ensure(!self.newcomers.contains_key(conn), format!("{nick} has registered"))?;
            let is_busy = device.paged_reply.is_some() || !device.backlog.waiting.is_empty();
            ensure(
                device.backlog.waiting.is_empty()
                    || device.is_held
                    || device.backlog.departing.is_some(),
                format!("{nick} is held while commands wait (busy: {is_busy})"),
            )?;
            let awaited = self.pending.awaited();
            let n_records = awaited.filter(|own| own.sender == Some(*conn)).count();
            let n_pending = n_records + self.n_checks(*conn);
            ensure(
                device.n_pending as usize == n_pending,
                format!("{nick}'s pending records are counted"),
            )?;
        }
        for (key, watchers) in &self.watchers {
            for watcher in watchers {
                let watches = self
                    .devices
                    .get(*watcher)
                    .is_some_and(|d| d.particulars.monitored.contains_key(key));
                ensure(watches, format!("who watches {key} knows it"))?;
            }
        }
        let n_watched: usize = self.watchers.values().map(std::collections::BTreeSet::len).sum();
        let n_monitored: usize =
            self.devices.iter().map(|own| own.particulars.monitored.len()).sum();
        ensure(n_watched == n_monitored, "everyone who watches is told".into())?;
        for (key, subscribers) in &self.subscribers {
            for conn in subscribers {
                let knows = self
                    .devices
                    .get(*conn)
                    .is_some_and(|d| d.particulars.subscriptions.contains(key));
                ensure(knows, format!("who subscribed to {key} knows it"))?;
            }
        }
        let n_subscribers: usize =
            self.subscribers.values().map(std::collections::BTreeSet::len).sum();
        let n_subscriptions: usize =
            self.devices.iter().map(|d| d.particulars.subscriptions.len()).sum();
        ensure(n_subscribers == n_subscriptions, "everyone who subscribed is told".into())?;
        ensure(self.rooms.len() == self.rooms_by_name.len(), "each room has one name".into())?;
        for (key, id) in &self.rooms_by_name {
            let room = self.rooms.get(id).ok_or_else(|| format!("{key} is a room"))?;
            ensure(room.name.key() == key, format!("{key} leads to its room"))?;
            ensure(!room.members.is_empty() || room.is_registered(), format!("{key} has members"))?;
            ensure(
                room.is_noted_closed == (room.is_closed() && !room.is_registered()),
                format!("the log knows whether {key} is closed"),
            )?;
            for member in room.members.keys() {
                let knows =
                    self.people.get(*member).is_some_and(|person| person.rooms.contains(id));
                ensure(knows, format!("{key}'s members know that they are in it"))?;
            }
            for (worker, n_members) in room.n_members_at.iter().enumerate() {
                let devices = self.devices_of(room.members.keys().copied());
                let n = devices.filter(|conn| usize::from(conn.worker.0) == worker).count();
                ensure(
                    *n_members as usize == n,
                    format!("{key}'s members at worker {worker} are counted"),
                )?;
            }
        }
        for conn in self.exchanges.keys() {
            let is_there = self.newcomers.contains_key(conn) || self.devices.contains(*conn);
            ensure(is_there, "who logs in is there".into())?;
        }
        self.pending.check()
    }
}
