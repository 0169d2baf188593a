//! What a client lets a host change by `set_config` under each form of scope. Both outcomes are read back by another host,
//! in a session of its own: what is covered has changed, and what is not has stayed.

use serde_json::{Value as Json, json};

use super::{
    grants::{Grants, OF_NO_WRITER, kind_name, writers},
    oracle::{Permission, Thing, writable},
};
use crate::{
    rules::RuleId,
    scenario::{
        fixtures::{GUID_OF, URI_OF},
        model::PermissionKind,
    },
};

const REPO: Thing = Thing {
    kind: "repo",
    name: "photos",
};
const PLAN: Thing = Thing {
    kind: "plan",
    name: "daily",
};

/// What is asked of the client.
#[derive(Clone, Copy)]
enum Change {
    RepoReplaced,
    PlanReplaced,
    PlanDeleted,
}

impl Change {
    const ALL: [Change; 3] = [
        Change::RepoReplaced,
        Change::PlanReplaced,
        Change::PlanDeleted,
    ];

    fn name(self) -> &'static str {
        match self {
            Change::RepoReplaced => "repo-replaced",
            Change::PlanReplaced => "plan-replaced",
            Change::PlanDeleted => "plan-deleted",
        }
    }

    fn thing(self) -> Thing {
        match self {
            Change::RepoReplaced => REPO,
            Change::PlanReplaced | Change::PlanDeleted => PLAN,
        }
    }

    /// The forms of scope that could be misread for it. Each case has a client to itself, so there are no more than that.
    fn forms(self) -> &'static [&'static str] {
        match self {
            Change::RepoReplaced => &[
                "no-scopes",
                "everything",
                "one-repo",
                "one-plan",
                "everything-but-a-repo",
                "included-and-excluded",
                "one-of-two-excluded",
                "foreign-repo",
                "beginning-of-an-id",
                "id-and-more",
                "repo-id-as-plan",
            ],
            Change::PlanReplaced => &[
                "no-scopes",
                "everything",
                "one-plan",
                "one-repo",
                "everything-but-a-plan",
                "everything-but-a-repo",
                "plan-included-and-excluded",
                "repo-excluded-under-its-plan-id",
                "exclusion-alone",
                "plan-id-as-repo",
            ],
            Change::PlanDeleted => &[
                "one-plan",
                "one-repo",
                "everything-but-a-plan",
                "plan-included-and-excluded",
                "plan-id-as-repo",
            ],
        }
    }

    /// In words, behind "a host may".
    fn words(self) -> &'static str {
        match self {
            Change::RepoReplaced => "replace a repo",
            Change::PlanReplaced => "replace a plan",
            Change::PlanDeleted => "delete a plan",
        }
    }

    fn rule(self) -> RuleId {
        match self {
            Change::RepoReplaced => RuleId::InitiatorSetConfigRepoPermission,
            Change::PlanReplaced => RuleId::InitiatorSetConfigPlanPermission,
            Change::PlanDeleted => RuleId::InitiatorSetConfigDeletePermission,
        }
    }

    fn request(self) -> Json {
        let (repo, plan) = (REPO.variable(), PLAN.variable());
        match self {
            Change::RepoReplaced => json!({ "repos": [{
                "id": repo,
                "guid": format!("${GUID_OF}{}", REPO.name),
                "uri": format!("${URI_OF}{}", REPO.name),
                "password": "another",
            }] }),
            Change::PlanReplaced => json!({ "plans": [{
                "id": plan, "repo": repo, "paths": ["/nonexistent/other"], "schedule": { "disabled": true },
            }] }),
            Change::PlanDeleted => json!({ "plansToDelete": [plan] }),
        }
    }

    /// What the other host is shown, whether that was changed or not.
    fn config(self, is_changed: bool) -> Json {
        let password = match self {
            Change::RepoReplaced if is_changed => "another",
            _ => "syncspec",
        };
        let plans = match self {
            Change::PlanDeleted if is_changed => json!([]),
            Change::PlanReplaced if is_changed => {
                json!([{ "id": PLAN.variable(), "paths": ["/nonexistent/other"] }])
            }
            _ => json!([{ "id": PLAN.variable(), "paths": ["/nonexistent"] }]),
        };
        json!({ "repos": [{ "id": REPO.variable(), "password": password }], "plans": plans })
    }
}

/// The cases: the id of each, and what its file would hold.
pub fn cases() -> impl Iterator<Item = (String, Json)> {
    Change::ALL.into_iter().flat_map(|change| {
        let id = move |name: &str| format!("permissions/initiator/{}/{name}", change.name());
        let written = writers(change.forms()).map(move |(words, grants)| {
            let may = match is_covered(change, &grants) {
                true => format!("may {}, and does", change.words()),
                false => format!("may not {}, and nothing is changed", change.words()),
            };
            let name = kind_name(PermissionKind::ReadWriteConfig);
            let claim = format!("A host whose permission {name} has as its scopes {words} {may}.");
            (id(&grants.name), case(change, &grants, &claim))
        });
        let others = OF_NO_WRITER.iter().map(move |kind| {
            let (name, what) = (kind_name(*kind), change.words());
            let claim = format!(
                "A host with the permission {name} for everything may not {what}, and nothing is changed."
            );
            let grants = Grants::of_everything(*kind);
            (id(name), case(change, &grants, &claim))
        });
        written.chain(others).collect::<Vec<_>>()
    })
}

fn is_covered(change: Change, grants: &Grants) -> bool {
    writable(&grants.permissions(), change.thing())
}

fn case(change: Change, grants: &Grants, claim: &str) -> Json {
    let permissions = grants.permissions();
    // A rule that peers may read otherwise must not fail them under the name of one they may not.
    let chief = grants.reading.unwrap_or(change.rule());
    let mut rules = vec![chief];
    rules.extend(grants.rule.filter(|rule| *rule != chief));
    let is_changed = is_covered(change, grants);
    let mut steps = vec![
        json!("establish"),
        json!({ "send": { "setConfig": change.request() } }),
    ];
    let config = change.config(is_changed);
    match is_changed {
        // Done with, whether the client goes on or dials its hosts anew.
        true => steps.extend([
            json!({ "expect-refused": { "or-goes-on": true } }),
            json!({ "expect-shown": { "as": "witness", "config": config } }),
        ]),
        false => {
            steps.push(json!("expect-refused"));
            steps.push(json!({ "connect": { "as": "witness" }, "on": "witness" }));
            steps.extend(
                [
                    json!({ "expect": "key" }),
                    json!({ "send": "key" }),
                    json!({ "send": "handshake" }),
                    json!({ "expect": "handshake" }),
                    json!({ "expect": { "receiveConfig": { "config": config } } }),
                ]
                .map(on_witness),
            );
        }
    }
    let scopes = [REPO, PLAN].map(|thing| format!("{}:{}", thing.kind, thing.variable()));
    json!({
        "about": claim,
        "rules": rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "target": "initiator",
        "alone": true,
        "given": {
            "peer": { "permissions": permissions.iter().map(Permission::json).collect::<Vec<_>>() },
            "others": { "witness": { "permissions": [{ "type": "read-config", "scopes": scopes }] } },
            "repos": [{ "name": REPO.name }, { "name": "music" }, { "name": "films" }],
            "plans": [{ "name": PLAN.name, "repo": REPO.name }, { "name": "weekly", "repo": "music" }],
        },
        "steps": steps,
    })
}

fn on_witness(mut step: Json) -> Json {
    step["on"] = json!("witness");
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the text says in words, spelled out by hand for the rows that are easiest to get wrong.
    #[test]
    fn rows_of_the_text_then_refused_or_applied() {
        let cases: Vec<(String, Json)> = cases().collect();
        let is_applied = |id: &str| {
            let (_, file) = cases.iter().find(|(case, _)| case.ends_with(id))?;
            Some(file["steps"].to_string().contains("or-goes-on"))
        };
        for applied in [
            "repo-replaced/one-repo",
            "repo-replaced/no-scopes",
            "plan-replaced/one-plan",
            "plan-replaced/everything-but-a-repo",
            "plan-replaced/repo-excluded-under-its-plan-id",
            "plan-deleted/one-plan",
        ] {
            assert_eq!(is_applied(applied), Some(true), "{applied}");
        }
        for refused in [
            "repo-replaced/one-plan",
            "repo-replaced/beginning-of-an-id",
            "repo-replaced/everything-but-a-repo",
            "plan-replaced/exclusion-alone",
            "repo-replaced/receive-shared-repos",
            "plan-replaced/one-repo",
            "plan-replaced/read-config",
            "plan-deleted/everything-but-a-plan",
        ] {
            assert_eq!(is_applied(refused), Some(false), "{refused}");
        }
    }
}
