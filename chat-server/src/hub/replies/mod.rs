//! Replies: how turns are answered, and who is told of an event.

pub(crate) mod answers;
pub(crate) mod batches;
pub(crate) mod broadcast;

pub(crate) mod incidents;
pub(crate) mod labels;
pub(crate) mod metadata;
pub(crate) mod names;
pub(crate) mod pages;
pub(crate) mod rows;
pub(crate) mod say;
pub(crate) mod show;
pub(crate) mod turn;
pub(crate) mod who;
