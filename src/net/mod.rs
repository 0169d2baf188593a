//! The RPC ground: HTTP/2 streams of envelopes, as gRPC or as Connect, dialled and accepted.
//!
//! Every byte of framing is made and read here rather than by an RPC library, because the suite must be able to
//! send what no library would, and to say exactly how a stream ended. [`dial`] and [`listen`] both hand out a
//! [`link::Link`]; [`mod@serve`] is the well-behaved server that the reference peer stands on.
//!
//! It knows nothing of the sync protocol above the envelope, and it never sees a verdict.

pub mod client;
mod dawdle;
pub mod dial;
mod due;
pub mod error;
pub mod framing;
pub mod gzip;
pub mod host;
mod inbound;
pub mod link;
pub mod listen;
pub mod post;
pub mod request;
pub mod serve;
mod sniff;
pub mod status;
mod stray;
pub mod tls;
pub mod unary;

pub use dial::{Connected, Connection, DialOptions, Pings};
pub use error::{LinkError, Step, TlsFault};
pub use framing::RpcProtocol;
pub use link::{End, Headers, Link, LinkEvent, LinkLimits, OutFrame, Start};
pub use listen::{Listener, Route};
pub use request::RequestShape;
pub use serve::{ServeLimits, SyncApp, serve};
pub use stray::{STRAYS_WAITING_MAX, Stray};
pub use tls::{ServerTls, TlsRoots};
pub use unary::UnaryEnd;
