//! What must hold after every step. The simulation asks; a breach is our bug.

use super::Hub;
use crate::ids::{ConnId, RoomId};

impl Hub {
    /// Who is in each room, by its folded name; for comparing with the workers' copies.
    pub fn membership(&self) -> impl Iterator<Item = (&str, RoomId, Vec<ConnId>)> {
        self.rooms_by_name
            .iter()
            .map(|(key, id)| (&**key, *id, self.rooms[id].members.keys().copied().collect()))
    }

    /// Checks every invariant of the state.
    ///
    /// # Errors
    /// A sentence about the first one that does not hold.
    pub fn check_invariants(&self) -> Result<(), String> {
        let ensure = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        ensure(self.nicks.len() == self.people.len(), "each person has one nick".into())?;
        for (conn, person) in &self.people {
            let nick = &person.nick;
            ensure(
                self.nicks.get(nick.key()) == Some(conn),
                format!("{nick} leads to its person"),
            )?;
            ensure(!self.newcomers.contains_key(conn), format!("{nick} has registered"))?;
            ensure(
                person.rooms.len() <= self.house.limits.rooms_per_person_max,
                format!("{nick} is in no more rooms than allowed"),
            )?;
            for room in &person.rooms {
                let has = self.rooms.get(room).is_some_and(|room| room.has(*conn));
                ensure(has, format!("{nick}'s rooms have them as a member"))?;
            }
            let is_busy = person.listing.is_some() || !person.waiting.is_empty();
            ensure(
                person.waiting.is_empty() || person.is_held || person.departing.is_some(),
                format!("{nick} is held while commands wait (busy: {is_busy})"),
            )?;
            let n_records =
                self.pending.values().filter(|p| p.sender == *conn && !p.is_overdue).count();
            let n_pending = n_records + self.n_checks(*conn);
            ensure(person.n_pending == n_pending, format!("{nick}'s pending records are counted"))?;
        }
        for (key, watchers) in &self.watchers {
            for watcher in watchers {
                let watches =
                    self.people.get(watcher).is_some_and(|p| p.monitored.contains_key(key));
                ensure(watches, format!("who watches {key} knows it"))?;
            }
        }
        let n_watched: usize = self.watchers.values().map(std::collections::BTreeSet::len).sum();
        let n_monitored: usize = self.people.values().map(|person| person.monitored.len()).sum();
        ensure(n_watched == n_monitored, "everyone who watches is told".into())?;
        for (key, subscribers) in &self.subscribers {
            for conn in subscribers {
                let knows = self.people.get(conn).is_some_and(|p| p.subscriptions.contains(key));
                ensure(knows, format!("who subscribed to {key} knows it"))?;
            }
        }
        let n_subscribers: usize =
            self.subscribers.values().map(std::collections::BTreeSet::len).sum();
        let n_subscriptions: usize = self.people.values().map(|p| p.subscriptions.len()).sum();
        ensure(n_subscribers == n_subscriptions, "everyone who subscribed is told".into())?;
        ensure(self.rooms.len() == self.rooms_by_name.len(), "each room has one name".into())?;
        for (key, id) in &self.rooms_by_name {
            let room = self.rooms.get(id).ok_or_else(|| format!("{key} is a room"))?;
            ensure(room.name.key() == key, format!("{key} leads to its room"))?;
            ensure(!room.members.is_empty(), format!("{key} has members"))?;
            for conn in room.members.keys() {
                let knows = self.people.get(conn).is_some_and(|person| person.rooms.contains(id));
                ensure(knows, format!("{key}'s members know that they are in it"))?;
            }
            for (worker, n_members) in room.n_members_at.iter().enumerate() {
                let n = room.members.keys().filter(|c| usize::from(c.worker.0) == worker).count();
                ensure(
                    *n_members as usize == n,
                    format!("{key}'s members at worker {worker} are counted"),
                )?;
            }
        }
        for conn in self.exchanges.keys() {
            let is_there = self.newcomers.contains_key(conn) || self.people.contains_key(conn);
            ensure(is_there, "who logs in is there".into())?;
        }
        let in_order = self.append_deadlines.iter().is_sorted_by_key(|(at, _)| *at);
        ensure(in_order, "the deadlines of records are in order".into())
    }
}
