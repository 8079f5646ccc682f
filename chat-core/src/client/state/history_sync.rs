//! The past, said while we were not there: asked for when we join a room and when a connection is back, and told
//! before what is said meanwhile.
//!
//! With `chat.local/changes` one question covers all conversations (`docs/changes.md`); with `draft/chathistory` each room
//! is asked for. What nobody can tell us is an [`Update::Gap`].

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{effect::Effects, negotiation::Negotiation, time::Now};
use crate::{
    client::{
        budget::update_bytes,
        roster::{ROOMS_MAX, Roster},
        settings::HistoryPolicy,
    },
    proto::{Capability, CaseMapping},
    update::{Origin, Target, Update},
};

/// Messages whose ids are remembered, so that none is told twice.
const SEEN_MAX: usize = 4096;

/// The time the server may take to tell a page of the past, and all that one question is about. What it has not told then is
/// a gap.
const PATIENCE: Duration = Duration::from_secs(20);
const PATIENCE_IN_ALL: Duration = Duration::from_secs(120);

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
    /// The questions that are not answered, by what they are about.
    asked: BTreeMap<HistoryKey, HistoryRequest>,
    /// The times at which they are given up, the next one first.
    deadlines: BTreeSet<(Instant, HistoryKey)>,
    /// The bytes of all that waits behind the past, and of what has come of it; and those that may.
    bytes: usize,
    bytes_max: usize,
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
    /// Rooms we were in before that connection was lost, and are not in again yet, by their folded names.
    rejoining: HashSet<Arc<str>>,
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
    begun: Instant,
    until: Instant,
    /// Updates that came meanwhile in the conversations it is about.
    held: VecDeque<(Target, Update)>,
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

/// The conversations that a question is about: one question for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum HistoryKey {
    Everything,
    /// A room, by its folded name.
    Room(Arc<str>),
}

impl HistoryScope {
    fn key(&self, mapping: CaseMapping) -> HistoryKey {
        match self {
            Self::Everything => HistoryKey::Everything,
            Self::Latest(room) | Self::Missed(room) => HistoryKey::Room(mapping.fold(room).into()),
        }
    }
}

/// The reason why nothing more is told of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// All of it has been told.
    Told,
    /// The server has told all it will: of rooms we were in, something may be missing.
    Refused,
    /// It did not come in time, or there is no place for it: something is missing.
    GivenUp,
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
    bytes: usize,
    /// There was no place for all of it.
    is_overfull: bool,
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
}

impl HistorySync {
    /// Nothing is known of the past yet; so many bytes may wait.
    pub(super) fn new(policy: HistoryPolicy, bytes_max: usize) -> Self {
        Self { policy, bytes_max, ..Self::default() }
    }

    /// The bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts something on a page, which is given up if there is no place for it.
    pub(super) fn put(&mut self, page: &mut Page, told: HistoryEntry) {
        if page.of.is_none() || page.is_overfull {
            return;
        }
        let bytes = entry_bytes(&told);
        if page.told.len() < PAGE_MAX && self.bytes + bytes <= self.bytes_max {
            self.bytes += bytes;
            page.bytes += bytes;
            page.told.push(told);
        } else {
            self.forget_page(page);
            page.is_overfull = true;
        }
    }

    /// Forgets what is on a page: it is told to nobody.
    pub(super) fn forget_page(&mut self, page: &mut Page) {
        self.bytes -= page.bytes;
        page.bytes = 0;
        page.told = Vec::new();
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
        self.deadlines.first().map(|(until, _)| *until)
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
        let (of, since) = (HistoryScope::Everything, self.since());
        self.ask(now, HistoryKey::Everything, of, since, limit, 0, effects);
        true
    }

    /// The connection is gone: from when on something may be missing. What was asked for and not told still is.
    pub(super) fn note_loss(&mut self, heard: Option<SystemTime>, roster: &Roster) {
        self.lost_at = heard;
        let before = |time: SystemTime, duration| time.checked_sub(duration).unwrap_or(time);
        let since = match (self.latest, heard) {
            // Others may have been said in the same moment; what is known is not told twice.
            (Some(latest), _) => before(latest, Duration::from_millis(1)),
            (None, Some(heard)) => before(heard, SKEW),
            (None, None) => SystemTime::UNIX_EPOCH,
        };
        let is_open = |asked: &&HistoryRequest| !matches!(asked.of, HistoryScope::Latest(_));
        let asked = self.asked.values().filter(is_open).map(|asked| asked.since);
        let waiting = self.missed_since.filter(|_| !self.rejoining.is_empty());
        self.missed_since = asked.chain(waiting).chain([since]).min();
        for room in roster.rooms().names() {
            // A server that puts us into others each time is not believed.
            if self.rejoining.len() < ROOMS_MAX {
                self.rejoining.insert(roster.mapping().fold(&room).into());
            }
        }
    }

    fn since(&self) -> SystemTime {
        self.missed_since.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// We are in a room: asks for what was said in it before. Whether it is told.
    pub(super) fn ask_for_room(
        &mut self,
        now: Now,
        negotiation: &Negotiation,
        (mapping, room): (CaseMapping, &Arc<str>),
        was_in_it: bool,
        effects: &mut Effects,
    ) -> bool {
        let key = HistoryKey::Room(mapping.fold(room).into());
        // The question behind all rooms covers it, and one that is open already is not asked again.
        if was_in_it && self.asked.contains_key(&HistoryKey::Everything)
            || self.asked.contains_key(&key)
        {
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
        self.ask(now, key, of, since, limit, 0, effects);
        true
    }

    #[expect(clippy::too_many_arguments, reason = "a question is all of them")]
    fn ask(
        &mut self,
        now: Now,
        key: HistoryKey,
        of: HistoryScope,
        since: SystemTime,
        limit: u16,
        n_pages: u32,
        effects: &mut Effects,
    ) {
        // No server was there before that.
        let since = since.max(SystemTime::UNIX_EPOCH);
        let from = format!("timestamp={}", humantime::format_rfc3339_millis(since));
        let n = limit.to_string();
        effects.line(|line| match &of {
            HistoryScope::Everything => {
                line.command("CHANGES").param("*").param(&from).param(&n).finish()
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
                line.param(&from).param(&n).finish()
            }
        });
        let asked = self.asked.entry(key.clone()).or_insert(HistoryRequest {
            of,
            since,
            begun: now.mono,
            until: now.mono,
            held: VecDeque::new(),
            n_pages,
            limit,
            n_told: 0,
        });
        self.deadlines.remove(&(asked.until, key.clone()));
        asked.until = (now.mono + PATIENCE).min(asked.begun + PATIENCE_IN_ALL);
        (asked.since, asked.n_pages, asked.limit) = (since, n_pages, limit);
        self.deadlines.insert((asked.until, key));
    }

    /// The page that a batch is which begins here, if it tells of the past.
    pub(super) fn page_of(&self, roster: &Roster, kind: &str, params: &[&str]) -> Option<Page> {
        if !matches!(kind, "chat.local/changes" | "chathistory") {
            return None;
        }
        let key = match kind {
            "chat.local/changes" => Some(HistoryKey::Everything),
            _ => params.first().map(|room| HistoryKey::Room(roster.mapping().fold(room).into())),
        };
        let asked = key.and_then(|key| self.asked.get(&key));
        let has_more = kind == "chat.local/changes" && params.get(1) == Some(&"more");
        let of = asked.map(|asked| asked.of.clone());
        let (n, bytes, is_overfull) = (0, 0, false);
        Some(Page { of, has_more, n, last: None, told: Vec::new(), bytes, is_overfull })
    }

    /// A page has been told: what is in it comes before what happened meanwhile.
    pub(super) fn take_page(
        &mut self,
        now: Now,
        roster: &Roster,
        page: Page,
        effects: &mut Effects,
    ) {
        self.bytes -= page.bytes;
        let Page { of: Some(of), has_more, n, last, told, is_overfull, .. } = page else { return };
        let key = of.key(roster.mapping());
        if self.asked.get(&key).is_none_or(|asked| asked.of != of) {
            return;
        }
        if is_overfull {
            return self.release(roster, &key, Ending::GivenUp, effects);
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
        let Some(asked) = self.asked.get_mut(&key) else { return };
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
            Some(since) => self.ask(now, key, of, since, limit, n_pages, effects),
            None => {
                let ending = if has_more { Ending::GivenUp } else { Ending::Told };
                self.release(roster, &key, ending, effects);
            }
        }
    }

    /// Nothing more is told of what was asked: what happened meanwhile is told now, behind a gap if something is missing.
    fn release(
        &mut self,
        roster: &Roster,
        key: &HistoryKey,
        ending: Ending,
        effects: &mut Effects,
    ) {
        let Some(asked) = self.asked.remove(key) else { return };
        self.deadlines.remove(&(asked.until, key.clone()));
        self.bytes -= asked.held.iter().map(|(_, update)| update_bytes(update)).sum::<usize>();
        let since = self.lost_at;
        let mut gap = |room: &Arc<str>, since| {
            let target = Target::Room(Arc::clone(room));
            effects.tell(Update::Gap { target, since });
        };
        match &asked.of {
            _ if ending == Ending::Told => {}
            HistoryScope::Everything => {
                roster.rooms().names().iter().for_each(|room| gap(room, since));
            }
            // What was said before we came is not ours to miss, unless it was promised.
            HistoryScope::Latest(_) if ending == Ending::Refused => {}
            HistoryScope::Latest(room) => gap(room, None),
            HistoryScope::Missed(room) => gap(room, since),
        }
        if asked.n_told > 0 {
            let (target, origin) = match asked.of {
                HistoryScope::Everything => (Target::Server, Origin::Missed),
                HistoryScope::Latest(room) => (Target::Room(room), Origin::History),
                HistoryScope::Missed(room) => (Target::Room(room), Origin::Missed),
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
        let key = HistoryKey::Room(roster.mapping().fold(room).into());
        self.release(roster, &key, Ending::Told, effects);
    }

    /// The server will not tell it: by the command it names, and what else.
    pub(super) fn refused(
        &mut self,
        roster: &Roster,
        command: &str,
        context: &[&str],
        effects: &mut Effects,
    ) -> bool {
        let has = |key: &HistoryKey| self.asked.contains_key(key);
        // Ours answers a question for changes as one for history.
        let is_changes = command == "CHANGES" || context.first() == Some(&"CHANGES");
        let mut rooms =
            context.iter().map(|room| HistoryKey::Room(roster.mapping().fold(room).into()));
        let key = if is_changes && has(&HistoryKey::Everything) {
            Some(HistoryKey::Everything)
        } else if command == "CHATHISTORY" {
            // One that names no room is about the oldest question.
            let is_room = |key: &&HistoryKey| matches!(key, HistoryKey::Room(_));
            let oldest = || self.deadlines.iter().map(|(_, key)| key).find(is_room).cloned();
            rooms.find(has).or_else(oldest)
        } else {
            None
        };
        let Some(key) = key else { return false };
        self.release(roster, &key, Ending::Refused, effects);
        true
    }

    /// Gives up what the server does not tell in time: it is missing.
    pub(super) fn give_up(&mut self, now: Now, roster: &Roster, effects: &mut Effects) {
        while let Some((until, key)) = self.deadlines.first().cloned()
            && until <= now.mono
        {
            self.release(roster, &key, Ending::GivenUp, effects);
        }
    }

    /// The connection is gone, and with it every page: what happened before is told, and the rest asked for again.
    pub(super) fn drop_questions(&mut self, effects: &mut Effects) {
        self.deadlines.clear();
        self.bytes = 0;
        for asked in std::mem::take(&mut self.asked).into_values() {
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
        let key = match target {
            _ if self.asked.is_empty() => return effects.tell(update),
            _ if self.asked.contains_key(&HistoryKey::Everything) => HistoryKey::Everything,
            Target::Room(room) => HistoryKey::Room(roster.mapping().fold(room).into()),
            _ => return effects.tell(update),
        };
        let Some(asked) = self.asked.get_mut(&key) else { return effects.tell(update) };
        self.bytes += update_bytes(&update);
        asked.held.push_back((target.clone(), update));
        // What has been waited for longest is missing, until there is place again.
        while self.bytes > self.bytes_max
            && let Some((_, oldest)) = self.deadlines.first().cloned()
        {
            self.release(roster, &oldest, Ending::GivenUp, effects);
        }
    }

    /// We are in a room; whether we were in it before the connection was lost, and are again for the first time.
    pub(super) fn is_back_in(&mut self, mapping: CaseMapping, room: &str) -> bool {
        self.rejoining.remove(&*mapping.fold(room))
    }
}

/// The bytes of something on a page.
fn entry_bytes(told: &HistoryEntry) -> usize {
    // A stamp's names and an id of its own are as long as those of an update, at most.
    2 * size_of::<HistoryEntry>() + 2 * update_bytes(&told.update)
}

/// The number of messages that may be asked for at once.
fn page_max(negotiation: &Negotiation) -> u16 {
    negotiation.page_max.unwrap_or(PAGE).clamp(1, 1000)
}
