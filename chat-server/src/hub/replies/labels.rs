//! Labelled answers: what a command with a label is answered when all its records are at their end, as one.

use chat_core::proto::Capability;

use crate::{
    delivery::ReplyLine,
    hub::{
        Hub,
        replies::turn::Turn,
        state::labeled_response::{LabeledResponse, ResponseId},
    },
    ids::ConnId,
};

impl Hub {
    /// The answer a turn's record is a part of; the first one takes the turn's label for it.
    pub(crate) fn join_response(&mut self, turn: &mut Turn) -> Option<ResponseId> {
        turn.is_answered = true;
        if let Some(label) = turn.label.take() {
            let answer =
                LabeledResponse { conn: turn.conn, label, lines: Vec::new(), n_records: 0 };
            turn.answer = Some(self.awaited.insert_response(answer));
        }
        let answer = self.awaited.response_mut(turn.answer?)?;
        answer.n_records += 1;
        turn.answer
    }

    /// Answers the sender of a record that is at its end: at once, or with all that has its label.
    pub(crate) fn answer(
        &mut self,
        sender: Option<ConnId>,
        answer: Option<ResponseId>,
        own: impl IntoIterator<Item = ReplyLine>,
    ) {
        let (label, lines) = match answer.and_then(|id| Some((id, self.awaited.response_mut(id)?)))
        {
            None => (None, own.into_iter().collect()),
            Some((id, answer)) => {
                answer.lines.extend(own);
                answer.n_records -= 1;
                if answer.n_records > 0 {
                    return;
                }
                match self.awaited.take_response(id) {
                    Some(LabeledResponse { label, lines, .. }) => (Some(label), lines),
                    None => return,
                }
            }
        };
        // They may have gone.
        let is_there =
            |conn: &ConnId| self.people.has_device(*conn) || self.people.newcomer(*conn).is_some();
        let Some(sender) = sender.filter(is_there) else { return };
        let wants_ack = label.is_some()
            && self.people.capabilities_of(sender).contains(Capability::LabeledResponse);
        if lines.is_empty() && !wants_ack {
            return;
        }
        self.say_to(sender, label, lines);
    }
}
