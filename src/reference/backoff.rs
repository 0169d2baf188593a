//! When to dial again (`docs/protocol.md`, section 7).

use std::time::Duration;

/// How the waits between two attempts grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// From the start of an attempt to the next one.
    pub first: Duration,
    /// The wait doubles with each failure in a row, up to so many times the first.
    pub factor_max: u32,
    /// Shortest wait from the end of an attempt.
    pub shortest: Duration,
}

impl Default for Backoff {
    /// As deployed: 60 s, up to 32 times that, never sooner than 1 s.
    fn default() -> Self {
        Backoff {
            first: Duration::from_secs(60),
            factor_max: 32,
            shortest: Duration::from_secs(1),
        }
    }
}

impl Backoff {
    /// How long to wait from the end of an attempt. `failures` counts those in a row that reached no session which
    /// served, this one included; `lasted` is how long the attempt took, a session's life included.
    pub fn delay(&self, failures: u32, lasted: Duration) -> Duration {
        let doublings = failures.saturating_sub(1);
        let factor = 1_u32
            .checked_shl(doublings)
            .unwrap_or(u32::MAX)
            .min(self.factor_max);
        self.first
            .saturating_mul(factor)
            .saturating_sub(lasted)
            .max(self.shortest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_then_wait_doubles_up_to_32_times() {
        let backoff = Backoff::default();
        let waits =
            [0, 1, 2, 3, 6, 7, 40, u32::MAX].map(|n| backoff.delay(n, Duration::ZERO).as_secs());
        assert_eq!(waits, [60, 60, 120, 240, 1920, 1920, 1920, 1920]);
    }

    #[test]
    fn session_that_lasted_then_sooner_but_never_at_once() {
        let backoff = Backoff::default();
        assert_eq!(
            backoff.delay(0, Duration::from_secs(20)),
            Duration::from_secs(40)
        );
        assert_eq!(
            backoff.delay(0, Duration::from_secs(3600)),
            Duration::from_secs(1)
        );
    }
}
