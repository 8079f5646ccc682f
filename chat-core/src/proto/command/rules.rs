//! The rules a server goes by when a command comes, before it looks at what is asked: part of its row in `spec`.

use super::Command;
use crate::proto::{Capability, CapabilitySet};

/// The rules that a command is taken by.
#[derive(Debug)]
pub(super) struct CommandRules {
    pub(super) price: Price,
    pub(super) stage: Stage,
    pub(super) extension: Extension,
}

/// The rules of most commands.
pub(super) const PLAIN: CommandRules =
    CommandRules { price: Price::Plain, stage: Stage::Registered, extension: Extension::None };

/// The price of a command.
#[derive(Debug)]
pub(super) enum Price {
    Plain,
    /// A long answer, or much work.
    Long,
    /// A long answer for those commands of which this is true.
    Asked(fn(&Command) -> bool),
}

/// The time from which a command may come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// From registration on.
    Registered,
    /// Before that too, from those with this capability.
    Early(Capability),
    /// At any time, though it may be answered otherwise before one has registered.
    Any,
    /// At any time, since one registers with it: what it lacks is said at once.
    Registration,
}

/// The capabilities that a command comes with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Extension {
    None,
    /// Everyone may use the command, and its specification says that it fails with `FAIL`.
    Open,
    /// Everyone may use the command, also by hand: who has none of these is told in words why it fails.
    Spoken(&'static [Capability]),
    /// The command is unknown to those who have none of these: "MUST be negotiated", as chathistory says.
    Negotiated(&'static [Capability]),
}

impl Price {
    pub(super) fn is_long(&self, command: &Command) -> bool {
        match self {
            Self::Plain => false,
            Self::Long => true,
            Self::Asked(is_long) => is_long(command),
        }
    }
}

impl Stage {
    pub(super) fn has_come(&self, capabilities: CapabilitySet) -> bool {
        match self {
            Self::Registered => false,
            Self::Early(capability) => capabilities.contains(*capability),
            Self::Any | Self::Registration => true,
        }
    }
}

impl Extension {
    pub(super) fn is_known_with(&self, capabilities: CapabilitySet) -> bool {
        match self {
            Self::None | Self::Open | Self::Spoken(_) => true,
            Self::Negotiated(any) => any.iter().any(|own| capabilities.contains(*own)),
        }
    }

    pub(super) fn fails_in_standard_replies(&self, capabilities: CapabilitySet) -> bool {
        match self {
            Self::None => false,
            Self::Open | Self::Negotiated(_) => true,
            Self::Spoken(any) => any.iter().any(|own| capabilities.contains(*own)),
        }
    }
}
