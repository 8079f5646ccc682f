//! Rooms that end, and what the log is told of rooms that are closed.

use crate::{
    hub::{
        Hub,
        effect::Effect,
        state::{facts, ownership::Ownership},
    },
    ids::RoomId,
    room_log::{Change, ConversationMark},
};

impl Hub {
    /// Nobody is in a room, and nothing keeps it.
    pub(crate) fn end_room(&mut self, id: RoomId) {
        let Some(room) = self.rooms.remove(id) else { return };
        if let Some(ownership) = &room.ownership {
            self.forget_owned(ownership);
        }
        // What was said where anyone could come in stays with the name.
        let is_over = room.is_closed()
            || room.has_past && !self.rooms.keep_past(room.name.key(), room.conversation);
        if is_over {
            let conversation = room.conversation;
            self.out.push(Effect::Mark(ConversationMark::Ended { conversation }));
        }
    }

    /// The log is to know nothing of a room any more, whatever is on its way to it.
    pub(crate) fn forget_owned(&mut self, ownership: &Ownership) {
        if ownership.is_written || ownership.is_kept {
            let path = facts::path(&ownership.number, &[]);
            self.persist_unasked(vec![Change::Remove { path }]);
        }
    }

    /// Tells the log whether what was said in a room is nobody's if the server ends now.
    pub(crate) fn note_closed(&mut self, id: RoomId) {
        let room = self.rooms.room_mut(id);
        let is_closed = room.is_closed() && !room.is_registered();
        if std::mem::replace(&mut room.is_noted_closed, is_closed) != is_closed {
            let conversation = room.conversation;
            self.out.push(Effect::Mark(ConversationMark::Closed { conversation, is_closed }));
        }
    }
}
