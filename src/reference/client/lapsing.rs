//! How a client with a lapse serves hosts and follows them. The honest way is in [`super::receive`] and
//! [`super::set_config`].

use super::Client;
use crate::{
    lapses::{Lapse, Lapses},
    reference::{
        effect::{Effect, Gone},
        grants::{Grants, Resource},
    },
    rules::RuleId,
    session::Violation,
    wire::{
        v1,
        v1::operation_event::Event,
        v1sync::{
            ConnectionState, PeerState,
            sync_stream_item::{
                SyncActionReceiveOperations, SyncActionRequestOperationData, SyncActionSetConfig,
            },
        },
    },
};

impl Client {
    /// A request as such a client reads it.
    pub(super) fn spoil_request(
        &mut self,
        mut request: SyncActionRequestOperationData,
    ) -> Result<SyncActionRequestOperationData, Violation> {
        let lapses = self.settings.lapses;
        if lapses.is_honest() {
            return Ok(request);
        }
        if lapses.has(Lapse::RequestUnanswered) {
            request.op_ids.clear();
        }
        if lapses.has(Lapse::FirstRequestedServedOnly) {
            request.op_ids.truncate(1);
        }
        if lapses.has(Lapse::RequestIdsCut) {
            let ids = request.op_ids.iter_mut();
            ids.for_each(|id| *id = i64::from(*id as i32));
        }
        let unknown = |id: &i64| self.operations.get(*id).is_none();
        if lapses.has(Lapse::UnknownIdEndsSession) && request.op_ids.iter().any(unknown) {
            return Err(Violation::protocol(
                RuleId::InitiatorSkipsUnknownIds,
                "a request for an unknown id",
            ));
        }
        if lapses.has(Lapse::UnknownIdStopsAnswer)
            && let Some(at) = request.op_ids.iter().position(unknown)
        {
            request.op_ids.truncate(at);
        }
        if lapses.has(Lapse::UnknownIdServedEmpty) {
            let asked: Vec<i64> = request.op_ids.iter().copied().filter(unknown).collect();
            let model = self.operations.iter().next().cloned();
            for id in asked {
                let made_up = v1::Operation {
                    id,
                    ..model.clone().unwrap_or_else(|| named(id))
                };
                // What is missing a field stays unknown.
                let _ = self.operations.put(made_up, self.config.identity().keyid());
            }
        }
        Ok(request)
    }

    /// Takes a host's operations for our own.
    pub(super) fn take_for_own(&mut self, item: SyncActionReceiveOperations) {
        let event = item.event.and_then(|event| event.event);
        if let Some(Event::CreatedOperations(list) | Event::UpdatedOperations(list)) = event {
            for mut operation in list.operations {
                operation.original_instance_keyid.clear();
                // What is missing a field cannot be kept.
                let _ = self
                    .operations
                    .put(operation, self.config.identity().keyid());
            }
        }
    }

    /// Ends whatever else serves, because one host broke a rule.
    pub(super) fn end_for_a_fault(&mut self, why: &Gone, effects: &mut Vec<Effect>) {
        if let Gone::Violation(_) = why
            && self.settings.lapses.has(Lapse::FaultEndsAllSessions)
        {
            let sessions = self.links.iter().map(|(session, _)| session);
            effects.extend(sessions.map(|session| Effect::End(session, Ok(()))));
        }
    }

    /// Whether such a client is done with a host that it has dialled.
    pub(super) fn has_given_up(&self, keyid: &str) -> bool {
        let lapses = self.settings.lapses;
        let has_failed = |state: &PeerState| {
            let state = state.state();
            state == ConnectionState::ErrorAuth || state == ConnectionState::ErrorProtocol
        };
        lapses.has(Lapse::NeverRedials)
            || lapses.has(Lapse::FaultStopsDialling)
                && self.states.get(keyid).is_some_and(has_failed)
    }
}

/// An operation that a plan of any name would have.
fn named(id: i64) -> v1::Operation {
    v1::Operation {
        id,
        flow_id: id,
        repo_id: "none".to_owned(),
        plan_id: "none".to_owned(),
        instance_id: "none".to_owned(),
        ..v1::Operation::default()
    }
}

/// A request as a client reads it that applies what it may of it.
pub(super) fn spoil_set_config(
    mut request: SyncActionSetConfig,
    grants: &Grants,
    lapses: Lapses,
) -> SyncActionSetConfig {
    if lapses.has(Lapse::SetConfigIgnored) {
        return SyncActionSetConfig::default();
    }
    if lapses.has(Lapse::SetConfigDeletionsIgnored) {
        request.repos_to_delete.clear();
        request.plans_to_delete.clear();
    }
    if lapses.has(Lapse::SetConfigPlansIgnored) {
        request.plans.clear();
    }
    if lapses.has(Lapse::ForbiddenPartsSkipped) {
        let may_plan = |id: &str| grants.may_write(Resource::Plan(id));
        let may_repo = |id: &str| grants.may_write(Resource::Repo(id));
        request.plans.retain(|plan| may_plan(&plan.id));
        request.plans_to_delete.retain(|id| may_plan(id));
        request.repos_to_delete.retain(|id| may_repo(id));
        let may_share = grants.may_push_shared_repos();
        request.repos.retain(|repo| may_share || may_repo(&repo.id));
    }
    request
}
