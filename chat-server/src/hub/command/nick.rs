//! `NICK` after registration (RFC 2812 §3.1.2).

use chat_core::proto::{CaseMapping, Nick};

use crate::{
    delivery::ReplyLine,
    hub::{Hub, refusal::Refusal, replies::turn::Turn, state::reserved_names::Bearer},
};

impl Hub {
    pub(crate) fn nick(&mut self, turn: &mut Turn, nick: &str) -> Result<(), Refusal> {
        let bearer = Bearer::of(self.people.asker(turn.conn));
        let new = Nick::new(nick).ok().filter(|nick| !self.settings.reserves_nick(nick, bearer));
        let new = new.ok_or_else(|| Refusal::ErroneousNick(nick.to_owned()))?;
        let owner = self.people.by_nick(new.key()).filter(|owner| *owner != turn.person);
        if let Some(owner) = owner {
            let account = |id| self.people.person(id).account.as_deref();
            let is_same =
                |own: &str| account(owner).is_some_and(|a| CaseMapping::Ascii.same(own, a));
            if account(turn.person).is_some_and(is_same) {
                self.go_on_as(turn, owner);
                return Ok(());
            }
            return Err(Refusal::NickInUse(nick.to_owned()));
        }
        let person = self.people.person(turn.person);
        if person.nick.as_str() == new.as_str() {
            return Ok(());
        }
        if self.accounts.is_anothers(new.as_str(), person.account.as_deref()) {
            return Err(Refusal::NickOfAccount(nick.to_owned()));
        }
        self.speak_everywhere(turn).map_err(|(id, why)| Refusal::NickNotHeard {
            room: self.rooms[&id].name.to_string(),
            why,
        })?;
        let event = self.change_nick(turn.person, Some(turn.conn), new);
        turn.say(ReplyLine::Event(event));
        Ok(())
    }
}
