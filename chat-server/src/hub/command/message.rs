//! `PRIVMSG`, `NOTICE` and `TAGMSG` (RFC 2812 §3.3; <https://ircv3.net/specs/extensions/message-tags>).

use std::sync::Arc;

use chat_core::{
    proto::{Capability, MessageKind},
    wire::limits::BODY_BYTES_MAX,
};

use crate::{
    delivery::{Content, Event, ReplyLine},
    hub::{
        Hub, Refusal, Turn,
        records::{Place, is_kept},
    },
};

impl Hub {
    pub(super) fn message(
        &mut self,
        turn: &mut Turn<'_>,
        kind: MessageKind,
        targets: &[String],
        text: String,
        tags: String,
    ) -> Result<(), Refusal> {
        let (text, tags): (Arc<str>, Arc<str>) = (text.into(), tags.into());
        self.person_mut(turn.conn).last_spoke = turn.now.mono;
        let has_label = turn.label.is_some();
        for (index, target) in targets.iter().enumerate() {
            let outcome = if index < self.house.limits.targets_max {
                self.message_one(turn, kind, target, &text, &tags)
            } else {
                Err(Refusal::TooManyTargets(target.clone()))
            };
            // A notice is never answered automatically (RFC 2812 §3.3.2); who gave it a label asked.
            let is_told = |refusal: &Refusal| {
                kind != MessageKind::Notice
                    || has_label
                    || matches!(refusal, Refusal::NotStored { .. })
            };
            if let Some(refusal) = outcome.err().filter(is_told) {
                turn.say(refusal.reply());
            }
        }
        Ok(())
    }

    fn message_one(
        &mut self,
        turn: &mut Turn<'_>,
        kind: MessageKind,
        target: &str,
        text: &Arc<str>,
        tags: &Arc<str>,
    ) -> Result<(), Refusal> {
        let (place, target) = self.find_place(turn, kind, target)?;
        let source = Arc::clone(&self.person(turn.conn).source);
        // ":source KIND target :text\r\n" must fit, or other clients would lose its end.
        let relayed_bytes = source.len() + kind.word().len() + target.len() + text.len() + 7;
        if relayed_bytes > BODY_BYTES_MAX {
            return Err(Refusal::TooLongToRelay);
        }
        let content = Content::Message {
            source,
            kind,
            target,
            text: Arc::clone(text),
            tags: Arc::clone(tags),
        };
        if is_kept(kind) {
            self.submit(turn, place, content, Vec::new())
        } else {
            self.pass_by(turn, place, content);
            Ok(())
        }
    }

    /// Where a message goes, and the target as it is properly written.
    fn find_place(
        &self,
        turn: &mut Turn<'_>,
        kind: MessageKind,
        target: &str,
    ) -> Result<(Place, Arc<str>), Refusal> {
        if target.starts_with('#') {
            let room = self.find_room(target)?;
            // Mode n: nobody speaks from outside.
            if !room.has(turn.conn) {
                return Err(Refusal::CannotSend(room.name.to_string()));
            }
            return Ok((Place::Room(room.id), Arc::clone(room.name.shown())));
        }
        let person = self.find_person(target)?;
        if let Some(reason) = person.away.as_ref().filter(|_| kind == MessageKind::Privmsg) {
            turn.numeric(chat_core::proto::Numeric::RPL_AWAY, &[person.nick.as_str(), reason]);
        }
        Ok((Place::Direct(person.conn), Arc::clone(person.nick.shown())))
    }

    /// Tags alone are seen by whoever is there, and kept by nobody.
    fn pass_by(&mut self, turn: &mut Turn<'_>, place: Place, content: Content) {
        let msgid = self.next_msgid(turn.now.wall);
        let event = Arc::new(Event::new(content, turn.now.wall, Some(msgid)));
        let person = self.person(turn.conn);
        let echoes = person.capabilities.contains(Capability::EchoMessage)
            && person.capabilities.contains(Capability::MessageTags);
        match place {
            Place::Direct(other) => self.tell(other, &event, turn.effects),
            Place::Room(id) => {
                self.tell_room(&self.rooms[&id], Some(turn.conn), &event, turn.effects)
            }
        }
        if echoes {
            turn.say(ReplyLine::Event(event));
        }
    }
}
