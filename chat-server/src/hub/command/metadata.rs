//! `METADATA` (<https://ircv3.net/specs/extensions/metadata>): reading, setting, and subscribing. Everyone
//! sets their own, operators of a room the room's, operators of the server anyone's. What is published
//! is for all, but that of a secret room for its members.

use std::sync::Arc;

use chat_core::proto::{CommandError, METADATA_KEY_BYTES_MAX, METADATA_VALUE_BYTES_MAX, Numeric};

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub, Refusal, Turn,
        listing::Part,
        metadata::{Keys, Owner, Sync, batch, is_key, key_value},
        modes::Flag,
        room::Room,
    },
};

/// Names in one `RPL_METADATASUBS`: of the longest, as many as a line holds.
const KEYS_PER_LINE: usize = 10;

/// A refusal as the table under "Standard Replies" has it.
fn fail(code: &'static str, context: &[&str], text: &str) -> Refusal {
    let context = context.iter().map(|&word| word.to_owned()).collect();
    Refusal::Fail { command: "METADATA", code, context, text: text.to_owned() }
}

fn invalid_key(key: &str) -> Refusal {
    let text = format!(
        "a name of metadata is 1 to {METADATA_KEY_BYTES_MAX} of the signs a-z, 0-9, _, ., / and -"
    );
    fail("KEY_INVALID", &[key], &text)
}

impl Hub {
    pub(super) fn metadata(
        &mut self,
        turn: &mut Turn<'_>,
        target: &str,
        subcommand: &str,
        params: &[String],
    ) -> Result<(), Refusal> {
        let owner = self.find_owner(turn, target)?;
        let need = |index: usize| {
            params.get(index).ok_or(Refusal::Command(CommandError::NeedMoreParams("METADATA")))
        };
        match &*subcommand.to_ascii_uppercase() {
            "GET" => need(0).map(|_| self.metadata_get(turn, owner, params)),
            "LIST" => {
                let name = self.name_of_owner(owner);
                let values = self.metadata_of(owner).iter();
                let line = |(key, value): (&Arc<str>, &Arc<str>)| {
                    key_value(Numeric::RPL_KEYVALUE, &name, key, value)
                };
                turn.say(batch(&name, values.map(line).collect()));
                Ok(())
            }
            "SET" => self.metadata_set(turn, owner, need(0)?, params.get(1).map(String::as_str)),
            "CLEAR" => self.metadata_clear(turn, owner),
            "SUB" => need(0).map(|_| self.metadata_subscribe(turn, params)),
            "UNSUB" => need(0).map(|_| self.metadata_unsubscribe(turn, params)),
            "SUBS" => {
                let keys: Vec<Box<str>> =
                    self.person(turn.conn).subscriptions.iter().map(|key| (**key).into()).collect();
                let lines = keys.chunks(KEYS_PER_LINE);
                let lines = lines
                    .map(|keys| ReplyLine::Numeric(Numeric::RPL_METADATASUBS, keys.to_vec()))
                    .collect();
                turn.say(ReplyLine::Batch { kind: "metadata-subs", params: Vec::new(), lines });
                Ok(())
            }
            "SYNC" => {
                let keys = Arc::new(self.person(turn.conn).subscriptions.clone());
                match owner {
                    Owner::Room(room) => {
                        let (is_batched, is_each_once) = (true, false);
                        let sync = Sync { room, keys, after: None, is_batched, is_each_once };
                        turn.reply.push(Part::Metadata(sync));
                    }
                    Owner::Person(_) => {
                        let lines = self.metadata_lines(owner, &keys);
                        turn.say(batch(&self.name_of_owner(owner), lines));
                    }
                }
                Ok(())
            }
            _ => Err(fail(
                "SUBCOMMAND_INVALID",
                &[subcommand],
                "the subcommands are GET, LIST, SET, CLEAR, SUB, UNSUB, SUBS and SYNC",
            )),
        }
    }

    /// Whose metadata `target` stands for. What the asker may not see is not there.
    fn find_owner(&self, turn: &Turn<'_>, target: &str) -> Result<Owner, Refusal> {
        if target == "*" {
            return Ok(Owner::Person(turn.conn));
        }
        // Of a room that not everyone may enter those outside learn nothing.
        let is_open = |room: &&Room| {
            let is_closed = room.modes.has(Flag::InviteOnly) || room.modes.key.is_some();
            let is_inside = room.has(turn.conn) || self.person(turn.conn).modes.is_operator;
            room.is_visible_to(turn.conn) && (is_inside || !is_closed)
        };
        let room = self.find_room(target).ok().filter(is_open);
        room.map(|room| Owner::Room(room.id))
            .or_else(|| self.find_person(target).ok().map(|person| Owner::Person(person.conn)))
            .ok_or_else(|| fail("INVALID_TARGET", &[target], "there is no such person or room"))
    }

    fn may_set_metadata(&self, turn: &Turn<'_>, owner: Owner) -> bool {
        let rank = |room| self.rooms[&room].members.get(&turn.conn);
        self.person(turn.conn).modes.is_operator
            || match owner {
                Owner::Person(conn) => conn == turn.conn,
                Owner::Room(room) => rank(room).is_some_and(|rank| rank.is_operator),
            }
    }

    fn metadata_get(&self, turn: &mut Turn<'_>, owner: Owner, keys: &[String]) {
        let (name, metadata) = (self.name_of_owner(owner), self.metadata_of(owner));
        let line = |key: &String| match metadata.get(&**key) {
            _ if !is_key(key) => invalid_key(key).reply(),
            Some(value) => key_value(Numeric::RPL_KEYVALUE, &name, key, value),
            None => key_not_set(&name, key),
        };
        turn.say(batch(&name, keys.iter().map(line).collect()));
    }

    fn metadata_set(
        &mut self,
        turn: &mut Turn<'_>,
        owner: Owner,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), Refusal> {
        let name = self.name_of_owner(owner);
        if !is_key(key) {
            return Err(invalid_key(key));
        }
        if !self.may_set_metadata(turn, owner) {
            let text = "only its owner, the operators of the room or those of the server set that";
            return Err(fail("KEY_NO_PERMISSION", &[&name, key], text));
        }
        let n_keys_max = self.house.limits.metadata_keys_max;
        let metadata = self.metadata_mut(owner);
        let key: Arc<str> = key.into();
        let (before, reply) = match value {
            None => {
                let Some(before) = metadata.remove(&key) else {
                    return Err(fail("KEY_NOT_SET", &[&name, &key], "there is nothing to remove"));
                };
                (Some(before), key_not_set(&name, &key))
            }
            Some(value) if value.len() > METADATA_VALUE_BYTES_MAX => {
                let text = format!("a value has at most {METADATA_VALUE_BYTES_MAX} bytes");
                return Err(fail("VALUE_INVALID", &[], &text));
            }
            Some(value) => {
                if metadata.len() >= n_keys_max && !metadata.contains_key(&key) {
                    let text = format!("there are {n_keys_max} already: remove one first");
                    return Err(fail("LIMIT_REACHED", &[&name], &text));
                }
                let before = metadata.insert(Arc::clone(&key), value.into());
                (before, key_value(Numeric::RPL_KEYVALUE, &name, &key, value))
            }
        };
        turn.say(reply);
        if before.as_deref() != value {
            self.tell_of_metadata(turn.now, owner, &key, turn.conn, turn.effects);
        }
        Ok(())
    }

    fn metadata_clear(&mut self, turn: &mut Turn<'_>, owner: Owner) -> Result<(), Refusal> {
        let name = self.name_of_owner(owner);
        if !self.may_set_metadata(turn, owner) {
            let text =
                "only its owner, the operators of the room or those of the server clear that";
            return Err(fail("KEY_NO_PERMISSION", &[&name, "*"], text));
        }
        let cleared = std::mem::take(self.metadata_mut(owner));
        for key in cleared.keys() {
            self.tell_of_metadata(turn.now, owner, key, turn.conn, turn.effects);
        }
        let line = |(key, value): (&Arc<str>, &Arc<str>)| {
            key_value(Numeric::RPL_KEYVALUE, &name, key, value)
        };
        turn.say(batch(&name, cleared.iter().map(line).collect()));
        Ok(())
    }

    /// "The server processes each key in order", and tells what is there of those that are new.
    fn metadata_subscribe(&mut self, turn: &mut Turn<'_>, keys: &[String]) {
        let n_max = self.house.limits.subscriptions_max;
        let (mut subscribed, mut new, mut failures) = (Vec::new(), Keys::new(), Vec::new());
        for key in keys {
            if !is_key(key) {
                failures.push(invalid_key(key));
                continue;
            }
            let person = self.person_mut(turn.conn);
            if !person.subscriptions.contains(&**key) {
                if person.subscriptions.len() >= n_max {
                    let text = format!("you have {n_max} subscriptions: end one first");
                    failures.push(fail("TOO_MANY_SUBS", &[key], &text));
                    break;
                }
                let key: Arc<str> = key.as_str().into();
                person.subscriptions.insert(Arc::clone(&key));
                self.subscribers.entry(Arc::clone(&key)).or_default().insert(turn.conn);
                new.insert(key);
            }
            subscribed.push(key.as_str());
        }
        if !subscribed.is_empty() {
            turn.numeric(Numeric::RPL_METADATASUBOK, &subscribed);
        }
        failures.iter().for_each(|refusal| turn.say(refusal.reply()));
        if new.is_empty() {
            return;
        }
        let keys = Arc::new(new);
        let person = self.person(turn.conn);
        let watched = person.monitored.keys().filter_map(|key| self.nicks.get(key));
        for conn in watched {
            // Those who share a room come with it.
            if !self.person(*conn).rooms.iter().any(|room| person.rooms.contains(room)) {
                let lines = self.metadata_lines(Owner::Person(*conn), &keys);
                lines.into_iter().for_each(|line| turn.say(line));
            }
        }
        let (is_batched, is_each_once) = (false, true);
        turn.reply.extend(person.rooms.iter().map(|&room| {
            let keys = Arc::clone(&keys);
            Part::Metadata(Sync { room, keys, after: None, is_batched, is_each_once })
        }));
    }

    fn metadata_unsubscribe(&mut self, turn: &mut Turn<'_>, keys: &[String]) {
        let (valid, invalid): (Vec<&str>, Vec<&str>) =
            keys.iter().map(String::as_str).partition(|key| is_key(key));
        valid.iter().for_each(|key| self.unsubscribe(turn.conn, key));
        if !valid.is_empty() {
            turn.numeric(Numeric::RPL_METADATAUNSUBOK, &valid);
        }
        invalid.iter().for_each(|key| turn.say(invalid_key(key).reply()));
    }
}

fn key_not_set(target: &str, key: &str) -> ReplyLine {
    let params = vec![target.into(), key.into(), "key not set".into()];
    ReplyLine::Numeric(Numeric::RPL_KEYNOTSET, params)
}
