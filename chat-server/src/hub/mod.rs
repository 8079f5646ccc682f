//! All rooms and people, and everything that is decided about them.
//!
//! The hub is pure: no sockets, no clock, no threads, no randomness of its own. One door,
//! [`Hub::handle`]; [`Input`] and [`Effect`] list all that can enter and leave. It never formats
//! what goes to a room, and the cost of a message does not grow with the room.
//!
//! Reading order: [`input`](Input), [`effect`](Effect), this file, `command/topic.rs` as the shape
//! of every feature, then `records.rs` for what passes through the room log.

mod check;
mod checks;
mod command;
mod departures;
mod effect;
mod input;
mod isupport;
mod listing;
mod metadata;
mod modes;
mod person;
mod records;
mod refusal;
mod registration;
mod room;
mod sasl;
mod watch;
mod webirc;
mod who;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::{
    proto::{Capability, Command, CommandError},
    text::printable,
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

pub use effect::Effect;
pub use input::{Door, Input, Now, Registration};
pub use refusal::Refusal;
pub(crate) use sasl::MECHANISMS;

use self::{
    checks::Check,
    departures::Departures,
    listing::{Listing, Part},
    person::{Person, Waiting},
    records::{Answer, AnswerId, Pending},
    registration::Newcomer,
    room::{Rank, Room},
    sasl::Sasl,
};
use crate::{
    auth::scram,
    config::House,
    delivery::{Content, Delivery, Event, ReplyLine, Target},
    event::ServerEvent,
    ids::{ConnId, RoomId, Ticket, WorkerId},
};

/// Decides. Never touches a socket, a file, a clock or a thread.
#[derive(Debug)]
pub struct Hub {
    house: Arc<House>,
    /// Where ids come from; seeded, so that a run can be repeated.
    random: ChaCha8Rng,
    /// What is made up with it is the same each time, and nobody's guess.
    secret: scram::Key,
    started: Option<SystemTime>,
    /// The clock at the latest input.
    latest: Option<Instant>,
    /// Connections that have not registered.
    newcomers: HashMap<ConnId, Newcomer>,
    /// In the order of their connections, since people are listed.
    people: BTreeMap<ConnId, Person>,
    nicks: HashMap<Arc<str>, ConnId>,
    rooms: HashMap<RoomId, Room>,
    rooms_by_name: BTreeMap<Arc<str>, RoomId>,
    next_room: u64,
    next_ticket: u64,
    /// Records on their way to the log.
    pending: BTreeMap<Ticket, Pending>,
    /// When the sender of a record is told that it takes too long, and then when it is forgotten.
    append_deadlines: BTreeSet<(Instant, Ticket)>,
    /// Logins under way.
    exchanges: HashMap<ConnId, Sasl>,
    /// Passwords under check.
    checks: BTreeMap<Ticket, Check>,
    /// Labelled answers that wait for records.
    answers: HashMap<AnswerId, Answer>,
    next_answer: AnswerId,
    /// The most people there have been at once.
    n_people_max: usize,
    n_messages: u64,
    n_refused_records: u64,
    departed: Departures,
    /// Who watches which nick, by its key.
    watchers: HashMap<Arc<str>, BTreeSet<ConnId>>,
    /// Who is told of which metadata, by its name.
    subscribers: HashMap<Arc<str>, BTreeSet<ConnId>>,
    is_stopping: bool,
}

/// One command's turn: who asked, and what they are answered.
pub(crate) struct Turn<'a> {
    now: Now,
    conn: ConnId,
    label: Option<Arc<str>>,
    /// What the one who asked is told when the turn ends.
    reply: Vec<Part>,
    /// The answer comes in another way or later.
    is_answered: bool,
    /// The labelled answer that waits for the records of this turn.
    answer: Option<AnswerId>,
    /// The record that was under way when it began: what is answered here comes behind it.
    after: Option<Ticket>,
    effects: &'a mut Vec<Effect>,
}

impl<'a> Turn<'a> {
    fn new(now: Now, conn: ConnId, label: Option<Arc<str>>, effects: &'a mut Vec<Effect>) -> Self {
        Self {
            now,
            conn,
            label,
            reply: Vec::new(),
            is_answered: false,
            answer: None,
            after: None,
            effects,
        }
    }

    fn say(&mut self, line: ReplyLine) {
        self.reply.push(Part::Line(line));
    }

    fn numeric(&mut self, numeric: chat_core::proto::Numeric, params: &[&str]) {
        self.say(ReplyLine::Numeric(numeric, params.iter().map(|&param| param.into()).collect()));
    }
}

impl Hub {
    /// A hub without people. What it draws at random follows from `seed`.
    #[must_use]
    pub fn new(house: Arc<House>, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut secret = scram::Key::default();
        random.fill_bytes(&mut secret);
        Self {
            house,
            random,
            secret,
            started: None,
            latest: None,
            newcomers: HashMap::new(),
            people: BTreeMap::new(),
            nicks: HashMap::new(),
            rooms: HashMap::new(),
            rooms_by_name: BTreeMap::new(),
            next_room: 0,
            next_ticket: 0,
            pending: BTreeMap::new(),
            append_deadlines: BTreeSet::new(),
            exchanges: HashMap::new(),
            checks: BTreeMap::new(),
            answers: HashMap::new(),
            next_answer: 0,
            n_people_max: 0,
            n_messages: 0,
            n_refused_records: 0,
            departed: Departures::default(),
            watchers: HashMap::new(),
            subscribers: HashMap::new(),
            is_stopping: false,
        }
    }

    /// Handles one input. The caller carries out all effects, in order, before the next call.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.started.get_or_insert(now.wall);
        self.latest = Some(now.mono);
        match input {
            Input::Appended { ticket, outcome } => self.appended(now, ticket, outcome, effects),
            Input::Answer { conn, reply } => self.newcomer_answer(conn, reply, effects),
            Input::Capabilities { conn, capabilities } => {
                if let Some(person) = self.people.get_mut(&conn) {
                    let before = person.told_metadata_in();
                    person.capabilities = capabilities;
                    person.is_negotiating = false;
                    // "If a client removes this capability or the batch capability from themselves, servers
                    // MUST clear that client's subscription list." (metadata)
                    if before.is_some() && before != person.told_metadata_in() {
                        self.unsubscribe_all(conn);
                    }
                    self.take_waiting(now, conn, effects);
                } else if let Some(newcomer) = self.newcomers.get_mut(&conn) {
                    newcomer.capabilities = capabilities;
                }
            }
            Input::Checked { ticket, is_right } => self.checked(now, ticket, is_right, effects),
            Input::Closed { conn, reason } => {
                self.forget_newcomer(conn);
                if let Some(person) = self.people.get_mut(&conn) {
                    // What they have said is said before they go; other answers are nobody's.
                    person.departing = Some(reason);
                    person.listing = None;
                    person.deferred.clear();
                    person.is_negotiating = false;
                    self.take_waiting(now, conn, effects);
                }
            }
            Input::Command { conn, label, command } => {
                self.command(now, conn, label, command, effects);
            }
            Input::Deadline => self.tell_of_slow_records(now, effects),
            Input::Opened { conn, host, door, is_secure, fingerprint } => {
                self.newcomers.insert(conn, Newcomer::new(host, door, is_secure, fingerprint));
            }
            Input::PageTaken { conn } => {
                self.next_page(effects, conn);
                self.take_waiting(now, conn, effects);
            }
            Input::Register { conn, registration } => {
                self.register(now, conn, registration, effects)
            }
            Input::Reload { house } => self.reload(now, house, effects),
            Input::Stop { reason } => self.stop(&reason, effects),
        }
    }

    /// When [`Input::Deadline`] is to come next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.append_deadlines.first().map(|(deadline, _)| *deadline)
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

    fn command(
        &mut self,
        now: Now,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(person) = self.people.get_mut(&conn) else {
            return self.newcomer_command(now, conn, label, command, effects);
        };
        // Answers on one connection come strictly in order: while an earlier command waits for its
        // answer, later ones wait too. Messages may follow messages into the log.
        let waiting = Waiting { label, command };
        let must_wait = !person.waiting.is_empty()
            || person.listing.is_some()
            || person.is_negotiating
            || (person.n_pending > 0 && !waiting.is_message());
        if must_wait {
            person.waiting.push_back(waiting);
            if !person.is_held {
                person.is_held = true;
                effects.push(Effect::Hold { conn });
            }
            return;
        }
        self.run_command(now, conn, waiting.label, waiting.command, effects);
    }

    fn run_command(
        &mut self,
        now: Now,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(conn);
        let after = person.latest_record.filter(|_| person.n_pending > 0);
        let mut turn = Turn::new(now, conn, label, effects);
        turn.after = after;
        let outcome = match command {
            Ok(command) => self.dispatch(&mut turn, command),
            Err(error) => Err(error.into()),
        };
        if let Err(refusal) = outcome {
            turn.say(refusal.reply());
        }
        self.end_turn(turn);
    }

    /// Sends what the turn has to say: at once if it is short, in pages if it is long.
    fn end_turn(&mut self, turn: Turn<'_>) {
        let Turn { conn, label, mut reply, is_answered, answer, after, effects, .. } = turn;
        if self.add_to_answer(answer, &mut reply) {
            return;
        }
        let Some(person) = self.people.get_mut(&conn) else { return };
        let wants_ack = label.is_some()
            && !is_answered
            && person.capabilities.contains(Capability::LabeledResponse);
        if reply.is_empty() && !wants_ack {
            return;
        }
        let listing = Listing { label, parts: reply.into(), is_first: true };
        if let Some(after) = after.filter(|after| self.is_under_way(*after)) {
            self.person_mut(conn).deferred.push_back((after, listing));
        } else {
            self.person_mut(conn).listing = Some(listing);
            self.next_page(effects, conn);
        }
    }

    /// Whether a record is on its way to the log, and its sender has not been told that it takes too long.
    fn is_under_way(&self, ticket: Ticket) -> bool {
        self.pending.get(&ticket).is_some_and(|pending| !pending.is_overdue)
    }

    /// Gives the answers that have waited for records, as far as those are done.
    fn answer_deferred(&mut self, conn: ConnId, effects: &mut Vec<Effect>) {
        while let Some(person) = self.people.get(&conn)
            && person.listing.is_none()
            && let Some((after, _)) = person.deferred.front()
            && !self.is_under_way(*after)
        {
            let person = self.person_mut(conn);
            person.listing = person.deferred.pop_front().map(|(_, listing)| listing);
            self.next_page(effects, conn);
        }
    }

    /// Runs the commands of `conn` that waited, as far as they need wait no more. Whoever has closed
    /// leaves when nothing of theirs is under way.
    fn take_waiting(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        self.answer_deferred(conn, effects);
        while let Some(person) = self.people.get_mut(&conn)
            && person.listing.is_none()
            && !person.is_negotiating
        {
            let is_departing = person.departing.is_some();
            person.waiting.retain(|waiting| !is_departing || waiting.is_last_word());
            let may_run = |waiting: &Waiting| person.n_pending == 0 || waiting.is_message();
            if !person.waiting.front().is_some_and(may_run) {
                return self.rest(now, conn, effects);
            }
            let Some(waiting) = person.waiting.pop_front() else { return };
            self.run_command(now, conn, waiting.label, waiting.command, effects);
        }
    }

    /// Nothing of `conn`'s can be run now.
    fn rest(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        let person = self.person_mut(conn);
        if !person.waiting.is_empty() {
            return;
        }
        if std::mem::take(&mut person.is_held) {
            effects.push(Effect::Release { conn });
        }
        if person.n_pending == 0
            && let Some(reason) = person.departing.take()
        {
            self.leave_for_good(now, conn, &reason, effects);
        }
    }

    /// Goes on by another configuration, and tells those who want to know what is offered now
    /// (<https://ircv3.net/specs/extensions/capability-negotiation#cap-new>).
    fn reload(&mut self, now: Now, house: Arc<House>, effects: &mut Vec<Effect>) {
        let before = std::mem::replace(&mut self.house, house);
        self.log_out_strangers(now, effects);
        let mut conns: Vec<ConnId> = self.newcomers.keys().copied().collect();
        conns.sort_unstable();
        let newcomers = conns.into_iter().map(|conn| (conn, Arc::from("*")));
        let people = self.people.iter().map(|(conn, own)| (*conn, Arc::clone(own.nick.shown())));
        for (conn, nick) in newcomers.chain(people) {
            effects.push(Effect::Offer { conn, nick, before: Arc::clone(&before) });
        }
    }

    /// Tells everyone to go.
    fn stop(&mut self, reason: &Arc<str>, effects: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.is_stopping, true) {
            return;
        }
        let reason: Arc<str> = printable(reason).into();
        let mut conns: Vec<ConnId> = self.newcomers.drain().map(|(conn, _)| conn).collect();
        conns.sort_unstable();
        conns.extend(self.people.keys());
        for person in self.people.values() {
            let (nick, reason) = (Arc::clone(person.nick.shown()), Arc::clone(&reason));
            effects.push(Effect::Report(ServerEvent::Departed { nick, reason }));
        }
        for conn in conns {
            effects.push(Effect::Close { conn, reason: Arc::clone(&reason) });
        }
        self.people.clear();
        self.nicks.clear();
        self.rooms.clear();
        self.rooms_by_name.clear();
        self.pending.clear();
        self.append_deadlines.clear();
        self.exchanges.clear();
        self.checks.clear();
        self.watchers.clear();
        self.subscribers.clear();
        self.answers.clear();
        effects.push(Effect::Stop);
    }

    // What the commands are made of.

    fn person(&self, conn: ConnId) -> &Person {
        self.people.get(&conn).expect("members of rooms and askers of turns are people")
    }

    fn person_mut(&mut self, conn: ConnId) -> &mut Person {
        self.people.get_mut(&conn).expect("members of rooms and askers of turns are people")
    }

    /// Something `conn` causes now that passes by the log.
    fn event(&self, conn: ConnId, content: Content, now: Now) -> Arc<Event> {
        Arc::new(Event::new(content, now.wall, None).by(self.person(conn).as_sender()))
    }

    /// The person by that nick.
    fn find_person(&self, nick: &str) -> Result<&Person, Refusal> {
        let key = chat_core::proto::CaseMapping::Ascii.fold(nick);
        let conn = self.nicks.get(&*key).ok_or_else(|| Refusal::NoSuchNick(nick.to_owned()))?;
        Ok(self.person(*conn))
    }

    /// The room by that name.
    fn find_room(&self, name: &str) -> Result<&Room, Refusal> {
        let key = chat_core::proto::CaseMapping::Ascii.fold(name);
        let id =
            self.rooms_by_name.get(&*key).ok_or_else(|| Refusal::NoSuchRoom(name.to_owned()))?;
        Ok(&self.rooms[id])
    }

    /// The room by that name, if `conn` may know that it is there.
    fn find_visible_room(&self, conn: ConnId, name: &str) -> Result<&Room, Refusal> {
        let room = self.find_room(name)?;
        if !room.is_visible_to(conn) {
            return Err(Refusal::NoSuchRoom(name.to_owned()));
        }
        Ok(room)
    }

    /// The room by that name, if `conn` is in it, and what they may do there.
    fn find_own_room(&self, conn: ConnId, name: &str) -> Result<(&Room, Rank), Refusal> {
        let room = self.find_visible_room(conn, name)?;
        let rank = room.members.get(&conn).ok_or_else(|| Refusal::NotOnRoom(name.to_owned()))?;
        Ok((room, *rank))
    }

    /// The same, if they may change it.
    fn find_operated_room(&self, conn: ConnId, name: &str) -> Result<&Room, Refusal> {
        let (room, rank) = self.find_own_room(conn, name)?;
        if !rank.is_operator {
            return Err(Refusal::NotOperator(name.to_owned()));
        }
        Ok(room)
    }

    /// Delivers to everyone in `room` but one: once for each worker that has members.
    fn tell_room(
        &self,
        room: &Room,
        except: Option<ConnId>,
        event: &Arc<Event>,
        effects: &mut Vec<Effect>,
    ) {
        for worker in room.workers() {
            let target = Target::Room { room: room.id, except };
            let delivery = Delivery { target, event: Arc::clone(event) };
            effects.push(Effect::Deliver { worker, delivery });
        }
    }

    /// Delivers to those of `conns`, once for each worker that has any.
    fn tell_some(
        &self,
        conns: impl Iterator<Item = ConnId>,
        event: &Arc<Event>,
        effects: &mut Vec<Effect>,
    ) {
        let mut conns_at: BTreeMap<WorkerId, Vec<ConnId>> = BTreeMap::new();
        for conn in conns {
            conns_at.entry(conn.worker).or_default().push(conn);
        }
        for (worker, conns) in conns_at {
            let delivery =
                Delivery { target: Target::Some(conns.into()), event: Arc::clone(event) };
            effects.push(Effect::Deliver { worker, delivery });
        }
    }

    /// Delivers to everyone who shares a room with `conn`, not to `conn`.
    fn tell_peers(&self, conn: ConnId, event: &Arc<Event>, effects: &mut Vec<Effect>) {
        let rooms: Arc<[RoomId]> = self.person(conn).rooms.as_slice().into();
        let mut workers: Vec<_> =
            rooms.iter().flat_map(|room| self.rooms[room].workers()).collect();
        workers.sort_unstable();
        workers.dedup();
        for worker in workers {
            let target = Target::Peers { rooms: Arc::clone(&rooms), except: Some(conn) };
            let delivery = Delivery { target, event: Arc::clone(event) };
            effects.push(Effect::Deliver { worker, delivery });
        }
    }

    fn tell(&self, conn: ConnId, event: &Arc<Event>, effects: &mut Vec<Effect>) {
        let delivery = Delivery { target: Target::Conn(conn), event: Arc::clone(event) };
        effects.push(Effect::Deliver { worker: conn.worker, delivery });
    }

    /// Puts a person into a room, founding it if it is not there. They are told by their reply.
    fn enter(&mut self, turn: &mut Turn<'_>, name: chat_core::proto::RoomName) {
        let conn = turn.conn;
        let id = self.rooms_by_name.get(name.key()).copied();
        let id = id.unwrap_or_else(|| self.found(name, turn.now.wall));
        let person = self.person(conn);
        let content = Content::Join {
            source: Arc::clone(&person.source),
            room: Arc::clone(self.rooms[&id].name.shown()),
            realname: Arc::clone(&person.realname),
        };
        let event = self.event(conn, content, turn.now);
        let room = &self.rooms[&id];
        self.tell_room(room, None, &event, turn.effects);
        if let Some(reason) = person.away.clone() {
            let away = Content::Away { source: Arc::clone(&person.source), reason: Some(reason) };
            let away = self.event(conn, away, turn.now);
            self.tell_room(room, None, &away, turn.effects);
        }
        turn.say(ReplyLine::Event(event));
        turn.effects.push(Effect::Subscribe { conn, room: id });
        let room = self.rooms.get_mut(&id).expect("found or founded above");
        let rank = Rank { is_operator: room.members.is_empty(), has_voice: false };
        room.add(conn, rank);
        let person = self.person_mut(conn);
        person.invited.remove(&id);
        person.rooms.push(id);
        self.introduce(turn.now, conn, id, turn.effects);
    }

    fn found(&mut self, name: chat_core::proto::RoomName, wall: SystemTime) -> RoomId {
        let id = RoomId(self.next_room);
        self.next_room += 1;
        self.rooms_by_name.insert(Arc::clone(name.key()), id);
        self.rooms.insert(id, Room::new(id, name, wall, self.house.n_workers));
        id
    }

    /// Takes a person out of a room; the last one ends it. Nobody is told here.
    fn remove_member(&mut self, conn: ConnId, id: RoomId, effects: &mut Vec<Effect>) {
        effects.push(Effect::Unsubscribe { conn, room: id });
        self.person_mut(conn).rooms.retain(|room| *room != id);
        let room = self.rooms.get_mut(&id).expect("members are in rooms that exist");
        room.remove(conn);
        if room.members.is_empty() {
            self.rooms_by_name.remove(room.name.key());
            self.rooms.remove(&id);
        }
    }

    /// A person is gone: everyone who could see them is told once.
    fn leave_for_good(
        &mut self,
        now: Now,
        conn: ConnId,
        reason: &Arc<str>,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(conn);
        let content =
            Content::Quit { source: Arc::clone(&person.source), reason: Arc::clone(reason) };
        let event = self.event(conn, content, now);
        let nick = Arc::clone(person.nick.shown());
        self.tell_peers(conn, &event, effects);
        for room in self.person(conn).rooms.clone() {
            self.remove_member(conn, room, effects);
        }
        self.forget_answers(conn);
        self.monitor_nobody(conn);
        self.unsubscribe_all(conn);
        self.exchanges.remove(&conn);
        let person = self.people.remove(&conn).expect("they were there above");
        self.departed.remember(&person, now.wall, self.house.limits.whowas_entries_max);
        self.tell_watchers(now, person.nick.key(), person.nick.shown(), false, effects);
        self.nicks.remove(person.nick.key());
        effects.push(Effect::Report(ServerEvent::Departed { nick, reason: Arc::clone(reason) }));
        if self.people.is_empty() && self.house.exit_when_empty {
            self.stop(&"The last person has left".into(), effects);
        }
    }
}
