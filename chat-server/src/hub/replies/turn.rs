//! Turns: the commands of one connection are carried out one after the other and answered in that
//! order, whatever waits for a page to be taken, for capabilities, or for the log.

use std::sync::Arc;

use chat_core::proto::Numeric;

use crate::{
    delivery::ReplyLine,
    hub::state::{labeled_response::ResponseId, paged_reply::Section},
    ids::{ConnId, PersonId, Ticket},
};

/// One command's turn: who asked, and what they are answered.
pub(crate) struct Turn {
    pub(crate) conn: ConnId,
    pub(crate) person: PersonId,
    pub(crate) label: Option<Arc<str>>,
    /// The reply to the one who asked, told when the turn ends.
    pub(crate) reply: Vec<Section>,
    /// The answer comes in another way or later.
    pub(crate) is_answered: bool,
    /// The labelled answer that waits for the records of this turn.
    pub(crate) answer: Option<ResponseId>,
    /// The record that was under way when it began: what is answered here comes behind it.
    pub(crate) after: Option<Ticket>,
}

impl Turn {
    pub(crate) fn new((conn, person): (ConnId, PersonId), label: Option<Arc<str>>) -> Self {
        Self {
            conn,
            person,
            label,
            reply: Vec::new(),
            is_answered: false,
            answer: None,
            after: None,
        }
    }

    pub(crate) fn say(&mut self, line: ReplyLine) {
        self.reply.push(Section::Line(line));
    }

    /// The lines that are to be said, as the beginning of another answer.
    pub(crate) fn into_lines(self) -> Vec<ReplyLine> {
        let line = |part| match part {
            Section::Line(line) => Some(line),
            // Only commands have lists.
            _ => None,
        };
        self.reply.into_iter().filter_map(line).collect()
    }

    pub(crate) fn numeric(&mut self, numeric: Numeric, params: &[&str]) {
        self.say(ReplyLine::Numeric(numeric, params.iter().map(|&param| param.into()).collect()));
    }
}
