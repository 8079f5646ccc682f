//! The one door: an input in, effects out.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use chat_core::proto::{CapabilitySet, Command, CommandError};

use crate::{
    config::Config,
    hub::{
        Hub,
        effect::Effect,
        input::{Input, Now},
        replies::turn::Turn,
        state::{
            device::Device,
            isupport,
            newcomer::{Delayed, Newcomer},
            queued_command::QueuedCommand,
        },
    },
    ids::{ConnId, ConversationId},
    settings::Settings,
};

impl Hub {
    /// Handles one input. The caller carries out all effects, in order, before the next call.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.out.begin(now, effects);
        self.people.set_time(now.wall);
        if self.started.replace(self.started.unwrap_or(now.wall)).is_none() {
            let changes = self.accounts.keep_secret();
            self.persist_unasked(changes);
            self.bring_back_staying();
        }
        self.take(input);
        self.take_follow_ups();
        self.take_checks();
        self.keep_staying();
        self.out.end(effects);
    }

    /// Takes an input: what it says is so, and whoever waited for it goes on.
    fn take(&mut self, input: Input) {
        match input {
            Input::Appended { ticket, outcome } => {
                if let Some(sender) = self.appended(ticket, outcome) {
                    self.take_waiting(sender);
                    // Of those who are not somebody yet, an account that is being registered is all the log has.
                    if self.people.newcomer(sender).is_some() {
                        self.go_on_before_registration(sender);
                    }
                }
            }
            Input::Answer { conn, reply } => self.newcomer_answer(conn, reply),
            Input::Capabilities { conn, capabilities } => self.negotiated(conn, capabilities),
            Input::Queried { ticket, answer } => {
                if let Some(asker) = self.queried(ticket, answer) {
                    self.take_waiting(asker);
                }
            }
            Input::Checked { ticket, verdict } => {
                if let Some(asker) = self.checked(ticket, verdict) {
                    self.take_waiting(asker);
                    self.go_on_before_registration(asker);
                }
            }
            Input::Closed { conn, reason, has_read } => self.closed(conn, reason, has_read),
            Input::Command { conn, label, command } => self.command(conn, label, command),
            Input::Deadline => {
                while let Some(sender) = self.tell_of_slow_record() {
                    self.take_waiting(sender);
                    self.go_on_before_registration(sender);
                }
                self.forget_lost_records();
                self.expire();
                self.expire_accounts();
                self.expire_rooms();
            }
            Input::Opened { conn, host, door, is_secure, fingerprint } => {
                if let Some(ban) = self.accounts.find_ban(self.now().wall, &host, None) {
                    let reason = ban.text().into();
                    return self.out.push(Effect::Close { conn, reason, label: None });
                }
                let newcomer = Newcomer::new(host, door, is_secure, fingerprint);
                self.people.insert_newcomer(conn, newcomer);
            }
            Input::PageTaken { conn } => {
                self.next_page(conn);
                self.take_waiting(conn);
            }
            Input::Register { conn, registration } => self.register(conn, registration),
            Input::Reload { settings } => self.reload(settings),
            Input::Stop { reason } => {
                self.note_all_left();
                // As they are now, and not as nobody is here any more.
                self.keep_staying();
                self.stop(&reason);
            }
        }
    }

    /// Carries out the commands that are to follow, as if their connections had sent them.
    fn take_follow_ups(&mut self) {
        while let Some((conn, command)) = self.out.next_follow_up() {
            self.command(conn, None, Ok(command));
        }
    }

    /// Has the passwords checked whose turn it is. Who is told that theirs is not looked at goes on.
    fn take_checks(&mut self) {
        while let Some((ticket, why)) = self.hand_over_checks() {
            if let Some(asker) = self.not_looked_at(ticket, &why) {
                self.take_waiting(asker);
                self.go_on_before_registration(asker);
            }
            self.take_follow_ups();
        }
    }

    /// Goes on with what a newcomer has said, and then with what they say as somebody.
    fn go_on_before_registration(&mut self, conn: ConnId) {
        self.take_newcomers_waiting(conn);
        let Some((registration, behind)) = self.take_late_registration(conn) else { return };
        self.register(conn, registration);
        for delayed in behind {
            match delayed {
                Delayed::Answer(reply) => self.out.push(Effect::Reply { conn, reply }),
                Delayed::Command(QueuedCommand { label, command }) => {
                    self.command(conn, label, command);
                }
                Delayed::Registration(registration) => self.register(conn, registration),
            }
        }
    }

    /// A client understands other things from here on.
    fn negotiated(&mut self, conn: ConnId, capabilities: CapabilitySet) {
        if let Some(device) = self.people.device_at_mut(conn) {
            let before = device.told_metadata_in();
            device.capabilities = capabilities;
            device.is_negotiating = false;
            // "If a client removes this capability or the batch capability from themselves, servers
            // MUST clear that client's subscription list." (metadata)
            if before.is_some() && before != device.told_metadata_in() {
                self.people.unsubscribe_all(conn);
            }
            self.take_waiting(conn);
        } else if let Some(newcomer) = self.people.newcomer_mut(conn) {
            newcomer.capabilities = capabilities;
        }
    }

    /// A connection is gone.
    fn closed(&mut self, conn: ConnId, reason: Arc<str>, has_read: bool) {
        self.forget_newcomer(conn);
        let read_until = self.read_until(has_read);
        if let Some(device) = self.people.device_at_mut(conn) {
            // What was said is said before it is over; other answers are nobody's.
            device.paged_reply = None;
            device.is_negotiating = false;
            device.backlog.change(|backlog| {
                backlog.departing = Some(reason);
                backlog.read_until = read_until;
                backlog.querying = None;
                backlog.deferred.clear();
            });
            self.take_waiting(conn);
        }
    }

    /// The time [`Input::Deadline`] is to come next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let appended = self.awaited.next_deadline(self.settings.limits.append_timeout);
        let limits = &self.settings.limits;
        let accounts = self.accounts.looks_at().filter(|_| !limits.accounts_expire_after.is_zero());
        let rooms = self.rooms.looks_at().filter(|_| !limits.rooms_expire_after.is_zero());
        let unused = accounts.into_iter().chain(rooms);
        let expired =
            self.rooms.next_expiry().into_iter().chain(unused).min().zip(self.out.latest()).map(
                |(until, Now { mono, wall })| {
                    // As far as the clocks at the latest input tell.
                    mono + until.duration_since(wall).unwrap_or_default()
                },
            );
        appended.into_iter().chain(expired).min()
    }

    /// Records from here on are later than `time`, that of the latest one in the log.
    pub fn begin_after(&mut self, time: SystemTime) {
        self.rooms.begin_after(time);
        self.accounts.begin_after(time);
    }

    /// Loads the conversation of a room that has not ended, and the folded name it goes by: before what is at the paths.
    pub fn load_conversation(&mut self, conversation: ConversationId, name: Arc<str>) {
        self.rooms.load_past(name, conversation);
    }

    /// Loads the value at `path`: what was persisted before the server started ([`Effect::Persist`]).
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub fn load(&mut self, path: &str, value: &str) -> Result<(), String> {
        let outcome = self.take_change(path, Some(value));
        debug_assert!(self.out.is_empty(), "what was so before needs nothing: {:?}", self.out);
        outcome
    }

    /// Checks that a server could start with what was kept.
    ///
    /// # Errors
    /// A sentence, if it is nothing that this version writes.
    pub fn can_load(kept: &[(Arc<str>, Arc<str>)]) -> Result<(), String> {
        let mut hub = Self::new(Settings::new(&Config::default(), 1), 0);
        kept.iter().try_for_each(|(path, value)| hub.load(path, value))
    }

    /// Goes on by another configuration, and tells those who want to know what is offered now
    /// (<https://ircv3.net/specs/extensions/capability-negotiation#cap-new>).
    fn reload(&mut self, settings: Arc<Settings>) {
        self.isupport = isupport::lines_of(&settings);
        let before = std::mem::replace(&mut self.settings, settings);
        self.accounts.configure(&self.settings.accounts);
        self.log_out_strangers();
        self.give_back_all_likenesses();
        self.end_removed_privileges();
        self.follow_lobby();
        let newcomers = self.people.newcomers().into_iter().map(|conn| (conn, Arc::from("*")));
        let nick = |device: &Device| Arc::clone(self.people.person(device.person).nick.shown());
        let people = self.people.devices().map(|device| (device.conn, nick(device)));
        for (conn, nick) in newcomers.chain(people) {
            self.out.push(Effect::Offer { conn, nick, before: Arc::clone(&before) });
        }
    }

    /// Carries out a command in its turn: now, or when the commands before it have been answered.
    fn command(
        &mut self,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
    ) {
        let Some(device) = self.people.device_at_mut(conn) else {
            return self.newcomer_command(conn, label, command);
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
                self.out.push(Effect::Hold { conn });
            }
            return;
        }
        self.run_command(conn, waiting.label, waiting.command);
    }

    fn run_command(
        &mut self,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
    ) {
        let device = self.people.device(conn);
        let capabilities = device.capabilities;
        let after = device.latest_record.filter(|_| device.n_pending > 0);
        let mut turn = Turn::new((conn, device.person), label);
        turn.after = after;
        let outcome = match command {
            Ok(command) if !command.spec().is_known_with(capabilities) => {
                Err(CommandError::Unknown(command.spec().word.to_owned()).into())
            }
            Ok(command) => self.dispatch(&mut turn, command),
            Err(error) => Err(error.into()),
        };
        if let Err(refusal) = outcome {
            turn.say(refusal.reply());
        }
        self.end_turn(turn);
        self.take_follow_ups();
    }

    /// Runs the commands of `conn` that waited, as far as they need wait no more. Whoever has closed
    /// leaves when nothing of theirs is under way.
    fn take_waiting(&mut self, conn: ConnId) {
        self.answer_deferred(conn);
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
                return self.rest(conn);
            }
            let next = device.backlog.change(|backlog| backlog.waiting.pop_front());
            let Some(waiting) = next else { return };
            self.run_command(conn, waiting.label, waiting.command);
        }
    }

    /// Nothing of `conn`'s can be run now.
    fn rest(&mut self, conn: ConnId) {
        let device = self.people.device_mut(conn);
        if !device.backlog.waiting.is_empty() {
            return;
        }
        if std::mem::take(&mut device.is_held) {
            self.out.push(Effect::Release { conn });
        }
        if device.n_pending == 0
            && device.backlog.departing.is_some()
            && let Some(reason) = device.backlog.change(|backlog| backlog.departing.take())
        {
            self.end_device(conn, &reason);
        }
    }
}
