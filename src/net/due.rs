//! Waiting until it is time.

use std::time::Instant;

use tokio::time::sleep_until;

/// Waits until it is time; for ever where nothing is due. What is due already does not wait for the timer's next
/// millisecond.
pub(super) async fn due(at: Option<Instant>) {
    match at {
        Some(at) if at <= Instant::now() => {}
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
