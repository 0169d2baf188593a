//! Subscribers of the state service. Each holds at most one mark for each peer that changed, and reads the newest state
//! when it gets round to it: a stalled one costs nothing and holds up nobody.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::Notify;
use tonic::Status;

use super::{Shared, lapsing::told, limits::Crowded};
use crate::wire::v1sync::PeerState;

/// Everyone who follows the states.
#[derive(Default)]
pub(super) struct Subscribers(Vec<Weak<Changes>>);

/// What one subscriber has yet to be told.
#[derive(Default)]
pub(super) struct Changes {
    /// Key ids, each once: as many as there are peers at most.
    changed: Mutex<VecDeque<String>>,
    notify: Notify,
}

impl Subscribers {
    pub fn subscribe(&mut self, subscribers_max: usize) -> Result<Arc<Changes>, Crowded> {
        self.0.retain(|subscriber| subscriber.strong_count() > 0);
        if self.0.len() >= subscribers_max {
            return Err(Crowded::Subscribers {
                limit: subscribers_max,
            });
        }
        let changes = Arc::new(Changes::default());
        self.0.push(Arc::downgrade(&changes));
        Ok(changes)
    }

    pub fn changed(&mut self, keyid: &str) {
        for subscriber in self.0.iter().filter_map(Weak::upgrade) {
            subscriber.mark(keyid);
        }
    }
}

impl Changes {
    fn mark(&self, keyid: &str) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if !changed.iter().any(|known| known == keyid) {
            changed.push_back(keyid.to_owned());
            self.notify.notify_one();
        }
    }

    async fn next(&self) -> String {
        loop {
            let next = self
                .changed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            match next {
                Some(keyid) => return keyid,
                None => self.notify.notified().await,
            }
        }
    }
}

/// Each changed peer's newest state, until the subscriber leaves.
pub(super) fn follow(
    shared: Arc<Shared>,
    changes: Arc<Changes>,
) -> BoxStream<'static, Result<PeerState, Status>> {
    stream::unfold((shared, changes), |(shared, changes)| async move {
        loop {
            let keyid = changes.next().await;
            let state = shared.lock().host.peer_states().get(&keyid).cloned();
            // A peer that was removed meanwhile has no state any more.
            if let Some(state) = state {
                let state = told(state, shared.lapses());
                return Some((Ok(state), (shared, changes)));
            }
        }
    })
    .boxed()
}
