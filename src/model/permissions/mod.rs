//! Permission matrix: what a peer shows under each kind of permission and form of scope, exactly.
//!
//! What must be visible comes from `oracle`, which is section 5 of `docs/protocol.md` in a few lines and knows no
//! implementation. Ids are the variables of a scenario: `$photos` is the id of the repository called so.
//!
//! Scopes of no form are left out: a peer may refuse to load an entry that has one, and then nothing else could be
//! played. What a client lets a host change is in `writes`.

mod grants;
mod oracle;
mod writes;

use serde_json::{Value as Json, json};

use crate::{rules::RuleId, scenario::fixtures::GUID_OF, wire::Role};
use grants::{Grants, rows};
use oracle::{Permission, Thing, known, shared_with, visible};

/// Repositories, and whether each is marked shared.
const REPOS: [(&str, bool); 3] = [("photos", true), ("films", true), ("music", false)];
/// Plans, and the repository of each.
const PLANS: [(&str, &str); 2] = [("daily", "photos"), ("weekly", "music")];

/// The cases: the id of each, and what its file would hold.
pub fn cases() -> impl Iterator<Item = (String, Json)> {
    let roles = [Role::Responder, Role::Initiator].into_iter();
    let of_role = |role: Role| rows(role).into_iter().map(move |grants| (role, grants));
    let shown = roles.flat_map(of_role).map(|(role, grants)| {
        let id = format!("permissions/{role}/{}", grants.name);
        (id, case(role, &grants))
    });
    shown.chain(writes::cases())
}

/// Config and resources, and what a host pushes.
fn case(role: Role, grants: &Grants) -> Json {
    let permissions = grants.permissions();
    let (config_rule, resources_rule) = match role {
        Role::Responder => (
            RuleId::ResponderConfigFiltered,
            RuleId::ResponderResourcesFiltered,
        ),
        Role::Initiator => (
            RuleId::InitiatorConfigFiltered,
            RuleId::InitiatorResourcesFiltered,
        ),
    };
    let chief = grants.rule.unwrap_or(config_rule);
    // A rule that peers may read otherwise must not fail them under the name of one they may not.
    let of_step = |rule: RuleId| grants.reading.unwrap_or(rule);
    let may_know = |thing: Thing| match role {
        // Its resources are those whose configuration it shows.
        Role::Responder => visible(&permissions, thing),
        Role::Initiator => known(&permissions, thing),
    };
    let mut rules = vec![chief];
    let mut expect = |pattern: Json, rule: RuleId| {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
        expect(grants, pattern, rule)
    };
    let mut steps = session();
    let config = lists(|thing| visible(&permissions, thing));
    steps.push(expect(
        json!({ "receiveConfig": { "config": config } }),
        chief,
    ));
    steps.push(expect(
        json!({ "receiveResources": with_guids(lists(may_know)) }),
        of_step(resources_rule),
    ));
    if role == Role::Responder {
        let rule = of_step(RuleId::ResponderSharedReposInScope);
        let pushed = pushed(&permissions);
        let push = expect(
            json!({ "setConfig": {
                "repos": pushed, "plans": [], "reposToDelete": [], "plansToDelete": [],
            } }),
            rule,
        );
        match pushed.is_empty() {
            true => steps.extend([
                json!("fence"),
                json!({ "expect-never": ["setConfig"], "rule": rule.as_str() }),
            ]),
            false => steps.push(push),
        }
    }
    json!({
        "about": grants.claim,
        "rules": rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "target": role.name(),
        "given": {
            "peer": { "permissions": permissions.iter().map(Permission::json).collect::<Vec<_>>() },
            "repos": REPOS.map(|(name, shared)| match shared {
                true => json!({ "name": name, "shared": true }),
                false => json!({ "name": name }),
            }),
            "plans": PLANS.map(|(name, repo)| json!({ "name": name, "repo": repo })),
        },
        "steps": steps,
    })
}

fn session() -> Vec<Json> {
    vec![
        json!("connect"),
        json!({ "send": "key" }),
        json!({ "expect": "key" }),
        json!({ "send": "handshake" }),
        json!({ "expect": "handshake" }),
    ]
}

/// The repositories and plans for which that holds.
fn lists(holds: impl Fn(Thing) -> bool) -> Json {
    let of_kind = |of: &str| -> Vec<Json> {
        let things = things().filter(|thing| thing.kind == of && holds(*thing));
        things
            .map(|thing| json!({ "id": thing.variable() }))
            .collect()
    };
    json!({ "repos": of_kind("repo"), "plans": of_kind("plan") })
}

/// The lists of resources, which name each repository's guid beside its id.
fn with_guids(mut lists: Json) -> Json {
    let repos = lists["repos"].as_array_mut().into_iter().flatten();
    for repo in repos {
        let name = repo["id"].as_str().unwrap_or_default();
        let name = name.trim_start_matches('$').to_owned();
        repo["guid"] = json!(format!("${GUID_OF}{name}"));
    }
    lists
}

/// The shared repositories that a host must push.
fn pushed(permissions: &[Permission<'_>]) -> Vec<Json> {
    let shared = REPOS.into_iter().filter(|(_, shared)| *shared);
    shared
        .map(|(name, _)| Thing { kind: "repo", name })
        .filter(|thing| shared_with(permissions, *thing))
        .map(|thing| json!({ "id": thing.variable() }))
        .collect()
}

/// A peer that may see everything also sees what other cases were given.
fn expect(grants: &Grants, pattern: Json, rule: RuleId) -> Json {
    let mut step = json!({ "expect": pattern, "rule": rule.as_str() });
    if grants.reaches_everything() {
        step["among"] = things().map(Thing::variable).collect();
    }
    step
}

fn things() -> impl Iterator<Item = Thing> {
    let repos = REPOS
        .into_iter()
        .map(|(name, _)| Thing { kind: "repo", name });
    repos.chain(
        PLANS
            .into_iter()
            .map(|(name, _)| Thing { kind: "plan", name }),
    )
}

impl Permission<'_> {
    fn json(&self) -> Json {
        json!({ "type": grants::kind_name(self.kind), "scopes": self.scopes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::PermissionKind::ReadConfig;

    /// What the text says in words, spelled out by hand for the rows that are easiest to get wrong.
    #[test]
    fn rows_of_the_text_then_what_they_say() {
        let photos = Thing {
            kind: "repo",
            name: "photos",
        };
        let sees = |scopes: &[&str]| {
            let kind = ReadConfig;
            visible(&[Permission { kind, scopes }], photos)
        };
        assert!(sees(&[]));
        assert!(sees(&["*"]));
        assert!(sees(&["repo:$photos"]));
        assert!(!sees(&["*", "!repo:$photos"]));
        assert!(!sees(&["!repo:$photos", "*"]));
        assert!(!sees(&["repo:$photos", "!repo:$photos"]));
        assert!(!sees(&["!repo:$music"]));
        assert!(!sees(&["plan:$photos"]));
        assert!(sees(&["*", "!plan:$photos"]));
    }

    #[test]
    fn every_kind_of_permission_then_with_and_without_effect() {
        let cases: Vec<(String, Json)> = cases().collect();
        let text = |id: &str| {
            let case = cases.iter().find(|(case, _)| case == id);
            case.map(|(_, file)| file["steps"].to_string())
                .unwrap_or_default()
        };
        let pushed = text("permissions/responder/receive-shared-repos/one-repo");
        assert!(
            pushed.contains(r#""setConfig":{"repos":[{"id":"$photos"}]"#),
            "{pushed}"
        );
        let none = text("permissions/responder/read-operations/one-repo");
        assert!(
            none.contains(r#""receiveResources":{"repos":[],"plans":[]"#),
            "{none}"
        );
        let known = text("permissions/initiator/read-operations/one-repo");
        assert!(
            known.contains(r#""receiveConfig":{"config":{"repos":[],"plans":[]"#),
            "{known}"
        );
        assert!(
            known.contains(
                r#""receiveResources":{"repos":[{"id":"$photos","guid":"$guid-of-photos"}]"#
            ),
            "{known}"
        );
    }
}
