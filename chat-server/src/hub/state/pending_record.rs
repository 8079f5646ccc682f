//! Records and changes on their way to the log, and what is to be done when they are there.

use std::sync::Arc;

use chat_core::proto::RoomName;

use crate::{
    delivery::{RecordContent, ReplyLine},
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
    record::RecordEvent,
    room_log::Change,
};

/// Pending work on its way to the log, and what is to be done when it is there.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) what: PendingWork,
    /// The connection that is answered, unless it has gone; none, if the server does it by itself.
    pub(crate) sender: Option<ConnId>,
    /// The labelled answer it is a part of.
    pub(crate) answer: Option<ResponseId>,
}

/// The work on its way.
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
    pub(crate) event: RecordEvent,
    /// The person who caused it, if it is not the server.
    pub(crate) sender: Option<PersonId>,
    pub(crate) place: Destination,
    /// Apart, since most records are messages and have none.
    pub(crate) more: Option<Box<More>>,
}

impl Recorded {
    /// The action of it beside being seen.
    pub(crate) fn action(&self) -> &RecordAction {
        self.more.as_ref().map_or(&RecordAction::Nothing, |more| &more.action)
    }
}

/// The consequences of a record beside its being seen.
#[derive(Debug)]
pub(crate) struct More {
    pub(crate) action: RecordAction,
    /// The facts of the room from then on.
    pub(crate) facts: Vec<Fact>,
    /// The room's number, if the log keeps these with the record.
    pub(crate) kept_of: Option<Arc<str>>,
}

/// The action of a record beside being seen. Whom it names may go or take other nicks meanwhile.
#[derive(Debug)]
pub(crate) enum RecordAction {
    /// Nothing, or what the content says.
    Nothing,
    /// Someone leaves the room.
    Kick(PersonId),
    /// Modes change.
    Modes(Vec<modes::ModeChange>),
    /// A notice that those who operate the room read, in the name of the server.
    Notice {
        /// The facts from then on.
        facts: Vec<Fact>,
        /// The owner of the room from then on.
        owner_change: OwnerChange,
        /// The reply to whoever has done it.
        reply: Vec<ReplyLine>,
    },
    /// The room gets another name.
    Rename(RoomName),
}

/// A change of a room's owner.
#[derive(Debug)]
pub(crate) enum OwnerChange {
    /// The room is nobody's.
    Disowned,
    /// The room stays whose it is.
    None,
    /// The room is that account's, by its folded name.
    Given(Arc<str>),
}

/// The destination of a record: the place it takes effect.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// A conversation with one other person, who may have gone.
    Direct {
        /// The identity, as direct conversations name them.
        identity: Arc<str>,
        person: Option<PersonId>,
    },
    /// The members of a room who have that sign, or a higher one, before their nick.
    Ranked(RoomId, char),
    /// In a room.
    Room(RoomId),
}

/// The refusal that says to its sender why a record of `content` is not there.
pub(crate) fn not_stored(content: &RecordContent, why: String) -> Refusal {
    let (command, target) = match content {
        RecordContent::Message { kind, target, .. }
        | RecordContent::Multiline { kind, target, .. } => (kind.word(), target),
        RecordContent::Mode { target, .. } => ("MODE", target),
        RecordContent::Kick { room, .. } => ("KICK", room),
        RecordContent::Edit { target, .. } => ("EDIT", target),
        RecordContent::Redact { target, .. } => ("REDACT", target),
        RecordContent::Rename { room, .. } => ("RENAME", room),
        RecordContent::Topic { room, .. } => ("TOPIC", room),
    };
    Refusal::NotStored { command, target: target.to_string(), why }
}
