//! Topics.

use std::{sync::Arc, time::SystemTime};

/// A topic and who set it.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) text: Arc<str>,
    pub(crate) by: Arc<str>,
    pub(crate) at: SystemTime,
}
