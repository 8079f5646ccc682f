//! `MARKREAD` (<https://ircv3.net/specs/extensions/read-marker>): up to where one has read, for all of one's
//! devices and nobody else.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::hub::{
    Hub,
    refusal::Refusal,
    replies::turn::Turn,
    state::{
        change_purpose::ChangePurpose,
        read_markers::{Marked, ReadMarker},
        slots::Slot,
    },
};

impl Hub {
    pub(crate) fn markread(
        &mut self,
        turn: &mut Turn,
        target: Option<&str>,
        timestamp: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(target) = target else {
            return Err(fail("NEED_MORE_PARAMS", &[], "a target is missing"));
        };
        let (mark, shown) = self.find_mark(turn, target)?;
        let Some(timestamp) = timestamp else {
            turn.say(self.marker_line(&mark, &shown));
            return Ok(());
        };
        let time = timestamp.strip_prefix("timestamp=");
        let time = time.and_then(|time| humantime::parse_rfc3339(time).ok());
        let Some(time) = time.filter(|time| *time >= UNIX_EPOCH) else {
            let text = "a marker is set to timestamp=YYYY-MM-DDThh:mm:ss.sssZ";
            return Err(fail("INVALID_PARAMS", &[target, timestamp], text));
        };
        let room = self.rooms.find(target).map(|room| room.seen).ok();
        let now = self.now().wall;
        let time = in_milliseconds(time.min(room.map_or(now, |seen| seen.max(now))));
        // "the server MUST reply with a `MARKREAD` command with the newer, previous value"
        if self.accounts.marker(&mark).is_some_and(|own| own >= time) {
            turn.say(self.marker_line(&mark, &shown));
            return Ok(());
        }
        if !mark.is_registered() {
            self.accounts.set_marker(mark.clone(), time);
            turn.say(self.marker_line(&mark, &shown));
            self.tell_of_marker(&mark, &shown, Some(turn.conn));
            return Ok(());
        }
        let n_over = self.n_over(&Slot::marker(&mark), &[]);
        let mut changes = self.accounts.marker_changes(&mark, time, n_over);
        changes.extend(self.rooms.keep_conversation(&mark.of));
        let purpose = ChangePurpose::Mark { mark, shown: Arc::clone(&shown) };
        self.submit_changes(turn, changes.into(), purpose)
            .map_err(|why| fail("INTERNAL_ERROR", &[&shown], why))
    }

    /// The asker's marker of a room they are in or of a person.
    fn find_mark(&mut self, turn: &Turn, target: &str) -> Result<(ReadMarker, Arc<str>), Refusal> {
        let invalid = || fail("INVALID_PARAMS", &[target], "you have no conversation of that name");
        let identity = self.identity_of(turn.person);
        let (of, shown) = if target.starts_with('#') {
            let (room, _) = self.rooms.find_own(turn.person, target).map_err(|_| invalid())?;
            (Marked::Room(room.conversation), Arc::clone(room.name.shown()))
        } else {
            let (other, nick, _) = self.find_identity(target).ok_or_else(invalid)?;
            (Marked::Person(other), nick)
        };
        Ok((ReadMarker { identity, of }, shown))
    }
}

fn fail(code: &'static str, context: &[&str], text: &str) -> Refusal {
    Refusal::fail("MARKREAD", code, context, text)
}

/// The time in milliseconds, as times are written.
fn in_milliseconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    UNIX_EPOCH + Duration::from_millis(u64::try_from(since).unwrap_or(u64::MAX))
}
