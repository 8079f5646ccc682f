//! A token bucket: so much at once, so much a second after that.

use std::time::{Duration, Instant};

use crate::config::RateLimit;

/// Pure: `now` is an argument.
///
/// Kept as one point in time (the generic cell rate algorithm): each token that is taken puts off when the bucket is
/// full again by the time that it takes to make one.
#[derive(Debug)]
pub(super) struct Throttle {
    full_from: Instant,
}

/// More than all that is lost in counting with fractions.
const ROUNDING: Duration = Duration::from_millis(1);

/// The time it takes to make so many tokens; a limit that is next to none may say years.
fn time_of(n_tokens: f32, flood: RateLimit) -> Duration {
    const YEARS: Duration = Duration::from_secs(1 << 30);
    Duration::try_from_secs_f32(n_tokens / flood.per_second).map_or(YEARS, |time| time.min(YEARS))
}

impl Throttle {
    pub(super) fn new(now: Instant) -> Self {
        Self { full_from: now }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// When there will be one.
    pub(super) fn take(&mut self, flood: Option<RateLimit>, now: Instant) -> Result<(), Instant> {
        let Some(flood) = flood else { return Ok(()) };
        // What is rounded away must not cost the last token of a burst.
        let (one, others) = (time_of(1.0, flood), time_of(flood.burst - 1.0, flood) + ROUNDING);
        // Nobody owes more than an empty bucket, also when another limit held until now.
        self.full_from = self.full_from.clamp(now, now + others + one);
        if self.full_from <= now + others {
            self.full_from += one;
            return Ok(());
        }
        // Nor make the waiter turn in vain.
        Err(self.full_from - others + 2 * ROUNDING)
    }

    /// The latest one was not due.
    pub(super) fn give_back(&mut self, flood: Option<RateLimit>) {
        let one = flood.map_or(Duration::ZERO, |flood| time_of(1.0, flood));
        self.full_from = self.full_from.checked_sub(one).unwrap_or(self.full_from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let flood = Some(RateLimit { burst: 3.0, per_second: 2.0 });
        let mut throttle = Throttle::new(start);
        let mut now = start;
        for _ in 0..3 {
            assert_eq!(throttle.take(flood, now), Ok(()));
        }
        for n in 1..=10 {
            let at = throttle.take(flood, now).unwrap_err();
            now = at;
            assert_eq!(throttle.take(flood, now), Ok(()));
            let waited = (now - start).as_secs_f32();
            assert!((waited - n as f32 * 0.5).abs() < 0.05, "{n} more took {waited} s");
        }
    }

    #[test]
    fn without_a_limit_all_pass() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        assert!((0..10_000).all(|_| throttle.take(None, start).is_ok()));
    }

    #[test]
    fn another_limit_forgives_what_it_would_not_have_let_pass() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let slow = Some(RateLimit { burst: 100.0, per_second: 0.1 });
        (0..100).for_each(|_| throttle.take(slow, start).unwrap());
        assert!(throttle.take(slow, start).unwrap_err() > start + Duration::from_secs(9));
        let fast = Some(RateLimit { burst: 2.0, per_second: 100.0 });
        let next = throttle.take(fast, start).unwrap_err();
        assert!(next < start + Duration::from_millis(20), "a bucket that is empty now");
        assert_eq!(throttle.take(fast, next), Ok(()));
    }

    #[test]
    fn the_largest_limits_are_none() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        let mut throttle = Throttle::new(start);
        let flood = Some(RateLimit { burst: f32::MAX, per_second: 0.001 });
        assert!((0..10_000).all(|_| throttle.take(flood, start).is_ok()));
    }

    #[test]
    fn a_burst_is_whole_at_every_rate() {
        #[allow(clippy::disallowed_methods, reason = "a point in time to count from")]
        let start = Instant::now();
        for (burst, per_second) in
            [(4_u16, 1.0 / 60.0), (30, 4.0), (30, 0.3), (1000, 7.7), (1, 0.001)]
        {
            let flood = Some(RateLimit { burst: burst.into(), per_second });
            let mut throttle = Throttle::new(start);
            assert!((0..burst).all(|_| throttle.take(flood, start).is_ok()), "{flood:?}");
            assert!(throttle.take(flood, start).is_err(), "{flood:?}");
        }
    }
}
