//! Being dialled: one port, and a path prefix for each dialogue that waits for a caller.
//!
//! Answers what is no call of the sync stream itself: 404 for a path, 405 for a method, 415 for a content type. Whoever
//! wants to know of that, and of callers that make no call at all, listens with [`Listener::bind_noting`].

use std::{
    collections::{HashMap, hash_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use h2::{
    RecvStream,
    server::{self, SendResponse},
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, ToSocketAddrs},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::timeout,
};

use super::{
    error::LinkError,
    framing::RpcProtocol,
    inbound::Inbound,
    link::{Link, LinkLimits, SMALL_FRAMES_BUDGET_BYTES},
    request::SYNC_PATH,
    stray::{Stray, Strays},
};

/// How long an accepted connection may take to say that it speaks HTTP/2.
pub const PREFACE_WAIT: Duration = Duration::from_secs(5);
/// Connections held at a time; a further one is closed at once.
pub const CONNECTIONS_MAX: usize = 256;
/// Streams open at a time on one connection; deployed initiators open one.
pub const STREAMS_MAX: u32 = 64;
/// Calls that wait to be accepted under one prefix; a further one is reset.
pub const CALLS_WAITING_MAX: usize = 16;

/// A port that callers dial. Dropping it ends every connection made to it.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    routes: Routes,
    acceptor: AbortHandle,
}

impl Listener {
    /// Listens on an address such as `127.0.0.1:0`.
    pub async fn bind(
        address: impl ToSocketAddrs + ToString,
        limits: LinkLimits,
    ) -> Result<Listener, LinkError> {
        Listener::bind_with(address, limits, Strays::default()).await
    }

    /// The same, and tells of whatever comes that is no call under a known prefix.
    pub async fn bind_noting(
        address: impl ToSocketAddrs + ToString,
        limits: LinkLimits,
    ) -> Result<(Listener, mpsc::Receiver<Stray>), LinkError> {
        let (strays, noted) = Strays::channel();
        let listener = Listener::bind_with(address, limits, strays).await?;
        Ok((listener, noted))
    }

    async fn bind_with(
        address: impl ToSocketAddrs + ToString,
        limits: LinkLimits,
        strays: Strays,
    ) -> Result<Listener, LinkError> {
        let name = address.to_string();
        let failed = |error: std::io::Error| LinkError::ListenFailed {
            address: name.clone(),
            taken: error.kind() == std::io::ErrorKind::AddrInUse,
            why: error.to_string(),
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let routes = Routes(Arc::default(), strays);
        let acceptor = tokio::spawn(accept_all(listener, routes.clone(), limits)).abort_handle();
        Ok(Listener {
            address,
            routes,
            acceptor,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for callers whose URL has this prefix: empty, or as in `/case-7`. Callers that come before are refused.
    pub fn route(&self, prefix: &str) -> Result<Route, LinkError> {
        let prefix = prefix.trim_end_matches('/').to_owned();
        let (sender, calls) = mpsc::channel(CALLS_WAITING_MAX);
        match self.routes.lock().entry(prefix.clone()) {
            Entry::Vacant(vacant) => vacant.insert(sender),
            Entry::Occupied(_) => return Err(LinkError::RouteTaken { prefix }),
        };
        Ok(Route {
            url: format!("http://{}{prefix}", self.address),
            prefix,
            calls,
            routes: self.routes.clone(),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.routes.lock().clear();
    }
}

/// Calls under one prefix; dropping it makes the prefix unknown again.
#[derive(Debug)]
pub struct Route {
    url: String,
    prefix: String,
    calls: mpsc::Receiver<Link>,
    routes: Routes,
}

impl Route {
    /// What a caller dials, by the address that is listened on.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next call; `None` once the listener is gone. Cancel-safe.
    pub async fn accept(&mut self) -> Option<Link> {
        self.calls.recv().await
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        self.routes.lock().remove(&self.prefix);
    }
}

#[derive(Clone, Debug, Default)]
struct Routes(Arc<Mutex<HashMap<String, mpsc::Sender<Link>>>>, Strays);

impl Routes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Link>>> {
        // Each change is one insertion or removal, so that a panic elsewhere leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls_of(&self, path: &str) -> Option<mpsc::Sender<Link>> {
        self.lock().get(path.strip_suffix(SYNC_PATH)?).cloned()
    }
}

async fn accept_all(listener: TcpListener, routes: Routes, limits: LinkLimits) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((io, _)) if connections.len() < CONNECTIONS_MAX => {
                    // It only makes answers faster; a connection that cannot is dying and says so itself.
                    let _ = io.set_nodelay(true);
                    let routes = routes.clone();
                    connections.spawn(async move {
                        routes.1.note_beginning(&io).await;
                        serve_connection(io, routes, limits).await;
                    });
                }
                // Over the limit, or gone before it was accepted.
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(
    io: impl AsyncRead + AsyncWrite + Unpin,
    routes: Routes,
    limits: LinkLimits,
) {
    let mut http2 = server::Builder::new();
    http2
        .max_concurrent_streams(STREAMS_MAX)
        .data_frame_budget(SMALL_FRAMES_BUDGET_BYTES);
    let Ok(Ok(mut connection)) = timeout(PREFACE_WAIT, http2.handshake(io)).await else {
        return;
    };
    let mut first = timeout(PREFACE_WAIT, connection.accept()).await;
    if !matches!(first, Ok(Some(Ok(_)))) {
        routes.1.note(Stray::NoCall);
    }
    loop {
        let next = match std::mem::replace(&mut first, Ok(None)) {
            Ok(Some(next)) => Some(next),
            _ => connection.accept().await,
        };
        let Some(Ok((request, answer))) = next else {
            return;
        };
        serve_call(request, answer, &routes, limits);
    }
}

fn serve_call(
    request: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    routes: &Routes,
    limits: LinkLimits,
) {
    match recognise(&request, routes) {
        Ok((protocol, calls)) => {
            let inbound = Inbound::of_request(protocol, limits, request);
            let link = Link::called(protocol, limits, answer, inbound);
            // With its queue full or gone the link is dropped here, which resets the stream.
            drop(calls.try_send(link));
        }
        Err(stray) => {
            let status = stray.status();
            routes.1.note(stray);
            let mut refusal = Response::new(());
            *refusal.status_mut() = status;
            if status == StatusCode::METHOD_NOT_ALLOWED {
                let allowed = HeaderValue::from_static("POST");
                refusal.headers_mut().insert(header::ALLOW, allowed);
            }
            // A caller that is gone needs no refusal.
            drop(answer.send_response(refusal, true));
        }
    }
}

fn recognise(
    request: &Request<RecvStream>,
    routes: &Routes,
) -> Result<(RpcProtocol, mpsc::Sender<Link>), Stray> {
    let path = request.uri().path();
    let calls = routes.calls_of(path);
    let calls = calls.ok_or_else(|| Stray::Path(path.to_owned()))?;
    if request.method() != Method::POST {
        return Err(Stray::Method(request.method().to_string()));
    }
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default();
    RpcProtocol::of_content_type(&content_type)
        .map(|protocol| (protocol, calls))
        .ok_or(Stray::ContentType(content_type))
}

#[cfg(test)]
mod tests;
