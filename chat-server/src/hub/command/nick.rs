//! `NICK` after registration (RFC 2812 §3.1.2).

use std::sync::Arc;

use chat_core::proto::{Nick, is_reserved_nick};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{Hub, Refusal, Turn},
};

impl Hub {
    pub(super) fn nick(&mut self, turn: &mut Turn<'_>, nick: &str) -> Result<(), Refusal> {
        let new = Nick::new(nick).ok().filter(|nick| !is_reserved_nick(nick));
        let new = new.ok_or_else(|| Refusal::ErroneousNick(nick.to_owned()))?;
        let conn = turn.conn;
        if self.nicks.get(new.key()).is_some_and(|owner| *owner != conn) {
            return Err(Refusal::NickInUse(nick.to_owned()));
        }
        let person = self.person(conn);
        if person.nick.as_str() == new.as_str() {
            return Ok(());
        }
        let content =
            Content::Nick { source: Arc::clone(&person.source), nick: Arc::clone(new.shown()) };
        let event = self.event(turn.conn, content, turn.now);
        let old_key = Arc::clone(person.nick.key());
        self.tell_peers(conn, &event, turn.effects);
        if old_key != *new.key() {
            let n_max = self.house.limits.whowas_entries_max;
            self.departed.remember(&self.people[&conn], turn.now.wall, n_max);
        }
        let old_nick = Arc::clone(self.person(conn).nick.shown());
        self.nicks.remove(&old_key);
        self.nicks.insert(Arc::clone(new.key()), conn);
        self.person_mut(conn).set_nick(new);
        let person = self.person(conn);
        if *person.nick.key() != old_key {
            self.tell_watchers(turn.now, &old_key, &old_nick, false, turn.effects);
            self.tell_watchers(turn.now, person.nick.key(), &person.source, true, turn.effects);
            self.introduce_to_watchers(turn.now, conn, turn.effects);
        }
        turn.say(ReplyLine::Event(event));
        Ok(())
    }
}
