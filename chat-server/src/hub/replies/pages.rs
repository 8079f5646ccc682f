//! Long answers in pages: `NAMES`, `WHO` and `LIST` of a giant take a bounded time of the hub a
//! turn, and no page is made before the reader has taken the one before.

use std::sync::Arc;

use crate::{
    delivery::{Page, Reply, ReplyLine},
    hub::{
        Hub,
        effect::Effect,
        replies::rows::list_row,
        state::{
            device::Reader,
            paged_reply::{ROWS_PER_TURN, RoomFilter, Section},
            rooms::Rooms,
        },
    },
    ids::ConnId,
};

impl Hub {
    /// Makes the next page of `conn`'s paged reply.
    pub(crate) fn next_page(&mut self, conn: ConnId) {
        let Some(mut paged_reply) =
            self.people.device_at_mut(conn).and_then(|device| device.paged_reply.take())
        else {
            return;
        };
        let asker = self.people.reader(conn);
        let mut lines = Vec::with_capacity(paged_reply.parts.len());
        let mut rows = ROWS_PER_TURN;
        while rows > 0 {
            let Some(part) = paged_reply.parts.pop_front() else { break };
            let rest = match part {
                Section::Line(line) => {
                    // A row is a line of about that many bytes.
                    rows = rows.saturating_sub(1 + line.size() / 512);
                    lines.push(line);
                    None
                }
                Section::List { filter, after } => {
                    list_rooms(&self.rooms, asker, filter, after, &mut rows, &mut lines)
                }
                Section::Names { room, name, after } => {
                    self.list_names(asker, room, name, after, &mut rows, &mut lines)
                }
                Section::Metadata(sync) => self.list_metadata(asker, sync, &mut rows, &mut lines),
                Section::Who(who) => self.list_who(asker, who, &mut rows, &mut lines),
            };
            if let Some(rest) = rest {
                paged_reply.parts.push_front(rest);
            }
        }
        let is_last = paged_reply.parts.is_empty();
        let page = Page::of(paged_reply.is_first, is_last);
        paged_reply.is_first = false;
        let reply = Reply {
            label: paged_reply.label.clone(),
            nick: Arc::clone(asker.person.nick.shown()),
            lines,
            page,
        };
        self.out.push(Effect::Reply { conn, reply });
        if !is_last {
            self.people.device_mut(conn).paged_reply = Some(paged_reply);
        }
    }
}

/// Goes on with a `LIST`; what comes behind this page, if that was not all.
fn list_rooms(
    rooms: &Rooms,
    asker: Reader<'_>,
    filter: Arc<RoomFilter>,
    after: Option<Arc<str>>,
    rows: &mut usize,
    lines: &mut Vec<ReplyLine>,
) -> Option<Section> {
    for (key, room) in rooms.after(after.as_deref()) {
        if room.is_visible_to(asker.person.id) && filter.lets_through(room) {
            lines.push(list_row(room));
        }
        // Looking costs as much as showing.
        *rows -= 1;
        if *rows == 0 {
            return Some(Section::List { filter, after: Some(Arc::clone(key)) });
        }
    }
    None
}
