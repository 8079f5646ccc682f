//! `OPER` (RFC 2812 §3.1.4): the password is checked away from here, since that takes long by design. The connection that
//! gave it is an operator's, and no other one of the person.

use std::sync::Arc;

use chat_core::proto::{Numeric, mask_matches};

use crate::{
    auth::{NO_PASSWORD, Question},
    config::Oper,
    delivery::{Content, RecordContent, ReplyLine},
    hub::{
        Hub,
        refusal::Refusal,
        replies::{incidents::WrongSecret, turn::Turn},
        state::{password_check::CheckPurpose, person::source},
    },
};

impl Hub {
    pub(crate) fn oper(
        &mut self,
        turn: &mut Turn,
        name: String,
        password: String,
    ) -> Result<(), Refusal> {
        let asker = self.people.person(turn.person);
        // From where they really come, whatever host is shown.
        let address = &self.people.device(turn.conn).address;
        let source = &source(&asker.nick, asker.user(), address);
        let named = self.settings.opers.iter().filter(|oper| oper.name == name);
        let is_near = |masks: &[String]| {
            masks.is_empty() || masks.iter().any(|mask| mask_matches(mask, source))
        };
        let oper = named.clone().find(|oper| is_near(&oper.masks));
        // Whether the name, the place or the password is wrong is told by nothing, nor by the time it takes.
        let oper = oper.filter(|oper| !oper.password.is_empty()).map(|oper| Arc::new(oper.clone()));
        let hash = oper.as_ref().map_or(NO_PASSWORD, |oper| &oper.password).to_owned();
        let purpose = CheckPurpose::Oper { name: name.into(), oper };
        self.ask(turn, Question::check(hash, password), purpose)
    }

    /// The password of an `OPER` has been checked. The entry it is of may have been taken out of the configuration meanwhile.
    pub(crate) fn oper_checked(
        &mut self,
        turn: &mut Turn,
        name: &str,
        oper: Option<Arc<Oper>>,
    ) -> Result<(), Refusal> {
        let Some(oper) = oper.filter(|oper| self.settings.opers.contains(oper)) else {
            self.report_wrong(turn.conn, WrongSecret::Oper { name });
            return Err(Refusal::WrongPassword);
        };
        let was_one = self.people.set_operator(turn.conn, Some(Arc::clone(&oper)));
        self.note_operator_action(turn.conn, &format!("OPER {}", oper.name));
        turn.numeric(Numeric::RPL_YOUREOPER, &["You are now an operator of the server"]);
        if !was_one {
            let person = self.people.person(turn.person);
            let content = Content::Record(RecordContent::Mode {
                source: Arc::clone(&person.source),
                target: Arc::clone(person.nick.shown()),
                changes: "+o".into(),
                arguments: Vec::new(),
            });
            turn.say(ReplyLine::Event(self.event(turn.person, content)));
        }
        Ok(())
    }
}
