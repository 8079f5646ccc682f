//! Who is told of an event: a room, some people, those who share a room with someone, one person.

use std::{collections::BTreeMap, sync::Arc};

use super::{Effect, Hub, room::Room};
use crate::{
    delivery::{Delivery, Event, Target},
    ids::{ConnId, RoomId, WorkerId},
};

impl Hub {
    /// Delivers to everyone in `room` but one: once for each worker that has members.
    pub(super) fn tell_room(
        &self,
        room: &Room,
        except: Option<ConnId>,
        event: &Arc<Event>,
        effects: &mut Vec<Effect>,
    ) {
        for worker in room.workers() {
            let target = Target::Room { room: room.id, except };
            let delivery = Delivery { target, event: Arc::clone(event) };
            effects.push(Effect::Deliver { worker, delivery });
        }
    }

    /// Delivers to those of `conns`, once for each worker that has any.
    pub(super) fn tell_some(
        &self,
        conns: impl Iterator<Item = ConnId>,
        event: &Arc<Event>,
        effects: &mut Vec<Effect>,
    ) {
        let mut conns_at: BTreeMap<WorkerId, Vec<ConnId>> = BTreeMap::new();
        for conn in conns {
            conns_at.entry(conn.worker).or_default().push(conn);
        }
        for (worker, conns) in conns_at {
            let delivery =
                Delivery { target: Target::Some(conns.into()), event: Arc::clone(event) };
            effects.push(Effect::Deliver { worker, delivery });
        }
    }

    /// Delivers to everyone who shares a room with `conn`, not to `conn`.
    pub(super) fn tell_peers(&self, conn: ConnId, event: &Arc<Event>, effects: &mut Vec<Effect>) {
        let rooms: Arc<[RoomId]> = self.person(conn).rooms.as_slice().into();
        let mut workers: Vec<_> =
            rooms.iter().flat_map(|room| self.rooms[room].workers()).collect();
        workers.sort_unstable();
        workers.dedup();
        for worker in workers {
            let target = Target::Peers { rooms: Arc::clone(&rooms), except: Some(conn) };
            let delivery = Delivery { target, event: Arc::clone(event) };
            effects.push(Effect::Deliver { worker, delivery });
        }
    }

    pub(super) fn tell(&self, conn: ConnId, event: &Arc<Event>, effects: &mut Vec<Effect>) {
        let delivery = Delivery { target: Target::Conn(conn), event: Arc::clone(event) };
        effects.push(Effect::Deliver { worker: conn.worker, delivery });
    }
}
