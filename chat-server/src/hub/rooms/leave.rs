//! Ways into rooms and out of them, and how people leave for good.

use std::sync::Arc;

use crate::{
    delivery::Content,
    event::ServerEvent,
    hub::{Hub, effect::Effect, state::person::Person},
    ids::{ConnId, PersonId, RoomId},
};

/// The reason of a wanted departure that says nothing, or is not heard.
pub(crate) const WORDLESS: &str = "Quit";

impl Hub {
    /// A newcomer is gone.
    pub(crate) fn forget_newcomer(&mut self, conn: ConnId) {
        self.people.remove_newcomer(conn);
        self.accounts.take_exchange(conn);
    }

    pub(crate) fn unfollow(&mut self, conn: ConnId, id: RoomId) {
        self.out.push(Effect::Unsubscribe { conn, room: id });
        self.rooms.room_mut(id).remove_device(conn);
    }

    /// Takes a person out of a room; the last one ends it, unless it is registered. Nobody is told here.
    pub(crate) fn remove_member(&mut self, who: PersonId, id: RoomId) {
        let devices = self.people.person(who).devices.clone();
        self.note_left(who, &[id], &devices);
        for conn in devices {
            self.unfollow(conn, id);
        }
        self.take_out(who, id);
    }

    /// A room that a member's connections follow no more is without them.
    fn take_out(&mut self, who: PersonId, id: RoomId) {
        self.leave_pace(who, id);
        self.people.person_mut(who).rooms.retain(|room| *room != id);
        self.accounts.stir(self.people.person(who).account.as_deref());
        let room = self.rooms.room_mut(id);
        room.remove(who);
        if room.members.is_empty() && !room.is_registered() {
            self.end_room(id);
        }
    }

    /// A connection of a person is gone. With the last one they are.
    pub(crate) fn end_device(&mut self, conn: ConnId, reason: &Arc<str>) {
        self.end_device_saying(conn, reason, &[]);
    }

    /// A connection is gone for a reason that its person gave, who is not heard in some of their rooms.
    pub(crate) fn end_device_saying(&mut self, conn: ConnId, reason: &Arc<str>, deaf: &[RoomId]) {
        let who = self.people.device(conn).person;
        let person = self.people.person(who);
        if person.devices.len() == 1 && !self.accounts.stays(person.account.as_deref()) {
            return self.leave_saying(who, reason, deaf);
        }
        let rooms = self.people.person(who).rooms.clone();
        self.note_left(who, &rooms, &[conn]);
        self.note_disconnected(who, &[conn]);
        for room in rooms {
            self.unfollow(conn, room);
        }
        self.forget_device(conn);
        self.note_away(who, None);
        self.stop_if_empty();
    }

    fn stop_if_empty(&mut self) {
        if !self.people.has_devices() && self.settings.exit_when_empty {
            self.stop(&"The last person has left".into());
        }
    }

    /// Nothing is to be done for a connection any more.
    fn forget_device(&mut self, conn: ConnId) {
        self.awaited.forget_responses(conn);
        self.accounts.take_exchange(conn);
        self.people.remove_device(conn);
    }

    /// A person is gone: everyone who could see them is told once.
    pub(crate) fn leave_for_good(&mut self, who: PersonId, reason: &Arc<str>) {
        self.leave_saying(who, reason, &[]);
    }

    /// [`Hub::leave_for_good`], for a reason that some of their rooms do not hear.
    fn leave_saying(&mut self, who: PersonId, reason: &Arc<str>, deaf: &[RoomId]) {
        let now = self.now();
        let person = self.people.person(who);
        let saying = |reason: Arc<str>| {
            self.event(who, Content::Quit { source: Arc::clone(&person.source), reason })
        };
        let (event, wordless) = (saying(Arc::clone(reason)), saying(WORDLESS.into()));
        let nick = Arc::clone(person.nick.shown());
        let (rooms, devices) = (person.rooms.clone(), person.devices.clone());
        // Who stayed without a connection left with the last one.
        if !devices.is_empty() {
            self.note_left(who, &rooms, &devices);
            self.note_disconnected(who, &devices);
        }
        for conn in &devices {
            rooms.iter().for_each(|room| self.unfollow(*conn, *room));
        }
        if !rooms.is_empty() {
            self.tell_peers_apart(who, None, &event, deaf, &wordless);
        }
        for room in rooms {
            self.take_out(who, room);
        }
        for conn in devices {
            self.forget_device(conn);
        }
        self.set_identity(who, None);
        let n_whowas_max = self.settings.limits.whowas_entries_max;
        let person = self.people.remove(who, now.wall, n_whowas_max);
        self.tell_watchers(person.nick.key(), person.nick.shown(), false);
        self.out.push(Effect::Report(ServerEvent::Departed { nick, reason: Arc::clone(reason) }));
        self.stop_if_empty();
    }

    /// Ends a person's visit on all their connections, and tells these why.
    pub(crate) fn send_away(&mut self, who: PersonId, reason: &Arc<str>) {
        for conn in self.people.person(who).devices.clone() {
            self.out.push(Effect::Close { conn, reason: Arc::clone(reason), label: None });
        }
        self.leave_for_good(who, reason);
    }

    /// Lets those leave who are here without a connection and are not to stay.
    pub(crate) fn let_go(&mut self) {
        let is_over = |person: &Person| {
            person.devices.is_empty() && !self.accounts.stays(person.account.as_deref())
        };
        let over: Vec<PersonId> =
            self.people.iter().filter(|person| is_over(person)).map(|person| person.id).collect();
        for who in over {
            self.leave_for_good(who, &"Not connected any more".into());
        }
    }
}
