//! Connect on the port of a gRPC server: recognises each call's protocol and translates Connect to gRPC and back.
//!
//! A stream's envelopes are the same bytes in both, so only headers and the ending change. Whatever is neither is
//! refused over HTTP: 405 for the method, 415 for the content type, 404 for a path that only Connect would know.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use serde_json::Value;
use tonic::body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{deadline::status_response, lapsing, unary, whole::whole_envelopes};
use crate::{
    lapses::Lapses,
    net::{
        framing::{self, FLAG_END_STREAM, RpcProtocol, media_type},
        request::{PEER_STATES_PATH, SET_REMOTE_CLIENT_CONFIG_PATH, SYNC_PATH},
        status::{ConnectEnd, RpcStatus},
    },
    wire::Code,
};

const PROTOCOL_VERSION: &str = "1";

/// Puts [`ConnectService`] in front of a gRPC service.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectLayer {
    /// Longest unary message accepted, in bytes.
    pub(super) message_len_bytes_max: usize,
    /// What the server gets wrong.
    pub(super) lapses: Lapses,
}

impl<S> Layer<S> for ConnectLayer {
    type Service = ConnectService<S>;

    fn layer(&self, grpc: S) -> ConnectService<S> {
        ConnectService {
            grpc,
            message_len_bytes_max: self.message_len_bytes_max,
            lapses: self.lapses,
        }
    }
}

/// Answers gRPC and Connect by the gRPC service behind it.
#[derive(Clone, Debug)]
pub(super) struct ConnectService<S> {
    grpc: S,
    message_len_bytes_max: usize,
    lapses: Lapses,
}

impl<S> Service<Request<Body>> for ConnectService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.grpc.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let is_unary = match Shape::of(&request) {
            Ok(Shape::Grpc) => {
                return Box::pin(self.grpc.call(request.map(whole_envelopes)));
            }
            Ok(Shape::ConnectStream) => false,
            Ok(Shape::ConnectUnary) => true,
            Err(status) => return Box::pin(async move { Ok(refusal(status)) }),
        };
        let answer = check_version(&request).map(|()| {
            self.grpc.call(match is_unary {
                true => unary::to_grpc(request, self.message_len_bytes_max),
                false => to_grpc(request).map(whole_envelopes),
            })
        });
        let lapses = self.lapses;
        Box::pin(async move {
            let answer = match answer {
                Ok(answer) => answer.await?,
                Err(status) => status_response(&status),
            };
            Ok(match is_unary {
                true => unary::to_connect(answer).await,
                false => to_connect(answer, lapses),
            })
        })
    }
}

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Grpc,
    ConnectStream,
    ConnectUnary,
}

impl Shape {
    fn of<B>(request: &Request<B>) -> Result<Shape, StatusCode> {
        if request.method() != Method::POST {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        let shape = match RpcProtocol::of_content_type(content_type) {
            Some(RpcProtocol::Grpc) => return Ok(Shape::Grpc),
            Some(RpcProtocol::Connect) => Shape::ConnectStream,
            None if media_type(content_type) == unary::CONTENT_TYPE => Shape::ConnectUnary,
            None => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        };
        let of_path = match request.uri().path() {
            SYNC_PATH | PEER_STATES_PATH => Shape::ConnectStream,
            SET_REMOTE_CLIENT_CONFIG_PATH => Shape::ConnectUnary,
            _ => return Err(StatusCode::NOT_FOUND),
        };
        match shape == of_path {
            true => Ok(shape),
            false => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        }
    }
}

fn check_version(request: &Request<Body>) -> Result<(), RpcStatus> {
    match request.headers().get("connect-protocol-version") {
        Some(version) if version != PROTOCOL_VERSION => Err(RpcStatus::new(
            Code::InvalidArgument,
            format!("expected connect-protocol-version {PROTOCOL_VERSION}, seen {version:?}"),
        )),
        _ => Ok(()),
    }
}

fn refusal(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let told = match status {
        StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST")),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some((
            header::HeaderName::from_static("accept-post"),
            "application/grpc, application/grpc+proto, application/connect+proto, application/proto",
        )),
        _ => None,
    };
    if let Some((name, value)) = told {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn to_grpc(mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    if let Some(encoding) = headers.remove(RpcProtocol::Connect.encoding_header()) {
        headers.insert(RpcProtocol::Grpc.encoding_header(), encoding);
    }
    set_content_type(headers, RpcProtocol::Grpc.content_type());
    request
}

fn to_connect(response: Response<Body>, lapses: Lapses) -> Response<Body> {
    let (mut parts, inner) = response.into_parts();
    // An answer without messages has its status among the headers.
    let headers_status = take_status(&mut parts.headers);
    set_content_type(&mut parts.headers, RpcProtocol::Connect.content_type());
    let body = ConnectBody {
        inner,
        headers_status,
        ended: false,
        lapses,
    };
    Response::from_parts(parts, Body::new(body))
}

/// A gRPC body whose trailers become Connect's end of stream.
struct ConnectBody {
    inner: Body,
    headers_status: Option<RpcStatus>,
    ended: bool,
    lapses: Lapses,
}

impl http_body::Body for ConnectBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let end = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(mut trailers) => {
                    let status = take_status(&mut trailers);
                    end_of(status.or_else(|| self.headers_status.take()), &trailers)
                }
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            },
            Some(Err(status)) => ConnectEnd::of(of_tonic(&status)),
            None => end_of(self.headers_status.take(), &HeaderMap::new()),
        };
        self.ended = true;
        let Some(end) = lapsing::connect_end(end, self.lapses) else {
            return Poll::Ready(None);
        };
        let envelope = framing::encode(FLAG_END_STREAM, &end.to_json());
        let envelope = envelope.map_err(|error| tonic::Status::internal(error.to_string()));
        Poll::Ready(Some(envelope.map(Frame::data)))
    }
}

fn end_of(status: Option<RpcStatus>, trailers: &HeaderMap) -> ConnectEnd {
    let status = status.unwrap_or_else(no_status);
    let mut end = ConnectEnd::of(status);
    for name in trailers.keys() {
        let values = trailers.get_all(name).iter();
        let values: Vec<Value> = values
            .filter_map(|value| value.to_str().ok())
            .map(Value::from)
            .collect();
        end.metadata.insert(name.to_string(), Value::from(values));
    }
    end
}

/// Takes all that is gRPC's own out of headers or trailers, and the status among it.
pub(super) fn take_status(headers: &mut HeaderMap) -> Option<RpcStatus> {
    let status = RpcStatus::from_grpc(headers)
        .map(|status| status.unwrap_or_else(|error| internal(error.to_string())));
    for name in [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "grpc-accept-encoding",
        "grpc-encoding",
    ] {
        headers.remove(name);
    }
    status
}

pub(super) fn set_content_type(headers: &mut HeaderMap, content_type: &'static str) {
    let content_type = HeaderValue::from_static(content_type);
    headers.insert(header::CONTENT_TYPE, content_type);
}

pub(super) fn of_tonic(status: &tonic::Status) -> RpcStatus {
    let number = u32::try_from(i32::from(status.code())).unwrap_or(u32::MAX);
    RpcStatus::new(Code::from_number(number), status.message())
}

pub(super) fn no_status() -> RpcStatus {
    internal("the call ended without a status")
}

pub(super) fn internal(message: impl Into<String>) -> RpcStatus {
    RpcStatus::new(Code::Internal, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(method: &str, path: &str, content_type: &str) -> Result<Shape, u16> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type)
            .body(());
        Shape::of(&request.unwrap()).map_err(|status| status.as_u16())
    }

    #[test]
    fn method_path_and_content_type_then_how_the_call_is_written() {
        const SET: &str = SET_REMOTE_CLIENT_CONFIG_PATH;
        for (method, path, content_type, expected) in [
            ("POST", SYNC_PATH, "application/grpc", Ok(Shape::Grpc)),
            ("POST", SET, "application/grpc+proto", Ok(Shape::Grpc)),
            ("POST", "/other", "application/grpc", Ok(Shape::Grpc)),
            (
                "POST",
                SYNC_PATH,
                "application/connect+proto",
                Ok(Shape::ConnectStream),
            ),
            (
                "POST",
                PEER_STATES_PATH,
                "application/connect+proto",
                Ok(Shape::ConnectStream),
            ),
            ("POST", SET, "application/proto", Ok(Shape::ConnectUnary)),
            ("GET", SYNC_PATH, "application/grpc", Err(405)),
            ("POST", "/other", "application/connect+proto", Err(404)),
            ("POST", SET, "application/connect+proto", Err(415)),
            ("POST", SYNC_PATH, "application/proto", Err(415)),
            ("POST", SYNC_PATH, "application/grpc-web", Err(415)),
            ("POST", SYNC_PATH, "text/plain", Err(415)),
        ] {
            assert_eq!(
                shape(method, path, content_type),
                expected,
                "{method} {path} {content_type}"
            );
        }
    }

    #[test]
    fn trailers_then_end_of_stream_without_what_is_grpcs_own() {
        let mut trailers = RpcStatus::new(Code::NotFound, "no such peer").to_grpc();
        trailers.insert("x-trace", HeaderValue::from_static("7"));
        let status = take_status(&mut trailers);
        assert_eq!(
            end_of(status, &trailers).to_json().as_ref(),
            br#"{"error":{"code":"not_found","message":"no such peer"},"metadata":{"x-trace":["7"]}}"#
        );
    }
}
