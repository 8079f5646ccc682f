//! One room.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use chat_core::proto::{CaseMapping, RoomName};
use ipnet::IpNet;

use crate::{
    hub::{
        input::Now,
        policy::{Claim, Openness, Presence, Right, Standing, Visibility},
        state::{
            entrance::Members,
            invite_link::InviteLink,
            lobby::Keepers,
            metadata::Metadata,
            modes::{Flag, Modes},
            ownership::Ownership,
            person::{Asker, Person},
            rank::Rank,
            topic::Topic,
        },
    },
    ids::{ConnId, ConversationId, PersonId, RoomId, WorkerId},
};

/// Accounts that wait to be let in, and people who have asked lately: above it nobody else asks.
pub(crate) const ASKING_MAX: usize = 100;

/// A room: while anyone is in it, or as long as it is somebody's.
// More than 12 fields: a room's modes, metadata, ownership and topic are types of their own; the rest is counted or asked with each
// message.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) name: RoomName,
    /// The conversation in the log that is its own.
    pub(crate) conversation: ConversationId,
    /// Something has been said in it, or had been under its name before it was founded.
    pub(crate) has_past: bool,
    pub(crate) founded: SystemTime,
    /// The network it was founded from, unless that is not counted, or was before the server started.
    pub(crate) founded_from: Option<IpNet>,
    pub(crate) topic: Option<Topic>,
    pub(crate) modes: Modes,
    pub(crate) metadata: Metadata,
    /// Accounts that have asked to be let in, by their folded names, and since when.
    pub(crate) asking: BTreeMap<Arc<str>, SystemTime>,
    /// Links into it, by what stands in the place of the key.
    pub(crate) links: BTreeMap<Arc<str>, InviteLink>,
    /// The people who have asked to be let in since the server started, as direct conversations name them.
    pub(crate) knocks: BTreeMap<Arc<str>, Now>,
    /// The time its members were told that the log takes nothing.
    pub(crate) troubled_at: Option<Instant>,
    /// The people who have spoken lately, as direct conversations name them, and have to wait in a slow room.
    pub(crate) spoke: BTreeMap<Arc<str>, Instant>,
    /// The number of them, above which those who need not wait any more are forgotten.
    pub(crate) spoke_max: usize,
    /// The accounts that look after it, if it is the lobby.
    pub(crate) keepers: Option<Keepers>,
    /// The ownership, if it is registered.
    pub(crate) ownership: Option<Ownership>,
    /// The log knows that what was said in it is nobody's if the server ends now.
    pub(crate) is_noted_closed: bool,
    pub(crate) members: Members,
    /// The number of connections of members at each worker, so that workers without any hear nothing.
    pub(crate) n_members_at: Vec<u32>,
    /// The time of the latest record, so that the next one is later.
    pub(crate) latest: SystemTime,
    /// The time of the latest record that everyone has seen.
    pub(crate) seen: SystemTime,
    /// Its records are later than this.
    pub(crate) began: SystemTime,
    /// The end of the latest day on which its use has been noted.
    pub(crate) used_until: SystemTime,
}

/// The time by which a record may be dated later than it arrives: by a clock that was ahead before, and was set back.
const AHEAD_MAX: Duration = Duration::from_secs(3600);

/// A time, in seconds since 1970, that a clock which has been set is later than: before it, the clock is what is wrong.
const SET_SINCE: Duration = Duration::from_secs(1_767_225_600);

/// The time of the latest record as it counts at `wall`: where it is far ahead, the clock was wrong once, and what comes is
/// dated by the clock. The log dates what is later in that conversation as the record that comes.
pub(crate) fn believable(latest: SystemTime, wall: SystemTime) -> SystemTime {
    let is_set = wall >= SystemTime::UNIX_EPOCH + SET_SINCE;
    if is_set && latest > wall + AHEAD_MAX { wall } else { latest }
}

impl Room {
    pub(crate) fn new(
        id: RoomId,
        name: RoomName,
        conversation: ConversationId,
        founded: SystemTime,
        n_workers: u16,
    ) -> Self {
        Self {
            id,
            name,
            conversation,
            has_past: false,
            founded,
            founded_from: None,
            topic: None,
            modes: Modes::default(),
            metadata: Metadata::new(),
            asking: BTreeMap::new(),
            links: BTreeMap::new(),
            knocks: BTreeMap::new(),
            troubled_at: None,
            spoke: BTreeMap::new(),
            spoke_max: 0,
            keepers: None,
            ownership: None,
            is_noted_closed: false,
            members: Members::default(),
            n_members_at: vec![0; usize::from(n_workers)],
            latest: SystemTime::UNIX_EPOCH,
            seen: SystemTime::UNIX_EPOCH,
            began: SystemTime::UNIX_EPOCH,
            used_until: SystemTime::UNIX_EPOCH,
        }
    }

    /// A connection of a member is told of what happens here.
    pub(crate) fn add_device(&mut self, conn: ConnId) {
        self.n_members_at[usize::from(conn.worker.0)] += 1;
    }

    /// A connection of a member is told no more of it.
    pub(crate) fn remove_device(&mut self, conn: ConnId) {
        self.n_members_at[usize::from(conn.worker.0)] -= 1;
    }

    pub(crate) fn has(&self, person: PersonId) -> bool {
        self.members.contains_key(&person)
    }

    /// Whether `person` may know that it is there.
    pub(crate) fn is_visible_to(&self, person: PersonId) -> bool {
        let openness = self.openness();
        let knows =
            |presence| Right::Know.is_given(Standing { presence, ..Standing::default() }, openness);
        // Most rooms are known to everybody: then nobody is looked for among the members.
        knows(Presence::Outside) || knows(self.presence_of(person))
    }

    /// Whether somebody has that right here, on the connection that they ask on.
    pub(crate) fn allows(&self, asker: Asker<'_>, right: Right) -> bool {
        right.is_given(self.standing_of(asker), self.openness())
    }

    fn presence_of(&self, person: PersonId) -> Presence {
        match self.members.get(&person) {
            None => Presence::Outside,
            Some(rank) if rank.is_operator => Presence::Operator,
            Some(_) => Presence::Member,
        }
    }

    fn standing_of(&self, Asker { person, is_server_operator }: Asker<'_>) -> Standing {
        let claim = if self.is_founded_by(person) {
            Claim::Founder
        } else if self.rank_of(person.account.as_ref()).is_operator {
            Claim::Operator
        } else {
            Claim::Nothing
        };
        Standing { presence: self.presence_of(person.id), claim, is_server_operator }
    }

    fn openness(&self) -> Openness {
        let visibility = if self.modes.has(Flag::Secret) {
            Visibility::Secret
        } else if self.is_closed() {
            Visibility::Closed
        } else {
            Visibility::Open
        };
        Openness {
            visibility,
            has_operator_topic: self.modes.has(Flag::OperatorTopic),
            is_invite_only: self.modes.has(Flag::InviteOnly),
            is_lobby: self.is_lobby(),
        }
    }

    /// The workers that have members, in order.
    pub(crate) fn workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        let with_members = self.n_members_at.iter().enumerate().filter(|(_, n)| **n > 0);
        with_members.map(|(worker, _)| WorkerId(u16::try_from(worker).expect("counted in u16")))
    }

    /// Whether not everyone may come in and read.
    pub(crate) fn is_closed(&self) -> bool {
        let modes = &self.modes;
        let flags = [Flag::Approval, Flag::InviteOnly, Flag::Secret];
        flags.into_iter().any(|flag| modes.has(flag)) || modes.key.is_some()
    }

    /// Its records are later than `time`.
    pub(crate) fn begin_after(&mut self, time: SystemTime) {
        self.latest = self.latest.max(time);
        (self.seen, self.began) = (self.latest, self.latest);
    }

    /// A time for the next record: now, but later than the one before, unless that is of a clock that was wrong.
    pub(crate) fn next_time(&mut self, wall: SystemTime) -> SystemTime {
        self.has_past = true;
        self.latest = wall.max(believable(self.latest, wall) + Duration::from_millis(1));
        self.latest
    }

    /// Everyone has seen a record of that time.
    pub(crate) fn has_shown(&mut self, time: SystemTime) {
        self.seen = believable(self.seen, time).max(time);
    }
}

impl Room {
    /// The rank of an account here, wherever it comes from.
    pub(crate) fn rank_of(&self, account: Option<&Arc<str>>) -> Rank {
        let Some(account) = account else { return Rank::default() };
        let account = CaseMapping::Ascii.fold(account);
        let own = self.ownership.as_ref().map(|own| own.rank_of(&account)).unwrap_or_default();
        let looks_after_it = self.keepers.as_ref().is_some_and(|own| own.contains(&*account));
        Rank { is_operator: own.is_operator || looks_after_it, ..own }
    }

    /// Whether it is the room that everybody is put into.
    pub(crate) fn is_lobby(&self) -> bool {
        self.keepers.is_some()
    }

    /// Whether it is that person's.
    pub(crate) fn is_founded_by(&self, person: &Person) -> bool {
        let ownership = self.ownership.as_ref().zip(person.account.as_ref());
        ownership.is_some_and(|(own, account)| *own.founder == *CaseMapping::Ascii.fold(account))
    }

    /// Whether it stays when nobody is in it.
    pub(crate) fn is_registered(&self) -> bool {
        self.ownership.as_ref().is_some_and(|ownership| ownership.is_kept)
    }
}
