//! The times at which to try again. Pure: it is given its randomness and told when the connection was good.

use std::time::Duration;

/// The policy by which a client comes back after it lost its connection.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReconnectPolicy {
    /// Before the first attempt, on average.
    pub first_delay: Duration,
    /// No delay is longer.
    pub delay_max: Duration,
    /// Attempts in a row; `None`: without end, `Some(0)`: never.
    pub attempts_max: Option<u32>,
    /// A connection that lasted this long makes the next delay the first again.
    pub stable_after: Duration,
}

impl Default for ReconnectPolicy {
    /// After 1.5 s, then twice as long each time up to 5 minutes, without end; each delay ± 50 %, so
    /// that those who lost a server together do not come back together.
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(1500),
            delay_max: Duration::from_secs(300),
            attempts_max: None,
            stable_after: Duration::from_secs(60),
        }
    }
}

impl ReconnectPolicy {
    /// Once lost is lost.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts_max: Some(0), ..Self::default() }
    }

    /// The time to wait before attempt `attempt` (counted from 1) of reconnecting; `None`: give up.
    /// `random` is between 0 and 1.
    #[must_use]
    pub(crate) fn delay(&self, attempt: u32, random: f64) -> Option<Duration> {
        if self.attempts_max.is_some_and(|max| attempt > max) {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(16);
        let delay = self.first_delay.saturating_mul(1 << doublings).min(self.delay_max);
        Some(delay.mul_f64(0.5 + random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_spread_by_half() {
        let policy = ReconnectPolicy::default();
        for attempt in 1..40 {
            let middle = policy.delay(attempt, 0.5).unwrap();
            let expected = (1.5 * f64::from(2_u32.pow((attempt - 1).min(10)))).min(300.0);
            assert!((middle.as_secs_f64() - expected).abs() < 0.01, "{attempt}: {middle:?}");
            assert_eq!(policy.delay(attempt, 0.0).unwrap(), middle / 2);
            assert!(policy.delay(attempt, 1.0).unwrap() <= policy.delay_max.mul_f64(1.5));
        }
    }

    #[test]
    fn attempts_end_where_the_policy_says() {
        assert_eq!(ReconnectPolicy::never().delay(1, 0.5), None);
        let twice = ReconnectPolicy { attempts_max: Some(2), ..ReconnectPolicy::default() };
        assert!(twice.delay(2, 0.5).is_some());
        assert_eq!(twice.delay(3, 0.5), None);
    }
}
