//! What hosts are told of the client's config and operations.

use syncspec::{
    net::RpcProtocol,
    reference::client::OPERATION_BATCH_LEN_MAX,
    wire::{
        Action, v1,
        v1::operation_event::Event,
        v1sync::{
            ConnectionState,
            sync_stream_item::{SyncActionReceiveOperations, SyncActionRequestOperationData},
        },
    },
};

use crate::{
    client,
    configs::{HOST, client_of, host, operation, repo},
    hosts::Host,
    scripted::Scripted,
};

const MANY: i64 = 10_000;

#[tokio::test]
async fn connected_then_host_knows_config_and_resources() {
    for protocol in RpcProtocol::ALL {
        let host = Host::start(host(HOST)).await;
        let config = client_of(&host.url());
        let _client = client(config.clone(), protocol);
        host.until_client_is(|state| !state.known_plans.is_empty())
            .await;
        let state = host.client_state().await.unwrap();
        let remote = state.remote_config.unwrap();
        assert_eq!(remote.repos, config.repos());
        assert_eq!(remote.plans, config.plans());
        assert_eq!(state.known_repos[0].guid, repo("r").guid);
        assert_eq!(state.known_plans[0].id, "p");
    }
}

#[tokio::test]
async fn ten_thousand_operations_then_host_ends_with_the_same() {
    for protocol in RpcProtocol::ALL {
        let host = Host::start(host(HOST)).await;
        let client = client(client_of(&host.url()), protocol);
        let operations: Vec<_> = (1..=MANY).map(|id| operation(id, id)).collect();
        for operation in &operations {
            client.put_operation(operation.clone()).unwrap();
        }
        host.until_operations(&operations).await;
        assert_eq!(client.operations(), operations);
    }
}

#[tokio::test]
async fn operations_change_while_connected_then_host_follows() {
    for protocol in RpcProtocol::ALL {
        let host = Host::start(host(HOST)).await;
        let client = client(client_of(&host.url()), protocol);
        host.until_client(ConnectionState::Connected).await;
        for id in 1..=3 {
            client.put_operation(operation(id, 1)).unwrap();
        }
        let created = [1, 2, 3].map(|id| operation(id, 1));
        host.until_operations(&created).await;
        client.put_operation(operation(2, 5)).unwrap();
        client.delete_operation(1);
        let after = [operation(2, 5), operation(3, 1)];
        host.until_operations(&after).await;
    }
}

#[tokio::test]
async fn changed_while_apart_then_manifest_brings_the_host_up_to_date() {
    let config = host(HOST);
    let first = Host::start(config.clone()).await;
    let (address, url) = (first.address.to_string(), first.url());
    let client = client(client_of(&url), RpcProtocol::Connect);
    for id in 1..=3 {
        client.put_operation(operation(id, 1)).unwrap();
    }
    first
        .until_operations(&[1, 2, 3].map(|id| operation(id, 1)))
        .await;
    first.stop().await;
    client.delete_operation(1);
    client.put_operation(operation(2, 2)).unwrap();
    let second = Host::start_at(config, &address).await;
    let after = [operation(2, 2), operation(3, 1)];
    second.until_operations(&after).await;
}

#[tokio::test]
async fn operations_requested_then_sent_in_batches_with_later_changes_behind() {
    let mut host = Scripted::at("").await;
    let client = client(client_of(&host.url()), RpcProtocol::Connect);
    for id in 1..=MANY {
        client.put_operation(operation(id, 1)).unwrap();
    }
    let mut session = host.session(HOST).await;
    let manifest = loop {
        if let Some(Action::OperationManifest(manifest)) = session.action().await {
            break manifest;
        }
    };
    // Those the client has not, and those it is asked for twice, are not sent.
    let op_ids = [&[MANY + 1][..], &manifest.op_ids, &manifest.op_ids].concat();
    let request = SyncActionRequestOperationData { op_ids };
    session.send(Action::RequestOperationData(request)).await;
    let mut sent = updated(session.answer().await);
    client.put_operation(operation(1, 2)).unwrap();
    while sent.len() < usize::try_from(MANY).unwrap() {
        let batch = updated(session.answer().await);
        assert!(batch.len() <= OPERATION_BATCH_LEN_MAX);
        sent.extend(batch);
    }
    let all: Vec<_> = (1..=MANY).map(|id| operation(id, 1)).collect();
    assert_eq!(sent, all);
    assert_eq!(updated(session.answer().await), [operation(1, 2)]);
}

fn updated(action: Option<Action>) -> Vec<v1::Operation> {
    match action {
        Some(Action::ReceiveOperations(SyncActionReceiveOperations {
            event:
                Some(v1::OperationEvent {
                    event: Some(Event::UpdatedOperations(list)),
                }),
        })) => list.operations,
        other => panic!("expected updated operations, saw {other:?}"),
    }
}
