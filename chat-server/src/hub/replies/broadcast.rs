//! Broadcasts of an event: to a room, some people, those who share a room with someone, one person.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    delivery::{Delivery, Event, Target},
    hub::{Hub, effect::Effect, state::room::Room},
    ids::{ConnId, PersonId, RoomId, WorkerId},
};

impl Hub {
    /// Delivers to everyone in `room` but one: once for each worker that has members.
    pub(crate) fn tell_room(&self, room: &Room, except: Option<ConnId>, event: &Arc<Event>) {
        for worker in room.workers() {
            let target = Target::Room { room: room.id, except };
            let delivery = Delivery { target, event: Arc::clone(event) };
            self.out.push(Effect::Deliver { worker, delivery });
        }
    }

    /// Delivers to those of `conns`, once for each worker that has any.
    pub(crate) fn tell_some(&self, conns: impl Iterator<Item = ConnId>, event: &Arc<Event>) {
        let mut conns_at: BTreeMap<WorkerId, Vec<ConnId>> = BTreeMap::new();
        for conn in conns {
            conns_at.entry(conn.worker).or_default().push(conn);
        }
        for (worker, conns) in conns_at {
            let delivery =
                Delivery { target: Target::Some(conns.into()), event: Arc::clone(event) };
            self.out.push(Effect::Deliver { worker, delivery });
        }
    }

    /// Delivers to everyone who shares a room with `person`, and to their own connections but `except`.
    pub(crate) fn tell_peers(&self, person: PersonId, except: Option<ConnId>, event: &Arc<Event>) {
        let person = self.people.person(person);
        if person.rooms.is_empty() {
            let own = person.devices.iter().copied().filter(|own| Some(*own) != except);
            return self.tell_some(own, event);
        }
        self.tell_rooms(&person.rooms, None, except, event);
    }

    /// Delivers to everyone who shares a room with `person`, and to their own connections but `except`; another event to those who
    /// share none with them but `others`.
    pub(crate) fn tell_peers_apart(
        &self,
        person: PersonId,
        except: Option<ConnId>,
        event: &Arc<Event>,
        others: &[RoomId],
        to_others: &Arc<Event>,
    ) {
        if others.is_empty() {
            return self.tell_peers(person, except, event);
        }
        let rooms = self.people.person(person).rooms.iter().copied();
        let rooms: Vec<RoomId> = rooms.filter(|room| !others.contains(room)).collect();
        self.tell_rooms(&rooms, None, except, event);
        self.tell_rooms(others, Some(&rooms), except, to_others);
    }

    /// Delivers to everyone in one of `rooms`, once, who is in none of `unless`.
    fn tell_rooms(
        &self,
        rooms: &[RoomId],
        unless: Option<&[RoomId]>,
        except: Option<ConnId>,
        event: &Arc<Event>,
    ) {
        let mut workers: Vec<_> =
            rooms.iter().flat_map(|room| self.rooms[room].workers()).collect();
        workers.sort_unstable();
        workers.dedup();
        let (rooms, unless): (Arc<[RoomId]>, Option<Arc<[RoomId]>>) =
            (rooms.into(), unless.map(Arc::from));
        for worker in workers {
            let (rooms, unless) = (Arc::clone(&rooms), unless.clone());
            let target = Target::Peers { rooms, unless, except };
            let delivery = Delivery { target, event: Arc::clone(event) };
            self.out.push(Effect::Deliver { worker, delivery });
        }
    }

    /// Delivers to all connections of `person` but one.
    pub(crate) fn tell_person(&self, person: PersonId, except: Option<ConnId>, event: &Arc<Event>) {
        let own = self.people.person(person).devices.iter().copied();
        self.tell_some(own.filter(|own| Some(*own) != except), event);
    }

    /// Delivers what `sender` has said to `other` on `conn`: to the other one, and to the sender's other connections.
    pub(crate) fn tell_both(
        &self,
        sender: PersonId,
        conn: ConnId,
        other: Option<PersonId>,
        event: &Arc<Event>,
    ) {
        let is_to_oneself = other == Some(sender);
        let both = other.filter(|_| !is_to_oneself).into_iter().chain([sender]);
        let both = both.filter(|person| self.people.contains(*person));
        // To oneself, it comes back to where it was said.
        let devices = self.people.devices_of(both).filter(|own| is_to_oneself || *own != conn);
        self.tell_some(devices, event);
    }

    /// Delivers what `sender` has said on `conn` to the members of a room with that sign or a higher one before
    /// their nick, and to the sender's other connections.
    pub(crate) fn tell_ranked(
        &self,
        room: &Room,
        sign: char,
        sender: Option<PersonId>,
        conn: Option<ConnId>,
        event: &Arc<Event>,
    ) {
        let members = room.members.iter();
        let ranked = members.filter(|(id, rank)| Some(**id) == sender || rank.is_at_least(sign));
        let devices =
            self.people.devices_of(ranked.map(|(id, _)| *id)).filter(|own| Some(*own) != conn);
        self.tell_some(devices, event);
    }

    pub(crate) fn tell(&self, conn: ConnId, event: &Arc<Event>) {
        let delivery = Delivery { target: Target::Conn(conn), event: Arc::clone(event) };
        self.out.push(Effect::Deliver { worker: conn.worker, delivery });
    }
}
