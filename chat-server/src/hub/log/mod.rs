//! The log: records, changes and queries are submitted to it here, and hand out tickets.

pub(crate) mod identity;
pub(crate) mod msgid;
pub(crate) mod operator_trail;
pub(crate) mod persist;
pub(crate) mod query;
pub(crate) mod room_bytes;
pub(crate) mod slots;
pub(crate) mod submit;
