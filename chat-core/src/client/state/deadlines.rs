//! What happens when nothing does: time-outs, signs of life, the next attempt.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{ClientState, Now, Outputs, Phase};
use crate::error::ConnectError;

/// What [`Duration::MAX`] comes to when it is counted from now.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// `duration` after `since`, however long it is.
pub(crate) fn later(since: Instant, duration: Duration) -> Instant {
    since + duration.min(FOREVER)
}

impl ClientState {
    /// When [`ClientState::handle_deadline`] is to be called next, and [`ClientState::pump`] if the
    /// system takes something at all (`can_write`).
    pub(crate) fn next_deadline(&self, can_write: bool) -> Option<Instant> {
        let timeouts = &self.settings.timeouts;
        let is_ready = matches!(self.phase, Phase::Ready { .. });
        let phase = match self.phase {
            Phase::Closed => return None,
            Phase::Connecting => None,
            Phase::Registering { since } => Some(later(since, timeouts.register)),
            Phase::Ready { .. } => match self.asked {
                Some(asked) => Some(later(asked, timeouts.dead)),
                None => self.last_heard.map(|heard| later(heard.mono, timeouts.idle)),
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
    pub(crate) fn handle_deadline(&mut self, now: Now, outputs: &mut Outputs) {
        let timeouts = self.settings.timeouts.clone();
        if self.quit_sent.is_some_and(|until| now.mono >= until) {
            return self.leave_now(outputs);
        }
        self.expire(now, &timeouts, outputs);
        self.give_up_past(now, outputs);
        match self.phase {
            Phase::Waiting { until } if now.mono >= until => self.start(outputs),
            Phase::Registering { since } if now.mono >= later(since, timeouts.register) => {
                outputs.disconnect = true;
                self.lose(now, Arc::new(ConnectError::Timeout(timeouts.register)), outputs);
            }
            Phase::Ready { .. } => self.check_signs_of_life(now, outputs),
            _ => {}
        }
    }

    fn check_signs_of_life(&mut self, now: Now, outputs: &mut Outputs) {
        let timeouts = &self.settings.timeouts;
        let (idle, dead) = (timeouts.idle, timeouts.dead);
        let is_over = |since: Option<Instant>, span| {
            since.is_some_and(|since| now.mono >= later(since, span))
        };
        if is_over(self.asked, dead) {
            outputs.disconnect = true;
            let silence = idle.saturating_add(dead).as_secs();
            let cause = ConnectError::Lost(format!("the server was silent for {silence} s").into());
            self.lose(now, Arc::new(cause), outputs);
        } else if self.asked.is_none() && is_over(self.last_heard.map(|heard| heard.mono), idle) {
            self.asked = Some(now.mono);
            outputs.line(|line| line.command("PING").last("alive").finish());
        }
    }
}
