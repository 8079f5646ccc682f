//! One row of a `LIST`.

use chat_core::proto::Numeric;

use crate::{delivery::ReplyLine, hub::state::room::Room};

/// One room's `RPL_LIST`.
pub(crate) fn list_row(room: &Room) -> ReplyLine {
    let topic = room.topic.as_ref().map_or("", |topic| &*topic.text);
    let n_members = room.members.len().to_string();
    let params = vec![room.name.as_str().into(), n_members.into(), topic.into()];
    ReplyLine::Numeric(Numeric::RPL_LIST, params)
}
