//! Deadlines, for when nothing happens: time-outs, signs of life, the next attempt.

use std::{sync::Arc, time::Instant};

use super::{
    client_state::{ClientState, Phase},
    effect::{Effect, Effects},
    time::{Now, later},
};
use crate::error::ConnectError;

impl ClientState {
    /// The time at which [`ClientState::handle_deadline`] is to be called next, and [`ClientState::pump`] if the
    /// system takes something at all (`can_write`).
    pub(crate) fn next_deadline(&self, can_write: bool) -> Option<Instant> {
        let timeouts = &self.settings.timeouts;
        let is_ready = matches!(self.phase, Phase::Ready { .. });
        let phase = match self.phase {
            Phase::Closed => return None,
            Phase::Connecting => None,
            Phase::Registering { since } => Some(later(since, timeouts.register)),
            Phase::Ready { .. } => match self.connection.asked {
                Some(asked) => Some(later(asked, timeouts.dead)),
                None => self.connection.last_heard.map(|heard| later(heard.mono, timeouts.idle)),
            },
            Phase::Waiting { until } => Some(until),
        };
        let queued = self.sending.oldest_unwritten().map(|since| later(since, timeouts.queued));
        let answered =
            self.sending.oldest_unanswered().map(|since| later(since, timeouts.answered));
        let is_sending = is_ready && self.quit_sent.is_none() && can_write;
        let line = self.sending.next_line_at().filter(|_| is_sending);
        let quit = self.quit_sent.or(self.quitting);
        let past = self.history_sync.deadline();
        [phase, queued, answered, line, past, quit].into_iter().flatten().min()
    }

    /// Does what its time has come for.
    pub(crate) fn handle_deadline(&mut self, now: Now, effects: &mut Effects) {
        let timeouts = self.settings.timeouts.clone();
        if self.quit_sent.is_some_and(|until| now.mono >= until) {
            return self.leave_now(effects);
        }
        self.sending.expire(now, &timeouts, effects);
        self.quit_when_sent(now, effects);
        self.history_sync.give_up(now, &self.roster, effects);
        match self.phase {
            Phase::Waiting { until } if now.mono >= until => self.start(effects),
            Phase::Registering { since } if now.mono >= later(since, timeouts.register) => {
                effects.push(Effect::Disconnect);
                self.lose(now, Arc::new(ConnectError::Timeout(timeouts.register)), effects);
            }
            Phase::Ready { .. } => self.check_signs_of_life(now, effects),
            _ => {}
        }
    }

    fn check_signs_of_life(&mut self, now: Now, effects: &mut Effects) {
        let timeouts = &self.settings.timeouts;
        let (idle, dead) = (timeouts.idle, timeouts.dead);
        let is_over = |since: Option<Instant>, span| {
            since.is_some_and(|since| now.mono >= later(since, span))
        };
        if is_over(self.connection.asked, dead) {
            effects.push(Effect::Disconnect);
            let silence = idle.saturating_add(dead).as_secs();
            let cause = ConnectError::Lost(format!("the server was silent for {silence} s").into());
            self.lose(now, Arc::new(cause), effects);
        } else if self.connection.asked.is_none()
            && is_over(self.connection.last_heard.map(|heard| heard.mono), idle)
        {
            self.connection.asked = Some(now.mono);
            effects.line(|line| line.command("PING").last("alive").finish());
        }
    }
}
