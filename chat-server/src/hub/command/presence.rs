//! `USERHOST` and `ISON` (RFC 2812 §4.8, §4.9): who of a few is here.

use chat_core::proto::Numeric;

use crate::hub::{Hub, refusal::Refusal, replies::turn::Turn};

/// Nicks in one `USERHOST` (RFC 2812 §4.8).
const USERHOST_NICKS_MAX: usize = 5;

impl Hub {
    pub(crate) fn userhost(&mut self, turn: &mut Turn, nicks: &[String]) -> Result<(), Refusal> {
        let people = nicks.iter().take(USERHOST_NICKS_MAX);
        let here = people.filter_map(|nick| self.people.find(nick).ok()).map(|person| {
            let operator = if person.modes.shows_operator { "*" } else { "" };
            let sign = if person.particulars.away.is_some() { '-' } else { '+' };
            format!("{}{operator}={sign}{}@{}", person.nick, person.user(), person.host())
        });
        let here = here.collect::<Vec<_>>().join(" ");
        turn.numeric(Numeric::RPL_USERHOST, &[&here]);
        Ok(())
    }

    pub(crate) fn ison(&mut self, turn: &mut Turn, nicks: &[String]) -> Result<(), Refusal> {
        let here = nicks.iter().filter_map(|nick| self.people.find(nick).ok());
        let here = here.map(|person| person.nick.to_string()).collect::<Vec<_>>().join(" ");
        turn.numeric(Numeric::RPL_ISON, &[&here]);
        Ok(())
    }
}
