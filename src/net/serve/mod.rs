//! The well-behaved server: gRPC and Connect on one port, in front of an application that knows neither.
//!
//! A call passes `connect` (which protocol, translated to gRPC), `deadline` (the caller's, held at every stage) and
//! tonic's generated services, and reaches the host through [`SyncApp`]. Malformed items and envelopes are errors of
//! the inbound items, which the host returns as the status of its call.

mod app;
mod auth;
mod connect;
mod deadline;
mod lapsing;
pub mod limits;
mod preface;
mod sync_only;
mod unary;
mod whole;
#[cfg(feature = "fuzzing")]
mod without_sockets;

use std::{convert::Infallible, fmt, io, pin::pin, sync::Arc};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tonic::{Status, body::Body, codec::CompressionEncoding, service::Routes};
use tower::ServiceBuilder;
use tower_service::Service;

pub use app::{CallOver, Caller, InboundItems, OutboundItems, SyncApp};
pub use auth::{Credential, Guarded};
pub use limits::ServeLimits;
pub use sync_only::SyncOnly;
#[cfg(feature = "fuzzing")]
pub use without_sockets::call_without_sockets;

use crate::{
    lapses::{Lapse, Lapses, Quirk},
    net::tls::ServerTls,
    wire::v1sync::{
        backrest_sync_service_server::BackrestSyncServiceServer,
        backrest_sync_state_service_server::BackrestSyncStateServiceServer,
    },
};
use app::{Host, Over};
use connect::ConnectLayer;
use deadline::DeadlineLayer;
use lapsing::Dribbling;
use preface::Counted;

/// Serves an application until `shutdown` resolves; then every stream ends with UNAVAILABLE, and connections that have
/// not closed after [`limits::SHUTDOWN_WAIT`] are cut.
///
/// A fault of one connection or call never ends the server.
pub async fn serve<A: SyncApp>(
    listener: TcpListener,
    app: Arc<A>,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    serve_over(listener, None, app, limits, shutdown).await
}

/// [`serve`] over TLS, or in cleartext where there is none.
pub async fn serve_over<A: SyncApp>(
    listener: TcpListener,
    tls: Option<ServerTls>,
    app: Arc<A>,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (leave, leaving) = Over::channel();
    let calls = calls(
        Host {
            app,
            leaving: leaving.clone(),
        },
        limits,
    );
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let result = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((io, _)) if connections.len() < limits.connections_max => {
                    connections.spawn(serve_connection(
                        io,
                        tls.clone(),
                        calls.clone(),
                        leaving.clone(),
                        limits.lapses,
                    ));
                }
                Ok(_) => tracing::warn!("a connection over the limit was closed"),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if is_of_resources(&error) => {
                    tracing::warn!(%error, "failed to accept a connection");
                    // Until a connection ends, or whatever else is short is there again.
                    tokio::select! {
                        Some(_) = connections.join_next() => {}
                        () = sleep(limits::ACCEPT_PAUSE) => {}
                    }
                }
                Err(error) => break Err(ServeError::AcceptFailed(error)),
            },
            Some(_) = connections.join_next() => {}
        }
    };
    drop(listener);
    leave.tell(Status::unavailable("the server is leaving"));
    let all_closed = async { while connections.join_next().await.is_some() {} };
    // Those that are left are cut as the set is dropped.
    let _ = timeout(limits::SHUTDOWN_WAIT, all_closed).await;
    result
}

/// The server is no more.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The port takes no more connections.
    AcceptFailed(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::AcceptFailed(error) => write!(f, "accept a connection: {error}"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServeError::AcceptFailed(error) => Some(error),
        }
    }
}

fn calls<A: SyncApp + ?Sized, B>(
    host: Host<A>,
    limits: ServeLimits,
) -> impl Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
+ Clone
+ Send
+ 'static
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let max = limits.item_len_bytes_max;
    let lapses = limits.lapses;
    let mut sync = BackrestSyncServiceServer::new(host.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(max);
    if lapses.shows(Quirk::Gzip) || lapses.has(Lapse::CompressesUnasked) {
        sync = sync.send_compressed(CompressionEncoding::Gzip);
    }
    let states = BackrestSyncStateServiceServer::new(host)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(max);
    ServiceBuilder::new()
        .map_request(move |request: Request<B>| lapsing::request(request.map(Body::new), lapses))
        .map_response(move |response| lapsing::response(response, lapses))
        .layer(ConnectLayer {
            message_len_bytes_max: max,
            lapses,
        })
        .layer(DeadlineLayer)
        .service(Routes::new(sync).add_service(states).prepare())
}

async fn serve_connection<S>(
    io: TcpStream,
    tls: Option<ServerTls>,
    calls: S,
    leaving: Over,
    lapses: Lapses,
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    // It only makes answers faster; a connection that cannot is dying and says so itself.
    let _ = io.set_nodelay(true);
    match tls {
        None => serve_http2(io, calls, leaving, lapses).await,
        Some(tls) => match timeout(limits::TLS_WAIT, tls.accept(io)).await {
            Ok(Ok(io)) => serve_http2(io, calls, leaving, lapses).await,
            Ok(Err(error)) => tracing::info!(%error, "a caller failed at TLS"),
            Err(_) => tracing::info!("a caller did not finish its TLS handshake in time"),
        },
    }
}

async fn serve_http2<S>(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    calls: S,
    leaving: Over,
    lapses: Lapses,
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let (io, beginning) = Counted::new(Dribbling::new(io, lapses));
    let window = lapses.vary(Quirk::SmallWindows, limits::STREAM_WINDOW_BYTES, |_| 1024);
    let mut connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::STREAMS_MAX)
            .initial_stream_window_size(window)
            .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
            .max_header_list_size(limits::HEADERS_LEN_BYTES_MAX)
            .keep_alive_interval(limits::PING_INTERVAL)
            .keep_alive_timeout(limits::PING_WAIT)
            .serve_connection(TokioIo::new(io), TowerToHyperService::new(calls))
    );
    tokio::select! {
        // Its end, however it came, concerns its own calls only, and they have been told.
        _ = connection.as_mut() => return,
        () = beginning.missed(limits::PREFACE_WAIT) => return,
        _ = leaving.wait() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Whether a failed accept says that there are too many open files, or too little memory, for now.
fn is_of_resources(error: &io::Error) -> bool {
    /// ENFILE and EMFILE, for which the standard library has no kind.
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    error.kind() == io::ErrorKind::OutOfMemory
        || cfg!(unix)
            && error
                .raw_os_error()
                .is_some_and(|code| TOO_MANY_FILES.contains(&code))
}

/// Whether a failed accept says something of one caller only.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
