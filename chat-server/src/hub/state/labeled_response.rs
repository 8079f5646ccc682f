//! Labelled responses that wait for records (<https://ircv3.net/specs/extensions/labeled-response>).

use std::sync::Arc;

use crate::{delivery::ReplyLine, ids::ConnId};

/// Names a labelled answer that waits for records.
pub(crate) type ResponseId = u64;

/// A response to a labelled command, told when all its records are at their end: one answer, as
/// <https://ircv3.net/specs/extensions/labeled-response> asks.
#[derive(Debug)]
pub(crate) struct LabeledResponse {
    pub(crate) conn: ConnId,
    pub(crate) label: Arc<str>,
    pub(crate) lines: Vec<ReplyLine>,
    pub(crate) n_records: usize,
}
