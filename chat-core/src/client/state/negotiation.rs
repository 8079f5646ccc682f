//! The agreement between a server and us at the start of a connection.

use std::collections::BTreeMap;

use crate::proto::{Capability, CapabilitySet};

/// The capabilities we ask for where they are offered.
pub(super) const WANTED: &[Capability] = &[
    Capability::AccountRegistration,
    Capability::AccountTag,
    Capability::AwayNotify,
    Capability::Batch,
    // All that was missed, in one answer.
    Capability::Changes,
    // So that nothing old comes unasked and is taken for new; we ask for it.
    Capability::ChatHistory,
    Capability::EchoMessage,
    Capability::Edit,
    Capability::ExtendedJoin,
    Capability::LabeledResponse,
    Capability::MessageRedaction,
    Capability::MessageTags,
    Capability::Nonce,
    Capability::ServerTime,
    Capability::Setname,
    Capability::StandardReplies,
];

/// The agreement between this server and us.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    pub(super) capabilities: CapabilitySet,
    /// The ways to log in, if the server tells them.
    pub(super) mechanisms: Option<String>,
    /// The capabilities the server offers, by the names it uses.
    pub(super) offered: BTreeMap<Capability, &'static str>,
    /// `CAP END` has been sent.
    pub(super) has_ended: bool,
    /// The server has said how it compares names.
    pub(super) has_mapping: bool,
    /// The server says that it delays those who send fast, and does not close them.
    pub(super) is_safe_rate: bool,
    /// The signs before nicks (`PREFIX` in `RPL_ISUPPORT`).
    pub(super) prefixes: Option<String>,
    /// The number of messages of the past the server tells at once (`CHATHISTORY` in `RPL_ISUPPORT`).
    pub(super) page_max: Option<u16>,
}

impl Negotiation {
    /// The server offers something by that name. Of two names for one thing the newer is used.
    pub(super) fn offer(&mut self, name: &str) {
        let Some(capability) = Capability::from_name(name) else { return };
        let rank = |name: &str| capability.names().iter().position(|own| *own == name);
        let known = self.offered.get(&capability).copied();
        if known.is_none_or(|known| rank(name) < rank(known)) {
            let own = capability.names().iter().find(|own| **own == name);
            self.offered.extend(own.map(|own| (capability, *own)));
        }
    }
}
