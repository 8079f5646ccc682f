//! `WHOWAS` (RFC 2812 §3.6.3; <https://modern.ircdocs.horse/#whowas-message>).

use chat_core::proto::{CaseMapping, Numeric};

use crate::hub::{
    Hub,
    refusal::{Refusal, as_asked},
    replies::turn::Turn,
};

impl Hub {
    pub(crate) fn whowas(
        &mut self,
        turn: &mut Turn,
        nicks: &[String],
        count: Option<usize>,
    ) -> Result<(), Refusal> {
        for (index, nick) in nicks.iter().enumerate() {
            if index >= self.settings.limits.targets_max {
                return Err(Refusal::TooManyTargets(nick.clone()));
            }
            let key = CaseMapping::Ascii.fold(nick);
            let mut is_known = false;
            for was in self.people.whowas(&key).take(count.unwrap_or(usize::MAX)) {
                is_known = true;
                let params = [&*was.nick, &*was.user, &*was.host, "*", &*was.realname];
                turn.numeric(Numeric::RPL_WHOWASUSER, &params);
                let at = humantime::format_rfc3339_seconds(was.at).to_string();
                turn.numeric(
                    Numeric::RPL_WHOISSERVER,
                    &[&was.nick, self.settings.name.as_str(), &format!("until {at}")],
                );
            }
            if !is_known {
                turn.say(Refusal::WasNoSuchNick(nick.clone()).reply());
            }
            turn.numeric(Numeric::RPL_ENDOFWHOWAS, &[as_asked(nick), "End of WHOWAS"]);
        }
        Ok(())
    }
}
