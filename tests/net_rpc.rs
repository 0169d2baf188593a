//! The server over real sockets, dialled by our own links in both protocols, and by tonic's generated clients.

#![cfg(feature = "net")]

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
    stop: oneshot::Sender<()>,
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
            stop,
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

#[tokio::test]
async fn items_sent_then_echoed_and_ok_after_half_close() {
    let mut server = Server::new().await;
    for protocol in BOTH {
        let mut link = server.sync(protocol).await;
        for delay_ms in [1, 2] {
            link.send(frame(&throttle(delay_ms))).await.unwrap();
        }
        link.half_close().unwrap();
        let (messages, end) = rest(&mut link).await;
        let expected: Vec<Bytes> = [1, 2].map(|n| throttle(n).encode_to_vec().into()).into();
        assert_eq!(messages, expected);
        assert_eq!(end, End::Status(RpcStatus::new(Code::Ok, "")));
        assert_eq!(server.inbound_end().await, None);
    }
}

#[tokio::test]
async fn application_fails_then_its_status_ends_the_open_stream() {
    let server = Server::new().await;
    for protocol in BOTH {
        let mut link = server.sync(protocol).await;
        link.send(frame(&ask(REFUSE))).await.unwrap();
        let denied = RpcStatus::new(Code::PermissionDenied, "as asked");
        assert_eq!(rest(&mut link).await, (Vec::new(), End::Status(denied)));
    }
}

#[tokio::test]
async fn items_queued_before_the_status_then_all_arrive() {
    let server = Server::new().await;
    for protocol in BOTH {
        let mut link = server.sync(protocol).await;
        link.send(frame(&ask(FLOOD))).await.unwrap();
        let (messages, end) = rest(&mut link).await;
        let expected: Vec<Bytes> = (0..FLOOD_ITEMS)
            .map(|n| throttle(n).encode_to_vec().into())
            .collect();
        assert_eq!(messages, expected);
        let status = RpcStatus::new(Code::InvalidArgument, "enough");
        assert_eq!(end, End::Status(status));
    }
}

#[tokio::test]
async fn many_small_items_before_any_is_read_then_all_are_taken() {
    const ITEMS: usize = 10_000;
    let server = Server::new().await;
    for protocol in BOTH {
        let mut link = server.sync(protocol).await;
        link.send(frame(&ask(PAUSE))).await.unwrap();
        for _ in 0..ITEMS {
            link.send(frame(&throttle(1))).await.unwrap();
        }
        link.half_close().unwrap();
        server.resume.add_permits(1);
        let (messages, end) = rest(&mut link).await;
        assert_eq!(
            (messages.len(), end),
            (ITEMS, End::Status(RpcStatus::new(Code::Ok, "")))
        );
    }
}

#[tokio::test]
async fn application_panics_then_internal_and_the_server_lives() {
    let server = Server::new().await;
    for protocol in BOTH {
        let mut link = server.sync(protocol).await;
        link.send(frame(&ask(PANIC))).await.unwrap();
        assert_eq!(code(&mut link).await, Code::Internal);
    }
}

#[tokio::test]
async fn bytes_that_are_no_item_then_internal() {
    let mut server = Server::new().await;
    let item = throttle(1).encode_to_vec();
    let whole = framing::encode(0, &item).unwrap();
    let cases = [
        ("no protobuf", framing::encode(0, b"\xff").unwrap()),
        ("cut short", whole.slice(..whole.len() - 1)),
        (
            "compressed without encoding",
            framing::encode(framing::FLAG_COMPRESSED, &gzip::encode(&item)).unwrap(),
        ),
        ("unknown flag", framing::encode(0x80, &item).unwrap()),
        ("end of stream", framing::encode(2, b"{}").unwrap()),
    ];
    for protocol in BOTH {
        for (name, bytes) in cases.clone() {
            let mut link = server.sync(protocol).await;
            link.send(OutFrame::Raw(bytes)).await.unwrap();
            link.half_close().unwrap();
            assert_eq!(code(&mut link).await, Code::Internal, "{protocol} {name}");
            assert_eq!(server.inbound_end().await, Some(tonic::Code::Internal));
        }
    }
}

#[tokio::test]
async fn compressed_with_declared_encoding_then_accepted_and_answered_plain() {
    let server = Server::new().await;
    let item = throttle(7).encode_to_vec();
    let compressed = framing::encode(framing::FLAG_COMPRESSED, &gzip::encode(&item)).unwrap();
    for protocol in BOTH {
        let mut shape = RequestShape::sync(protocol);
        shape.accept_gzip = true;
        shape.add = vec![(protocol.encoding_header().to_owned(), "gzip".to_owned())];
        let mut link = server.open(protocol, &shape).await;
        link.send(OutFrame::Raw(compressed.clone())).await.unwrap();
        assert!(matches!(link.next().await, LinkEvent::Headers(_)));
        let expected = LinkEvent::Message {
            flags: 0,
            payload: item.clone().into(),
            compressed: false,
        };
        assert_eq!(in_time(link.next()).await, expected);
    }
}

#[tokio::test]
async fn encoding_that_is_not_gzip_then_unimplemented() {
    let server = Server::new().await;
    for protocol in BOTH {
        let mut shape = RequestShape::sync(protocol);
        shape.add = vec![(protocol.encoding_header().to_owned(), "br".to_owned())];
        let mut link = server.open(protocol, &shape).await;
        assert_eq!(code(&mut link).await, Code::Unimplemented);
    }
}

#[tokio::test]
async fn item_within_the_limit_then_accepted_and_over_it_refused() {
    let limits = ServeLimits {
        item_len_bytes_max: 8 * 1024 * 1024,
        ..ServeLimits::default()
    };
    let server = Server::with(limits).await;
    for protocol in BOTH {
        let mut link = server.sync(protocol).await;
        let large = ask(&"x".repeat(5 * 1024 * 1024));
        link.send(frame(&large)).await.unwrap();
        link.half_close().unwrap();
        let (messages, end) = rest(&mut link).await;
        assert_eq!(messages, [Bytes::from(large.encode_to_vec())]);
        assert_eq!(end, End::Status(RpcStatus::new(Code::Ok, "")));

        let mut link = server.sync(protocol).await;
        let announced = Bytes::from_static(&[0, 0, 0x80, 0, 1]);
        link.send(OutFrame::Raw(announced)).await.unwrap();
        assert_eq!(code(&mut link).await, Code::OutOfRange);
    }
}

#[tokio::test]
async fn deadline_of_a_silent_stream_then_exceeded_and_the_application_told() {
    let mut server = Server::new().await;
    for protocol in BOTH {
        let mut shape = RequestShape::sync(protocol);
        shape.timeout = Some(DEADLINE);
        let mut link = server.open(protocol, &shape).await;
        assert_eq!(code(&mut link).await, Code::DeadlineExceeded);
        let told = server.inbound_end().await;
        assert_eq!(told, Some(tonic::Code::DeadlineExceeded));
    }
}

#[tokio::test]
async fn deadline_of_a_caller_that_never_reads_then_the_application_is_told() {
    let mut server = Server::new().await;
    for protocol in BOTH {
        let mut shape = RequestShape::sync(protocol);
        shape.timeout = Some(DEADLINE);
        let mut link = server.open(protocol, &shape).await;
        link.send(frame(&ask(TORRENT))).await.unwrap();
        let told = server.inbound_end().await;
        assert_eq!(told, Some(tonic::Code::DeadlineExceeded));
    }
}

#[tokio::test]
async fn deadline_of_a_stream_that_never_pauses_then_exceeded() {
    let server = Server::new().await;
    for protocol in BOTH {
        let mut link = peer_states(&server, protocol, true, Some(DEADLINE)).await;
        let (states, end) = rest(&mut link).await;
        assert!(!states.is_empty());
        let End::Status(status) = end else {
            panic!("expected a status, seen {end:?}");
        };
        assert_eq!(status.code, Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn deadline_of_a_unary_call_then_exceeded() {
    let server = Server::new().await;
    let message = Bytes::from(set_config(HANG).encode_to_vec());
    for (protocol, content_type, frame, timeout) in [
        (
            RpcProtocol::Grpc,
            "application/grpc",
            OutFrame::Message(message.clone()),
            ("grpc-timeout", "200m"),
        ),
        (
            RpcProtocol::Connect,
            "application/proto",
            OutFrame::Raw(message),
            ("connect-timeout-ms", "200"),
        ),
    ] {
        let mut shape = RequestShape::new(protocol, SET_REMOTE_CLIENT_CONFIG_PATH);
        shape.content_type = Some(content_type.to_owned());
        shape.add = vec![(timeout.0.to_owned(), timeout.1.to_owned())];
        // With the request whole, and with its body never ending.
        for half_close in [true, false] {
            let mut link = server.open(protocol, &shape).await;
            link.send(frame.clone()).await.unwrap();
            if half_close {
                link.half_close().unwrap();
            }
            match rest(&mut link).await.1 {
                End::Status(status) => assert_eq!(status.code, Code::DeadlineExceeded),
                End::HttpStatus {
                    status, body_start, ..
                } => {
                    assert_eq!(status, 504);
                    assert!(body_start.starts_with(br#"{"code":"deadline_exceeded""#));
                }
                end => panic!("expected a deadline, seen {end:?}"),
            }
        }
    }
}

#[tokio::test]
async fn caller_gone_then_inbound_items_end() {
    let mut server = Server::new().await;
    for protocol in BOTH {
        for cut in [false, true] {
            let connection = server.dial(protocol).await;
            let mut link = connection.open_sync().await.unwrap();
            link.send(frame(&throttle(1))).await.unwrap();
            assert!(matches!(in_time(link.next()).await, LinkEvent::Headers(_)));
            match cut {
                true => connection.cut(),
                false => link.reset(),
            }
            server.inbound_end().await;
        }
    }
}

#[tokio::test]
async fn headers_that_do_not_hold_then_invalid_argument() {
    let server = Server::new().await;
    for (protocol, name, value) in [
        (RpcProtocol::Connect, "connect-protocol-version", "2"),
        (RpcProtocol::Connect, "connect-timeout-ms", "soon"),
        (RpcProtocol::Grpc, "grpc-timeout", "1 day"),
    ] {
        let mut shape = RequestShape::sync(protocol);
        shape.omit = vec![name.to_owned()];
        shape.add = vec![(name.to_owned(), value.to_owned())];
        let mut link = server.open(protocol, &shape).await;
        assert_eq!(code(&mut link).await, Code::InvalidArgument, "{name}");
    }
}

#[tokio::test]
async fn request_that_is_no_call_then_refused_over_http() {
    let server = Server::new().await;
    let sync = RequestShape::sync(RpcProtocol::Grpc);
    for (expected, method, content_type) in [
        (405, "GET", "application/grpc"),
        (415, "POST", "application/json"),
        (415, "POST", "text/html"),
    ] {
        let shape = RequestShape {
            method: method.to_owned(),
            content_type: Some(content_type.to_owned()),
            ..sync.clone()
        };
        let mut link = server.open(RpcProtocol::Grpc, &shape).await;
        let (_, end) = rest(&mut link).await;
        assert!(
            matches!(end, End::HttpStatus { status, .. } if status == expected),
            "{method} {content_type}: {end:?}"
        );
    }
}

#[tokio::test]
async fn method_that_is_not_there_then_unimplemented_or_404() {
    let server = Server::new().await;
    let path = "/v1sync.BackrestSyncService/Other";
    let shape = RequestShape::new(RpcProtocol::Grpc, path);
    let mut link = server.open(RpcProtocol::Grpc, &shape).await;
    assert_eq!(code(&mut link).await, Code::Unimplemented);

    let shape = RequestShape::new(RpcProtocol::Connect, path);
    let mut link = server.open(RpcProtocol::Connect, &shape).await;
    let (_, end) = rest(&mut link).await;
    assert!(
        matches!(end, End::HttpStatus { status: 404, .. }),
        "{end:?}"
    );
}

fn set_config(peer_keyid: &str) -> SetRemoteClientConfigRequest {
    SetRemoteClientConfigRequest {
        peer_keyid: peer_keyid.to_owned(),
        ..SetRemoteClientConfigRequest::default()
    }
}

#[tokio::test]
async fn unary_call_then_answer_or_status_in_both_protocols() {
    let server = Server::new().await;
    let status = |code, text| UnaryEnd::Ended(End::Status(RpcStatus::new(code, text)));
    for protocol in BOTH {
        let connection = server.dial(protocol).await;
        for (keyid, expected) in [
            ("ed25519.x", UnaryEnd::Answer(Bytes::new())),
            ("", status(Code::InvalidArgument, "expected a key id")),
            (REFUSE, status(Code::NotFound, "not connected")),
        ] {
            let request = set_config(keyid).encode_to_vec().into();
            let answer = connection.unary(SET_REMOTE_CLIENT_CONFIG_PATH, request);
            assert_eq!(in_time(answer).await.unwrap(), expected, "{protocol}");
        }
        let answer = connection.unary(SET_REMOTE_CLIENT_CONFIG_PATH, Bytes::from_static(b"\xff"));
        let UnaryEnd::Ended(End::Status(status)) = in_time(answer).await.unwrap() else {
            panic!("expected a status");
        };
        assert_eq!(status.code, Code::Internal);
    }
}

#[tokio::test]
async fn connect_unary_fails_then_http_status_and_json() {
    let server = Server::new().await;
    let mut shape = RequestShape::new(RpcProtocol::Connect, SET_REMOTE_CLIENT_CONFIG_PATH);
    shape.content_type = Some("application/proto".to_owned());
    let mut link = server.open(RpcProtocol::Connect, &shape).await;
    let message = set_config(REFUSE).encode_to_vec();
    link.send(OutFrame::Raw(message.into())).await.unwrap();
    link.half_close().unwrap();
    let (_, end) = rest(&mut link).await;
    let expected = End::HttpStatus {
        status: 404,
        content_type: Some("application/json".to_owned()),
        body_start: Bytes::from_static(br#"{"code":"not_found","message":"not connected"}"#),
    };
    assert_eq!(end, expected);
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

#[tokio::test]
async fn peer_states_asked_for_then_streamed_with_the_callers_headers_seen() {
    let server = Server::new().await;
    for protocol in BOTH {
        let mut link = peer_states(&server, protocol, false, None).await;
        let (states, end) = rest(&mut link).await;
        let state = PeerState::decode(states[0].clone()).unwrap();
        assert_eq!((states.len(), state.peer_keyid.as_str()), (1, "ed25519.x"));
        assert_eq!(end, End::Status(RpcStatus::new(Code::Ok, "")));

        let shape = RequestShape::new(protocol, PEER_STATES_PATH);
        let mut link = server.open(protocol, &shape).await;
        let request = SyncStateStreamRequest::default();
        link.send(frame(&request)).await.unwrap();
        link.half_close().unwrap();
        assert_eq!(code(&mut link).await, Code::Unauthenticated);
    }
}

#[tokio::test]
async fn connection_over_the_limit_then_closed_and_those_before_it_live() {
    let limits = ServeLimits {
        connections_max: 1,
        ..ServeLimits::default()
    };
    let server = Server::with(limits).await;
    let mut link = server.sync(RpcProtocol::Connect).await;
    let options = DialOptions::new(server.url(), RpcProtocol::Connect);
    let error = in_time(Connection::dial(&options)).await.unwrap_err();
    let address = server.address;
    assert_eq!(error, LinkError::ClosedAtOnce { address });
    link.half_close().unwrap();
    assert_eq!(code(&mut link).await, Code::Ok);
}

#[tokio::test]
async fn server_leaves_then_open_streams_end_unavailable() {
    let mut server = Server::new().await;
    let mut links = Vec::new();
    for protocol in BOTH {
        let mut link = server.sync(protocol).await;
        link.send(frame(&throttle(1))).await.unwrap();
        assert!(matches!(in_time(link.next()).await, LinkEvent::Headers(_)));
        links.push(link);
    }
    server.stop.send(()).unwrap();
    for link in &mut links {
        assert_eq!(code(link).await, Code::Unavailable);
    }
    in_time(&mut server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn generated_sync_client_then_same_dialogue_and_statuses() {
    let server = Server::new().await;
    let mut client = BackrestSyncServiceClient::connect(server.url())
        .await
        .unwrap()
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let items = stream::iter([throttle(1), throttle(2)]);
    let answers = client.sync(items).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert_eq!(answers, [throttle(1), throttle(2)]);

    let items = stream::iter([ask(FLOOD)]).chain(stream::pending());
    let answers = client.sync(items).await.unwrap().into_inner();
    let mut answers: Vec<_> = in_time(answers.collect()).await;
    let status = answers.pop().unwrap().unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(answers.len() as i64, FLOOD_ITEMS);

    let mut request = tonic::Request::new(stream::pending());
    request.set_timeout(DEADLINE);
    let mut answers = client.sync(request).await.unwrap().into_inner();
    let status = in_time(answers.message()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
}

#[tokio::test]
async fn generated_state_client_then_answers_and_statuses() {
    let server = Server::new().await;
    let mut client = BackrestSyncStateServiceClient::connect(server.url())
        .await
        .unwrap();
    client
        .set_remote_client_config(set_config("ed25519.x"))
        .await
        .unwrap();
    let refused = client.set_remote_client_config(set_config(REFUSE)).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::NotFound);

    let states = SyncStateStreamRequest::default();
    let mut states = client
        .get_peer_sync_states_stream(states)
        .await
        .unwrap()
        .into_inner();
    let status = states.message().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
}
