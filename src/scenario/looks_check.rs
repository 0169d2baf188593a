//! Checks what only the file can have wrong with a step that looks inside the peer: misspelt fields, unknown names.

use super::{
    de,
    fixtures::PEER,
    load_error::Problems,
    looks::{ConfigChange, OperationsChange},
    message_check::check_message,
    message_pattern::descriptor,
    model::Verb,
    node::Node,
    problem::Problem,
    steps::StepContext,
};
use crate::wire::{
    Role,
    v1::Operation,
    v1sync::{PeerState, RemoteConfig, SetRemoteClientConfigRequest},
};

/// Checks the messages within such a step against the contract; false where it is of no use to read it.
pub fn check_messages(verb: &str, content: &Node, problems: &Problems) -> bool {
    let found = Problems::default();
    let check = |node: Option<&Node>, message| {
        if let Some(node) = node {
            check_message(node, &message, &found);
        }
    };
    match verb {
        "expect-state" | "expect-update" => check(content.get("is"), descriptor::<PeerState>()),
        "expect-shown" => check(content.get("config"), descriptor::<RemoteConfig>()),
        "set-client-config" => check(
            content.get("request"),
            descriptor::<SetRemoteClientConfigRequest>(),
        ),
        "expect-operations" => {
            let all = content.get("are").and_then(Node::as_seq);
            for operation in all.unwrap_or_default() {
                check(Some(operation), descriptor::<Operation>());
            }
        }
        _ => {}
    }
    let found = found.take();
    let is_clean = found.is_empty();
    for (place, problem) in found {
        problems.report(place, problem);
    }
    is_clean
}

/// Checks that whatever a step names is given.
pub fn check_names(verb: &Verb, content: &Node, context: &StepContext<'_>) {
    let at = |key: &str| content.get(key);
    let identities: Vec<&Node> = match verb {
        Verb::Connect(_) | Verb::Establish(_) | Verb::ExpectShown(_) => {
            at("as").into_iter().collect()
        }
        Verb::ExpectState(_) | Verb::ExpectUpdate(_) | Verb::ExpectOperations(_) => {
            at("of").into_iter().collect()
        }
        Verb::SetClientConfig(_) => at("to").into_iter().collect(),
        Verb::ExpectSnapshot(_) => [at("with"), at("without")]
            .into_iter()
            .flatten()
            .flat_map(elements)
            .collect(),
        Verb::ExpectConfig(_) => {
            for (key, _) in at("with").and_then(Node::as_map).unwrap_or_default() {
                check_identity(&Node::text(key.text.as_str(), key.place), context);
            }
            at("without").into_iter().flat_map(elements).collect()
        }
        Verb::ChangeConfig(change) => {
            check_change(change, content, context);
            let permitted = at("permit").and_then(|permit| permit.get("client"));
            let host = at("permit-host").and_then(|permit| permit.get("host"));
            [at("remove-client"), permitted, host]
                .into_iter()
                .flatten()
                .collect()
        }
        Verb::ChangeOperations(change) | Verb::ExpectChange(change) => {
            check_operations_change(change, content, context);
            Vec::new()
        }
        _ => Vec::new(),
    };
    for identity in identities {
        check_identity(identity, context);
    }
}

fn elements(node: &Node) -> &[Node] {
    node.as_seq().unwrap_or_default()
}

fn check_identity(name: &Node, context: &StepContext<'_>) {
    let Some(seen) = name.as_str() else {
        return;
    };
    if seen == PEER || context.given.others.contains_key(seen) {
        return;
    }
    let others = context.given.others.keys().cloned();
    let problem = Problem::UnknownIdentity {
        seen: seen.to_owned(),
        known: std::iter::once(PEER.to_owned()).chain(others).collect(),
    };
    context.problems.report(name.place, problem);
}

fn check_change(change: &ConfigChange, content: &Node, context: &StepContext<'_>) {
    let ConfigChange {
        remove_client,
        permit,
        share_repo,
        remove_repo,
        permit_host,
    } = change;
    let named = [
        remove_client.is_some(),
        permit.is_some(),
        share_repo.is_some(),
        remove_repo.is_some(),
        permit_host.is_some(),
    ];
    if named.iter().filter(|named| **named).count() != 1 {
        de::wrong_type(
            content,
            "exactly one change, such as `remove-client: peer`",
            context.problems,
        );
    }
    if permit_host.is_some() != (context.role == Role::Initiator) {
        let expected = "`permit-host` where the peer is a client, and nowhere else";
        de::wrong_type(content, expected, context.problems);
    }
    let repos = ["share-repo", "remove-repo"];
    for name in repos.iter().filter_map(|key| content.get(key)) {
        let given = &context.given.repos;
        if name
            .as_str()
            .is_some_and(|seen| given.iter().all(|repo| repo.name != seen))
        {
            let problem = Problem::UnknownRepo {
                seen: name.as_str().unwrap_or_default().to_owned(),
                known: given.iter().map(|repo| repo.name.clone()).collect(),
            };
            context.problems.report(name.place, problem);
        }
    }
}

fn check_operations_change(change: &OperationsChange, content: &Node, context: &StepContext<'_>) {
    let is_one = change.put.is_some() != change.delete.is_some();
    if !is_one || change.delete.is_some() && change.modno.is_some() {
        let expected =
            "one change, such as `put: NAME`, with or without `modno`, or `delete: NAME`";
        de::wrong_type(content, expected, context.problems);
    }
    let given = &context.given.operations;
    for name in ["put", "delete"].iter().filter_map(|key| content.get(key)) {
        let is_given = |seen: &str| given.iter().any(|operation| operation.name == seen);
        if name.as_str().is_some_and(|seen| !is_given(seen)) {
            let problem = Problem::UnknownOperation {
                seen: name.as_str().unwrap_or_default().to_owned(),
                known: given.iter().map(|one| one.name.clone()).collect(),
            };
            context.problems.report(name.place, problem);
        }
    }
}
