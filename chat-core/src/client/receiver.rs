//! The thread that calls the listener.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{handle::ClientHandle, queue::Taken};
use crate::{error::CloseReason, listener::Listener};

/// The thread that calls the listener, with all that it needs.
pub(super) struct Receiver {
    pub(super) handle: ClientHandle,
    pub(super) listener: Box<dyn Listener>,
}

impl Receiver {
    /// Runs until the client has closed, or the listener has panicked.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(self.handle.shared());
        let _ = shared.receiver_thread.set(std::thread::current().id());
        // The listener is not looked at again after a panic, only dropped.
        let called = catch_unwind(AssertUnwindSafe(|| self.call_until_closed()));
        let outcome = called.map_err(|panic| panic_text(&*panic));
        if outcome.is_err() {
            shared.updates.abandon();
            self.handle.quit();
        }
        let Self { handle, listener, .. } = self;
        // Dropping it is the last of its code to run here; a panic in that has nobody to be told to.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(listener)));
        let unused = handle.replacement().close();
        shared.settle(outcome);
        drop(unused);
    }

    fn call_until_closed(&mut self) -> CloseReason {
        loop {
            let taken = self.handle.shared().updates.take();
            if let Some(listener) = self.handle.replacement().take() {
                self.listener = listener;
            }
            match taken {
                Taken::Updates(updates) => self.listener.update_messages(&self.handle, updates),
                Taken::Closed(reason) => {
                    self.listener.closed_connection(&self.handle, reason.clone());
                    return reason;
                }
            }
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without words").into()
}
