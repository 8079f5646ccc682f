//! The machinery of the world: what its workers, its log and its checker of passwords do with what the hub wants done, as the
//! server's threads do it.

use std::{sync::Arc, time::Instant};

use chat_core::proto::MessageKind;
use chat_server::{
    delivery::{Delivery, Page, RecordContent, Target},
    hub::{Effect, Input},
    ids::{ConnId, Ticket, WorkerId},
    room_log::{AppendError, Conversation, Record},
    session::{Output, Session, Step},
};

use super::{N_WORKERS, World};
use crate::{model_log::Entry, sim_log::Written};

impl World {
    /// One random step of the machinery: an input handled, an order carried out, the log answering.
    pub fn step(&mut self) {
        let worker = self.random.usize(..usize::from(N_WORKERS));
        match self.random.u8(..4) {
            0 => {
                if let Some(input) = self.inputs[worker].pop_front() {
                    self.handle(input);
                }
            }
            1 | 2 => {
                self.carry_out_one(worker);
            }
            _ => {
                self.log_step();
                if let Some((ticket, question)) = self.questions.pop_front() {
                    self.handle(Input::Checked { ticket, verdict: (self.checker)(&question) });
                }
                if let Some((ticket, answer)) = self.log.look_up_one() {
                    let is_failing = self.random.u8(..100) < self.chances.failing;
                    let answer =
                        if is_failing { Err("the disk is broken".into()) } else { Ok(answer) };
                    self.handle(Input::Queried { ticket, answer });
                }
            }
        }
        if let Err(broken) = self.hub.check_invariants() {
            panic!("{broken}\n{}", self.transcript.join("\n"));
        }
    }

    fn log_step(&mut self) {
        if self.random.u8(..100) < self.chances.restarting {
            self.transcript.push("the log restarts".into());
            for ticket in self.take_unanswered() {
                if self.random.bool() {
                    self.refuse(ticket, "it was restarting");
                }
            }
        }
        if !self.log.is_idle() {
            let outcome = if self.random.u8(..100) < self.chances.failing {
                Err(AppendError::Refused("the disk is full".into()))
            } else {
                Ok(())
            };
            self.write_one(outcome);
        }
    }

    /// The tickets of what the log has not answered, which is lost.
    pub(super) fn take_unanswered(&mut self) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        for entry in self.log.take_unanswered() {
            match entry {
                Entry::Mark(mark) => self.log.note(&mark),
                Entry::Record(ticket, _) | Entry::Changes(ticket, _) => tickets.push(ticket),
            }
        }
        tickets
    }

    pub(super) fn refuse(&mut self, ticket: Ticket, why: &str) {
        self.handle(Input::Appended { ticket, outcome: Err(AppendError::Refused(why.into())) });
    }

    /// Lets the log write the first that waits; whether anything did.
    pub(super) fn write_one(&mut self, outcome: Result<(), AppendError>) -> bool {
        let Some(Written { outcome, record }) = self.log.write_one(outcome) else { return false };
        if let Some((ticket, outcome)) = outcome {
            if let Some(record) = record {
                self.note_due(ticket, &record);
            }
            self.handle(Input::Appended { ticket, outcome });
        }
        true
    }

    /// Notes who is to receive a message in a room: everyone in it at this moment but its sender.
    fn note_due(&mut self, ticket: Ticket, record: &Record) {
        let Some(room) = self.rooms.remove(&ticket) else { return };
        let RecordContent::Message { source, kind, .. } = record.event.content() else { return };
        if *kind == MessageKind::Tagmsg {
            return;
        }
        let Some(msgid) = &record.event.msgid else { return };
        let sender = source.split('!').next().unwrap_or_default();
        let members = self.hub.membership().find(|(_, id, _)| *id == room).map(|(_, _, m)| m);
        for conn in members.unwrap_or_default() {
            let name = self.name_of(conn);
            if !is_own(&name, sender)
                && let Some(own) = self.conns.get_mut(&conn)
            {
                own.due.push(Arc::clone(msgid));
            }
        }
    }

    fn name_of(&self, conn: ConnId) -> String {
        let named = self.names.iter().find(|(_, id)| **id == conn);
        named.map(|(name, _)| name.clone()).unwrap_or_default()
    }

    pub(super) fn handle(&mut self, input: Input) {
        let mut effects = Vec::new();
        // Answered at once, but after all effects of this input, as the hub's thread does it.
        let mut at_once = Vec::new();
        self.hub.handle(self.now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Append { ticket, record } => {
                    if let Conversation::Room(own) = &record.conversation
                        && let Some(id) = self.hub.room_of(*own)
                    {
                        self.rooms.insert(ticket, id);
                    }
                    // The order of the log is the order in which it was asked.
                    let is_late = self.is_log_held || self.random.u8(..100) < self.chances.late;
                    if self.log.is_idle() && !is_late {
                        at_once.push((ticket, record));
                    } else {
                        self.log.give(Entry::Record(ticket, record));
                    }
                }
                Effect::Persist { ticket, changes } => {
                    self.log.give(Entry::Changes(ticket, changes));
                }
                // In its place among the records.
                Effect::Mark(mark) => self.log.give(Entry::Mark(mark)),
                Effect::Query { ticket, query, .. } => self.log.ask(ticket, *query),
                Effect::Stop => self.has_stopped = true,
                // Takes its time like a late log, if that is late.
                Effect::Check { ticket, question } => self.questions.push_back((ticket, question)),
                Effect::Report(_) => {}
                effect => {
                    let worker = worker_of(&effect);
                    self.orders[usize::from(worker.0)].push_back(effect);
                }
            }
        }
        for (ticket, record) in at_once {
            let outcome = self.log.store(&record, Ok(()));
            if outcome.is_ok() {
                self.note_due(ticket, &record);
            }
            self.handle(Input::Appended { ticket, outcome });
        }
    }

    pub(super) fn carry_out_one(&mut self, worker: usize) -> bool {
        let Some(effect) = self.orders[worker].pop_front() else { return false };
        match effect {
            Effect::Admit { conn, nick } => {
                self.with_session(conn, |session, now, output| session.admit(now, &nick, output));
            }
            Effect::Close { conn, reason, label } => self.close(conn, &reason, label.as_deref()),
            Effect::Deliver { delivery, .. } => self.deliver(worker, &delivery),
            Effect::Hold { conn } => {
                if let Some(own) = self.conns.get_mut(&conn) {
                    own.is_held = true;
                }
            }
            Effect::Offer { conn, nick, before } => {
                self.with_session(conn, |session, _, output| session.offer(&nick, &before, output));
            }
            Effect::Negotiate { conn, nick, label, subcommand, arguments } => {
                self.with_session(conn, |session, _, output| {
                    session.negotiate(&nick, label.as_deref(), &subcommand, &arguments, output);
                });
            }
            Effect::Release { conn } => {
                if let Some(own) = self.conns.get_mut(&conn) {
                    own.is_held = false;
                }
                self.drive(conn);
            }
            Effect::Reply { conn, reply } => {
                if let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) {
                    let mut bytes = Vec::new();
                    own.session.write_reply(&reply, &mut bytes);
                    let mut is_page = matches!(reply.page, Page::More { .. });
                    if is_page && own.unread.is_some() {
                        (own.owes_page, is_page) = (true, false);
                    }
                    self.receive(conn, &bytes);
                    if is_page {
                        self.inputs[worker].push_back(Input::PageTaken { conn });
                    }
                }
            }
            Effect::Subscribe { conn, room } => {
                if self.conns.get(&conn).is_some_and(|own| !own.is_closed) {
                    self.fanouts[worker].subscribe(conn, room);
                }
            }
            Effect::Unsubscribe { conn, room } => {
                if self.conns.get(&conn).is_some_and(|own| !own.is_closed) {
                    self.fanouts[worker].unsubscribe(conn, room);
                }
            }
            Effect::Append { .. }
            | Effect::Check { .. }
            | Effect::Persist { .. }
            | Effect::Mark(_)
            | Effect::PassOn { .. }
            | Effect::Query { .. }
            | Effect::Report(_)
            | Effect::Stop => {}
        }
        true
    }

    fn deliver(&mut self, worker: usize, delivery: &Delivery) {
        let mut slots = Vec::new();
        let except = match &delivery.target {
            Target::Conn(conn) => {
                let is_there = self.slots[worker][conn.slot as usize] == Some(*conn);
                slots.extend(is_there.then_some(conn.slot));
                None
            }
            Target::Some(conns) => {
                let is_there =
                    |conn: &&ConnId| self.slots[worker][conn.slot as usize] == Some(**conn);
                slots.extend(conns.iter().filter(is_there).map(|conn| conn.slot));
                None
            }
            Target::Room { room, except } => {
                slots.extend_from_slice(self.fanouts[worker].members(*room));
                *except
            }
            Target::Peers { rooms, unless, except } => {
                let unless = unless.as_deref().unwrap_or_default();
                self.fanouts[worker].each_peer(rooms, unless, |slot| slots.push(slot));
                *except
            }
        };
        for slot in slots {
            let Some(conn) = self.slots[worker][slot as usize].filter(|conn| except != Some(*conn))
            else {
                continue;
            };
            let Some(own) = self.conns.get(&conn).filter(|own| !own.is_closed) else { continue };
            if own.session.understands(delivery.event.requires()) {
                let bytes = delivery.event.encode(own.session.audience()).to_vec();
                self.receive(conn, &bytes);
            }
        }
    }

    fn with_session(&mut self, conn: ConnId, act: impl FnOnce(&mut Session, Instant, &mut Output)) {
        let mut output = Output::default();
        if let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) {
            act(&mut own.session, self.now.mono, &mut output);
            self.take_output(conn, output);
        }
    }

    pub(super) fn drive(&mut self, conn: ConnId) {
        loop {
            let Some(own) = self.conns.get_mut(&conn) else { return };
            let pause_bytes = self.settings.limits.outbox_pause_bytes;
            let is_paused = own.unread.as_ref().is_some_and(|unread| unread.len() > pause_bytes);
            if own.is_held || own.is_closed || is_paused {
                return;
            }
            let mut output = Output::default();
            if own.session.step(self.now.mono, &mut output) != Step::Line {
                return;
            }
            self.take_output(conn, output);
        }
    }

    pub(super) fn take_output(&mut self, conn: ConnId, output: Output) {
        self.receive(conn, &output.bytes);
        self.inputs[usize::from(conn.worker.0)].extend(output.inputs);
        if let Some(reason) = output.close {
            let has_read = !self.conns[&conn].session.owes_sign_of_life();
            self.close(conn, &reason, None);
            let closed = Input::Closed { conn, reason, has_read };
            self.inputs[usize::from(conn.worker.0)].push_back(closed);
        }
    }

    pub(super) fn close(&mut self, conn: ConnId, reason: &str, label: Option<&str>) {
        let Some(own) = self.conns.get_mut(&conn).filter(|own| !own.is_closed) else { return };
        let mut bytes = Vec::new();
        own.session.write_goodbye(reason, label, &mut bytes);
        self.receive(conn, &bytes);
        self.free(conn);
        if let Some(own) = self.conns.get_mut(&conn) {
            own.is_closed = true;
        }
    }

    pub(super) fn free(&mut self, conn: ConnId) {
        let worker = usize::from(conn.worker.0);
        self.fanouts[worker].remove(conn.slot);
        self.slots[worker][conn.slot as usize] = None;
    }

    pub(super) fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let name = self.name_of(conn);
        let Some(own) = self.conns.get_mut(&conn) else { return };
        if let Some(unread) = own.unread.as_mut() {
            unread.extend_from_slice(bytes);
            if unread.len() > self.settings.limits.outbox_bytes_max {
                // What waits is worth nothing without its end.
                (own.unread, own.owes_page) = (None, false);
                let reason: Arc<str> = "You read too slowly: too much was waiting for you".into();
                self.transcript.push(format!("{name} reads too slowly"));
                self.close(conn, &reason, None);
                let closed = Input::Closed { conn, reason, has_read: false };
                self.inputs[usize::from(conn.worker.0)].push_back(closed);
            }
            return;
        }
        own.received.extend_from_slice(bytes);
        while let Some(end) = own.received.windows(2).position(|pair| pair == b"\r\n") {
            let line = String::from_utf8(own.received.drain(..end + 2).collect());
            let line = line.expect("the server sends UTF-8").trim_end().to_owned();
            self.transcript.push(format!("{name}< {line}"));
            own.lines.push(line);
        }
    }
}

/// Whether `sender` is who the script calls `name`: that nick, or the other one the simulation gives it.
fn is_own(name: &str, sender: &str) -> bool {
    sender
        .strip_suffix('x')
        .unwrap_or(sender)
        .eq_ignore_ascii_case(name.strip_suffix('x').unwrap_or(name))
}

fn worker_of(effect: &Effect) -> WorkerId {
    match effect {
        Effect::Admit { conn, .. }
        | Effect::Close { conn, .. }
        | Effect::Hold { conn }
        | Effect::Negotiate { conn, .. }
        | Effect::Offer { conn, .. }
        | Effect::PassOn { conn, .. }
        | Effect::Release { conn }
        | Effect::Reply { conn, .. }
        | Effect::Subscribe { conn, .. }
        | Effect::Unsubscribe { conn, .. } => conn.worker,
        Effect::Deliver { worker, .. } => *worker,
        Effect::Append { .. }
        | Effect::Check { .. }
        | Effect::Persist { .. }
        | Effect::Mark(_)
        | Effect::Query { .. }
        | Effect::Report(_)
        | Effect::Stop => WorkerId(0),
    }
}
