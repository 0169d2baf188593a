//! The generated type of every message in the contract, by its full name.

use prost::Message;

use crate::wire::{types, v1, v1sync};

macro_rules! by_name {
    ($($name:literal => $type:ty,)*) => {
        /// Decodes into the generated type of this name and encodes it again.
        pub(super) fn reencode(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
            let reencoded = match name {
                $($name => <$type>::decode(bytes).map(|message| message.encode_to_vec()),)*
                _ => return Err(format!("no generated type for {name:?}")),
            };
            reencoded.map_err(|error| error.to_string())
        }
    };
}

by_name! {
    "types.Empty" => types::Empty,
    "types.Int64List" => types::Int64List,
    "v1.Auth" => v1::Auth,
    "v1.BackupProgressEntry" => v1::BackupProgressEntry,
    "v1.BackupProgressError" => v1::BackupProgressError,
    "v1.BackupProgressStatusEntry" => v1::BackupProgressStatusEntry,
    "v1.BackupProgressSummary" => v1::BackupProgressSummary,
    "v1.CheckPolicy" => v1::CheckPolicy,
    "v1.CommandPrefix" => v1::CommandPrefix,
    "v1.Config" => v1::Config,
    "v1.ForgetPolicy" => v1::ForgetPolicy,
    "v1.Hook" => v1::Hook,
    "v1.Hook.Command" => v1::hook::Command,
    "v1.Hook.Discord" => v1::hook::Discord,
    "v1.Hook.Gotify" => v1::hook::Gotify,
    "v1.Hook.Healthchecks" => v1::hook::Healthchecks,
    "v1.Hook.Shoutrrr" => v1::hook::Shoutrrr,
    "v1.Hook.Slack" => v1::hook::Slack,
    "v1.Hook.Telegram" => v1::hook::Telegram,
    "v1.Hook.Webhook" => v1::hook::Webhook,
    "v1.Multihost" => v1::Multihost,
    "v1.Multihost.PairingToken" => v1::multihost::PairingToken,
    "v1.Multihost.Peer" => v1::multihost::Peer,
    "v1.Multihost.Permission" => v1::multihost::Permission,
    "v1.Operation" => v1::Operation,
    "v1.OperationBackup" => v1::OperationBackup,
    "v1.OperationCheck" => v1::OperationCheck,
    "v1.OperationEvent" => v1::OperationEvent,
    "v1.OperationForget" => v1::OperationForget,
    "v1.OperationIndexSnapshot" => v1::OperationIndexSnapshot,
    "v1.OperationList" => v1::OperationList,
    "v1.OperationPrune" => v1::OperationPrune,
    "v1.OperationRestore" => v1::OperationRestore,
    "v1.OperationRunCommand" => v1::OperationRunCommand,
    "v1.OperationRunHook" => v1::OperationRunHook,
    "v1.OperationStats" => v1::OperationStats,
    "v1.Plan" => v1::Plan,
    "v1.PrivateKey" => v1::PrivateKey,
    "v1.PrunePolicy" => v1::PrunePolicy,
    "v1.PublicKey" => v1::PublicKey,
    "v1.Repo" => v1::Repo,
    "v1.RepoStats" => v1::RepoStats,
    "v1.ResticSnapshot" => v1::ResticSnapshot,
    "v1.RestoreProgressEntry" => v1::RestoreProgressEntry,
    "v1.RetentionPolicy" => v1::RetentionPolicy,
    "v1.RetentionPolicy.TimeBucketedCounts" => v1::retention_policy::TimeBucketedCounts,
    "v1.Schedule" => v1::Schedule,
    "v1.SignedMessage" => v1::SignedMessage,
    "v1.SnapshotSummary" => v1::SnapshotSummary,
    "v1.User" => v1::User,
    "v1sync.AuthenticateRequest" => v1sync::AuthenticateRequest,
    "v1sync.AuthorizationToken" => v1sync::AuthorizationToken,
    "v1sync.GetOperationMetadataResponse" => v1sync::GetOperationMetadataResponse,
    "v1sync.LogDataEntry" => v1sync::LogDataEntry,
    "v1sync.PeerState" => v1sync::PeerState,
    "v1sync.PlanMetadata" => v1sync::PlanMetadata,
    "v1sync.RemoteConfig" => v1sync::RemoteConfig,
    "v1sync.RepoMetadata" => v1sync::RepoMetadata,
    "v1sync.SetAvailableResourcesRequest" => v1sync::SetAvailableResourcesRequest,
    "v1sync.SetConfigRequest" => v1sync::SetConfigRequest,
    "v1sync.SetRemoteClientConfigRequest" => v1sync::SetRemoteClientConfigRequest,
    "v1sync.SetRemoteClientConfigResponse" => v1sync::SetRemoteClientConfigResponse,
    "v1sync.SyncStateStreamRequest" => v1sync::SyncStateStreamRequest,
    "v1sync.SyncStreamItem" => v1sync::SyncStreamItem,
    "v1sync.SyncStreamItem.SyncActionConnectRepo" => v1sync::sync_stream_item::SyncActionConnectRepo,
    "v1sync.SyncStreamItem.SyncActionEncrypted" => v1sync::sync_stream_item::SyncActionEncrypted,
    "v1sync.SyncStreamItem.SyncActionHandshake" => v1sync::sync_stream_item::SyncActionHandshake,
    "v1sync.SyncStreamItem.SyncActionHeartbeat" => v1sync::sync_stream_item::SyncActionHeartbeat,
    "v1sync.SyncStreamItem.SyncActionOperationManifest" => v1sync::sync_stream_item::SyncActionOperationManifest,
    "v1sync.SyncStreamItem.SyncActionReceiveConfig" => v1sync::sync_stream_item::SyncActionReceiveConfig,
    "v1sync.SyncStreamItem.SyncActionReceiveLogData" => v1sync::sync_stream_item::SyncActionReceiveLogData,
    "v1sync.SyncStreamItem.SyncActionReceiveOperations" => v1sync::sync_stream_item::SyncActionReceiveOperations,
    "v1sync.SyncStreamItem.SyncActionReceiveResources" => v1sync::sync_stream_item::SyncActionReceiveResources,
    "v1sync.SyncStreamItem.SyncActionRequestLog" => v1sync::sync_stream_item::SyncActionRequestLog,
    "v1sync.SyncStreamItem.SyncActionRequestOperationData" => v1sync::sync_stream_item::SyncActionRequestOperationData,
    "v1sync.SyncStreamItem.SyncActionRequestResources" => v1sync::sync_stream_item::SyncActionRequestResources,
    "v1sync.SyncStreamItem.SyncActionSetConfig" => v1sync::sync_stream_item::SyncActionSetConfig,
    "v1sync.SyncStreamItem.SyncActionThrottle" => v1sync::sync_stream_item::SyncActionThrottle,
    "v1sync.SyncStreamItem.SyncEstablishSharedSecret" => v1sync::sync_stream_item::SyncEstablishSharedSecret,
}
