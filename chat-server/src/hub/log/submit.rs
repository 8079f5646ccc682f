//! What passes through the room log: emitted as a record, and done when it is appended.
//!
//! Nobody sees a record before its place is fixed, so nobody sees one that could still be lost, and
//! all members of a room see one order. The echo is the acknowledgement.

use std::{sync::Arc, time::SystemTime};

use chat_core::proto::{Capability, CaseMapping, MessageKind, NONCE_TAG, RoomName};

use rand_chacha::rand_core::Rng;

use super::{
    Effect, Hub, Now, Refusal, Turn,
    facts::{self, Fact},
    kept::ChangePurpose,
    labels::ResponseId,
    modes::{self, List, Mode},
    pending::Arrived,
    room::Topic,
};
use crate::{
    delivery::{Content, Event, ReplyLine, Sender},
    ids::{ConnId, PersonId, RoomId, Ticket},
    reaction::Reaction,
    room_log::{AppendError, Change, Conversation, Record, THE_SERVER},
};

/// Something on its way to the log, and what is to be done when it is there.
#[derive(Debug)]
pub(super) struct Pending {
    what: PendingWork,
    /// Who is answered, unless they have gone; nobody, if the server does it by itself.
    pub(super) sender: Option<ConnId>,
    /// The labelled answer it is a part of.
    answer: Option<ResponseId>,
}

/// What is on its way.
#[derive(Debug)]
enum PendingWork {
    /// A record.
    Record(Recorded),
    /// Changes of what the server knows, and what they are for.
    Changes { changes: Arc<[Change]>, purpose: Box<ChangePurpose> },
}

/// A record on its way.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) event: Arc<Event>,
    /// Who caused it, if it is not the server.
    pub(super) sender: Option<PersonId>,
    pub(super) place: Destination,
    /// Apart, since most records are messages and have none.
    pub(super) more: Option<Box<More>>,
}

impl Recorded {
    /// What it does beside being seen.
    pub(super) fn action(&self) -> &RecordAction {
        self.more.as_ref().map_or(&RecordAction::Nothing, |more| &more.action)
    }
}

/// What follows from a record beside its being seen.
#[derive(Debug)]
pub(super) struct More {
    pub(super) action: RecordAction,
    /// What is so in the room from then on.
    pub(super) facts: Vec<Fact>,
    /// The room's number, if the log keeps these with the record.
    pub(super) kept_of: Option<Arc<str>>,
}

/// What a record does beside being seen. Whom it names may go or take other nicks meanwhile.
#[derive(Debug)]
pub(super) enum RecordAction {
    /// Nothing, or what the content says.
    Nothing,
    /// Someone leaves the room.
    Kick(PersonId),
    /// Modes change.
    Modes(Vec<modes::ModeChange>),
    /// Something that those who operate the room read of, in the name of the server.
    Notice {
        /// What is so from then on.
        facts: Vec<Fact>,
        /// Whose the room is from then on.
        owner_change: OwnerChange,
        /// What whoever has done it is told.
        reply: Vec<ReplyLine>,
    },
    /// The room gets another name.
    Rename(RoomName),
}

/// Whose a room is from then on.
#[derive(Debug)]
pub(super) enum OwnerChange {
    /// It is nobody's.
    Disowned,
    /// It stays whose it is.
    None,
    /// That account's, by its folded name.
    Given(Arc<str>),
}

/// What tells the log whether what was said in a room is nobody's if the server ends.
fn closing(room: &super::room::Room, is_closed: bool) -> Change {
    Change::Close { room: Arc::clone(room.name.key()), is_closed }
}

/// Bytes of a nonce.
const NONCE_BYTES_MAX: usize = 64;

/// What is to be recorded.
struct Said {
    content: Content,
    /// By the clock; the record may be a little later, so that times rise.
    at: SystemTime,
    /// Who said it, as direct conversations name them.
    by: Arc<str>,
    sender: Sender,
}

/// Where a record takes effect.
#[derive(Debug, Clone)]
pub(super) enum Destination {
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
        place: Destination,
        content: Content,
        action: RecordAction,
    ) -> Result<(), Refusal> {
        if self.pending.len() >= self.settings.limits.pending_records_max {
            let why = "too many messages are waiting to be stored; try again in a moment";
            return Err(not_stored(&content, why.into()));
        }
        let nonce = self.nonce_of(turn.conn, &content)?;
        let (by, sender) = if matches!(action, RecordAction::Notice { .. }) {
            (THE_SERVER.into(), Sender::default())
        } else {
            (self.identity_of(turn.person), self.person(turn.person).as_sender())
        };
        let said = Said { content, at: turn.now.wall, by, sender };
        let (mut recorded, mut record) = self.record(said, place, action);
        recorded.sender = Some(turn.person);
        record.nonce = nonce;
        let ticket = self.new_ticket();
        self.await_outcome(turn, ticket, PendingWork::Record(recorded));
        turn.effects.push(Effect::Append { ticket, record: Arc::new(record) });
        Ok(())
    }

    /// The same of what the server does by itself in a room; whether there is place for it.
    pub(super) fn submit_unasked(
        &mut self,
        now: Now,
        place: Destination,
        content: Content,
        action: RecordAction,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if self.pending.len() >= self.settings.limits.pending_records_max {
            return false;
        }
        let (by, sender) = (THE_SERVER.into(), Sender::default());
        let said = Said { content, at: now.wall, by, sender };
        let (recorded, record) = self.record(said, place, action);
        let ticket = self.new_ticket();
        let pending = Pending { what: PendingWork::Record(recorded), sender: None, answer: None };
        self.pending.insert(ticket, now.mono, pending);
        effects.push(Effect::Append { ticket, record: Arc::new(record) });
        true
    }

    /// What is waited for, and what is to be kept.
    fn record(
        &mut self,
        said: Said,
        place: Destination,
        action: RecordAction,
    ) -> (Recorded, Record) {
        let Said { content, at, by, sender } = said;
        let (conversation, time) = match &place {
            Destination::Room(id) => {
                let room = self.rooms.get_mut(id).expect("the caller found it");
                (Conversation::Room(Arc::clone(room.name.key())), room.next_time(at))
            }
            Destination::Ranked(id, sign) => {
                let room = self.rooms.get_mut(id).expect("the caller found it");
                let key = Arc::clone(room.name.key());
                (Conversation::Ranked(key, *sign), room.next_time(at))
            }
            Destination::Direct { identity, .. } => {
                let mut both = [Arc::clone(&by), Arc::clone(identity)];
                both.sort_unstable();
                let [first, second] = both;
                // Times never fall, though the clock may.
                self.latest_record = self.latest_record.max(at);
                (Conversation::Direct(first, second), self.latest_record)
            }
        };
        let facts = self.facts_of(&place, &content, &action, time);
        let (kept_of, changes) = self.changes_of(&place, &facts, &action);
        let msgid = self.next_msgid(time);
        let event = Arc::new(Event::new(content, time, Some(msgid)).by(sender));
        // Most say nothing that the log is to know again.
        let kept_of = kept_of.filter(|_| !changes.is_empty());
        if let (Destination::Room(id) | Destination::Ranked(id, _), Some(_)) = (&place, &kept_of) {
            self.note_written(*id);
        }
        if let (
            Destination::Ranked(id, _),
            RecordAction::Notice { owner_change: OwnerChange::Given(successor), .. },
        ) = (&place, &action)
            && let Some(ownership) = self.rooms.get_mut(id).and_then(|room| room.ownership.as_mut())
        {
            ownership.successor = Some(Arc::clone(successor));
        }
        if let (Destination::Room(id), RecordAction::Rename(name)) = (&place, &action) {
            self.reserved_names.insert(Arc::clone(name.key()), *id);
        }
        let record = Record { conversation, by, event: Arc::clone(&event), nonce: None, changes };
        let is_plain =
            matches!(action, RecordAction::Nothing) && facts.is_empty() && kept_of.is_none();
        let more = (!is_plain).then(|| Box::new(More { action, facts, kept_of }));
        (Recorded { event, sender: None, place, more }, record)
    }

    /// What is so in a room when a record is there.
    fn facts_of(
        &self,
        place: &Destination,
        content: &Content,
        action: &RecordAction,
        time: SystemTime,
    ) -> Vec<Fact> {
        if let RecordAction::Notice { facts, .. } = action {
            return facts.clone();
        }
        let Destination::Room(id) = place else { return Vec::new() };
        match (content, action) {
            (Content::Topic { source, topic, .. }, _) => {
                let (text, by) = (Arc::clone(topic), Arc::clone(source));
                let topic = (!topic.is_empty()).then_some(Topic { text, by, at: time });
                vec![Fact::Topic(topic)]
            }
            (Content::Mode { source, .. }, RecordAction::Modes(changes)) => {
                let ownership = self.rooms[id].ownership.is_some();
                let account =
                    |who: PersonId| self.person(who).account.as_deref().filter(|_| ownership);
                let fact = |change: &modes::ModeChange| match &change.what {
                    Mode::Operator(who) => {
                        let account = CaseMapping::Ascii.fold(account(*who)?).into();
                        Some(Fact::Operator(account, change.is_set.then_some(time)))
                    }
                    Mode::Voice(who) => {
                        let account = CaseMapping::Ascii.fold(account(*who)?).into();
                        Some(Fact::Voice(account, change.is_set))
                    }
                    _ => change.fact(source, time),
                };
                // Who is let in asks no more.
                let answered = |change: &modes::ModeChange| match &change.what {
                    Mode::Listed(List::Invited, mask, _) if change.is_set => {
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
        place: &Destination,
        facts: &[Fact],
        action: &RecordAction,
    ) -> (Option<Arc<str>>, Vec<Change>) {
        let (Destination::Room(id) | Destination::Ranked(id, _)) = place else {
            return (None, Vec::new());
        };
        let room = &self.rooms[id];
        let mut changes = room.changes(facts);
        let number = room.ownership.as_ref().map(|ownership| Arc::clone(&ownership.number));
        match (action, &number) {
            (RecordAction::Notice { owner_change: OwnerChange::Disowned, .. }, Some(number)) => {
                let room = &self.rooms[id];
                changes = vec![Change::Remove { path: facts::path(number, &[]) }];
                changes.push(closing(room, room.is_closed()));
            }
            (RecordAction::Notice { owner_change: OwnerChange::Given(successor), .. }, Some(_)) => {
                let ownership = room.ownership.as_ref();
                changes.extend(ownership.map(|ownership| room.document(ownership, successor)));
            }
            _ => {}
        }
        // From here on what is said there is not nobody's when the server ends.
        if !matches!(action, RecordAction::Notice { owner_change: OwnerChange::Disowned, .. })
            && room.ownership.as_ref().is_some_and(|ownership| !ownership.is_kept)
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
        purpose: ChangePurpose,
    ) -> Result<(), &'static str> {
        if self.pending.len() >= self.settings.limits.pending_records_max {
            return Err("too much is waiting to be stored; try again in a moment");
        }
        let ticket = self.new_ticket();
        let what =
            PendingWork::Changes { changes: Arc::clone(&changes), purpose: Box::new(purpose) };
        self.await_outcome(turn, ticket, what);
        turn.effects.push(Effect::Persist { ticket, changes });
        Ok(())
    }

    fn await_outcome(&mut self, turn: &mut Turn<'_>, ticket: Ticket, what: PendingWork) {
        let answer = self.join_response(turn);
        let pending = Pending { what, sender: Some(turn.conn), answer };
        self.pending.insert(ticket, turn.now.mono, pending);
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
        let Some(Arrived { what: pending, is_overdue }) = self.pending.take(ticket) else {
            return;
        };
        let Pending { what, sender, answer } = pending;
        self.release_reserved_name(&what);
        let device = sender.and_then(|sender| self.devices.get_mut(sender));
        if let Some(device) = device.filter(|_| !is_overdue) {
            device.n_pending -= 1;
        }
        self.n_refused_records += u64::from(matches!(outcome, Err(AppendError::Refused(_))));
        match (outcome, what) {
            (Ok(()), PendingWork::Record(recorded)) => {
                self.tell_of_mending(&recorded.place, effects);
                self.apply(now, sender, answer, &recorded, effects);
            }
            (
                Err(AppendError::Known { msgid, time }),
                PendingWork::Record(Recorded { event, .. }),
            ) => {
                let first = Event::new(event.content.clone(), time, Some(msgid));
                let first = Arc::new(first.by(event.sender().clone()));
                let echoes = sender.is_some_and(|own| self.echoes_messages(own)) && !is_overdue;
                let echo = echoes.then(|| ReplyLine::Event(first));
                self.answer(sender, answer, echo, effects);
            }
            (Err(error), PendingWork::Record(Recorded { event, place, .. })) => {
                if let AppendError::Refused(why) = &error {
                    self.tell_of_trouble(now, &place, why, sender, effects);
                }
                let line = not_stored(&event.content, error.to_string()).reply();
                // They were told so when it took too long.
                let line = (!is_overdue).then_some(line);
                self.answer(sender, answer, line, effects);
            }
            (outcome, PendingWork::Changes { changes, purpose }) => {
                let conn = sender.expect("who asks for changes waits for them");
                let lines = match outcome {
                    Ok(()) => self.done(now, conn, *purpose, &changes, effects),
                    Err(error) => vec![self.undone(&purpose, &error.to_string()).reply()],
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
        let timeout = self.settings.limits.append_timeout;
        while let Some((ticket, since, mut pending)) = self.pending.pop_slow(now.mono, timeout) {
            let why = "storing it takes too long; it may still arrive";
            let line = match &pending.what {
                PendingWork::Record(Recorded { event, .. }) => {
                    not_stored(&event.content, why.into()).reply()
                }
                PendingWork::Changes { purpose, .. } => purpose
                    .refusal("storing it takes too long; it may be done all the same")
                    .reply(),
            };
            let (sender, answer) = (pending.sender, pending.answer.take());
            self.pending.keep_overdue(ticket, since, pending);
            let Some(sender) = sender else { continue };
            if let Some(device) = self.devices.get_mut(sender) {
                device.n_pending -= 1;
            }
            self.answer(Some(sender), answer, Some(line), effects);
            self.take_waiting(now, sender, effects);
        }
        while let Some(Pending { what, .. }) = self.pending.pop_lost(now.mono, timeout) {
            self.release_reserved_name(&what);
            // A name that was being registered is free again.
            if let PendingWork::Changes { purpose, .. } = what {
                drop(self.undone(&purpose, "it was forgotten"));
            }
        }
    }

    /// A room has got the name it was to get, or is whose it was to be; or will not.
    fn release_reserved_name(&mut self, what: &PendingWork) {
        let PendingWork::Record(recorded) = what else { return };
        match (recorded.action(), &recorded.place) {
            (RecordAction::Rename(name), _) => {
                self.reserved_names.remove(name.key());
            }
            (
                RecordAction::Notice { owner_change: OwnerChange::Given(_), .. },
                Destination::Ranked(id, _),
            ) => {
                if let Some(ownership) =
                    self.rooms.get_mut(id).and_then(|room| room.ownership.as_mut())
                {
                    ownership.successor = None;
                }
            }
            _ => {}
        }
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
