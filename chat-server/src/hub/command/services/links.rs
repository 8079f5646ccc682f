//! Links into rooms: made, listed and ended with ChanServ by those who operate the room. What stands in one is taken in
//! the place of the room's key, and opens every bar but a ban.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    hub::{
        Hub,
        command::services::{notices::Noted, request::Said},
        policy::Right,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            codec::{milliseconds, time_at},
            facts::Fact,
            invite_link::InviteLink,
            room::Room,
            slots::Slot,
        },
    },
    settings::PublicAddress,
};
use chat_core::proto::{self, RoomName};

/// The time a link holds unless it is said.
const TIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest.
const TIME_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Signs of what stands in a link: 125 bits that nobody guesses, and short enough for a key.
const TOKEN_SIGNS: usize = 25;

/// The signs of which a link's token consists: none looks like another one.
const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";

impl Hub {
    pub(crate) fn make_link(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let (id, name) = (room.id, room.name.clone());
        if !self.has_slot(&Slot::new_link(id), &[]) {
            return Err(said.no("there are as many links as there may be: end one first"));
        }
        let words = [said.word(2), said.word(3)].into_iter().flatten();
        let (mut time, mut left) = (TIME, None);
        for word in words {
            match (word.parse(), humantime::parse_duration(word)) {
                (Ok(n @ 1..), _) => left = Some(n),
                (_, Ok(own)) if !own.is_zero() && own <= TIME_MAX => time = own,
                _ => return Err(said.no("write LINK #room [time] [uses], such as LINK #room 2d 10; a time is a year at most")),
            }
        }
        let sign =
            |_| char::from(SIGNS[u32::from_ne_bytes(self.random.secret()) as usize % SIGNS.len()]);
        let token: Arc<str> = (0..TOKEN_SIGNS).map(sign).collect::<String>().into();
        let until = self.now().wall + time;
        let by = Arc::clone(self.people.person(turn.person).nick.shown());
        let link =
            InviteLink { by, at: milliseconds(self.now().wall), until: milliseconds(until), left };
        let shown = self.written_link(&name, &token);
        let terms = terms(&link);
        // Those that hold no more make place.
        let over = self.rooms[&id].links.iter().filter(|(_, own)| !own.holds(self.now().wall));
        let mut facts: Vec<Fact> =
            over.map(|(token, _)| Fact::Link(Arc::clone(token), None)).collect();
        facts.push(Fact::Link(token, Some(link)));
        let note = format!("has made a link into {name}, {terms}");
        self.note(turn, id, facts, Noted { note, reply: format!("{shown} ({terms})") })
    }

    pub(crate) fn show_links(&self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let links = holding(room, self.now().wall);
        if links.is_empty() {
            said.say(turn, &format!("there are no links into {}", room.name));
        }
        for (index, (token, link)) in links.into_iter().enumerate() {
            let at = humantime::format_rfc3339_seconds(time_at(link.at));
            let (number, shown) = (index + 1, self.written_link(&room.name, token));
            let (by, terms) = (&link.by, terms(link));
            said.say(turn, &format!("{number}: {shown} by {by} at {at}, {terms}"));
        }
        Ok(())
    }

    pub(crate) fn end_link(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let (id, name) = (room.id, room.name.clone());
        let number: Option<usize> = said.need(2)?.parse().ok();
        let links = holding(room, self.now().wall);
        let link = number.and_then(|number| links.get(number.checked_sub(1)?));
        let (token, link) = link.ok_or_else(|| said.no("there is no such link: write LINKS"))?;
        let facts = vec![Fact::Link(Arc::clone(token), None)];
        let note = format!("has ended the link into {name} that {} had made", link.by);
        // Nobody comes in by it from here on, whatever is on its way.
        let token = Arc::clone(token);
        self.rooms.take(id, &Fact::Link(token, None));
        self.note(turn, id, facts, Noted { note, reply: "the link leads nowhere now".into() })
    }

    fn written_link(&self, room: &RoomName, token: &str) -> String {
        let PublicAddress { is_secure, address, fingerprint } = self.settings.reached.clone();
        let (room, key) = (room.clone(), Some(token.to_owned()));
        proto::Link { is_secure, address, room, key, fingerprint }.to_string()
    }
}

/// The links that hold, the oldest first.
fn holding(room: &Room, now: SystemTime) -> Vec<(&Arc<str>, &InviteLink)> {
    let mut links: Vec<_> = room.links.iter().filter(|(_, link)| link.holds(now)).collect();
    links.sort_by_key(|(_, link)| link.at);
    links
}

/// The terms of a link: for how long, and for how many.
pub(crate) fn terms(link: &InviteLink) -> String {
    let until = humantime::format_rfc3339_seconds(time_at(link.until));
    let left = match link.left {
        None => "for as many as want to".to_owned(),
        Some(1) => "for one more".to_owned(),
        Some(left) => format!("for {left} more"),
    };
    format!("until {until}, {left}")
}
