//! From what the hub delivers to the outboxes of those it is for.
//!
//! This is the path that every message takes to every reader, so its cost is what the server costs. A burst of
//! deliveries to one room becomes bytes once for each kind of reader, and each reader is visited once for
//! all of it: what is left for each is a reference to those bytes.

use std::{sync::Arc, time::Instant};

use chat_core::proto::CapabilitySet;
use smallvec::SmallVec;

use super::own::{FLUSH_BYTES, Worker};
use crate::{
    delivery::{Audience, Delivery, Target},
    ids::RoomId,
    net::mailbox::Order,
};

/// Bytes of a burst, about: what is written at once, so that readers never hold on to much that they have read.
const BURST_BYTES: usize = FLUSH_BYTES / 2;

/// Kinds of readers whose bytes are kept while a burst is delivered. There are few in any room but one that
/// strangers have made for it, where the others get what they read event by event.
const KINDS_MAX: usize = 16;

/// Deliveries that follow each other and are for the same room; or one of another kind.
#[derive(Debug, Default)]
pub(super) struct Burst {
    deliveries: Vec<Delivery>,
    room: Option<RoomId>,
    n_bytes: usize,
}

impl Burst {
    /// A burst that begins with this.
    pub(super) fn begin(&mut self, first: Delivery) {
        self.deliveries.clear();
        self.n_bytes = 0;
        self.room = match first.target {
            Target::Room { room, .. } => Some(room),
            _ => None,
        };
        self.add(first);
    }

    pub(super) fn add(&mut self, delivery: Delivery) {
        self.n_bytes += delivery.event.size();
        self.deliveries.push(delivery);
    }

    /// Whether the next order is one more for the same room.
    pub(super) fn has_room_for(&self, order: &Order) -> bool {
        let Order::Deliver(Delivery { target: Target::Room { room, .. }, .. }) = order else {
            return false;
        };
        self.room == Some(*room) && self.n_bytes < BURST_BYTES
    }
}

/// The kind of a reader: what they are told of an event follows from these alone.
type Kind = (Audience, CapabilitySet);

/// The bytes of a burst for each kind of reader, made when the first of them is met.
#[derive(Debug, Default)]
struct Encoded(SmallVec<[(Kind, Bytes); 4]>);

type Bytes = Option<Arc<[u8]>>;

impl Encoded {
    /// The whole burst for such readers: none, if there is nothing in it for them. An error are more kinds than
    /// are kept.
    fn of(&mut self, kind: Kind, deliveries: &[Delivery]) -> Result<Option<&Arc<[u8]>>, ()> {
        let known = self.0.iter().position(|(own, _)| *own == kind);
        let index = match known {
            Some(index) => index,
            None if self.0.len() == KINDS_MAX => return Err(()),
            None => {
                self.0.push((kind, encode(kind, deliveries)));
                self.0.len() - 1
            }
        };
        Ok(self.0[index].1.as_ref())
    }
}

fn encode((audience, capabilities): Kind, deliveries: &[Delivery]) -> Bytes {
    let understood = deliveries.iter().filter(|own| own.event.is_understood(capabilities));
    let mut lines = understood.map(|own| own.event.shared(audience));
    if let [_] = deliveries {
        return lines.next().filter(|line| !line.is_empty()).cloned();
    }
    let bytes = lines.fold(Vec::new(), |mut bytes, line| {
        bytes.extend_from_slice(line);
        bytes
    });
    (!bytes.is_empty()).then(|| bytes.into())
}

impl Worker {
    pub(super) fn deliver(&mut self, now: Instant, burst: &mut Burst) {
        let [delivery, ..] = &*burst.deliveries else { return };
        let mut fanout = std::mem::take(&mut self.fanout);
        match &delivery.target {
            Target::Conn(conn) => {
                if self.own_mut(*conn).is_some() {
                    self.deliver_to(conn.slot, delivery);
                }
            }
            Target::Some(conns) => {
                for conn in conns.iter() {
                    if self.own_mut(*conn).is_some() {
                        self.deliver_to(conn.slot, delivery);
                    }
                }
            }
            Target::Room { room, .. } => {
                self.deliver_burst(fanout.members(*room), &burst.deliveries);
            }
            Target::Peers { rooms, unless, except } => {
                let except = self.own_slot(*except);
                fanout.each_peer(rooms, unless.as_deref().unwrap_or_default(), |slot| {
                    if Some(slot) != except {
                        self.deliver_to(slot, delivery);
                    }
                });
            }
        }
        self.fanout = fanout;
        // Nothing of it is kept longer than by its readers.
        burst.deliveries.clear();
        for slot in std::mem::take(&mut self.overfull) {
            // One may stand there twice, and be gone after the first time.
            if self.conns.contains(slot as usize) {
                self.flush(now, slot);
            }
        }
    }

    /// Tells each of `members` of all `deliveries`, which are for one room, but for what they are not to be told.
    fn deliver_burst(&mut self, members: &[u32], deliveries: &[Delivery]) {
        let except = |delivery: &Delivery| match delivery.target {
            Target::Room { except, .. } => except,
            _ => None,
        };
        // Those who are not told of something, mostly their own words, are few.
        let mut apart: SmallVec<[u32; 8]> = SmallVec::new();
        for delivery in deliveries {
            if let Some(slot) = self.own_slot(except(delivery))
                && !apart.contains(&slot)
            {
                apart.push(slot);
            }
        }
        let mut encoded = Encoded::default();
        for slot in members {
            if !apart.contains(slot) {
                self.tell(*slot, deliveries, &mut encoded);
                continue;
            }
            for delivery in deliveries {
                if self.own_slot(except(delivery)) != Some(*slot) {
                    self.deliver_to(*slot, delivery);
                }
            }
        }
    }

    fn deliver_to(&mut self, slot: u32, delivery: &Delivery) {
        self.tell(slot, std::slice::from_ref(delivery), &mut Encoded::default());
    }

    fn tell(&mut self, slot: u32, deliveries: &[Delivery], encoded: &mut Encoded) {
        let conn = &mut self.conns[slot as usize];
        if conn.is_closing() {
            return;
        }
        let before = conn.outbox.waiting_bytes();
        let kind = (conn.session.audience(), conn.session.capabilities());
        match encoded.of(kind, deliveries) {
            Ok(None) => return,
            Ok(Some(bytes)) => conn.outbox.push_shared(bytes),
            Err(()) => {
                let (audience, capabilities) = kind;
                for own in deliveries.iter().filter(|own| own.event.is_understood(capabilities)) {
                    conn.outbox.push(own.event.encode(audience));
                }
            }
        }
        if conn.outbox.waiting_bytes() / FLUSH_BYTES > before / FLUSH_BYTES {
            self.overfull.push(slot);
        }
        if !std::mem::replace(&mut conn.is_dirty, true) {
            self.dirty.push(slot);
        }
    }
}
