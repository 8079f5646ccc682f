//! The way out: the clocks, and what leaves the hub; filled while one input is handled, and handed over at
//! the door.

use std::{cell::RefCell, collections::VecDeque};

use chat_core::proto::Command;

use super::{effect::Effect, input::Now};
use crate::ids::ConnId;

/// The clocks, and what is on its way out.
#[derive(Debug, Default)]
pub(crate) struct Out {
    /// The clocks at the latest input; none while the server loads what it knew before it started.
    now: Option<Now>,
    /// In a cell, since who tells of something reads the state that it tells of.
    effects: RefCell<Vec<Effect>>,
    follow_ups: VecDeque<(ConnId, Command)>,
}

impl Out {
    /// Begins to handle an input: what comes of it goes behind what is in `effects`.
    pub(crate) fn begin(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.now = Some(now);
        std::mem::swap(self.effects.get_mut(), effects);
    }

    /// Hands over what has come of an input.
    pub(crate) fn end(&mut self, effects: &mut Vec<Effect>) {
        std::mem::swap(self.effects.get_mut(), effects);
    }

    /// The clocks at the latest input, if there has been one.
    pub(crate) fn latest(&self) -> Option<Now> {
        self.now
    }

    /// Puts an effect behind the others.
    pub(crate) fn push(&self, effect: Effect) {
        self.effects.borrow_mut().push(effect);
    }

    /// Has a command carried out as if a connection had sent it, when what is being done is done.
    pub(crate) fn follow_up(&mut self, conn: ConnId, command: Command) {
        self.follow_ups.push_back((conn, command));
    }

    pub(crate) fn next_follow_up(&mut self) -> Option<(ConnId, Command)> {
        self.follow_ups.pop_front()
    }

    /// Whether nothing has come of anything: what was so before needs nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.effects.borrow().is_empty() && self.follow_ups.is_empty()
    }
}
