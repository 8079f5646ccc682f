//! `OPER` (RFC 2812 §3.1.4): the password is checked away from here, since that takes long by design.

use std::sync::Arc;

use chat_core::proto::{Numeric, mask_matches};

use crate::{
    auth::Question,
    delivery::{Content, RecordContent, ReplyLine},
    hub::{Hub, refusal::Refusal, replies::turn::Turn, state::password_check::CheckPurpose},
};

impl Hub {
    pub(crate) fn oper(
        &mut self,
        turn: &mut Turn,
        name: String,
        password: String,
    ) -> Result<(), Refusal> {
        let source = &self.people.person(turn.person).source;
        let named = self.settings.opers.iter().filter(|oper| oper.name == name);
        let is_near = |masks: &[String]| {
            masks.is_empty() || masks.iter().any(|mask| mask_matches(mask, source))
        };
        let oper = named.clone().find(|oper| is_near(&oper.masks));
        // Who is no operator from here learns nothing about passwords.
        let oper = oper.ok_or(Refusal::NoOperHost)?;
        let question = Question::check(oper.password.clone(), password);
        self.ask(turn, question, CheckPurpose::Oper)
    }

    /// The password of an `OPER` has been checked.
    pub(crate) fn oper_checked(&mut self, turn: &mut Turn, is_right: bool) -> Result<(), Refusal> {
        if !is_right {
            return Err(Refusal::WrongPassword);
        }
        let is_new = self.people.make_operator(turn.person);
        turn.numeric(Numeric::RPL_YOUREOPER, &["You are now an operator of the server"]);
        if is_new {
            let person = self.people.person(turn.person);
            let content = Content::Record(RecordContent::Mode {
                source: Arc::clone(&person.source),
                target: Arc::clone(person.nick.shown()),
                changes: "+o".into(),
                arguments: Vec::new(),
            });
            let event = self.event(turn.person, content);
            self.tell_person(turn.person, Some(turn.conn), &event);
            turn.say(ReplyLine::Event(event));
        }
        Ok(())
    }
}
