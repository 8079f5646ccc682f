//! Outcomes: what comes back from the log and from those who check passwords, a file for each kind of answer.

pub(crate) mod appended;
pub(crate) mod apply;
pub(crate) mod checked;
pub(crate) mod disuse;
pub(crate) mod kept;
pub(crate) mod queried;
