//! How people come into rooms and go out of them, and how they leave for good.

use std::{sync::Arc, time::SystemTime};

use chat_core::proto::{Capability, Command, RoomName};

use super::{
    Effect, Hub, Now, Turn,
    person::Person,
    room::{Rank, Room},
};
use crate::{
    delivery::{Content, ReplyLine},
    event::ServerEvent,
    ids::{ConnId, PersonId, RoomId},
};

impl Hub {
    /// Puts a person into a room, founding it if it is not there. They are told by their reply, and on their
    /// other connections as it happens.
    pub(super) fn enter(&mut self, turn: &mut Turn<'_>, name: RoomName) -> RoomId {
        let who = turn.person;
        let existing = self.rooms_by_name.get(name.key()).copied();
        let id = existing.unwrap_or_else(|| self.found(name, turn.now.wall));
        if let (None, Some(account)) = (existing, self.person(who).account.clone()) {
            self.own(id, &account);
        }
        let person = self.person(who);
        let content = Content::Join {
            source: Arc::clone(&person.source),
            room: Arc::clone(self.rooms[&id].name.shown()),
            realname: (&*person.realname).into(),
        };
        let event = self.event(who, content, turn.now);
        let room = &self.rooms[&id];
        self.tell_room(room, None, &event, turn.effects);
        if let Some(reason) = person.particulars.away.clone() {
            let away = Content::Away { source: Arc::clone(&person.source), reason: Some(reason) };
            let away = self.event(who, away, turn.now);
            self.tell_room(room, None, &away, turn.effects);
        }
        self.tell_person(who, Some(turn.conn), &event, turn.effects);
        turn.say(ReplyLine::Event(event));
        let devices = person.devices.clone();
        let account = person.account.clone();
        let room = self.rooms.get_mut(&id).expect("found or founded above");
        let rank = if room.ownership.is_some() {
            room.rank_of(account.as_ref())
        } else {
            // One that is nobody's is operated by whoever founds it.
            Rank { is_operator: room.members.is_empty(), has_voice: false }
        };
        room.add(who, rank);
        let person = self.person_mut(who);
        if !person.particulars.invited.is_empty() {
            person.particulars.change(|own| own.invited.remove(&id));
        }
        person.rooms.push(id);
        for conn in &devices {
            self.follow(*conn, id, turn.effects);
        }
        self.introduce(turn.now, who, id, turn.effects);
        for conn in devices.into_iter().filter(|conn| *conn != turn.conn) {
            self.show_room_elsewhere(turn.now, conn, id, turn.effects);
        }
        id
    }

    /// Shows a room that was entered on another connection: as if the client had asked, in its turn.
    fn show_room_elsewhere(
        &mut self,
        now: Now,
        conn: ConnId,
        id: RoomId,
        effects: &mut Vec<Effect>,
    ) {
        let (room, device) = (&self.rooms[&id], self.device(conn));
        let name = room.name.to_string();
        let topic = Command::Topic { room: name.clone(), topic: None };
        let names = Command::Names { rooms: vec![name.clone()] };
        let marker = Command::Markread { target: Some(name.clone()), timestamp: None };
        let (target, subcommand, params) = (name, "SYNC".to_owned(), Vec::new());
        let metadata = Command::Metadata { target, subcommand, params };
        let names_itself = device.capabilities.contains(Capability::NoImplicitNames);
        let commands = [
            (room.topic.is_some(), topic),
            (device.capabilities.contains(Capability::ReadMarker), marker),
            (!names_itself, names),
            (device.told_metadata_in().is_some(), metadata),
        ];
        for (_, command) in commands.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            self.command(now, conn, None, Ok(command), effects);
        }
        self.ask_for_replay(conn, id, effects);
    }

    /// A connection of a member's gets what happens in a room from here on.
    pub(super) fn follow(&mut self, conn: ConnId, id: RoomId, effects: &mut Vec<Effect>) {
        effects.push(Effect::Subscribe { conn, room: id });
        self.rooms.get_mut(&id).expect("the caller found it").add_device(conn);
    }

    fn unfollow(&mut self, conn: ConnId, id: RoomId, effects: &mut Vec<Effect>) {
        effects.push(Effect::Unsubscribe { conn, room: id });
        self.rooms.get_mut(&id).expect("members are in rooms that exist").remove_device(conn);
    }

    pub(super) fn found(&mut self, name: RoomName, wall: SystemTime) -> RoomId {
        let id = RoomId(self.next_room);
        self.next_room += 1;
        self.rooms_by_name.insert(Arc::clone(name.key()), id);
        let mut room = Room::new(id, name, wall, self.settings.n_workers);
        room.begin_after(self.latest_record);
        self.rooms.insert(id, room);
        id
    }

    /// Takes a person out of a room; the last one ends it, unless it lasts. Nobody is told here.
    pub(super) fn remove_member(&mut self, who: PersonId, id: RoomId, effects: &mut Vec<Effect>) {
        for conn in self.person(who).devices.clone() {
            self.unfollow(conn, id, effects);
        }
        self.take_out(who, id, effects);
    }

    /// A room that a member's connections follow no more is without them.
    fn take_out(&mut self, who: PersonId, id: RoomId, effects: &mut Vec<Effect>) {
        self.person_mut(who).rooms.retain(|room| *room != id);
        let room = self.rooms.get_mut(&id).expect("members are in rooms that exist");
        room.remove(who);
        if room.members.is_empty() && !room.is_registered() {
            self.end_room(id, effects);
        }
    }

    /// A connection of a person is gone. With the last one they are.
    pub(super) fn end_device(
        &mut self,
        now: Now,
        conn: ConnId,
        reason: &Arc<str>,
        effects: &mut Vec<Effect>,
    ) {
        let who = self.device(conn).person;
        let person = self.person(who);
        if person.devices.len() == 1 && !self.stays(person) {
            return self.leave_for_good(now, who, reason, effects);
        }
        for room in self.person(who).rooms.clone() {
            self.unfollow(conn, room, effects);
        }
        self.forget_device(conn);
        self.note_away(now, who, None, effects);
        self.stop_if_empty(effects);
    }

    /// Whether somebody stays when the last of their connections has gone.
    pub(super) fn stays(&self, person: &Person) -> bool {
        let account = person.account.as_deref();
        account
            .and_then(|account| self.accounts.get_registered(account))
            .is_some_and(|own| own.stays)
    }

    fn stop_if_empty(&mut self, effects: &mut Vec<Effect>) {
        if self.devices.is_empty() && self.settings.exit_when_empty {
            self.stop(&"The last person has left".into(), effects);
        }
    }

    /// The connection of a turn goes on as another one of `other`, who is the same person by their account: it leaves
    /// the rooms it was in, takes the nick, and is in the other one's rooms.
    pub(super) fn go_on_as(&mut self, turn: &mut Turn<'_>, other: PersonId) {
        let (conn, before) = (turn.conn, turn.person);
        let nick = Arc::clone(self.person(other).nick.shown());
        for id in self.person(before).rooms.clone() {
            let source = Arc::clone(&self.person(before).source);
            let room = Arc::clone(self.rooms[&id].name.shown());
            let part = Content::Part { source, room, reason: None };
            turn.say(ReplyLine::Event(self.event(before, part, turn.now)));
            self.unfollow(conn, id, turn.effects);
        }
        let source = Arc::clone(&self.person(before).source);
        let renamed =
            self.event(before, Content::Nick { source, nick: Arc::clone(&nick) }, turn.now);
        turn.say(ReplyLine::Event(renamed));
        self.person_mut(before).devices.retain(|own| *own != conn);
        self.device_mut(conn).person = other;
        self.person_mut(other).devices.push(conn);
        turn.person = other;
        if self.person(before).devices.is_empty() {
            let reason = format!("Is here as {nick}").into();
            self.leave_for_good(turn.now, before, &reason, turn.effects);
        } else {
            self.note_away(turn.now, before, None, turn.effects);
        }
        self.show_all_rooms(turn);
        self.note_away(turn.now, other, None, turn.effects);
    }

    /// Nothing is to be done for a connection any more.
    fn forget_device(&mut self, conn: ConnId) {
        self.forget_responses(conn);
        self.monitor_nobody(conn);
        self.unsubscribe_all(conn);
        self.exchanges.remove(&conn);
        let device = self.devices.remove(conn).expect("the caller found it");
        self.person_mut(device.person).devices.retain(|own| *own != conn);
    }

    /// A person is gone: everyone who could see them is told once.
    pub(super) fn leave_for_good(
        &mut self,
        now: Now,
        who: PersonId,
        reason: &Arc<str>,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(who);
        let content =
            Content::Quit { source: Arc::clone(&person.source), reason: Arc::clone(reason) };
        let event = self.event(who, content, now);
        let nick = Arc::clone(person.nick.shown());
        let (rooms, devices) = (person.rooms.clone(), person.devices.clone());
        for conn in &devices {
            rooms.iter().for_each(|room| self.unfollow(*conn, *room, effects));
        }
        if !rooms.is_empty() {
            self.tell_peers(who, None, &event, effects);
        }
        for room in rooms {
            self.take_out(who, room, effects);
        }
        for conn in devices {
            self.forget_device(conn);
        }
        self.set_identity(who, None);
        let person = self.people.remove(who).expect("they were there above");
        self.operators.remove(&who);
        self.whowas.remember(&person, now.wall, self.settings.limits.whowas_entries_max);
        self.tell_watchers(now, person.nick.key(), person.nick.shown(), false, effects);
        effects.push(Effect::Report(ServerEvent::Departed { nick, reason: Arc::clone(reason) }));
        self.stop_if_empty(effects);
    }

    /// Ends a person's visit on all their connections, and tells these why.
    pub(super) fn send_away(
        &mut self,
        now: Now,
        who: PersonId,
        reason: &Arc<str>,
        effects: &mut Vec<Effect>,
    ) {
        for conn in self.person(who).devices.clone() {
            effects.push(Effect::Close { conn, reason: Arc::clone(reason) });
        }
        self.leave_for_good(now, who, reason, effects);
    }
}
