//! `syncspec serve` as a process: what it says, what it survives, whom it refuses.

#![cfg(feature = "net")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it relies on by failing"
)]

mod durability;
mod host;
mod limits;
mod peer;
mod start;
mod state;
mod tls;

use std::time::Duration;

/// No test waits longer than that for anything.
const TEST_WAIT: Duration = Duration::from_secs(30);

async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_WAIT, wait)
        .await
        .expect("something within the wait of a test")
}
