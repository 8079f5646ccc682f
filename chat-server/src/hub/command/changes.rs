//! `CHANGES` (`docs/changes.md`): all that has happened since a point, so that who was away is whole after one
//! question.

use std::time::SystemTime;

use chat_core::proto::Capability;

use crate::{
    history::{Query, Reference, Shows},
    hub::{
        Hub,
        log::query::{HISTORY_BYTES_MAX, reference},
        policy::Right,
        refusal::Refusal,
        replies::turn::Turn,
        state::{
            device::Reader,
            query::{QueryPurpose, parts},
        },
    },
};

impl Hub {
    pub(crate) fn changes(
        &mut self,
        turn: &mut Turn,
        target: &str,
        since: &str,
        limit: &str,
    ) -> Result<(), Refusal> {
        let Reader { person, device } = self.people.reader(turn.conn);
        let has = |capability| device.capabilities.contains(capability);
        let limit: usize = limit.parse().map_err(|_| {
            fail("INVALID_PARAMS", &[target, limit], "the last parameter is a number")
        })?;
        let limit = limit.min(self.settings.limits.history_page_max);
        let shows = Shows {
            events: has(Capability::EventPlayback),
            redacted: false,
            context: false,
            changes: true,
        };
        let since = match since {
            "*" => Reference::Time(SystemTime::UNIX_EPOCH),
            text => reference("CHANGES", target, text)
                .map_err(|_| fail("INVALID_PARAMS", &[target, text], "this is no reference"))?,
        };
        let (conversations, direct, target) = if target == "*" {
            if matches!(since, Reference::Msgid(_)) {
                let text = "of all conversations only a timestamp tells where";
                return Err(fail("INVALID_PARAMS", &[target], text));
            }
            let names = person.rooms.iter().map(|id| self.rooms[id].name.as_str());
            let rooms: Vec<_> = names
                .filter_map(|name| self.find_readable_room(turn.conn, name, Right::ReadHistory))
                .flat_map(parts)
                .collect();
            let direct = Some((self.identity_of(turn.person), self.people.guests()));
            (rooms, direct, "*")
        } else {
            let found =
                self.find_readable(turn.conn, target, Right::ReadHistory).ok_or_else(|| {
                    fail(
                        "INVALID_TARGET",
                        &[target],
                        "there are no messages here that you may read",
                    )
                })?;
            (parts(found), None, target)
        };
        let bytes_max = HISTORY_BYTES_MAX;
        let query = Query::Changes { conversations, direct, after: since, limit, bytes_max, shows };
        self.submit_query(turn, QueryPurpose::Changes, ("CHANGES", target), query);
        Ok(())
    }
}

fn fail(code: &'static str, context: &[&str], text: &str) -> Refusal {
    Refusal::fail("CHANGES", code, context, text)
}
