//! The models that the views show; no widgets here.

mod item;
mod timeline;

pub(crate) use item::{Item, Kind};
pub(crate) use timeline::Timeline;
