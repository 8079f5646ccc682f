//! Messages to ChanServ: rooms for those whose programs know nothing else, and what no command of the protocol does. What
//! is done here is a record like any other, told to those who operate the room.

use std::{sync::Arc, time::SystemTime};

use chat_core::proto::{CaseMapping, Service};

use crate::{
    delivery::ReplyLine,
    history::{ConversationScope, Query},
    hub::{
        Hub,
        command::{
            mode::untouched,
            services::{notices::Noted, request::Said},
        },
        policy::Right,
        refusal::Refusal,
        replies::turn::Turn,
        rooms::ownership::barred_founder,
        state::{
            facts::Fact,
            list_entry::Terms,
            masks,
            modes::{List, Mode, ModeChange},
            pending_record::{OwnerChange, RecordAction},
            people::People,
            person::Person,
            query::QueryPurpose,
            rank::Rank,
            room::Room,
            room_bytes::Holder,
            slots::Slot,
        },
    },
    ids::{PersonId, RoomId},
    room_log::Conversation,
};

/// The requests, as `HELP` tells them.
const HELP: &[&str] = &[
    "INFO #room: whose it is",
    "REGISTER #room: a room you operate is your account's, and lasts",
    "GIVE #room account: a room of yours is somebody else's",
    "END #room: a room of yours lasts no longer",
    "ACCESS #room: which accounts operate it, or have a voice in it",
    "OP #room who, DEOP #room who, VOICE #room who, DEVOICE #room who: the same as MODE, also for accounts that are not here",
    "BAN #room who [time] [reason], MUTE #room who [time] [reason]: who is a nick, a mask, ~a:account or ~i:address; a time is 10m, 2h, 7d",
    "UNBAN #room mask, UNMUTE #room mask: end that",
    "BANS #room: who is banned or muted, how long and why",
    "LINK #room [time] [uses]: a link for friends, for 7 days; LINKS #room, UNLINK #room number: those there are, and the end of one",
    "WAITING #room: who has asked to be let in; APPROVE #room who, REJECT #room who: answer them",
    "LOG #room [n]: what those who operate it have done",
    "MODE #room +S seconds makes it slow, +f 5:10 takes 5 messages in 10 seconds, +M hears accounts alone, +A lets new people in one by one",
];

/// The requests by which those who operate a room rule it.
const RULING: &[&str] = &[
    "OP", "DEOP", "VOICE", "DEVOICE", "BAN", "MUTE", "UNBAN", "UNMUTE", "LINK", "UNLINK",
    "APPROVE", "REJECT",
];

impl Hub {
    pub(crate) fn chan_serv(&mut self, turn: &mut Turn, text: &str) -> Result<(), Refusal> {
        let said = Said::new(Service::ChanServ, HELP, text);
        let room = said.word(1).and_then(|name| self.rooms.find(name).ok()).map(|room| room.id);
        self.do_for_room(turn, &said)?;
        if let Some(id) = room.filter(|_| RULING.contains(&&*said.command())) {
            self.note_privileged(turn, id, Right::OperateByService, &said.whole());
        }
        Ok(())
    }

    fn do_for_room(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        match &*said.command() {
            "INFO" => self.room_info(turn, said),
            "REGISTER" => self.register_room(turn, said),
            word @ ("GIVE" | "END" | "DROP") => {
                // Whose it is may do that with it; else it is an operator of the server.
                let room = self.rooms.find(said.need(1)?).ok();
                let person = self.people.person(turn.person);
                let is_own = room.is_none_or(|room| room.is_founded_by(person));
                let conn = turn.conn;
                match word {
                    "GIVE" => self.give_room(turn, said),
                    _ => self.end_lasting(turn, said),
                }?;
                if !is_own {
                    self.note_operator_action(conn, &said.whole());
                }
                Ok(())
            }
            "ACCESS" => self.room_access(turn, said),
            "OP" => self.give_rank(turn, said, 'o', true),
            "DEOP" => self.give_rank(turn, said, 'o', false),
            "VOICE" => self.give_rank(turn, said, 'v', true),
            "DEVOICE" => self.give_rank(turn, said, 'v', false),
            "BAN" => self.bar(turn, said, ""),
            "MUTE" => self.bar(turn, said, masks::MUTE),
            "UNBAN" => self.unbar(turn, said, ""),
            "UNMUTE" => self.unbar(turn, said, masks::MUTE),
            "BANS" => self.show_bans(turn, said),
            "LINK" => self.make_link(turn, said),
            "LINKS" => self.show_links(turn, said),
            "UNLINK" => self.end_link(turn, said),
            "WAITING" => self.show_waiting(turn, said),
            "APPROVE" => self.approve(turn, said),
            "REJECT" => self.reject(turn, said),
            "LOG" => self.show_audit_log(turn, said),
            _ => said.help(turn),
        }
    }

    /// The room that is spoken of, if it is the asker's, or if they operate the server.
    fn find_founded_room(&self, turn: &Turn, said: &Said<'_>) -> Result<&Room, Refusal> {
        let name = said.need(1)?;
        let asker = self.people.asker(turn.conn);
        let room = self.rooms.find(name).ok();
        let may_know =
            |room: &&Room| room.is_founded_by(asker.person) || room.is_visible_to(turn.person);
        let is_own = |room: &&Room| room.allows(asker, Right::Own);
        match room.filter(may_know) {
            Some(room) if room.ownership.is_none() => {
                Err(said.no(&format!("{} is nobody's, and ends with its last member", room.name)))
            }
            room => room.filter(is_own).ok_or_else(|| said.no("this room is not yours")),
        }
    }

    fn room_info(&self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let asker = self.people.asker(turn.conn);
        let may_know = |room: &&Room| room.allows(asker, Right::ReadInfo);
        let room = self.rooms.find(said.need(1)?).ok().filter(may_know);
        let room = room.ok_or_else(|| said.no("there is no such room"))?;
        let founded = humantime::format_rfc3339_seconds(room.founded);
        let n_members = room.members.len();
        let whose = match &room.ownership {
            None => "is nobody's, and ends with its last member".to_owned(),
            Some(ownership) => {
                let founder = self.accounts.get(&ownership.founder).map(|own| own.name.clone());
                let founder = founder.unwrap_or_else(|| ownership.founder.to_string());
                let is_registered =
                    if ownership.is_kept { "lasts" } else { "lasts when something happens in it" };
                format!("is {founder}'s, and {is_registered}")
            }
        };
        let text = format!(
            "{} {whose}; it was founded at {founded}, and has {n_members} members",
            room.name
        );
        said.say(turn, &text);
        Ok(())
    }

    fn register_room(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let (id, name) = (room.id, room.name.clone());
        let account = self.people.person(turn.person).account.clone();
        let account =
            account.ok_or_else(|| said.no("you are not logged in: write IDENTIFY to NickServ"))?;
        if room.is_registered() {
            return Err(said.no(&format!("{name} lasts already")));
        }
        if self.rooms.looks_like_anothers(&name, Some(name.key())) {
            return Err(
                said.no(&format!("{name} looks like another room that lasts: rename it first"))
            );
        }
        if self.rooms[&id].ownership.is_none() {
            let holder = Holder::Account(CaseMapping::Ascii.fold(&account).into());
            let n_bytes = self.rooms[&id].bytes();
            self.check_bytes_of(&holder, n_bytes).map_err(|why| said.no(&why))?;
        }
        if self.rooms[&id].ownership.is_none() && !self.own(id, &account) {
            return Err(said.no(&format!(
                "{name} cannot be yours: there are as many rooms that last as there may be, or everybody comes into it"
            )));
        }
        let room = &self.rooms[&id];
        if !room.is_founded_by(self.people.person(turn.person)) {
            return Err(said.no(&format!("{name} is somebody else's")));
        }
        let facts = room.facts();
        let note = format!("has registered {name}");
        let reply = format!("{name} is yours and lasts");
        self.note(turn, id, facts, Noted { note, reply })
    }

    /// Gives an account a room that is nobody's and that nobody rules, such as one with a past: for operators of the server.
    fn give_nobodys_room(
        &mut self,
        turn: &mut Turn,
        said: &Said<'_>,
        id: RoomId,
    ) -> Result<(), Refusal> {
        let room = &self.rooms[&id];
        let name = room.name.clone();
        if room.members.values().any(|rank| rank.is_operator) {
            return Err(said.no(&format!("{name} has an operator, who can register it")));
        }
        let account = self.accounts.get(said.need(2)?).map(|own| own.name.clone());
        let account = account.ok_or_else(|| said.no("there is no such account"))?;
        let successor: Arc<str> = CaseMapping::Ascii.fold(&account).into();
        if !has_member_of(&self.people, room, &account) {
            return Err(said.no(&format!("{account} is not in {name}")));
        }
        if self.rooms.looks_like_anothers(&name, Some(name.key())) {
            return Err(said.no(&format!("{name} looks like another room that lasts")));
        }
        let holder = Holder::Account(Arc::clone(&successor));
        self.check_bytes_of(&holder, room.bytes()).map_err(|why| said.no(&why))?;
        if !self.own(id, &account) {
            return Err(said.no(&format!(
                "{name} cannot be {account}'s: there are as many rooms that last as there may be"
            )));
        }
        self.follow_rank(id, &successor, Rank::default(), &[]);
        let facts = self.rooms[&id].facts();
        let note = format!("has given {name} to {account}");
        let reply = format!("{name} is {account}'s now");
        self.note(turn, id, facts, Noted { note, reply })
    }

    fn give_room(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let asker = self.people.asker(turn.conn);
        let is_nobodys = |room: &&Room| {
            room.ownership.is_none()
                && !room.is_lobby()
                && asker.is_server_operator
                && room.allows(asker, Right::Own)
        };
        let nobodys = self.rooms.find(said.need(1)?).ok().filter(is_nobodys).map(|room| room.id);
        if let Some(id) = nobodys {
            return self.give_nobodys_room(turn, said, id);
        }
        let room = self.find_founded_room(turn, said)?;
        let (id, name) = (room.id, room.name.clone());
        let account = self.accounts.get(said.need(2)?).map(|own| own.name.clone());
        let account = account.ok_or_else(|| said.no("there is no such account"))?;
        let successor: Arc<str> = CaseMapping::Ascii.fold(&account).into();
        let room = &self.rooms[&id];
        if room.ownership.as_ref().is_some_and(|ownership| ownership.successor.is_some()) {
            return Err(said.no(&format!("{name} is just being given away")));
        }
        if room.ownership.as_ref().is_some_and(|ownership| ownership.founder == successor) {
            return Err(said.no(&format!("{name} is {account}'s already")));
        }
        // Nobody is given what they know nothing of.
        let is_here = has_member_of(&self.people, room, &account);
        if !is_here && !room.rank_of(Some(&successor)).is_operator {
            return Err(said.no(&format!("{account} is not in {name}, and does not operate it: OP #room account makes them an operator")));
        }
        if !self.has_slot(&Slot::owned_room(&successor, id), &[]) {
            return Err(said.no(&format!("{account} has as many rooms as one may have")));
        }
        // Who has founded it operates it all the same; where an operator of the server gives it away, if there is place.
        let founder = room.ownership.as_ref().map(|ownership| Arc::clone(&ownership.founder));
        let has_place = |own: &Arc<str>| self.has_slot(&Slot::rank(id, 'o', own), &[]);
        let is_asker = room.is_founded_by(self.people.person(turn.person));
        let founder = founder.filter(has_place);
        if is_asker && founder.is_none() {
            return Err(said.no(&format!(
                "as many accounts have a rank in {name} as may, and you would be one more: DEOP one first"
            )));
        }
        let facts: Vec<Fact> =
            founder.map(|own| Fact::Operator(own, Some(self.now().wall))).into_iter().collect();
        let n_bytes = self.rooms[&id].bytes() + self.rooms.growth(id, &facts);
        let holder = Holder::Account(Arc::clone(&successor));
        self.check_bytes_of(&holder, n_bytes).map_err(|why| said.no(&why))?;
        let note = format!("has given {name} to {account}");
        let text = format!("{name} is {account}'s now").into();
        let reply = vec![ReplyLine::Said { by: Service::ChanServ, text }];
        self.note_doing(
            turn,
            id,
            &note,
            RecordAction::Notice { facts, owner_change: OwnerChange::Given(successor), reply },
        )
    }

    fn end_lasting(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_founded_room(turn, said)?;
        let (id, name) = (room.id, room.name.clone());
        let note = format!("has ended that {name} lasts");
        let text = format!("{name} is nobody's now, and ends with its last member").into();
        let reply = vec![ReplyLine::Said { by: Service::ChanServ, text }];
        self.note_doing(
            turn,
            id,
            &note,
            RecordAction::Notice { facts: Vec::new(), owner_change: OwnerChange::Disowned, reply },
        )
    }

    fn room_access(&self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let Some(ownership) = &room.ownership else {
            return Err(
                said.no(&format!("{} is nobody's: only who is in it has a rank", room.name))
            );
        };
        let shown = |account: &Arc<str>| {
            self.accounts.get(account).map_or_else(|| account.to_string(), |own| own.name.clone())
        };
        said.say(turn, &format!("{} founded it", shown(&ownership.founder)));
        for (account, since) in &ownership.operators {
            let since = humantime::format_rfc3339_seconds(*since);
            said.say(turn, &format!("{} operates it since {since}", shown(account)));
        }
        for account in &ownership.voiced {
            said.say(turn, &format!("{} has a voice", shown(account)));
        }
        Ok(())
    }

    /// Like `MODE`, for who is in the room; else for the account of that name.
    fn give_rank(
        &mut self,
        turn: &mut Turn,
        said: &Said<'_>,
        letter: char,
        is_set: bool,
    ) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let who = said.need(2)?;
        let sign = if is_set { '+' } else { '-' };
        let member = self.people.find(who).ok().filter(|person| room.has(person.id));
        if let Some(person) = member {
            if letter == 'o' && !is_set && room.is_founded_by(person) {
                let (nick, room) = (person.nick.to_string(), room.name.to_string());
                return Err(Refusal::Founder { room, nick });
            }
            let what =
                if letter == 'o' { Mode::Operator(person.id) } else { Mode::Voice(person.id) };
            let (id, change) = (room.id, ModeChange { is_set, what });
            self.check_mode_slot(room, &change, &[])?;
            return self.submit_modes(turn, id, vec![change]);
        }
        let Some(ownership) = &room.ownership else {
            return Err(said.no(&format!("{who} is not in {}, which is nobody's", room.name)));
        };
        let account = self.accounts.get(who).map(|own| own.name.clone());
        let account = account.ok_or_else(|| said.no("there is no such account"))?;
        let key: Arc<str> = CaseMapping::Ascii.fold(&account).into();
        if *ownership.founder == *key {
            return Err(said.no(&format!("{account} founded {}", room.name)));
        }
        if is_set && !self.has_slot(&Slot::rank(room.id, letter, &key), &[]) {
            return Err(said.no("there are as many as there may be: remove one first"));
        }
        let fact = match letter {
            'o' => Fact::Operator(key, is_set.then_some(self.now().wall)),
            _ => Fact::Voice(key, is_set),
        };
        let (id, name) = (room.id, room.name.clone());
        let note = format!("sets {sign}{letter} for the account {account} in {name}");
        let reply = format!("{account} has {sign}{letter} in {name} from now on");
        self.note(turn, id, vec![fact], Noted { note, reply })
    }

    /// The mask about somebody: a nick stands for its account, or for where it is.
    /// Whether who asks may make rules about addresses: where others see cloaks, operators of the server alone.
    pub(crate) fn may_name_addresses(&self, turn: &Turn) -> bool {
        !self.settings.cloaks || self.people.device(turn.conn).is_operator()
    }

    fn mask_of(&self, turn: &Turn, said: &Said<'_>, who: &str) -> Result<Arc<str>, Refusal> {
        if let Ok(person) = self.people.find(who) {
            return Ok(match &person.account {
                Some(account) => format!("~a:{account}").into(),
                // They are whoever they like tomorrow: where they are is all that can be meant.
                None => format!("*!*@{}", place_of(&self.people, person)).into(),
            });
        }
        let is_mask = who.contains(['!', '@', '*', '~']);
        let mask = is_mask.then(|| masks::mask(who)).flatten();
        if mask.as_deref().is_some_and(masks::is_about_addresses) && !self.may_name_addresses(turn)
        {
            return Err(said.no(masks::NO_ADDRESSES));
        }
        mask.ok_or_else(|| {
            said.no("write a nick, a mask like *!*@example.org, ~a:account or ~i:192.0.2.0/24")
        })
    }

    fn bar(&mut self, turn: &mut Turn, said: &Said<'_>, kind: &str) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let who = said.need(2)?;
        let mask = self.mask_of(turn, said, who)?;
        let mask: Arc<str> = format!("{kind}{mask}").into();
        let founder = barred_founder(&self.people, room, &mask);
        if let Some((nick, true)) = founder {
            return Err(Refusal::Founder { room: room.name.to_string(), nick });
        }
        let founder = founder.map(|(nick, _)| untouched(&nick, room));
        let terms = said.terms(3, self.now().wall)?;
        let what = Mode::Listed(List::Ban, Arc::clone(&mask), terms.clone());
        let change = ModeChange { is_set: true, what };
        self.check_mode_slot(room, &change, &[])?;
        let id = room.id;
        let members: Vec<_> = room.members.keys().copied().collect();
        // Who is barred from coming in does not stay in; nobody bars those who operate it.
        let is_meant = |who: &PersonId| {
            let subject = self.people.subject(*who);
            kind.is_empty()
                && subject.is_barred_by(&mask)
                && !room.members[who].is_operator
                && !room.modes.names(List::Except, &subject)
        };
        let purpose: Vec<_> = members.into_iter().filter(is_meant).collect();
        // Whom that is about is said: an account comes in as a guest, and others may be where a guest is.
        let named = self.people.find(who).ok();
        let about = named.map(|person| match &person.account {
            Some(account) => format!(
                "that is the account {account}, wherever it comes from, and for a day guests who come from where it was; as a guest they would come from *!*@{}",
                place_of(&self.people, person)
            ),
            None => format!("{} is a guest: that is everybody who comes from where they do", person.nick),
        });
        let word = if kind.is_empty() { "banned" } else { "muted" };
        let shown = mask.strip_prefix(masks::MUTE).unwrap_or(&mask);
        let note = format!("has {word} {shown}{}", terms.shown());
        let reply = format!("{shown} is {word}{}", terms.shown());
        let why = terms.reason.unwrap_or_else(|| "banned".into());
        self.submit_modes(turn, id, vec![change])?;
        for who in purpose {
            self.submit_kick(turn, id, who, &why)?;
        }
        let lines = [Some(reply), about, founder].into_iter().flatten();
        let said = |text: String| ReplyLine::Said { by: Service::ChanServ, text: text.into() };
        let reply = lines.map(said).collect();
        let (facts, owner_change) = (Vec::new(), OwnerChange::None);
        self.note_doing(turn, id, &note, RecordAction::Notice { facts, owner_change, reply })
    }

    fn unbar(&mut self, turn: &mut Turn, said: &Said<'_>, kind: &str) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let who = said.need(2)?;
        let written = format!("{kind}{who}");
        let mask = match room.modes.list(List::Ban).iter().find(|own| *own.mask == *written) {
            Some(entry) => Arc::clone(&entry.mask),
            None => format!("{kind}{}", self.mask_of(turn, said, who)?).into(),
        };
        if !room.modes.lists(List::Ban, &mask) {
            return Err(said.no("there is no such ban: write BANS"));
        }
        let id = room.id;
        let shown = mask.strip_prefix(masks::MUTE).unwrap_or(&mask).to_owned();
        let word = if kind.is_empty() { "banned" } else { "muted" };
        let what = Mode::Listed(List::Ban, mask, Terms::default());
        self.submit_modes(turn, id, vec![ModeChange { is_set: false, what }])?;
        let note = format!("has ended that {shown} is {word}");
        let reply = format!("{shown} is {word} no more");
        self.note(turn, id, Vec::new(), Noted { note, reply })
    }

    fn show_bans(&self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let bans = room.modes.list(List::Ban);
        if bans.is_empty() {
            said.say(turn, &format!("nobody is banned from {}", room.name));
        }
        for entry in bans {
            let (what, mask) = match entry.mask.strip_prefix(masks::MUTE) {
                Some(mask) => ("muted", mask),
                None => ("banned", &*entry.mask),
            };
            let at = humantime::format_rfc3339_seconds(entry.at);
            let by = entry.by.split('!').next().unwrap_or_default();
            let terms = entry.terms.shown();
            said.say(turn, &format!("{mask} was {what} by {by} at {at}{terms}"));
        }
        Ok(())
    }

    fn show_waiting(&self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let accounts = room.asking.iter().map(|(account, since)| {
            let shown = self.accounts.get(account).map(|own| own.name.clone());
            (shown.unwrap_or_else(|| account.to_string()), *since)
        });
        let guests = room.knocks.iter().filter_map(|(identity, knock)| {
            let who = self.people.identified(identity).first()?;
            let person = self.people.person(*who);
            person.account.is_none().then(|| (person.nick.to_string(), knock.wall))
        });
        let mut waiting: Vec<(String, SystemTime)> = accounts.chain(guests).collect();
        waiting.sort_by_key(|(_, since)| *since);
        if waiting.is_empty() {
            said.say(turn, &format!("nobody waits to be let into {}", room.name));
        }
        for (who, since) in waiting {
            let since = humantime::format_rfc3339_seconds(since);
            said.say(turn, &format!("{who} has asked at {since}"));
        }
        Ok(())
    }

    /// Lets somebody in: an account for good, a guest once.
    fn approve(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let who = said.need(2)?;
        let (id, name) = (room.id, room.name.clone());
        let person = self.people.find(who).ok();
        let guest = person.map(|person| (person.id, person.account.clone()));
        let account = match guest {
            Some((_, ref account)) => account.clone(),
            None => self.accounts.get(who).map(|own| own.name.as_str().into()),
        };
        let Some(account) = account else {
            let (guest, _) = guest.ok_or_else(|| said.no("there is nobody of that name"))?;
            let nick = self.people.person(guest).nick.clone();
            self.invite_person(turn, id, guest);
            let note = format!("lets {nick} into {name}");
            return self.note(
                turn,
                id,
                Vec::new(),
                Noted { note, reply: format!("{nick} is invited, once") },
            );
        };
        let mask: Arc<str> = format!("~a:{account}").into();
        let room = &self.rooms[&id];
        if room.modes.lists(List::Invited, &mask) {
            return Err(said.no(&format!("{account} may come in already")));
        }
        let what = Mode::Listed(List::Invited, mask, Terms::default());
        let change = ModeChange { is_set: true, what };
        self.check_mode_slot(room, &change, &[])?;
        self.submit_modes(turn, id, vec![change])?;
        if let Some((guest, _)) = guest.filter(|(guest, _)| !self.rooms[&id].has(*guest)) {
            self.invite_person(turn, id, guest);
        }
        let note = format!("lets {account} into {name}");
        let reply = format!("{account} may come into {name} from now on");
        self.note(turn, id, Vec::new(), Noted { note, reply })
    }

    fn reject(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::OperateByService)?;
        let who = said.need(2)?;
        let (id, name) = (room.id, room.name.clone());
        let person = self.people.find(who).ok();
        let account = person.map_or(Some(who), |person| person.account.as_deref());
        let key: Option<Arc<str>> = account.map(|own| CaseMapping::Ascii.fold(own).into());
        let identity = person.and_then(|person| person.identity.clone());
        let facts: Vec<Fact> = key
            .filter(|key| room.asking.contains_key(key))
            .map(|key| Fact::Asking(key, None))
            .into_iter()
            .collect();
        let room = self.rooms.room_mut(id);
        let has_knocked = identity.is_some_and(|own| room.knocks.remove(&own).is_some());
        if facts.is_empty() && !has_knocked {
            return Err(said.no("they have not asked: write WAITING"));
        }
        let note = format!("does not let {who} into {name}");
        self.note(turn, id, facts, Noted { note, reply: format!("{who} is not let in") })
    }

    /// Shows the audit log: what those who operate a room have done, the latest last.
    fn show_audit_log(&mut self, turn: &mut Turn, said: &Said<'_>) -> Result<(), Refusal> {
        let room = self.find_ruled_room(turn, said, Right::ReadAuditLog)?;
        if !self.settings.keeps_history {
            return Err(said.no("nothing is kept here"));
        }
        let limit = said.word(2).map_or(Some(20), |n| n.parse().ok());
        let limit = limit.filter(|n| (1..=self.settings.limits.history_page_max).contains(n));
        let limit = limit.ok_or_else(|| {
            said.no(&format!("n is a number up to {}", self.settings.limits.history_page_max))
        })?;
        let part = ConversationScope {
            conversation: Conversation::Room(room.conversation),
            shown: Some(Arc::clone(room.name.shown())),
            rank: 2,
            ranked_after: room.began,
        };
        self.submit_query(
            turn,
            QueryPurpose::AuditLog,
            ("LOG", "*"),
            Query::AuditLog { part, limit },
        );
        Ok(())
    }
}

/// The host that somebody really has, whatever is shown.
fn place_of(people: &People, person: &Person) -> String {
    let first = person.devices.first().map(|conn| people.device(*conn));
    let place = first.map(|device| device.cloak.as_deref().unwrap_or(&device.address));
    place.unwrap_or_else(|| person.host()).to_owned()
}

/// Whether somebody is in a room with that account.
fn has_member_of(people: &People, room: &Room, account: &str) -> bool {
    room.members.keys().any(|who| {
        let own = people.person(*who).account.as_ref();
        own.is_some_and(|own| CaseMapping::Ascii.same(own, account))
    })
}
