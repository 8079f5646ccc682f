//! `METADATA`: reading, setting, and subscribing, in the revisions of the draft that [`Dialect`] names.
//! Everyone sets their own, operators of a room the room's, operators of the server anyone's. What is
//! published is for all, but that of a secret room for its members.

use std::{collections::VecDeque, sync::Arc};

use chat_core::proto::{CommandError, METADATA_KEY_BYTES_MAX, METADATA_VALUE_BYTES_MAX, Numeric};

use crate::{
    delivery::{Page, ReplyLine},
    hub::{
        Hub,
        policy::Right,
        refusal::Refusal,
        replies::{
            metadata::{batch, key_not_set, key_value},
            turn::Turn,
        },
        state::{
            change_purpose::ChangePurpose,
            device::Reader,
            facts::Fact,
            metadata::{Dialect, Keys, Owner, Sync, is_key},
            paged_reply::Section,
            room::Room,
            slots::Slot,
        },
    },
    ids::PersonId,
};

/// Names in one `RPL_METADATASUBS`: of the longest, as many as a line holds.
const KEYS_PER_LINE: usize = 10;

/// The target that stands for all that one is told of changes of (`draft/metadata-3`).
const ALL: &str = "*ALL";

/// The reason why something about metadata is refused: the tables under "Standard Replies" and "Replies".
enum Problem<'a> {
    InvalidKey(&'a str),
    InvalidTarget(&'a str),
    InvalidValue(&'a str),
    NoPermission { target: &'a str, key: &'a str },
    NotSet { target: &'a str, key: &'a str },
    TooManyBytes { target: &'a str, why: String },
    TooManyKeys { target: &'a str, n_max: usize },
    TooManySubscriptions { key: &'a str, n_max: usize },
    UnknownSubcommand(&'a str),
}

impl Problem<'_> {
    fn refusal(&self, dialect: Dialect) -> Refusal {
        let is_second = dialect == Dialect::Second;
        let either = |second, third| if is_second { second } else { third };
        // What -3 says more of: the limit, and the key of a value.
        let and = |context: &[&str], more: &str| {
            let more = (!is_second).then_some(more);
            context.iter().copied().chain(more).map(str::to_owned).collect::<Vec<String>>()
        };
        let only = |context: &[&str]| context.iter().map(|&word| word.to_owned()).collect();
        let (code, context, text) = match self {
            Self::InvalidKey(key) => (
                either("KEY_INVALID", "INVALID_KEY"),
                only(&[key]),
                format!(
                    "a name of metadata is 1 to {METADATA_KEY_BYTES_MAX} of the signs a-z, 0-9, _, ., / and -"
                ),
            ),
            Self::InvalidTarget(target) => {
                ("INVALID_TARGET", only(&[target]), "there is no such person or room".into())
            }
            Self::InvalidValue(key) => (
                either("VALUE_INVALID", "INVALID_VALUE"),
                and(&[], key),
                format!("a value has at most {METADATA_VALUE_BYTES_MAX} bytes"),
            ),
            Self::NoPermission { target, key } => (
                "KEY_NO_PERMISSION",
                only(&[target, key]),
                "only its owner, the operators of the room or those of the server change that"
                    .into(),
            ),
            Self::NotSet { target, key } => {
                ("KEY_NOT_SET", only(&[target, key]), "there is nothing to remove".into())
            }
            Self::TooManyBytes { target, why } => ("LIMIT_REACHED", only(&[target]), why.clone()),
            Self::TooManyKeys { target, n_max } => (
                "LIMIT_REACHED",
                and(&[target], &n_max.to_string()),
                format!("there are {n_max} already: remove one first"),
            ),
            Self::TooManySubscriptions { key, n_max } => (
                either("TOO_MANY_SUBS", "LIMIT_REACHED"),
                and(&[key], &n_max.to_string()),
                format!("you have {n_max} subscriptions: end one first"),
            ),
            Self::UnknownSubcommand(word) => (
                either("SUBCOMMAND_INVALID", "INVALID_PARAMS"),
                // "or an asterisk [...] if the subcommand is not valid as a middle parameter"
                only(&[if word.starts_with(':') || word.contains(' ') { "*" } else { word }]),
                "the subcommands are GET, LIST, SET, CLEAR, SUB, UNSUB, SUBS and SYNC".into(),
            ),
        };
        Refusal::Fail { command: "METADATA", code, context, text }
    }

    /// The refusal of a part of a command: a warning, where the draft knows any.
    fn line(&self, dialect: Dialect) -> ReplyLine {
        let mut line = self.refusal(dialect).reply();
        if let ReplyLine::Fail { is_partial, .. } = &mut line {
            *is_partial = dialect == Dialect::Third;
        }
        line
    }
}

impl Hub {
    pub(crate) fn metadata(
        &mut self,
        turn: &mut Turn,
        target: &str,
        subcommand: &str,
        params: &[String],
    ) -> Result<(), Refusal> {
        let dialect = self.people.device(turn.conn).metadata_dialect();
        let need = |index: usize| {
            params.get(index).ok_or(Refusal::Command(CommandError::NeedMoreParams("METADATA")))
        };
        let subcommand_upper = subcommand.to_ascii_uppercase();
        match &*subcommand_upper {
            "SYNC" if target == ALL => {
                let keys = self.people.device(turn.conn).particulars.subscriptions.clone();
                self.sync_all(turn, keys, Dialect::Third);
                return Ok(());
            }
            "SUB" | "UNSUB" | "SUBS" => {
                // "If the `<Target>` parameter is not an asterisk (`*`) or the client's nickname, the server
                // MUST fail the request" (draft/metadata-3)
                let is_own = target == "*"
                    || self.people.find(target).is_ok_and(|person| person.id == turn.person);
                if !is_own && dialect == Dialect::Third {
                    return Err(Problem::InvalidTarget(target).refusal(dialect));
                }
                match &*subcommand_upper {
                    "SUB" => need(0).map(|_| self.metadata_subscribe(turn, params))?,
                    "UNSUB" => need(0).map(|_| self.metadata_unsubscribe(turn, params))?,
                    _ => self.metadata_subscriptions(turn),
                }
                return Ok(());
            }
            _ => {}
        }
        let owner = self.find_owner(turn, target)?;
        match &*subcommand_upper {
            "GET" => need(0).map(|_| self.metadata_get(turn, owner, params)),
            "LIST" => {
                let name = self.name_of_owner(owner);
                let line = |(key, value): (&Arc<str>, &Arc<str>)| {
                    key_value(Numeric::RPL_KEYVALUE, &name, key, value)
                };
                let lines = self.published(owner, dialect).map(line).collect();
                turn.say(batch(&name, lines));
                Ok(())
            }
            "SET" => self.metadata_set(turn, owner, need(0)?, params.get(1).map(String::as_str)),
            "CLEAR" => self.metadata_clear(turn, owner),
            "SYNC" => {
                let keys = self.people.device(turn.conn).particulars.subscriptions.clone();
                let name = self.name_of_owner(owner);
                turn.reply.push(Section::Metadata(Sync::batched(name, [owner], keys)));
                Ok(())
            }
            _ => Err(Problem::UnknownSubcommand(subcommand).refusal(dialect)),
        }
    }

    /// The owner whose metadata `target` stands for. What the asker may not see is not there.
    fn find_owner(&self, turn: &Turn, target: &str) -> Result<Owner, Refusal> {
        if target == "*" {
            return Ok(Owner::Person(turn.person));
        }
        let asker = self.people.asker(turn.conn);
        let is_open = |room: &&Room| room.allows(asker, Right::ReadMetadata);
        let room = self.rooms.find(target).ok().filter(is_open);
        let dialect = self.people.device(turn.conn).metadata_dialect();
        room.map(|room| Owner::Room(room.id))
            .or_else(|| self.people.find(target).ok().map(|person| Owner::Person(person.id)))
            .ok_or_else(|| Problem::InvalidTarget(target).refusal(dialect))
    }

    fn may_set_metadata(&self, turn: &Turn, owner: Owner) -> bool {
        let asker = self.people.asker(turn.conn);
        match owner {
            Owner::Person(id) => id == turn.person || asker.is_server_operator,
            Owner::Room(room) => self.rooms[&room].allows(asker, Right::SetMetadata),
        }
    }

    fn metadata_get(&self, turn: &mut Turn, owner: Owner, keys: &[String]) {
        let dialect = self.people.device(turn.conn).metadata_dialect();
        let name = self.name_of_owner(owner);
        let line = |key: &String| {
            let value = self.published(owner, dialect).find(|(own, _)| ***own == **key);
            match value {
                _ if !is_key(key) => Problem::InvalidKey(key).line(dialect),
                Some((_, value)) => key_value(Numeric::RPL_KEYVALUE, &name, key, value),
                None => key_not_set(&name, key),
            }
        };
        turn.say(batch(&name, keys.iter().map(line).collect()));
    }

    fn metadata_set(
        &mut self,
        turn: &mut Turn,
        owner: Owner,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), Refusal> {
        let dialect = self.people.device(turn.conn).metadata_dialect();
        let target = &*self.name_of_owner(owner);
        if !is_key(key) {
            return Err(Problem::InvalidKey(key).refusal(dialect));
        }
        if !self.may_set_metadata(turn, owner) {
            return Err(Problem::NoPermission { target, key }.refusal(dialect));
        }
        let n_max = self.settings.limits.metadata_keys_max;
        let metadata = self.metadata_of(owner);
        // "If the Value parameter is omitted or is an empty string, the key is removed." (draft/metadata-3)
        let value = value.filter(|value| dialect == Dialect::Second || !value.is_empty());
        let key: Arc<str> = key.into();
        let before = metadata.get(&key);
        let reply = match value {
            None if before.is_none() && dialect == Dialect::Second => {
                return Err(Problem::NotSet { target, key: &key }.refusal(dialect));
            }
            None => key_not_set(target, &key),
            Some(value) if value.len() > METADATA_VALUE_BYTES_MAX => {
                return Err(Problem::InvalidValue(&key).refusal(dialect));
            }
            Some(value) => {
                let has_place = match owner {
                    Owner::Room(room) => self.has_slot(&Slot::metadata(room, &key), &[]),
                    Owner::Person(_) => before.is_some() || metadata.len() < n_max,
                };
                if !has_place {
                    return Err(Problem::TooManyKeys { target, n_max }.refusal(dialect));
                }
                key_value(Numeric::RPL_KEYVALUE, target, &key, value)
            }
        };
        if before.map(|before| &**before) == value {
            turn.say(reply);
            return Ok(());
        }
        self.note_metadata(turn, owner, &format!("SET {key}"));
        self.publish(turn, owner, vec![(key, value.map(Arc::from))], reply)
    }

    /// Notes that metadata is set of somebody else, or of a room that they do not operate, by an operator of the server.
    fn note_metadata(&mut self, turn: &Turn, owner: Owner, what: &str) {
        let is_own = match owner {
            Owner::Person(id) => id == turn.person,
            Owner::Room(room) => {
                let rank = self.rooms[&room].members.get(&turn.person);
                rank.is_some_and(|rank| rank.is_operator)
            }
        };
        if !is_own {
            let did = format!("METADATA {} {what}", self.name_of_owner(owner));
            self.note_operator_action(turn.conn, &did);
        }
    }

    /// Publishes what `owner` has from here on; of a room that is somebody's, when that is kept.
    fn publish(
        &mut self,
        turn: &mut Turn,
        owner: Owner,
        values: Vec<(Arc<str>, Option<Arc<str>>)>,
        reply: ReplyLine,
    ) -> Result<(), Refusal> {
        let keys: Vec<Arc<str>> = values.iter().map(|(key, _)| Arc::clone(key)).collect();
        match owner {
            Owner::Room(room) => {
                let fact = |(key, value)| Fact::Metadata(key, value);
                let facts: Vec<Fact> = values.into_iter().map(fact).collect();
                self.check_room_bytes(room, &facts).map_err(|why| {
                    let dialect = self.people.device(turn.conn).metadata_dialect();
                    let target = &*self.name_of_owner(owner);
                    Problem::TooManyBytes { target, why }.refusal(dialect)
                })?;
                if self.rooms[&room].ownership.is_some() {
                    let changes = self.rooms[&room].changes(&facts);
                    let purpose = ChangePurpose::Metadata { room, keys, reply: vec![reply] };
                    return self
                        .submit_changes(turn, changes.into(), purpose)
                        .map_err(|why| Refusal::fail("METADATA", "INTERNAL_ERROR", &[], why));
                }
                facts.iter().for_each(|fact| self.rooms.take(room, fact));
            }
            Owner::Person(who) => self.people.person_mut(who).particulars.change(|own| {
                for (key, value) in values {
                    match value {
                        Some(value) => own.metadata.insert(key, value),
                        None => own.metadata.remove(&key),
                    };
                }
            }),
        }
        for key in &keys {
            self.tell_of_metadata(owner, key, turn.conn);
        }
        if matches!(owner, Owner::Person(who) if who == turn.person) {
            let deaf = self.deaf_rooms(turn.person, Some(turn.conn));
            self.note_speech_beside(turn, &deaf);
        }
        turn.say(reply);
        Ok(())
    }

    fn metadata_clear(&mut self, turn: &mut Turn, owner: Owner) -> Result<(), Refusal> {
        let dialect = self.people.device(turn.conn).metadata_dialect();
        let target = &*self.name_of_owner(owner);
        if !self.may_set_metadata(turn, owner) {
            return Err(Problem::NoPermission { target, key: "*" }.refusal(dialect));
        }
        let cleared = self.metadata_of(owner).clone();
        let line = |(key, value): (&Arc<str>, &Arc<str>)| match dialect {
            Dialect::Second => key_value(Numeric::RPL_KEYVALUE, target, key, value),
            Dialect::Third => key_not_set(target, key),
        };
        let reply = batch(target, cleared.iter().map(line).collect());
        if cleared.is_empty() {
            turn.say(reply);
            return Ok(());
        }
        self.note_metadata(turn, owner, "CLEAR");
        let values = cleared.into_keys().map(|key| (key, None)).collect();
        self.publish(turn, owner, values, reply)
    }

    /// "the server MUST process each key in order", and tells what is there of those that are new.
    fn metadata_subscribe(&mut self, turn: &mut Turn, keys: &[String]) {
        let dialect = self.people.device(turn.conn).metadata_dialect();
        let n_max = self.settings.limits.subscriptions_max;
        let (mut subscribed, mut new, mut failures) = (Vec::new(), Keys::new(), Vec::new());
        for key in keys {
            if !is_key(key) {
                failures.push(Problem::InvalidKey(key).line(dialect));
                continue;
            }
            let device = self.people.device(turn.conn);
            if !device.particulars.subscriptions.contains(&**key) {
                if device.particulars.subscriptions.len() >= n_max {
                    let problem = Problem::TooManySubscriptions { key, n_max };
                    failures.push(problem.refusal(dialect).reply());
                    break;
                }
                let key: Arc<str> = key.as_str().into();
                self.people.subscribe(turn.conn, Arc::clone(&key));
                new.insert(key);
            }
            subscribed.push(key.as_str());
        }
        if !subscribed.is_empty() {
            turn.numeric(Numeric::RPL_METADATASUBOK, &subscribed);
        }
        failures.into_iter().for_each(|line| turn.say(line));
        if !new.is_empty() {
            self.sync_all(turn, new, dialect);
        }
    }

    /// Tells the asker of `keys` of all whose changes they are told of, everyone once.
    fn sync_all(&self, turn: &mut Turn, keys: Keys, dialect: Dialect) {
        let Reader { person, device } = self.people.reader(turn.conn);
        // Those who share a room come with it.
        let is_elsewhere = |other: &PersonId| {
            !self.people.person(*other).rooms.iter().any(|room| person.rooms.contains(room))
        };
        let watched =
            device.particulars.monitored.keys().filter_map(|key| self.people.by_nick(key));
        let alone = person.rooms.is_empty().then_some(turn.person);
        let others = watched.filter(|other| *other != turn.person && is_elsewhere(other));
        let people = alone.into_iter().chain(others).map(Owner::Person);
        let owners: VecDeque<Owner> =
            people.chain(person.rooms.iter().copied().map(Owner::Room)).collect();
        let sync = Sync { is_each_once: true, ..Sync::batched(ALL.into(), owners, keys) };
        let target = sync.target.clone().filter(|_| dialect == Dialect::Third);
        turn.reply.push(Section::Metadata(Sync { target, ..sync }));
    }

    fn metadata_unsubscribe(&mut self, turn: &mut Turn, keys: &[String]) {
        let dialect = self.people.device(turn.conn).metadata_dialect();
        let (valid, invalid): (Vec<&str>, Vec<&str>) =
            keys.iter().map(String::as_str).partition(|key| is_key(key));
        valid.iter().for_each(|key| self.people.unsubscribe(turn.conn, key));
        if !valid.is_empty() {
            turn.numeric(Numeric::RPL_METADATAUNSUBOK, &valid);
        }
        invalid.iter().for_each(|key| turn.say(Problem::InvalidKey(key).line(dialect)));
    }

    fn metadata_subscriptions(&self, turn: &mut Turn) {
        let keys: Vec<Box<str>> = self
            .people
            .device(turn.conn)
            .particulars
            .subscriptions
            .iter()
            .map(|key| (**key).into())
            .collect();
        let lines = keys.chunks(KEYS_PER_LINE);
        let lines = lines
            .map(|keys| ReplyLine::Numeric(Numeric::RPL_METADATASUBS, keys.to_vec()))
            .collect();
        let (kind, params) = ("metadata-subs", Vec::new());
        turn.say(ReplyLine::Batch { kind, params, lines, page: Page::Only });
    }
}
