//! Answers to turns: at once if they are short, in pages if they are long, and in the order in which they were asked.

use chat_core::proto::Capability;

use crate::{
    hub::{Hub, effect::Effect, replies::turn::Turn, state::paged_reply::PagedReply},
    ids::{ConnId, Ticket},
};

impl Hub {
    /// Sends what the turn has to say: at once if it is short, in pages if it is long.
    pub(crate) fn end_turn(&mut self, turn: Turn<'_>) {
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
    pub(crate) fn is_pending(&self, ticket: Ticket) -> bool {
        self.pending.is_awaited(ticket)
    }

    /// Gives the answers that have waited for records, as far as those are done.
    pub(crate) fn answer_deferred(&mut self, conn: ConnId, effects: &mut Vec<Effect>) {
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
}
