//! `SETNAME` (<https://ircv3.net/specs/extensions/setname>).

use std::sync::Arc;

use chat_core::{
    proto::{Capability, REALNAME_BYTES_MAX, cut},
    text::printable,
};

use crate::{
    delivery::{Content, ReplyLine},
    hub::{Hub, refusal::Refusal, replies::turn::Turn},
};

impl Hub {
    pub(crate) fn setname(&mut self, turn: &mut Turn, realname: &str) -> Result<(), Refusal> {
        let realname: Arc<str> = cut(&printable(realname), REALNAME_BYTES_MAX).into();
        if realname.trim().is_empty() {
            let text = "a real name has at least one character that can be seen";
            return Err(Refusal::fail("SETNAME", "INVALID_REALNAME", &[], text));
        }
        self.speak_everywhere(turn).map_err(|(id, why)| {
            let text = format!("your rooms are told of it, and of {}: {why}", self.rooms[&id].name);
            Refusal::fail("SETNAME", "CANNOT_CHANGE_REALNAME", &[], &text)
        })?;
        let person = self.people.person_mut(turn.person);
        person.realname = (&*realname).into();
        let content = Content::Setname { source: Arc::clone(&person.source), realname };
        let event = self.event(turn.person, content);
        self.tell_of_change(turn.person, Some(turn.conn), &event);
        if self.people.device(turn.conn).capabilities.contains(Capability::Setname) {
            turn.say(ReplyLine::Event(event));
        }
        Ok(())
    }
}
