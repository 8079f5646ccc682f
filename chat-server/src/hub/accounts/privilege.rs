//! The privilege of operators of the server, which is a connection's: it ends with that, with a logout, and when the entry
//! of the configuration that it was proved by is there no more.

use std::sync::Arc;

use crate::{
    delivery::{Content, Event, RecordContent},
    hub::{Hub, state::device::Device},
    ids::{ConnId, PersonId},
};

impl Hub {
    /// Ends the privilege of those connections of a person that have it.
    pub(crate) fn end_privilege_of(&mut self, who: PersonId) {
        let devices = self.people.person(who).devices.clone();
        devices.into_iter().for_each(|conn| self.end_privilege(conn, None));
    }

    /// Ends the privilege of those whose entry the configuration has no more as it was when they proved it.
    pub(crate) fn end_removed_privileges(&mut self) {
        let is_removed = |device: &&Device| {
            let oper = device.particulars.oper.as_deref();
            oper.is_some_and(|oper| !self.settings.opers.contains(oper))
        };
        let removed = self.people.devices().filter(is_removed).map(|device| device.conn);
        let removed: Vec<ConnId> = removed.collect();
        removed.into_iter().for_each(|conn| self.end_privilege(conn, None));
    }

    /// Ends the privilege of a connection, if it has it, and tells it: by whom, if not by the server.
    pub(crate) fn end_privilege(&mut self, conn: ConnId, by: Option<Arc<str>>) {
        if !self.people.set_operator(conn, None) {
            return;
        }
        let content = Content::Record(RecordContent::Mode {
            source: by.unwrap_or_else(|| self.settings.name.as_str().into()),
            target: Arc::clone(self.people.reader(conn).person.nick.shown()),
            changes: "-o".into(),
            arguments: Vec::new(),
        });
        self.tell(conn, &Arc::new(Event::new(content, self.now().wall, None)));
    }
}
