//! What a room log remembers, in the simplest way there is: lists, searched from the front. The simulation
//! looks things up here, and the store is held against it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use chat_server::{
    delivery::{Content, Event},
    history::{Answer, Query, Reference, Selection, Target},
    ids::Ticket,
    room_log::{AppendError, Change, Conversation, Note, Record},
};

/// Something for the log, where it waits.
pub(crate) enum Entry {
    /// What becomes of a conversation.
    Note(Note),
    /// What is to be known again, and what it is answered under.
    Changes(Ticket, Arc<[Change]>),
    /// A record, and what it is answered under.
    Record(Ticket, Arc<Record>),
}

/// See the module.
#[derive(Debug, Default)]
pub struct Past {
    conversations: Vec<Remembered>,
    state: BTreeMap<Arc<str>, Arc<str>>,
}

#[derive(Debug)]
struct Remembered {
    conversation: Conversation,
    is_closed: bool,
    is_retired: bool,
    records: Vec<Arc<Record>>,
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

fn is_message(event: &Event) -> bool {
    matches!(event.content, Content::Message { .. } | Content::Multiline { .. })
}

impl Past {
    fn find(&self, conversation: &Conversation) -> Option<&Remembered> {
        self.conversations.iter().find(|own| own.conversation == *conversation && !own.is_retired)
    }

    fn find_mut(&mut self, conversation: &Conversation) -> Option<&mut Remembered> {
        self.conversations
            .iter_mut()
            .find(|own| own.conversation == *conversation && !own.is_retired)
    }

    /// Keeps a record; the one it is known by already, if there is one.
    ///
    /// # Errors
    /// [`AppendError::Known`].
    pub fn append(&mut self, record: &Arc<Record>) -> Result<(), AppendError> {
        let conversation = match &record.conversation {
            Conversation::Ranked(room, _) => Conversation::Room(Arc::clone(room)),
            own => own.clone(),
        };
        if self.find(&conversation).is_none() {
            let conversation = conversation.clone();
            let (is_closed, is_retired, records) = (false, false, Vec::new());
            self.conversations.push(Remembered { conversation, is_closed, is_retired, records });
        }
        let own = self.find_mut(&conversation).expect("it was made above");
        // What is for some of a room is another target than the room.
        let sign = |record: &Record| match &record.conversation {
            Conversation::Ranked(_, sign) => Some(*sign),
            _ => None,
        };
        let is_same = |own: &&Arc<Record>| {
            own.nonce.is_some() && own.nonce == record.nonce && sign(own) == sign(record)
        };
        if let Some(first) = own.records.iter().find(is_same) {
            let msgid = first.event.msgid.clone().expect("what is kept has an id");
            return Err(AppendError::Known { msgid, time: first.event.time });
        }
        own.records.push(Arc::clone(record));
        Ok(())
    }

    /// Takes changes.
    pub fn keep(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Set { path, value } => {
                    self.state.insert(Arc::clone(path), Arc::clone(value));
                }
                Change::Remove { path } => {
                    let below = format!("{path}\n");
                    self.state.retain(|own, _| own != path && !own.starts_with(&below));
                }
                Change::Forget { person } => {
                    let has = |own: &&mut Remembered| matches!(&own.conversation, Conversation::Direct(a, b) if a == person || b == person);
                    self.conversations.iter_mut().filter(has).for_each(|own| own.is_retired = true);
                }
            }
        }
    }

    /// What is at which path.
    #[must_use]
    pub fn remembered(&self) -> Vec<(Arc<str>, Arc<str>)> {
        self.state.iter().map(|(path, value)| (Arc::clone(path), Arc::clone(value))).collect()
    }

    /// Takes a note.
    pub fn note(&mut self, note: &Note) {
        let retire = |own: &mut Remembered| own.is_retired = true;
        match note {
            Note::Closed { room, is_closed } => {
                let own = self.find_mut(&Conversation::Room(Arc::clone(room)));
                own.into_iter().for_each(|own| own.is_closed = *is_closed);
            }
            Note::Ended { room } => {
                self.find_mut(&Conversation::Room(Arc::clone(room))).into_iter().for_each(retire);
            }
            Note::Renamed { from, to } => {
                let to = Conversation::Room(Arc::clone(to));
                self.find_mut(&to).into_iter().for_each(retire);
                let own = self.find_mut(&Conversation::Room(Arc::clone(from)));
                own.into_iter().for_each(|own| own.conversation = to.clone());
            }
        }
    }

    /// The server starts again.
    pub fn restart(&mut self) {
        let is_over = |own: &&mut Remembered| {
            let with_guest = match &own.conversation {
                Conversation::Direct(first, second) => {
                    first.starts_with('~') || second.starts_with('~')
                }
                _ => false,
            };
            own.is_closed || with_guest
        };
        for own in self.conversations.iter_mut().filter(is_over) {
            own.is_retired = true;
        }
    }

    /// Looks something up.
    #[must_use]
    pub fn answer(&self, query: &Query) -> Answer {
        match query {
            Query::Page {
                conversation,
                shown,
                selection,
                limit,
                bytes_max,
                rank,
                ranked_after,
                with_events,
            } => {
                let records = self.find(conversation).map_or(&[][..], |own| &own.records);
                let is_shown = |record: &Record| {
                    let needed = match &record.conversation {
                        Conversation::Ranked(_, '@') => 2,
                        Conversation::Ranked(..) => 1,
                        _ => 0,
                    };
                    let is_theirs = needed == 0
                        || needed <= *rank
                            && milliseconds(record.event.time) > milliseconds(*ranked_after);
                    is_theirs && (*with_events || is_message(&record.event))
                };
                let page = Bounds { limit: *limit, bytes_max: *bytes_max };
                let indices = select(records, selection, page, &|index| is_shown(&records[index]));
                let events = indices.into_iter().map(|index| called(&records[index], shown));
                Answer::Page(events.collect())
            }
            Query::Targets { rooms, person, guests, between, limit } => {
                let is_known = |other: &str| !other.starts_with('~') || guests.contains(other);
                Answer::Targets(self.targets(rooms, person, &is_known, *between, *limit))
            }
        }
    }

    fn targets(
        &self,
        rooms: &[Conversation],
        person: &Arc<str>,
        is_known: &dyn Fn(&str) -> bool,
        (from, to): (SystemTime, SystemTime),
        limit: usize,
    ) -> Vec<Target> {
        let (from, to) = (milliseconds(from), milliseconds(to));
        let mut found = Vec::new();
        for own in self.conversations.iter().filter(|own| !own.is_retired) {
            let is_mine = match &own.conversation {
                Conversation::Direct(first, second) => {
                    first == person && is_known(second) || second == person && is_known(first)
                }
                room => rooms.contains(room),
            };
            let is_for_all = |record: &&Arc<Record>| {
                is_message(&record.event)
                    && !matches!(record.conversation, Conversation::Ranked(..))
            };
            let latest = own.records.iter().rev().find(is_for_all);
            let Some(latest) = latest.filter(|_| is_mine) else { continue };
            let time = milliseconds(latest.event.time);
            if time > from.min(to) && time < from.max(to) {
                let (Content::Message { source, target, .. }
                | Content::Multiline { source, target, .. }) = &latest.event.content
                else {
                    continue;
                };
                let is_direct = matches!(own.conversation, Conversation::Direct(..));
                let author = source.split('!').next().map(Arc::from);
                let nick = if latest.by == *person { Some(Arc::clone(target)) } else { author };
                let time = UNIX_EPOCH
                    + std::time::Duration::from_millis(u64::try_from(time).unwrap_or_default());
                let conversation = own.conversation.clone();
                found.push(Target { conversation, nick: nick.filter(|_| is_direct), time });
            }
        }
        found.sort_by(|a, b| (a.time, &a.conversation).cmp(&(b.time, &b.conversation)));
        if from > to {
            found.split_off(found.len().saturating_sub(limit))
        } else {
            found.truncate(limit);
            found
        }
    }
}

/// The event as it is shown in a room of that name.
fn called(record: &Record, shown: &Option<Arc<str>>) -> Arc<Event> {
    let mut content = record.event.content.clone();
    if let (Some(shown), Some(target)) = (shown, content.target_mut()) {
        *target = match &record.conversation {
            Conversation::Ranked(_, sign) => format!("{sign}{shown}").into(),
            _ => Arc::clone(shown),
        };
    }
    let event = Event::new(content, record.event.time, record.event.msgid.clone());
    Arc::new(event.by(record.event.sender().clone()))
}

/// How much is told at most.
#[derive(Clone, Copy)]
struct Bounds {
    limit: usize,
    bytes_max: usize,
}

/// The indices of the records that are selected, in order.
fn select(
    records: &[Arc<Record>],
    selection: &Selection,
    Bounds { limit, bytes_max }: Bounds,
    is_shown: &dyn Fn(usize) -> bool,
) -> Vec<usize> {
    // How many records are before a reference, and how many with those at it.
    let place = |reference: &Reference| -> (usize, usize) {
        let time = |index: usize| milliseconds(records[index].event.time);
        let count =
            |is_in: &dyn Fn(usize) -> bool| (0..records.len()).take_while(|i| is_in(*i)).count();
        match reference {
            Reference::Time(at) => {
                let at = milliseconds(*at);
                (count(&|index| time(index) < at), count(&|index| time(index) <= at))
            }
            Reference::Msgid(msgid) => {
                let found = records.iter().position(|own| own.event.msgid.as_ref() == Some(msgid));
                if let Some(index) = found {
                    return (index, index + 1);
                }
                let is_ours =
                    msgid.len() == 24 && msgid.bytes().all(|byte| byte.is_ascii_hexdigit());
                let at = msgid.get(..11).filter(|_| is_ours);
                let at = at.and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or(0);
                let before = count(&|index| time(index) < at);
                (before, before)
            }
        }
    };
    // As many as fit, and one in any case.
    let fitting = |indices: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
        let mut bytes = 0;
        let fits = |index: &usize| {
            let is_first = bytes == 0;
            bytes += records[*index].event.size();
            is_first || bytes <= bytes_max
        };
        indices.filter(|index| is_shown(*index)).take(limit).take_while(fits).collect()
    };
    let first = |mut range: std::ops::Range<usize>| fitting(&mut range);
    let last = |range: std::ops::Range<usize>| {
        let mut found = fitting(&mut range.rev());
        found.reverse();
        found
    };
    let all = records.len();
    match selection {
        Selection::After(reference) => first(place(reference).1..all),
        Selection::Before(reference) => last(0..place(reference).0),
        Selection::Latest(None) => last(0..all),
        Selection::Latest(Some(reference)) => last(place(reference).1..all),
        Selection::Between(from, to) => {
            let (from, to) = (place(from), place(to));
            if from.0 > to.0 { last(to.1..from.0) } else { first(from.1..to.0.max(from.1)) }
        }
        Selection::Around(reference) => {
            let at = place(reference).0;
            let (before, behind) = (last(0..at), first(at..all));
            let n_before = before.len().min((limit / 2).max(limit.saturating_sub(behind.len())));
            let n_behind = behind.len().min(limit - n_before);
            [&before[before.len() - n_before..], &behind[..n_behind]].concat()
        }
    }
}
