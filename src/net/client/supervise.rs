//! The client's clock: dials and ticks when the mind wants it, and ends everything when it is time to leave.

use std::sync::Arc;

use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{
    CLOSE_WAIT,
    keep::{self, KeepError},
    shared::Shared,
    stream,
};
use crate::net::due::due;

/// How long all streams together may take to end. Each flushes what it owes, then waits for its host's word.
const SHUTDOWN_WAIT: std::time::Duration = CLOSE_WAIT.saturating_mul(3);

/// Runs the client until it is to leave, and tells how that came.
pub(super) async fn supervise(
    shared: Arc<Shared>,
    mut leaving: watch::Receiver<bool>,
    stopped: watch::Sender<Option<Result<(), KeepError>>>,
) {
    let mut kept = shared.kept();
    let mut dials = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // Also when the last handle is gone.
            _ = leaving.wait_for(|leave| *leave) => break,
            _ = keep::failure(&mut kept) => break,
            Some(_) = dials.join_next() => {}
            () = shared.agenda_changed() => {}
            () = due(shared.next_due()) => {
                for attempt in shared.take_due() {
                    dials.spawn(stream::run(attempt));
                }
            }
        }
    }
    shared.end_all();
    let all_ended = async { while dials.join_next().await.is_some() {} };
    // Those that are left are aborted as the set is dropped.
    let _ = timeout(SHUTDOWN_WAIT, all_ended).await;
    let (newest, _) = shared.newest_config();
    stopped.send_replace(Some(keep::until_kept(&mut kept, newest).await));
}
