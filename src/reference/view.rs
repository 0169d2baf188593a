//! What a peer is shown of our config and operations, under what it is granted (`docs/protocol.md`, section 5).

use std::collections::HashMap;

use super::{
    config::Config,
    grants::{Grants, OperationPlace, Resource},
    lapsing,
};
use crate::{
    lapses::{Lapse, Lapses},
    wire::{
        Action, v1,
        v1sync::{
            PlanMetadata, RemoteConfig, RepoMetadata,
            sync_stream_item::{
                SyncActionReceiveConfig, SyncActionReceiveResources, SyncActionSetConfig,
            },
        },
    },
};

/// The config, with the repos and plans whose configuration the peer may see.
pub(super) fn receive_config(config: &Config, grants: &Grants) -> Action {
    let lapses = grants.lapses();
    let shows_all =
        lapses.has(Lapse::ConfigUnfiltered) || lapses.has(Lapse::ClientConfigUnfiltered);
    let shows_plans = shows_all || lapses.has(Lapse::PlansUnfiltered);
    let repos = config.repos().iter();
    let plans = config.plans().iter();
    let message = config.message();
    let mut shown = RemoteConfig {
        modno: lapses.swap(Lapse::ConfigModnoZero, message.modno, |_| 0),
        version: lapses.swap(Lapse::ConfigVersionZero, message.version, |_| 0),
        repos: repos
            .filter(|repo| shows_all || grants.may_read_config(Resource::Repo(&repo.id)))
            .cloned()
            .collect(),
        plans: plans
            .filter(|plan| shows_plans || grants.may_read_config(Resource::Plan(&plan.id)))
            .cloned()
            .collect(),
    };
    lapsing::spoil_config(&mut shown, lapses);
    Action::ReceiveConfig(SyncActionReceiveConfig {
        config: Some(shown),
    })
}

/// The ids of the repos and plans that are visible.
pub(super) fn receive_resources(
    config: &Config,
    lapses: Lapses,
    visible: impl Fn(Resource<'_>) -> bool,
) -> Action {
    let shows_all =
        lapses.has(Lapse::ResourcesUnfiltered) || lapses.has(Lapse::ClientResourcesUnfiltered);
    let repos = config.repos().iter();
    let plans = config.plans().iter();
    let mut shown = SyncActionReceiveResources {
        repos: repos
            .filter(|repo| shows_all || visible(Resource::Repo(&repo.id)))
            .map(|repo| RepoMetadata {
                id: repo.id.clone(),
                guid: repo.guid.clone(),
            })
            .collect(),
        plans: plans
            .filter(|plan| shows_all || visible(Resource::Plan(&plan.id)))
            .map(|plan| PlanMetadata {
                id: plan.id.clone(),
            })
            .collect(),
    };
    lapsing::spoil_resources(&mut shown, lapses);
    Action::ReceiveResources(shown)
}

/// The repos that we, a host, share with this client, as ours; nothing when there are none.
pub(super) fn shared_repos(config: &Config, grants: &Grants) -> Option<Action> {
    let lapses = grants.lapses();
    let origin = config.instance_id().to_owned();
    let origin = lapses.swap(Lapse::PushedRepoWithoutOrigin, origin, |_| String::new());
    let origin = lapses.swap(Lapse::PushedRepoOfKeyId, origin, |_| {
        config.identity().keyid().to_owned()
    });
    let is_pushed = |repo: &&v1::Repo| {
        let shared = repo.shared || lapses.has(Lapse::UnsharedReposPushed);
        let allowed = grants.may_receive_shared_repo(&repo.id)
            || lapses.has(Lapse::SharedReposPushedUnasked)
            || lapses.has(Lapse::SharedReposScopeIgnored) && grants.may_push_shared_repos();
        shared && allowed && !lapses.has(Lapse::SharedReposNotPushed)
    };
    let repos: Vec<_> = config
        .repos()
        .iter()
        .filter(is_pushed)
        .map(|repo| v1::Repo {
            origin_instance_id: origin.clone(),
            ..repo.clone()
        })
        .collect();
    let is_sent = !repos.is_empty() || lapses.has(Lapse::EmptyPushSent);
    is_sent.then(|| {
        Action::SetConfig(SyncActionSetConfig {
            repos,
            ..SyncActionSetConfig::default()
        })
    })
}

/// Which of our operations one peer may read.
pub(super) struct OperationView<'a> {
    grants: &'a Grants,
    repo_ids_by_guid: HashMap<&'a str, &'a str>,
}

impl<'a> OperationView<'a> {
    pub fn new(config: &'a Config, grants: &'a Grants) -> Self {
        let repos = config.repos().iter();
        OperationView {
            grants,
            repo_ids_by_guid: repos
                .map(|repo| (repo.guid.as_str(), repo.id.as_str()))
                .collect(),
        }
    }

    pub fn includes(&self, operation: &v1::Operation) -> bool {
        let by_guid = self
            .repo_ids_by_guid
            .get(operation.repo_guid.as_str())
            .copied();
        let lapses = self.grants.lapses();
        self.grants.may_read_operation(OperationPlace {
            repo: lapses.swap(Lapse::OperationsByRepoId, by_guid, |_| {
                Some(operation.repo_id.as_str())
            }),
            named_repo: &operation.repo_id,
            plan: &operation.plan_id,
        })
    }
}
