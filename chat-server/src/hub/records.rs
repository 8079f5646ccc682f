//! What passes through the room log: emitted as a record, and done when it is appended.
//!
//! Nobody sees a record before its place is fixed, so nobody sees one that could still be lost, and
//! all members of a room see one order. The echo is the acknowledgement.

use std::{sync::Arc, time::Instant};

use chat_core::proto::{Capability, MessageKind};

use super::{Effect, Hub, Now, Refusal, Turn, room::Topic};
use crate::{
    delivery::{Content, Event, Page, Reply, ReplyLine},
    ids::{ConnId, RoomId, Ticket},
    room_log::{AppendError, Conversation, Record},
};

/// A record on its way, and what is to be done when it arrives.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) event: Arc<Event>,
    pub(super) place: Place,
    /// Who is answered, unless they have gone.
    pub(super) sender: ConnId,
    label: Option<Arc<str>>,
    /// The sender has been told that it takes too long.
    pub(super) is_overdue: bool,
}

/// Where a record takes effect.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// With one other person.
    Direct(ConnId),
    /// In a room.
    Room(RoomId),
}

impl Hub {
    /// Sends `content` on its way to the log. The answer to the turn comes when it arrives.
    pub(super) fn submit(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place,
        content: Content,
    ) -> Result<(), Refusal> {
        if self.pending.len() >= self.house.limits.pending_records_max {
            let why = "too many messages are waiting to be stored; try again in a moment".into();
            return Err(Refusal::NotStored { target: target(&content).to_owned(), why });
        }
        let (conversation, time) = match place {
            Place::Room(id) => {
                let room = self.rooms.get_mut(&id).expect("the caller found it");
                (Conversation::Room(Arc::clone(room.name.key())), room.next_time(turn.now.wall))
            }
            Place::Direct(other) => {
                let mut nicks =
                    [turn.conn, other].map(|conn| Arc::clone(self.person(conn).nick.key()));
                nicks.sort_unstable();
                let [first, second] = nicks;
                (Conversation::Direct(first, second), turn.now.wall)
            }
        };
        let msgid = self.next_msgid(time);
        let event = Arc::new(Event::new(content, time, Some(msgid)));
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let record = Arc::new(Record { conversation, event: Arc::clone(&event) });
        turn.is_answered = true;
        let label = turn.label.take();
        let pending = Pending { event, place, sender: turn.conn, label, is_overdue: false };
        self.pending.insert(ticket, pending);
        self.append_deadlines.push_back((turn.now.mono + self.house.limits.append_timeout, ticket));
        self.person_mut(turn.conn).n_pending += 1;
        turn.effects.push(Effect::Append { ticket, record });
        Ok(())
    }

    /// A record's place is fixed, or it has none: let everyone see it, or tell its sender.
    pub(super) fn appended(
        &mut self,
        now: Now,
        ticket: Ticket,
        outcome: Result<(), AppendError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pending) = self.pending.remove(&ticket) else { return };
        while self
            .append_deadlines
            .front()
            .is_some_and(|(_, first)| !self.pending.contains_key(first))
        {
            self.append_deadlines.pop_front();
        }
        let sender = pending.sender;
        if let Some(person) = self.people.get_mut(&sender).filter(|_| !pending.is_overdue) {
            person.n_pending -= 1;
        }
        match outcome {
            Ok(()) => self.apply(&pending, effects),
            Err(error) if !pending.is_overdue => {
                self.tell_not_stored(&pending, error.to_string(), effects)
            }
            // They were told so when it took too long.
            Err(_) => {}
        }
        self.take_waiting(now, sender, effects);
    }

    /// Tells the senders of records that have waited too long; what becomes of those is not known.
    pub(super) fn tell_of_slow_records(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let is_due = |due: Option<&(Instant, Ticket)>| due.is_some_and(|(at, _)| *at <= now.mono);
        while is_due(self.append_deadlines.front()) {
            let Some((_, ticket)) = self.append_deadlines.pop_front() else { return };
            let Some(pending) = self.pending.get_mut(&ticket) else { continue };
            pending.is_overdue = true;
            let (sender, event, place) =
                (pending.sender, Arc::clone(&pending.event), pending.place);
            let label = pending.label.take();
            if let Some(person) = self.people.get_mut(&sender) {
                person.n_pending -= 1;
            }
            let told = Pending { event, place, sender, label, is_overdue: true };
            let why = "storing it takes too long; it may still arrive";
            self.tell_not_stored(&told, why.into(), effects);
            self.take_waiting(now, sender, effects);
        }
    }

    fn tell_not_stored(&self, pending: &Pending, why: String, effects: &mut Vec<Effect>) {
        let target = target(&pending.event.content).to_owned();
        let line = Refusal::NotStored { target, why }.reply();
        self.answer(pending, vec![line], effects);
    }

    /// Answers the sender of a record, if they are still there.
    fn answer(&self, pending: &Pending, lines: Vec<ReplyLine>, effects: &mut Vec<Effect>) {
        let Some(person) = self.people.get(&pending.sender) else { return };
        let label = pending.label.clone();
        let wants_ack =
            label.is_some() && person.capabilities.contains(Capability::LabeledResponse);
        if lines.is_empty() && !wants_ack {
            return;
        }
        let nick = Arc::clone(person.nick.shown());
        let reply = Reply { label, nick, lines, page: Page::Only };
        effects.push(Effect::Reply { conn: pending.sender, reply });
    }

    /// Does what the record says and lets everyone see it. The room and its members may have
    /// changed since it was decided; who is there now is told.
    fn apply(&mut self, pending: &Pending, effects: &mut Vec<Effect>) {
        let event = &pending.event;
        let sender = pending.sender;
        let is_message = matches!(event.content, Content::Message { .. });
        let echoes = |hub: &Self| match hub.people.get(&sender) {
            Some(person) => !is_message || person.capabilities.contains(Capability::EchoMessage),
            None => false,
        };
        match pending.place {
            Place::Direct(other) => {
                let own_copy = echoes(self).then(|| ReplyLine::Event(Arc::clone(event)));
                self.answer(pending, own_copy.into_iter().collect(), effects);
                // To oneself, the echo has the label and the delivered copy has not
                // (labeled-response, messages to oneself).
                if self.people.contains_key(&other) {
                    self.tell(other, event, effects);
                }
            }
            Place::Room(id) => {
                let Some(room) = self.rooms.get(&id) else {
                    return self.answer(pending, Vec::new(), effects);
                };
                let echoes = echoes(self) && room.has(sender);
                // Without a label the sender's copy is like everyone else's.
                let shares_copy = echoes && pending.label.is_none();
                self.tell_room(room, Some(sender).filter(|_| !shares_copy), event, effects);
                let own_copy =
                    (echoes && !shares_copy).then(|| ReplyLine::Event(Arc::clone(event)));
                self.answer(pending, own_copy.into_iter().collect(), effects);
                self.change_room(id, event, effects);
            }
        }
    }

    /// What a record changes of its room beside being seen.
    fn change_room(&mut self, id: RoomId, event: &Arc<Event>, effects: &mut Vec<Effect>) {
        match &event.content {
            Content::Kick { nick, .. } => {
                let kicked = self.find_person(nick).map(|person| person.conn);
                if let Ok(conn) = kicked
                    && self.rooms[&id].has(conn)
                {
                    self.remove_member(conn, id, effects);
                }
            }
            Content::Mode { changes, arguments, .. } => self.apply_modes(id, changes, arguments),
            Content::Topic { source, topic, .. } => {
                let room = self.rooms.get_mut(&id).expect("the caller found it");
                let is_cleared = topic.is_empty();
                let (text, by) = (Arc::clone(topic), Arc::clone(source));
                room.topic = (!is_cleared).then_some(Topic { text, by, at: event.time });
            }
            _ => {}
        }
    }

    /// An id that sorts by time inside, and means nothing outside.
    pub(super) fn next_msgid(&mut self, time: std::time::SystemTime) -> Arc<str> {
        let since_epoch = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        format!("{:011x}{:013x}", since_epoch.as_millis(), self.random.u64(..1 << 52)).into()
    }
}

/// Whom or what a record is about, for words to its sender.
fn target(content: &Content) -> &str {
    match content {
        Content::Message { target, .. } | Content::Mode { target, .. } => target,
        Content::Kick { room, .. } | Content::Topic { room, .. } => room,
        _ => "*",
    }
}

/// Whether a message is worth keeping: tags alone pass by without the log.
pub(super) fn is_kept(kind: MessageKind) -> bool {
    kind != MessageKind::Tagmsg
}
