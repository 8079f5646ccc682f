//! Answers of the log about the past, as their askers read them.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use chat_core::proto::{Capability, CaseMapping, Service};

use crate::{
    delivery::{Content, Event, RecordContent, ReplyLine},
    history::{Answer, HistoryEntry, Target},
    hub::{
        Hub,
        log::query::{cannot_read, fail},
        refusal::Refusal,
        replies::{batches::in_pages, turn::Turn},
        state::{
            device::Reader,
            paged_reply::{self, PagedReply},
            person::Person,
            query::{PendingQuery, QueryPurpose},
            room,
        },
    },
    ids::{ConnId, RoomId, Ticket},
    room_log::Conversation,
};

impl Hub {
    pub(crate) fn replay(&self, conn: ConnId, room: RoomId, answer: Result<Answer, Arc<str>>) {
        let device = self.people.device(conn);
        let is_inside = |room: &&room::Room| room.has(device.person);
        let Some(room) = self.rooms.get(room).filter(is_inside) else { return };
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
                Answer::Targets(_) | Answer::Changes(..) | Answer::Found(_) | Answer::Matches(..),
            ) => return,
            Err(why) => vec![notice(format!("What was said here before cannot be shown: {why}"))],
        };
        self.say_to(conn, None, lines);
    }

    /// Shows what others said to somebody while they were not here; what came after `seen` they have been told as it came.
    fn show_missed(&self, conn: ConnId, seen: SystemTime, answer: Result<Answer, Arc<str>>) {
        let Reader { person, device } = self.people.reader(conn);
        let target = person.nick.shown();
        let notice =
            |text: String| ReplyLine::Notice { target: Arc::clone(target), text: text.into() };
        let (events, is_all) = match answer {
            Ok(Answer::Changes(events, is_all)) => (events, is_all),
            Ok(_) => return,
            Err(why) => {
                let text = format!("What was said to you meanwhile cannot be shown: {why}");
                return self.say_to(conn, None, vec![notice(text)]);
            }
        };
        let is_others =
            |event: &&Arc<Event>| event.time <= seen && event.sender().account != person.account;
        let events: Vec<&Arc<Event>> = events.iter().filter(is_others).collect();
        let Some((first, last)) = events.first().zip(events.last()) else { return };
        let time = |event: &Event| {
            humantime::format_rfc3339_seconds(event.time).to_string().replace('T', " ")
        };
        let (from, to) = (time(first), time(last));
        let mut lines: Vec<ReplyLine> =
            events.iter().map(|event| ReplyLine::Event(Arc::clone(event))).collect();
        if !device.capabilities.contains(Capability::ServerTime) {
            let text = format!("Said to you while you were not here, from {from} to {to}:");
            lines.insert(0, notice(text));
            lines.push(notice("That was said while you were not here.".to_owned()));
        }
        if !is_all {
            lines.push(notice("There is more: write SEARCH and a word of it".to_owned()));
        }
        self.say_to(conn, None, lines);
    }

    /// Takes the answer to a query. The asker may have gone, or been sent out of the room; else they are given back,
    /// since what they wait with may go on.
    pub(crate) fn queried(
        &mut self,
        ticket: Ticket,
        answer: Result<Answer, Arc<str>>,
    ) -> Option<ConnId> {
        let recall = self.awaited.take_query(ticket)?;
        let conn = recall.conn;
        if let QueryPurpose::Replay(room) = recall.of {
            // Who went and came again is told what was asked for last.
            let is_latest = self.people.device_at_mut(conn).is_some_and(|device| {
                let is_latest = device.backlog.replays.get(&room) == Some(&ticket);
                if is_latest {
                    device.backlog.change(|backlog| backlog.replays.remove(&room));
                }
                is_latest
            });
            if is_latest {
                self.replay(conn, room, answer);
            }
            return None;
        }
        if let QueryPurpose::Missed { seen } = recall.of {
            if self.people.has_device(conn) {
                self.show_missed(conn, seen, answer);
            }
            return None;
        }
        let device = self.people.device_at_mut(conn)?;
        if device.backlog.querying != Some(ticket) {
            return None;
        }
        device.backlog.change(|backlog| backlog.querying = None);
        let who = device.person;
        let recall = match recall {
            PendingQuery { of: QueryPurpose::Message(act), label, .. } => {
                let mut turn = Turn::new((conn, who), label);
                if let Err(refusal) = self.act(&mut turn, act, answer) {
                    turn.say(refusal.reply());
                }
                self.end_turn(turn);
                return Some(conn);
            }
            recall => recall,
        };
        let lines = match self.answer_lines(self.people.reader(conn), &recall, answer) {
            Ok(lines) => lines,
            Err(refusal) => vec![refusal.reply()],
        };
        let parts = lines.into_iter().map(paged_reply::Section::Line).collect();
        let paged_reply = PagedReply { label: recall.label, parts, is_first: true };
        self.people.device_mut(conn).paged_reply = Some(Box::new(paged_reply));
        self.next_page(conn);
        Some(conn)
    }

    pub(crate) fn answer_lines(
        &self,
        reader: Reader<'_>,
        recall: &PendingQuery,
        answer: Result<Answer, Arc<str>>,
    ) -> Result<Vec<ReplyLine>, Refusal> {
        let asker = reader.person;
        let subcommand = &*recall.subcommand;
        let name: Arc<str> = match &recall.of {
            // They may have left it while it was looked up.
            QueryPurpose::Room(id)
                if !self.rooms.get(*id).is_some_and(|room| room.has(asker.id)) =>
            {
                return Err(cannot_read(subcommand, &recall.target));
            }
            _ => Arc::clone(&recall.target),
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
            Answer::Matches(matches, is_all) => self.match_lines(reader, matches, is_all),
            // Of a message, which is not asked for here.
            Answer::Found(_) => Vec::new(),
            Answer::Targets(targets) => {
                // Several who were called so are one target, where the latest of them spoke.
                let mut names = BTreeSet::new();
                let named = targets.iter().rev().filter_map(|target| {
                    let name = self.target_name(asker, target)?;
                    let is_new = names.insert(CaseMapping::Ascii.fold(&name).into_owned());
                    is_new.then(|| self.target_line(&name, target.time))
                });
                let mut lines: Vec<ReplyLine> = named.collect();
                lines.reverse();
                in_pages("draft/chathistory-targets", Vec::new(), lines)
            }
        })
    }

    /// The name by which a target can be asked for.
    fn target_name(&self, asker: &Person, target: &Target) -> Option<Arc<str>> {
        Some(match &target.conversation {
            // They may have left it while it was looked up.
            Conversation::Room(own) | Conversation::Ranked(own, _) => {
                let room = self.rooms.by_conversation(*own).filter(|room| room.has(asker.id));
                Arc::clone(room?.name.shown())
            }
            Conversation::Direct(first, second) => {
                let other = if Some(first) == asker.identity.as_ref() { second } else { first };
                let here = self.people.identified(other).first();
                match here {
                    Some(person) => Arc::clone(self.people.person(*person).nick.shown()),
                    // A guest who has gone goes by the name they had last.
                    None if other.starts_with('~') => target.nick.clone()?,
                    None => self.accounts.by_identity(other)?.name.as_str().into(),
                }
            }
        })
    }

    /// "CHATHISTORY TARGETS <nickname | channel name> <YYYY-MM-DDThh:mm:ss.sssZ>"
    fn target_line(&self, name: &str, time: SystemTime) -> ReplyLine {
        let time = humantime::format_rfc3339_millis(time);
        let line = format!(":{} CHATHISTORY TARGETS {name} {time}", self.settings.name);
        ReplyLine::Raw(line.into())
    }
}

/// The lines of an audit log: what those who operate a room have done, in words.
pub(crate) fn audit_lines(events: &[HistoryEntry]) -> Vec<ReplyLine> {
    let said = |text: String| ReplyLine::Said { by: Service::ChanServ, text: text.into() };
    if events.is_empty() {
        return vec![said("nothing has been done in it".to_owned())];
    }
    let line = |HistoryEntry { event, .. }: &HistoryEntry| {
        let by = |source: &str| source.split('!').next().unwrap_or_default().to_owned();
        let Content::Record(content) = &event.content else { return None };
        let words = match content {
            RecordContent::Kick { source, nick, reason, .. } => {
                format!("{} has removed {nick} ({reason})", by(source))
            }
            RecordContent::Message { text, .. } => text.to_string(),
            RecordContent::Mode { source, changes, arguments, .. } => {
                format!("{} sets {changes} {}", by(source), arguments.join(" "))
            }
            RecordContent::Redact { source, redacted, reason, .. } => {
                let reason = reason.as_ref().map(|reason| format!(" ({reason})"));
                let reason = reason.unwrap_or_default();
                format!("{} has deleted the message {redacted}{reason}", by(source))
            }
            RecordContent::Rename { source, name, .. } => {
                format!("{} has renamed it to {name}", by(source))
            }
            RecordContent::Topic { source, topic, .. } => {
                format!("{}: topic: {topic}", by(source))
            }
            // What is said is no act.
            RecordContent::Edit { .. } | RecordContent::Multiline { .. } => return None,
        };
        Some(said(format!("{} {words}", humantime::format_rfc3339_seconds(event.time))))
    };
    events.iter().filter_map(line).collect()
}
