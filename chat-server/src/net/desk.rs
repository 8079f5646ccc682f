//! Where the hub works. Whoever has something for it and finds it free lets it work at once on their own thread,
//! so that a message needs no other thread to be woken; what is left, and what comes from elsewhere than
//! the workers, is for the hub's own thread.
//!
//! Nobody waits here: a worker that finds the hub at work goes on with its sockets, since whoever lets it work
//! looks again for inputs when they are done. Only one thread at a time lets it work, so there is one order of all.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, TryLockError,
        atomic::{AtomicU64, Ordering, fence},
    },
    time::{Instant, SystemTime},
};

use crossbeam_channel::{Receiver, Sender};

use super::mailbox::{Mailbox, Order};
use crate::{
    auth::Question,
    event::ServerEvent,
    hub::{Effect, Hub, Input, Now},
    ids::{Ticket, WorkerId},
    metrics::Metrics,
    room_log::{Appending, Recalling, RoomLog},
};

/// Inputs handled between two deliveries to the workers.
const BATCH_MAX: usize = 512;

/// See the module.
pub(crate) struct Desk {
    work: Mutex<Option<Work>>,
    /// Wakes the hub's thread.
    pokes: Sender<()>,
}

/// The hub and all it works with; gone when the server ends.
pub(crate) struct Work {
    pub(crate) hub: Hub,
    /// From the workers.
    pub(crate) inputs: Receiver<Input>,
    /// From everyone else.
    pub(crate) answers: Receiver<Input>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) mailbox_bytes_max: usize,
    pub(crate) log: Box<dyn RoomLog>,
    /// Passwords to be checked. At most one for each connection.
    pub(crate) questions: Sender<(Ticket, Question)>,
    pub(crate) events: Option<Sender<ServerEvent>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) scratch: Scratch,
    /// When the hub's thread looks by itself.
    pub(crate) looks_at: Option<Instant>,
    /// Some worker has too much to take: the hub's thread waits for it.
    pub(crate) is_backed_up: bool,
    /// Everyone has been told that the server ends.
    pub(crate) is_over: bool,
}

/// Lists that are empty between two batches, kept for their memory.
#[derive(Default)]
pub(crate) struct Scratch {
    effects: Vec<Effect>,
    next: VecDeque<Input>,
    /// For each worker.
    orders: Vec<Vec<Order>>,
}

impl Desk {
    pub(crate) fn new(work: Work, pokes: Sender<()>) -> Self {
        Self { work: Mutex::new(Some(work)), pokes }
    }

    /// Lets the hub take what waits for it, if it is free: `own` has handed something over, and takes what
    /// is for itself when this returns.
    pub(crate) fn work_for(&self, own: WorkerId) {
        // What was handed over is seen by whoever holds the lock, or it is free for us (see below).
        fence(Ordering::SeqCst);
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let mut work = match self.work.try_lock() {
                Ok(work) => work,
                // They look again when they are done.
                Err(TryLockError::WouldBlock) => return false,
                Err(TryLockError::Poisoned(_)) => return true,
            };
            let Some(work) = work.as_mut() else { return false };
            if work.is_backed_up {
                return true;
            }
            work.batch(Some(own));
            let deadline = work.hub.next_deadline();
            work.is_over
                || work.is_backed_up
                || deadline.is_some_and(|due| work.looks_at.is_none_or(|looks| due < looks))
        }));
        // A hub that panics fails on its own thread, whoever let it work.
        let is_needed = worked.unwrap_or(true);
        if is_needed || self.has_inputs() {
            self.poke();
        }
    }

    /// What came while someone else held the lock, and found it held.
    fn has_inputs(&self) -> bool {
        fence(Ordering::SeqCst);
        match self.work.try_lock() {
            Ok(work) => work.as_ref().is_some_and(Work::has_inputs),
            Err(_) => false,
        }
    }

    /// Has the hub's own thread look.
    pub(crate) fn poke(&self) {
        // One is enough, and when the server ends nobody needs it.
        let _ = self.pokes.try_send(());
    }

    /// Lets the hub's own thread see to it. `None` when the server has ended.
    ///
    /// # Panics
    /// If the hub has panicked, on whichever thread.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Work) -> T) -> Option<T> {
        match self.work.lock() {
            Ok(mut work) => work.as_mut().map(act),
            Err(poisoned) => {
                *poisoned.into_inner() = None;
                panic!("the hub has failed")
            }
        }
    }

    /// The server has ended: nothing is taken any more, and the log is closed.
    pub(crate) fn close(&self) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(work);
    }
}

impl Work {
    /// Takes what waits, up to a bound, and hands over what comes of it. The worker on whose thread this is needs
    /// no waking.
    pub(crate) fn batch(&mut self, own: Option<WorkerId>) {
        let now = read_clocks();
        let mut before = now.mono;
        for _ in 0..BATCH_MAX {
            let input = self.answers.try_recv().or_else(|_| self.inputs.try_recv());
            let Ok(input) = input else { break };
            self.step(now, input);
            before = self.note_step(before);
        }
        self.hand_over(own);
    }

    /// Takes what only the hub's own thread knows of: that the server is to stop, or a deadline; and all that waits.
    pub(crate) fn look(&mut self, stop: Option<Input>) {
        let now = read_clocks();
        let is_due = self.hub.next_deadline().is_some_and(|due| due <= now.mono);
        let due = is_due.then_some(Input::Deadline);
        stop.into_iter().chain(due).for_each(|input| self.step(now, input));
        self.batch(None);
        self.is_backed_up = false;
    }

    /// Whether something waits for the hub.
    pub(crate) fn has_inputs(&self) -> bool {
        !self.inputs.is_empty() || !self.answers.is_empty()
    }

    fn hand_over(&mut self, own: Option<WorkerId>) {
        self.note_state();
        for (index, mailbox) in self.mailboxes.iter().enumerate() {
            let is_own = own.is_some_and(|own| usize::from(own.0) == index);
            if let Some(orders) = self.scratch.orders.get_mut(index) {
                let bytes = if is_own { mailbox.add(orders).1 } else { mailbox.post(orders) };
                self.is_backed_up |= bytes > self.mailbox_bytes_max;
            }
            if mailbox.is_starved.swap(false, Ordering::SeqCst) && !is_own {
                mailbox.wake();
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

    /// One input and all that follows from it at once.
    fn step(&mut self, now: Now, input: Input) {
        let Scratch { mut effects, mut next, mut orders } = std::mem::take(&mut self.scratch);
        orders.resize_with(self.mailboxes.len(), Vec::new);
        next.push_back(input);
        while let Some(input) = next.pop_front() {
            self.hub.handle(now, input, &mut effects);
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
                        self.is_over |= matches!(effect, Effect::Stop);
                        self.carry_out(effect, &mut orders);
                    }
                }
            }
        }
        self.scratch = Scratch { effects, next, orders };
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
