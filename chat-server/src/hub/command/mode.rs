//! `MODE` (RFC 2812 §3.1.5, §3.2.3): what is set, and `o` and `v` of members; a change is a record.

use std::sync::Arc;

use chat_core::proto::{CaseMapping, Numeric};

use crate::{
    delivery::Content,
    hub::{Hub, Refusal, Turn, person::Person, records::Place, room::Room},
    ids::RoomId,
};

/// Every room's modes: no messages from outside, the topic is the operators'.
pub(in crate::hub) const ROOM_MODES: &str = "+nt";

impl Hub {
    pub(super) fn mode(
        &mut self,
        turn: &mut Turn<'_>,
        target: &str,
        changes: Option<&str>,
        arguments: &[String],
    ) -> Result<(), Refusal> {
        if !target.starts_with('#') {
            return self.user_mode(turn, target, changes);
        }
        let room = self.find_room(target)?;
        let Some(changes) = changes else {
            let founded = room.founded.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            turn.numeric(Numeric::RPL_CHANNELMODEIS, &[room.name.as_str(), ROOM_MODES]);
            let founded = founded.as_secs().to_string();
            turn.numeric(Numeric::RPL_CREATIONTIME, &[room.name.as_str(), &founded]);
            return Ok(());
        };
        // Clients ask for the list of bans when they join.
        if matches!(changes, "b" | "+b") && arguments.is_empty() {
            turn.numeric(
                Numeric::RPL_ENDOFBANLIST,
                &[room.name.as_str(), "End of the list of bans"],
            );
            return Ok(());
        }
        let room = self.find_operated_room(turn.conn, target)?;
        let (changes, members) = self.readable_changes(turn, room, changes, arguments);
        if changes.is_empty() {
            return Ok(());
        }
        let content = Content::Mode {
            source: Arc::clone(&self.person(turn.conn).source),
            target: Arc::clone(room.name.shown()),
            changes: changes.into(),
            arguments: members.iter().map(|member| Arc::clone(member.nick.shown())).collect(),
        };
        let named = members.iter().map(|member| member.conn).collect();
        let place = Place::Room(room.id);
        self.submit(turn, place, content, named)
    }

    /// The changes that can be made, signs written once; the others are refused one by one.
    fn readable_changes(
        &self,
        turn: &mut Turn<'_>,
        room: &Room,
        changes: &str,
        arguments: &[String],
    ) -> (String, Vec<&Person>) {
        let mut arguments = arguments.iter();
        let (mut sign, mut written_sign) = ('+', None);
        let (mut readable, mut members) = (String::new(), Vec::new());
        for mode in changes.chars() {
            match mode {
                '+' | '-' => sign = mode,
                'o' | 'v' => {
                    let Some(nick) = arguments.next() else { continue };
                    if members.len() == self.house.limits.modes_max {
                        continue;
                    }
                    let member = self.find_person(nick).and_then(|person| {
                        let room_name = room.name.to_string();
                        let is_member = room.has(person.conn);
                        let nick = person.nick.to_string();
                        is_member
                            .then_some(person)
                            .ok_or(Refusal::UserNotOnRoom { nick, room: room_name })
                    });
                    match member {
                        Ok(person) => {
                            if written_sign != Some(sign) {
                                readable.push(sign);
                                written_sign = Some(sign);
                            }
                            readable.push(mode);
                            members.push(person);
                        }
                        Err(refusal) => turn.say(refusal.reply()),
                    }
                }
                _ => turn.say(Refusal::UnknownRoomMode(mode.to_string()).reply()),
            }
        }
        (readable, members)
    }

    /// Does what a record of a mode change says, to those who are still there.
    pub(in crate::hub) fn apply_modes(
        &mut self,
        id: RoomId,
        changes: &str,
        arguments: &[Arc<str>],
    ) {
        let mut arguments = arguments.iter();
        let mut is_set = true;
        for mode in changes.chars() {
            match mode {
                '+' => is_set = true,
                '-' => is_set = false,
                _ => {
                    let Some(nick) = arguments.next() else { return };
                    let key = CaseMapping::Ascii.fold(nick);
                    let Some(conn) = self.nicks.get(&*key).copied() else { continue };
                    let room = self.rooms.get_mut(&id).expect("the caller found it");
                    let Some(rank) = room.members.get_mut(&conn) else { continue };
                    match mode {
                        'o' => rank.is_operator = is_set,
                        _ => rank.has_voice = is_set,
                    }
                }
            }
        }
    }

    fn user_mode(
        &self,
        turn: &mut Turn<'_>,
        target: &str,
        changes: Option<&str>,
    ) -> Result<(), Refusal> {
        let person = self.find_person(target)?;
        if person.conn != turn.conn {
            return Err(Refusal::UsersDoNotMatch);
        }
        match changes {
            None => turn.numeric(Numeric::RPL_UMODEIS, &["+i"]),
            // Everyone is invisible to WHO from outside their rooms; clients ask for it on connecting.
            Some("i" | "+i") => {}
            Some(_) => return Err(Refusal::UnknownUserMode),
        }
        Ok(())
    }
}
