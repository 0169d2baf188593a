//! What a peer sends without being asked, and what answers a fence; both depend on its role.

use super::Events;
use crate::{
    trace::EventKind,
    wire::{Action, Role, SyncStreamItem},
};

impl Events<'_> {
    /// Items that a session of the peer begins with. A responder may repeat them whenever its config changes.
    pub(super) fn is_beginning(&self, item: &SyncStreamItem) -> bool {
        let of_a_responder = matches!(item.action, Some(Action::SetConfig(_)));
        match &item.action {
            Some(
                Action::ReceiveConfig(_)
                | Action::ReceiveResources(_)
                | Action::OperationManifest(_),
            ) => true,
            _ => of_a_responder && self.peer_role == Role::Responder,
        }
    }

    /// Whether the item at `index` may have come by itself.
    ///
    /// A client whose config changes dials anew, so what its session begins with comes by itself once; but for its
    /// config, which answers nothing, so that one more of it is nothing against the client.
    pub(super) fn is_unasked(&self, index: usize, item: &SyncStreamItem) -> bool {
        match (&item.action, self.peer_role) {
            (Some(Action::Heartbeat(_) | Action::Throttle(_)), _) => true,
            (_, Role::Responder) => self.is_beginning(item),
            (Some(Action::ReceiveOperations(_) | Action::ReceiveConfig(_)), Role::Initiator) => {
                true
            }
            (_, Role::Initiator) => self.is_beginning(item) && self.came_before(index, item) == 0,
        }
    }

    /// Whether the item answers a fence that was sent before it in this session.
    pub(super) fn answers_fence(&self, index: usize, item: &SyncStreamItem) -> bool {
        match (&item.action, self.peer_role) {
            (Some(Action::RequestOperationData(request)), Role::Responder) => self
                .before(index)
                .filter_map(fence_of)
                .any(|id| request.op_ids.contains(&id)),
            // The list that comes by itself is one of three items; only once all are in is another list an answer.
            (Some(Action::ReceiveResources(_)), Role::Initiator) => {
                self.before(index).any(|kind| fence_of(kind).is_some())
                    && self.came_before(index, item) > 0
            }
            _ => false,
        }
    }

    /// How many items of that action came in this stream before.
    fn came_before(&self, index: usize, item: &SyncStreamItem) -> usize {
        let same = |kind: &&_| match kind {
            EventKind::Received { item: earlier, .. } => action_name(earlier) == action_name(item),
            _ => false,
        };
        self.before(index).filter(same).count()
    }
}

fn action_name(item: &SyncStreamItem) -> Option<&'static str> {
    item.action.as_ref().map(Action::name)
}

fn fence_of(kind: &EventKind) -> Option<i64> {
    match kind {
        EventKind::Sent(sent) => sent.fence,
        _ => None,
    }
}
