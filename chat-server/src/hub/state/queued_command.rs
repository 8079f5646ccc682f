//! Commands whose turn has not come.

use std::sync::Arc;

use chat_core::proto::{Command, CommandError, MessageKind, Service};

use crate::reaction::Reaction;

/// A command whose turn has not come.
#[derive(Debug)]
pub(crate) struct QueuedCommand {
    pub(crate) label: Option<Arc<str>>,
    pub(crate) command: Result<Command, CommandError>,
}

impl QueuedCommand {
    /// Whether it need not wait for the `n_pending` records before it. Messages may follow messages into the log,
    /// up to `n_pending_max`; all else waits until it is known what became of them.
    pub(crate) fn may_run(&self, n_pending: u32, n_pending_max: usize) -> bool {
        n_pending == 0 || ((n_pending as usize) < n_pending_max && self.is_message())
    }

    pub(crate) fn is_message(&self) -> bool {
        match &self.command {
            // What nobody keeps must not overtake what is kept, and of a service one thing is asked at a time.
            Ok(Command::Message { kind, targets, tags, .. }) => {
                is_kept(*kind, tags)
                    && !targets.iter().any(|target| Service::by_nick(target).is_some())
            }
            Ok(Command::Multiline { .. }) => true,
            _ => false,
        }
    }

    /// Whether it matters to others, also when whoever said it is gone.
    pub(crate) fn is_last_word(&self) -> bool {
        self.is_message() || matches!(self.command, Ok(Command::Quit { .. }))
    }
}

/// Whether a message is worth keeping: tags alone pass by without the log, unless they are a reaction.
pub(crate) fn is_kept(kind: MessageKind, tags: &str) -> bool {
    kind != MessageKind::Tagmsg || Reaction::of(tags).is_some()
}
