//! SASL exchanges under way.

use std::sync::Arc;

use crate::auth::scram::{Credentials, Exchange};

/// An exchange under way.
#[derive(Debug)]
pub(crate) struct Sasl {
    pub(crate) stage: Stage,
    /// The chunks of the response so far.
    pub(crate) response: String,
}

#[derive(Debug)]
pub(crate) enum Stage {
    External,
    Plain,
    ScramFirst,
    ScramFinal(Exchange),
    /// The server's proof has been given; "clients MUST still send an empty response". With the account, and what
    /// its password was proved by.
    ScramEnd(Arc<str>, Credentials),
    /// The password is under check.
    Checking,
    /// The password is under check that was given with `PASS`; registration waits for it.
    CheckingPass,
}
