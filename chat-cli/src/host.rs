//! Hosting: a server inside this program, and what its host needs to join it.

use chat_core::proto::RoomName;
use chat_server::{Config, DEFAULT_PORT, Server, ServerHandle, StartError};

use crate::{
    args::{HostOptions, Session},
    exit::{Exit, Failure},
};

/// A server that this program runs.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) server: ServerHandle,
    /// The text to tell those who are to join.
    pub(crate) invitation: String,
}

/// Starts the server, and says how its host is to join it.
pub(crate) fn start(options: &HostOptions) -> Result<(Hosted, Session), Failure> {
    let mut config = Config::default();
    let room = if options.room.starts_with('#') {
        options.room.clone()
    } else {
        format!("#{}", options.room)
    };
    config.listen = vec![address(options)];
    config.room = RoomName::new(&room)
        .map_err(|error| (Exit::Usage, format!("the room {room} cannot be hosted: {error}")))?;
    let is_left_open = options.data.is_none() && !options.in_memory;
    config.data.clone_from(&options.data);
    let failed = |error: StartError| (Exit::Usage, error.to_string());
    let host_account = Server::host_account(&mut config).map_err(failed)?;
    let started = if is_left_open { Server::start_hosted(config) } else { Server::start(config) };
    let server = started.map_err(failed)?;
    let shown = server.shared_address();
    let invitation = if shown.ip().is_loopback() {
        format!("You host {room} on this computer. Others here join with: chat-cli join {shown}")
    } else {
        format!("You host {room}. Others join with: chat-cli join {shown}")
    };
    let invitation = if is_left_open && !server.keeps_history() {
        format!(
            "{invitation}\nNothing said here is kept: another server keeps its messages in your folder (--data names another one)."
        )
    } else {
        invitation
    };
    // Warnings about looser files stand below the invitation.
    let warnings = server.warnings().iter();
    let invitation = warnings.fold(invitation, |text, warning| format!("{text}\n{warning}."));
    let session = Session {
        server: server.own_address().to_string(),
        name: options.name.clone(),
        host_account: Some(host_account),
        ..Session::default()
    };
    Ok((Hosted { server, invitation }, session))
}

/// The address to listen on.
fn address(options: &HostOptions) -> String {
    if options.local { format!("127.0.0.1:{DEFAULT_PORT}") } else { options.listen.clone() }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    #[test]
    fn without_an_address_a_host_takes_the_default_port() {
        for (more, listen) in [
            (&[][..], "0.0.0.0:53000"),
            (&["--local"], "127.0.0.1:53000"),
            (&["--listen", "[::1]:7000"], "[::1]:7000"),
        ] {
            let words = ["chat-cli", "host"].iter().chain(more);
            let Some(Command::Host(options)) = Arguments::try_parse_from(words).unwrap().command
            else {
                panic!("it was to host");
            };
            assert_eq!(address(&options), listen);
        }
    }
}
