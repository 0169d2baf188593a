//! The names of the actions, as protobuf's JSON mapping has them.

use super::{Action, SyncStreamItem};

impl Action {
    /// The action's name in protobuf's JSON mapping, such as `receiveConfig`.
    pub fn name(&self) -> &'static str {
        match self {
            Action::SignedMessage(_) => "signedMessage",
            Action::Handshake(_) => "handshake",
            Action::Heartbeat(_) => "heartbeat",
            Action::OperationManifest(_) => "operationManifest",
            Action::ReceiveOperations(_) => "receiveOperations",
            Action::RequestOperationData(_) => "requestOperationData",
            Action::ReceiveConfig(_) => "receiveConfig",
            Action::SetConfig(_) => "setConfig",
            Action::RequestResources(_) => "requestResources",
            Action::ReceiveResources(_) => "receiveResources",
            Action::RequestLog(_) => "requestLog",
            Action::ReceiveLogData(_) => "receiveLogData",
            Action::Throttle(_) => "throttle",
            Action::EstablishSharedSecret(_) => "establishSharedSecret",
            Action::Encrypted(_) => "encrypted",
        }
    }
}

impl SyncStreamItem {
    /// What the item is, for messages: the action's name, or that it has none we know.
    pub fn describe(&self) -> &'static str {
        self.action
            .as_ref()
            .map_or("an item without a known action", Action::name)
    }
}
