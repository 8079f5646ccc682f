//! The PROXY protocol, versions 1 and 2: a proxy that is trusted tells whose connection it passes on
//! (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>).

use std::{io, net::IpAddr};

use ppp::{HeaderResult, v1, v2};

/// Bytes of a header of version 1, and of version 2 with what proxies add.
const HEADER_BYTES_MAX: [usize; 2] = [107, 1024];

/// The beginnings of headers: version 1, and version 2.
const SIGNATURES: [&[u8]; 2] = [b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"];

/// A header of which not all has come.
#[derive(Debug, Default)]
pub(super) struct ProxyHeader(Vec<u8>);

/// A whole header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proxied {
    /// The address whose connection it is; `None`: the proxy's own.
    pub(super) source: Option<IpAddr>,
    /// The bytes that came behind it.
    pub(super) rest: Vec<u8>,
}

impl ProxyHeader {
    /// Takes bytes as they came.
    ///
    /// # Errors
    /// If they are no header.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<Option<Proxied>> {
        self.0.extend_from_slice(bytes);
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the proxy sent no header");
        let Some(n_bytes) = header_bytes(&self.0).map_err(|()| wrong())? else { return Ok(None) };
        let source = match &HeaderResult::parse(&self.0[..n_bytes]) {
            HeaderResult::V1(Ok(header)) => match header.addresses {
                v1::Addresses::Tcp4(addresses) => Some(addresses.source_address.into()),
                v1::Addresses::Tcp6(addresses) => Some(addresses.source_address.into()),
                v1::Addresses::Unknown => None,
            },
            HeaderResult::V2(Ok(header)) => match (header.command, header.addresses) {
                (v2::Command::Local, _) => None,
                (_, v2::Addresses::IPv4(addresses)) => Some(addresses.source_address.into()),
                (_, v2::Addresses::IPv6(addresses)) => Some(addresses.source_address.into()),
                _ => None,
            },
            _ => return Err(wrong()),
        };
        Ok(Some(Proxied { source, rest: self.0[n_bytes..].to_vec() }))
    }
}

/// The number of bytes of the header at the start of `bytes`; `None` while that, or all of it, has not come.
fn header_bytes(bytes: &[u8]) -> Result<Option<usize>, ()> {
    let begins = |signature: &[u8]| {
        let n = bytes.len().min(signature.len());
        bytes[..n] == signature[..n]
    };
    let [has_line, has_length] = SIGNATURES.map(begins);
    let end = if has_line {
        bytes.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 2)
    } else if has_length {
        // Behind the signature: version and command, family, and the length of the rest.
        bytes.get(14..16).map(|length| 16 + usize::from(u16::from_be_bytes([length[0], length[1]])))
    } else {
        return Err(());
    };
    let max = HEADER_BYTES_MAX[usize::from(!has_line)];
    if end.unwrap_or(bytes.len()) > max {
        return Err(());
    }
    Ok(end.filter(|end| *end <= bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_in_pieces_and_leave_the_rest() {
        let whole = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 6667\r\nNICK a\r\n";
        for cut in 1..whole.len() {
            let mut header = ProxyHeader::default();
            let read = match header.push(&whole[..cut]).unwrap() {
                Some(read) => Proxied { rest: [&read.rest, &whole[cut..]].concat(), ..read },
                None => header.push(&whole[cut..]).unwrap().unwrap(),
            };
            let source = Some("203.0.113.7".parse().unwrap());
            assert_eq!(read, Proxied { source, rest: b"NICK a\r\n".to_vec() }, "cut at {cut}");
        }
        let mut six = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24".to_vec();
        let address: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
        six.extend(address.octets().iter().chain(&address.octets()).chain(&[0, 1, 0, 2]));
        let read = ProxyHeader::default().push(&six).unwrap().unwrap();
        assert_eq!(read, Proxied { source: Some(address.into()), rest: Vec::new() });
        let unknown = ProxyHeader::default().push(b"PROXY UNKNOWN\r\n").unwrap().unwrap();
        assert_eq!(unknown.source, None);
        for wrong in [&b"NICK a\r\n"[..], b"PROXY TCP4 nonsense\r\n", &[b'P'; 2000]] {
            assert!(ProxyHeader::default().push(wrong).is_err());
        }
    }
}
