//! Applying a record when its place in the log is fixed: whom it is told, and what is so from then on.

use std::sync::Arc;

use crate::{
    delivery::{Content, Event, RecordContent, ReplyLine},
    hub::{
        Hub,
        input::Door,
        state::{
            facts,
            labeled_response::ResponseId,
            modes::{self, Mode},
            pending_record::{Destination, More, RecordAction, Recorded},
        },
    },
    ids::{ConnId, PersonId, RoomId},
    record::RecordEvent,
    room_log::Change,
};

impl Hub {
    /// Does what the record says and lets everyone see it. The room and its members may have
    /// changed since it was decided; who is there now is told.
    pub(crate) fn apply(
        &mut self,
        sender: Option<ConnId>,
        answer: Option<ResponseId>,
        recorded: &Recorded,
    ) {
        let is_message = matches!(
            recorded.event.content,
            Content::Record(RecordContent::Message { .. } | RecordContent::Multiline { .. })
        );
        self.n_messages += u64::from(is_message);
        let echoes = sender.is_some_and(|own| {
            !is_message && self.people.has_device(own) || self.people.echoes_messages(own)
        });
        if let Destination::Room(id) | Destination::Ranked(id, _) = &recorded.place
            && let Some(room) = self.rooms.get_mut(*id)
        {
            room.has_shown(recorded.event.time);
            self.take_facts(*id, recorded);
        }
        match recorded.place {
            Destination::Direct { person: other, .. } => {
                self.rooms.has_told(recorded.event.time);
                let name = other
                    .and_then(|other| self.people.get(other))
                    .map(|person| person.nick.shown());
                let event =
                    name.map_or_else(|| Arc::clone(&recorded.event), |name| to(recorded, name));
                let own_copy = echoes.then(|| ReplyLine::Event(Arc::clone(&event)));
                self.answer(sender, answer, own_copy);
                // To oneself, the echo has the label and the delivered copy has not
                // (labeled-response, messages to oneself).
                if let (Some(who), Some(conn)) = (recorded.sender, sender) {
                    self.tell_both(who, conn, other, &event);
                }
            }
            Destination::Ranked(id, sign) => {
                let name = self.rooms.get(id).map(|room| format!("{sign}{}", room.name).into());
                let event =
                    name.map_or_else(|| Arc::clone(&recorded.event), |name| to(recorded, &name));
                if let RecordAction::Notice { owner_change, reply, .. } = recorded.action() {
                    if let Some(room) = self.rooms.get(id) {
                        self.tell_ranked(room, sign, None, None, &event);
                        self.change_owner(id, owner_change);
                    }
                    return self.answer(sender, answer, reply.iter().cloned());
                }
                let own_copy = echoes.then(|| ReplyLine::Event(Arc::clone(&event)));
                self.answer(sender, answer, own_copy);
                if let Some(room) = self.rooms.get(id) {
                    self.tell_ranked(room, sign, recorded.sender, sender, &event);
                }
            }
            Destination::Room(id) => {
                let event = self.as_it_is_now(id, recorded);
                let (Some(event), Some(room)) = (event, self.rooms.get(id)) else {
                    return self.answer(sender, answer, None);
                };
                let echoes = echoes && recorded.sender.is_some_and(|own| room.has(own));
                // Without a label the sender's copy is like everyone else's.
                let shares_copy = echoes && answer.is_none();
                self.tell_room(room, sender.filter(|_| !shares_copy), &event);
                let own_copy =
                    (echoes && !shares_copy).then(|| ReplyLine::Event(Arc::clone(&event)));
                self.answer(sender, answer, own_copy);
                self.change_room(id, &event, recorded.action());
            }
        }
    }

    /// Takes the facts a record says of a room, which are kept if it is registered.
    fn take_facts(&mut self, id: RoomId, recorded: &Recorded) {
        let Some(More { action, facts, kept_of }) = recorded.more.as_deref() else { return };
        if facts.is_empty() && kept_of.is_none() || !self.rooms.contains(id) {
            return;
        }
        // Those whom the record itself tells of it.
        let told: Vec<PersonId> = match action {
            RecordAction::Modes(changes) => {
                changes.iter().filter_map(|own| own.what.member()).collect()
            }
            _ => Vec::new(),
        };
        for fact in facts {
            self.take_fact(id, fact, &told);
        }
        let Some(room) = self.rooms.get_mut(id) else { return };
        let number = room.ownership.as_ref().map(|ownership| Arc::clone(&ownership.number));
        if let Some(ownership) = &mut room.ownership
            && kept_of.as_ref() == Some(&ownership.number)
        {
            ownership.is_kept = true;
        }
        // It has become somebody's, or nobody's, while the record was on its way.
        let mut changes: Vec<Change> = Vec::new();
        if *kept_of != number {
            let gone = kept_of.iter().map(|own| facts::path(own, &[]));
            changes.extend(gone.map(|path| Change::Remove { path }));
            let own = number.iter();
            changes.extend(own.flat_map(|own| facts.iter().map(|fact| fact.change(own))));
        }
        self.persist_unasked(changes);
        self.note_closed(id);
    }

    /// The event with the names that the room and those it names have now; `None` if there is nothing left of it,
    /// because they, or the room, have gone.
    fn as_it_is_now(&self, id: RoomId, recorded: &Recorded) -> Option<Arc<Event>> {
        let room = self.rooms.get(id)?;
        let event = &recorded.event;
        let content = match (event.content(), recorded.action()) {
            (RecordContent::Kick { source, reason, .. }, RecordAction::Kick(kicked)) => {
                let nick = room.has(*kicked).then(|| self.people.person(*kicked).nick.shown())?;
                RecordContent::Kick {
                    source: Arc::clone(source),
                    room: Arc::clone(room.name.shown()),
                    nick: Arc::clone(nick),
                    reason: Arc::clone(reason),
                }
            }
            (RecordContent::Mode { source, .. }, RecordAction::Modes(changes)) => {
                let is_there = |change: &&modes::ModeChange| {
                    change.what.member().is_none_or(|member| room.has(member))
                };
                let changes: Vec<modes::ModeChange> =
                    changes.iter().filter(is_there).cloned().collect();
                let (letters, arguments) = self.people.written_changes(&changes);
                if letters.is_empty() {
                    return None;
                }
                let (source, target) = (Arc::clone(source), Arc::clone(room.name.shown()));
                RecordContent::Mode { source, target, changes: letters.into(), arguments }
            }
            _ => return Some(to(recorded, room.name.shown())),
        };
        Some(with_content(event, content))
    }

    /// Changes the room as a record does beside being seen.
    fn change_room(&mut self, id: RoomId, event: &Arc<Event>, action: &RecordAction) {
        let room = self.rooms.room_mut(id);
        match (&event.content, action) {
            (Content::Record(RecordContent::Kick { reason, .. }), RecordAction::Kick(kicked))
                if room.has(*kicked) =>
            {
                self.remove_member(*kicked, id);
                // The text door leads to one room; who is removed from it has nowhere to be.
                let is_text = |conn: &ConnId| self.people.device(*conn).door == Door::Text;
                if self.people.person(*kicked).devices.iter().any(is_text) {
                    let reason: Arc<str> = format!("You were removed ({reason})").into();
                    self.send_away(*kicked, &reason);
                }
            }
            (_, RecordAction::Rename(name)) => self.rename_room(id, name, event),
            (_, RecordAction::Modes(changes)) => {
                for change in changes {
                    let account = change.what.member().and_then(|who| self.people.get(who));
                    self.accounts.stir(account.and_then(|own| own.account.as_deref()));
                    let member = change.what.member().and_then(|id| room.members.rank_mut(id));
                    match (&change.what, member) {
                        (Mode::Operator(_), Some(rank)) => rank.is_operator = change.is_set,
                        (Mode::Voice(_), Some(rank)) => rank.has_voice = change.is_set,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// A record's event, to the person or in the room that is called so now.
fn to(recorded: &Recorded, name: &Arc<str>) -> Arc<Event> {
    if recorded.event.content().target() == name {
        return Arc::clone(&recorded.event);
    }
    let mut content = recorded.event.content().clone();
    *content.target_mut() = Arc::clone(name);
    with_content(&recorded.event, content)
}

/// The event with another content, if it is another one.
fn with_content(event: &RecordEvent, content: RecordContent) -> Arc<Event> {
    if content == *event.content() {
        return Arc::clone(event);
    }
    let now = Event::new(content.into(), event.time, event.msgid.clone());
    Arc::new(now.by(event.sender().clone()))
}
