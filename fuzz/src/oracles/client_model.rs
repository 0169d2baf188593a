//! A client as naive as can be: section 7 of the protocol, with lists and scans.

use std::{borrow::Cow, collections::BTreeMap};

use syncspec::{
    reference::config::Config,
    session::Class,
    wire::{
        Action,
        types::Int64List,
        v1::{
            self,
            multihost::{Peer, Permission},
            operation_event::Event,
        },
        v1sync::{
            PlanMetadata, RemoteConfig, RepoMetadata,
            sync_stream_item::{
                SyncActionOperationManifest, SyncActionReceiveConfig, SyncActionReceiveOperations,
                SyncActionReceiveResources,
            },
        },
    },
};

use super::{
    permissions::{may_know, may_read_config, operation_covered},
    set_config,
};
use crate::world::HOST;

const ID_LEN_BYTES_MAX: usize = 1024;
/// Operations in one answer: what deployed peers send.
const BATCH_LEN: usize = 512;

/// What the client should know.
pub struct ClientModel {
    /// Its config, with what its host made of it.
    pub config: Cow<'static, v1::Config>,
    /// Its own operations.
    pub operations: BTreeMap<i64, v1::Operation>,
    /// The host's config, as the host told.
    pub remote_config: Option<RemoteConfig>,
    /// The host's repos, as it told in this session.
    pub repos: Vec<RepoMetadata>,
    /// The host's plans, as it told in this session.
    pub plans: Vec<PlanMetadata>,
    /// When the host's last heartbeat came.
    pub last_heartbeat_millis: i64,
    capable: bool,
}

/// What the client should make of an item.
#[derive(Debug, PartialEq)]
pub enum Expected {
    /// It goes on, and answers this.
    Answer(Vec<Action>),
    /// It takes over a changed config, for which all its sessions end.
    Adopted,
    /// It ends the session.
    Refused(Class),
    /// It says that there is no such log.
    NoLog,
}

impl ClientModel {
    /// A client that has dialled nobody.
    pub fn new(config: &'static Config, capable: bool) -> Self {
        ClientModel {
            config: Cow::Borrowed(config.message()),
            operations: BTreeMap::new(),
            remote_config: None,
            repos: Vec::new(),
            plans: Vec::new(),
            last_heartbeat_millis: 0,
            capable,
        }
    }

    fn host(&self) -> Option<&Peer> {
        self.config.multihost.as_ref()?.known_hosts.first()
    }

    fn permissions(&self) -> &[Permission] {
        self.host().map_or(&[], |host| &host.permissions)
    }

    /// May the host read this operation?
    pub fn shows(&self, operation: &v1::Operation) -> bool {
        let repo = self
            .config
            .repos
            .iter()
            .find(|repo| repo.guid == operation.repo_guid);
        let repo = repo.map(|repo| repo.id.as_str());
        operation_covered(
            self.permissions(),
            repo,
            &operation.repo_id,
            &operation.plan_id,
        )
    }

    /// What a host is told first.
    pub fn first_items(&mut self) -> Vec<Action> {
        self.repos.clear();
        self.plans.clear();
        let permissions = self.permissions();
        let repos = self.config.repos.iter();
        let plans = self.config.plans.iter();
        let config = Action::ReceiveConfig(SyncActionReceiveConfig {
            config: Some(RemoteConfig {
                modno: self.config.modno,
                version: self.config.version,
                repos: repos
                    .filter(|repo| may_read_config(permissions, &format!("repo:{}", repo.id)))
                    .cloned()
                    .collect(),
                plans: plans
                    .filter(|plan| may_read_config(permissions, &format!("plan:{}", plan.id)))
                    .cloned()
                    .collect(),
            }),
        });
        vec![config, self.resources(), self.manifest()]
    }

    fn resources(&self) -> Action {
        let permissions = self.permissions();
        let repos = self.config.repos.iter();
        let plans = self.config.plans.iter();
        Action::ReceiveResources(SyncActionReceiveResources {
            repos: repos
                .filter(|repo| may_know(permissions, &format!("repo:{}", repo.id)))
                .map(|repo| RepoMetadata {
                    id: repo.id.clone(),
                    guid: repo.guid.clone(),
                })
                .collect(),
            plans: plans
                .filter(|plan| may_know(permissions, &format!("plan:{}", plan.id)))
                .map(|plan| PlanMetadata {
                    id: plan.id.clone(),
                })
                .collect(),
        })
    }

    fn manifest(&self) -> Action {
        let shown = self
            .operations
            .values()
            .filter(|operation| self.shows(operation));
        let (op_ids, modnos) = shown
            .map(|operation| (operation.id, operation.modno))
            .unzip();
        Action::OperationManifest(SyncActionOperationManifest { op_ids, modnos })
    }

    /// An operation of the client's own changed from one to the other.
    pub fn change(
        &self,
        before: Option<&v1::Operation>,
        after: Option<&v1::Operation>,
    ) -> Vec<Action> {
        let before = before.filter(|operation| self.shows(operation));
        let after = after.filter(|operation| self.shows(operation));
        let list = |operation: &v1::Operation| v1::OperationList {
            operations: vec![operation.clone()],
        };
        let event = match (before, after) {
            (None, None) => return Vec::new(),
            (None, Some(after)) => Event::CreatedOperations(list(after)),
            (Some(_), Some(after)) => Event::UpdatedOperations(list(after)),
            (Some(before), None) => Event::DeletedOperations(Int64List {
                values: vec![before.id],
            }),
        };
        vec![operations(event)]
    }

    /// The verified host sent this.
    pub fn receive(&mut self, action: &Action, now_unix_ms: i64) -> Expected {
        let nothing = Expected::Answer(Vec::new());
        match action {
            Action::Heartbeat(_) => {
                self.last_heartbeat_millis = now_unix_ms;
                nothing
            }
            Action::RequestOperationData(item) => {
                let mut asked = Vec::new();
                for id in &item.op_ids {
                    if !asked.contains(id) {
                        asked.push(*id);
                    }
                }
                let held = asked.iter().filter_map(|id| self.operations.get(id));
                let shown: Vec<_> = held
                    .filter(|operation| self.shows(operation))
                    .cloned()
                    .collect();
                let batches = shown.chunks(BATCH_LEN).map(|batch| {
                    operations(Event::UpdatedOperations(v1::OperationList {
                        operations: batch.to_vec(),
                    }))
                });
                Expected::Answer(batches.collect())
            }
            Action::OperationManifest(_) => Expected::Answer(vec![self.manifest()]),
            Action::RequestResources(_) => Expected::Answer(vec![self.resources()]),
            Action::ReceiveConfig(item) => match &item.config {
                None => Expected::Refused(Class::Protocol),
                Some(config) => {
                    self.remote_config = Some(config.clone());
                    nothing
                }
            },
            Action::ReceiveResources(item) => match self.merge(item) {
                true => nothing,
                false => Expected::Refused(Class::Limit),
            },
            Action::SetConfig(item) => {
                let permissions = self.permissions().to_vec();
                match set_config::apply(&self.config, HOST, &permissions, item) {
                    Err(class) => Expected::Refused(class),
                    Ok(None) => nothing,
                    Ok(Some(config)) => {
                        self.config = Cow::Owned(config);
                        Expected::Adopted
                    }
                }
            }
            Action::RequestLog(item) if self.capable => {
                match item.log_id.len() > ID_LEN_BYTES_MAX {
                    true => Expected::Refused(Class::Limit),
                    false => Expected::NoLog,
                }
            }
            Action::Throttle(_) if self.capable => nothing,
            _ => Expected::Refused(Class::Protocol),
        }
    }

    fn merge(&mut self, item: &SyncActionReceiveResources) -> bool {
        for repo in &item.repos {
            if repo.id.len() > ID_LEN_BYTES_MAX || repo.guid.len() > ID_LEN_BYTES_MAX {
                return false;
            }
            match self.repos.iter_mut().find(|known| known.id == repo.id) {
                Some(known) => known.clone_from(repo),
                None => self.repos.push(repo.clone()),
            }
        }
        for plan in &item.plans {
            if plan.id.len() > ID_LEN_BYTES_MAX {
                return false;
            }
            if !self.plans.contains(plan) {
                self.plans.push(plan.clone());
            }
        }
        true
    }
}

fn operations(event: Event) -> Action {
    Action::ReceiveOperations(SyncActionReceiveOperations {
        event: Some(v1::OperationEvent { event: Some(event) }),
    })
}
