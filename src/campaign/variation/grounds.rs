//! Cases that stand on no claim: permissions at their borders, and something said under them that they matter to. What must
//! come of it the reference says, so that permissions are varied as everything else is.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Base;
use crate::{
    scenario::{CaseTemplate, load_error::LoadError, survives},
    wire::{Role, RpcProtocol},
};

/// Kinds of permission that a ground grants together, all with the same scopes.
const KINDS: [&[&str]; 6] = [
    &["read-operations"],
    &["read-config"],
    &["read-write-config"],
    &["receive-shared-repos"],
    &["read-operations", "read-config"],
    &[
        "read-operations",
        "read-write-config",
        "receive-shared-repos",
    ],
];

/// Scopes of every form within one case: alone, together, in either order, and of what is not there.
const SCOPES: [&[&str]; 11] = [
    &["repo:$photos"],
    &["plan:$daily"],
    &["repo:$music", "plan:$daily"],
    &["!repo:$music"],
    &["!plan:$daily"],
    &["repo:$photos", "!plan:$daily"],
    &["!repo:$photos", "repo:$photos", "repo:$music"],
    &["plan:$daily", "!repo:$photos"],
    &["repo:$daily", "plan:$photos"],
    &["repo:${photos}-and-more", "plan:${daily}-and-more"],
    &["repo:added-$instance", "plan:added-$instance"],
];

/// The same of no known form. A configuration with one of them need not be taken, but what a pairing grants may have it.
const ODD_SCOPES: [&[&str]; 7] = [
    &["everything"],
    &["repo"],
    &["Repo:$photos"],
    &["!*"],
    &["repo:$photos", "peer:$music"],
    &[""],
    &["repo:", "plan:"],
];

/// Scopes that reach beyond a case. A client has a configuration of its own for each case, where a host has one for all.
const WIDE_SCOPES: [&[&str]; 4] = [
    &[],
    &["*"],
    &["*", "!repo:$photos"],
    &["!plan:$weekly", "*"],
];

/// Two permissions of one entry, each with scopes of its own: of one type they may add up, or one take the other's place.
const TOGETHER: [[(&str, &[&str]); 2]; 6] = [
    [
        ("read-config", &["repo:$photos"]),
        ("read-config", &["plan:$weekly"]),
    ],
    [
        ("read-config", &["repo:$music", "!plan:$weekly"]),
        ("read-config", &["repo:$photos"]),
    ],
    [
        ("receive-shared-repos", &["repo:$music"]),
        ("receive-shared-repos", &["repo:$photos"]),
    ],
    [
        ("read-operations", &["plan:$daily"]),
        ("read-operations", &["repo:$music"]),
    ],
    [
        ("read-write-config", &["repo:$photos", "!plan:$daily"]),
        (
            "read-write-config",
            &["plan:$weekly", "plan:added-$instance"],
        ),
    ],
    [
        ("read-config", &["repo:$music"]),
        ("read-write-config", &["repo:$photos"]),
    ],
];

/// The grounds for peers of that role, over each of these protocols.
///
/// # Errors
/// What is wrong with one of them, which is the suite's own fault.
pub fn grounds(role: Role, protocols: &[RpcProtocol]) -> Result<Vec<Base>, Vec<LoadError>> {
    let mut bases = Vec::new();
    for (id, file) in files(role) {
        let template = CaseTemplate::generated(&id, &file)?;
        let problems = template.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        for protocol in protocols {
            let scenario = template.instantiate(role, *protocol);
            bases.extend(scenario.map(|scenario| Base {
                scenario: Arc::new(scenario),
                protocol: *protocol,
            }));
        }
    }
    Ok(bases)
}

fn files(role: Role) -> Vec<(String, Json)> {
    let more: &[&[&str]] = match role {
        Role::Responder => &ODD_SCOPES,
        Role::Initiator => &WIDE_SCOPES,
    };
    let mut granted = Vec::new();
    for (at, scopes) in SCOPES.iter().chain(more).enumerate() {
        for (kind, kinds) in KINDS.iter().enumerate() {
            let permissions: Vec<Json> =
                kinds.iter().map(|kind| permission(kind, scopes)).collect();
            granted.push(Granted {
                name: format!("{at}-{kind}"),
                permissions: Json::from(permissions),
                is_odd: ODD_SCOPES.contains(scopes),
                is_looked_into: kind == 0,
            });
        }
    }
    for (at, both) in TOGETHER.iter().enumerate() {
        let permissions = both.map(|(kind, scopes)| permission(kind, scopes));
        granted.push(Granted {
            name: format!("together-{at}"),
            permissions: Json::from(permissions.to_vec()),
            is_odd: false,
            is_looked_into: false,
        });
    }
    let asked = requests();
    let changed = changes();
    let mut files = Vec::new();
    for (one, change) in granted.iter().zip(changed.chunks(1).cycle()) {
        let Granted {
            name, permissions, ..
        } = one;
        let id = format!("fuzz/ground-{role}-{name}");
        match role {
            Role::Responder => files.push((id, of_a_host(one))),
            Role::Initiator => {
                let asks = of_a_client(permissions, &asked, false);
                let changes = of_a_client(permissions, change, true);
                files.extend([
                    (format!("{id}-asks"), asks),
                    (format!("{id}-changes"), changes),
                ]);
            }
        }
    }
    files.extend(looked_into(role));
    files
}

/// What a ground is about.
struct Granted {
    name: String,
    permissions: Json,
    /// Its scopes are of no known form.
    is_odd: bool,
    /// What comes of a pairing is looked up in the host's configuration.
    is_looked_into: bool,
}

fn permission(kind: &str, scopes: &[&str]) -> Json {
    json!({ "type": kind, "scopes": scopes })
}

/// What a peer is told, and then asked about: by the state service, or by the hook. Not every peer has these, and only a host
/// is told of operations and notes a heartbeat.
fn looked_into(role: Role) -> Vec<(String, Json)> {
    let heartbeat = json!({ "heartbeat": {} });
    let config = json!({ "version": 6, "modno": 7, "repos": [{ "id": "photos", "guid": "g" }], "plans": [{ "id": "daily", "repo": "photos" }] });
    let config = json!({ "receiveConfig": { "config": config } });
    let resources =
        json!({ "repos": [{ "id": "music", "guid": "h" }], "plans": [{ "id": "weekly" }] });
    let resources = json!({ "receiveResources": resources });
    let state = json!({ "expect-state": { "connected": true } });
    let operations = json!({ "expect-operations": { "are": [{}] } });
    let mut looks = vec![
        (vec![config.clone()], &state),
        (vec![resources.clone()], &state),
        (vec![resources, config, heartbeat.clone()], &state),
    ];
    if role == Role::Responder {
        looks.push((vec![heartbeat], &state));
        looks.extend(operations_sent().map(|said| (said, &operations)));
    }
    let files = looks.into_iter().enumerate().map(|(at, (said, look))| {
        let mut steps = vec![json!("establish")];
        steps.extend(said.into_iter().map(|item| json!({ "send": item })));
        steps.extend([json!("fence"), look.clone()]);
        let file = json!({
            "about": "What a peer tells of itself can be looked up.",
            "rules": [survives(role).as_str()],
            "target": role.name(),
            "steps": steps,
        });
        (format!("fuzz/ground-{role}-looked-into-{at}"), file)
    });
    files.collect()
}

/// Operations that a host is sent: made, changed, and changed to an older state.
fn operations_sent() -> [Vec<Json>; 3] {
    let sent = |kind: &str, modno: i64| {
        let operation = json!({
            "id": 1, "originalId": 21, "modno": modno, "flowId": 7, "originalFlowId": 27,
            "repoId": "r", "repoGuid": "g", "planId": "p", "instanceId": "$instance",
            "originalInstanceKeyid": "$keyid", "snapshotId": "5a3c1f0e", "displayMessage": "all of it", "logref": "l",
            "unixTimeStartMs": "4102444800000", "unixTimeEndMs": "4102444801000",
            "status": "STATUS_WARNING", "operationBackup": {},
        });
        json!({ "receiveOperations": { "event": { kind: { "operations": [operation] } } } })
    };
    let (created, updated) = ("createdOperations", "updatedOperations");
    [
        vec![sent(created, 3)],
        vec![sent(updated, 3)],
        vec![sent(created, 3), sent(updated, 2)],
    ]
}

/// A client that is known, and one that pairs and then comes again, its secret not forgotten; a configuration may hold no known
/// one with scopes of no known form. One that is looked into needs a hook, which not every peer has.
fn of_a_host(granted: &Granted) -> Json {
    let permissions = &granted.permissions;
    let known = match granted.is_odd {
        true => &Json::Array(Vec::new()),
        false => permissions,
    };
    let mut file = json!({
        "about": "A client is shown what its permissions cover, and so is one that pairs.",
        "rules": [survives(Role::Responder).as_str()],
        "target": Role::Responder.name(),
        "alone": true,
        "given": {
            "peer": { "permissions": known },
            "others": { "newcomer": { "known": false } },
            "token": { "permissions": permissions },
            "repos": [{ "name": "photos" }, { "name": "music", "shared": true }],
            "plans": [{ "name": "daily", "repo": "photos" }, { "name": "weekly", "repo": "music" }],
        },
        "steps": [
            "establish",
            "fence",
            { "establish": { "as": "newcomer", "secret": "$token" }, "on": "pairing" },
            { "fence": null, "on": "pairing" },
            { "establish": { "as": "newcomer", "secret": "$token" }, "on": "later" },
            { "fence": null, "on": "later" },
        ],
    });
    if granted.is_looked_into
        && let Some(steps) = file["steps"].as_array_mut()
    {
        steps.push(
            json!({ "expect-config": { "with": { "peer": {}, "newcomer": {} }, "token-uses": 1 } }),
        );
    }
    file
}

/// A host to which the client shows what the permissions cover, and which says these; a witness sees what came of them.
fn of_a_client(permissions: &Json, said: &[Json], is_change: bool) -> Json {
    let mut steps = vec![json!("establish")];
    steps.extend(said.iter().map(|item| json!({ "send": item })));
    match is_change {
        true => steps.extend([
            json!({ "expect-refused": { "or-goes-on": true } }),
            json!({ "expect-shown": { "as": "witness", "config": {} } }),
        ]),
        false => steps.push(json!("fence")),
    }
    let mut file = json!({
        "about": "A client shows and does for a host what the permissions cover.",
        "rules": [survives(Role::Initiator).as_str()],
        "target": Role::Initiator.name(),
        "given": {
            "peer": { "permissions": permissions },
            "others": { "witness": { "permissions": [{ "type": "read-config" }] } },
            "repos": [{ "name": "photos" }, { "name": "music" }],
            "plans": [{ "name": "daily", "repo": "photos" }, { "name": "weekly", "repo": "music" }],
            "operations": [
                { "name": "first", "plan": "daily", "modno": 1 },
                { "name": "second", "plan": "weekly", "modno": 2 },
                { "name": "third", "plan": "daily", "modno": 3 },
            ],
        },
        "steps": steps,
    });
    if is_change {
        file["alone"] = json!(true);
    }
    file
}

fn requests() -> Vec<Json> {
    vec![
        json!({ "requestOperationData": { "opIds": ["$third", "$second", 1, "$first"] } }),
        json!({ "operationManifest": {} }),
        json!({ "requestResources": {} }),
    ]
}

fn changes() -> Vec<Json> {
    const GUID: &str = "5a3c1f0e9b7d2846c0de5a3c1f0e9b7d2846c0de5a3c1f0e9b7d2846c0de0001";
    let plan = |id: &str, repo: &str, path: &str| json!({ "id": id, "repo": repo, "paths": [path], "schedule": { "disabled": true } });
    let repo = |id: &str, guid: &str, uri: &str, password: &str| json!({ "id": id, "guid": guid, "uri": uri, "password": password });
    let added_uri = "/nonexistent/syncspec/added-$instance";
    let added = repo("added-$instance", GUID, added_uri, "syncspec");
    let replaced = repo("$photos", "$guid-of-photos", "$uri-of-photos", "another");
    let changes = [
        json!({ "plans": [plan("$daily", "$photos", "/nonexistent/other")] }),
        json!({ "plans": [plan("added-$instance", "$music", "/nonexistent")] }),
        json!({ "plansToDelete": ["$daily"] }),
        json!({ "repos": [replaced] }),
        json!({ "repos": [added] }),
        json!({ "repos": [repo("$music", GUID, added_uri, "another")] }),
        json!({ "repos": [repo("added-$instance", GUID, "$uri-of-music", "another")] }),
        json!({ "plansToDelete": ["$daily"], "reposToDelete": ["$photos"] }),
        json!({ "repos": [added], "plans": [plan("$weekly", "added-$instance", "/nonexistent")] }),
        json!({ "repos": [replaced], "plansToDelete": ["nobody-has-this"] }),
        json!({}),
    ];
    changes
        .map(|change| json!({ "setConfig": change }))
        .to_vec()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn grounds_then_each_can_be_played_and_is_another() {
        for role in [Role::Responder, Role::Initiator] {
            let bases = grounds(role, &RpcProtocol::ALL).unwrap();
            let ids: BTreeSet<_> = bases
                .iter()
                .map(|base| (base.scenario.id.clone(), base.protocol))
                .collect();
            assert_eq!(ids.len(), bases.len());
            assert!(bases.len() >= 2 * KINDS.len() * SCOPES.len());
            assert!(bases.iter().all(|base| base.scenario.role == role));
        }
    }
}
