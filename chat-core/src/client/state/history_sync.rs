//! The past, said while we were not there: asked for when we join a room and when a connection is back, and told
//! before what is said meanwhile.
//!
//! With `chat.local/changes` one question covers all conversations (`docs/changes.md`); with `draft/chathistory` each room
//! is asked for. What nobody can tell us is an [`Update::Gap`].

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{effect::Effects, negotiation::Negotiation, time::Now};
use crate::{
    client::{roster::Roster, settings::HistoryPolicy},
    proto::{Capability, CaseMapping},
    update::{Origin, Target, Update},
};

/// Messages whose ids are remembered, so that none is told twice.
const SEEN_MAX: usize = 4096;

/// Updates that wait behind the past; above it they wait no more.
const HELD_MAX: usize = 4096;

/// The time the server may take to tell a page of the past.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pages that are asked for after a connection was lost; what is older than they reach is a gap.
const PAGES_MAX: u32 = 50;

/// Records of one page; of one that has more nothing is told.
const PAGE_MAX: usize = 8192;

/// The messages that may be asked for at once, unless the server says (`CHATHISTORY` in RPL_ISUPPORT).
const PAGE: u16 = 100;

/// The clocks of servers may be that much behind ours.
const SKEW: Duration = Duration::from_secs(60);

/// The past, as far as it is known and asked for.
#[derive(Debug, Default)]
pub(super) struct HistorySync {
    asked: Vec<HistoryRequest>,
    seen: HashSet<Arc<str>>,
    /// The ids in `seen`, the oldest first.
    in_order: VecDeque<Arc<str>>,
    /// The time of the latest message, by the server's clock.
    latest: Option<SystemTime>,
    /// The latest line, and whether it was told for the first time: the parts of a message have one id.
    last_line: Option<(Stamp, bool)>,
    /// From when on something may be missing, since a connection was lost.
    missed_since: Option<SystemTime>,
    /// The time at which the connection before this one was last heard of, if there was one.
    pub(super) lost_at: Option<SystemTime>,
    /// Rooms we were in before that connection was lost, and are not in again yet.
    rejoining: Vec<Arc<str>>,
    policy: HistoryPolicy,
}

/// The stamp that tells lines without an id apart: who said where when.
type Stamp = (Arc<str>, Target, SystemTime);

/// A record of the past, or something that happened just now.
#[derive(Debug)]
pub(super) struct HistoryEntry {
    pub(super) stamp: Option<Stamp>,
    pub(super) msgid: Option<Arc<str>>,
    pub(super) update: Update,
}

/// A question that is not answered.
#[derive(Debug)]
struct HistoryRequest {
    of: HistoryScope,
    since: SystemTime,
    until: Instant,
    /// Updates that came meanwhile in the conversations it is about.
    held: Vec<(Target, Update)>,
    n_pages: u32,
    limit: u16,
    /// Messages that have been told.
    n_told: usize,
}

/// The scope of a question about the past.
#[derive(Debug, Clone, PartialEq, Eq)]
enum HistoryScope {
    /// All that has changed in all conversations.
    Everything,
    /// The latest messages of a room.
    Latest(Arc<str>),
    /// The messages of a room since we lost it.
    Missed(Arc<str>),
}

/// A batch that tells of the past. What nobody has asked for, or has been given up, is told to nobody.
#[derive(Debug)]
pub(super) struct Page {
    of: Option<HistoryScope>,
    /// There is more behind it.
    has_more: bool,
    /// Records on it, also those that mean nothing to us, and the time of the last.
    n: usize,
    last: Option<SystemTime>,
    told: Vec<HistoryEntry>,
}

impl Page {
    /// The origin of its messages.
    pub(super) fn origin(&self) -> Origin {
        match self.of {
            Some(HistoryScope::Latest(_)) => Origin::History,
            _ => Origin::Missed,
        }
    }

    /// A line of it.
    pub(super) fn count(&mut self, time: Option<SystemTime>) {
        self.n += 1;
        self.last = self.last.max(time);
    }

    pub(super) fn push(&mut self, told: HistoryEntry) {
        if self.of.is_some() && self.told.len() <= PAGE_MAX {
            self.told.push(told);
        }
    }
}

impl HistorySync {
    /// Nothing is known of the past yet.
    pub(super) fn new(policy: HistoryPolicy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Whether something is told for the first time.
    pub(super) fn is_news(&mut self, told: &HistoryEntry) -> bool {
        let is_news = match (&told.msgid, &told.stamp, &self.last_line) {
            (Some(msgid), ..) => self.is_unseen(msgid),
            // A part of a message without an id of its own.
            (None, Some(stamp), Some((last, is_news))) if stamp == last => *is_news,
            _ => true,
        };
        self.last_line = told.stamp.clone().map(|stamp| (stamp, is_news));
        is_news
    }

    /// Whether that id is met for the first time.
    pub(super) fn is_unseen(&mut self, msgid: &Arc<str>) -> bool {
        if !self.seen.insert(Arc::clone(msgid)) {
            return false;
        }
        self.in_order.push_back(Arc::clone(msgid));
        if self.in_order.len() > SEEN_MAX
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    /// Whether that id has been met.
    pub(super) fn has_seen(&self, msgid: &str) -> bool {
        self.seen.contains(msgid)
    }

    /// Something was said then, by the server's clock, which is not far from ours.
    fn note_time(&mut self, now: SystemTime, time: SystemTime) {
        self.latest = self.latest.max(Some(time.min(now + SKEW)));
    }

    /// The time at which the next question is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.asked.iter().map(|asked| asked.until).min()
    }
}

impl HistorySync {
    fn may_ask(&self, negotiation: &Negotiation) -> Option<u16> {
        let has = |capability| negotiation.capabilities.contains(capability);
        match self.policy {
            HistoryPolicy::Latest { limit }
                if has(Capability::ChatHistory) && has(Capability::Batch) =>
            {
                Some(limit)
            }
            _ => None,
        }
    }

    /// A connection is back: asks for all that was missed, if the server can tell that at once. Whether it can.
    pub(super) fn ask_for_changes(
        &mut self,
        now: Now,
        negotiation: &Negotiation,
        effects: &mut Effects,
    ) -> bool {
        let has_changes = negotiation.capabilities.contains(Capability::Changes);
        if !has_changes || self.may_ask(negotiation).is_none() {
            return false;
        }
        let limit = page_max(negotiation);
        self.ask(now, HistoryScope::Everything, self.since(), limit, 0, effects);
        true
    }

    /// The connection is gone: from when on something may be missing. What was asked for and not told still is.
    pub(super) fn note_loss(&mut self, heard: Option<SystemTime>, mut rooms: Vec<Arc<str>>) {
        self.lost_at = heard;
        let before = |time: SystemTime, duration| time.checked_sub(duration).unwrap_or(time);
        let since = match (self.latest, heard) {
            // Others may have been said in the same moment; what is known is not told twice.
            (Some(latest), _) => before(latest, Duration::from_millis(1)),
            (None, Some(heard)) => before(heard, SKEW),
            (None, None) => SystemTime::UNIX_EPOCH,
        };
        let is_open = |asked: &&HistoryRequest| !matches!(asked.of, HistoryScope::Latest(_));
        let asked = self.asked.iter().filter(is_open).map(|asked| asked.since);
        let waiting = self.missed_since.filter(|_| !self.rejoining.is_empty());
        self.missed_since = asked.chain(waiting).chain([since]).min();
        rooms.append(&mut self.rejoining);
        self.rejoining = rooms;
    }

    fn since(&self) -> SystemTime {
        self.missed_since.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// We are in a room: asks for what was said in it before. Whether it is told.
    pub(super) fn ask_for_room(
        &mut self,
        now: Now,
        negotiation: &Negotiation,
        room: &Arc<str>,
        was_in_it: bool,
        effects: &mut Effects,
    ) -> bool {
        // The question behind all rooms covers it.
        if was_in_it && self.asked.iter().any(|asked| asked.of == HistoryScope::Everything) {
            return true;
        }
        let Some(limit) = self.may_ask(negotiation) else { return false };
        let (of, since) = if was_in_it {
            (HistoryScope::Missed(Arc::clone(room)), self.since())
        } else {
            (HistoryScope::Latest(Arc::clone(room)), SystemTime::UNIX_EPOCH)
        };
        if limit == 0 && !was_in_it {
            return false;
        }
        let page_max = page_max(negotiation);
        let limit = if was_in_it { page_max } else { limit.min(page_max) };
        self.ask(now, of, since, limit, 0, effects);
        true
    }

    fn ask(
        &mut self,
        now: Now,
        of: HistoryScope,
        since: SystemTime,
        limit: u16,
        n_pages: u32,
        effects: &mut Effects,
    ) {
        // No server was there before that.
        let since = since.max(SystemTime::UNIX_EPOCH);
        let asked_since = since;
        let since = format!("timestamp={}", humantime::format_rfc3339_millis(since));
        let n = limit.to_string();
        effects.line(|line| match &of {
            HistoryScope::Everything => {
                line.command("CHANGES").param("*").param(&since).param(&n).finish()
            }
            HistoryScope::Latest(room) => line
                .command("CHATHISTORY")
                .param("LATEST")
                .param(room)
                .param("*")
                .param(&n)
                .finish(),
            HistoryScope::Missed(room) => {
                let line = line.command("CHATHISTORY").param("AFTER").param(room);
                line.param(&since).param(&n).finish()
            }
        });
        let until = now.mono + PATIENCE;
        match self.asked.iter_mut().find(|asked| asked.of == of) {
            Some(asked) => {
                (asked.since, asked.until) = (asked_since, until);
                (asked.n_pages, asked.limit) = (n_pages, limit);
            }
            None => self.asked.push(HistoryRequest {
                of,
                since: asked_since,
                until,
                held: Vec::new(),
                n_pages,
                limit,
                n_told: 0,
            }),
        }
    }

    /// The page that a batch is which begins here, if it tells of the past.
    pub(super) fn page_of(&self, roster: &Roster, kind: &str, params: &[&str]) -> Option<Page> {
        if !matches!(kind, "chat.local/changes" | "chathistory") {
            return None;
        }
        let mapping = roster.mapping();
        let is_of = |of: &HistoryScope| match (kind, of) {
            ("chat.local/changes", HistoryScope::Everything) => true,
            ("chathistory", HistoryScope::Latest(room) | HistoryScope::Missed(room)) => {
                params.first().is_some_and(|target| mapping.same(target, room))
            }
            _ => false,
        };
        let asked = self.asked.iter().find(|asked| is_of(&asked.of));
        let has_more = kind == "chat.local/changes" && params.get(1) == Some(&"more");
        let of = asked.map(|asked| asked.of.clone());
        Some(Page { of, has_more, n: 0, last: None, told: Vec::new() })
    }

    /// A page has been told: what is in it comes before what happened meanwhile.
    pub(super) fn take_page(
        &mut self,
        now: Now,
        roster: &Roster,
        page: Page,
        effects: &mut Effects,
    ) {
        let Page { of: Some(of), has_more, n, last, told } = page else { return };
        if !self.asked.iter().any(|asked| asked.of == of) {
            return;
        }
        if told.len() > PAGE_MAX {
            return self.release(roster, &of, true, effects);
        }
        let mut n_messages = 0;
        for told in told {
            if self.is_news(&told) {
                n_messages += usize::from(matches!(told.update, Update::Message(_)));
                effects.tell(told.update);
            }
        }
        if let Some(last) = last {
            self.note_time(now.wall, last);
        }
        let asked = self.asked.iter_mut().find(|asked| asked.of == of);
        let Some(asked) = asked else { return };
        asked.n_told += n_messages;
        let (limit, n_pages) = (asked.limit, asked.n_pages + 1);
        let moment = Duration::from_millis(1);
        let is_further = last.is_some_and(|last| last > asked.since + moment);
        let is_full = n >= usize::from(limit);
        // A page may be short for other reasons than being the last one.
        let has_more = match of {
            HistoryScope::Everything => has_more,
            HistoryScope::Latest(_) => false,
            HistoryScope::Missed(_) => is_further || is_full,
        };
        // The last moment once more, of which there may be more; unless that is all that comes.
        let since =
            last.and_then(|last| if is_further { last.checked_sub(moment) } else { Some(last) });
        match since.filter(|_| has_more && n_pages < PAGES_MAX) {
            Some(since) => self.ask(now, of, since, limit, n_pages, effects),
            None => self.release(roster, &of, has_more, effects),
        }
    }

    /// Nothing more is told of what was asked: what happened meanwhile is told now, behind a gap if something is missing.
    fn release(
        &mut self,
        roster: &Roster,
        of: &HistoryScope,
        is_missing: bool,
        effects: &mut Effects,
    ) {
        let Some(index) = self.asked.iter().position(|asked| asked.of == *of) else {
            return;
        };
        let asked = self.asked.remove(index);
        let since = self.lost_at;
        let mut gap = |room: &Arc<str>| {
            let target = Target::Room(Arc::clone(room));
            effects.tell(Update::Gap { target, since });
        };
        match of {
            _ if !is_missing => {}
            HistoryScope::Everything => roster.rooms().iter().for_each(gap),
            HistoryScope::Latest(_) => {}
            HistoryScope::Missed(room) => gap(room),
        }
        if asked.n_told > 0 {
            let (target, origin) = match of {
                HistoryScope::Everything => (Target::Server, Origin::Missed),
                HistoryScope::Latest(room) => (Target::Room(Arc::clone(room)), Origin::History),
                HistoryScope::Missed(room) => (Target::Room(Arc::clone(room)), Origin::Missed),
            };
            effects.tell(Update::PastTold { target, origin });
        }
        // Another question may be about them, too.
        for (target, update) in asked.held {
            self.tell_of(roster, &target, update, effects);
        }
    }

    /// We are in a room no more: nothing is told of it any longer.
    pub(super) fn leave(&mut self, roster: &Roster, room: &str, effects: &mut Effects) {
        let mapping = roster.mapping();
        let is_about = |of: &HistoryScope| match of {
            HistoryScope::Everything => false,
            HistoryScope::Latest(own) | HistoryScope::Missed(own) => mapping.same(own, room),
        };
        let asked = self.asked.iter().find(|asked| is_about(&asked.of));
        if let Some(of) = asked.map(|asked| asked.of.clone()) {
            self.release(roster, &of, false, effects);
        }
    }

    /// The server will not tell it: by the command it names, and what else.
    pub(super) fn refused(
        &mut self,
        roster: &Roster,
        command: &str,
        context: &[&str],
        effects: &mut Effects,
    ) -> bool {
        let mapping = roster.mapping();
        // Ours answers a question for changes as one for history.
        let is_changes = command == "CHANGES" || context.first() == Some(&"CHANGES");
        let is_of = |of: &HistoryScope, room: Option<&str>| match of {
            HistoryScope::Everything => is_changes,
            HistoryScope::Latest(own) | HistoryScope::Missed(own) => {
                command == "CHATHISTORY" && room.is_none_or(|room| mapping.same(own, room))
            }
        };
        let named = context
            .iter()
            .find_map(|room| self.asked.iter().find(|asked| is_of(&asked.of, Some(room))));
        // One that names no room is about the oldest question.
        let asked = named.or_else(|| self.asked.iter().find(|asked| is_of(&asked.of, None)));
        let Some(of) = asked.map(|asked| asked.of.clone()) else { return false };
        self.release(roster, &of, true, effects);
        true
    }

    /// Gives up what the server does not tell in time: it is missing.
    pub(super) fn give_up(&mut self, now: Now, roster: &Roster, effects: &mut Effects) {
        let is_over = |asked: &&HistoryRequest| asked.until <= now.mono;
        while let Some(of) = self.asked.iter().find(is_over).map(|asked| asked.of.clone()) {
            self.release(roster, &of, true, effects);
        }
    }

    /// The connection is gone: what happened before is told, and the rest asked for again.
    pub(super) fn drop_questions(&mut self, effects: &mut Effects) {
        for asked in std::mem::take(&mut self.asked) {
            asked.held.into_iter().for_each(|(_, update)| effects.tell(update));
        }
    }

    /// Tells what happened just now, once.
    pub(super) fn tell_once(
        &mut self,
        now: Now,
        roster: &Roster,
        target: &Target,
        told: HistoryEntry,
        effects: &mut Effects,
    ) {
        if let Some((_, _, time)) = &told.stamp {
            self.note_time(now.wall, *time);
        }
        if self.is_news(&told) {
            self.tell_of(roster, target, told.update, effects);
        }
    }

    /// Something happened in a conversation just now: it waits while its past is told.
    pub(super) fn tell_of(
        &mut self,
        roster: &Roster,
        target: &Target,
        update: Update,
        effects: &mut Effects,
    ) {
        let mapping = roster.mapping();
        let is_about = |of: &HistoryScope| match (of, target) {
            (HistoryScope::Everything, _) => true,
            (HistoryScope::Latest(room) | HistoryScope::Missed(room), Target::Room(name)) => {
                mapping.same(room, name)
            }
            _ => false,
        };
        let Some(asked) = self.asked.iter_mut().find(|asked| is_about(&asked.of)) else {
            return effects.tell(update);
        };
        asked.held.push((target.clone(), update));
        if asked.held.len() > HELD_MAX {
            let of = asked.of.clone();
            self.release(roster, &of, true, effects);
        }
    }

    /// We are in a room; whether we were in it before the connection was lost, and are again for the first time.
    pub(super) fn is_back_in(&mut self, mapping: CaseMapping, room: &str) -> bool {
        let n_missing = self.rejoining.len();
        self.rejoining.retain(|missing| !mapping.same(missing, room));
        self.rejoining.len() < n_missing
    }
}

/// The number of messages that may be asked for at once.
fn page_max(negotiation: &Negotiation) -> u16 {
    negotiation.page_max.unwrap_or(PAGE).clamp(1, 1000)
}
