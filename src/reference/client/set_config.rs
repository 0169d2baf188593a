//! A host's change of our config, all of it or nothing (`docs/protocol.md`, section 7).

use std::collections::{HashMap, HashSet};

use super::lapsing::spoil_set_config;
use crate::{
    lapses::{Lapse, Lapses},
    reference::{
        config::Config,
        grants::{Grants, Resource},
        limits::Limits,
    },
    rules::RuleId,
    session::Violation,
    wire::{v1, v1sync::sync_stream_item::SyncActionSetConfig},
};

/// The config that the request makes of `config`, or nothing when it changes nothing. First plans and repos are created
/// or replaced, then deletions follow.
///
/// # Errors
/// One part that the host may not write, a result that is not valid, or one over a limit.
pub(super) fn apply(
    config: &Config,
    host_instance_id: &str,
    grants: &Grants,
    request: SyncActionSetConfig,
    limits: &Limits,
) -> Result<Option<Config>, Violation> {
    let lapses = grants.lapses();
    let request = spoil_set_config(request, grants, lapses);
    let permission = Permission {
        host_instance_id,
        grants,
        repos_by_guid: by_guid(config.repos()),
    };
    lapses.keep(
        Lapse::PlanPermissionUnchecked,
        permission.check_plans(&request),
    )?;
    lapses.keep(
        Lapse::DeletePermissionUnchecked,
        permission.check_deletions(&request),
    )?;
    let SyncActionSetConfig {
        repos,
        plans,
        repos_to_delete,
        plans_to_delete,
    } = request;
    let repos = repos
        .into_iter()
        .map(|repo| permission.check_repo(repo))
        .collect::<Result<Vec<_>, _>>()?;

    let mut message = config.message().clone();
    check_conflicts(&message.repos, &repos, lapses)?;
    put_repos(&mut message.repos, repos, lapses);
    put_plans(&mut message.plans, plans);
    let (repos_to_delete, plans_to_delete) = (id_set(&repos_to_delete), id_set(&plans_to_delete));
    if lapses.has(Lapse::UnknownDeletionEndsSession)
        && repos_to_delete
            .iter()
            .any(|id| message.repos.iter().all(|repo| repo.id != **id))
    {
        return Err(Violation::protocol(
            RuleId::InitiatorSetConfigUnknownDeletion,
            "the deletion of an unknown id",
        ));
    }
    message
        .repos
        .retain(|repo| !repos_to_delete.contains(repo.id.as_str()));
    message
        .plans
        .retain(|plan| !plans_to_delete.contains(plan.id.as_str()));

    if message == *config.message() && !lapses.has(Lapse::NoChangeCounts) {
        return Ok(None);
    }
    if message.repos.len().max(message.plans.len()) > limits.config_list_len_max {
        return Err(Violation::limit(
            RuleId::InitiatorSurvives,
            format!("more than {} repos or plans", limits.config_list_len_max),
        ));
    }
    let grown = message.modno.saturating_add(1);
    message.modno = lapses.swap(Lapse::SetConfigModnoStands, grown, |modno| modno - 1);
    let plans_before = config.plans().to_vec();
    let half = lapses
        .has(Lapse::InvalidResultHalfApplied)
        .then(|| v1::Config {
            plans: plans_before,
            ..message.clone()
        });
    let whole = Config::new(message);
    let result = match (whole, half) {
        (Err(_), Some(half)) => Config::new(half),
        (whole, _) => whole,
    };
    result.map(Some).map_err(|error| {
        Violation::protocol(RuleId::InitiatorSetConfigInvalidResult, error.to_string())
    })
}

/// What one host may change, judged by the config as it was before the request.
struct Permission<'a> {
    host_instance_id: &'a str,
    grants: &'a Grants,
    repos_by_guid: HashMap<&'a str, &'a v1::Repo>,
}

impl Permission<'_> {
    fn check_plans(&self, request: &SyncActionSetConfig) -> Result<(), Violation> {
        for plan in &request.plans {
            let rule = RuleId::InitiatorSetConfigPlanPermission;
            self.check_write(Resource::Plan(&plan.id), rule)?;
        }
        Ok(())
    }

    /// Unknown ids need permission too: otherwise the answer would tell which ids exist.
    fn check_deletions(&self, request: &SyncActionSetConfig) -> Result<(), Violation> {
        let repos = request.repos_to_delete.iter().map(|id| Resource::Repo(id));
        let plans = request.plans_to_delete.iter().map(|id| Resource::Plan(id));
        for resource in repos.chain(plans) {
            self.check_write(resource, RuleId::InitiatorSetConfigDeletePermission)?;
        }
        Ok(())
    }

    fn check_write(&self, resource: Resource<'_>, rule: RuleId) -> Result<(), Violation> {
        if self.grants.may_change(resource) {
            return Ok(());
        }
        Err(Violation::auth(rule, format!("a change of {resource:?}")))
    }

    /// The repo as it may be stored. One that comes by way of sharing is this host's, whatever it claims: its origin
    /// decides who may replace it later.
    fn check_repo(&self, repo: v1::Repo) -> Result<v1::Repo, Violation> {
        let lapses = self.grants.lapses();
        let existing = self.repos_by_guid.get(repo.guid.as_str());
        let may_write = |id: &str| self.grants.may_change(Resource::Repo(id));
        // A replacement may carry another id; the host must be allowed both.
        let is_permitted = may_write(&repo.id) && existing.is_none_or(|old| may_write(&old.id));
        if is_permitted || lapses.has(Lapse::RepoPermissionUnchecked) {
            return Ok(repo);
        }
        let may_share =
            self.grants.may_push_shared_repos() && !lapses.has(Lapse::SharedRepoRefused);
        let existing = existing.filter(|_| !lapses.has(Lapse::ForeignRepoReplaced));
        let rule = if !may_share {
            RuleId::InitiatorSetConfigRepoPermission
        } else if existing.is_some_and(|old| old.origin_instance_id != self.host_instance_id) {
            RuleId::InitiatorSetConfigForeignRepo
        } else {
            return Ok(v1::Repo {
                origin_instance_id: self.host_instance_id.to_owned(),
                ..repo
            });
        };
        Err(Violation::auth(
            rule,
            format!("a change of repo {:?}", repo.id),
        ))
    }
}

/// Repos are replaced by guid. A new one whose id or uri another repo has is skipped.
fn put_repos(repos: &mut Vec<v1::Repo>, changes: Vec<v1::Repo>, lapses: Lapses) {
    let key = |repo: &v1::Repo| match lapses.has(Lapse::RepoMatchedById) {
        true => repo.id.clone(),
        false => repo.guid.clone(),
    };
    let numbered = repos.iter().enumerate();
    let mut index: HashMap<String, usize> = numbered.map(|(at, repo)| (key(repo), at)).collect();
    let mut ids: HashSet<String> = repos.iter().map(|repo| repo.id.clone()).collect();
    let mut uris: HashSet<String> = repos.iter().map(|repo| repo.uri.clone()).collect();
    for repo in changes {
        let taken_by = repos.iter().position(|other| other.id == repo.id);
        if let Some(&at) = index.get(&key(&repo)) {
            repos[at] = repo;
        } else if let Some(at) = taken_by.filter(|_| lapses.has(Lapse::ConflictOverwrites)) {
            repos[at] = repo;
        } else if !ids.contains(&repo.id) && !uris.contains(&repo.uri) {
            ids.insert(repo.id.clone());
            uris.insert(repo.uri.clone());
            index.insert(key(&repo), repos.len());
            repos.push(repo);
        }
    }
}

/// Refuses a new repo whose id is taken, as a client does that does not skip it.
fn check_conflicts(
    repos: &[v1::Repo],
    changes: &[v1::Repo],
    lapses: Lapses,
) -> Result<(), Violation> {
    let clashes = |new: &v1::Repo| {
        let mut others = repos.iter().filter(|old| old.guid != new.guid);
        others.any(|old| old.id == new.id)
    };
    match lapses.has(Lapse::ConflictEndsSession) && changes.iter().any(clashes) {
        true => Err(Violation::protocol(
            RuleId::InitiatorSetConfigConflictSkipped,
            "a new repo whose id is taken",
        )),
        false => Ok(()),
    }
}

fn put_plans(plans: &mut Vec<v1::Plan>, changes: Vec<v1::Plan>) {
    let numbered = plans.iter().enumerate();
    let mut index: HashMap<String, usize> =
        numbered.map(|(at, plan)| (plan.id.clone(), at)).collect();
    for plan in changes {
        if let Some(&at) = index.get(&plan.id) {
            plans[at] = plan;
        } else {
            index.insert(plan.id.clone(), plans.len());
            plans.push(plan);
        }
    }
}

fn by_guid(repos: &[v1::Repo]) -> HashMap<&str, &v1::Repo> {
    repos
        .iter()
        .map(|repo| (repo.guid.as_str(), repo))
        .collect()
}

fn id_set(ids: &[String]) -> HashSet<&str> {
    ids.iter().map(String::as_str).collect()
}
