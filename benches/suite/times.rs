//! Several times of one thing.

use std::time::{Duration, Instant};

/// Times, in order.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Of these.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Times(times)
    }

    /// Of doing something so often. What it returns is kept from being optimised away.
    pub fn repeat<T>(count: usize, mut what: impl FnMut() -> T) -> Self {
        let once = |_| {
            let began = Instant::now();
            std::hint::black_box(what());
            began.elapsed()
        };
        Times::of((0..count).map(once).collect())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle one, in milliseconds.
    pub fn median(&self) -> f64 {
        self.at(50)
    }

    /// The one that so many in a hundred do not exceed, in milliseconds.
    pub fn at(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = (self.0.len() * percent / 100).min(last);
        self.0
            .get(index)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}
