//! The chat client SDK.
pub mod proto;
pub mod text;
pub mod wire;
