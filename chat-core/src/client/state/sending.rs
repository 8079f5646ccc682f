//! Messages of ours: queued, written, acknowledged or failed, each of them to its end.
//!
//! A message is cut into as many lines as it needs. What acknowledges a line, best first: the echo with
//! its label; the echo with its text; the answer to a `PING` sent behind it, which says that all before
//! it was handled. Where there are echoes that is sent only if one is late: it may differ from what was
//! sent, or never come.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    effect::{Effect, Effects},
    request::Message,
    time::{Now, later},
};
use crate::{
    client::{budget::message_request_bytes, settings::Timeouts},
    error::DeliveryError,
    proto::{Capability, CapabilitySet, CaseMapping, NONCE_TAG, Numeric},
    text::{next_piece, printable},
    update::{ChatMessage, Delivery, MessageKind, Origin, SendId, Target, Update},
};

/// Lines at once and then one in so much time, for servers that close those who send faster.
const CAREFUL_BURST: u32 = 4;
const CAREFUL_DELAY: Duration = Duration::from_secs(2);

/// The time an echo may be late before the server is asked.
const ECHO_PATIENCE: Duration = Duration::from_secs(5);

/// The server is asked at least behind so many messages, also while more wait.
const UNASKED_MAX: u32 = 16;

/// All messages that are not at their end.
#[derive(Debug, Default)]
pub(super) struct Sending {
    /// Messages that are not or not wholly written, oldest first.
    queue: VecDeque<Queued>,
    /// The bytes that each of them takes of the budget.
    weights: HashMap<SendId, usize>,
    /// Of which at least a line is written.
    flying: BTreeMap<SendId, Flying>,
    /// Lines that are not acknowledged, oldest first.
    parts: VecDeque<Part>,
    /// Lines of a connection before this one that are to be sent again, oldest first.
    again: VecDeque<Part>,
    /// The beginning of our nonces, which no other client's have.
    nonce_start: String,
    is_labelled: bool,
    is_echoed: bool,
    /// Whether a line that is sent again is there once (`docs/idempotent-send.md`).
    is_once: bool,
    unasked: Option<Unasked>,
    /// The allowance of further lines; `None`: any number, at any time.
    allowance: Option<Allowance>,
}

/// Messages behind which no `PING` has been sent.
#[derive(Debug)]
struct Unasked {
    last: SendId,
    since: Instant,
    n: u32,
}

#[derive(Debug)]
struct Allowance {
    lines: u32,
    counted: Instant,
}

#[derive(Debug)]
struct Queued {
    message: Message,
    /// The bytes of its text that are cut off already.
    offset: usize,
    since: Instant,
}

#[derive(Debug)]
struct Flying {
    /// The time its latest line was written.
    since: Instant,
    /// Lines that are not acknowledged.
    n_parts: usize,
    /// The last line is among them, or was.
    is_whole: bool,
    is_written: bool,
    msgid: Option<Arc<str>>,
}

#[derive(Debug)]
struct Part {
    id: SendId,
    label: String,
    target: Arc<str>,
    kind: MessageKind,
    /// As it is written.
    text: String,
    /// Whether it is the last one of its message.
    is_last: bool,
}

impl Sending {
    /// Nothing to send yet; `random` is another number for every client.
    pub(super) fn new(random: u64) -> Self {
        Self { nonce_start: format!("{random:016x}"), ..Self::default() }
    }

    /// A connection is ready.
    pub(super) fn begin(&mut self, now: Now, capabilities: CapabilitySet, is_safe_rate: bool) {
        let has = |capability| capabilities.contains(capability);
        self.is_labelled = has(Capability::LabeledResponse);
        self.is_echoed = has(Capability::EchoMessage);
        self.is_once = has(Capability::Nonce) && has(Capability::MessageTags);
        self.unasked = None;
        let careful = Allowance { lines: CAREFUL_BURST, counted: now.mono };
        self.allowance = (!is_safe_rate).then_some(careful);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.flying.is_empty()
    }

    /// Since when the oldest message waits of which nothing is written.
    pub(super) fn oldest_unwritten(&self) -> Option<Instant> {
        self.queue.iter().find(|queued| queued.offset == 0).map(|queued| queued.since)
    }

    /// Since when the message has waited for its answer that has waited longest.
    pub(super) fn oldest_unanswered(&self) -> Option<Instant> {
        let whole = self.flying.values().filter(|flying| flying.is_whole);
        whole.map(|flying| flying.since).min()
    }

    /// The time at which a line may and should be sent again, if one waits for that.
    pub(super) fn next_line_at(&self) -> Option<Instant> {
        let wait_over = self.allowance.as_ref().filter(|allowance| allowance.lines == 0);
        let allowed = wait_over.map(|allowance| allowance.counted + CAREFUL_DELAY);
        if !self.queue.is_empty() || !self.again.is_empty() {
            return allowed;
        }
        let asked = self.ask_at()?;
        Some(allowed.map_or(asked, |allowed| allowed.max(asked)))
    }

    /// The time at which the server is to be asked about what it has not acknowledged.
    fn ask_at(&self) -> Option<Instant> {
        let unasked = self.unasked.as_ref()?;
        let is_now = !self.is_echoed && (self.queue.is_empty() || unasked.n >= UNASKED_MAX);
        if is_now {
            Some(unasked.since)
        } else {
            (self.is_echoed).then_some(unasked.since + ECHO_PATIENCE)
        }
    }

    /// Takes one line from what may be sent.
    fn take_allowance(&mut self, now: Instant) -> bool {
        let Some(allowance) = &mut self.allowance else { return true };
        while allowance.lines < CAREFUL_BURST && allowance.counted + CAREFUL_DELAY <= now {
            allowance.lines += 1;
            allowance.counted += CAREFUL_DELAY;
        }
        if allowance.lines == CAREFUL_BURST {
            allowance.counted = now;
        }
        let may = allowance.lines > 0;
        allowance.lines = allowance.lines.saturating_sub(1);
        may
    }
}

impl Sending {
    /// Shows a message and puts it in line.
    pub(super) fn queue(
        &mut self,
        now: Now,
        sender: &Arc<str>,
        message: Message,
        effects: &mut Effects,
    ) {
        let id = message.id;
        let target = if is_room(&message.target) {
            Target::Room(Arc::clone(&message.target))
        } else {
            Target::User(Arc::clone(&message.target))
        };
        effects.tell(Update::Message(ChatMessage {
            target,
            sender: Arc::clone(sender),
            is_own: true,
            account: None,
            text: Arc::clone(&message.text),
            kind: message.kind,
            time: now.wall,
            msgid: None,
            send_id: Some(id),
            origin: Origin::LocalEcho,
            mentions_me: false,
        }));
        tell(id, Delivery::Queued, effects);
        self.weights.insert(id, message_request_bytes(&message));
        self.queue.push_back(Queued { message, offset: 0, since: now.mono });
    }

    /// Writes lines of waiting messages, about `bytes_max` bytes of them; `text_bytes_max` is what fits on one line.
    pub(super) fn pump(
        &mut self,
        now: Now,
        bytes_max: usize,
        text_bytes_max: impl Fn(&str, MessageKind) -> usize,
        effects: &mut Effects,
    ) {
        let start = effects.n_bytes();
        while effects.n_bytes() - start < bytes_max {
            let asks = self.ask_at().is_some_and(|at| at <= now.mono);
            let has_lines = !self.queue.is_empty() || !self.again.is_empty();
            if !has_lines && !asks || !self.take_allowance(now.mono) {
                return;
            }
            if let Some(part) = self.again.pop_front() {
                self.write_line(now, part, effects);
                continue;
            }
            match self.unasked.take_if(|_| asks) {
                Some(Unasked { last, .. }) => {
                    effects
                        .line(|line| line.command("PING").last(&format!("sent-{last}")).finish());
                }
                None => self.write_part(now, &text_bytes_max, effects),
            }
        }
    }

    /// Whether [`Sending::pump`] has something to write now or later.
    pub(super) fn has_unwritten(&self) -> bool {
        !self.queue.is_empty() || !self.again.is_empty() || self.unasked.is_some()
    }

    /// One line of the first message in the queue.
    fn write_part(
        &mut self,
        now: Now,
        text_bytes_max: impl Fn(&str, MessageKind) -> usize,
        effects: &mut Effects,
    ) {
        let Some(queued) = self.queue.front_mut() else { return };
        let Message { id, target, text, kind } = queued.message.clone();
        let (piece, rest) =
            next_piece(&text[queued.offset..], text_bytes_max(&target, kind)).unwrap_or(("", ""));
        queued.offset = text.len() - rest.len();
        let is_last = rest.trim_matches(['\n', '\r']).is_empty();

        let unwritten =
            Flying { since: now.mono, n_parts: 0, is_whole: false, is_written: false, msgid: None };
        let flying = self.flying.entry(id).or_insert(unwritten);
        flying.n_parts += 1;
        flying.is_whole = is_last;
        let label = format!("{id}.{}", queued.offset);
        let body = match kind {
            MessageKind::Action => format!("\u{1}ACTION {piece}\u{1}"),
            MessageKind::Notice | MessageKind::Text => piece.to_owned(),
        };
        if is_last {
            self.queue.pop_front();
        }
        let part = Part { id, label, target, kind, text: body, is_last };
        self.write_line(now, part, effects);
    }

    /// One line, for the first time or again.
    fn write_line(&mut self, now: Now, part: Part, effects: &mut Effects) {
        let (is_labelled, is_once) = (self.is_labelled, self.is_once);
        let nonce = nonce_of(&self.nonce_start, &part.label);
        let word = if part.kind == MessageKind::Notice { "NOTICE" } else { "PRIVMSG" };
        let is_line = effects.line(|line| {
            let line = if is_labelled { line.tag("label", &part.label) } else { line };
            let line = if is_once { line.tag(NONCE_TAG, &nonce) } else { line };
            line.command(word).param(&part.target).last(&part.text).finish()
        });
        debug_assert!(is_line, "targets and texts were checked when they were sent");
        if let Some(flying) = self.flying.get_mut(&part.id) {
            flying.since = now.mono;
        }
        if part.is_last {
            if !self.is_labelled {
                let n = self.unasked.take().map_or(0, |unasked| unasked.n) + 1;
                self.unasked = Some(Unasked { last: part.id, since: now.mono, n });
            }
            effects.push(Effect::Mark(part.id));
        }
        self.parts.push_back(part);
    }

    /// The system has taken all of a message.
    pub(super) fn written(&mut self, id: SendId, effects: &mut Effects) {
        if let Some(flying) = self.flying.get_mut(&id)
            && !std::mem::replace(&mut flying.is_written, true)
        {
            tell(id, Delivery::Written, effects);
        }
    }

    /// The answer with `label` came: one line is acknowledged. Whether it was one of ours.
    pub(super) fn acknowledge_label(
        &mut self,
        label: &str,
        msgid: Option<Arc<str>>,
        effects: &mut Effects,
    ) -> bool {
        let Some(index) = self.parts.iter().position(|part| part.label == label) else {
            return false;
        };
        self.acknowledge(index, msgid, effects);
        true
    }

    /// A message of ours is among those that were said before, by the nonce it was sent with. Whether nobody knew of it.
    pub(super) fn acknowledge_found(
        &mut self,
        nonce: &str,
        msgid: Option<Arc<str>>,
        effects: &mut Effects,
    ) -> bool {
        let start = self.nonce_start.clone();
        let is_it = |part: &Part| nonce_of(&start, &part.label) == nonce;
        let index = match self.again.iter().position(is_it) {
            // It arrived, and is not sent again.
            Some(index) => {
                let part = self.again.remove(index).expect("it was found there");
                self.parts.push_back(part);
                self.parts.len() - 1
            }
            None => match self.parts.iter().position(is_it) {
                Some(index) => index,
                None => return false,
            },
        };
        self.acknowledge(index, msgid, effects);
        true
    }

    /// An echo without a label: the oldest line of that text to that target. Whether it was one of ours.
    pub(super) fn acknowledge_echo(
        &mut self,
        mapping: CaseMapping,
        target: &str,
        text: &str,
        msgid: Option<Arc<str>>,
        effects: &mut Effects,
    ) -> bool {
        if self.is_labelled {
            return false;
        }
        let is_it = |part: &Part| part.text == text && mapping.same(&part.target, target);
        let Some(index) = self.parts.iter().position(is_it) else { return false };
        self.acknowledge(index, msgid, effects);
        true
    }

    /// The answer to the `PING` behind a message.
    pub(super) fn acknowledge_token(&mut self, token: &str, effects: &mut Effects) {
        let Some(id) = token.strip_prefix("sent-").and_then(|id| id.parse().ok()).map(SendId)
        else {
            return;
        };
        // All that was written before the question arrived before it, also if of the message it was
        // asked behind nothing is left.
        let up_to = self.parts.iter().rposition(|part| part.id <= id);
        for _ in 0..up_to.map_or(0, |index| index + 1) {
            self.acknowledge(0, None, effects);
        }
    }

    fn acknowledge(&mut self, index: usize, msgid: Option<Arc<str>>, effects: &mut Effects) {
        let Some(part) = self.parts.remove(index) else { return };
        let Some(flying) = self.flying.get_mut(&part.id) else { return };
        flying.n_parts -= 1;
        flying.msgid = msgid.or_else(|| flying.msgid.take());
        if flying.n_parts == 0 && flying.is_whole {
            // What came back was written, whatever the system says later.
            self.written(part.id, effects);
            let flying = self.flying.remove(&part.id);
            let msgid = flying.and_then(|flying| flying.msgid);
            self.settle(part.id, Delivery::Acknowledged { msgid }, effects);
        }
    }

    /// The server refused the line with `label`, or, without labels, the oldest one to `target`.
    /// Whether that was a message of ours.
    pub(super) fn refuse(
        &mut self,
        mapping: CaseMapping,
        label: Option<&str>,
        target: Option<&str>,
        code: &str,
        text: &str,
        effects: &mut Effects,
    ) -> bool {
        let is_labelled = self.is_labelled;
        let is_it = |part: &Part| match label {
            Some(label) => part.label == label,
            None => !is_labelled && target.is_some_and(|target| mapping.same(&part.target, target)),
        };
        let Some(id) = self.parts.iter().find(|part| is_it(part)).map(|part| part.id) else {
            return false;
        };
        self.written(id, effects);
        let error =
            DeliveryError::Refused { code: printable(code).into(), text: printable(text).into() };
        self.fail(id, error, effects);
        true
    }

    /// The connection is gone. What was written is sent again, if that makes it no two; else nobody knows of it.
    pub(super) fn lose_written(&mut self, effects: &mut Effects) {
        if !self.is_once {
            return self.fail_written(effects);
        }
        // Those that have not been sent again are later.
        while let Some(part) = self.parts.pop_back() {
            self.again.push_front(part);
        }
        self.unasked = None;
    }

    /// Another connection is ready: it may be to a server that would have them twice.
    pub(super) fn fail_what_cannot_be_sent_again(&mut self, effects: &mut Effects) {
        if !self.is_once && !self.again.is_empty() {
            self.fail_written(effects);
        }
    }

    /// Of what was written nobody knows.
    fn fail_written(&mut self, effects: &mut Effects) {
        let written = std::mem::take(&mut self.flying);
        self.parts.clear();
        self.again.clear();
        // Of no other one than the first is a part written.
        if self.queue.front().is_some_and(|first| written.contains_key(&first.message.id)) {
            self.queue.pop_front();
        }
        for id in written.into_keys() {
            self.settle(id, Delivery::Failed(DeliveryError::Unknown), effects);
        }
    }

    /// Gives up what has waited too long: to be written, or to be answered.
    pub(super) fn expire(&mut self, now: Now, timeouts: &Timeouts, effects: &mut Effects) {
        let is_over = |since, span| now.mono >= later(since, span);
        let mut unwritten = Vec::new();
        self.queue.retain(|queued| {
            let is_over = queued.offset == 0 && is_over(queued.since, timeouts.queued);
            if is_over {
                unwritten.push(queued.message.id);
            }
            !is_over
        });
        let is_unanswered =
            |flying: &Flying| flying.is_whole && is_over(flying.since, timeouts.answered);
        let unanswered: BTreeMap<SendId, Flying> =
            self.flying.extract_if(.., |_, flying| is_unanswered(flying)).collect();
        if !unanswered.is_empty() {
            self.parts.retain(|part| !unanswered.contains_key(&part.id));
            self.again.retain(|part| !unanswered.contains_key(&part.id));
        }
        for id in unwritten {
            self.settle(id, Delivery::Failed(DeliveryError::Expired), effects);
        }
        for (id, flying) in unanswered {
            if !flying.is_written {
                tell(id, Delivery::Written, effects);
            }
            self.settle(id, Delivery::Failed(DeliveryError::Unanswered), effects);
        }
    }

    /// Fails all messages: it is over, and nothing more will be written.
    pub(super) fn fail_all(&mut self, effects: &mut Effects) {
        self.fail_written(effects);
        for queued in std::mem::take(&mut self.queue) {
            self.settle(queued.message.id, Delivery::Failed(DeliveryError::Expired), effects);
        }
    }

    /// A written message is given up, with what is left of it to be written.
    fn fail(&mut self, id: SendId, error: DeliveryError, effects: &mut Effects) {
        self.parts.retain(|part| part.id != id);
        self.again.retain(|part| part.id != id);
        self.flying.remove(&id);
        if self.queue.front().is_some_and(|first| first.message.id == id) {
            self.queue.pop_front();
        }
        self.settle(id, Delivery::Failed(error), effects);
    }

    /// The last word on a message.
    fn settle(&mut self, id: SendId, state: Delivery, effects: &mut Effects) {
        let bytes = self.weights.remove(&id).unwrap_or_default();
        effects.push(Effect::Settle { bytes });
        if self.parts.is_empty() {
            self.unasked = None;
        }
        tell(id, state, effects);
    }
}

/// The nonce by which a line is known if it is sent again.
fn nonce_of(start: &str, label: &str) -> String {
    format!("{start}-{}", label.replace('.', "-"))
}

fn tell(id: SendId, state: Delivery, effects: &mut Effects) {
    effects.tell(Update::Delivery { id, state });
}

/// Errors that answer a message (RFC 2812 §3.3.1, §3.3.2, and what servers of today add). Others
/// answer something else, though they name the same target.
pub(super) fn refuses_messages(numeric: Numeric) -> bool {
    matches!(numeric.0, 401..=404 | 407 | 411..=417 | 442 | 477 | 486 | 531 | 716)
}

/// Whether `target` names a room (`CHANTYPES` of every network we know).
pub(super) fn is_room(target: &str) -> bool {
    target.starts_with(['#', '&'])
}
