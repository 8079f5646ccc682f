//! `CHGHOST nick user host`: an operator of the server gives someone another user name and host, such as
//! one that does not show where they are (<https://ircv3.net/specs/extensions/chghost>).

use std::sync::Arc;

use chat_core::proto::{CommandError, Numeric, USER_BYTES_MAX};

use crate::{
    delivery::{Content, RecordContent, ReplyLine},
    hub::{Hub, refusal::Refusal, replies::turn::Turn, state::device::Device},
    ids::{ConnId, PersonId},
};

/// Bytes of a host.
const HOST_BYTES_MAX: usize = 63;

impl Hub {
    pub(crate) fn chghost(
        &mut self,
        turn: &mut Turn,
        nick: &str,
        user: &str,
        host: &str,
    ) -> Result<(), Refusal> {
        if !self.people.device(turn.conn).is_operator() {
            return Err(Refusal::NoPrivileges);
        }
        let is_word = |word: &str, bytes_max| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/~".contains(&byte);
            word.len() <= bytes_max && !word.starts_with(':') && word.bytes().all(is_allowed)
        };
        if !is_word(user, USER_BYTES_MAX) || !is_word(host, HOST_BYTES_MAX) {
            return Err(CommandError::NeedMoreParams("CHGHOST").into());
        }
        let who = self.people.find(nick)?.id;
        self.note_operator_action(turn.conn, &format!("CHGHOST {nick} {user} {host}"));
        self.change_host(who, user.into(), host.into());
        let person = self.people.person(who);
        let hidden: Vec<Box<str>> =
            vec![format!("{user}@{host}").into(), "is now your user and host".into()];
        let hidden = ReplyLine::Numeric(Numeric::RPL_HOSTHIDDEN, hidden);
        for conn in person.devices.iter().copied().filter(|conn| *conn != turn.conn) {
            self.say_to(conn, None, vec![hidden.clone()]);
        }
        if who == turn.person {
            turn.say(hidden);
            return Ok(());
        }
        let (server, asker) = (&self.settings.name, &self.people.person(turn.person).nick);
        let notice = format!(":{server} NOTICE {asker} :{} is now {user}@{host}", person.nick);
        turn.say(ReplyLine::Raw(notice.into()));
        Ok(())
    }

    /// Changes it and tells everyone.
    fn change_host(&mut self, who: PersonId, user: Arc<str>, host: Arc<str>) {
        let source = Arc::clone(&self.people.person(who).source);
        let content = Content::Chghost { source, user: Arc::clone(&user), host: Arc::clone(&host) };
        let event = self.event(who, content);
        self.tell_of_change(who, None, &event);
        self.reconnect_for_others(who, &user, &host);
        self.people.person_mut(who).set_host(&user, &host);
        self.accounts.stir(self.people.person(who).account.as_deref());
    }

    /// Shows the change to those who do not understand it: as if its owner had left and come back ("Fallback").
    fn reconnect_for_others(&self, who: PersonId, user: &Arc<str>, host: &Arc<str>) {
        let now = self.now();
        let person = self.people.person(who);
        let reason = "Changing hostname".into();
        let quit = Content::Quit { source: Arc::clone(&person.source), reason };
        let quit = self.event(who, quit);
        let knows = |other: &ConnId| {
            let Device { person, capabilities, .. } = self.people.device(*other);
            *person == who || capabilities.contains(chat_core::proto::Capability::Chghost)
        };
        let rooms = person.rooms.iter().map(|room| &self.rooms[room]);
        let peers: std::collections::BTreeSet<PersonId> =
            rooms.clone().flat_map(|room| room.members.keys().copied()).collect();
        let others = self.people.devices_of(peers.into_iter()).filter(|conn| !knows(conn));
        self.tell_some(others, &quit);
        let source: Arc<str> = format!("{}!{user}@{host}", person.nick).into();
        for room in rooms {
            let members =
                || self.people.devices_of(room.members.keys().copied()).filter(|conn| !knows(conn));
            let join = Content::Join {
                source: Arc::clone(&source),
                room: Arc::clone(room.name.shown()),
                realname: (&*person.realname).into(),
            };
            let join = self.event(who, join);
            self.tell_some(members(), &join);
            let letters = room.members[&who].letters();
            if !letters.is_empty() {
                let mode = Content::Record(RecordContent::Mode {
                    source: self.settings.name.as_str().into(),
                    target: Arc::clone(room.name.shown()),
                    changes: format!("+{letters}").into(),
                    arguments: letters.chars().map(|_| Arc::clone(person.nick.shown())).collect(),
                });
                let mode = Arc::new(crate::delivery::Event::new(mode, now.wall, None));
                self.tell_some(members(), &mode);
            }
        }
    }
}
