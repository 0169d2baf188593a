//! What a slow peer waits.

use std::time::Duration;

use tokio::time::sleep;

use crate::lapses::{Lapses, Quirk};

/// How long, before whatever it does: far longer than anybody needs, and far shorter than anybody waits.
const SLOWNESS: Duration = Duration::from_millis(20);

/// Waits before whatever comes next, where the peer is slow.
pub(super) async fn dawdle(lapses: Lapses) {
    if lapses.shows(Quirk::Slow) {
        sleep(SLOWNESS).await;
    }
}
