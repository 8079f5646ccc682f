//! Admission: connections counted in all, from each address and at each worker. A place counts while it lives.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use ipnet::IpNet;

use crate::{config::Limits, ids::WorkerId, origin::Origin};

/// Counts connections for all doors together.
#[derive(Debug)]
pub(crate) struct Admission {
    bounds: RwLock<Bounds>,
    counts: Mutex<Counts>,
    /// Connections that a worker takes before the next one is used.
    worker_connections: usize,
}

#[derive(Debug)]
struct Bounds {
    clients_max: usize,
    per_address_max: Option<usize>,
    per_network_max: Option<usize>,
    exempt: Vec<IpNet>,
}

impl Bounds {
    fn of(limits: &Limits) -> Self {
        Self {
            clients_max: limits.clients_max,
            per_address_max: limits.clients_per_address_max,
            per_network_max: limits.clients_per_network_max,
            exempt: limits.exempt_addresses.clone(),
        }
    }
}

#[derive(Debug)]
struct Counts {
    all: usize,
    /// Those from each subscriber, and from each wide network: the two are never the same.
    by_network: HashMap<IpNet, usize>,
    by_worker: Vec<usize>,
}

impl Counts {
    /// One more from `origin`.
    fn add(&mut self, origin: Origin, max: Max) -> Result<(), &'static str> {
        let n_from = |network| self.by_network.get(&network).copied().unwrap_or_default();
        if max.near.is_some_and(|max| n_from(origin.near) >= max) {
            return Err("There are too many connections from your address");
        }
        if max.wide.is_some_and(|max| n_from(origin.wide) >= max) {
            return Err("There are too many connections from your network");
        }
        for network in [origin.near, origin.wide] {
            *self.by_network.entry(network).or_default() += 1;
        }
        Ok(())
    }

    /// One less.
    fn take_away(&mut self, origin: Origin) {
        for network in [origin.near, origin.wide] {
            if let Some(from_there) = self.by_network.get_mut(&network) {
                *from_there -= 1;
                if *from_there == 0 {
                    self.by_network.remove(&network);
                }
            }
        }
    }

    /// The worker of one more connection: the first one that has room below `enough`, or the one with the fewest.
    /// What one core does with ease costs more on two, which hand everything to each other (`docs/performance.md`).
    fn add_to_worker(&mut self, enough: usize) -> WorkerId {
        let workers = 0..self.by_worker.len();
        let with_room = workers.clone().find(|own| self.by_worker[*own] < enough);
        let worker = with_room.or_else(|| workers.min_by_key(|own| self.by_worker[*own]));
        let worker = worker.expect("there is at least one worker");
        self.by_worker[worker] += 1;
        WorkerId(u16::try_from(worker).expect("workers have 16 bits"))
    }
}

/// The connections there may be from an origin.
#[derive(Debug, Clone, Copy)]
struct Max {
    near: Option<usize>,
    wide: Option<usize>,
}

/// One connection's place. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    /// The address whose it is.
    address: IpAddr,
    worker: WorkerId,
    /// Whether it counts for where that is; a proxy's counts in all only.
    is_counted: bool,
}

impl Admission {
    /// An admission to so many workers, of which each takes `worker_connections` before the next one is used.
    pub(crate) fn new(limits: &Limits, n_workers: u16, worker_connections: usize) -> Arc<Self> {
        let by_worker = vec![0; usize::from(n_workers)];
        let counts = Counts { all: 0, by_network: HashMap::new(), by_worker };
        Arc::new(Self {
            bounds: RwLock::new(Bounds::of(limits)),
            counts: Mutex::new(counts),
            worker_connections,
        })
    }

    /// Sets other bounds from here on. Nobody who is there is turned away.
    pub(crate) fn set_limits(&self, limits: &Limits) {
        *self.bounds.write().unwrap_or_else(PoisonError::into_inner) = Bounds::of(limits);
    }

    fn clients_max(&self) -> usize {
        self.bounds.read().unwrap_or_else(PoisonError::into_inner).clients_max
    }

    /// A place for a connection from `address`.
    ///
    /// # Errors
    /// A sentence for the one who is turned away.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        self.place(address, false)
    }

    fn place(self: &Arc<Self>, address: IpAddr, is_proxys: bool) -> Result<Place, &'static str> {
        let max = self.max_for(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.clients_max() {
            return Err("The server is full: try again later");
        }
        if !is_proxys {
            counts.add(Origin::of(address), max)?;
        }
        counts.all += 1;
        let worker = counts.add_to_worker(self.worker_connections);
        Ok(Place { admission: Arc::clone(self), address, worker, is_counted: !is_proxys })
    }

    /// The connections there may be from `address`.
    fn max_for(&self, address: IpAddr) -> Max {
        let bounds = self.bounds.read().unwrap_or_else(PoisonError::into_inner);
        // As it is, not as it is counted: a network may be smaller than a household's.
        let address = address.to_canonical();
        let is_exempt = bounds.exempt.iter().any(|network| network.contains(&address));
        Max {
            near: bounds.per_address_max.filter(|_| !is_exempt),
            wide: bounds.per_network_max.filter(|_| !is_exempt),
        }
    }

    /// A place for a connection of the proxy at `address`, before it is known whose it passes on.
    ///
    /// # Errors
    /// As [`Admission::admit`].
    pub(crate) fn admit_proxy(self: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        self.place(address, true)
    }
}

impl Place {
    /// Whether its first bytes tell whose it is.
    pub(crate) fn is_proxys(&self) -> bool {
        !self.is_counted
    }

    /// The worker whose connection it is to be.
    pub(crate) fn worker(&self) -> WorkerId {
        self.worker
    }

    /// The address whose place it is, as far as that is known.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// The place of a proxy's or a gateway's connection is that of someone at `address`, as it turns out.
    ///
    /// # Errors
    /// As [`Admission::admit`].
    pub(crate) fn pass_on(&mut self, address: IpAddr) -> Result<(), &'static str> {
        let max = self.admission.max_for(address);
        let before = std::mem::replace(&mut self.address, address);
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut self.is_counted) {
            counts.take_away(Origin::of(before));
        }
        counts.add(Origin::of(address), max)?;
        self.is_counted = true;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        counts.by_worker[usize::from(self.worker.0)] -= 1;
        if self.is_counted {
            counts.take_away(Origin::of(self.address));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let limits =
            Limits { clients_max: 3, clients_per_address_max: Some(2), ..Limits::default() };
        let admission = Admission::new(&limits, 1, 1);
        let home: IpAddr = "192.0.2.1".parse().unwrap();
        let first = admission.admit(home).unwrap();
        let _second = admission.admit(home).unwrap();
        assert!(admission.admit(home).unwrap_err().contains("your address"));
        let _third = admission.admit("192.0.2.2".parse().unwrap()).unwrap();
        assert!(admission.admit("192.0.2.3".parse().unwrap()).unwrap_err().contains("full"));
        drop(first);
        assert!(admission.admit(home).is_ok());
        let limits = Limits {
            clients_per_address_max: Some(1),
            exempt_addresses: vec!["192.0.2.0/24".parse().unwrap()],
            ..Limits::default()
        };
        let school = Admission::new(&limits, 1, 1);
        let _pupils: Vec<Place> = (0..30).map(|_| school.admit(home).unwrap()).collect();
        // Whom a proxy passes on is counted where they are.
        let mut passed = admission.admit_proxy(home).unwrap();
        assert!(passed.pass_on("192.0.2.9".parse().unwrap()).is_ok());
        drop(passed);
        let counts = admission.counts.lock().unwrap();
        // Two addresses of one network.
        assert_eq!((counts.all, counts.by_network.len()), (2, 3));
    }

    /// A /48 is one subscriber's as often as not; whom a gateway passes on is counted where they are.
    #[test]
    fn wide_networks_have_a_bound_of_their_own() {
        let limits = Limits {
            clients_per_address_max: Some(2),
            clients_per_network_max: Some(3),
            ..Limits::default()
        };
        let admission = Admission::new(&limits, 1, 1);
        let at = |address: &str| admission.admit(address.parse().unwrap());
        for part in ["2001:db8:1:X::1", "192.0.2.X"] {
            let part = |n: usize| part.replace('X', &n.to_string());
            let mut places: Vec<Place> = (0..3).map(|n| at(&part(n)).unwrap()).collect();
            assert!(at(&part(3)).unwrap_err().contains("your network"));
            places.pop();
            places.push(at(&part(0)).unwrap());
            assert!(at(&part(0)).unwrap_err().contains("your address"));
        }
        let gateway = || at("203.0.113.1").unwrap();
        let mut passed = Vec::new();
        for _ in 0..2 {
            let mut place = gateway();
            place.pass_on("198.51.100.1".parse().unwrap()).unwrap();
            passed.push(place);
        }
        let mut third = gateway();
        assert!(third.pass_on("198.51.100.1".parse().unwrap()).is_err());
        drop((passed, third));
        let counts = admission.counts.lock().unwrap();
        assert_eq!((counts.all, counts.by_network.len()), (0, 0));
    }

    #[test]
    fn a_worker_is_used_when_those_before_it_have_enough() {
        let admission = Admission::new(&Limits::default(), 3, 2);
        let home: IpAddr = "192.0.2.1".parse().unwrap();
        let admit = || admission.admit(home).unwrap();
        let mut places: Vec<Place> = std::iter::repeat_with(admit).take(9).collect();
        let workers: Vec<u16> = places.iter().map(|place| place.worker().0).collect();
        assert_eq!(workers, [0, 0, 1, 1, 2, 2, 0, 1, 2], "then they take turns");
        // Who goes makes room.
        drop(places.drain(2..4));
        assert_eq!(admit().worker(), WorkerId(1));
        drop(places);
        assert_eq!(admission.admit_proxy(home).unwrap().worker(), WorkerId(0));
        assert_eq!(admission.counts.lock().unwrap().by_worker, [0, 0, 0]);
    }

    #[test]
    fn one_address_of_ipv6_may_be_exempt() {
        let admission = Admission::new(
            &Limits {
                clients_per_address_max: Some(1),
                exempt_addresses: vec!["2001:db8::5/128".parse().unwrap()],
                ..Limits::default()
            },
            1,
            1,
        );
        let exempt: IpAddr = "2001:db8::5".parse().unwrap();
        let _places = [(); 3].map(|()| admission.admit(exempt).unwrap());
        // Its neighbours are not, and they share its household.
        assert!(admission.admit("2001:db8::6".parse().unwrap()).is_err());
        let _other = admission.admit("2001:db8:0:1::6".parse().unwrap()).unwrap();
        assert!(admission.admit("2001:db8:0:1::7".parse().unwrap()).is_err());
    }
}
