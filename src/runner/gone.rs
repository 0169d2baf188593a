//! A host that somebody else runs, and that listens no more: what a crash looks like where the process is not ours.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::peers::END_NOTICE_WAIT;
use crate::net::{Connection, DialOptions, LinkError};

/// How long a host that is gone is waited for: as a rule of thumb, what a supervisor or a container takes to start it again.
const COMEBACK_WAIT: Duration = Duration::from_secs(10);
/// Between two looks whether it is back.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Shared by all cases that are under way on one host: the first that finds it gone says so, and no other is begun.
#[derive(Clone, Default)]
pub(super) struct Gone(Arc<OnceLock<String>>);

impl Gone {
    /// What was seen, if the host was found gone.
    pub(super) fn seen(&self) -> Option<String> {
        self.0.get().cloned()
    }

    /// Looks whether anybody listens there still. A process that is going closes its sockets one after the other, so a
    /// connection that comes to nothing says nothing yet.
    pub(super) async fn look(&self, dial: &DialOptions) -> Option<String> {
        let certain = async {
            while self.0.get().is_none() {
                match Connection::dial(dial).await {
                    Ok(_) => return,
                    Err(refused @ LinkError::Refused { .. }) => {
                        // Another case may have said so first, in the same words.
                        let _ = self.0.set(format!("the peer went away: {refused}"));
                    }
                    Err(_) => sleep(LOOK_AGAIN).await,
                }
            }
        };
        // Without an answer in time it is not known to be gone.
        let _ = timeout(END_NOTICE_WAIT, certain).await;
        self.seen()
    }
}

/// Waits until somebody listens there again; false where nobody does within [`COMEBACK_WAIT`].
pub(super) async fn comes_back(dial: &DialOptions) -> bool {
    let again = async {
        while let Err(LinkError::Refused { .. }) = Connection::dial(dial).await {
            sleep(LOOK_AGAIN).await;
        }
    };
    timeout(COMEBACK_WAIT, again).await.is_ok()
}
