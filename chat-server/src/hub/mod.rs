//! The hub: all rooms and people, and everything that is decided about them.
//!
//! The hub is pure: no sockets, no clock, no threads, no randomness of its own. One door,
//! [`Hub::handle`]; [`Input`] and [`Effect`] list all that can enter and leave. It never formats
//! what goes to a room, and the cost of a message does not grow with the room.
//!
//! Reading order: [`input`](Input), [`effect`](Effect), this file, `handle.rs`, `command/topic.rs` as the
//! shape of every feature, `log/submit.rs` and `outcome/appended.rs` for its way through the room log. A folder
//! calls those below it: `handle`, `outcome`, `command`, `accounts`, `rooms`, `people`, `log`, `replies`, `state`.

mod accounts;
mod command;
mod effect;
mod handle;
mod input;
mod invariants;
mod log;
mod out;
mod outcome;
mod people;
pub mod policy;
mod refusal;
mod replies;
mod rooms;
mod state;

use std::{ops::Bound, sync::Arc, time::SystemTime};

use chat_core::text::printable;

pub use effect::Effect;
pub use input::{Door, Input, Now, Registration};
pub use refusal::Refusal;
pub use state::randomness::Seed;

use self::{
    out::Out,
    state::{
        accounts::Accounts, awaited::Awaited, isupport, lobby::Lobby, people::People,
        person::Person, randomness::Randomness, rank::Rank, rooms::Rooms,
        server_secret::ServerSecret,
    },
};
use crate::{
    delivery::ReplyLine,
    event::ServerEvent,
    ids::{ConnId, PersonId, RoomId},
    settings::Settings,
};

/// Decides. Never touches a socket, a file, a clock or a thread.
// More than 60 methods: each handles a command, an outcome or a step of one that needs two parts of the state; their rooms are the walls, and
// what one part can do alone is that part's.
#[derive(Debug)]
pub struct Hub {
    settings: Arc<Settings>,
    /// The lines that everybody who comes is told of it.
    isupport: Vec<ReplyLine>,
    random: Randomness,
    started: Option<SystemTime>,
    out: Out,
    people: People,
    rooms: Rooms,
    accounts: Accounts,
    awaited: Awaited,
    n_messages: u64,
    n_refused_records: u64,
    is_stopping: bool,
}

impl Hub {
    /// A hub without people. What it draws at random follows from `seed`.
    #[must_use]
    pub fn new(settings: Arc<Settings>, seed: impl Into<Seed>) -> Self {
        let mut random = Randomness::new(seed.into());
        let secret = ServerSecret::new(random.secret());
        let lobby = Lobby::new(&settings.room, &settings.room_operators);
        Self {
            isupport: isupport::lines_of(&settings),
            accounts: Accounts::new(&settings.accounts, secret),
            settings,
            random,
            started: None,
            out: Out::default(),
            people: People::default(),
            rooms: Rooms::new(lobby),
            awaited: Awaited::new(),
            n_messages: 0,
            n_refused_records: 0,
            is_stopping: false,
        }
    }

    /// The number of people who are registered.
    #[must_use]
    pub fn n_people(&self) -> usize {
        self.people.len()
    }

    /// The number of rooms.
    #[must_use]
    pub fn n_rooms(&self) -> usize {
        self.rooms.len()
    }

    /// The number of messages that have been delivered.
    #[must_use]
    pub fn n_messages(&self) -> u64 {
        self.n_messages
    }

    /// Records that the log has refused.
    #[must_use]
    pub fn n_refused_records(&self) -> u64 {
        self.n_refused_records
    }

    /// The number of records on their way to the log.
    #[must_use]
    pub fn n_pending(&self) -> usize {
        self.awaited.n_pending()
    }

    /// The number of passwords that are checked, or wait for that.
    #[must_use]
    pub fn n_checks(&self) -> usize {
        self.awaited.n_checks()
    }

    /// Tells everyone to go.
    fn stop(&mut self, reason: &Arc<str>) {
        if std::mem::replace(&mut self.is_stopping, true) {
            return;
        }
        let reason: Arc<str> = printable(reason).into();
        let mut conns: Vec<ConnId> = self.people.newcomers();
        conns.extend(self.people.devices().map(|device| device.conn));
        for person in self.people.iter() {
            let (nick, reason) = (Arc::clone(person.nick.shown()), Arc::clone(&reason));
            self.out.push(Effect::Report(ServerEvent::Departed { nick, reason }));
        }
        for conn in conns {
            self.out.push(Effect::Close { conn, reason: Arc::clone(&reason), label: None });
        }
        self.people.clear();
        self.rooms.clear();
        self.accounts.clear();
        self.awaited.clear();
        self.out.push(Effect::Stop);
    }

    /// The clocks at the input that is being handled.
    fn now(&self) -> Now {
        self.out.latest().expect("something is decided when there has been an input")
    }

    /// The members of a room that come after `after`, and what they may do there.
    fn members_after(
        &self,
        room: RoomId,
        after: Option<PersonId>,
    ) -> impl Iterator<Item = (&Person, Rank)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let members =
            self.rooms.get(room).map(|room| room.members.range((start, Bound::Unbounded)));
        members.into_iter().flatten().map(|(id, rank)| (self.people.person(*id), *rank))
    }
}
