//! How people come into rooms and go out of them, and how they leave for good.

use std::{sync::Arc, time::SystemTime};

use chat_core::proto::RoomName;

use super::{
    Effect, Hub, Now, Turn,
    room::{Rank, Room},
};
use crate::{
    delivery::{Content, ReplyLine},
    event::ServerEvent,
    ids::{ConnId, RoomId},
    room_log::Note,
};

impl Hub {
    /// Puts a person into a room, founding it if it is not there. They are told by their reply.
    pub(super) fn enter(&mut self, turn: &mut Turn<'_>, name: RoomName) {
        let conn = turn.conn;
        let id = self.rooms_by_name.get(name.key()).copied();
        let id = id.unwrap_or_else(|| self.found(name, turn.now.wall));
        let person = self.person(conn);
        let content = Content::Join {
            source: Arc::clone(&person.source),
            room: Arc::clone(self.rooms[&id].name.shown()),
            realname: Arc::clone(&person.realname),
        };
        let event = self.event(conn, content, turn.now);
        let room = &self.rooms[&id];
        self.tell_room(room, None, &event, turn.effects);
        if let Some(reason) = person.away.clone() {
            let away = Content::Away { source: Arc::clone(&person.source), reason: Some(reason) };
            let away = self.event(conn, away, turn.now);
            self.tell_room(room, None, &away, turn.effects);
        }
        turn.say(ReplyLine::Event(event));
        turn.effects.push(Effect::Subscribe { conn, room: id });
        let room = self.rooms.get_mut(&id).expect("found or founded above");
        let rank = Rank { is_operator: room.members.is_empty(), has_voice: false };
        room.add(conn, rank);
        let person = self.person_mut(conn);
        person.invited.remove(&id);
        person.rooms.push(id);
        self.introduce(turn.now, conn, id, turn.effects);
    }

    pub(super) fn found(&mut self, name: RoomName, wall: SystemTime) -> RoomId {
        let id = RoomId(self.next_room);
        self.next_room += 1;
        self.rooms_by_name.insert(Arc::clone(name.key()), id);
        let mut room = Room::new(id, name, wall, self.house.n_workers);
        room.begin_after(self.latest_record);
        self.rooms.insert(id, room);
        id
    }

    /// Takes a person out of a room; the last one ends it. Nobody is told here.
    pub(super) fn remove_member(&mut self, conn: ConnId, id: RoomId, effects: &mut Vec<Effect>) {
        effects.push(Effect::Unsubscribe { conn, room: id });
        self.person_mut(conn).rooms.retain(|room| *room != id);
        let room = self.rooms.get_mut(&id).expect("members are in rooms that exist");
        room.remove(conn);
        if room.members.is_empty() {
            if room.is_closed() {
                effects.push(Effect::Note(Note::Ended { room: Arc::clone(room.name.key()) }));
            }
            self.latest_record = self.latest_record.max(room.latest);
            self.rooms_by_name.remove(room.name.key());
            self.rooms.remove(&id);
        }
    }

    /// A person is gone: everyone who could see them is told once.
    pub(super) fn leave_for_good(
        &mut self,
        now: Now,
        conn: ConnId,
        reason: &Arc<str>,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(conn);
        let content =
            Content::Quit { source: Arc::clone(&person.source), reason: Arc::clone(reason) };
        let event = self.event(conn, content, now);
        let nick = Arc::clone(person.nick.shown());
        self.tell_peers(conn, &event, effects);
        for room in self.person(conn).rooms.clone() {
            self.remove_member(conn, room, effects);
        }
        self.forget_answers(conn);
        self.forget_identity(conn);
        self.monitor_nobody(conn);
        self.unsubscribe_all(conn);
        self.exchanges.remove(&conn);
        let person = self.people.remove(&conn).expect("they were there above");
        self.departed.remember(&person, now.wall, self.house.limits.whowas_entries_max);
        self.tell_watchers(now, person.nick.key(), person.nick.shown(), false, effects);
        self.nicks.remove(person.nick.key());
        effects.push(Effect::Report(ServerEvent::Departed { nick, reason: Arc::clone(reason) }));
        if self.people.is_empty() && self.house.exit_when_empty {
            self.stop(&"The last person has left".into(), effects);
        }
    }
}
