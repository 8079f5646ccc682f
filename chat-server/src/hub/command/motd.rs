//! `MOTD` (RFC 2812 §3.4.1).

use chat_core::proto::Numeric;

use crate::hub::{Hub, replies::turn::Turn};

impl Hub {
    pub(crate) fn motd(&self, turn: &mut Turn) {
        if self.settings.motd.is_empty() {
            return turn.numeric(Numeric::ERR_NOMOTD, &["There is no message of the day"]);
        }
        let start = format!("- {} Message of the day -", self.settings.name);
        turn.numeric(Numeric::RPL_MOTDSTART, &[&start]);
        for line in &self.settings.motd {
            turn.numeric(Numeric::RPL_MOTD, &[&format!("- {line}")]);
        }
        turn.numeric(Numeric::RPL_ENDOFMOTD, &["End of /MOTD command"]);
    }
}
