//! Entering rooms: founding them, becoming a member, being shown what is there.

use std::sync::Arc;

use chat_core::proto::{Capability, Command, RoomName};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{
        Hub,
        effect::Effect,
        people::{away::WORDLESS, speech::Speech},
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            entrance::{Entrance, Permit},
            rank::Rank,
            read_markers::{Marked, ReadMarker},
        },
    },
    ids::{ConnId, RoomId},
    origin::Origin,
};

impl Hub {
    /// Makes the asker a member of a room that they may come into. They are told by their reply, and on their other
    /// connections as it happens.
    fn enter(&mut self, turn: &mut Turn, id: RoomId, permit: Permit, founds: bool) {
        let who = turn.person;
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
            let is_heard = self.find_silence(who, Some(turn.conn), id, Speech::Beside).is_none();
            let reason = if is_heard { reason } else { WORDLESS.into() };
            let away = Content::Away { source: Arc::clone(&person.source), reason: Some(reason) };
            let away = self.event(who, away);
            self.tell_room(room, None, &away);
        }
        self.tell_person(who, Some(turn.conn), &event);
        turn.say(ReplyLine::Event(event));
        let devices = person.devices.clone();
        let account = person.account.clone();
        let room = self.rooms.room_mut(id);
        // Rank comes from founding or from an account, never from being the first who is there.
        let by_account = room.rank_of(account.as_ref());
        let rank = Rank { is_operator: by_account.is_operator || founds, ..by_account };
        room.admit(permit, rank);
        self.note_room_use(id);
        let person = self.people.person_mut(who);
        if !person.particulars.invited.is_empty() {
            person.particulars.change(|own| own.invited.remove(&id));
        }
        person.rooms.push(id);
        for conn in &devices {
            self.follow(*conn, id);
        }
        self.introduce(who, id);
        self.accounts.stir(account.as_deref());
        self.note_here(who, id);
        for conn in devices.into_iter().filter(|conn| *conn != turn.conn) {
            self.show_room_elsewhere(conn, id);
        }
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
            self.note_here(turn.person, *id);
        }
        for id in rooms {
            self.show_room(turn, id);
        }
    }

    /// Puts the asker into a room and shows it to them, topic and names, as RFC 2812 has them, or says why they may not come
    /// in: this is every way in. Being in it already is no error.
    pub(crate) fn join_one(&mut self, turn: &mut Turn, name: RoomName, key: Option<&str>) {
        let existing = self.rooms.by_key(name.key());
        if existing.is_some_and(|room| room.has(turn.person)) {
            return;
        }
        let refusal = match self.check_entrance(turn.conn, &name, key) {
            Ok(Some(Entrance::Free(permit))) => self.come_in(turn, permit).err(),
            Ok(Some(Entrance::ByLink(link))) => self.join_by_link(turn, link).err(),
            Ok(None) => self.found_and_come_in(turn, name).err(),
            Err(Refusal::NeedsApproval(_)) => self.join_later(turn, &name).err(),
            Err(refusal) => Some(refusal),
        };
        if let Some(refusal) = refusal {
            turn.say(refusal.reply());
        }
    }

    /// Founds a room and puts its founder into it.
    fn found_and_come_in(&mut self, turn: &mut Turn, name: RoomName) -> Result<(), Refusal> {
        self.check_founding(turn, &name)?;
        self.check_n_rooms(turn.person, &name)?;
        let id = self.rooms.found(name.clone(), self.now().wall, self.settings.n_workers);
        let address = &*self.people.device(turn.conn).address;
        let is_counted = !self.settings.limits.is_exempt(address);
        let network = is_counted.then(|| Origin::of_host(address).of_one());
        self.rooms.set_founded_from(id, network);
        // What is kept from before is nobody's to rule, nor is the room that everybody is put into.
        let room = &self.rooms[&id];
        let has_past = room.has_past && self.settings.keeps_history;
        let founds = !has_past && !room.is_lobby();
        if let Some(account) = self.people.person(turn.person).account.clone()
            && founds
        {
            self.own(id, &account);
        }
        match self.check_entrance(turn.conn, &name, None)? {
            Some(Entrance::Free(permit)) => {
                self.enter(turn, id, permit, founds);
                self.show_room(turn, id);
                Ok(())
            }
            bar => unreachable!("a room that has just been founded has no bar: {bar:?}"),
        }
    }

    /// The asker, who may, comes into a room and is shown it.
    pub(crate) fn come_in(&mut self, turn: &mut Turn, permit: Permit) -> Result<(), Refusal> {
        let id = permit.room();
        self.check_n_rooms(turn.person, &self.rooms[&id].name)?;
        self.enter(turn, id, permit, false);
        self.show_room(turn, id);
        Ok(())
    }

    /// Asks to be let into a room where newcomers are let in one by one.
    fn join_later(&mut self, turn: &mut Turn, name: &RoomName) -> Result<(), Refusal> {
        let room = self.rooms.find(name.as_str())?;
        let (id, reply) = (room.id, Refusal::NeedsApproval(room.name.to_string()).reply());
        self.ask_to_come_in(turn, id, None, vec![reply])
    }

    /// Shows a room to somebody who is in it from now on, on the connection of their turn.
    pub(crate) fn show_room(&mut self, turn: &mut Turn, id: RoomId) {
        let room = &self.rooms[&id];
        if room.topic.is_some() {
            self.show_topic(turn, room);
        }
        let (of, name) = (Marked::Room(room.conversation), Arc::clone(room.name.shown()));
        // "before the `RPL_ENDOFNAMES` reply for that channel" (read-marker)
        if self.people.device(turn.conn).capabilities.contains(Capability::ReadMarker) {
            let identity = self.identity_of(turn.person);
            turn.say(self.marker_line(&ReadMarker { identity, of }, &name));
        }
        if !self.people.device(turn.conn).capabilities.contains(Capability::NoImplicitNames) {
            self.show_names(turn, id, name);
        }
        turn.reply.extend(self.sync_on_join(turn.conn, id));
        self.ask_for_replay(turn.conn, id);
    }
}
