//! `LUSERS` (RFC 2812 §3.4.2; <https://modern.ircdocs.horse/#lusers-message>), in the words that programs read numbers from.

use chat_core::proto::Numeric;

use crate::hub::{Hub, replies::turn::Turn, state::people::Counts};

impl Hub {
    pub(crate) fn lusers(&self, turn: &mut Turn) {
        let Counts { n_people, n_invisible, n_operators, n_newcomers, n_max } =
            self.people.counts();
        let (n, n_max, n_visible) =
            (n_people.to_string(), n_max.to_string(), n_people - n_invisible);
        let here = format!("There are {n_visible} users and {n_invisible} invisible on 1 servers");
        turn.numeric(Numeric::RPL_LUSERCLIENT, &[&here]);
        // "only sent back if a non-zero count is found for them" (RFC 2812 §5.1, 252 to 254)
        for (numeric, count, of_what) in [
            (Numeric::RPL_LUSEROP, n_operators, "operator(s) online"),
            (Numeric::RPL_LUSERUNKNOWN, n_newcomers, "unknown connection(s)"),
            (Numeric::RPL_LUSERCHANNELS, self.rooms.len(), "channels formed"),
        ] {
            if count > 0 {
                turn.numeric(numeric, &[&count.to_string(), of_what]);
            }
        }
        turn.numeric(Numeric::RPL_LUSERME, &[&format!("I have {n} clients and 0 servers")]);
        for (numeric, of_where) in
            [(Numeric::RPL_LOCALUSERS, "local"), (Numeric::RPL_GLOBALUSERS, "global")]
        {
            let words = format!("Current {of_where} users {n}, max {n_max}");
            turn.numeric(numeric, &[&n, &n_max, &words]);
        }
    }
}
