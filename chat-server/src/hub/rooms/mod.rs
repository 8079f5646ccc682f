//! Rooms: entering, leaving, owning and ending them, and who may do what.

pub(crate) mod devices;
pub(crate) mod end;
pub(crate) mod enter;
pub(crate) mod entrance;
pub(crate) mod expiry;
pub(crate) mod invite_links;
pub(crate) mod knocks;
pub(crate) mod leave;
pub(crate) mod ownership;
pub(crate) mod presences;
pub(crate) mod ranks;
pub(crate) mod rename;
pub(crate) mod staying;
pub(crate) mod storage_outage;
