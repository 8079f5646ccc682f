//! The chat client SDK.
pub mod proto;
pub mod wire;
