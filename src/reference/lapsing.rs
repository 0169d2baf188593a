//! What a peer with a lapse shows of its config.

use crate::{
    lapses::{Lapse, Lapses, Quirk},
    wire::v1sync::{RemoteConfig, sync_stream_item::SyncActionReceiveResources},
};

pub(super) fn spoil_config(shown: &mut RemoteConfig, lapses: Lapses) {
    if lapses.has(Lapse::LastRepoMissing) {
        shown.repos.pop();
    }
    if lapses.has(Lapse::IdsReadAsNumbers) {
        shown
            .repos
            .iter_mut()
            .for_each(|repo| as_number(&mut repo.id));
        shown
            .plans
            .iter_mut()
            .for_each(|plan| as_number(&mut plan.id));
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
    if lapses.has(Lapse::IdsReadAsNumbers) {
        shown
            .repos
            .iter_mut()
            .for_each(|repo| as_number(&mut repo.id));
        shown
            .plans
            .iter_mut()
            .for_each(|plan| as_number(&mut plan.id));
    }
    if lapses.shows(Quirk::OtherOrderOfLists) {
        shown.repos.reverse();
        shown.plans.reverse();
    }
}

/// An id that reads like a number, as a loosely typed store gives it back.
pub(super) fn as_number(id: &mut String) {
    if let Ok(number) = id.parse::<f64>()
        && number.is_finite()
    {
        *id = number.to_string();
    }
}
