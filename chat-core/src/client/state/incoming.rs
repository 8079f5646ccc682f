//! The meaning of the server's lines. A line that means nothing to us is passed over.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use super::{
    client_state::{ClientState, Phase},
    connection::{Batch, Warned},
    effect::Effects,
    history_sync::HistoryEntry,
    sending::{is_room, refuses_messages},
    time::Now,
};
use crate::{
    client::words::NAME_BYTES_MAX,
    proto::{CaseMapping, NONCE_TAG, Numeric},
    text::is_printable,
    update::{ChatMessage, Departure, MessageKind, Origin, Target, Update},
    wire::{Line, Source},
};

/// Batches that may be open at once; a server that opens more has its answers taken one by one.
const BATCHES_MAX: usize = 64;

/// The bytes of a batch's reference, and of a label: longer ones are none (labeled-response, "the label tag").
const REFERENCE_BYTES_MAX: usize = 64;

/// The bytes of a message's id: one with a longer id has none.
const MSGID_BYTES_MAX: usize = 128;

/// Whether the people and rooms in `line` have names that disturb nobody who reads them and are no longer than any name is
/// ([`NAME_BYTES_MAX`]). Texts are another matter: they are shown as text.
fn names_are_names(line: &Line<'_>) -> bool {
    let params = line.params.as_slice();
    let n_names = match &*line.word() {
        "JOIN" | "NICK" | "NOTICE" | "PART" | "PRIVMSG" | "TOPIC" => 1,
        "INVITE" | "KICK" => 2,
        "EDIT" | "REDACT" | "TAGMSG" => 1,
        command => match Numeric::from_command(command) {
            Some(Numeric::RPL_NAMREPLY) => params.len(),
            Some(_) => params.len().saturating_sub(1),
            None => 0,
        },
    };
    // Names stand before what may be empty.
    let names = params.iter().take(n_names).copied();
    let source = line.source.unwrap_or_default();
    let Source { nick, user, host } = Source::parse(source);
    // Numerics have masks, modes and sets of signs among theirs; what is taken for a name is looked at where it is.
    let is_numeric = Numeric::from_command(line.command).is_some();
    let is_short = |name: &str| is_numeric || name.len() <= NAME_BYTES_MAX;
    let has_names = [nick, user, host].iter().all(|name| name.len() <= NAME_BYTES_MAX);
    has_names
        && (source.is_empty() || is_printable(source))
        && names.into_iter().all(|name| name.is_empty() || is_short(name) && is_printable(name))
}

/// The place among a numeric's parameters of the name that it is about, if we take it for one.
fn named_by(numeric: Numeric) -> Option<usize> {
    match numeric {
        Numeric::RPL_WELCOME => Some(0),
        Numeric::RPL_TOPIC | Numeric::RPL_AWAY | Numeric::RPL_ENDOFNAMES => Some(1),
        Numeric::RPL_NAMREPLY | Numeric::RPL_LOGGEDIN => Some(2),
        _ => None,
    }
}

/// The tags that every line is looked at for, found in one pass: a busy server sends several with each line.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    account: Option<Cow<'a, str>>,
    batch: Option<Cow<'a, str>>,
    label: Option<Cow<'a, str>>,
    msgid: Option<Cow<'a, str>>,
    nonce: Option<Cow<'a, str>>,
    /// The time the line's record was made, if the server says.
    time: Option<SystemTime>,
    /// Whether it is told beside a message, and is no record of its own.
    is_beside: bool,
}

impl<'a> Known<'a> {
    fn of(line: &Line<'a>) -> Self {
        let mut known = Self::default();
        for tag in line.tags.iter() {
            let value = tag.value();
            match tag.key {
                "account" if value.len() <= NAME_BYTES_MAX && is_printable(&value) => {
                    known.account = Some(value);
                }
                "batch" => known.batch = Some(value),
                "draft/chathistory-context" => known.is_beside = true,
                "label" => known.label = Some(value),
                "msgid" if value.len() <= MSGID_BYTES_MAX => known.msgid = Some(value),
                NONCE_TAG => known.nonce = Some(value),
                "time" => known.time = humantime::parse_rfc3339(&value).ok(),
                _ => {}
            }
        }
        known
    }
}

impl ClientState {
    /// One line from the server.
    pub(crate) fn line(&mut self, now: Now, text: &str, effects: &mut Effects) {
        self.take_line(now, text, effects);
        self.tell_if_overfull(effects);
        self.quit_when_sent(now, effects);
    }

    fn take_line(&mut self, now: Now, text: &str, effects: &mut Effects) {
        self.connection.last_heard = Some(now);
        self.connection.asked = None;
        let Ok(line) = Line::parse(text) else { return };
        if !names_are_names(&line) {
            return pass_over_names(&mut self.connection.warned, effects);
        }
        let known = Known::of(&line);
        let label = self.connection.label_of(known.label.as_deref(), known.batch.as_deref());
        // A message that is told beside another one is older.
        if let Some(page) =
            self.connection.page_mut(known.batch.as_deref()).filter(|_| !known.is_beside)
        {
            page.count(known.time);
        }
        if let Some(numeric) = Numeric::from_command(line.command) {
            return self.on_numeric(now, numeric, &line, label.as_deref(), effects);
        }
        let word = line.word();
        // Before all others, since most lines are messages.
        if matches!(&*word, "PRIVMSG" | "NOTICE") {
            return self.on_message(now, &line, &known, label.as_deref(), effects);
        }
        let params = line.params;
        let param = |index| params.get(index).unwrap_or_default();
        let from = Source::parse(line.source.unwrap_or_default());
        match &*word {
            "ACK" => {
                if let Some(label) = label {
                    self.sending.acknowledge_label(&label, None, effects);
                }
            }
            "AWAY" => {
                let (nick, reason) = (from.nick.into(), params.get(0).map(Arc::from));
                effects.tell(Update::Away { nick, reason });
            }
            "BATCH" => self.on_batch(now, &line, label, effects),
            "AUTHENTICATE" => self.on_authenticate(now, param(0), effects),
            "CAP" => self.on_cap(now, &line, effects),
            "EDIT" => self.on_edit(now, &line, &known, effects),
            "ERROR" => self.on_error(now, param(0), effects),
            "FAIL" => self.on_fail(&line, label.as_deref(), effects),
            "INVITE" if self.is_me(param(0)) => {
                let (room, by) = (param(1).into(), from.nick.into());
                effects.tell(Update::Invited { room, by });
            }
            "JOIN" => self.on_join(now, &line, effects),
            "KICK" => self.on_kick(&line, effects),
            "NICK" => self.on_nick(from.nick, param(0), effects),
            "NOTE" | "WARN" => notice(Some(param(1)), params.last().unwrap_or_default(), effects),
            "PART" => {
                let reason = params.get(1);
                self.leave_room(param(0), from.nick, Departure::Parted, reason, effects);
            }
            "PING" => {
                effects.line(|reply| reply.command("PONG").last(param(0)).finish());
            }
            "PONG" => {
                self.sending.acknowledge_token(params.last().unwrap_or_default(), effects);
            }
            "QUIT" => self.on_quit(from.nick, param(0), effects),
            "REDACT" => self.on_redact(now, &line, &known, effects),
            "REGISTER" if param(0) == "SUCCESS" => self.on_registered(param(1), effects),
            "TAGMSG" => self.on_tags(now, &line, &known, effects),
            "TOPIC" => {
                let (room, topic): (Arc<str>, Arc<str>) = (param(0).into(), param(1).into());
                self.roster.set_topic(&room, Some(Arc::clone(&topic)));
                let by = Some(from.nick.into());
                effects.tell(Update::Topic { room, topic, by });
            }
            _ => {}
        }
    }

    /// There was no place for a room or for people in one, which is said once.
    fn tell_if_overfull(&mut self, effects: &mut Effects) {
        if self.roster.take_overfull()
            && !std::mem::replace(&mut self.connection.warned.of_overfull, true)
        {
            let bytes_max = self.settings.bounds.memory.roster();
            let text = format!(
                "the server tells of more rooms, topics and people than there is memory for ({} MiB): some are not known here",
                bytes_max >> 20
            );
            notice(None, &text, effects);
        }
    }

    fn on_batch(
        &mut self,
        now: Now,
        line: &Line<'_>,
        label: Option<String>,
        effects: &mut Effects,
    ) {
        let reference = line.params.get(0).unwrap_or_default();
        if let Some(opened) = reference.strip_prefix('+') {
            if self.connection.batches.len() < BATCHES_MAX && opened.len() <= REFERENCE_BYTES_MAX {
                let params = line.params.as_slice().get(2..).unwrap_or_default();
                let page = self.history_sync.page_of(
                    &self.roster,
                    line.params.get(1).unwrap_or_default(),
                    params,
                );
                let label = label.filter(|label| label.len() <= REFERENCE_BYTES_MAX);
                let batch = Batch { label, page };
                let before = self.connection.batches.insert(opened.to_owned(), batch);
                if let Some(Batch { page: Some(mut page), .. }) = before {
                    self.history_sync.forget_page(&mut page);
                }
            }
        } else if let Some(closed) = reference.strip_prefix('-')
            && let Some(Batch { page: Some(page), .. }) = self.connection.batches.remove(closed)
        {
            self.history_sync.take_page(now, &self.roster, page, effects);
        }
    }

    /// Tells what a line says of a conversation, once: with the past it is part of, or as it happens.
    fn deliver(
        &mut self,
        now: Now,
        line: &Line<'_>,
        known: &Known<'_>,
        target: &Target,
        update: Update,
        effects: &mut Effects,
    ) {
        let source = line.source.unwrap_or_default();
        let stamp = known.time.map(|time| (self.names.keep(source), target.clone(), time));
        let msgid = match &update {
            Update::Message(message) => message.msgid.clone(),
            _ => known.msgid.as_deref().map(Arc::from),
        };
        let told = HistoryEntry { stamp, msgid, update };
        match self.connection.page_mut(known.batch.as_deref()) {
            Some(page) => self.history_sync.put(page, told),
            None => self.history_sync.tell_once(now, &self.roster, target, told, effects),
        }
    }

    /// The conversation that a line from `sender` to `target` belongs to.
    fn conversation(&mut self, sender: &str, target: &str) -> Target {
        let signs = self.connection.negotiation.prefixes.as_deref().unwrap_or_default();
        let unsigned = target.trim_start_matches(|sign| signs.contains(sign));
        if is_room(unsigned) {
            Target::Room(self.names.keep(unsigned))
        } else if self.is_me(sender) {
            Target::User(self.names.keep(target))
        } else {
            Target::User(self.names.keep(sender))
        }
    }

    /// A message reads otherwise now (`docs/edit.md`).
    fn on_edit(&mut self, now: Now, line: &Line<'_>, known: &Known<'_>, effects: &mut Effects) {
        let by = Source::parse(line.source.unwrap_or_default()).nick;
        let [name, msgid, text] = [0, 1, 2].map(|at| line.params.get(at).unwrap_or_default());
        let target = self.conversation(by, name);
        let (by, msgid, text) = (by.into(), msgid.into(), text.into());
        let update = Update::Edited { target: target.clone(), msgid, by, text };
        self.deliver(now, line, known, &target, update, effects);
    }

    /// A message is deleted (<https://ircv3.net/specs/extensions/message-redaction>).
    fn on_redact(&mut self, now: Now, line: &Line<'_>, known: &Known<'_>, effects: &mut Effects) {
        let by = Source::parse(line.source.unwrap_or_default()).nick;
        let [name, msgid] = [0, 1].map(|at| line.params.get(at).unwrap_or_default());
        let target = self.conversation(by, name);
        let reason = line.params.get(2).filter(|reason| !reason.is_empty()).map(Arc::from);
        let update =
            Update::Deleted { target: target.clone(), msgid: msgid.into(), by: by.into(), reason };
        self.deliver(now, line, known, &target, update, effects);
    }

    /// Tags alone: a reaction (<https://ircv3.net/specs/client-tags/react>), or nothing for us.
    fn on_tags(&mut self, now: Now, line: &Line<'_>, known: &Known<'_>, effects: &mut Effects) {
        let tag = |name: &str| line.tags.get(name).filter(|value| !value.is_empty());
        let about = tag("+reply").or_else(|| tag("+draft/reply"));
        let (value, is_taken_back) = match (tag("+draft/react"), tag("+draft/unreact")) {
            (Some(value), None) => (value, false),
            (None, Some(value)) => (value, true),
            _ => return,
        };
        let Some(about) = about else { return };
        // Longer than a short word is none (`REACTION_BYTES_MAX` of servers like ours).
        if value.len() > 64 {
            return;
        }
        let by = Source::parse(line.source.unwrap_or_default()).nick;
        let target = self.conversation(by, line.params.get(0).unwrap_or_default());
        let (msgid, value) = (about.into(), value.into());
        let update =
            Update::Reacted { target: target.clone(), msgid, by: by.into(), value, is_taken_back };
        self.deliver(now, line, known, &target, update, effects);
    }

    fn on_numeric(
        &mut self,
        now: Now,
        numeric: Numeric,
        line: &Line<'_>,
        label: Option<&str>,
        effects: &mut Effects,
    ) {
        let params = line.params;
        let param = |index| params.get(index).unwrap_or_default();
        let last = params.last().unwrap_or_default();
        let is_registering = matches!(self.phase, Phase::Registering { .. });
        if named_by(numeric).is_some_and(|index| param(index).len() > NAME_BYTES_MAX) {
            return pass_over_names(&mut self.connection.warned, effects);
        }
        match numeric {
            Numeric::RPL_WELCOME => self.connection.nick = param(0).into(),
            Numeric::RPL_ISUPPORT => self.on_isupport(line),
            Numeric::RPL_ENDOFMOTD | Numeric::ERR_NOMOTD => {
                self.become_ready(now, effects);
            }
            Numeric::RPL_MOTD => notice(None, last, effects),
            Numeric::RPL_TOPIC => {
                let (room, topic): (Arc<str>, Arc<str>) = (param(1).into(), last.into());
                self.roster.set_topic(&room, Some(Arc::clone(&topic)));
                effects.tell(Update::Topic { room, topic, by: None });
            }
            Numeric::RPL_NAMREPLY => {
                let signs = self
                    .connection
                    .negotiation
                    .prefixes
                    .clone()
                    .unwrap_or_else(|| "~&@%+".to_owned());
                let nicks = last.split(' ').filter(|name| !name.is_empty()).map(|name| {
                    let name = name.trim_start_matches(|sign| signs.contains(sign));
                    Source::parse(name).nick.into()
                });
                let mut is_odd = false;
                let nicks = nicks.filter(|nick: &Arc<str>| {
                    let is_name = !nick.is_empty() && nick.len() <= NAME_BYTES_MAX;
                    is_odd |= !is_name;
                    is_name
                });
                self.roster.names_arrive(param(2), nicks);
                if is_odd {
                    pass_over_names(&mut self.connection.warned, effects);
                }
            }
            Numeric::RPL_ENDOFNAMES => {
                let everyone = self.roster.names_end(param(1));
                if let Some((room, nicks)) = everyone {
                    effects.tell(Update::Members { room, nicks });
                }
            }
            Numeric::RPL_AWAY => {
                let (nick, reason) = (param(1).into(), Some(last.into()));
                effects.tell(Update::Away { nick, reason });
            }
            Numeric::ERR_NICKNAMEINUSE if is_registering => self.on_nick_refused(true, effects),
            Numeric::ERR_ERRONEUSNICKNAME if is_registering => self.on_nick_refused(false, effects),
            Numeric::ERR_PASSWDMISMATCH | Numeric::ERR_YOUREBANNEDCREEP if is_registering => {
                self.on_login_refused(now, last, effects);
            }
            Numeric::RPL_LOGGEDIN => tell_account(Some(param(2)), effects),
            Numeric::RPL_LOGGEDOUT => tell_account(None, effects),
            Numeric::RPL_SASLSUCCESS => self.on_login_done(now, effects),
            Numeric::ERR_SASLFAIL | Numeric::ERR_SASLTOOLONG | Numeric::ERR_SASLABORTED
                if is_registering && self.connection.login.is_some() =>
            {
                self.on_login_refused(now, last, effects);
            }
            // A server that does not know CAP goes on without, but not without a login.
            Numeric::ERR_UNKNOWNCOMMAND if is_registering && self.wishes.account.is_some() => {
                self.begin_login(now, effects);
            }
            Numeric::ERR_UNKNOWNCOMMAND if is_registering => {}
            Numeric::ERR_UNKNOWNCOMMAND
                if self.history_sync.refused(
                    &self.roster,
                    &param(1).to_ascii_uppercase(),
                    &[],
                    effects,
                ) => {}
            _ if numeric.is_error() => {
                let target = params.get(1).filter(|_| params.len() > 2);
                let code = numeric.to_string();
                let may_be_ours = label.is_some() || refuses_messages(numeric);
                let mapping = self.roster.mapping();
                if !may_be_ours
                    || !self.sending.refuse(mapping, label, target, &code, last, effects)
                {
                    let text = match target {
                        Some(target) => format!("{target}: {last}"),
                        None => last.to_owned(),
                    };
                    notice(Some(&code), &text, effects);
                }
            }
            _ => {}
        }
    }

    /// <https://ircv3.net/specs/extensions/standard-replies>: `FAIL COMMAND CODE context… :text`
    fn on_fail(&mut self, line: &Line<'_>, label: Option<&str>, effects: &mut Effects) {
        let params = line.params;
        let (code, text) = (params.get(1).unwrap_or_default(), params.last().unwrap_or_default());
        let target = params.get(2).filter(|_| params.len() > 3);
        let is_message = matches!(params.get(0), Some("NOTICE" | "PRIVMSG"));
        let may_be_ours = label.is_some() || is_message;
        let command = params.get(0).unwrap_or_default();
        let context = params.as_slice().get(2..params.len().saturating_sub(1)).unwrap_or_default();
        if command == "REGISTER" {
            self.connection.registering = None;
        }
        if self.history_sync.refused(&self.roster, command, context, effects) {
            return;
        }
        let mapping = self.roster.mapping();
        if !may_be_ours || !self.sending.refuse(mapping, label, target, code, text, effects) {
            notice(Some(code), text, effects);
        }
    }

    fn on_join(&mut self, now: Now, line: &Line<'_>, effects: &mut Effects) {
        let source = line.source.unwrap_or_default();
        let nick: Arc<str> = Source::parse(source).nick.into();
        let room: Arc<str> = line.params.get(0).unwrap_or_default().into();
        let me = self.is_me(&nick);
        if me {
            // A server without a message of the day shows us in a room first.
            if !self.become_ready(now, effects) {
                return;
            }
            self.connection.source_bytes = Some(source.len());
            if !self.roster.enter(&room) {
                return notice(None, "the server puts us into too many rooms", effects);
            }
            self.wishes.want_room_we_are_in(self.roster.mapping(), &room);
            effects.tell(Update::Joined { room: Arc::clone(&room), nick: Arc::clone(&nick), me });
            let was_in_it = self.history_sync.is_back_in(self.roster.mapping(), &room);
            let (negotiation, mapping) = (&self.connection.negotiation, self.roster.mapping());
            let asked = (mapping, &room);
            let is_told =
                self.history_sync.ask_for_room(now, negotiation, asked, was_in_it, effects);
            if was_in_it && !is_told {
                let target = Target::Room(Arc::clone(&room));
                effects.tell(Update::Gap { target, since: self.history_sync.lost_at });
            }
        } else {
            let (target, room) = (Target::Room(Arc::clone(&room)), Arc::clone(&room));
            let joined = Update::Joined { room, nick: Arc::clone(&nick), me };
            self.history_sync.tell_of(&self.roster, &target, joined, effects);
        }
        self.roster.add(&room, &nick);
    }

    fn on_kick(&mut self, line: &Line<'_>, effects: &mut Effects) {
        let by = Source::parse(line.source.unwrap_or_default()).nick.into();
        let (room, nick) =
            (line.params.get(0).unwrap_or_default(), line.params.get(1).unwrap_or_default());
        self.leave_room(room, nick, Departure::Kicked { by }, line.params.get(2), effects);
    }

    fn leave_room(
        &mut self,
        room: &str,
        nick: &str,
        how: Departure,
        reason: Option<&str>,
        effects: &mut Effects,
    ) {
        let me = self.is_me(nick);
        if me {
            self.history_sync.leave(&self.roster, room, effects);
            self.wishes.forget_room(self.roster.mapping(), room);
            self.roster.leave(room);
        } else {
            self.roster.remove(room, nick);
        }
        let target = Target::Room(room.into());
        let (room, nick, reason) = (room.into(), nick.into(), reason.map(Arc::from));
        let left = Update::Left { room, nick, how, reason, me };
        self.history_sync.tell_of(&self.roster, &target, left, effects);
    }

    fn on_quit(&mut self, nick: &str, reason: &str, effects: &mut Effects) {
        // Servers put "Quit" before the words of those who wanted to go.
        let how = match reason.strip_prefix("Quit") {
            Some(rest) if rest.is_empty() || rest.starts_with(':') => Departure::Quit,
            _ => Departure::Lost,
        };
        let words = match how {
            Departure::Quit => reason.trim_start_matches("Quit").trim_start_matches([':', ' ']),
            _ => reason.trim_start_matches("Connection lost").trim_start_matches([':', ' ']),
        };
        let reason: Option<Arc<str>> = Some(words).filter(|words| !words.is_empty()).map(Arc::from);
        let rooms = self.roster.remove_everywhere(nick);
        let me = self.is_me(nick);
        for room in rooms {
            let (nick, how, reason) = (nick.into(), how.clone(), reason.clone());
            effects.tell(Update::Left { room, nick, how, reason, me });
        }
        self.try_wanted_nick(nick, effects);
    }

    fn on_nick(&mut self, old: &str, new: &str, effects: &mut Effects) {
        let new: Arc<str> = new.into();
        let me = self.is_me(old);
        let is_another = !self.same_name(old, &new);
        if me {
            let difference = new.len() as isize - old.len() as isize;
            self.connection.source_bytes =
                self.connection.source_bytes.and_then(|bytes| bytes.checked_add_signed(difference));
            self.connection.nick = Arc::clone(&new);
            self.wishes.nick = Arc::clone(&new);
            self.connection.nick_number = 0;
        }
        self.roster.rename(old, &new);
        effects.tell(Update::Renamed { old: old.into(), new, me });
        if !me && is_another {
            self.try_wanted_nick(old, effects);
        }
    }

    /// Someone gave up a nick: if it is the one we wanted and did not get, take it.
    fn try_wanted_nick(&mut self, freed: &str, effects: &mut Effects) {
        if self.connection.nick_number > 0 && self.same_name(freed, &self.wishes.nick) {
            let wanted = Arc::clone(&self.wishes.nick);
            effects.line(|line| line.command("NICK").param(&wanted).finish());
        }
    }

    fn on_message(
        &mut self,
        now: Now,
        line: &Line<'_>,
        known: &Known<'_>,
        label: Option<&str>,
        effects: &mut Effects,
    ) {
        let source = line.source.unwrap_or_default();
        let sender = Source::parse(source).nick;
        if known.is_beside {
            return;
        }
        let target = line.params.get(0).unwrap_or_default();
        let body = line.params.get(1).unwrap_or_default();
        let is_notice = line.command.eq_ignore_ascii_case("NOTICE");
        // Words of the server, or from before it knows us.
        if is_notice && (!source.contains('!') || !matches!(self.phase, Phase::Ready { .. })) {
            return notice(None, body, effects);
        }
        // A server without a message of the day speaks to us first.
        if !self.become_ready(now, effects) {
            return;
        }
        let msgid: Option<Arc<str>> = known.msgid.as_deref().map(Arc::from);
        let is_own = self.is_me(sender);
        let origin = self
            .connection
            .page_mut(known.batch.as_deref())
            .map_or(Origin::Live, |page| page.origin());
        if is_own && origin != Origin::Live {
            let nonce = known.nonce.as_deref();
            let is_news = msgid.as_ref().is_some_and(|msgid| !self.history_sync.has_seen(msgid));
            if let (Some(nonce), true, Origin::Missed) = (nonce, is_news, origin)
                && self.sending.acknowledge_found(nonce, msgid.clone(), effects)
            {
                return self.note_acknowledged(msgid.as_ref());
            }
        } else if is_own {
            self.connection.source_bytes = Some(source.len());
            let is_ours = match label {
                Some(label) => self.sending.acknowledge_label(label, msgid.clone(), effects),
                None => {
                    let mapping = self.roster.mapping();
                    self.sending.acknowledge_echo(mapping, target, body, msgid.clone(), effects)
                }
            };
            if is_ours {
                return self.note_acknowledged(msgid.as_ref());
            }
        }
        let (kind, text) = match (is_notice, body.strip_prefix('\u{1}')) {
            (true, _) => (MessageKind::Notice, body),
            (false, None) => (MessageKind::Text, body),
            (false, Some(query)) => match query.trim_end_matches('\u{1}').strip_prefix("ACTION ") {
                Some(action) => (MessageKind::Action, action),
                // A question of one program to another, not for people.
                None => return,
            },
        };
        let conversation = self.conversation(sender, target);
        let message = ChatMessage {
            target: conversation.clone(),
            sender: self.names.keep(sender),
            is_own,
            account: known.account.as_deref().map(|account| self.names.keep(account)),
            mentions_me: !is_own && mentions(self.roster.mapping(), text, &self.connection.nick),
            text: text.into(),
            kind,
            time: known.time.unwrap_or(now.wall),
            msgid,
            send_id: None,
            origin,
        };
        self.deliver(now, line, known, &conversation, Update::Message(message), effects);
    }

    /// A message of ours has come back: it is not told again when the past is.
    fn note_acknowledged(&mut self, msgid: Option<&Arc<str>>) {
        if let Some(msgid) = msgid {
            self.history_sync.is_unseen(msgid);
        }
    }
}

/// A line has a name that is none: nothing of it is believed, which is said once.
fn pass_over_names(warned: &mut Warned, effects: &mut Effects) {
    if !std::mem::replace(&mut warned.of_names, true) {
        let text = format!(
            "the server names somebody or something by what is no name (with signs that cannot be shown, or over \
             {NAME_BYTES_MAX} bytes): such lines are passed over"
        );
        notice(None, &text, effects);
    }
}

fn notice(code: Option<&str>, text: &str, effects: &mut Effects) {
    effects.tell(Update::Notice { code: code.map(Arc::from), text: text.into() });
}

/// We are logged in to that account, or to none.
fn tell_account(account: Option<&str>, effects: &mut Effects) {
    effects.tell(Update::Account { account: account.map(Arc::from) });
}

/// Whether a nick stands in `text` as a word.
fn mentions(mapping: CaseMapping, text: &str, nick: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    mapping.find(text, nick).any(|at| {
        let (before, behind) = (text.get(..at), text.get(at + nick.len()..));
        !before.and_then(|text| text.chars().next_back()).is_some_and(is_part)
            && !behind.and_then(|text| text.chars().next()).is_some_and(is_part)
    })
}
