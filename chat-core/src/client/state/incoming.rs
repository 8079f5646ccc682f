//! What the server's lines mean. A line that means nothing to us is passed over.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use super::{
    Batch, ClientState, Now, Outputs, Phase,
    history_sync::{HistoryEntry, Page},
    sending::{is_room, refuses_messages},
};
use crate::{
    proto::{NONCE_TAG, Numeric},
    text::is_printable,
    update::{ChatMessage, Departure, MessageKind, Origin, Target, Update},
    wire::{Line, Source},
};

/// Batches that may be open at once; a server that opens more has its answers taken one by one.
const BATCHES_MAX: usize = 64;

/// Whether nobody and no room in `line` is called by what could disturb whoever reads the name. Texts
/// are another matter: they are shown as text.
fn names_are_printable(line: &Line<'_>) -> bool {
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
    let names = params.iter().take(n_names);
    line.source.into_iter().chain(names.copied()).all(|name| name.is_empty() || is_printable(name))
}

/// The tags that every line is looked at for, found in one pass: a busy server sends several with each line.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    account: Option<Cow<'a, str>>,
    batch: Option<Cow<'a, str>>,
    label: Option<Cow<'a, str>>,
    msgid: Option<Cow<'a, str>>,
    nonce: Option<Cow<'a, str>>,
    /// When the line's record was made, if the server says.
    time: Option<SystemTime>,
    /// It is told beside a message, and is no record of its own.
    is_beside: bool,
}

impl<'a> Known<'a> {
    fn of(line: &Line<'a>) -> Self {
        let mut known = Self::default();
        for tag in line.tags.iter() {
            let value = tag.value();
            match tag.key {
                "account" => known.account = Some(value),
                "batch" => known.batch = Some(value),
                "draft/chathistory-context" => known.is_beside = true,
                "label" => known.label = Some(value),
                "msgid" => known.msgid = Some(value),
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
    pub(crate) fn line(&mut self, now: Now, text: &str, outputs: &mut Outputs) {
        self.last_heard = Some(now);
        self.asked = None;
        let Ok(line) = Line::parse(text) else { return };
        if !names_are_printable(&line) {
            return;
        }
        let known = Known::of(&line);
        let label = self.label_of(&known);
        // A message that is told beside another one is older.
        if let Some(page) = self.page_mut(&known).filter(|_| !known.is_beside) {
            page.count(known.time);
        }
        if let Some(numeric) = Numeric::from_command(line.command) {
            return self.on_numeric(now, numeric, &line, label.as_deref(), outputs);
        }
        let word = line.word();
        // Before all others, since most lines are messages.
        if matches!(&*word, "PRIVMSG" | "NOTICE") {
            return self.on_message(now, &line, &known, label.as_deref(), outputs);
        }
        let params = line.params;
        let param = |index| params.get(index).unwrap_or_default();
        let from = Source::parse(line.source.unwrap_or_default());
        match &*word {
            "ACK" => {
                if let Some(label) = label {
                    self.acknowledge_label(now, &label, None, outputs);
                }
            }
            "AWAY" => {
                let (nick, reason) = (from.nick.into(), params.get(0).map(Arc::from));
                outputs.updates.push(Update::Away { nick, reason });
            }
            "BATCH" => self.on_batch(now, &line, label, outputs),
            "AUTHENTICATE" => self.on_authenticate(now, param(0), outputs),
            "CAP" => self.on_cap(now, &line, outputs),
            "EDIT" => self.on_edit(now, &line, &known, outputs),
            "ERROR" => self.on_error(now, param(0), outputs),
            "FAIL" => self.on_fail(now, &line, label.as_deref(), outputs),
            "INVITE" if self.is_me(param(0)) => {
                let (room, by) = (param(1).into(), from.nick.into());
                outputs.updates.push(Update::Invited { room, by });
            }
            "JOIN" => self.on_join(now, &line, outputs),
            "KICK" => self.on_kick(&line, outputs),
            "NICK" => self.on_nick(from.nick, param(0), outputs),
            "NOTE" | "WARN" => {
                self.notice(Some(param(1)), params.last().unwrap_or_default(), outputs)
            }
            "PART" => {
                let reason = params.get(1);
                self.leave_room(param(0), from.nick, Departure::Parted, reason, outputs);
            }
            "PING" => {
                outputs.line(|reply| reply.command("PONG").last(param(0)).finish());
            }
            "PONG" => self.acknowledge_token(now, params.last().unwrap_or_default(), outputs),
            "QUIT" => self.on_quit(from.nick, param(0), outputs),
            "REDACT" => self.on_redact(now, &line, &known, outputs),
            "REGISTER" if param(0) == "SUCCESS" => self.on_registered(param(1), outputs),
            "TAGMSG" => self.on_tags(now, &line, &known, outputs),
            "TOPIC" => {
                let (room, topic): (Arc<str>, Arc<str>) = (param(0).into(), param(1).into());
                self.roster().set_topic(&room, Some(Arc::clone(&topic)));
                let by = Some(from.nick.into());
                outputs.updates.push(Update::Topic { room, topic, by });
            }
            _ => {}
        }
    }

    /// The label a line answers: its own, or that of its batch.
    fn label_of(&self, known: &Known<'_>) -> Option<String> {
        let own = known.label.as_deref().map(str::to_owned);
        own.or_else(|| self.batches.get(known.batch.as_deref()?)?.label.clone())
    }

    fn on_batch(
        &mut self,
        now: Now,
        line: &Line<'_>,
        label: Option<String>,
        outputs: &mut Outputs,
    ) {
        let reference = line.params.get(0).unwrap_or_default();
        if let Some(opened) = reference.strip_prefix('+') {
            if self.batches.len() < BATCHES_MAX {
                let params = line.params.as_slice().get(2..).unwrap_or_default();
                let page = self.page_of(line.params.get(1).unwrap_or_default(), params);
                self.batches.insert(opened.to_owned(), Batch { label, page });
            }
        } else if let Some(closed) = reference.strip_prefix('-')
            && let Some(Batch { page: Some(page), .. }) = self.batches.remove(closed)
        {
            self.take_page(now, page, outputs);
        }
    }

    /// Where a line belongs: the page of the past that it is on.
    fn page_mut(&mut self, known: &Known<'_>) -> Option<&mut Page> {
        self.batches.get_mut(known.batch.as_deref()?)?.page.as_mut()
    }

    /// Tells what a line says of a conversation, once: with the past it is part of, or as it happens.
    fn deliver(
        &mut self,
        now: Now,
        line: &Line<'_>,
        known: &Known<'_>,
        target: &Target,
        update: Update,
        outputs: &mut Outputs,
    ) {
        let source = line.source.unwrap_or_default();
        let stamp = known.time.map(|time| (self.names.keep(source), target.clone(), time));
        let msgid = match &update {
            Update::Message(message) => message.msgid.clone(),
            _ => known.msgid.as_deref().map(Arc::from),
        };
        let told = HistoryEntry { stamp, msgid, update };
        match self.page_mut(known) {
            Some(page) => page.push(told),
            None => self.tell_once(now, target, told, outputs),
        }
    }

    /// The conversation that a line from `sender` to `target` belongs to.
    fn conversation(&mut self, sender: &str, target: &str) -> Target {
        let signs = self.negotiation.prefixes.as_deref().unwrap_or_default();
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
    fn on_edit(&mut self, now: Now, line: &Line<'_>, known: &Known<'_>, outputs: &mut Outputs) {
        let by = Source::parse(line.source.unwrap_or_default()).nick;
        let [name, msgid, text] = [0, 1, 2].map(|at| line.params.get(at).unwrap_or_default());
        let target = self.conversation(by, name);
        let (by, msgid, text) = (by.into(), msgid.into(), text.into());
        let update = Update::Edited { target: target.clone(), msgid, by, text };
        self.deliver(now, line, known, &target, update, outputs);
    }

    /// A message is deleted (<https://ircv3.net/specs/extensions/message-redaction>).
    fn on_redact(&mut self, now: Now, line: &Line<'_>, known: &Known<'_>, outputs: &mut Outputs) {
        let by = Source::parse(line.source.unwrap_or_default()).nick;
        let [name, msgid] = [0, 1].map(|at| line.params.get(at).unwrap_or_default());
        let target = self.conversation(by, name);
        let reason = line.params.get(2).filter(|reason| !reason.is_empty()).map(Arc::from);
        let update =
            Update::Deleted { target: target.clone(), msgid: msgid.into(), by: by.into(), reason };
        self.deliver(now, line, known, &target, update, outputs);
    }

    /// Tags alone: a reaction (<https://ircv3.net/specs/client-tags/react>), or nothing for us.
    fn on_tags(&mut self, now: Now, line: &Line<'_>, known: &Known<'_>, outputs: &mut Outputs) {
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
        self.deliver(now, line, known, &target, update, outputs);
    }

    fn on_numeric(
        &mut self,
        now: Now,
        numeric: Numeric,
        line: &Line<'_>,
        label: Option<&str>,
        outputs: &mut Outputs,
    ) {
        let params = line.params;
        let param = |index| params.get(index).unwrap_or_default();
        let last = params.last().unwrap_or_default();
        let is_registering = matches!(self.phase, Phase::Registering { .. });
        match numeric {
            Numeric::RPL_WELCOME => self.nick = param(0).into(),
            Numeric::RPL_ISUPPORT => self.on_isupport(line),
            Numeric::RPL_ENDOFMOTD | Numeric::ERR_NOMOTD => {
                self.become_ready(now, outputs);
            }
            Numeric::RPL_MOTD => self.notice(None, last, outputs),
            Numeric::RPL_TOPIC => {
                let (room, topic): (Arc<str>, Arc<str>) = (param(1).into(), last.into());
                self.roster().set_topic(&room, Some(Arc::clone(&topic)));
                outputs.updates.push(Update::Topic { room, topic, by: None });
            }
            Numeric::RPL_NAMREPLY => {
                let signs = self.negotiation.prefixes.clone().unwrap_or_else(|| "~&@%+".to_owned());
                let nicks = last.split(' ').filter(|name| !name.is_empty()).map(|name| {
                    let name = name.trim_start_matches(|sign| signs.contains(sign));
                    Source::parse(name).nick.into()
                });
                self.roster().names_arrive(param(2), nicks);
            }
            Numeric::RPL_ENDOFNAMES => {
                let everyone = self.roster().names_end(param(1));
                if let Some((room, nicks)) = everyone {
                    outputs.updates.push(Update::Members { room, nicks });
                }
            }
            Numeric::RPL_AWAY => {
                let (nick, reason) = (param(1).into(), Some(last.into()));
                outputs.updates.push(Update::Away { nick, reason });
            }
            Numeric::ERR_NICKNAMEINUSE if is_registering => self.on_nick_refused(true, outputs),
            Numeric::ERR_ERRONEUSNICKNAME if is_registering => self.on_nick_refused(false, outputs),
            Numeric::ERR_PASSWDMISMATCH | Numeric::ERR_YOUREBANNEDCREEP if is_registering => {
                self.on_login_refused(now, last, outputs);
            }
            Numeric::RPL_LOGGEDIN => self.on_account(Some(param(2)), outputs),
            Numeric::RPL_LOGGEDOUT => self.on_account(None, outputs),
            Numeric::RPL_SASLSUCCESS => self.on_login_done(now, outputs),
            Numeric::ERR_SASLFAIL | Numeric::ERR_SASLTOOLONG | Numeric::ERR_SASLABORTED
                if is_registering && self.login.is_some() =>
            {
                self.on_login_refused(now, last, outputs);
            }
            // A server that does not know CAP goes on without, but not without a login.
            Numeric::ERR_UNKNOWNCOMMAND if is_registering && self.account.is_some() => {
                self.begin_login(now, outputs);
            }
            Numeric::ERR_UNKNOWNCOMMAND if is_registering => {}
            Numeric::ERR_UNKNOWNCOMMAND
                if self.past_refused(&param(1).to_ascii_uppercase(), &[], outputs) => {}
            _ if numeric.is_error() => {
                let target = params.get(1).filter(|_| params.len() > 2);
                let code = numeric.to_string();
                let may_be_ours = label.is_some() || refuses_messages(numeric);
                if !may_be_ours || !self.refuse(now, label, target, &code, last, outputs) {
                    let text = match target {
                        Some(target) => format!("{target}: {last}"),
                        None => last.to_owned(),
                    };
                    self.notice(Some(&code), &text, outputs);
                }
            }
            _ => {}
        }
    }

    /// <https://ircv3.net/specs/extensions/standard-replies>: `FAIL COMMAND CODE context… :text`
    fn on_fail(&mut self, now: Now, line: &Line<'_>, label: Option<&str>, outputs: &mut Outputs) {
        let params = line.params;
        let (code, text) = (params.get(1).unwrap_or_default(), params.last().unwrap_or_default());
        let target = params.get(2).filter(|_| params.len() > 3);
        let is_message = matches!(params.get(0), Some("NOTICE" | "PRIVMSG"));
        let may_be_ours = label.is_some() || is_message;
        let command = params.get(0).unwrap_or_default();
        let context = params.as_slice().get(2..params.len().saturating_sub(1)).unwrap_or_default();
        if command == "REGISTER" {
            self.registering = None;
        }
        if self.past_refused(command, context, outputs) {
            return;
        }
        if !may_be_ours || !self.refuse(now, label, target, code, text, outputs) {
            self.notice(Some(code), text, outputs);
        }
    }

    fn notice(&self, code: Option<&str>, text: &str, outputs: &mut Outputs) {
        outputs.updates.push(Update::Notice { code: code.map(Arc::from), text: text.into() });
    }

    fn on_join(&mut self, now: Now, line: &Line<'_>, outputs: &mut Outputs) {
        let source = line.source.unwrap_or_default();
        let nick: Arc<str> = Source::parse(source).nick.into();
        let room: Arc<str> = line.params.get(0).unwrap_or_default().into();
        let me = self.is_me(&nick);
        if me {
            // A server without a message of the day shows us in a room first.
            if !self.become_ready(now, outputs) {
                return;
            }
            self.source_bytes = Some(source.len());
            if !self.roster().enter(&room) {
                return self.notice(None, "the server puts us into too many rooms", outputs);
            }
            self.want_room(&room);
            outputs.updates.push(Update::Joined {
                room: Arc::clone(&room),
                nick: Arc::clone(&nick),
                me,
            });
            let mapping = self.roster().mapping();
            let n_missing = self.rejoining.len();
            self.rejoining.retain(|missing| !mapping.same(missing, &room));
            let was_in_it = self.rejoining.len() < n_missing;
            let is_told = self.ask_for_room(now, &room, was_in_it, outputs);
            if was_in_it && !is_told {
                let target = Target::Room(Arc::clone(&room));
                outputs.updates.push(Update::Gap { target, since: self.lost_at });
            }
        } else {
            let (target, room) = (Target::Room(Arc::clone(&room)), Arc::clone(&room));
            let joined = Update::Joined { room, nick: Arc::clone(&nick), me };
            self.tell_of(&target, joined, outputs);
        }
        self.roster().add(&room, &nick);
    }

    fn on_kick(&mut self, line: &Line<'_>, outputs: &mut Outputs) {
        let by = Source::parse(line.source.unwrap_or_default()).nick.into();
        let (room, nick) =
            (line.params.get(0).unwrap_or_default(), line.params.get(1).unwrap_or_default());
        self.leave_room(room, nick, Departure::Kicked { by }, line.params.get(2), outputs);
    }

    fn leave_room(
        &mut self,
        room: &str,
        nick: &str,
        how: Departure,
        reason: Option<&str>,
        outputs: &mut Outputs,
    ) {
        let me = self.is_me(nick);
        if me {
            self.leave_past(room, outputs);
            self.forget_room(room);
            self.roster().leave(room);
        } else {
            self.roster().remove(room, nick);
        }
        let target = Target::Room(room.into());
        let (room, nick, reason) = (room.into(), nick.into(), reason.map(Arc::from));
        self.tell_of(&target, Update::Left { room, nick, how, reason, me }, outputs);
    }

    fn on_quit(&mut self, nick: &str, reason: &str, outputs: &mut Outputs) {
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
        let rooms = self.roster().remove_everywhere(nick);
        let me = self.is_me(nick);
        for room in rooms {
            let (nick, how, reason) = (nick.into(), how.clone(), reason.clone());
            outputs.updates.push(Update::Left { room, nick, how, reason, me });
        }
        self.try_wanted_nick(nick, outputs);
    }

    fn on_nick(&mut self, old: &str, new: &str, outputs: &mut Outputs) {
        let new: Arc<str> = new.into();
        let me = self.is_me(old);
        let is_another = !self.same_name(old, &new);
        if me {
            let difference = new.len() as isize - old.len() as isize;
            self.source_bytes =
                self.source_bytes.and_then(|bytes| bytes.checked_add_signed(difference));
            self.nick = Arc::clone(&new);
            self.wanted_nick = Arc::clone(&new);
            self.nick_number = 0;
        }
        self.roster().rename(old, &new);
        outputs.updates.push(Update::Renamed { old: old.into(), new, me });
        if !me && is_another {
            self.try_wanted_nick(old, outputs);
        }
    }

    /// Someone gave up a nick: if it is the one we wanted and did not get, take it.
    fn try_wanted_nick(&mut self, freed: &str, outputs: &mut Outputs) {
        if self.nick_number > 0 && self.same_name(freed, &self.wanted_nick) {
            let wanted = Arc::clone(&self.wanted_nick);
            outputs.line(|line| line.command("NICK").param(&wanted).finish());
        }
    }

    fn on_message(
        &mut self,
        now: Now,
        line: &Line<'_>,
        known: &Known<'_>,
        label: Option<&str>,
        outputs: &mut Outputs,
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
            return self.notice(None, body, outputs);
        }
        // A server without a message of the day speaks to us first.
        if !self.become_ready(now, outputs) {
            return;
        }
        let msgid: Option<Arc<str>> = known.msgid.as_deref().map(Arc::from);
        let is_own = self.is_me(sender);
        let origin = self.page_mut(known).map_or(Origin::Live, |page| page.origin());
        if is_own && origin != Origin::Live {
            let nonce = known.nonce.as_deref();
            let is_news = msgid.as_ref().is_some_and(|msgid| !self.history_sync.has_seen(msgid));
            if let (Some(nonce), true, Origin::Missed) = (nonce, is_news, origin)
                && self.acknowledge_found(now, nonce, msgid.clone(), outputs)
            {
                return;
            }
        } else if is_own {
            self.source_bytes = Some(source.len());
            let is_ours = match label {
                Some(label) => self.acknowledge_label(now, label, msgid.clone(), outputs),
                None => self.acknowledge_echo(now, target, body, msgid.clone(), outputs),
            };
            if is_ours {
                return;
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
            mentions_me: !is_own && self.mentions_me(text),
            text: text.into(),
            kind,
            time: known.time.unwrap_or(now.wall),
            msgid,
            send_id: None,
            origin,
        };
        self.deliver(now, line, known, &conversation, Update::Message(message), outputs);
    }

    /// Whether our nick stands in `text` as a word.
    fn mentions_me(&self, text: &str) -> bool {
        let mapping = self.roster().mapping();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        mapping.find(text, &self.nick).any(|at| {
            let (before, behind) = (text.get(..at), text.get(at + self.nick.len()..));
            !before.and_then(|text| text.chars().next_back()).is_some_and(is_part)
                && !behind.and_then(|text| text.chars().next()).is_some_and(is_part)
        })
    }
}
