//! The one door: an input in, effects out.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::proto::{Command, CommandError};

use crate::{
    config::{Config, Settings},
    hub::{
        Hub,
        effect::Effect,
        input::{Input, Now},
        replies::turn::Turn,
        state::{device::Device, isupport, newcomer::Newcomer, queued_command::QueuedCommand},
    },
    ids::ConnId,
};

impl Hub {
    /// Handles one input. The caller carries out all effects, in order, before the next call.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.started.get_or_insert(now.wall);
        self.latest = Some(now);
        match input {
            Input::Appended { ticket, outcome } => self.appended(now, ticket, outcome, effects),
            Input::Answer { conn, reply } => self.newcomer_answer(conn, reply, effects),
            Input::Capabilities { conn, capabilities } => {
                if let Some(device) = self.people.device_at_mut(conn) {
                    let before = device.told_metadata_in();
                    device.capabilities = capabilities;
                    device.is_negotiating = false;
                    // "If a client removes this capability or the batch capability from themselves, servers
                    // MUST clear that client's subscription list." (metadata)
                    if before.is_some() && before != device.told_metadata_in() {
                        self.people.unsubscribe_all(conn);
                    }
                    self.take_waiting(now, conn, effects);
                } else if let Some(newcomer) = self.people.newcomer_mut(conn) {
                    newcomer.capabilities = capabilities;
                }
            }
            Input::Queried { ticket, answer } => self.queried(now, ticket, answer, effects),
            Input::Checked { ticket, verdict } => self.checked(now, ticket, verdict, effects),
            Input::Closed { conn, reason } => {
                self.forget_newcomer(conn);
                if let Some(device) = self.people.device_at_mut(conn) {
                    // What was said is said before it is over; other answers are nobody's.
                    device.paged_reply = None;
                    device.is_negotiating = false;
                    device.backlog.change(|backlog| {
                        backlog.departing = Some(reason);
                        backlog.querying = None;
                        backlog.deferred.clear();
                    });
                    self.take_waiting(now, conn, effects);
                }
            }
            Input::Command { conn, label, command } => {
                self.command(now, conn, label, command, effects);
            }
            Input::Deadline => {
                self.tell_of_slow_records(now, effects);
                self.expire(now, effects);
            }
            Input::Opened { conn, host, door, is_secure, fingerprint } => {
                if let Some(ban) = self.accounts.find_ban(now.wall, &host, None) {
                    let reason = ban.text().into();
                    return effects.push(Effect::Close { conn, reason });
                }
                self.people
                    .insert_newcomer(conn, Newcomer::new(host, door, is_secure, fingerprint));
            }
            Input::PageTaken { conn } => {
                self.next_page(effects, conn);
                self.take_waiting(now, conn, effects);
            }
            Input::Register { conn, registration } => {
                self.register(now, conn, registration, effects)
            }
            Input::Reload { settings } => self.reload(now, settings, effects),
            Input::Stop { reason } => self.stop(&reason, effects),
        }
    }

    /// When [`Input::Deadline`] is to come next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let appended = self.awaited.next_deadline(self.settings.limits.append_timeout);
        let expired =
            self.rooms.next_expiry().zip(self.latest).map(|(until, Now { mono, wall })| {
                // As far as the clocks at the latest input tell.
                mono + until.duration_since(wall).unwrap_or_default()
            });
        appended.into_iter().chain(expired).min()
    }

    /// Records from here on are later than `time`, that of the latest one in the log.
    pub fn begin_after(&mut self, time: SystemTime) {
        self.rooms.begin_after(time);
    }

    /// What is at `path` from here on: what was kept before the server started ([`Effect::Persist`]).
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub fn load(&mut self, path: &str, value: &str) -> Result<(), String> {
        let mut effects = Vec::new();
        let outcome = self.take_change(None, path, Some(value), &mut effects);
        debug_assert!(effects.is_empty(), "what was so before needs nothing: {effects:?}");
        outcome
    }

    /// Whether a server could start with what was kept.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub fn can_load(kept: &[(Arc<str>, Arc<str>)]) -> Result<(), String> {
        let mut hub = Self::new(Settings::new(&Config::default(), 1), 0);
        kept.iter().try_for_each(|(path, value)| hub.load(path, value))
    }

    /// Goes on by another configuration, and tells those who want to know what is offered now
    /// (<https://ircv3.net/specs/extensions/capability-negotiation#cap-new>).
    pub(crate) fn reload(&mut self, now: Now, settings: Arc<Settings>, effects: &mut Vec<Effect>) {
        self.isupport = isupport::lines_of(&settings);
        let before = std::mem::replace(&mut self.settings, settings);
        self.accounts.configure(&self.settings.accounts);
        self.log_out_strangers(now, effects);
        let newcomers = self.people.newcomers().into_iter().map(|conn| (conn, Arc::from("*")));
        let nick = |device: &Device| Arc::clone(self.people.person(device.person).nick.shown());
        let people = self.people.devices().map(|device| (device.conn, nick(device)));
        for (conn, nick) in newcomers.chain(people) {
            effects.push(Effect::Offer { conn, nick, before: Arc::clone(&before) });
        }
    }

    pub(crate) fn command(
        &mut self,
        now: Now,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(device) = self.people.device_at_mut(conn) else {
            return self.newcomer_command(now, conn, label, command, effects);
        };
        // Answers on one connection come strictly in order: while an earlier command waits for its
        // answer, later ones wait too. Messages may follow messages into the log.
        let waiting = QueuedCommand { label, command };
        let n_pending_max = self.settings.limits.pending_records_each_max;
        let must_wait = !device.backlog.waiting.is_empty()
            || device.paged_reply.is_some()
            || device.is_negotiating
            || device.backlog.querying.is_some()
            || !waiting.may_run(device.n_pending, n_pending_max);
        if must_wait {
            device.backlog.change(|backlog| backlog.waiting.push_back(waiting));
            if !device.is_held {
                device.is_held = true;
                effects.push(Effect::Hold { conn });
            }
            return;
        }
        self.run_command(now, conn, waiting.label, waiting.command, effects);
    }

    pub(crate) fn run_command(
        &mut self,
        now: Now,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        effects: &mut Vec<Effect>,
    ) {
        let device = self.people.device(conn);
        let after = device.latest_record.filter(|_| device.n_pending > 0);
        let mut turn = Turn::new(now, (conn, device.person), label, effects);
        turn.after = after;
        let outcome = match command {
            Ok(command) => self.dispatch(&mut turn, command),
            Err(error) => Err(error.into()),
        };
        if let Err(refusal) = outcome {
            turn.say(refusal.reply());
        }
        self.end_turn(turn);
    }

    /// Runs the commands of `conn` that waited, as far as they need wait no more. Whoever has closed
    /// leaves when nothing of theirs is under way.
    pub(crate) fn take_waiting(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        self.answer_deferred(conn, effects);
        let n_pending_max = self.settings.limits.pending_records_each_max;
        while let Some(device) = self.people.device_at_mut(conn)
            && device.paged_reply.is_none()
            && device.backlog.querying.is_none()
            && !device.is_negotiating
        {
            if device.backlog.departing.is_some() {
                device
                    .backlog
                    .change(|backlog| backlog.waiting.retain(QueuedCommand::is_last_word));
            }
            let next = device.backlog.waiting.front();
            if !next.is_some_and(|next| next.may_run(device.n_pending, n_pending_max)) {
                return self.rest(now, conn, effects);
            }
            let next = device.backlog.change(|backlog| backlog.waiting.pop_front());
            let Some(waiting) = next else { return };
            self.run_command(now, conn, waiting.label, waiting.command, effects);
        }
    }

    /// Nothing of `conn`'s can be run now.
    pub(crate) fn rest(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        let device = self.people.device_mut(conn);
        if !device.backlog.waiting.is_empty() {
            return;
        }
        if std::mem::take(&mut device.is_held) {
            effects.push(Effect::Release { conn });
        }
        if device.n_pending == 0
            && device.backlog.departing.is_some()
            && let Some(reason) = device.backlog.change(|backlog| backlog.departing.take())
        {
            self.end_device(now, conn, &reason, effects);
        }
    }
}
