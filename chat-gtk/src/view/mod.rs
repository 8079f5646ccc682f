//! The views: one widget, one file, its layout beside it.

mod chat_page;
mod home_page;
mod item_row;
mod whole_text;

pub(crate) use chat_page::{ChatPage, Connection};
pub(crate) use home_page::{HomePage, Wish};
