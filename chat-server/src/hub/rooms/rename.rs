//! Renaming a room: it stays what it is under another name.

use std::sync::Arc;

use chat_core::proto::{Capability, Command, RoomName};

use crate::{
    delivery::{Content, Event, RecordContent},
    hub::{Hub, effect::Effect, state::device::Reader},
    ids::{ConnId, RoomId},
    room_log::{Change, ConversationMark},
};

impl Hub {
    /// Does what the record says, and tells those who do not understand it in other words ("Fallback").
    pub(crate) fn rename_room(&mut self, id: RoomId, new: &RoomName, event: &Arc<Event>) {
        let Content::Record(RecordContent::Rename { reason, .. }) = &event.content else { return };
        let room = &self.rooms[&id];
        let old = room.name.clone();
        let knows = |conn: &ConnId| {
            self.people.device(*conn).capabilities.contains(Capability::ChannelRename)
        };
        let devices = self.people.devices_of(room.members.keys().copied());
        let others: Vec<ConnId> = devices.filter(|conn| !knows(conn)).collect();
        for who in room.members.keys() {
            self.accounts.stir(self.people.person(*who).account.as_deref());
        }
        let past = self.rooms.rename(id, new.clone());
        // "This fallback SHOULD NOT be used if the rename only changes the case."
        if old == *new {
            return;
        }
        // The conversation has another name, which decides nothing about who reads it.
        let (conversation, name) = (self.rooms[&id].conversation, Arc::clone(new.key()));
        let mut changes = vec![Change::Name { conversation, name }];
        changes.extend(self.rooms.document_of(id));
        // Before two have one name.
        if let Some(conversation) = past {
            self.out.push(Effect::Mark(ConversationMark::Ended { conversation }));
        }
        self.persist_unasked(changes);
        for conn in others {
            let Reader { person, device } = self.people.reader(conn);
            let who = person.id;
            let names_themselves = device.capabilities.contains(Capability::NoImplicitNames);
            let part = Content::Part {
                source: Arc::clone(&person.source),
                room: Arc::clone(old.shown()),
                reason: Some(Arc::clone(reason)).filter(|reason| !reason.is_empty()),
            };
            let join = Content::Join {
                source: Arc::clone(&person.source),
                room: Arc::clone(new.shown()),
                realname: (&*person.realname).into(),
            };
            for content in [part, join] {
                let event = self.event(who, content);
                self.tell(conn, &event);
            }
            if self.rooms[&id].topic.is_some() {
                let topic = Command::Topic { room: new.to_string(), topic: None };
                self.out.follow_up(conn, topic);
            }
            // "MUST NOT send an implicit `NAMES` reply after sending a `JOIN` message" (no-implicit-names)
            if names_themselves {
                continue;
            }
            let names = Command::Names { rooms: vec![new.to_string()] };
            self.out.follow_up(conn, names);
        }
    }
}
