//! The hub's thread: waits for what no worker brings (answers of the log, checked passwords, deadlines, the
//! end), and for workers that have too much to take; and lets the hub work on what is left.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use crossbeam_channel::{Receiver, Select, TryRecvError};

use super::{
    hub_executor::{HubExecutor, Looked},
    mailbox::Mailbox,
};
use crate::hub::Input;

pub(crate) struct HubThread {
    pub(crate) hub_executor: Arc<HubExecutor>,
    /// Asks it to look.
    pub(crate) pokes: Receiver<()>,
    /// Taken by the executor; here so that those who answer hear when the server has ended.
    pub(crate) answers: Receiver<Input>,
    /// Requests to stop, each with its reason.
    pub(crate) stops: Receiver<Arc<str>>,
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) mailbox_bytes_max: usize,
}

impl HubThread {
    /// The thread. Ends when the hub says so, or when nobody is left who could tell it anything.
    ///
    /// # Panics
    /// If the hub has panicked, on whichever thread.
    pub(crate) fn run(self) {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            while self.look() {
                self.wait();
            }
        }));
        let Self { hub_executor, answers, .. } = self;
        // Before the log, which waits until its own threads have ended: those may be about to answer.
        drop(answers);
        hub_executor.close();
        if let Err(panic) = ended {
            resume_unwind(panic);
        }
    }

    /// Waits until there is something to do.
    fn wait(&self) {
        let mut select = Select::new();
        select.recv(&self.stops);
        select.recv(&self.pokes);
        // What it is, is seen when it is looked for.
        match self.hub_executor.rest() {
            Some(deadline) => drop(select.ready_deadline(deadline)),
            None => drop(select.ready()),
        }
    }

    /// Lets the hub take what has come; whether the server goes on.
    fn look(&self) -> bool {
        // Before looking, so that nobody asks in vain meanwhile.
        let _ = self.pokes.try_recv();
        let stop = match self.stops.try_recv() {
            Ok(reason) => Some(Input::Stop { reason }),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => return false,
        };
        let Some(Looked { is_over: false, is_more }) = self.hub_executor.look(stop) else {
            return false;
        };
        for mailbox in &self.mailboxes {
            mailbox.wait_below(self.mailbox_bytes_max);
        }
        if is_more {
            self.hub_executor.poke();
        }
        true
    }
}
