//! Cloaks: what others see in the place of the address that somebody comes from. They follow from the address and the server's
//! secret, so that the same address has the same cloak, also after a restart, and nobody else can go back from one to the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chat_core::scram::hmac;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::auth::scram::Key;

/// The last part of every cloak.
const END: &str = "cloak";

/// Signs of a part: five bits each.
const SIGNS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Signs of a part, which are 50 bits.
const PART_SIGNS: usize = 10;

/// The networks that a cloak has a part for, the narrowest first.
const BITS_OF_4: [u8; 3] = [32, 24, 16];
const BITS_OF_6: [u8; 3] = [64, 48, 32];

/// The cloak of a host as [`crate::ids::host_text`] writes it: a part for the address (of IPv6, for the /64 that one subscriber has),
/// one for the /24 or /48 it is in, and one for the /16 or /32, so that `*!*@*.PART.PART.cloak` is all of one network.
pub(crate) fn cloak(secret: &Key, host: &str) -> Box<str> {
    let parts = match host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical() {
        IpAddr::V4(own) => BITS_OF_4.map(|bits| part(secret, net_of_4(own, bits))),
        IpAddr::V6(own) => BITS_OF_6.map(|bits| part(secret, net_of_6(own, bits))),
    };
    format!("{}.{END}", parts.join(".")).into()
}

fn net_of_4(address: Ipv4Addr, bits: u8) -> IpNet {
    Ipv4Net::new_assert(address, bits).trunc().into()
}

fn net_of_6(address: Ipv6Addr, bits: u8) -> IpNet {
    Ipv6Net::new_assert(address, bits).trunc().into()
}

fn part(secret: &Key, net: IpNet) -> String {
    let hash = hmac(secret, format!("cloak:{net}").as_bytes());
    let number = hash[..8].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    let sign = |index: usize| char::from(SIGNS[(number >> (5 * index)) as usize % SIGNS.len()]);
    (0..PART_SIGNS).map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(secret: u8, host: &str) -> Vec<String> {
        let cloak = cloak(&[secret; 32], host);
        let parts: Vec<String> = cloak.split('.').map(str::to_owned).collect();
        assert!(parts.len() == 4 && parts[3] == END && cloak.len() <= 63, "{cloak}");
        parts
    }

    #[test]
    fn a_cloak_is_the_same_for_the_same_and_alike_for_neighbours() {
        let own = parts(1, "192.0.2.7");
        assert_eq!(parts(1, "192.0.2.7"), own);
        assert_eq!(parts(1, "::ffff:192.0.2.7"), own);
        let near = parts(1, "192.0.2.8");
        assert!(near[0] != own[0] && near[1..] == own[1..], "{near:?} {own:?}");
        let wide = parts(1, "192.0.3.7");
        assert!(wide[0] != own[0] && wide[1] != own[1] && wide[2..] == own[2..]);
        let far = parts(1, "198.51.100.7");
        assert!(far.iter().zip(&own).take(3).all(|(one, other)| one != other));
        assert!(parts(2, "192.0.2.7").iter().zip(&own).take(3).all(|(one, other)| one != other));
        // A subscriber of IPv6 has a /64 for themselves.
        let own = parts(1, "2001:db8::1");
        assert_eq!(parts(1, "2001:db8::2:3:4:5"), own);
        let near = parts(1, "2001:db8:0:1::1");
        assert!(near[0] != own[0] && near[1..] == own[1..]);
        assert_ne!(parts(1, "2001:db8:1::1")[1], own[1]);
        assert_eq!(parts(1, "2001:db8:1::1")[2], own[2]);
        // As hosts are written that would begin with a colon.
        assert_eq!(parts(1, "0::1"), parts(1, "::2"));
    }
}
