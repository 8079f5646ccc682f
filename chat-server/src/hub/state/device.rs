//! One registered connection of a person: what it understands, and whose turn it is on it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::{Capability, CapabilitySet};

use crate::{
    config::Oper,
    hub::{
        input::Door,
        state::{
            metadata::Dialect,
            newcomer::Newcomer,
            paged_reply::PagedReply,
            person::Person,
            queued_command::QueuedCommand,
            sparse::{Nothing, Sparse},
        },
    },
    ids::{ConnId, PersonId, RoomId, Ticket},
    settings::Privacy,
};

/// A connection through which a person speaks.
// More than 12 fields: what few connections have is in boxes of its own; the rest is read with each message.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) conn: ConnId,
    pub(crate) person: PersonId,
    pub(crate) door: Door,
    pub(crate) capabilities: CapabilitySet,
    /// The address it really has, whatever host is shown.
    pub(crate) address: Box<str>,
    /// The cloak that stands for it, where there are any.
    pub(crate) cloak: Option<Box<str>>,
    /// Nobody in between can read what is said.
    pub(crate) is_secure: bool,
    /// The privacy of the connection: whether others can read on the way what is said.
    pub(crate) privacy: Privacy,
    pub(crate) since: SystemTime,
    /// Records from here that are on their way to the log.
    pub(crate) n_pending: u32,
    /// The latest of its records, also when it has been appended.
    pub(crate) latest_record: Option<Ticket>,
    /// The paged answer under way.
    pub(crate) paged_reply: Option<Box<PagedReply>>,
    pub(crate) backlog: Sparse<Backlog>,
    pub(crate) particulars: Sparse<Particulars>,
    pub(crate) is_held: bool,
    /// Its session has been asked what is negotiated, and has not said.
    pub(crate) is_negotiating: bool,
    /// Wrong passwords so far.
    pub(crate) n_failed_logins: u8,
}

/// The backlog: what is not done yet.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// The query about the past that is to be answered before anything else.
    pub(crate) querying: Option<Ticket>,
    /// The queries for what was said before in rooms that were entered, still to be told.
    pub(crate) replays: BTreeMap<RoomId, Ticket>,
    /// Commands that wait for an earlier answer, oldest first. While there are any, or a paged reply
    /// runs, the connection is held, so that no more come than were under way.
    pub(crate) waiting: VecDeque<QueuedCommand>,
    /// Answers that wait for records before them, each with the latest of those.
    pub(crate) deferred: VecDeque<(Ticket, PagedReply)>,
    /// The reason why it is gone; it is forgotten when all that was said is in the log.
    pub(crate) departing: Option<Arc<str>>,
    /// The time up to which it has read, as far as is known, if it has gone without reading all.
    pub(crate) read_until: Option<SystemTime>,
}

impl Nothing for Backlog {
    const NOTHING: &'static Self = &Self {
        querying: None,
        replays: BTreeMap::new(),
        waiting: VecDeque::new(),
        deferred: VecDeque::new(),
        departing: None,
        read_until: None,
    };

    fn is_nothing(&self) -> bool {
        self.querying.is_none()
            && self.replays.is_empty()
            && self.waiting.is_empty()
            && self.deferred.is_empty()
            && self.departing.is_none()
            && self.read_until.is_none()
    }
}

/// Particulars that few devices have: what was shown, said or asked for on it.
#[derive(Debug, Default)]
pub(crate) struct Particulars {
    /// The fingerprint of the certificate that was shown.
    pub(crate) fingerprint: Option<Arc<str>>,
    /// The words of being away from it.
    pub(crate) away: Option<Arc<str>>,
    /// Nicks that are watched: by key, as they were written.
    pub(crate) monitored: BTreeMap<Arc<str>, Arc<str>>,
    /// Names of metadata that are told of.
    pub(crate) subscriptions: BTreeSet<Arc<str>>,
    /// The entry of the configuration whose password was given on it: it is an operator's of the server.
    pub(crate) oper: Option<Arc<Oper>>,
}

impl Nothing for Particulars {
    const NOTHING: &'static Self = &Self {
        fingerprint: None,
        away: None,
        monitored: BTreeMap::new(),
        subscriptions: BTreeSet::new(),
        oper: None,
    };

    fn is_nothing(&self) -> bool {
        self.fingerprint.is_none()
            && self.away.is_none()
            && self.monitored.is_empty()
            && self.subscriptions.is_empty()
            && self.oper.is_none()
    }
}

/// A reader of an answer, and the connection it is read on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) person: &'a Person,
    pub(crate) device: &'a Device,
}

impl Device {
    /// The device that a newcomer's connection becomes.
    pub(crate) fn new(
        conn: ConnId,
        person: PersonId,
        newcomer: Newcomer,
        cloak: Option<Box<str>>,
        since: SystemTime,
    ) -> Self {
        Self {
            conn,
            person,
            door: newcomer.door,
            capabilities: newcomer.capabilities,
            address: (&*newcomer.host).into(),
            cloak,
            is_secure: newcomer.is_secure,
            privacy: newcomer.privacy,
            since,
            n_pending: 0,
            latest_record: None,
            paged_reply: None,
            backlog: Sparse::default(),
            particulars: Particulars {
                fingerprint: newcomer.fingerprint,
                away: newcomer.away,
                ..Particulars::default()
            }
            .into(),
            is_held: false,
            is_negotiating: false,
            n_failed_logins: newcomer.n_failed_logins,
        }
    }
}

impl Device {
    /// Whether it is an operator's of the server: the privilege is the connection's, and no other one's of the person.
    pub(crate) fn is_operator(&self) -> bool {
        self.particulars.oper.is_some()
    }

    /// Ends a password check, which its commands wait for no more if they did; whose it is.
    pub(crate) fn end_check(&mut self, is_counted: bool) -> PersonId {
        if is_counted {
            self.n_pending -= 1;
        }
        self.person
    }

    /// The revision in which it is told of metadata unasked, if at all.
    pub(crate) fn told_metadata_in(&self) -> Option<Dialect> {
        let has = |capability| self.capabilities.contains(capability);
        // "A metadata-aware client is a client who has negotiated both [...]"
        let is_third = has(Capability::Metadata3) && has(Capability::Batch);
        let is_second = has(Capability::Metadata2).then_some(Dialect::Second);
        if is_third { Some(Dialect::Third) } else { is_second }
    }

    /// The revision in which its commands about metadata are answered.
    pub(crate) fn metadata_dialect(&self) -> Dialect {
        self.told_metadata_in().unwrap_or(Dialect::Third)
    }
}
