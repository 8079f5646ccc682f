//! The sentences that people read when something fails, and where.

use chat_core::{ConfigError, ConnectError};
use chat_server::StartError;

/// Something to be shown, at the field it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) field: Field,
    pub(crate) sentence: String,
}

/// The fields of the home page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Address,
    HostPort,
    Port,
}

impl From<ConnectError> for FieldError {
    fn from(error: ConnectError) -> Self {
        let field = match &error {
            ConnectError::Config(ConfigError::Invalid { why, .. }) if why.contains("port") => {
                Field::Port
            }
            _ => Field::Address,
        };
        Self { field, sentence: sentence(&error.to_string()) }
    }
}

impl From<StartError> for FieldError {
    fn from(error: StartError) -> Self {
        Self { field: Field::HostPort, sentence: sentence(&error.to_string()) }
    }
}

/// An error's text as a sentence, of a length that can be shown: a server may have written it.
pub(crate) fn sentence(text: &str) -> String {
    let text = &*crate::text::sentence(text);
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '?', '!', '…']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

/// The reason for which a connection that was there is gone.
pub(crate) fn lost(cause: &ConnectError) -> String {
    match cause {
        ConnectError::Closed(words) if **words == *chat_server::STOPPING => {
            "The room was closed by its host.".to_owned()
        }
        other => sentence(&other.to_string()),
    }
}

/// A port as typed; empty is the usual one. `may_be_any` allows 0, for any free one.
pub(crate) fn parse_port(text: &str, field: Field) -> Result<u16, FieldError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(chat_server::DEFAULT_PORT);
    }
    let may_be_any = field == Field::HostPort;
    text.parse().ok().filter(|port| may_be_any || *port != 0).ok_or_else(|| FieldError {
        field,
        sentence: "A port is a number from 1 to 65535.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_sentences() {
        assert_eq!(sentence("cannot connect"), "Cannot connect.");
        assert_eq!(sentence("is it running?"), "Is it running?");
    }

    #[test]
    fn only_a_host_that_stops_has_closed_the_room() {
        let lost = |words: &str| lost(&ConnectError::Closed(words.into()));
        assert_eq!(lost("The server is stopping"), "The room was closed by its host.");
        let slow = "The server closed the connection: You read too slowly.";
        assert_eq!(lost("You read too slowly"), slow);
    }

    #[test]
    fn ports_are_numbers() {
        assert_eq!(parse_port(" ", Field::Port), Ok(53000));
        assert_eq!(parse_port("6667", Field::Port), Ok(6667));
        assert_eq!(parse_port("0", Field::HostPort), Ok(0));
        for text in ["0", "70000", "x", "-1"] {
            assert!(parse_port(text, Field::Port).is_err(), "{text}");
        }
    }
}
