//! The reference host on a loopback port, and what it knows of the client.

use std::{net::SocketAddr, sync::Arc};

use futures_util::StreamExt as _;
use prost::Message as _;
use syncspec::{
    net::{
        Connection, DialOptions, RpcProtocol, ServeLimits, SyncApp as _, UnaryEnd,
        host::{HostApp, HostOptions},
        request::SET_REMOTE_CLIENT_CONFIG_PATH,
        serve::{Caller, serve},
    },
    reference::config::Config,
    wire::{
        v1,
        v1sync::{ConnectionState, PeerState, SetRemoteClientConfigRequest},
    },
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::metadata::MetadataMap;

use crate::{
    TEST_WAIT,
    configs::{CLIENT, keyid},
    in_time, settings,
};

pub struct Host {
    pub app: HostApp,
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Host {
    pub async fn start(config: Config) -> Host {
        Host::start_at(config, "127.0.0.1:0").await
    }

    pub async fn start_at(config: Config, address: &str) -> Host {
        let listener = TcpListener::bind(address).await.unwrap();
        let options = HostOptions {
            settings: settings(),
            ..HostOptions::default()
        };
        let app = HostApp::new(config, options);
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = serve(
            listener,
            Arc::new(app.clone()),
            ServeLimits::default(),
            async { drop(stopped.await) },
        );
        Host {
            app,
            address,
            stop,
            serving: tokio::spawn(async { server.await.unwrap() }),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn stop(self) {
        self.stop.send(()).expect("it serves until it is told");
        in_time(self.serving).await.unwrap();
    }

    /// What it knows of the client; nothing when it does not know the client.
    pub async fn client_state(&self) -> Option<PeerState> {
        let states = self.app.peer_states(nobody(), false);
        let states: Vec<_> = in_time(states.collect()).await;
        let mut states = states.into_iter().map(Result::unwrap);
        states.find(|state| state.peer_keyid == keyid(CLIENT))
    }

    /// Waits until the host is as wished, looking again at each change of a peer's state. Items are taken in order, so
    /// that what was sent before a heartbeat is there once the heartbeat is.
    pub async fn until(&self, is_so: impl AsyncFn(&Host) -> bool) {
        let mut changes = self.app.peer_states(nobody(), true);
        let wait = async {
            while !is_so(self).await {
                changes.next().await.expect("the host lives").unwrap();
            }
        };
        if tokio::time::timeout(TEST_WAIT, wait).await.is_err() {
            panic!(
                "expected another state, saw {:#?}",
                self.client_state().await
            );
        }
    }

    pub async fn until_client(&self, wanted: ConnectionState) {
        self.until_client_is(|state| state.state() == wanted).await;
    }

    pub async fn until_client_is(&self, is_so: impl Fn(&PeerState) -> bool) {
        self.until(async |host| host.client_state().await.as_ref().is_some_and(&is_so))
            .await;
    }

    /// The client's operations as the client has them.
    pub fn operations(&self) -> Vec<v1::Operation> {
        let stored = self.app.operations_of(&keyid(CLIENT)).unwrap().into_iter();
        stored
            .map(|stored| v1::Operation {
                id: stored.original_id,
                flow_id: stored.original_flow_id,
                original_id: 0,
                original_flow_id: 0,
                original_instance_keyid: String::new(),
                ..stored
            })
            .collect()
    }

    /// Waits until it holds exactly these, in the order of their ids.
    pub async fn until_operations(&self, wanted: &[v1::Operation]) {
        self.until(async |host| host.operations() == wanted).await;
    }

    /// Asks the state service to change the client's config.
    pub async fn set_client_config(
        &self,
        protocol: RpcProtocol,
        edit: impl FnOnce(&mut SetRemoteClientConfigRequest),
    ) -> UnaryEnd {
        let mut request = SetRemoteClientConfigRequest {
            peer_keyid: keyid(CLIENT),
            ..SetRemoteClientConfigRequest::default()
        };
        edit(&mut request);
        let options = DialOptions::new(self.url(), protocol);
        let connection = Connection::dial(&options).await.unwrap();
        let message = request.encode_to_vec().into();
        connection
            .unary(SET_REMOTE_CLIENT_CONFIG_PATH, message)
            .await
            .unwrap()
    }
}

pub fn nobody() -> Caller {
    Caller {
        metadata: MetadataMap::new(),
    }
}
