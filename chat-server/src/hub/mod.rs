//! All rooms and people, and everything that is decided about them.
//!
//! The hub is pure: no sockets, no clock, no threads, no randomness of its own. One door,
//! [`Hub::handle`]; [`Input`] and [`Effect`] list all that can enter and leave. It never formats
//! what goes to a room, and the cost of a message does not grow with the room.
//!
//! Reading order: [`input`](Input), [`effect`](Effect), this file, `command/topic.rs` as the shape
//! of every feature, then `records.rs` for what passes through the room log.

#[path = "accounts/account_changes.rs"]
mod account_changes;
#[path = "state/account_directory.rs"]
mod accounts;
#[path = "outcome/apply.rs"]
mod apply;
#[path = "replies/broadcast.rs"]
mod broadcast;
mod command;
#[path = "state/confusables.rs"]
mod confusables;
#[path = "state/device.rs"]
mod device;
#[path = "state/directory.rs"]
mod directory;
mod effect;
#[path = "rooms/expiry.rs"]
mod expiry;
#[path = "state/facts.rs"]
mod facts;
mod input;
mod invariants;
#[path = "replies/isupport.rs"]
mod isupport;
#[path = "outcome/kept.rs"]
mod kept;
#[path = "replies/labels.rs"]
mod labels;
#[path = "state/login_backoff.rs"]
mod login_backoff;
#[path = "state/masks.rs"]
mod masks;
#[path = "rooms/leave.rs"]
mod membership;
#[path = "people/metadata.rs"]
mod metadata;
#[path = "state/modes.rs"]
mod modes;
#[path = "people/monitor.rs"]
mod monitor;
#[path = "rooms/ownership.rs"]
mod ownership;
#[path = "replies/pages.rs"]
mod paged_reply;
#[path = "accounts/password_checks.rs"]
mod password_checks;
#[path = "state/pending.rs"]
mod pending;
#[path = "state/person.rs"]
mod person;
#[path = "log/query.rs"]
mod queries;
#[path = "state/read_markers.rs"]
mod read_markers;
#[path = "log/submit.rs"]
mod records;
mod refusal;
#[path = "command/registration.rs"]
mod registration;
#[path = "state/room.rs"]
mod room;
#[path = "accounts/sasl.rs"]
mod sasl;
#[path = "accounts/server_bans.rs"]
mod server_bans;
#[path = "state/sparse.rs"]
mod sparse;
#[path = "rooms/storage_outage.rs"]
mod storage_outage;
#[path = "replies/turn.rs"]
mod turn;
#[path = "command/webirc.rs"]
mod webirc;
#[path = "replies/who.rs"]
mod who;
#[path = "state/whowas.rs"]
mod whowas;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::text::printable;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use smallvec::SmallVec;

pub use effect::Effect;
pub use input::{Door, Input, Now, Registration};
pub use refusal::Refusal;
pub(crate) use sasl::MECHANISMS;

pub(crate) use turn::Turn;

use self::{
    account_changes::Registrations,
    accounts::AccountDirectory,
    device::{Device, Reader},
    directory::{DeviceDirectory, PersonDirectory},
    expiry::Expiries,
    labels::{LabeledResponse, ResponseId},
    login_backoff::LoginBackoff,
    ownership::OwnershipIndex,
    password_checks::PasswordCheck,
    pending::PendingQueue,
    person::Person,
    queries::PendingQuery,
    read_markers::ReadMarkers,
    records::Pending,
    registration::Newcomer,
    room::{Rank, Room},
    sasl::Sasl,
    server_bans::Bans,
    whowas::Whowas,
};
use crate::{
    auth::scram,
    config::{Config, Settings},
    delivery::{Content, Event, ReplyLine},
    event::ServerEvent,
    ids::{ConnId, IdMap, PersonId, RoomId, Ticket},
};

/// Decides. Never touches a socket, a file, a clock or a thread.
#[derive(Debug)]
pub struct Hub {
    settings: Arc<Settings>,
    /// What everybody who comes is told of it.
    isupport: Vec<ReplyLine>,
    /// Where ids come from; seeded, so that a run can be repeated.
    random: ChaCha8Rng,
    /// What is made up with it is the same each time, and nobody's guess.
    secret: scram::Key,
    started: Option<SystemTime>,
    /// The clocks at the latest input.
    latest: Option<Now>,
    /// Connections that have not registered.
    newcomers: IdMap<ConnId, Newcomer>,
    people: PersonDirectory,
    devices: DeviceDirectory,
    rooms: IdMap<RoomId, Room>,
    rooms_by_name: BTreeMap<Arc<str>, RoomId>,
    next_room: u64,
    next_ticket: u64,
    /// Who may not come here.
    bans: Bans,
    /// What ends by itself.
    expiries: Expiries,
    /// Rooms that are somebody's.
    lasting: OwnershipIndex,
    /// Names that rooms are about to get.
    reserved_names: BTreeMap<Arc<str>, RoomId>,
    /// Records on their way to the log.
    pending: PendingQueue<Pending>,
    accounts: AccountDirectory,
    login_backoff: LoginBackoff,
    markers: ReadMarkers,
    registrations: Registrations,
    /// Logins under way.
    exchanges: IdMap<ConnId, Sasl>,
    /// Passwords under check.
    checks: BTreeMap<Ticket, PasswordCheck>,
    /// Labelled answers that wait for records.
    responses: IdMap<ResponseId, LabeledResponse>,
    next_response: ResponseId,
    /// Operators of the server: they are counted for everybody who comes.
    operators: BTreeSet<PersonId>,
    /// The most people there have been at once.
    n_people_max: usize,
    /// Who is whom in direct conversations, those who came first before the others.
    identities: BTreeMap<Arc<str>, SmallVec<[PersonId; 1]>>,
    /// What has been asked about the past.
    queries: BTreeMap<Ticket, PendingQuery>,
    /// No record is earlier than this.
    latest_record: SystemTime,
    n_messages: u64,
    n_refused_records: u64,
    whowas: Whowas,
    /// Who watches which nick, by its key.
    watchers: HashMap<Arc<str>, BTreeSet<ConnId>>,
    /// Who is told of which metadata, by its name.
    subscribers: HashMap<Arc<str>, BTreeSet<ConnId>>,
    is_stopping: bool,
}

impl Hub {
    /// A hub without people. What it draws at random follows from `seed`.
    #[must_use]
    pub fn new(settings: Arc<Settings>, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut secret = scram::Key::default();
        random.fill_bytes(&mut secret);
        let mut accounts = AccountDirectory::default();
        accounts.configure(&settings.accounts);
        Self {
            isupport: isupport::lines_of(&settings),
            settings,
            random,
            secret,
            started: None,
            latest: None,
            newcomers: IdMap::default(),
            people: PersonDirectory::default(),
            devices: DeviceDirectory::default(),
            rooms: IdMap::default(),
            rooms_by_name: BTreeMap::new(),
            next_room: 0,
            next_ticket: 0,
            bans: Bans::new(),
            expiries: Expiries::new(),
            lasting: OwnershipIndex::default(),
            reserved_names: BTreeMap::new(),
            pending: PendingQueue::new(),
            accounts,
            login_backoff: LoginBackoff::default(),
            markers: ReadMarkers::default(),
            registrations: Registrations::new(),
            exchanges: IdMap::default(),
            checks: BTreeMap::new(),
            responses: IdMap::default(),
            next_response: 0,
            operators: BTreeSet::new(),
            n_people_max: 0,
            identities: BTreeMap::new(),
            queries: BTreeMap::new(),
            latest_record: SystemTime::UNIX_EPOCH,
            n_messages: 0,
            n_refused_records: 0,
            whowas: Whowas::default(),
            watchers: HashMap::new(),
            subscribers: HashMap::new(),
            is_stopping: false,
        }
    }

    /// Handles one input. The caller carries out all effects, in order, before the next call.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.started.get_or_insert(now.wall);
        self.latest = Some(now);
        match input {
            Input::Appended { ticket, outcome } => self.appended(now, ticket, outcome, effects),
            Input::Answer { conn, reply } => self.newcomer_answer(conn, reply, effects),
            Input::Capabilities { conn, capabilities } => {
                if let Some(device) = self.devices.get_mut(conn) {
                    let before = device.told_metadata_in();
                    device.capabilities = capabilities;
                    device.is_negotiating = false;
                    // "If a client removes this capability or the batch capability from themselves, servers
                    // MUST clear that client's subscription list." (metadata)
                    if before.is_some() && before != device.told_metadata_in() {
                        self.unsubscribe_all(conn);
                    }
                    self.take_waiting(now, conn, effects);
                } else if let Some(newcomer) = self.newcomers.get_mut(&conn) {
                    newcomer.capabilities = capabilities;
                }
            }
            Input::Queried { ticket, answer } => self.queried(now, ticket, answer, effects),
            Input::Checked { ticket, verdict } => self.checked(now, ticket, verdict, effects),
            Input::Closed { conn, reason } => {
                self.forget_newcomer(conn);
                if let Some(device) = self.devices.get_mut(conn) {
                    // What was said is said before it is over; other answers are nobody's.
                    device.paged_reply = None;
                    device.is_negotiating = false;
                    device.backlog.change(|backlog| {
                        backlog.departing = Some(reason);
                        backlog.querying = None;
                        backlog.deferred.clear();
                    });
                    self.take_waiting(now, conn, effects);
                }
            }
            Input::Command { conn, label, command } => {
                self.command(now, conn, label, command, effects);
            }
            Input::Deadline => {
                self.tell_of_slow_records(now, effects);
                self.expire(now, effects);
            }
            Input::Opened { conn, host, door, is_secure, fingerprint } => {
                if let Some(ban) = self.find_ban(now.wall, &host, None) {
                    let reason = ban.text().into();
                    return effects.push(Effect::Close { conn, reason });
                }
                self.newcomers.insert(conn, Newcomer::new(host, door, is_secure, fingerprint));
            }
            Input::PageTaken { conn } => {
                self.next_page(effects, conn);
                self.take_waiting(now, conn, effects);
            }
            Input::Register { conn, registration } => {
                self.register(now, conn, registration, effects)
            }
            Input::Reload { settings } => self.reload(now, settings, effects),
            Input::Stop { reason } => self.stop(&reason, effects),
        }
    }

    /// When [`Input::Deadline`] is to come next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let appended = self.pending.next_deadline(self.settings.limits.append_timeout);
        appended.into_iter().chain(self.next_expiry()).min()
    }

    /// Records from here on are later than `time`, that of the latest one in the log.
    pub fn begin_after(&mut self, time: SystemTime) {
        self.latest_record = self.latest_record.max(time);
    }

    /// What is at `path` from here on: what was kept before the server started ([`Effect::Persist`]).
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub fn load(&mut self, path: &str, value: &str) -> Result<(), String> {
        let mut effects = Vec::new();
        let outcome = self.take_change(None, path, Some(value), &mut effects);
        debug_assert!(effects.is_empty(), "what was so before needs nothing: {effects:?}");
        outcome
    }

    /// Whether a server could start with what was kept.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub fn can_load(kept: &[(Arc<str>, Arc<str>)]) -> Result<(), String> {
        let mut hub = Self::new(Settings::new(&Config::default(), 1), 0);
        kept.iter().try_for_each(|(path, value)| hub.load(path, value))
    }

    /// How many people are registered.
    #[must_use]
    pub fn n_people(&self) -> usize {
        self.people.len()
    }

    /// How many rooms there are.
    #[must_use]
    pub fn n_rooms(&self) -> usize {
        self.rooms.len()
    }

    /// How many messages have been delivered.
    #[must_use]
    pub fn n_messages(&self) -> u64 {
        self.n_messages
    }

    /// Records that the log has refused.
    #[must_use]
    pub fn n_refused_records(&self) -> u64 {
        self.n_refused_records
    }

    /// How many records are on their way to the log.
    #[must_use]
    pub fn n_pending(&self) -> usize {
        self.pending.len()
    }

    /// Goes on by another configuration, and tells those who want to know what is offered now
    /// (<https://ircv3.net/specs/extensions/capability-negotiation#cap-new>).
    fn reload(&mut self, now: Now, settings: Arc<Settings>, effects: &mut Vec<Effect>) {
        self.isupport = isupport::lines_of(&settings);
        let before = std::mem::replace(&mut self.settings, settings);
        self.accounts.configure(&self.settings.accounts);
        self.log_out_strangers(now, effects);
        let mut conns: Vec<ConnId> = self.newcomers.keys().copied().collect();
        conns.sort_unstable();
        let newcomers = conns.into_iter().map(|conn| (conn, Arc::from("*")));
        let nick = |device: &Device| Arc::clone(self.person(device.person).nick.shown());
        let people = self.devices.iter().map(|device| (device.conn, nick(device)));
        for (conn, nick) in newcomers.chain(people) {
            effects.push(Effect::Offer { conn, nick, before: Arc::clone(&before) });
        }
    }

    /// A number for what is asked of others and answered later.
    fn new_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket - 1)
    }

    /// Tells everyone to go.
    fn stop(&mut self, reason: &Arc<str>, effects: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.is_stopping, true) {
            return;
        }
        let reason: Arc<str> = printable(reason).into();
        let mut conns: Vec<ConnId> = self.newcomers.drain().map(|(conn, _)| conn).collect();
        conns.sort_unstable();
        conns.extend(self.devices.iter().map(|device| device.conn));
        for person in self.people.iter() {
            let (nick, reason) = (Arc::clone(person.nick.shown()), Arc::clone(&reason));
            effects.push(Effect::Report(ServerEvent::Departed { nick, reason }));
        }
        for conn in conns {
            effects.push(Effect::Close { conn, reason: Arc::clone(&reason) });
        }
        self.people.clear();
        self.operators.clear();
        self.devices.clear();
        self.rooms.clear();
        self.rooms_by_name.clear();
        self.lasting = OwnershipIndex::default();
        self.expiries.clear();
        self.reserved_names.clear();
        self.pending = PendingQueue::new();
        self.exchanges.clear();
        self.identities.clear();
        self.queries.clear();
        self.checks.clear();
        self.watchers.clear();
        self.subscribers.clear();
        self.responses.clear();
        effects.push(Effect::Stop);
    }

    // What the commands are made of.

    fn person(&self, id: PersonId) -> &Person {
        self.people.get(id).expect("members of rooms and askers of turns are people")
    }

    fn person_mut(&mut self, id: PersonId) -> &mut Person {
        self.people.get_mut(id).expect("members of rooms and askers of turns are people")
    }

    fn device(&self, conn: ConnId) -> &Device {
        self.devices.get(conn).expect("people's connections and those of turns are there")
    }

    fn device_mut(&mut self, conn: ConnId) -> &mut Device {
        self.devices.get_mut(conn).expect("people's connections and those of turns are there")
    }

    /// Whoever is at that connection.
    fn reader(&self, conn: ConnId) -> Reader<'_> {
        let device = self.device(conn);
        Reader { person: self.person(device.person), device }
    }

    /// Whoever is at that connection, if they have registered.
    fn person_at(&self, conn: ConnId) -> Option<&Person> {
        self.devices.get(conn).map(|device| self.person(device.person))
    }

    /// The connections of some people.
    fn devices_of(&self, people: impl Iterator<Item = PersonId>) -> impl Iterator<Item = ConnId> {
        people.flat_map(|person| self.person(person).devices.iter().copied())
    }

    /// Something `person` causes now that passes by the log.
    fn event(&self, person: PersonId, content: Content, now: Now) -> Arc<Event> {
        Arc::new(Event::new(content, now.wall, None).by(self.person(person).as_sender()))
    }

    /// The person by that nick.
    fn find_person(&self, nick: &str) -> Result<&Person, Refusal> {
        let key = chat_core::proto::CaseMapping::Ascii.fold(nick);
        let who = self.people.by_nick(&key).ok_or_else(|| Refusal::NoSuchNick(nick.to_owned()))?;
        Ok(self.person(who))
    }

    /// The room by that name.
    fn find_room(&self, name: &str) -> Result<&Room, Refusal> {
        let key = chat_core::proto::CaseMapping::Ascii.fold(name);
        let id =
            self.rooms_by_name.get(&*key).ok_or_else(|| Refusal::NoSuchRoom(name.to_owned()))?;
        Ok(&self.rooms[id])
    }

    /// The room by that name, if `person` may know that it is there.
    fn find_visible_room(&self, person: PersonId, name: &str) -> Result<&Room, Refusal> {
        let room = self.find_room(name)?;
        if !room.is_visible_to(person) {
            return Err(Refusal::NoSuchRoom(name.to_owned()));
        }
        Ok(room)
    }

    /// The room by that name, if `person` is in it, and what they may do there.
    fn find_own_room(&self, person: PersonId, name: &str) -> Result<(&Room, Rank), Refusal> {
        let room = self.find_visible_room(person, name)?;
        let rank = room.members.get(&person).ok_or_else(|| Refusal::NotOnRoom(name.to_owned()))?;
        Ok((room, *rank))
    }

    /// The same, if they may change it.
    fn find_operated_room(&self, person: PersonId, name: &str) -> Result<&Room, Refusal> {
        let (room, rank) = self.find_own_room(person, name)?;
        if !rank.is_operator {
            return Err(Refusal::NotOperator(name.to_owned()));
        }
        Ok(room)
    }
}
