//! Entrance: whether somebody may come into a room, decided here for every way in, and its members, who have all passed it.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_core::proto::CaseMapping;

use crate::{
    hub::{
        refusal::Refusal,
        state::{
            invite_link::InviteLink,
            list_entry::Entry,
            masks::{Subject, account_of},
            modes::{Flag, List},
            rank::Rank,
            room::Room,
        },
    },
    ids::{PersonId, RoomId},
};

/// The time for which an invitation holds.
pub(crate) const INVITATION_TIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A permit to become a member of a room. The checks here make it, and nothing else can; who comes in uses it up.
#[derive(Debug)]
pub(crate) struct Permit {
    room: RoomId,
    person: PersonId,
}

impl Permit {
    /// The room it is for.
    pub(crate) fn room(&self) -> RoomId {
        self.room
    }
}

/// The use of a link into a room by somebody who needs one.
#[derive(Debug)]
pub(crate) struct LinkUse {
    pub(crate) room: RoomId,
    pub(crate) token: Arc<str>,
    pub(crate) link: InviteLink,
}

/// Somebody who wants to come into a room, on a connection of theirs.
#[derive(Debug)]
pub(crate) struct Comer<'a> {
    pub(crate) subject: Subject<'a>,
    /// Whether that connection is an operator's of the server.
    pub(crate) is_server_operator: bool,
}

/// The way somebody may come into a room.
#[derive(Debug)]
pub(crate) enum Entrance {
    Free(Permit),
    /// The way by a link, which is to be used first.
    ByLink(LinkUse),
}

/// The members of a room and their ranks, ordered, since they are shown.
#[derive(Debug, Default)]
pub(crate) struct Members(BTreeMap<PersonId, Rank>);

impl Deref for Members {
    type Target = BTreeMap<PersonId, Rank>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Members {
    /// The rank of a member, to be changed.
    pub(crate) fn rank_mut(&mut self, person: PersonId) -> Option<&mut Rank> {
        self.0.get_mut(&person)
    }
}

impl Room {
    /// Checks that somebody who is not in the room may come in, with what they say in the place of a key
    /// (RFC 2812 §3.2.1; <https://modern.ircdocs.horse/#join-message>).
    pub(crate) fn check_entrance(
        &self,
        comer: &Comer<'_>,
        key: Option<&str>,
        now: SystemTime,
    ) -> Result<Entrance, Refusal> {
        let Comer { subject, is_server_operator } = comer;
        let person = subject.person;
        let free = || Ok(Entrance::Free(Permit { room: self.id, person: person.id }));
        // Whoever looks after the room that everybody is put into also does when somebody has shut it.
        let looks_after_it = self.is_lobby() && *is_server_operator;
        if looks_after_it || self.check_bans(subject, now)? == Bars::Open {
            return free();
        }
        let name = self.name.to_string();
        let modes = &self.modes;
        // An account that stands there by its name has a standing invitation, for which it needs no key.
        let is_listed = |own: &Arc<str>| {
            let listed =
                modes.list(List::Invited).iter().filter_map(|entry| account_of(&entry.mask));
            listed.into_iter().any(|account| CaseMapping::Ascii.same(account, own))
        };
        let needs_no_key = person.account.as_ref().is_some_and(is_listed);
        let bar = if modes.has(Flag::InviteOnly) && !modes.names(List::Invited, subject) {
            Refusal::InviteOnly(name)
        } else if modes.has(Flag::Approval) && !modes.names(List::Invited, subject) {
            Refusal::NeedsApproval(name)
        } else if modes.key.as_deref().is_some_and(|own| key != Some(own) && !needs_no_key) {
            Refusal::BadKey(name)
        } else if modes.limit.is_some_and(|limit| self.members.len() >= limit as usize) {
            Refusal::RoomFull(name)
        } else {
            return free();
        };
        // A link opens each of them, and is used where one is in the way.
        let link = key.and_then(|key| self.links.get_key_value(key));
        let (token, link) = link.filter(|(_, link)| link.holds(now)).ok_or(bar)?;
        let (token, link) = (Arc::clone(token), link.clone());
        Ok(Entrance::ByLink(LinkUse { room: self.id, token, link }))
    }

    /// Checks that somebody who has used a link into the room may come in now: they may have been banned since they asked.
    pub(crate) fn check_used_link(
        &self,
        used: &LinkUse,
        subject: &Subject<'_>,
        now: SystemTime,
    ) -> Result<Permit, Refusal> {
        debug_assert_eq!(used.room, self.id, "a link leads into its room");
        self.check_bans(subject, now)?;
        Ok(Permit { room: self.id, person: subject.person.id })
    }

    /// Checks that somebody who was in the room when the server ended may be in it again: no bar but a ban is in the way.
    pub(crate) fn check_return(
        &self,
        subject: &Subject<'_>,
        now: SystemTime,
    ) -> Result<Permit, Refusal> {
        self.check_bans(subject, now)?;
        Ok(Permit { room: self.id, person: subject.person.id })
    }

    /// Checks that somebody is not banned, and tells whether the other bars are open for them.
    fn check_bans(&self, subject: &Subject<'_>, now: SystemTime) -> Result<Bars, Refusal> {
        let person = subject.person;
        // Nobody is barred from what is theirs.
        if self.is_founded_by(person) {
            return Ok(Bars::Open);
        }
        // An operator's invitation opens every bar but a ban that came later.
        let invited = person.particulars.invited.get(&self.id);
        let invited = invited.filter(|since| **since + INVITATION_TIME > now);
        let holds = |ban: &Entry| invited.is_none_or(|since| ban.at > *since);
        if let Some(ban) = self.modes.bans(subject, holds) {
            return Err(Refusal::Banned { room: self.name.to_string(), terms: ban.terms.shown() });
        }
        // Who operates it lets others in.
        let operates = self.rank_of(person.account.as_ref()).is_operator;
        Ok(if invited.is_some() || operates { Bars::Open } else { Bars::Shut })
    }

    /// Makes somebody a member.
    pub(crate) fn admit(&mut self, permit: Permit, rank: Rank) {
        assert_eq!(permit.room, self.id, "a permit is for one room");
        let before = self.members.0.insert(permit.person, rank);
        debug_assert!(before.is_none(), "a member joined twice");
    }

    /// Takes out a member.
    pub(crate) fn remove(&mut self, person: PersonId) {
        let before = self.members.0.remove(&person);
        debug_assert!(before.is_some(), "only members leave");
    }
}

/// The bars of a room other than bans, as somebody finds them.
#[derive(Debug, PartialEq, Eq)]
enum Bars {
    Open,
    Shut,
}
