//! One connection as its worker has it: the socket, the session, what waits for the reader.

use std::{io, sync::Arc, time::Instant};

use super::{admission::Place, link::Link, outbox::Outbox};
use crate::{hub::Door, ids::ConnId, session::Session};

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) id: ConnId,
    pub(super) link: Link,
    pub(super) door: Door,
    /// The address it comes from.
    pub(super) host: Arc<str>,
    /// The hub knows of it: the handshakes are over.
    pub(super) is_opened: bool,
    pub(super) session: Session,
    pub(super) outbox: Outbox,
    /// The bytes waiting there that the metrics know of.
    pub(super) told_outbox: usize,
    /// The same of those that were read.
    pub(super) told_inbox: usize,
    /// The socket may have bytes: epoll told, and no read has come up empty since.
    pub(super) is_readable: bool,
    /// All bytes have been read; what is left is in the session.
    pub(super) has_ended: bool,
    /// The hub wants nothing more of this connection for now.
    pub(super) is_held: bool,
    /// The peer has used up its share until then.
    pub(super) throttled_until: Option<Instant>,
    /// It stands in the worker's list of connections to be driven.
    pub(super) is_queued: bool,
    /// It stands in the worker's list of connections to be flushed.
    pub(super) is_dirty: bool,
    /// It is on its way out: nothing is read, and it ends when the outbox is empty or the time is up.
    pub(super) closing: Option<Instant>,
    /// The hub has been told that it is gone, or told us.
    pub(super) is_reported: bool,
    /// The hub waits to hear that a page has been taken.
    pub(super) owes_page: bool,
    /// The deadline the timers know of.
    pub(super) timer: Option<Instant>,
    /// A later one that they know of too.
    pub(super) later_timer: Option<Instant>,
    pub(super) place: Place,
}

impl Conn {
    /// Whether lines of this peer may be taken now.
    pub(super) fn may_read(&self, now: Instant, outbox_pause_bytes: usize) -> bool {
        self.closing.is_none()
            && !self.is_held
            && self.throttled_until.is_none_or(|until| until <= now)
            && self.outbox.waiting_bytes() <= outbox_pause_bytes
    }

    /// When something is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self.closing {
            Some(closing) => Some(closing),
            None => self.throttled_until.into_iter().chain(self.session.next_deadline()).min(),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.link.flush(&mut self.outbox)
    }
}

/// Why a connection broke, as the others read it.
pub(super) fn lost(error: &io::Error) -> Arc<str> {
    let what = match error.kind() {
        io::ErrorKind::ConnectionReset => "it was reset".to_owned(),
        io::ErrorKind::BrokenPipe => "it was closed".to_owned(),
        io::ErrorKind::TimedOut => "the other end does not answer".to_owned(),
        _ => error.to_string(),
    };
    format!("Connection lost: {what}").into()
}
