//! Settings in force: the part of the configuration that sessions and the hub see. They are replaced whole, never changed.

use std::{net::IpAddr, sync::Arc};

use chat_core::proto::{
    Capability, METADATA_KEY_BYTES_MAX, METADATA_VALUE_BYTES_MAX, RoomName, ServerName,
};

use crate::{
    auth::{MECHANISMS, PRIVATE_MECHANISMS},
    config::{Account, Admin, Config, DEFAULT_PORT, Gateway, Limits, Oper, Sts},
    metrics::Metrics,
    retention::Retention,
    room_log::LogHealth,
};

/// The part of the configuration that sessions and the hub see.
// More than 12 fields: one for each setting that sessions and the hub need.
#[derive(Debug)]
pub struct Settings {
    /// [`Config::name`]
    pub name: ServerName,
    /// [`Config::network`]
    pub network: String,
    /// [`Config::description`]
    pub description: Option<String>,
    /// [`Config::network_icon`]
    pub network_icon: Option<String>,
    /// The public address, which links into its rooms begin with.
    pub reached: PublicAddress,
    /// [`Config::room`]
    pub room: RoomName,
    /// [`Config::room_operators`]
    pub room_operators: Vec<String>,
    /// [`Config::auto_join`]
    pub auto_join: bool,
    /// [`Config::password`]
    pub password: Option<String>,
    /// [`Config::motd`], in lines
    pub motd: Vec<String>,
    /// [`Config::admin`]
    pub admin: Option<Admin>,
    /// [`Config::opers`]
    pub opers: Vec<Oper>,
    /// [`Config::accounts`]
    pub accounts: Vec<Account>,
    /// [`Config::registration`]
    pub registration: bool,
    /// [`Config::registration_before_connect`]
    pub registration_before_connect: bool,
    /// Whether something here is spoken over TLS.
    pub speaks_tls: bool,
    /// [`Config::plain_passwords`]
    pub plain_passwords: bool,
    /// [`Config::cloaks`]
    pub cloaks: bool,
    /// [`Config::reserved_names`]
    pub reserved_names: Vec<String>,
    /// [`Config::web_socket_origins`]
    pub web_socket_origins: Vec<String>,
    /// [`Config::gateways`]
    pub gateways: Vec<Gateway>,
    /// Numbers about this server.
    pub metrics: Arc<Metrics>,
    /// The health of its log.
    pub log_health: Arc<LogHealth>,
    /// [`Config::sts`]
    pub sts: Option<Sts>,
    /// [`Config::exit_when_empty`]
    pub exit_when_empty: bool,
    /// [`Config::limits`]
    pub limits: Limits,
    /// [`Config::retention`]
    pub retention: Retention,
    /// Whether what was said before can be asked for.
    pub keeps_history: bool,
    /// Worker threads.
    pub n_workers: u16,
}

impl Settings {
    /// The house that `config` describes, under the names and with the workers and numbers of this one.
    #[must_use]
    pub fn renewed(&self, config: &Config, reached: PublicAddress) -> Arc<Self> {
        Arc::new(Self {
            name: self.name.clone(),
            network: self.network.clone(),
            reached,
            metrics: Arc::clone(&self.metrics),
            log_health: Arc::clone(&self.log_health),
            keeps_history: self.keeps_history,
            speaks_tls: self.speaks_tls,
            ..Self::of(config, self.n_workers)
        })
    }

    /// The description of this server.
    pub(crate) fn described(&self) -> &str {
        self.description.as_deref().unwrap_or(&self.network)
    }

    /// Whether passwords are taken in the clear on such a connection: not where others can read them on the way, though
    /// they could come over TLS.
    #[must_use]
    pub fn takes_passwords(&self, privacy: Privacy) -> bool {
        privacy != Privacy::Open || !self.speaks_tls || self.plain_passwords
    }

    /// The mechanisms of SASL there are on such a connection.
    pub(crate) fn mechanisms(&self, privacy: Privacy) -> &'static str {
        if self.takes_passwords(privacy) { MECHANISMS } else { PRIVATE_MECHANISMS }
    }

    /// The value with which a capability is offered on such a connection, if it is offered.
    #[must_use]
    pub fn offers(&self, capability: Capability, privacy: Privacy) -> Option<Option<String>> {
        match capability {
            Capability::Metadata2 | Capability::Metadata3 => {
                let Limits { metadata_keys_max, subscriptions_max, .. } = self.limits;
                let mut value =
                    format!("max-subs={subscriptions_max},max-keys={metadata_keys_max}");
                if capability == Capability::Metadata3 {
                    value += &format!(",max-key-bytes={METADATA_KEY_BYTES_MAX}");
                }
                value += &format!(",max-value-bytes={METADATA_VALUE_BYTES_MAX}");
                Some(Some(value))
            }
            Capability::Multiline => {
                let (n_bytes, n_lines) =
                    (self.limits.multiline_bytes_max, self.limits.multiline_lines_max);
                Some(Some(format!("max-bytes={n_bytes},max-lines={n_lines}")))
            }
            Capability::Changes
            | Capability::ChatHistory
            | Capability::Edit
            | Capability::EventPlayback
            | Capability::MessageRedaction
            | Capability::Nonce
            | Capability::Search
            | Capability::SojuSearch
                if !self.keeps_history =>
            {
                None
            }
            // "Servers MUST NOT advertise the sasl capability if the authentication layer is
            // unavailable." (sasl-3.2)
            Capability::Sasl if self.accounts.is_empty() && !self.registration => None,
            Capability::AccountRegistration
                if !self.registration || !self.takes_passwords(privacy) =>
            {
                None
            }
            Capability::AccountRegistration if self.registration_before_connect => {
                Some(Some("before-connect".to_owned()))
            }
            Capability::Sasl => Some(Some(self.mechanisms(privacy).to_owned())),
            // Insecure, it says where to come again; secure, for how long not to come otherwise.
            Capability::Sts => match (self.sts?, privacy) {
                (sts, Privacy::Local | Privacy::Open) => Some(Some(format!("port={}", sts.port))),
                (sts, Privacy::Secure) => {
                    Some(Some(format!("duration={}", sts.duration.as_secs())))
                }
            },
            _ => Some(None),
        }
    }

    /// The house that `config` describes, with `n_workers` worker threads.
    #[must_use]
    pub fn new(config: &Config, n_workers: u16) -> Arc<Self> {
        Arc::new(Self::of(config, n_workers))
    }

    /// Settings of a server whose history can be asked for.
    #[must_use]
    pub fn with_history(config: &Config, n_workers: u16) -> Arc<Self> {
        Arc::new(Self { keeps_history: true, ..Self::of(config, n_workers) })
    }

    pub(crate) fn of(config: &Config, n_workers: u16) -> Self {
        Self {
            name: config.name.clone(),
            network: config.network.clone(),
            description: config.description.clone(),
            network_icon: config.network_icon.clone(),
            reached: PublicAddress::of(config),
            room: config.room.clone(),
            room_operators: config.room_operators.clone(),
            auto_join: config.auto_join,
            password: config.password.clone(),
            motd: config
                .motd
                .iter()
                .flat_map(|text| text.lines())
                .map(|line| line.replace(['\0', '\r'], ""))
                .collect(),
            admin: config.admin.clone(),
            opers: config.opers.clone(),
            accounts: config.accounts.clone(),
            registration: config.registration,
            registration_before_connect: config.registration_before_connect,
            speaks_tls: !config.tls_listen.is_empty() || !config.web_socket_tls_listen.is_empty(),
            plain_passwords: config.plain_passwords,
            cloaks: config.cloaks,
            reserved_names: config.reserved_names.clone(),
            web_socket_origins: config.web_socket_origins.clone(),
            gateways: config.gateways.clone(),
            log_health: Arc::default(),
            metrics: Arc::default(),
            sts: config.sts,
            exit_when_empty: config.exit_when_empty,
            limits: config.limits.clone(),
            retention: config.retention.clone(),
            keeps_history: false,
            n_workers,
        }
    }
}

/// The privacy of a connection: whether others can read on the way what is said on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Privacy {
    /// Others can read it.
    #[default]
    Open,
    /// Nobody can: it comes from this computer.
    Local,
    /// Nobody else can: it comes over TLS.
    Secure,
}

impl Privacy {
    /// The privacy of a connection from `address`.
    #[must_use]
    pub fn of(is_secure: bool, address: IpAddr) -> Self {
        match (is_secure, address.to_canonical().is_loopback()) {
            (true, _) => Self::Secure,
            (false, true) => Self::Local,
            (false, false) => Self::Open,
        }
    }
}

/// The address at which people elsewhere find a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// Over TLS.
    pub is_secure: bool,
    /// `HOST:PORT`
    pub address: String,
    /// The SHA-256 fingerprint of its certificate, in hexadecimal, if nobody but the server has signed it.
    pub fingerprint: Option<String>,
}

impl PublicAddress {
    /// The public address, as far as the configuration says.
    fn of(config: &Config) -> Self {
        let address = config.public_address.clone();
        Self {
            is_secure: !config.tls_listen.is_empty(),
            address: address.unwrap_or_else(|| format!("localhost:{DEFAULT_PORT}")),
            fingerprint: None,
        }
    }
}
