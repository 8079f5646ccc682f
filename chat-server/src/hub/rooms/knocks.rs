//! Knocks: those who operate a room are told that somebody wants to come in.

use std::time::Duration;

use chat_core::proto::{CaseMapping, Numeric, TOPIC_BYTES_MAX, cut};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        refusal::Refusal,
        replies::turn::Turn,
        state::{change_purpose::ChangePurpose, facts::Fact},
    },
    ids::{ConnId, RoomId},
};

/// The time after which somebody who has asked is told of again.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// Accounts whose asking is kept, and people who have asked lately: above it nobody else asks.
const ASKING_MAX: usize = 100;

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
        if room.knocks.contains_key(&identity) || room.knocks.len() >= ASKING_MAX {
            return Err(Refusal::TooManyKnocks(name));
        }
        room.knocks.insert(identity, now);
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
        let is_news = |account: &String| {
            room.ownership.is_some()
                && !room.asking.contains_key(&**account)
                && room.asking.len() < ASKING_MAX
        };
        let Some(account) = account.filter(is_news) else {
            reply.into_iter().for_each(|line| turn.say(line));
            return Ok(());
        };
        let fact = Fact::Asking(account.into(), Some(self.now().wall));
        let changes = room.changes(&[fact]).into();
        self.submit_changes(turn, changes, ChangePurpose::Knock { reply })
            .map_err(|why| Refusal::fail("KNOCK", "INTERNAL_ERROR", &[&name], why))
    }
}
