//! What was said while we were not there: asked for when we join a room and when a connection is back, and told before
//! what is said meanwhile.
//!
//! With `chat.local/changes` one question covers all conversations (`docs/changes.md`); with `draft/chathistory` each room
//! is asked for. What nobody can tell us is an [`Update::Gap`].

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{ClientState, Now, Outputs};
use crate::{
    client::config::HistoryPolicy,
    proto::Capability,
    update::{Origin, Target, Update},
};

/// Messages whose ids are remembered, so that none is told twice.
const SEEN_MAX: usize = 4096;

/// Updates that wait behind the past; above it they wait no more.
const HELD_MAX: usize = 4096;

/// How long the server may take to tell a page of the past.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pages that are asked for after a connection was lost; what is older than they reach is a gap.
const PAGES_MAX: u32 = 50;

/// How much may be asked for at once, unless the server says (`CHATHISTORY` in RPL_ISUPPORT).
const PAGE: u16 = 100;

/// The clocks of servers may be that much behind ours.
const SKEW: Duration = Duration::from_secs(60);

/// What is known and asked of the past.
#[derive(Debug, Default)]
pub(super) struct Past {
    asked: Vec<Asked>,
    seen: HashSet<Arc<str>>,
    /// The same, the oldest first.
    in_order: VecDeque<Arc<str>>,
    /// The time of the latest message, by the server's clock.
    latest: Option<SystemTime>,
    /// What the server tells at once, at most.
    pub(super) page_max: Option<u16>,
}

/// A question that is not answered.
#[derive(Debug)]
struct Asked {
    of: Of,
    until: Instant,
    /// What happened meanwhile in the conversations it is about.
    held: Vec<Update>,
    n_pages: u32,
    limit: u16,
    /// Messages that have been told.
    n_told: usize,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    /// All that has changed in all conversations.
    Everything,
    /// What was said last in a room.
    Latest(Arc<str>),
    /// What was said in a room since we lost it.
    Missed(Arc<str>),
}

/// A batch that tells of the past.
#[derive(Debug)]
pub(super) struct Page {
    of: Of,
    /// There is more behind it.
    has_more: bool,
    n: u16,
    last: Option<SystemTime>,
    updates: Vec<Update>,
}

impl Page {
    /// Where its messages come from.
    pub(super) fn origin(&self) -> Origin {
        match self.of {
            Of::Latest(_) => Origin::History,
            Of::Everything | Of::Missed(_) => Origin::Missed,
        }
    }

    /// A record of it, told at that time; `None`: it is known already.
    pub(super) fn push(&mut self, time: SystemTime, update: Option<Update>) {
        self.n += 1;
        self.last = self.last.max(Some(time));
        self.updates.extend(update);
    }
}

impl Past {
    /// Whether a message is told for the first time.
    pub(super) fn is_news(&mut self, msgid: Option<&Arc<str>>) -> bool {
        let Some(msgid) = msgid else { return true };
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

    /// Something was said then, by the server's clock.
    pub(super) fn note_time(&mut self, time: SystemTime) {
        self.latest = self.latest.max(Some(time));
    }

    /// When the next question is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.asked.iter().map(|asked| asked.until).min()
    }
}

impl ClientState {
    fn may_ask_for_past(&self) -> Option<u16> {
        let has = |capability| self.negotiation.capabilities.contains(capability);
        match self.settings.history {
            HistoryPolicy::Latest { limit }
                if has(Capability::ChatHistory) && has(Capability::Batch) =>
            {
                Some(limit)
            }
            _ => None,
        }
    }

    fn page_max(&self) -> u16 {
        self.past.page_max.unwrap_or(PAGE).clamp(1, 1000)
    }

    /// A connection is back: asks for all that was missed, if the server can tell that at once. Whether it can.
    pub(super) fn ask_for_changes(&mut self, now: Now, outputs: &mut Outputs) -> bool {
        let has_changes = self.negotiation.capabilities.contains(Capability::Changes);
        if !has_changes || self.may_ask_for_past().is_none() {
            return false;
        }
        let limit = self.page_max();
        self.ask(now, Of::Everything, self.since(), limit, 0, outputs);
        true
    }

    /// From when on something may have been missed.
    fn since(&self) -> SystemTime {
        let before = |time: SystemTime, duration| time.checked_sub(duration).unwrap_or(time);
        match (self.past.latest, self.lost_at) {
            // Others may have been said in the same moment; what is known is not told twice.
            (Some(latest), _) => before(latest, Duration::from_millis(1)),
            (None, Some(lost)) => before(lost, SKEW),
            (None, None) => SystemTime::UNIX_EPOCH,
        }
    }

    /// We are in a room: asks for what was said in it before. Whether it is told.
    pub(super) fn ask_for_room(
        &mut self,
        now: Now,
        room: &Arc<str>,
        was_in_it: bool,
        outputs: &mut Outputs,
    ) -> bool {
        // The question behind all rooms covers it.
        if was_in_it && self.past.asked.iter().any(|asked| asked.of == Of::Everything) {
            return true;
        }
        let Some(limit) = self.may_ask_for_past() else { return false };
        let (of, since) = if was_in_it {
            (Of::Missed(Arc::clone(room)), self.since())
        } else {
            (Of::Latest(Arc::clone(room)), SystemTime::UNIX_EPOCH)
        };
        if limit == 0 && !was_in_it {
            return false;
        }
        let limit = if was_in_it { self.page_max() } else { limit.min(self.page_max()) };
        self.ask(now, of, since, limit, 0, outputs);
        true
    }

    fn ask(
        &mut self,
        now: Now,
        of: Of,
        since: SystemTime,
        limit: u16,
        n_pages: u32,
        outputs: &mut Outputs,
    ) {
        // No server was there before that.
        let since = since.max(SystemTime::UNIX_EPOCH);
        let since = format!("timestamp={}", humantime::format_rfc3339_millis(since));
        let n = limit.to_string();
        outputs.line(|line| match &of {
            Of::Everything => line.command("CHANGES").param("*").param(&since).param(&n).finish(),
            Of::Latest(room) => line
                .command("CHATHISTORY")
                .param("LATEST")
                .param(room)
                .param("*")
                .param(&n)
                .finish(),
            Of::Missed(room) => {
                let line = line.command("CHATHISTORY").param("AFTER").param(room);
                line.param(&since).param(&n).finish()
            }
        });
        let until = now.mono + PATIENCE;
        match self.past.asked.iter_mut().find(|asked| asked.of == of) {
            Some(asked) => (asked.until, asked.n_pages, asked.limit) = (until, n_pages, limit),
            None => self.past.asked.push(Asked {
                of,
                until,
                held: Vec::new(),
                n_pages,
                limit,
                n_told: 0,
            }),
        }
    }

    /// A batch that begins here tells of the past, if we have asked for that.
    pub(super) fn page_of(&self, kind: &str, params: &[&str]) -> Option<Page> {
        let mapping = self.roster().mapping();
        let is_of = |of: &Of| match (kind, of) {
            ("chat.local/changes", Of::Everything) => true,
            ("chathistory", Of::Latest(room) | Of::Missed(room)) => {
                params.first().is_some_and(|target| mapping.same(target, room))
            }
            _ => false,
        };
        let asked = self.past.asked.iter().find(|asked| is_of(&asked.of))?;
        let has_more = kind == "chat.local/changes" && params.get(1) == Some(&"more");
        let of = asked.of.clone();
        Some(Page { of, has_more, n: 0, last: None, updates: Vec::new() })
    }

    /// A page has been told: what is in it comes before what happened meanwhile.
    pub(super) fn take_page(&mut self, now: Now, mut page: Page, outputs: &mut Outputs) {
        let is_message = |update: &&Update| matches!(update, Update::Message(_));
        let n_messages = page.updates.iter().filter(is_message).count();
        outputs.updates.append(&mut page.updates);
        let asked = self.past.asked.iter_mut().find(|asked| asked.of == page.of);
        let Some(asked) = asked else { return };
        asked.n_told += n_messages;
        let (limit, n_pages) = (asked.limit, asked.n_pages + 1);
        let has_more = match page.of {
            Of::Everything => page.has_more,
            Of::Latest(_) => false,
            Of::Missed(_) => page.n >= limit,
        };
        let since = page.last.and_then(|last| last.checked_sub(Duration::from_millis(1)));
        match since.filter(|_| has_more && n_pages < PAGES_MAX) {
            Some(since) => self.ask(now, page.of, since, limit, n_pages, outputs),
            None => self.release(&page.of, has_more, outputs),
        }
    }

    /// Nothing more is told of what was asked: what happened meanwhile is told now, behind a gap if something is missing.
    fn release(&mut self, of: &Of, is_missing: bool, outputs: &mut Outputs) {
        let Some(index) = self.past.asked.iter().position(|asked| asked.of == *of) else { return };
        let asked = self.past.asked.remove(index);
        let since = self.lost_at;
        let mut gap = |room: &Arc<str>| {
            let target = Target::Room(Arc::clone(room));
            outputs.updates.push(Update::Gap { target, since });
        };
        match of {
            _ if !is_missing => {}
            Of::Everything => self.roster().rooms().iter().for_each(gap),
            Of::Latest(_) => {}
            Of::Missed(room) => gap(room),
        }
        if asked.n_told > 0 {
            let (target, origin) = match of {
                Of::Everything => (Target::Server, Origin::Missed),
                Of::Latest(room) => (Target::Room(Arc::clone(room)), Origin::History),
                Of::Missed(room) => (Target::Room(Arc::clone(room)), Origin::Missed),
            };
            outputs.updates.push(Update::PastTold { target, origin });
        }
        outputs.updates.extend(asked.held);
    }

    /// The server will not tell it.
    pub(super) fn past_refused(
        &mut self,
        command: &str,
        room: Option<&str>,
        outputs: &mut Outputs,
    ) -> bool {
        let mapping = self.roster().mapping();
        let is_of = |of: &Of| match (command, of) {
            ("CHANGES", Of::Everything) => true,
            ("CHATHISTORY", Of::Latest(own) | Of::Missed(own)) => {
                room.is_some_and(|room| mapping.same(own, room))
            }
            _ => false,
        };
        let asked = self.past.asked.iter().find(|asked| is_of(&asked.of));
        let Some(of) = asked.map(|asked| asked.of.clone()) else { return false };
        self.release(&of, true, outputs);
        true
    }

    /// What the server does not tell in time is missing.
    pub(super) fn give_up_past(&mut self, now: Now, outputs: &mut Outputs) {
        let is_over = |asked: &&Asked| asked.until <= now.mono;
        while let Some(of) = self.past.asked.iter().find(is_over).map(|asked| asked.of.clone()) {
            self.release(&of, true, outputs);
        }
    }

    /// The connection is gone: what happened before is told, and the rest asked for again.
    pub(super) fn drop_questions(&mut self, outputs: &mut Outputs) {
        for asked in std::mem::take(&mut self.past.asked) {
            outputs.updates.extend(asked.held);
        }
    }

    /// Something happened in a conversation just now: it waits while its past is told.
    pub(super) fn tell_of(&mut self, target: &Target, update: Update, outputs: &mut Outputs) {
        let mapping = self.roster().mapping();
        let is_about = |of: &Of| match (of, target) {
            (Of::Everything, _) => true,
            (Of::Latest(room) | Of::Missed(room), Target::Room(name)) => mapping.same(room, name),
            _ => false,
        };
        let Some(asked) = self.past.asked.iter_mut().find(|asked| is_about(&asked.of)) else {
            return outputs.updates.push(update);
        };
        asked.held.push(update);
        if asked.held.len() > HELD_MAX {
            let of = asked.of.clone();
            self.release(&of, true, outputs);
        }
    }
}
