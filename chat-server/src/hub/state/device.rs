//! One registered connection of a person: what it understands, and whose turn it is on it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::SystemTime,
};

use chat_core::proto::{CapabilitySet, Command, CommandError, Service};

use super::{
    Door,
    paged_reply::PagedReply,
    person::Person,
    records::is_kept,
    registration::Newcomer,
    sparse::{Nothing, Sparse},
};
use crate::ids::{ConnId, PersonId, RoomId, Ticket};

/// A connection through which a person speaks.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) conn: ConnId,
    pub(super) person: PersonId,
    pub(super) door: Door,
    pub(super) capabilities: CapabilitySet,
    /// Where it really is, whatever host is shown.
    pub(super) address: Box<str>,
    /// Nobody in between can read what is said.
    pub(super) is_secure: bool,
    pub(super) since: SystemTime,
    /// Records from here that are on their way to the log.
    pub(super) n_pending: u32,
    /// The latest of its records, also when it has been appended.
    pub(super) latest_record: Option<Ticket>,
    /// The paged answer under way.
    pub(super) paged_reply: Option<Box<PagedReply>>,
    pub(super) backlog: Sparse<Backlog>,
    pub(super) particulars: Sparse<Particulars>,
    pub(super) is_held: bool,
    /// Its session has been asked what is negotiated, and has not said.
    pub(super) is_negotiating: bool,
    /// Wrong passwords so far.
    pub(super) n_failed_logins: u8,
}

/// What is not done yet.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// What has been asked about the past, and is to be answered before anything else.
    pub(super) querying: Option<Ticket>,
    /// What was said before in rooms that were entered, and is still to be told.
    pub(super) replays: BTreeMap<RoomId, Ticket>,
    /// Commands that wait for an earlier answer, oldest first. While there are any, or a listing
    /// runs, the connection is held, so that no more come than were under way.
    pub(super) waiting: VecDeque<QueuedCommand>,
    /// Answers that wait for records before them, each with the latest of those.
    pub(super) deferred: VecDeque<(Ticket, PagedReply)>,
    /// It is gone, and why; it is forgotten when all that was said is in the log.
    pub(super) departing: Option<Arc<str>>,
}

impl Nothing for Backlog {
    const NOTHING: &'static Self = &Self {
        querying: None,
        replays: BTreeMap::new(),
        waiting: VecDeque::new(),
        deferred: VecDeque::new(),
        departing: None,
    };

    fn is_nothing(&self) -> bool {
        self.querying.is_none()
            && self.replays.is_empty()
            && self.waiting.is_empty()
            && self.deferred.is_empty()
            && self.departing.is_none()
    }
}

/// What was shown, said or asked for on it, as few do.
#[derive(Debug, Default)]
pub(super) struct Particulars {
    /// The fingerprint of the certificate that was shown.
    pub(super) fingerprint: Option<Arc<str>>,
    /// What was said of being away from it.
    pub(super) away: Option<Arc<str>>,
    /// Nicks that are watched: by key, as they were written.
    pub(super) monitored: BTreeMap<Arc<str>, Arc<str>>,
    /// Names of metadata that are told of.
    pub(super) subscriptions: BTreeSet<Arc<str>>,
}

impl Nothing for Particulars {
    const NOTHING: &'static Self = &Self {
        fingerprint: None,
        away: None,
        monitored: BTreeMap::new(),
        subscriptions: BTreeSet::new(),
    };

    fn is_nothing(&self) -> bool {
        self.fingerprint.is_none()
            && self.away.is_none()
            && self.monitored.is_empty()
            && self.subscriptions.is_empty()
    }
}

/// Who reads an answer, and on which connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) person: &'a Person,
    pub(super) device: &'a Device,
}

impl Device {
    /// What a newcomer's connection becomes.
    pub(super) fn new(
        conn: ConnId,
        person: PersonId,
        newcomer: Newcomer,
        since: SystemTime,
    ) -> Self {
        Self {
            conn,
            person,
            door: newcomer.door,
            capabilities: newcomer.capabilities,
            address: (&*newcomer.host).into(),
            is_secure: newcomer.is_secure,
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

/// A command whose turn has not come.
#[derive(Debug)]
pub(super) struct QueuedCommand {
    pub(super) label: Option<Arc<str>>,
    pub(super) command: Result<Command, CommandError>,
}

impl QueuedCommand {
    /// Whether it need not wait for the `n_pending` records before it. Messages may follow messages into the log,
    /// up to `n_pending_max`; all else waits until it is known what became of them.
    pub(super) fn may_run(&self, n_pending: u32, n_pending_max: usize) -> bool {
        n_pending == 0 || ((n_pending as usize) < n_pending_max && self.is_message())
    }

    fn is_message(&self) -> bool {
        match &self.command {
            // What nobody keeps must not overtake what is kept, and of a service one thing is asked at a time.
            Ok(Command::Message { kind, targets, tags, .. }) => {
                is_kept(*kind, tags)
                    && !targets.iter().any(|target| Service::by_nick(target).is_some())
            }
            Ok(Command::Multiline { .. }) => true,
            _ => false,
        }
    }

    /// Whether it matters to others, also when whoever said it is gone.
    pub(super) fn is_last_word(&self) -> bool {
        self.is_message() || matches!(self.command, Ok(Command::Quit { .. }))
    }
}
