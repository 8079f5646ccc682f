//! One client's protocol: from lines to updates, from requests to lines.
//!
//! Pure: no socket, no clock, no thread, no lock; time and a seed are arguments. The driver carries out the [`Effect`]s in
//! their order before it calls again.

#[cfg(test)]
mod bounds_tests;
mod client_state;
mod connection;
mod deadlines;
mod effect;
mod ending;
mod history_sync;
#[cfg(test)]
mod history_sync_tests;
mod incoming;
mod login;
#[cfg(test)]
mod login_tests;
mod names;
mod negotiation;
mod registration;
mod request;
mod requests;
mod sending;
#[cfg(test)]
mod tests;
mod time;
mod wishes;

pub(crate) use client_state::ClientState;
pub(crate) use effect::{Effect, Effects};
pub(crate) use request::{Message, Request};
pub(crate) use time::{Now, later};
