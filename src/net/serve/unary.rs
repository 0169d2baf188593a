//! Connect's unary call in terms of gRPC's: a bare message as body, and the HTTP status for an ending.

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Limited, StreamBody};
use tonic::{Status, body::Body};

use super::connect::{internal, no_status, of_tonic, set_content_type, take_status};
use crate::{
    net::{
        framing::{self, EnvelopeReader, FLAG_COMPRESSED, RpcProtocol},
        status::{ConnectError, RpcStatus, connect_http_status},
    },
    wire::Code,
};

/// The content type of a bare binary message.
pub(super) const CONTENT_TYPE: &str = "application/proto";
const ERROR_CONTENT_TYPE: &str = "application/json";

/// The request as gRPC has it. Its body is gathered only as it is asked for, so that a deadline covers that too.
pub(super) fn to_grpc(request: Request<Body>, message_len_bytes_max: usize) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let encoding = parts.headers.remove(header::CONTENT_ENCODING);
    let flags = match &encoding {
        Some(encoding) if encoding != "identity" => FLAG_COMPRESSED,
        _ => 0,
    };
    if let Some(encoding) = encoding {
        let name = RpcProtocol::Grpc.encoding_header();
        parts.headers.insert(name, encoding);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    set_content_type(&mut parts.headers, RpcProtocol::Grpc.content_type());
    let envelope = envelope_of(body, flags, message_len_bytes_max);
    let body = StreamBody::new(stream::once(envelope.boxed()));
    Request::from_parts(parts, Body::new(body))
}

async fn envelope_of(body: Body, flags: u8, len_bytes_max: usize) -> Result<Frame<Bytes>, Status> {
    let message = Limited::new(body, len_bytes_max).collect().await;
    let message = message.map_err(|error| match error.downcast::<Status>() {
        Ok(status) => *status,
        Err(_) => Status::resource_exhausted(format!(
            "expected a message of at most {len_bytes_max} bytes"
        )),
    })?;
    framing::encode(flags, &message.to_bytes())
        .map(Frame::data)
        .map_err(|error| Status::internal(error.to_string()))
}

/// The answer as Connect has it.
pub(super) async fn to_connect(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let message = match take_status(&mut parts.headers) {
        Some(status) => Err(status),
        None => message_of(body).await,
    };
    match message {
        Ok((message, trailers)) => {
            set_content_type(&mut parts.headers, CONTENT_TYPE);
            for (name, value) in &trailers {
                let name = format!("trailer-{name}");
                if let Ok(name) = header::HeaderName::try_from(name) {
                    parts.headers.append(name, value.clone());
                }
            }
            Response::from_parts(parts, full(message))
        }
        Err(status) => error_response(status),
    }
}

/// The one message of a unary answer, and what trailers it has beside the status.
async fn message_of(body: Body) -> Result<(Bytes, HeaderMap), RpcStatus> {
    let answer = body.collect().await.map_err(|status| of_tonic(&status))?;
    let mut trailers = answer.trailers().cloned().unwrap_or_default();
    let status = take_status(&mut trailers).unwrap_or_else(no_status);
    if status.code != Code::Ok {
        return Err(status);
    }
    let mut reader = EnvelopeReader::for_requests(usize::MAX);
    reader.feed(&answer.to_bytes());
    match reader.read() {
        Ok(Some(envelope)) => Ok((envelope.payload, trailers)),
        Ok(None) => Err(internal("the call ended without an answer")),
        Err(error) => Err(internal(error.to_string())),
    }
}

fn error_response(status: RpcStatus) -> Response<Body> {
    let http_status = StatusCode::from_u16(connect_http_status(status.code));
    let mut response = Response::new(full(ConnectError::of(status).to_json()));
    *response.status_mut() = http_status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_static(ERROR_CONTENT_TYPE);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

fn full(bytes: Bytes) -> Body {
    Body::new(http_body_util::Full::new(bytes))
}
