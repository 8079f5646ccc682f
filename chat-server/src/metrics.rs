//! Numbers about a running server, for whoever watches it. Written by the threads that know them, read
//! at the HTTP door (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds of the histogram of the hub's steps, in microseconds.
const STEP_BOUNDS: [u64; 8] = [10, 50, 100, 500, 1_000, 5_000, 25_000, 100_000];

/// Numbers about a server. All start at zero.
// More than 12 fields: one for each figure that is shown.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) connections: AtomicU64,
    pub(crate) connections_total: AtomicU64,
    pub(crate) turned_away_total: AtomicU64,
    pub(crate) closed_slow_total: AtomicU64,
    pub(crate) people: AtomicU64,
    pub(crate) rooms: AtomicU64,
    pub(crate) messages_total: AtomicU64,
    pub(crate) pending_records: AtomicU64,
    pub(crate) hub_queue: AtomicU64,
    pub(crate) refused_records_total: AtomicU64,
    pub(crate) mailbox_bytes: AtomicU64,
    pub(crate) inbox_bytes: AtomicU64,
    pub(crate) outbox_bytes: AtomicU64,
    pub(crate) password_queue: AtomicU64,
    steps: [AtomicU64; STEP_BOUNDS.len() + 1],
    steps_microseconds: AtomicU64,
}

impl Metrics {
    /// The hub has taken `time` for one input.
    pub(crate) fn note_step(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let index = STEP_BOUNDS.partition_point(|bound| *bound < microseconds);
        self.steps[index].fetch_add(1, Ordering::Relaxed);
        self.steps_microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// A change of a gauge: the bytes that wait on one connection were `before` and are `now`.
    pub(crate) fn note_waiting(gauge: &AtomicU64, before: usize, now: usize) {
        if now > before {
            gauge.fetch_add((now - before) as u64, Ordering::Relaxed);
        } else if now < before {
            gauge.fetch_sub((before - now) as u64, Ordering::Relaxed);
        }
    }

    /// All of them, as Prometheus reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let rows: [(&str, &str, &str, &AtomicU64); 14] = [
            ("chat_connections", "gauge", "Connections there are.", &self.connections),
            (
                "chat_connections_total",
                "counter",
                "Connections there have been.",
                &self.connections_total,
            ),
            (
                "chat_turned_away_total",
                "counter",
                "Connections there was no place for.",
                &self.turned_away_total,
            ),
            (
                "chat_closed_slow_total",
                "counter",
                "Connections closed because they read too slowly.",
                &self.closed_slow_total,
            ),
            ("chat_people", "gauge", "People who have registered.", &self.people),
            ("chat_rooms", "gauge", "Rooms there are.", &self.rooms),
            ("chat_messages_total", "counter", "Messages delivered.", &self.messages_total),
            (
                "chat_pending_records",
                "gauge",
                "Records on their way to the room log.",
                &self.pending_records,
            ),
            ("chat_hub_queue", "gauge", "Inputs that wait for the hub.", &self.hub_queue),
            (
                "chat_refused_records_total",
                "counter",
                "Records that could not be stored, and were not delivered.",
                &self.refused_records_total,
            ),
            (
                "chat_mailbox_bytes",
                "gauge",
                "Bytes on their way from the hub to the workers.",
                &self.mailbox_bytes,
            ),
            (
                "chat_inbox_bytes",
                "gauge",
                "Bytes that were read and wait for their turn.",
                &self.inbox_bytes,
            ),
            (
                "chat_outbox_bytes",
                "gauge",
                "Bytes that wait for their readers.",
                &self.outbox_bytes,
            ),
            (
                "chat_password_queue",
                "gauge",
                "Passwords that wait to be checked.",
                &self.password_queue,
            ),
        ];
        for (name, kind, help, value) in rows {
            let value = value.load(Ordering::Relaxed);
            // Writing to a string does not fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        self.write_steps(&mut text);
        text
    }

    fn write_steps(&self, text: &mut String) {
        let name = "chat_hub_step_seconds";
        let _ = writeln!(text, "# HELP {name} Time the hub takes for one input.");
        let _ = writeln!(text, "# TYPE {name} histogram");
        let mut count = 0;
        for (bucket, bound) in self.steps.iter().zip(STEP_BOUNDS) {
            count += bucket.load(Ordering::Relaxed);
            let seconds = Duration::from_micros(bound).as_secs_f64();
            let _ = writeln!(text, "{name}_bucket{{le=\"{seconds}\"}} {count}");
        }
        count += self.steps[STEP_BOUNDS.len()].load(Ordering::Relaxed);
        let sum = Duration::from_micros(self.steps_microseconds.load(Ordering::Relaxed));
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "{name}_sum {}\n{name}_count {count}", sum.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_fall_into_their_buckets() {
        let metrics = Metrics::default();
        for microseconds in [1, 10, 11, 200_000] {
            metrics.note_step(Duration::from_micros(microseconds));
        }
        let text = metrics.text();
        for line in [
            "chat_hub_step_seconds_bucket{le=\"0.00001\"} 2",
            "chat_hub_step_seconds_bucket{le=\"0.00005\"} 3",
            "chat_hub_step_seconds_bucket{le=\"0.1\"} 3",
            "chat_hub_step_seconds_bucket{le=\"+Inf\"} 4",
            "chat_hub_step_seconds_count 4",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} is not in {text}");
        }
    }
}
