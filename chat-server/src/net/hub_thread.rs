//! The hub's thread: takes a batch of inputs, lets the hub decide, carries out the effects, and wakes
//! each worker once.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

use crossbeam_channel::{Receiver, Sender, at, never, select_biased};

use super::mailbox::{Mailbox, Order};
use crate::{
    auth::Question,
    event::ServerEvent,
    hub::{Effect, Hub, Input, Now},
    ids::Ticket,
    metrics::Metrics,
    room_log::{Appending, Recalling, RoomLog},
};

/// Inputs handled between two deliveries to the workers.
const BATCH_MAX: usize = 512;

pub(crate) struct HubThread {
    pub(crate) hub: Hub,
    pub(crate) inputs: Receiver<Input>,
    /// Why the server is to stop.
    pub(crate) stops: Receiver<Arc<str>>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) log: Box<dyn RoomLog>,
    /// Passwords to be checked. At most one for each connection.
    pub(crate) questions: Sender<(Ticket, Question)>,
    pub(crate) events: Option<Sender<ServerEvent>>,
    pub(crate) mailbox_bytes_max: usize,
    pub(crate) metrics: Arc<Metrics>,
}

impl HubThread {
    /// The thread. Ends when the hub says so, or when nobody is left who could tell it anything.
    pub(crate) fn run(mut self) {
        let mut orders: Vec<Vec<Order>> = self.mailboxes.iter().map(|_| Vec::new()).collect();
        let mut effects = Vec::new();
        let mut is_stopped = false;
        while !is_stopped {
            let deadline = self.hub.next_deadline().map_or_else(never, at);
            let first = select_biased! {
                recv(self.stops) -> reason => match reason {
                    Ok(reason) => Input::Stop { reason },
                    Err(_) => return,
                },
                // Before what is queued, which may never end.
                recv(deadline) -> _ => Input::Deadline,
                recv(self.inputs) -> input => match input {
                    Ok(input) => input,
                    Err(_) => return,
                },
            };
            let now = read_clocks();
            is_stopped = self.step(now, first, &mut effects, &mut orders);
            let mut before = now.mono;
            for _ in 1..BATCH_MAX {
                before = self.note_step(before);
                let Ok(input) = self.inputs.try_recv() else { break };
                is_stopped |= self.step(now, input, &mut effects, &mut orders);
            }
            self.note_state();
            for (mailbox, orders) in self.mailboxes.iter().zip(&mut orders) {
                mailbox.post(orders);
                if mailbox.is_starved.swap(false, Ordering::SeqCst) {
                    mailbox.wake();
                }
            }
            for mailbox in &self.mailboxes {
                mailbox.wait_below(self.mailbox_bytes_max);
            }
        }
    }

    /// Notes how long the hub took for an input; the time now.
    #[expect(clippy::disallowed_methods, reason = "this is where the hub's steps are timed")]
    fn note_step(&self, before: Instant) -> Instant {
        let after = Instant::now();
        self.metrics.note_step(after.saturating_duration_since(before));
        after
    }

    fn note_state(&self) {
        let set = |metric: &AtomicU64, n: usize| metric.store(n as u64, Ordering::Relaxed);
        set(&self.metrics.people, self.hub.n_people());
        set(&self.metrics.rooms, self.hub.n_rooms());
        set(&self.metrics.pending_records, self.hub.n_pending());
        set(&self.metrics.hub_queue, self.inputs.len());
        set(&self.metrics.password_queue, self.questions.len());
        self.metrics.messages_total.store(self.hub.n_messages(), Ordering::Relaxed);
        self.metrics.refused_records_total.store(self.hub.n_refused_records(), Ordering::Relaxed);
    }

    /// One input and all that follows from it at once; whether it was the end.
    fn step(
        &mut self,
        now: Now,
        input: Input,
        effects: &mut Vec<Effect>,
        orders: &mut [Vec<Order>],
    ) -> bool {
        let mut is_stopped = false;
        let mut next = VecDeque::from([input]);
        while let Some(input) = next.pop_front() {
            self.hub.handle(now, input, effects);
            for effect in effects.drain(..) {
                match effect {
                    Effect::Append { ticket, record } => {
                        if let Appending::Now(outcome) = self.log.append(ticket, &record) {
                            next.push_back(Input::Appended { ticket, outcome });
                        }
                    }
                    Effect::Keep { ticket, changes } => {
                        if let Appending::Now(outcome) = self.log.keep(ticket, &changes) {
                            next.push_back(Input::Appended { ticket, outcome });
                        }
                    }
                    Effect::Note(note) => self.log.note(note),
                    Effect::Recall { ticket, query } => {
                        if let Recalling::Now(answer) = self.log.recall(ticket, query) {
                            next.push_back(Input::Recalled { ticket, answer });
                        }
                    }
                    effect => {
                        is_stopped |= matches!(effect, Effect::Stop);
                        self.carry_out(effect, orders);
                    }
                }
            }
        }
        is_stopped
    }

    fn carry_out(&self, effect: Effect, orders: &mut [Vec<Order>]) {
        let (worker, order) = match effect {
            Effect::Admit { conn, nick } => (conn.worker, Order::Admit { conn, nick }),
            Effect::Append { .. }
            | Effect::Keep { .. }
            | Effect::Note(_)
            | Effect::Recall { .. } => {
                return;
            }
            Effect::Check { ticket, question } => {
                // The thread that checks ends after this one, unless the server has failed.
                let _ = self.questions.send((ticket, question));
                return;
            }
            Effect::Close { conn, reason } => (conn.worker, Order::Close { conn, reason }),
            Effect::Deliver { worker, delivery } => (worker, Order::Deliver(delivery)),
            Effect::Hold { conn } => (conn.worker, Order::Hold { conn }),
            Effect::Offer { conn, nick, before } => {
                (conn.worker, Order::Offer { conn, nick, before })
            }
            Effect::Negotiate { conn, nick, label, subcommand, arguments } => {
                (conn.worker, Order::Negotiate { conn, nick, label, subcommand, arguments })
            }
            Effect::Release { conn } => (conn.worker, Order::Release { conn }),
            Effect::Reply { conn, reply } => (conn.worker, Order::Reply { conn, reply }),
            Effect::Report(event) => {
                if let Some(events) = &self.events {
                    // Never waited for, as Config::events says.
                    let _ = events.try_send(event);
                }
                return;
            }
            Effect::Stop => {
                orders.iter_mut().for_each(|orders| orders.push(Order::Stop));
                return;
            }
            Effect::Subscribe { conn, room } => (conn.worker, Order::Subscribe { conn, room }),
            Effect::Unsubscribe { conn, room } => (conn.worker, Order::Unsubscribe { conn, room }),
        };
        orders[usize::from(worker.0)].push(order);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the hub's clocks are read")]
fn read_clocks() -> Now {
    Now { mono: Instant::now(), wall: SystemTime::now() }
}
