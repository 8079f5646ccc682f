//! `CHGHOST nick user host`: an operator of the server gives someone another user name and host, such as
//! one that does not show where they are (<https://ircv3.net/specs/extensions/chghost>).

use std::sync::Arc;

use chat_core::proto::{CommandError, Numeric, USER_BYTES_MAX};

use crate::{
    delivery::{Content, Page, Reply, ReplyLine},
    hub::{Effect, Hub, Now, Refusal, Turn},
    ids::ConnId,
};

/// Bytes of a host.
const HOST_BYTES_MAX: usize = 63;

impl Hub {
    pub(super) fn chghost(
        &mut self,
        turn: &mut Turn<'_>,
        nick: &str,
        user: &str,
        host: &str,
    ) -> Result<(), Refusal> {
        if !self.person(turn.conn).modes.is_operator {
            return Err(Refusal::NoPrivileges);
        }
        let is_word = |word: &str, bytes_max| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/~".contains(&byte);
            word.len() <= bytes_max && !word.starts_with(':') && word.bytes().all(is_allowed)
        };
        if !is_word(user, USER_BYTES_MAX) || !is_word(host, HOST_BYTES_MAX) {
            return Err(CommandError::NeedMoreParams("CHGHOST").into());
        }
        let conn = self.find_person(nick)?.conn;
        let event = self.change_host(turn.now, conn, user.into(), host.into(), turn.effects);
        let shown = Arc::clone(self.person(conn).nick.shown());
        let hidden: Vec<Box<str>> =
            vec![format!("{user}@{host}").into(), "is now your user and host".into()];
        let hidden = ReplyLine::Numeric(Numeric::RPL_HOSTHIDDEN, hidden);
        if conn == turn.conn {
            turn.say(ReplyLine::Event(event));
            turn.say(hidden);
            return Ok(());
        }
        self.tell(conn, &event, turn.effects);
        let nick = Arc::clone(&shown);
        let reply = Reply { label: None, nick, lines: vec![hidden], page: Page::Only };
        turn.effects.push(Effect::Reply { conn, reply });
        let (server, asker) = (&self.house.name, &self.person(turn.conn).nick);
        let notice = format!(":{server} NOTICE {asker} :{shown} is now {user}@{host}");
        turn.say(ReplyLine::Raw(notice.into()));
        Ok(())
    }

    /// Changes it and tells everyone but its owner.
    fn change_host(
        &mut self,
        now: Now,
        conn: ConnId,
        user: Arc<str>,
        host: Arc<str>,
        effects: &mut Vec<Effect>,
    ) -> Arc<crate::delivery::Event> {
        let source = Arc::clone(&self.person(conn).source);
        let content = Content::Chghost { source, user: Arc::clone(&user), host: Arc::clone(&host) };
        let event = self.event(conn, content, now);
        self.tell_of_change(conn, &event, effects);
        self.reconnect_for_others(now, conn, &user, &host, effects);
        self.person_mut(conn).set_host(user, host);
        event
    }

    /// For those who do not understand the change: as if its owner had left and come back ("Fallback").
    fn reconnect_for_others(
        &self,
        now: Now,
        conn: ConnId,
        user: &Arc<str>,
        host: &Arc<str>,
        effects: &mut Vec<Effect>,
    ) {
        let person = self.person(conn);
        let reason = "Changing hostname".into();
        let quit = Content::Quit { source: Arc::clone(&person.source), reason };
        let quit = self.event(conn, quit, now);
        let knows = |other: ConnId| {
            let capabilities = self.person(other).capabilities;
            other == conn || capabilities.contains(chat_core::proto::Capability::Chghost)
        };
        let rooms = person.rooms.iter().map(|room| &self.rooms[room]);
        let others: std::collections::BTreeSet<ConnId> = rooms
            .clone()
            .flat_map(|room| room.members.keys().copied())
            .filter(|c| !knows(*c))
            .collect();
        self.tell_some(others.iter().copied(), &quit, effects);
        let source: Arc<str> = format!("{}!{user}@{host}", person.nick).into();
        for room in rooms {
            let members = || room.members.keys().copied().filter(|member| !knows(*member));
            let join = Content::Join {
                source: Arc::clone(&source),
                room: Arc::clone(room.name.shown()),
                realname: Arc::clone(&person.realname),
            };
            let join = self.event(conn, join, now);
            self.tell_some(members(), &join, effects);
            let letters = room.members[&conn].letters();
            if !letters.is_empty() {
                let mode = Content::Mode {
                    source: self.house.name.as_str().into(),
                    target: Arc::clone(room.name.shown()),
                    changes: format!("+{letters}").into(),
                    arguments: letters.chars().map(|_| Arc::clone(person.nick.shown())).collect(),
                };
                let mode = Arc::new(crate::delivery::Event::new(mode, now.wall, None));
                self.tell_some(members(), &mode, effects);
            }
        }
    }
}
