//! What is awaited from outside.

use crate::{
    hub::Hub,
    ids::{ConnId, Ticket},
};

impl Hub {
    /// Labelled answers of someone who has gone are nobody's.
    pub(crate) fn forget_responses(&mut self, conn: ConnId) {
        self.responses.retain(|_, answer| answer.conn != conn);
    }

    /// A number for what is asked of others and answered later.
    pub(crate) fn new_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket - 1)
    }
}
