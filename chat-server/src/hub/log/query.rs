//! Questions about the past on their way to the room log and back, and who people are in direct
//! conversations: their account, or as long as they stay a guest with a number of their own.
//!
//! Who may read: a room's history is its members', all of it; what was said between two people is theirs, and
//! goes with the account. What was said with a guest is the account's alone when the guest has gone. A room that not everyone could enter when its last member left is begun anew by
//! whoever takes its name.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_core::proto::Capability;

use crate::{
    history::{Asker, Query, Reference, Selection, Shows},
    hub::{
        Hub,
        effect::Effect,
        policy::Right,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            device::Reader,
            pending_record::Destination,
            presences::Place,
            query::{PendingQuery, QueryPurpose, Readable},
        },
    },
    ids::{ConnId, RoomId},
    origin::Origin,
    room_log::Conversation,
};

/// Bytes that are shown to those who come and do not know how to ask, about.
const REPLAY_BYTES_MAX: usize = 32 << 10;

/// Bytes of one page of history, about.
pub(crate) const HISTORY_BYTES_MAX: usize = 256 << 10;

/// An identity that nobody has.
const NOBODY: &str = "!";

impl Hub {
    /// The conversation that `target` stands for, if who is at `conn` has that right in it; between two people both read.
    pub(crate) fn find_readable(
        &mut self,
        conn: ConnId,
        target: &str,
        right: Right,
    ) -> Option<Readable> {
        if target.starts_with('#') {
            return self.find_readable_room(conn, target, right);
        }
        let who = self.people.device(conn).person;
        // Whom there is not is asked for all the same, in as much time as an account that one has not talked with.
        let nobody = || (Arc::from(NOBODY), Arc::from(target), false);
        let (other, nick, is_here) = self.find_identity(target).unwrap_or_else(nobody);
        let person = self.people.find(target).ok().map(|person| person.id);
        let place = Destination::Direct { identity: Arc::clone(&other), person };
        let mut both = [self.identity_of(who), other];
        both.sort_unstable();
        let [first, second] = both;
        // What guests of that name told an account stays to be read by it, whatever became of them.
        let account = self.people.person(who).account.as_deref();
        let beside =
            account.map(|own| Conversation::with_guests(self.accounts.identity(own), target));
        Some(Readable {
            conversation: Conversation::Direct(first, second),
            beside,
            shown: None,
            rank: 0,
            ranked_after: SystemTime::UNIX_EPOCH,
            of: QueryPurpose::Person { nick, is_here },
            place,
        })
    }

    /// The conversation of a room by that name, if who is at `conn` has that right in it.
    pub(crate) fn find_readable_room(
        &self,
        conn: ConnId,
        name: &str,
        right: Right,
    ) -> Option<Readable> {
        let room = self.rooms.find(name).ok()?;
        let asker = self.people.asker(conn);
        let room = room.allows(asker, right).then_some(room)?;
        let rank = room.members.get(&asker.person.id).copied().unwrap_or_default();
        Some(Readable {
            conversation: Conversation::Room(room.conversation),
            beside: None,
            shown: Some(Arc::clone(room.name.shown())),
            rank: if rank.is_operator { 2 } else { u8::from(rank.has_voice) },
            ranked_after: room.began,
            of: QueryPurpose::Room(room.id),
            place: Destination::Room(room.id),
        })
    }

    /// Asks the room log about `target`, `*` if it is about no single one; the asker's next command waits for the answer.
    pub(crate) fn submit_query(
        &mut self,
        turn: &mut Turn,
        of: QueryPurpose,
        (subcommand, target): (&str, &str),
        query: Query,
    ) {
        let ticket = self.awaited.new_ticket();
        let (conn, label) = (turn.conn, turn.label.take());
        let (subcommand, target) = (subcommand.into(), target.into());
        let pending = PendingQuery { conn, label, of, subcommand, target };
        self.awaited.insert_query(ticket, pending);
        self.people.device_mut(conn).backlog.change(|backlog| backlog.querying = Some(ticket));
        turn.is_answered = true;
        let asker = self.asker(conn);
        self.out.push(Effect::Query { ticket, asker, query: Box::new(query) });
    }

    /// The side of the network that `conn` asks from: its address; where many share one that is known, itself.
    fn asker(&self, conn: ConnId) -> Asker {
        let address = &*self.people.device(conn).address;
        let is_shared = address.parse::<IpAddr>().is_ok_and(|ip| {
            self.settings.limits.exempt_addresses.iter().any(|network| network.contains(&ip))
        });
        if is_shared {
            let ConnId { worker, generation, slot } = conn;
            return Asker(format!("{} {generation} {slot}", worker.0).into());
        }
        // All of a wide network of IPv6 may be one's.
        let origin = Origin::of_host(address);
        let network = if origin.may_be_one() { origin.wide } else { origin.near };
        Asker(network.to_string().into())
    }

    /// "if a client requests this capability, the server (or bouncer) SHOULD NOT play back any history that
    /// would otherwise be sent automatically": others are shown what was said since they were last here, and the latest of it
    /// if they were not.
    pub(crate) fn ask_for_replay(&mut self, conn: ConnId, id: RoomId) {
        let (limit, room) = (self.settings.limits.replay_max, &self.rooms[&id]);
        let asks_by_itself =
            self.people.device(conn).capabilities.contains(Capability::ChatHistory);
        // Those that are asked for and not yet told are no more than one may have.
        let is_too_much = self.people.device(conn).backlog.replays.len()
            >= self.settings.limits.rooms_per_person_max;
        let person = self.people.person(self.people.device(conn).person);
        let account = person.account.as_deref();
        // Whoever answers to what is said would answer to it again.
        let wants_none =
            person.modes.is_bot || account.is_some_and(|account| !self.accounts.replays(account));
        if !self.settings.keeps_history || limit == 0 || asks_by_itself || is_too_much || wants_none
        {
            return;
        }
        // What comes after that, they are told as it comes.
        let first_unseen = Reference::Time(room.seen + Duration::from_millis(1));
        // Who was here before has been told what came before they left.
        let place = Place::Room(room.conversation);
        let was_here_until = account.and_then(|account| {
            self.accounts.presence(&self.accounts.identity(account), place).until
        });
        let selection = match was_here_until {
            Some(until) if until >= room.seen => return,
            Some(until) => Selection::Between(first_unseen, Reference::Time(until)),
            None => Selection::Before(first_unseen),
        };
        let query = Query::Page {
            conversation: Conversation::Room(room.conversation),
            shown: Some(Arc::clone(room.name.shown())),
            selection,
            limit,
            bytes_max: REPLAY_BYTES_MAX,
            rank: 0,
            ranked_after: SystemTime::UNIX_EPOCH,
            shows: Shows::default(),
        };
        let ticket = self.awaited.new_ticket();
        self.people.device_mut(conn).backlog.change(|backlog| backlog.replays.insert(id, ticket));
        let (of, subcommand) = (QueryPurpose::Replay(id), "JOIN".into());
        let pending = PendingQuery { conn, label: None, of, subcommand, target: "*".into() };
        self.awaited.insert_query(ticket, pending);
        let asker = self.asker(conn);
        self.out.push(Effect::Query { ticket, asker, query: Box::new(query) });
    }
}

impl Hub {
    /// Asks for what was said to somebody while none of their connections was here, if a program cannot ask by itself.
    pub(crate) fn ask_for_missed(
        &mut self,
        conn: ConnId,
        identity: &Arc<str>,
        until: Option<SystemTime>,
    ) {
        let Some(until) = until else { return };
        let seen = self.rooms.end_of_direct();
        let Reader { person, device } = self.people.reader(conn);
        let limits = &self.settings.limits;
        let wants_none = device.capabilities.contains(Capability::ChatHistory)
            || person.modes.is_bot
            || person.account.as_deref().is_some_and(|account| !self.accounts.replays(account));
        if wants_none || limits.replay_max == 0 || until >= seen {
            return;
        }
        let query = Query::Changes {
            conversations: Vec::new(),
            direct: Some((Arc::clone(identity), self.people.guests())),
            after: Reference::Time(until),
            limit: limits.waiting_messages_max.max(limits.replay_max),
            bytes_max: REPLAY_BYTES_MAX,
            shows: Shows::default(),
        };
        let ticket = self.awaited.new_ticket();
        let (of, subcommand) = (QueryPurpose::Missed { seen }, "JOIN".into());
        let pending = PendingQuery { conn, label: None, of, subcommand, target: "*".into() };
        self.awaited.insert_query(ticket, pending);
        let asker = self.asker(conn);
        self.out.push(Effect::Query { ticket, asker, query: Box::new(query) });
    }
}

/// A refusal as the specification has them under "Errors and Warnings".
pub(crate) fn fail(code: &'static str, context: &[&str], text: &str) -> Refusal {
    Refusal::fail("CHATHISTORY", code, context, text)
}

/// The refusal of a query to who may not read: they are not told what there is.
pub(crate) fn cannot_read(subcommand: &str, target: &str) -> Refusal {
    let text = "there are no messages here that you may read";
    fail("INVALID_TARGET", &[subcommand, target], text)
}

/// `timestamp=YYYY-MM-DDThh:mm:ss.sssZ` or `msgid=id`.
pub(crate) fn reference(subcommand: &str, target: &str, text: &str) -> Result<Reference, Refusal> {
    match text.split_once('=') {
        Some(("msgid", msgid)) => Ok(Reference::Msgid(msgid.into())),
        Some(("timestamp", time)) => humantime::parse_rfc3339(time)
            .ok()
            .filter(|time| *time >= SystemTime::UNIX_EPOCH)
            .map(Reference::Time)
            .ok_or_else(|| fail("INVALID_PARAMS", &[subcommand, time], "this is no timestamp")),
        Some(_) => {
            let text = "messages are referred to by msgid= or timestamp=";
            Err(fail("INVALID_MSGREFTYPE", &[subcommand, target], text))
        }
        None => Err(fail("INVALID_PARAMS", &[subcommand, text], "this is no reference")),
    }
}
