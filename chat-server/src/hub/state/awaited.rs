//! All that is awaited from outside: records and changes on their way to the log, queries about the past, passwords under
//! check, and labelled responses that wait for some of these.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    auth::Question,
    hub::state::{
        check_queue::CheckQueue,
        labeled_response::{LabeledResponse, ResponseId},
        paged_reply::Section,
        password_check::PasswordCheck,
        pending::{Arrived, PendingQueue},
        pending_record::{Pending, PendingWork},
        query::PendingQuery,
        slots::{Slot, SlotsUnderWay},
    },
    ids::{ConnId, IdMap, Ticket},
    origin::Origin,
};

/// All that is awaited from outside, by the ticket it was asked under.
#[derive(Debug)]
pub(crate) struct Awaited {
    /// Records and changes on their way to the log.
    pending: PendingQueue<Pending>,
    /// Slots that those take.
    slots: SlotsUnderWay,
    checks: BTreeMap<Ticket, PasswordCheck>,
    check_queue: CheckQueue,
    queries: BTreeMap<Ticket, PendingQuery>,
    /// Labelled responses that wait for records.
    responses: IdMap<ResponseId, LabeledResponse>,
    n_responses: ResponseId,
    next_ticket: u64,
    outage: Outage,
}

/// An outage of what things are stored in.
#[derive(Debug, Default)]
struct Outage {
    is_now: bool,
    /// The time it was reported last.
    reported: Option<Instant>,
}

/// The time between two reports of an outage: what is stored by turns is no news each time.
const REPORTED_EVERY: Duration = Duration::from_secs(60);

impl Awaited {
    pub(crate) fn new() -> Self {
        Self {
            pending: PendingQueue::new(),
            slots: SlotsUnderWay::default(),
            checks: BTreeMap::new(),
            check_queue: CheckQueue::default(),
            queries: BTreeMap::new(),
            responses: IdMap::default(),
            n_responses: 0,
            next_ticket: 0,
            outage: Outage::default(),
        }
    }

    /// Something could not be stored; whether that is to be reported.
    pub(crate) fn begin_outage(&mut self, now: Instant) -> bool {
        let is_recent = |at| now.saturating_duration_since(at) < REPORTED_EVERY;
        if self.outage.is_now || self.outage.reported.is_some_and(is_recent) {
            return false;
        }
        self.outage = Outage { is_now: true, reported: Some(now) };
        true
    }

    /// Something has been stored; whether that ends an outage that was reported.
    pub(crate) fn end_outage(&mut self) -> bool {
        std::mem::take(&mut self.outage.is_now)
    }

    /// A ticket for what is asked of others and answered later.
    pub(crate) fn new_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket - 1)
    }
}

/// Records and changes.
impl Awaited {
    /// The number of those on their way.
    pub(crate) fn n_pending(&self) -> usize {
        self.pending.len()
    }

    /// The number of those of a connection that are on their way, and wait to be answered.
    pub(crate) fn n_pending_of(&self, conn: ConnId) -> usize {
        let n_records = self.pending.awaited().filter(|own| own.sender == Some(conn)).count();
        let is_own = |check: &&PasswordCheck| check.conn == conn && check.is_counted;
        n_records + self.checks.values().filter(is_own).count()
    }

    /// All of them.
    pub(crate) fn works(&self) -> impl Iterator<Item = &PendingWork> {
        self.pending.all().map(|pending| &pending.what)
    }

    /// Keeps what is on its way, and the slots that it takes.
    pub(crate) fn insert_pending(
        &mut self,
        ticket: Ticket,
        since: Instant,
        pending: Pending,
        slots: Vec<Slot>,
    ) {
        self.pending.insert(ticket, since, pending);
        self.slots.insert(ticket, slots);
    }

    /// The slots that what is on its way takes.
    pub(crate) fn slots_under_way(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// Whether it is on its way, and its sender has not been told that it takes too long.
    pub(crate) fn is_pending(&self, ticket: Ticket) -> bool {
        self.pending.is_awaited(ticket)
    }

    /// Takes what has arrived; `None` if it has been forgotten, or nobody waited for it.
    pub(crate) fn take_pending(&mut self, ticket: Ticket) -> Option<Arrived<Pending>> {
        self.slots.remove(ticket);
        self.pending.take(ticket)
    }

    /// [`PendingQueue::pop_slow`]
    pub(crate) fn pop_slow(
        &mut self,
        now: Instant,
        timeout: Duration,
    ) -> Option<(Ticket, Instant, Pending)> {
        self.pending.pop_slow(now, timeout)
    }

    /// [`PendingQueue::keep_overdue`]
    pub(crate) fn keep_overdue(&mut self, ticket: Ticket, since: Instant, pending: Pending) {
        self.pending.keep_overdue(ticket, since, pending);
    }

    /// [`PendingQueue::pop_lost`]
    pub(crate) fn pop_lost(&mut self, now: Instant, timeout: Duration) -> Option<Pending> {
        let (ticket, pending) = self.pending.pop_lost(now, timeout)?;
        self.slots.remove(ticket);
        Some(pending)
    }

    /// [`PendingQueue::next_deadline`]
    pub(crate) fn next_deadline(&self, timeout: Duration) -> Option<Instant> {
        self.pending.next_deadline(timeout)
    }
}

/// Password checks and queries.
impl Awaited {
    /// The number of passwords that are checked, or wait for that.
    pub(crate) fn n_checks(&self) -> usize {
        self.check_queue.len()
    }

    /// Whether as many passwords wait to be checked as may, in all or from there.
    pub(crate) fn has_too_many_checks(&self, origin: Origin) -> bool {
        self.check_queue.is_full(origin)
    }

    /// Puts a check behind the others of where it comes from.
    pub(crate) fn insert_check(
        &mut self,
        ticket: Ticket,
        check: PasswordCheck,
        question: Question,
    ) {
        self.check_queue.push(check.guesser.origin, ticket, question);
        self.checks.insert(ticket, check);
    }

    /// The check whose turn it is, if another one may be made now. It is to be [taken](Awaited::take_check) at last.
    pub(crate) fn next_check(&mut self) -> Option<(Ticket, Question)> {
        self.check_queue.next()
    }

    pub(crate) fn check_mut(&mut self, ticket: Ticket) -> Option<&mut PasswordCheck> {
        self.checks.get_mut(&ticket)
    }

    pub(crate) fn take_check(&mut self, ticket: Ticket) -> Option<PasswordCheck> {
        self.check_queue.done(ticket);
        self.checks.remove(&ticket)
    }

    pub(crate) fn insert_query(&mut self, ticket: Ticket, query: PendingQuery) {
        self.queries.insert(ticket, query);
    }

    pub(crate) fn take_query(&mut self, ticket: Ticket) -> Option<PendingQuery> {
        self.queries.remove(&ticket)
    }
}

/// Labelled responses.
impl Awaited {
    /// Begins a response.
    pub(crate) fn insert_response(&mut self, response: LabeledResponse) -> ResponseId {
        self.n_responses += 1;
        self.responses.insert(self.n_responses, response);
        self.n_responses
    }

    pub(crate) fn response_mut(&mut self, id: ResponseId) -> Option<&mut LabeledResponse> {
        self.responses.get_mut(&id)
    }

    pub(crate) fn take_response(&mut self, id: ResponseId) -> Option<LabeledResponse> {
        self.responses.remove(&id)
    }

    /// Labelled responses of somebody who has gone are nobody's.
    pub(crate) fn forget_responses(&mut self, conn: ConnId) {
        self.responses.retain(|_, response| response.conn != conn);
    }
}

impl Awaited {
    /// The server has ended: nothing is awaited.
    pub(crate) fn clear(&mut self) {
        *self =
            Self { n_responses: self.n_responses, next_ticket: self.next_ticket, ..Self::new() };
    }

    /// Adds the lines of a turn beside its records: they are part of the same labelled answer, as far as there are no
    /// lists among them. Gives whether there is such an answer.
    pub(crate) fn add_to_response(
        &mut self,
        answer: Option<ResponseId>,
        parts: &mut Vec<Section>,
    ) -> bool {
        let Some(answer) = answer.and_then(|id| self.response_mut(id)) else {
            return false;
        };
        let mut rest = Vec::new();
        for part in parts.drain(..) {
            match part {
                Section::Line(line) if rest.is_empty() => answer.lines.push(line),
                // A list, and what comes behind it.
                part => rest.push(part),
            }
        }
        *parts = rest;
        true
    }

    /// Checks all that must hold of what is awaited by itself.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ensure = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        let all_wait = self.checks.len() == self.check_queue.len();
        ensure(all_wait, "each password has its place in the queue")?;
        self.check_queue.check()?;
        let is_old = |ticket: &Ticket| ticket.0 < self.next_ticket;
        let are_old = self.checks.keys().chain(self.queries.keys()).all(is_old);
        ensure(are_old, "what is awaited has a ticket of its own")?;
        let has_records = |response: &LabeledResponse| response.n_records > 0;
        let all_wait = self.responses.values().all(has_records);
        ensure(all_wait, "labelled responses wait for something")?;
        let mut tickets = self.slots.tickets();
        ensure(tickets.all(|ticket| self.pending.has(ticket)), "slots are of what is under way")?;
        self.pending.check()
    }
}
