//! `MODE` (RFC 2812 §3.1.5, §3.2.3; <https://modern.ircdocs.horse/#mode-message>): what is set is an
//! answer, a change of a room is a record.

use std::{collections::BTreeSet, sync::Arc};

use chat_core::{
    proto::{KEY_BYTES_MAX, Numeric, Service},
    wire::limits::BODY_BYTES_MAX,
};

use crate::{
    delivery::{Content, RecordContent, ReplyLine},
    hub::{
        Hub,
        policy::Right,
        refusal::Refusal,
        replies::turn::Turn,
        rooms::ownership::barred_founder,
        state::{
            codec::unix_seconds,
            list_entry::Terms,
            masks,
            modes::{Flood, List, Mode, ModeChange, ModeLetter},
            paged_reply::Section,
            pending_record::{Destination, RecordAction},
            people::People,
            room::Room,
        },
    },
    ids::RoomId,
};

/// Seconds between two messages of one person in a slow room, at most.
const SLOW_SECONDS_MAX: u32 = 24 * 60 * 60;

impl Hub {
    pub(crate) fn mode(
        &mut self,
        turn: &mut Turn,
        target: &str,
        changes: Option<&str>,
        arguments: &[String],
    ) -> Result<(), Refusal> {
        if !target.starts_with('#') {
            return self.user_mode(turn, target, changes);
        }
        let room = self.rooms.find_visible(turn.person, target)?;
        let Some(letters) = changes else {
            self.show_modes(turn, room);
            return Ok(());
        };
        let changes = self.read_changes(turn, room, letters, arguments);
        if changes.is_empty() {
            return Ok(());
        }
        let (id, did) =
            (room.id, format!("MODE {} {}", room.name, written_for_trail(&self.people, &changes)));
        self.submit_modes(turn, id, changes)?;
        self.note_privileged(turn, id, Right::Operate, &did);
        Ok(())
    }

    /// Changes of a room's modes are records, of one line each.
    pub(crate) fn submit_modes(
        &mut self,
        turn: &mut Turn,
        id: RoomId,
        changes: Vec<ModeChange>,
    ) -> Result<(), Refusal> {
        let target = Arc::clone(self.rooms[&id].name.shown());
        let source = Arc::clone(&self.people.person(turn.person).source);
        // ":source MODE room " and the line break stand around them.
        let changes_bytes_max = BODY_BYTES_MAX.saturating_sub(source.len() + target.len() + 10);
        for changes in in_lines(&self.people, changes, changes_bytes_max) {
            let (changes_text, words) = self.people.written_changes(&changes);
            let content = RecordContent::Mode {
                source: Arc::clone(&source),
                target: Arc::clone(&target),
                changes: changes_text.into(),
                arguments: words,
            };
            self.submit(turn, Destination::Room(id), content, RecordAction::Modes(changes))?;
        }
        Ok(())
    }

    fn show_modes(&self, turn: &mut Turn, room: &Room) {
        let shown = room.modes.shown(room.has(turn.person));
        let words = shown.iter().map(String::as_str);
        let params: Vec<&str> = [room.name.as_str()].into_iter().chain(words).collect();
        turn.numeric(Numeric::RPL_CHANNELMODEIS, &params);
        let founded = unix_seconds(room.founded).to_string();
        turn.numeric(Numeric::RPL_CREATIONTIME, &[room.name.as_str(), &founded]);
    }

    /// The changes that can be made. Lists are shown and the others are refused one by one.
    fn read_changes(
        &self,
        turn: &mut Turn,
        room: &Room,
        letters: &str,
        arguments: &[String],
    ) -> Vec<ModeChange> {
        let is_operator = room.allows(self.people.asker(turn.conn), Right::Operate);
        let mut arguments = arguments.iter().map(String::as_str);
        let mut is_set = true;
        let mut changes = Vec::new();
        let mut is_refused = false;
        let mut shown = Vec::new();
        let mut unknown = BTreeSet::new();
        for letter in letters.chars() {
            let known = match letter {
                '+' | '-' => {
                    is_set = letter == '+';
                    continue;
                }
                other => ModeLetter::from_char(other),
            };
            let Some(known) = known else {
                // Each once, however often it stands there.
                if unknown.insert(letter) {
                    turn.say(Refusal::UnknownRoomMode(letter.to_string()).reply());
                }
                continue;
            };
            let takes_argument = match known {
                ModeLetter::Flag(_) => false,
                ModeLetter::Flood | ModeLetter::Limit | ModeLetter::Slow => is_set,
                _ => true,
            };
            let argument = if takes_argument { arguments.next() } else { None };
            // Clients ask for the list of bans when they join.
            if let (ModeLetter::List(list), None) = (known, argument) {
                if shown.contains(&list) {
                    continue;
                }
                shown.push(list);
                if is_operator || list == List::Ban {
                    show_list(turn, room, list);
                } else {
                    turn.say(Refusal::NotOperator(room.name.to_string()).reply());
                }
                continue;
            }
            if !is_operator {
                if !std::mem::replace(&mut is_refused, true) {
                    let name = room.name.to_string();
                    let refusal = if room.has(turn.person) {
                        Refusal::NotOperator(name)
                    } else {
                        Refusal::NotOnRoom(name)
                    };
                    turn.say(refusal.reply());
                }
                continue;
            }
            let with_argument = |change: &ModeChange| !matches!(change.what, Mode::Flag(_));
            if takes_argument
                && changes.iter().filter(|c| with_argument(c)).count()
                    >= self.settings.limits.modes_max
            {
                continue;
            }
            match self.read_change(turn, room, known, is_set, argument) {
                Ok(what) => {
                    let change = ModeChange { is_set, what };
                    if !is_news(room, &changes, &change) {
                        continue;
                    }
                    match self.check_mode_slot(room, &change, &changes) {
                        Ok(()) => {
                            turn.reply.extend(untouched_founder(&self.people, room, &change));
                            changes.push(change);
                        }
                        Err(refusal) => turn.say(refusal.reply()),
                    }
                }
                Err(refusal) => turn.say(refusal.reply()),
            }
        }
        changes
    }

    fn read_change(
        &self,
        turn: &Turn,
        room: &Room,
        letter: ModeLetter,
        is_set: bool,
        argument: Option<&str>,
    ) -> Result<Mode, Refusal> {
        let invalid = |letter: char, why: &'static str| Refusal::InvalidModeParam {
            room: room.name.to_string(),
            mode: letter,
            param: argument.unwrap_or("*").to_owned(),
            why,
        };
        match letter {
            ModeLetter::Flag(flag) => Ok(Mode::Flag(flag)),
            ModeLetter::Key if !is_set => Ok(Mode::Key("*".into())),
            ModeLetter::Key => {
                let key = argument.unwrap_or_default();
                let is_key = (1..=KEY_BYTES_MAX).contains(&key.len())
                    && !key.starts_with(':')
                    && key.chars().all(|c| !c.is_whitespace() && c != ',' && !c.is_control());
                if is_key {
                    Ok(Mode::Key(key.into()))
                } else {
                    Err(Refusal::InvalidKey(room.name.to_string()))
                }
            }
            ModeLetter::Flood if !is_set => Ok(Mode::Flood(Flood { messages: 1, seconds: 1 })),
            ModeLetter::Flood => argument.and_then(Flood::read).map(Mode::Flood).ok_or_else(|| {
                invalid('f', "Write messages:seconds, such as 5:10, up to 100 in an hour")
            }),
            ModeLetter::Slow if !is_set => Ok(Mode::Slow(0)),
            ModeLetter::Slow => {
                let seconds = argument.and_then(|seconds| seconds.parse().ok());
                seconds
                    .filter(|seconds| (1..=SLOW_SECONDS_MAX).contains(seconds))
                    .map(Mode::Slow)
                    .ok_or_else(|| {
                        invalid(
                            'S',
                            "Write the seconds between two messages of one person, up to a day",
                        )
                    })
            }
            ModeLetter::Limit if !is_set => Ok(Mode::Limit(0)),
            ModeLetter::Limit => {
                let limit = argument.and_then(|n| n.parse().ok()).filter(|limit| *limit > 0);
                limit
                    .map(Mode::Limit)
                    .ok_or_else(|| invalid('l', "The limit is a number of people"))
            }
            ModeLetter::List(list) => {
                let mask = masks::mask(argument.unwrap_or_default()).ok_or_else(|| {
                    invalid(list.letter(), "This is no mask such as nick!user@host")
                })?;
                // Who sets one would learn by trying where others are.
                if is_set && masks::is_about_addresses(&mask) && !self.may_name_addresses(turn) {
                    return Err(invalid(list.letter(), masks::NO_ADDRESSES));
                }
                // Nobody bars them: it would look as if it did.
                if is_set
                    && list == List::Ban
                    && let Some((nick, true)) = barred_founder(&self.people, room, &mask)
                {
                    return Err(Refusal::Founder { room: room.name.to_string(), nick });
                }
                Ok(Mode::Listed(list, mask, Terms::default()))
            }
            ModeLetter::Operator | ModeLetter::Voice => {
                let own = if letter == ModeLetter::Operator { 'o' } else { 'v' };
                let nick = argument.ok_or_else(|| invalid(own, "The nick is missing"))?;
                let person = self.people.find(nick)?;
                if !room.has(person.id) {
                    let (nick, room) = (person.nick.to_string(), room.name.to_string());
                    return Err(Refusal::UserNotOnRoom { nick, room });
                }
                if letter == ModeLetter::Operator && !is_set && room.is_founded_by(person) {
                    let (nick, room) = (person.nick.to_string(), room.name.to_string());
                    return Err(Refusal::Founder { room, nick });
                }
                Ok(match letter {
                    ModeLetter::Operator => Mode::Operator(person.id),
                    _ => Mode::Voice(person.id),
                })
            }
        }
    }

    /// The modes of a person: seen and changed by themselves alone.
    fn user_mode(
        &mut self,
        turn: &mut Turn,
        target: &str,
        changes: Option<&str>,
    ) -> Result<(), Refusal> {
        if self.people.find(target)?.id != turn.person {
            return Err(Refusal::UsersDoNotMatch);
        }
        let is_operator = self.people.device(turn.conn).is_operator();
        let Some(letters) = changes else {
            let shown = self.people.person(turn.person).modes.shown(is_operator);
            turn.numeric(Numeric::RPL_UMODEIS, &[&shown]);
            return Ok(());
        };
        let (mut is_set, mut sign) = (true, None);
        let (mut done, mut has_unknown, mut gives_up) = (String::new(), false, false);
        for letter in letters.chars() {
            if matches!(letter, '+' | '-') {
                is_set = letter == '+';
                continue;
            }
            // Nobody makes themselves an operator (RFC 2812 §3.1.5).
            if letter == 'o' {
                gives_up |= is_operator && !is_set;
                continue;
            }
            match self.people.set_mode(turn.person, letter, is_set) {
                Some(true) => {
                    if sign != Some(is_set) {
                        done.push(if is_set { '+' } else { '-' });
                        sign = Some(is_set);
                    }
                    done.push(letter);
                }
                Some(false) => {}
                None => has_unknown = true,
            }
        }
        if !done.is_empty() {
            let person = self.people.person(turn.person);
            let content = Content::Record(RecordContent::Mode {
                source: Arc::clone(&person.source),
                target: Arc::clone(person.nick.shown()),
                changes: done.into(),
                arguments: Vec::new(),
            });
            let event = self.event(turn.person, content);
            self.tell_person(turn.person, Some(turn.conn), &event);
            turn.say(ReplyLine::Event(event));
        }
        // "MUST apply the modes that are implemented, and then send" (<https://modern.ircdocs.horse/#mode-message>)
        if has_unknown {
            turn.say(Refusal::UnknownUserMode.reply());
        }
        // That is this connection's alone.
        if gives_up {
            let source = Arc::clone(&self.people.person(turn.person).source);
            self.end_privilege(turn.conn, Some(source));
        }
        Ok(())
    }
}

/// A word about the founder, if a ban that is set is about them, too.
fn untouched_founder(people: &People, room: &Room, change: &ModeChange) -> Option<Section> {
    let Mode::Listed(List::Ban, mask, _) = &change.what else { return None };
    let (nick, _) = barred_founder(people, room, mask).filter(|_| change.is_set)?;
    let text = untouched(&nick, room).into();
    Some(Section::Line(ReplyLine::Said { by: Service::ChanServ, text }))
}

/// The words by which is told that a ban is not about the founder.
pub(crate) fn untouched(founder: &str, room: &Room) -> String {
    format!("{founder} founded {}: that does not touch them", room.name)
}

/// Whether something is other after `change`, which comes behind `changes`.
fn is_news(room: &Room, changes: &[ModeChange], change: &ModeChange) -> bool {
    let earlier = changes.iter().rev().find(|own| own.what.is_about_the_same(&change.what));
    if let Some(earlier) = earlier {
        return earlier != change;
    }
    let rank = change.what.member().and_then(|conn| room.members.get(&conn));
    match change.what {
        Mode::Operator(_) => rank.is_some_and(|rank| rank.is_operator != change.is_set),
        Mode::Voice(_) => rank.is_some_and(|rank| rank.has_voice != change.is_set),
        _ => !room.modes.has_already(change),
    }
}

fn show_list(turn: &mut Turn, room: &Room, list: List) {
    let (entry_numeric, end_numeric, end_text) = list.numerics();
    for entry in room.modes.list(list) {
        let at = unix_seconds(entry.at).to_string();
        turn.numeric(entry_numeric, &[room.name.as_str(), &entry.mask, &entry.by, &at]);
    }
    turn.numeric(end_numeric, &[room.name.as_str(), end_text]);
}

/// Changes in as many lines as they need, each of at most so many bytes.
fn in_lines(people: &People, changes: Vec<ModeChange>, bytes_max: usize) -> Vec<Vec<ModeChange>> {
    let mut lines: Vec<Vec<ModeChange>> = Vec::new();
    let mut n_bytes = 0;
    for change in changes {
        let (letters, words) = people.written_changes(std::slice::from_ref(&change));
        let bytes = letters.len() + words.iter().map(|word| word.len() + 1).sum::<usize>();
        match lines.last_mut() {
            Some(line) if n_bytes + bytes <= bytes_max => {
                line.push(change);
                n_bytes += bytes;
            }
            _ => {
                lines.push(vec![change]);
                n_bytes = bytes;
            }
        }
    }
    lines
}

/// Changes of modes as they stand in the trail: a key is nobody's to read there.
fn written_for_trail(people: &People, changes: &[ModeChange]) -> String {
    let hidden = |change: &ModeChange| match &change.what {
        Mode::Key(_) => ModeChange { what: Mode::Key("*".into()), ..change.clone() },
        _ => change.clone(),
    };
    let changes: Vec<ModeChange> = changes.iter().map(hidden).collect();
    let (letters, arguments) = people.written_changes(&changes);
    arguments.iter().fold(letters, |written, argument| format!("{written} {argument}"))
}
