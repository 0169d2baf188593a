//! Holding items back for a peer that asked us to wait (`docs/protocol.md`, section 10).

use std::{collections::VecDeque, time::Duration};

use crate::wire::Action;

/// The way out to one peer.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    held_until: Option<Duration>,
    held: VecDeque<Action>,
}

/// What becomes of an action that is to be sent.
#[derive(Debug, PartialEq)]
pub(super) enum Posted {
    Send(Action),
    Held,
    /// As many items as may be held already are.
    Full,
}

impl Outbox {
    /// Hands over an action to send. A heartbeat never waits.
    pub fn post(&mut self, action: Action, held_max: usize) -> Posted {
        if self.held_until.is_none() || matches!(action, Action::Heartbeat(_)) {
            return Posted::Send(action);
        }
        if self.held.len() >= held_max {
            return Posted::Full;
        }
        self.held.push_back(action);
        Posted::Held
    }

    /// The peer asked for a wait of `delay_ms`, counted from now; it replaces an earlier wait. Without a positive delay
    /// the wait is over.
    pub fn throttle(&mut self, delay_ms: i64, delay_max: Duration, now: Duration) {
        let delay = Duration::from_millis(delay_ms.try_into().unwrap_or(0)).min(delay_max);
        self.held_until = Some(now + delay);
    }

    /// When [`Outbox::release`] has something to do.
    pub fn release_at(&self) -> Option<Duration> {
        self.held_until
    }

    /// Ends a wait whose time has come, and returns what was held.
    pub fn release(&mut self, now: Duration) -> VecDeque<Action> {
        if self.held_until.is_some_and(|until| until <= now) {
            self.held_until = None;
            return std::mem::take(&mut self.held);
        }
        VecDeque::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1sync::sync_stream_item::{SyncActionHeartbeat, SyncActionRequestResources};

    const MAX: Duration = Duration::from_secs(300);

    fn request() -> Action {
        Action::RequestResources(SyncActionRequestResources {})
    }

    #[test]
    fn throttled_then_items_wait_and_heartbeats_do_not() {
        let mut outbox = Outbox::default();
        let heartbeat = Action::Heartbeat(SyncActionHeartbeat {});
        assert_eq!(outbox.post(request(), 1), Posted::Send(request()));

        outbox.throttle(500, MAX, Duration::from_secs(1));
        assert_eq!(outbox.post(request(), 1), Posted::Held);
        assert_eq!(outbox.post(heartbeat.clone(), 1), Posted::Send(heartbeat));
        assert_eq!(outbox.post(request(), 1), Posted::Full);
        assert_eq!(outbox.release(Duration::from_millis(1499)), []);
        assert_eq!(outbox.release(Duration::from_millis(1500)), [request()]);
        assert_eq!(outbox.post(request(), 1), Posted::Send(request()));
    }

    #[test]
    fn delay_out_of_range_then_cut_to_it() {
        let mut outbox = Outbox::default();
        outbox.throttle(i64::MAX, MAX, Duration::ZERO);
        assert_eq!(outbox.release_at(), Some(MAX));
        outbox.throttle(i64::MIN, MAX, Duration::from_secs(5));
        assert_eq!(outbox.release_at(), Some(Duration::from_secs(5)));
    }
}
