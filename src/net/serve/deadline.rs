//! A caller's deadline, held at every stage: it ends the stream with DEADLINE_EXCEEDED.
//!
//! tonic holds it only until the response's headers, which on a stream are sent at once.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::{Status, body::Body};
use tower_layer::Layer;
use tower_service::Service;

use crate::{net::status::RpcStatus, wire::Code};

const EXCEEDED: &str = "the caller's deadline has passed";
/// Digits before the unit, at most: gRPC's protocol says so.
const GRPC_DIGITS_MAX: usize = 8;
/// Digits at most: Connect's protocol says so.
const CONNECT_DIGITS_MAX: usize = 10;

/// When a call must be over; an extension of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(pub(super) Instant);

impl Deadline {
    /// Reads `grpc-timeout` or `connect-timeout-ms`, counted from now.
    fn read(headers: &HeaderMap) -> Result<Option<Deadline>, RpcStatus> {
        let (name, parse): (_, fn(&str) -> Option<Duration>) =
            match headers.contains_key("grpc-timeout") {
                true => ("grpc-timeout", parse_grpc),
                false => ("connect-timeout-ms", parse_connect),
            };
        let Some(value) = headers.get(name) else {
            return Ok(None);
        };
        let wait = value.to_str().ok().and_then(parse).ok_or_else(|| {
            RpcStatus::new(
                Code::InvalidArgument,
                format!("expected a timeout in {name}, seen {value:?}"),
            )
        })?;
        // One too far to be told from none is none.
        Ok(Instant::now().checked_add(wait).map(Deadline))
    }

    pub(super) fn has_passed(self) -> bool {
        self.0 <= Instant::now()
    }

    /// What a call ends with whose deadline has passed.
    pub(super) fn status() -> Status {
        Status::deadline_exceeded(EXCEEDED)
    }
}

fn parse_grpc(text: &str) -> Option<Duration> {
    let digits = text.get(..text.len().checked_sub(1)?)?;
    let value = parse_digits(digits, GRPC_DIGITS_MAX)?;
    match text.as_bytes().last()? {
        b'H' => Some(Duration::from_secs(value * 3600)),
        b'M' => Some(Duration::from_secs(value * 60)),
        b'S' => Some(Duration::from_secs(value)),
        b'm' => Some(Duration::from_millis(value)),
        b'u' => Some(Duration::from_micros(value)),
        b'n' => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

fn parse_connect(text: &str) -> Option<Duration> {
    parse_digits(text, CONNECT_DIGITS_MAX).map(Duration::from_millis)
}

/// A number of so few digits that it can be multiplied by any unit.
fn parse_digits(digits: &str, len_max: usize) -> Option<u64> {
    let is_number = digits.len() <= len_max && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Puts [`DeadlineService`] in front of a gRPC service.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> DeadlineService<S> {
        DeadlineService { inner }
    }
}

/// Ends what the service behind it does not end in time.
#[derive(Clone, Debug)]
pub(super) struct DeadlineService<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for DeadlineService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let deadline = match Deadline::read(request.headers()) {
            Ok(Some(deadline)) => deadline,
            Ok(None) => return Box::pin(self.inner.call(request)),
            Err(status) => return Box::pin(async move { Ok(status_response(&status)) }),
        };
        request.extensions_mut().insert(deadline);
        let answered = timeout_at(deadline.0, self.inner.call(request));
        Box::pin(async move {
            match answered.await {
                Ok(Ok(response)) => Ok(response.map(|body| {
                    Body::new(DeadlineBody {
                        inner: Some(body),
                        passed: Box::pin(sleep_until(deadline.0)),
                    })
                })),
                Ok(Err(never)) => match never {},
                Err(_) => Ok(status_response(&exceeded())),
            }
        })
    }
}

/// A body that ends with DEADLINE_EXCEEDED in its trailers if it has not ended before.
struct DeadlineBody {
    inner: Option<Body>,
    passed: Pin<Box<Sleep>>,
}

impl http_body::Body for DeadlineBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        // First, so that a body which always has more does not outlive it.
        if this.passed.as_mut().poll(cx).is_ready() {
            this.inner = None;
            return Poll::Ready(Some(Ok(Frame::trailers(exceeded().to_grpc()))));
        }
        Pin::new(inner).poll_frame(cx)
    }
}

fn exceeded() -> RpcStatus {
    RpcStatus::new(Code::DeadlineExceeded, EXCEEDED)
}

/// An answer of nothing but gRPC's status, among its headers.
pub(super) fn status_response(status: &RpcStatus) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = status.to_grpc();
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/grpc"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_timeouts_then_durations() {
        for (text, wait) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("100000000n", None),
            ("1", None),
            ("S", None),
            ("", None),
            ("-1S", None),
            ("+1S", None),
            ("1s", None),
            ("1é", None),
        ] {
            assert_eq!(parse_grpc(text), wait, "{text}");
        }
    }

    #[test]
    fn connect_timeouts_then_durations() {
        for (text, wait) in [
            ("0", Some(Duration::ZERO)),
            ("9999999999", Some(Duration::from_millis(9_999_999_999))),
            ("10000000000", None),
            ("", None),
            ("1.5", None),
            ("-1", None),
        ] {
            assert_eq!(parse_connect(text), wait, "{text}");
        }
    }
}
