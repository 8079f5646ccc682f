//! Server bans: addresses and accounts that may not come here, for how long, and why. They are kept
//! ([`crate::room_log::Change`]).

use std::sync::Arc;

use crate::{
    hub::{Hub, effect::Effect, state::person},
    ids::{ConnId, PersonId},
};

impl Hub {
    /// Sends away those whom a ban is about. Connections of operators of the server stay, and with them the person; their
    /// other ones go.
    pub(crate) fn send_banned_away(&mut self) {
        let now = self.now();
        let mut away: Vec<(PersonId, ConnId, Arc<str>)> = Vec::new();
        for device in self.people.devices().filter(|device| !device.is_operator()) {
            let person = self.people.person(device.person);
            let ban = self.accounts.find_ban(now.wall, &device.address, person.account.as_deref());
            if let Some(ban) = ban {
                away.push((person.id, device.conn, ban.text().into()));
            }
        }
        let is_alone = |person: &&person::Person| person.devices.is_empty();
        let alone = self.people.iter().filter(is_alone).filter_map(|person| {
            let ban = self.accounts.find_ban(now.wall, "", person.account.as_deref())?;
            Some((person.id, ban.text().into()))
        });
        let alone: Vec<(PersonId, Arc<str>)> = alone.collect();
        for (who, reason) in alone {
            self.send_away(who, &reason);
        }
        for (who, conn, reason) in away {
            if self.people.device_at(conn).is_none_or(|device| device.person != who) {
                continue;
            }
            if self.people.person(who).modes.shows_operator {
                self.out.push(Effect::Close { conn, reason: Arc::clone(&reason), label: None });
                self.end_device(conn, &reason);
            } else {
                self.send_away(who, &reason);
            }
        }
    }
}
