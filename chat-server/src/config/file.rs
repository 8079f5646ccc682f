//! The configuration file: what it may say, how it becomes a [`Config`], and how what is in force is
//! written. `docs/chat-server.toml` explains each key; the program's flags are the same by the same names.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use chat_core::proto::{RoomName, ServerName};
use ipnet::IpNet;

use super::{
    Account, Admin, Config, Gateway, Oper, Sts,
    limits::{LimitsFile, Span},
    retention::RetentionFile,
};
use crate::{TlsSource, auth, store::Durability};

/// The whole file. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[allow(
    missing_docs,
    reason = "each is explained in docs/chat-server.toml, and where Config has it"
)]
// More than 12 fields: one for each key of the file.
pub struct ConfigFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_listen: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub websocket_listen: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub websocket_tls_listen: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub websocket_origins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_listen: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_listen: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxies: Option<Vec<IpNet>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_icon: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_join: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub motd_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_clients: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<NonZeroUsize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_when_empty: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlimited: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<Durability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionFile>,
    /// [`Config::registration`]
    pub registration: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_memory: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<Admin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sts: Option<StsFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oper: Option<Vec<Oper>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Vec<AccountFile>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Vec<Gateway>>,
}

/// The section `sts`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StsFile {
    /// [`Sts::port`]
    pub port: u16,
    /// [`Sts::duration`]
    pub duration: Span,
}

/// A section `account`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccountFile {
    /// [`Account::name`]
    pub name: String,
    /// [`Account::password`]
    #[serde(default)]
    pub password: String,
    /// [`Account::scram`], as `chat-server hash` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scram: Option<String>,
    /// [`Account::fingerprints`]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
}

impl ConfigFile {
    /// What this says, and what `other` says where this says nothing.
    #[must_use]
    pub fn or(self, mut other: Self) -> Self {
        // One certificate or the other.
        if self.self_signed.is_some() {
            (other.certificate, other.key) = (None, None);
        } else if self.certificate.is_some() {
            other.self_signed = None;
        }
        Self {
            listen: self.listen.or(other.listen),
            tls_listen: self.tls_listen.or(other.tls_listen),
            certificate: self.certificate.or(other.certificate),
            key: self.key.or(other.key),
            self_signed: self.self_signed.or(other.self_signed),
            websocket_listen: self.websocket_listen.or(other.websocket_listen),
            websocket_tls_listen: self.websocket_tls_listen.or(other.websocket_tls_listen),
            websocket_origins: self.websocket_origins.or(other.websocket_origins),
            text_listen: self.text_listen.or(other.text_listen),
            http_listen: self.http_listen.or(other.http_listen),
            proxies: self.proxies.or(other.proxies),
            name: self.name.or(other.name),
            network: self.network.or(other.network),
            network_icon: self.network_icon.or(other.network_icon),
            public_address: self.public_address.or(other.public_address),
            room: self.room.or(other.room),
            auto_join: self.auto_join.or(other.auto_join),
            password_file: self.password_file.or(other.password_file),
            motd_file: self.motd_file.or(other.motd_file),
            max_clients: self.max_clients.or(other.max_clients),
            workers: self.workers.or(other.workers),
            exit_when_empty: self.exit_when_empty.or(other.exit_when_empty),
            unlimited: self.unlimited.or(other.unlimited),
            // Whoever says where to keep them says that they are to be kept.
            in_memory: self
                .in_memory
                .or_else(|| self.data.as_ref().map(|_| false))
                .or(other.in_memory),
            data: self.data.or(other.data),
            durability: self.durability.or(other.durability),
            retention: match (self.retention, other.retention) {
                (Some(own), Some(other)) => Some(own.or(other)),
                (own, other) => own.or(other),
            },
            registration: self.registration.or(other.registration),
            admin: self.admin.or(other.admin),
            sts: self.sts.or(other.sts),
            limits: Some(self.limits.unwrap_or_default().or(other.limits.unwrap_or_default())),
            oper: self.oper.or(other.oper),
            account: self.account.or(other.account),
            gateway: self.gateway.or(other.gateway),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A sentence with the place in the file; for a key that is none, with the nearest one that is.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = read_text(path)?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            let message = error.message();
            format!("line {line}: {}", nearest(message).unwrap_or_else(|| message.to_owned()))
        })
    }

    /// What is in force where nothing is said.
    #[must_use]
    pub fn defaults() -> Self {
        let config = Config::default();
        Self {
            listen: Some(config.listen),
            tls_listen: Some(config.tls_listen),
            websocket_listen: Some(config.web_socket_listen),
            websocket_tls_listen: Some(config.web_socket_tls_listen),
            websocket_origins: Some(config.web_socket_origins),
            text_listen: Some(config.text_listen),
            http_listen: Some(config.http_listen),
            proxies: Some(config.proxies),
            name: Some(config.name.to_string()),
            network: Some(config.network),
            room: Some(config.room.to_string()),
            auto_join: Some(config.auto_join),
            max_clients: Some(config.limits.clients_max),
            exit_when_empty: Some(config.exit_when_empty),
            unlimited: Some(false),
            data: default_folder(),
            durability: Some(config.durability),
            registration: Some(config.registration),
            in_memory: Some(false),
            limits: Some(LimitsFile::of(&config.limits)),
            ..Self::default()
        }
    }

    /// The configuration that follows from this; files it names are read.
    ///
    /// # Errors
    /// A sentence about what cannot be.
    pub fn into_config(self) -> Result<Config, String> {
        let file = self.or(Self::defaults());
        let mut config = Config::default();
        let set = |list: Option<Vec<String>>| list.unwrap_or_default();
        config.listen = set(file.listen);
        config.tls_listen = set(file.tls_listen);
        config.web_socket_listen = set(file.websocket_listen);
        config.web_socket_tls_listen = set(file.websocket_tls_listen);
        config.web_socket_origins = set(file.websocket_origins);
        config.text_listen = set(file.text_listen);
        config.http_listen = set(file.http_listen);
        config.proxies = file.proxies.unwrap_or_default();
        let room = file.room.unwrap_or_default();
        let room = if room.starts_with('#') { room } else { format!("#{room}") };
        config.room = RoomName::new(&room).map_err(|error| format!("the room {room}: {error}"))?;
        config.auto_join = file.auto_join.unwrap_or(true);
        let name = file.name.unwrap_or_default();
        config.name = ServerName::new(&name).map_err(|error| {
            format!("the server's name {name}: {error}; write one like chat.example.org")
        })?;
        config.network = file.network.unwrap_or_default();
        config.network_icon = file.network_icon;
        config.public_address = file.public_address;
        let is_address = |own: &String| {
            let is_written = |byte: u8| byte.is_ascii_graphic() && !b"/?#@".contains(&byte);
            (1..=300).contains(&own.len()) && own.bytes().all(is_written)
        };
        if !config.public_address.as_ref().is_none_or(is_address) {
            return Err(
                "public-address is what people connect to, like chat.example.org:6697".into()
            );
        }
        let is_url =
            |url: &String| url.len() <= 300 && url.bytes().all(|byte| byte.is_ascii_graphic());
        if !config.network_icon.as_ref().is_none_or(is_url) {
            return Err("network-icon is a URL without spaces, of at most 300 bytes".into());
        }
        config.workers = file.workers;
        config.exit_when_empty = file.exit_when_empty.unwrap_or(false);
        config.durability = file.durability.unwrap_or_default();
        config.retention = file.retention.unwrap_or_default().into_retention()?;
        config.registration = file.registration.unwrap_or(true);
        if !file.in_memory.unwrap_or(false) {
            config.data = Some(file.data.ok_or(
                "there is no folder to keep messages in: name one with --data, or keep none with --in-memory",
            )?);
        }
        config.password = file.password_file.as_deref().map(read_password).transpose()?;
        config.motd = file.motd_file.as_deref().map(read_text).transpose()?;
        config.tls = tls(file.certificate, file.key, file.self_signed, &config.name)?;
        config.sts = file.sts.map(|sts| Sts { port: sts.port, duration: sts.duration.0 });
        config.admin = file.admin;
        config.opers = file.oper.unwrap_or_default();
        for oper in &config.opers {
            check_hash(&oper.password, &format!("the operator {}", oper.name))?;
        }
        config.gateways = file.gateway.unwrap_or_default();
        let accounts = file.account.unwrap_or_default().into_iter().map(AccountFile::into_account);
        config.accounts = accounts.collect::<Result<_, _>>()?;
        config.limits = file.limits.unwrap_or_default().into_limits()?;
        config.limits.clients_max = file.max_clients.unwrap_or(config.limits.clients_max);
        if file.unlimited.unwrap_or(false) {
            config.limits = config.limits.unlimited();
        }
        Ok(config)
    }
}

/// Where messages are kept unless somebody says where: what systemd gives a service, or the user's folder for
/// such things.
#[must_use]
pub fn default_folder() -> Option<PathBuf> {
    let given = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    given.or_else(|| Some(dirs::data_dir()?.join("chat-server")))
}

/// # Errors
/// A sentence, if no password could ever be right.
fn check_hash(hash: &str, whose: &str) -> Result<(), String> {
    if hash.is_empty() || auth::is_hash(hash) {
        return Ok(());
    }
    Err(format!(
        "{whose}: the password is to be what `chat-server hash` prints, not the password itself"
    ))
}

impl AccountFile {
    fn into_account(self) -> Result<Account, String> {
        let Self { name, password, scram, fingerprints } = self;
        let scram = scram.map(|text| text.parse()).transpose();
        let scram = scram.map_err(|error| format!("the account {name}: {error}"))?;
        // As it stands in the middle of lines.
        if name.is_empty() || name == "*" || name.starts_with(':') || name.contains([' ', ',']) {
            return Err(format!("the account {name:?}: a name is one word, and not *"));
        }
        check_hash(&password, &format!("the account {name}"))?;
        Ok(Account { name, password, scram, fingerprints })
    }
}

/// Says which key was meant, of those that `message` lists.
fn nearest(message: &str) -> Option<String> {
    let (unknown, expected) =
        message.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    let keys = expected.split('`').skip(1).step_by(2);
    let nearest = keys.max_by(|a, b| {
        strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown))
    })?;
    Some(format!("there is no key `{unknown}`; did you mean `{nearest}`?"))
}

fn tls(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    self_signed: Option<PathBuf>,
    name: &ServerName,
) -> Result<Option<TlsSource>, String> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsSource::Files { certificate, key })),
        (None, None) => Ok(self_signed.map(|folder| {
            let names = vec![name.to_string(), "localhost".to_owned()];
            TlsSource::SelfSigned { folder, names }
        })),
        _ => Err("a certificate needs its key, and a key its certificate".to_owned()),
    }
}

fn read_password(path: &Path) -> Result<String, String> {
    let text = read_text(path)?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        return Err(format!("{}: the first line is to be the password", path.display()));
    }
    Ok(password.to_owned())
}

fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;

    #[test]
    fn what_is_in_force_reads_as_it_was_written() {
        let text = toml::to_string(&ConfigFile::defaults()).unwrap();
        assert_eq!(ConfigFile::parse(&text), Ok(ConfigFile::defaults()));
        let limits = ConfigFile::default().into_config().unwrap().limits;
        assert_eq!(limits, Limits::default());
    }

    #[test]
    fn a_key_that_is_none_is_answered_with_the_nearest() {
        let error = |text: &str| ConfigFile::parse(text).unwrap_err();
        assert_eq!(error("lisen = []"), "line 1: there is no key `lisen`; did you mean `listen`?");
        let wrong = "network = \"ours\"\n\n[limits]\nping-timout = \"5s\"";
        assert_eq!(
            error(wrong),
            "line 4: there is no key `ping-timout`; did you mean `ping-timeout`?"
        );
        assert!(error("[limits]\nping-after = \"soon\"").contains("write a time like 30s"));
        assert!(error("max-clients = \"many\"").starts_with("line 1: "));
    }
}
