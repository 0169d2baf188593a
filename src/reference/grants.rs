//! What one peer entry permits (`docs/protocol.md`, section 5).
//!
//! A scope names exactly one thing: `repo:ID` says nothing about the plans of that repo. Only an operation, which has
//! both a repo and a plan, may be reached through either.

use std::{collections::HashSet, error::Error, fmt, str::FromStr};

use crate::wire::v1::multihost::{Permission, permission::Type};

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
}

impl Grants {
    /// Reads the permissions of an entry. A type that nobody knows grants nothing; its scopes are read all the same.
    ///
    /// # Errors
    /// The first scope that has none of the five forms.
    pub fn parse(permissions: &[Permission]) -> Result<Grants, ScopeError> {
        let mut grants = Grants::default();
        for permission in permissions {
            let scopes = ScopeSet::parse(&permission.scopes)?;
            match permission.r#type() {
                Type::PermissionReadOperations => grants.read_operations.push(scopes),
                Type::PermissionReadConfig => grants.read_config.push(scopes),
                Type::PermissionReadWriteConfig => grants.write_config.push(scopes),
                Type::PermissionReceiveSharedRepos => grants.shared_repos.push(scopes),
                Type::PermissionUnknown => {}
            }
        }
        Ok(grants)
    }

    /// May the peer see that this repo or plan exists?
    pub fn may_know(&self, resource: Resource<'_>) -> bool {
        covered(&self.read_operations, resource) || self.may_read_config(resource)
    }

    /// May the peer see its configuration?
    pub fn may_read_config(&self, resource: Resource<'_>) -> bool {
        covered(&self.read_config, resource) || self.may_write(resource)
    }

    /// May the peer change it?
    pub fn may_write(&self, resource: Resource<'_>) -> bool {
        covered(&self.write_config, resource)
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
}

impl ScopeSet {
    fn parse(texts: &[String]) -> Result<ScopeSet, ScopeError> {
        let mut set = ScopeSet {
            everything: texts.is_empty(),
            ..ScopeSet::default()
        };
        for text in texts {
            match text.parse()? {
                Scope::Everything => set.everything = true,
                Scope::Repo(id) => drop(set.repos.insert(id)),
                Scope::Plan(id) => drop(set.plans.insert(id)),
                Scope::NotRepo(id) => drop(set.not_repos.insert(id)),
                Scope::NotPlan(id) => drop(set.not_plans.insert(id)),
            }
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
        self.everything
            || match resource {
                Resource::Repo(id) => self.repos.contains(id),
                Resource::Plan(id) => self.plans.contains(id),
            }
    }

    fn excludes(&self, resource: Resource<'_>) -> bool {
        match resource {
            Resource::Repo(id) => self.not_repos.contains(id),
            Resource::Plan(id) => self.not_plans.contains(id),
        }
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
