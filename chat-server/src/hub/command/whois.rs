//! `WHOIS` (RFC 2812 §3.6.2; <https://modern.ircdocs.horse/#whois-message>).

use chat_core::proto::{Capability, Numeric, Service};

use crate::hub::{
    Hub,
    refusal::{Refusal, as_asked},
    replies::{incidents, metadata::key_value, turn::Turn},
    state::{metadata::Owner, person::Person},
};

impl Hub {
    pub(crate) fn whois(
        &mut self,
        turn: &mut Turn,
        server: Option<&str>,
        asked: &str,
        nicks: &[String],
    ) -> Result<(), Refusal> {
        let answered = self.check_server(server).and_then(|()| self.whois_each(turn, nicks));
        if let Err(refusal) = answered {
            turn.say(refusal.reply());
        }
        // "MUST be exactly the <nick> parameter sent by the client", once for all of them, whatever was said before it.
        let asked = as_asked(asked);
        turn.numeric(Numeric::RPL_ENDOFWHOIS, &[asked, "End of /WHOIS list"]);
        Ok(())
    }

    fn whois_each(&mut self, turn: &mut Turn, nicks: &[String]) -> Result<(), Refusal> {
        for (index, nick) in nicks.iter().enumerate() {
            if index >= self.settings.limits.targets_max {
                return Err(Refusal::TooManyTargets(nick.clone()));
            }
            match self.people.find(nick) {
                Ok(person) => self.whois_one(turn, person),
                Err(refusal) => match Service::by_nick(nick) {
                    Some(service) => self.whois_service(turn, service),
                    None => turn.say(refusal.reply()),
                },
            }
        }
        Ok(())
    }

    fn whois_service(&self, turn: &mut Turn, service: Service) {
        let (nick, server) = (service.nick(), self.settings.name.as_str());
        let about = match service {
            Service::ChanServ => "Rooms: write HELP to it",
            Service::NickServ => "Accounts: write HELP to it",
            Service::OperServ => "The server, for its operators: write HELP to it",
        };
        turn.numeric(Numeric::RPL_WHOISUSER, &[nick, "services", server, "*", about]);
        turn.numeric(Numeric::RPL_WHOISSERVER, &[nick, server, self.settings.described()]);
    }

    fn whois_one(&self, turn: &mut Turn, person: &Person) {
        let shown = person.nick.as_str();
        let params = [shown, person.user(), person.host(), "*", &person.realname];
        turn.numeric(Numeric::RPL_WHOISUSER, &params);
        let asker = self.people.reader(turn.conn);
        // Rooms of the invisible are for those who are in them too, and for operators, as far as those may know of them.
        let is_own = person.id == turn.person;
        let sees_invisible = !person.modes.is_invisible || asker.device.is_operator();
        let all = asker.device.capabilities.contains(Capability::MultiPrefix);
        let shared: Vec<String> = person
            .rooms
            .iter()
            .map(|id| &self.rooms[id])
            .filter(|room| {
                let is_open = sees_invisible && room.is_visible_to(turn.person);
                is_own || is_open || room.has(turn.person)
            })
            .map(|room| format!("{}{}", room.members[&person.id].prefix(all), room.name))
            .collect();
        for rooms in shared.chunks(5) {
            turn.numeric(Numeric::RPL_WHOISCHANNELS, &[shown, &rooms.join(" ")]);
        }
        let server = self.settings.name.as_str();
        turn.numeric(Numeric::RPL_WHOISSERVER, &[shown, server, self.settings.described()]);
        if person.modes.shows_operator {
            turn.numeric(Numeric::RPL_WHOISOPERATOR, &[shown, "is an operator of the server"]);
        }
        if person.modes.is_bot {
            turn.numeric(Numeric::RPL_WHOISBOT, &[shown, "is a bot"]);
        }
        let is_secure = |conn| self.people.device(conn).is_secure;
        if !person.devices.is_empty() && person.devices.iter().copied().all(is_secure) {
            turn.numeric(Numeric::RPL_WHOISSECURE, &[shown, "is using a secure connection"]);
        }
        // Where somebody comes from is for operators of the server, and for themselves.
        if is_own || asker.device.is_operator() {
            for conn in &person.devices {
                let address = incidents::shown(&self.people.device(*conn).address);
                let text = format!("is connecting from {}@{address} {address}", person.user());
                turn.numeric(Numeric::RPL_WHOISHOST, &[shown, &text]);
            }
        }
        if let Some(account) = &person.account {
            turn.numeric(Numeric::RPL_WHOISACCOUNT, &[shown, account, "is logged in as"]);
        }
        if let Some(reason) = &person.particulars.away {
            turn.numeric(Numeric::RPL_AWAY, &[shown, reason]);
        }
        if let Some(dialect) = asker.device.told_metadata_in() {
            for (key, value) in self.published(Owner::Person(person.id), dialect) {
                turn.say(key_value(Numeric::RPL_WHOISKEYVALUE, shown, key, value));
            }
        }
        let idle =
            self.now().mono.saturating_duration_since(person.last_spoke).as_secs().to_string();
        let signed_on = person.signed_on.to_string();
        let words = "seconds idle, signon time";
        turn.numeric(Numeric::RPL_WHOISIDLE, &[shown, &idle, &signed_on, words]);
    }
}
