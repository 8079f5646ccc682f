//! Hub, sessions and the room log in one thread, from a seed, with a clock of its own: a whole server
//! without a socket. Scripts run against it, and so does the simulation.

mod checks;
mod machinery;
mod stage;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::proto::mask_matches;
use chat_server::{
    Config,
    auth::{self, Question, Verdict},
    fanout::Fanout,
    hub::{Door, Effect, Hub, Input, Now},
    ids::{ConnId, RoomId, Ticket, WorkerId},
    room_log::Record,
    session::{Output, Session},
    settings::{Privacy, Settings},
};

use crate::sim_log::SimulatedLog;

/// Workers of the world: two, so that nothing works by there being one.
const N_WORKERS: u16 = 2;

/// The behaviour of the log of the simulation, in chances out of 100 a step.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimLog {
    /// A record's outcome comes in a later step. Otherwise at once.
    pub late: u8,
    /// A record is refused.
    pub failing: u8,
    /// The log restarts: what it has not answered is lost, and half of it without a word.
    pub restarting: u8,
}

/// A whole server in one thread.
pub struct World {
    config: Config,
    settings: Arc<Settings>,
    hub: Hub,
    chances: SimLog,
    log: SimulatedLog,
    /// The rooms that records on their way into the log are of: those may get other names meanwhile.
    rooms: BTreeMap<Ticket, RoomId>,
    /// The checker that answers for passwords.
    pub checker: fn(&Question) -> Verdict,
    /// Passwords wait to be checked until this ends.
    pub is_checker_held: bool,
    /// Passwords under check.
    questions: VecDeque<(Ticket, Question)>,
    /// The log answers nothing for now.
    is_log_held: bool,
    random: fastrand::Rng,
    now: Now,
    conns: BTreeMap<ConnId, WorldConn>,
    names: BTreeMap<String, ConnId>,
    /// The connections in each worker's slots; those of the gone are used again, as a worker does.
    slots: Vec<Vec<Option<ConnId>>>,
    n_opened: u32,
    fanouts: Vec<Fanout>,
    /// Effects on their way to each worker. The simulation lets them wait.
    orders: Vec<VecDeque<Effect>>,
    /// Inputs on their way to the hub from each worker.
    inputs: Vec<VecDeque<Input>>,
    /// All that happened, to be printed when something is wrong.
    pub transcript: Vec<String>,
    has_stopped: bool,
    /// The certificate that the next to connect shows.
    pub fingerprint: Option<Arc<str>>,
    /// The address that those come from who connect from here on.
    pub host: Arc<str>,
}

struct WorldConn {
    session: Session,
    received: Vec<u8>,
    lines: Vec<String>,
    n_expected: usize,
    is_held: bool,
    is_closed: bool,
    /// Bytes that wait for a reader that does not read; `None`: it reads.
    unread: Option<Vec<u8>>,
    /// A page of a long answer is among it.
    owes_page: bool,
    /// Message ids this connection is to receive, in order, by the hub's membership when they were
    /// appended.
    due: Vec<Arc<str>>,
}

impl World {
    /// A world that follows from `seed` and `chances`.
    #[must_use]
    pub fn new(seed: u64, chances: SimLog, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.auto_join = false;
        config.limits = config.limits.unlimited();
        // Who is `root` in a test about something else is nobody's likeness.
        config.reserved_names.clear();
        // Nor is a test about something else about what is shown in the place of an address.
        config.cloaks = false;
        change(&mut config);
        let settings = Settings::with_history(&config, N_WORKERS);
        #[expect(
            clippy::disallowed_methods,
            reason = "a point to count from; nothing depends on it"
        )]
        let mono = Instant::now();
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Self {
            hub: Hub::new(Arc::clone(&settings), seed),
            config,
            settings,
            chances,
            log: SimulatedLog::default(),
            rooms: BTreeMap::new(),
            checker: auth::answer,
            is_checker_held: false,
            questions: VecDeque::new(),
            is_log_held: false,
            random: fastrand::Rng::with_seed(seed ^ 0x5eed),
            now: Now { mono, wall },
            conns: BTreeMap::new(),
            names: BTreeMap::new(),
            slots: (0..N_WORKERS).map(|_| Vec::new()).collect(),
            n_opened: 0,
            fanouts: (0..N_WORKERS).map(|_| Fanout::default()).collect(),
            orders: (0..N_WORKERS).map(|_| VecDeque::new()).collect(),
            inputs: (0..N_WORKERS).map(|_| VecDeque::new()).collect(),
            transcript: Vec::new(),
            has_stopped: false,
            fingerprint: None,
            // As over the sockets of this computer, so that the same scripts hold there.
            host: "127.0.0.1".into(),
        }
    }

    /// Opens a connection known as `name` to the script.
    pub fn open(&mut self, name: &str, door: Door) {
        let worker = WorkerId(u16::try_from(self.n_opened % u32::from(N_WORKERS)).expect("small"));
        let slots = &mut self.slots[usize::from(worker.0)];
        let free = slots.iter().position(Option::is_none).unwrap_or(slots.len());
        let slot = u32::try_from(free).expect("few connections");
        let conn = ConnId { worker, generation: self.n_opened, slot };
        self.n_opened += 1;
        slots.resize(slots.len().max(free + 1), None);
        slots[free] = Some(conn);
        let mut output = Output::default();
        let settings = Arc::clone(&self.settings);
        let privacy = Privacy::of(false, self.host.parse().expect("an address"));
        let session = Session::new(door, conn, settings, privacy, self.now.mono, &mut output);
        let opened = WorldConn {
            session,
            received: Vec::new(),
            lines: Vec::new(),
            n_expected: 0,
            is_held: false,
            is_closed: false,
            unread: None,
            owes_page: false,
            due: Vec::new(),
        };
        self.conns.insert(conn, opened);
        self.names.insert(name.to_owned(), conn);
        let host = Arc::clone(&self.host);
        let fingerprint = self.fingerprint.take();
        self.inputs[usize::from(worker.0)].push_back(Input::Opened {
            conn,
            host,
            door,
            is_secure: false,
            fingerprint,
        });
        self.take_output(conn, output);
    }

    /// Sends bytes from `name`.
    pub fn send_bytes(&mut self, name: &str, bytes: &[u8]) {
        let conn = self.names[name];
        self.transcript.push(format!("{name}> {}", String::from_utf8_lossy(bytes).trim_end()));
        let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) else { return };
        own.session.push(self.now.mono, bytes);
        self.drive(conn);
    }

    /// Breaks the connection of `name`.
    pub fn drop_connection(&mut self, name: &str) {
        let conn = self.names[name];
        self.transcript.push(format!("{name} is dropped"));
        let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) else { return };
        own.is_closed = true;
        self.free(conn);
        let reason = "Connection lost: it was reset".into();
        self.inputs[usize::from(conn.worker.0)].push_back(Input::Closed {
            conn,
            reason,
            has_read: true,
        });
    }

    /// Whether somebody by that name has ever connected.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Lines `name` has received behind the last one it was to receive.
    #[must_use]
    pub fn unexpected(&self, name: &str) -> &[String] {
        let conn = &self.conns[&self.names[name]];
        &conn.lines[conn.n_expected..]
    }

    /// Whether `name` has received such a line behind the last one it was to receive.
    pub fn expect(&mut self, name: &str, mask: &str) -> bool {
        let found = self.unexpected(name).iter().position(|line| mask_matches(mask, line));
        let conn = self.conns.get_mut(&self.names[name]);
        if let (Some(index), Some(conn)) = (found, conn) {
            conn.n_expected += index + 1;
        }
        found.is_some()
    }

    /// Takes what `name` has received so far as expected.
    pub fn forget(&mut self, name: &str) {
        if let Some(conn) = self.conns.get_mut(&self.names[name]) {
            conn.n_expected = conn.lines.len();
        }
    }

    /// Whether `name` has been closed by the server, or dropped.
    #[must_use]
    pub fn is_closed(&self, name: &str) -> bool {
        self.conns[&self.names[name]].is_closed
    }

    /// All lines `name` has received.
    #[must_use]
    pub fn lines(&self, name: &str) -> &[String] {
        &self.conns[&self.names[name]].lines
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now.mono += time;
        self.now.wall += time;
        if self.hub.next_deadline().is_some_and(|deadline| deadline <= self.now.mono) {
            self.handle(Input::Deadline);
        }
        let open = self.conns.iter().filter(|(_, own)| !own.is_closed);
        for conn in open.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            let own = self.conns.get_mut(&conn).expect("it was there above");
            if own.session.next_deadline().is_some_and(|at| at <= self.now.mono) {
                let mut output = Output::default();
                own.session.handle_deadline(self.now.mono, &mut output);
                self.take_output(conn, output);
            }
            // Whoever was throttled may go on, too.
            self.drive(conn);
        }
    }

    /// From here on the log takes records and answers none, until it is let go.
    pub fn hold_log(&mut self, is_held: bool) {
        self.is_log_held = is_held;
    }

    /// The log refuses all that it holds, and answers from here on.
    pub fn fail_log(&mut self) {
        self.is_log_held = false;
        for ticket in self.take_unanswered() {
            self.refuse(ticket, "the disk is full");
        }
    }

    /// The settings are others from here on.
    pub fn reload(&mut self, change: impl FnOnce(&mut Config)) {
        self.transcript.push("the settings are read again".into());
        change(&mut self.config);
        self.settings = self.settings.renewed(&self.config, self.settings.reached.clone());
        for own in self.conns.values_mut().filter(|own| !own.is_closed) {
            own.session.renew(&self.settings);
        }
        self.handle(Input::Reload { settings: Arc::clone(&self.settings) });
    }

    /// From here on `name` reads nothing, or reads on with what has waited. Whoever reads nothing for too long is closed.
    pub fn stall(&mut self, name: &str, is_stalled: bool) {
        let conn = self.names[name];
        let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) else { return };
        if is_stalled {
            own.unread.get_or_insert_default();
            return;
        }
        let unread = own.unread.take().unwrap_or_default();
        let owes_page = std::mem::take(&mut own.owes_page);
        self.receive(conn, &unread);
        if owes_page {
            self.inputs[usize::from(conn.worker.0)].push_back(Input::PageTaken { conn });
        }
        self.drive(conn);
    }

    /// The server ends and starts anew, with nothing but what its log has kept.
    ///
    /// # Panics
    /// If it cannot read that.
    pub fn restart(&mut self, seed: u64) {
        self.crash(0, seed);
    }

    /// The server is gone in the middle and starts anew: of what was on its way into the log, the first `n_written` got
    /// there, and nobody was told.
    ///
    /// # Panics
    /// If it cannot read what the log has kept.
    pub fn crash(&mut self, n_written: usize, seed: u64) {
        self.transcript.push("the server starts anew".into());
        for own in self.conns.values_mut() {
            own.is_closed = true;
        }
        self.questions.clear();
        self.slots.iter_mut().for_each(Vec::clear);
        self.fanouts = (0..N_WORKERS).map(|_| Fanout::default()).collect();
        self.orders.iter_mut().for_each(VecDeque::clear);
        self.inputs.iter_mut().for_each(VecDeque::clear);
        self.log.crash(n_written);
        self.rooms.clear();
        self.hub = Hub::new(Arc::clone(&self.settings), seed);
        let latest = self.appended().iter().map(|record| record.event.time).max();
        self.hub.begin_after(latest.unwrap_or(self.now.wall));
        for (conversation, name) in self.log.named() {
            self.hub.load_conversation(conversation, name);
        }
        for (path, value) in self.log.kept() {
            self.hub.load(&path, &value).expect("the hub reads what it has written");
        }
    }

    /// Messages that the log holds, in their order.
    #[must_use]
    pub fn appended(&self) -> &[Arc<Record>] {
        self.log.appended()
    }

    /// The paths of what the log keeps for the next start.
    #[must_use]
    pub fn kept_paths(&self) -> Vec<String> {
        self.log.kept().iter().map(|(path, _)| path.to_string()).collect()
    }

    /// The number of entries on their way into the log.
    #[must_use]
    pub fn n_unanswered(&self) -> usize {
        self.log.n_unanswered()
    }

    /// Passwords that wait to be checked, to be given back later: others are faster.
    #[must_use]
    pub fn take_checks(&mut self) -> VecDeque<(Ticket, Question)> {
        std::mem::take(&mut self.questions)
    }

    /// Has passwords checked that were taken away.
    pub fn give_checks(&mut self, checks: VecDeque<(Ticket, Question)>) {
        self.questions.extend(checks);
    }

    /// Records the hub waits for.
    #[must_use]
    pub fn n_pending(&self) -> usize {
        self.hub.n_pending()
    }

    /// Lets everything that is under way arrive.
    pub fn settle(&mut self) {
        let has_work = |world: &Self| {
            world.inputs.iter().any(|queue| !queue.is_empty())
                || world.orders.iter().any(|queue| !queue.is_empty())
                || !world.is_checker_held && !world.questions.is_empty()
                || world.log.may_look_up()
                || !world.is_log_held && !world.log.is_idle()
        };
        while has_work(self) {
            for worker in 0..usize::from(N_WORKERS) {
                while let Some(input) = self.inputs[worker].pop_front() {
                    self.handle(input);
                }
                while self.carry_out_one(worker) {}
            }
            while !self.is_checker_held
                && let Some((ticket, question)) = self.questions.pop_front()
            {
                self.handle(Input::Checked { ticket, verdict: (self.checker)(&question) });
            }
            while let Some((ticket, answer)) = self.log.look_up_one() {
                self.handle(Input::Queried { ticket, answer: Ok(answer) });
            }
            while !self.is_log_held && self.write_one(Ok(())) {}
        }
    }

    /// Whether the hub has ended the server.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.has_stopped
    }
}
