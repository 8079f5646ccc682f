//! Slots: what there may be only so many of. Whatever takes one has it from when it leaves for the log, and not only from when
//! it is there: those who ask at once do not pass a limit that none of them alone has reached. What the log refuses, or loses,
//! gives its slot back.
//!
//! A message takes none, and pays for none of this: only what asks for a slot looks for those that are under way.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use crate::{
    config::Limits,
    hub::state::{
        account_directory::{self, CERTIFICATES_MAX},
        accounts::Accounts,
        codec,
        facts::{self, Fact, RoomDocument},
        invite_link::LINKS_MAX,
        modes::{List, Mode, ModeChange},
        pending_record::{Destination, OwnerChange, PendingWork, RecordAction, Recorded},
        people::People,
        read_markers::{self, MARKERS_MAX, ReadMarker},
        room::{ASKING_MAX, Room},
        rooms::Rooms,
        server_ban,
        silence_lists::{self, SILENCES_MAX, SilenceEntry},
    },
    ids::{RoomId, Ticket},
    room_log::Change,
};

/// A limit of how many there may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// The accounts that wait to be let into a room.
    Asking(RoomId),
    /// The certificates of an account, by its folded name.
    Certificates(Arc<str>),
    /// The links into a room that hold.
    Links(RoomId),
    /// The entries of all lists of masks of a room.
    ListEntries(RoomId),
    /// The read markers of an account, by its identity: above it the one of longest ago goes.
    Markers(Arc<str>),
    /// The names under which a room has metadata.
    Metadata(RoomId),
    /// The rooms of an account, by its folded name.
    OwnedRooms(Arc<str>),
    /// The accounts that have a rank in a room, by their kind of rank.
    Ranks(RoomId),
    /// The bans from the server that hold.
    ServerBans,
    /// The masks that somebody has silenced, by their identity.
    Silences(Arc<str>),
}

/// A slot: one of those that a limit counts, there or under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) limit: Limit,
    /// The word by which it is told from the others of its limit: who has the same takes the same slot.
    key: Arc<str>,
}

impl Limit {
    /// The number there may be.
    pub(crate) fn n_max(&self, limits: &Limits) -> usize {
        match self {
            Self::Asking(_) => ASKING_MAX,
            Self::Certificates(_) => CERTIFICATES_MAX,
            Self::Links(_) => LINKS_MAX,
            Self::ListEntries(_) | Self::Ranks(_) => limits.list_entries_max,
            Self::Markers(_) => MARKERS_MAX,
            Self::Metadata(_) => limits.metadata_keys_max,
            Self::OwnedRooms(_) => limits.rooms_per_account_max,
            Self::ServerBans => limits.server_bans_max,
            Self::Silences(_) => SILENCES_MAX,
        }
    }

    /// The limits of a room.
    pub(crate) fn all_of(room: RoomId) -> [Self; 5] {
        [
            Self::Asking(room),
            Self::Links(room),
            Self::ListEntries(room),
            Self::Metadata(room),
            Self::Ranks(room),
        ]
    }
}

impl Slot {
    /// The slot of one more link, which is none of those that are there.
    pub(crate) fn new_link(room: RoomId) -> Self {
        Self { limit: Limit::Links(room), key: "".into() }
    }

    pub(crate) fn certificate(account: &str, fingerprint: &str) -> Self {
        let account = account_directory::fold(account).into();
        Self { limit: Limit::Certificates(account), key: fingerprint.to_ascii_lowercase().into() }
    }

    pub(crate) fn list_entry(room: RoomId, list: List, mask: &str) -> Self {
        let key = format!("{}{}", list.letter(), mask.to_ascii_lowercase()).into();
        Self { limit: Limit::ListEntries(room), key }
    }

    pub(crate) fn marker(mark: &ReadMarker) -> Self {
        Self { limit: Limit::Markers(Arc::clone(&mark.identity)), key: mark.word() }
    }

    pub(crate) fn metadata(room: RoomId, key: &Arc<str>) -> Self {
        Self { limit: Limit::Metadata(room), key: Arc::clone(key) }
    }

    /// The slot of a room of an account, by its folded name.
    pub(crate) fn owned_room(account: &str, room: RoomId) -> Self {
        Self { limit: Limit::OwnedRooms(account.into()), key: room.0.to_string().into() }
    }

    /// The slot of a rank of an account, by the letter of its mode.
    pub(crate) fn rank(room: RoomId, letter: char, account: &str) -> Self {
        let key = format!("{letter}{}", account_directory::fold(account)).into();
        Self { limit: Limit::Ranks(room), key }
    }

    pub(crate) fn server_ban(shown: String) -> Self {
        Self { limit: Limit::ServerBans, key: shown.into() }
    }

    pub(crate) fn silence(silence: &SilenceEntry) -> Self {
        Self { limit: Limit::Silences(Arc::clone(&silence.identity)), key: silence.key() }
    }

    /// The slot that a fact of a room takes; none, if it takes none.
    pub(crate) fn of_fact(room: RoomId, fact: &Fact) -> Option<Self> {
        Some(match fact {
            Fact::Asking(account, Some(_)) => {
                Self { limit: Limit::Asking(room), key: Arc::clone(account) }
            }
            Fact::Link(token, Some(_)) => {
                Self { limit: Limit::Links(room), key: Arc::clone(token) }
            }
            Fact::Listed(list, entry) => Self::list_entry(room, *list, &entry.mask),
            Fact::Metadata(key, Some(_)) => Self::metadata(room, key),
            Fact::Operator(account, Some(_)) => Self::rank(room, 'o', account),
            Fact::Voice(account, true) => Self::rank(room, 'v', account),
            Fact::Asking(_, None)
            | Fact::Flag(..)
            | Fact::Flood(_)
            | Fact::Key(_)
            | Fact::Limit(_)
            | Fact::Link(_, None)
            | Fact::Metadata(_, None)
            | Fact::Operator(_, None)
            | Fact::Slow(_)
            | Fact::Topic(_)
            | Fact::Unlisted(..)
            | Fact::Used(_)
            | Fact::Voice(_, false) => return None,
        })
    }

    /// The slot that a change takes; none, if it takes none.
    fn of_change(rooms: &Rooms, change: &Change) -> Option<Self> {
        let Change::Set { path, value } = change else { return None };
        let words: Vec<&str> = path.split('\n').collect();
        match &*words {
            [facts::PATH, number] => {
                let document: RoomDocument = codec::read(&words, value).ok()?;
                Some(Self::owned_room(&document.founder, rooms.by_number(number)?))
            }
            [facts::PATH, number, fact @ ..] => {
                let fact = Fact::of(fact, Some(value)).ok()?;
                Self::of_fact(rooms.by_number(number)?, &fact)
            }
            [account_directory::PATH, account, "certificate", fingerprint] => {
                Some(Self::certificate(account, fingerprint))
            }
            [read_markers::PATH, identity, of] => {
                let (limit, key) = (Limit::Markers((*identity).into()), (*of).into());
                Some(Self { limit, key })
            }
            [silence_lists::PATH, identity, key] => {
                let (limit, key) = (Limit::Silences((*identity).into()), (*key).into());
                Some(Self { limit, key })
            }
            [server_ban::PATH, shown] => Some(Self::server_ban((*shown).to_owned())),
            _ => None,
        }
    }

    /// The slots that work takes on its way to the log.
    pub(crate) fn of_work(rooms: &Rooms, work: &PendingWork) -> Vec<Self> {
        let (Recorded { place, .. }, more) = match work {
            PendingWork::Changes { changes, .. } => {
                return changes.iter().filter_map(|own| Self::of_change(rooms, own)).collect();
            }
            PendingWork::Record(recorded) => match &recorded.more {
                Some(more) => (recorded, more),
                None => return Vec::new(),
            },
        };
        let (Destination::Room(id) | Destination::Ranked(id, _)) = place else { return Vec::new() };
        let given = match &more.action {
            RecordAction::Notice { owner_change: OwnerChange::Given(successor), .. } => {
                Some(Self::owned_room(successor, *id))
            }
            _ => None,
        };
        more.facts.iter().filter_map(|fact| Self::of_fact(*id, fact)).chain(given).collect()
    }
}

/// The slots that are under way, by the ticket of what takes them.
#[derive(Debug, Default)]
pub(crate) struct SlotsUnderWay(BTreeMap<Ticket, Vec<Slot>>);

impl SlotsUnderWay {
    pub(crate) fn insert(&mut self, ticket: Ticket, slots: Vec<Slot>) {
        if !slots.is_empty() {
            self.0.insert(ticket, slots);
        }
    }

    /// Removes the slots of what is there, or will not be.
    pub(crate) fn remove(&mut self, ticket: Ticket) {
        self.0.remove(&ticket);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.0.values().flatten()
    }

    /// The tickets of what takes any.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = Ticket> {
        self.0.keys().copied()
    }
}

impl ModeChange {
    /// The slot that it takes in a room; none, if it takes none.
    pub(crate) fn slot(&self, room: &Room, people: &People) -> Option<Slot> {
        let rank = |who, letter| {
            let account = people.person(who).account.as_ref();
            account.filter(|_| room.ownership.is_some()).map(|own| Slot::rank(room.id, letter, own))
        };
        match &self.what {
            _ if !self.is_set => None,
            Mode::Listed(list, mask, _) => Some(Slot::list_entry(room.id, *list, mask)),
            Mode::Operator(who) => rank(*who, 'o'),
            Mode::Voice(who) => rank(*who, 'v'),
            Mode::Flag(_) | Mode::Flood(_) | Mode::Key(_) | Mode::Limit(_) | Mode::Slow(_) => None,
        }
    }
}

impl Rooms {
    /// The number of slots of one of its limits that are taken by what is there.
    pub(crate) fn n_slots(&self, limit: &Limit, now: SystemTime) -> usize {
        let room = |id| self.get(id);
        let n = match limit {
            Limit::Asking(id) => room(*id).map(|own| own.asking.len()),
            Limit::Links(id) => {
                room(*id).map(|own| own.links.values().filter(|link| link.holds(now)).count())
            }
            Limit::ListEntries(id) => room(*id).map(|own| own.modes.n_entries()),
            Limit::Metadata(id) => room(*id).map(|own| own.metadata.len()),
            Limit::OwnedRooms(account) => Some(self.owned_by(account).len()),
            Limit::Ranks(id) => room(*id)
                .and_then(|own| own.ownership.as_ref())
                .map(|own| own.operators.len() + own.voiced.len()),
            Limit::Certificates(_) | Limit::Markers(_) | Limit::ServerBans | Limit::Silences(_) => {
                None
            }
        };
        n.unwrap_or(0)
    }

    /// Whether what is there takes that very slot.
    pub(crate) fn has_slot(&self, Slot { limit, key }: &Slot, now: SystemTime) -> bool {
        let is_so = |id, is_so: &dyn Fn(&Room) -> bool| self.get(id).is_some_and(is_so);
        match limit {
            Limit::Asking(id) => is_so(*id, &|own| own.asking.contains_key(key)),
            Limit::Links(id) => {
                is_so(*id, &|own| own.links.get(key).is_some_and(|link| link.holds(now)))
            }
            Limit::ListEntries(id) => {
                let (letter, mask) = key.split_at(1);
                List::by(letter).is_some_and(|list| is_so(*id, &|own| own.modes.lists(list, mask)))
            }
            Limit::Metadata(id) => is_so(*id, &|own| own.metadata.contains_key(key)),
            Limit::OwnedRooms(account) => key.parse().is_ok_and(|id| {
                let founder = |own: &Room| own.ownership.as_ref().map(|own| own.founder.clone());
                is_so(RoomId(id), &|own| founder(own).as_ref() == Some(account))
            }),
            Limit::Ranks(id) => {
                let (letter, account) = key.split_at(1);
                let has = |own: &Room| {
                    own.ownership.as_ref().is_some_and(|own| match letter {
                        "o" => own.operators.contains_key(account),
                        _ => own.voiced.contains(account),
                    })
                };
                is_so(*id, &has)
            }
            Limit::Certificates(_) | Limit::Markers(_) | Limit::ServerBans | Limit::Silences(_) => {
                false
            }
        }
    }
}

impl Accounts {
    /// The number of slots of one of their limits that are taken by what is there.
    pub(crate) fn n_slots(&self, limit: &Limit, now: SystemTime) -> usize {
        match limit {
            Limit::Certificates(account) => {
                self.get(account).map_or(0, |own| own.fingerprints.len())
            }
            Limit::Markers(identity) => self.n_markers(identity),
            Limit::Silences(identity) => self.silences().n_of(identity),
            Limit::ServerBans => self.bans().values().filter(|ban| ban.holds(now)).count(),
            _ => 0,
        }
    }

    /// Whether what is there takes that very slot.
    pub(crate) fn has_slot(&self, Slot { limit, key }: &Slot, now: SystemTime) -> bool {
        match limit {
            Limit::Certificates(account) => {
                let own = self.get(account).map(|own| &own.fingerprints);
                own.is_some_and(|own| own.iter().any(|own| own.eq_ignore_ascii_case(key)))
            }
            Limit::Markers(identity) => self.has_marker(identity, key),
            Limit::Silences(identity) => self.silences().has(identity, key),
            Limit::ServerBans => {
                let banned = server_ban::Banned::read(key);
                let own = banned.and_then(|banned| self.bans().get(&banned));
                own.is_some_and(|ban| ban.holds(now))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_told_by_its_limit_and_its_word() {
        let (one, other) = (RoomId(1), RoomId(2));
        let mask = |room, mask| Slot::list_entry(room, List::Ban, mask);
        assert_eq!(mask(one, "EVE!*@*"), mask(one, "eve!*@*"));
        assert_ne!(mask(one, "eve!*@*"), mask(other, "eve!*@*"));
        assert_ne!(mask(one, "eve!*@*"), Slot::list_entry(one, List::Invited, "eve!*@*"));
        assert_eq!(Slot::certificate("Ann", "AB12"), Slot::certificate("ann", "ab12"));
        let rank = |fact| Slot::of_fact(one, &fact).unwrap();
        let operator = rank(Fact::Operator("ann".into(), Some(SystemTime::UNIX_EPOCH)));
        let voice = rank(Fact::Voice("ann".into(), true));
        assert!(operator != voice && operator.limit == voice.limit);
        assert_eq!(Slot::of_fact(one, &Fact::Voice("ann".into(), false)), None);
    }

    #[test]
    fn what_has_arrived_takes_none() {
        let mut under_way = SlotsUnderWay::default();
        under_way.insert(Ticket(1), Vec::new());
        under_way.insert(Ticket(2), vec![Slot::new_link(RoomId(1))]);
        assert_eq!(under_way.tickets().collect::<Vec<_>>(), [Ticket(2)]);
        assert_eq!(under_way.iter().count(), 1);
        under_way.remove(Ticket(1));
        under_way.remove(Ticket(2));
        assert_eq!(under_way.iter().count(), 0);
    }
}
