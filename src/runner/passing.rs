//! What one of two peers that we stand between has sent, on its way to the other.

use tokio::sync::watch;

use crate::{actor::Input, wire::v1sync::sync_stream_item::SyncActionHandshake};

type Slot = Option<SyncActionHandshake>;

/// One end: what our peer sends goes to the other end, and what the other end's peer sends comes here.
pub(super) struct Passing(Option<(watch::Sender<Slot>, watch::Receiver<Slot>)>);

impl Passing {
    /// There is nobody else.
    pub fn nothing() -> Passing {
        Passing(None)
    }

    /// Both ends.
    pub fn pair() -> [Passing; 2] {
        let (to_second, from_first) = watch::channel(None);
        let (to_first, from_second) = watch::channel(None);
        [(to_second, from_second), (to_first, from_first)].map(|end| Passing(Some(end)))
    }

    /// Passes on what our peer has sent, once.
    pub fn on(&self, handshake: Option<&SyncActionHandshake>) {
        if let (Some((ours, _)), Some(handshake)) = (&self.0, handshake) {
            ours.send_if_modified(|slot| {
                let is_new = slot.is_none();
                slot.get_or_insert_with(|| handshake.clone());
                is_new
            });
        }
    }

    /// What the other peer has sent; waits for ever where nothing comes any more. Cancel-safe.
    pub async fn next(&mut self) -> Input {
        if let Some((_, theirs)) = &mut self.0 {
            while theirs.changed().await.is_ok() {
                if let Some(handshake) = theirs.borrow_and_update().clone() {
                    return Input::PassedOn(Box::new(handshake));
                }
            }
        }
        std::future::pending().await
    }
}
