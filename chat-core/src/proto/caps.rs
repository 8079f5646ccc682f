//! Every capability in one table, with the other names it goes by.
//!
//! Drafts rename: a table row is one meaning, and any of its names asks for it
//! ([capability negotiation](https://ircv3.net/specs/extensions/capability-negotiation)).

macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident: $name:literal $(| $alias:literal)*;)*) => {
        /// A capability that a client and a server may agree on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Capability { $($(#[$doc])* $variant),* }

        impl Capability {
            /// All of them, in the order in which a server lists them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// All its names, the one to prefer first.
            #[must_use]
            pub fn names(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$name $(, $alias)*]),* }
            }
        }
    };
}

capabilities! {
    /// <https://ircv3.net/specs/extensions/account-notify>
    AccountNotify: "account-notify";
    /// <https://ircv3.net/specs/extensions/account-registration>
    AccountRegistration: "draft/account-registration" | "account-registration";
    /// <https://ircv3.net/specs/extensions/account-tag>
    AccountTag: "account-tag";
    /// <https://ircv3.net/specs/extensions/away-notify>
    AwayNotify: "away-notify";
    /// <https://ircv3.net/specs/extensions/batch>
    Batch: "batch";
    /// <https://ircv3.net/specs/extensions/capability-negotiation#the-cap-notify-capability>
    CapNotify: "cap-notify";
    /// <https://ircv3.net/specs/extensions/channel-rename>
    ChannelRename: "draft/channel-rename" | "channel-rename";
    /// <https://ircv3.net/specs/extensions/chathistory>
    ChatHistory: "draft/chathistory" | "chathistory";
    /// <https://ircv3.net/specs/extensions/chghost>
    Chghost: "chghost";
    /// `docs/changes.md`
    Changes: "chat.local/changes";
    /// <https://ircv3.net/specs/extensions/echo-message>
    EchoMessage: "echo-message";
    /// `docs/edit.md`
    Edit: "chat.local/edit";
    /// <https://ircv3.net/specs/extensions/chathistory>
    EventPlayback: "draft/event-playback" | "event-playback";
    /// <https://ircv3.net/specs/extensions/extended-isupport>
    ExtendedIsupport: "draft/extended-isupport" | "extended-isupport";
    /// <https://ircv3.net/specs/extensions/extended-join>
    ExtendedJoin: "extended-join";
    /// <https://ircv3.net/specs/extensions/extended-monitor>
    ExtendedMonitor: "extended-monitor" | "draft/extended-monitor";
    /// <https://ircv3.net/specs/extensions/invite-notify>
    InviteNotify: "invite-notify";
    /// <https://ircv3.net/specs/extensions/labeled-response>
    LabeledResponse: "labeled-response";
    /// <https://ircv3.net/specs/extensions/message-redaction>
    MessageRedaction: "draft/message-redaction" | "message-redaction";
    /// <https://ircv3.net/specs/extensions/message-tags>
    MessageTags: "message-tags" | "draft/message-tags-0.2";
    /// <https://ircv3.net/specs/extensions/metadata>, as published
    Metadata2: "draft/metadata-2" | "metadata-2";
    /// Its successor, <https://github.com/ircv3/ircv3-specifications/pull/613>
    Metadata3: "draft/metadata-3" | "metadata-3";
    /// <https://ircv3.net/specs/extensions/multi-prefix>
    MultiPrefix: "multi-prefix";
    /// <https://ircv3.net/specs/extensions/multiline>
    Multiline: "draft/multiline" | "multiline";
    /// `docs/idempotent-send.md`
    Nonce: "chat.local/nonce";
    /// <https://ircv3.net/specs/extensions/no-implicit-names>
    NoImplicitNames: "no-implicit-names" | "draft/no-implicit-names";
    /// <https://ircv3.net/specs/extensions/oper-tag>
    OperTag: "draft/oper-tag" | "oper-tag";
    /// <https://ircv3.net/specs/extensions/pre-away>
    PreAway: "draft/pre-away" | "pre-away";
    /// <https://ircv3.net/specs/extensions/read-marker>
    ReadMarker: "draft/read-marker" | "read-marker";
    /// <https://ircv3.net/specs/extensions/sasl-3.2>
    Sasl: "sasl";
    /// `docs/search.md`
    Search: "chat.local/search";
    /// <https://ircv3.net/specs/extensions/server-time>
    ServerTime: "server-time";
    /// <https://ircv3.net/specs/extensions/setname>
    Setname: "setname" | "draft/setname";
    /// <https://codeberg.org/emersion/soju/src/branch/master/doc/ext/search.md>
    SojuSearch: "soju.im/search";
    /// <https://ircv3.net/specs/extensions/standard-replies>
    StandardReplies: "standard-replies";
    /// <https://ircv3.net/specs/extensions/sts>
    Sts: "sts";
    /// <https://ircv3.net/specs/extensions/userhost-in-names>
    UserhostInNames: "userhost-in-names";
}

impl Capability {
    /// The name to advertise and to ask for first.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// The capability that goes by `name`, whichever of its names that is.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|capability| capability.names().contains(&name))
    }
}

/// A set of capabilities; a single word in memory.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CapabilitySet(u64);

impl CapabilitySet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Whether `capability` is in it.
    #[must_use]
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u8) != 0
    }

    /// The set with `capability` added.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | 1 << capability as u8)
    }

    /// The set with `capability` taken out.
    #[must_use]
    pub const fn without(self, capability: Capability) -> Self {
        Self(self.0 & !(1 << capability as u8))
    }

    /// Its members, in the table's order.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl std::fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(Capability::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        let mut seen = std::collections::BTreeSet::new();
        for capability in Capability::ALL {
            for name in capability.names() {
                assert!(seen.insert(name), "{name} stands twice");
                assert_eq!(Capability::from_name(name), Some(*capability));
            }
        }
        assert!(Capability::ALL.len() <= 64, "a set is one word");
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: CapabilitySet = [Capability::ServerTime, Capability::Batch].into_iter().collect();
        assert!(set.contains(Capability::Batch) && !set.contains(Capability::EchoMessage));
        assert_eq!(set.iter().map(Capability::name).collect::<Vec<_>>(), ["batch", "server-time"]);
        assert!(!set.without(Capability::Batch).contains(Capability::Batch));
    }
}
