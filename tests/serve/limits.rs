//! What the host bears, and that those within its limits go on when somebody passes one.

use bytes::Bytes;
use prost::Message as _;
use syncspec::{
    net::{
        Connection, DialOptions, End, Link, LinkError, LinkEvent, OutFrame, RpcProtocol, UnaryEnd,
        request::SET_REMOTE_CLIENT_CONFIG_PATH,
    },
    wire::{
        Action, Code, v1,
        v1sync::{
            SetRemoteClientConfigRequest,
            sync_stream_item::{SyncActionHeartbeat, SyncActionOperationManifest},
        },
    },
};

use crate::{
    host::{Folder, SECRET, client_identity},
    in_time,
    peer::{Client, Peer},
};

async fn dial(url: &str) -> Result<Connection, LinkError> {
    in_time(Connection::dial(&DialOptions::new(
        url,
        RpcProtocol::Connect,
    )))
    .await
}

async fn code(link: &mut Link) -> Code {
    loop {
        match in_time(link.next()).await {
            LinkEvent::Ended(End::Status(status)) => return status.code,
            LinkEvent::Ended(other) => panic!("expected a status, saw {other:?}"),
            LinkEvent::Headers(_) | LinkEvent::Message { .. } => {}
        }
    }
}

/// Something that the host answers, and its answer.
async fn serves(peer: &mut Peer) {
    let manifest = SyncActionOperationManifest {
        op_ids: vec![1],
        modnos: vec![1],
    };
    peer.send(Action::OperationManifest(manifest))
        .await
        .unwrap();
    loop {
        match peer.next().await.unwrap() {
            Action::RequestOperationData(_) => return,
            Action::ReceiveConfig(_) | Action::ReceiveResources(_) => {}
            other => panic!("expected a request, saw {}", other.name()),
        }
    }
}

#[tokio::test]
async fn streams_without_a_client_then_as_many_as_may_be_and_the_admitted_go_on() {
    let host = Folder::new(0).serve(&["--unauthenticated-max", "3", "--key-exchange-wait", "2s"]);
    let mut admitted = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    let connection = dial(host.url()).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(connection.open_sync().await.unwrap());
    }
    serves(&mut admitted).await;
    // Which of the four comes last is chance. The time of the others runs out, and then there is room again.
    let mut codes = Vec::new();
    for link in &mut idle {
        codes.push(code(link).await);
    }
    codes.sort_by_key(|code| code.number());
    let mut expected = vec![Code::InvalidArgument; 3];
    expected.push(Code::ResourceExhausted);
    assert_eq!(codes, expected);
    let stranger = Client::stranger(3, SECRET);
    Peer::admitted(host.url(), &stranger).await.unwrap();
}

#[tokio::test]
async fn sessions_in_all_then_one_too_many_is_refused_and_a_place_is_freed() {
    let host = Folder::new(0).serve(&["--sessions-max", "2"]);
    let mut one = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    let two = Peer::admitted(host.url(), &Client::stranger(3, SECRET))
        .await
        .unwrap();
    let refused = Peer::admitted(host.url(), &Client::stranger(4, SECRET)).await;
    let over = refused.err().unwrap();
    assert_eq!(over.code(), Some(Code::ResourceExhausted), "{over:?}");
    serves(&mut one).await;
    drop(two);
    // The host hears of the end when it hears of it.
    in_time(async {
        while Peer::admitted(host.url(), &Client::stranger(4, SECRET))
            .await
            .is_err()
        {}
    })
    .await;
}

#[tokio::test]
async fn half_open_stream_then_it_ends_at_the_deadline_of_the_handshake() {
    let host = Folder::new(0).serve(&["--handshake-wait", "500ms"]);
    let connection = dial(host.url()).await.unwrap();
    let mut link = connection.open_sync().await.unwrap();
    let key = syncspec::crypto::kem::PrivateKey::from_seed_array(&[9; 32]);
    let item = syncspec::session::key_item(key.public_key());
    let frame = OutFrame::Message(item.encode_to_vec().into());
    link.send(frame).await.unwrap();
    assert_eq!(code(&mut link).await, Code::PermissionDenied);
}

#[tokio::test]
async fn flood_of_idle_connections_then_sessions_go_on_and_the_next_is_let_in_once_they_leave() {
    let host = Folder::new(0).serve(&["--connections-max", "40"]);
    let mut peer = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    let mut flood = Vec::new();
    for _ in 0..39 {
        flood.push(dial(host.url()).await.unwrap());
    }
    let refused = dial(host.url()).await.unwrap_err();
    assert!(
        matches!(refused, LinkError::ClosedAtOnce { .. }),
        "{refused}"
    );
    serves(&mut peer).await;
    drop(flood);
    in_time(async { while dial(host.url()).await.is_err() {} }).await;
    serves(&mut peer).await;
}

#[tokio::test]
async fn thousands_of_idle_sessions_then_one_more_is_served_and_memory_stays_bounded() {
    const CONNECTIONS: u32 = 32;
    const SESSIONS_PER_CONNECTION: u32 = 64;
    // Of this most is HTTP/2's; `cargo bench --bench reference idle` tells how much a session takes.
    const SESSION_LEN_BYTES_MAX: u64 = 256 << 10;
    const SESSIONS: u32 = CONNECTIONS * SESSIONS_PER_CONNECTION;
    let host = Folder::knowing(SESSIONS).serve(&["--sessions-max", "4096"]);
    let idle_len_bytes = host.resident_len_bytes();
    let mut sessions = Vec::new();
    for number in 0..CONNECTIONS {
        let connection = dial(host.url()).await.unwrap();
        let first = number * SESSIONS_PER_CONNECTION;
        for number in first..first + SESSIONS_PER_CONNECTION {
            let client = Client::of_a_crowd(number);
            sessions.push(Peer::admitted_over(&connection, &client).await.unwrap());
        }
    }
    let mut one_more = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    serves(&mut one_more).await;
    if let (Some(before), Some(now)) = (idle_len_bytes, host.resident_len_bytes()) {
        let grown = now.saturating_sub(before);
        let bound = u64::from(SESSIONS) * SESSION_LEN_BYTES_MAX;
        assert!(grown < bound, "{grown} bytes for {SESSIONS} idle sessions");
    }
    // None was ended to make room.
    for session in [0, sessions.len() / 2, sessions.len() - 1] {
        serves(&mut sessions[session]).await;
    }
    drop(sessions);
    serves(&mut one_more).await;
}

#[tokio::test]
async fn client_that_does_not_read_then_its_session_ends_and_others_go_on() {
    let host = Folder::new(0).serve(&["--queue-max", "8"]);
    let mut slow = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    let mut other = Peer::admitted(host.url(), &Client::stranger(3, SECRET))
        .await
        .unwrap();
    let request = SetRemoteClientConfigRequest {
        peer_keyid: client_identity().keyid().to_owned(),
        repos: vec![v1::Repo {
            id: "x".repeat(1 << 20),
            ..v1::Repo::default()
        }],
        ..SetRemoteClientConfigRequest::default()
    };
    let request = Bytes::from(request.encode_to_vec());
    let connection = dial(host.url()).await.unwrap();
    let last = in_time(async {
        loop {
            let answer = connection
                .unary(SET_REMOTE_CLIENT_CONFIG_PATH, request.clone())
                .await;
            match answer.unwrap() {
                UnaryEnd::Answer(_) => {}
                UnaryEnd::Ended(end) => return end,
            }
        }
    })
    .await;
    // Once it is gone, it is not connected.
    assert!(matches!(last, End::Status(status) if status.code == Code::NotFound));
    let over = slow.end().await;
    assert_eq!(over.code(), Some(Code::ResourceExhausted), "{over:?}");
    serves(&mut other).await;
}

#[tokio::test]
async fn manifest_of_a_million_ids_then_answered_and_one_over_the_limit_refused() {
    const IDS: i64 = 1_000_000;
    let folder = Folder::new(0);
    let host = folder.serve_kept(&["--manifest-max", "1000000"]);
    let mut peer = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    let manifest = |ids: i64| {
        let op_ids: Vec<i64> = (1..=ids).collect();
        let modnos = vec![1; op_ids.len()];
        Action::OperationManifest(SyncActionOperationManifest { op_ids, modnos })
    };
    peer.send(manifest(IDS)).await.unwrap();
    let Action::RequestOperationData(request) = peer.next().await.unwrap() else {
        panic!("expected a request")
    };
    assert!(request.op_ids.iter().copied().eq(1..=IDS));
    peer.send(manifest(IDS + 1)).await.unwrap();
    let over = peer.end().await;
    assert_eq!(over.code(), Some(Code::ResourceExhausted), "{over:?}");
    serves(&mut Peer::admitted(host.url(), &Client::known()).await.unwrap()).await;
}

#[tokio::test]
async fn item_of_more_than_64_mib_then_refused_and_the_host_lives() {
    let mut host = Folder::new(0).serve(&[]);
    let mut peer = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    // What is in it does not matter: its length is read first.
    let item = Bytes::from(vec![0; 65 << 20]);
    let over = match peer.send_bytes(item).await {
        Ok(()) => peer.end().await,
        Err(over) => over,
    };
    assert_eq!(over.code(), Some(Code::ResourceExhausted), "{over:?}");
    assert!(host.is_running());
    let mut again = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    again
        .send(Action::Heartbeat(SyncActionHeartbeat {}))
        .await
        .unwrap();
    serves(&mut again).await;
}
