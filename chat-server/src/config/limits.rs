//! The section `limits` of the configuration file: numbers and times, each with a least one that serves anybody.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Limits, RateLimit};

/// The section `limits`; what each is, [`Limits`] says.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[allow(
    missing_docs,
    reason = "each is explained in docs/chat-server.toml, and where Config has it"
)]
// More than 12 fields: one for each key of the table.
pub struct LimitsFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_address: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exempt_addresses: Option<Vec<IpNet>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms_per_person: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_entries: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitored: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_keys: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whowas_entries: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiline_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiline_lines: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands_at_once: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands_per_second: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expensive_at_once: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expensive_per_second: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_page: Option<usize>,
    /// [`Limits::accounts_max`]
    pub accounts: Option<usize>,
    /// [`Limits::lasting_rooms_max`]
    pub lasting_rooms: Option<usize>,
    /// [`Limits::rooms_per_account_max`]
    pub rooms_per_account: Option<usize>,
    /// [`Limits::server_bans_max`]
    pub server_bans: Option<usize>,
    /// [`Limits::registrations_per_hour_max`]
    pub registrations_per_hour: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbox_pause_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbox_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub_queue: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_records: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_records_each: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append_timeout: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_timeout: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_after: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_timeout: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_pause: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_timeout: Option<Span>,
}

impl LimitsFile {
    /// What this says, and what `other` says where this says nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            per_address: self.per_address.or(other.per_address),
            exempt_addresses: self.exempt_addresses.or(other.exempt_addresses),
            rooms_per_person: self.rooms_per_person.or(other.rooms_per_person),
            targets: self.targets.or(other.targets),
            modes: self.modes.or(other.modes),
            list_entries: self.list_entries.or(other.list_entries),
            monitored: self.monitored.or(other.monitored),
            metadata_keys: self.metadata_keys.or(other.metadata_keys),
            subscriptions: self.subscriptions.or(other.subscriptions),
            whowas_entries: self.whowas_entries.or(other.whowas_entries),
            multiline_bytes: self.multiline_bytes.or(other.multiline_bytes),
            multiline_lines: self.multiline_lines.or(other.multiline_lines),
            commands_at_once: self.commands_at_once.or(other.commands_at_once),
            commands_per_second: self.commands_per_second.or(other.commands_per_second),
            expensive_at_once: self.expensive_at_once.or(other.expensive_at_once),
            expensive_per_second: self.expensive_per_second.or(other.expensive_per_second),
            replay: self.replay.or(other.replay),
            history_page: self.history_page.or(other.history_page),
            accounts: self.accounts.or(other.accounts),
            server_bans: self.server_bans.or(other.server_bans),
            lasting_rooms: self.lasting_rooms.or(other.lasting_rooms),
            rooms_per_account: self.rooms_per_account.or(other.rooms_per_account),
            registrations_per_hour: self.registrations_per_hour.or(other.registrations_per_hour),
            inbox_bytes: self.inbox_bytes.or(other.inbox_bytes),
            outbox_pause_bytes: self.outbox_pause_bytes.or(other.outbox_pause_bytes),
            outbox_bytes: self.outbox_bytes.or(other.outbox_bytes),
            mailbox_bytes: self.mailbox_bytes.or(other.mailbox_bytes),
            hub_queue: self.hub_queue.or(other.hub_queue),
            pending_records: self.pending_records.or(other.pending_records),
            pending_records_each: self.pending_records_each.or(other.pending_records_each),
            append_timeout: self.append_timeout.or(other.append_timeout),
            registration_timeout: self.registration_timeout.or(other.registration_timeout),
            ping_after: self.ping_after.or(other.ping_after),
            ping_timeout: self.ping_timeout.or(other.ping_timeout),
            text_pause: self.text_pause.or(other.text_pause),
            close_timeout: self.close_timeout.or(other.close_timeout),
        }
    }

    pub(super) fn of(limits: &Limits) -> Self {
        let flood = limits.flood;
        let expensive = limits.expensive;
        Self {
            per_address: limits.clients_per_address_max,
            exempt_addresses: Some(limits.exempt_addresses.clone()),
            rooms_per_person: Some(limits.rooms_per_person_max),
            targets: Some(limits.targets_max),
            modes: Some(limits.modes_max),
            list_entries: Some(limits.list_entries_max),
            monitored: Some(limits.monitored_max),
            metadata_keys: Some(limits.metadata_keys_max),
            subscriptions: Some(limits.subscriptions_max),
            whowas_entries: Some(limits.whowas_entries_max),
            multiline_bytes: Some(limits.multiline_bytes_max),
            multiline_lines: Some(limits.multiline_lines_max),
            commands_at_once: flood.map(|flood| flood.burst),
            commands_per_second: flood.map(|flood| flood.per_second),
            expensive_at_once: expensive.map(|flood| flood.burst),
            expensive_per_second: expensive.map(|flood| flood.per_second),
            replay: Some(limits.replay_max),
            history_page: Some(limits.history_page_max),
            accounts: Some(limits.accounts_max),
            server_bans: Some(limits.server_bans_max),
            lasting_rooms: Some(limits.lasting_rooms_max),
            rooms_per_account: Some(limits.rooms_per_account_max),
            registrations_per_hour: Some(limits.registrations_per_hour_max),
            inbox_bytes: Some(limits.inbox_bytes_max),
            outbox_pause_bytes: Some(limits.outbox_pause_bytes),
            outbox_bytes: Some(limits.outbox_bytes_max),
            mailbox_bytes: Some(limits.mailbox_bytes_max),
            hub_queue: Some(limits.hub_queue_max),
            pending_records: Some(limits.pending_records_max),
            pending_records_each: Some(limits.pending_records_each_max),
            append_timeout: Some(Span(limits.append_timeout)),
            registration_timeout: Some(Span(limits.registration_timeout)),
            ping_after: Some(Span(limits.ping_after)),
            ping_timeout: Some(Span(limits.ping_timeout)),
            text_pause: Some(Span(limits.text_pause)),
            close_timeout: Some(Span(limits.close_timeout)),
        }
    }

    pub(super) fn into_limits(self) -> Result<Limits, String> {
        self.check()?;
        let file = self.or(Self::of(&Limits::default()));
        let mut limits = Limits::default();
        let bucket = |burst: Option<f32>, per_second: Option<f32>| {
            Some(RateLimit { burst: burst?, per_second: per_second? })
        };
        limits.flood = bucket(file.commands_at_once, file.commands_per_second);
        limits.expensive = bucket(file.expensive_at_once, file.expensive_per_second);
        limits.clients_per_address_max = file.per_address;
        limits.exempt_addresses = file.exempt_addresses.unwrap_or_default();
        let numbers = [
            (&mut limits.rooms_per_person_max, file.rooms_per_person),
            (&mut limits.targets_max, file.targets),
            (&mut limits.modes_max, file.modes),
            (&mut limits.list_entries_max, file.list_entries),
            (&mut limits.monitored_max, file.monitored),
            (&mut limits.metadata_keys_max, file.metadata_keys),
            (&mut limits.subscriptions_max, file.subscriptions),
            (&mut limits.whowas_entries_max, file.whowas_entries),
            (&mut limits.multiline_bytes_max, file.multiline_bytes),
            (&mut limits.multiline_lines_max, file.multiline_lines),
            (&mut limits.replay_max, file.replay),
            (&mut limits.history_page_max, file.history_page),
            (&mut limits.accounts_max, file.accounts),
            (&mut limits.server_bans_max, file.server_bans),
            (&mut limits.lasting_rooms_max, file.lasting_rooms),
            (&mut limits.rooms_per_account_max, file.rooms_per_account),
            (&mut limits.inbox_bytes_max, file.inbox_bytes),
            (&mut limits.outbox_pause_bytes, file.outbox_pause_bytes),
            (&mut limits.outbox_bytes_max, file.outbox_bytes),
            (&mut limits.mailbox_bytes_max, file.mailbox_bytes),
            (&mut limits.hub_queue_max, file.hub_queue),
            (&mut limits.pending_records_max, file.pending_records),
            (&mut limits.pending_records_each_max, file.pending_records_each),
        ];
        for (limit, number) in numbers {
            *limit = number.unwrap_or(*limit);
        }
        limits.registrations_per_hour_max =
            file.registrations_per_hour.unwrap_or(limits.registrations_per_hour_max);
        let spans = [
            (&mut limits.append_timeout, file.append_timeout),
            (&mut limits.registration_timeout, file.registration_timeout),
            (&mut limits.ping_after, file.ping_after),
            (&mut limits.ping_timeout, file.ping_timeout),
            (&mut limits.text_pause, file.text_pause),
            (&mut limits.close_timeout, file.close_timeout),
        ];
        for (limit, span) in spans {
            *limit = span.map_or(*limit, |span| span.0);
        }
        Ok(limits)
    }

    /// # Errors
    /// A sentence about the first number with which nobody could be served.
    fn check(&self) -> Result<(), String> {
        let rates = [
            ("commands-at-once", self.commands_at_once, 1.0),
            ("commands-per-second", self.commands_per_second, 0.001),
            ("expensive-at-once", self.expensive_at_once, 1.0),
            ("expensive-per-second", self.expensive_per_second, 0.001),
        ];
        for (key, rate, least) in rates {
            if rate.is_some_and(|rate| !rate.is_finite() || rate < least) {
                return Err(format!("limits: {key} is a number of at least {least}"));
            }
        }
        let counts = [
            ("per-address", self.per_address, 1),
            ("rooms-per-person", self.rooms_per_person, 1),
            ("targets", self.targets, 1),
            ("modes", self.modes, 1),
            ("history-page", self.history_page, 1),
            ("inbox-bytes", self.inbox_bytes, 512),
            ("outbox-pause-bytes", self.outbox_pause_bytes, 1),
            ("outbox-bytes", self.outbox_bytes, 1 << 16),
            ("mailbox-bytes", self.mailbox_bytes, 1),
            ("hub-queue", self.hub_queue, 1),
            ("pending-records", self.pending_records, 1),
            ("pending-records-each", self.pending_records_each, 1),
        ];
        for (key, count, least) in counts {
            if count.is_some_and(|count| count < least) {
                return Err(format!("limits: {key} is a number of at least {least}"));
            }
        }
        let spans = [
            ("append-timeout", self.append_timeout),
            ("registration-timeout", self.registration_timeout),
            ("ping-after", self.ping_after),
            ("ping-timeout", self.ping_timeout),
        ];
        for (key, span) in spans {
            if span.is_some_and(|span| span.0 < Duration::from_millis(1)) {
                return Err(format!("limits: {key} is a time such as 30s"));
            }
        }
        Ok(())
    }
}

/// A time as people write it: `30s`, `5m`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |error| D::Error::custom(format!("{error}; write a time like 30s or 5m"));
        humantime::parse_duration(&text).map(Span).map_err(wrong)
    }
}
