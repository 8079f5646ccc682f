//! Read markers that move, for all devices of their owner.

use chat_core::proto::Capability;

use crate::{
    hub::{Hub, state::read_markers::ReadMarker},
    ids::ConnId,
};

impl Hub {
    /// "the server SHOULD send a `MARKREAD` command for that target to all the clients of the user"
    pub(crate) fn tell_of_marker(&self, mark: &ReadMarker, shown: &str, except: Option<ConnId>) {
        let people = self.people.identified(&mark.identity).iter().copied();
        for conn in self.people.devices_of(people).filter(|conn| Some(*conn) != except) {
            if self.people.device(conn).capabilities.contains(Capability::ReadMarker) {
                self.say_to(conn, None, vec![self.marker_line(mark, shown)]);
            }
        }
    }
}
