//! Whose turn it is: the commands of one connection are carried out one after the other and answered in that
//! order, whatever waits for a page to be taken, for capabilities, or for the log.

use std::sync::Arc;

use chat_core::proto::{Capability, Command, CommandError, Numeric};

use super::{
    Effect, Hub, Now,
    device::QueuedCommand,
    labels::ResponseId,
    paged_reply::{PagedReply, Section},
};
use crate::{
    delivery::ReplyLine,
    ids::{ConnId, PersonId, Ticket},
};

/// One command's turn: who asked, and what they are answered.
pub(crate) struct Turn<'a> {
    pub(super) now: Now,
    pub(super) conn: ConnId,
    pub(super) person: PersonId,
    pub(super) label: Option<Arc<str>>,
    /// What the one who asked is told when the turn ends.
    pub(super) reply: Vec<Section>,
    /// The answer comes in another way or later.
    pub(super) is_answered: bool,
    /// The labelled answer that waits for the records of this turn.
    pub(super) answer: Option<ResponseId>,
    /// The record that was under way when it began: what is answered here comes behind it.
    pub(super) after: Option<Ticket>,
    pub(super) effects: &'a mut Vec<Effect>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        now: Now,
        (conn, person): (ConnId, PersonId),
        label: Option<Arc<str>>,
        effects: &'a mut Vec<Effect>,
    ) -> Self {
        Self {
            now,
            conn,
            person,
            label,
            reply: Vec::new(),
            is_answered: false,
            answer: None,
            after: None,
            effects,
        }
    }

    pub(super) fn say(&mut self, line: ReplyLine) {
        self.reply.push(Section::Line(line));
    }

    /// What is to be said, as the beginning of another answer.
    pub(super) fn into_lines(self) -> Vec<ReplyLine> {
        let line = |part| match part {
            Section::Line(line) => Some(line),
            // Only commands have lists.
            _ => None,
        };
        self.reply.into_iter().filter_map(line).collect()
    }

    pub(super) fn numeric(&mut self, numeric: Numeric, params: &[&str]) {
        self.say(ReplyLine::Numeric(numeric, params.iter().map(|&param| param.into()).collect()));
    }
}

impl Hub {
    pub(super) fn command(
        &mut self,
        now: Now,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(device) = self.devices.get_mut(conn) else {
            return self.newcomer_command(now, conn, label, command, effects);
        };
        // Answers on one connection come strictly in order: while an earlier command waits for its
        // answer, later ones wait too. Messages may follow messages into the log.
        let waiting = QueuedCommand { label, command };
        let n_pending_max = self.settings.limits.pending_records_each_max;
        let must_wait = !device.backlog.waiting.is_empty()
            || device.paged_reply.is_some()
            || device.is_negotiating
            || device.backlog.querying.is_some()
            || !waiting.may_run(device.n_pending, n_pending_max);
        if must_wait {
            device.backlog.change(|backlog| backlog.waiting.push_back(waiting));
            if !device.is_held {
                device.is_held = true;
                effects.push(Effect::Hold { conn });
            }
            return;
        }
        self.run_command(now, conn, waiting.label, waiting.command, effects);
    }

    pub(super) fn run_command(
        &mut self,
        now: Now,
        conn: ConnId,
        label: Option<Arc<str>>,
        command: Result<Command, CommandError>,
        effects: &mut Vec<Effect>,
    ) {
        let device = self.device(conn);
        let after = device.latest_record.filter(|_| device.n_pending > 0);
        let mut turn = Turn::new(now, (conn, device.person), label, effects);
        turn.after = after;
        let outcome = match command {
            Ok(command) => self.dispatch(&mut turn, command),
            Err(error) => Err(error.into()),
        };
        if let Err(refusal) = outcome {
            turn.say(refusal.reply());
        }
        self.end_turn(turn);
    }

    /// Sends what the turn has to say: at once if it is short, in pages if it is long.
    pub(super) fn end_turn(&mut self, turn: Turn<'_>) {
        let Turn { conn, label, mut reply, is_answered, answer, mut after, effects, .. } = turn;
        if self.add_to_response(answer, &mut reply) {
            if reply.is_empty() {
                return;
            }
            // What is more than lines comes by itself, behind the answer.
            after = self.device(conn).latest_record;
        }
        let Some(device) = self.devices.get_mut(conn) else { return };
        let wants_ack = label.is_some()
            && !is_answered
            && device.capabilities.contains(Capability::LabeledResponse);
        if reply.is_empty() && !wants_ack {
            return;
        }
        let paged_reply = PagedReply { label, parts: reply.into(), is_first: true };
        if let Some(after) = after.filter(|after| self.is_pending(*after)) {
            let backlog = &mut self.device_mut(conn).backlog;
            return backlog.change(|backlog| backlog.deferred.push_back((after, paged_reply)));
        }
        match &mut self.device_mut(conn).paged_reply {
            // One that is under way goes on with it.
            Some(own) => own.parts.extend(paged_reply.parts),
            None => {
                self.device_mut(conn).paged_reply = Some(Box::new(paged_reply));
                self.next_page(effects, conn);
            }
        }
    }

    /// Whether a record is on its way to the log, and its sender has not been told that it takes too long.
    pub(super) fn is_pending(&self, ticket: Ticket) -> bool {
        self.pending.is_awaited(ticket)
    }

    /// Gives the answers that have waited for records, as far as those are done.
    pub(super) fn answer_deferred(&mut self, conn: ConnId, effects: &mut Vec<Effect>) {
        while let Some(device) = self.devices.get(conn)
            && device.paged_reply.is_none()
            && let Some((after, _)) = device.backlog.deferred.front()
            && !self.is_pending(*after)
        {
            let device = self.device_mut(conn);
            let deferred = device.backlog.change(|backlog| backlog.deferred.pop_front());
            device.paged_reply = deferred.map(|(_, paged_reply)| Box::new(paged_reply));
            self.next_page(effects, conn);
        }
    }

    /// Runs the commands of `conn` that waited, as far as they need wait no more. Whoever has closed
    /// leaves when nothing of theirs is under way.
    pub(super) fn take_waiting(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        self.answer_deferred(conn, effects);
        let n_pending_max = self.settings.limits.pending_records_each_max;
        while let Some(device) = self.devices.get_mut(conn)
            && device.paged_reply.is_none()
            && device.backlog.querying.is_none()
            && !device.is_negotiating
        {
            if device.backlog.departing.is_some() {
                device
                    .backlog
                    .change(|backlog| backlog.waiting.retain(QueuedCommand::is_last_word));
            }
            let next = device.backlog.waiting.front();
            if !next.is_some_and(|next| next.may_run(device.n_pending, n_pending_max)) {
                return self.rest(now, conn, effects);
            }
            let next = device.backlog.change(|backlog| backlog.waiting.pop_front());
            let Some(waiting) = next else { return };
            self.run_command(now, conn, waiting.label, waiting.command, effects);
        }
    }

    /// Nothing of `conn`'s can be run now.
    pub(super) fn rest(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        let device = self.device_mut(conn);
        if !device.backlog.waiting.is_empty() {
            return;
        }
        if std::mem::take(&mut device.is_held) {
            effects.push(Effect::Release { conn });
        }
        if device.n_pending == 0
            && device.backlog.departing.is_some()
            && let Some(reason) = device.backlog.change(|backlog| backlog.departing.take())
        {
            self.end_device(now, conn, &reason, effects);
        }
    }
}
