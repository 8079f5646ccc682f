//! Those who stay without a connection: they are kept as they are, and here again when the server starts anew.

use std::{net::IpAddr, sync::Arc};

use chat_core::proto::{Nick, RoomName};

use crate::{
    hub::{
        Hub,
        people::away::NOT_HERE,
        state::{
            cloaks::cloak,
            codec::unix_seconds,
            person::{Particulars, Person, UserModes, source},
            rank::Rank,
            reserved_names::Bearer,
            staying::{STAYING_MAX, StayingMember, StayingPerson},
        },
    },
    ids::{PersonId, RoomId},
};

impl Hub {
    /// Keeps those who stay as they are now, where something of them has changed.
    pub(crate) fn keep_staying(&mut self) {
        while let Some(account) = self.accounts.take_stirred() {
            let people = if self.accounts.stays(Some(&account)) {
                let identity = self.accounts.identity(&account);
                let people = self.people.identified(&identity).iter().take(STAYING_MAX);
                people.map(|who| self.staying_person(*who)).collect()
            } else {
                Vec::new()
            };
            let change = self.accounts.set_staying(&account, people);
            self.persist_unasked(change.into_iter().collect());
        }
    }

    fn staying_person(&self, who: PersonId) -> StayingPerson {
        let person = self.people.person(who);
        let member = |id: &RoomId| {
            let room = &self.rooms[id];
            let rank = room.members.get(&who).copied().unwrap_or_default();
            StayingMember::new(room.name.as_str(), rank)
        };
        StayingPerson {
            nick: person.nick.to_string(),
            user: person.user().to_owned(),
            host: person.host().to_owned(),
            realname: person.realname.to_string(),
            rooms: person.rooms.iter().map(member).collect(),
        }
    }

    /// Those who stayed when the server ended are here again: away, in their rooms, with what they may do there.
    pub(crate) fn bring_back_staying(&mut self) {
        for (account, people) in self.accounts.staying() {
            if self.accounts.find_ban(self.now().wall, "", Some(&account)).is_none() {
                people.iter().for_each(|person| self.bring_back(&account, person));
            }
            // Who could not come back is kept no more.
            self.accounts.stir(Some(&account));
        }
    }

    fn bring_back(&mut self, account: &Arc<str>, kept: &StayingPerson) {
        let now = self.now();
        let Ok(nick) = Nick::new(&kept.nick) else { return };
        let bearer = Bearer { account: Some(account), is_operator: false };
        if self.people.by_nick(nick.key()).is_some()
            || self.accounts.is_anothers(nick.as_str(), Some(account))
            || self.settings.reserves_nick(&nick, bearer)
        {
            return;
        }
        // The address of one who came before there were cloaks is shown to nobody.
        let is_shown = !self.settings.cloaks || kept.host.parse::<IpAddr>().is_err();
        let host = if is_shown {
            kept.host.as_str().into()
        } else {
            cloak(self.accounts.secret(), &kept.host)
        };
        let away = Some(NOT_HERE.into());
        let who = self.people.insert(|id| Person {
            id,
            source: source(&nick, &kept.user, &host),
            nick,
            realname: kept.realname.as_str().into(),
            devices: smallvec::smallvec![],
            identity: None,
            account: Some(Arc::clone(account)),
            modes: UserModes::default(),
            particulars: Particulars { away, ..Particulars::default() }.into(),
            rooms: Vec::new(),
            signed_on: unix_seconds(now.wall),
            last_spoke: now.mono,
        });
        let identity = self.accounts.identity(account);
        self.set_identity(who, Some(identity));
        for member in kept.rooms.iter().take(self.settings.limits.rooms_per_person_max) {
            self.bring_back_into(who, account, member);
        }
    }

    /// Puts somebody who stayed into a room again, unless they are banned from it. One that has ended with the server is founded
    /// anew, and is theirs if they operated it and nothing is kept of it.
    fn bring_back_into(&mut self, who: PersonId, account: &Arc<str>, member: &StayingMember) {
        let Ok(name) = RoomName::new(&member.room) else { return };
        let id = match self.rooms.by_key(name.key()) {
            Some(room) => room.id,
            None => {
                let id = self.rooms.found(name, self.now().wall, self.settings.n_workers);
                let has_past = self.rooms[&id].has_past && self.settings.keeps_history;
                if member.rank(Rank::default()).is_operator && !has_past {
                    self.own(id, account);
                }
                id
            }
        };
        let room = &self.rooms[&id];
        let is_there = room.has(who);
        let permit = room.check_return(&self.people.subject(who), self.now().wall);
        let rank = member.rank(room.rank_of(Some(account)));
        match permit {
            Ok(permit) if !is_there => {
                self.rooms.room_mut(id).admit(permit, rank);
                self.people.person_mut(who).rooms.push(id);
            }
            _ if room.members.is_empty() && !room.is_registered() => self.end_room(id),
            _ => {}
        }
    }
}
