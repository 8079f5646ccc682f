//! Silences that hold: what is not told to whom, and the change of one told to all devices of its owner.

use std::sync::Arc;

use crate::{
    delivery::ReplyLine,
    hub::{Hub, refusal::Refusal, replies::turn::Turn, state::silence_lists::SilenceEntry},
    ids::{ConnId, PersonId},
};

impl Hub {
    /// Whether somebody, by their identity, has silenced `sender`: nothing that these write is told them, or kept.
    pub(crate) fn is_silenced(&self, sender: PersonId, identity: &str) -> bool {
        let mut masks = self.accounts.silences().of(identity).peekable();
        // One is never silent to oneself.
        if masks.peek().is_none()
            || self.people.person(sender).identity.as_deref() == Some(identity)
        {
            return false;
        }
        let subject = self.people.subject(sender);
        masks.any(|mask| subject.is_meant_by(mask))
    }

    /// Whether `reader` has silenced `sender`.
    pub(crate) fn is_silenced_by(&self, sender: PersonId, reader: PersonId) -> bool {
        let identity = self.people.person(reader).identity.as_ref();
        // Who has never needed one has silenced nobody.
        identity.is_some_and(|own| self.is_silenced(sender, own))
    }

    /// Checks that the asker may write to somebody, who may read what accounts write alone (`+R`).
    pub(crate) fn check_reader(&self, turn: &Turn, reader: PersonId) -> Result<(), Refusal> {
        let Some(reader) = self.people.get(reader).filter(|own| own.modes.is_for_accounts) else {
            return Ok(());
        };
        let asker = self.people.asker(turn.conn);
        if asker.person.account.is_some()
            || asker.person.id == reader.id
            || asker.is_server_operator
        {
            return Ok(());
        }
        Err(Refusal::NotLoggedIn(reader.nick.to_string()))
    }

    /// Tells all devices of the owner that a silence begins or ends. Gives the line for the one at `conn`, which wanted it.
    pub(crate) fn tell_of_silence(
        &self,
        conn: ConnId,
        silence: &SilenceEntry,
        is_set: bool,
    ) -> Vec<ReplyLine> {
        let sign = if is_set { '+' } else { '-' };
        let line = |source: &str| {
            ReplyLine::Raw(format!(":{source} SILENCE {sign}{}", silence.mask).into())
        };
        let mut own = Vec::new();
        let people = self.people.identified(&silence.identity).iter().copied();
        for device in self.people.devices_of(people) {
            let source = Arc::clone(&self.people.reader(device).person.source);
            if device == conn {
                own.push(line(&source));
            } else {
                self.say_to(device, None, vec![line(&source)]);
            }
        }
        own
    }
}
