//! A call of an application without sockets, connections and TLS: for fuzzers, which bring bodies of their own.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tower::ServiceExt as _;

use super::{
    ServeLimits, SyncApp,
    app::{Host, Over},
    calls,
};

/// Answers one call. Nothing here is generic, so that all of it is compiled within this crate, whose coverage fuzzers go by.
pub async fn call_without_sockets(
    app: Arc<dyn SyncApp>,
    limits: ServeLimits,
    request: Request<Body>,
) -> Response<Body> {
    let (leave, leaving) = Over::channel();
    let answered = calls(Host { app, leaving }, limits).oneshot(request).await;
    let response = answered.unwrap_or_else(|never| match never {});
    // A server whose end nobody can tell any more is taken to leave: it can be told for as long as the answer is read.
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _ = &leave;
            frame
        }))
    })
}
