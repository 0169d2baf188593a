//! What was seen of a peer, before anything is made of it. Whoever tries fills this in; tests write it by hand.

use std::{net::SocketAddr, time::Duration};

use crate::{
    crypto::kem::KemId,
    session::{VerifiedPeer, Violation},
    trace::End,
    wire::RpcProtocol,
};

/// What was seen of a host that was dialled.
#[derive(Clone, Debug)]
pub struct HostSeen {
    /// Whether a connection came about that speaks HTTP/2.
    pub connection: Result<Reached, Unreached>,
    /// The call of `Sync` over each protocol that was tried, in that order.
    pub calls: Vec<Call>,
    /// Whether a call answers as RPC at the root of the host; tried only where there is a prefix and nothing is under it.
    pub answers_without_prefix: bool,
    /// Whether gRPC-Web is answered, where it was tried.
    pub grpc_web: Option<bool>,
    /// The state service, where it was tried.
    pub state_service: Option<StateService>,
    /// What a client that was watched in the state service did.
    pub watched: Option<Watched>,
    /// Seconds by which the answers' `date` header is ahead of our clock; none where no answer had one.
    pub clock_ahead_s: Option<i64>,
    /// What the answers' `server` header says.
    pub server: Option<String>,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The address that answered.
    pub address: SocketAddr,
    /// How long TCP's connect took.
    pub connect: Duration,
}

/// No connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// Why.
    pub fault: Fault,
    /// What the system, TLS or the peer said.
    pub seen: String,
    /// The address, once one had answered.
    pub address: Option<SocketAddr>,
}

/// Where and why no connection came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The URL cannot be dialled.
    Url,
    /// The name has no address.
    Name,
    /// Nobody listens on the port.
    Refused,
    /// No way to the address, or nothing came back from it.
    Unreachable,
    /// The certificate is for other names.
    CertificateName,
    /// The certificate has expired, by our clock.
    CertificateExpired,
    /// The certificate is not valid yet, by our clock.
    CertificateNotYetValid,
    /// The certificate is of an authority that is not trusted.
    CertificateAuthority,
    /// TLS was asked for, and other bytes came; whether the port speaks HTTP/2 in cleartext.
    NotTls {
        /// It does.
        speaks_http2: bool,
    },
    /// TLS stands, without HTTP/2 in it.
    NoAlpn,
    /// TLS failed otherwise.
    Tls,
    /// Cleartext was tried on a port that speaks TLS.
    SpeaksTls,
    /// The port answered in something else than HTTP/2; its first bytes are what was seen.
    NotHttp2,
    /// The port closed the connection without a byte.
    ClosedAtOnce,
    /// The port took the connection and said nothing.
    Silent,
}

/// How one call of `Sync` went.
#[derive(Clone, Debug)]
pub struct Call {
    /// What was spoken.
    pub protocol: RpcProtocol,
    /// The response's headers.
    pub answer: Option<Answer>,
    /// Time from our key to the host's part of the exchange.
    pub key_exchange: Option<Duration>,
    /// The reading of the KEM id under which the host's first frame opened.
    pub kem_id: Option<KemId>,
    /// Who the host proved to be.
    pub host: Option<VerifiedPeer>,
    /// A rule that the host broke, so that nothing further can be told.
    pub broke: Option<Violation>,
    /// Whether our handshake was sent.
    pub introduced: bool,
    /// Whether anything came that only an admitted client gets.
    pub admitted: bool,
    /// Time from a request to its answer, in the session.
    pub served: Option<Duration>,
    /// Why it went no further, where that was not our wish.
    pub stop: Option<Stop>,
}

impl Call {
    /// A call of which nothing was seen yet.
    pub fn new(protocol: RpcProtocol) -> Call {
        Call {
            protocol,
            answer: None,
            key_exchange: None,
            kem_id: None,
            host: None,
            broke: None,
            introduced: false,
            admitted: false,
            served: None,
            stop: None,
        }
    }
}

/// The headers of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content type, empty where there was none.
    pub content_type: String,
    /// Where a redirect leads, empty where there was none.
    pub location: String,
    /// Whether the body looks like a form that asks for a password.
    pub has_login_form: bool,
}

/// Why a call went no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// No stream could be opened on the connection.
    NotOpened {
        /// What the HTTP/2 layer said.
        seen: String,
    },
    /// The stream ended.
    Ended(End),
    /// Nothing came.
    Silent {
        /// How long it was waited for.
        waited: Duration,
        /// What came once we had ended our side of the stream.
        then: AfterHalfClose,
    },
}

/// What came of a silent stream once we had ended our side: a proxy that gathers a whole request, or a whole answer,
/// shows itself so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterHalfClose {
    /// Still nothing.
    Nothing,
    /// What the host had to say all along.
    HostsWords,
    /// An HTTP status of somebody who got the request only then.
    Status(u16),
    /// Bytes that are no HTTP/2, so of somebody who passes on what it does not understand.
    NotHttp2,
    /// The end of the stream.
    End,
}

/// How the state service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateService {
    /// Whether we gave a credential.
    pub with_credential: bool,
    /// How.
    pub answer: StateAnswer,
}

/// The state service's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateAnswer {
    /// It let us in and told of that many peers.
    Peers(usize),
    /// It asks for a login.
    AsksForLogin,
    /// There is none.
    Missing,
    /// It ended otherwise.
    Ended(End),
    /// Nothing came in that time.
    Silent(Duration),
}

/// What was seen by watching the state service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// For how long.
    pub during: Duration,
    /// How the watching ended before the time was up.
    pub cut: Option<End>,
    /// How often each client came, by instance id, the most frequent first.
    pub came: Vec<(String, usize)>,
}

/// What was seen while we waited for a client to dial.
#[derive(Clone, Debug, Default)]
pub struct ClientSeen {
    /// Why the address could not be listened on.
    pub not_listening: Option<NotListening>,
    /// How long was waited for a call.
    pub waited: Duration,
    /// What came that was no call of the sync stream where we wait for it, in order.
    pub strays: Vec<Stray>,
    /// The first call.
    pub call: Option<ClientCall>,
}

/// The address cannot be listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotListening {
    /// Whether another process has the port.
    pub taken: bool,
    /// What the system said.
    pub seen: String,
}

/// Something that came in place of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stray {
    /// A call of another path.
    Path(String),
    /// Another HTTP method than POST.
    Method(String),
    /// A content type that is neither gRPC's nor Connect's.
    ContentType(String),
    /// A TLS handshake.
    Tls,
    /// Bytes that are no HTTP/2; the first line.
    NotHttp2(String),
    /// A connection without a call on it.
    NoCall,
}

/// How a client's call went.
#[derive(Clone, Debug)]
pub struct ClientCall {
    /// What it speaks.
    pub protocol: RpcProtocol,
    /// Whether its key came.
    pub keyed: bool,
    /// Time from our part of the key exchange to its handshake.
    pub key_exchange: Option<Duration>,
    /// Who it proved to be.
    pub client: Option<VerifiedPeer>,
    /// Whether it went on once it had seen who we are.
    pub went_on: bool,
    /// Time from a request to its answer, in the session.
    pub served: Option<Duration>,
    /// A rule that it broke.
    pub broke: Option<Violation>,
    /// Whether it dialled again while this call stood.
    pub came_again: bool,
    /// Why it went no further.
    pub stop: Option<Stop>,
}

impl ClientCall {
    /// A call of which nothing was seen yet.
    pub fn new(protocol: RpcProtocol) -> ClientCall {
        ClientCall {
            protocol,
            keyed: false,
            key_exchange: None,
            client: None,
            went_on: false,
            served: None,
            broke: None,
            came_again: false,
            stop: None,
        }
    }
}
