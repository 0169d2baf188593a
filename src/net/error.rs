//! Why there is no link, or no longer one: the network's faults, told apart for whoever has to mend them.

use std::{fmt, io, net::SocketAddr, time::Duration};

/// What was being waited for when a deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The host's addresses.
    Resolve,
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The server's first HTTP/2 frame.
    Settings,
    /// Leave to open one more stream.
    Open,
    /// Flow-control room to send in.
    Write,
    /// A whole unary answer.
    Answer,
    /// The answer to a ping.
    Ping,
}

impl Step {
    /// What did not happen in time, as a report says it.
    pub fn name(self) -> &'static str {
        match self {
            Step::Resolve => "the name to resolve",
            Step::Connect => "the TCP connection",
            Step::Tls => "the TLS handshake",
            Step::Settings => "the server's HTTP/2 settings",
            Step::Open => "a free stream",
            Step::Write => "room to send in",
            Step::Answer => "the answer",
            Step::Ping => "the answer to a ping",
        }
    }
}

/// What a TLS handshake failed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// The certificate is for other names.
    Name,
    /// The certificate has expired, by our clock.
    Expired,
    /// The certificate is not valid yet, by our clock.
    NotYetValid,
    /// No trusted authority stands behind the certificate.
    Authority,
    /// The server refused, by an alert.
    Alert,
    /// Anything else, such as a connection that broke.
    Other,
}

/// The network failed us, or we it. Nothing here says that a peer broke a rule of the sync protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// Not a URL to dial: `http://host[:port][/prefix]`, or `https` for `http`.
    BadUrl {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The TLS handshake failed, the server's certificate among the reasons.
    Tls {
        /// The name that the certificate must be for.
        host: String,
        /// The kind of failure.
        fault: TlsFault,
        /// What was wrong.
        why: String,
    },
    /// The server was asked for TLS and answered in something else.
    NotTls {
        /// The server's name.
        host: String,
    },
    /// The TLS server does not offer HTTP/2.
    AlpnRefused {
        /// What it chose by ALPN in place of `h2`.
        seen: String,
    },
    /// The request cannot be put into HTTP/2, such as a header name with a space.
    BadRequest {
        /// What is wrong with it.
        why: String,
    },
    /// The name has no address.
    DnsFailed {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// Nobody listens there.
    Refused {
        /// The last address tried.
        address: SocketAddr,
    },
    /// No way to that address.
    Unreachable {
        /// The last address tried.
        address: SocketAddr,
        /// What the system said.
        why: String,
    },
    /// Something took too long.
    Timeout {
        /// What.
        step: Step,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection was accepted and closed without a byte.
    ClosedAtOnce {
        /// Who did so.
        address: SocketAddr,
    },
    /// The server answered, but not in HTTP/2.
    NotHttp2 {
        /// Its first bytes, such as `HTTP/1.1 400 Bad Request`.
        seen: String,
    },
    /// The connection broke after it had been up.
    ConnectionLost {
        /// What the system or the HTTP/2 layer said.
        why: String,
    },
    /// The stream is over; [`Link::next`](super::Link::next) says how.
    StreamOver,
    /// This side's end of the link cannot do that, such as a status sent by the caller.
    WrongSide {
        /// What was asked for.
        what: &'static str,
    },
    /// A message that no envelope holds.
    TooLong {
        /// Its length, in bytes.
        seen: usize,
    },
    /// The address cannot be listened on.
    ListenFailed {
        /// The address, as it was given.
        address: String,
        /// Whether another listener has it.
        taken: bool,
        /// What the system said.
        why: String,
    },
    /// The path prefix already has a listener.
    RouteTaken {
        /// The prefix.
        prefix: String,
    },
}

impl LinkError {
    /// What a failed TCP connect means.
    pub(crate) fn from_connect(address: SocketAddr, error: &io::Error) -> LinkError {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => LinkError::Refused { address },
            _ => LinkError::Unreachable {
                address,
                why: error.to_string(),
            },
        }
    }

    /// What an HTTP/2 error means to whoever was sending.
    pub(crate) fn from_h2(error: &h2::Error) -> LinkError {
        match error.is_io() || error.is_go_away() {
            true => LinkError::ConnectionLost {
                why: error.to_string(),
            },
            false => LinkError::StreamOver,
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::BadUrl { url, why } => write!(f, "read the URL `{url}`: {why}"),
            LinkError::Tls { host, why, .. } => write!(f, "agree with `{host}` on TLS: {why}"),
            LinkError::NotTls { host } => write!(
                f,
                "agree with `{host}` on TLS: expected a TLS handshake, saw other bytes"
            ),
            LinkError::AlpnRefused { seen } => {
                write!(f, "agree on HTTP/2: expected h2 by ALPN, saw {seen}")
            }
            LinkError::BadRequest { why } => write!(f, "write the request: {why}"),
            LinkError::DnsFailed { host, why } => write!(f, "resolve `{host}`: {why}"),
            LinkError::Refused { address } => {
                write!(f, "connect to {address}: refused, nobody listens there")
            }
            LinkError::Unreachable { address, why } => write!(f, "connect to {address}: {why}"),
            LinkError::Timeout { step, after } => write!(
                f,
                "wait for {}: nothing within {} ms",
                step.name(),
                after.as_millis()
            ),
            LinkError::ClosedAtOnce { address } => write!(
                f,
                "speak HTTP/2 to {address}: it closed the connection at once"
            ),
            LinkError::NotHttp2 { seen } => {
                write!(f, "speak HTTP/2: expected a settings frame, seen `{seen}`")
            }
            LinkError::ConnectionLost { why } => write!(f, "keep the connection: {why}"),
            LinkError::StreamOver => write!(f, "send: the stream is over"),
            LinkError::WrongSide { what } => write!(f, "{what} from this side of the stream"),
            LinkError::TooLong { seen } => write!(
                f,
                "send: expected a message of less than 4 GiB, seen {seen} bytes"
            ),
            LinkError::ListenFailed { address, why, .. } => write!(f, "listen on {address}: {why}"),
            LinkError::RouteTaken { prefix } => {
                write!(f, "listen under `{prefix}`: the prefix is taken")
            }
        }
    }
}

impl std::error::Error for LinkError {}
