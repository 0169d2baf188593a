//! Both ends of a link over a real socket.

use super::*;
use crate::{
    net::{
        dial::{Connection, DialOptions},
        framing::{self, FLAG_COMPRESSED},
        gzip,
        link::{End, LinkEvent, OutFrame, Start},
        request::RequestShape,
        status::RpcStatus,
    },
    wire::Code,
};

const BOTH: [RpcProtocol; 2] = [RpcProtocol::Grpc, RpcProtocol::Connect];
const PREFIX: &str = "/some/case";
/// Long enough for bytes to cross the loopback, so that a wait given up after it has taken some in.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(50);

struct Pair {
    caller: Link,
    called: Link,
    connection: Connection,
    _route: Route,
    _listener: Listener,
}

impl Pair {
    async fn new(protocol: RpcProtocol) -> Pair {
        Pair::with(
            protocol,
            LinkLimits::default(),
            &RequestShape::sync(protocol),
        )
        .await
    }

    async fn with(protocol: RpcProtocol, limits: LinkLimits, shape: &RequestShape) -> Pair {
        let listener = Listener::bind("127.0.0.1:0", limits).await.unwrap();
        let mut route = listener.route(PREFIX).unwrap();
        let mut options = DialOptions::new(route.url(), protocol);
        options.limits = limits;
        let connection = Connection::dial(&options).await.unwrap();
        let caller = connection.open(shape).await.unwrap();
        let mut called = route.accept().await.unwrap();
        let LinkEvent::Headers(headers) = called.next().await else {
            panic!("a request begins with its headers");
        };
        assert_eq!(
            headers.start,
            Start::Request {
                method: "POST".to_owned(),
                path: format!("{PREFIX}{SYNC_PATH}"),
            }
        );
        assert_eq!(headers.content_type, shape.content_type);
        Pair {
            caller,
            called,
            connection,
            _route: route,
            _listener: listener,
        }
    }

    async fn answer_headers(&mut self) {
        let LinkEvent::Headers(headers) = self.caller.next().await else {
            panic!("an answer begins with its headers");
        };
        assert_eq!(headers.start, Start::Response { status: 200 });
        assert_eq!(
            headers.content_type.as_deref(),
            Some(self.caller.protocol().content_type())
        );
    }
}

fn message(payload: &Bytes) -> LinkEvent {
    LinkEvent::Message {
        flags: 0,
        payload: payload.clone(),
        compressed: false,
    }
}

fn status(code: Code, text: &str) -> LinkEvent {
    LinkEvent::Ended(End::Status(RpcStatus::new(code, text)))
}

async fn refusal(shape: RequestShape) -> LinkEvent {
    let listener = Listener::bind("127.0.0.1:0", LinkLimits::default())
        .await
        .unwrap();
    let route = listener.route(PREFIX).unwrap();
    let options = DialOptions::new(route.url(), RpcProtocol::Grpc);
    let connection = Connection::dial(&options).await.unwrap();
    let mut link = connection.open(&shape).await.unwrap();
    assert!(matches!(link.next().await, LinkEvent::Headers(_)));
    link.next().await
}

fn http_status(status: u16) -> LinkEvent {
    LinkEvent::Ended(End::HttpStatus {
        status,
        content_type: None,
        body_start: Bytes::new(),
    })
}

#[tokio::test]
async fn messages_both_ways_then_as_sent_and_the_status_last() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        for text in ["", "one", "two"] {
            let payload = Bytes::from(text);
            pair.caller
                .send(OutFrame::Message(payload.clone()))
                .await
                .unwrap();
            assert_eq!(pair.called.next().await, message(&payload));
        }
        pair.called
            .send(OutFrame::Message("three".into()))
            .await
            .unwrap();
        let denied = RpcStatus::new(Code::PermissionDenied, "né");
        pair.called.finish(denied).await.unwrap();

        pair.answer_headers().await;
        assert_eq!(pair.caller.next().await, message(&"three".into()));
        let end = status(Code::PermissionDenied, "né");
        assert_eq!(pair.caller.next().await, end);
        assert_eq!(pair.caller.next().await, end);
    }
}

#[tokio::test]
async fn ok_without_a_message_then_status_ok() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        let ok = RpcStatus::new(Code::Ok, "");
        pair.called.finish(ok).await.unwrap();
        pair.answer_headers().await;
        assert_eq!(pair.caller.next().await, status(Code::Ok, ""));
    }
}

#[tokio::test]
async fn status_from_the_caller_then_wrong_side() {
    let mut pair = Pair::new(RpcProtocol::Grpc).await;
    let sent = pair.caller.finish(RpcStatus::new(Code::Ok, "")).await;
    assert!(matches!(sent, Err(LinkError::WrongSide { .. })), "{sent:?}");
}

#[tokio::test]
async fn caller_half_closes_then_called_may_still_answer() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        pair.caller.half_close().unwrap();
        assert_eq!(pair.called.next().await, LinkEvent::Ended(End::HalfClosed));
        pair.called
            .send(OutFrame::Message("late".into()))
            .await
            .unwrap();
        pair.answer_headers().await;
        assert_eq!(pair.caller.next().await, message(&"late".into()));
    }
}

#[tokio::test]
async fn called_half_closes_then_no_status() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        pair.called.half_close().unwrap();
        pair.answer_headers().await;
        assert_eq!(pair.caller.next().await, LinkEvent::Ended(End::NoStatus));
    }
}

#[tokio::test]
async fn either_side_dropped_or_reset_then_the_other_sees_the_reset() {
    let cancelled = LinkEvent::Ended(End::Reset {
        reason: "CANCEL".to_owned(),
    });
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        drop(pair.caller);
        assert_eq!(pair.called.next().await, cancelled);

        let mut pair = Pair::new(protocol).await;
        drop(pair.called);
        assert_eq!(pair.caller.next().await, cancelled);

        let mut pair = Pair::new(protocol).await;
        pair.caller.reset();
        assert_eq!(pair.caller.next().await, LinkEvent::Ended(End::ResetByUs));
        assert_eq!(pair.called.next().await, cancelled);
    }
}

#[tokio::test]
async fn connection_cut_then_connection_lost() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        pair.connection.cut();
        for link in [&mut pair.caller, &mut pair.called] {
            let end = link.next().await;
            assert!(
                matches!(end, LinkEvent::Ended(End::ConnectionLost { .. })),
                "{end:?}"
            );
        }
    }
}

#[tokio::test]
async fn listener_dropped_then_connection_lost() {
    let mut pair = Pair::new(RpcProtocol::Connect).await;
    drop(pair._listener);
    let end = pair.caller.next().await;
    assert!(
        matches!(end, LinkEvent::Ended(End::ConnectionLost { .. })),
        "{end:?}"
    );
}

#[tokio::test]
async fn envelope_cut_short_then_bad_framing_on_either_side() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        let cut = OutFrame::Raw(Bytes::from_static(b"\x00\x00\x00\x00\x09half"));
        pair.caller.send(cut.clone()).await.unwrap();
        pair.caller.half_close().unwrap();
        let expected = "expected an envelope of 14 bytes, seen the stream end after 9";
        let bad = LinkEvent::Ended(End::BadFraming {
            text: expected.to_owned(),
        });
        assert_eq!(pair.called.next().await, bad);

        let mut pair = Pair::new(protocol).await;
        pair.called.send(cut).await.unwrap();
        pair.called.half_close().unwrap();
        pair.answer_headers().await;
        assert_eq!(pair.caller.next().await, bad);
    }
}

#[tokio::test]
async fn compressed_without_encoding_then_bad_framing() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        let envelope = framing::encode(FLAG_COMPRESSED, &gzip::encode(b"x")).unwrap();
        pair.caller.send(OutFrame::Raw(envelope)).await.unwrap();
        let end = pair.called.next().await;
        assert!(
            matches!(end, LinkEvent::Ended(End::BadFraming { .. })),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn compressed_with_declared_encoding_then_decompressed() {
    for protocol in BOTH {
        let mut shape = RequestShape::sync(protocol);
        let header = protocol.encoding_header().to_owned();
        shape.add.push((header, gzip::ENCODING.to_owned()));
        let mut pair = Pair::with(protocol, LinkLimits::default(), &shape).await;
        let envelope = framing::encode(FLAG_COMPRESSED, &gzip::encode(b"hello")).unwrap();
        pair.caller.send(OutFrame::Raw(envelope)).await.unwrap();
        let expected = LinkEvent::Message {
            flags: FLAG_COMPRESSED,
            payload: "hello".into(),
            compressed: true,
        };
        assert_eq!(pair.called.next().await, expected);
    }
}

#[tokio::test]
async fn bytes_behind_connects_end_then_bad_framing_however_they_are_split() {
    let end = framing::encode(framing::FLAG_END_STREAM, b"{}").unwrap();
    let more = Bytes::from_static(b"\x00");
    for frames in [
        vec![[&end[..], &more[..]].concat().into()],
        vec![end.clone(), more.clone()],
    ] {
        let mut pair = Pair::new(RpcProtocol::Connect).await;
        for frame in frames {
            pair.called.send(OutFrame::Raw(frame)).await.unwrap();
        }
        pair.called.half_close().unwrap();
        pair.answer_headers().await;
        let end = pair.caller.next().await;
        assert!(
            matches!(end, LinkEvent::Ended(End::BadFraming { .. })),
            "{end:?}"
        );
    }
}

#[tokio::test]
async fn both_sides_send_more_than_fits_then_neither_blocks() {
    // Far more than HTTP/2's default window of 64 KiB in each direction.
    let large = Bytes::from(vec![7; 4 * 1024 * 1024]);
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        let (caller, called) = (&mut pair.caller, &mut pair.called);
        let (there, back) = tokio::join!(caller.send(OutFrame::Message(large.clone())), async {
            called.send(OutFrame::Message(large.clone())).await?;
            Ok::<_, LinkError>(called.next().await)
        });
        there.unwrap();
        assert_eq!(back.unwrap(), message(&large));
        pair.answer_headers().await;
        assert_eq!(pair.caller.next().await, message(&large));
    }
}

#[tokio::test]
async fn many_small_messages_before_any_is_read_then_all_arrive() {
    const MESSAGES: u32 = 5000;
    let small = |n: u32| Bytes::from(n.to_be_bytes().to_vec());
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        for n in 0..MESSAGES {
            for link in [&mut pair.caller, &mut pair.called] {
                link.send(OutFrame::Message(small(n))).await.unwrap();
            }
        }
        pair.answer_headers().await;
        for n in 0..MESSAGES {
            assert_eq!(pair.called.next().await, message(&small(n)));
            assert_eq!(pair.caller.next().await, message(&small(n)));
        }
    }
}

#[tokio::test]
async fn peer_that_never_reads_then_write_timeout() {
    let after = Duration::from_millis(200);
    let limits = LinkLimits {
        write_wait: after,
        ..LinkLimits::default()
    };
    let shape = RequestShape::sync(RpcProtocol::Grpc);
    let mut pair = Pair::with(RpcProtocol::Grpc, limits, &shape).await;
    let large = OutFrame::Message(Bytes::from(vec![7; 1024 * 1024]));
    assert_eq!(
        pair.caller.send(large).await,
        Err(LinkError::Timeout {
            step: crate::net::Step::Write,
            after
        })
    );
}

#[tokio::test]
async fn stream_ended_while_sending_then_stream_over_and_its_status() {
    for protocol in BOTH {
        let mut pair = Pair::new(protocol).await;
        let large = OutFrame::Message(Bytes::from(vec![7; 1024 * 1024]));
        let refused = RpcStatus::new(Code::InvalidArgument, "");
        let (sent, finished) = tokio::join!(pair.caller.send(large), pair.called.finish(refused));
        assert_eq!(sent, Err(LinkError::StreamOver));
        finished.unwrap();
        pair.answer_headers().await;
        assert_eq!(pair.caller.next().await, status(Code::InvalidArgument, ""));
    }
}

#[tokio::test]
async fn next_given_up_halfway_then_nothing_is_lost() {
    let mut pair = Pair::new(RpcProtocol::Connect).await;
    let envelope = framing::encode(0, b"whole").unwrap();
    for piece in [envelope.slice(..7), envelope.slice(7..)] {
        let waited = timeout(GIVEN_UP_AFTER, pair.called.next()).await;
        assert!(waited.is_err());
        pair.caller.send(OutFrame::Raw(piece)).await.unwrap();
    }
    assert_eq!(pair.called.next().await, message(&"whole".into()));
}

#[tokio::test]
async fn item_over_the_limit_then_bad_framing() {
    let limits = LinkLimits {
        payload_len_bytes_max: 10,
        ..LinkLimits::default()
    };
    let shape = RequestShape::sync(RpcProtocol::Grpc);
    let mut pair = Pair::with(RpcProtocol::Grpc, limits, &shape).await;
    pair.caller
        .send(OutFrame::Message(Bytes::from(vec![0; 11])))
        .await
        .unwrap();
    let bad = End::BadFraming {
        text: "expected an envelope of at most 10 bytes, seen 11".to_owned(),
    };
    assert_eq!(pair.called.next().await, LinkEvent::Ended(bad));
}

#[tokio::test]
async fn no_call_of_the_sync_stream_then_refused_with_its_http_status() {
    let sync = RequestShape::sync(RpcProtocol::Grpc);
    let with_type = |content_type: Option<&str>| RequestShape {
        content_type: content_type.map(str::to_owned),
        ..sync.clone()
    };
    for (status, shape) in [
        (
            404,
            RequestShape {
                path: "/x".to_owned(),
                ..sync.clone()
            },
        ),
        (
            404,
            RequestShape {
                path: format!("/deeper{SYNC_PATH}"),
                ..sync.clone()
            },
        ),
        (
            405,
            RequestShape {
                method: "GET".to_owned(),
                ..sync.clone()
            },
        ),
        (415, with_type(None)),
        (415, with_type(Some("application/json"))),
        (415, with_type(Some("application/grpc-web"))),
    ] {
        assert_eq!(
            refusal(shape.clone()).await,
            http_status(status),
            "{shape:?}"
        );
    }
}

#[tokio::test]
async fn prefix_in_use_then_taken_until_its_route_is_dropped() {
    let listener = Listener::bind("127.0.0.1:0", LinkLimits::default())
        .await
        .unwrap();
    let route = listener.route("/a/").unwrap();
    let taken = LinkError::RouteTaken {
        prefix: "/a".to_owned(),
    };
    assert_eq!(listener.route("/a").unwrap_err(), taken);
    drop(route);
    listener.route("/a").unwrap();
}
