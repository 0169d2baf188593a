//! Sync streams: items, endings, and requests that are no call.

use super::*;

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
    server.stop.take().unwrap().send(()).unwrap();
    for link in &mut links {
        assert_eq!(code(link).await, Code::Unavailable);
        let told = server.inbound_end().await;
        assert_eq!(told, Some(tonic::Code::Unavailable));
    }
    in_time(&mut server.serving).await.unwrap().unwrap();
}
