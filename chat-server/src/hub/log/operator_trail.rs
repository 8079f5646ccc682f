//! The trail of what operators of the server do: kept, and told to the program around the server.

use std::sync::Arc;

use chat_core::proto::cut;

use crate::{
    event::Incident,
    hub::{
        Hub,
        replies::incidents::shown,
        state::{codec, operator_trail::OperatorAction},
    },
    ids::ConnId,
};

/// Bytes of an action's words.
const WORDS_BYTES_MAX: usize = 300;

impl Hub {
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
