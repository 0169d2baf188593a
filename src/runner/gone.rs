//! A host that is there no more: nobody listens where it did, or it listens and serves no session. Every case from then on
//! would be blamed for what one has done.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::{
    RunOptions,
    contact::check_host,
    crash::{END_NOTICE_WAIT, is_cut_off},
};
use crate::{
    net::{Connection, DialOptions, LinkError},
    trace::{EventKind, Trace},
    wire::RpcProtocol,
};

/// How long a host that is gone is waited for: as a rule of thumb, what a supervisor or a container takes to start it again.
const COMEBACK_WAIT: Duration = Duration::from_secs(10);
/// Within this time one honest session has to come up; it took a few milliseconds before the first case.
const SERVING_WAIT: Duration = Duration::from_secs(10);
/// Between two looks whether it is back.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Shared by all cases that are under way on one host: the first that finds it gone says so, and no other is begun.
#[derive(Clone, Default)]
pub(super) struct Gone(Arc<Seen>);

#[derive(Default)]
struct Seen {
    /// What was seen, in words.
    words: OnceLock<String>,
    /// One case looks at a time: all honest sessions are those of one client, and would displace each other.
    looking: Mutex<()>,
}

impl Gone {
    /// What was seen, if the host was found gone.
    pub(super) fn seen(&self) -> Option<String> {
        self.0.words.get().cloned()
    }

    /// Looks whether the host is there still, where the trace of a case gives reason to doubt it.
    pub(super) async fn look(
        &self,
        options: &RunOptions,
        protocol: RpcProtocol,
        trace: &Trace,
    ) -> Option<String> {
        if !is_doubtful(trace) {
            return self.seen();
        }
        self.look_anyway(options, protocol).await
    }

    /// The same, without a doubt.
    pub(super) async fn look_anyway(
        &self,
        options: &RunOptions,
        protocol: RpcProtocol,
    ) -> Option<String> {
        let _one_at_a_time = self.0.looking.lock().await;
        if self.seen().is_none()
            && let Some(words) = absence(options, protocol).await
        {
            // The lock is ours, so nobody else has said it.
            let _ = self.0.words.set(words);
        }
        self.seen()
    }
}

/// Whether something was waited for in vain, a connection was lost, or none could be had.
fn is_doubtful(trace: &Trace) -> bool {
    let in_vain = |kind: &EventKind| matches!(kind, EventKind::DeadlinePassed { .. });
    is_cut_off(trace) || trace.events.iter().any(|event| in_vain(&event.kind))
}

/// What is missing of the host, in words.
async fn absence(options: &RunOptions, protocol: RpcProtocol) -> Option<String> {
    let dial = options.dial(protocol);
    if let Some(refused) = refusal(&dial).await {
        return Some(format!("the peer went away: {refused}"));
    }
    match serves_within(SERVING_WAIT, options, protocol).await {
        Ok(()) => None,
        Err(last) => Some(format!(
            "the peer serves no session any more, for {SERVING_WAIT:?} now: {last}"
        )),
    }
}

/// The refusal of whoever dials, if nobody listens any more. A process that is going closes its sockets one after the
/// other, so a connection that comes to nothing says nothing yet.
async fn refusal(dial: &DialOptions) -> Option<LinkError> {
    let certain = async {
        loop {
            match Connection::dial(dial).await {
                Ok(_) => return None,
                Err(refused @ LinkError::Refused { .. }) => return Some(refused),
                Err(_) => sleep(LOOK_AGAIN).await,
            }
        }
    };
    timeout(END_NOTICE_WAIT, certain).await.unwrap_or_default()
}

/// Waits until the host serves again; false where it does not within [`COMEBACK_WAIT`].
pub(super) async fn comes_back(options: &RunOptions, protocol: RpcProtocol) -> bool {
    serves_within(COMEBACK_WAIT, options, protocol)
        .await
        .is_ok()
}

/// Waits until an honest session comes up; or what kept it last, in words.
pub(super) async fn serves_within(
    limit: Duration,
    options: &RunOptions,
    protocol: RpcProtocol,
) -> Result<(), String> {
    let mut last = "none came up".to_owned();
    let serves = async {
        while let Some(check) = check_host(options, &[protocol], false).await.mistake() {
            last = format!("{}: {}", check.step.name(), check.seen);
            sleep(LOOK_AGAIN).await;
        }
    };
    timeout(limit, serves).await.map_err(|_| last)
}
