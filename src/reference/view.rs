//! What a peer is shown of our config and operations, under what it is granted (`docs/protocol.md`, section 5).

use std::collections::HashMap;

use super::{
    config::Config,
    grants::{Grants, OperationPlace, Resource},
};
use crate::wire::{
    Action, v1,
    v1sync::{
        PlanMetadata, RemoteConfig, RepoMetadata,
        sync_stream_item::{
            SyncActionReceiveConfig, SyncActionReceiveResources, SyncActionSetConfig,
        },
    },
};

/// The config, with the repos and plans whose configuration the peer may see.
pub(super) fn receive_config(config: &Config, grants: &Grants) -> Action {
    let repos = config.repos().iter();
    let plans = config.plans().iter();
    Action::ReceiveConfig(SyncActionReceiveConfig {
        config: Some(RemoteConfig {
            modno: config.message().modno,
            version: config.message().version,
            repos: repos
                .filter(|repo| grants.may_read_config(Resource::Repo(&repo.id)))
                .cloned()
                .collect(),
            plans: plans
                .filter(|plan| grants.may_read_config(Resource::Plan(&plan.id)))
                .cloned()
                .collect(),
        }),
    })
}

/// The ids of the repos and plans that are visible.
pub(super) fn receive_resources(config: &Config, visible: impl Fn(Resource<'_>) -> bool) -> Action {
    let repos = config.repos().iter();
    let plans = config.plans().iter();
    Action::ReceiveResources(SyncActionReceiveResources {
        repos: repos
            .filter(|repo| visible(Resource::Repo(&repo.id)))
            .map(|repo| RepoMetadata {
                id: repo.id.clone(),
                guid: repo.guid.clone(),
            })
            .collect(),
        plans: plans
            .filter(|plan| visible(Resource::Plan(&plan.id)))
            .map(|plan| PlanMetadata {
                id: plan.id.clone(),
            })
            .collect(),
    })
}

/// The repos that we, a host, share with this client, as ours; nothing when there are none.
pub(super) fn shared_repos(config: &Config, grants: &Grants) -> Option<Action> {
    let repos: Vec<_> = config
        .repos()
        .iter()
        .filter(|repo| repo.shared && grants.may_receive_shared_repo(&repo.id))
        .map(|repo| v1::Repo {
            origin_instance_id: config.instance_id().to_owned(),
            ..repo.clone()
        })
        .collect();
    (!repos.is_empty()).then(|| {
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
        self.grants.may_read_operation(OperationPlace {
            repo: self
                .repo_ids_by_guid
                .get(operation.repo_guid.as_str())
                .copied(),
            named_repo: &operation.repo_id,
            plan: &operation.plan_id,
        })
    }
}
