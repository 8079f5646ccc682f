//! Answers to turns: at once if they are short, in pages if they are long, and in the order in which they were asked.

use chat_core::proto::Capability;

use crate::{
    hub::{Hub, replies::turn::Turn, state::paged_reply::PagedReply},
    ids::ConnId,
};

impl Hub {
    /// Sends what the turn has to say: at once if it is short, in pages if it is long.
    pub(crate) fn end_turn(&mut self, turn: Turn) {
        let Turn { conn, label, mut reply, is_answered, answer, mut after, .. } = turn;
        if self.awaited.add_to_response(answer, &mut reply) {
            if reply.is_empty() {
                return;
            }
            // What is more than lines comes by itself, behind the answer.
            after = self.people.device(conn).latest_record;
        }
        let Some(device) = self.people.device_at_mut(conn) else { return };
        let wants_ack = label.is_some()
            && !is_answered
            && device.capabilities.contains(Capability::LabeledResponse);
        if reply.is_empty() && !wants_ack {
            return;
        }
        let paged_reply = PagedReply { label, parts: reply.into(), is_first: true };
        if let Some(after) = after.filter(|after| self.awaited.is_pending(*after)) {
            let backlog = &mut self.people.device_mut(conn).backlog;
            return backlog.change(|backlog| backlog.deferred.push_back((after, paged_reply)));
        }
        match &mut self.people.device_mut(conn).paged_reply {
            // One that is under way goes on with it.
            Some(own) => own.parts.extend(paged_reply.parts),
            None => {
                self.people.device_mut(conn).paged_reply = Some(Box::new(paged_reply));
                self.next_page(conn);
            }
        }
    }

    /// Gives the answers that have waited for records, as far as those are done.
    pub(crate) fn answer_deferred(&mut self, conn: ConnId) {
        while let Some(device) = self.people.device_at(conn)
            && device.paged_reply.is_none()
            && let Some((after, _)) = device.backlog.deferred.front()
            && !self.awaited.is_pending(*after)
        {
            let device = self.people.device_mut(conn);
            let deferred = device.backlog.change(|backlog| backlog.deferred.pop_front());
            device.paged_reply = deferred.map(|(_, paged_reply)| Box::new(paged_reply));
            self.next_page(conn);
        }
    }
}
