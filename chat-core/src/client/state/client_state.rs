//! The state of one client: what it consists of, and what all its parts do with it.

use std::{sync::Arc, time::Instant};

use super::{
    connection::Connection,
    effect::{Effect, Effects},
    history_sync::HistorySync,
    names::Names,
    sending::Sending,
    time::Now,
    wishes::Wishes,
};
use crate::{
    client::{
        roster::{Rooms, Roster},
        settings::Settings,
    },
    update::{ConnectionState, SendId, Update},
};

/// The phase between its start and its end that a client is in.
#[derive(Debug)]
pub(super) enum Phase {
    Closed,
    Connecting,
    Registering { since: Instant },
    Ready { since: Instant },
    Waiting { until: Instant },
}

/// One client's protocol.
#[derive(Debug)]
pub(crate) struct ClientState {
    pub(super) settings: Arc<Settings>,
    pub(super) random: fastrand::Rng,
    pub(super) roster: Roster,
    pub(super) phase: Phase,
    pub(super) wishes: Wishes,
    /// The number of this attempt, counted from 1.
    pub(super) attempt: u32,
    pub(super) connection: Connection,
    pub(super) sending: Sending,
    pub(super) names: Names,
    pub(super) history_sync: HistorySync,
    /// The latest moment to send `QUIT`, once the program wants to leave.
    pub(super) quitting: Option<Instant>,
    /// The moment in which we close, once `QUIT` has been sent and the server has not closed.
    pub(super) quit_sent: Option<Instant>,
}

impl ClientState {
    pub(crate) fn new(settings: Arc<Settings>, seed: u64) -> Self {
        let wishes = Wishes::new(&settings);
        Self {
            random: fastrand::Rng::with_seed(seed),
            roster: Roster::new(settings.bounds.memory.roster()),
            phase: Phase::Closed,
            connection: Connection::new(Arc::clone(&wishes.nick)),
            wishes,
            attempt: 1,
            sending: Sending::new(fastrand::Rng::with_seed(!seed).u64(..)),
            names: Names::default(),
            history_sync: HistorySync::new(settings.history, settings.bounds.memory.history()),
            quitting: None,
            quit_sent: None,
            settings,
        }
    }

    /// The first attempt to connect.
    pub(crate) fn start(&mut self, effects: &mut Effects) {
        self.phase = Phase::Connecting;
        effects.push(Effect::Connect);
        self.tell_state(ConnectionState::Connecting { attempt: self.attempt }, effects);
    }

    /// Writes lines of waiting messages, about `bytes_max` bytes of them.
    pub(crate) fn pump(&mut self, now: Now, bytes_max: usize, effects: &mut Effects) {
        if matches!(self.phase, Phase::Ready { .. }) && self.quit_sent.is_none() {
            let text_bytes_max = self.connection.text_bytes_max();
            self.sending.pump(now, bytes_max, text_bytes_max, effects);
        }
    }

    /// Whether [`ClientState::pump`] has something to write now or later.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.sending.has_unwritten()
    }

    /// The system has taken all of a message.
    pub(crate) fn written(&mut self, id: SendId, effects: &mut Effects) {
        self.sending.written(id, effects);
    }

    /// The rooms and the people in them, as they are now: another one than before if anything changed since.
    pub(crate) fn rooms(&self) -> &Arc<Rooms> {
        self.roster.rooms()
    }

    /// The bytes of rooms, of people in them, and of what waits for the past or is of it.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.roster.bytes() + self.history_sync.bytes()
    }

    /// Whether lines of the server are for us.
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Registering { .. } | Phase::Ready { .. })
    }

    /// Whether it is over.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub(super) fn tell_state(&self, state: ConnectionState, effects: &mut Effects) {
        effects.tell(Update::State(state));
    }

    pub(super) fn same_name(&self, a: &str, b: &str) -> bool {
        self.roster.mapping().same(a, b)
    }

    pub(super) fn is_me(&self, nick: &str) -> bool {
        self.same_name(nick, &self.connection.nick)
    }
}
