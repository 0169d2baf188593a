//! What a peer with a lapse shows of its config.

use crate::{
    lapses::{Lapse, Lapses, Quirk},
    wire::{
        Action,
        v1::Operation,
        v1sync::{
            RemoteConfig,
            sync_stream_item::{
                SyncActionHeartbeat, SyncActionOperationManifest, SyncActionReceiveResources,
            },
        },
    },
};

pub(super) fn spoil_config(shown: &mut RemoteConfig, lapses: Lapses) {
    if lapses.has(Lapse::LastRepoMissing) || lapses.has(Lapse::ClientConfigLacksRepo) {
        shown.repos.pop();
    }
    if lapses.shows(Quirk::OtherOrderOfLists) {
        shown.repos.reverse();
        shown.plans.reverse();
    }
}

pub(super) fn spoil_resources(shown: &mut SyncActionReceiveResources, lapses: Lapses) {
    if lapses.has(Lapse::ResourcesWithoutGuid) {
        shown.repos.iter_mut().for_each(|repo| repo.guid.clear());
    }
    if lapses.has(Lapse::ResourcesWithoutPlans) {
        shown.plans.clear();
    }
    if lapses.shows(Quirk::OtherOrderOfLists) {
        shown.repos.reverse();
        shown.plans.reverse();
    }
}

/// The manifest of a client with a lapse.
pub(super) fn spoil_manifest(manifest: &mut SyncActionOperationManifest, lapses: Lapses) {
    if lapses.has(Lapse::ManifestEmpty) {
        manifest.op_ids.clear();
        manifest.modnos.clear();
    }
    if lapses.has(Lapse::ManifestLacksLast) {
        manifest.op_ids.pop();
        manifest.modnos.pop();
    }
    if lapses.has(Lapse::ManifestModnosZero) {
        manifest.modnos.fill(0);
    }
    if lapses.has(Lapse::ManifestModnosShort) {
        manifest.modnos.pop();
    }
    if lapses.has(Lapse::ManifestIdsThroughFloats) {
        manifest
            .op_ids
            .iter_mut()
            .for_each(|id| *id = *id as f64 as i64);
    }
}

/// What a client with a lapse sends first, from its config, resources and manifest.
pub(super) fn spoil_first_items(mut items: Vec<Action>, lapses: Lapses) -> Vec<Action> {
    if lapses.has(Lapse::ManifestBeforeConfig) {
        items.rotate_right(1);
    }
    if lapses.has(Lapse::EmptyManifestOmitted) {
        items.retain(|item| match item {
            Action::OperationManifest(manifest) => !manifest.op_ids.is_empty(),
            _ => true,
        });
    }
    if lapses.shows(Quirk::EagerHeartbeats) {
        items.insert(0, Action::Heartbeat(SyncActionHeartbeat {}));
    }
    if lapses.shows(Quirk::RepeatsItself) {
        // What a manifest says twice, a host may ask for twice; and resources answer a request for them.
        items.extend_from_within(..1);
    }
    items
}

/// A client's config, as a loosely typed store gives it back.
pub(super) fn config_with_numbers(mut config: RemoteConfig) -> RemoteConfig {
    for repo in &mut config.repos {
        as_number(&mut repo.id);
        as_number(&mut repo.guid);
    }
    for plan in &mut config.plans {
        as_number(&mut plan.id);
    }
    config
}

/// A client's resources, in the same way.
pub(super) fn resources_with_numbers(
    mut resources: SyncActionReceiveResources,
) -> SyncActionReceiveResources {
    for repo in &mut resources.repos {
        as_number(&mut repo.id);
        as_number(&mut repo.guid);
    }
    for plan in &mut resources.plans {
        as_number(&mut plan.id);
    }
    resources
}

/// An operation, in the same way.
pub(super) fn operation_with_numbers(mut operation: Operation) -> Operation {
    as_number(&mut operation.repo_id);
    as_number(&mut operation.repo_guid);
    as_number(&mut operation.plan_id);
    operation
}

/// An id that reads like a number.
fn as_number(id: &mut String) {
    if let Ok(number) = id.parse::<f64>()
        && number.is_finite()
    {
        *id = number.to_string();
    }
}
