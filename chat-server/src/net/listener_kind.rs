//! Kinds of listening sockets.

use crate::hub::Door;

/// The way in which those speak who come to a listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenerKind {
    pub(crate) door: Door,
    pub(crate) is_tls: bool,
    pub(crate) is_web_socket: bool,
}

impl ListenerKind {
    pub(crate) const IRC: Self = Self { door: Door::Irc, is_tls: false, is_web_socket: false };
    pub(crate) const TEXT: Self = Self { door: Door::Text, ..Self::IRC };
    pub(crate) const IRC_OVER_TLS: Self = Self { is_tls: true, ..Self::IRC };
    pub(crate) const HTTP: Self = Self { door: Door::Http, ..Self::IRC };
    pub(crate) const WEB_SOCKET: Self = Self { is_web_socket: true, ..Self::IRC };
    pub(crate) const WEB_SOCKET_OVER_TLS: Self = Self { is_web_socket: true, ..Self::IRC_OVER_TLS };
}
