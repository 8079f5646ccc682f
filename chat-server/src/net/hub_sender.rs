//! The way to the hub of those who answer it: the log, the threads that check passwords, whoever reads the configuration again.

use crossbeam_channel::{SendError, Sender, TrySendError};

use crate::{
    hub::Input,
    room_log::{Appender, LogOutcome},
};

/// The sender of answers to the hub (see the module).
#[derive(Debug, Clone)]
pub(crate) struct HubSender {
    queue: Sender<Input>,
    /// Wakes the hub's thread; nobody, where somebody waits for the queue itself.
    pokes: Option<Sender<()>>,
}

impl HubSender {
    pub(crate) fn new(queue: Sender<Input>, pokes: Option<Sender<()>>) -> Self {
        Self { queue, pokes }
    }

    /// Waits while the hub has too much to do.
    ///
    /// # Errors
    /// With what nobody takes, since the server has ended.
    pub(crate) fn send(&self, answer: Input) -> Result<(), SendError<Input>> {
        self.send_all([answer])
    }

    /// Several, for which the hub is woken once, so that what comes of them is delivered together.
    ///
    /// # Errors
    /// With the first that nobody takes, since the server has ended.
    pub(crate) fn send_all(
        &self,
        answers: impl IntoIterator<Item = Input>,
    ) -> Result<(), SendError<Input>> {
        for answer in answers {
            match self.queue.try_send(answer) {
                Ok(()) => {}
                Err(TrySendError::Full(answer)) => {
                    self.poke();
                    self.queue.send(answer)?;
                }
                Err(TrySendError::Disconnected(answer)) => return Err(SendError(answer)),
            }
        }
        self.poke();
        Ok(())
    }

    /// The way by which a room log tells its outcomes here.
    pub(crate) fn appender(&self) -> Appender {
        let to_hub = self.clone();
        Appender::new(move |outcomes| {
            let input = |outcome| match outcome {
                LogOutcome::Appended { ticket, outcome } => Input::Appended { ticket, outcome },
                LogOutcome::Queried { ticket, answer } => Input::Queried { ticket, answer },
            };
            to_hub.send_all(outcomes.map(input)).is_ok()
        })
    }

    fn poke(&self) {
        if let Some(pokes) = &self.pokes {
            // One is enough, and when the server ends nobody needs it.
            let _ = pokes.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn the_hub_is_woken_when_all_is_there_or_no_more_fits() {
        let (queue, answers) = crossbeam_channel::bounded(3);
        let (pokes, poked) = crossbeam_channel::bounded(1);
        let answerer = HubSender::new(queue, Some(pokes));
        std::thread::scope(|scope| {
            let n_seen = scope.spawn(|| {
                let mut n_seen = Vec::new();
                while n_seen.iter().sum::<usize>() < 5 {
                    poked.recv_timeout(Duration::from_secs(30)).unwrap();
                    n_seen.push(answers.try_iter().count());
                }
                n_seen
            });
            answerer.send_all((0..5).map(|_| Input::Deadline)).unwrap();
            let n_seen = n_seen.join().unwrap();
            assert!(n_seen[0] >= 3, "{n_seen:?}");
        });
        drop(answers);
        assert!(answerer.send(Input::Deadline).is_err());
    }
}
