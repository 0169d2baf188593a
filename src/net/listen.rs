//! Being dialled: one port, and a path prefix for each dialogue that waits for a caller.
//!
//! Answers what is no call of the sync stream itself: 404 for a path, 405 for a method, 415 for a content type. Whoever
//! wants to know of that, and of callers that make no call at all, listens with [`Listener::bind_noting`].

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
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
    net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host},
    sync::{Notify, futures::Notified, mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::timeout,
};

use super::{
    error::LinkError,
    framing::RpcProtocol,
    inbound::Inbound,
    link::{CallParts, Link, LinkLimits, Pinger, SMALL_FRAMES_BUDGET_BYTES},
    request::SYNC_PATH,
    stray::{Stray, Strays},
};

/// How long an accepted connection may take to say that it speaks HTTP/2. A client that dials hundreds of hosts at once is
/// slow about each.
pub const PREFACE_WAIT: Duration = Duration::from_secs(20);
/// How long the first call on a connection is waited for.
const FIRST_CALL_WAIT: Duration = Duration::from_secs(5);
/// How long a connection without a call is kept. Callers may leave theirs behind, one for each time they call.
pub const IDLE_WAIT: Duration = Duration::from_secs(1);
/// Connections held at a time; a further one is closed at once. A client has one for each host that it knows, and a suite
/// may have some thousand.
pub const CONNECTIONS_MAX: usize = 8192;
/// Streams open at a time on one connection; deployed initiators open one.
pub const STREAMS_MAX: u32 = 64;
/// Calls that wait to be accepted under one prefix; a further one takes the place of the oldest, which is reset. A caller
/// that calls again has mostly given up the call before.
pub const CALLS_WAITING_MAX: usize = 16;

/// A port that callers dial. Dropping it ends every connection made to it.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    routes: Routes,
    acceptor: AbortHandle,
}

/// Connections that may wait to be accepted. A client dials all the hosts that it knows at once, each over a connection of its
/// own: some 2,000, where it is provisioned for everything. For those that find no room its system waits, and then resets
/// them. Linux takes no more than `net.core.somaxconn`, 4096 by default.
const BACKLOG_MAX: u32 = 4096;

/// Listens at the first of the addresses that can be had.
async fn listen(address: impl ToSocketAddrs) -> std::io::Result<TcpListener> {
    let mut failed = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in lookup_host(address).await? {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listen_at(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // What was listened at a moment ago must be free again; elsewhere than on Unix it is, and this means another thing.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG_MAX)
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
        let listener = listen(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let routes = Routes {
            by_prefix: Arc::default(),
            strays,
            calls_count: watch::Sender::default(),
        };
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

    /// Calls so far, under whatever prefix: it changes with each.
    pub fn calls_count(&self) -> watch::Receiver<u64> {
        self.routes.calls_count.subscribe()
    }

    /// Waits for callers whose URL has this prefix: empty, or as in `/case-7`. Callers that come before are refused.
    pub fn route(&self, prefix: &str) -> Result<Route, LinkError> {
        let prefix = prefix.trim_end_matches('/').to_owned();
        let calls = Arc::new(Calls::default());
        match self.routes.lock().entry(prefix.clone()) {
            Entry::Vacant(vacant) => vacant.insert(calls.clone()),
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
        for (_, calls) in self.routes.lock().drain() {
            calls.close();
        }
    }
}

/// Calls under one prefix; dropping it makes the prefix unknown again.
#[derive(Debug)]
pub struct Route {
    url: String,
    prefix: String,
    calls: Arc<Calls>,
    routes: Routes,
}

/// Calls that wait under one prefix, the oldest in front.
#[derive(Debug, Default)]
struct Calls {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    links: VecDeque<Link>,
    is_closed: bool,
}

impl Route {
    /// What a caller dials, by the address that is listened on.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The next call; `None` once the listener is gone. Cancel-safe.
    pub async fn accept(&mut self) -> Option<Link> {
        self.calls.take(VecDeque::pop_front).await
    }

    /// The latest call whose caller is still there; those before it are reset. `None` once the listener is gone.
    /// Cancel-safe.
    pub async fn accept_latest(&mut self) -> Option<Link> {
        self.calls
            .take(|links| {
                links.retain_mut(|link| !link.is_given_up());
                let latest = links.pop_back();
                links.clear();
                latest
            })
            .await
    }

    /// Waits until a call is there whose caller has not given it up; `false` once the listener is gone. Cancel-safe.
    pub async fn is_called(&mut self) -> bool {
        let waits = |links: &mut VecDeque<Link>| {
            links.retain_mut(|link| !link.is_given_up());
            (!links.is_empty()).then_some(())
        };
        self.calls.take(waits).await.is_some()
    }

    /// Whether a call is there already whose caller has not given it up.
    pub fn has_call(&self) -> bool {
        let mut waiting = self.calls.lock();
        waiting.links.retain_mut(|link| !link.is_given_up());
        !waiting.links.is_empty()
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Each change is complete in itself, so that a panic elsewhere leaves the queue whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, link: Link) {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return;
        }
        if waiting.links.len() == CALLS_WAITING_MAX {
            waiting.links.pop_front();
        }
        waiting.links.push_back(link);
        drop(waiting);
        self.changed.notify_waiters();
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_waiters();
    }

    /// Waits until `pick` finds what it wants; `None` once nothing can come any more.
    async fn take<T>(&self, mut pick: impl FnMut(&mut VecDeque<Link>) -> Option<T>) -> Option<T> {
        loop {
            // Made before the look, so that no change in between is missed.
            let changed: Notified<'_> = self.changed.notified();
            {
                let mut waiting = self.lock();
                if let Some(picked) = pick(&mut waiting.links) {
                    return Some(picked);
                }
                if waiting.is_closed {
                    return None;
                }
            }
            changed.await;
        }
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        self.routes.lock().remove(&self.prefix);
    }
}

#[derive(Clone, Debug)]
struct Routes {
    by_prefix: Arc<Mutex<HashMap<String, Arc<Calls>>>>,
    strays: Strays,
    calls_count: watch::Sender<u64>,
}

impl Routes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Calls>>> {
        // Each change is one insertion or removal, so that a panic elsewhere leaves the map whole.
        self.by_prefix
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn calls_of(&self, path: &str) -> Option<Arc<Calls>> {
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
                        routes.strays.note_beginning(&io).await;
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
    let pinger = connection.ping_pong().map(Pinger::new);
    // Each call of this connection holds one more.
    let open = Arc::new(());
    let mut is_called = false;
    loop {
        let wait = match is_called {
            true => IDLE_WAIT,
            false => FIRST_CALL_WAIT,
        };
        match timeout(wait, connection.accept()).await {
            Ok(Some(Ok((request, answer)))) => {
                is_called = true;
                let parts = CallParts {
                    pinger: pinger.clone(),
                    open: open.clone(),
                };
                serve_call(request, answer, &routes, limits, parts);
                continue;
            }
            Ok(None | Some(Err(_))) => {
                if !is_called {
                    routes.strays.note(Stray::NoCall);
                }
                return;
            }
            Err(_) if Arc::strong_count(&open) == 1 => connection.graceful_shutdown(),
            Err(_) => {}
        }
        if !is_called {
            routes.strays.note(Stray::NoCall);
            is_called = true;
        }
    }
}

fn serve_call(
    request: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    routes: &Routes,
    limits: LinkLimits,
    parts: CallParts,
) {
    match recognise(&request, routes) {
        Ok((protocol, calls)) => {
            let inbound = Inbound::of_request(protocol, limits, request);
            calls.put(Link::called(protocol, limits, answer, inbound, parts));
            routes.calls_count.send_modify(|count| *count += 1);
        }
        Err(stray) => {
            let status = stray.status();
            routes.strays.note(stray);
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
) -> Result<(RpcProtocol, Arc<Calls>), Stray> {
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
