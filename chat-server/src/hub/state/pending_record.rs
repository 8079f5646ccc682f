//! Records and changes on their way to the log, and what is to be done when they are there.

use std::sync::Arc;

use chat_core::proto::RoomName;

use crate::{
    delivery::{Content, Event, ReplyLine},
    hub::{
        refusal::Refusal,
        state::{
            change_purpose::ChangePurpose,
            facts::Fact,
            labeled_response::ResponseId,
            modes::{self},
        },
    },
    ids::{ConnId, PersonId, RoomId},
    room_log::Change,
};

/// Something on its way to the log, and what is to be done when it is there.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) what: PendingWork,
    /// Who is answered, unless they have gone; nobody, if the server does it by itself.
    pub(crate) sender: Option<ConnId>,
    /// The labelled answer it is a part of.
    pub(crate) answer: Option<ResponseId>,
}

/// What is on its way.
#[derive(Debug)]
pub(crate) enum PendingWork {
    /// A record.
    Record(Recorded),
    /// Changes of what the server knows, and what they are for.
    Changes { changes: Arc<[Change]>, purpose: Box<ChangePurpose> },
}

/// A record on its way.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) event: Arc<Event>,
    /// Who caused it, if it is not the server.
    pub(crate) sender: Option<PersonId>,
    pub(crate) place: Destination,
    /// Apart, since most records are messages and have none.
    pub(crate) more: Option<Box<More>>,
}

impl Recorded {
    /// What it does beside being seen.
    pub(crate) fn action(&self) -> &RecordAction {
        self.more.as_ref().map_or(&RecordAction::Nothing, |more| &more.action)
    }
}

/// What follows from a record beside its being seen.
#[derive(Debug)]
pub(crate) struct More {
    pub(crate) action: RecordAction,
    /// What is so in the room from then on.
    pub(crate) facts: Vec<Fact>,
    /// The room's number, if the log keeps these with the record.
    pub(crate) kept_of: Option<Arc<str>>,
}

/// What a record does beside being seen. Whom it names may go or take other nicks meanwhile.
#[derive(Debug)]
pub(crate) enum RecordAction {
    /// Nothing, or what the content says.
    Nothing,
    /// Someone leaves the room.
    Kick(PersonId),
    /// Modes change.
    Modes(Vec<modes::ModeChange>),
    /// Something that those who operate the room read of, in the name of the server.
    Notice {
        /// What is so from then on.
        facts: Vec<Fact>,
        /// Whose the room is from then on.
        owner_change: OwnerChange,
        /// What whoever has done it is told.
        reply: Vec<ReplyLine>,
    },
    /// The room gets another name.
    Rename(RoomName),
}

/// Whose a room is from then on.
#[derive(Debug)]
pub(crate) enum OwnerChange {
    /// It is nobody's.
    Disowned,
    /// It stays whose it is.
    None,
    /// That account's, by its folded name.
    Given(Arc<str>),
}

/// Where a record takes effect.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// With one other person, who may have gone.
    Direct {
        /// As direct conversations name them.
        identity: Arc<str>,
        person: Option<PersonId>,
    },
    /// Among the members of a room who have that sign, or a higher one, before their nick.
    Ranked(RoomId, char),
    /// In a room.
    Room(RoomId),
}

/// Why a record of `content` is not there, for words to its sender.
pub(crate) fn not_stored(content: &Content, why: String) -> Refusal {
    let (command, target) = match content {
        Content::Message { kind, target, .. } | Content::Multiline { kind, target, .. } => {
            (kind.word(), target)
        }
        Content::Mode { target, .. } => ("MODE", target),
        Content::Kick { room, .. } => ("KICK", room),
        Content::Edit { target, .. } => ("EDIT", target),
        Content::Redact { target, .. } => ("REDACT", target),
        Content::Rename { room, .. } => ("RENAME", room),
        Content::Topic { room, .. } => ("TOPIC", room),
        _ => return Refusal::NotStored { command: "*", target: "*".into(), why },
    };
    Refusal::NotStored { command, target: target.to_string(), why }
}
