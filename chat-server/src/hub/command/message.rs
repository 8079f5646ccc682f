//! `PRIVMSG`, `NOTICE` and `TAGMSG` (RFC 2812 §3.3; <https://ircv3.net/specs/extensions/message-tags>).

use std::sync::Arc;

use chat_core::{
    proto::{Capability, CommandError, MessageKind, MessageLine, Service},
    wire::limits::BODY_BYTES_MAX,
};

use crate::{
    delivery::{Event, RecordContent, ReplyLine},
    hub::{
        Hub,
        people::speech::{Speech, are_words, check_ctcp},
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            pending_record::{Destination, RecordAction},
            queued_command::is_kept,
        },
    },
    reaction::{REACTION_BYTES_MAX, Reaction},
};

/// The words about accounts of which nobody is here.
const NOT_THERE: &str = "Not here: what you write is kept, and shown to them when they come";

impl Hub {
    pub(crate) fn message(
        &mut self,
        turn: &mut Turn,
        kind: MessageKind,
        targets: &[String],
        text: Arc<str>,
        tags: Box<str>,
    ) -> Result<(), Refusal> {
        self.people.person_mut(turn.person).last_spoke = self.now().mono;
        let has_label = turn.label.is_some();
        for (index, target) in targets.iter().enumerate() {
            let outcome = if index < self.settings.limits.targets_max {
                self.message_one(turn, kind, target, &text, &tags)
            } else {
                Err(Refusal::TooManyTargets(target.clone()))
            };
            // A notice is never answered automatically (RFC 2812 §3.3.2); who gave it a label asked.
            let is_told = |refusal: &Refusal| {
                kind != MessageKind::Notice
                    || has_label
                    // That something is lost is told in any case.
                    || matches!(
                        refusal,
                        Refusal::NotStored { .. } | Refusal::TooLongToRelay | Refusal::Fail { .. }
                    )
            };
            if let Some(refusal) = outcome.err().filter(is_told) {
                turn.say(refusal.reply());
            }
        }
        Ok(())
    }

    /// A message of several lines is one record (<https://ircv3.net/specs/extensions/multiline>).
    pub(crate) fn multiline(
        &mut self,
        turn: &mut Turn,
        kind: MessageKind,
        target: &str,
        lines: Vec<MessageLine>,
        tags: String,
    ) -> Result<(), Refusal> {
        self.people.person_mut(turn.person).last_spoke = self.now().mono;
        let texts: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
        let (place, target) = self.find_place(turn, kind, target, &texts, &tags)?;
        let source = Arc::clone(&self.people.person(turn.person).source);
        let longest = lines.iter().map(|line| line.text.len()).max().unwrap_or_default();
        // As each line of it is relayed, also to those who read them one by one.
        if source.len() + kind.word().len() + target.len() + longest + 7 > BODY_BYTES_MAX {
            return Err(
                CommandError::Batch { code: "MULTILINE_INVALID", context: Vec::new() }.into()
            );
        }
        let content = RecordContent::Multiline {
            source,
            kind,
            target,
            lines: lines.into(),
            tags: tags.into(),
        };
        if self.is_silent(turn, &place) {
            self.pass_by(turn, place, content);
            return Ok(());
        }
        self.submit(turn, place, content, RecordAction::Nothing)
    }

    fn message_one(
        &mut self,
        turn: &mut Turn,
        kind: MessageKind,
        target: &str,
        text: &Arc<str>,
        tags: &str,
    ) -> Result<(), Refusal> {
        if let Some(service) = Service::by_nick(target) {
            self.serve(turn, service, kind, text, tags);
            return Ok(());
        }
        let (place, target) = self.find_place(turn, kind, target, &[text], tags)?;
        let source = Arc::clone(&self.people.person(turn.person).source);
        // ":source KIND target :text\r\n" must fit, or other clients would lose its end.
        let relayed_bytes = source.len() + kind.word().len() + target.len() + text.len() + 7;
        if relayed_bytes > BODY_BYTES_MAX {
            return Err(Refusal::TooLongToRelay);
        }
        let content = RecordContent::Message {
            source,
            kind,
            target,
            text: Arc::clone(text),
            tags: tags.into(),
        };
        if kind == MessageKind::Tagmsg
            && Reaction::of(tags).is_some_and(|own| own.value.len() > REACTION_BYTES_MAX)
        {
            let text = format!("a reaction has at most {REACTION_BYTES_MAX} bytes");
            return Err(Refusal::fail("TAGMSG", "INVALID_REACTION", &[], &text));
        }
        if is_kept(kind, tags) && !self.is_silent(turn, &place) {
            self.submit(turn, place, content, RecordAction::Nothing)
        } else {
            self.pass_by(turn, place, content);
            Ok(())
        }
    }

    /// The destination of a message, and the target as it is properly written.
    fn find_place(
        &mut self,
        turn: &mut Turn,
        kind: MessageKind,
        target: &str,
        texts: &[&str],
        tags: &str,
    ) -> Result<(Destination, Arc<str>), Refusal> {
        let says_nothing = kind == MessageKind::Tagmsg && !are_words(tags);
        let speech = if says_nothing { Speech::Typing } else { Speech::Words };
        if target.starts_with('#') {
            let room = self.rooms.find_visible(turn.person, target)?;
            texts.iter().try_for_each(|text| check_ctcp(room, text))?;
            let (id, shown) = (room.id, Arc::clone(room.name.shown()));
            self.speak(turn, id, speech)?;
            return Ok((Destination::Room(id), shown));
        }
        // <https://modern.ircdocs.horse/#statusmsg-parameter>
        if let Some((sign @ ('@' | '+'), name)) = split_first(target)
            && name.starts_with('#')
        {
            let room = self.rooms.find_visible(turn.person, name)?;
            texts.iter().try_for_each(|text| check_ctcp(room, text))?;
            let (id, shown) = (room.id, format!("{sign}{}", room.name).into());
            self.speak(turn, id, speech)?;
            return Ok((Destination::Ranked(id, sign), shown));
        }
        let Ok(person) = self.people.find(target) else {
            return self.find_absent(turn, kind, target);
        };
        let id = person.id;
        self.check_reader(turn, id)?;
        let person = self.people.person(id);
        if let Some(reason) =
            person.particulars.away.as_ref().filter(|_| kind == MessageKind::Privmsg)
        {
            turn.numeric(chat_core::proto::Numeric::RPL_AWAY, &[person.nick.as_str(), reason]);
        }
        let (who, nick) = (person.id, Arc::clone(person.nick.shown()));
        let place = Destination::Direct { identity: self.identity_of(who), person: Some(who) };
        Ok((place, nick))
    }

    /// The destination of a message to an account of which nobody is here: it is kept for it, as long as there are few.
    fn find_absent(
        &mut self,
        turn: &mut Turn,
        kind: MessageKind,
        target: &str,
    ) -> Result<(Destination, Arc<str>), Refusal> {
        let nobody = || Refusal::NoSuchNick(target.to_owned());
        let account = self.accounts.get(target).ok_or_else(nobody)?;
        let is_banned =
            || self.accounts.find_ban(self.now().wall, "", Some(&account.name)).is_some();
        // Tags alone are kept by nobody.
        if !self.settings.keeps_history || kind == MessageKind::Tagmsg || is_banned() {
            return Err(nobody());
        }
        let name: Arc<str> = account.name.as_str().into();
        let identity = self.accounts.identity(&name);
        // What is said by who is silenced is kept by nobody, and takes no room.
        let is_kept = !self.is_silenced(turn.person, &identity);
        if is_kept && let Err(n) = self.count_waiting(&identity) {
            let why = format!("they are not here, and {n} messages wait for them already");
            return Err(Refusal::NotStored { command: kind.word(), target: name.to_string(), why });
        }
        if kind == MessageKind::Privmsg {
            turn.numeric(chat_core::proto::Numeric::RPL_AWAY, &[&name, NOT_THERE]);
        }
        Ok((Destination::Direct { identity, person: None }, name))
    }

    /// Whether what is said there is for nobody, since whom it is for has silenced who says it.
    pub(super) fn is_silent(&self, turn: &Turn, place: &Destination) -> bool {
        matches!(place, Destination::Direct { identity, .. }
            if self.is_silenced(turn.person, identity))
    }

    /// Shows to whoever is there what is not kept: tags alone, and to its sender alone what is for nobody.
    pub(super) fn pass_by(&mut self, turn: &mut Turn, place: Destination, content: RecordContent) {
        let is_of_tags =
            matches!(&content, RecordContent::Message { kind: MessageKind::Tagmsg, .. });
        let msgid = self.next_msgid(self.now().wall);
        let event = Arc::new(
            Event::new(content.into(), self.now().wall, Some(msgid))
                .by(self.people.person(turn.person).as_sender()),
        );
        let capabilities = self.people.device(turn.conn).capabilities;
        let echoes = capabilities.contains(Capability::EchoMessage)
            && (!is_of_tags || capabilities.contains(Capability::MessageTags));
        let is_silent = self.is_silent(turn, &place);
        match place {
            Destination::Direct { person: other, .. } => {
                let other = other.filter(|_| !is_silent);
                self.tell_both(turn.person, turn.conn, other, &event);
            }
            Destination::Room(id) => self.tell_room(&self.rooms[&id], Some(turn.conn), &event),
            Destination::Ranked(id, sign) => {
                self.tell_ranked(
                    &self.rooms[&id],
                    sign,
                    Some(turn.person),
                    Some(turn.conn),
                    &event,
                );
            }
        }
        if echoes {
            turn.say(ReplyLine::Event(event));
        }
    }
}

/// The first character, and what is behind it.
fn split_first(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    characters.next().map(|first| (first, characters.as_str()))
}
