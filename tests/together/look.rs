//! A look inside the host from outside: its state service.

use prost::Message as _;
use syncspec::{
    net::{
        Connection, DialOptions, Link, LinkEvent, OutFrame, RequestShape, RpcProtocol, UnaryEnd,
        request::{PEER_STATES_PATH, SET_REMOTE_CLIENT_CONFIG_PATH},
    },
    wire::{
        Code, v1,
        v1sync::{PeerState, SetRemoteClientConfigRequest, SyncStateStreamRequest},
    },
};

use crate::{TEST_WAIT, both::client_keyid, in_time};

/// Somebody who follows the host's peer states.
pub struct Look {
    connection: Connection,
    states: Link,
    /// The client's, as it was last told; nothing before the client has paired.
    client: Option<PeerState>,
}

impl Look {
    pub async fn at(url: &str) -> Look {
        let options = DialOptions::new(url, RpcProtocol::Grpc);
        let connection = in_time(Connection::dial(&options)).await.unwrap();
        let shape = RequestShape::new(RpcProtocol::Grpc, PEER_STATES_PATH);
        let mut states = in_time(connection.open(&shape)).await.unwrap();
        let request = SyncStateStreamRequest { subscribe: true }.encode_to_vec();
        states
            .send(OutFrame::Message(request.into()))
            .await
            .unwrap();
        states.half_close().unwrap();
        Look {
            connection,
            states,
            client: None,
        }
    }

    /// Waits for so many changes of a state.
    pub async fn let_pass(&mut self, changes: u64) {
        for _ in 0..changes {
            self.next().await;
        }
    }

    /// Waits until the client's state is as wished.
    pub async fn until(&mut self, is_so: impl Fn(&PeerState) -> bool) {
        let wait = async {
            while !self.client.as_ref().is_some_and(&is_so) {
                self.next().await;
            }
        };
        if tokio::time::timeout(TEST_WAIT, wait).await.is_err() {
            panic!("expected another state, saw {:#?}", self.client);
        }
    }

    async fn next(&mut self) {
        let told = async {
            loop {
                match self.states.next().await {
                    LinkEvent::Headers(_) => {}
                    LinkEvent::Message { payload, .. } => {
                        return PeerState::decode(payload).unwrap();
                    }
                    LinkEvent::Ended(end) => panic!("the host ended its states: {end:?}"),
                }
            }
        };
        let state = in_time(told).await;
        if state.peer_keyid == client_keyid() {
            self.client = Some(state);
        }
    }

    /// Has the host change the client's config, if the client is connected just now.
    pub async fn set_client_plan(&mut self, id: &str) {
        let request = SetRemoteClientConfigRequest {
            peer_keyid: client_keyid(),
            plans: vec![v1::Plan {
                id: id.to_owned(),
                repo: crate::both::REPO.to_owned(),
                paths: vec!["/home".to_owned()],
                ..v1::Plan::default()
            }],
            ..SetRemoteClientConfigRequest::default()
        };
        let message = request.encode_to_vec().into();
        let call = self
            .connection
            .unary(SET_REMOTE_CLIENT_CONFIG_PATH, message);
        match in_time(call).await.unwrap() {
            UnaryEnd::Answer(_) => {}
            UnaryEnd::Ended(syncspec::net::End::Status(status))
                if status.code == Code::NotFound => {}
            UnaryEnd::Ended(end) => panic!("the host refused a config for its client: {end:?}"),
        }
    }
}
