//! The executor of the hub. Whoever has something for it and finds it free lets it work at once on their own thread,
//! so that a message needs no other thread to be woken; what is left, and what comes from elsewhere than
//! the workers, is for the hub's own thread.
//!
//! No worker waits here: one that finds the hub at work goes on with its sockets, since whoever lets it work
//! looks again for inputs when they are done. Only one thread at a time lets it work, so there is one order of all.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering, fence},
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
    room_log::{Appending, Querying, RoomLog},
};

/// Inputs handled between two deliveries to the workers.
const BATCH_MAX: usize = 512;

/// The hub executor (see the module).
pub(crate) struct HubExecutor {
    work: Mutex<Option<Work>>,
    /// Somebody has handed something over since the hub last began to take what waits.
    is_wanted: AtomicBool,
    /// Wakes the hub's thread.
    pokes: Sender<()>,
}

/// The findings of the hub's own thread when it has looked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked {
    /// Everyone has been told that the server ends.
    pub(crate) is_over: bool,
    /// There was more than is taken at once.
    pub(crate) is_more: bool,
}

/// The hub and all it works with; gone when the server ends.
// More than 12 fields: the hub and the ends of all that its effects go to, which one thread at a time has in its hands.
pub(crate) struct Work {
    pub(crate) hub: Hub,
    /// Inputs from the workers.
    pub(crate) inputs: Receiver<Input>,
    /// Inputs from everyone else.
    pub(crate) answers: Receiver<Input>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) mailbox_bytes_max: usize,
    pub(crate) log: Box<dyn RoomLog>,
    /// Passwords to be checked, no more than there may be threads for it.
    pub(crate) questions: Sender<(Ticket, Question)>,
    pub(crate) events: Option<Sender<ServerEvent>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) scratch: Scratch,
    /// The time at which the hub's thread looks by itself.
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
    /// The orders for each worker.
    orders: Vec<Vec<Order>>,
}

impl HubExecutor {
    pub(crate) fn new(work: Work, pokes: Sender<()>) -> Self {
        Self { work: Mutex::new(Some(work)), is_wanted: AtomicBool::new(false), pokes }
    }

    /// Lets the hub take what waits for it, if it is free: `own` has handed something over, and takes what
    /// is for itself when this returns.
    pub(crate) fn work_for(&self, own: WorkerId) {
        self.is_wanted.store(true, Ordering::SeqCst);
        // Whoever holds the lock now sees that wish when they have let it go (see `served`).
        fence(Ordering::SeqCst);
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let mut work = match self.work.try_lock() {
                Ok(work) => work,
                Err(TryLockError::WouldBlock) => return false,
                Err(TryLockError::Poisoned(_)) => return true,
            };
            let Some(work) = work.as_mut() else { return false };
            if work.is_backed_up {
                return true;
            }
            self.is_wanted.store(false, Ordering::SeqCst);
            work.batch(read_clocks(), [], Some(own));
            let deadline = work.hub.next_deadline();
            work.is_over
                || work.is_backed_up
                || work.has_inputs()
                || deadline.is_some_and(|due| work.looks_at.is_none_or(|looks| due < looks))
        }));
        // A hub that panics fails on its own thread, whoever let it work.
        let needs_its_thread = worked.unwrap_or(true);
        if needs_its_thread {
            self.poke();
        }
        self.served();
    }

    /// The lock has been let go: whoever found it held meanwhile is not forgotten.
    fn served(&self) {
        fence(Ordering::SeqCst);
        if self.is_wanted.swap(false, Ordering::SeqCst) {
            self.poke();
        }
    }

    /// Has the hub's own thread look.
    pub(crate) fn poke(&self) {
        // One is enough, and when the server ends nobody needs it.
        let _ = self.pokes.try_send(());
    }

    /// The hub's own thread lets it take what waits, and what only that thread knows of: that the server is to stop, or a
    /// deadline. `None` when the server has ended.
    ///
    /// # Panics
    /// If the hub has panicked, on whichever thread.
    pub(crate) fn look(&self, stop: Option<Input>) -> Option<Looked> {
        self.with(|work| {
            self.is_wanted.store(false, Ordering::SeqCst);
            work.look(stop);
            Looked { is_over: work.is_over, is_more: work.has_inputs() }
        })
    }

    /// The hub's own thread is about to wait; until when it may.
    ///
    /// # Panics
    /// As [`HubExecutor::look`].
    pub(crate) fn rest(&self) -> Option<Instant> {
        self.with(|work| {
            work.looks_at = work.hub.next_deadline();
            work.looks_at
        })?
    }

    fn with<T>(&self, act: impl FnOnce(&mut Work) -> T) -> Option<T> {
        let outcome = match self.work.lock() {
            Ok(mut work) => work.as_mut().map(act),
            Err(_) => panic!("the hub has failed"),
        };
        self.served();
        outcome
    }

    /// The server has ended: nothing is taken any more, and the log is closed.
    pub(crate) fn close(&self) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(work);
    }
}

impl Work {
    /// Takes `first` and then what waits, up to a bound, and hands over what comes of it. The worker on whose
    /// thread this is needs no waking.
    fn batch(&mut self, now: Now, first: impl IntoIterator<Item = Input>, own: Option<WorkerId>) {
        let mut first = first.into_iter();
        let mut before = now.mono;
        for _ in 0..BATCH_MAX {
            let waiting = || self.answers.try_recv().or_else(|_| self.inputs.try_recv()).ok();
            let Some(input) = first.next().or_else(waiting) else { break };
            self.step(now, input);
            before = self.note_step(before);
        }
        self.hand_over(own);
    }

    /// Takes what only the hub's own thread knows of: that the server is to stop, or a deadline; and all that waits.
    fn look(&mut self, stop: Option<Input>) {
        let now = read_clocks();
        let is_due = self.hub.next_deadline().is_some_and(|due| due <= now.mono);
        let due = is_due.then_some(Input::Deadline);
        // The hub's thread waits for those who have too much to take before it looks again.
        self.is_backed_up = false;
        self.batch(now, stop.into_iter().chain(due), None);
    }

    /// Whether something waits for the hub.
    fn has_inputs(&self) -> bool {
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
        set(&self.metrics.password_queue, self.hub.n_checks());
        self.metrics.messages_total.store(self.hub.n_messages(), Ordering::Relaxed);
        self.metrics.refused_records_total.store(self.hub.n_refused_records(), Ordering::Relaxed);
    }

    /// One input and all that follows from it at once.
    fn step(&mut self, now: Now, input: Input) {
        let Scratch { mut effects, mut next, mut orders } = std::mem::take(&mut self.scratch);
        orders.resize_with(self.mailboxes.len(), Vec::new);
        next.push_back(input);
        while let Some(input) = next.pop_front() {
            if let Input::Reload { settings } = &input {
                // How long messages are kept is the log's business alone.
                self.log.retain(&settings.retention);
            }
            self.hub.handle(now, input, &mut effects);
            for effect in effects.drain(..) {
                match effect {
                    Effect::Append { ticket, record } => {
                        if let Appending::Now(outcome) = self.log.append(ticket, &record) {
                            next.push_back(Input::Appended { ticket, outcome });
                        }
                    }
                    Effect::Persist { ticket, changes } => {
                        if let Appending::Now(outcome) = self.log.persist(ticket, &changes) {
                            next.push_back(Input::Appended { ticket, outcome });
                        }
                    }
                    Effect::Mark(note) => self.log.mark(note),
                    Effect::Query { ticket, asker, query } => {
                        if let Querying::Now(answer) = self.log.query(ticket, asker, *query) {
                            next.push_back(Input::Queried { ticket, answer });
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
            | Effect::Persist { .. }
            | Effect::Mark(_)
            | Effect::Query { .. } => {
                return;
            }
            Effect::Check { ticket, question } => {
                // The thread that checks ends after this one, unless the server has failed.
                let _ = self.questions.send((ticket, question));
                return;
            }
            Effect::Close { conn, reason, label } => {
                (conn.worker, Order::Close { conn, reason, label })
            }
            Effect::Deliver { worker, delivery } => (worker, Order::Deliver(delivery)),
            Effect::Hold { conn } => (conn.worker, Order::Hold { conn }),
            Effect::Offer { conn, nick, before } => {
                (conn.worker, Order::Offer { conn, nick, before })
            }
            Effect::Negotiate { conn, nick, label, subcommand, arguments } => {
                (conn.worker, Order::Negotiate { conn, nick, label, subcommand, arguments })
            }
            Effect::PassOn { conn, address } => (conn.worker, Order::PassOn { conn, address }),
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

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use mio::{Events, Poll, Token, Waker};

    use super::*;
    use crate::{
        config::Config,
        hub::{Door, Registration},
        ids::ConnId,
        room_log::MemoryLog,
        settings::Settings,
    };

    pub(in crate::net) struct Scene {
        pub(in crate::net) hub_executor: HubExecutor,
        pub(in crate::net) inputs: Sender<Input>,
        pokes: Receiver<()>,
        pub(in crate::net) mailbox: Arc<Mailbox>,
        pub(in crate::net) poll: Poll,
    }

    /// An executor with one worker.
    pub(in crate::net) fn scene() -> Scene {
        let poll = Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), Token(0)).unwrap();
        let mailbox = Arc::new(Mailbox::new(waker, Arc::default()));
        let (to_hub, inputs) = crossbeam_channel::unbounded();
        let (_, answers) = crossbeam_channel::unbounded();
        let (questions, _) = crossbeam_channel::unbounded();
        let (poke, pokes) = crossbeam_channel::bounded(1);
        let work = Work {
            hub: Hub::new(Settings::new(&Config::default(), 1), 1),
            inputs,
            answers,
            mailboxes: vec![Arc::clone(&mailbox)],
            mailbox_bytes_max: 1 << 20,
            log: Box::new(MemoryLog),
            questions,
            events: None,
            metrics: Arc::default(),
            scratch: Scratch::default(),
            looks_at: None,
            is_backed_up: false,
            is_over: false,
        };
        Scene { hub_executor: HubExecutor::new(work, poke), inputs: to_hub, pokes, mailbox, poll }
    }

    impl Scene {
        /// Somebody comes.
        fn send_newcomer(&self) {
            let conn = ConnId { worker: WorkerId(0), generation: 0, slot: 0 };
            let (host, door) = ("h".into(), Door::Irc);
            let opened = Input::Opened { conn, host, door, is_secure: false, fingerprint: None };
            let registration = Registration {
                nick: "a".into(),
                user: "u".into(),
                realname: "r".into(),
                take_any_nick: false,
            };
            self.inputs.send(opened).unwrap();
            self.inputs.send(Input::Register { conn, registration }).unwrap();
        }

        fn is_admitted(&self) -> bool {
            let mut orders = Vec::new();
            self.mailbox.take(&mut orders);
            orders.iter().any(|order| matches!(order, Order::Admit { .. }))
        }
    }

    #[test]
    fn who_finds_it_free_lets_the_hub_work_at_once_and_wakes_nobody() {
        let mut scene = scene();
        scene.send_newcomer();
        scene.hub_executor.work_for(WorkerId(0));
        assert!(scene.is_admitted());
        assert!(scene.pokes.is_empty(), "the hub's thread sleeps");
        let mut events = Events::with_capacity(4);
        scene.poll.poll(&mut events, Some(std::time::Duration::ZERO)).unwrap();
        assert!(events.is_empty(), "the worker knows that it has something to take");
    }

    #[test]
    fn what_is_handed_over_while_it_works_is_not_forgotten() {
        let scene = scene();
        scene.hub_executor.with(|_| {
            std::thread::scope(|scope| {
                let worker = scope.spawn(|| {
                    scene.send_newcomer();
                    scene.hub_executor.work_for(WorkerId(0));
                });
                worker.join().unwrap();
            });
        });
        assert!(!scene.is_admitted(), "nobody waited for the lock");
        assert!(scene.pokes.try_recv().is_ok(), "the hub's thread is asked to look");
        assert!(!scene.hub_executor.look(None).unwrap().is_more);
        assert!(scene.is_admitted());
    }

    #[test]
    fn while_a_worker_has_too_much_to_take_the_hub_is_left_to_its_thread() {
        let scene = scene();
        scene.hub_executor.with(|work| work.is_backed_up = true);
        scene.send_newcomer();
        scene.hub_executor.work_for(WorkerId(0));
        assert!(!scene.is_admitted());
        assert!(scene.pokes.try_recv().is_ok());
        scene.hub_executor.look(None);
        assert!(scene.is_admitted());
    }
}
