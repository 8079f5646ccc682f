//! The mailbox of one worker: filled by the hub and the acceptor, emptied in whole batches.
//!
//! Unbounded in length but counted in bytes: a worker always takes all of it, and while there is too
//! much the hub takes no further input, so it always clears. The worker is woken only when the
//! mailbox was empty.

use std::{
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use crate::{
    delivery::{Delivery, Reply},
    ids::{ConnId, RoomId},
    metrics::Metrics,
    net::{admission::Place, listener_kind::ListenerKind},
    settings::Settings,
};

/// An order to a worker.
#[derive(Debug)]
pub(crate) enum Order {
    Accept {
        stream: std::net::TcpStream,
        gate: ListenerKind,
        place: Place,
    },
    Admit {
        conn: ConnId,
        nick: Arc<str>,
    },
    Close {
        conn: ConnId,
        reason: Arc<str>,
        label: Option<Arc<str>>,
    },
    Deliver(Delivery),
    Hold {
        conn: ConnId,
    },
    Negotiate {
        conn: ConnId,
        nick: Arc<str>,
        label: Option<Arc<str>>,
        subcommand: String,
        arguments: Vec<String>,
    },
    Offer {
        conn: ConnId,
        nick: Arc<str>,
        before: Arc<Settings>,
    },
    PassOn {
        conn: ConnId,
        address: IpAddr,
    },
    Release {
        conn: ConnId,
    },
    Reload {
        settings: Arc<Settings>,
    },
    Reply {
        conn: ConnId,
        reply: Reply,
    },
    /// Flush what can be flushed, and end.
    Stop,
    Subscribe {
        conn: ConnId,
        room: RoomId,
    },
    Unsubscribe {
        conn: ConnId,
        room: RoomId,
    },
}

impl Order {
    fn size(&self) -> usize {
        match self {
            Self::Deliver(delivery) => delivery.event.size(),
            Self::Reply { reply, .. } => reply.size(),
            _ => 64,
        }
    }
}

/// The way to one worker.
#[derive(Debug)]
pub(crate) struct Mailbox {
    metrics: Arc<Metrics>,
    waiting: Mutex<Waiting>,
    emptied: Condvar,
    waker: mio::Waker,
    /// The worker could not hand something to the hub and wants to be woken when there is room.
    pub(crate) is_starved: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    orders: Vec<Order>,
    bytes: usize,
    /// The hub waits until there is less.
    is_awaited: bool,
    /// The worker has ended; nothing will be taken any more.
    is_closed: bool,
}

impl Mailbox {
    pub(crate) fn new(waker: mio::Waker, metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            waiting: Mutex::default(),
            emptied: Condvar::new(),
            waker,
            is_starved: AtomicBool::new(false),
        }
    }

    /// Hands over all of `orders`, leaving it empty, and wakes the worker if nothing was waiting. The bytes that
    /// wait now.
    pub(crate) fn post(&self, orders: &mut Vec<Order>) -> usize {
        let (was_empty, bytes) = self.add(orders);
        if was_empty && bytes > 0 {
            self.wake();
        }
        bytes
    }

    /// Adds orders without waking the worker, on whose thread this is. Gives whether nothing was waiting, and the bytes
    /// that wait now.
    pub(crate) fn add(&self, orders: &mut Vec<Order>) -> (bool, usize) {
        if orders.is_empty() {
            return (true, 0);
        }
        let bytes = orders.iter().map(Order::size).sum::<usize>();
        let mut waiting = self.lock();
        if waiting.is_closed {
            orders.clear();
            return (true, 0);
        }
        let was_empty = waiting.orders.is_empty();
        waiting.orders.append(orders);
        waiting.bytes += bytes;
        Metrics::note_waiting(&self.metrics.mailbox_bytes, 0, bytes);
        (was_empty, waiting.bytes)
    }

    pub(crate) fn wake(&self) {
        // Failing to write to an eventfd means that it is full: the worker is awake.
        let _ = self.waker.wake();
    }

    /// Takes all that waits into `orders`, which is empty.
    pub(crate) fn take(&self, orders: &mut Vec<Order>) {
        let mut waiting = self.lock();
        std::mem::swap(&mut waiting.orders, orders);
        self.emptied(waiting);
    }

    /// Notes that the orders are taken, or nobody's, and wakes who waits for room.
    fn emptied(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let bytes = std::mem::take(&mut waiting.bytes);
        // To notify is a system call, whether or not anybody waits.
        let is_awaited = std::mem::take(&mut waiting.is_awaited);
        drop(waiting);
        Metrics::note_waiting(&self.metrics.mailbox_bytes, bytes, 0);
        if is_awaited {
            self.emptied.notify_all();
        }
    }

    /// Waits until no more than `bytes_max` wait here.
    pub(crate) fn wait_below(&self, bytes_max: usize) {
        let mut waiting = self.lock();
        while waiting.bytes > bytes_max && !waiting.is_closed {
            waiting.is_awaited = true;
            // The time-out only guards against a worker that died between two looks.
            let step = self.emptied.wait_timeout(waiting, Duration::from_millis(100));
            waiting = step.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The worker ends: nothing is kept for it any more.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.orders.clear();
        self.emptied(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll, Token, Waker};

    use super::*;

    fn hold(slot: u32) -> Order {
        let worker = crate::ids::WorkerId(0);
        Order::Hold { conn: ConnId { worker, generation: 0, slot } }
    }

    /// Whether the worker's poll has been woken since the last look.
    fn is_woken(poll: &mut Poll) -> bool {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    }

    #[test]
    fn a_worker_is_woken_once_for_all_that_waits() {
        let mut poll = Poll::new().unwrap();
        let mailbox = Mailbox::new(Waker::new(poll.registry(), Token(0)).unwrap(), Arc::default());
        mailbox.post(&mut Vec::new());
        assert!(!is_woken(&mut poll), "for nothing");
        mailbox.post(&mut vec![hold(1)]);
        assert!(is_woken(&mut poll));
        mailbox.post(&mut vec![hold(2), hold(3)]);
        assert!(!is_woken(&mut poll), "it has not looked yet");
        let mut orders = Vec::new();
        mailbox.take(&mut orders);
        assert_eq!(orders.len(), 3, "the whole batch");
        mailbox.post(&mut vec![hold(4)]);
        assert!(is_woken(&mut poll));
    }

    #[test]
    fn nothing_is_kept_for_a_worker_that_has_ended() {
        let poll = Poll::new().unwrap();
        let mailbox = Mailbox::new(Waker::new(poll.registry(), Token(0)).unwrap(), Arc::default());
        mailbox.post(&mut vec![hold(1)]);
        mailbox.close();
        mailbox.post(&mut vec![hold(2)]);
        assert!(mailbox.lock().orders.is_empty());
        mailbox.wait_below(0);
    }
}
