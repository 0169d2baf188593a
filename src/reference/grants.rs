//! What one peer entry permits (`docs/protocol.md`, section 5).
//!
//! A scope names exactly one thing: `repo:ID` says nothing about the plans of that repo. Only an operation, which has
//! both a repo and a plan, may be reached through either.

use std::{collections::HashSet, error::Error, fmt, str::FromStr};

use crate::{
    lapses::{Lapse, Lapses},
    wire::v1::multihost::{Permission, permission::Type},
};

/// Something a scope can name, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// A repo.
    Repo(&'a str),
    /// A plan.
    Plan(&'a str),
}

/// Where an operation belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationPlace<'a> {
    /// Id of the configured repo that has the operation's repo guid.
    pub repo: Option<&'a str>,
    /// The repo id that the operation itself names. It only ever excludes: an id may have passed to another repo since.
    pub named_repo: &'a str,
    /// Id of its plan.
    pub plan: &'a str,
}

/// The permissions of one peer entry, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    read_operations: Vec<ScopeSet>,
    read_config: Vec<ScopeSet>,
    write_config: Vec<ScopeSet>,
    shared_repos: Vec<ScopeSet>,
    lapses: Lapses,
}

impl Grants {
    /// Reads the permissions of an entry. A type that nobody knows grants nothing; its scopes are read all the same.
    ///
    /// # Errors
    /// The first scope that has none of the five forms.
    pub fn parse(permissions: &[Permission]) -> Result<Grants, ScopeError> {
        Grants::parse_lapsing(permissions, Lapses::NONE)
    }

    /// [`Grants::parse`], as a peer with lapses does it; it answers as one too.
    ///
    /// # Errors
    /// As there.
    pub fn parse_lapsing(permissions: &[Permission], lapses: Lapses) -> Result<Grants, ScopeError> {
        let mut grants = Grants {
            lapses,
            ..Grants::default()
        };
        for permission in permissions {
            let scopes = ScopeSet::parse(&permission.scopes, lapses)?;
            let sets = match permission.r#type() {
                Type::PermissionReadOperations => &mut grants.read_operations,
                Type::PermissionReadConfig => &mut grants.read_config,
                Type::PermissionReadWriteConfig => &mut grants.write_config,
                Type::PermissionReceiveSharedRepos => &mut grants.shared_repos,
                Type::PermissionUnknown => continue,
            };
            if lapses.has(Lapse::LastOfTypeCounts) {
                sets.clear();
            }
            sets.push(scopes);
        }
        if permissions.is_empty() && lapses.has(Lapse::NoPermissionShowsAll) {
            grants.read_config.push(ScopeSet::parse(&[], lapses)?);
        }
        Ok(grants)
    }

    /// What the peer gets wrong that answers these questions.
    pub(super) fn lapses(&self) -> Lapses {
        self.lapses
    }

    /// May the peer see that this repo or plan exists?
    pub fn may_know(&self, resource: Resource<'_>) -> bool {
        covered(&self.read_operations, resource) || self.may_read_config(resource)
    }

    /// May the peer see its configuration?
    pub fn may_read_config(&self, resource: Resource<'_>) -> bool {
        covered(&self.read_config, resource)
            || self.may_write(resource)
            || self.lapses.has(Lapse::ReadOperationsShowsConfig)
                && covered(&self.read_operations, resource)
    }

    /// May the peer change it?
    pub fn may_write(&self, resource: Resource<'_>) -> bool {
        covered(&self.write_config, resource)
    }

    /// [`Grants::may_write`], as a client with a lapse asks itself before it changes anything.
    pub(super) fn may_change(&self, resource: Resource<'_>) -> bool {
        let (lapses, writes) = (self.lapses, &self.write_config);
        self.may_write(resource)
            || lapses.has(Lapse::WriteScopeUnchecked) && !writes.is_empty()
            || lapses.has(Lapse::WriteExclusionIgnored)
                && writes.iter().any(|scopes| scopes.includes(resource))
            || lapses.has(Lapse::ReadersMayWrite) && covered(&self.read_config, resource)
    }

    /// May this operation be sent to the peer? Its repo or its plan must be included, and neither excluded.
    pub fn may_read_operation(&self, place: OperationPlace<'_>) -> bool {
        self.read_operations
            .iter()
            .any(|scopes| scopes.covers_operation(place))
    }

    /// Host side: may this shared repo be pushed to the client?
    pub fn may_receive_shared_repo(&self, id: &str) -> bool {
        covered(&self.shared_repos, Resource::Repo(id))
    }

    /// Client side: may the host push shared repos? The permission counts whatever its scopes.
    pub fn may_push_shared_repos(&self) -> bool {
        !self.shared_repos.is_empty()
    }
}

fn covered(sets: &[ScopeSet], resource: Resource<'_>) -> bool {
    sets.iter().any(|scopes| scopes.covers(resource))
}

/// One scope, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `*`
    Everything,
    /// `repo:ID`
    Repo(String),
    /// `plan:ID`
    Plan(String),
    /// `!repo:ID`
    NotRepo(String),
    /// `!plan:ID`
    NotPlan(String),
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text == "*" {
            return Ok(Scope::Everything);
        }
        let named = text.split_once(':').filter(|(_, id)| !id.is_empty());
        match named.map(|(kind, id)| (kind, id.to_owned())) {
            Some(("repo", id)) => Ok(Scope::Repo(id)),
            Some(("plan", id)) => Ok(Scope::Plan(id)),
            Some(("!repo", id)) => Ok(Scope::NotRepo(id)),
            Some(("!plan", id)) => Ok(Scope::NotPlan(id)),
            _ => Err(ScopeError {
                seen: text.to_owned(),
            }),
        }
    }
}

/// A text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeError {
    /// The text.
    pub seen: String,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected a scope `*`, `repo:ID`, `plan:ID`, `!repo:ID` or `!plan:ID`, saw {:?}",
            self.seen
        )
    }
}

impl Error for ScopeError {}

/// The scopes of one permission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ScopeSet {
    everything: bool,
    repos: HashSet<String>,
    plans: HashSet<String>,
    not_repos: HashSet<String>,
    not_plans: HashSet<String>,
    lapses: Lapses,
}

impl ScopeSet {
    fn parse(texts: &[String], lapses: Lapses) -> Result<ScopeSet, ScopeError> {
        let mut set = ScopeSet {
            everything: texts.is_empty() && !lapses.has(Lapse::NoScopesMeanNothing),
            lapses,
            ..ScopeSet::default()
        };
        for text in texts {
            let scope = match text.parse() {
                Err(_) if lapses.has(Lapse::UnknownScopeIgnored) => continue,
                Err(_) if lapses.has(Lapse::UnknownScopeIsWildcard) => Scope::Everything,
                scope => scope?,
            };
            match scope {
                Scope::Everything => set.everything = true,
                Scope::Repo(id) => drop(set.repos.insert(id)),
                Scope::Plan(id) => drop(set.plans.insert(id)),
                Scope::NotRepo(id) => drop(set.not_repos.insert(id)),
                Scope::NotPlan(id) => drop(set.not_plans.insert(id)),
            }
        }
        let excludes_only = !set.everything && set.repos.is_empty() && set.plans.is_empty();
        if excludes_only && lapses.has(Lapse::ExclusionsGrantTheRest) {
            set.everything = true;
        }
        Ok(set)
    }

    fn covers(&self, resource: Resource<'_>) -> bool {
        self.includes(resource) && !self.excludes(resource)
    }

    fn covers_operation(&self, place: OperationPlace<'_>) -> bool {
        let plan = Resource::Plan(place.plan);
        let repo = place.repo.map(Resource::Repo);
        let included = self.includes(plan) || repo.is_some_and(|repo| self.includes(repo));
        let excluded = self.excludes(plan)
            || repo.is_some_and(|repo| self.excludes(repo))
            || self.excludes(Resource::Repo(place.named_repo));
        included && !excluded
    }

    fn includes(&self, resource: Resource<'_>) -> bool {
        self.everything || self.names(resource)
    }

    fn names(&self, resource: Resource<'_>) -> bool {
        let (id, own, other) = match resource {
            Resource::Repo(id) => (id, &self.repos, &self.plans),
            Resource::Plan(id) => (id, &self.plans, &self.repos),
        };
        own.contains(id)
            || self.lapses.has(Lapse::ScopeKindIgnored) && other.contains(id)
            || self.lapses.has(Lapse::ScopeComparedInPart)
                && own.iter().any(|scope| id.starts_with(scope.as_str()))
    }

    fn excludes(&self, resource: Resource<'_>) -> bool {
        let lapses = self.lapses;
        let is_beaten = lapses.has(Lapse::ExclusionIgnored)
            || lapses.has(Lapse::InclusionWins) && self.names(resource)
            || lapses.has(Lapse::WildcardWins) && self.everything;
        let is_listed = match resource {
            Resource::Repo(id) => self.not_repos.contains(id),
            Resource::Plan(id) => self.not_plans.contains(id),
        };
        is_listed && !is_beaten
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPES: [Type; 5] = [
        Type::PermissionUnknown,
        Type::PermissionReadOperations,
        Type::PermissionReadConfig,
        Type::PermissionReadWriteConfig,
        Type::PermissionReceiveSharedRepos,
    ];

    fn permission(kind: Type, scopes: &[&str]) -> Permission {
        Permission {
            r#type: kind.into(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }
    }

    fn reader(scopes: &[&str]) -> Grants {
        Grants::parse(&[permission(Type::PermissionReadConfig, scopes)]).unwrap()
    }

    #[test]
    fn text_of_no_form_then_scope_error_names_it() {
        for text in [
            "", "repo", "repo:", "!repo:", "plan:", "!*", "**", " *", "Repo:a", "!!repo:a",
            "host:a",
        ] {
            let error = Grants::parse(&[permission(Type::PermissionUnknown, &["*", text])]);
            assert_eq!(
                error,
                Err(ScopeError {
                    seen: text.to_owned()
                })
            );
        }
    }

    #[test]
    fn id_with_separators_then_it_is_text() {
        assert_eq!("repo:a:b".parse(), Ok(Scope::Repo("a:b".to_owned())));
        assert_eq!("!plan: !".parse(), Ok(Scope::NotPlan(" !".to_owned())));
        assert_eq!("repo:*".parse(), Ok(Scope::Repo("*".to_owned())));
    }

    #[test]
    fn no_scopes_then_everything() {
        assert!(reader(&[]).may_read_config(Resource::Repo("a")));
    }

    #[test]
    fn exclusion_alone_then_nothing() {
        let grants = reader(&["!repo:x"]);
        assert!(!grants.may_read_config(Resource::Repo("a")));
        assert!(!grants.may_read_config(Resource::Plan("x")));
    }

    #[test]
    fn exclusion_beside_wildcard_then_all_but_it() {
        let grants = reader(&["*", "!repo:x"]);
        assert!(grants.may_read_config(Resource::Repo("a")));
        assert!(grants.may_read_config(Resource::Plan("x")));
        assert!(!grants.may_read_config(Resource::Repo("x")));
    }

    #[test]
    fn type_twice_then_either_grants() {
        let grants = Grants::parse(&[
            permission(Type::PermissionReadConfig, &["*", "!repo:x"]),
            permission(Type::PermissionReadConfig, &["repo:x"]),
        ])
        .unwrap();
        assert!(grants.may_read_config(Resource::Repo("x")));
    }

    #[test]
    fn operation_of_included_repo_and_excluded_plan_then_not_sent() {
        let grants = Grants::parse(&[permission(
            Type::PermissionReadOperations,
            &["repo:r", "plan:p", "!plan:q"],
        )])
        .unwrap();
        let at = |repo, named_repo, plan| {
            grants.may_read_operation(OperationPlace {
                repo,
                named_repo,
                plan,
            })
        };
        assert!(at(Some("r"), "r", "other"));
        assert!(at(None, "gone", "p"));
        assert!(!at(Some("r"), "r", "q"));
        assert!(!at(None, "r", "other"));
    }

    #[test]
    fn operation_of_a_deleted_excluded_repo_then_not_sent() {
        let grants = Grants::parse(&[permission(
            Type::PermissionReadOperations,
            &["*", "!repo:gone"],
        )])
        .unwrap();
        assert!(!grants.may_read_operation(OperationPlace {
            repo: None,
            named_repo: "gone",
            plan: "p",
        }));
    }

    #[test]
    fn shared_repos_then_host_side_goes_by_scope_and_client_side_does_not() {
        let grants =
            Grants::parse(&[permission(Type::PermissionReceiveSharedRepos, &["repo:a"])]).unwrap();
        assert!(grants.may_receive_shared_repo("a"));
        assert!(!grants.may_receive_shared_repo("b"));
        assert!(grants.may_push_shared_repos());
        assert!(!grants.may_know(Resource::Repo("a")));
    }

    /// Section 5 once more, by scanning the texts.
    fn naive(permissions: &[Permission], kinds: &[Type], name: &str) -> bool {
        permissions
            .iter()
            .filter(|permission| kinds.contains(&permission.r#type()))
            .any(|permission| {
                let has = |text: String| permission.scopes.contains(&text);
                let included =
                    permission.scopes.is_empty() || has("*".to_owned()) || has(name.to_owned());
                included && !has(format!("!{name}"))
            })
    }

    fn any_permissions() -> impl Strategy<Value = Vec<Permission>> {
        let scope = prop_oneof![Just("*".to_owned()), "!?(repo|plan):[ab]",];
        let permission =
            (0..TYPES.len(), prop::collection::vec(scope, 0..5)).prop_map(|(kind, scopes)| {
                Permission {
                    r#type: TYPES[kind].into(),
                    scopes,
                }
            });
        prop::collection::vec(permission, 0..4)
    }

    proptest! {
        #[test]
        fn any_permissions_then_answers_equal_the_naive_reading(permissions in any_permissions()) {
            use Type::{
                PermissionReadConfig as Read, PermissionReadOperations as Operations,
                PermissionReadWriteConfig as Write, PermissionReceiveSharedRepos as Shared,
            };
            let grants = Grants::parse(&permissions).unwrap();
            for id in ["a", "b", "c"] {
                for (resource, name) in [
                    (Resource::Repo(id), format!("repo:{id}")),
                    (Resource::Plan(id), format!("plan:{id}")),
                ] {
                    prop_assert_eq!(grants.may_write(resource), naive(&permissions, &[Write], &name));
                    prop_assert_eq!(grants.may_change(resource), grants.may_write(resource));
                    prop_assert_eq!(grants.may_read_config(resource), naive(&permissions, &[Read, Write], &name));
                    prop_assert_eq!(grants.may_know(resource), naive(&permissions, &[Operations, Read, Write], &name));
                }
                prop_assert_eq!(
                    grants.may_receive_shared_repo(id),
                    naive(&permissions, &[Shared], &format!("repo:{id}"))
                );
            }
        }
    }
}
