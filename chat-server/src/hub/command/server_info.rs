//! Questions about the server: `ADMIN`, `INFO`, `LINKS`, `TIME`, `VERSION` (RFC 2812 §3.4). A question
//! to a server of another name is one to nobody.

use chat_core::proto::{Numeric, mask_matches};

use crate::hub::{
    Hub,
    refusal::Refusal,
    replies::{say::VERSION, turn::Turn},
    state::codec::unix_seconds,
};

impl Hub {
    /// Checks that a question is to this server: by its name, a mask of it, or a nick of someone on it.
    pub(crate) fn check_server(&self, server: Option<&str>) -> Result<(), Refusal> {
        let is_here = |server: &str| {
            mask_matches(server, self.settings.name.as_str()) || self.people.find(server).is_ok()
        };
        match server {
            Some(server) if !is_here(server) => Err(Refusal::NoSuchServer(server.to_owned())),
            _ => Ok(()),
        }
    }

    /// RFC 2812 §3.4.9
    pub(crate) fn admin(&self, turn: &mut Turn) -> Result<(), Refusal> {
        let server = self.settings.name.as_str();
        let admin = self.settings.admin.as_ref();
        let admin = admin.ok_or_else(|| Refusal::NoAdministrator { server: server.to_owned() })?;
        turn.numeric(Numeric::RPL_ADMINME, &[server, "Administrative info"]);
        turn.numeric(Numeric::RPL_ADMINLOC1, &[&admin.place]);
        turn.numeric(Numeric::RPL_ADMINLOC2, &[&admin.name]);
        turn.numeric(Numeric::RPL_ADMINEMAIL, &[&admin.email]);
        Ok(())
    }

    /// RFC 2812 §3.4.10
    pub(crate) fn info(&self, turn: &mut Turn) -> Result<(), Refusal> {
        let started = self.started.expect("set by the first input");
        let started = humantime::format_rfc3339_seconds(started);
        turn.numeric(Numeric::RPL_INFO, &[&format!("{VERSION}: host a room, or join one")]);
        turn.numeric(Numeric::RPL_INFO, &["Licensed under MIT or Apache-2.0"]);
        turn.numeric(Numeric::RPL_INFO, &[&format!("Started at {started}")]);
        turn.numeric(Numeric::RPL_ENDOFINFO, &["End of INFO list"]);
        Ok(())
    }

    /// RFC 2812 §3.4.5: the network is this server.
    pub(crate) fn links(&self, turn: &mut Turn) -> Result<(), Refusal> {
        let server = self.settings.name.as_str();
        turn.numeric(
            Numeric::RPL_LINKS,
            &[server, server, &format!("0 {}", self.settings.described())],
        );
        turn.numeric(Numeric::RPL_ENDOFLINKS, &["*", "End of /LINKS list"]);
        Ok(())
    }

    /// RFC 2812 §3.4.6
    pub(crate) fn time(&self, turn: &mut Turn) -> Result<(), Refusal> {
        let server = self.settings.name.as_str();
        let now = humantime::format_rfc3339_seconds(self.now().wall).to_string();
        turn.numeric(
            Numeric::RPL_TIME,
            &[server, &unix_seconds(self.now().wall).to_string(), "0", &now],
        );
        Ok(())
    }

    /// RFC 2812 §3.4.3
    pub(crate) fn version(&self, turn: &mut Turn) -> Result<(), Refusal> {
        let server = self.settings.name.as_str();
        turn.numeric(Numeric::RPL_VERSION, &[VERSION, server, "IRCv3, with rooms for everyone"]);
        self.isupport(turn);
        Ok(())
    }
}
