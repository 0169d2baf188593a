//! Events written by hand, for the tests of what reads them.

use super::{End, EventKind, Sent};
use crate::{
    session::VerifiedPeer,
    wire::{
        Action, Code, SyncStreamItem,
        v1sync::{
            RemoteConfig,
            sync_stream_item::{
                SyncActionHeartbeat, SyncActionOperationManifest, SyncActionReceiveConfig,
                SyncActionReceiveResources, SyncActionRequestOperationData,
            },
        },
    },
};

/// What the answer to a fence asks for.
pub(crate) const FENCE: i64 = 99;

pub(crate) fn sent(what: &str) -> EventKind {
    sent_with(what, None, &[])
}

pub(crate) fn fence_sent() -> EventKind {
    sent_with("fence", Some(FENCE), &[])
}

pub(crate) fn sent_with(what: &str, fence: Option<i64>, deviations: &[&str]) -> EventKind {
    EventKind::Sent(Sent {
        what: what.to_owned(),
        item: None,
        counter: None,
        deviations: deviations.iter().map(|one| (*one).to_owned()).collect(),
        fence,
    })
}

pub(crate) fn received(action: Action) -> EventKind {
    EventKind::Received {
        counter: 1,
        item: SyncStreamItem {
            action: Some(action),
        },
    }
}

pub(crate) fn verified() -> EventKind {
    EventKind::Verified(VerifiedPeer {
        keyid: "ed25519.x".to_owned(),
        instance_id: "the-peer".to_owned(),
        pairing_secret: String::new(),
    })
}

pub(crate) fn ended(code: Code) -> EventKind {
    EventKind::Ended(End::Status {
        code,
        message: String::new(),
    })
}

pub(crate) fn config() -> EventKind {
    config_with_modno(1)
}

pub(crate) fn config_with_modno(modno: i32) -> EventKind {
    received(Action::ReceiveConfig(SyncActionReceiveConfig {
        config: Some(RemoteConfig {
            modno,
            ..RemoteConfig::default()
        }),
    }))
}

pub(crate) fn resources() -> EventKind {
    received(Action::ReceiveResources(
        SyncActionReceiveResources::default(),
    ))
}

pub(crate) fn manifest() -> EventKind {
    received(Action::OperationManifest(
        SyncActionOperationManifest::default(),
    ))
}

pub(crate) fn heartbeat() -> EventKind {
    received(Action::Heartbeat(SyncActionHeartbeat {}))
}

pub(crate) fn request(id: i64) -> EventKind {
    received(Action::RequestOperationData(
        SyncActionRequestOperationData { op_ids: vec![id] },
    ))
}
