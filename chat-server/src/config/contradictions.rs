//! Settings that cannot do what they say, about where is listened and who is believed: said at the start, in words,
//! before somebody relies on them.

use super::Config;

/// # Errors
/// A sentence about the first setting that cannot do what it says.
pub(crate) fn check(config: &Config) -> Result<(), String> {
    check_tls(config)?;
    check_origins(config)?;
    if config.proxies.iter().any(|proxy| proxy.prefix_len() == 0) {
        return Err("proxies names everybody, who could then come as anybody: name the networks of your proxies"
            .to_owned());
    }
    for gateway in &config.gateways {
        if gateway.password.is_empty() || gateway.addresses.is_empty() {
            return Err(
                "a gateway has a password and addresses that it comes from, or nobody could be it"
                    .to_owned(),
            );
        }
    }
    match config.opers.iter().find(|oper| oper.password.is_empty() || oper.name.is_empty()) {
        Some(oper) => Err(format!(
            "the operator {:?} has no name or no password, so nobody could become it: `chat-server hash` makes one",
            oper.name
        )),
        None => Ok(()),
    }
}

fn check_tls(config: &Config) -> Result<(), String> {
    let speaks_tls = !config.tls_listen.is_empty() || !config.web_socket_tls_listen.is_empty();
    if config.tls.is_some() && !speaks_tls {
        return Err(
            "there is a certificate and nothing listens for TLS: set tls-listen or websocket-tls-listen"
                .to_owned(),
        );
    }
    if config.tls.is_none() && !config.named_certificates.is_empty() {
        return Err(
            "sni has certificates for names, and there is none for everybody else: set certificate or self-signed"
                .to_owned(),
        );
    }
    let Some(sts) = &config.sts else { return Ok(()) };
    if sts.port == 0 {
        return Err(
            "sts: no program can connect to port 0: write the port at which others reach TLS"
                .to_owned(),
        );
    }
    // A proxy before it may be the one that speaks TLS.
    if config.tls_listen.is_empty() && config.proxies.is_empty() {
        return Err(
            "sts tells programs to use TLS alone, and nothing here speaks it: set tls-listen"
                .to_owned(),
        );
    }
    Ok(())
}

fn check_origins(config: &Config) -> Result<(), String> {
    let Some(first) = config.web_socket_origins.first() else { return Ok(()) };
    if config.web_socket_listen.is_empty() && config.web_socket_tls_listen.is_empty() {
        return Err(format!(
            "websocket-origins allows {first}, and nothing listens for WebSockets: set websocket-listen or websocket-tls-listen"
        ));
    }
    let is_origin = |origin: &&String| match origin.split_once("://") {
        Some((scheme, host)) => {
            let is_named = !host.is_empty() || scheme.eq_ignore_ascii_case("file");
            !scheme.is_empty()
                && is_named
                && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@*".contains(&byte))
        }
        None => matches!(&***origin, "*" | "null"),
    };
    match config.web_socket_origins.iter().find(|origin| !is_origin(origin)) {
        Some(wrong) => Err(format!(
            "websocket-origins: no browser names itself {wrong:?}: write it like https://chat.example.org, without a path, or \"*\" for every page"
        )),
        None => Ok(()),
    }
}
