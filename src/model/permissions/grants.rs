//! The combinations of permissions that are tried, each for what it would catch.

use super::oracle::Permission;
use crate::{
    rules::{Level, RuleId},
    scenario::model::PermissionKind::{
        self, ReadConfig, ReadOperations, ReadWriteConfig, ReceiveSharedRepos,
    },
    wire::Role,
};

/// The scopes of one permission, and what their form would catch.
struct Form {
    name: &'static str,
    scopes: &'static [&'static str],
    /// In words, behind "has as its scopes".
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
const SHARED: Option<RuleId> = Some(RuleId::ResponderSharedReposInScope);
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
    form("foreign-repo", &["repo:nowhere"], "a repo that is not there", FORMS),
    form("foreign-and-own", &["repo:nowhere", "repo:$films"], "a repo, and one that is not there", FORMS),
    form("beginning-of-an-id", &["repo:photo"], "the beginning of a repo's id", FORMS),
    form("id-and-more", &["repo:${photos}x"], "a repo's id with a letter behind it", FORMS),
    form("plan-id-as-repo", &["repo:$daily"], "a plan's id as a repo", FORMS),
    form("repo-id-as-plan", &["plan:$photos"], "a repo's id as a plan", FORMS),
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
    /// None where it is what may be seen that counts.
    rule: Option<RuleId>,
}

#[rustfmt::skip]
const COMBINATIONS: &[Combination] = &[
    Combination {
        name: "none",
        permissions: &[],
        claim: "A peer without any permission is shown empty lists, and nothing is pushed to it.",
        rule: Some(RuleId::PermissionsNoneShowsNothing),
    },
    Combination {
        name: "read-config-twice",
        permissions: &[(ReadConfig, &["repo:$photos"]), (ReadConfig, &["plan:$weekly"])],
        claim: "Two permissions of one type show what either shows.",
        rule: Some(RuleId::PermissionsSameTypeTwice),
    },
    Combination {
        name: "read-config-twice-in-other-order",
        permissions: &[(ReadConfig, &["plan:$weekly"]), (ReadConfig, &["repo:$photos"])],
        claim: "Two permissions of one type show what either shows, whichever stands first.",
        rule: Some(RuleId::PermissionsSameTypeTwice),
    },
    Combination {
        name: "excluded-by-one-of-two",
        permissions: &[(ReadConfig, &["*", "!repo:$photos"]), (ReadConfig, &["repo:$photos"])],
        claim: "An exclusion limits the permission it stands in, and not another of its type.",
        rule: Some(RuleId::PermissionsSameTypeTwice),
    },
    Combination {
        name: "exclusion-alone-beside-the-wildcard",
        permissions: &[(ReadConfig, &["!repo:$photos"]), (ReadConfig, &["*"])],
        claim: "A permission of exclusions alone takes nothing from another of its type.",
        rule: Some(RuleId::PermissionsSameTypeTwice),
    },
    Combination {
        name: "shared-repos-twice",
        permissions: &[(ReceiveSharedRepos, &["repo:$photos"]), (ReceiveSharedRepos, &["repo:$films"])],
        claim: "Two permissions to receive shared repos push what either allows.",
        rule: Some(RuleId::PermissionsSameTypeTwice),
    },
    Combination {
        name: "read-and-read-write",
        permissions: &[(ReadConfig, &["repo:$photos"]), (ReadWriteConfig, &["plan:$daily"])],
        claim: "What may be read and what may be written is shown, each in its own scope.",
        rule: None,
    },
    Combination {
        name: "operations-of-everything-config-of-one",
        permissions: &[(ReadOperations, &["*"]), (ReadConfig, &["repo:$photos"])],
        claim: "A wide permission to read operations widens no permission to read configuration.",
        rule: Some(RuleId::PermissionsReadOperationsShowsNoConfig),
    },
    Combination {
        name: "config-of-one-shared-of-another",
        permissions: &[(ReadConfig, &["repo:$music"]), (ReceiveSharedRepos, &["repo:$films"])],
        claim: "Each permission holds in its own scope: one repo is shown, another is pushed.",
        rule: None,
    },
    Combination {
        name: "shared-of-what-is-not-shared",
        permissions: &[(ReceiveSharedRepos, &["repo:$music"])],
        claim: "A repo that is not marked shared is not pushed, whoever may receive it.",
        rule: SHARED,
    },
    Combination {
        name: "config-of-what-is-shared",
        permissions: &[(ReadWriteConfig, &["repo:$photos", "repo:$films"])],
        claim: "Who may read and write shared repos, but not receive them, is pushed none.",
        rule: SHARED,
    },
];

/// One row of the matrix.
pub struct Grants {
    /// Last parts of the case id.
    pub name: String,
    /// The claim, one sentence.
    pub claim: String,
    permissions: Vec<(PermissionKind, &'static [&'static str])>,
    /// The rule it is chiefly about; none where it is what may be seen that counts.
    pub rule: Option<RuleId>,
    /// The rule about the form of its scopes, where that is one that peers may read otherwise.
    pub reading: Option<RuleId>,
}

impl Grants {
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

    /// One permission, with the wildcard.
    pub fn of_everything(kind: PermissionKind) -> Grants {
        Grants {
            name: kind_name(kind).to_owned(),
            claim: String::new(),
            permissions: vec![(kind, &["*"])],
            rule: None,
            reading: None,
        }
    }

    /// Whether a permission holds for more than the case was given.
    pub fn reaches_everything(&self) -> bool {
        let mut permissions = self.permissions.iter();
        permissions.any(|(_, scopes)| scopes.is_empty() || scopes.contains(&"*"))
    }
}

/// Every row for a peer in that role: each type with each form that can matter to it, then types together.
pub fn rows(role: Role) -> Vec<Grants> {
    let every_form = || OF_ANYTHING.iter().chain(OF_PLANS);
    let few = |names: &'static [&str]| every_form().filter(|form| names.contains(&form.name));
    let of = |kind: PermissionKind| move |form| single(role, kind, form);
    let mut rows: Vec<Grants> = every_form().map(of(ReadConfig)).collect();
    rows.extend(every_form().map(of(ReadWriteConfig)));
    match role {
        // It pushes what is shared and in scope; operations it shows none of, so their scopes can only show too much.
        Role::Responder => {
            rows.extend(OF_ANYTHING.iter().map(of(ReceiveSharedRepos)));
            let wide = few(&["no-scopes", "everything", "one-repo"]);
            rows.extend(wide.map(of(ReadOperations)));
        }
        // It tells whose operations may be read that they are there; of what may be pushed to it, nothing.
        Role::Initiator => {
            rows.extend(every_form().map(of(ReadOperations)));
            rows.extend(few(&["everything", "one-repo"]).map(of(ReceiveSharedRepos)));
        }
    }
    let pushes = |row: &&Combination| {
        row.permissions
            .iter()
            .any(|(kind, _)| *kind == ReceiveSharedRepos)
    };
    let together = COMBINATIONS
        .iter()
        .filter(|row| role == Role::Responder || !pushes(row) && row.rule != SHARED);
    rows.extend(together.map(|row| Grants {
        name: format!("together/{}", row.name),
        claim: row.claim.to_owned(),
        permissions: row.permissions.to_vec(),
        rule: row.rule,
        reading: row.rule.filter(|rule| rule.level() != Level::Must),
    }));
    rows
}

/// Kinds of permission that let nobody change what a peer has of its own.
pub const OF_NO_WRITER: [PermissionKind; 3] = [ReadOperations, ReadConfig, ReceiveSharedRepos];

/// The permission to write with each of these forms of scope, and the words of the form.
pub fn writers(forms: &'static [&'static str]) -> impl Iterator<Item = (&'static str, Grants)> {
    let every_form = OF_ANYTHING.iter().chain(OF_PLANS);
    every_form
        .filter(|form| forms.contains(&form.name))
        .map(|form| {
            let grants = Grants {
                name: form.name.to_owned(),
                claim: String::new(),
                permissions: vec![(ReadWriteConfig, form.scopes)],
                rule: form.rule,
                reading: form.rule.filter(|rule| rule.level() != Level::Must),
            };
            (form.words, grants)
        })
}

fn single(role: Role, kind: PermissionKind, form: &Form) -> Grants {
    let we = match role {
        Role::Responder => "A client",
        Role::Initiator => "A host",
    };
    let shown = match (kind, role) {
        (ReceiveSharedRepos, Role::Responder) => {
            "is pushed exactly the shared repos that they cover"
        }
        (ReceiveSharedRepos, Role::Initiator) => "is shown nothing for it",
        (ReadOperations, Role::Responder) => "is shown no configuration for it",
        (ReadOperations, Role::Initiator) => {
            "is told exactly of what they cover, and shown no configuration"
        }
        (ReadConfig | ReadWriteConfig, _) => "is shown exactly what they cover",
    };
    let of_kind = match (kind, role) {
        (ReadOperations, _) => Some(RuleId::PermissionsReadOperationsShowsNoConfig),
        (ReceiveSharedRepos, Role::Responder) => SHARED,
        (ReceiveSharedRepos, Role::Initiator) => Some(RuleId::PermissionsNoneShowsNothing),
        (ReadConfig | ReadWriteConfig, _) => None,
    };
    let reading = form.rule.filter(|rule| rule.level() != Level::Must);
    // What such a permission never shows it never shows, whatever its scopes mean.
    let chief = match kind {
        ReadOperations => of_kind,
        _ => form.rule.or(of_kind),
    };
    Grants {
        name: format!("{}/{}", kind_name(kind), form.name),
        claim: format!(
            "{we} whose permission {} has as its scopes {} {shown}.",
            kind_name(kind),
            form.words
        ),
        permissions: vec![(kind, form.scopes)],
        rule: chief,
        reading,
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
