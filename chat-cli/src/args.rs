//! The command line: its commands and their options.

use chat_core::{
    ChatClient, ChatClientBuilder, ReconnectPolicy,
    client::{DEFAULT_NAME, DEFAULT_PORT},
};
use chat_server::HostAccount;
use clap::{Args, Parser, Subcommand};

/// Host a room or join one, and chat in it.
///
/// Exit codes: 0 left as asked; 1 wrong arguments, or hosting is not possible; 2 cannot connect;
/// 3 the server refuses the login; 4 the connection was lost for good (--no-reconnect), or the hosted server failed; 5 a message was not
/// delivered; 130 interrupted; 143 terminated.
#[derive(Debug, Parser)]
#[command(name = "chat-cli", version)]
pub(crate) struct Arguments {
    /// Without one, at a terminal, you are asked.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Host a room and chat in it.
    Host(HostOptions),
    /// Join a room that someone hosts.
    Join(JoinOptions),
    /// Print what is said, and say nothing.
    Listen(JoinOptions),
    /// Send a message, or each line of the standard input, and return when it has arrived.
    Send(SendOptions),
}

#[derive(Debug, Args)]
pub(crate) struct HostOptions {
    /// Your name, any text.
    #[arg(long, default_value = DEFAULT_NAME)]
    pub(crate) name: String,
    /// The room's name.
    #[arg(long, default_value = "lobby")]
    pub(crate) room: String,
    /// Where to listen; by default on the local network.
    #[arg(long, value_name = "ADDR", default_value_t = format!("0.0.0.0:{DEFAULT_PORT}"))]
    pub(crate) listen: String,
    /// Keep it to this computer.
    #[arg(long, conflicts_with = "listen")]
    pub(crate) local: bool,
    /// Where to keep what is said (default: chat-server in your folder for data).
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<std::path::PathBuf>,
    /// Keep nothing of what is said.
    #[arg(long, conflicts_with = "data")]
    pub(crate) in_memory: bool,
}

#[derive(Debug, Args)]
pub(crate) struct JoinOptions {
    /// The address the host gave you, with or without a port, or a link into a room.
    #[arg(value_name = "HOST[:PORT]|LINK", default_value_t = format!("localhost:{DEFAULT_PORT}"))]
    pub(crate) server: String,
    /// Your name, any text.
    #[arg(long, default_value = DEFAULT_NAME)]
    pub(crate) name: String,
    /// A room to join beside the one the server puts you into. Repeatable.
    #[arg(long, value_name = "ROOM")]
    pub(crate) room: Vec<String>,
    /// A file whose first line is the server's password.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<std::path::PathBuf>,
    /// The account to log in to.
    #[arg(long, requires = "account_password_file")]
    pub(crate) account: Option<String>,
    /// A file whose first line is its password.
    #[arg(long, value_name = "FILE", requires = "account")]
    pub(crate) account_password_file: Option<std::path::PathBuf>,
    /// End when the connection is lost.
    #[arg(long)]
    pub(crate) no_reconnect: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SendOptions {
    /// The server, with or without a port.
    #[arg(value_name = "HOST[:PORT]")]
    pub(crate) server: String,
    /// What to say; without it, each line of the standard input is a message.
    pub(crate) text: Option<String>,
    /// Your name, any text.
    #[arg(long, default_value = DEFAULT_NAME)]
    pub(crate) name: String,
    /// The room or the person to say it to.
    #[arg(long, value_name = "ROOM|NICK", default_value = "#lobby")]
    pub(crate) to: String,
}

/// The settings of a connection: the server, the name, the account; all that is needed to make it again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    pub(crate) server: String,
    pub(crate) name: String,
    pub(crate) rooms: Vec<String>,
    pub(crate) password_file: Option<std::path::PathBuf>,
    pub(crate) account: Option<String>,
    pub(crate) account_password_file: Option<std::path::PathBuf>,
    /// The account of whoever hosts the server, and its password.
    pub(crate) host_account: Option<HostAccount>,
    pub(crate) no_reconnect: bool,
}

impl JoinOptions {
    pub(crate) fn session(&self) -> Session {
        Session {
            server: self.server.clone(),
            name: self.name.clone(),
            rooms: self.room.clone(),
            password_file: self.password_file.clone(),
            account: self.account.clone(),
            account_password_file: self.account_password_file.clone(),
            host_account: None,
            no_reconnect: self.no_reconnect,
        }
    }
}

impl Session {
    /// A client to be, without a listener.
    ///
    /// # Errors
    /// A sentence, if the password cannot be read.
    pub(crate) fn builder(&self) -> Result<ChatClientBuilder, String> {
        let mut builder = ChatClient::builder(&self.server, &self.name);
        for room in &self.rooms {
            builder = builder.join(room);
        }
        if self.no_reconnect {
            builder = builder.reconnect(ReconnectPolicy::never());
        }
        if let Some(path) = &self.password_file {
            builder = builder.password(first_line(path)?);
        }
        if let (Some(account), Some(path)) = (&self.account, &self.account_password_file) {
            builder = builder.account(account, first_line(path)?);
        }
        if let Some(HostAccount { name, password }) = &self.host_account {
            builder = builder.account(name, password);
        }
        Ok(builder)
    }
}

/// The first line of a file, where a password stands.
fn first_line(path: &std::path::Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
