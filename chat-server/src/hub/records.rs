//! What passes through the room log: emitted as a record, and done when it is appended.
//!
//! Nobody sees a record before its place is fixed, so nobody sees one that could still be lost, and
//! all members of a room see one order. The echo is the acknowledgement.

use std::{sync::Arc, time::SystemTime};

use chat_core::proto::{Capability, CaseMapping, MessageKind, NONCE_TAG, RoomName};

use rand_chacha::rand_core::Rng;

use super::{
    Door, Effect, Hub, Now, Refusal, Turn,
    facts::{self, Fact},
    keeping::Meant,
    listing::Part,
    modes::{self, List, What},
    room::Topic,
};
use crate::{
    delivery::{Content, Event, Page, Reply, ReplyLine},
    ids::{ConnId, PersonId, RoomId, Ticket},
    reaction::Reaction,
    room_log::{AppendError, Change, Conversation, Record, THE_SERVER},
};

/// Something on its way to the log, and what is to be done when it is there.
#[derive(Debug)]
pub(super) struct Pending {
    what: Kept,
    /// Who is answered, unless they have gone; nobody, if the server does it by itself.
    pub(super) sender: Option<ConnId>,
    /// The labelled answer it is a part of.
    answer: Option<AnswerId>,
    /// The sender has been told that it takes too long.
    pub(super) is_overdue: bool,
}

/// What is on its way.
#[derive(Debug)]
enum Kept {
    /// A record.
    Record(Recorded),
    /// Changes of what the server knows, and what they are for.
    Changes { changes: Arc<[Change]>, meant: Meant },
}

/// A record on its way.
#[derive(Debug)]
struct Recorded {
    event: Arc<Event>,
    /// Who caused it, if it is not the server.
    sender: Option<PersonId>,
    place: Place,
    doing: Doing,
    /// What is so in the room from then on.
    facts: Vec<Fact>,
    /// The room's number, if the log keeps these with the record.
    kept_of: Option<Arc<str>>,
}

/// What a record does beside being seen. Whom it names may go or take other nicks meanwhile.
#[derive(Debug)]
pub(super) enum Doing {
    /// Nothing, or what the content says.
    Nothing,
    /// Someone leaves the room.
    Kick(PersonId),
    /// Modes change.
    Modes(Vec<modes::Change>),
    /// Something that those who operate the room read of, in the name of the server.
    Note {
        /// What is so from then on.
        facts: Vec<Fact>,
        /// Whose the room is from then on.
        passes: Passes,
        /// What whoever has done it is told.
        reply: Vec<ReplyLine>,
    },
    /// The room gets another name.
    Rename(RoomName),
}

/// Whose a room is from then on.
#[derive(Debug)]
pub(super) enum Passes {
    /// It is nobody's.
    Away,
    /// It stays whose it is.
    Nowhere,
    /// That account's, by its folded name.
    To(Arc<str>),
}

/// What tells the log whether what was said in a room is nobody's if the server ends.
fn closing(room: &super::room::Room, is_closed: bool) -> Change {
    Change::Close { room: Arc::clone(room.name.key()), is_closed }
}

/// Bytes of a nonce.
const NONCE_BYTES_MAX: usize = 64;

/// Names a labelled answer that waits for records.
pub(super) type AnswerId = u64;

/// What a labelled command is answered when all its records are at their end: one answer, as
/// <https://ircv3.net/specs/extensions/labeled-response> asks.
#[derive(Debug)]
pub(super) struct Answer {
    conn: ConnId,
    label: Arc<str>,
    lines: Vec<ReplyLine>,
    n_records: usize,
}

/// A record's event, to the person or in the room that is called so now.
fn to(recorded: &Recorded, name: &Arc<str>) -> Arc<Event> {
    if recorded.event.content.target().is_none_or(|target| target == name) {
        return Arc::clone(&recorded.event);
    }
    let mut content = recorded.event.content.clone();
    if let Some(target) = content.target_mut() {
        *target = Arc::clone(name);
    }
    with_content(&recorded.event, content)
}

/// The event with another content, if it is another one.
fn with_content(event: &Arc<Event>, content: Content) -> Arc<Event> {
    if content == event.content {
        return Arc::clone(event);
    }
    let now = Event::new(content, event.time, event.msgid.clone());
    Arc::new(now.by(event.sender().clone()))
}

/// How many times the time-out of an append must pass before the hub forgets a record that was lost
/// without a word.
const FORGET_AFTER: u32 = 10;

/// Where a record takes effect.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// With one other person, who may have gone.
    Direct {
        /// As direct conversations name them.
        identity: Arc<str>,
        person: Option<PersonId>,
    },
    /// Among the members of a room who have that sign, or a higher one, before their nick.
    Ranked(RoomId, char),
    /// In a room.
    Room(RoomId),
}

impl Hub {
    /// Sends `content` on its way to the log. The answer to the turn comes when
    /// it arrives.
    pub(super) fn submit(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place,
        content: Content,
        doing: Doing,
    ) -> Result<(), Refusal> {
        if self.pending.len() >= self.house.limits.pending_records_max {
            let why = "too many messages are waiting to be stored; try again in a moment";
            return Err(not_stored(&content, why.into()));
        }
        let nonce = self.nonce_of(turn.conn, &content)?;
        let person = self.person(turn.person);
        let (by, event) = if matches!(doing, Doing::Note { .. }) {
            (THE_SERVER.into(), Event::new(content, turn.now.wall, None))
        } else {
            let event = Event::new(content, turn.now.wall, None).by(person.as_sender());
            (Arc::clone(&person.identity), event)
        };
        let (mut recorded, mut record) = self.record(event, by, place, doing);
        recorded.sender = Some(turn.person);
        record.nonce = nonce;
        let ticket = self.new_ticket();
        self.await_outcome(turn, ticket, Kept::Record(recorded));
        turn.effects.push(Effect::Append { ticket, record: Arc::new(record) });
        Ok(())
    }

    /// The same of what the server does by itself in a room; whether there is place for it.
    pub(super) fn submit_unasked(
        &mut self,
        now: Now,
        place: Place,
        content: Content,
        doing: Doing,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if self.pending.len() >= self.house.limits.pending_records_max {
            return false;
        }
        let event = Event::new(content, now.wall, None);
        let (recorded, record) = self.record(event, THE_SERVER.into(), place, doing);
        let ticket = self.new_ticket();
        let what = Kept::Record(recorded);
        self.pending
            .insert(ticket, Pending { what, sender: None, answer: None, is_overdue: false });
        self.append_deadlines.insert((now.mono + self.house.limits.append_timeout, ticket));
        effects.push(Effect::Append { ticket, record: Arc::new(record) });
        true
    }

    /// What is waited for, and what is to be kept, of something that happens at about the event's time.
    fn record(
        &mut self,
        event: Event,
        by: Arc<str>,
        place: Place,
        doing: Doing,
    ) -> (Recorded, Record) {
        let (conversation, time) = match &place {
            Place::Room(id) => {
                let room = self.rooms.get_mut(id).expect("the caller found it");
                (Conversation::Room(Arc::clone(room.name.key())), room.next_time(event.time))
            }
            Place::Ranked(id, sign) => {
                let room = self.rooms.get_mut(id).expect("the caller found it");
                let key = Arc::clone(room.name.key());
                (Conversation::Ranked(key, *sign), room.next_time(event.time))
            }
            Place::Direct { identity, .. } => {
                let mut both = [Arc::clone(&by), Arc::clone(identity)];
                both.sort_unstable();
                let [first, second] = both;
                // Times never fall, though the clock may.
                self.latest_record = self.latest_record.max(event.time);
                (Conversation::Direct(first, second), self.latest_record)
            }
        };
        let facts = self.facts_of(&place, &event.content, &doing, time);
        let (kept_of, changes) = self.changes_of(&place, &facts, &doing);
        let (sender, msgid) = (event.sender().clone(), self.next_msgid(time));
        let event = Arc::new(Event::new(event.content, time, Some(msgid)).by(sender));
        // Most say nothing that the log is to know again.
        let kept_of = kept_of.filter(|_| !changes.is_empty());
        if let (Place::Room(id) | Place::Ranked(id, _), Some(_)) = (&place, &kept_of) {
            self.note_written(*id);
        }
        if let (Place::Ranked(id, _), Doing::Note { passes: Passes::To(heir), .. }) =
            (&place, &doing)
            && let Some(owned) = self.rooms.get_mut(id).and_then(|room| room.owned.as_mut())
        {
            owned.heir = Some(Arc::clone(heir));
        }
        if let (Place::Room(id), Doing::Rename(name)) = (&place, &doing) {
            self.names_to_be.insert(Arc::clone(name.key()), *id);
        }
        let record = Record { conversation, by, event: Arc::clone(&event), nonce: None, changes };
        (Recorded { event, sender: None, place, doing, facts, kept_of }, record)
    }

    /// What is so in a room when a record is there.
    fn facts_of(
        &self,
        place: &Place,
        content: &Content,
        doing: &Doing,
        time: SystemTime,
    ) -> Vec<Fact> {
        if let Doing::Note { facts, .. } = doing {
            return facts.clone();
        }
        let Place::Room(id) = place else { return Vec::new() };
        match (content, doing) {
            (Content::Topic { source, topic, .. }, _) => {
                let (text, by) = (Arc::clone(topic), Arc::clone(source));
                let topic = (!topic.is_empty()).then_some(Topic { text, by, at: time });
                vec![Fact::Topic(topic)]
            }
            (Content::Mode { source, .. }, Doing::Modes(changes)) => {
                let owned = self.rooms[id].owned.is_some();
                let account = |who: PersonId| self.person(who).account.as_deref().filter(|_| owned);
                let fact = |change: &modes::Change| match &change.what {
                    What::Operator(who) => {
                        let account = CaseMapping::Ascii.fold(account(*who)?).into();
                        Some(Fact::Operator(account, change.is_set.then_some(time)))
                    }
                    What::Voice(who) => {
                        let account = CaseMapping::Ascii.fold(account(*who)?).into();
                        Some(Fact::Voice(account, change.is_set))
                    }
                    _ => change.fact(source, time),
                };
                // Who is let in asks no more.
                let answered = |change: &modes::Change| match &change.what {
                    What::Listed(List::Invited, mask, _) if change.is_set => {
                        let account = CaseMapping::Ascii.fold(mask.strip_prefix("~a:")?);
                        let asking = self.rooms[id].asking.get_key_value(&*account);
                        asking.map(|(account, _)| Fact::Asking(Arc::clone(account), None))
                    }
                    _ => None,
                };
                let facts = changes.iter().flat_map(|own| [fact(own), answered(own)]);
                facts.flatten().collect()
            }
            _ => Vec::new(),
        }
    }

    /// What the log is to keep with a record, and of the room of which number.
    fn changes_of(
        &self,
        place: &Place,
        facts: &[Fact],
        doing: &Doing,
    ) -> (Option<Arc<str>>, Vec<Change>) {
        let (Place::Room(id) | Place::Ranked(id, _)) = place else { return (None, Vec::new()) };
        let room = &self.rooms[id];
        let mut changes = room.changes(facts);
        let number = room.owned.as_ref().map(|owned| Arc::clone(&owned.number));
        match (doing, &number) {
            (Doing::Note { passes: Passes::Away, .. }, Some(number)) => {
                let room = &self.rooms[id];
                changes = vec![Change::Remove { path: facts::path(number, &[]) }];
                changes.push(closing(room, room.is_closed()));
            }
            (Doing::Note { passes: Passes::To(heir), .. }, Some(_)) => {
                let owned = room.owned.as_ref();
                changes.extend(owned.map(|owned| room.document(owned, heir)));
            }
            _ => {}
        }
        // From here on what is said there is not nobody's when the server ends.
        if !matches!(doing, Doing::Note { passes: Passes::Away, .. })
            && room.owned.as_ref().is_some_and(|owned| !owned.is_kept)
            && room.is_noted_closed
        {
            changes.push(closing(room, false));
        }
        (number, changes)
    }

    /// Sends changes on their way to the log. The answer to the turn comes when they are there.
    ///
    /// # Errors
    /// A sentence, if too much is on its way.
    pub(super) fn submit_changes(
        &mut self,
        turn: &mut Turn<'_>,
        changes: Arc<[Change]>,
        meant: Meant,
    ) -> Result<(), &'static str> {
        if self.pending.len() >= self.house.limits.pending_records_max {
            return Err("too much is waiting to be stored; try again in a moment");
        }
        let ticket = self.new_ticket();
        let what = Kept::Changes { changes: Arc::clone(&changes), meant };
        self.await_outcome(turn, ticket, what);
        turn.effects.push(Effect::Keep { ticket, changes });
        Ok(())
    }

    fn await_outcome(&mut self, turn: &mut Turn<'_>, ticket: Ticket, what: Kept) {
        let answer = self.join_answer(turn);
        let pending = Pending { what, sender: Some(turn.conn), answer, is_overdue: false };
        self.pending.insert(ticket, pending);
        let due = turn.now.mono + self.house.limits.append_timeout;
        self.append_deadlines.insert((due, ticket));
        let device = self.device_mut(turn.conn);
        device.n_pending += 1;
        device.latest_record = Some(ticket);
    }

    /// A record's place is fixed, or it has none: let everyone see it, or tell its sender.
    pub(super) fn appended(
        &mut self,
        now: Now,
        ticket: Ticket,
        outcome: Result<(), AppendError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(Pending { what, sender, answer, is_overdue }) = self.pending.remove(&ticket)
        else {
            return;
        };
        self.forget_name_to_be(&what);
        while let Some(first) = self.append_deadlines.first()
            && !self.pending.contains_key(&first.1)
        {
            self.append_deadlines.pop_first();
        }
        let device = sender.and_then(|sender| self.devices.get_mut(&sender));
        if let Some(device) = device.filter(|_| !is_overdue) {
            device.n_pending -= 1;
        }
        self.n_refused_records += u64::from(matches!(outcome, Err(AppendError::Refused(_))));
        match (outcome, what) {
            (Ok(()), Kept::Record(recorded)) => {
                self.tell_of_mending(&recorded.place, effects);
                self.apply(now, sender, answer, &recorded, effects);
            }
            (Err(AppendError::Known { msgid, time }), Kept::Record(Recorded { event, .. })) => {
                let first = Event::new(event.content.clone(), time, Some(msgid));
                let first = Arc::new(first.by(event.sender().clone()));
                let echoes = sender.is_some_and(|own| self.echoes_messages(own)) && !is_overdue;
                let echo = echoes.then(|| ReplyLine::Event(first));
                self.answer(sender, answer, echo, effects);
            }
            (Err(error), Kept::Record(Recorded { event, place, .. })) => {
                if let AppendError::Refused(why) = &error {
                    self.tell_of_trouble(now, &place, why, sender, effects);
                }
                let line = not_stored(&event.content, error.to_string()).reply();
                // They were told so when it took too long.
                let line = (!is_overdue).then_some(line);
                self.answer(sender, answer, line, effects);
            }
            (outcome, Kept::Changes { changes, meant }) => {
                let conn = sender.expect("who asks for changes waits for them");
                let lines = match outcome {
                    Ok(()) => self.done(now, conn, meant, &changes, effects),
                    Err(error) => vec![self.undone(&meant, &error.to_string()).reply()],
                };
                // Also to those who were told that it takes long.
                self.answer(sender, answer, lines, effects);
            }
        }
        if let Some(sender) = sender {
            self.take_waiting(now, sender, effects);
        }
    }

    /// Tells the senders of records that have waited too long; what becomes of those is not known. What
    /// is not known much later is forgotten.
    pub(super) fn tell_of_slow_records(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((due, ticket)) = self.append_deadlines.first().copied()
            && due <= now.mono
        {
            self.append_deadlines.pop_first();
            let Some(pending) = self.pending.get_mut(&ticket) else { continue };
            if pending.is_overdue {
                let forgotten = self.pending.remove(&ticket);
                if let Some(own) = &forgotten {
                    self.forget_name_to_be(&own.what);
                }
                // A name that was being registered is free again.
                if let Some(Pending { what: Kept::Changes { meant, .. }, .. }) = forgotten {
                    drop(self.undone(&meant, "it was forgotten"));
                }
                continue;
            }
            pending.is_overdue = true;
            let forgotten = due + self.house.limits.append_timeout * FORGET_AFTER;
            self.append_deadlines.insert((forgotten, ticket));
            let why = "storing it takes too long; it may still arrive";
            let line = match &pending.what {
                Kept::Record(Recorded { event, .. }) => {
                    not_stored(&event.content, why.into()).reply()
                }
                Kept::Changes { meant, .. } => {
                    meant.refusal("storing it takes too long; it may be done all the same").reply()
                }
            };
            let answer = pending.answer.take();
            let Some(sender) = pending.sender else { continue };
            if let Some(device) = self.devices.get_mut(&sender) {
                device.n_pending -= 1;
            }
            self.answer(Some(sender), answer, Some(line), effects);
            self.take_waiting(now, sender, effects);
        }
    }

    /// A room has got the name it was to get, or is whose it was to be; or will not.
    fn forget_name_to_be(&mut self, what: &Kept) {
        let Kept::Record(Recorded { doing, place, .. }) = what else { return };
        match (doing, place) {
            (Doing::Rename(name), _) => {
                self.names_to_be.remove(name.key());
            }
            (Doing::Note { passes: Passes::To(_), .. }, Place::Ranked(id, _)) => {
                if let Some(owned) = self.rooms.get_mut(id).and_then(|room| room.owned.as_mut()) {
                    owned.heir = None;
                }
            }
            _ => {}
        }
    }

    /// The answer a turn's record is a part of; the first one takes the turn's label for it.
    fn join_answer(&mut self, turn: &mut Turn<'_>) -> Option<AnswerId> {
        turn.is_answered = true;
        if let Some(label) = turn.label.take() {
            let answer = Answer { conn: turn.conn, label, lines: Vec::new(), n_records: 0 };
            self.next_answer += 1;
            self.answers.insert(self.next_answer, answer);
            turn.answer = Some(self.next_answer);
        }
        let answer = self.answers.get_mut(&turn.answer?)?;
        answer.n_records += 1;
        turn.answer
    }

    /// Answers the sender of a record that is at its end: at once, or with all that has its label.
    fn answer(
        &mut self,
        sender: Option<ConnId>,
        answer: Option<AnswerId>,
        own: impl IntoIterator<Item = ReplyLine>,
        effects: &mut Vec<Effect>,
    ) {
        let (label, lines) = match answer.and_then(|id| Some((id, self.answers.get_mut(&id)?))) {
            None => (None, own.into_iter().collect()),
            Some((id, answer)) => {
                answer.lines.extend(own);
                answer.n_records -= 1;
                if answer.n_records > 0 {
                    return;
                }
                match self.answers.remove(&id) {
                    Some(Answer { label, lines, .. }) => (Some(label), lines),
                    None => return,
                }
            }
        };
        let Some(device) = sender.and_then(|sender| self.devices.get(&sender)) else { return };
        let wants_ack =
            label.is_some() && device.capabilities.contains(Capability::LabeledResponse);
        if lines.is_empty() && !wants_ack {
            return;
        }
        let nick = Arc::clone(self.person(device.person).nick.shown());
        let reply = Reply { label, nick, lines, page: Page::Only };
        effects.push(Effect::Reply { conn: device.conn, reply });
    }

    /// What a turn has to say beside its records: its lines are part of the same labelled answer, as far as there are no
    /// lists among them. Whether there is such an answer.
    pub(super) fn add_to_answer(
        &mut self,
        answer: Option<AnswerId>,
        parts: &mut Vec<Part>,
    ) -> bool {
        let Some(answer) = answer.and_then(|id| self.answers.get_mut(&id)) else { return false };
        let mut rest = Vec::new();
        for part in parts.drain(..) {
            match part {
                Part::Line(line) if rest.is_empty() => answer.lines.push(line),
                // A list, and what comes behind it.
                part => rest.push(part),
            }
        }
        *parts = rest;
        true
    }

    /// Labelled answers of someone who has gone are nobody's.
    pub(super) fn forget_answers(&mut self, conn: ConnId) {
        self.answers.retain(|_, answer| answer.conn != conn);
    }

    /// Does what the record says and lets everyone see it. The room and its members may have
    /// changed since it was decided; who is there now is told.
    fn apply(
        &mut self,
        now: Now,
        sender: Option<ConnId>,
        answer: Option<AnswerId>,
        recorded: &Recorded,
        effects: &mut Vec<Effect>,
    ) {
        let is_message =
            matches!(recorded.event.content, Content::Message { .. } | Content::Multiline { .. });
        self.n_messages += u64::from(is_message);
        let echoes = sender.is_some_and(|own| {
            !is_message && self.devices.contains_key(&own) || self.echoes_messages(own)
        });
        if let Place::Room(id) | Place::Ranked(id, _) = &recorded.place
            && let Some(room) = self.rooms.get_mut(id)
        {
            room.seen = room.seen.max(recorded.event.time);
            self.take_facts(now, *id, recorded, effects);
        }
        match recorded.place {
            Place::Direct { person: other, .. } => {
                let name = other
                    .and_then(|other| self.people.get(&other))
                    .map(|person| person.nick.shown());
                let event =
                    name.map_or_else(|| Arc::clone(&recorded.event), |name| to(recorded, name));
                let own_copy = echoes.then(|| ReplyLine::Event(Arc::clone(&event)));
                self.answer(sender, answer, own_copy, effects);
                // To oneself, the echo has the label and the delivered copy has not
                // (labeled-response, messages to oneself).
                if let (Some(who), Some(conn)) = (recorded.sender, sender) {
                    self.tell_both(who, conn, other, &event, effects);
                }
            }
            Place::Ranked(id, sign) => {
                let name = self.rooms.get(&id).map(|room| format!("{sign}{}", room.name).into());
                let event =
                    name.map_or_else(|| Arc::clone(&recorded.event), |name| to(recorded, &name));
                if let Doing::Note { passes, reply, .. } = &recorded.doing {
                    if let Some(room) = self.rooms.get(&id) {
                        self.tell_ranked(room, sign, None, None, &event, effects);
                        self.pass_room(now, id, passes, effects);
                    }
                    return self.answer(sender, answer, reply.iter().cloned(), effects);
                }
                let own_copy = echoes.then(|| ReplyLine::Event(Arc::clone(&event)));
                self.answer(sender, answer, own_copy, effects);
                if let Some(room) = self.rooms.get(&id) {
                    self.tell_ranked(room, sign, recorded.sender, sender, &event, effects);
                }
            }
            Place::Room(id) => {
                let event = self.as_it_is_now(id, recorded);
                let (Some(event), Some(room)) = (event, self.rooms.get(&id)) else {
                    return self.answer(sender, answer, None, effects);
                };
                let echoes = echoes && recorded.sender.is_some_and(|own| room.has(own));
                // Without a label the sender's copy is like everyone else's.
                let shares_copy = echoes && answer.is_none();
                self.tell_room(room, sender.filter(|_| !shares_copy), &event, effects);
                let own_copy =
                    (echoes && !shares_copy).then(|| ReplyLine::Event(Arc::clone(&event)));
                self.answer(sender, answer, own_copy, effects);
                self.change_room(now, id, &event, &recorded.doing, effects);
            }
        }
    }

    /// What a record says of a room is so from here on, and kept if the room lasts.
    fn take_facts(&mut self, now: Now, id: RoomId, recorded: &Recorded, effects: &mut Vec<Effect>) {
        let is_nothing = recorded.facts.is_empty() && recorded.kept_of.is_none();
        if is_nothing || !self.rooms.contains_key(&id) {
            return;
        }
        // Those whom the record itself tells of it.
        let told: Vec<PersonId> = match &recorded.doing {
            Doing::Modes(changes) => changes.iter().filter_map(|own| own.what.member()).collect(),
            _ => Vec::new(),
        };
        for fact in &recorded.facts {
            self.take_fact(Some(now), id, fact, &told, effects);
        }
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let number = room.owned.as_ref().map(|owned| Arc::clone(&owned.number));
        if let Some(owned) = &mut room.owned
            && recorded.kept_of.as_ref() == Some(&owned.number)
        {
            owned.is_kept = true;
        }
        // It has become somebody's, or nobody's, while the record was on its way.
        let mut changes: Vec<Change> = Vec::new();
        if recorded.kept_of != number {
            let gone = recorded.kept_of.iter().map(|own| facts::path(own, &[]));
            changes.extend(gone.map(|path| Change::Remove { path }));
            let own = number.iter();
            changes.extend(own.flat_map(|own| recorded.facts.iter().map(|fact| fact.change(own))));
        }
        self.keep_unasked(changes, effects);
        self.note_closed(id, effects);
    }

    /// Has changes remembered that nobody waits for: what is not kept is as it was, after the next start.
    pub(super) fn keep_unasked(&mut self, changes: Vec<Change>, effects: &mut Vec<Effect>) {
        if !changes.is_empty() {
            let ticket = self.new_ticket();
            effects.push(Effect::Keep { ticket, changes: changes.into() });
        }
    }

    /// The event with the names that the room and those it names have now; `None` if there is nothing left of it,
    /// because they, or the room, have gone.
    fn as_it_is_now(&self, id: RoomId, recorded: &Recorded) -> Option<Arc<Event>> {
        let room = self.rooms.get(&id)?;
        let event = &recorded.event;
        let content = match (&event.content, &recorded.doing) {
            (Content::Kick { source, reason, .. }, Doing::Kick(kicked)) => {
                let nick = room.has(*kicked).then(|| self.person(*kicked).nick.shown())?;
                Content::Kick {
                    source: Arc::clone(source),
                    room: Arc::clone(room.name.shown()),
                    nick: Arc::clone(nick),
                    reason: Arc::clone(reason),
                }
            }
            (Content::Mode { source, .. }, Doing::Modes(changes)) => {
                let is_there = |change: &&modes::Change| {
                    change.what.member().is_none_or(|member| room.has(member))
                };
                let changes: Vec<modes::Change> =
                    changes.iter().filter(is_there).cloned().collect();
                let (letters, arguments) = self.written_changes(&changes);
                if letters.is_empty() {
                    return None;
                }
                let (source, target) = (Arc::clone(source), Arc::clone(room.name.shown()));
                Content::Mode { source, target, changes: letters.into(), arguments }
            }
            _ => return Some(to(recorded, room.name.shown())),
        };
        Some(with_content(event, content))
    }

    /// What a record changes of its room beside being seen.
    fn change_room(
        &mut self,
        now: Now,
        id: RoomId,
        event: &Arc<Event>,
        doing: &Doing,
        effects: &mut Vec<Effect>,
    ) {
        let room = self.rooms.get_mut(&id).expect("the caller found it");
        match (&event.content, doing) {
            (Content::Kick { reason, .. }, Doing::Kick(kicked)) if room.has(*kicked) => {
                self.remove_member(*kicked, id, effects);
                // The text door leads to one room; who is removed from it has nowhere to be.
                let is_text = |conn: &ConnId| self.device(*conn).door == Door::Text;
                if self.person(*kicked).devices.iter().any(is_text) {
                    let reason: Arc<str> = format!("You were removed ({reason})").into();
                    self.send_away(now, *kicked, &reason, effects);
                }
            }
            (_, Doing::Rename(name)) => self.rename_room(now, id, name, event, effects),
            (_, Doing::Modes(changes)) => {
                for change in changes {
                    let member = change.what.member().and_then(|id| room.members.get_mut(&id));
                    match (&change.what, member) {
                        (What::Operator(_), Some(rank)) => rank.is_operator = change.is_set,
                        (What::Voice(_), Some(rank)) => rank.has_voice = change.is_set,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether someone is told of their own messages.
    fn echoes_messages(&self, conn: ConnId) -> bool {
        let device = self.devices.get(&conn);
        device.is_some_and(|device| device.capabilities.contains(Capability::EchoMessage))
    }

    /// What a message is known by if it is sent again (`docs/idempotent-send.md`).
    fn nonce_of(&self, conn: ConnId, content: &Content) -> Result<Option<Arc<str>>, Refusal> {
        let (Content::Message { kind, tags, .. } | Content::Multiline { kind, tags, .. }) = content
        else {
            return Ok(None);
        };
        if !self.device(conn).capabilities.contains(Capability::Nonce) {
            return Ok(None);
        }
        let value = |tag: &str| tag.strip_prefix(NONCE_TAG)?.strip_prefix('=').map(str::to_owned);
        let Some(nonce) = tags.split(';').find_map(value) else { return Ok(None) };
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if nonce.len() > NONCE_BYTES_MAX || !nonce.bytes().all(is_sign) {
            let text = format!(
                "a nonce is 1 to {NONCE_BYTES_MAX} of the signs A-Z, a-z, 0-9, - and _: the message was not delivered"
            );
            return Err(Refusal::fail(kind.word(), "INVALID_NONCE", &[&nonce], &text));
        }
        Ok(Some(nonce.into()))
    }

    /// An id that sorts by time inside, and means nothing outside. Of the random part so much is drawn as the
    /// database has room for in six bytes.
    pub(super) fn next_msgid(&mut self, time: SystemTime) -> Arc<str> {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // `{millis:011x}{random:013x}`; formatting would be a twentieth of what the hub does for a message.
        let mut digits = [0; 24];
        let (millis, random) = digits.split_at_mut(11);
        write_hex(since_epoch.as_millis() as u64, millis);
        write_hex(self.random.next_u64() >> 17, random);
        std::str::from_utf8(&digits).expect("digits are text").into()
    }
}

/// The last digits of `number`, as many as there is room for.
fn write_hex(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}

/// Why a record of `content` is not there, for words to its sender.
fn not_stored(content: &Content, why: String) -> Refusal {
    let (command, target) = match content {
        Content::Message { kind, target, .. } | Content::Multiline { kind, target, .. } => {
            (kind.word(), target)
        }
        Content::Mode { target, .. } => ("MODE", target),
        Content::Kick { room, .. } => ("KICK", room),
        Content::Edit { target, .. } => ("EDIT", target),
        Content::Redact { target, .. } => ("REDACT", target),
        Content::Rename { room, .. } => ("RENAME", room),
        Content::Topic { room, .. } => ("TOPIC", room),
        _ => return Refusal::NotStored { command: "*", target: "*".into(), why },
    };
    Refusal::NotStored { command, target: target.to_string(), why }
}

/// Whether a message is worth keeping: tags alone pass by without the log, unless they are a reaction.
pub(super) fn is_kept(kind: MessageKind, tags: &str) -> bool {
    kind != MessageKind::Tagmsg || Reaction::of(tags).is_some()
}
