//! `NICK` after registration (RFC 2812 §3.1.2).

use std::sync::Arc;

use chat_core::proto::{CaseMapping, Nick, is_reserved_nick};

use crate::{
    delivery::{Content, Event, ReplyLine},
    hub::{Effect, Hub, Now, Refusal, Turn},
    ids::{ConnId, PersonId},
};

impl Hub {
    pub(super) fn nick(&mut self, turn: &mut Turn<'_>, nick: &str) -> Result<(), Refusal> {
        let new = Nick::new(nick).ok().filter(|nick| !is_reserved_nick(nick));
        let new = new.ok_or_else(|| Refusal::ErroneousNick(nick.to_owned()))?;
        let owner = self.people.by_nick(new.key()).filter(|owner| *owner != turn.person);
        if let Some(owner) = owner {
            let account = |id| self.person(id).account.as_deref();
            let is_same =
                |own: &str| account(owner).is_some_and(|a| CaseMapping::Ascii.same(own, a));
            if account(turn.person).is_some_and(is_same) {
                self.go_on_as(turn, owner);
                return Ok(());
            }
            return Err(Refusal::NickInUse(nick.to_owned()));
        }
        let person = self.person(turn.person);
        if person.nick.as_str() == new.as_str() {
            return Ok(());
        }
        if self.accounts.is_anothers(new.as_str(), person.account.as_deref()) {
            return Err(Refusal::NickOfAccount(nick.to_owned()));
        }
        let event = self.change_nick(turn.now, turn.person, Some(turn.conn), new, turn.effects);
        turn.say(ReplyLine::Event(event));
        Ok(())
    }

    /// Gives a person another nick and tells everyone but `except`, who is to be told what is given back.
    pub(in crate::hub) fn change_nick(
        &mut self,
        now: Now,
        who: PersonId,
        except: Option<ConnId>,
        new: Nick,
        effects: &mut Vec<Effect>,
    ) -> Arc<Event> {
        let person = self.person(who);
        let content =
            Content::Nick { source: Arc::clone(&person.source), nick: Arc::clone(new.shown()) };
        let event = self.event(who, content, now);
        let old_key = Arc::clone(person.nick.key());
        self.tell_peers(who, except, &event, effects);
        if old_key != *new.key()
            && let Some(person) = self.people.get(who)
        {
            let n_max = self.settings.limits.whowas_entries_max;
            self.whowas.remember(person, now.wall, n_max);
        }
        let old_nick = Arc::clone(self.person(who).nick.shown());
        self.people.rename(who, new);
        let person = self.person(who);
        if *person.nick.key() != old_key {
            self.tell_watchers(now, &old_key, &old_nick, false, effects);
            self.tell_watchers(now, person.nick.key(), &person.source, true, effects);
            self.introduce_to_watchers(now, who, effects);
        }
        event
    }
}
