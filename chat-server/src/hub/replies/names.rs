//! Lines of `NAMES`.

use std::sync::Arc;

use chat_core::{
    proto::{Capability, Numeric},
    wire::limits::BODY_BYTES_MAX,
};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        state::{device::Reader, modes::Flag, paged_reply::Section},
    },
    ids::{PersonId, RoomId},
};

impl Hub {
    pub(crate) fn list_names(
        &self,
        asker: Reader<'_>,
        room: RoomId,
        name: Arc<str>,
        after: Option<PersonId>,
        rows: &mut usize,
        lines: &mut Vec<ReplyLine>,
    ) -> Option<Section> {
        let all = asker.device.capabilities.contains(Capability::MultiPrefix);
        let with_host = asker.device.capabilities.contains(Capability::UserhostInNames);
        let is_secret = self.rooms.get(room).is_some_and(|room| room.modes.has(Flag::Secret));
        let is_inside = self.rooms.get(room).is_some_and(|room| room.has(asker.person.id));
        // ":server 353 nick = room :" and the line break stand around them.
        let around =
            self.settings.name.as_str().len() + asker.person.nick.as_str().len() + name.len() + 15;
        let names_bytes_max = BODY_BYTES_MAX.saturating_sub(around);
        let kind = if is_secret { "@" } else { "=" };
        let mut names = String::new();
        let mut flush = |names: &mut String| {
            if !names.is_empty() {
                let params =
                    vec![kind.into(), (*name).into(), std::mem::take(names).into_boxed_str()];
                lines.push(ReplyLine::Numeric(Numeric::RPL_NAMREPLY, params));
            }
        };
        let mut rest = None;
        for (member, rank) in self.members_after(room, after) {
            // Outsiders are not shown the invisible (<https://modern.ircdocs.horse/#names-message>).
            if is_inside || self.may_find(asker, member) {
                let shown = if with_host { &*member.source } else { member.nick.as_str() };
                if names.len() + shown.len() + 3 > names_bytes_max {
                    flush(&mut names);
                }
                if !names.is_empty() {
                    names.push(' ');
                }
                names.push_str(rank.prefix(all));
                names.push_str(shown);
            }
            *rows -= 1;
            if *rows == 0 {
                rest = Some(member.id);
                break;
            }
        }
        flush(&mut names);
        rest.map(|after| Section::Names { room, name, after: Some(after) })
    }
}
