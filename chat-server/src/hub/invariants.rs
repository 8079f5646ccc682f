//! Invariants, which hold after every step. The simulation asks; a breach is our bug.

use crate::{
    hub::{Hub, state::slots::Limit},
    ids::{ConnId, ConversationId, RoomId},
    room_log::Change,
};

impl Hub {
    /// The connections that follow each room, by its folded name; for comparing with the workers' copies.
    pub fn membership(&self) -> impl Iterator<Item = (&str, RoomId, Vec<ConnId>)> {
        self.rooms.after(None).map(|(key, room)| {
            let mut devices: Vec<ConnId> =
                self.people.devices_of(room.members.keys().copied()).collect();
            devices.sort_unstable();
            (&**key, room.id, devices)
        })
    }

    /// The room whose conversation that is.
    #[must_use]
    pub fn room_of(&self, conversation: ConversationId) -> Option<RoomId> {
        self.rooms.by_conversation(conversation).map(|room| room.id)
    }

    /// The state of the registered rooms: for comparing with what a server would know that started now.
    #[must_use]
    pub fn registered_rooms(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for room in self.rooms.owned().filter(|room| room.is_registered()) {
            let ownership = room.ownership.as_ref().expect("those that last are somebody's");
            changes.push(room.document(ownership, &ownership.founder));
            changes.extend(room.changes(&room.facts()));
        }
        changes.sort_unstable();
        changes
    }

    /// Checks every invariant of the state: those of each part, and those between them.
    ///
    /// # Errors
    /// A sentence about the first one that does not hold.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.people.check()?;
        self.rooms.check()?;
        self.accounts.check()?;
        self.awaited.check()?;
        let ensure = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        for person in self.people.iter() {
            let nick = &person.nick;
            ensure(
                person.rooms.len() <= self.settings.limits.rooms_per_person_max,
                format!("{nick} is in no more rooms than allowed"),
            )?;
            let is_member = |room: &RoomId| self.rooms.get(*room).is_some_and(|r| r.has(person.id));
            let are_mutual = person.rooms.iter().all(is_member);
            ensure(are_mutual, format!("{nick}'s rooms have them as a member"))?;
            let stays = || self.accounts.stays(person.account.as_deref());
            let is_here = !person.devices.is_empty() || stays();
            ensure(is_here, format!("{nick} has a connection, or stays without one"))?;
        }
        for device in self.people.devices() {
            let nick = &self.people.person(device.person).nick;
            ensure(
                device.backlog.waiting.is_empty()
                    || device.is_held
                    || device.backlog.departing.is_some(),
                format!("{nick} is held while commands wait"),
            )?;
            ensure(
                device.n_pending as usize == self.awaited.n_pending_of(device.conn),
                format!("{nick}'s pending records are counted"),
            )?;
        }
        for (key, room) in self.rooms.after(None) {
            for limit in Limit::all_of(room.id) {
                let n = self.out.latest().map_or(0, |now| self.rooms.n_slots(&limit, now.wall));
                let n_max = limit.n_max(&self.settings.limits);
                ensure(n <= n_max, format!("{key} has {n} of {n_max}: {limit:?}"))?;
            }
            for member in room.members.keys() {
                let person = self.people.get(*member);
                let knows = person.is_some_and(|person| person.rooms.contains(&room.id));
                ensure(knows, format!("{key}'s members know that they are in it"))?;
            }
            for (worker, n_members) in room.n_members_at.iter().enumerate() {
                let devices = self.people.devices_of(room.members.keys().copied());
                let n = devices.filter(|conn| usize::from(conn.worker.0) == worker).count();
                ensure(
                    *n_members as usize == n,
                    format!("{key}'s members at worker {worker} are counted"),
                )?;
            }
        }
        for conn in self.accounts.exchanges() {
            let is_there = self.people.newcomer(conn).is_some() || self.people.has_device(conn);
            ensure(is_there, "who logs in is there".into())?;
        }
        Ok(())
    }
}
