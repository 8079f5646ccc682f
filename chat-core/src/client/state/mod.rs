//! One client's protocol: from lines to updates, from requests to lines.
//!
//! Pure: no socket, no clock, no thread; time and a seed are arguments. The driver carries out what
//! stands in [`Outputs`] before it calls again.

mod deadlines;
mod history_sync;
#[cfg(test)]
mod history_sync_tests;
mod incoming;
mod login;
mod names;
mod registration;
mod sending;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

pub(crate) use self::deadlines::later;
pub(crate) use self::sending::Message;
use self::{
    history_sync::{HistorySync, Page},
    login::Login,
    names::Names,
    registration::Negotiation,
    sending::Sending,
};
use super::{
    config::{Account, Password, Settings},
    roster::Roster,
};
use crate::{
    error::{CloseReason, ConnectError},
    proto::Capability,
    update::{ConnectionState, SendId, Update},
    wire::LineWriter,
};

/// The clocks, read by the driver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) mono: Instant,
    pub(crate) wall: SystemTime,
}

/// Something the program asks for; all in one order.
#[derive(Debug)]
pub(crate) enum Request {
    Join { room: Arc<str>, key: Option<String> },
    Delete { target: Arc<str>, msgid: Arc<str>, reason: Option<String> },
    Edit { target: Arc<str>, msgid: Arc<str>, text: String },
    Nick { nick: String },
    Part { room: Arc<str>, reason: Option<String> },
    Raw { line: String },
    Register { password: Password },
    React { target: Arc<str>, msgid: Arc<str>, value: String, is_taken_back: bool },
    Send(Message),
    Topic { room: Arc<str>, topic: String },
}

/// What the state wants done.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    /// For the server.
    pub(crate) bytes: Vec<u8>,
    /// When everything up to that many of `bytes` is with the system, that message is written.
    pub(crate) marks: Vec<(usize, SendId)>,
    /// For the listener.
    pub(crate) updates: Vec<Update>,
    /// Requests that no longer wait.
    pub(crate) n_settled: usize,
    /// End the connection, if there is one.
    pub(crate) disconnect: bool,
    /// Make a connection.
    pub(crate) connect: bool,
    /// It is over.
    pub(crate) finish: Option<CloseReason>,
}

impl Outputs {
    /// The next line to the server.
    fn line(
        &mut self,
        build: impl FnOnce(LineWriter<'_>) -> Result<(), crate::wire::EncodeError>,
    ) -> bool {
        build(LineWriter::new(&mut self.bytes)).is_ok()
    }
}

#[derive(Debug)]
enum Phase {
    Closed,
    Connecting,
    Registering { since: Instant },
    Ready { since: Instant },
    Waiting { until: Instant },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ClientState {
    settings: Arc<Settings>,
    random: fastrand::Rng,
    roster: Arc<Mutex<Roster>>,
    phase: Phase,
    /// The nick we would like to have.
    wanted_nick: Arc<str>,
    /// How often the wanted nick was taken, on this connection.
    nick_number: u32,
    /// The nick we have, or have asked for.
    nick: Arc<str>,
    negotiation: Negotiation,
    /// Bytes of `nick!user@host` as the server shows us to others, once it has.
    source_bytes: Option<usize>,
    /// Rooms to be in after every reconnect, in order.
    wanted_rooms: Vec<Arc<str>>,
    /// What opens rooms.
    keys: HashMap<Arc<str>, String>,
    /// Which attempt this is, counted from 1.
    attempt: u32,
    /// There was a connection before; the last that was heard of it was then.
    lost_at: Option<SystemTime>,
    /// Rooms we were in before that connection was lost, and are not in again yet.
    rejoining: Vec<Arc<str>>,
    /// Words for the server's closing, that came before it.
    last_words: Option<Arc<str>>,
    last_heard: Option<Now>,
    asked: Option<Instant>,
    sending: Sending,
    /// Whom we log in as.
    account: Option<Account>,
    login: Option<Login>,
    /// The server knows our password, on this connection.
    is_proved: bool,
    /// Some server did before.
    has_logged_in: bool,
    /// The password of an account that is being registered.
    registering: Option<Password>,
    names: Names,
    /// Open batches.
    batches: HashMap<String, Batch>,
    history_sync: HistorySync,
    /// Leave when all is sent, or then.
    quitting: Option<Instant>,
    /// `QUIT` has been sent; the server closes, or we do then.
    quit_sent: Option<Instant>,
}

/// Lines that belong together.
#[derive(Debug)]
struct Batch {
    /// What it answers.
    label: Option<String>,
    /// It tells of the past.
    page: Option<Page>,
}

/// How long the server may take to answer a `QUIT`.
const QUIT_ANSWER: Duration = Duration::from_millis(500);

impl ClientState {
    pub(crate) fn new(settings: Arc<Settings>, roster: Arc<Mutex<Roster>>, seed: u64) -> Self {
        let nick = Arc::clone(settings.nick.shown());
        Self {
            random: fastrand::Rng::with_seed(seed),
            roster,
            phase: Phase::Closed,
            wanted_nick: Arc::clone(&nick),
            nick_number: 0,
            nick,
            negotiation: Negotiation::default(),
            source_bytes: None,
            wanted_rooms: settings.rooms.clone(),
            keys: settings.keys.clone(),
            attempt: 1,
            lost_at: None,
            rejoining: Vec::new(),
            last_words: None,
            last_heard: None,
            asked: None,
            sending: Sending::new(fastrand::Rng::with_seed(!seed).u64(..)),
            account: settings.account.clone(),
            login: None,
            is_proved: false,
            has_logged_in: false,
            registering: None,
            names: Names::default(),
            batches: HashMap::new(),
            history_sync: HistorySync::default(),
            quitting: None,
            quit_sent: None,
            settings,
        }
    }

    /// The first attempt to connect.
    pub(crate) fn start(&mut self, outputs: &mut Outputs) {
        self.phase = Phase::Connecting;
        outputs.connect = true;
        self.tell_state(ConnectionState::Connecting { attempt: self.attempt }, outputs);
    }

    /// The program asks for something.
    pub(crate) fn request(&mut self, now: Now, request: Request, outputs: &mut Outputs) {
        if let Request::Send(message) = request {
            self.queue_message(now, message, outputs);
            return;
        }
        outputs.n_settled += 1;
        if let Request::Join { room, key } = &request {
            self.want_room(room);
            if let Some(key) = key {
                self.keys.insert(Arc::clone(room), key.clone());
            }
        } else if let Request::Part { room, .. } = &request {
            self.forget_room(room);
        }
        if !matches!(self.phase, Phase::Ready { .. }) {
            // Rooms and a nick are asked for when there is a connection; the rest has no meaning then.
            match request {
                Request::Nick { nick } => {
                    self.wanted_nick = nick.into();
                    self.nick = Arc::clone(&self.wanted_nick);
                    self.nick_number = 0;
                    if matches!(self.phase, Phase::Registering { .. }) {
                        self.ask_for_nick(outputs);
                    }
                }
                Request::Delete { .. }
                | Request::Edit { .. }
                | Request::Raw { .. }
                | Request::React { .. }
                | Request::Register { .. }
                | Request::Topic { .. } => {
                    let text = "there is no connection; try again when there is".into();
                    outputs.updates.push(Update::Notice { code: None, text });
                }
                _ => {}
            }
            return;
        }
        // What was written before goes first.
        self.pump(now, usize::MAX, outputs);
        if let Some(missing) = self.missing_for(&request) {
            let text = format!("this server cannot do that: it lacks {missing}").into();
            return outputs.updates.push(Update::Notice { code: None, text });
        }
        let is_line = outputs.line(|line| match &request {
            Request::Delete { target, msgid, reason: Some(reason) } => {
                line.command("REDACT").param(target).param(msgid).last(reason).finish()
            }
            Request::Delete { target, msgid, reason: None } => {
                line.command("REDACT").param(target).param(msgid).finish()
            }
            Request::Edit { target, msgid, text } => {
                line.command("EDIT").param(target).param(msgid).last(text).finish()
            }
            Request::React { target, msgid, value, is_taken_back } => {
                let tag = if *is_taken_back { "+draft/unreact" } else { "+draft/react" };
                let line = line.tag("+draft/reply", msgid).tag(tag, value);
                line.command("TAGMSG").param(target).finish()
            }
            Request::Join { room, key: None } => line.command("JOIN").param(room).finish(),
            Request::Join { room, key: Some(key) } => {
                line.command("JOIN").param(room).param(key).finish()
            }
            Request::Nick { nick } => line.command("NICK").param(nick).finish(),
            Request::Part { room, reason: Some(reason) } => {
                line.command("PART").param(room).last(reason).finish()
            }
            Request::Part { room, reason: None } => line.command("PART").param(room).finish(),
            Request::Raw { line: raw } => line.raw(raw).finish(),
            Request::Topic { room, topic } => {
                line.command("TOPIC").param(room).last(topic).finish()
            }
            Request::Register { password } => {
                line.command("REGISTER").param("*").param("*").last(&password.0).finish()
            }
            Request::Send(_) => Ok(()),
        });
        if let Request::Register { password } = request {
            self.registering = Some(password);
        }
        if !is_line {
            let text =
                "that cannot be sent: it contains a line break, or a word where none can stand"
                    .into();
            outputs.updates.push(Update::Notice { code: None, text });
        }
    }

    /// What the server would have to know for a request, and does not.
    fn missing_for(&self, request: &Request) -> Option<&'static str> {
        let needed = match request {
            Request::Delete { .. } => Capability::MessageRedaction,
            Request::Edit { .. } => Capability::Edit,
            Request::React { .. } => Capability::MessageTags,
            Request::Register { .. } => Capability::AccountRegistration,
            _ => return None,
        };
        let has = self.negotiation.capabilities.contains(needed);
        (!has).then(|| needed.names()[0])
    }

    /// There is a connection.
    pub(crate) fn connected(&mut self, now: Now, outputs: &mut Outputs) {
        self.phase = Phase::Registering { since: now.mono };
        self.last_heard = Some(now);
        self.asked = None;
        self.last_words = None;
        self.tell_state(ConnectionState::Registering, outputs);
        self.introduce(outputs);
    }

    /// There is none, or no more.
    pub(crate) fn disconnected(&mut self, now: Now, cause: ConnectError, outputs: &mut Outputs) {
        let cause = match (self.last_words.take(), cause) {
            // What the server said tells more than that it then closed.
            (Some(words), ConnectError::Lost(_)) => ConnectError::Closed(words),
            (_, cause) => cause,
        };
        self.lose(now, Arc::new(cause), outputs);
    }

    fn lose(&mut self, now: Now, cause: Arc<ConnectError>, outputs: &mut Outputs) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        if let Phase::Ready { since } = self.phase {
            self.lost_at = self.last_heard.map(|heard| heard.wall);
            if now.mono.saturating_duration_since(since) >= self.settings.reconnect.stable_after {
                self.attempt = 1;
            }
        }
        self.forget_connection(outputs);
        if self.quitting.is_some() {
            return self.finish(CloseReason::Requested, outputs);
        }
        if cause.is_fatal() {
            return self.finish(CloseReason::Fatal(cause), outputs);
        }
        let random = self.random.f64();
        let Some(mut retry_in) = self.settings.reconnect.delay(self.attempt, random) else {
            let attempts = self.attempt - 1;
            return self.finish(
                if attempts == 0 {
                    CloseReason::Lost(cause)
                } else {
                    CloseReason::GaveUp { attempts, last: cause }
                },
                outputs,
            );
        };
        if let ConnectError::Closed(words) | ConnectError::Refused(words) = &*cause {
            let words = words.to_ascii_lowercase();
            if ["throttl", "too fast", "too many", "banned"].iter().any(|word| words.contains(word))
            {
                retry_in = retry_in.max(Duration::from_secs(60));
            }
        }
        self.attempt += 1;
        self.phase = Phase::Waiting { until: now.mono + retry_in };
        let state = ConnectionState::Waiting { attempt: self.attempt, retry_in, cause };
        self.tell_state(state, outputs);
    }

    /// What was true of a connection is true no more.
    fn forget_connection(&mut self, outputs: &mut Outputs) {
        if matches!(self.phase, Phase::Ready { .. }) {
            self.note_loss();
            let mut rooms = self.roster().rooms();
            rooms.append(&mut self.rejoining);
            self.rejoining = rooms;
        }
        self.is_proved = false;
        outputs.bytes.clear();
        outputs.marks.clear();
        self.roster().clear();
        self.batches.clear();
        self.login = None;
        self.registering = None;
        self.drop_questions(outputs);
        self.negotiation = Negotiation::default();
        self.source_bytes = None;
        self.nick_number = 0;
        self.nick = Arc::clone(&self.wanted_nick);
        self.lose_written(outputs);
    }

    /// The program asks to leave: what waits is still sent, within the time allowed.
    pub(crate) fn quit(&mut self, now: Now, within: Duration, outputs: &mut Outputs) {
        if self.quitting.is_some() || matches!(self.phase, Phase::Closed) {
            return;
        }
        if !matches!(self.phase, Phase::Ready { .. }) && self.sending.is_empty() {
            return self.leave_now(outputs);
        }
        self.quitting = Some(later(now.mono, within));
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.start(outputs);
        }
        self.quit_when_sent(now, outputs);
    }

    /// Without a word to the server.
    fn leave_now(&mut self, outputs: &mut Outputs) {
        outputs.disconnect = true;
        self.forget_connection(outputs);
        self.finish(CloseReason::Requested, outputs);
    }

    fn quit_when_sent(&mut self, now: Now, outputs: &mut Outputs) {
        let Some(until) = self.quitting else { return };
        let is_time = self.sending.is_empty() || now.mono >= until;
        if !is_time || self.quit_sent.is_some() {
            return;
        }
        if !matches!(self.phase, Phase::Ready { .. }) {
            self.leave_now(outputs);
        } else {
            self.quit_sent = Some(now.mono + QUIT_ANSWER);
            outputs.line(|line| line.command("QUIT").finish());
        }
    }

    /// The program wants a new connection now.
    pub(crate) fn reconnect_now(&mut self, outputs: &mut Outputs) {
        match self.phase {
            Phase::Waiting { .. } => {}
            Phase::Registering { .. } => {
                outputs.disconnect = true;
                self.forget_connection(outputs);
            }
            Phase::Ready { .. } if self.quitting.is_none() => {
                self.lost_at = self.last_heard.map(|heard| heard.wall);
                outputs.disconnect = true;
                self.forget_connection(outputs);
            }
            _ => return,
        }
        self.attempt = 1;
        self.start(outputs);
    }

    fn finish(&mut self, reason: CloseReason, outputs: &mut Outputs) {
        self.phase = Phase::Closed;
        self.fail_all(outputs);
        self.tell_state(ConnectionState::Closed, outputs);
        outputs.finish = Some(reason);
    }

    /// Whether it is over.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn tell_state(&self, state: ConnectionState, outputs: &mut Outputs) {
        outputs.updates.push(Update::State(state));
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn same_name(&self, a: &str, b: &str) -> bool {
        self.roster().mapping().same(a, b)
    }

    fn is_me(&self, nick: &str) -> bool {
        self.same_name(nick, &self.nick)
    }

    fn want_room(&mut self, room: &Arc<str>) {
        if !self.wanted_rooms.iter().any(|wanted| self.same_name(wanted, room)) {
            self.wanted_rooms.push(Arc::clone(room));
        }
    }

    fn forget_room(&mut self, room: &str) {
        let mapping = self.roster().mapping();
        self.wanted_rooms.retain(|wanted| !mapping.same(wanted, room));
    }
}
