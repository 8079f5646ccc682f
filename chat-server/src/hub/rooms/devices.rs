//! Connections that go on as another person's.

use std::sync::Arc;

use crate::{
    delivery::{Content, ReplyLine},
    hub::{Hub, replies::turn::Turn},
    ids::PersonId,
};

impl Hub {
    /// The connection of a turn goes on as another one of `other`, who is the same person by their account: it leaves
    /// the rooms it was in, takes the nick, and is in the other one's rooms.
    pub(crate) fn go_on_as(&mut self, turn: &mut Turn, other: PersonId) {
        let before = turn.person;
        let nick = Arc::clone(self.people.person(other).nick.shown());
        self.become_another(turn, other);
        if self.people.person(before).devices.is_empty() {
            let reason = format!("Is here as {nick}").into();
            self.leave_for_good(before, &reason);
        } else {
            self.note_away(before, None);
        }
        self.show_all_rooms(turn);
        self.note_away(other, None);
    }

    /// The connection of a turn is another person's from here on: it is told that it leaves the rooms it was in, and of its
    /// nick.
    pub(crate) fn become_another(&mut self, turn: &mut Turn, other: PersonId) {
        let (conn, before) = (turn.conn, turn.person);
        let rooms = self.people.person(before).rooms.clone();
        self.note_left(before, &rooms, &[conn]);
        for id in rooms {
            let source = Arc::clone(&self.people.person(before).source);
            let room = Arc::clone(self.rooms[&id].name.shown());
            let part = Content::Part { source, room, reason: None };
            turn.say(ReplyLine::Event(self.event(before, part)));
            self.unfollow(conn, id);
        }
        let source = Arc::clone(&self.people.person(before).source);
        let nick = Arc::clone(self.people.person(other).nick.shown());
        let renamed = self.event(before, Content::Nick { source, nick });
        turn.say(ReplyLine::Event(renamed));
        self.people.move_device(conn, other);
        turn.person = other;
    }
}
