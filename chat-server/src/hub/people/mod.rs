//! People: what happens to a person, and who is told of it.

pub(crate) mod away;
pub(crate) mod metadata;
pub(crate) mod monitor;
pub(crate) mod nick;
pub(crate) mod read_markers;
pub(crate) mod silence_lists;
pub(crate) mod speech;
