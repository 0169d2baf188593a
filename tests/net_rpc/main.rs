//! The server over real sockets, dialled by our own links in both protocols, and by tonic's generated clients.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it relies on by failing"
)]
#![cfg(feature = "net")]

mod deadline;
mod generated;
mod state;
mod sync;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream, stream::BoxStream};
use prost::Message;
use syncspec::{
    net::{
        Connection, DialOptions, End, Link, LinkError, LinkEvent, OutFrame, RequestShape,
        RpcProtocol, ServeLimits, SyncApp, UnaryEnd, framing, gzip,
        request::{PEER_STATES_PATH, SET_REMOTE_CLIENT_CONFIG_PATH},
        serve,
        serve::{Caller, InboundItems, OutboundItems, ServeError},
        status::RpcStatus,
    },
    wire::{
        Action, Code, SyncStreamItem,
        v1sync::{
            PeerState, SetRemoteClientConfigRequest, SyncStateStreamRequest,
            backrest_sync_service_client::BackrestSyncServiceClient,
            backrest_sync_state_service_client::BackrestSyncStateServiceClient,
            sync_stream_item::{SyncActionRequestLog, SyncActionThrottle},
        },
    },
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
};
use tonic::{Status, codec::CompressionEncoding};

const BOTH: [RpcProtocol; 2] = [RpcProtocol::Grpc, RpcProtocol::Connect];
/// What the tests below ask the application for.
const REFUSE: &str = "refuse";
const FLOOD: &str = "flood";
const PANIC: &str = "panic";
const HANG: &str = "hang";
const PAUSE: &str = "pause";
const TORRENT: &str = "torrent";
const FLOOD_ITEMS: i64 = 1000;
const DEADLINE: Duration = Duration::from_millis(200);
/// No test waits longer than that for anything.
const TEST_WAIT: Duration = Duration::from_secs(20);

/// Echoes items, and tells the test how its inbound items ended.
struct Echo {
    ended: mpsc::UnboundedSender<Option<tonic::Code>>,
    resume: Arc<Semaphore>,
}

impl SyncApp for Echo {
    fn sync(
        &self,
        inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        echo(inbound, outbound, self.ended.clone(), self.resume.clone()).boxed()
    }

    fn peer_states(
        &self,
        caller: Caller,
        subscribe: bool,
    ) -> BoxStream<'static, Result<PeerState, Status>> {
        if !caller.metadata.contains_key("authorization") {
            return stream::iter([Err(Status::unauthenticated("who are you?"))]).boxed();
        }
        let state = PeerState {
            peer_keyid: "ed25519.x".to_owned(),
            ..PeerState::default()
        };
        match subscribe {
            true => stream::repeat_with(move || Ok(state.clone())).boxed(),
            false => stream::iter([Ok(state)]).boxed(),
        }
    }

    fn set_remote_client_config(
        &self,
        _caller: Caller,
        request: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        async move {
            match request.peer_keyid.as_str() {
                "" => Err(Status::invalid_argument("expected a key id")),
                HANG => std::future::pending().await,
                REFUSE => Err(Status::not_found("not connected")),
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

async fn echo(
    mut inbound: InboundItems,
    outbound: OutboundItems,
    ended: mpsc::UnboundedSender<Option<tonic::Code>>,
    resume: Arc<Semaphore>,
) -> Result<(), Status> {
    while let Some(item) = inbound.next().await {
        let item = item.inspect_err(|status| {
            let _ = ended.send(Some(status.code()));
        })?;
        match &item.action {
            Some(Action::RequestLog(asked)) if asked.log_id == REFUSE => {
                return Err(Status::permission_denied("as asked"));
            }
            Some(Action::RequestLog(asked)) if asked.log_id == FLOOD => {
                for delay_ms in 0..FLOOD_ITEMS {
                    outbound.send(throttle(delay_ms)).await.unwrap();
                }
                return Err(Status::invalid_argument("enough"));
            }
            Some(Action::RequestLog(asked)) if asked.log_id == TORRENT => {
                let large = ask(&"x".repeat(64 * 1024));
                while outbound.send(large.clone()).await.is_ok() {}
            }
            Some(Action::RequestLog(asked)) if asked.log_id == PANIC => panic!("as asked"),
            Some(Action::RequestLog(asked)) if asked.log_id == PAUSE => {
                resume.acquire().await.unwrap().forget();
            }
            _ => outbound.send(item).await.unwrap(),
        }
    }
    let _ = ended.send(None);
    Ok(())
}

struct Server {
    address: SocketAddr,
    ended: mpsc::UnboundedReceiver<Option<tonic::Code>>,
    resume: Arc<Semaphore>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn new() -> Server {
        Server::with(ServeLimits::default()).await
    }

    async fn with(limits: ServeLimits) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, ended) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let resume = Arc::new(Semaphore::new(0));
        let app = Arc::new(Echo {
            ended: told,
            resume: resume.clone(),
        });
        let stopped = async { drop(stopped.await) };
        let serving = tokio::spawn(serve::serve(listener, app, limits, stopped));
        Server {
            address,
            ended,
            resume,
            stop: Some(stop),
            serving,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn dial(&self, protocol: RpcProtocol) -> Connection {
        let options = DialOptions::new(self.url(), protocol);
        Connection::dial(&options).await.unwrap()
    }

    async fn sync(&self, protocol: RpcProtocol) -> Link {
        self.dial(protocol).await.open_sync().await.unwrap()
    }

    async fn open(&self, protocol: RpcProtocol, shape: &RequestShape) -> Link {
        self.dial(protocol).await.open(shape).await.unwrap()
    }

    async fn inbound_end(&mut self) -> Option<tonic::Code> {
        in_time(self.ended.recv()).await.unwrap()
    }
}

async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_WAIT, wait)
        .await
        .expect("something within the wait of a test")
}

fn throttle(delay_ms: i64) -> SyncStreamItem {
    SyncStreamItem {
        action: Some(Action::Throttle(SyncActionThrottle { delay_ms })),
    }
}

fn ask(what: &str) -> SyncStreamItem {
    let log_id = what.to_owned();
    SyncStreamItem {
        action: Some(Action::RequestLog(SyncActionRequestLog { log_id })),
    }
}

fn frame(message: &impl Message) -> OutFrame {
    OutFrame::Message(message.encode_to_vec().into())
}

/// All messages until the end, and the end.
async fn rest(link: &mut Link) -> (Vec<Bytes>, End) {
    let mut messages = Vec::new();
    loop {
        match in_time(link.next()).await {
            LinkEvent::Headers(_) => {}
            LinkEvent::Message { payload, .. } => messages.push(payload),
            LinkEvent::Ended(end) => return (messages, end),
        }
    }
}

async fn code(link: &mut Link) -> Code {
    match rest(link).await.1 {
        End::Status(status) => status.code,
        other => panic!("expected a status, seen {other:?}"),
    }
}

fn set_config(peer_keyid: &str) -> SetRemoteClientConfigRequest {
    SetRemoteClientConfigRequest {
        peer_keyid: peer_keyid.to_owned(),
        ..SetRemoteClientConfigRequest::default()
    }
}

async fn peer_states(
    server: &Server,
    protocol: RpcProtocol,
    subscribe: bool,
    timeout: Option<Duration>,
) -> Link {
    let mut shape = RequestShape::new(protocol, PEER_STATES_PATH);
    shape.add = vec![("authorization".to_owned(), "Bearer x".to_owned())];
    shape.timeout = timeout;
    let mut link = server.open(protocol, &shape).await;
    let request = SyncStateStreamRequest { subscribe };
    link.send(frame(&request)).await.unwrap();
    link.half_close().unwrap();
    link
}
