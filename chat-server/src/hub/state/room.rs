//! One room.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::proto::RoomName;

use super::{
    Now,
    facts::InviteLink,
    metadata::Metadata,
    modes::{Flag, Modes},
    ownership::Ownership,
};
use crate::ids::{ConnId, PersonId, RoomId, WorkerId};

/// What a member may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rank {
    pub(super) is_operator: bool,
    pub(super) has_voice: bool,
}

impl Rank {
    /// Whether they are reached by a message to `prefix` and a room (`STATUSMSG` in RPL_ISUPPORT).
    pub(super) fn is_at_least(self, prefix: char) -> bool {
        self.is_operator || prefix == '+' && self.has_voice
    }

    /// The letters of its modes.
    pub(super) fn letters(self) -> &'static str {
        match (self.is_operator, self.has_voice) {
            (true, true) => "ov",
            (true, false) => "o",
            (false, true) => "v",
            (false, false) => "",
        }
    }

    /// Whether they speak in a moderated room.
    pub(super) fn may_speak(self) -> bool {
        self.is_operator || self.has_voice
    }

    /// The sign before a nick; all of them if the reader understands `multi-prefix`.
    pub(super) fn prefix(self, all: bool) -> &'static str {
        match (self.is_operator, self.has_voice) {
            (true, true) if all => "@+",
            (true, _) => "@",
            (false, true) => "+",
            (false, false) => "",
        }
    }
}

/// A topic and who set it.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) text: Arc<str>,
    pub(super) by: Arc<str>,
    pub(super) at: SystemTime,
}

/// A room: while anyone is in it, or as long as it is somebody's.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) name: RoomName,
    pub(super) founded: SystemTime,
    pub(super) topic: Option<Topic>,
    pub(super) modes: Modes,
    pub(super) metadata: Metadata,
    /// Accounts that have asked to be let in, by their folded names, and since when.
    pub(super) asking: BTreeMap<Arc<str>, SystemTime>,
    /// Links into it, by what stands in the place of the key.
    pub(super) links: BTreeMap<Arc<str>, InviteLink>,
    /// Who has asked to be let in since the server started, as direct conversations name them.
    pub(super) knocks: BTreeMap<Arc<str>, Now>,
    /// When its members were told that the log takes nothing.
    pub(super) troubled_at: Option<Instant>,
    /// Who has spoken lately, as direct conversations name them: those who have to wait in a slow room.
    pub(super) spoke: BTreeMap<Arc<str>, Instant>,
    /// So many, and those who need not wait any more are forgotten.
    pub(super) spoke_max: usize,
    /// Whose it is.
    pub(super) ownership: Option<Ownership>,
    /// The log knows that what was said in it is nobody's if the server ends now.
    pub(super) is_noted_closed: bool,
    /// Ordered, since it is shown.
    pub(super) members: BTreeMap<PersonId, Rank>,
    /// How many connections of members each worker has, so that workers without any hear nothing.
    pub(super) n_members_at: Vec<u32>,
    /// The time of the latest record, so that the next one is later.
    pub(super) latest: SystemTime,
    /// The time of the latest record that everyone has seen.
    pub(super) seen: SystemTime,
    /// Its records are later than this.
    pub(super) began: SystemTime,
}

impl Room {
    pub(super) fn new(id: RoomId, name: RoomName, founded: SystemTime, n_workers: u16) -> Self {
        Self {
            id,
            name,
            founded,
            topic: None,
            modes: Modes::default(),
            metadata: Metadata::new(),
            asking: BTreeMap::new(),
            links: BTreeMap::new(),
            knocks: BTreeMap::new(),
            troubled_at: None,
            spoke: BTreeMap::new(),
            spoke_max: 0,
            ownership: None,
            is_noted_closed: false,
            members: BTreeMap::new(),
            n_members_at: vec![0; usize::from(n_workers)],
            latest: SystemTime::UNIX_EPOCH,
            seen: SystemTime::UNIX_EPOCH,
            began: SystemTime::UNIX_EPOCH,
        }
    }

    pub(super) fn add(&mut self, person: PersonId, rank: Rank) {
        let before = self.members.insert(person, rank);
        debug_assert!(before.is_none(), "a member joined twice");
    }

    pub(super) fn remove(&mut self, person: PersonId) {
        let before = self.members.remove(&person);
        debug_assert!(before.is_some(), "only members leave");
    }

    /// A connection of a member is told of what happens here.
    pub(super) fn add_device(&mut self, conn: ConnId) {
        self.n_members_at[usize::from(conn.worker.0)] += 1;
    }

    /// And no more.
    pub(super) fn remove_device(&mut self, conn: ConnId) {
        self.n_members_at[usize::from(conn.worker.0)] -= 1;
    }

    pub(super) fn has(&self, person: PersonId) -> bool {
        self.members.contains_key(&person)
    }

    /// Whether `person` may know that it is there.
    pub(super) fn is_visible_to(&self, person: PersonId) -> bool {
        !self.modes.has(Flag::Secret) || self.has(person)
    }

    /// The workers that have members, in order.
    pub(super) fn workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        let with_members = self.n_members_at.iter().enumerate().filter(|(_, n)| **n > 0);
        with_members.map(|(worker, _)| WorkerId(u16::try_from(worker).expect("counted in u16")))
    }

    /// Whether not everyone may come in and read.
    pub(super) fn is_closed(&self) -> bool {
        let modes = &self.modes;
        let flags = [Flag::Approval, Flag::InviteOnly, Flag::Secret];
        flags.into_iter().any(|flag| modes.has(flag)) || modes.key.is_some()
    }

    /// Its records are later than `time`.
    pub(super) fn begin_after(&mut self, time: SystemTime) {
        self.latest = self.latest.max(time);
        (self.seen, self.began) = (self.latest, self.latest);
    }

    /// A time for the next record: now, but later than the one before.
    pub(super) fn next_time(&mut self, wall: SystemTime) -> SystemTime {
        self.latest = wall.max(self.latest + Duration::from_millis(1));
        self.latest
    }
}
