//! Connections that come to an account's nick, or leave the account: each of them alone.

use std::sync::Arc;

use chat_core::proto::{CaseMapping, Nick, Service};
use smallvec::SmallVec;

use crate::{
    delivery::ReplyLine,
    event::ServerEvent,
    hub::{
        Hub,
        effect::Effect,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            codec,
            device::Reader,
            person::{Particulars, Person, UserModes, source},
        },
    },
};

impl Hub {
    /// Gives the nick of an account to the connection that has proved that it is theirs, with the rooms of whoever had it in
    /// the account, and ends the other connections that had it.
    ///
    /// # Errors
    /// A sentence, if the account's name is no nick.
    pub(crate) fn take_back_nick(&mut self, turn: &mut Turn, account: &str) -> Result<(), Refusal> {
        let nick = Nick::new(account).map_err(|_| {
            let text = "the name of this account is no nick".to_owned();
            Refusal::Service { by: Service::NickServ, text }
        })?;
        let holder = self.people.by_nick(nick.key());
        let mut others = Vec::new();
        match holder.map(|holder| self.people.person(holder)) {
            Some(holder)
                if holder
                    .account
                    .as_ref()
                    .is_some_and(|own| CaseMapping::Ascii.same(own, account)) =>
            {
                others.extend(holder.devices.iter().copied().filter(|conn| *conn != turn.conn));
                let holder = holder.id;
                if holder != turn.person {
                    self.go_on_as(turn, holder);
                }
            }
            holder => {
                // A guest, from before it was an account's.
                let guest = holder.map(|guest| guest.id);
                if let Some(guest) = guest {
                    self.give_back_nick(guest);
                }
                let event = self.change_nick(turn.person, Some(turn.conn), nick);
                turn.say(ReplyLine::Event(event));
            }
        }
        let reason: Arc<str> = "Session ended: its owner has taken the nick back".into();
        for conn in &others {
            self.out.push(Effect::Close { conn: *conn, reason: Arc::clone(&reason), label: None });
            self.end_device(*conn, &reason);
        }
        let nick = Arc::clone(self.people.person(turn.person).nick.shown());
        let text = match others.len() {
            0 => format!("you are {nick}"),
            1 => format!("you are {nick}, and the connection that had it is ended"),
            n => format!("you are {nick}, and the {n} connections that had it are ended"),
        };
        turn.say(ReplyLine::Said { by: Service::NickServ, text: text.into() });
        Ok(())
    }

    /// The connection of a turn goes on as a guest of its own, with a nick that nobody has: it leaves the rooms it was in, and
    /// whose connection it was stays as they are.
    pub(crate) fn go_on_as_guest(&mut self, turn: &mut Turn) {
        let (conn, before) = (turn.conn, turn.person);
        self.end_privilege(conn, None);
        let (now, nick) = (self.now(), self.free_nick());
        let Reader { person, device } = self.people.reader(conn);
        let host = device.cloak.as_deref().unwrap_or(&device.address);
        let source = source(&nick, person.user(), host);
        let (realname, modes) = (person.realname.clone(), person.modes);
        let (signed_on, address) = (codec::unix_seconds(device.since), Arc::from(&*device.address));
        let guest = self.people.insert(|id| Person {
            id,
            nick: nick.clone(),
            realname,
            source,
            devices: SmallVec::new(),
            account: None,
            identity: None,
            modes: UserModes { shows_operator: false, ..modes },
            particulars: Particulars::default().into(),
            rooms: Vec::new(),
            signed_on,
            last_spoke: now.mono,
        });
        self.become_another(turn, guest);
        self.note_away(before, None);
        let arrived = ServerEvent::Arrived { nick: Arc::clone(nick.shown()), host: address };
        self.out.push(Effect::Report(arrived));
        let source = Arc::clone(&self.people.person(guest).source);
        self.tell_watchers(nick.key(), &source, true);
        self.introduce_to_watchers(guest);
        if self.settings.auto_join {
            let room = self.settings.room.clone();
            self.join_one(turn, room, None);
        }
    }
}
