//! Dialling a peer: TCP, TLS where the URL asks for it, HTTP/2, then calls.
//!
//! Each way in which a server can fail to be one has its own [`LinkError`], and each wait its named bound, so that a
//! wrong address is named within seconds.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::{
    Ping, PingPong, SendStream,
    client::{ResponseFuture, SendRequest},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::AbortHandle,
    time::{interval_at, timeout},
};

use super::{
    error::{LinkError, Step},
    framing::RpcProtocol,
    inbound::Inbound,
    link::{Link, LinkLimits, SMALL_FRAMES_BUDGET_BYTES},
    request::{RequestShape, Target},
    sniff::{FirstBytes, Sniffed},
    tls::{self, TlsRoots},
};

/// How long each step of getting a connection may take: resolving, connecting, TLS, the server's settings, a free stream.
pub const STEP_WAIT: Duration = Duration::from_secs(5);

/// Where and how to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialOptions {
    /// `http://host[:port][/prefix]`, HTTP/2 with prior knowledge, or `https://...`, TLS with ALPN `h2`; the method's path
    /// is appended to the prefix.
    pub url: String,
    /// Whose certificates are trusted.
    pub tls_roots: TlsRoots,
    /// What to speak.
    pub protocol: RpcProtocol,
    /// Headers of every call, such as an authorization.
    pub headers: Vec<(String, String)>,
    /// How long each step of getting a connection and opening a stream may take.
    pub step_wait: Duration,
    /// Bounds of each stream.
    pub limits: LinkLimits,
    /// Whether to ask the server now and then if it is still there.
    pub pings: Option<Pings>,
}

/// HTTP/2 pings, by which a server that vanished without a word is noticed on a stream that is silent by right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pings {
    /// Time between two of them. gRPC servers take more than one in five minutes for abuse.
    pub every: Duration,
    /// How long the answer may take; the connection is given up then.
    pub answer_wait: Duration,
}

impl Default for Pings {
    fn default() -> Pings {
        Pings {
            every: Duration::from_secs(310),
            answer_wait: Duration::from_secs(20),
        }
    }
}

impl DialOptions {
    /// No headers, no pings, and the named waits and limits.
    pub fn new(url: impl Into<String>, protocol: RpcProtocol) -> DialOptions {
        DialOptions {
            url: url.into(),
            tls_roots: TlsRoots::default(),
            protocol,
            headers: Vec::new(),
            step_wait: STEP_WAIT,
            limits: LinkLimits::default(),
            pings: None,
        }
    }

    async fn within<T>(&self, step: Step, wait: impl Future<Output = T>) -> Result<T, LinkError> {
        let after = self.step_wait;
        timeout(after, wait)
            .await
            .map_err(|_| LinkError::Timeout { step, after })
    }
}

/// What TCP's part of dialling came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The address that answered.
    pub address: SocketAddr,
    /// How long its connect took.
    pub took: Duration,
}

/// An HTTP/2 connection. It lasts until it and all its links are dropped.
#[derive(Debug)]
pub struct Connection {
    options: DialOptions,
    target: Target,
    requests: SendRequest<Bytes>,
    address: SocketAddr,
    driver: AbortHandle,
}

impl Connection {
    /// Connects, and waits until the server has shown that it speaks HTTP/2.
    pub async fn dial(options: &DialOptions) -> Result<Connection, LinkError> {
        Connection::dial_noting(options, &mut None).await
    }

    /// The same, and notes TCP's part as soon as it is done, so that it is known where a later part fails.
    pub async fn dial_noting(
        options: &DialOptions,
        connected: &mut Option<Connected>,
    ) -> Result<Connection, LinkError> {
        let target = Target::parse(&options.url)?;
        let (io, address, took) = connect(options, &target).await?;
        *connected = Some(Connected { address, took });
        let (requests, driver) = match target.is_tls {
            true => {
                let shaken = tls::connect(&options.tls_roots, &target.host, io);
                let io = options.within(Step::Tls, shaken).await??;
                speak_http2(options, io, address).await?
            }
            false => speak_http2(options, io, address).await?,
        };
        Ok(Connection {
            options: options.clone(),
            target,
            requests,
            address,
            driver,
        })
    }

    /// The address that answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The protocol of its calls.
    pub fn protocol(&self) -> RpcProtocol {
        self.options.protocol
    }

    /// Opens the sync stream.
    pub async fn open_sync(&self) -> Result<Link, LinkError> {
        self.open(&RequestShape::sync(self.options.protocol)).await
    }

    /// Opens a stream: its headers are sent at once, and an answer is not waited for, since deployed servers send no
    /// headers before their first message.
    pub async fn open(&self, shape: &RequestShape) -> Result<Link, LinkError> {
        let protocol = self.options.protocol;
        let (response, body) = self.request(shape).await?;
        let limits = self.options.limits;
        let inbound = Inbound::of_response(protocol, limits, response);
        Ok(Link::calling(protocol, limits, body, inbound))
    }

    /// Sends a request's headers, as soon as there is room for one more stream.
    pub(crate) async fn request(
        &self,
        shape: &RequestShape,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), LinkError> {
        let protocol = self.options.protocol;
        let request = shape.to_request(&self.target, protocol, &self.options.headers)?;
        let ready = self
            .options
            .within(Step::Open, self.requests.clone().ready());
        let mut requests = ready.await?.map_err(|error| lost(&error))?;
        requests
            .send_request(request, false)
            .map_err(|error| lost(&error))
    }

    /// Waits for no longer than a step may take.
    pub(crate) async fn within<T>(
        &self,
        step: Step,
        wait: impl Future<Output = T>,
    ) -> Result<T, LinkError> {
        self.options.within(step, wait).await
    }

    /// Cuts the connection without a word, as a dying process would.
    pub fn cut(self) {
        self.driver.abort();
    }
}

async fn connect(
    options: &DialOptions,
    target: &Target,
) -> Result<(TcpStream, SocketAddr, Duration), LinkError> {
    let dns_failed = |why: String| LinkError::DnsFailed {
        host: target.host.clone(),
        why,
    };
    let lookup = lookup_host((target.host.as_str(), target.port));
    let addresses = options
        .within(Step::Resolve, lookup)
        .await?
        .map_err(|error| dns_failed(error.to_string()))?;
    let mut failed = dns_failed("no address".to_owned());
    for address in addresses {
        let started = Instant::now();
        match options
            .within(Step::Connect, TcpStream::connect(address))
            .await
        {
            Ok(Ok(io)) => {
                // Small frames are the rule; without it each would wait for the last one's acknowledgement.
                io.set_nodelay(true)
                    .map_err(|error| LinkError::from_connect(address, &error))?;
                return Ok((io, address, started.elapsed()));
            }
            Ok(Err(error)) => failed = LinkError::from_connect(address, &error),
            Err(timed_out) => failed = timed_out,
        }
    }
    Err(failed)
}

/// Exchanges HTTP/2 prefaces over any byte stream, encrypted or not.
async fn speak_http2(
    options: &DialOptions,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
) -> Result<(SendRequest<Bytes>, AbortHandle), LinkError> {
    let (io, first) = Sniffed::new(io);
    let mut http2 = h2::client::Builder::new();
    http2
        .enable_push(false)
        .data_frame_budget(SMALL_FRAMES_BUDGET_BYTES);
    let (requests, mut connection) = options
        .within(Step::Settings, http2.handshake(io))
        .await?
        .map_err(|error| lost(&error))?;
    let silence = silence(connection.ping_pong(), options.pings);
    // Streams learn of the connection's errors, and of its end, themselves.
    let driver = tokio::spawn(async move {
        tokio::select! {
            _ = connection => {}
            () = silence => {}
        }
    })
    .abort_handle();
    let first = options.within(Step::Settings, first).await;
    let seen = first.map(|first| first.unwrap_or(FirstBytes::Closed));
    let error = match seen {
        Ok(FirstBytes::Settings) => return Ok((requests, driver)),
        Ok(FirstBytes::Other(seen)) => LinkError::NotHttp2 { seen },
        Ok(FirstBytes::Closed) => LinkError::ClosedAtOnce { address },
        Err(timed_out) => timed_out,
    };
    driver.abort();
    Err(error)
}

/// Ends when a ping is not answered; never where none are sent.
async fn silence(pinger: Option<PingPong>, pings: Option<Pings>) {
    let (Some(mut pinger), Some(pings)) = (pinger, pings) else {
        return std::future::pending().await;
    };
    let mut due = interval_at((Instant::now() + pings.every).into(), pings.every);
    loop {
        due.tick().await;
        let answered = timeout(pings.answer_wait, pinger.ping(Ping::opaque())).await;
        if !matches!(answered, Ok(Ok(_))) {
            return;
        }
    }
}

fn lost(error: &h2::Error) -> LinkError {
    LinkError::ConnectionLost {
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::net::link::{End, LinkEvent};

    const SHORT_WAIT: Duration = Duration::from_millis(200);
    // Length of HTTP/2's client preface, RFC 9113, section 3.4.
    const PREFACE_LEN_BYTES: usize = 24;

    async fn listener() -> (TcpListener, DialOptions) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut options = DialOptions::new(url, RpcProtocol::Grpc);
        options.step_wait = SHORT_WAIT;
        (listener, options)
    }

    async fn dial_error(options: DialOptions) -> LinkError {
        Connection::dial(&options).await.unwrap_err()
    }

    #[tokio::test]
    async fn nobody_listens_then_refused() {
        let (listener, options) = listener().await;
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(dial_error(options).await, LinkError::Refused { address });
    }

    #[tokio::test]
    async fn silent_server_then_timeout_on_its_settings() {
        let (_listener, options) = listener().await;
        assert_eq!(
            dial_error(options).await,
            LinkError::Timeout {
                step: Step::Settings,
                after: SHORT_WAIT
            }
        );
    }

    #[tokio::test]
    async fn server_that_closes_then_closed_at_once() {
        let (listener, options) = listener().await;
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
        assert_eq!(
            dial_error(options).await,
            LinkError::ClosedAtOnce { address }
        );
        server.await.unwrap();
    }

    #[tokio::test]
    async fn server_of_http1_then_its_answer_is_named() {
        let (listener, options) = listener().await;
        let server = tokio::spawn(async move {
            let (mut io, _) = listener.accept().await.unwrap();
            io.read_exact(&mut [0; PREFACE_LEN_BYTES]).await.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request";
            io.write_all(answer).await.unwrap();
            io.shutdown().await.unwrap();
            let _ = io.read_to_end(&mut Vec::new()).await;
        });
        assert_eq!(
            dial_error(options).await,
            LinkError::NotHttp2 {
                seen: "HTTP/1.1 400 Bad Request".to_owned()
            }
        );
        server.await.unwrap();
    }

    #[tokio::test]
    async fn server_that_answers_no_ping_then_its_streams_end() {
        let (listener, mut options) = listener().await;
        options.pings = Some(Pings {
            every: SHORT_WAIT,
            answer_wait: SHORT_WAIT,
        });
        let server = tokio::spawn(async move {
            let (mut io, _) = listener.accept().await.unwrap();
            // An empty SETTINGS frame, and then not a word more.
            io.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
            let _ = io.read_to_end(&mut Vec::new()).await;
        });
        let connection = Connection::dial(&options).await.unwrap();
        let mut link = connection.open_sync().await.unwrap();
        let event = timeout(STEP_WAIT, link.next()).await.unwrap();
        assert!(
            matches!(event, LinkEvent::Ended(End::ConnectionLost { .. })),
            "{event:?}"
        );
        server.await.unwrap();
    }

    #[tokio::test]
    async fn name_without_address_then_dns_failed() {
        let options = DialOptions::new("http://nobody.invalid:1", RpcProtocol::Grpc);
        let error = dial_error(options).await;
        assert!(
            matches!(&error, LinkError::DnsFailed { host, .. } if host == "nobody.invalid"),
            "{error}"
        );
    }
}
