//! A token bucket: so much at once, so much a second after that.

use std::time::{Duration, Instant};

use crate::config::Flood;

/// Pure: `now` is an argument.
#[derive(Debug)]
pub(super) struct Throttle {
    flood: Option<Flood>,
    tokens: f32,
    counted: Instant,
}

impl Throttle {
    pub(super) fn new(flood: Option<Flood>, now: Instant) -> Self {
        Self { flood, tokens: flood.map_or(0.0, |flood| flood.burst), counted: now }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// When there will be one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let Some(Flood { burst, per_second }) = self.flood else { return Ok(()) };
        let elapsed = now.saturating_duration_since(self.counted).as_secs_f32();
        self.tokens = (self.tokens + elapsed * per_second).min(burst);
        self.counted = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // A millisecond more than it takes, so that rounding cannot make the waiter turn in vain.
        let wait = Duration::from_secs_f32((1.0 - self.tokens) / per_second);
        Err(now + wait + Duration::from_millis(1))
    }

    /// From here on another limit holds.
    pub(super) fn renew(&mut self, flood: Option<Flood>) {
        let burst = flood.map_or(0.0, |flood| flood.burst);
        self.tokens = if self.flood.is_some() { self.tokens.min(burst) } else { burst };
        self.flood = flood;
    }

    /// The latest one was not due.
    pub(super) fn give_back(&mut self) {
        self.tokens += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let mut throttle = Throttle::new(Some(Flood { burst: 3.0, per_second: 2.0 }), start);
        let mut now = start;
        for _ in 0..3 {
            assert_eq!(throttle.take(now), Ok(()));
        }
        for n in 1..=10 {
            let at = throttle.take(now).unwrap_err();
            now = at;
            assert_eq!(throttle.take(now), Ok(()));
            let waited = (now - start).as_secs_f32();
            assert!((waited - n as f32 * 0.5).abs() < 0.05, "{n} more took {waited} s");
        }
    }

    #[test]
    fn without_a_limit_all_pass() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let mut throttle = Throttle::new(None, start);
        assert!((0..10_000).all(|_| throttle.take(start).is_ok()));
    }
}
