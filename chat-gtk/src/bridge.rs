//! The only file that knows threads: between the client's receiver thread, work that blocks, and
//! the main loop.

use async_channel::{Receiver, Sender};
use chat_core::{ChatClient, ClientHandle, CloseReason, Listener, Update};
use gtk::{gio, glib};

/// An event that the client's thread tells the main loop.
#[derive(Debug)]
pub(crate) enum UiEvent {
    Closed(CloseReason),
    Updates(Vec<Update>),
}

/// Events under way to the main loop, a few, since each may be [`BATCH_BYTES_MAX`] long. When it is busy for longer, the
/// client's own queue fills, within its memory, and says what it had to drop.
///
/// [`BATCH_BYTES_MAX`]: chat_core::listener::BATCH_BYTES_MAX
const EVENTS_MAX: usize = 16;

/// Updates that are handled in one go, so that a burst becomes one change of the view.
const BURST_MAX: usize = 2000;

/// A listener that hands everything to the main loop and touches no widget.
pub(crate) struct ListenerBridge(Sender<UiEvent>);

impl ListenerBridge {
    pub(crate) fn new() -> (Self, Receiver<UiEvent>) {
        let (sender, receiver) = async_channel::bounded(EVENTS_MAX);
        (Self(sender), receiver)
    }

    fn hand_over(&self, event: UiEvent) {
        // An error means that the window is gone.
        let _ = self.0.send_blocking(event);
    }
}

impl Listener for ListenerBridge {
    fn update_messages(&mut self, _: &ClientHandle, updates: Vec<Update>) {
        self.hand_over(UiEvent::Updates(updates));
    }

    fn closed_connection(&mut self, _: &ClientHandle, reason: CloseReason) {
        self.hand_over(UiEvent::Closed(reason));
    }
}

/// Calls `take` on the main loop with everything that comes, whole bursts at once, until it returns
/// false or nothing more can come.
pub(crate) fn receive(
    events: Receiver<UiEvent>,
    mut take: impl FnMut(Vec<Update>, Option<CloseReason>) -> bool + 'static,
) {
    glib::spawn_future_local(async move {
        while let Ok(first) = events.recv().await {
            let (mut updates, mut closed) = (Vec::new(), None);
            let mut next = Some(first);
            while let Some(event) = next {
                match event {
                    UiEvent::Updates(more) => updates.extend(more),
                    UiEvent::Closed(reason) => closed = Some(reason),
                }
                next = if updates.len() < BURST_MAX { events.try_recv().ok() } else { None };
            }
            if !take(updates, closed) {
                return;
            }
        }
    });
}

/// Does something that blocks on a thread of its own, and gives its result to the main loop.
///
/// # Errors
/// A sentence, if it panicked.
pub(crate) async fn off_main_loop<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    gio::spawn_blocking(work)
        .await
        .map_err(|_| "something went wrong inside the program".to_owned())
}

/// Leaves the server, sending what waits, without the main loop waiting for it.
pub(crate) async fn close(client: ChatClient) {
    // Whatever kept it from closing in time, it is left alone now, as its owner wanted.
    let _ = off_main_loop(move || client.close(std::time::Duration::from_secs(2))).await;
}
