//! The notation of the configuration file: how values that TOML has no kind for are written and read. Nothing here
//! knows a key.

use std::time::Duration;

use chat_core::proto::{RoomName, ServerName};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A time as people write it: `30s`, `5m`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |error| D::Error::custom(format!("{error}; write a time like 30s or 5m"));
        humantime::parse_duration(&text).map(Self).map_err(wrong)
    }
}

/// A [`Duration`] that is written as a [`Span`].
pub(crate) mod span {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, Span};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        Span(*time).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Span::deserialize(from).map(|Span(time)| time)
    }
}

/// A [`RoomName`], which may be written without its `#`.
pub(crate) mod room_name {
    use super::{Deserialize, Deserializer, Error, RoomName, Serializer};

    pub(crate) fn serialize<S: Serializer>(name: &RoomName, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(name)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RoomName, D::Error> {
        let text = String::deserialize(from)?;
        let room = if text.starts_with('#') { text } else { format!("#{text}") };
        RoomName::new(&room).map_err(|error| D::Error::custom(format!("the room {room}: {error}")))
    }
}

/// A [`ServerName`].
pub(crate) mod server_name {
    use super::{Deserialize, Deserializer, Error, Serializer, ServerName};

    pub(crate) fn serialize<S: Serializer>(name: &ServerName, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(name)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ServerName, D::Error> {
        let name = String::deserialize(from)?;
        ServerName::new(&name).map_err(|error| {
            D::Error::custom(format!(
                "the server's name {name}: {error}; write one like chat.example.org"
            ))
        })
    }
}

/// Whether nothing need be written of a value, since nobody has set it.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
