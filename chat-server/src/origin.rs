//! The networks that an address counts for, wherever something is shared out by address.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The networks of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The network of one subscriber: an IPv4 address, or an IPv6 /64.
    pub(crate) near: IpNet,
    /// The network that who rents many addresses has of them: a /24 of IPv4, a /48 of IPv6.
    pub(crate) wide: IpNet,
}

impl Origin {
    /// The origin of what comes from `address`.
    pub(crate) fn of(address: IpAddr) -> Self {
        let [near, wide] = match address.to_canonical() {
            IpAddr::V4(own) => [32, 24].map(|bits| Ipv4Net::new_assert(own, bits).trunc().into()),
            IpAddr::V6(own) => [64, 48].map(|bits| Ipv6Net::new_assert(own, bits).trunc().into()),
        };
        Self { near, wide }
    }

    /// The origin of a host as [`crate::ids::host_text`] writes it. What is no address, as it can be without sockets
    /// only, is all of one origin.
    pub(crate) fn of_host(host: &str) -> Self {
        Self::of(host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// The network that counts as that of one person: of IPv6 a /48, since many a one gets a whole one.
    pub(crate) fn of_one(self) -> IpNet {
        if self.may_be_one() { self.wide } else { self.near }
    }

    /// Whether one subscriber may have all of the wide network: a /48 is what many a one gets, the neighbours in a /24
    /// are strangers to each other.
    pub(crate) fn may_be_one(self) -> bool {
        matches!(self.wide, IpNet::V6(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_one_network() {
        let near = |host: &str| Origin::of_host(host).near;
        let wide = |host: &str| Origin::of_host(host).wide;
        assert_eq!(near("192.0.2.1").to_string(), "192.0.2.1/32");
        assert_eq!(wide("192.0.2.1").to_string(), "192.0.2.0/24");
        assert_eq!(near("2001:db8::1"), near("2001:db8::2:3:4:5"));
        assert_ne!(near("2001:db8::1"), near("2001:db8:0:1::1"));
        assert_eq!(wide("2001:db8::1"), wide("2001:db8:0:1::1"));
        assert_ne!(wide("2001:db8::1"), wide("2001:db8:1::1"));
        // As hosts are written that would begin with a colon, and addresses that are of both kinds.
        assert_eq!(near("0::1"), near("::2"));
        assert_eq!(near("::ffff:192.0.2.1"), near("192.0.2.1"));
        assert_eq!(near("nowhere"), near("0.0.0.0"));
    }
}
