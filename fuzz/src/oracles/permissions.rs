//! Section 5 of the protocol once more, by scanning the texts.

use prost::Message as _;
use syncspec::{
    reference::grants::{Grants, OperationPlace, Resource},
    wire::v1::multihost::{Peer, Permission, permission::Type},
};

use crate::defect;

/// The permissions of an entry, encoded: read as this naive reading has it.
pub fn check(bytes: &[u8]) {
    let Ok(entry) = Peer::decode(bytes) else {
        return;
    };
    let scopes = entry
        .permissions
        .iter()
        .flat_map(|permission| &permission.scopes);
    if scopes.clone().count() > SCOPES_MAX {
        return;
    }
    // The ids that the scopes name themselves, and one that none does.
    let named = scopes.filter_map(|scope| scope.split_once(':').map(|(_, id)| id));
    let mut ids: Vec<&str> = named
        .take(IDS_MAX)
        .chain(["photos", "nobody-names-it"])
        .collect();
    ids.sort_unstable();
    ids.dedup();
    grants_equal_the_naive_reading(&entry.permissions, &ids);
}

/// Most scopes of one input, and most ids that it is asked about: the naive reading asks of each triple of ids.
const SCOPES_MAX: usize = 64;
const IDS_MAX: usize = 4;

/// Whether a permission of one of these kinds covers what `name` names, such as `repo:photos`.
pub fn covered(permissions: &[Permission], kinds: &[Type], name: &str) -> bool {
    of_kinds(permissions, kinds)
        .any(|permission| includes(permission, name) && !has(permission, &format!("!{name}")))
}

/// Whether an operation of this repo and plan may be sent. `repo` is the configured repo that has its guid; the repo
/// that it names itself can only exclude.
pub fn operation_covered(
    permissions: &[Permission],
    repo: Option<&str>,
    named_repo: &str,
    plan: &str,
) -> bool {
    of_kinds(permissions, &[Type::PermissionReadOperations]).any(|permission| {
        let by_repo = repo.is_some_and(|id| includes(permission, &format!("repo:{id}")));
        let by_plan = includes(permission, &format!("plan:{plan}"));
        let excluded = repo.is_some_and(|id| has(permission, &format!("!repo:{id}")))
            || has(permission, &format!("!repo:{named_repo}"))
            || has(permission, &format!("!plan:{plan}"));
        (by_repo || by_plan) && !excluded
    })
}

/// Whether there is a permission of this kind at all.
pub fn any_of(permissions: &[Permission], kind: Type) -> bool {
    of_kinds(permissions, &[kind]).next().is_some()
}

/// May its configuration be seen?
pub fn may_read_config(permissions: &[Permission], name: &str) -> bool {
    let kinds = [Type::PermissionReadConfig, Type::PermissionReadWriteConfig];
    covered(permissions, &kinds, name)
}

/// May it be known of?
pub fn may_know(permissions: &[Permission], name: &str) -> bool {
    may_read_config(permissions, name)
        || covered(permissions, &[Type::PermissionReadOperations], name)
}

/// May it be changed?
pub fn may_write(permissions: &[Permission], name: &str) -> bool {
    covered(permissions, &[Type::PermissionReadWriteConfig], name)
}

fn of_kinds<'a>(
    permissions: &'a [Permission],
    kinds: &'a [Type],
) -> impl Iterator<Item = &'a Permission> {
    let of_kind = |permission: &&Permission| kinds.contains(&permission.r#type());
    permissions.iter().filter(of_kind)
}

fn includes(permission: &Permission, name: &str) -> bool {
    permission.scopes.is_empty() || has(permission, "*") || has(permission, name)
}

fn has(permission: &Permission, text: &str) -> bool {
    permission.scopes.iter().any(|scope| scope == text)
}

/// A scope's form: the five of section 5, and no other.
pub fn is_scope(text: &str) -> bool {
    let named = |kind: &str| text.strip_prefix(kind).is_some_and(|id| !id.is_empty());
    text == "*"
        || ["repo:", "plan:", "!repo:", "!plan:"]
            .into_iter()
            .any(named)
}

/// The reference reads permissions as this naive reading does, for every id given.
pub fn grants_equal_the_naive_reading(permissions: &[Permission], ids: &[&str]) {
    let all_scopes = permissions.iter().flat_map(|permission| &permission.scopes);
    let well_formed = all_scopes.clone().all(|scope| is_scope(scope));
    let Ok(grants) = Grants::parse_lapsing(permissions, defect::lapses_of_both()) else {
        assert!(
            !well_formed,
            "refused although every scope has a form: {permissions:?}"
        );
        return;
    };
    assert!(
        well_formed,
        "accepted although a scope has no form: {permissions:?}"
    );
    for id in ids {
        for (resource, name) in [
            (Resource::Repo(id), format!("repo:{id}")),
            (Resource::Plan(id), format!("plan:{id}")),
        ] {
            let seen = [
                grants.may_know(resource),
                grants.may_read_config(resource),
                grants.may_write(resource),
            ];
            let naive = [
                may_know(permissions, &name),
                may_read_config(permissions, &name),
                may_write(permissions, &name),
            ];
            assert_eq!(
                seen, naive,
                "know, read, write of {name} under {permissions:?}"
            );
        }
        let shared = [Type::PermissionReceiveSharedRepos];
        assert_eq!(
            grants.may_receive_shared_repo(id),
            covered(permissions, &shared, &format!("repo:{id}")),
            "shared repo {id} under {permissions:?}"
        );
    }
    assert_eq!(
        grants.may_push_shared_repos(),
        any_of(permissions, Type::PermissionReceiveSharedRepos)
    );
    for (repo, named_repo, plan) in triples(ids) {
        let place = OperationPlace {
            repo,
            named_repo,
            plan,
        };
        assert_eq!(
            grants.may_read_operation(place),
            operation_covered(permissions, repo, named_repo, plan),
            "{place:?} under {permissions:?}"
        );
    }
}

fn triples<'a>(ids: &'a [&'a str]) -> impl Iterator<Item = (Option<&'a str>, &'a str, &'a str)> {
    let repos = ids.iter().map(|id| Some(*id)).chain([None]);
    repos.flat_map(move |repo| {
        ids.iter()
            .flat_map(move |named| ids.iter().map(move |plan| (repo, *named, *plan)))
    })
}
