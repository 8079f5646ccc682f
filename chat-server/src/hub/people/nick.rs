//! Nicks that change, and those that are given back to their owners.

use std::sync::Arc;

use chat_core::proto::Nick;

use crate::{
    delivery::{Content, Event, ReplyLine},
    hub::{Hub, state::person::Person},
    ids::{ConnId, PersonId},
};

/// The nick of those who have no better one.
pub(crate) const NAMELESS: &str = "USR";

impl Hub {
    /// Gives a person another nick and tells everyone but `except`, who is to be told what is given back.
    pub(crate) fn change_nick(
        &mut self,
        who: PersonId,
        except: Option<ConnId>,
        new: Nick,
    ) -> Arc<Event> {
        let now = self.now();
        let person = self.people.person(who);
        let content =
            Content::Nick { source: Arc::clone(&person.source), nick: Arc::clone(new.shown()) };
        let event = self.event(who, content);
        let old_key = Arc::clone(person.nick.key());
        self.tell_peers(who, except, &event);
        let old_nick = Arc::clone(self.people.person(who).nick.shown());
        let n_max = self.settings.limits.whowas_entries_max;
        self.people.rename(who, new, now.wall, n_max);
        self.accounts.stir(self.people.person(who).account.as_deref());
        let person = self.people.person(who);
        if *person.nick.key() != old_key {
            self.tell_watchers(&old_key, &old_nick, false);
            self.tell_watchers(person.nick.key(), &person.source, true);
            self.introduce_to_watchers(who);
        }
        event
    }

    /// Gives everybody whose nick is, or looks like, the name of an account that is new a nick of their own, but for its owner.
    pub(crate) fn give_back_likenesses_of(&mut self, account: &str) {
        for who in self.people.looking_like(account) {
            self.give_back_nick(who);
        }
    }

    /// Gives everybody whose nick looks like that of another's account now a nick of their own, whichever accounts are new. Not
    /// those who are called just so: they may be its owner, who has not logged in.
    pub(crate) fn give_back_all_likenesses(&mut self) {
        let is_anothers = |person: &&Person| {
            let nick = person.nick.as_str();
            self.accounts.is_anothers(nick, person.account.as_deref())
                && self.accounts.get(nick).is_none()
        };
        let people: Vec<PersonId> =
            self.people.iter().filter(is_anothers).map(|person| person.id).collect();
        for who in people {
            self.give_back_nick(who);
        }
    }

    /// A nick that is nobody's.
    pub(crate) fn free_nick(&self) -> Nick {
        let nameless = Nick::new(NAMELESS).expect("a valid nick");
        let free = (1..).map(|number| nameless.numbered(number)).find(|nick| {
            self.people.by_nick(nick.key()).is_none()
                && !self.accounts.is_anothers(nick.as_str(), None)
        });
        free.expect("there are more numbers than people")
    }

    /// Gives somebody whose nick is another's account's now a nick of their own.
    pub(crate) fn give_back_nick(&mut self, who: PersonId) {
        let person = self.people.person(who);
        if !self.accounts.is_anothers(person.nick.as_str(), person.account.as_deref()) {
            return;
        }
        let free = self.free_nick();
        let event = self.change_nick(who, None, free);
        let (server, new) = (&self.settings.name, self.people.person(who).nick.as_str());
        let Content::Nick { source, .. } = &event.content else { return };
        let old = source.split('!').next().unwrap_or_default();
        let line = format!(
            ":{server} NOTICE {new} :{old} is, or looks like, the nick of an account: you are {new} now"
        );
        let line = ReplyLine::Raw(line.into());
        for conn in &self.people.person(who).devices {
            self.say_to(*conn, None, vec![line.clone()]);
        }
    }
}
