//! The end of a connection, and the end of it all.

use std::{sync::Arc, time::Duration};

use super::{
    client_state::{ClientState, Phase},
    connection::Connection,
    effect::{Effect, Effects},
    time::{Now, later},
};
use crate::{
    error::{CloseReason, ConnectError},
    update::ConnectionState,
};

/// The time the server may take to answer a `QUIT`.
const QUIT_ANSWER: Duration = Duration::from_millis(500);

impl ClientState {
    /// There is none, or no more.
    pub(crate) fn disconnected(&mut self, now: Now, cause: ConnectError, effects: &mut Effects) {
        let cause = match (self.connection.last_words.take(), cause) {
            // What the server said tells more than that it then closed.
            (Some(words), ConnectError::Lost(_)) => ConnectError::Closed(words),
            (_, cause) => cause,
        };
        self.lose(now, Arc::new(cause), effects);
    }

    pub(super) fn lose(&mut self, now: Now, cause: Arc<ConnectError>, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        if let Phase::Ready { since } = self.phase
            && now.mono.saturating_duration_since(since) >= self.settings.reconnect.stable_after
        {
            self.attempt = 1;
        }
        self.forget_connection(effects);
        if self.quitting.is_some() {
            return self.finish(CloseReason::Requested, effects);
        }
        if cause.is_fatal() {
            return self.finish(CloseReason::Fatal(cause), effects);
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
                effects,
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
        self.tell_state(state, effects);
    }

    /// Forgets what was true of a connection.
    fn forget_connection(&mut self, effects: &mut Effects) {
        let fresh = Connection::new(Arc::clone(&self.wishes.nick));
        let ended = std::mem::replace(&mut self.connection, fresh);
        if matches!(self.phase, Phase::Ready { .. }) {
            let heard = ended.last_heard.map(|heard| heard.wall);
            self.history_sync.note_loss(heard, &self.roster);
        }
        effects.drop_lines();
        self.roster.clear();
        self.history_sync.drop_questions(effects);
        self.sending.lose_written(effects);
    }

    /// The program asks to leave: what waits is still sent, within the time allowed.
    pub(crate) fn quit(&mut self, now: Now, within: Duration, effects: &mut Effects) {
        if self.quitting.is_some() || matches!(self.phase, Phase::Closed) {
            return;
        }
        if !matches!(self.phase, Phase::Ready { .. }) && self.sending.is_empty() {
            return self.leave_now(effects);
        }
        self.quitting = Some(later(now.mono, within));
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.start(effects);
        }
        self.quit_when_sent(now, effects);
    }

    /// Without a word to the server.
    pub(super) fn leave_now(&mut self, effects: &mut Effects) {
        effects.push(Effect::Disconnect);
        self.forget_connection(effects);
        self.finish(CloseReason::Requested, effects);
    }

    pub(super) fn quit_when_sent(&mut self, now: Now, effects: &mut Effects) {
        let Some(until) = self.quitting else { return };
        let is_time = self.sending.is_empty() || now.mono >= until;
        if !is_time || self.quit_sent.is_some() {
            return;
        }
        if !matches!(self.phase, Phase::Ready { .. }) {
            self.leave_now(effects);
        } else {
            self.quit_sent = Some(now.mono + QUIT_ANSWER);
            effects.line(|line| line.command("QUIT").finish());
        }
    }

    /// The program wants a new connection now.
    pub(crate) fn reconnect_now(&mut self, effects: &mut Effects) {
        match self.phase {
            Phase::Waiting { .. } => {}
            Phase::Registering { .. } => {
                effects.push(Effect::Disconnect);
                self.forget_connection(effects);
            }
            Phase::Ready { .. } if self.quitting.is_none() => {
                effects.push(Effect::Disconnect);
                self.forget_connection(effects);
            }
            _ => return,
        }
        self.attempt = 1;
        self.start(effects);
    }

    fn finish(&mut self, reason: CloseReason, effects: &mut Effects) {
        self.phase = Phase::Closed;
        self.sending.fail_all(effects);
        self.tell_state(ConnectionState::Closed, effects);
        effects.push(Effect::Close(reason));
    }
}
