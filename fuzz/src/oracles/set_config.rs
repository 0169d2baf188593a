//! `set_config` as section 7 tells it, by lists and scans.

use prost::Message as _;
use syncspec::{
    session::Class,
    wire::{
        v1::{
            self,
            multihost::{Permission, permission::Type},
        },
        v1sync::sync_stream_item::SyncActionSetConfig,
    },
};

use super::permissions::{any_of, may_write};

/// Repos, and plans, that it may leave: a limit of the reference, not of the protocol.
const CONFIG_LIST_LEN_MAX: usize = 10_000;

/// What becomes of a config; nothing when the request changes nothing.
pub fn apply(
    config: &v1::Config,
    host_instance_id: &str,
    permissions: &[Permission],
    request: &SyncActionSetConfig,
) -> Result<Option<v1::Config>, Class> {
    let named = |kind: &str, id: &str| format!("{kind}:{id}");
    let plans = request
        .plans
        .iter()
        .map(|plan| &plan.id)
        .chain(&request.plans_to_delete);
    let mut needed: Vec<String> = plans.map(|id| named("plan", id)).collect();
    needed.extend(request.repos_to_delete.iter().map(|id| named("repo", id)));
    if !needed.iter().all(|name| may_write(permissions, name)) {
        return Err(Class::Auth);
    }
    let mut changed = config.clone();
    for repo in &request.repos {
        let before = config.repos.iter().find(|old| old.guid == repo.guid);
        let writes = may_write(permissions, &named("repo", &repo.id))
            && before.is_none_or(|old| may_write(permissions, &named("repo", &old.id)));
        let shares = any_of(permissions, Type::PermissionReceiveSharedRepos)
            && before.is_none_or(|old| old.origin_instance_id == host_instance_id);
        let mut repo = repo.clone();
        match (writes, shares) {
            (true, _) => {}
            // What comes by way of sharing is this host's, whatever it claims.
            (false, true) => host_instance_id.clone_into(&mut repo.origin_instance_id),
            (false, false) => return Err(Class::Auth),
        }
        put_repo(&mut changed.repos, repo);
    }
    for plan in &request.plans {
        match changed.plans.iter_mut().find(|old| old.id == plan.id) {
            Some(old) => old.clone_from(plan),
            None => changed.plans.push(plan.clone()),
        }
    }
    changed
        .repos
        .retain(|repo| !request.repos_to_delete.contains(&repo.id));
    changed
        .plans
        .retain(|plan| !request.plans_to_delete.contains(&plan.id));
    // By their bytes: a number that is no number equals nothing, not even itself.
    if changed.encode_to_vec() == config.encode_to_vec() {
        return Ok(None);
    }
    if changed.repos.len() > CONFIG_LIST_LEN_MAX || changed.plans.len() > CONFIG_LIST_LEN_MAX {
        return Err(Class::Limit);
    }
    if !is_valid(&changed) {
        return Err(Class::Protocol);
    }
    changed.modno = changed.modno.saturating_add(1);
    Ok(Some(changed))
}

fn put_repo(repos: &mut Vec<v1::Repo>, repo: v1::Repo) {
    if let Some(old) = repos.iter_mut().find(|old| old.guid == repo.guid) {
        *old = repo;
    } else if repos
        .iter()
        .all(|other| other.id != repo.id && other.uri != repo.uri)
    {
        repos.push(repo);
    }
}

/// Each id, uri and guid is there and is no other's; each plan has its repo and a path.
fn is_valid(config: &v1::Config) -> bool {
    let unique = |texts: Vec<&str>| {
        let mut sorted = texts.clone();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.len() == texts.len() && texts.iter().all(|text| !text.is_empty())
    };
    unique(config.repos.iter().map(|repo| repo.id.as_str()).collect())
        && unique(config.repos.iter().map(|repo| repo.uri.as_str()).collect())
        && unique(config.repos.iter().map(|repo| repo.guid.as_str()).collect())
        && unique(config.plans.iter().map(|plan| plan.id.as_str()).collect())
        && config.plans.iter().all(|plan| {
            config.repos.iter().any(|repo| repo.id == plan.repo)
                && plan.paths.iter().any(|path| !path.is_empty())
        })
}
