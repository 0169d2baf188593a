//! The floor: our dialling and the server that the reference stands on, with nothing behind it but an echo.

use std::{net::Ipv4Addr, sync::Arc, time::Instant};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use prost::Message as _;
use syncspec::{
    net::{
        Connection, DialOptions, LinkEvent, OutFrame, RpcProtocol,
        serve::{Caller, InboundItems, OutboundItems, ServeLimits, SyncApp, serve},
    },
    wire::{
        Action, SyncStreamItem,
        v1sync::{
            PeerState, SetRemoteClientConfigRequest, sync_stream_item::SyncEstablishSharedSecret,
        },
    },
};
use tokio::net::TcpListener;
use tonic::Status;

use crate::times::Times;

const ECHOES: usize = 1_000;
/// Of a public key, which is the longest item of most cases.
const ITEM_LEN_BYTES: usize = 1665;

struct Echo;

impl SyncApp for Echo {
    fn sync(
        &self,
        mut inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        async move {
            while let Some(Ok(item)) = inbound.next().await {
                if outbound.send(item).await.is_err() {
                    break;
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn peer_states(&self, _: Caller, _: bool) -> BoxStream<'static, Result<PeerState, Status>> {
        stream::empty().boxed()
    }

    fn set_remote_client_config(
        &self,
        _: Caller,
        _: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        async { Ok(()) }.boxed()
    }
}

/// Dials, opens a stream, sends one item and waits for it; over both RPC protocols in turn.
pub async fn measure() -> Times {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let limits = ServeLimits::default();
    let served = serve(listener, Arc::new(Echo), limits, std::future::pending());
    let served = tokio::spawn(served);
    let item = SyncStreamItem {
        action: Some(Action::EstablishSharedSecret(SyncEstablishSharedSecret {
            kem_public_key: vec![7; ITEM_LEN_BYTES],
            ..SyncEstablishSharedSecret::default()
        })),
    };
    let payload = item.encode_to_vec();
    let mut times = Vec::with_capacity(ECHOES);
    for number in 0..ECHOES {
        let began = Instant::now();
        let protocol = RpcProtocol::ALL[number % RpcProtocol::ALL.len()];
        let options = DialOptions::new(url.clone(), protocol);
        let connection = Connection::dial(&options).await.unwrap();
        let mut link = connection.open_sync().await.unwrap();
        let message = OutFrame::Message(payload.clone().into());
        link.send(message).await.unwrap();
        loop {
            match link.next().await {
                LinkEvent::Headers(_) => {}
                LinkEvent::Message { payload: back, .. } => {
                    assert!(back == payload, "an echo of something else");
                    break;
                }
                LinkEvent::Ended(end) => panic!("the echo ended: {end:?}"),
            }
        }
        times.push(began.elapsed());
    }
    served.abort();
    Times::of(times)
}
