//! Answers of the log to records and changes: let everyone see it, or tell its sender.

use std::sync::Arc;

use crate::{
    delivery::{Event, ReplyLine},
    event::Incident,
    hub::{
        Hub,
        outcome::kept::undone,
        state::{
            pending::Arrived,
            pending_record::{
                Destination, OwnerChange, Pending, PendingWork, RecordAction, Recorded, not_stored,
            },
            rooms::Rooms,
        },
    },
    ids::{ConnId, Ticket},
    room_log::AppendError,
};

impl Hub {
    /// A record's place is fixed, or it has none: lets everyone see it, or tells its sender. Gives them back, since what
    /// they wait with may go on.
    pub(crate) fn appended(
        &mut self,
        ticket: Ticket,
        outcome: Result<(), AppendError>,
    ) -> Option<ConnId> {
        self.note_storage(&outcome);
        let Arrived { what: pending, is_overdue } = self.awaited.take_pending(ticket)?;
        let Pending { what, sender, answer } = pending;
        release_reserved_name(&mut self.rooms, &what);
        let device = sender.and_then(|sender| self.people.device_at_mut(sender));
        if let Some(device) = device.filter(|_| !is_overdue) {
            device.n_pending -= 1;
        }
        self.n_refused_records += u64::from(matches!(outcome, Err(AppendError::Refused(_))));
        match (outcome, what) {
            (Ok(()), PendingWork::Record(recorded)) => {
                self.tell_of_mending(&recorded.place);
                self.apply(sender, answer, &recorded);
            }
            (
                Err(AppendError::Known { msgid, time }),
                PendingWork::Record(Recorded { event, .. }),
            ) => {
                let first = Event::new(event.content.clone(), time, Some(msgid));
                let first = Arc::new(first.by(event.sender().clone()));
                let echoes =
                    sender.is_some_and(|own| self.people.echoes_messages(own)) && !is_overdue;
                let echo = echoes.then(|| ReplyLine::Event(first));
                self.answer(sender, answer, echo);
            }
            (Err(error), PendingWork::Record(Recorded { event, place, .. })) => {
                if let AppendError::Refused(why) = &error {
                    self.tell_of_trouble(&place, why, sender);
                }
                let line = not_stored(event.content(), error.to_string()).reply();
                // They were told so when it took too long.
                let line = (!is_overdue).then_some(line);
                self.answer(sender, answer, line);
            }
            (outcome, PendingWork::Changes { changes, purpose }) => {
                let conn = sender.expect("who asks for changes waits for them");
                let lines = match outcome {
                    Ok(()) => self.done(conn, *purpose, &changes),
                    Err(error) => {
                        vec![undone(&mut self.accounts, &purpose, &error.to_string()).reply()]
                    }
                };
                // Also to those who were told that it takes long.
                self.answer(sender, answer, lines);
                self.people.end_early_registration(conn);
            }
        }
        sender
    }

    /// Reports that nothing can be stored, and that it can again.
    fn note_storage(&mut self, outcome: &Result<(), AppendError>) {
        let now = self.now().mono;
        match outcome {
            Err(AppendError::Refused(why)) if self.awaited.begin_outage(now) => {
                self.report(Incident::storage_failed(why));
            }
            Ok(()) if self.awaited.end_outage() => self.report(Incident::storage_works()),
            _ => {}
        }
    }

    /// Tells the next sender of something that has waited too long; what becomes of that is not known. Gives them back, until
    /// all have been told.
    pub(crate) fn tell_of_slow_record(&mut self) -> Option<ConnId> {
        let (now, timeout) = (self.now().mono, self.settings.limits.append_timeout);
        while let Some((ticket, since, mut pending)) = self.awaited.pop_slow(now, timeout) {
            let why = "storing it takes too long; it may still arrive";
            let line = match &pending.what {
                PendingWork::Record(Recorded { event, .. }) => {
                    not_stored(event.content(), why.into()).reply()
                }
                PendingWork::Changes { purpose, .. } => purpose
                    .refusal("storing it takes too long; it may be done all the same")
                    .reply(),
            };
            let (sender, answer) = (pending.sender, pending.answer.take());
            self.awaited.keep_overdue(ticket, since, pending);
            let Some(sender) = sender else { continue };
            if let Some(device) = self.people.device_at_mut(sender) {
                device.n_pending -= 1;
            }
            self.answer(Some(sender), answer, Some(line));
            self.people.end_early_registration(sender);
            return Some(sender);
        }
        None
    }

    /// Forgets what is not known to be stored much later.
    pub(crate) fn forget_lost_records(&mut self) {
        let (now, timeout) = (self.now().mono, self.settings.limits.append_timeout);
        while let Some(Pending { what, .. }) = self.awaited.pop_lost(now, timeout) {
            release_reserved_name(&mut self.rooms, &what);
            // A name that was being registered is free again.
            if let PendingWork::Changes { purpose, .. } = what {
                drop(undone(&mut self.accounts, &purpose, "it was forgotten"));
            }
        }
    }
}

/// A room has got the name it was to get, or is whose it was to be; or will not.
pub(crate) fn release_reserved_name(rooms: &mut Rooms, what: &PendingWork) {
    let PendingWork::Record(recorded) = what else { return };
    match (recorded.action(), &recorded.place) {
        (RecordAction::Rename(name), _) => {
            rooms.release_name(name);
        }
        (
            RecordAction::Notice { owner_change: OwnerChange::Given(_), .. },
            Destination::Ranked(id, _),
        ) => {
            rooms.set_successor(*id, None);
        }
        _ => {}
    }
}
