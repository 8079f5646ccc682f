//! Threads that check passwords, which takes tens of milliseconds by design.

use crossbeam_channel::Receiver;

use super::hub_sender::HubSender;
use crate::{
    auth::{self, Question},
    hub::Input,
    ids::Ticket,
};

/// One of the threads; ends when nobody asks any more.
pub(crate) fn run(questions: &Receiver<(Ticket, Question)>, to_hub: &HubSender) {
    for (ticket, question) in questions {
        let verdict = auth::answer(&question);
        if to_hub.send(Input::Checked { ticket, verdict }).is_err() {
            return;
        }
    }
}
