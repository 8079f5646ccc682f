//! All rooms and people, and everything that is decided about them.
//!
//! The hub is pure: no sockets, no clock, no threads, no randomness of its own. One door,
//! [`Hub::handle`]; [`Input`] and [`Effect`] list all that can enter and leave. It never formats
//! what goes to a room, and the cost of a message does not grow with the room.
//!
//! Reading order: [`input`](Input), [`effect`](Effect), this file, `command/topic.rs` as the shape
//! of every feature, then `records.rs` for what passes through the room log.

mod accounts;
mod command;
mod effect;
mod handle;
mod input;
mod invariants;
mod log;
mod outcome;
mod people;
mod refusal;
mod replies;
mod rooms;
mod state;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::Arc,
    time::SystemTime,
};

use chat_core::text::printable;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use smallvec::SmallVec;

pub(crate) use accounts::sasl::MECHANISMS;
pub use effect::Effect;
pub use input::{Door, Input, Now, Registration};
pub use refusal::Refusal;

use crate::{
    auth::scram,
    config::{Account, Settings},
    delivery::ReplyLine,
    event::ServerEvent,
    hub::{
        replies::isupport,
        state::{
            account_directory::AccountDirectory,
            account_request::Registrations,
            directory::{DeviceDirectory, PersonDirectory},
            labeled_response::{LabeledResponse, ResponseId},
            login_backoff::LoginBackoff,
            newcomer::Newcomer,
            ownership::OwnershipIndex,
            password_check::PasswordCheck,
            pending::PendingQueue,
            pending_record::Pending,
            person::Person,
            query::PendingQuery,
            rank::Rank,
            read_markers::ReadMarkers,
            room::Room,
            rooms::Expiries,
            sasl_exchange::Sasl,
            server_ban::Bans,
            whowas::Whowas,
        },
    },
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

    /// Whether somebody stays when the last of their connections has gone.
    pub(crate) fn stays(&self, person: &Person) -> bool {
        let account = person.account.as_deref();
        account
            .and_then(|account| self.accounts.get_registered(account))
            .is_some_and(|own| own.stays)
    }

    pub(crate) fn members_after(
        &self,
        room: RoomId,
        after: Option<PersonId>,
    ) -> impl Iterator<Item = (&Person, Rank)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let members =
            self.rooms.get(&room).map(|room| room.members.range((start, Bound::Unbounded)));
        members.into_iter().flatten().map(|(id, rank)| (self.person(*id), *rank))
    }

    pub(crate) fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.get(name)
    }
}
