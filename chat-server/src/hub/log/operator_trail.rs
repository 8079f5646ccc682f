//! The trail of what operators of the server do: kept, and told to the program around the server.

use std::sync::Arc;

use chat_core::proto::cut;

use crate::{
    event::Incident,
    hub::{
        Hub,
        policy::Right,
        replies::{incidents::shown, turn::Turn},
        state::{codec, operator_trail::OperatorAction, person::Asker, room::Room},
    },
    ids::{ConnId, RoomId},
};

/// Bytes of an action's words.
const WORDS_BYTES_MAX: usize = 300;

impl Hub {
    /// Notes what somebody has just done in a room, if they have that right there only as an operator of the server.
    pub(crate) fn note_privileged(&mut self, turn: &Turn, id: RoomId, right: Right, did: &str) {
        let (asker, room) = (self.people.asker(turn.conn), self.rooms.get(id));
        let as_anybody = Asker { is_server_operator: false, ..asker };
        let is_privileged =
            |room: &Room| room.allows(asker, right) && !room.allows(as_anybody, right);
        if asker.is_server_operator && room.is_some_and(is_privileged) {
            self.note_operator_action(turn.conn, did);
        }
    }

    /// Notes what somebody has just done at `conn` as an operator of the server.
    pub(crate) fn note_operator_action(&mut self, conn: ConnId, did: &str) {
        let Some(device) = self.people.device_at(conn) else { return };
        let person = self.people.person(device.person);
        let did = cut(did, WORDS_BYTES_MAX);
        let action = OperatorAction {
            at: codec::milliseconds(self.now().wall),
            by: Arc::clone(person.nick.shown()),
            account: person.account.clone(),
            address: shown(&device.address).into(),
            did: did.into(),
        };
        let account = action.account.as_deref().unwrap_or_default();
        self.report(Incident::operator_acted(&action.address, &action.by, account, did));
        let changes = self.accounts.note_operator_action(action);
        self.persist_unasked(changes);
    }
}
