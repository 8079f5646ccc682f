//! The codec of what the server loads when it starts: values in JSON, times, identities.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::room_log::Change;

/// Milliseconds since 1970.
pub(crate) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds of a day.
pub(crate) const SECONDS_OF_DAY: u64 = 24 * 60 * 60;

/// The day of a time, counted from 1970.
pub(crate) fn day_of(time: SystemTime) -> u64 {
    unix_seconds(time) / SECONDS_OF_DAY
}

/// The beginning of a day, counted from 1970.
pub(crate) fn beginning_of(day: u64) -> SystemTime {
    time_at(day.saturating_mul(SECONDS_OF_DAY * 1000))
}

/// The end of the year 9999, in milliseconds since 1970: no later time can be written as a date.
const LAST_MILLISECOND: u64 = 253_402_300_799_999;

/// The time at so many milliseconds since 1970, the latest that can be written if it is later.
pub(crate) fn time_at(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(milliseconds.min(LAST_MILLISECOND))
}

/// The time at so many seconds since 1970, if it can be written as a date.
pub(crate) fn second_at(seconds: u64) -> Option<SystemTime> {
    (seconds <= LAST_MILLISECOND / 1000).then(|| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A time that may be missing, in milliseconds since 1970.
pub(crate) mod optional_time {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(super::milliseconds).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(super::time_at))
    }
}

/// The change that sets `path` to `value`.
pub(crate) fn set(path: Arc<str>, value: &impl Serialize) -> Change {
    let value = serde_json::to_string(value).expect("words and numbers can be written as JSON");
    Change::Set { path, value: value.into() }
}

/// The value, as it is read.
///
/// # Errors
/// A sentence, if it is nothing that this version writes.
pub(crate) fn read<T: DeserializeOwned>(path: &[&str], value: &str) -> Result<T, String> {
    serde_json::from_str(value).map_err(|error| format!("{path:?} cannot be read: {error}"))
}

/// Seconds since 1970, as numerics tell times.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
