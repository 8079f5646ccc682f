//! `REHASH` (RFC 2812 §4.2): an operator asks for the configuration to be read again; the program around
//! the server does it.

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::{
    event::ServerEvent,
    hub::{Hub, effect::Effect, refusal::Refusal, replies::turn::Turn},
};

impl Hub {
    pub(crate) fn rehash(&mut self, turn: &mut Turn) -> Result<(), Refusal> {
        let asker = self.people.person(turn.person);
        if !self.people.device(turn.conn).is_operator() {
            return Err(Refusal::NoPrivileges);
        }
        let by = Arc::clone(asker.nick.shown());
        self.note_operator_action(turn.conn, "REHASH");
        self.out.push(Effect::Report(ServerEvent::ReloadAsked { by }));
        turn.numeric(Numeric::RPL_REHASHING, &["*", "Reading the configuration again"]);
        Ok(())
    }
}
