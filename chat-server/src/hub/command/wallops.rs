//! `WALLOPS` (RFC 2812 §4.7): an operator of the server tells all who want to know (mode `w`).

use std::sync::Arc;

use crate::{
    delivery::Content,
    hub::{
        Hub,
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
    },
};

impl Hub {
    pub(crate) fn wallops(&mut self, turn: &mut Turn, text: &str) -> Result<(), Refusal> {
        let asker = self.people.person(turn.person);
        if !self.people.device(turn.conn).is_operator() {
            return Err(Refusal::NoPrivileges);
        }
        let source = Arc::clone(&asker.source);
        let text = relayable(text, &[&*source, "WALLOPS"], usize::MAX).into();
        let event = self.event(turn.person, Content::Wallops { source, text });
        let readers = self.people.iter().filter(|person| person.modes.reads_wallops);
        let readers = self.people.devices_of(readers.map(|person| person.id));
        self.tell_some(readers, &event);
        Ok(())
    }
}
