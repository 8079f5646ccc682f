//! `SETNAME` (<https://ircv3.net/specs/extensions/setname>).

use std::sync::Arc;

use chat_core::proto::{Capability, REALNAME_BYTES_MAX, cut};

use crate::{
    delivery::{Content, Event, ReplyLine},
    hub::{Hub, Refusal, Turn},
};

impl Hub {
    pub(super) fn setname(&mut self, turn: &mut Turn<'_>, realname: &str) -> Result<(), Refusal> {
        let realname: Arc<str> = cut(realname, REALNAME_BYTES_MAX).into();
        let person = self.person_mut(turn.conn);
        person.realname = Arc::clone(&realname);
        let understands = person.capabilities.contains(Capability::Setname);
        let content = Content::Setname { source: Arc::clone(&person.source), realname };
        let event = Arc::new(Event::new(content, turn.now.wall, None));
        self.tell_peers(turn.conn, &event, turn.effects);
        if understands {
            turn.say(ReplyLine::Event(event));
        }
        Ok(())
    }
}
