//! A caller's deadline, at every stage of a call.

use super::*;

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
