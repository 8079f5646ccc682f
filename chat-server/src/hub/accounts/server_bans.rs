//! Server bans: addresses and accounts that may not come here, for how long, and why. They are kept
//! ([`crate::room_log::Change`]).

use std::sync::Arc;

use crate::{
    hub::{Hub, state::person},
    ids::{ConnId, PersonId},
};

impl Hub {
    /// Sends away those whom a ban is about. Operators of the server stay.
    pub(crate) fn send_banned_away(&mut self) {
        let now = self.now();
        let mut away: Vec<(PersonId, ConnId, Arc<str>)> = Vec::new();
        for device in self.people.devices() {
            let person = self.people.person(device.person);
            let ban = self.accounts.find_ban(now.wall, &device.address, person.account.as_deref());
            if let Some(ban) = ban.filter(|_| !person.modes.is_operator) {
                away.push((person.id, device.conn, ban.text().into()));
            }
        }
        let is_alone =
            |person: &person::Person| person.devices.is_empty() && !person.modes.is_operator;
        let alone = self.people.iter().filter(|person| is_alone(person)).filter_map(|person| {
            let ban = self.accounts.find_ban(now.wall, "", person.account.as_deref())?;
            Some((person.id, ban.text().into()))
        });
        let alone: Vec<(PersonId, Arc<str>)> = alone.collect();
        for (who, reason) in alone {
            self.send_away(who, &reason);
        }
        for (who, conn, reason) in away {
            let is_there = self.people.device_at(conn).is_some_and(|device| device.person == who);
            if is_there {
                self.send_away(who, &reason);
            }
        }
    }
}
