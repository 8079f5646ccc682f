//! The address of a server: what people write, and what the system makes of it.

use std::net::ToSocketAddrs;

use crate::{
    error::ConfigError,
    proto::{Link, LinkError},
};

/// The port a server listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 53000;

/// A server's host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A link into a room, if that is where the server is to be found.
pub(super) fn read_link(server: &str) -> Result<Option<Link>, ConfigError> {
    let invalid = |why: String| ConfigError::Invalid { field: "address", why: why.into() };
    match server.parse::<Link>() {
        Ok(link) if link.is_secure => {
            Err(invalid("is spoken over TLS, which this program does not do yet".into()))
        }
        Ok(link) => Ok(Some(link)),
        // An address.
        Err(LinkError::Scheme) => Ok(None),
        Err(LinkError::NoRoom) if server.trim().starts_with("irc://") => Ok(None),
        Err(error) => Err(invalid(error.to_string())),
    }
}

/// `HOST`, `HOST:PORT`, `[V6]:PORT`, a bare IPv6 address, or nothing for this computer.
pub(super) fn parse_server(server: &str) -> Result<Address, ConfigError> {
    let invalid = |why: String| ConfigError::Invalid { field: "address", why: why.into() };
    let server = server.trim();
    let server = server.strip_prefix("irc://").unwrap_or(server).trim_end_matches('/');
    let (host, port) = if let Some(v6) = server.strip_prefix('[') {
        let (host, rest) =
            v6.split_once(']').ok_or_else(|| invalid(format!("{server} lacks a ]")))?;
        (host, rest.strip_prefix(':').or_else(|| (!rest.is_empty()).then_some(rest)))
    } else if server.matches(':').count() > 1 {
        (server, None)
    } else {
        match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        }
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            invalid(format!("has no port {port}: it is a number from 1 to 65535"))
        })?,
        None => DEFAULT_PORT,
    };
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
        return Err(invalid(format!("{host:?} is no host name")));
    }
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(Address { host: host.to_owned(), port })
}

/// The socket addresses of a server, from the system. Blocks for as long as the system takes.
pub(crate) fn resolve(address: &Address) -> std::io::Result<Vec<std::net::SocketAddr>> {
    let mut addresses: Vec<_> = (&*address.host, address.port).to_socket_addrs()?.collect();
    // Servers here listen on IPv4 unless told otherwise.
    addresses.sort_by_key(std::net::SocketAddr::is_ipv6);
    addresses.dedup();
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("", "localhost", 53000),
            ("  ", "localhost", 53000),
            (":6667", "localhost", 6667),
            ("example.org", "example.org", 53000),
            ("example.org:", "example.org", 53000),
            ("example.org:6667", "example.org", 6667),
            ("irc://example.org:6667/", "example.org", 6667),
            ("192.168.1.5:1", "192.168.1.5", 1),
            ("::1", "::1", 53000),
            ("[::1]", "::1", 53000),
            ("[::1]:7000", "::1", 7000),
        ] {
            let address = Address { host: host.to_owned(), port };
            assert_eq!(parse_server(text).unwrap(), address, "{text:?}");
        }
        for text in ["host:0", "host:65536", "host:abc", "[::1", "a b", "a/b", "[::1]x"] {
            assert!(parse_server(text).is_err(), "{text:?}");
        }
    }
}
