//! People who are here, and what is found by them: their connections, newcomers, who they are in direct conversations, who
//! watches them, and who was here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::{Capability, CapabilitySet, CaseMapping, Nick};
use ipnet::IpNet;
use smallvec::SmallVec;

use crate::{
    config::Oper,
    hub::{
        input::Registration,
        refusal::Refusal,
        state::{
            account_places::AccountPlaces,
            device::{Device, Reader},
            directory::{DeviceDirectory, PersonDirectory},
            masks::Subject,
            modes,
            modes::ModeChange,
            newcomer::Newcomer,
            person::{Asker, Person},
            whowas::{Whowas, WhowasEntry},
        },
    },
    ids::{ConnId, IdMap, PersonId},
    origin::Origin,
};

/// The people who are here and their connections.
// More than 60 methods: people and connections are found in many ways, each of which holds as long as all changes come here.
#[derive(Debug, Default)]
pub(crate) struct People {
    directory: PersonDirectory,
    devices: DeviceDirectory,
    /// Connections that have not registered.
    newcomers: IdMap<ConnId, Newcomer>,
    /// People by who they are in direct conversations, those who came first before the others.
    identities: BTreeMap<Arc<str>, SmallVec<[PersonId; 1]>>,
    /// Connections that watch a nick, by its key.
    watchers: HashMap<Arc<str>, BTreeSet<ConnId>>,
    /// Connections that are told of metadata, by its name.
    subscribers: HashMap<Arc<str>, BTreeSet<ConnId>>,
    /// People one of whose connections is an operator's of the server: they are counted for everybody who comes.
    operators: BTreeSet<PersonId>,
    /// The number of people who are invisible: it is told to everybody who comes.
    n_invisible: usize,
    whowas: Whowas,
    /// The places where accounts were lately.
    places: AccountPlaces,
    /// The most people there have been at once.
    n_max: usize,
}

/// The numbers of people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) n_people: usize,
    /// Of them, found by those alone who share a room with them.
    pub(crate) n_invisible: usize,
    pub(crate) n_operators: usize,
    /// Connections that have not registered.
    pub(crate) n_newcomers: usize,
    /// The most people there have been at once.
    pub(crate) n_max: usize,
}

/// People.
impl People {
    /// Makes somebody who comes after all the others.
    pub(crate) fn insert(&mut self, make: impl FnOnce(PersonId) -> Person) -> PersonId {
        let who = self.directory.insert(make);
        self.n_max = self.n_max.max(self.directory.len());
        self.n_invisible += usize::from(self.person(who).modes.is_invisible);
        who
    }

    /// Takes away somebody who has no connection and no identity any more, and remembers that they were here.
    pub(crate) fn remove(&mut self, who: PersonId, at: SystemTime, n_whowas_max: usize) -> Person {
        let person = self.directory.remove(who).expect("those who leave are people");
        self.operators.remove(&who);
        self.n_invisible -= usize::from(person.modes.is_invisible);
        self.whowas.remember(&person, at, n_whowas_max);
        person
    }

    /// Gives somebody a nick that nobody else has, and remembers that they gave up another one.
    pub(crate) fn rename(
        &mut self,
        who: PersonId,
        nick: Nick,
        at: SystemTime,
        n_whowas_max: usize,
    ) {
        let person = self.directory.get(who).expect("those who take a nick are people");
        if person.nick.key() != nick.key() {
            self.whowas.remember(person, at, n_whowas_max);
        }
        self.directory.rename(who, nick);
    }

    /// The people whose nicks look like `name`, those who came first before the others.
    pub(crate) fn looking_like(&self, name: &str) -> BTreeSet<PersonId> {
        self.directory.looking_like(name)
    }

    pub(crate) fn get(&self, who: PersonId) -> Option<&Person> {
        self.directory.get(who)
    }

    pub(crate) fn get_mut(&mut self, who: PersonId) -> Option<&mut Person> {
        self.directory.get_mut(who)
    }

    pub(crate) fn contains(&self, who: PersonId) -> bool {
        self.directory.contains(who)
    }

    /// A member of a room, the asker of a turn or the owner of a connection: they are people.
    pub(crate) fn person(&self, who: PersonId) -> &Person {
        self.directory.get(who).expect("members of rooms and askers of turns are people")
    }

    /// [`People::person`], to be changed.
    pub(crate) fn person_mut(&mut self, who: PersonId) -> &mut Person {
        self.directory.get_mut(who).expect("members of rooms and askers of turns are people")
    }

    /// The person by that nick.
    pub(crate) fn find(&self, nick: &str) -> Result<&Person, Refusal> {
        let who = self.by_nick(&CaseMapping::Ascii.fold(nick));
        let who = who.ok_or_else(|| Refusal::NoSuchNick(nick.to_owned()))?;
        Ok(self.person(who))
    }

    /// The person who has the nick of that key.
    pub(crate) fn by_nick(&self, key: &str) -> Option<PersonId> {
        self.directory.by_nick(key)
    }

    /// All people, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.directory.iter()
    }

    /// The people who came after `last`.
    pub(crate) fn after(&self, last: Option<PersonId>) -> impl Iterator<Item = &Person> {
        self.directory.after(last)
    }

    pub(crate) fn len(&self) -> usize {
        self.directory.len()
    }

    /// The numbers of people, as `LUSERS` tells them.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            n_people: self.directory.len(),
            n_invisible: self.n_invisible,
            n_operators: self.operators.len(),
            n_newcomers: self.newcomers.len(),
            n_max: self.n_max,
        }
    }

    /// The people who had the nick of that key, the latest first.
    pub(crate) fn whowas<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a WhowasEntry> + 'a {
        self.whowas.of(key)
    }

    /// The subject that a mask may be about.
    pub(crate) fn subject(&self, who: PersonId) -> Subject<'_> {
        let person = self.person(who);
        let devices = || person.devices.iter().map(|conn| self.device(*conn));
        let addresses = devices().filter_map(|own| own.address.parse().ok()).collect();
        let cloaks = devices().filter_map(|own| own.cloak.as_deref());
        // The one that everybody sees is there already.
        let cloaks = cloaks.filter(|own| *own != person.host()).collect();
        // Whoever is logged in is that account alone.
        let places = devices().filter(|_| person.account.is_none()).map(place_of);
        let former = places.flat_map(|place| self.places.at(place)).collect();
        Subject { person, addresses, cloaks, former }
    }

    /// It is that late.
    #[inline]
    pub(crate) fn set_time(&mut self, now: SystemTime) {
        self.places.set_time(now);
    }

    /// Notes where somebody's account is, or has been until now.
    pub(crate) fn note_places(&mut self, who: PersonId) {
        for conn in self.person(who).devices.clone() {
            self.note_place(conn);
        }
    }

    fn note_place(&mut self, conn: ConnId) {
        let Reader { person, device } = self.reader(conn);
        if let Some(account) = &person.account {
            let (place, account) = (place_of(device), CaseMapping::Ascii.fold(account).into());
            self.places.note(place, account);
        }
    }

    /// Makes a connection an operator's of the server, by that entry of the configuration, or none; whether it was one.
    pub(crate) fn set_operator(&mut self, conn: ConnId, oper: Option<Arc<Oper>>) -> bool {
        let device = self.device_mut(conn);
        let who = device.person;
        let before = device.particulars.change(|own| std::mem::replace(&mut own.oper, oper));
        self.note_operator(who);
        before.is_some()
    }

    /// Shows somebody as an operator of the server as long as one of their connections is one.
    fn note_operator(&mut self, who: PersonId) {
        let is_one = |conn: &ConnId| self.device(*conn).is_operator();
        let is_operator = self.person(who).devices.iter().any(is_one);
        self.person_mut(who).modes.shows_operator = is_operator;
        if is_operator {
            self.operators.insert(who);
        } else {
            self.operators.remove(&who);
        }
    }

    /// Sets a mode of somebody's, by its letter; whether it is another one than before, `None` if there is no such mode.
    pub(crate) fn set_mode(&mut self, who: PersonId, letter: char, is_set: bool) -> Option<bool> {
        let modes = &mut self.person_mut(who).modes;
        let before = modes.is_invisible;
        let is_news = std::mem::replace(modes.get_mut(letter)?, is_set) != is_set;
        let after = modes.is_invisible;
        self.n_invisible = self.n_invisible + usize::from(after) - usize::from(before);
        Some(is_news)
    }
}

/// Connections of people.
impl People {
    /// Adds a connection to those of its person.
    pub(crate) fn insert_device(&mut self, device: Device) {
        let (conn, who) = (device.conn, device.person);
        self.devices.insert(device);
        let devices = &mut self.person_mut(who).devices;
        if !devices.contains(&conn) {
            devices.push(conn);
        }
        self.note_place(conn);
    }

    /// Takes a connection from its person, with what it watches and subscribed to.
    pub(crate) fn remove_device(&mut self, conn: ConnId) {
        self.note_place(conn);
        self.watch_nobody(conn);
        self.unsubscribe_all(conn);
        let device = self.devices.remove(conn).expect("the caller found it");
        self.person_mut(device.person).devices.retain(|own| *own != conn);
        if device.is_operator() {
            self.note_operator(device.person);
        }
    }

    /// Makes a connection one of somebody else's.
    pub(crate) fn move_device(&mut self, conn: ConnId, to: PersonId) {
        self.note_place(conn);
        let before = std::mem::replace(&mut self.device_mut(conn).person, to);
        self.person_mut(before).devices.retain(|own| *own != conn);
        self.person_mut(to).devices.push(conn);
        if self.device(conn).is_operator() {
            self.note_operator(before);
            self.note_operator(to);
        }
    }

    /// Counts a wrong password on a connection; how many there have been, if it is there.
    pub(crate) fn count_failed_login(&mut self, conn: ConnId) -> Option<u8> {
        let newcomer = self.newcomers.get_mut(&conn).map(|newcomer| &mut newcomer.n_failed_logins);
        let device = self.devices.get_mut(conn).map(|device| &mut device.n_failed_logins);
        let n_failed = newcomer.or(device)?;
        *n_failed = n_failed.saturating_add(1);
        Some(*n_failed)
    }

    /// The connection, if it has registered.
    pub(crate) fn device_at(&self, conn: ConnId) -> Option<&Device> {
        self.devices.get(conn)
    }

    /// [`People::device_at`], to be changed.
    pub(crate) fn device_at_mut(&mut self, conn: ConnId) -> Option<&mut Device> {
        self.devices.get_mut(conn)
    }

    /// A connection of a person or of a turn: it has registered.
    pub(crate) fn device(&self, conn: ConnId) -> &Device {
        self.devices.get(conn).expect("people's connections and those of turns are there")
    }

    /// [`People::device`], to be changed.
    pub(crate) fn device_mut(&mut self, conn: ConnId) -> &mut Device {
        self.devices.get_mut(conn).expect("people's connections and those of turns are there")
    }

    pub(crate) fn has_device(&self, conn: ConnId) -> bool {
        self.devices.contains(conn)
    }

    /// All connections that have registered, by their ids.
    pub(crate) fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter()
    }

    pub(crate) fn has_devices(&self) -> bool {
        !self.devices.is_empty()
    }

    /// The person at a connection, and the connection.
    pub(crate) fn reader(&self, conn: ConnId) -> Reader<'_> {
        let device = self.device(conn);
        Reader { person: self.person(device.person), device }
    }

    /// The person at a connection, as one who asks for something in a room.
    pub(crate) fn asker(&self, conn: ConnId) -> Asker<'_> {
        let device = self.device(conn);
        Asker { person: self.person(device.person), is_server_operator: device.is_operator() }
    }

    /// The person at a connection, if they have registered.
    pub(crate) fn person_at(&self, conn: ConnId) -> Option<&Person> {
        self.devices.get(conn).map(|device| self.person(device.person))
    }

    /// The connections of some people.
    pub(crate) fn devices_of(
        &self,
        people: impl Iterator<Item = PersonId>,
    ) -> impl Iterator<Item = ConnId> {
        people.flat_map(|person| self.person(person).devices.iter().copied())
    }
}

/// Newcomers.
impl People {
    pub(crate) fn insert_newcomer(&mut self, conn: ConnId, newcomer: Newcomer) {
        self.newcomers.insert(conn, newcomer);
    }

    pub(crate) fn remove_newcomer(&mut self, conn: ConnId) -> Option<Newcomer> {
        self.newcomers.remove(&conn)
    }

    pub(crate) fn newcomer(&self, conn: ConnId) -> Option<&Newcomer> {
        self.newcomers.get(&conn)
    }

    /// [`People::newcomer`], to be changed.
    pub(crate) fn newcomer_mut(&mut self, conn: ConnId) -> Option<&mut Newcomer> {
        self.newcomers.get_mut(&conn)
    }

    /// No account is being registered for a newcomer any more.
    pub(crate) fn end_early_registration(&mut self, conn: ConnId) {
        if let Some(newcomer) = self.newcomer_mut(conn) {
            newcomer.is_registering = false;
        }
    }

    /// The connections of all newcomers, by their ids.
    pub(crate) fn newcomers(&self) -> Vec<ConnId> {
        let mut conns: Vec<ConnId> = self.newcomers.keys().copied().collect();
        conns.sort_unstable();
        conns
    }
}

/// Identities in direct conversations.
impl People {
    /// Makes somebody that one in direct conversations; the identity of a guest who is nobody from here on.
    pub(crate) fn set_identity(
        &mut self,
        who: PersonId,
        identity: Option<Arc<str>>,
    ) -> Option<Arc<str>> {
        let before = std::mem::replace(&mut self.person_mut(who).identity, identity.clone());
        let mut gone = None;
        if let Some(before) = before
            && let Some(people) = self.identities.get_mut(&before)
        {
            people.retain(|own| *own != who);
            if people.is_empty() {
                self.identities.remove(&before);
                gone = Some(before).filter(|before| before.starts_with('~'));
            }
        }
        if let Some(identity) = identity {
            let people = self.identities.entry(identity).or_default();
            if let Err(place) = people.binary_search(&who) {
                people.insert(place, who);
            }
        }
        gone
    }

    /// The people who are that one in direct conversations, those who came first before the others.
    pub(crate) fn identified(&self, identity: &str) -> &[PersonId] {
        self.identities.get(identity).map_or(&[], |people| people)
    }

    /// The guests who are here and have a name in conversations.
    pub(crate) fn guests(&self) -> BTreeSet<Arc<str>> {
        self.identities.keys().filter(|identity| identity.starts_with('~')).cloned().collect()
    }
}

/// Connections that watch nicks and subscribe to metadata.
impl People {
    /// Has a connection watch a nick.
    pub(crate) fn watch(&mut self, conn: ConnId, nick: &Nick) {
        let (key, shown) = (Arc::clone(nick.key()), Arc::clone(nick.shown()));
        let particulars = &mut self.device_mut(conn).particulars;
        particulars.change(|own| own.monitored.insert(key, shown));
        self.watchers.entry(Arc::clone(nick.key())).or_default().insert(conn);
    }

    /// Has a connection watch the nick of that key no more.
    pub(crate) fn unwatch(&mut self, conn: ConnId, key: &Arc<str>) {
        self.device_mut(conn).particulars.change(|own| own.monitored.remove(key));
        remove_from(&mut self.watchers, key, conn);
    }

    /// Has a connection watch nobody.
    pub(crate) fn watch_nobody(&mut self, conn: ConnId) {
        let particulars = &mut self.device_mut(conn).particulars;
        for key in particulars.change(|own| std::mem::take(&mut own.monitored)).keys() {
            remove_from(&mut self.watchers, key, conn);
        }
    }

    /// The connections that watch the nick of that key.
    pub(crate) fn watchers(&self, key: &str) -> Option<&BTreeSet<ConnId>> {
        self.watchers.get(key)
    }

    /// Has a connection be told of metadata.
    pub(crate) fn subscribe(&mut self, conn: ConnId, key: Arc<str>) {
        let particulars = &mut self.device_mut(conn).particulars;
        particulars.change(|own| own.subscriptions.insert(Arc::clone(&key)));
        self.subscribers.entry(key).or_default().insert(conn);
    }

    /// Has a connection be told of metadata no more.
    pub(crate) fn unsubscribe(&mut self, conn: ConnId, key: &str) {
        self.device_mut(conn).particulars.change(|own| own.subscriptions.remove(key));
        remove_from(&mut self.subscribers, key, conn);
    }

    /// Has a connection be told of no metadata any more.
    pub(crate) fn unsubscribe_all(&mut self, conn: ConnId) {
        for key in self.device(conn).particulars.subscriptions.clone() {
            self.unsubscribe(conn, &key);
        }
    }

    /// The connections that are told of metadata of that name.
    pub(crate) fn subscribers(&self, key: &str) -> Option<&BTreeSet<ConnId>> {
        self.subscribers.get(key)
    }
}

/// Takes a connection from those under a key, and the key if it was the last.
fn remove_from(sets: &mut HashMap<Arc<str>, BTreeSet<ConnId>>, key: &str, conn: ConnId) {
    if let Some(conns) = sets.get_mut(key) {
        conns.remove(&conn);
        if conns.is_empty() {
            sets.remove(key);
        }
    }
}

impl People {
    /// The server has ended: nobody is here.
    pub(crate) fn clear(&mut self) {
        self.directory.clear();
        self.devices.clear();
        self.newcomers.clear();
        self.identities.clear();
        self.watchers.clear();
        self.subscribers.clear();
        self.operators.clear();
    }

    pub(crate) fn capabilities_of(&self, conn: ConnId) -> CapabilitySet {
        let newcomer = self.newcomer(conn).map(|newcomer| newcomer.capabilities);
        let device = || self.device_at(conn).map(|device| device.capabilities);
        newcomer.or_else(device).unwrap_or_default()
    }

    pub(crate) fn fingerprint_of(&self, conn: ConnId) -> Option<Arc<str>> {
        let newcomer = self.newcomer(conn).and_then(|newcomer| newcomer.fingerprint.clone());
        newcomer.or_else(|| self.device_at(conn)?.particulars.fingerprint.clone())
    }

    /// Whether someone is told of their own messages.
    pub(crate) fn echoes_messages(&self, conn: ConnId) -> bool {
        let device = self.device_at(conn);
        device.is_some_and(|device| device.capabilities.contains(Capability::EchoMessage))
    }

    /// Whether `reader` is told of changes of `who`: it is theirs, they share a room, or it watches them.
    pub(crate) fn follows(&self, reader: ConnId, who: PersonId) -> bool {
        let (reader, person) = (self.reader(reader), self.person(who));
        reader.person.id == who
            || reader.device.particulars.monitored.contains_key(person.nick.key())
            || person.rooms.iter().any(|room| reader.person.rooms.contains(room))
    }

    /// The person here under the nick that somebody logged in to the same account asks for.
    pub(crate) fn find_same_person(
        &self,
        account: Option<&str>,
        registration: &Registration,
    ) -> Option<PersonId> {
        let person = self.find(&registration.nick).ok()?;
        let is_same = CaseMapping::Ascii.same(person.account.as_deref()?, account?);
        is_same.then_some(person.id)
    }

    /// The connections that are logged in to an account, the longest first.
    pub(crate) fn sessions_of(&self, account: &str) -> Vec<ConnId> {
        let is_own = |own: &Arc<str>| CaseMapping::Ascii.same(own, account);
        let people = self.iter().filter(|person| person.account.as_ref().is_some_and(is_own));
        let devices = self.devices_of(people.map(|person| person.id));
        let mut sessions: Vec<_> = devices.map(|conn| (self.device(conn).since, conn)).collect();
        sessions.sort_unstable();
        sessions.into_iter().map(|(_, conn)| conn).collect()
    }

    /// The changes as they read, by the nicks people have now.
    pub(crate) fn written_changes(&self, changes: &[ModeChange]) -> (String, Vec<Arc<str>>) {
        modes::written(changes, |conn| Arc::clone(self.person(conn).nick.shown()))
    }

    /// Checks all that must hold of people and their connections.
    ///
    /// # Errors
    /// A sentence about the first thing that does not hold.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ensure = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
        for person in self.directory.iter() {
            let (id, nick) = (person.id, &person.nick);
            ensure(self.by_nick(nick.key()) == Some(id), format!("{nick} leads to its person"))?;
            let is_own = |conn: &ConnId| self.devices.get(*conn).is_some_and(|d| d.person == id);
            ensure(person.devices.iter().all(is_own), format!("{nick}'s connections are theirs"))?;
            let has_one = person.devices.iter().any(|conn| self.device(*conn).is_operator());
            let shown = [self.operators.contains(&id), person.modes.shows_operator];
            let is_so = shown == [has_one; 2];
            ensure(is_so, format!("{nick} is an operator as long as a connection of theirs is"))?;
            let is_identified =
                |identity: &Arc<str>| self.identified(identity).binary_search(&id).is_ok();
            ensure(
                person.identity.as_ref().is_none_or(is_identified),
                format!("{nick} is found by who they are in direct conversations"),
            )?;
        }
        self.directory.check_looks()?;
        let n_invisible = self.iter().filter(|person| person.modes.is_invisible).count();
        ensure(self.n_invisible == n_invisible, "the invisible are counted".into())?;
        let n_identified: usize = self.identities.values().map(SmallVec::len).sum();
        let n_with_identity = self.iter().filter(|person| person.identity.is_some()).count();
        ensure(n_identified == n_with_identity, "everybody is identified once".into())?;
        let n_devices: usize = self.iter().map(|person| person.devices.len()).sum();
        ensure(self.devices.len() == n_devices, "each connection is somebody's".into())?;
        for device in self.devices.iter() {
            let nick = &self.person(device.person).nick;
            let has_registered = !self.newcomers.contains_key(&device.conn);
            ensure(has_registered, format!("{nick} has registered"))?;
        }
        for (key, watchers) in &self.watchers {
            let watches = |conn: &ConnId| {
                let device = self.devices.get(*conn);
                device.is_some_and(|own| own.particulars.monitored.contains_key(key))
            };
            ensure(watchers.iter().all(watches), format!("who watches {key} knows it"))?;
        }
        let n_watched: usize = self.watchers.values().map(BTreeSet::len).sum();
        let n_monitored: usize = self.devices().map(|own| own.particulars.monitored.len()).sum();
        ensure(n_watched == n_monitored, "everyone who watches is told".into())?;
        for (key, subscribers) in &self.subscribers {
            let knows = |conn: &ConnId| {
                let device = self.devices.get(*conn);
                device.is_some_and(|own| own.particulars.subscriptions.contains(key))
            };
            ensure(subscribers.iter().all(knows), format!("who subscribed to {key} knows it"))?;
        }
        let n_subscribers: usize = self.subscribers.values().map(BTreeSet::len).sum();
        let n_subscriptions: usize =
            self.devices().map(|own| own.particulars.subscriptions.len()).sum();
        ensure(n_subscribers == n_subscriptions, "everyone who subscribed is told".into())
    }
}

/// The place that a connection comes from: the network of one subscriber.
fn place_of(device: &Device) -> IpNet {
    Origin::of_host(&device.address).near
}
