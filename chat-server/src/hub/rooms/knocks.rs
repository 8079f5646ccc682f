//! Knocks: those who operate a room are told that somebody wants to come in.

use std::time::Duration;

use chat_core::proto::{CaseMapping, Numeric, TOPIC_BYTES_MAX, cut};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        refusal::Refusal,
        replies::turn::Turn,
        state::{change_purpose::ChangePurpose, facts::Fact, room::ASKING_MAX, slots::Slot},
    },
    ids::{ConnId, RoomId},
};

/// The time after which somebody who has asked is told of again.
const PAUSE: Duration = Duration::from_secs(5 * 60);

impl Hub {
    /// Tells those who operate a room that somebody wants to come in; of an account that is kept.
    pub(crate) fn ask_to_come_in(
        &mut self,
        turn: &mut Turn,
        id: RoomId,
        reason: Option<&str>,
        reply: Vec<ReplyLine>,
    ) -> Result<(), Refusal> {
        let identity = self.identity_of(turn.person);
        let person = self.people.person(turn.person);
        let fold = |account| CaseMapping::Ascii.fold(account).into_owned();
        let account = person.account.as_deref().map(fold);
        let now = self.now();
        let room = self.rooms.room_mut(id);
        let name = room.name.to_string();
        room.knocks.retain(|_, knock| now.mono.saturating_duration_since(knock.mono) < PAUSE);
        if room.knocks.contains_key(&identity) {
            return Err(Refusal::TooManyKnocks(name));
        }
        if room.knocks.len() >= ASKING_MAX {
            return Err(Refusal::TooManyWait(name));
        }
        // Of an account of whose asking the room knows already there is nothing new to keep.
        let is_news =
            |account: &String| room.ownership.is_some() && !room.asking.contains_key(&**account);
        let asks = |account: String| Fact::Asking(account.into(), Some(now.wall));
        let fact = account.filter(is_news).map(asks);
        let slot = fact.as_ref().and_then(|fact| Slot::of_fact(id, fact));
        if slot.is_some_and(|slot| !self.has_slot(&slot, &[])) {
            return Err(Refusal::TooManyWait(name));
        }
        let reason = self.heard(turn, id, reason);
        self.rooms.room_mut(id).knocks.insert(identity, now);
        let room = &self.rooms[&id];
        let text = match reason {
            Some(reason) => format!("asks to come in ({})", cut(reason, TOPIC_BYTES_MAX / 2)),
            None => "asks to come in".to_owned(),
        };
        let (source, shown) = (&*self.people.person(turn.person).source, room.name.as_str());
        let params = vec![shown.into(), source.into(), text.into()];
        let line = ReplyLine::Numeric(Numeric::RPL_KNOCK, params);
        let operators = room.members.iter().filter(|(_, rank)| rank.is_operator);
        let devices: Vec<ConnId> = self.people.devices_of(operators.map(|(who, _)| *who)).collect();
        for conn in devices {
            self.say_to(conn, None, vec![line.clone()]);
        }
        let Some(fact) = fact else {
            reply.into_iter().for_each(|line| turn.say(line));
            return Ok(());
        };
        let changes = room.changes(&[fact]).into();
        self.submit_changes(turn, changes, ChangePurpose::Knock { reply })
            .map_err(|why| Refusal::fail("KNOCK", "INTERNAL_ERROR", &[&name], why))
    }
}
