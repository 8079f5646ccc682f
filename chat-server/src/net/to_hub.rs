//! A worker's way to the hub: what it has no room for is kept here, in order, and nothing more is read until
//! it could be handed over.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use crossbeam_channel::{Sender, TrySendError};

use super::{hub_executor::HubExecutor, mailbox::Mailbox};
use crate::{hub::Input, ids::WorkerId};

pub(crate) struct ToHub {
    queue: Sender<Input>,
    hub_executor: Arc<HubExecutor>,
    /// Inputs there was no room for, oldest first.
    unsent: VecDeque<Input>,
    /// Something was handed over that the hub may not have taken.
    is_expected: bool,
}

impl ToHub {
    pub(crate) fn new(queue: Sender<Input>, hub_executor: Arc<HubExecutor>) -> Self {
        Self { queue, hub_executor, unsent: VecDeque::new(), is_expected: false }
    }

    /// Whether more may be read.
    pub(super) fn takes_more(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Whether the hub is to be met before this worker waits for anything else.
    pub(super) fn is_expected(&self) -> bool {
        self.is_expected
    }

    pub(super) fn send(&mut self, input: Input, own: &Mailbox) {
        if !self.unsent.is_empty() {
            self.unsent.push_back(input);
            return;
        }
        match self.queue.try_send(input) {
            // The hub ends only when the server does.
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.is_expected = true,
            Err(TrySendError::Full(input)) => {
                self.unsent.push_back(input);
                self.send_unsent(own);
            }
        }
    }

    pub(super) fn send_unsent(&mut self, own: &Mailbox) {
        if self.unsent.is_empty() {
            return;
        }
        // Asked for before the last try: if the hub makes room in between, it sees the wish.
        own.is_starved.store(true, Ordering::SeqCst);
        while let Some(input) = self.unsent.pop_front() {
            if let Err(TrySendError::Full(input)) = self.queue.try_send(input) {
                self.unsent.push_front(input);
                return;
            }
            self.is_expected = true;
        }
        own.is_starved.store(false, Ordering::SeqCst);
    }

    /// Lets the hub take what was handed over, if it is free; whether anything was.
    pub(super) fn meet(&mut self, own: WorkerId, mailbox: &Mailbox) -> bool {
        if !std::mem::take(&mut self.is_expected) {
            return false;
        }
        self.hub_executor.work_for(own);
        // There is room now, unless somebody else fills it: the hub is asked again then, and wakes us.
        self.send_unsent(mailbox);
        true
    }
}
