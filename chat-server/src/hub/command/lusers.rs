//! `LUSERS` (RFC 2812 §3.4.2).

use chat_core::proto::Numeric;

use crate::hub::{Hub, replies::turn::Turn};

impl Hub {
    pub(crate) fn lusers(&self, turn: &mut Turn) {
        let (n, n_max) = (self.people.len().to_string(), self.people.n_max().to_string());
        let here = format!("There are {n} people on 1 server");
        turn.numeric(Numeric::RPL_LUSERCLIENT, &[&here]);
        // "only sent back if a non-zero count is found for them" (RFC 2812 §5.1, 252 to 254)
        for (numeric, count, of_what) in [
            (Numeric::RPL_LUSEROP, self.people.n_operators(), "operators online"),
            (
                Numeric::RPL_LUSERUNKNOWN,
                self.people.n_newcomers(),
                "connections that have not registered",
            ),
            (Numeric::RPL_LUSERCHANNELS, self.rooms.len(), "rooms"),
        ] {
            if count > 0 {
                turn.numeric(numeric, &[&count.to_string(), of_what]);
            }
        }
        turn.numeric(Numeric::RPL_LUSERME, &[&format!("I have {n} clients and 0 servers")]);
        let local = format!("{n} people now, at most {n_max} at once");
        turn.numeric(Numeric::RPL_LOCALUSERS, &[&n, &n_max, &local]);
        turn.numeric(Numeric::RPL_GLOBALUSERS, &[&n, &n_max, &local]);
    }
}
