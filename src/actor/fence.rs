//! Fences: requests whose answer must be the next thing that comes.

use std::time::Duration;

use super::{Actor, side::Owed};
use crate::{
    scenario::{deviation::Deviation, model::Step},
    trace::EventKind,
    wire::{
        Action, Role, SyncStreamItem,
        v1sync::sync_stream_item::{SyncActionOperationManifest, SyncActionRequestResources},
    },
};

/// First id a fence asks for. Scenarios use small ids, so no stored operation has it.
const FENCE_ID_FIRST: i64 = 0x5359_4e43_0000;

impl Actor<'_> {
    /// Sends a fence, honest whatever its step does.
    ///
    /// A host asks for the client's resources. Where its honest beginning was spoilt or is missing, that goes first: a
    /// client that took no notice of what it had to refuse then goes on as if nothing had happened.
    pub(super) fn send_fence(&mut self, step: &Step, session: &str, now: Duration) {
        let id = FENCE_ID_FIRST + self.fences;
        self.fences += 1;
        let item = match self.scenario.role {
            Role::Responder => self.manifest_with(id),
            Role::Initiator => {
                self.make_good(step, session, now);
                SyncStreamItem {
                    action: Some(Action::RequestResources(SyncActionRequestResources {})),
                }
            }
        };
        self.send(step, session, "fence", now, move |side, _| {
            side.forge_item(item, &[], None)
        });
        self.mark_fence(id);
    }

    /// Sends what is missing of an honest beginning.
    fn make_good(&mut self, step: &Step, session: &str, now: Duration) {
        let Some(owed) = self.sides.get(session).map(super::Side::owes) else {
            return;
        };
        const HONEST: &[Deviation] = &[];
        if owed == Owed::KeyAndHandshake {
            self.send(step, session, "key of the fence", now, |side, _| {
                side.forge_key(HONEST, None)
            });
        }
        if owed != Owed::Nothing {
            self.send(step, session, "handshake of the fence", now, |side, _| {
                side.forge_handshake(HONEST, None)
            });
        }
    }

    fn mark_fence(&mut self, id: i64) {
        if let Some(event) = self.trace.events.last_mut()
            && let EventKind::Sent(sent) = &mut event.kind
        {
            sent.fence = Some(id);
        }
    }

    fn manifest_with(&self, id: i64) -> SyncStreamItem {
        let (mut op_ids, mut modnos): (Vec<i64>, Vec<i64>) =
            self.ledger.iter().map(|(id, modno)| (*id, *modno)).unzip();
        op_ids.push(id);
        modnos.push(1);
        SyncStreamItem {
            action: Some(Action::OperationManifest(SyncActionOperationManifest {
                op_ids,
                modnos,
            })),
        }
    }

    /// Keeps count of the operations that the peer holds from this case.
    pub(super) fn note_operations(&mut self, item: &SyncStreamItem) {
        use crate::wire::v1::operation_event::Event as Change;
        let Some(Action::ReceiveOperations(received)) = &item.action else {
            return;
        };
        match received
            .event
            .as_ref()
            .and_then(|event| event.event.as_ref())
        {
            Some(Change::CreatedOperations(list) | Change::UpdatedOperations(list)) => {
                for operation in &list.operations {
                    self.ledger.insert(operation.id, operation.modno);
                }
            }
            Some(Change::DeletedOperations(list)) => {
                for id in &list.values {
                    self.ledger.remove(id);
                }
            }
            Some(Change::KeepAlive(_)) | None => {}
        }
    }
}
