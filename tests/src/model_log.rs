//! The memory of a room log, in the simplest way there is: lists, searched from the front. The simulation
//! looks things up here, and the store is held against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use chat_core::proto::MessageKind;
use chat_server::{
    delivery::{Content, Event, RecordContent},
    history::{
        Answer, ConversationScope, Found, HistoryEntry, Match, Query, Reference, Search, Selection,
        Shows, Target, may_ask_for,
    },
    ids::{ConversationId, Ticket},
    reaction::{Reaction, kept_tags},
    record::CALLED,
    room_log::{AppendError, Change, Conversation, ConversationMark, Record, THE_SERVER},
};

/// Something for the log, where it waits.
pub(crate) enum Entry {
    /// A mark: what becomes of a conversation.
    Mark(ConversationMark),
    /// The changes that are to be known again, and what they are answered under.
    Changes(Ticket, Arc<[Change]>),
    /// A record, and what it is answered under.
    Record(Ticket, Arc<Record>),
}

/// A room log of lists.
#[derive(Debug, Default)]
pub struct ModelLog {
    conversations: Vec<Remembered>,
    state: BTreeMap<Arc<str>, Arc<str>>,
}

#[derive(Debug)]
struct Remembered {
    conversation: Conversation,
    /// Of a room, the name it goes by.
    name: Option<Arc<str>>,
    is_closed: bool,
    is_retired: bool,
    records: Vec<Kept>,
}

/// A record, as it is now.
#[derive(Debug, Clone)]
struct Kept {
    record: Arc<Record>,
    is_redacted: bool,
    /// The text since it was edited.
    edited: Option<Arc<str>>,
}

impl Kept {
    fn msgid(&self) -> &str {
        self.record.event.msgid.as_deref().unwrap_or_default()
    }

    /// The id of the record that it is about.
    fn about(&self) -> Option<&str> {
        about(&self.record)
    }
}

/// The id of the record that one is about.
fn about(record: &Record) -> Option<&str> {
    match &record.event.content {
        Content::Record(
            RecordContent::Redact { redacted: about, .. }
            | RecordContent::Edit { edited: about, .. },
        ) => Some(about),
        Content::Record(RecordContent::Message { kind: MessageKind::Tagmsg, tags, .. }) => {
            Reaction::of(tags).map(|reaction| reaction.about)
        }
        _ => None,
    }
}

fn reaction(record: &Record) -> Option<Reaction<'_>> {
    match &record.event.content {
        Content::Record(RecordContent::Message { kind: MessageKind::Tagmsg, tags, .. }) => {
            Reaction::of(tags)
        }
        _ => None,
    }
}

fn milliseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

fn is_message(record: &Record) -> bool {
    match &record.event.content {
        // What the server notes for those who operate a room is none.
        Content::Record(RecordContent::Message { kind: MessageKind::Notice, .. }) => {
            *record.by != *THE_SERVER
        }
        Content::Record(RecordContent::Message { kind, .. }) => *kind != MessageKind::Tagmsg,
        Content::Record(RecordContent::Multiline { .. }) => true,
        _ => false,
    }
}

fn known(first: &Kept) -> AppendError {
    AppendError::Known { msgid: first.msgid().into(), time: first.record.event.time }
}

impl Remembered {
    fn push(&mut self, record: &Arc<Record>) {
        let record = Arc::clone(record);
        self.records.push(Kept { record, is_redacted: false, edited: None });
    }

    /// Does to a message what a record says of it.
    fn act(&mut self, record: &Arc<Record>, about: &str) -> Result<(), AppendError> {
        let is_it = |own: &&mut Kept| own.msgid() == about;
        let Some(message) = self.records.iter_mut().find(is_it) else { return Ok(()) };
        if message.is_redacted || !is_message(&message.record) {
            return Ok(());
        }
        match &record.event.content {
            Content::Record(RecordContent::Redact { .. }) => {
                message.is_redacted = true;
                self.records.retain(|own| own.about() != Some(about));
            }
            Content::Record(RecordContent::Edit { text, .. }) => {
                message.edited = Some(Arc::clone(text));
                let is_edit = |own: &Kept| {
                    matches!(own.record.event.content, Content::Record(RecordContent::Edit { .. }))
                };
                self.records.retain(|own| own.about() != Some(about) || !is_edit(own));
            }
            _ => {
                let new = reaction(record).expect("there is nothing else that is about another");
                let is_same = |own: &Kept| {
                    own.record.by == record.by
                        && reaction(&own.record)
                            .is_some_and(|own| own.about == about && own.value == new.value)
                };
                let said = self.records.iter().position(is_same);
                let is_taken_back = |own: &Kept| {
                    reaction(&own.record).is_some_and(|reaction| reaction.is_taken_back)
                };
                match said {
                    Some(index) if is_taken_back(&self.records[index]) == new.is_taken_back => {
                        return Err(known(&self.records[index]));
                    }
                    Some(index) => drop(self.records.remove(index)),
                    None if new.is_taken_back => return Ok(()),
                    None => {}
                }
            }
        }
        self.push(record);
        Ok(())
    }
}

impl ModelLog {
    fn find(&self, conversation: &Conversation) -> Option<&Remembered> {
        self.conversations.iter().find(|own| own.conversation == *conversation && !own.is_retired)
    }

    /// The conversation, and of one with guests who were called so those with each of them.
    fn find_all(&self, conversation: &Conversation) -> Vec<&Remembered> {
        let called = match conversation {
            Conversation::Direct(person, other) => {
                other.strip_prefix(CALLED).map(|nick| (person, nick))
            }
            _ => None,
        };
        let Some((person, nick)) = called else {
            return self.find(conversation).into_iter().collect();
        };
        let is_with = |own: &&Remembered| match &own.conversation {
            Conversation::Direct(first, second) => {
                let latest = own.records.iter().rev().find(|own| is_message(&own.record));
                let of = latest.and_then(|own| nick_of_other(&own.record, person));
                !own.is_retired
                    && first == person
                    && second.starts_with('~')
                    && of.is_some_and(|of| of.eq_ignore_ascii_case(nick))
            }
            _ => false,
        };
        self.conversations.iter().filter(is_with).collect()
    }

    fn find_mut(&mut self, conversation: &Conversation) -> Option<&mut Remembered> {
        self.conversations
            .iter_mut()
            .find(|own| own.conversation == *conversation && !own.is_retired)
    }

    /// The conversation, which is begun if it is not there.
    fn begin(&mut self, conversation: &Conversation) -> &mut Remembered {
        if self.find(conversation).is_none() {
            let conversation = conversation.clone();
            let (is_closed, is_retired, records) = (false, false, Vec::new());
            let begun = Remembered { conversation, name: None, is_closed, is_retired, records };
            self.conversations.push(begun);
        }
        self.find_mut(conversation).expect("it was made above")
    }

    /// Keeps a record; the one it is known by already, if there is one.
    ///
    /// # Errors
    /// [`AppendError::Known`].
    pub fn append(&mut self, record: &Arc<Record>) -> Result<(), AppendError> {
        self.append_record(record)?;
        self.keep(&record.changes);
        Ok(())
    }

    fn append_record(&mut self, record: &Arc<Record>) -> Result<(), AppendError> {
        let conversation = match &record.conversation {
            Conversation::Ranked(room, _) => Conversation::Room(*room),
            own => own.clone(),
        };
        let own = self.begin(&conversation);
        if matches!(conversation, Conversation::Room(_)) {
            own.name.get_or_insert_with(|| record.room_name().into());
        }
        // What is for some of a room is another target than the room.
        let sign = |record: &Record| match &record.conversation {
            Conversation::Ranked(_, sign) => Some(*sign),
            _ => None,
        };
        if let Some(about) = about(record) {
            return own.act(record, about);
        }
        let is_same = |own: &&Kept| {
            let own = &own.record;
            own.nonce.is_some() && own.nonce == record.nonce && sign(own) == sign(record)
        };
        if let Some(first) = own.records.iter().find(is_same) {
            return Err(known(first));
        }
        own.push(record);
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
                Change::Close { conversation, is_closed } => {
                    let (conversation, is_closed) = (*conversation, *is_closed);
                    self.mark(&ConversationMark::Closed { conversation, is_closed });
                }
                Change::Name { conversation, name } => {
                    let own = self.begin(&Conversation::Room(*conversation));
                    own.name = Some(Arc::clone(name));
                }
            }
        }
    }

    /// The values by their paths.
    #[must_use]
    pub fn load(&self) -> Vec<(Arc<str>, Arc<str>)> {
        self.state.iter().map(|(path, value)| (Arc::clone(path), Arc::clone(value))).collect()
    }

    /// The conversations of rooms that have not ended, and their names.
    #[must_use]
    pub fn conversations(&self) -> Vec<(ConversationId, Arc<str>)> {
        let living = self.conversations.iter().filter(|own| !own.is_retired);
        let named = |own: &Remembered| match (&own.conversation, &own.name) {
            (Conversation::Room(room), Some(name)) => Some((*room, Arc::clone(name))),
            _ => None,
        };
        living.filter_map(named).collect()
    }

    /// Takes a note.
    pub fn mark(&mut self, mark: &ConversationMark) {
        match mark {
            ConversationMark::Closed { conversation, is_closed } => {
                let own = self.find_mut(&Conversation::Room(*conversation));
                own.into_iter().for_each(|own| own.is_closed = *is_closed);
            }
            ConversationMark::Ended { conversation } => {
                let own = self.find_mut(&Conversation::Room(*conversation));
                own.into_iter().for_each(|own| own.is_retired = true);
            }
        }
    }

    /// The server starts again.
    pub fn restart(&mut self) {
        let is_over = |own: &&mut Remembered| {
            let between_guests = match &own.conversation {
                Conversation::Direct(first, second) => {
                    first.starts_with('~') && second.starts_with('~')
                }
                _ => false,
            };
            own.is_closed || between_guests
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
                shows,
            } => {
                let records = self.find(conversation).map_or(&[][..], |own| &own.records);
                let reader =
                    Eyes { shown, rank: *rank, ranked_after: *ranked_after, shows: *shows };
                let page = Bounds { limit: *limit, bytes_max: *bytes_max };
                let is_shown = |index: usize| reader.see(&records[index]);
                let size = |index: usize| reader.told(&records[index]).size();
                let indices = select(records, selection, page, &is_shown, &size);
                Answer::Page(reader.with_context(records, &indices, *bytes_max))
            }
            Query::DirectPage { conversations, selection, limit, bytes_max, shows } => {
                let all = conversations.iter().flat_map(|own| self.find_all(own));
                let mut records: Vec<Kept> =
                    all.flat_map(|own| own.records.iter().cloned()).collect();
                records.sort_by_key(|own| milliseconds(own.record.event.time));
                let reader =
                    Eyes { shown: &None, rank: 0, ranked_after: UNIX_EPOCH, shows: *shows };
                let page = Bounds { limit: *limit, bytes_max: *bytes_max };
                let is_shown = |index: usize| reader.see(&records[index]);
                let size = |index: usize| reader.told(&records[index]).size();
                let indices = select(&records, selection, page, &is_shown, &size);
                Answer::Page(reader.with_context(&records, &indices, *bytes_max))
            }
            Query::AuditLog { part, limit } => {
                let ConversationScope { conversation, shown, rank, ranked_after } = part;
                let records = self.find(conversation).map_or(&[][..], |own| &own.records);
                let shows = Shows { events: true, changes: true, ..Shows::default() };
                let reader = Eyes { shown, rank: *rank, ranked_after: *ranked_after, shows };
                let is_act = |own: &Kept| match own.record.event.content {
                    Content::Record(RecordContent::Redact { .. }) => true,
                    _ => own.about().is_none() && !is_message(&own.record),
                };
                let is_shown =
                    |index: usize| reader.see(&records[index]) && is_act(&records[index]);
                let page = Bounds { limit: *limit, bytes_max: usize::MAX };
                let indices = select(records, &Selection::Latest(None), page, &is_shown, &|_| 0);
                Answer::Page(reader.with_context(records, &indices, usize::MAX))
            }
            Query::Search(search) => self.search(search),
            Query::Find { conversation, msgid, rank, ranked_after } => {
                let records = self.find(conversation).map_or(&[][..], |own| &own.records);
                let shows = Shows::default();
                let reader = Eyes { shown: &None, rank: *rank, ranked_after: *ranked_after, shows };
                let is_it = |own: &&Kept| own.msgid() == &**msgid && reader.see(own);
                Answer::Found(records.iter().find(is_it).map(|own| Found {
                    by: Arc::clone(&own.record.by),
                    time: own.record.event.time,
                    sign: match own.record.conversation {
                        Conversation::Ranked(_, sign) => Some(sign),
                        _ => None,
                    },
                }))
            }
            Query::Changes { conversations, direct, after, limit, bytes_max, shows } => {
                let parts = self.parts(conversations, direct.as_ref());
                let mut all: Vec<Arc<Event>> = Vec::new();
                for ConversationScope { conversation, shown, rank, ranked_after } in &parts {
                    let records = self.find(conversation).map_or(&[][..], |own| &own.records);
                    let (rank, ranked_after, shows) = (*rank, *ranked_after, *shows);
                    let reader = Eyes { shown, rank, ranked_after, shows };
                    let everything = Bounds { limit: usize::MAX, bytes_max: usize::MAX };
                    let is_shown = |index: usize| reader.see(&records[index]);
                    let selection = Selection::After(after.clone());
                    let indices = select(records, &selection, everything, &is_shown, &|_| 0);
                    all.extend(indices.into_iter().map(|index| reader.told(&records[index])));
                }
                all.sort_by_key(|event| milliseconds(event.time));
                let mut bytes = 0;
                let fits = |event: &&Arc<Event>| {
                    bytes += event.size();
                    bytes <= *bytes_max
                };
                let limit = (*limit).min(all.iter().take_while(fits).count().max(1));
                let mut end = limit.min(all.len());
                while end > 0
                    && end < all.len()
                    && milliseconds(all[end].time) == milliseconds(all[end - 1].time)
                {
                    end += 1;
                }
                let is_all = end == all.len();
                all.truncate(end);
                Answer::Changes(all, is_all)
            }
            Query::Targets { rooms, person, guests, between, limit } => {
                let is_known = |other: &str| may_ask_for(person, other, guests);
                Answer::Targets(self.targets(rooms, person, &is_known, *between, *limit))
            }
        }
    }

    /// All that is to be looked through.
    fn parts(
        &self,
        conversations: &[ConversationScope],
        direct: Option<&(Arc<str>, BTreeSet<Arc<str>>)>,
    ) -> Vec<ConversationScope> {
        let all = conversations.iter().flat_map(|scope| {
            let own = self.find_all(&scope.conversation).into_iter();
            own.map(|own| ConversationScope {
                conversation: own.conversation.clone(),
                ..scope.clone()
            })
        });
        let mut parts: Vec<ConversationScope> = all.collect();
        let Some((person, guests)) = direct else { return parts };
        let is_known = |other: &str| may_ask_for(person, other, guests);
        let mut own: Vec<&Remembered> =
            self.conversations.iter().filter(|own| !own.is_retired).collect();
        own.retain(|own| match &own.conversation {
            Conversation::Direct(a, b) => a == person && is_known(b) || b == person && is_known(a),
            _ => false,
        });
        parts.extend(own.into_iter().map(|own| ConversationScope {
            conversation: own.conversation.clone(),
            shown: None,
            rank: 0,
            ranked_after: UNIX_EPOCH,
        }));
        parts
    }

    fn search(&self, search: &Search) -> Answer {
        let mut found: Vec<Match> = Vec::new();
        for part in self.parts(&search.conversations, search.direct.as_ref()) {
            let records = self.find(&part.conversation).map_or(&[][..], |own| &own.records);
            let ConversationScope { shown, rank, ranked_after, .. } = &part;
            let (rank, ranked_after, shows) = (*rank, *ranked_after, Shows::default());
            let reader = Eyes { shown, rank, ranked_after, shows };
            let mut own: Vec<Match> = Vec::new();
            for kept in records.iter().filter(|kept| reader.see(kept)) {
                let event = reader.told(kept);
                let Content::Record(
                    RecordContent::Message { source, .. } | RecordContent::Multiline { source, .. },
                ) = &event.content
                else {
                    continue;
                };
                let nick = source.split('!').next().unwrap_or_default();
                let account = event.sender().account.as_deref().unwrap_or_default();
                let is_from = |from: &String| {
                    from.eq_ignore_ascii_case(nick) || from.eq_ignore_ascii_case(account)
                };
                let at = milliseconds(event.time);
                let is_within = search.after.is_none_or(|after| at >= milliseconds(after))
                    && search.before.is_none_or(|before| at <= milliseconds(before));
                if !is_within || !search.from.as_ref().is_none_or(is_from) {
                    continue;
                }
                let ranges = match &search.words {
                    None => Some(Vec::new()),
                    Some(words) => ranges(&text_of(&event), words.text()),
                };
                own.extend(ranges.map(|ranges| Match { event, ranges }));
            }
            if search.after.is_none() {
                own.reverse();
            }
            own.truncate(search.limit);
            found.extend(own);
        }
        found.sort_by_key(|own| milliseconds(own.event.time));
        if search.after.is_none() {
            found.sort_by_key(|own| std::cmp::Reverse(milliseconds(own.event.time)));
        }
        let mut bytes = 0;
        let fits = |own: &Match| {
            bytes += own.event.size();
            bytes <= search.bytes_max
        };
        let mut found: Vec<Match> = found.into_iter().take(search.limit).take_while(fits).collect();
        found.sort_by_key(|own| milliseconds(own.event.time));
        Answer::Matches(found, true)
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
                is_message(record) && !matches!(record.conversation, Conversation::Ranked(..))
            };
            let latest = own.records.iter().rev().map(|own| &own.record).find(is_for_all);
            let Some(latest) = latest.filter(|_| is_mine) else { continue };
            let time = milliseconds(latest.event.time);
            if time > from.min(to) && time < from.max(to) {
                let is_direct = matches!(own.conversation, Conversation::Direct(..));
                let nick = nick_of_other(latest, person);
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

/// The nick that the other one than `person` had when a message was said.
fn nick_of_other(message: &Record, person: &str) -> Option<Arc<str>> {
    let Content::Record(
        RecordContent::Message { source, target, .. }
        | RecordContent::Multiline { source, target, .. },
    ) = &message.event.content
    else {
        return None;
    };
    let author = source.split('!').next().map(Arc::from);
    if *message.by == *person { Some(Arc::clone(target)) } else { author }
}

fn text_of(event: &Event) -> String {
    match &event.content {
        Content::Record(RecordContent::Message { text, .. }) => text.to_string(),
        Content::Record(RecordContent::Multiline { lines, .. }) => {
            let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            lines.join("\n")
        }
        _ => String::new(),
    }
}

/// Whether a sign is of a script that puts no spaces between words: those that tests write.
fn is_undivided(sign: char) -> bool {
    matches!(sign, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

/// The places where `text` has all of `words`; `None` if it has not. Words of letters and digits, and such with a `*`; and
/// signs side by side, wherever they are.
fn ranges(text: &str, words: &str) -> Option<Vec<Range<usize>>> {
    let mut tokens: Vec<Range<usize>> = Vec::new();
    let mut is_inside = false;
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        let is_of_word = character.is_alphanumeric() && !is_undivided(character);
        match (is_of_word, is_inside) {
            (true, true) => tokens.last_mut().expect("one has begun").end = end,
            (true, false) => tokens.push(at..end),
            (false, _) => {}
        }
        is_inside = is_of_word;
    }
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut n_words = 0;
    for word in words.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)) {
        n_words += 1;
        let (word, is_beginning) = (word.trim_end_matches('*').to_lowercase(), word.ends_with('*'));
        let is_it = |token: &&Range<usize>| {
            let token = text[(*token).clone()].to_lowercase();
            if is_beginning { token.starts_with(&word) } else { token == word }
        };
        let own: Vec<Range<usize>> = if word.chars().all(is_undivided) {
            let starts = text.char_indices().map(|(at, _)| at);
            starts
                .filter(|at| text[*at..].starts_with(&*word))
                .map(|at| at..at + word.len())
                .collect()
        } else {
            tokens.iter().filter(is_it).cloned().collect()
        };
        if own.is_empty() {
            return None;
        }
        found.extend(own);
    }
    found.sort_by_key(|range| range.start);
    let mut whole: Vec<Range<usize>> = Vec::new();
    for range in found {
        match whole.last_mut().filter(|last| range.start < last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => whole.push(range),
        }
    }
    (n_words > 0).then_some(whole)
}

/// The eyes of a reader: what they may see.
struct Eyes<'a> {
    shown: &'a Option<Arc<str>>,
    rank: u8,
    ranked_after: SystemTime,
    shows: Shows,
}

impl Eyes<'_> {
    fn see(&self, kept: &Kept) -> bool {
        let record = &kept.record;
        let needed = match &record.conversation {
            Conversation::Ranked(_, '@') => 2,
            Conversation::Ranked(..) => 1,
            _ => 0,
        };
        let is_theirs = needed == 0
            || needed <= self.rank
                && milliseconds(record.event.time) > milliseconds(self.ranked_after);
        let is_of_a_kind = if is_message(record) {
            !kept.is_redacted || self.shows.redacted
        } else if kept.about().is_some() {
            self.shows.changes
        } else {
            self.shows.events
        };
        is_theirs && is_of_a_kind
    }

    /// The event as it reads now, in a room of that name.
    fn told(&self, kept: &Kept) -> Arc<Event> {
        let record = &kept.record;
        let mut content = record.event.content.clone();
        if let (
            true,
            Content::Record(
                RecordContent::Message { source, target, .. }
                | RecordContent::Multiline { source, target, .. },
            ),
        ) = (kept.is_redacted, &content)
        {
            let (source, target) = (Arc::clone(source), Arc::clone(target));
            let (kind, text, tags) = (MessageKind::Privmsg, "(deleted)".into(), "".into());
            content = Content::Record(RecordContent::Message { source, kind, target, text, tags });
        } else if let (
            Some(text),
            Content::Record(
                RecordContent::Message { source, kind, target, tags, .. }
                | RecordContent::Multiline { source, kind, target, tags, .. },
            ),
        ) = (&kept.edited, &content)
        {
            let (source, target) = (Arc::clone(source), Arc::clone(target));
            let (text, tags) = (Arc::clone(text), tags.clone());
            content =
                Content::Record(RecordContent::Message { source, kind: *kind, target, text, tags });
        }
        if let Content::Record(
            RecordContent::Message { tags, .. } | RecordContent::Multiline { tags, .. },
        ) = &mut content
        {
            *tags = kept_tags(tags).into();
        }
        if let (Some(shown), Content::Record(own)) = (self.shown, &mut content) {
            *own.target_mut() = match &record.conversation {
                Conversation::Ranked(_, sign) => format!("{sign}{shown}").into(),
                _ => Arc::clone(shown),
            };
        }
        let event = Event::new(content, record.event.time, record.event.msgid.clone());
        Arc::new(event.by(record.event.sender().clone()))
    }

    /// The records at `indices`, and with each what is about it.
    fn with_context(
        &self,
        records: &[Kept],
        indices: &[usize],
        bytes_max: usize,
    ) -> Vec<HistoryEntry> {
        let mut told: Vec<HistoryEntry> = indices
            .iter()
            .map(|index| HistoryEntry { event: self.told(&records[*index]), context: Vec::new() })
            .collect();
        if !self.shows.context {
            return told;
        }
        let share = bytes_max / indices.len().max(1);
        let about_messages = Eyes { shows: Shows { changes: true, ..Shows::default() }, ..*self };
        let alone = Eyes { shows: Shows::default(), ..*self };
        for (index, told) in indices.iter().zip(&mut told) {
            let is_about_it = |own: &&Kept| {
                own.about() == Some(records[*index].msgid())
                    && !reaction(&own.record).is_some_and(|reaction| reaction.is_taken_back)
                    && about_messages.see(own)
            };
            let (reactions, changes): (Vec<&Kept>, Vec<&Kept>) =
                records.iter().filter(is_about_it).partition(|own| reaction(&own.record).is_some());
            let mut bytes = 0;
            let mut n_told = 0;
            let mut fits = |event: &Arc<Event>| {
                bytes += event.size();
                let fits = bytes <= share || n_told == 0;
                n_told += usize::from(fits);
                fits
            };
            let mut context: Vec<&Kept> = Vec::new();
            for own in [changes, reactions] {
                let latest = own.len().saturating_sub(100);
                context.extend(own[latest..].iter().filter(|own| fits(&self.told(own))));
            }
            context
                .sort_by_key(|own| records.iter().position(|record| record.msgid() == own.msgid()));
            told.context = context.into_iter().map(|own| self.told(own)).collect();
            let Content::Record(
                RecordContent::Message { tags, .. } | RecordContent::Multiline { tags, .. },
            ) = &told.event.content
            else {
                continue;
            };
            let Some(msgid) = Reaction::replied_to(tags) else { continue };
            let answered = records.iter().position(|own| own.msgid() == msgid);
            let Some(answered) = answered.filter(|index| !indices.contains(index)) else {
                continue;
            };
            if alone.see(&records[answered]) {
                let event = alone.told(&records[answered]);
                told.context.extend(fits(&event).then_some(event));
            }
        }
        told
    }
}

/// The bounds on what is told.
#[derive(Clone, Copy)]
struct Bounds {
    limit: usize,
    bytes_max: usize,
}

/// The indices of the records that are selected, in order.
fn select(
    records: &[Kept],
    selection: &Selection,
    Bounds { limit, bytes_max }: Bounds,
    is_shown: &dyn Fn(usize) -> bool,
    size: &dyn Fn(usize) -> usize,
) -> Vec<usize> {
    // How many records are before a reference, and how many with those at it.
    let place = |reference: &Reference| -> (usize, usize) {
        let time = |index: usize| milliseconds(records[index].record.event.time);
        let count =
            |is_in: &dyn Fn(usize) -> bool| (0..records.len()).take_while(|i| is_in(*i)).count();
        match reference {
            Reference::Time(at) => {
                let at = milliseconds(*at);
                (count(&|index| time(index) < at), count(&|index| time(index) <= at))
            }
            Reference::Msgid(msgid) => {
                let found = records.iter().position(|own| own.msgid() == &**msgid);
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
            bytes += size(*index);
            is_first || bytes <= bytes_max
        };
        indices.filter(|index| is_shown(*index)).take(limit).take_while(fits).collect()
    };
    let first = |mut range: Range<usize>| fitting(&mut range);
    let last = |range: Range<usize>| {
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
