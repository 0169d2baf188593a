//! Reads what a peer must have been given, and checks that its names fit together.

use std::collections::BTreeMap;

use super::{
    de,
    fixtures::{GUID_OF, PEER, URI_OF},
    load_error::Problems,
    looks::{STRANGERS_MAX, stranger},
    model::{Given, OperationFixture, PeerFixture, PlanFixture, RepoFixture, TokenFixture},
    names,
    node::{Key, Node, NodeValue, Place},
    problem::Problem,
    shape::words_of,
};

/// Names that variables have already.
const RESERVED: [&str; 4] = ["token", "token-start", "instance", "keyid"];

/// Names alone, for the ids that the rest of `given` may refer to. Reports nothing: [`read`] does.
pub fn read_names(node: &Node) -> Given {
    let names = |list: &str| -> Vec<String> {
        let elements = node.get(list).and_then(Node::as_seq).unwrap_or_default();
        let names = elements.iter().filter_map(|element| element.get("name"));
        names.filter_map(Node::as_str).map(str::to_owned).collect()
    };
    Given {
        token: node.get("token").map(|_| TokenFixture::default()),
        repos: names("repos")
            .into_iter()
            .map(|name| RepoFixture {
                name,
                shared: false,
            })
            .collect(),
        plans: names("plans")
            .into_iter()
            .map(|name| PlanFixture {
                name,
                repo: String::new(),
            })
            .collect(),
        operations: read_operation_names(node),
        ..Given::default()
    }
}

/// An id that is given outright is part of what the name stands for.
fn read_operation_names(node: &Node) -> Vec<OperationFixture> {
    let elements = node.get("operations").and_then(Node::as_seq);
    let elements = elements.unwrap_or_default().iter();
    let named = elements.filter_map(|element| {
        Some(OperationFixture {
            name: element.get("name")?.as_str()?.to_owned(),
            plan: String::new(),
            modno: 0,
            repo_was: None,
            later: false,
            id: match element.get("id").map(|node| &node.value) {
                Some(NodeValue::Int(id)) => i64::try_from(*id).ok(),
                _ => None,
            },
        })
    });
    named.collect()
}

/// Reads it key by key and entry by entry, so that one mistake hides no other.
pub fn read(node: &Node, problems: &Problems) -> Given {
    let mut given = Given::default();
    let entries = de::entries(node, problems);
    de::refuse_unknown_keys(entries, words_of::<Given>(), problems);
    for (key, value) in entries {
        match key.text.as_str() {
            "peer" => given.peer = de::read(value, problems).unwrap_or_default(),
            "others" => given.others = read_others(value, problems),
            "token" => given.token = de::read(value, problems),
            "repos" => given.repos = de::read_list(value, problems),
            "plans" => given.plans = de::read_list(value, problems),
            "operations" => given.operations = de::read_list(value, problems),
            "strangers" => given.strangers = read_strangers(value, problems),
            // Reported above.
            _ => {}
        }
    }
    for number in 1..=given.strangers {
        let unknown = PeerFixture {
            known: false,
            ..PeerFixture::default()
        };
        given.others.insert(stranger(number), unknown);
    }
    check_names(node, problems);
    check_plans(node, &given, problems);
    check_operations(node, &given, problems);
    check_scopes(node, &given, problems);
    given
}

/// Too many are reported, and are none: each is an identity to be made.
fn read_strangers(node: &Node, problems: &Problems) -> u32 {
    let count = de::read(node, problems).unwrap_or_default();
    if count > STRANGERS_MAX {
        let expected = format!("at most {STRANGERS_MAX} strangers");
        de::wrong_type(node, &expected, problems);
        return 0;
    }
    count
}

fn read_others(node: &Node, problems: &Problems) -> BTreeMap<String, PeerFixture> {
    let entries = de::entries(node, problems).iter();
    entries
        .filter_map(|(key, value)| {
            check_name(&key.text, key.place, problems);
            if key.text == PEER {
                problems.report(key.place, Problem::NameTaken(key.text.clone()));
            }
            Some((key.text.clone(), de::read(value, problems)?))
        })
        .collect()
}

fn check_name(name: &str, place: Place, problems: &Problems) {
    if !names::is_kebab_case(name) {
        problems.report(place, Problem::NotKebabCase(name.to_owned()));
    }
}

/// Repositories and plans share the names of variables.
fn check_names(node: &Node, problems: &Problems) {
    let mut taken = RESERVED.to_vec();
    for name in ["repos", "plans", "operations"]
        .iter()
        .filter_map(|list| node.get(list)?.as_seq())
        .flatten()
        .filter_map(|element| element.get("name"))
    {
        let Some(text) = name.as_str() else {
            continue;
        };
        check_name(text, name.place, problems);
        let is_of_a_repo = [GUID_OF, URI_OF].iter().any(|of| text.starts_with(of));
        if taken.contains(&text) || is_of_a_repo {
            problems.report(name.place, Problem::NameTaken(text.to_owned()));
        }
        taken.push(text);
    }
}

fn check_plans(node: &Node, given: &Given, problems: &Problems) {
    let plans = node.get("plans").and_then(Node::as_seq).unwrap_or_default();
    for repo in plans.iter().filter_map(|plan| plan.get("repo")) {
        let Some(seen) = repo.as_str() else {
            continue;
        };
        if given.repos.iter().all(|repo| repo.name != seen) {
            let problem = Problem::UnknownRepo {
                seen: seen.to_owned(),
                known: given.repos.iter().map(|repo| repo.name.clone()).collect(),
            };
            problems.report(repo.place, problem);
        }
    }
}

fn check_operations(node: &Node, given: &Given, problems: &Problems) {
    let operations = node.get("operations").and_then(Node::as_seq);
    let operations = operations.unwrap_or_default().iter();
    for plan in operations.filter_map(|operation| operation.get("plan")) {
        let Some(seen) = plan.as_str() else {
            continue;
        };
        if given.plans.iter().all(|plan| plan.name != seen) {
            let problem = Problem::UnknownPlan {
                seen: seen.to_owned(),
                known: given.plans.iter().map(|plan| plan.name.clone()).collect(),
            };
            problems.report(plan.place, problem);
        }
    }
}

/// A name where an id belongs would permit nothing, and the scenario would check something else than it says.
fn check_scopes(node: &Node, given: &Given, problems: &Problems) {
    let repos = given.repos.iter().map(|repo| ("repo", &repo.name));
    let plans = given.plans.iter().map(|plan| ("plan", &plan.name));
    let names: Vec<_> = repos.chain(plans).collect();
    for scope in scopes(node) {
        let Some(text) = scope.as_str() else {
            continue;
        };
        let Some((kind, id)) = text.trim_start_matches('!').split_once(':') else {
            continue;
        };
        if names.iter().any(|(of, name)| *of == kind && *name == id) {
            let problem = Problem::ScopeNeedsDollar {
                scope: text.to_owned(),
                name: id.to_owned(),
            };
            problems.report(scope.place, problem);
        }
    }
}

/// Every scope of every identity and of the token.
fn scopes(given: &Node) -> impl Iterator<Item = &Node> {
    let others = given
        .get("others")
        .and_then(Node::as_map)
        .unwrap_or_default();
    let holders = [given.get("peer"), given.get("token")]
        .into_iter()
        .flatten();
    holders
        .chain(others.iter().map(|(_, node): &(Key, Node)| node))
        .filter_map(|holder| holder.get("permissions")?.as_seq())
        .flatten()
        .filter_map(|permission| permission.get("scopes")?.as_seq())
        .flatten()
}
