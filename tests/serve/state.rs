//! The state service of a standing host.

use prost::Message as _;
use syncspec::{
    net::{
        Connection, DialOptions, End, LinkEvent, OutFrame, RequestShape, RpcProtocol, UnaryEnd,
        request::{PEER_STATES_PATH, SET_REMOTE_CLIENT_CONFIG_PATH},
    },
    wire::{
        Code,
        v1sync::{
            ConnectionState, PeerState, SetRemoteClientConfigRequest, SyncStateStreamRequest,
        },
    },
};

use crate::{
    host::{CLIENT, Folder, SECRET, client_identity},
    in_time,
    peer::{Client, Peer},
};

type Header<'a> = [&'a str; 2];

fn options(url: &str, protocol: RpcProtocol, headers: &[Header<'_>]) -> DialOptions {
    let owned = headers
        .iter()
        .map(|[name, value]| ((*name).to_owned(), (*value).to_owned()));
    DialOptions {
        headers: owned.collect(),
        ..DialOptions::new(url, protocol)
    }
}

/// The states of all peers, or the code that they are refused with.
pub async fn states(url: &str, headers: &[Header<'_>]) -> Result<Vec<PeerState>, Code> {
    states_over(RpcProtocol::Grpc, url, headers).await
}

/// The code with which an empty SetRemoteClientConfig is refused.
async fn set_config_refusal(url: &str, protocol: RpcProtocol) -> Code {
    let connection = Connection::dial(&options(url, protocol, &[]))
        .await
        .unwrap();
    let answer = connection
        .unary(SET_REMOTE_CLIENT_CONFIG_PATH, bytes::Bytes::new())
        .await;
    let UnaryEnd::Ended(End::Status(status)) = answer.unwrap() else {
        panic!("expected a status")
    };
    status.code
}

async fn states_over(
    protocol: RpcProtocol,
    url: &str,
    headers: &[Header<'_>],
) -> Result<Vec<PeerState>, Code> {
    let connection = Connection::dial(&options(url, protocol, headers))
        .await
        .unwrap();
    let shape = RequestShape::new(protocol, PEER_STATES_PATH);
    let mut link = connection.open(&shape).await.unwrap();
    let request = SyncStateStreamRequest { subscribe: false };
    let frame = OutFrame::Message(request.encode_to_vec().into());
    link.send(frame).await.unwrap();
    link.half_close().unwrap();
    let mut states = Vec::new();
    loop {
        match in_time(link.next()).await {
            LinkEvent::Headers(_) => {}
            LinkEvent::Message { payload, .. } => states.push(PeerState::decode(payload).unwrap()),
            LinkEvent::Ended(End::Status(status)) if status.code == Code::Ok => return Ok(states),
            LinkEvent::Ended(End::Status(status)) => return Err(status.code),
            LinkEvent::Ended(other) => panic!("expected a status, saw {other:?}"),
        }
    }
}

#[tokio::test]
async fn credentials_given_then_only_their_callers_are_let_in() {
    let folder = Folder::new(0);
    std::fs::write(folder.path("token"), "from-a-file\n").unwrap();
    let mut command = folder.command(&["--state-auth", "basic:Aladdin:open sesame"]);
    command.arg("--state-token-file").arg(folder.path("token"));
    command.env("SYNCSPEC_STATE_AUTH", "bearer:from-the-environment");
    let host = crate::host::Host::start(command);
    for protocol in RpcProtocol::ALL {
        let ask = async |headers: &[Header<'_>]| {
            let states = states_over(protocol, host.url(), headers).await;
            states.map(|states| states.len())
        };
        for value in [
            // RFC 7617, section 2.
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Bearer from-a-file",
            "Bearer from-the-environment",
        ] {
            assert_eq!(ask(&[["authorization", value]]).await, Ok(1), "{value}");
        }
        let refused = Err(Code::Unauthenticated);
        assert_eq!(ask(&[]).await, refused);
        for value in ["Bearer from-a-fil", "Basic from-a-file", "from-a-file"] {
            assert_eq!(ask(&[["authorization", value]]).await, refused, "{value}");
        }
        assert_eq!(
            set_config_refusal(host.url(), protocol).await,
            Code::Unauthenticated
        );
    }
    // Sync authenticates itself.
    Peer::admitted(host.url(), &Client::known()).await.unwrap();
}

#[tokio::test]
async fn without_state_service_and_pairing_then_neither_is_there_and_known_clients_are_served() {
    let host = Folder::new(0).serve(&["--without", "state-service", "--without", "pairing"]);
    for protocol in RpcProtocol::ALL {
        let states = states_over(protocol, host.url(), &[]).await;
        assert_eq!(states, Err(Code::Unimplemented));
        assert_eq!(
            set_config_refusal(host.url(), protocol).await,
            Code::Unimplemented
        );
    }
    let newcomer = Client::stranger(9, SECRET);
    let over = Peer::admitted(host.url(), &newcomer).await.err().unwrap();
    assert_eq!(over.code(), Some(Code::PermissionDenied));
    Peer::admitted(host.url(), &Client::known()).await.unwrap();
}

#[tokio::test]
async fn client_connected_then_its_state_is_told_and_it_gets_a_config() {
    let host = Folder::new(0).serve(&[]);
    let mut peer = Peer::admitted(host.url(), &Client::known()).await.unwrap();
    let states = states(host.url(), &[]).await.unwrap();
    assert_eq!(states[0].peer_instance_id, CLIENT);
    assert_eq!(states[0].state(), ConnectionState::Connected);

    let connection = Connection::dial(&options(host.url(), RpcProtocol::Connect, &[]))
        .await
        .unwrap();
    let request = SetRemoteClientConfigRequest {
        peer_keyid: client_identity().keyid().to_owned(),
        plans_to_delete: vec!["007".to_owned()],
        ..SetRemoteClientConfigRequest::default()
    };
    let message = request.encode_to_vec().into();
    let answer = connection
        .unary(SET_REMOTE_CLIENT_CONFIG_PATH, message)
        .await;
    assert!(matches!(answer, Ok(UnaryEnd::Answer(_))), "{answer:?}");
    assert_eq!(peer.next().await.unwrap().name(), "setConfig");
}
