//! Notices of ChanServ to those who operate a room, and the rooms that somebody may give orders about.

use std::sync::Arc;

use chat_core::{
    proto::{MessageKind, Service},
    wire::limits::BODY_BYTES_MAX,
};

use crate::{
    delivery::{RecordContent, ReplyLine},
    hub::{
        Hub,
        command::services::request::Said,
        policy::Right,
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
        state::{
            facts::Fact,
            pending_record::{Destination, OwnerChange, RecordAction},
            room::Room,
        },
    },
    ids::RoomId,
};

/// The notice of an action, in words: for those who operate the room, and for who asked.
pub(crate) struct Noted {
    pub(crate) note: String,
    pub(crate) reply: String,
}

impl Hub {
    /// The room that is spoken of, if the asker has that right there: as who operates it, in it or by their account.
    pub(crate) fn find_ruled_room(
        &self,
        turn: &Turn,
        said: &Said<'_>,
        right: Right,
    ) -> Result<&Room, Refusal> {
        let name = said.need(1)?;
        let asker = self.people.asker(turn.conn);
        let room = self.rooms.find(name).ok();
        if let Some(room) = room.filter(|room| room.allows(asker, right)) {
            return Ok(room);
        }
        Err(match room.filter(|room| room.is_visible_to(turn.person)) {
            Some(room) => said.no(&format!("you do not operate {}", room.name)),
            None => said.no("there is no such room"),
        })
    }

    /// Does something in a room that those who operate it read of.
    pub(crate) fn note(
        &mut self,
        turn: &mut Turn,
        id: RoomId,
        facts: Vec<Fact>,
        noted: Noted,
    ) -> Result<(), Refusal> {
        let reply = ReplyLine::Said { by: Service::ChanServ, text: noted.reply.into() };
        self.note_doing(
            turn,
            id,
            &noted.note,
            RecordAction::Notice { facts, owner_change: OwnerChange::None, reply: vec![reply] },
        )
    }

    pub(crate) fn note_doing(
        &mut self,
        turn: &mut Turn,
        id: RoomId,
        note: &str,
        action: RecordAction,
    ) -> Result<(), Refusal> {
        let content =
            self.note_content(id, &format!("{} {note}", self.people.person(turn.person).nick));
        self.submit(turn, Destination::Ranked(id, '@'), content, action)
    }

    /// A word of ChanServ's to those who operate a room.
    pub(crate) fn note_content(&self, id: RoomId, text: &str) -> RecordContent {
        let source: Arc<str> =
            format!("{}!services@{}", Service::ChanServ.nick(), self.settings.name).into();
        let target: Arc<str> = format!("@{}", self.rooms[&id].name).into();
        let words = [&*source, "NOTICE", &target];
        let text = relayable(text, &words, BODY_BYTES_MAX).into();
        let kind = MessageKind::Notice;
        RecordContent::Message { source, kind, target, text, tags: "".into() }
    }
}
