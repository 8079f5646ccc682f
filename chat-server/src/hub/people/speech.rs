//! Speech: whether somebody's words are heard in a room. It is decided here, by [`Speaker::silence`], for every command that carries
//! words; what must happen anyway (`PART`, `QUIT`, `AWAY`) happens without them where they are not heard.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    hub::{
        Hub,
        policy::{Hearing, Right, Sentence, Silence, Speaker},
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            device::Device,
            masks::MUTE,
            modes::{Flag, Flood, List, Modes},
            people::People,
            room::Room,
        },
    },
    ids::{ConnId, PersonId, RoomId},
    origin::Origin,
};

/// People whose last word in a slow room is remembered, before it is looked who need not wait any more; and at most.
const SPOKE_MIN: usize = 64;

const SPOKE_MAX: usize = 20_000;

/// The beginnings of the words under which a room remembers somebody: for the pause between two of their messages, and for how
/// many there were, as the time at which all of them are over.
const SLOW: &str = "";
const FLOOD: &str = "f ";

/// The kinds of what somebody says in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// Words that are said in it.
    Words,
    /// A sign that they are writing, which says nothing.
    Typing,
    /// Words beside something that happens, be they in it or not: a departure, a knock, a name that is changed.
    Beside,
}

impl Hub {
    /// Checks that what the asker says is heard in a room. In a slow one they have spoken then.
    pub(crate) fn speak(&mut self, turn: &Turn, id: RoomId, speech: Speech) -> Result<(), Refusal> {
        if let Some(why) = self.find_silence(turn.person, Some(turn.conn), id, speech) {
            return Err(Refusal::CannotSend { room: self.rooms[&id].name.to_string(), why });
        }
        if speech != Speech::Typing {
            self.note_speech(turn, id);
        }
        Ok(())
    }

    /// Gives the words that go with what happens in a room anyway, or none where they are not heard.
    pub(crate) fn heard<Words>(
        &mut self,
        turn: &Turn,
        id: RoomId,
        words: Option<Words>,
    ) -> Option<Words> {
        words.filter(|_| self.speak(turn, id, Speech::Beside).is_ok())
    }

    /// Checks that the asker may call themselves something else: all their rooms are told, so that a name is words in each of them.
    /// In slow ones they have spoken then.
    ///
    /// # Errors
    /// The room in which they are not heard, and why.
    pub(crate) fn speak_everywhere(&mut self, turn: &Turn) -> Result<(), (RoomId, String)> {
        let rooms = self.people.person(turn.person).rooms.clone();
        for id in &rooms {
            if let Some(why) = self.find_silence(turn.person, Some(turn.conn), *id, Speech::Beside)
            {
                return Err((*id, why));
            }
        }
        for id in rooms {
            self.note_speech(turn, id);
        }
        Ok(())
    }

    /// The rooms somebody is in and not heard in: who is told of something by these alone is told without their words.
    pub(crate) fn deaf_rooms(&self, who: PersonId, conn: Option<ConnId>) -> Vec<RoomId> {
        let rooms = self.people.person(who).rooms.iter().copied();
        rooms.filter(|id| self.find_silence(who, conn, *id, Speech::Beside).is_some()).collect()
    }

    /// Somebody has spoken in all their rooms that hear them.
    pub(crate) fn note_speech_beside(&mut self, turn: &Turn, deaf: &[RoomId]) {
        let rooms = self.people.person(turn.person).rooms.clone();
        for id in rooms.into_iter().filter(|id| !deaf.contains(id)) {
            self.note_speech(turn, id);
        }
    }

    /// The reason, in words, why somebody is not heard in a room; none if they are.
    pub(crate) fn find_silence(
        &self,
        who: PersonId,
        conn: Option<ConnId>,
        id: RoomId,
        speech: Speech,
    ) -> Option<String> {
        let room = &self.rooms[&id];
        let modes = &room.modes;
        // Most rooms have nothing against anybody in them, and it is asked for every message.
        if modes.hear_every_member() && room.has(who) {
            return None;
        }
        let has_rank = has_rank_in(&self.people, room, who, conn);
        let may_be_silenced = !has_rank && !modes.list(List::Ban).is_empty();
        let ban =
            may_be_silenced.then(|| modes.silences(&self.people.subject(who)).cloned()).flatten();
        let sentence = ban
            .as_ref()
            .map(|ban| if ban.mask.starts_with(MUTE) { Sentence::Muted } else { Sentence::Banned });
        let counts = !has_rank && speech != Speech::Typing;
        let left = modes.slow.filter(|_| counts);
        let left = left.and_then(|seconds| self.pause_left(who, room, seconds));
        let over = modes.flood.filter(|_| counts);
        let over = over.and_then(|flood| Some((flood, self.flood_left(who, room, flood)?)));
        let speaker = Speaker {
            is_inside: room.has(who),
            has_rank,
            has_account: self.people.person(who).account.is_some(),
            sentence,
            must_wait: left.is_some() || over.is_some(),
        };
        let hearing = Hearing {
            is_for_members: modes.has(Flag::NoOutside) && speech != Speech::Beside,
            is_moderated: modes.has(Flag::Moderated),
            is_for_accounts: modes.has(Flag::AccountsSpeak),
        };
        let terms = || ban.map(|ban| ban.terms.shown()).unwrap_or_default();
        Some(match speaker.silence(hearing)? {
            Silence::Outside => "you are not in it".to_owned(),
            Silence::Moderated => "it is moderated and you have no voice".to_owned(),
            Silence::Sentenced(Sentence::Muted) => format!("you are muted in it{}", terms()),
            Silence::Sentenced(Sentence::Banned) => format!("you are banned from it{}", terms()),
            Silence::Guest => "only who is logged in speaks in it (HELP NICKSERV)".to_owned(),
            Silence::Slow => {
                let seconds = |left: Duration| left.as_secs_f64().ceil();
                match over.filter(|(_, over)| left.is_none_or(|left| left < *over)) {
                    Some((Flood { messages, seconds: of }, over)) => {
                        let over = seconds(over);
                        format!(
                            "it takes {messages} messages in {of} seconds: speak again in {over} seconds"
                        )
                    }
                    None => {
                        let left = seconds(left.unwrap_or_default());
                        format!("it is slow: speak again in {left} seconds")
                    }
                }
            }
        })
    }

    /// The time for which somebody has to wait in a slow room. Who logs in or out is the same person, an account the same wherever it
    /// comes from, and a guest the one who has left and came from there.
    fn pause_left(&self, who: PersonId, room: &Room, seconds: u32) -> Option<Duration> {
        let spoke = latest_of(&self.people, who, room, SLOW)?;
        let since = self.now().mono.saturating_duration_since(spoke);
        Duration::from_secs(seconds.into()).checked_sub(since).filter(|left| !left.is_zero())
    }

    /// The time for which somebody has to wait where a flood limit is reached.
    fn flood_left(&self, who: PersonId, room: &Room, flood: Flood) -> Option<Duration> {
        let due = latest_of(&self.people, who, room, FLOOD)? + flood.interval();
        due.checked_duration_since(self.now().mono + flood.period()).filter(|left| !left.is_zero())
    }

    /// Somebody has spoken in a room, which counts if it is slow or has a flood limit, and they have no rank.
    fn note_speech(&mut self, turn: &Turn, id: RoomId) {
        let Modes { slow, flood, .. } = self.rooms[&id].modes;
        if slow.is_none() && flood.is_none()
            || has_rank_in(&self.people, &self.rooms[&id], turn.person, Some(turn.conn))
        {
            return;
        }
        let now = self.now().mono;
        let said =
            latest_of(&self.people, turn.person, &self.rooms[&id], FLOOD).unwrap_or(now).max(now);
        let person = self.people.person(turn.person);
        let identity = person.identity.clone().filter(|_| person.account.is_some());
        let room = self.rooms.room_mut(id);
        if room.spoke.len() >= room.spoke_max {
            let pause = flood.map_or(Duration::ZERO, Flood::period);
            let pause = pause.max(Duration::from_secs(slow.unwrap_or_default().into()));
            let since = |spoke: &Instant| now.saturating_duration_since(*spoke);
            room.spoke.retain(|_, spoke| since(spoke) < pause);
            room.spoke_max = (2 * room.spoke.len()).clamp(SPOKE_MIN, SPOKE_MAX);
            // Those who would have to wait longest are forgotten rather than all else.
            if room.spoke.len() >= room.spoke_max {
                room.spoke.clear();
            }
        }
        for key in identity.into_iter().chain([visit_key(turn.person)]) {
            if let Some(flood) = flood {
                room.spoke.insert(format!("{FLOOD}{key}").into(), said + flood.interval());
            }
            if slow.is_some() {
                room.spoke.insert(key, now);
            }
        }
    }

    /// Somebody leaves a room: whoever comes from where they are as a guest waits as long as they would have.
    pub(crate) fn leave_pace(&mut self, who: PersonId, id: RoomId) {
        let room = &self.rooms[&id];
        if room.modes.slow.is_none() && room.modes.flood.is_none() {
            return;
        }
        let of = |kind: &'static str| {
            let spoke = room.spoke.get(&*format!("{kind}{}", visit_key(who))).copied();
            spoke.map(|spoke| (kind, spoke))
        };
        let kinds: Vec<(&str, Instant)> = [SLOW, FLOOD].into_iter().filter_map(of).collect();
        let devices = self.people.person(who).devices.iter();
        let places: Vec<Arc<str>> =
            devices.map(|conn| place_key(self.people.device(*conn))).collect();
        let room = self.rooms.room_mut(id);
        for (kind, spoke) in kinds {
            for place in &places {
                let latest = room.spoke.entry(format!("{kind}{place}").into()).or_insert(spoke);
                *latest = spoke.max(*latest);
            }
        }
    }
}

/// The latest time that a room remembers of somebody, of one kind.
fn latest_of(people: &People, who: PersonId, room: &Room, kind: &str) -> Option<Instant> {
    if room.spoke.is_empty() {
        return None;
    }
    let person = people.person(who);
    let identity = person.identity.clone().filter(|_| person.account.is_some());
    let is_guest = person.account.is_none();
    let places = person.devices.iter().filter(|_| is_guest);
    let places = places.map(|conn| place_key(people.device(*conn)));
    let keys = identity.into_iter().chain([visit_key(who)]).chain(places);
    keys.filter_map(|key| room.spoke.get(&*format!("{kind}{key}"))).max().copied()
}

/// Whether somebody is always heard in a room. Who looks after it, on that connection, is like those who operate it.
fn has_rank_in(people: &People, room: &Room, who: PersonId, conn: Option<ConnId>) -> bool {
    let looks_after_it = |conn| {
        people.device_at(conn).is_some_and(|device| device.person == who)
            && room.allows(people.asker(conn), Right::Operate)
    };
    room.members.get(&who).is_some_and(|rank| rank.may_speak())
        || room.is_lobby() && conn.is_some_and(looks_after_it)
}

/// A visit, as a slow room remembers it.
fn visit_key(who: PersonId) -> Arc<str> {
    format!("{who:?}").into()
}

/// The place that a connection comes from, as a slow room remembers it.
fn place_key(device: &Device) -> Arc<str> {
    format!("@{}", Origin::of_host(&device.address).near).into()
}

/// Checks that a text may be said in a room that takes no CTCP.
pub(crate) fn check_ctcp(room: &Room, text: &str) -> Result<(), Refusal> {
    let is_ctcp = text.starts_with('\u{1}') && !text.starts_with("\u{1}ACTION");
    if is_ctcp && room.modes.has(Flag::NoCtcp) {
        let why = "it takes no CTCP".to_owned();
        return Err(Refusal::CannotSend { room: room.name.to_string(), why });
    }
    Ok(())
}

/// Whether client-only tags, in wire form, say more than that somebody is writing
/// (<https://ircv3.net/specs/client-tags/typing>).
pub(crate) fn are_words(tags: &str) -> bool {
    let is_typing = |tag: &str| {
        tag.split_once('=').is_some_and(|(name, value)| {
            matches!(name, "+typing" | "+draft/typing")
                && matches!(value, "active" | "paused" | "done")
        })
    };
    !tags.split(';').filter(|tag| !tag.is_empty()).all(is_typing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words_unless_they_say_that_somebody_is_writing() {
        for (tags, expected) in [
            ("", false),
            ("+typing=active", false),
            ("+draft/typing=done;+typing=paused", false),
            ("+typing=buy\\sthis", true),
            ("+typing", true),
            ("+typing=active;+x=hello", true),
            ("+draft/react=y;+draft/reply=1", true),
        ] {
            assert_eq!(are_words(tags), expected, "{tags}");
        }
    }
}
