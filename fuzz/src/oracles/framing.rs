//! A call against the server's tower service, without sockets: the application behind it is given exactly the items that a
//! reading by hand finds in the body, then its end or one error; and the answer is one that a caller can read, with a status
//! that says which.

use std::{
    convert::Infallible,
    io::Read as _,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use flate2::read::GzDecoder;
use futures_util::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use http::{HeaderMap, Request, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use syncspec::{
    net::{
        ServeLimits, SyncApp,
        serve::{Caller, InboundItems, OutboundItems, call_without_sockets},
    },
    wire::{
        Role, RpcProtocol, SyncStreamItem,
        v1sync::{PeerState, SetRemoteClientConfigRequest},
    },
};
use tonic::{Status, body::Body};

use crate::{defect, generators::call::Call};

/// Longest item that the server takes here, in bytes: short, so that the limit is in reach.
const ITEM_LEN_BYTES_MAX: usize = 1024;
/// Length of what stands before each payload, in bytes.
const HEAD_LEN_BYTES: usize = 5;

/// Plays one call.
pub fn check(bytes: &[u8]) {
    let call = Call::of(bytes);
    let read = read_by_hand(&call.body(), call.declares_gzip);
    let (seen, answer) = runtime().block_on(play(&call));
    let (items, end) = seen;
    assert_eq!(items, read.items, "other items than the body has");
    assert_eq!(end.is_some(), read.is_broken, "ended by {end:?}");
    answer.check(&call, &read, end);
}

/// What a body holds.
struct Read {
    items: Vec<SyncStreamItem>,
    /// Behind them it goes wrong.
    is_broken: bool,
}

fn read_by_hand(mut body: &[u8], declares_gzip: bool) -> Read {
    let mut items = Vec::new();
    let broken = |items| Read {
        items,
        is_broken: true,
    };
    while let Some((flags, _)) = body.split_first() {
        if *flags > 1 || (*flags == 1 && !declares_gzip) || body.len() < HEAD_LEN_BYTES {
            return broken(items);
        }
        let length = body[1..HEAD_LEN_BYTES]
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > ITEM_LEN_BYTES_MAX || body.len() < HEAD_LEN_BYTES + length {
            return broken(items);
        }
        let (payload, behind) = body[HEAD_LEN_BYTES..].split_at(length);
        let payload = match flags {
            0 => Some(payload.to_vec()),
            _ => unpacked(payload),
        };
        let item = payload.and_then(|payload| SyncStreamItem::decode(payload.as_slice()).ok());
        match item {
            Some(item) => items.push(item),
            None => return broken(items),
        }
        body = behind;
    }
    Read {
        items,
        is_broken: false,
    }
}

fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = GzDecoder::new(packed).take(ITEM_LEN_BYTES_MAX as u64 + 1);
    reader.read_to_end(&mut bytes).ok()?;
    (bytes.len() <= ITEM_LEN_BYTES_MAX).then_some(bytes)
}

type Seen = (Vec<SyncStreamItem>, Option<tonic::Code>);

/// Says back each item, and notes what it is given.
#[derive(Default)]
struct Echo(Arc<Mutex<Seen>>);

impl SyncApp for Echo {
    fn sync(
        &self,
        mut inbound: InboundItems,
        outbound: OutboundItems,
    ) -> BoxFuture<'static, Result<(), Status>> {
        let seen = self.0.clone();
        Box::pin(async move {
            while let Some(item) = inbound.next().await {
                let item = match item {
                    Ok(item) => item,
                    Err(status) => {
                        lock(&seen).1 = Some(status.code());
                        assert!(inbound.next().await.is_none(), "something behind an error");
                        return Err(status);
                    }
                };
                lock(&seen).0.push(item.clone());
                outbound.send(item).await.expect("the caller reads on");
            }
            Ok(())
        })
    }

    fn peer_states(&self, _: Caller, _: bool) -> BoxStream<'static, Result<PeerState, Status>> {
        stream::empty().boxed()
    }

    fn set_remote_client_config(
        &self,
        _: Caller,
        _: SetRemoteClientConfigRequest,
    ) -> BoxFuture<'static, Result<(), Status>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime without IO needs nothing")
}

async fn play(call: &Call) -> (Seen, Answer) {
    let app = Echo::default();
    let seen = app.0.clone();
    let limits = ServeLimits {
        item_len_bytes_max: ITEM_LEN_BYTES_MAX,
        lapses: defect::lapses(Role::Responder),
        ..ServeLimits::default()
    };
    let mut request = Request::builder()
        .method("POST")
        .uri("/v1sync.BackrestSyncService/Sync")
        .header(header::CONTENT_TYPE, call.protocol.content_type());
    if call.declares_gzip {
        request = request.header(call.protocol.encoding_header(), "gzip");
    }
    let pieces = call.pieces.clone().into_iter();
    let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let request = request.body(Body::new(StreamBody::new(stream::iter(frames))));
    let request = request.expect("these headers are sound");
    let response = call_without_sockets(Arc::new(app), limits, request).await;
    let (parts, body) = response.into_parts();
    assert_eq!(parts.status, 200);
    let collected = body.collect().await.expect("an answer is never cut off");
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let answer = Answer {
        headers: parts.headers,
        trailers,
        body: collected.to_bytes(),
    };
    let seen = std::mem::take(&mut *lock(&seen));
    (seen, answer)
}

struct Answer {
    headers: HeaderMap,
    trailers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// As many items as were said, then a status that is OK only where nothing was broken.
    fn check(&self, call: &Call, read: &Read, end: Option<tonic::Code>) {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            call.protocol.content_type()
        );
        let mut rest = &self.body[..];
        let mut items = Vec::new();
        let mut connect_end = None;
        while let Some((flags, _)) = rest.split_first() {
            assert!(
                connect_end.is_none(),
                "something behind the end of the stream"
            );
            let length = rest[1..HEAD_LEN_BYTES]
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            let (payload, behind) = rest[HEAD_LEN_BYTES..].split_at(length);
            match (call.protocol, flags) {
                (_, 0) => items.push(SyncStreamItem::decode(payload).expect("an item")),
                (RpcProtocol::Connect, 2) => connect_end = Some(payload),
                (_, flags) => panic!("an envelope with flags {flags}"),
            }
            rest = behind;
        }
        assert_eq!(items, read.items, "the answer has other items");
        let is_error = match call.protocol {
            RpcProtocol::Grpc => {
                let status = self.trailers.get("grpc-status");
                let status = status.or_else(|| self.headers.get("grpc-status"));
                let status = status.expect("a gRPC answer has a status");
                let number = end.map_or(0, i32::from);
                assert_eq!(status.as_bytes(), number.to_string().as_bytes());
                status != "0"
            }
            RpcProtocol::Connect => {
                let end = connect_end.expect("a Connect stream has an end");
                let end: serde_json::Value = serde_json::from_slice(end).expect("JSON");
                assert!(self.trailers.is_empty(), "trailers beside the end");
                end.get("error").is_some()
            }
        };
        assert_eq!(is_error, read.is_broken);
        if let Some(code) = end {
            // Section 8, and what any RPC server says of bytes that are no message.
            let legal = [
                tonic::Code::Internal,
                tonic::Code::ResourceExhausted,
                tonic::Code::Unimplemented,
            ];
            assert!(legal.contains(&code), "ended with {code:?}");
        }
    }
}
