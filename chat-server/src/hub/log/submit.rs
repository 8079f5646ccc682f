//! Submitting to the room log: emitted as a record, and done when it is appended.
//!
//! Nobody sees a record before its place is fixed, so nobody sees one that could still be lost, and
//! all members of a room see one order. The echo is the acknowledgement.

use std::{sync::Arc, time::SystemTime};

use chat_core::proto::{Capability, CaseMapping, NONCE_TAG};

use crate::{
    delivery::{RecordContent, Sender},
    hub::{
        Hub,
        effect::Effect,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            change_purpose::ChangePurpose,
            device::Device,
            facts::{self, Fact},
            labeled_response::LabeledResponse,
            masks,
            modes::{self, List, Mode},
            pending_record::{
                Destination, More, OwnerChange, Pending, PendingWork, RecordAction, Recorded,
                not_stored,
            },
            room,
            rooms::Rooms,
            slots::Slot,
            topic::Topic,
        },
    },
    ids::{ConnId, PersonId, Ticket},
    record::RecordEvent,
    room_log::{Change, Conversation, Record, THE_SERVER},
};

/// The words to who asks for more than can be stored now.
const TOO_MUCH: &str = "too much is waiting to be stored; try again in a moment";

/// Bytes of a nonce.
const NONCE_BYTES_MAX: usize = 64;

/// The content to be recorded, and its circumstances.
struct Said {
    content: RecordContent,
    /// The time by the clock; the record may be a little later, so that times rise.
    at: SystemTime,
    /// The person who said it, as direct conversations name them.
    by: Arc<str>,
    sender: Sender,
}

impl Hub {
    /// Sends `content` on its way to the log. The answer to the turn comes when
    /// it arrives.
    pub(crate) fn submit(
        &mut self,
        turn: &mut Turn,
        place: Destination,
        content: RecordContent,
        action: RecordAction,
    ) -> Result<(), Refusal> {
        if self.awaited.n_pending() >= self.settings.limits.pending_records_max {
            let why = "too many messages are waiting to be stored; try again in a moment";
            return Err(not_stored(&content, why.into()));
        }
        if !matches!(action, RecordAction::Nothing)
            || matches!(content, RecordContent::Topic { .. })
        {
            self.check_bytes_of_record(&place, &content, &action)?;
        }
        let nonce = nonce_of(self.people.device(turn.conn), &content)?;
        let (by, sender) = if matches!(action, RecordAction::Notice { .. }) {
            (THE_SERVER.into(), Sender::default())
        } else {
            (self.identity_of(turn.person), self.people.person(turn.person).as_sender())
        };
        if let Destination::Room(id) | Destination::Ranked(id, _) = &place {
            self.note_room_use(*id);
        }
        let said = Said { content, at: self.now().wall, by, sender };
        let (mut recorded, mut record) = self.record(said, place, action);
        recorded.sender = Some(turn.person);
        record.nonce = nonce;
        let ticket = self.awaited.new_ticket();
        self.await_outcome(turn, ticket, PendingWork::Record(recorded));
        self.out.push(Effect::Append { ticket, record: Arc::new(record) });
        Ok(())
    }

    /// Submits a record of what the server does by itself in a room. Gives whether there is place for it.
    pub(crate) fn submit_unasked(
        &mut self,
        place: Destination,
        content: RecordContent,
        action: RecordAction,
    ) -> bool {
        let now = self.now();
        if self.awaited.n_pending() >= self.settings.limits.pending_records_max {
            return false;
        }
        let (by, sender) = (THE_SERVER.into(), Sender::default());
        let said = Said { content, at: now.wall, by, sender };
        let (recorded, record) = self.record(said, place, action);
        let ticket = self.awaited.new_ticket();
        let pending = Pending { what: PendingWork::Record(recorded), sender: None, answer: None };
        self.pend(ticket, pending);
        self.out.push(Effect::Append { ticket, record: Arc::new(record) });
        true
    }

    /// The record, and what waits for it.
    fn record(
        &mut self,
        said: Said,
        place: Destination,
        action: RecordAction,
    ) -> (Recorded, Record) {
        let Said { content, at, by, sender } = said;
        let (conversation, time) = match &place {
            Destination::Room(id) => {
                let room = self.rooms.room_mut(*id);
                (Conversation::Room(room.conversation), room.next_time(at))
            }
            Destination::Ranked(id, sign) => {
                let room = self.rooms.room_mut(*id);
                (Conversation::Ranked(room.conversation, *sign), room.next_time(at))
            }
            Destination::Direct { identity, .. } => {
                let mut both = [Arc::clone(&by), Arc::clone(identity)];
                both.sort_unstable();
                let [first, second] = both;
                (Conversation::Direct(first, second), self.rooms.next_direct_time(at))
            }
        };
        let facts = self.facts_of(&place, &content, &action, time);
        let (kept_of, changes) = changes_of(&self.rooms, &place, &facts, &action);
        let msgid = self.next_msgid(time);
        let event = RecordEvent::new(content, time, msgid, sender);
        // Most say nothing that the log is to know again.
        let kept_of = kept_of.filter(|_| !changes.is_empty());
        if let (Destination::Room(id) | Destination::Ranked(id, _), Some(_)) = (&place, &kept_of) {
            self.rooms.note_written(*id);
        }
        if let (
            Destination::Ranked(id, _),
            RecordAction::Notice { owner_change: OwnerChange::Given(successor), .. },
        ) = (&place, &action)
        {
            self.rooms.set_successor(*id, Some(Arc::clone(successor)));
        }
        if let (Destination::Room(id), RecordAction::Rename(name)) = (&place, &action) {
            self.rooms.reserve_name(name, *id);
        }
        let record = Record { conversation, by, event: event.clone(), nonce: None, changes };
        let is_plain =
            matches!(action, RecordAction::Nothing) && facts.is_empty() && kept_of.is_none();
        let more = (!is_plain).then(|| Box::new(More { action, facts, kept_of }));
        (Recorded { event, sender: None, place, more }, record)
    }

    /// The facts of a room once a record is there.
    pub(super) fn facts_of(
        &self,
        place: &Destination,
        content: &RecordContent,
        action: &RecordAction,
        time: SystemTime,
    ) -> Vec<Fact> {
        if let RecordAction::Notice { facts, .. } = action {
            return facts.clone();
        }
        let Destination::Room(id) = place else { return Vec::new() };
        match (content, action) {
            (RecordContent::Topic { source, topic, .. }, _) => {
                let (text, by) = (Arc::clone(topic), Arc::clone(source));
                let topic = (!topic.is_empty()).then_some(Topic { text, by, at: time });
                vec![Fact::Topic(topic)]
            }
            (RecordContent::Mode { source, .. }, RecordAction::Modes(changes)) => {
                let ownership = self.rooms[id].ownership.is_some();
                let account = |who: PersonId| {
                    self.people.person(who).account.as_deref().filter(|_| ownership)
                };
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
                        let account = CaseMapping::Ascii.fold(masks::account_of(mask)?);
                        let asking = self.rooms[id].asking.get_key_value(&*account);
                        asking.map(|(account, _)| Fact::Asking(Arc::clone(account), None))
                    }
                    _ => None,
                };
                let facts = changes.iter().flat_map(|own| [fact(own), answered(own)]);
                facts.flatten().collect()
            }
            (
                RecordContent::Edit { .. }
                | RecordContent::Kick { .. }
                | RecordContent::Message { .. }
                | RecordContent::Mode { .. }
                | RecordContent::Multiline { .. }
                | RecordContent::Redact { .. }
                | RecordContent::Rename { .. },
                _,
            ) => Vec::new(),
        }
    }

    /// Sends changes on their way to the log. The answer to the turn comes when they are there.
    ///
    /// # Errors
    /// A sentence, if too much is on its way.
    pub(crate) fn submit_changes(
        &mut self,
        turn: &mut Turn,
        changes: Arc<[Change]>,
        purpose: ChangePurpose,
    ) -> Result<(), &'static str> {
        if self.awaited.n_pending() >= self.settings.limits.pending_records_max {
            return Err(TOO_MUCH);
        }
        let ticket = self.awaited.new_ticket();
        let what =
            PendingWork::Changes { changes: Arc::clone(&changes), purpose: Box::new(purpose) };
        self.await_outcome(turn, ticket, what);
        self.out.push(Effect::Persist { ticket, changes });
        Ok(())
    }

    /// Keeps what is on its way, which has its slots from here on.
    fn pend(&mut self, ticket: Ticket, pending: Pending) {
        let slots = Slot::of_work(&self.rooms, &pending.what);
        self.awaited.insert_pending(ticket, self.now().mono, pending, slots);
    }

    /// Sends changes that a newcomer asks for on their way to the log. The answer, with this label, comes when they are there.
    ///
    /// # Errors
    /// When too much waits for the log.
    pub(crate) fn submit_early(
        &mut self,
        conn: ConnId,
        label: Option<Arc<str>>,
        changes: Arc<[Change]>,
        purpose: ChangePurpose,
    ) -> Result<(), &'static str> {
        if self.awaited.n_pending() >= self.settings.limits.pending_records_max {
            return Err(TOO_MUCH);
        }
        let ticket = self.awaited.new_ticket();
        let what =
            PendingWork::Changes { changes: Arc::clone(&changes), purpose: Box::new(purpose) };
        let response = |label| LabeledResponse { conn, label, lines: Vec::new(), n_records: 1 };
        let answer = label.map(|label| self.awaited.insert_response(response(label)));
        let pending = Pending { what, sender: Some(conn), answer };
        self.pend(ticket, pending);
        self.out.push(Effect::Persist { ticket, changes });
        Ok(())
    }

    fn await_outcome(&mut self, turn: &mut Turn, ticket: Ticket, what: PendingWork) {
        let answer = self.join_response(turn);
        let pending = Pending { what, sender: Some(turn.conn), answer };
        self.pend(ticket, pending);
        let device = self.people.device_mut(turn.conn);
        device.n_pending += 1;
        device.latest_record = Some(ticket);
    }
}

/// The change that tells the log whether what was said in a room is nobody's if the server ends.
fn closing(room: &room::Room, is_closed: bool) -> Change {
    Change::Close { conversation: room.conversation, is_closed }
}

/// The changes that the log is to keep with a record, and of the room of which number.
fn changes_of(
    rooms: &Rooms,
    place: &Destination,
    facts: &[Fact],
    action: &RecordAction,
) -> (Option<Arc<str>>, Vec<Change>) {
    let (Destination::Room(id) | Destination::Ranked(id, _)) = place else {
        return (None, Vec::new());
    };
    let room = &rooms[id];
    let mut changes = room.changes(facts);
    let number = room.ownership.as_ref().map(|ownership| Arc::clone(&ownership.number));
    match (action, &number) {
        (RecordAction::Notice { owner_change: OwnerChange::Disowned, .. }, Some(number)) => {
            let room = &rooms[id];
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

/// The nonce a message is known by if it is sent again (`docs/idempotent-send.md`).
fn nonce_of(device: &Device, content: &RecordContent) -> Result<Option<Arc<str>>, Refusal> {
    let (RecordContent::Message { kind, tags, .. } | RecordContent::Multiline { kind, tags, .. }) =
        content
    else {
        return Ok(None);
    };
    if !device.capabilities.contains(Capability::Nonce) {
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
