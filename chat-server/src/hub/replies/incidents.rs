//! Incidents: what whoever runs the server should know of, told to the program around it.

use crate::{
    event::{Incident, ServerEvent},
    hub::{Hub, effect::Effect},
    ids::ConnId,
};

/// A secret that was wrong, and whose it was said to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WrongSecret<'a> {
    /// An account's password or certificate, given by a mechanism of SASL or to NickServ.
    Account { name: &'a str, by: &'a str },
    /// A gateway's password.
    Gateway,
    /// An operator's password, or the name of one that there is not, or not from there.
    Oper { name: &'a str },
    /// The server's own password.
    Server,
}

impl Hub {
    /// Reports an incident.
    pub(crate) fn report(&self, incident: Incident) {
        self.out.push(Effect::Report(ServerEvent::Incident(incident)));
    }

    /// Reports that a secret that was given on `conn` is wrong.
    pub(crate) fn report_wrong(&self, conn: ConnId, secret: WrongSecret<'_>) {
        let device = || self.people.device_at(conn).map(|device| &*device.address);
        let newcomer = self.people.newcomer(conn).map(|newcomer| &*newcomer.host);
        let address = shown(newcomer.or_else(device).unwrap_or_default());
        self.report(match secret {
            WrongSecret::Account { name, by } => Incident::login_failed(&address, name, by),
            WrongSecret::Gateway => Incident::gateway_failed(&address),
            WrongSecret::Server => Incident::password_failed(&address),
            WrongSecret::Oper { name } => {
                let person = self.people.person_at(conn);
                let nick = person.map_or("", |person| person.nick.as_str());
                Incident::oper_failed(&address, name, nick)
            }
        });
    }
}

/// An address as it is written everywhere but in hosts, which do not begin with a colon.
pub(crate) fn shown(address: &str) -> String {
    address.parse::<std::net::IpAddr>().map_or_else(|_| address.to_owned(), |own| own.to_string())
}
