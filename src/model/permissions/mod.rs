//! Permission matrix: what a peer shows under each kind of permission and form of scope, exactly.
//!
//! What must be visible comes from [`oracle`], which is section 5 of `docs/protocol.md` in a few lines and knows no
//! implementation. Ids are the variables of a scenario: `$photos` is the id of the repository called so.

mod grants;
mod oracle;

use serde_json::{Value as Json, json};

use crate::{
    rules::{Level, RuleId},
    scenario::model::PermissionKind,
};
use grants::{Grants, REFUSED, all};
use oracle::{Permission, Thing, shared_with, visible};

/// Repositories, and whether each is marked shared.
const REPOS: [(&str, bool); 3] = [("photos", true), ("films", true), ("music", false)];
/// Plans, and the repository of each.
const PLANS: [(&str, &str); 2] = [("daily", "photos"), ("weekly", "music")];

/// The cases: the id of each, and what its file would hold.
pub fn cases() -> impl Iterator<Item = (String, Json)> {
    let shown = all().map(|grants| (id(&grants.name()), responder_shows(&grants)));
    let refused = REFUSED
        .iter()
        .map(|(name, kind, scopes)| (id(&format!("refused/{name}")), refuses(*kind, scopes)));
    shown.chain(refused)
}

fn id(name: &str) -> String {
    format!("permissions/responder/{name}")
}

/// A host shows a client the config and resources of what it may read, and pushes the shared repos it may receive.
fn responder_shows(grants: &Grants) -> Json {
    let permissions = grants.permissions();
    let repos = things("repo", REPOS.map(|(name, _)| name));
    let plans = things("plan", PLANS.map(|(name, _)| name));
    let shown = |things: &[Thing]| -> Vec<Json> {
        let shown = things.iter().filter(|thing| visible(&permissions, **thing));
        shown
            .map(|thing| json!({ "id": thing.variable() }))
            .collect()
    };
    let (shown_repos, shown_plans) = (shown(&repos), shown(&plans));
    let pushed: Vec<Json> = repos
        .iter()
        .zip(REPOS)
        .filter(|(thing, (_, shared))| *shared && shared_with(&permissions, **thing))
        .map(|(thing, _)| json!({ "id": thing.variable() }))
        .collect();
    // A rule that peers may read otherwise must not fail them under the name of one they may not.
    let of_step = |rule: RuleId| match grants.rule.level() {
        Level::Must => rule,
        _ => grants.rule,
    };
    let resources_rule = of_step(RuleId::ResponderResourcesFiltered);
    let push_rule = of_step(RuleId::ResponderSharedReposInScope);
    let mut steps = session();
    steps.push(expect(
        grants,
        json!({ "receiveConfig": { "config": { "repos": shown_repos, "plans": shown_plans } } }),
        grants.rule,
    ));
    steps.push(expect(
        grants,
        json!({ "receiveResources": { "repos": shown_repos, "plans": shown_plans } }),
        resources_rule,
    ));
    match pushed.is_empty() {
        true => steps.extend([
            json!("fence"),
            json!({ "expect-never": ["setConfig"], "rule": push_rule.as_str() }),
        ]),
        false => steps.push(expect(
            grants,
            json!({ "setConfig": {
                "repos": pushed, "plans": [], "reposToDelete": [], "plansToDelete": [],
            } }),
            push_rule,
        )),
    }
    let mut rules = vec![grants.rule];
    for rule in [resources_rule, push_rule] {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    file(&grants.claim(), &rules, &grants.permissions_json(), steps)
}

/// A host refuses the session of a client whose entry has a scope that is none.
fn refuses(kind: PermissionKind, scopes: &[&str]) -> Json {
    let permissions = json!([{ "type": grants::kind_name(kind), "scopes": scopes }]);
    let mut steps = session();
    // Whether its handshake comes first is not what this is about.
    steps.pop();
    steps.push(json!({ "expect-refused": {
        "code": "permission-denied",
        "also-allowed": ["invalid-argument", "internal"],
    } }));
    steps.push(json!({ "probe": "serves-a-new-session" }));
    file(
        "A client whose entry has a scope of no form that there is gets no session.",
        &[RuleId::PermissionsScopeForms, RuleId::CloseAuthCode],
        &permissions,
        steps,
    )
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

/// A client that may see everything also sees what other cases were given.
fn expect(grants: &Grants, pattern: Json, rule: RuleId) -> Json {
    let mut step = json!({ "expect": pattern, "rule": rule.as_str() });
    if grants.reaches_everything() {
        let repos = things("repo", REPOS.map(|(name, _)| name));
        let plans = things("plan", PLANS.map(|(name, _)| name));
        let own = repos.iter().chain(&plans).map(|thing| thing.variable());
        step["among"] = own.collect();
    }
    step
}

fn file(about: &str, rules: &[RuleId], permissions: &Json, steps: Vec<Json>) -> Json {
    json!({
        "about": about,
        "rules": rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "target": "responder",
        "given": {
            "peer": { "permissions": permissions },
            "repos": REPOS.map(|(name, shared)| match shared {
                true => json!({ "name": name, "shared": true }),
                false => json!({ "name": name }),
            }),
            "plans": PLANS.map(|(name, repo)| json!({ "name": name, "repo": repo })),
        },
        "steps": steps,
    })
}

fn things<const N: usize>(kind: &'static str, names: [&'static str; N]) -> [Thing; N] {
    names.map(|name| Thing { kind, name })
}

impl Permission<'_> {
    fn json(&self) -> Json {
        json!({ "type": grants::kind_name(self.kind), "scopes": self.scopes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the text says in words, spelled out by hand for the rows that are easiest to get wrong.
    #[test]
    fn rows_of_the_text_then_what_they_say() {
        let photos = Thing {
            kind: "repo",
            name: "photos",
        };
        let sees = |scopes: &[&str]| {
            let kind = PermissionKind::ReadConfig;
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
        assert!(none.contains(r#""repos":[],"plans":[]"#), "{none}");
    }
}
