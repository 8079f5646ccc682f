//! Questions about the past on their way to the room log and back, and who people are in direct
//! conversations: their account, or as long as they stay a guest with a number of their own.
//!
//! Who may read: a room's history is its members', all of it; what was said between two people is theirs, and
//! goes with the account. A room that not everyone could enter when its last member left is begun anew by
//! whoever takes its name.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_core::proto::{Capability, CaseMapping, Service};
use rand_chacha::rand_core::Rng;

use super::{
    Effect, Hub, Now, Reader, Refusal, Turn, paged_reply::PagedReply, person::Person,
    records::Destination,
};
use crate::{
    delivery::{Content, Page, ReplyLine},
    history::{Answer, HistoryEntry, Query, Reference, Selection, Shows, Target},
    ids::{ConnId, PersonId, RoomId, Ticket},
    room_log::Conversation,
};

/// Bytes that are shown to those who come and do not know how to ask, about.
const REPLAY_BYTES_MAX: usize = 32 << 10;

/// Bytes of one reply, of as many as an answer needs, about.
const REPLY_BYTES: usize = 32 << 10;

/// A question under way.
#[derive(Debug)]
pub(super) struct PendingQuery {
    conn: ConnId,
    label: Option<Arc<str>>,
    of: QueryPurpose,
    /// The subcommand, for the refusal.
    subcommand: Arc<str>,
}

/// What is asked about.
#[derive(Debug)]
pub(super) enum QueryPurpose {
    /// A conversation with another person, as they are called now.
    Person {
        nick: Arc<str>,
        is_here: bool,
    },
    Room(RoomId),
    /// What was said in a room before somebody came who does not know how to ask.
    Replay(RoomId),
    /// What those who operate a room have done.
    AuditLog,
    /// Where something was said.
    Targets,
    /// What has changed, under the name that was asked for.
    Changes(Arc<str>),
    /// A message that something is to be done to.
    Message(MessageAction),
    /// Messages with certain words.
    Search,
}

/// What is to be done to a message.
#[derive(Debug)]
pub(super) struct MessageAction {
    pub(super) readable: Box<Readable>,
    /// As the target is properly written.
    pub(super) target: Arc<str>,
    pub(super) msgid: Arc<str>,
    pub(super) change: MessageChange,
}

/// How a message is changed.
#[derive(Debug)]
pub(super) enum MessageChange {
    Redact(Option<String>),
    Replace(String),
}

/// A conversation that somebody may read.
#[derive(Debug)]
pub(super) struct Readable {
    pub(super) conversation: Conversation,
    /// The name a room has now.
    pub(super) shown: Option<Arc<str>>,
    pub(super) rank: u8,
    pub(super) ranked_after: SystemTime,
    pub(super) of: QueryPurpose,
    pub(super) place: Destination,
}

/// A refusal as the specification has them under "Errors and Warnings".
pub(super) fn fail(code: &'static str, context: &[&str], text: &str) -> Refusal {
    Refusal::fail("CHATHISTORY", code, context, text)
}

impl Hub {
    /// Who somebody is in direct conversations: their account, or a guest by a name that nobody had before. Guests
    /// who neither speak nor are spoken to need none.
    pub(super) fn identity_of(&mut self, who: PersonId) -> Arc<str> {
        if let Some(identity) = &self.person(who).identity {
            return Arc::clone(identity);
        }
        let identity: Arc<str> = format!("~{:016x}", self.random.next_u64()).into();
        self.set_identity(who, Some(Arc::clone(&identity)));
        identity
    }

    /// `who` is that one in direct conversations from here on; guests get another name when they need it.
    pub(super) fn set_identity(&mut self, who: PersonId, identity: Option<Arc<str>>) {
        let before = std::mem::replace(&mut self.person_mut(who).identity, identity.clone());
        if let Some(before) = before
            && let Some(people) = self.identities.get_mut(&before)
        {
            people.retain(|own| *own != who);
            if people.is_empty() {
                if before.starts_with('~') {
                    self.markers.forget(&before);
                }
                self.identities.remove(&before);
            }
        }
        if let Some(identity) = identity {
            let people = self.identities.entry(identity).or_default();
            if let Err(place) = people.binary_search(&who) {
                people.insert(place, who);
            }
        }
    }

    /// Whom `nick` stands for in direct conversations: whoever has it, or the account of that name.
    /// With how they are called, and whether they are here.
    pub(super) fn find_identity(&mut self, nick: &str) -> Option<(Arc<str>, Arc<str>, bool)> {
        if let Ok(person) = self.find_person(nick) {
            let (who, nick) = (person.id, Arc::clone(person.nick.shown()));
            return Some((self.identity_of(who), nick, true));
        }
        let account = self.account(nick)?;
        Some((account_identity(&account.name), account.name.as_str().into(), false))
    }

    /// The conversation that `target` stands for, if `who` may read it.
    pub(super) fn find_readable(&mut self, who: PersonId, target: &str) -> Option<Readable> {
        if target.starts_with('#') {
            return self.find_readable_room(who, target);
        }
        let (other, nick, is_here) = self.find_identity(target)?;
        let person = self.find_person(target).ok().map(|person| person.id);
        let place = Destination::Direct { identity: Arc::clone(&other), person };
        let mut both = [self.identity_of(who), other];
        both.sort_unstable();
        let [first, second] = both;
        Some(Readable {
            conversation: Conversation::Direct(first, second),
            shown: None,
            rank: 0,
            ranked_after: SystemTime::UNIX_EPOCH,
            of: QueryPurpose::Person { nick, is_here },
            place,
        })
    }

    /// The same of a room.
    pub(super) fn find_readable_room(&self, who: PersonId, name: &str) -> Option<Readable> {
        let (room, rank) = self.find_own_room(who, name).ok()?;
        Some(Readable {
            conversation: Conversation::Room(Arc::clone(room.name.key())),
            shown: Some(Arc::clone(room.name.shown())),
            rank: if rank.is_operator { 2 } else { u8::from(rank.has_voice) },
            ranked_after: room.began,
            of: QueryPurpose::Room(room.id),
            place: Destination::Room(room.id),
        })
    }

    /// The guests who are here and have a name in conversations.
    pub(super) fn guests(&self) -> BTreeSet<Arc<str>> {
        self.identities.keys().filter(|identity| identity.starts_with('~')).cloned().collect()
    }

    /// Asks the room log; the asker's next command waits for the answer.
    pub(super) fn submit_query(
        &mut self,
        turn: &mut Turn<'_>,
        of: QueryPurpose,
        subcommand: &str,
        query: Query,
    ) {
        let ticket = self.new_ticket();
        let (conn, label) = (turn.conn, turn.label.take());
        let subcommand = subcommand.into();
        self.queries.insert(ticket, PendingQuery { conn, label, of, subcommand });
        self.device_mut(conn).backlog.change(|backlog| backlog.querying = Some(ticket));
        turn.is_answered = true;
        turn.effects.push(Effect::Query { ticket, query });
    }

    /// "if a client requests this capability, the server (or bouncer) SHOULD NOT play back any history that
    /// would otherwise be sent automatically": others are shown what was said last before they came.
    pub(super) fn ask_for_replay(&mut self, conn: ConnId, id: RoomId, effects: &mut Vec<Effect>) {
        let (limit, room) = (self.settings.limits.replay_max, &self.rooms[&id]);
        let asks_by_itself = self.device(conn).capabilities.contains(Capability::ChatHistory);
        // Those that are asked for and not yet told are no more than one may have.
        let is_too_much =
            self.device(conn).backlog.replays.len() >= self.settings.limits.rooms_per_person_max;
        if !self.settings.keeps_history || limit == 0 || asks_by_itself || is_too_much {
            return;
        }
        // What comes after that, they are told as it comes.
        let first_unseen = room.seen + Duration::from_millis(1);
        let query = Query::Page {
            conversation: Conversation::Room(Arc::clone(room.name.key())),
            shown: Some(Arc::clone(room.name.shown())),
            selection: Selection::Before(Reference::Time(first_unseen)),
            limit,
            bytes_max: REPLAY_BYTES_MAX,
            rank: 0,
            ranked_after: SystemTime::UNIX_EPOCH,
            shows: Shows::default(),
        };
        let ticket = self.new_ticket();
        self.device_mut(conn).backlog.change(|backlog| backlog.replays.insert(id, ticket));
        let (of, subcommand) = (QueryPurpose::Replay(id), "JOIN".into());
        self.queries.insert(ticket, PendingQuery { conn, label: None, of, subcommand });
        effects.push(Effect::Query { ticket, query });
    }

    fn replay(
        &self,
        conn: ConnId,
        room: RoomId,
        answer: Result<Answer, Arc<str>>,
        effects: &mut Vec<Effect>,
    ) {
        let device = self.device(conn);
        let is_inside = |room: &&super::room::Room| room.has(device.person);
        let Some(room) = self.rooms.get(&room).filter(is_inside) else { return };
        let notice = |text: String| ReplyLine::Notice {
            target: Arc::clone(room.name.shown()),
            text: text.into(),
        };
        let lines = match answer {
            Ok(Answer::Page(events)) if events.is_empty() => return,
            Ok(Answer::Page(events)) => {
                let time = |told: Option<&HistoryEntry>| {
                    let time = told.map_or(SystemTime::UNIX_EPOCH, |told| told.event.time);
                    humantime::format_rfc3339_seconds(time).to_string().replace('T', " ")
                };
                let (from, to) = (time(events.first()), time(events.last()));
                let knows_times = device.capabilities.contains(Capability::ServerTime);
                let mut lines: Vec<ReplyLine> =
                    events.into_iter().map(|told| ReplyLine::Event(told.event)).collect();
                if !knows_times {
                    lines.insert(
                        0,
                        notice(format!("Said here before you came, from {from} to {to}:")),
                    );
                    lines.push(notice("That was before you came.".to_owned()));
                }
                lines
            }
            Ok(
                Answer::Targets(_) | Answer::Changes(..) | Answer::Found(_) | Answer::Matches(_),
            ) => return,
            Err(why) => vec![notice(format!("What was said here before cannot be shown: {why}"))],
        };
        self.say_to(conn, None, lines, effects);
    }

    /// What was asked has been looked up. The asker may have gone, or been sent out of the room.
    pub(super) fn queried(
        &mut self,
        now: Now,
        ticket: Ticket,
        answer: Result<Answer, Arc<str>>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(recall) = self.queries.remove(&ticket) else { return };
        let conn = recall.conn;
        if let QueryPurpose::Replay(room) = recall.of {
            // Who went and came again is told what was asked for last.
            let is_latest = self.devices.get_mut(conn).is_some_and(|device| {
                let is_latest = device.backlog.replays.get(&room) == Some(&ticket);
                if is_latest {
                    device.backlog.change(|backlog| backlog.replays.remove(&room));
                }
                is_latest
            });
            if is_latest {
                self.replay(conn, room, answer, effects);
            }
            return;
        }
        let Some(device) = self.devices.get_mut(conn) else { return };
        if device.backlog.querying != Some(ticket) {
            return;
        }
        device.backlog.change(|backlog| backlog.querying = None);
        let who = device.person;
        let recall = match recall {
            PendingQuery { of: QueryPurpose::Message(act), label, .. } => {
                let mut turn = Turn::new(now, (conn, who), label, effects);
                if let Err(refusal) = self.act(&mut turn, act, answer) {
                    turn.say(refusal.reply());
                }
                self.end_turn(turn);
                return self.take_waiting(now, conn, effects);
            }
            recall => recall,
        };
        let lines = match self.answer_lines(self.reader(conn), &recall, answer) {
            Ok(lines) => lines,
            Err(refusal) => vec![refusal.reply()],
        };
        let parts = lines.into_iter().map(super::paged_reply::Section::Line).collect();
        let paged_reply = PagedReply { label: recall.label, parts, is_first: true };
        self.device_mut(conn).paged_reply = Some(Box::new(paged_reply));
        self.next_page(effects, conn);
        self.take_waiting(now, conn, effects);
    }

    fn answer_lines(
        &self,
        reader: Reader<'_>,
        recall: &PendingQuery,
        answer: Result<Answer, Arc<str>>,
    ) -> Result<Vec<ReplyLine>, Refusal> {
        let asker = reader.person;
        let subcommand = &*recall.subcommand;
        let name: Arc<str> = match &recall.of {
            QueryPurpose::Person { nick, .. } => Arc::clone(nick),
            QueryPurpose::Room(id) => match self.rooms.get(id).filter(|room| room.has(asker.id)) {
                Some(room) => Arc::clone(room.name.shown()),
                None => return Err(cannot_read(subcommand, "*")),
            },
            QueryPurpose::Changes(name) => Arc::clone(name),
            QueryPurpose::AuditLog
            | QueryPurpose::Message(_)
            | QueryPurpose::Replay(_)
            | QueryPurpose::Search
            | QueryPurpose::Targets => "*".into(),
        };
        let answer = answer.map_err(|why| {
            let text = format!("messages could not be retrieved: {why}");
            if matches!(recall.of, QueryPurpose::AuditLog) {
                return Refusal::Service { by: Service::ChanServ, text };
            }
            if matches!(recall.of, QueryPurpose::Search) {
                return Refusal::fail("SEARCH", "INTERNAL_ERROR", &[], &text);
            }
            fail("MESSAGE_ERROR", &[subcommand, &name], &text)
        })?;
        Ok(match answer {
            Answer::Page(events) if matches!(recall.of, QueryPurpose::AuditLog) => {
                audit_lines(&events)
            }
            // Which accounts there are is told to nobody who has not talked with them.
            Answer::Page(events)
                if events.is_empty()
                    && matches!(recall.of, QueryPurpose::Person { is_here: false, .. }) =>
            {
                return Err(cannot_read(subcommand, &name));
            }
            Answer::Page(events) => {
                let lines = events.into_iter().flat_map(|HistoryEntry { event, context }| {
                    let about = |event| {
                        let (tag, value) = ("draft/chathistory-context", "".into());
                        ReplyLine::Tagged { event, tag, value }
                    };
                    let context = context.into_iter().map(about);
                    std::iter::once(ReplyLine::Event(event)).chain(context)
                });
                in_pages("chathistory", vec![(*name).into()], lines.collect())
            }
            Answer::Changes(events, is_all) => {
                let rest = if is_all { "*" } else { "more" };
                let lines = events.into_iter().map(ReplyLine::Event).collect();
                in_pages("chat.local/changes", vec![(*name).into(), rest.into()], lines)
            }
            Answer::Matches(matches) => self.match_lines(reader, matches),
            // Of a message, which is not asked for here.
            Answer::Found(_) => Vec::new(),
            Answer::Targets(targets) => {
                let lines = targets.iter().filter_map(|target| self.target_line(asker, target));
                in_pages("draft/chathistory-targets", Vec::new(), lines.collect())
            }
        })
    }

    /// "CHATHISTORY TARGETS <nickname | channel name> <YYYY-MM-DDThh:mm:ss.sssZ>"
    fn target_line(&self, asker: &Person, target: &Target) -> Option<ReplyLine> {
        let name: Arc<str> = match &target.conversation {
            Conversation::Room(key) | Conversation::Ranked(key, _) => {
                Arc::clone(self.rooms[self.rooms_by_name.get(key)?].name.shown())
            }
            Conversation::Direct(first, second) => {
                let other = if Some(first) == asker.identity.as_ref() { second } else { first };
                let here = self.identities.get(other).and_then(|people| people.first());
                match (here, other.strip_prefix('=')) {
                    (Some(person), _) => Arc::clone(self.person(*person).nick.shown()),
                    (None, Some(account)) => self.account(account)?.name.as_str().into(),
                    // A guest who has gone: nobody can be asked for what they said.
                    (None, None) => return None,
                }
            }
        };
        let time = humantime::format_rfc3339_millis(target.time);
        let line = format!(":{} CHATHISTORY TARGETS {name} {time}", self.settings.name);
        Some(ReplyLine::Raw(line.into()))
    }
}

/// Who may not read is not told what there is.
pub(super) fn cannot_read(subcommand: &str, target: &str) -> Refusal {
    let text = "there are no messages here that you may read";
    fail("INVALID_TARGET", &[subcommand, target], text)
}

pub(super) fn account_identity(account: &str) -> Arc<str> {
    format!("={}", CaseMapping::Ascii.fold(account)).into()
}

/// What those who operate a room have done, in words.
fn audit_lines(events: &[HistoryEntry]) -> Vec<ReplyLine> {
    let said = |text: String| ReplyLine::Said { by: Service::ChanServ, text: text.into() };
    if events.is_empty() {
        return vec![said("nothing has been done in it".to_owned())];
    }
    let line = |HistoryEntry { event, .. }: &HistoryEntry| {
        let by = |source: &str| source.split('!').next().unwrap_or_default().to_owned();
        let words = match &event.content {
            Content::Kick { source, nick, reason, .. } => {
                format!("{} has removed {nick} ({reason})", by(source))
            }
            Content::Message { text, .. } => text.to_string(),
            Content::Mode { source, changes, arguments, .. } => {
                format!("{} sets {changes} {}", by(source), arguments.join(" "))
            }
            Content::Redact { source, redacted, reason, .. } => {
                let reason = reason.as_ref().map(|reason| format!(" ({reason})"));
                let reason = reason.unwrap_or_default();
                format!("{} has deleted the message {redacted}{reason}", by(source))
            }
            Content::Rename { source, name, .. } => {
                format!("{} has renamed it to {name}", by(source))
            }
            Content::Topic { source, topic, .. } => format!("{}: topic: {topic}", by(source)),
            _ => return None,
        };
        Some(said(format!("{} {words}", humantime::format_rfc3339_seconds(event.time))))
    };
    events.iter().filter_map(line).collect()
}

/// One batch of `lines`, in as many pages as its size asks for.
pub(super) fn in_pages(
    kind: &'static str,
    params: Vec<Box<str>>,
    lines: Vec<ReplyLine>,
) -> Vec<ReplyLine> {
    let mut pages: Vec<Vec<ReplyLine>> = vec![Vec::new()];
    let mut bytes = 0;
    for line in lines {
        bytes += line.size();
        if bytes > REPLY_BYTES && pages.last().is_some_and(|page| !page.is_empty()) {
            pages.push(Vec::new());
            bytes = line.size();
        }
        pages.last_mut().expect("there is one").push(line);
    }
    let n_pages = pages.len();
    let page = |(index, lines)| {
        let page = Page::of(index == 0, index + 1 == n_pages);
        ReplyLine::Batch { kind, params: params.clone(), lines, page }
    };
    pages.into_iter().enumerate().map(page).collect()
}
