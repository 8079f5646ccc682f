//! The queue of password checks, which take long by design: networks are served in turn, each with one under check, so
//! that nobody waits for all that another one asks.

use std::collections::{BTreeMap, VecDeque};

use ipnet::IpNet;

use crate::{
    auth::{CHECKERS_MAX, Question},
    ids::Ticket,
    origin::Origin,
};

/// Passwords of one subscriber that wait: as many as there may be connections of one.
const WAITING_NEAR_MAX: usize = 64;

/// Passwords of one wide network that wait.
const WAITING_WIDE_MAX: usize = 256;

/// Passwords that wait in all.
const WAITING_MAX: usize = 4096;

/// The queue of password checks (see the module).
#[derive(Debug, Default)]
pub(crate) struct CheckQueue {
    /// Wide networks with something that waits, in the order of their turns.
    turns: VecDeque<IpNet>,
    waiting: BTreeMap<IpNet, WideNetwork>,
    /// The wide networks of the checks under way.
    under_check: BTreeMap<Ticket, IpNet>,
    n_waiting: usize,
}

/// A wide network with something that waits.
#[derive(Debug, Default)]
struct WideNetwork {
    /// Subscribers with something that waits, in the order of their turns.
    turns: VecDeque<IpNet>,
    waiting: BTreeMap<IpNet, VecDeque<(Ticket, Question)>>,
}

impl WideNetwork {
    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    fn next(&mut self) -> Option<(Ticket, Question)> {
        let near = self.turns.pop_front()?;
        let own = self.waiting.get_mut(&near)?;
        let next = own.pop_front();
        if own.is_empty() {
            self.waiting.remove(&near);
        } else {
            self.turns.push_back(near);
        }
        next
    }
}

impl CheckQueue {
    /// The number of checks that wait or are under way.
    pub(crate) fn len(&self) -> usize {
        self.n_waiting + self.under_check.len()
    }

    /// Whether as many wait as may, in all or from there.
    pub(crate) fn is_full(&self, origin: Origin) -> bool {
        self.n_waiting >= WAITING_MAX
            || self.waiting.get(&origin.wide).is_some_and(|wide| {
                let n_near = wide.waiting.get(&origin.near).map_or(0, VecDeque::len);
                n_near >= WAITING_NEAR_MAX || wide.len() >= WAITING_WIDE_MAX
            })
    }

    pub(crate) fn push(&mut self, origin: Origin, ticket: Ticket, question: Question) {
        if !self.waiting.contains_key(&origin.wide) {
            self.turns.push_back(origin.wide);
        }
        let wide = self.waiting.entry(origin.wide).or_default();
        if !wide.waiting.contains_key(&origin.near) {
            wide.turns.push_back(origin.near);
        }
        wide.waiting.entry(origin.near).or_default().push_back((ticket, question));
        self.n_waiting += 1;
    }

    /// Takes what is to be checked next, if another one may be now: it is under check until it is
    /// [done](CheckQueue::done).
    pub(crate) fn next(&mut self) -> Option<(Ticket, Question)> {
        if self.under_check.len() >= CHECKERS_MAX {
            return None;
        }
        // As many are passed over as are under check, at most.
        let is_busy = |wide: &IpNet| self.under_check.values().any(|own| own == wide);
        let place = self.turns.iter().position(|wide| !is_busy(wide))?;
        let wide = self.turns.remove(place)?;
        let own = self.waiting.get_mut(&wide)?;
        let next = own.next();
        if own.waiting.is_empty() {
            self.waiting.remove(&wide);
        } else {
            self.turns.push_back(wide);
        }
        if let Some((ticket, _)) = &next {
            self.n_waiting -= 1;
            self.under_check.insert(*ticket, wide);
        }
        next
    }

    /// Ends a check that was under way.
    pub(crate) fn done(&mut self, ticket: Ticket) {
        self.under_check.remove(&ticket);
    }

    /// Checks that whatever waits has its turn, and that there is a bound.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ensure = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        let n: usize = self.waiting.values().map(WideNetwork::len).sum();
        ensure(n == self.n_waiting, "passwords that wait are counted")?;
        ensure(n <= WAITING_MAX, "no more passwords wait than may")?;
        ensure(self.under_check.len() <= CHECKERS_MAX, "no more are checked than may be")?;
        let has_turn = |wide: &IpNet| self.turns.contains(wide);
        ensure(self.turns.len() == self.waiting.len(), "each network has one turn")?;
        ensure(self.waiting.keys().all(has_turn), "each network that waits has a turn")?;
        let are_served = |wide: &WideNetwork| {
            wide.turns.len() == wide.waiting.len()
                && wide
                    .waiting
                    .iter()
                    .all(|(near, own)| !own.is_empty() && wide.turns.contains(near))
        };
        ensure(self.waiting.values().all(are_served), "each subscriber that waits has a turn")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order in which askers are served who ask at once, each by the place of their host in the list.
    fn served(hosts: &[String]) -> Vec<usize> {
        let mut queue = CheckQueue::default();
        for (number, host) in hosts.iter().enumerate() {
            let origin = Origin::of_host(host);
            assert!(!queue.is_full(origin), "{host}");
            let question = Question { check: None, keep: None };
            queue.push(origin, Ticket(number as u64), question);
            queue.check().unwrap();
        }
        let mut order = Vec::new();
        while let Some((ticket, _)) = queue.next() {
            order.push(usize::try_from(ticket.0).unwrap());
            queue.check().unwrap();
            queue.done(ticket);
        }
        assert_eq!(queue.len(), 0);
        order
    }

    /// Sixty-three connections of one address, and then one of another: it waits for one check.
    #[test]
    fn addresses_are_served_in_turn() {
        let mut hosts = vec!["192.0.2.1".to_owned(); 63];
        hosts.push("198.51.100.1".to_owned());
        assert_eq!(served(&hosts)[..3], [0, 63, 1]);
        // Of one address in the order in which they came.
        assert_eq!(served(&hosts)[2..], (1..63).collect::<Vec<_>>());
        // Sixty-three parts of one wide network have one turn together, and turns among themselves.
        for part in ["2001:db8:1:X::1", "192.0.2.X"] {
            let mut hosts: Vec<String> =
                (0..63).map(|n| part.replace('X', &n.to_string())).collect();
            hosts.push("2001:db8:2::1".to_owned());
            hosts.push(part.replace('X', "0"));
            let order = served(&hosts);
            assert_eq!(order[..3], [0, 63, 1]);
            assert_eq!(order.last(), Some(&64), "the second of one after the first of all");
        }
    }

    #[test]
    fn one_of_a_network_is_under_check() {
        let mut queue = CheckQueue::default();
        let ask = |queue: &mut CheckQueue, host: &str, number| {
            let question = Question { check: None, keep: None };
            queue.push(Origin::of_host(host), Ticket(number), question);
        };
        for number in 0..3 {
            ask(&mut queue, "192.0.2.1", number);
        }
        assert_eq!(queue.next().unwrap().0, Ticket(0));
        assert!(queue.next().is_none(), "though others could check it");
        ask(&mut queue, "198.51.100.1", 3);
        assert_eq!(queue.next().unwrap().0, Ticket(3));
        queue.done(Ticket(0));
        assert_eq!(queue.next().unwrap().0, Ticket(1));
        // As many as there may be threads that check.
        for number in 0..8 {
            ask(&mut queue, &format!("203.0.{number}.1"), 4 + number);
        }
        let n_more = std::iter::from_fn(|| queue.next()).count();
        assert_eq!(n_more, CHECKERS_MAX - 2);
        queue.check().unwrap();
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut queue = CheckQueue::default();
        let mut n_from = |prefix: &str, n_hosts: usize, n_each: usize| {
            let mut n = 0;
            for host in 0..n_hosts {
                let origin = Origin::of_host(&format!("{prefix}{host}"));
                for _ in 0..n_each {
                    if !queue.is_full(origin) {
                        let question = Question { check: None, keep: None };
                        queue.push(origin, Ticket(queue.len() as u64), question);
                        n += 1;
                    }
                }
            }
            n
        };
        assert_eq!(n_from("192.0.2.", 1, 100), WAITING_NEAR_MAX);
        assert_eq!(n_from("192.0.2.", 200, 100), WAITING_WIDE_MAX - WAITING_NEAR_MAX);
        let n_others: usize = (0..40).map(|wide| n_from(&format!("10.0.{wide}."), 200, 10)).sum();
        assert_eq!(n_others, WAITING_MAX - WAITING_WIDE_MAX);
        assert_eq!(n_from("10.9.9.", 1, 1), 0);
    }
}
