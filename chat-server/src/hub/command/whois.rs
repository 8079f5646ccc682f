//! `WHOIS` (RFC 2812 §3.6.2; <https://modern.ircdocs.horse/#whois-message>).

use std::time::UNIX_EPOCH;

use chat_core::proto::Numeric;

use crate::hub::{Hub, Refusal, Turn};

impl Hub {
    pub(super) fn whois(&mut self, turn: &mut Turn<'_>, nick: &str) -> Result<(), Refusal> {
        let end = |turn: &mut Turn<'_>, nick: &str| {
            let nick = if nick.starts_with(':') || nick.contains(' ') { "*" } else { nick };
            turn.numeric(Numeric::RPL_ENDOFWHOIS, &[nick, "End of WHOIS"]);
        };
        let person = match self.find_person(nick) {
            Ok(person) => person,
            Err(refusal) => {
                turn.say(refusal.reply());
                end(turn, nick);
                return Ok(());
            }
        };
        let shown = person.nick.as_str();
        let params = [shown, &person.user, &person.host, "*", &person.realname];
        turn.numeric(Numeric::RPL_WHOISUSER, &params);
        let is_self = person.conn == turn.conn;
        let shared: Vec<String> = person
            .rooms
            .iter()
            .map(|id| &self.rooms[id])
            .filter(|room| is_self || room.has(turn.conn))
            .map(|room| format!("{}{}", room.members[&person.conn].prefix(false), room.name))
            .collect();
        for rooms in shared.chunks(5) {
            turn.numeric(Numeric::RPL_WHOISCHANNELS, &[shown, &rooms.join(" ")]);
        }
        let server = self.house.name.as_str();
        turn.numeric(Numeric::RPL_WHOISSERVER, &[shown, server, &self.house.network]);
        if let Some(reason) = &person.away {
            turn.numeric(Numeric::RPL_AWAY, &[shown, reason]);
        }
        let idle = turn.now.mono.saturating_duration_since(person.last_spoke).as_secs().to_string();
        let signed_on = person.signed_on.duration_since(UNIX_EPOCH).unwrap_or_default();
        let signed_on = signed_on.as_secs().to_string();
        let words = "seconds idle, signed on at";
        turn.numeric(Numeric::RPL_WHOISIDLE, &[shown, &idle, &signed_on, words]);
        end(turn, nick);
        Ok(())
    }
}
