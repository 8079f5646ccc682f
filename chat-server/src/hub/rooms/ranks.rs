//! Ranks in rooms: facts that give them, and members who get or lose them.

use std::{collections::BTreeSet, sync::Arc};

use chat_core::proto::CaseMapping;

use crate::{
    delivery::{Content, Event, RecordContent},
    hub::{
        Hub,
        state::{
            facts::Fact,
            lobby::Lobby,
            modes::{self, Mode},
            rank::Rank,
        },
    },
    ids::{PersonId, RoomId},
};

impl Hub {
    /// Something is so in a room from here on; who is in it with that account has that rank, but for those who are told
    /// of it in another way.
    pub(crate) fn take_fact(&mut self, id: RoomId, fact: &Fact, told: &[PersonId]) {
        self.rooms.note_expiry(id, fact);
        let Some(room) = self.rooms.get(id) else { return };
        let (Fact::Operator(account, _) | Fact::Voice(account, _)) = fact else {
            return self.rooms.take(id, fact);
        };
        let before = room.rank_of(Some(account));
        self.rooms.take(id, fact);
        if self.out.latest().is_some() {
            self.follow_rank(id, account, before, told);
        }
    }

    /// Gives those who are in a room with an account what it may do there, and takes what it may no more.
    pub(crate) fn follow_rank(&mut self, id: RoomId, account: &str, had: Rank, told: &[PersonId]) {
        let Some(room) = self.rooms.get(id) else { return };
        let has = room.rank_of(Some(&account.into()));
        let is_it = |who: &PersonId| {
            let own = self.people.person(*who).account.as_ref();
            own.is_some_and(|own| CaseMapping::Ascii.same(own, account)) && !told.contains(who)
        };
        let members: Vec<PersonId> = room.members.keys().copied().filter(is_it).collect();
        for who in members {
            self.change_rank(id, who, had, has);
        }
    }

    /// Gives a person what an account may do in the rooms they are in, and takes what they had by another one.
    pub(crate) fn follow_account(&mut self, who: PersonId, before: Option<&Arc<str>>) {
        let person = self.people.person(who);
        let account = person.account.clone();
        for id in person.rooms.clone() {
            let room = &self.rooms[&id];
            let (had, has) = (room.rank_of(before), room.rank_of(account.as_ref()));
            self.change_rank(id, who, had, has);
        }
    }

    /// The lobby is another one, or other accounts look after it: gives members what they may do, and takes what they may no
    /// more.
    pub(crate) fn follow_lobby(&mut self) {
        let lobby = Lobby::new(&self.settings.room, &self.settings.room_operators);
        let keys = [
            self.rooms.lobby().map(|room| room.id),
            self.rooms.by_key(lobby.key()).map(|room| room.id),
        ];
        let ids: BTreeSet<RoomId> = keys.into_iter().flatten().collect();
        let mut before: Vec<(RoomId, PersonId, Rank)> = Vec::new();
        for room in ids.iter().map(|id| &self.rooms[id]) {
            let had = |who: &PersonId| room.rank_of(self.people.person(*who).account.as_ref());
            before.extend(room.members.keys().map(|who| (room.id, *who, had(who))));
        }
        self.rooms.set_lobby(lobby);
        for (id, who, had) in before {
            let has = self.rooms[&id].rank_of(self.people.person(who).account.as_ref());
            self.change_rank(id, who, had, has);
        }
    }

    /// Changes what somebody had in a room by an account to what they have by it from here on.
    pub(crate) fn change_rank(&mut self, id: RoomId, who: PersonId, had: Rank, has: Rank) {
        let room = self.rooms.room_mut(id);
        let Some(rank) = room.members.rank_mut(who) else { return };
        let is_set = |had: bool, has: bool, is: bool| has || is && !had;
        let new = Rank {
            is_operator: is_set(had.is_operator, has.is_operator, rank.is_operator),
            has_voice: is_set(had.has_voice, has.has_voice, rank.has_voice),
        };
        let old = std::mem::replace(rank, new);
        self.accounts.stir(self.people.person(who).account.as_deref());
        let changes = [
            (Mode::Operator(who), old.is_operator, new.is_operator),
            (Mode::Voice(who), old.has_voice, new.has_voice),
        ];
        let changes = changes.into_iter().filter(|(_, before, after)| before != after);
        let changes: Vec<modes::ModeChange> =
            changes.map(|(what, _, is_set)| modes::ModeChange { is_set, what }).collect();
        self.tell_of_modes(id, &changes);
    }

    /// Tells a room of modes that have changed by themselves.
    pub(crate) fn tell_of_modes(&self, id: RoomId, changes: &[modes::ModeChange]) {
        let now = self.now();
        let (letters, arguments) = self.people.written_changes(changes);
        if letters.is_empty() {
            return;
        }
        let room = &self.rooms[&id];
        let (source, target) = (self.settings.name.as_str().into(), Arc::clone(room.name.shown()));
        let content = Content::Record(RecordContent::Mode {
            source,
            target,
            changes: letters.into(),
            arguments,
        });
        let event = Arc::new(Event::new(content, now.wall, None));
        self.tell_room(room, None, &event);
    }
}
