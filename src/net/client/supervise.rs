//! The client's clock: dials and ticks when the mind wants it, and ends everything when it is time to leave.

use std::sync::Arc;

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    CLOSE_WAIT,
    keep::{self, KeepError},
    shared::Shared,
    stream,
};

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
        let due = shared.next_due().map(Instant::from_std);
        tokio::select! {
            biased;
            // Also when the last handle is gone.
            _ = leaving.wait_for(|leave| *leave) => break,
            _ = keep::failure(&mut kept) => break,
            Some(_) = dials.join_next() => {}
            () = shared.agenda_changed() => {}
            () = time_of(due) => {
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

/// Waits until it is time; for ever where nothing is due. What is due already does not wait for the timer's next
/// millisecond.
async fn time_of(due: Option<Instant>) {
    match due {
        Some(due) if due <= Instant::now() => {}
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
