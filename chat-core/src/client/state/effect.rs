//! The effects that the state wants done, in the order in which they are to be done.

use std::collections::VecDeque;

use crate::{
    error::CloseReason,
    update::{SendId, Update},
    wire::{EncodeError, LineWriter},
};

/// One thing the state wants done. The driver knows no other.
#[derive(Debug)]
pub(crate) enum Effect {
    /// The end: nothing can be asked for any more, and the listener has its last call behind what it is told.
    Close(CloseReason),
    /// Make a connection.
    Connect,
    /// End the connection, if there is one.
    Disconnect,
    /// A mark behind the lines of that message: it is written when they are all with the system.
    Mark(SendId),
    /// A request no longer waits, which had so many bytes.
    Settle { bytes: usize },
    /// For the listener.
    Tell(Update),
    /// Lines for the server.
    Write(Vec<u8>),
}

/// The effects that are to be done, the first one first.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    waiting: VecDeque<Effect>,
    /// All bytes ever written here.
    n_bytes: usize,
}

impl Effects {
    /// The next thing to do.
    pub(crate) fn next(&mut self) -> Option<Effect> {
        self.waiting.pop_front()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.waiting.push_back(effect);
    }

    pub(crate) fn tell(&mut self, update: Update) {
        self.push(Effect::Tell(update));
    }

    /// The next line to the server; whether it is one.
    pub(super) fn line(
        &mut self,
        build: impl FnOnce(LineWriter<'_>) -> Result<(), EncodeError>,
    ) -> bool {
        if let Some(Effect::Write(bytes)) = self.waiting.back_mut() {
            let before = bytes.len();
            let is_line = build(LineWriter::new(bytes)).is_ok();
            self.n_bytes += bytes.len() - before;
            return is_line;
        }
        let mut bytes = Vec::new();
        let is_line = build(LineWriter::new(&mut bytes)).is_ok();
        if is_line {
            self.n_bytes += bytes.len();
            self.push(Effect::Write(bytes));
        }
        is_line
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// The connection is gone: its lines are not written.
    pub(super) fn drop_lines(&mut self) {
        self.waiting.retain(|effect| !matches!(effect, Effect::Mark(_) | Effect::Write(_)));
    }

    /// Takes out what `is_it` says, for scripts.
    #[cfg(test)]
    pub(super) fn take(&mut self, is_it: impl Fn(&Effect) -> bool) -> Vec<Effect> {
        let all = std::mem::take(&mut self.waiting);
        let (taken, left): (VecDeque<_>, VecDeque<_>) = all.into_iter().partition(is_it);
        self.waiting = left;
        taken.into()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Effect> {
        self.waiting.iter()
    }
}
