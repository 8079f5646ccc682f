//! The server's public address, as it is told to others.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use crate::{
    config::Config,
    net::listener_kind::ListenerKind,
    settings::PublicAddress,
    tls::{Certificates, TlsSource},
};

/// The public address of the server, by what it listens on.
#[derive(Debug, Clone)]
pub(crate) struct PublicAddressSource {
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) addresses: Vec<(ListenerKind, SocketAddr)>,
}

impl PublicAddressSource {
    /// The public address as it is now.
    pub(crate) fn now(&self, config: &Config) -> PublicAddress {
        let at = |gate: ListenerKind| self.addresses.iter().find(|(own, _)| *own == gate);
        let secure = at(ListenerKind::IRC_OVER_TLS);
        let address = secure
            .or_else(|| at(ListenerKind::IRC))
            .map(|(_, address)| shared(*address).to_string());
        let is_own = matches!(config.tls, Some(TlsSource::SelfSigned { .. }));
        let certificates = self.certificates.as_ref().filter(|_| is_own && secure.is_some());
        PublicAddress {
            is_secure: secure.is_some(),
            address: config.public_address.clone().or(address).unwrap_or_default(),
            fingerprint: certificates.map(|certificates| certificates.fingerprint()),
        }
    }
}

/// The address at which programs on this computer find who listens at `address`.
pub(crate) fn own(address: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = match address.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let ip = if address.ip().is_unspecified() { loopback } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

/// The address at which others find them: if it is every address, the one this computer has in its network, as far as
/// the system knows.
pub(crate) fn shared(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    // Connecting a datagram socket sends nothing; it only asks the system which way it would go.
    let asked = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    let routed = asked.ok().map(|own| own.ip());
    // A network without a way out has none; its addresses are listed all the same.
    let listed = if_addrs::get_if_addrs().unwrap_or_default();
    let listed = listed.iter().map(if_addrs::Interface::ip);
    match most_shareable(routed, listed) {
        Some(ip) => SocketAddr::new(ip, address.port()),
        None => own(address),
    }
}

/// Of the address from which this computer reaches others and all it has, the one that others most
/// likely reach it at: in a private network before a public one, the routed one first.
fn most_shareable(routed: Option<IpAddr>, listed: impl Iterator<Item = IpAddr>) -> Option<IpAddr> {
    let is_usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(_) => false,
    };
    let is_private = |ip: &IpAddr| matches!(ip, IpAddr::V4(ip) if ip.is_private());
    let all: Vec<IpAddr> = routed.into_iter().chain(listed).filter(is_usable).collect();
    all.iter().find(|ip| is_private(ip)).or_else(|| all.first()).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_address_to_share_is_one_that_others_reach() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let shared = |routed: Option<&str>, listed: &[&str]| {
            most_shareable(routed.map(ip), listed.iter().map(|text| ip(text)))
        };
        assert_eq!(
            shared(Some("192.168.1.5"), &["127.0.0.1", "10.0.0.2"]),
            Some(ip("192.168.1.5"))
        );
        // No way out.
        assert_eq!(shared(None, &["127.0.0.1", "169.254.0.9", "10.0.0.2"]), Some(ip("10.0.0.2")));
        assert_eq!(shared(Some("203.0.113.7"), &["127.0.0.1", "10.0.0.2"]), Some(ip("10.0.0.2")));
        assert_eq!(shared(Some("203.0.113.7"), &["127.0.0.1"]), Some(ip("203.0.113.7")));
        assert_eq!(shared(None, &["127.0.0.1", "::1"]), None);
    }
}
