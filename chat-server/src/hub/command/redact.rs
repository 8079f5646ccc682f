//! `REDACT` (<https://ircv3.net/specs/extensions/message-redaction>) and `EDIT` (`docs/edit.md`): the message is looked
//! up, so that it is known whose it is, and then the change is a record like any other.

use std::sync::Arc;

use chat_core::{proto::TOPIC_BYTES_MAX, wire::limits::BODY_BYTES_MAX};

use crate::{
    delivery::{EDITED, RecordContent},
    history::{Answer, Found, Query},
    hub::{
        Hub,
        people::speech::{Speech, check_ctcp},
        refusal::Refusal,
        replies::{say::relayable, turn::Turn},
        state::{
            pending_record::{Destination, RecordAction},
            query::{MessageAction, MessageChange, QueryPurpose},
        },
    },
};

impl Hub {
    pub(crate) fn redact(
        &mut self,
        turn: &mut Turn,
        target: &str,
        msgid: &str,
        reason: Option<String>,
    ) -> Result<(), Refusal> {
        self.look_for(turn, target, msgid, MessageChange::Redact(reason))
    }

    pub(crate) fn edit(
        &mut self,
        turn: &mut Turn,
        target: &str,
        msgid: &str,
        text: String,
    ) -> Result<(), Refusal> {
        self.look_for(turn, target, msgid, MessageChange::Replace(text))
    }

    fn look_for(
        &mut self,
        turn: &mut Turn,
        target: &str,
        msgid: &str,
        change: MessageChange,
    ) -> Result<(), Refusal> {
        if !self.settings.keeps_history {
            let text = "messages are not kept here, and cannot be changed";
            return Err(change.refusal("INVALID_TARGET", &[target], text));
        }
        let (own, _) = change.rights();
        let readable = self.find_readable(turn.conn, target, own).ok_or_else(|| {
            change.refusal(
                "INVALID_TARGET",
                &[target],
                "there is nothing here that you could change",
            )
        })?;
        let shown = match (&readable.shown, &readable.of) {
            (Some(room), _) => Arc::clone(room),
            (None, QueryPurpose::Person { nick, .. }) => Arc::clone(nick),
            (None, _) => target.into(),
        };
        let query = Query::Find {
            conversation: readable.conversation.clone(),
            msgid: msgid.into(),
            rank: readable.rank,
            ranked_after: readable.ranked_after,
        };
        let word = change.word();
        let readable = Box::new(readable);
        let act = MessageAction { readable, target: shown, msgid: msgid.into(), change };
        self.submit_query(turn, QueryPurpose::Message(act), (word, "*"), query);
        Ok(())
    }

    /// The message has been looked up: it may be changed by who wrote it; deleted also by those who operate the room.
    pub(crate) fn act(
        &mut self,
        turn: &mut Turn,
        act: MessageAction,
        answer: Result<Answer, Arc<str>>,
    ) -> Result<(), Refusal> {
        let MessageAction { readable, target, msgid, change } = act;
        let found = match answer {
            Ok(Answer::Found(Some(found))) => found,
            Ok(_) => return Err(change.unknown(&target, &msgid)),
            Err(why) => {
                let text = format!("the message could not be looked up: {why}");
                return Err(change.refusal("TEMPORARILY_UNAVAILABLE", &[&target, &msgid], &text));
            }
        };
        let asker = self.people.asker(turn.conn);
        let person = asker.person;
        let is_own = Some(&found.by) == person.identity.as_ref()
            && self.accounts.was_there(person.account.as_deref(), found.time);
        let (own, others) = change.rights();
        let may = match &readable.place {
            Destination::Room(id) | Destination::Ranked(id, _) => {
                // They may have been sent out while it was looked up.
                let room = self.rooms.get(*id).filter(|room| room.allows(asker, own));
                let room = room.ok_or_else(|| change.unknown(&target, &msgid))?;
                is_own || room.allows(asker, others)
            }
            Destination::Direct { .. } => is_own,
        };
        if !may {
            let (code, text) = match change {
                MessageChange::Redact(_) => {
                    ("REDACT_FORBIDDEN", "only its author and operators delete a message")
                }
                MessageChange::Replace(_) => {
                    ("EDIT_FORBIDDEN", "only its author changes a message")
                }
            };
            return Err(change.refusal(code, &[&target, &msgid], text));
        }
        // Who may not say it may not say it in the place of something else, nor as the reason why it goes.
        let change = match (change, &readable.place) {
            (MessageChange::Replace(text), Destination::Room(id) | Destination::Ranked(id, _)) => {
                check_ctcp(&self.rooms[id], &text)?;
                self.speak(turn, *id, Speech::Words)?;
                MessageChange::Replace(text)
            }
            (MessageChange::Redact(reason), Destination::Room(id) | Destination::Ranked(id, _)) => {
                MessageChange::Redact(self.heard(turn, *id, reason))
            }
            (MessageChange::Replace(text), Destination::Direct { person, .. }) => {
                person.map_or(Ok(()), |reader| self.check_reader(turn, reader))?;
                MessageChange::Replace(text)
            }
            // They may take back what they said, without a word to whom it is not for.
            (MessageChange::Redact(reason), Destination::Direct { person, .. }) => {
                let is_for_them = !self.is_silent(turn, &readable.place)
                    && person.is_none_or(|reader| self.check_reader(turn, reader).is_ok());
                MessageChange::Redact(reason.filter(|_| is_for_them))
            }
        };
        let operates = match &readable.place {
            Destination::Room(id) | Destination::Ranked(id, _) => {
                self.rooms[id].members.get(&turn.person).is_some_and(|rank| rank.is_operator)
            }
            Destination::Direct { .. } => false,
        };
        if !is_own && !operates {
            let did = format!("{} {target} {msgid} by {}", change.word(), found.by);
            self.note_operator_action(turn.conn, &did);
        }
        let person = self.people.person(turn.person);
        let (place, target) = placed(readable.place, &found, target);
        let source = Arc::clone(&person.source);
        let content = match change {
            MessageChange::Redact(reason) => {
                let words = [&*source, "REDACT", &target, &msgid];
                let reason = reason.map(|text| relayable(&text, &words, TOPIC_BYTES_MAX).into());
                RecordContent::Redact { source, target, redacted: msgid, reason }
            }
            MessageChange::Replace(text) => {
                // As an edit, and in other words for those who know of none.
                let around = "PRIVMSG".len().max("EDIT".len() + msgid.len() + 1) + EDITED.len();
                if source.len() + around + target.len() + text.len() + 7 > BODY_BYTES_MAX {
                    return Err(Refusal::TooLongToRelay);
                }
                RecordContent::Edit { source, target, edited: msgid, text: text.into() }
            }
        };
        // Nothing becomes of other words, as of a message.
        if matches!(content, RecordContent::Edit { .. }) && self.is_silent(turn, &place) {
            self.pass_by(turn, place, content);
            return Ok(());
        }
        self.submit(turn, place, content, RecordAction::Nothing)
    }
}

/// The destination of what happens to a message: those who were told of it.
fn placed(place: Destination, found: &Found, target: Arc<str>) -> (Destination, Arc<str>) {
    match (place, found.sign) {
        (Destination::Room(id), Some(sign)) => {
            (Destination::Ranked(id, sign), format!("{sign}{target}").into())
        }
        (place, _) => (place, target),
    }
}
