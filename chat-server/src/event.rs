//! Events that the program around a server hears.

use std::sync::Arc;

/// An event that a host wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// An operator asks for the configuration to be read again.
    ReloadAsked {
        /// Their nick.
        by: Arc<str>,
    },
    /// A person has registered.
    Arrived {
        /// Their nick.
        nick: Arc<str>,
        /// The address they come from.
        host: Arc<str>,
    },
    /// A person is gone.
    Departed {
        /// Their nick.
        nick: Arc<str>,
        /// The reason, as the others read it.
        reason: Arc<str>,
    },
}
