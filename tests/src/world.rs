//! Hub, sessions and the room log in one thread, from a seed, with a clock of its own: a whole server
//! without a socket. Scripts run against it, and so does the simulation.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::proto::{MessageKind, mask_matches};
use chat_server::{
    Config,
    auth::{self, Question, Verdict},
    delivery::{Delivery, Page, RecordContent, Target},
    fanout::Fanout,
    hub::{Door, Effect, Hub, Input, Now},
    ids::{ConnId, RoomId, Ticket, WorkerId},
    room_log::{AppendError, Conversation, Record},
    session::{Output, Session, Step},
    settings::{Privacy, Settings},
};

use crate::{
    model_log::Entry,
    script::{Pretence, Stage},
    sim_log::{SimulatedLog, Written},
};

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
        self.inputs[usize::from(conn.worker.0)].push_back(Input::Closed { conn, reason });
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

    /// And now they are checked.
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

    /// One random step of the machinery: an input handled, an order carried out, the log answering.
    pub fn step(&mut self) {
        let worker = self.random.usize(..usize::from(N_WORKERS));
        match self.random.u8(..4) {
            0 => {
                if let Some(input) = self.inputs[worker].pop_front() {
                    self.handle(input);
                }
            }
            1 | 2 => {
                self.carry_out_one(worker);
            }
            _ => {
                self.log_step();
                if let Some((ticket, question)) = self.questions.pop_front() {
                    self.handle(Input::Checked { ticket, verdict: (self.checker)(&question) });
                }
                if let Some((ticket, answer)) = self.log.look_up_one() {
                    let is_failing = self.random.u8(..100) < self.chances.failing;
                    let answer =
                        if is_failing { Err("the disk is broken".into()) } else { Ok(answer) };
                    self.handle(Input::Queried { ticket, answer });
                }
            }
        }
        if let Err(broken) = self.hub.check_invariants() {
            panic!("{broken}\n{}", self.transcript.join("\n"));
        }
    }

    fn log_step(&mut self) {
        if self.random.u8(..100) < self.chances.restarting {
            self.transcript.push("the log restarts".into());
            for ticket in self.take_unanswered() {
                if self.random.bool() {
                    self.refuse(ticket, "it was restarting");
                }
            }
        }
        if !self.log.is_idle() {
            let outcome = if self.random.u8(..100) < self.chances.failing {
                Err(AppendError::Refused("the disk is full".into()))
            } else {
                Ok(())
            };
            self.write_one(outcome);
        }
    }

    /// The tickets of what the log has not answered, which is lost.
    fn take_unanswered(&mut self) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        for entry in self.log.take_unanswered() {
            match entry {
                Entry::Mark(mark) => self.log.note(&mark),
                Entry::Record(ticket, _) | Entry::Changes(ticket, _) => tickets.push(ticket),
            }
        }
        tickets
    }

    fn refuse(&mut self, ticket: Ticket, why: &str) {
        self.handle(Input::Appended { ticket, outcome: Err(AppendError::Refused(why.into())) });
    }

    /// Lets the log write the first that waits; whether anything did.
    fn write_one(&mut self, outcome: Result<(), AppendError>) -> bool {
        let Some(Written { outcome, record }) = self.log.write_one(outcome) else { return false };
        if let Some((ticket, outcome)) = outcome {
            if let Some(record) = record {
                self.note_due(ticket, &record);
            }
            self.handle(Input::Appended { ticket, outcome });
        }
        true
    }

    /// Notes who is to receive a message in a room: everyone in it at this moment but its sender.
    fn note_due(&mut self, ticket: Ticket, record: &Record) {
        let Some(room) = self.rooms.remove(&ticket) else { return };
        let RecordContent::Message { source, kind, .. } = record.event.content() else { return };
        if *kind == MessageKind::Tagmsg {
            return;
        }
        let Some(msgid) = &record.event.msgid else { return };
        let sender = source.split('!').next().unwrap_or_default();
        let members = self.hub.membership().find(|(_, id, _)| *id == room).map(|(_, _, m)| m);
        for conn in members.unwrap_or_default() {
            let name = self.name_of(conn);
            if !is_own(&name, sender)
                && let Some(own) = self.conns.get_mut(&conn)
            {
                own.due.push(Arc::clone(msgid));
            }
        }
    }

    fn name_of(&self, conn: ConnId) -> String {
        let named = self.names.iter().find(|(_, id)| **id == conn);
        named.map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn handle(&mut self, input: Input) {
        let mut effects = Vec::new();
        // Answered at once, but after all effects of this input, as the hub's thread does it.
        let mut at_once = Vec::new();
        self.hub.handle(self.now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Append { ticket, record } => {
                    if let Conversation::Room(own) = &record.conversation
                        && let Some(id) = self.hub.room_of(*own)
                    {
                        self.rooms.insert(ticket, id);
                    }
                    // The order of the log is the order in which it was asked.
                    let is_late = self.is_log_held || self.random.u8(..100) < self.chances.late;
                    if self.log.is_idle() && !is_late {
                        at_once.push((ticket, record));
                    } else {
                        self.log.give(Entry::Record(ticket, record));
                    }
                }
                Effect::Persist { ticket, changes } => {
                    self.log.give(Entry::Changes(ticket, changes));
                }
                // In its place among the records.
                Effect::Mark(mark) => self.log.give(Entry::Mark(mark)),
                Effect::Query { ticket, query, .. } => self.log.ask(ticket, *query),
                Effect::Stop => self.has_stopped = true,
                // Takes its time like a late log, if that is late.
                Effect::Check { ticket, question } => self.questions.push_back((ticket, question)),
                Effect::Report(_) => {}
                effect => {
                    let worker = worker_of(&effect);
                    self.orders[usize::from(worker.0)].push_back(effect);
                }
            }
        }
        for (ticket, record) in at_once {
            let outcome = self.log.store(&record, Ok(()));
            if outcome.is_ok() {
                self.note_due(ticket, &record);
            }
            self.handle(Input::Appended { ticket, outcome });
        }
    }

    fn carry_out_one(&mut self, worker: usize) -> bool {
        let Some(effect) = self.orders[worker].pop_front() else { return false };
        match effect {
            Effect::Admit { conn, nick } => {
                self.with_session(conn, |session, now, output| session.admit(now, &nick, output));
            }
            Effect::Close { conn, reason, label } => self.close(conn, &reason, label.as_deref()),
            Effect::Deliver { delivery, .. } => self.deliver(worker, &delivery),
            Effect::Hold { conn } => {
                if let Some(own) = self.conns.get_mut(&conn) {
                    own.is_held = true;
                }
            }
            Effect::Offer { conn, nick, before } => {
                self.with_session(conn, |session, _, output| session.offer(&nick, &before, output));
            }
            Effect::Negotiate { conn, nick, label, subcommand, arguments } => {
                self.with_session(conn, |session, _, output| {
                    session.negotiate(&nick, label.as_deref(), &subcommand, &arguments, output);
                });
            }
            Effect::Release { conn } => {
                if let Some(own) = self.conns.get_mut(&conn) {
                    own.is_held = false;
                }
                self.drive(conn);
            }
            Effect::Reply { conn, reply } => {
                if let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) {
                    let mut bytes = Vec::new();
                    own.session.write_reply(&reply, &mut bytes);
                    let mut is_page = matches!(reply.page, Page::More { .. });
                    if is_page && own.unread.is_some() {
                        (own.owes_page, is_page) = (true, false);
                    }
                    self.receive(conn, &bytes);
                    if is_page {
                        self.inputs[worker].push_back(Input::PageTaken { conn });
                    }
                }
            }
            Effect::Subscribe { conn, room } => {
                if self.conns.get(&conn).is_some_and(|own| !own.is_closed) {
                    self.fanouts[worker].subscribe(conn, room);
                }
            }
            Effect::Unsubscribe { conn, room } => {
                if self.conns.get(&conn).is_some_and(|own| !own.is_closed) {
                    self.fanouts[worker].unsubscribe(conn, room);
                }
            }
            Effect::Append { .. }
            | Effect::Check { .. }
            | Effect::Persist { .. }
            | Effect::Mark(_)
            | Effect::PassOn { .. }
            | Effect::Query { .. }
            | Effect::Report(_)
            | Effect::Stop => {}
        }
        true
    }

    fn deliver(&mut self, worker: usize, delivery: &Delivery) {
        let mut slots = Vec::new();
        let except = match &delivery.target {
            Target::Conn(conn) => {
                let is_there = self.slots[worker][conn.slot as usize] == Some(*conn);
                slots.extend(is_there.then_some(conn.slot));
                None
            }
            Target::Some(conns) => {
                let is_there =
                    |conn: &&ConnId| self.slots[worker][conn.slot as usize] == Some(**conn);
                slots.extend(conns.iter().filter(is_there).map(|conn| conn.slot));
                None
            }
            Target::Room { room, except } => {
                slots.extend_from_slice(self.fanouts[worker].members(*room));
                *except
            }
            Target::Peers { rooms, except } => {
                self.fanouts[worker].each_peer(rooms, |slot| slots.push(slot));
                *except
            }
        };
        for slot in slots {
            let Some(conn) = self.slots[worker][slot as usize].filter(|conn| except != Some(*conn))
            else {
                continue;
            };
            let Some(own) = self.conns.get(&conn).filter(|own| !own.is_closed) else { continue };
            if own.session.understands(delivery.event.requires()) {
                let bytes = delivery.event.encode(own.session.audience()).to_vec();
                self.receive(conn, &bytes);
            }
        }
    }

    fn with_session(&mut self, conn: ConnId, act: impl FnOnce(&mut Session, Instant, &mut Output)) {
        let mut output = Output::default();
        if let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) {
            act(&mut own.session, self.now.mono, &mut output);
            self.take_output(conn, output);
        }
    }

    fn drive(&mut self, conn: ConnId) {
        loop {
            let Some(own) = self.conns.get_mut(&conn) else { return };
            let pause_bytes = self.settings.limits.outbox_pause_bytes;
            let is_paused = own.unread.as_ref().is_some_and(|unread| unread.len() > pause_bytes);
            if own.is_held || own.is_closed || is_paused {
                return;
            }
            let mut output = Output::default();
            if own.session.step(self.now.mono, &mut output) != Step::Line {
                return;
            }
            self.take_output(conn, output);
        }
    }

    fn take_output(&mut self, conn: ConnId, output: Output) {
        self.receive(conn, &output.bytes);
        self.inputs[usize::from(conn.worker.0)].extend(output.inputs);
        if let Some(reason) = output.close {
            self.close(conn, &reason, None);
            let closed = Input::Closed { conn, reason };
            self.inputs[usize::from(conn.worker.0)].push_back(closed);
        }
    }

    fn close(&mut self, conn: ConnId, reason: &str, label: Option<&str>) {
        let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) else { return };
        let mut bytes = Vec::new();
        own.session.write_goodbye(reason, label, &mut bytes);
        self.receive(conn, &bytes);
        self.free(conn);
        if let Some(own) = self.conns.get_mut(&conn) {
            own.is_closed = true;
        }
    }

    fn free(&mut self, conn: ConnId) {
        let worker = usize::from(conn.worker.0);
        self.fanouts[worker].remove(conn.slot);
        self.slots[worker][conn.slot as usize] = None;
    }

    fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let name = self.name_of(conn);
        let Some(own) = self.conns.get_mut(&conn) else { return };
        if let Some(unread) = own.unread.as_mut() {
            unread.extend_from_slice(bytes);
            if unread.len() > self.settings.limits.outbox_bytes_max {
                // What waits is worth nothing without its end.
                (own.unread, own.owes_page) = (None, false);
                let reason: Arc<str> = "You read too slowly: too much was waiting for you".into();
                self.transcript.push(format!("{name} reads too slowly"));
                self.close(conn, &reason, None);
                let closed = Input::Closed { conn, reason };
                self.inputs[usize::from(conn.worker.0)].push_back(closed);
            }
            return;
        }
        own.received.extend_from_slice(bytes);
        while let Some(end) = own.received.windows(2).position(|pair| pair == b"\r\n") {
            let line = String::from_utf8(own.received.drain(..end + 2).collect());
            let line = line.expect("the server sends UTF-8").trim_end().to_owned();
            self.transcript.push(format!("{name}< {line}"));
            own.lines.push(line);
        }
    }

    /// Checks what must hold when everything has arrived: each connection received what was due to
    /// it, in the log's order and once, and the workers' membership is the hub's.
    ///
    /// # Panics
    /// If it does not hold; with the transcript.
    pub fn check_settled(&mut self) {
        self.check_received();
        self.check_memberships();
        self.check_kept();
    }

    /// Each connection received what was due to it, in the log's order and once; those that are closed, the beginning of it.
    ///
    /// # Panics
    /// If it did not; with the transcript.
    pub fn check_received(&self) {
        let fail = |what: String| panic!("{what}\n{}", self.transcript.join("\n"));
        for (name, conn) in &self.names {
            let own = &self.conns[conn];
            // In a batch is what they asked for of the past.
            let is_room_message = |line: &&String| {
                line.contains(" PRIVMSG #")
                    && !line.contains(&format!(":{name}!"))
                    && !line.contains(&format!(":{name}x!"))
                    && !line.starts_with("@batch=")
                    // An edit, to those who know of none.
                    && !line.contains(" :(edited) ")
            };
            let received: Vec<&str> = own
                .lines
                .iter()
                .filter(is_room_message)
                .filter_map(|line| line.split("msgid=").nth(1)?.split([';', ' ']).next())
                .collect();
            let mut due: Vec<&str> = own.due.iter().map(|msgid| &**msgid).collect();
            if own.is_closed {
                // What was under way when it closed may be missing at the end.
                due.truncate(received.len());
            }
            if received != due {
                fail(format!("{name} received {received:?} and was due {due:?}"));
            }
        }
    }

    /// At rest: a server that started now would know the rooms that last as they are.
    fn check_kept(&mut self) {
        let mut fresh = Hub::new(Arc::clone(&self.settings), 0);
        for (conversation, name) in self.log.named() {
            fresh.load_conversation(conversation, name);
        }
        for (path, value) in self.log.kept() {
            fresh.load(&path, &value).expect("the hub reads what it has written");
        }
        let (kept, own) = (fresh.registered_rooms(), self.hub.registered_rooms());
        if kept != own {
            panic!("{kept:#?} is kept of {own:#?}\n{}", self.transcript.join("\n"));
        }
        self.transcript.push(format!("{} facts of rooms are kept", own.len()));
    }

    /// At rest: the workers' copies of who is in which room are the hub's.
    ///
    /// # Panics
    /// If they are not; with the transcript.
    pub fn check_memberships(&self) {
        for (room, id, members) in self.hub.membership() {
            let mut copies: Vec<ConnId> = Vec::new();
            for (slots, fanout) in self.slots.iter().zip(&self.fanouts) {
                let owners = fanout.members(id).iter().filter_map(|slot| slots[*slot as usize]);
                copies.extend(owners);
            }
            copies.sort_unstable();
            if copies != members {
                panic!(
                    "in {room} the workers have {copies:?} and the hub has {members:?}\n{}",
                    self.transcript.join("\n")
                );
            }
        }
    }

    /// Whether the hub has ended the server.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.has_stopped
    }
}

/// Whether `sender` is who the script calls `name`: that nick, or the other one the simulation gives it.
fn is_own(name: &str, sender: &str) -> bool {
    sender
        .strip_suffix('x')
        .unwrap_or(sender)
        .eq_ignore_ascii_case(name.strip_suffix('x').unwrap_or(name))
}

fn worker_of(effect: &Effect) -> WorkerId {
    match effect {
        Effect::Admit { conn, .. }
        | Effect::Close { conn, .. }
        | Effect::Hold { conn }
        | Effect::Negotiate { conn, .. }
        | Effect::Offer { conn, .. }
        | Effect::PassOn { conn, .. }
        | Effect::Release { conn }
        | Effect::Reply { conn, .. }
        | Effect::Subscribe { conn, .. }
        | Effect::Unsubscribe { conn, .. } => conn.worker,
        Effect::Deliver { worker, .. } => *worker,
        Effect::Append { .. }
        | Effect::Check { .. }
        | Effect::Persist { .. }
        | Effect::Mark(_)
        | Effect::Query { .. }
        | Effect::Report(_)
        | Effect::Stop => WorkerId(0),
    }
}

impl Stage for World {
    fn open(&mut self, name: &str, door: Door) {
        Self::open(self, name, door);
    }

    fn knows(&self, name: &str) -> bool {
        Self::knows(self, name)
    }

    fn send(&mut self, name: &str, bytes: &[u8]) {
        self.send_bytes(name, bytes);
    }

    fn settle(&mut self) {
        Self::settle(self);
    }

    fn break_off(&mut self, name: &str) {
        self.drop_connection(name);
    }

    fn expect(&mut self, name: &str, mask: &str) -> bool {
        Self::expect(self, name, mask)
    }

    fn unexpected(&mut self, name: &str) -> Vec<String> {
        Self::unexpected(self, name).to_vec()
    }

    fn received(&self, name: &str) -> &[String] {
        self.lines(name)
    }

    fn forget(&mut self, name: &str) {
        Self::forget(self, name);
    }

    fn hold_log(&mut self, is_held: bool) {
        Self::hold_log(self, is_held);
    }

    fn fail_log(&mut self) {
        Self::fail_log(self);
    }

    fn pretend(&mut self, pretence: &Pretence) {
        match pretence {
            Pretence::Time(time) => self.pass(*time),
            Pretence::Certificate(shown) => self.fingerprint = Some(shown.as_str().into()),
            Pretence::Address(host) => self.host = host.as_str().into(),
            Pretence::Restart => {
                self.settle();
                self.restart(2);
                self.names.clear();
            }
        }
    }

    fn transcript(&self) -> &[String] {
        &self.transcript
    }
}
