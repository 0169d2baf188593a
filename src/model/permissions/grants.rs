//! The combinations of permissions that are tried, each for what it would catch.

use serde_json::Value as Json;

use super::oracle::Permission;
use crate::{
    rules::RuleId,
    scenario::model::PermissionKind::{
        self, ReadConfig, ReadOperations, ReadWriteConfig, ReceiveSharedRepos,
    },
};

/// The scopes of one permission, and what their form would catch.
struct Form {
    name: &'static str,
    scopes: &'static [&'static str],
    /// In words, behind "in the scope of".
    words: &'static str,
    /// The rule that the form itself is about; none where it is what may be seen that counts.
    rule: Option<RuleId>,
}

const fn form(
    name: &'static str,
    scopes: &'static [&'static str],
    words: &'static str,
    rule: Option<RuleId>,
) -> Form {
    Form {
        name,
        scopes,
        words,
        rule,
    }
}

const WINS: Option<RuleId> = Some(RuleId::PermissionsExclusionWins);
const ALONE: Option<RuleId> = Some(RuleId::PermissionsExclusionsAloneGrantNothing);
const ALL: Option<RuleId> = Some(RuleId::PermissionsNoScopesMeansAll);
const FORMS: Option<RuleId> = Some(RuleId::PermissionsScopeForms);

#[rustfmt::skip]
const OF_ANYTHING: &[Form] = &[
    form("no-scopes", &[], "no scope at all", ALL),
    form("everything", &["*"], "the wildcard", FORMS),
    form("one-repo", &["repo:$photos"], "one repo", None),
    form("two-repos", &["repo:$photos", "repo:$music"], "two repos", None),
    form("same-repo-twice", &["repo:$films", "repo:$films"], "one repo named twice", None),
    form("everything-but-a-repo", &["*", "!repo:$photos"], "the wildcard but for a repo", WINS),
    form("exclusion-in-front", &["!repo:$photos", "*"], "a wildcard behind an exclusion", WINS),
    form("everything-but-a-plan", &["*", "!plan:$daily"], "the wildcard but for a plan", WINS),
    form("included-and-excluded", &["repo:$photos", "!repo:$photos"], "a repo that is excluded too", WINS),
    form("one-of-two-excluded", &["repo:$photos", "repo:$films", "!repo:$photos"], "two repos, one of them excluded", WINS),
    form("exclusion-alone", &["!repo:$photos"], "an exclusion alone", ALONE),
    form("exclusions-alone", &["!repo:$photos", "!plan:$daily"], "two exclusions alone", ALONE),
    form("excluding-what-is-not-there", &["repo:$films", "!repo:nowhere"], "a repo, and an exclusion of another", WINS),
    form("foreign-repo", &["repo:nowhere"], "a repo that is not there", None),
    form("foreign-and-own", &["repo:nowhere", "repo:$films"], "a repo, and one that is not there", None),
    form("beginning-of-an-id", &["repo:photo"], "the beginning of a repo's id", None),
    form("id-and-more", &["repo:${photos}x"], "a repo's id with a letter behind it", None),
    form("plan-id-as-repo", &["repo:$daily"], "a plan's id as a repo", None),
    form("repo-id-as-plan", &["plan:$photos"], "a repo's id as a plan", None),
];

/// Where plans count as well.
#[rustfmt::skip]
const OF_PLANS: &[Form] = &[
    form("one-plan", &["plan:$daily"], "one plan", None),
    form("repo-and-plan", &["repo:$music", "plan:$daily"], "a repo, and a plan of another", None),
    form("plan-included-and-excluded", &["plan:$daily", "plan:$weekly", "!plan:$daily"], "two plans, one of them excluded", WINS),
    form("repo-excluded-under-its-plan-id", &["*", "!repo:$daily"], "the wildcard but for a plan's id as a repo", WINS),
];

/// Permissions together, and what their combination would catch.
struct Combination {
    name: &'static str,
    permissions: &'static [(PermissionKind, &'static [&'static str])],
    claim: &'static str,
    rule: RuleId,
}

#[rustfmt::skip]
const COMBINATIONS: &[Combination] = &[
    Combination {
        name: "none",
        permissions: &[],
        claim: "A client without any permission is shown empty lists, and nothing is pushed to it.",
        rule: RuleId::PermissionsNoneShowsNothing,
    },
    Combination {
        name: "read-config-twice",
        permissions: &[(ReadConfig, &["repo:$photos"]), (ReadConfig, &["plan:$weekly"])],
        claim: "Two permissions of one type show what either shows.",
        rule: RuleId::PermissionsSameTypeTwice,
    },
    Combination {
        name: "read-config-twice-in-other-order",
        permissions: &[(ReadConfig, &["plan:$weekly"]), (ReadConfig, &["repo:$photos"])],
        claim: "Two permissions of one type show what either shows, whichever stands first.",
        rule: RuleId::PermissionsSameTypeTwice,
    },
    Combination {
        name: "excluded-by-one-of-two",
        permissions: &[(ReadConfig, &["*", "!repo:$photos"]), (ReadConfig, &["repo:$photos"])],
        claim: "An exclusion limits the permission it stands in, and not another of its type.",
        rule: RuleId::PermissionsSameTypeTwice,
    },
    Combination {
        name: "exclusion-alone-beside-the-wildcard",
        permissions: &[(ReadConfig, &["!repo:$photos"]), (ReadConfig, &["*"])],
        claim: "A permission of exclusions alone takes nothing from another of its type.",
        rule: RuleId::PermissionsSameTypeTwice,
    },
    Combination {
        name: "shared-repos-twice",
        permissions: &[(ReceiveSharedRepos, &["repo:$photos"]), (ReceiveSharedRepos, &["repo:$films"])],
        claim: "Two permissions to receive shared repos push what either allows.",
        rule: RuleId::PermissionsSameTypeTwice,
    },
    Combination {
        name: "read-and-read-write",
        permissions: &[(ReadConfig, &["repo:$photos"]), (ReadWriteConfig, &["plan:$daily"])],
        claim: "What may be read and what may be written is shown, each in its own scope.",
        rule: RuleId::ResponderConfigFiltered,
    },
    Combination {
        name: "operations-of-everything-config-of-one",
        permissions: &[(ReadOperations, &["*"]), (ReadConfig, &["repo:$photos"])],
        claim: "A wide permission to read operations widens no permission to read configuration.",
        rule: RuleId::PermissionsReadOperationsShowsNoConfig,
    },
    Combination {
        name: "config-of-one-shared-of-another",
        permissions: &[(ReadConfig, &["repo:$music"]), (ReceiveSharedRepos, &["repo:$films"])],
        claim: "Each permission holds in its own scope: one repo is shown, another is pushed.",
        rule: RuleId::ResponderConfigFiltered,
    },
    Combination {
        name: "shared-of-what-is-not-shared",
        permissions: &[(ReceiveSharedRepos, &["repo:$music"])],
        claim: "A repo that is not marked shared is not pushed, whoever may receive it.",
        rule: RuleId::ResponderSharedReposOnlyShared,
    },
    Combination {
        name: "config-of-what-is-shared",
        permissions: &[(ReadWriteConfig, &["repo:$photos", "repo:$films"])],
        claim: "Who may read and write shared repos, but not receive them, is pushed none.",
        rule: RuleId::ResponderSharedReposInScope,
    },
];

/// Scopes that are none: a name, the permission, the scopes.
#[rustfmt::skip]
pub const REFUSED: &[(&str, PermissionKind, &[&str])] = &[
    ("word", ReadConfig, &["everything"]),
    ("empty", ReadConfig, &[""]),
    ("kind-alone", ReadConfig, &["repo"]),
    ("other-kind", ReadConfig, &["host:$photos"]),
    ("plural", ReadConfig, &["repos:$photos"]),
    ("capital", ReadConfig, &["Repo:$photos"]),
    ("excluded-wildcard", ReadConfig, &["!*"]),
    ("space-in-front", ReadConfig, &[" repo:$photos"]),
    ("behind-a-good-one", ReadConfig, &["repo:$photos", "nonsense"]),
    ("behind-the-wildcard", ReadConfig, &["*", "nonsense"]),
    ("of-operations", ReadOperations, &["nonsense"]),
    ("of-read-write", ReadWriteConfig, &["nonsense"]),
    ("of-shared-repos", ReceiveSharedRepos, &["nonsense"]),
];

/// One row of the matrix.
pub struct Grants {
    name: String,
    claim: String,
    permissions: Vec<(PermissionKind, &'static [&'static str])>,
    /// The rule it is chiefly about.
    pub rule: RuleId,
}

impl Grants {
    /// Last parts of the case id.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The claim, one sentence.
    pub fn claim(&self) -> String {
        self.claim.clone()
    }

    /// The permissions.
    pub fn permissions(&self) -> Vec<Permission<'static>> {
        let permissions = self.permissions.iter();
        permissions
            .map(|(kind, scopes)| Permission {
                kind: *kind,
                scopes,
            })
            .collect()
    }

    /// As a scenario has them.
    pub fn permissions_json(&self) -> Json {
        let permissions = self.permissions();
        permissions.iter().map(Permission::json).collect()
    }

    /// Whether a permission holds for more than the case was given.
    pub fn reaches_everything(&self) -> bool {
        let mut permissions = self.permissions.iter();
        permissions.any(|(_, scopes)| scopes.is_empty() || scopes.contains(&"*"))
    }
}

/// Every row: each type with each form that can matter to it, then types together.
pub fn all() -> impl Iterator<Item = Grants> {
    let config = [ReadConfig, ReadWriteConfig].into_iter().flat_map(|kind| {
        let forms = OF_ANYTHING.iter().chain(OF_PLANS);
        forms.map(move |form| single(kind, form, RuleId::ResponderConfigFiltered))
    });
    // Operations show no configuration, so their scopes can only show too much.
    let wide = |form: &&Form| ["no-scopes", "everything", "one-repo"].contains(&form.name);
    let operations = OF_ANYTHING.iter().filter(wide).map(|form| {
        let rule = RuleId::PermissionsReadOperationsShowsNoConfig;
        Grants {
            rule,
            ..single(ReadOperations, form, rule)
        }
    });
    let shared = OF_ANYTHING.iter().map(|form| {
        single(
            ReceiveSharedRepos,
            form,
            RuleId::ResponderSharedReposInScope,
        )
    });
    let combinations = COMBINATIONS.iter().map(|combination| Grants {
        name: format!("together/{}", combination.name),
        claim: combination.claim.to_owned(),
        permissions: combination.permissions.to_vec(),
        rule: combination.rule,
    });
    config.chain(operations).chain(shared).chain(combinations)
}

fn single(kind: PermissionKind, form: &Form, rule: RuleId) -> Grants {
    Grants {
        name: format!("{}/{}", kind_name(kind), form.name),
        claim: format!(
            "A client with {} in the scope of {} is shown exactly what that covers.",
            kind_name(kind),
            form.words
        ),
        permissions: vec![(kind, form.scopes)],
        rule: form.rule.unwrap_or(rule),
    }
}

/// The word of a type in scenarios.
pub fn kind_name(kind: PermissionKind) -> &'static str {
    match kind {
        ReadOperations => "read-operations",
        ReadConfig => "read-config",
        ReadWriteConfig => "read-write-config",
        ReceiveSharedRepos => "receive-shared-repos",
    }
}
