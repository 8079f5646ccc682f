//! The cost of a process, as the kernel counts it.

use std::{fs, time::Duration};

/// A process that runs.
#[derive(Debug, Clone, Copy)]
pub struct Process(pub u32);

impl Process {
    /// Processor time of all its threads that are there, to the nanosecond.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn cpu(self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).expect("the server runs");
        let times = threads.filter_map(|thread| {
            // One that has just ended counts no more.
            fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()
        });
        times.map(|text| on_cpu(&text)).sum()
    }

    /// A line of its status, in bytes: `VmRSS`, what it has in memory now; `VmHWM`, the most it had.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn memory(self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(key)).expect("the kernel tells it");
        let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
        kib * 1024
    }
}

/// Processor time of the thread that asks.
///
/// # Panics
/// If the kernel does not count it.
#[must_use]
pub fn cpu_of_this_thread() -> Duration {
    on_cpu(&fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel counts"))
}

/// The first number: nanoseconds on a processor
/// (<https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat>).
fn on_cpu(schedstat: &str) -> Duration {
    let nanos = schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("the kernel counts in nanoseconds"))
}
