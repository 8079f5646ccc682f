//! Entering rooms: founding them, becoming a member, being shown what is there.

use std::sync::Arc;

use chat_core::proto::{Capability, Command, RoomName};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{
        Hub,
        effect::Effect,
        refusal::Refusal,
        replies::turn::Turn,
        state::{rank::Rank, read_markers::ReadMarker},
    },
    ids::{ConnId, RoomId},
};

impl Hub {
    /// Puts a person into a room, founding it if it is not there. They are told by their reply, and on their
    /// other connections as it happens.
    pub(crate) fn enter(&mut self, turn: &mut Turn, name: RoomName) -> RoomId {
        let who = turn.person;
        let existing = self.rooms.by_key(name.key()).map(|room| room.id);
        let id = existing
            .unwrap_or_else(|| self.rooms.found(name, self.now().wall, self.settings.n_workers));
        if let (None, Some(account)) = (existing, self.people.person(who).account.clone()) {
            self.own(id, &account);
        }
        let person = self.people.person(who);
        let content = Content::Join {
            source: Arc::clone(&person.source),
            room: Arc::clone(self.rooms[&id].name.shown()),
            realname: (&*person.realname).into(),
        };
        let event = self.event(who, content);
        let room = &self.rooms[&id];
        self.tell_room(room, None, &event);
        if let Some(reason) = person.particulars.away.clone() {
            let away = Content::Away { source: Arc::clone(&person.source), reason: Some(reason) };
            let away = self.event(who, away);
            self.tell_room(room, None, &away);
        }
        self.tell_person(who, Some(turn.conn), &event);
        turn.say(ReplyLine::Event(event));
        let devices = person.devices.clone();
        let account = person.account.clone();
        let room = self.rooms.room_mut(id);
        let rank = if room.ownership.is_some() {
            room.rank_of(account.as_ref())
        } else {
            // One that is nobody's is operated by whoever founds it.
            Rank { is_operator: room.members.is_empty(), has_voice: false }
        };
        room.add(who, rank);
        let person = self.people.person_mut(who);
        if !person.particulars.invited.is_empty() {
            person.particulars.change(|own| own.invited.remove(&id));
        }
        person.rooms.push(id);
        for conn in &devices {
            self.follow(*conn, id);
        }
        self.introduce(who, id);
        for conn in devices.into_iter().filter(|conn| *conn != turn.conn) {
            self.show_room_elsewhere(conn, id);
        }
        id
    }

    /// Shows a room that was entered on another connection: as if the client had asked, in its turn.
    pub(crate) fn show_room_elsewhere(&mut self, conn: ConnId, id: RoomId) {
        let (room, device) = (&self.rooms[&id], self.people.device(conn));
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
            self.out.follow_up(conn, command);
        }
        self.ask_for_replay(conn, id);
    }

    /// A connection of a member's gets what happens in a room from here on.
    pub(crate) fn follow(&mut self, conn: ConnId, id: RoomId) {
        self.out.push(Effect::Subscribe { conn, room: id });
        self.rooms.room_mut(id).add_device(conn);
    }

    /// Shows on one connection of a person all the rooms they are in, which it follows from here on.
    pub(crate) fn show_all_rooms(&mut self, turn: &mut Turn) {
        let rooms = self.people.person(turn.person).rooms.clone();
        for id in &rooms {
            let person = self.people.person(turn.person);
            let content = Content::Join {
                source: Arc::clone(&person.source),
                room: Arc::clone(self.rooms[id].name.shown()),
                realname: (&*person.realname).into(),
            };
            turn.say(ReplyLine::Event(self.event(turn.person, content)));
            self.follow(turn.conn, *id);
        }
        for id in rooms {
            self.show_room(turn, id);
        }
    }

    /// Puts the asker into a room and shows it to them: topic and names, as RFC 2812 has them.
    /// Being in it already is no error.
    pub(crate) fn join_one(&mut self, turn: &mut Turn, name: RoomName) {
        let person = self.people.person(turn.person);
        let existing = self.rooms.by_key(name.key());
        if existing.is_some_and(|room| room.has(turn.person)) {
            return;
        }
        if existing.is_none()
            && let Err(refusal) = self.check_founding(&name)
        {
            return turn.say(refusal.reply());
        }
        if person.rooms.len() >= self.settings.limits.rooms_per_person_max {
            return turn.say(Refusal::TooManyRooms(name.to_string()).reply());
        }
        let id = self.enter(turn, name);
        self.show_room(turn, id);
    }

    /// Shows a room to somebody who is in it from now on, on the connection of their turn.
    pub(crate) fn show_room(&mut self, turn: &mut Turn, id: RoomId) {
        let room = &self.rooms[&id];
        if room.topic.is_some() {
            self.show_topic(turn, room);
        }
        let (key, name) = (Arc::clone(room.name.key()), Arc::clone(room.name.shown()));
        // "before the `RPL_ENDOFNAMES` reply for that channel" (read-marker)
        if self.people.device(turn.conn).capabilities.contains(Capability::ReadMarker) {
            let identity = self.identity_of(turn.person);
            turn.say(self.marker_line(&ReadMarker { identity, of: key }, &name));
        }
        if !self.people.device(turn.conn).capabilities.contains(Capability::NoImplicitNames) {
            self.show_names(turn, id, name);
        }
        turn.reply.extend(self.sync_on_join(turn.conn, id));
        self.ask_for_replay(turn.conn, id);
    }
}
