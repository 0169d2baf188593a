//! The state service, unary and streaming.

use super::*;

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

#[tokio::test]
async fn connect_unary_compressed_or_over_the_limit_then_accepted_or_429() {
    let limits = ServeLimits {
        item_len_bytes_max: 100,
        ..ServeLimits::default()
    };
    let server = Server::with(limits).await;
    let mut shape = RequestShape::new(RpcProtocol::Connect, SET_REMOTE_CLIENT_CONFIG_PATH);
    shape.content_type = Some("application/proto".to_owned());
    let long = set_config(&"x".repeat(100)).encode_to_vec();
    let short = set_config("x").encode_to_vec();
    for (encoding, body, expected) in [
        ("gzip", gzip::encode(&short), 200),
        ("identity", short.into(), 200),
        ("gzip", gzip::encode(&long), 429),
        ("identity", long.into(), 429),
    ] {
        shape.add = vec![("content-encoding".to_owned(), encoding.to_owned())];
        let mut link = server.open(RpcProtocol::Connect, &shape).await;
        link.send(OutFrame::Raw(body)).await.unwrap();
        link.half_close().unwrap();
        let (_, end) = rest(&mut link).await;
        assert!(
            matches!(end, End::HttpStatus { status, .. } if status == expected),
            "{encoding}: {end:?}"
        );
    }
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
