//! The fanout: one worker's copy of the hub's membership, of its own connections in each room;
//! kept in step because its changes come in the same queue as the deliveries.

use crate::ids::{ConnId, IdMap, RoomId};

/// Room → own connections, by slot.
#[derive(Debug, Default)]
pub struct Fanout {
    rooms: IdMap<RoomId, Vec<u32>>,
    /// The places of a connection in its rooms, so that leaving is quick.
    places: IdMap<u32, Vec<(RoomId, usize)>>,
    /// The round in which each slot was last visited: each peer is told once.
    visited: Vec<u64>,
    round: u64,
}

impl Fanout {
    /// `conn` is in `room` from here on.
    pub fn subscribe(&mut self, conn: ConnId, room: RoomId) {
        let members = self.rooms.entry(room).or_default();
        self.places.entry(conn.slot).or_default().push((room, members.len()));
        members.push(conn.slot);
    }

    /// `conn` is in `room` no more.
    pub fn unsubscribe(&mut self, conn: ConnId, room: RoomId) {
        let Some(places) = self.places.get_mut(&conn.slot) else { return };
        let Some(index) = places.iter().position(|(id, _)| *id == room) else { return };
        let (_, place) = places.swap_remove(index);
        if places.is_empty() {
            self.places.remove(&conn.slot);
        }
        self.take_out(room, place);
    }

    /// The connection in `slot` is gone.
    pub fn remove(&mut self, slot: u32) {
        for (room, place) in self.places.remove(&slot).unwrap_or_default() {
            self.take_out(room, place);
        }
    }

    fn take_out(&mut self, room: RoomId, place: usize) {
        let Some(members) = self.rooms.get_mut(&room) else { return };
        members.swap_remove(place);
        if let Some(moved) = members.get(place) {
            let places = self.places.get_mut(moved).into_iter().flatten();
            for (_, at) in places.filter(|(id, _)| *id == room) {
                *at = place;
            }
        }
        if members.is_empty() {
            self.rooms.remove(&room);
        }
    }

    /// The slots in `room`.
    #[must_use]
    pub fn members(&self, room: RoomId) -> &[u32] {
        self.rooms.get(&room).map_or(&[], Vec::as_slice)
    }

    /// Calls `tell` for each slot in any of `rooms` that is in none of `unless`, once.
    pub fn each_peer(&mut self, rooms: &[RoomId], unless: &[RoomId], mut tell: impl FnMut(u32)) {
        self.round += 1;
        self.visit(unless, |_| ());
        self.visit(rooms, &mut tell);
    }

    /// Calls `tell` for each slot in any of `rooms` that has not been visited in this round.
    fn visit(&mut self, rooms: &[RoomId], mut tell: impl FnMut(u32)) {
        for room in rooms {
            for slot in self.rooms.get(room).map_or(&[][..], Vec::as_slice) {
                let index = *slot as usize;
                if index >= self.visited.len() {
                    self.visited.resize(index + 1, 0);
                }
                if self.visited[index] != self.round {
                    self.visited[index] = self.round;
                    tell(*slot);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ids::WorkerId;

    #[test]
    fn it_agrees_with_a_plain_set_in_any_order_of_changes() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut fanout = Fanout::default();
        let mut model: BTreeSet<(RoomId, u32)> = BTreeSet::new();
        for _ in 0..20_000 {
            let (room, slot) = (RoomId(random.u64(..6)), random.u32(..20));
            let conn = ConnId { worker: WorkerId(0), generation: 0, slot };
            match random.u8(..10) {
                0 => {
                    fanout.remove(slot);
                    model.retain(|(_, member)| *member != slot);
                }
                1..5 => {
                    fanout.unsubscribe(conn, room);
                    model.remove(&(room, slot));
                }
                _ if model.insert((room, slot)) => fanout.subscribe(conn, room),
                _ => {}
            }
            let members: BTreeSet<u32> = fanout.members(room).iter().copied().collect();
            let expected: BTreeSet<u32> =
                model.iter().filter(|(id, _)| *id == room).map(|(_, slot)| *slot).collect();
            assert_eq!(members, expected);
            assert_eq!(members.len(), fanout.members(room).len(), "nobody stands twice");
        }
        let rooms: Vec<RoomId> = (0..6).map(RoomId).collect();
        let mut told = Vec::new();
        fanout.each_peer(&rooms, &[], |slot| told.push(slot));
        let expected: BTreeSet<u32> = model.iter().map(|(_, slot)| *slot).collect();
        assert_eq!(told.len(), expected.len(), "each peer once");
        let (unless, rooms) = rooms.split_at(2);
        told.clear();
        fanout.each_peer(rooms, unless, |slot| told.push(slot));
        let of = |rooms: &[RoomId]| -> BTreeSet<u32> {
            model.iter().filter(|(id, _)| rooms.contains(id)).map(|(_, slot)| *slot).collect()
        };
        let expected = &of(rooms) - &of(unless);
        assert_eq!(told.iter().copied().collect::<BTreeSet<u32>>(), expected);
        assert_eq!(told.len(), expected.len(), "each peer once");
    }
}
