//! `WEBIRC` (<https://ircv3.net/specs/extensions/webirc>): a gateway tells whose connection it passes on.

use std::{net::IpAddr, sync::Arc};

use crate::{
    auth::same_secret,
    config::Gateway,
    hub::{Hub, effect::Effect, replies::incidents::WrongSecret, state::guesser::LoginSubject},
    ids::{ConnId, host_text},
    settings::Privacy,
};

impl Hub {
    /// `options` are words with values or without.
    pub(crate) fn webirc(&mut self, conn: ConnId, password: &str, address: &str, options: &str) {
        let guess = match self.take_guess(conn, LoginSubject::Gateway) {
            Ok(guess) => guess,
            Err(why) => {
                self.forget_newcomer(conn);
                return self.out.push(Effect::Close { conn, reason: why.into(), label: None });
            }
        };
        let Some(newcomer) = self.people.newcomer(conn) else { return };
        let from: Option<IpAddr> = newcomer.host.parse().ok();
        let is_it = |gateway: &Gateway| {
            let is_near = |from: IpAddr| gateway.addresses.iter().any(|net| net.contains(&from));
            let is_right = same_secret(&gateway.password, password);
            is_right && from.is_some_and(is_near)
        };
        // All are looked at, so that the time tells nothing.
        let is_gateway = self.settings.gateways.iter().filter(|own| is_it(own)).count() > 0;
        if is_gateway {
            self.guess_was_right(&guess);
        }
        let Some(address) = address.parse().ok().filter(|_| is_gateway) else {
            self.report_wrong(conn, WrongSecret::Gateway);
            self.forget_newcomer(conn);
            let reason = "WEBIRC is for gateways, with their password and an address".into();
            return self.out.push(Effect::Close { conn, reason, label: None });
        };
        let Some(newcomer) = self.people.newcomer_mut(conn) else { return };
        let mut options = options.split(' ').map(|word| word.split_once('=').unwrap_or((word, "")));
        newcomer.host = host_text(address);
        // "only if this flag is sent and the connection from the gateway is also secure"
        let is_secure = options.clone().any(|(name, _)| name == "secure");
        newcomer.is_secure &= is_secure;
        // The way to the gateway counts as well as the one from there.
        if newcomer.privacy != Privacy::Open {
            newcomer.privacy = Privacy::of(is_secure, address);
        }
        let fingerprint = options.find(|(name, _)| *name == "certfp-sha-256");
        // Who could be read on the way has shown no certificate.
        let fingerprint = fingerprint.filter(|_| newcomer.is_secure);
        newcomer.fingerprint = fingerprint.map(|(_, value)| Arc::from(value));
        self.out.push(Effect::PassOn { conn, address });
    }
}
