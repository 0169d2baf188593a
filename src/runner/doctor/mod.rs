//! The trying behind `syncspec doctor`, and behind the check before a run: dials a host, or waits for a client, and
//! writes down what is seen. What that means is `target::doctor`'s to say.

mod call;
mod listen;
mod meet;
mod state;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use listen::{DIALLED_WAIT, ListenOptions, listen};
pub(super) use listen::{called_or_not, not_listening};
pub(super) use meet::meet;

use crate::{
    actor::Entropy,
    net::{Connection, DialOptions, LinkError, RequestShape, Step, TlsFault, TlsRoots},
    target::doctor::{
        Address, Diagnosis, Wanted, diagnose_host,
        seen::{AfterHalfClose, Call, Fault, HostSeen, Reached, Stop, Unreached},
    },
    trace::End,
    wire::RpcProtocol,
};
use call::Headers;

/// Longest wait for each thing that a host does at once. Only what fails waits so long.
pub const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Longest wait for what comes once our side of a silent stream is ended: a proxy that gathered the request sends it then.
pub const HELD_BACK_WAIT: Duration = Duration::from_secs(3);
/// gRPC-Web's content type.
const GRPC_WEB: &str = "application/grpc-web+proto";

/// What to try.
#[derive(Clone, Debug)]
pub struct DoctorOptions {
    /// The URL, as it was typed.
    pub url: String,
    /// Whose certificates are trusted.
    pub tls_roots: TlsRoots,
    /// What to speak.
    pub protocols: Vec<RpcProtocol>,
    /// Headers of calls of the state service, such as an authorization.
    pub state_headers: Vec<(String, String)>,
    /// Whether to look at what no case depends on: gRPC-Web and the state service.
    pub thorough: bool,
    /// How long to watch the state service for clients that displace each other.
    pub watch: Option<Duration>,
    /// Seed of our keys: the same seed sends the same bytes.
    pub seed: u64,
}

/// Tries the host, and says what is likely wrong.
pub async fn examine(options: &DoctorOptions, wanted: &Wanted) -> Diagnosis {
    let seen = match Address::read(&options.url) {
        Ok(address) => Some(look(options, &address, wanted).await),
        Err(_) => None,
    };
    diagnose_host(&options.url, seen.as_ref(), wanted)
}

async fn look(options: &DoctorOptions, address: &Address, wanted: &Wanted) -> HostSeen {
    let mut seen = HostSeen {
        connection: Err(Unreached {
            fault: Fault::Url,
            seen: String::new(),
            address: None,
        }),
        calls: Vec::new(),
        answers_without_prefix: false,
        grpc_web: None,
        state_service: None,
        watched: None,
        clock_ahead_s: None,
        server: None,
    };
    let dial = |url: &str, protocol| DialOptions {
        tls_roots: options.tls_roots.clone(),
        ..DialOptions::new(url.trim(), protocol)
    };
    let first = options
        .protocols
        .first()
        .copied()
        .unwrap_or(RpcProtocol::Connect);
    let mut connected = None;
    let connection = match Connection::dial_noting(&dial(&options.url, first), &mut connected).await
    {
        Ok(connection) => connection,
        Err(error) => {
            seen.connection = Err(Unreached {
                fault: fault(&error, address, &dial(&address.other_scheme(), first)).await,
                seen: error.to_string(),
                address: connected
                    .map(|connected| connected.address)
                    .or(address_of(&error)),
            });
            return seen;
        }
    };
    seen.connection = Ok(Reached {
        address: connection.address(),
        connect: connected.map_or(Duration::ZERO, |connected| connected.took),
    });

    // Each on a connection of its own: a proxy that breaks one must not take the other call with it.
    let calls = options.protocols.iter().map(|protocol| {
        let (connection, dial, url) = (&connection, &dial, &options.url);
        let entropy = Entropy::new(options.seed, &format!("doctor/{protocol}"));
        async move {
            if *protocol == first {
                return call::try_sync(connection, &entropy, wanted).await;
            }
            match Connection::dial(&dial(url, *protocol)).await {
                Ok(connection) => call::try_sync(&connection, &entropy, wanted).await,
                Err(error) => call::not_opened(*protocol, &error),
            }
        }
    });
    for (call, headers) in futures_util::future::join_all(calls).await {
        seen.calls.push(call);
        note_headers(&mut seen, headers);
    }
    if !address.prefix.is_empty() && seen.calls.iter().all(is_not_there) {
        seen.answers_without_prefix = answers_as_rpc(&dial(&address.without_prefix(), first)).await;
    }
    if options.thorough && seen.calls.iter().any(|call| call.key_exchange.is_some()) {
        let (grpc_web, state) = tokio::join!(
            call::answers_grpc_web(&connection),
            state::ask(&connection, &options.state_headers)
        );
        seen.grpc_web = Some(grpc_web);
        seen.state_service = Some(state);
        if let Some(during) = options.watch {
            let watched = state::watch(&connection, &options.state_headers, during).await;
            seen.watched = Some(watched);
        }
    }
    seen
}

fn note_headers(seen: &mut HostSeen, headers: Headers) {
    if let (Some(date), Some(at)) = (headers.date, headers.at) {
        let ahead = unix_seconds(date) - unix_seconds(at);
        seen.clock_ahead_s.get_or_insert(ahead);
    }
    if seen.server.is_none() {
        seen.server = headers.server;
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds)
        }
    }
}

/// Whether nothing is under this path, so that it is worth to look elsewhere.
fn is_not_there(call: &Call) -> bool {
    match &call.stop {
        Some(Stop::Ended(End::Http { status, .. })) => matches!(status, 200 | 404 | 405),
        Some(Stop::Ended(End::Status { code, .. })) => *code == crate::wire::Code::Unimplemented,
        _ => false,
    }
}

/// Whether the sync service is at this URL: it reads our key, and answers as RPC.
async fn answers_as_rpc(options: &DialOptions) -> bool {
    let Ok(connection) = Connection::dial(options).await else {
        return false;
    };
    call::answers_as_rpc(&connection).await
}

/// What the error means; some are told apart only by trying the other scheme.
async fn fault(error: &LinkError, address: &Address, other: &DialOptions) -> Fault {
    match error {
        LinkError::BadUrl { .. } => Fault::Url,
        LinkError::DnsFailed { .. }
        | LinkError::Timeout {
            step: Step::Resolve,
            ..
        } => Fault::Name,
        LinkError::Refused { .. } => Fault::Refused,
        LinkError::Unreachable { .. }
        | LinkError::Timeout {
            step: Step::Connect,
            ..
        } => Fault::Unreachable,
        LinkError::Tls { fault, .. } => match fault {
            TlsFault::Name => Fault::CertificateName,
            TlsFault::Expired => Fault::CertificateExpired,
            TlsFault::NotYetValid => Fault::CertificateNotYetValid,
            TlsFault::Authority => Fault::CertificateAuthority,
            TlsFault::Alert => Fault::Tls,
            // A server of cleartext HTTP/2 may close on a TLS handshake without a word.
            _ => match Connection::dial(other).await {
                Ok(_) => Fault::NotTls { speaks_http2: true },
                Err(_) => Fault::Tls,
            },
        },
        LinkError::NotTls { .. }
        | LinkError::Timeout {
            step: Step::Tls, ..
        } => Fault::NotTls {
            speaks_http2: Connection::dial(other).await.is_ok(),
        },
        LinkError::AlpnRefused { .. } => Fault::NoAlpn,
        LinkError::Timeout { .. } => Fault::Silent,
        _ if !address.is_tls && speaks_tls(other).await => Fault::SpeaksTls,
        LinkError::NotHttp2 { .. } => Fault::NotHttp2,
        _ => Fault::ClosedAtOnce,
    }
}

/// Whether a TLS handshake is answered there, whatever the certificate.
async fn speaks_tls(options: &DialOptions) -> bool {
    match Connection::dial(options).await {
        Ok(_) => true,
        Err(LinkError::Tls { fault, .. }) => fault != TlsFault::Other,
        Err(LinkError::AlpnRefused { .. } | LinkError::NotHttp2 { .. }) => true,
        Err(_) => false,
    }
}

fn address_of(error: &LinkError) -> Option<std::net::SocketAddr> {
    match error {
        LinkError::Refused { address } | LinkError::Unreachable { address, .. } => Some(*address),
        _ => None,
    }
}

/// What an honest call of `Sync` looks like.
fn sync_shape(protocol: RpcProtocol) -> RequestShape {
    RequestShape::sync(protocol)
}

/// Ends our side of a silent stream, and waits a little for what was held back until then.
async fn after_half_close(link: &mut crate::net::Link) -> AfterHalfClose {
    use crate::net::LinkEvent;
    drop(link.half_close());
    let mut then = AfterHalfClose::Nothing;
    let told = tokio::time::timeout(HELD_BACK_WAIT, async {
        loop {
            match link.next().await {
                LinkEvent::Message { .. } => return AfterHalfClose::HostsWords,
                LinkEvent::Headers(_) => {}
                LinkEvent::Ended(crate::net::End::HttpStatus { status, .. }) => {
                    return AfterHalfClose::Status(status);
                }
                LinkEvent::Ended(crate::net::End::BadFraming { .. }) => {
                    return AfterHalfClose::NotHttp2;
                }
                LinkEvent::Ended(_) => return AfterHalfClose::End,
            }
        }
    });
    if let Ok(told) = told.await {
        then = told;
    }
    then
}
